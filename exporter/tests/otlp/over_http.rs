//! OTLP over HTTP.

use std::convert::Infallible;
use std::io::Read;
use std::sync::Mutex;
use std::time::Instant as StdInstant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::receiver::{log_names, span_names};
use super::*;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) names: Vec<String>,
}

type Script = Box<dyn FnMut(&[String]) -> Response<Full<Bytes>> + Send>;

/// An HTTP collector.
#[derive(Clone)]
pub(crate) struct Collector {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    pub(crate) fn new(
        script: impl FnMut(&[String]) -> Response<Full<Bytes>> + Send + 'static,
    ) -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(script))),
            seen: Arc::default(),
        }
    }

    /// Says these things first, then yes.
    pub(crate) fn first(answers: Vec<Response<Full<Bytes>>>) -> Self {
        let mut answers = answers.into_iter();
        Self::new(move |_| answers.next().unwrap_or_default())
    }

    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let collector = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(collector.clone().serve_one(stream));
            }
        });
        address
    }

    pub(crate) async fn serve_one(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) {
        let service = hyper::service::service_fn(|request| self.answer(request));
        // A client that goes away is what some tests are about.
        let _gone = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = match head
            .headers
            .get("content-encoding")
            .map(|name| name.to_str().unwrap())
        {
            Some("gzip") => {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&*body)
                    .read_to_end(&mut plain)
                    .unwrap();
                plain.into()
            }
            Some("zstd") => zstd::decode_all(&*body).unwrap().into(),
            _ => body,
        };
        let path = head.uri.path().to_owned();
        let names = if path.contains("trace") {
            span_names(ExportTraceServiceRequest::decode(body).unwrap())
        } else {
            log_names(ExportLogsServiceRequest::decode(body).unwrap())
        };
        let answer = (self.script.lock().unwrap())(&names);
        self.seen.lock().unwrap().push(Seen {
            path,
            headers: head.headers,
            names,
        });
        Ok(answer)
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn body(bytes: &'static [u8]) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(bytes)))
}

#[tokio::test]
async fn both_signals_arrive_with_headers_and_any_compression() {
    for (compression, encoding) in [
        (Compression::None, None),
        (Compression::Gzip, Some("gzip")),
        (Compression::Zstd, Some("zstd")),
    ] {
        let collector = Collector::first(vec![]);
        let address = collector.serve().await;
        let mut config = config(Protocol::HttpProtobuf, address);
        config.compression = compression;
        config.headers = vec![("x-tenant".into(), "blue".into())];
        config.endpoint.base = format!("http://{address}/otlp/");
        config.endpoint.traces = Some(format!("http://{address}/my/traces"));
        let (exporter, telemetry) = start(&config);
        exporter.outbox().try_send(logs(&names(100)));
        exporter.outbox().try_send(spans(&names(3)));
        exporter.shutdown(Instant::now() + PATIENCE).await;
        assert_eq!(sums(&telemetry.logs), (100, 0, 0));
        assert_eq!(sums(&telemetry.traces), (3, 0, 0));

        let mut seen = collector.seen();
        seen.sort_by_key(|request| request.names.len());
        assert_eq!(
            (seen[0].path.as_str(), &seen[0].names),
            ("/my/traces", &names(3))
        );
        assert_eq!(
            (seen[1].path.as_str(), &seen[1].names),
            ("/otlp/v1/logs", &names(100))
        );
        for request in &seen {
            let header = |name| {
                request
                    .headers
                    .get(name)
                    .map(|value| value.to_str().unwrap())
            };
            assert_eq!(header("content-type"), Some("application/x-protobuf"));
            assert_eq!(header("x-tenant"), Some("blue"));
            assert_eq!(header("content-encoding"), encoding);
            assert_eq!(header("accept-encoding"), None);
            assert!(
                header("user-agent")
                    .unwrap()
                    .starts_with("OTel-OTLP-Exporter-kintrace/")
            );
        }
    }
}

