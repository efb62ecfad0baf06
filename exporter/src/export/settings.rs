//! What the way out needs to know. Plain values: `config` has read, checked and completed them.

use std::time::Duration;

pub use crate::config::{Compression, Protocol};

/// Where and how records are delivered.
#[derive(Clone, Debug)]
pub struct ExportConfig {
    /// Where to send.
    pub endpoint: Endpoint,
    /// How to speak.
    pub protocol: Protocol,
    /// How a request is made smaller.
    pub compression: Compression,
    /// Sent with every request: names in lower case, such as `authorization`.
    pub headers: Vec<(String, String)>,
    /// Longest one attempt may take, connecting included.
    pub timeout: Duration,
    /// When and for how long to try again.
    pub retry: RetryConfig,
    /// For `https` endpoints.
    pub tls: TlsConfig,
    /// Requests in flight at a time, at least 1. Order between them is not kept.
    pub concurrency: usize,
    /// Most encoded bytes that wait or are being sent. What does not fit is dropped and counted.
    pub queue_bytes: usize,
}

/// Where to send. Always with a scheme, `http` or `https`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Both signals, as `OTEL_EXPORTER_OTLP_ENDPOINT`. HTTP appends `/v1/logs` or `/v1/traces`.
    pub base: String,
    /// Log records only, as `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`: HTTP takes it as it is.
    pub logs: Option<String>,
    /// Spans only, as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: HTTP takes it as it is.
    pub traces: Option<String>,
}

/// When and for how long to try again.
#[derive(Clone, Copy, Debug)]
pub struct RetryConfig {
    /// Before the first repetition; doubled each time.
    pub initial: Duration,
    /// Longest between two attempts, unless the receiver asks for more.
    pub max: Duration,
    /// After this the records are dropped as `retry_exhausted`; `None`: never.
    pub max_elapsed: Option<Duration>,
}

/// Contents of PEM files; `config` reads them, so that a wrong path is found at start.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// Whom to trust instead of the system's roots.
    pub ca: Option<Vec<u8>>,
    /// Who we are, where the receiver asks.
    pub identity: Option<Identity>,
    /// The name in the receiver's certificate, if it is not that of the endpoint.
    pub server_name: Option<String>,
}

/// A client certificate.
#[derive(Clone)]
pub struct Identity {
    /// The chain, own certificate first, PEM.
    pub certificates: Vec<u8>,
    /// The private key, PEM.
    pub key: Vec<u8>,
}

// === impl ExportConfig ===

impl Default for ExportConfig {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::default(),
            protocol: Protocol::Grpc,
            compression: Compression::Gzip,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            retry: RetryConfig::default(),
            tls: TlsConfig::default(),
            concurrency: 2,
            queue_bytes: 64 << 20,
        }
    }
}

// === impl Endpoint ===

impl Default for Endpoint {
    /// The port of OTLP over gRPC on this host.
    fn default() -> Self {
        Self {
            base: "http://127.0.0.1:4317".into(),
            logs: None,
            traces: None,
        }
    }
}

// === impl RetryConfig ===

impl Default for RetryConfig {
    /// The Collector's own limits, from an initial second: an event should not wait for five.
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(30),
            max_elapsed: Some(Duration::from_secs(300)),
        }
    }
}

// === impl Identity ===

impl std::fmt::Debug for Identity {
    /// A key must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
