//! Records as text that can be compared: one attribute a line, in the order in which they are sent.

use std::fmt::Write as _;

use kintrace::telemetry::Signal;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
use prost::Message as _;

use crate::golden::Entry;
use crate::names::Names;

/// All entries. A resource is shown where it is not `host`, that of most.
pub(crate) fn render(entries: &[Entry], host: &[u8]) -> String {
    let mut text = String::new();
    for entry in entries {
        let resource = (*entry.resource != *host).then_some(&*entry.resource);
        match entry.signal {
            Signal::Logs => logs(&mut text, &entry.bytes, resource),
            Signal::Traces => spans(&mut text, &entry.bytes, resource),
        }
    }
    text
}

/// An entry is field 2 of `ScopeLogs`, so it is a message of that type by itself.
fn logs(text: &mut String, entry: &[u8], of: Option<&[u8]>) {
    for record in ScopeLogs::decode(entry).unwrap().log_records {
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
        resource(text, of);
        attributes(text, &record.attributes);
    }
}

fn spans(text: &mut String, entry: &[u8], of: Option<&[u8]>) {
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
        resource(text, of);
        attributes(text, &span.attributes);
    }
}

fn resource(text: &mut String, resource: Option<&[u8]>) {
    let Some(resource) = resource else { return };
    let mut pairs = Resource::decode(resource).unwrap().attributes;
    // Changes with each release, and no sample has a part in it.
    pairs.retain(|pair| pair.key != kintrace_semconv::attribute::SERVICE_VERSION);
    writeln!(text, "  resource").unwrap();
    attributes(text, &pairs);
    writeln!(text, "  attributes").unwrap();
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
        let value = any(pair.value.as_ref().unwrap());
        writeln!(text, "    {} = {value}", pair.key).unwrap();
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

/// Adds every name that these entries carry.
pub(crate) fn collect(entries: &[Entry], names: &mut Names) {
    for entry in entries {
        names.attributes(&Resource::decode(&*entry.resource).unwrap().attributes);
        match entry.signal {
            Signal::Logs => {
                for record in ScopeLogs::decode(&*entry.bytes).unwrap().log_records {
                    names.event(&record.event_name);
                    names.attributes(&record.attributes);
                }
            }
            Signal::Traces => {
                for span in ScopeSpans::decode(&*entry.bytes).unwrap().spans {
                    names.attributes(&span.attributes);
                    for link in span.links {
                        names.attributes(&link.attributes);
                    }
                }
            }
        }
    }
}
