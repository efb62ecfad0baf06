//! The two settings that are mappings whose names people choose: headers and resource attributes.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

use super::rules::{Fault, Rule, Yaml, quoted};
use super::secret::{HIDDEN, Secret};
use super::settings::Written;

/// Headers of every export request. Names are lower case, as gRPC and HTTP/2 want them; values are
/// secrets, for one of them is the token.
pub(super) struct Headers;
/// Attributes of the resource of all that is exported.
pub(super) struct Attributes;

/// What the exporter itself writes: a second value would make the request invalid.
const RESERVED: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "grpc-encoding",
    "grpc-timeout",
    "host",
    "te",
    "transfer-encoding",
];

/// The most resource attributes: they are on every request.
const MOST: usize = 64;

// === impl Headers ===

impl Rule for Headers {
    type Value = BTreeMap<String, Secret>;

    fn allowed(&self) -> String {
        format!("at most {MOST} pairs name: \"value\"")
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Vec<Fault>> {
        parse(written, |name, value| {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err("is not the name of a header".into());
            }
            if RESERVED.contains(&name) {
                return Err("is set by the exporter itself".into());
            }
            if name.ends_with("-bin") {
                return Err("is binary to gRPC, which a text cannot be".into());
            }
            // HeaderValue takes bytes above 127 too, gRPC does not.
            if !value.is_ascii() || HeaderValue::from_str(value).is_err() {
                return Err("has a value with characters that a header cannot carry".into());
            }
            Ok(Secret::new(value))
        })
    }

    fn write(&self, value: &Self::Value) -> Yaml {
        Yaml::Entries(
            value
                .keys()
                .map(|name| (plain(name), quoted(HIDDEN)))
                .collect(),
        )
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn entry_name(&self, name: &str) -> String {
        name.to_ascii_lowercase()
    }
}

// === impl Attributes ===

impl Rule for Attributes {
    type Value = BTreeMap<String, String>;

    fn allowed(&self) -> String {
        format!("at most {MOST} pairs name: \"value\"")
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Vec<Fault>> {
        parse(written, |name, value| {
            match (name.is_empty(), name.len(), value.len()) {
                (true, _, _) => Err("has no name".into()),
                (_, 256.., _) => Err("has a name of more than 255 bytes".into()),
                (_, _, 4097..) => Err("has a value of more than 4096 bytes".into()),
                _ => Ok(value.to_owned()),
            }
        })
    }

    fn write(&self, value: &Self::Value) -> Yaml {
        let entries = value
            .iter()
            .map(|(name, value)| (plain(name), quoted(value)));
        Yaml::Entries(entries.collect())
    }

    fn is_mapping(&self) -> bool {
        true
    }
}

/// Reads all entries, and refuses all that are wrong, without showing a value.
fn parse<T>(
    written: &Written,
    check: impl Fn(&str, &str) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, Vec<Fault>> {
    let Written::Map(entries) = written else {
        // What is written here instead may be the token itself: it is not repeated.
        let message = "is not a mapping (write name: \"value\" below it)".to_owned();
        return Err(vec![Fault {
            entry: None,
            message,
        }]);
    };
    let mut values = BTreeMap::new();
    let mut faults = Vec::new();
    if entries.len() > MOST {
        let message = format!("{} entries are too many (allowed: {MOST})", entries.len());
        faults.push(Fault {
            entry: None,
            message,
        });
    }
    for (name, value) in entries {
        let checked = if let Written::Text(text) = value {
            check(name, text)
        } else {
            // A number may have lost digits already: 1.10 has become 1.1.
            Err("has a value that is not a text (write it in quotes)".into())
        };
        match checked {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err(message) => faults.push(Fault {
                entry: Some(name.clone()),
                message,
            }),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

/// A name without quotes where YAML cannot take it for something else.
fn plain(name: &str) -> String {
    let is_word = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !["true", "false", "null"].contains(&name);
    if is_word {
        name.to_owned()
    } else {
        quoted(name)
    }
}
