//! Real samples, recorded once (`kintrace-record`), through decode, tracker and encoding to OTLP as text.
//!
//! `UPDATE_EXPECT=1 cargo test -p kintrace-tests golden` rewrites the texts. Needs neither root nor clock.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use expect_test::expect_file;
use kintrace::batch::Resource;
use kintrace::clock::{Clock, UnixNanos};
use kintrace::decode::Decoder;
use kintrace::enrich::process_table;
use kintrace::event::ImageId;
use kintrace::identity::BootId;
use kintrace::otlp::resource::Host;
use kintrace::telemetry::{Signal, Telemetry};
use kintrace::trace;
use kintrace::tracker::{Settings, Tracker};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
use prost::Message as _;

use crate::names;

/// Replays a recording and compares the text form of every record.
#[track_caller]
fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let recording = std::fs::read(folder.join(name).with_extension("bin")).unwrap();
    let text = replay(&recording);
    expect_file![folder.join(name).with_extension("txt")].assert_eq(&text);
}

fn replay(recording: &[u8]) -> String {
    let settings = Settings {
        boot: BootId([7; 16]),
        clock: Clock::fixed(UnixNanos(1_700_000_000_000_000_000)),
        agent: ImageId::new(1, 1, 1),
        host: Host {
            name: "golden".to_owned(),
            ..Host::default()
        },
        table: process_table::Limits {
            images: 4096,
            depth: 16,
        },
        traces: Some(trace::Limits {
            spans: 10_000,
            age: std::time::Duration::from_secs(1 << 40),
        }),
    };
    let mut tracker = Tracker::new(settings, Arc::new(Telemetry::default()), Box::new(|_| None));
    let mut decoder = Decoder::new(4096);
    let mut text = String::new();
    for sample in samples(recording) {
        if let Some(event) = decoder.decode(sample).unwrap() {
            let observed = UnixNanos(1_700_000_000_000_000_000);
            tracker.event(
                event,
                observed,
                &mut |signal, _: &Resource, entry: &[u8]| match signal {
                    Signal::Logs => logs(&mut text, entry),
                    Signal::Traces => spans(&mut text, entry),
                },
            );
        }
    }
    text
}

/// Length in four bytes, then the sample.
fn samples(mut recording: &[u8]) -> Vec<&[u8]> {
    let mut samples = Vec::new();
    while let Some((len, rest)) = recording.split_first_chunk::<4>() {
        let (sample, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        samples.push(sample);
        recording = rest;
    }
    samples
}

/// An entry is field 2 of `ScopeLogs`, so it is a message of that type by itself.
fn logs(text: &mut String, entry: &[u8]) {
    for record in ScopeLogs::decode(entry).unwrap().log_records {
        names::check_event(&record.event_name);
        writeln!(
            text,
            "log {} {} at {}",
            record.event_name, record.severity_text, record.time_unix_nano
        )
        .unwrap();
        writeln!(text, "  body {}", any(record.body.as_ref().unwrap())).unwrap();
        writeln!(
            text,
            "  trace {} span {}",
            hex(&record.trace_id),
            hex(&record.span_id)
        )
        .unwrap();
        attributes(text, &record.attributes);
    }
}

fn spans(text: &mut String, entry: &[u8]) {
    for span in ScopeSpans::decode(entry).unwrap().spans {
        writeln!(
            text,
            "span {} {} ns",
            span.name,
            span.end_time_unix_nano - span.start_time_unix_nano
        )
        .unwrap();
        writeln!(
            text,
            "  trace {} span {} parent {}",
            hex(&span.trace_id),
            hex(&span.span_id),
            hex(&span.parent_span_id)
        )
        .unwrap();
        writeln!(
            text,
            "  status {}",
            span.status.map_or(0, |status| status.code)
        )
        .unwrap();
        for link in &span.links {
            writeln!(
                text,
                "  link {} {}",
                hex(&link.trace_id),
                hex(&link.span_id)
            )
            .unwrap();
            attributes(text, &link.attributes);
        }
        attributes(text, &span.attributes);
    }
}

fn attributes(text: &mut String, attributes: &[KeyValue]) {
    let mut keys: Vec<&str> = attributes.iter().map(|pair| pair.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(
        keys.len(),
        attributes.len(),
        "an attribute stands twice: {attributes:?}"
    );
    for pair in attributes {
        names::check_attribute(&pair.key);
        writeln!(
            text,
            "    {} = {}",
            pair.key,
            any(pair.value.as_ref().unwrap())
        )
        .unwrap();
    }
}

fn any(value: &AnyValue) -> String {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is prints itself"
    )]
    match value.value.as_ref().unwrap() {
        Value::StringValue(text) if text.len() > 300 => {
            format!("{:?}... of {} bytes", &text[..64], text.len())
        }
        Value::StringValue(text) => format!("{text:?}"),
        Value::ArrayValue(array) if array.values.len() > 40 => {
            format!(
                "[{}, ... {} values]",
                any(&array.values[0]),
                array.values.len()
            )
        }
        Value::ArrayValue(array) => {
            format!(
                "[{}]",
                array.values.iter().map(any).collect::<Vec<_>>().join(", ")
            )
        }
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_exec_and_its_exit() {
    check("plain");
}

#[test]
fn a_script_names_its_interpreter() {
    check("script");
}

#[test]
fn arguments_in_parts_are_put_together_and_cut_ones_are_flagged() {
    check("long_arguments");
}

#[test]
fn a_memfd_is_flagged() {
    check("memfd");
}

#[test]
fn a_deleted_executable_is_flagged() {
    check("deleted");
}

#[test]
fn a_signal_ends_a_process() {
    check("signal");
}

#[test]
fn one_process_runs_three_images() {
    check("chain");
}

#[test]
fn a_forked_child_without_exec_has_an_exit_and_no_span() {
    check("fork_only");
}

#[test]
fn bytes_that_are_not_utf8_are_escaped() {
    check("not_utf8");
}

#[test]
fn a_traceparent_becomes_a_link() {
    check("traceparent");
}
