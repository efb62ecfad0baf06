//! Receivers that answer from a script and remember what came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::HeaderMap;
use kintrace::telemetry::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

/// What to say to a request.
pub(crate) enum Reply {
    Ok,
    Partial(i64),
    Status(Status),
    Silence,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) signal: Signal,
    pub(crate) names: Vec<String>,
    pub(crate) headers: HeaderMap,
}

type Script = Box<dyn FnMut(&[String]) -> Reply + Send>;

/// A gRPC collector.
#[derive(Clone)]
pub(crate) struct Collector {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    pub(crate) fn new(script: impl FnMut(&[String]) -> Reply + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(script))),
            seen: Arc::default(),
        }
    }

    /// Serves on a port of its own, with tonic's default limit of 4 MiB.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.serve_on(listener, 4 << 20, None);
        address
    }

    pub(crate) fn serve_on(
        &self,
        listener: TcpListener,
        limit: usize,
        tls: Option<ServerTlsConfig>,
    ) {
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).unwrap();
        }
        let logs = LogsServiceServer::new(self.clone())
            .max_decoding_message_size(limit)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        let traces = TraceServiceServer::new(self.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        let serving = server
            .add_service(logs)
            .add_service(traces)
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(serving);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Remembers a request; returns how many of its records are refused, and why.
    async fn answer(
        &self,
        signal: Signal,
        names: Vec<String>,
        headers: HeaderMap,
    ) -> Result<(i64, String), Status> {
        let reply = (self.script.lock().unwrap())(&names);
        self.seen.lock().unwrap().push(Seen {
            signal,
            names,
            headers,
        });
        match reply {
            Reply::Ok => Ok((0, String::new())),
            Reply::Partial(rejected) => Ok((rejected, "too old".into())),
            Reply::Status(status) => Err(status),
            Reply::Silence => std::future::pending().await,
        }
    }
}

pub(crate) fn log_names(request: ExportLogsServiceRequest) -> Vec<String> {
    request
        .resource_logs
        .into_iter()
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records)
        .map(|record| record.event_name)
        .collect()
}

pub(crate) fn span_names(request: ExportTraceServiceRequest) -> Vec<String> {
    request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| span.name)
        .collect()
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let names = log_names(request);
        let (rejected_log_records, error_message) = self
            .answer(Signal::Logs, names, metadata.into_headers())
            .await?;
        let partial = ExportLogsPartialSuccess {
            rejected_log_records,
            error_message,
        };
        Ok(Response::new(ExportLogsServiceResponse {
            partial_success: Some(partial),
        }))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let names = span_names(request);
        let (rejected_spans, error_message) = self
            .answer(Signal::Traces, names, metadata.into_headers())
            .await?;
        let partial = ExportTracePartialSuccess {
            rejected_spans,
            error_message,
        };
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success: Some(partial),
        }))
    }
}
