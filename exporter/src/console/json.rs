//! One record, one line: the OTLP/JSON form of a log record.

use std::io;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::escape::is_active;

/// Appends the line of a record, without its newline.
///
/// The form is that of the OTLP specification ("JSON Protobuf Encoding"): camelCase, ids in hex,
/// 64-bit integers as strings. Characters that act on a terminal are written as `\uXXXX`, which means
/// the same to any reader of JSON.
pub(crate) fn push_line(out: &mut String, record: &LogRecord) -> serde_json::Result<()> {
    let mut line = Vec::new();
    record.serialize(&mut Serializer::with_formatter(
        &mut line,
        Harmless(CompactFormatter),
    ))?;
    // serde_json writes nothing but UTF-8.
    out.push_str(&String::from_utf8_lossy(&line));
    Ok(())
}

struct Harmless(CompactFormatter);

// === impl Harmless ===

impl Formatter for Harmless {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, active)) = rest.char_indices().find(|(_, c)| is_active(*c)) {
            let (before, after) = rest.split_at(at);
            self.0.write_string_fragment(writer, before)?;
            for unit in active.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.get(active.len_utf8()..).unwrap_or_default();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use proptest::prelude::*;

    use super::*;

    fn record(text: &str) -> LogRecord {
        let value = AnyValue {
            value: Some(Value::IntValue(i64::MAX)),
        };
        LogRecord {
            time_unix_nano: u64::MAX,
            trace_id: vec![0xab; 16],
            event_name: text.into(),
            attributes: vec![KeyValue {
                key: "n".into(),
                value: Some(value),
                ..KeyValue::default()
            }],
            ..LogRecord::default()
        }
    }

    fn line(text: &str) -> String {
        let mut out = String::new();
        push_line(&mut out, &record(text)).unwrap();
        out
    }

    #[test]
    fn it_is_otlp_json() {
        let line = line("a.b");
        for part in [
            r#""timeUnixNano":"18446744073709551615""#,
            r#""traceId":"abababababababababababababababab""#,
            r#""eventName":"a.b""#,
            r#"{"key":"n","value":{"intValue":"9223372036854775807"}}"#,
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_harmless_and_means_what_was_put_in(
            text in prop_oneof![any::<String>(), "[\u{0}-\u{a0}\u{202e}\u{e0041}]{0,20}"]
        ) {
            let line = line(&text);
            prop_assert!(!line.chars().any(is_active));
            prop_assert_eq!(serde_json::from_str::<LogRecord>(&line).unwrap(), record(&text));
        }
    }
}
