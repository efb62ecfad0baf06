//! OTLP over gRPC. The request is sent as the bytes it is; only the answer is decoded.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Limited};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Error};
use tower_service::Service;

use super::outcome::{Accepted, ExportError};
use super::settings::{Compression, ExportConfig};
use super::tls;
use super::transport::{self, MAX_RESPONSE_BYTES, SetupError, USER_AGENT, headers, parse};
use crate::telemetry::Signal;

/// gRPC clients, one connection per distinct endpoint. Connects, and connects again, by itself.
#[derive(Debug)]
pub struct Grpc {
    logs: tonic::client::Grpc<Guarded>,
    traces: tonic::client::Grpc<Guarded>,
    metadata: MetadataMap,
    timeout: Duration,
}

// === impl Grpc ===

impl Grpc {
    pub(crate) fn new(config: &ExportConfig) -> Result<Self, SetupError> {
        let endpoint = &config.endpoint;
        let logs_url = endpoint.logs.as_ref().unwrap_or(&endpoint.base);
        let traces_url = endpoint.traces.as_ref().unwrap_or(&endpoint.base);
        let logs = client(logs_url, config)?;
        let traces = if logs_url == traces_url {
            logs.clone()
        } else {
            client(traces_url, config)?
        };
        let metadata = MetadataMap::from_headers(headers(config)?);
        Ok(Self {
            logs,
            traces,
            metadata,
            timeout: config.timeout,
        })
    }

    pub(crate) async fn send(
        &self,
        signal: Signal,
        request: Bytes,
    ) -> Result<Accepted, ExportError> {
        let (client, path) = match signal {
            Signal::Logs => (
                &self.logs,
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            ),
            Signal::Traces => (
                &self.traces,
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            ),
        };
        let mut request = tonic::Request::new(request);
        *request.metadata_mut() = self.metadata.clone();
        // A client is cheap to clone: its channel is a handle.
        let mut client = client.clone();
        let call = async move {
            client
                .ready()
                .await
                .map_err(|error| ExportError::network(&error))?;
            let answer = client
                .unary(request, PathAndQuery::from_static(path), Raw)
                .await;
            answer.map_err(|status| ExportError::from_status(&status))
        };
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(answer)) => answer
                .into_inner()
                .map_err(|error| ExportError::not_otlp(&error.to_string())),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Err(ExportError::timeout(self.timeout)),
        }
    }
}

fn client(url: &str, config: &ExportConfig) -> Result<tonic::client::Grpc<Guarded>, SetupError> {
    let mut endpoint = Channel::builder(transport::url(url)?)
        .user_agent(USER_AGENT)
        .map_err(|_invalid| SetupError::Endpoint(url.to_owned()))?
        .connect_timeout(config.timeout)
        // A peer that vanished without a word would hold every request until the kernel gives up, a
        // quarter of an hour later. The ping is sent only while an answer is overdue.
        .http2_keep_alive_interval(config.timeout / 2)
        .keep_alive_timeout(config.timeout / 3);
    if endpoint.uri().scheme_str() == Some("https") {
        endpoint = endpoint
            .tls_config(tls::for_grpc(&config.tls))
            .map_err(|error| SetupError::Tls(error.into()))?;
    }
    // Receivers may answer in the encoding of the request; tonic takes an answer it was not told to expect
    // for an error, after the receiver has stored what was sent.
    let client = tonic::client::Grpc::new(Guarded(endpoint.connect_lazy()))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    Ok(match config.compression {
        Compression::None => client,
        Compression::Gzip => client.send_compressed(CompressionEncoding::Gzip),
        Compression::Zstd => client.send_compressed(CompressionEncoding::Zstd),
    })
}

/// Sends bytes as they are and reads an OTLP answer.
///
/// What cannot be decoded is a value and not a status, so that it is never taken for the receiver's.
#[derive(Clone, Copy, Debug)]
struct Raw;

// === impl Raw ===

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Result<Accepted, prost::DecodeError>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.len());
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Result<Accepted, prost::DecodeError>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let answer = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(parse(answer)))
    }
}

/// A channel whose answers are bounded and cannot make tonic panic.
#[derive(Clone, Debug)]
struct Guarded(Channel);

// === impl Guarded ===

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            remove_bad_details(answer.headers_mut());
            Ok(answer.map(|body| {
                let bounded = Limited::new(body, MAX_RESPONSE_BYTES);
                Body::new(bounded.map_frame(|mut frame| {
                    if let Some(trailers) = frame.trailers_mut() {
                        remove_bad_details(trailers);
                    }
                    frame
                }))
            }))
        })
    }
}

/// tonic 0.14 panics on status details that are not base64 (`Status::from_header_map`). A receiver
/// must not be able to stop the agent.
fn remove_bad_details(headers: &mut HeaderMap) {
    const NAME: &str = "grpc-status-details-bin";
    // tonic's own engine: padding may be missing.
    const BASE64: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    if headers
        .get(NAME)
        .is_some_and(|value| BASE64.decode(value.as_bytes()).is_err())
    {
        headers.remove(NAME);
    }
}
