//! OTLP over gRPC.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant as StdInstant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower_service::Service;

use super::receiver::{Collector, Reply};
use super::*;

/// Says these things first, then yes.
fn first(replies: Vec<Reply>) -> Collector {
    let mut replies = replies.into_iter();
    Collector::new(move |_| replies.next().unwrap_or(Reply::Ok))
}

fn failed(code: Code) -> Reply {
    Reply::Status(Status::new(code, "not now"))
}

#[tokio::test]
async fn both_signals_arrive_with_headers_and_any_compression() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let collector = first(vec![]);
        let mut config = config(Protocol::Grpc, collector.serve().await);
        config.compression = compression;
        config.headers = vec![("authorization".into(), "Bearer secret".into())];
        let (exporter, telemetry) = start(&config);
        exporter.outbox().try_send(logs(&names(100)));
        exporter.outbox().try_send(spans(&names(3)));
        exporter.shutdown(Instant::now() + PATIENCE).await;
        assert_eq!(sums(&telemetry.logs), (100, 0, 0));
        assert_eq!(sums(&telemetry.traces), (3, 0, 0));

        let mut seen = collector.seen();
        seen.sort_by_key(|request| request.names.len());
        assert_eq!(
            (seen[0].signal, &seen[0].names),
            (Signal::Traces, &names(3))
        );
        assert_eq!(
            (seen[1].signal, &seen[1].names),
            (Signal::Logs, &names(100))
        );
        let encoding = match compression {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
        };
        for request in &seen {
            assert_eq!(request.headers["authorization"], "Bearer secret");
            let agent = request.headers["user-agent"].to_str().unwrap();
            assert!(agent.starts_with("OTel-OTLP-Exporter-kintrace/"), "{agent}");
            let sent = request
                .headers
                .get("grpc-encoding")
                .map(|name| name.to_str().unwrap());
            assert_eq!(sent, encoding);
        }
    }
}

