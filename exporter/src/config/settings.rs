//! What was set, by whom, before anybody asks whether it makes sense.
//!
//! Sources are laid one over the other: the file first, then the environment, then the command line.
//! A later value replaces an earlier one; a mapping is replaced entry by entry.

use std::collections::BTreeMap;
use std::fmt;

/// Who set a value. In the order of rank: a later one wins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody.
    Default,
    /// The configuration file.
    File,
    /// This environment variable.
    Environment(&'static str),
    /// This flag.
    CommandLine(&'static str),
}

/// A value as a source wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written {
    /// A key without a value, or `null`.
    Nothing,
    Flag(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    List(Vec<Written>),
    Map(BTreeMap<String, Written>),
}

/// A value with its source.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) written: Written,
    pub(super) origin: Origin,
}

/// Everything that was set. Keys are those of the table in `keys.rs`.
#[derive(Debug, Default)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, Setting>,
    entries: BTreeMap<&'static str, BTreeMap<String, Setting>>,
}

// === impl Origin ===

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File => write!(f, "file"),
            Self::Environment(variable) => write!(f, "environment ({variable})"),
            Self::CommandLine(flag) => write!(f, "command line ({flag})"),
        }
    }
}

// === impl Written ===

/// Shows a value in a message, short enough for one line.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 60;
        match self {
            Self::Nothing => write!(f, "an empty value"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::List(_) => write!(f, "a list"),
            Self::Map(_) => write!(f, "a mapping"),
            Self::Text(text) => match text.char_indices().nth(MOST) {
                None => write!(f, "{text:?}"),
                Some((end, _)) => write!(f, "{:?}...", text.get(..end).unwrap_or_default()),
            },
        }
    }
}

// === impl Settings ===

impl Settings {
    /// Sets the value of `key`, over that of an earlier source.
    pub(super) fn set(&mut self, key: &'static str, written: Written, origin: Origin) {
        self.values.insert(key, Setting { written, origin });
    }

    /// Sets one entry of the mapping `key`; gives back what it replaced.
    pub(super) fn set_entry(
        &mut self,
        key: &'static str,
        entry: String,
        written: Written,
        origin: Origin,
    ) -> Option<Setting> {
        self.entries
            .entry(key)
            .or_default()
            .insert(entry, Setting { written, origin })
    }

    /// Forgets the value of `key`, because a source of higher rank spoke of something more general.
    pub(super) fn unset(&mut self, key: &'static str) {
        self.values.remove(key);
    }

    /// The value of a key that is no mapping.
    pub(super) fn value(&self, key: &str) -> Option<&Setting> {
        self.values.get(key)
    }

    /// The entries of a key that is a mapping.
    pub(super) fn entries(&self, key: &str) -> Option<&BTreeMap<String, Setting>> {
        self.entries.get(key)
    }
}
