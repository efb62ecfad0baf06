//! The way out against receivers that misbehave, over real sockets on loopback.
//!
//! Scenario: each test starts a receiver with a script, sends batches, and shuts the exporter down.
//! Guarantees: promise 1 of the design, every record in one counter; and what the OTLP specification
//! asks of a client.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod over_grpc;
mod over_http;
mod over_tls;
mod receiver;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kintrace::batch::{Batch, Group};
use kintrace::export::Exporter;
use kintrace::export::request::Scope;
use kintrace::export::settings::{Compression, Endpoint, ExportConfig, Protocol, RetryConfig};
use kintrace::telemetry::{DropReason, Records, Signal, Telemetry};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::time::Instant;

/// Longer than any test takes; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration that loses no time.
fn config(protocol: Protocol, address: SocketAddr) -> ExportConfig {
    ExportConfig {
        endpoint: Endpoint {
            base: format!("http://{address}"),
            logs: None,
            traces: None,
        },
        protocol,
        compression: Compression::None,
        timeout: PATIENCE,
        retry: RetryConfig {
            initial: Duration::from_millis(2),
            max: Duration::from_millis(5),
            max_elapsed: Some(PATIENCE),
        },
        ..ExportConfig::default()
    }
}

fn start(config: &ExportConfig) -> (Exporter, Arc<Telemetry>) {
    let telemetry = Arc::new(Telemetry::default());
    let scope = Scope {
        name: "test".into(),
        version: "1".into(),
        schema_url: "https://example.com/1".into(),
    };
    let exporter = Exporter::start(config, scope, Arc::clone(&telemetry)).unwrap();
    (exporter, telemetry)
}

/// Delivers one batch of logs with these names, as far as it goes, and checks the sums.
async fn deliver(config: &ExportConfig, names: &[String]) -> Arc<Telemetry> {
    let (exporter, telemetry) = start(config);
    exporter.outbox().try_send(logs(names));
    exporter.shutdown(Instant::now() + PATIENCE).await;
    assert_eq!(telemetry.logs.created.get(), names.len() as u64);
    assert_eq!(telemetry.logs.in_flight(), 0);
    telemetry
}

/// Exported, rejected, dropped.
fn sums(records: &Records) -> (u64, u64, u64) {
    let dropped = DropReason::ALL
        .iter()
        .map(|reason| records.dropped(*reason).get())
        .sum();
    (records.exported.get(), records.rejected.get(), dropped)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("record {n}")).collect()
}

fn logs(names: &[String]) -> Batch {
    let record = |name: &String| LogRecord {
        event_name: name.clone(),
        ..LogRecord::default()
    };
    batch(Signal::Logs, names.iter().map(record))
}

fn spans(names: &[String]) -> Batch {
    let span = |name: &String| Span {
        name: name.clone(),
        ..Span::default()
    };
    batch(Signal::Traces, names.iter().map(span))
}

fn batch(signal: Signal, messages: impl Iterator<Item = impl Message>) -> Batch {
    let mut entries = Vec::new();
    let mut records = 0;
    for message in messages {
        entries.push(0x12);
        message.encode_length_delimited(&mut entries).unwrap();
        records += 1;
    }
    Batch {
        signal,
        groups: vec![Group {
            resource: Arc::new([]),
            entries,
            records,
        }],
    }
}

/// An answer that says yes, at greater length than an answer may have: one unknown field.
fn long_answer() -> Vec<u8> {
    let mut answer = vec![0x7a];
    prost::encoding::encode_varint(100_000, &mut answer);
    answer.resize(answer.len() + 100_000, 0);
    answer
}

/// Waits for something that happens in another task.
async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
