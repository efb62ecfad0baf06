//! OTLP over HTTP/1.1, protobuf bodies.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::Message;
use serde::Deserialize;

use super::outcome::{Accepted, ExportError};
use super::settings::{Compression, ExportConfig};
use super::tls;
use super::transport::{self, MAX_RESPONSE_BYTES, SetupError, USER_AGENT, headers, parse};
use crate::telemetry::Signal;

type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Speed before size: the agent shares the CPU with what it watches.
const ZSTD_LEVEL: i32 = 1;

/// An HTTP client with a pool of connections.
#[derive(Debug)]
pub struct Http {
    client: Client,
    logs: Uri,
    traces: Uri,
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
}

// === impl Http ===

impl Http {
    pub(crate) fn new(config: &ExportConfig) -> Result<Self, SetupError> {
        let endpoint = &config.endpoint;
        let logs = signal_url(endpoint.logs.as_deref(), &endpoint.base, "/v1/logs")?;
        let traces = signal_url(endpoint.traces.as_deref(), &endpoint.base, "/v1/traces")?;
        let is_https = [&logs, &traces]
            .iter()
            .any(|url| url.scheme_str() == Some("https"));
        let tls = if is_https {
            tls::for_http(&config.tls)?
        } else {
            tls::trusting_nobody()?
        };
        let mut connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http();
        if let Some(name) = &config.tls.server_name {
            connector = connector.with_server_name_resolver(tls::server_name(name)?);
        }
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(config.concurrency)
            .build(connector.enable_http1().build());
        Ok(Self {
            client,
            logs,
            traces,
            headers: all_headers(config)?,
            compression: config.compression,
            timeout: config.timeout,
        })
    }

    pub(crate) async fn send(
        &self,
        signal: Signal,
        request: Bytes,
    ) -> Result<Accepted, ExportError> {
        let url = match signal {
            Signal::Logs => &self.logs,
            Signal::Traces => &self.traces,
        };
        let body = compress(request, self.compression).map_err(|error| {
            ExportError::new(
                super::outcome::Verdict::Permanent,
                &format!("compression: {error}"),
            )
        })?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = self.headers.clone();
        let call = async {
            let answer = self.client.request(request).await;
            read(answer.map_err(|error| ExportError::network(&error))?).await
        };
        match tokio::time::timeout(self.timeout, call).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(ExportError::timeout(self.timeout)),
        }
    }
}

/// A signal's own endpoint is used as it is; to the common one the signal's path is appended (OTLP
/// exporter specification, "Endpoint URLs for OTLP/HTTP").
fn signal_url(own: Option<&str>, base: &str, path: &str) -> Result<Uri, SetupError> {
    let text = match own {
        Some(own) => own.to_owned(),
        None => format!("{}{path}", base.trim_end_matches('/')),
    };
    transport::url(&text)
}

fn all_headers(config: &ExportConfig) -> Result<HeaderMap, SetupError> {
    let mut all = HeaderMap::new();
    all.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    // The configured ones replace the name of the agent, but not what describes the body.
    all.extend(headers(config)?);
    all.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-protobuf"),
    );
    let encoding = match config.compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Zstd => Some("zstd"),
    };
    match encoding {
        Some(name) => all.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name)),
        None => all.remove(header::CONTENT_ENCODING),
    };
    Ok(all)
}

fn compress(request: Bytes, compression: Compression) -> std::io::Result<Bytes> {
    Ok(match compression {
        Compression::None => request,
        Compression::Gzip => {
            let level = flate2::Compression::fast();
            let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
            out.write_all(&request)?;
            out.finish()?.into()
        }
        Compression::Zstd => zstd::bulk::compress(&request, ZSTD_LEVEL)?.into(),
    })
}

async fn read(answer: Response<Incoming>) -> Result<Accepted, ExportError> {
    let (head, body) = answer.into_parts();
    let kind = head.headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
    if !head.status.is_success() {
        // The status decides; what the body says is for people, and it may be missing.
        let text = body
            .map(|body| error_text(&kind, &body.to_bytes()))
            .unwrap_or_default();
        return Err(ExportError::from_http(head.status, &head.headers, &text));
    }
    match body {
        Ok(body) => success(&kind, &body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ExportError::not_otlp("it is too long"))
        }
        Err(error) => Err(ExportError::network(error.as_ref())),
    }
}

/// An empty body, whatever its type, is an answer without partial success. Some receivers answer JSON
/// to protobuf.
fn success(kind: &str, body: &[u8]) -> Result<Accepted, ExportError> {
    if kind.starts_with("application/json") && !body.is_empty() {
        let answer: Json = serde_json::from_slice(body)
            .map_err(|error| ExportError::not_otlp(&error.to_string()))?;
        let partial = answer.partial_success.unwrap_or_default();
        return Ok(Accepted::new(partial.rejected(), &partial.error_message));
    }
    parse(body).map_err(|error| ExportError::not_otlp(&error.to_string()))
}

/// A `google.rpc.Status` where the receiver follows the specification, or its words.
fn error_text(kind: &str, body: &[u8]) -> String {
    if kind.starts_with("text/") || kind.starts_with("application/json") {
        return String::from_utf8_lossy(body).into_owned();
    }
    tonic_types::pb::Status::decode(body)
        .map(|status| status.message)
        .unwrap_or_default()
}

/// The answer in OTLP/JSON, of either signal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    partial_success: Option<JsonPartial>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonPartial {
    rejected_log_records: JsonInt,
    rejected_spans: JsonInt,
    error_message: String,
}

/// JSON has 64-bit integers as strings, and people write numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum JsonInt {
    Number(i64),
    Text(String),
}

// === impl JsonPartial ===

impl JsonPartial {
    fn rejected(&self) -> i64 {
        self.rejected_log_records
            .value()
            .max(self.rejected_spans.value())
    }
}

// === impl JsonInt ===

impl JsonInt {
    fn value(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}

impl Default for JsonInt {
    fn default() -> Self {
        Self::Number(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_path_is_appended_to_the_common_endpoint_only() {
        let base = "http://collector:4318/prefix/";
        let logs = signal_url(None, base, "/v1/logs").unwrap();
        assert_eq!(logs.to_string(), "http://collector:4318/prefix/v1/logs");
        let own = signal_url(Some("https://other/in"), base, "/v1/logs").unwrap();
        assert_eq!(own.to_string(), "https://other/in");
        for bad in ["collector:4318", "/v1", "http://", "ftp://collector"] {
            assert!(signal_url(None, bad, "/v1/logs").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_partial_success_is_read_from_json_too() {
        let body = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#;
        let accepted = success("application/json; charset=utf-8", body).unwrap();
        assert_eq!(
            accepted,
            Accepted {
                rejected: 3,
                message: "no".into()
            }
        );
        assert_eq!(
            success("application/json", b"{}").unwrap(),
            Accepted::default()
        );
        assert_eq!(success("text/html", b"").unwrap(), Accepted::default());
        assert!(success("text/html", b"<html>").is_err());
    }
}
