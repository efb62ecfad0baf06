//! Attributes, encoded once and copied: a block of `KeyValue` entries as they stand in a log record.
//!
//! In a log record attributes are field 6, in a span field 9: both have a tag of one byte, so a copy into
//! a span only changes that byte of each entry.

use std::sync::Arc;

use super::wire::{bytes, bytes_tag, delimited, delimited_len, read_varint, uint, varint_len};

/// `LogRecord.attributes`.
const LOG_FIELD: u32 = 6;
/// `Span.attributes`.
const SPAN_FIELD: u32 = 9;

// AnyValue
const STRING: u32 = 1;
const BOOL: u32 = 2;
const INT: u32 = 3;
const DOUBLE_TAG: u8 = 4 << 3 | 1;
const ARRAY: u32 = 5;

/// A finished block of attributes, shared by the records that copy it.
pub type Block = Arc<[u8]>;

/// A block of attributes being written.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    entries: Vec<u8>,
}

impl Attributes {
    /// The entries, tagged for a log record.
    pub fn as_bytes(&self) -> &[u8] {
        &self.entries
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// A copy of just the size needed: the buffer is kept for the next block.
    pub fn to_block(&self) -> Block {
        Arc::from(self.entries.as_slice())
    }

    /// A string.
    pub fn string(&mut self, key: &str, value: &str) {
        let out = self.key_value(key, delimited_len(value.len()));
        bytes(out, STRING, value.as_bytes());
    }

    /// A string, if there is one.
    pub fn optional_string(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    /// A boolean.
    pub fn bool(&mut self, key: &str, value: bool) {
        let out = self.key_value(key, 2);
        uint(out, BOOL, u64::from(value));
    }

    /// A boolean that is left out where it is false.
    pub fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.bool(key, true);
        }
    }

    /// An integer. Numbers of the kernel are unsigned; beyond 2^63 they become the largest there is.
    pub fn uint(&mut self, key: &str, value: impl Into<u64>) {
        let value = value.into().min(i64::MAX.unsigned_abs());
        let out = self.key_value(key, 1 + varint_len(value));
        uint(out, INT, value);
    }

    /// A double.
    pub fn double(&mut self, key: &str, value: f64) {
        let out = self.key_value(key, 9);
        out.push(DOUBLE_TAG);
        out.extend_from_slice(&value.to_le_bytes());
    }

    /// An array of strings.
    pub fn strings<'a>(&mut self, key: &str, values: impl Iterator<Item = &'a str> + Clone) {
        let len = values
            .clone()
            .map(|value| delimited_len(delimited_len(value.len())))
            .sum();
        let out = self.key_value(key, delimited_len(len));
        delimited(out, ARRAY, len);
        for value in values {
            delimited(out, 1, delimited_len(value.len()));
            bytes(out, STRING, value.as_bytes());
        }
    }

    /// An array of integers.
    pub fn uints(&mut self, key: &str, values: impl Iterator<Item = u64> + Clone) {
        let len = values
            .clone()
            .map(|value| delimited_len(1 + varint_len(value)))
            .sum();
        let out = self.key_value(key, delimited_len(len));
        delimited(out, ARRAY, len);
        for value in values {
            delimited(out, 1, 1 + varint_len(value));
            uint(out, INT, value);
        }
    }

    /// Begins an entry: `KeyValue { key, value: AnyValue of value_len bytes }`.
    fn key_value(&mut self, key: &str, value_len: usize) -> &mut Vec<u8> {
        let out = &mut self.entries;
        let len = delimited_len(key.len()) + delimited_len(value_len);
        out.reserve(delimited_len(len));
        delimited(out, LOG_FIELD, len);
        bytes(out, 1, key.as_bytes());
        delimited(out, 2, value_len);
        out
    }
}

/// Appends a block to a span: one copy, then the tag of each entry is changed in place.
pub(super) fn copy_to_span(out: &mut Vec<u8>, block: &[u8]) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a field below 16 has a tag of one byte"
    )]
    const SPAN_TAG: u8 = bytes_tag(SPAN_FIELD) as u8;
    let start = out.len();
    out.extend_from_slice(block);
    let mut rest = out.get_mut(start..).unwrap_or_default();
    while let Some((tag, behind)) = rest.split_first_mut() {
        *tag = SPAN_TAG;
        let Some((len, head)) = read_varint(behind) else {
            return;
        };
        let next = head.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        rest = behind.get_mut(next..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    use opentelemetry_proto::tonic::trace::v1::Span;
    use prost::Message as _;

    use super::*;

    fn expect(key: &str, value: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..Default::default()
        }
    }

    #[test]
    fn every_type_reads_back_from_a_log_record_and_from_a_span() {
        let long = "x".repeat(300);
        let mut attributes = Attributes::default();
        attributes.string("s", &long);
        attributes.string("empty", "");
        attributes.bool("b", false);
        attributes.flag("left out", false);
        attributes.uint("i", 300u32);
        attributes.uint("large", u64::MAX);
        attributes.double("d", 0.25);
        attributes.strings("ss", ["a", "", long.as_str()].into_iter());
        attributes.uints("is", [0, 4_000_000_000].into_iter());
        let any = |value| AnyValue { value: Some(value) };
        let array = |values: Vec<Value>| {
            Value::ArrayValue(ArrayValue {
                values: values.into_iter().map(any).collect(),
            })
        };
        let text = |text: &str| Value::StringValue(text.to_owned());
        let expected = vec![
            expect("s", text(&long)),
            expect("empty", text("")),
            expect("b", Value::BoolValue(false)),
            expect("i", Value::IntValue(300)),
            expect("large", Value::IntValue(i64::MAX)),
            expect("d", Value::DoubleValue(0.25)),
            expect("ss", array(vec![text("a"), text(""), text(&long)])),
            expect(
                "is",
                array(vec![Value::IntValue(0), Value::IntValue(4_000_000_000)]),
            ),
        ];
        let log = LogRecord::decode(attributes.as_bytes()).unwrap();
        assert_eq!(log.attributes, expected);
        let mut span = Vec::new();
        copy_to_span(&mut span, attributes.as_bytes());
        assert_eq!(Span::decode(span.as_slice()).unwrap().attributes, expected);
    }
}
