//! Against a transport that answers from a script, in time that passes only when all wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message;

use super::super::Exporter;
use super::super::outcome::ExportError;
use super::super::settings::ExportConfig;
use super::*;
use crate::batch::Group;

const HOUR: Duration = Duration::from_secs(3600);

/// What a script can say to a request of these records.
enum Answer {
    Yes,
    Partly(u64),
    No(Verdict),
    /// Never answers.
    Silence,
}

type Script = Box<dyn FnMut(&[String]) -> Answer + Send>;

/// A receiver that keeps the names of the records it has taken.
#[derive(Clone)]
struct Fake {
    script: Arc<Mutex<Script>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn new(script: impl FnMut(&[String]) -> Answer + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(script))),
            taken: Arc::default(),
        }
    }
}

impl Transport for Fake {
    async fn send(&self, _: Signal, request: Bytes) -> Result<Accepted, ExportError> {
        let request = ExportLogsServiceRequest::decode(request).unwrap();
        let names: Vec<_> = request
            .resource_logs
            .into_iter()
            .flat_map(|resource| resource.scope_logs)
            .flat_map(|scope| scope.log_records)
            .map(|record| record.severity_text)
            .collect();
        let answer = (self.script.lock().unwrap())(&names);
        match answer {
            Answer::Yes => {}
            Answer::Partly(rejected) => {
                self.taken.lock().unwrap().extend(names);
                return Ok(Accepted {
                    rejected,
                    message: "some".into(),
                });
            }
            Answer::No(verdict) => return Err(ExportError::new(verdict, "no")),
            Answer::Silence => pending().await,
        }
        self.taken.lock().unwrap().extend(names);
        Ok(Accepted::default())
    }
}

fn batch(names: &[String]) -> Batch {
    let mut entries = Vec::new();
    for name in names {
        let record = LogRecord {
            severity_text: name.clone(),
            ..LogRecord::default()
        };
        entries.push(0x12);
        record.encode_length_delimited(&mut entries).unwrap();
    }
    let records = names.len() as u64;
    let group = Group {
        resource: Arc::new([]),
        entries,
        records,
    };
    Batch {
        signal: Signal::Logs,
        groups: vec![group],
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("record {n}")).collect()
}

fn scope() -> Scope {
    Scope {
        name: "test".into(),
        version: "1".into(),
        schema_url: String::new(),
    }
}

fn start(fake: &Fake, config: &ExportConfig) -> (Exporter, Arc<Telemetry>) {
    let telemetry = Arc::new(Telemetry::default());
    let exporter = Exporter::with_transport(fake.clone(), config, scope(), Arc::clone(&telemetry));
    (exporter, telemetry)
}

