//! What the file says: YAML in, settings out, nothing believed yet.
//!
//! The YAML is read by the `config` crate, as a tree and not through serde: serde stops at the first
//! mistake, and an operator wants to see them all. Known here: which keys exist. Not known: what their
//! values mean.

use std::collections::BTreeMap;

use config::{FileFormat, Format, Value, ValueKind};

use super::keys::{self, KEYS};
use super::problem::Problem;
use super::settings::{Origin, Settings, Written};
use super::suggest;

/// Reads `text`, which may be empty, into `settings`.
///
/// Every key that is unknown, no section or no mapping is a problem; a text that is not YAML is one
/// problem, with line and column, and sets nothing.
pub(super) fn read(text: &str, settings: &mut Settings, problems: &mut Vec<Problem>) {
    let root = match FileFormat::Yaml.parse(None, text) {
        Ok(root) => root,
        Err(error) => {
            let said = match error.downcast_ref::<Box<config::ConfigError>>() {
                // A file of comments has no root: an error to the reader, the defaults to us.
                Some(root) if root.to_string().contains("unit value") => return,
                Some(_) => "is not a configuration (write sections, such as export:)".to_owned(),
                None => explain(&error.to_string()),
            };
            return problems.push(Problem::new("", said));
        }
    };
    section("", sorted(root), settings, problems);
}

/// One level of the tree below `path`.
fn section(
    path: &str,
    children: BTreeMap<String, Written>,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) {
    for (name, written) in children {
        let full = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if name.contains('.') && keys::find(&full).is_some() {
            // `export.timeout: 5s` would be a second way to say the same, and could contradict the first.
            let nested = name.replace('.', ": ");
            problems.push(Problem::new(
                full,
                format!("is not written with dots (write {nested}: ...)"),
            ));
        } else if let Some(key) = keys::find(&full) {
            match (key.is_mapping(), written) {
                (true, Written::Map(entries)) => {
                    for (entry, written) in entries {
                        let folded = key.entry_name(&entry);
                        if settings
                            .set_entry(key.name(), folded, written, Origin::File)
                            .is_some()
                        {
                            problems.push(Problem::new(
                                format!("{full}.{entry}"),
                                "is written twice (upper and lower case are the same here)",
                            ));
                        }
                    }
                }
                (true, Written::Nothing) => {}
                (_, written) => settings.set(key.name(), written, Origin::File),
            }
        } else if keys::is_section(&full) {
            if let Written::Map(children) = written {
                section(&full, children, settings, problems);
            } else if written != Written::Nothing {
                // Nothing: all keys of the section are commented out.
                let said = format!("{written} is not a section (write its keys below it)");
                problems.push(Problem::new(full, said));
            }
        } else {
            problems.push(unknown(full));
        }
    }
}

fn unknown(key: String) -> Problem {
    let sections = keys::SECTIONS.iter().map(|&(name, _)| name);
    let candidates = KEYS.iter().map(|key| key.name()).chain(sections);
    let message = match suggest::nearest(&key, candidates) {
        Some(name) => format!("is not a key; did you mean {name}?"),
        None => "is not a key".to_owned(),
    };
    Problem::new(key, message)
}

fn sorted(table: config::Map<String, Value>) -> BTreeMap<String, Written> {
    table
        .into_iter()
        .map(|(name, value)| (name, written(value.kind)))
        .collect()
}

fn written(kind: ValueKind) -> Written {
    match kind {
        ValueKind::Nil => Written::Nothing,
        ValueKind::Boolean(flag) => Written::Flag(flag),
        ValueKind::I64(number) => Written::Integer(number.into()),
        ValueKind::U64(number) => Written::Integer(number.into()),
        ValueKind::I128(number) => Written::Integer(number),
        // The YAML reader makes no number of more than 64 bits.
        ValueKind::U128(number) => Written::Integer(i128::try_from(number).unwrap_or(i128::MAX)),
        ValueKind::Float(number) => Written::Real(number),
        ValueKind::String(text) => Written::Text(text),
        ValueKind::Array(list) => {
            Written::List(list.into_iter().map(|value| written(value.kind)).collect())
        }
        ValueKind::Table(table) => Written::Map(sorted(table)),
    }
}

/// Turns `MESSAGE at byte 7 line 2 column 3` around, and the debug form of a duplicated key into words.
fn explain(message: &str) -> String {
    let Some((what, place)) = message.rsplit_once(" at byte ") else {
        return format!("is not a configuration: {message}");
    };
    let what = match what.strip_suffix(": duplicated key in mapping") {
        Some(key) => {
            let key = key
                .strip_prefix("String(")
                .and_then(|key| key.strip_suffix(')'));
            format!("the key {} is written twice", key.unwrap_or("of this line"))
        }
        None => what.to_owned(),
    };
    let place = place
        .split_once(" line ")
        .map(|(_, place)| place.replace(" column ", ", column "));
    format!("line {}: {what}", place.unwrap_or_default())
}