#[tokio::test]
async fn what_passes_is_retried() {
    let collector = first(vec![
        failed(Code::Unavailable),
        failed(Code::DeadlineExceeded),
        failed(Code::Unauthenticated),
    ]);
    let telemetry = deliver(&config(Protocol::Grpc, collector.serve().await), &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    assert_eq!(
        (telemetry.logs.retries.get(), collector.seen().len()),
        (3, 4)
    );
}

#[tokio::test]
async fn retry_info_is_honoured() {
    let pause = Duration::from_millis(120);
    for code in [Code::Unavailable, Code::ResourceExhausted] {
        let details = ErrorDetails::with_retry_info(Some(pause));
        let status = Status::with_error_details(code, "slow down", details);
        let collector = first(vec![Reply::Status(status)]);
        let config = config(Protocol::Grpc, collector.serve().await);
        let started = StdInstant::now();
        let telemetry = deliver(&config, &names(10)).await;
        assert!(started.elapsed() >= pause);
        assert_eq!(sums(&telemetry.logs), (10, 0, 0));
        assert_eq!(collector.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_refused_record_is_found_and_the_others_arrive() {
    for code in [Code::InvalidArgument, Code::ResourceExhausted] {
        let collector = Collector::new(move |names| {
            if names.iter().any(|name| name == "record 77") {
                failed(code)
            } else {
                Reply::Ok
            }
        });
        let address = collector.serve().await;
        let telemetry = deliver(&config(Protocol::Grpc, address), &names(200)).await;
        assert_eq!(sums(&telemetry.logs), (199, 1, 0));
        assert!(collector.seen().len() <= 20);
    }
}

/// tonic's own answer to a message over its limit: OUT_OF_RANGE, which is retryable by the letter.
#[tokio::test]
async fn a_record_over_the_receivers_limit_is_found_and_the_others_arrive() {
    let collector = first(vec![]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    collector.serve_on(listener, 2000, None);
    let mut names = names(100);
    names[60] = "x".repeat(5000);
    let telemetry = deliver(&config(Protocol::Grpc, address), &names).await;
    assert_eq!(sums(&telemetry.logs), (99, 1, 0));
    let mut arrived: Vec<_> = collector
        .seen()
        .into_iter()
        .flat_map(|seen| seen.names)
        .collect();
    arrived.insert(60, names[60].clone());
    assert_eq!(arrived, names);
}

#[tokio::test]
async fn a_partial_success_is_counted_and_not_repeated() {
    let collector = first(vec![Reply::Partial(4)]);
    let telemetry = deliver(&config(Protocol::Grpc, collector.serve().await), &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (6, 4, 0));
    assert_eq!(collector.seen().len(), 1);
}

#[tokio::test]
async fn a_permanent_error_drops_the_batch() {
    let collector = first(vec![failed(Code::Internal)]);
    let telemetry = deliver(&config(Protocol::Grpc, collector.serve().await), &names(10)).await;
    assert_eq!(telemetry.logs.dropped(DropReason::PermanentError).get(), 10);
    assert_eq!(collector.seen().len(), 1);
}

#[tokio::test]
async fn no_answer_in_time_is_a_duplicate_for_the_receiver_and_one_count_for_us() {
    let collector = first(vec![Reply::Silence]);
    let mut config = config(Protocol::Grpc, collector.serve().await);
    config.timeout = Duration::from_millis(200);
    let telemetry = deliver(&config, &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    let seen = collector.seen();
    assert!(seen.len() >= 2);
    assert_eq!(seen[0].names, seen[1].names);
}

#[tokio::test]
async fn a_receiver_may_come_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (exporter, telemetry) = start(&config(Protocol::Grpc, address));
    exporter.outbox().try_send(logs(&names(10)));
    until(|| telemetry.logs.retries.get() > 2).await;
    assert_eq!(telemetry.logs.in_flight(), 10);

    let collector = first(vec![]);
    collector.serve_on(TcpListener::bind(address).await.unwrap(), 4 << 20, None);
    exporter.shutdown(Instant::now() + PATIENCE).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (exporter, telemetry) = start(&config(Protocol::Grpc, address));
    exporter.outbox().try_send(logs(&names(10)));
    for _ in 0..2 {
        drop(listener.accept().await.unwrap());
    }
    let collector = first(vec![]);
    collector.serve_on(listener, 4 << 20, None);
    exporter.shutdown(Instant::now() + PATIENCE).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    assert!(telemetry.logs.retries.get() >= 1);
}

#[tokio::test]
async fn shutdown_ends_in_time_when_nobody_answers() {
    // The kernel accepts the connection, and nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(Protocol::Grpc, listener.local_addr().unwrap());
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

/// A server below gRPC: each answer is headers, body and trailers as they are given.
#[derive(Clone)]
struct Raw {
    answers: Arc<AtomicUsize>,
    answer: fn(usize) -> http::Response<Body>,
}

impl Service<http::Request<Body>> for Raw {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok((self.answer)(self.answers.fetch_add(1, Relaxed))))
    }
}

async fn raw(answer: fn(usize) -> http::Response<Body>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = Arc::new(AtomicUsize::new(0));
    let service = Raw {
        answers: Arc::clone(&answers),
        answer,
    };
    let serving = Server::builder().serve_with_incoming(service, TcpIncoming::from(listener));
    tokio::spawn(serving);
    (address, answers)
}

/// A message in its gRPC frame, and trailers.
fn framed(message: &[u8], trailers: &[(&'static str, &'static str)]) -> http::Response<Body> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let trailers: HeaderMap = trailers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
    let body = Full::new(Bytes::from(frame)).with_trailers(ready(Some(Ok(trailers))));
    let mut response = http::Response::new(Body::new(body));
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

#[tokio::test]
async fn an_answer_that_is_not_otlp_is_no_yes() {
    let (address, answers) = raw(|n| match n {
        0 => framed(b"<html>", &[("grpc-status", "0")]),
        1 => framed(&long_answer(), &[("grpc-status", "0")]),
        _ => framed(b"", &[("grpc-status", "0")]),
    })
    .await;
    let telemetry = deliver(&config(Protocol::Grpc, address), &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    assert_eq!(answers.load(Relaxed), 3);
}

#[tokio::test]
async fn details_that_are_not_base64_do_not_stop_the_agent() {
    const BAD: &[(&str, &str)] = &[("grpc-status", "14"), ("grpc-status-details-bin", "*!*")];
    let (address, answers) = raw(|n| match n {
        0 => framed(b"", BAD),
        1 => {
            let mut only = framed(b"", &[]);
            for (name, value) in BAD {
                only.headers_mut()
                    .insert(*name, HeaderValue::from_static(value));
            }
            only
        }
        _ => framed(b"", &[("grpc-status", "0")]),
    })
    .await;
    let telemetry = deliver(&config(Protocol::Grpc, address), &names(10)).await;
    assert_eq!(sums(&telemetry.logs), (10, 0, 0));
    assert_eq!(answers.load(Relaxed), 3);
}
