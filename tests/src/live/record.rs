//! A log record, read back from a line of OTLP/JSON.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use kintrace_semconv::attribute as name;
use serde_json::Value as Json;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    List(Vec<Value>),
}

/// A log record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) event: String,
    pub(super) body: String,
    pub(super) severity: String,
    pub(super) time: u64,
    pub(super) observed: u64,
    pub(super) trace: String,
    pub(super) span: String,
    pub(super) attributes: BTreeMap<String, Value>,
}

// === impl Record ===

impl Record {
    /// Reads one line.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(line).context("a line is not JSON")?;
        let text = |path: &str| text_at(&json, path).to_owned();
        let nanos = |key: &str| {
            text(key)
                .parse::<u64>()
                .with_context(|| format!("{key} in {line}"))
        };
        let mut attributes = BTreeMap::new();
        for attribute in json
            .get("attributes")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            let key = text_at(attribute, "/key");
            ensure!(!key.is_empty(), "an attribute without key: {line}");
            let value = attribute.get("value").and_then(Value::parse);
            let value = value.with_context(|| format!("{key} has no value: {line}"))?;
            let before = attributes.insert(key.to_owned(), value);
            ensure!(before.is_none(), "{key} is there twice: {line}");
        }
        Ok(Self {
            event: text("/eventName"),
            body: text("/body/stringValue"),
            severity: text("/severityText"),
            time: nanos("/timeUnixNano")?,
            observed: nanos("/observedTimeUnixNano")?,
            trace: text("/traceId"),
            span: text("/spanId"),
            attributes,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// An integer that is not negative.
    pub(super) fn uint(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Value::Int(number) => u64::try_from(*number).ok(),
            Value::Text(_) | Value::Double(_) | Value::Bool(_) | Value::List(_) => None,
        }
    }

    pub(super) fn double(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Double(number) => Some(*number),
            Value::Text(_) | Value::Int(_) | Value::Bool(_) | Value::List(_) => None,
        }
    }

    /// Empty if it is not there: no attribute of ours that is looked at is empty on purpose.
    pub(super) fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Value::as_text).unwrap_or_default()
    }

    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).iter().filter_map(Value::as_text).collect()
    }

    pub(super) fn pid(&self) -> u64 {
        self.uint(name::PROCESS_PID).unwrap_or_default()
    }

    pub(super) fn entity(&self) -> &str {
        self.text(name::KINTRACE_PROCESS_ENTITY_ID)
    }

    pub(super) fn has_arg(&self, arg: &str) -> bool {
        let is_it = |value: &Value| matches!(value, Value::Text(text) if text == arg);
        self.list(name::PROCESS_COMMAND_ARGS).iter().any(is_it)
    }

    fn list(&self, key: &str) -> &[Value] {
        match self.get(key) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }
}

impl fmt::Display for Record {
    /// Field by field; long values are cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {} {:?} ({})", self.event, self.body, self.severity)?;
        for (key, value) in &self.attributes {
            let value: String = value.to_string().chars().take(400).collect();
            writeln!(f, "    {key} = {value}")?;
        }
        Ok(())
    }
}

// === impl Value ===

impl Value {
    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(_) | Self::Double(_) | Self::Bool(_) | Self::List(_) => None,
        }
    }

    fn parse(json: &Json) -> Option<Self> {
        let (kind, value) = json.as_object()?.iter().next()?;
        Some(match kind.as_str() {
            "stringValue" => Self::Text(value.as_str()?.to_owned()),
            "intValue" => Self::Int(value.as_str()?.parse().ok()?),
            "doubleValue" => Self::Double(value.as_f64()?),
            "boolValue" => Self::Bool(value.as_bool()?),
            "arrayValue" => {
                let values = value.get("values").and_then(Json::as_array);
                let values = values.map_or(&[][..], Vec::as_slice);
                Self::List(values.iter().map(Self::parse).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bool(is) => write!(f, "{is}"),
            Self::List(values) => {
                f.write_str("[")?;
                for value in values {
                    write!(f, "{value}, ")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Empty if there is none.
fn text_at<'a>(json: &'a Json, path: &str) -> &'a str {
    json.pointer(path)
        .and_then(Json::as_str)
        .unwrap_or_default()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Bool(is)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
