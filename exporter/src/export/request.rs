//! Puts a batch into the bytes of an export request, without decoding its records.
//!
//! Pure. `ExportLogsServiceRequest` and `ExportTraceServiceRequest` differ in names only: every field
//! used here has the same number in both (opentelemetry-proto v1, `logs.proto`, `trace.proto` and the
//! collector services), so one function serves both signals:
//!
//! ```text
//! request        { 1: resource_logs | resource_spans }
//! resource_*     { 1: resource  2: scope_*   3: schema_url }
//! scope_*        { 1: scope     2: records   3: schema_url }
//! scope          { 1: name      2: version }
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};

use crate::batch::{Batch, Group};

/// Most bytes of one request before compression. Receivers refuse 4 MiB by default, some of them with
/// a code that the specification calls retryable.
pub const MAX_REQUEST_BYTES: usize = 3 << 20;

/// Who made the records, and which conventions they follow.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Name of the instrumentation scope.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Schema of the records' attributes; empty: none.
    pub schema_url: String,
}

/// The bytes of the request for `batch`.
///
/// An empty schema URL is left out, as proto3 asks.
pub fn encode(batch: &Batch, scope: &Scope) -> Bytes {
    let sizes: Vec<Sizes> = batch
        .groups
        .iter()
        .map(|group| sizes(group, scope))
        .collect();
    let total = sizes
        .iter()
        .map(|sizes| field_len(sizes.resource_records))
        .sum();
    let mut out = BytesMut::with_capacity(total);
    for (group, sizes) in batch.groups.iter().zip(&sizes) {
        put_key(&mut out, 1, sizes.resource_records);
        put_field(&mut out, 1, &group.resource);
        put_key(&mut out, 2, sizes.scope_records);
        put_key(&mut out, 1, sizes.scope);
        put_text(&mut out, 1, &scope.name);
        put_text(&mut out, 2, &scope.version);
        // The entries carry their own tag (2) and length.
        out.extend_from_slice(&group.entries);
        put_text(&mut out, 3, &scope.schema_url);
        put_text(&mut out, 3, &scope.schema_url);
    }
    out.freeze()
}

/// Lengths of the messages of one group, each without its own tag and length.
struct Sizes {
    resource_records: usize,
    scope_records: usize,
    scope: usize,
}

fn sizes(group: &Group, scope: &Scope) -> Sizes {
    let schema = text_len(&scope.schema_url);
    let named = text_len(&scope.name) + text_len(&scope.version);
    let scope_records = field_len(named) + group.entries.len() + schema;
    let resource_records = field_len(group.resource.len()) + field_len(scope_records) + schema;
    Sizes {
        resource_records,
        scope_records,
        scope: named,
    }
}

/// A length-delimited field: one byte of tag, the length, the payload.
fn field_len(payload: usize) -> usize {
    1 + encoded_len_varint(payload as u64) + payload
}

fn text_len(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        field_len(text.len())
    }
}

/// Tag and length of a length-delimited field. `number` is below 16, so the tag is one byte.
fn put_key(out: &mut BytesMut, number: u8, length: usize) {
    out.put_u8(number << 3 | 2);
    encode_varint(length as u64, out);
}

fn put_field(out: &mut BytesMut, number: u8, payload: &[u8]) {
    put_key(out, number, payload.len());
    out.extend_from_slice(payload);
}

fn put_text(out: &mut BytesMut, number: u8, text: &str) {
    if !text.is_empty() {
        put_field(out, number, text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::batch::{Batcher, Limits};
    use crate::telemetry::Signal;

    fn resource(dropped_attributes_count: u32) -> Resource {
        Resource {
            dropped_attributes_count,
            ..Resource::default()
        }
    }

    fn batch<M: Message>(signal: Signal, groups: &[(Resource, Vec<M>)]) -> Batch {
        let limits = Limits {
            records: 10_000,
            bytes: 1 << 30,
            age: Duration::ZERO,
        };
        let mut batcher = Batcher::new(signal, limits);
        for (resource, records) in groups {
            let resource = resource.encode_to_vec().into();
            for record in records {
                let mut entry = vec![0x12];
                entry.extend(record.encode_length_delimited_to_vec());
                batcher.push(&resource, &entry, Instant::now());
            }
        }
        batcher.take().unwrap_or(Batch {
            signal,
            groups: Vec::new(),
        })
    }

    fn scope(schema_url: &str) -> Scope {
        Scope {
            name: "kintrace".into(),
            version: "1.2.3".into(),
            schema_url: schema_url.into(),
        }
    }

    fn proto_scope() -> Option<InstrumentationScope> {
        Some(InstrumentationScope {
            name: "kintrace".into(),
            version: "1.2.3".into(),
            ..InstrumentationScope::default()
        })
    }

    proptest! {
        #[test]
        fn logs_are_what_prost_would_have_written(
            groups in prop::collection::vec(prop::collection::vec(".{0,300}", 1..20), 0..4),
            url in prop_oneof![Just(""), Just("https://example.com/schemas/1")],
        ) {
            let groups: Vec<_> = (1u32..)
                .zip(&groups)
                .map(|(n, texts)| {
                    let record = |text: &String| LogRecord {
                        severity_text: text.clone(),
                        time_unix_nano: 7,
                        ..LogRecord::default()
                    };
                    (resource(n), texts.iter().map(record).collect::<Vec<_>>())
                })
                .collect();
            let expected = ExportLogsServiceRequest {
                resource_logs: groups
                    .iter()
                    .map(|(resource, records)| ResourceLogs {
                        resource: Some(resource.clone()),
                        scope_logs: vec![ScopeLogs {
                            scope: proto_scope(),
                            log_records: records.clone(),
                            schema_url: url.into(),
                        }],
                        schema_url: url.into(),
                    })
                    .collect(),
            };
            let bytes = encode(&batch(Signal::Logs, &groups), &scope(url));
            prop_assert_eq!(&bytes[..], &expected.encode_to_vec()[..]);
            prop_assert_eq!(ExportLogsServiceRequest::decode(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn spans_have_the_same_envelope() {
        let span = Span {
            name: "x".repeat(70_000),
            ..Span::default()
        };
        let groups = [
            (resource(1), vec![span.clone(), Span::default()]),
            (resource(2), vec![span]),
        ];
        let bytes = encode(
            &batch(Signal::Traces, &groups),
            &scope("https://example.com/s"),
        );
        let decoded = ExportTraceServiceRequest::decode(bytes).unwrap();
        let expected = groups.map(|(resource, spans)| ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                scope: proto_scope(),
                spans,
                schema_url: "https://example.com/s".into(),
            }],
            schema_url: "https://example.com/s".into(),
        });
        assert_eq!(decoded.resource_spans, expected);
    }
}
