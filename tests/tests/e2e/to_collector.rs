//! A real Collector receives what really ran: by count, by uid, and word for word.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kintrace_semconv::{attribute, event};
use rustix::process::geteuid;

use crate::agent::Agent;
use crate::collector::{self, Collector};
use crate::received::{self, Received};

/// How long records may take from an exec to a Collector's file.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(endpoint: &str, protocol: &str, compression: &str) -> String {
    format!(
        "export:
  endpoint: {endpoint}
  protocol: {protocol}
  compression: {compression}
  shutdown_timeout: 30s
  batch: {{ age: 50ms }}
  retry: {{ initial: 100ms, max: 500ms }}
metrics: {{ listen: \"127.0.0.1:0\" }}
"
    )
}

/// Runs `count` programs with `marker` as an argument; gives back their pids.
fn run(marker: &str, count: usize) -> BTreeSet<String> {
    let pids = (0..count).map(|_| {
        let mut child = Command::new("/bin/true").arg(marker).spawn().unwrap();
        let pid = child.id().to_string();
        child.wait().unwrap();
        pid
    });
    pids.collect()
}

/// The records of one kind whose process had `marker` as an argument.
fn of<'a>(records: &'a [Received], name: &str, marker: &str) -> Vec<&'a Received> {
    let is_wanted = |record: &&Received| {
        record.name == name
            && record
                .attributes
                .contains_key(attribute::PROCESS_COMMAND_ARGS)
            && record
                .texts(attribute::PROCESS_COMMAND_ARGS)
                .iter()
                .any(|argument| argument == marker)
    };
    records.iter().filter(is_wanted).collect()
}

fn pids(records: &[&Received]) -> BTreeSet<String> {
    records
        .iter()
        .map(|record| record.text(attribute::PROCESS_PID))
        .collect()
}

fn uids(records: &[&Received]) -> BTreeSet<String> {
    records
        .iter()
        .map(|record| record.text(attribute::LOG_RECORD_UID))
        .collect()
}

/// Prints why and says so, if this machine cannot run these tests.
fn collector_binary() -> Option<std::path::PathBuf> {
    if !geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none(), "CI must run as root");
        eprintln!("skipped: attaching programs needs root");
        return None;
    }
    collector::binary()
}

/// Scenario: an agent with an endpoint; 500 programs run; both are stopped in order.
/// Guarantees: one exec record, one exit record and one span for each, no other, joined by their ids.
fn everything_arrives_once(protocol: &str, compression: &str) {
    let Some(binary) = collector_binary() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(&binary, folder.path());
    let port = if protocol == "grpc" {
        collector.grpc
    } else {
        collector.http
    };
    let marker = format!("kintrace-e2e-{protocol}-{compression}-{port}");
    let config = config(&format!("http://127.0.0.1:{port}"), protocol, compression);
    let agent = Agent::start(folder.path(), &config);
    let ran = run(&marker, 500);
    let messages = agent.stop();
    let folder_path = collector.stop();
    assert!(
        messages.iter().any(|line| line.contains("unaccounted=0")),
        "the agent's balance is not zero:\n{}",
        messages.join("\n")
    );

    let logs = received::logs(&folder_path);
    let execs = of(&logs, event::KINTRACE_PROCESS_EXEC, &marker);
    // A child that was forked and has not executed yet still has its creator's arguments, not these.
    let exits = of(&logs, event::KINTRACE_PROCESS_EXIT, &marker);
    assert_eq!(
        (execs.len(), exits.len()),
        (500, 500),
        "records of {marker}\n{}",
        messages.join("\n")
    );
    assert_eq!((pids(&execs), pids(&exits)), (ran.clone(), ran));
    assert_eq!(
        (uids(&execs).len(), uids(&exits).len()),
        (500, 500),
        "uids are unique"
    );

    let spans = received::spans(&folder_path);
    let spans = of(&spans, "true", &marker);
    assert_eq!(spans.len(), 500, "one span per image");
    let ids = |records: &[&Received]| -> BTreeSet<(String, String, String)> {
        let id = |record: &&Received| {
            (
                record.trace.clone(),
                record.span.clone(),
                record.text(attribute::KINTRACE_PROCESS_ENTITY_ID),
            )
        };
        records.iter().map(id).collect()
    };
    assert_eq!(
        ids(&execs),
        ids(&spans),
        "a record and its span have the same ids"
    );
    assert_eq!(
        ids(&exits),
        ids(&spans),
        "a record and its span have the same ids"
    );
    check_one(execs[0]);
}

