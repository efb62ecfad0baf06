//! One request, one answer: what gRPC and HTTP have in common.

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;

use super::grpc::Grpc;
use super::http::Http;
use super::outcome::{Accepted, ExportError};
use super::settings::{ExportConfig, Protocol};
use crate::telemetry::Signal;

/// How this exporter calls itself (OTLP exporter specification, "User Agent").
pub(crate) const USER_AGENT: &str =
    concat!("OTel-OTLP-Exporter-kintrace/", env!("CARGO_PKG_VERSION"));

/// Most bytes of an answer. A partial success is a number and a sentence.
pub(crate) const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// Delivers one request. A seam for tests: the program has [`Client`] only.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and reads the answer, within the configured timeout.
    ///
    /// Cancelling it is safe for the caller's records, but the receiver may have taken the request.
    fn send(
        &self,
        signal: Signal,
        request: Bytes,
    ) -> impl Future<Output = Result<Accepted, ExportError>> + Send;
}

/// The configured transport.
#[derive(Debug)]
pub enum Client {
    /// gRPC over HTTP/2.
    Grpc(Grpc),
    /// Protobuf in HTTP/1.1 requests.
    Http(Http),
}

/// Why a transport could not be set up: the configuration says something impossible.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not a URL with a scheme, `http` or `https`, and a host.
    #[error("endpoint {0:?} is not a URL such as http://127.0.0.1:4317")]
    Endpoint(String),
    /// Not a name and value that HTTP allows. The value may be a secret: it is not said.
    #[error("header {0:?} has a name or a value that HTTP does not allow")]
    Header(String),
    /// Certificates or keys that cannot be used, or no trusted roots on this system.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

// === impl Client ===

impl Client {
    /// Sets up the transport; connects with the first request. Needs a tokio runtime around it.
    ///
    /// # Errors
    ///
    /// [`SetupError`], which asking again cannot change.
    pub fn new(config: &ExportConfig) -> Result<Self, SetupError> {
        Ok(match config.protocol {
            Protocol::Grpc => Self::Grpc(Grpc::new(config)?),
            Protocol::HttpProtobuf => Self::Http(Http::new(config)?),
        })
    }
}

impl Transport for Client {
    async fn send(&self, signal: Signal, request: Bytes) -> Result<Accepted, ExportError> {
        match self {
            Self::Grpc(grpc) => grpc.send(signal, request).await,
            Self::Http(http) => http.send(signal, request).await,
        }
    }
}

/// The configured headers.
pub(crate) fn headers(config: &ExportConfig) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let pair = (name.parse::<HeaderName>(), value.parse::<HeaderValue>());
        let (Ok(key), Ok(mut value)) = pair else {
            return Err(SetupError::Header(name.clone()));
        };
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}

/// The URL, if it is one that can be sent to.
pub(crate) fn url(text: &str) -> Result<Uri, SetupError> {
    match text.parse::<Uri>() {
        Ok(url) if url.host().is_some() && matches!(url.scheme_str(), Some("http" | "https")) => {
            Ok(url)
        }
        Ok(_) | Err(_) => Err(SetupError::Endpoint(text.to_owned())),
    }
}

/// Reads an answer in protobuf. Those of logs and traces differ in names only:
/// `{ 1: partial_success { 1: rejected_*, 2: error_message } }`.
pub(crate) fn parse(answer: impl Buf) -> Result<Accepted, prost::DecodeError> {
    let answer = ExportLogsServiceResponse::decode(answer)?;
    let partial = answer.partial_success.unwrap_or_default();
    Ok(Accepted::new(
        partial.rejected_log_records,
        &partial.error_message,
    ))
}