#[tokio::test]
async fn what_passes_is_retried() {
    let collector = Collector::first(vec![
        status(StatusCode::SERVICE_UNAVAILABLE),
        status(StatusCode::BAD_GATEWAY),
        status(StatusCode::UNAUTHORIZED),
        body(b"<html>not a collector</html>"),
    ]);
    let config = config(Protocol::HttpProtobuf, collector.serve().await);
    let telemetry = deliver(&config, &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    assert_eq!(
        (telemetry.logs.retries.get(), collector.seen().len()),
        (4, 5)
    );
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let mut busy = status(StatusCode::TOO_MANY_REQUESTS);
    busy.headers_mut()
        .insert("retry-after", "1".parse().unwrap());
    let collector = Collector::first(vec![busy]);
    let config = config(Protocol::HttpProtobuf, collector.serve().await);
    let started = StdInstant::now();
    let telemetry = deliver(&config, &names(10)).await;
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        (sums(&telemetry.logs), collector.seen().len()),
        ((10, 0, 0), 2)
    );
}

#[tokio::test]
async fn a_refused_record_is_found_and_the_others_arrive() {
    for refusal in [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE] {
        let collector = Collector::new(move |names| {
            let is_bad = names.iter().any(|name| name == "record 77");
            if is_bad {
                status(refusal)
            } else {
                Response::default()
            }
        });
        let config = config(Protocol::HttpProtobuf, collector.serve().await);
        let telemetry = deliver(&config, &names(200)).await;
        assert_eq!(sums(&telemetry.logs), (199, 1, 0));
        assert!(collector.seen().len() <= 20);
    }
}

#[tokio::test]
async fn a_partial_success_is_counted_and_not_repeated() {
    // partial_success { rejected: 4, message: "no" }
    let collector = Collector::first(vec![body(b"\x0a\x06\x08\x04\x12\x02no")]);
    let config = config(Protocol::HttpProtobuf, collector.serve().await);
    let telemetry = deliver(&config, &names(10)).await;
    assert_eq!(
        (sums(&telemetry.logs), collector.seen().len()),
        ((6, 4, 0), 1)
    );
}

#[tokio::test]
async fn a_permanent_error_drops_the_batch() {
    let collector = Collector::first(vec![status(StatusCode::INTERNAL_SERVER_ERROR)]);
    let config = config(Protocol::HttpProtobuf, collector.serve().await);
    let telemetry = deliver(&config, &names(10)).await;
    assert_eq!(telemetry.logs.dropped(DropReason::PermanentError).get(), 10);
}

/// Answers each connection with the next of these bytes and closes it; nothing: it says nothing.
async fn raw(answers: Vec<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            if answer.is_empty() {
                silent.push(stream);
            } else {
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    address
}

const YES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_broken_or_missing_answer_is_retried() {
    let answer = long_answer();
    let mut long = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    )
    .into_bytes();
    long.extend(answer);
    let address = raw(vec![
        // Closed before the body is complete.
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n\x0a",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        // Nothing: the timeout.
        b"",
        long.leak(),
        YES,
    ])
    .await;
    let mut config = config(Protocol::HttpProtobuf, address);
    config.timeout = Duration::from_millis(500);
    let telemetry = deliver(&config, &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    assert_eq!(telemetry.logs.retries.get(), 4);
}

#[tokio::test]
async fn a_receiver_may_come_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (exporter, telemetry) = start(&config(Protocol::HttpProtobuf, address));
    exporter.outbox().try_send(logs(&names(10)));
    until(|| telemetry.logs.retries.get() > 2).await;

    let collector = Collector::first(vec![]);
    let listener = TcpListener::bind(address).await.unwrap();
    let shutdown = exporter.shutdown(Instant::now() + PATIENCE);
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(collector.clone().serve_one(stream));
    };
    tokio::join!(shutdown, serving);
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
}

#[tokio::test]
async fn shutdown_ends_in_time_when_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(Protocol::HttpProtobuf, listener.local_addr().unwrap());
    let (exporter, telemetry) = start(&config);
    for _ in 0..5 {
        exporter.outbox().try_send(logs(&names(10)));
    }
    let started = StdInstant::now();
    exporter
        .shutdown(Instant::now() + Duration::from_millis(100))
        .await;
    assert!(started.elapsed() < PATIENCE / 2);
    assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 50);
    assert_eq!(telemetry.logs.in_flight(), 0);
}
