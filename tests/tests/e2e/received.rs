//! What a Collector wrote to its files, read back: one request in JSON on each line.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::names;

/// A log record or a span, with the attributes of its resource.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// `eventName` of a record, `name` of a span.
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) span: String,
    pub(crate) attributes: BTreeMap<String, Value>,
    pub(crate) resource: BTreeMap<String, Value>,
}

// === impl Received ===

impl Received {
    /// A string or a number as text.
    pub(crate) fn text(&self, key: &str) -> String {
        match self.attributes.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => panic!("{key} is missing in {self:#?}"),
        }
    }

    /// The elements of an array as text.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let Some(Value::Array(values)) = self.attributes.get(key) else {
            panic!("{key} is no array in {self:#?}")
        };
        values
            .iter()
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .collect()
    }
}

/// Log records in `logs.json`. Every name on them is checked.
pub(crate) fn logs(folder: &Path) -> Vec<Received> {
    let records = read(
        &folder.join("logs.json"),
        ["resourceLogs", "scopeLogs", "logRecords"],
        "eventName",
    );
    records
        .iter()
        .for_each(|record| names::check_event(&record.name));
    records
}

/// Spans in `traces.json`. Every name on them is checked.
pub(crate) fn spans(folder: &Path) -> Vec<Received> {
    read(
        &folder.join("traces.json"),
        ["resourceSpans", "scopeSpans", "spans"],
        "name",
    )
}

fn read(file: &Path, [resources, scopes, items]: [&str; 3], name: &str) -> Vec<Received> {
    let mut received = Vec::new();
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // A crash can cut the last line of a Collector's file.
    for request in text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        for group in request[resources].as_array().unwrap() {
            let resource = attributes(&group["resource"]["attributes"]);
            for scope in group[scopes].as_array().unwrap() {
                assert_eq!(scope["scope"]["name"], "kintrace");
                for item in scope[items].as_array().unwrap() {
                    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
                    received.push(Received {
                        name: text(name),
                        trace: text("traceId"),
                        span: text("spanId"),
                        attributes: attributes(&item["attributes"]),
                        resource: resource.clone(),
                    });
                }
            }
        }
    }
    received
}

fn attributes(list: &Value) -> BTreeMap<String, Value> {
    let pairs = list.as_array().into_iter().flatten();
    pairs
        .map(|pair| {
            let key = pair["key"].as_str().unwrap();
            names::check_attribute(key);
            (key.to_owned(), plain(&pair["value"]))
        })
        .collect()
}

/// The value of an OTLP/JSON `AnyValue`.
fn plain(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "arrayValue" => value["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(plain)
            .collect(),
        _ => value.clone(),
    }
}