/// Delivers one batch and returns what the receiver took, the counters, and how long it took.
async fn deliver(
    count: usize,
    script: impl FnMut(&[String]) -> Answer + Send + 'static,
) -> (Vec<String>, Arc<Telemetry>, Duration) {
    let fake = Fake::new(script);
    let (exporter, telemetry) = start(&fake, &ExportConfig::default());
    let started = Instant::now();
    exporter.outbox().try_send(batch(&names(count)));
    exporter.shutdown(started + HOUR).await;
    assert_eq!(telemetry.logs.created.get(), count as u64);
    assert_eq!(telemetry.logs.in_flight(), 0);
    let taken = fake.taken.lock().unwrap().clone();
    (taken, telemetry, started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_costs_a_retry_and_no_record() {
    let mut failures = 3;
    let (taken, telemetry, _) = deliver(10, move |_| {
        failures -= 1;
        if failures >= 0 {
            Answer::No(Verdict::Retry(None))
        } else {
            Answer::Yes
        }
    })
    .await;
    assert_eq!(taken, names(10));
    assert_eq!(
        (telemetry.logs.exported.get(), telemetry.logs.retries.get()),
        (10, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_for() {
    let hint = Duration::from_secs(40);
    let mut first = true;
    let (_, telemetry, took) = deliver(1, move |_| {
        if std::mem::take(&mut first) {
            Answer::No(Verdict::Retry(Some(hint)))
        } else {
            Answer::Yes
        }
    })
    .await;
    assert_eq!(telemetry.logs.exported.get(), 1);
    assert!(
        took >= hint && took <= hint + Duration::from_secs(1),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_never_succeeds_is_exhausted_within_its_time() {
    let (_, telemetry, took) = deliver(7, |_| Answer::No(Verdict::Retry(None))).await;
    assert_eq!(telemetry.logs.dropped(DropReason::RetryExhausted).get(), 7);
    assert!(took <= Duration::from_secs(300), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_it_tries_until_the_end() {
    let fake = Fake::new(|_| Answer::No(Verdict::Retry(None)));
    let mut config = ExportConfig::default();
    config.retry.max_elapsed = None;
    let (exporter, telemetry) = start(&fake, &config);
    exporter.outbox().try_send(batch(&names(3)));
    exporter.shutdown(Instant::now() + 24 * HOUR).await;
    assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 3);
    assert!(telemetry.logs.retries.get() > 24 * 120);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_operator_is_repeated_seldom() {
    let (_, telemetry, _) = deliver(7, |_| Answer::No(Verdict::Misconfigured)).await;
    assert_eq!(telemetry.logs.dropped(DropReason::RetryExhausted).get(), 7);
    let retries = telemetry.logs.retries.get();
    assert!((9..=20).contains(&retries), "{retries}");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_not_repeated() {
    let (_, telemetry, _) = deliver(7, |_| Answer::No(Verdict::Permanent)).await;
    assert_eq!(telemetry.logs.dropped(DropReason::PermanentError).get(), 7);
    assert_eq!(telemetry.logs.retries.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_is_never_repeated() {
    let (taken, telemetry, _) = deliver(10, |_| Answer::Partly(3)).await;
    assert_eq!(taken.len(), 10);
    let logs = &telemetry.logs;
    assert_eq!(
        (logs.exported.get(), logs.rejected.get(), logs.retries.get()),
        (7, 3, 0)
    );

    // A receiver cannot refuse more than there was.
    let (_, telemetry, _) = deliver(10, |_| Answer::Partly(99)).await;
    assert_eq!(
        (telemetry.logs.exported.get(), telemetry.logs.rejected.get()),
        (0, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn one_bad_record_is_found_and_all_others_arrive_in_order() {
    for bad in ["record 0", "record 617", "record 999"] {
        let (taken, telemetry, _) = deliver(1000, move |names| {
            if names.iter().any(|name| name == bad) {
                Answer::No(Verdict::Refused)
            } else {
                Answer::Yes
            }
        })
        .await;
        let mut expected = names(1000);
        expected.retain(|name| name != bad);
        assert_eq!(taken, expected);
        assert_eq!(
            (telemetry.logs.exported.get(), telemetry.logs.rejected.get()),
            (999, 1)
        );
        assert!(telemetry.logs.retries.get() <= 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_with_a_low_limit_gets_small_requests() {
    let (taken, telemetry, _) = deliver(1000, |names| {
        if names.len() > 5 {
            Answer::No(Verdict::Refused)
        } else {
            Answer::Yes
        }
    })
    .await;
    assert_eq!(taken, names(1000));
    assert_eq!(telemetry.logs.exported.get(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_refuses_everything_is_not_asked_for_each_record() {
    let (_, telemetry, _) = deliver(1000, |_| Answer::No(Verdict::Refused)).await;
    let logs = &telemetry.logs;
    assert_eq!(
        logs.rejected.get() + logs.dropped(DropReason::PermanentError).get(),
        1000
    );
    assert!(logs.retries.get() < u64::from(MAX_REFUSALS));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_never_larger_than_the_limit() {
    let big: Vec<_> = (0..7).map(|n| n.to_string().repeat(1 << 20)).collect();
    let fake = Fake::new(|names: &[String]| {
        assert!(names.iter().map(String::len).sum::<usize>() < MAX_REQUEST_BYTES);
        Answer::Yes
    });
    let (exporter, telemetry) = start(&fake, &ExportConfig::default());
    exporter.outbox().try_send(batch(&big));
    exporter.shutdown(Instant::now() + HOUR).await;
    assert_eq!(*fake.taken.lock().unwrap(), big);
    assert_eq!(
        (telemetry.logs.exported.get(), telemetry.logs.retries.get()),
        (7, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_at_the_deadline_and_counts_what_is_left() {
    let fake = Fake::new(|_| Answer::Silence);
    let (exporter, telemetry) = start(&fake, &ExportConfig::default());
    let outbox = exporter.outbox();
    for _ in 0..5 {
        outbox.try_send(batch(&names(10)));
    }
    let grace = Duration::from_secs(5);
    let started = Instant::now();
    exporter.shutdown(started + grace).await;
    assert_eq!(started.elapsed(), grace);
    assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 50);
    assert_eq!((telemetry.logs.in_flight(), outbox.bytes()), (0, 0));

    outbox.try_send(batch(&names(1)));
    assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 51);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_retry_after_the_deadline() {
    let fake = Fake::new(|_| Answer::No(Verdict::Retry(Some(Duration::from_secs(100)))));
    let (exporter, telemetry) = start(&fake, &ExportConfig::default());
    exporter.outbox().try_send(batch(&names(2)));
    let started = Instant::now();
    exporter.shutdown(started + Duration::from_secs(60)).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 2);
}

/// One step of a script: a verdict for a request, chosen by a number.
fn answer(step: u8, records: u64) -> Answer {
    match step {
        0..=3 => Answer::Yes,
        4 => Answer::Partly(records / 2),
        5 => Answer::Partly(records + 1),
        6 => Answer::No(Verdict::Refused),
        7 => Answer::No(Verdict::Retry(None)),
        8 => Answer::No(Verdict::Retry(Some(Duration::from_secs(9)))),
        9 => Answer::No(Verdict::Misconfigured),
        10 => Answer::No(Verdict::Permanent),
        _ => Answer::Silence,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Promise 1: whatever the receiver does, each record ends in one counter.
    #[test]
    fn the_sums_hold_for_any_receiver(
        script in prop::collection::vec(0..12u8, 1..60),
        sizes in prop::collection::vec(1..40usize, 1..12),
        concurrency in 1..4usize,
        queue_bytes in 200..6000usize,
        grace in 0..600u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (telemetry, bytes) = runtime.block_on(async {
            let mut steps = script.into_iter().cycle();
            let fake = Fake::new(move |names| {
                answer(steps.next().unwrap_or(0), names.len() as u64)
            });
            let config = ExportConfig { concurrency, queue_bytes, ..ExportConfig::default() };
            let (exporter, telemetry) = start(&fake, &config);
            let outbox = exporter.outbox();
            for size in &sizes {
                outbox.try_send(batch(&names(*size)));
                tokio::task::yield_now().await;
                let created = telemetry.logs.created.get();
                assert!(telemetry.logs.in_flight() <= created);
                assert!(outbox.bytes() <= queue_bytes);
            }
            let started = Instant::now();
            let grace = Duration::from_secs(grace);
            exporter.shutdown(started + grace).await;
            assert!(started.elapsed() <= grace);
            (telemetry, outbox.bytes())
        });
        let logs = &telemetry.logs;
        let dropped: u64 = DropReason::ALL.iter().map(|reason| logs.dropped(*reason).get()).sum();
        prop_assert_eq!(logs.created.get(), sizes.iter().sum::<usize>() as u64);
        prop_assert_eq!(logs.created.get(), logs.exported.get() + logs.rejected.get() + dropped);
        prop_assert_eq!((logs.in_flight(), bytes), (0, 0));
    }
}