/// Ancestry up to pid 1, and whom it is about.
fn check_one(record: &Received) {
    let ancestors = record.texts(attribute::KINTRACE_PROCESS_ANCESTOR_PIDS);
    assert_eq!(ancestors[0], std::process::id().to_string(), "{record:#?}");
    assert_eq!(
        ancestors.last().map(String::as_str),
        Some("1"),
        "{record:#?}"
    );
    let own = std::env::current_exe().unwrap();
    let parent = record.text(attribute::KINTRACE_PROCESS_PARENT_EXECUTABLE_PATH);
    assert_eq!(Path::new(&parent), own, "{record:#?}");
    for key in [
        attribute::SERVICE_NAME,
        attribute::HOST_NAME,
        attribute::SERVICE_INSTANCE_ID,
    ] {
        assert!(
            record.resource.contains_key(key),
            "{key} is missing in {record:#?}"
        );
    }
    let args = record.texts(attribute::PROCESS_COMMAND_ARGS);
    assert_eq!(args[0], "/bin/true");
}

#[test]
fn everything_arrives_once_over_grpc_with_gzip() {
    everything_arrives_once("grpc", "gzip");
}

#[test]
fn everything_arrives_once_over_grpc_with_zstd() {
    everything_arrives_once("grpc", "zstd");
}

#[test]
fn everything_arrives_once_over_http_with_gzip() {
    everything_arrives_once("http/protobuf", "gzip");
}

#[test]
fn everything_arrives_once_over_http_with_zstd() {
    everything_arrives_once("http/protobuf", "zstd");
}

/// Scenario: the Collector is killed while the agent sends, and comes back on the same ports.
/// Guarantees: what it had written stays; all that ran since arrives, at least once.
#[test]
fn a_collector_that_crashes_costs_nothing_that_ran_afterwards() {
    let Some(binary) = collector_binary() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(&binary, folder.path());
    let (grpc, http) = (collector.grpc, collector.http);
    let marker = |phase: &str| format!("kintrace-crash-{phase}-{grpc}");
    let agent = Agent::start(
        folder.path(),
        &config(&format!("http://127.0.0.1:{grpc}"), "grpc", "gzip"),
    );

    let before = run(&marker("before"), 100);
    let end = Instant::now() + PATIENCE;
    while pids(&of(
        &received::logs(folder.path()),
        event::KINTRACE_PROCESS_EXIT,
        &marker("before"),
    )) != before
    {
        assert!(Instant::now() < end, "the first records did not arrive");
        std::thread::sleep(Duration::from_millis(50));
    }
    collector.kill();
    let during = run(&marker("during"), 100);
    // With files of its own: it would append to the line that the crash cut.
    let second = tempfile::tempdir().unwrap();
    let collector = Collector::start_at(&binary, second.path(), grpc, http);
    let after = run(&marker("after"), 100);
    let messages = agent.stop();
    let mut logs = received::logs(folder.path());
    logs.extend(received::logs(&collector.stop()));
    for (phase, ran) in [("before", before), ("during", during), ("after", after)] {
        for name in [event::KINTRACE_PROCESS_EXEC, event::KINTRACE_PROCESS_EXIT] {
            let records = of(&logs, name, &marker(phase));
            assert_eq!(
                pids(&records),
                ran,
                "{name} {phase} the crash\n{}",
                messages.join("\n")
            );
            assert_eq!(
                uids(&records).len(),
                100,
                "duplicates have the uid of the first"
            );
        }
    }
}
