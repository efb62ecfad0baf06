//! What is wrong with a configuration: all of it at once, each with its key.

use std::fmt;

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The full dotted key, such as `export.timeout`, or the environment variable if no key is meant.
    /// Empty if the whole file is meant.
    pub key: String,
    /// What was written and what is allowed. Never contains a secret.
    pub message: String,
}

/// Why there is no configuration.
///
/// *Invariant:* at least one problem; those of the file first, then those of the environment, then
/// those of single values in the order of the reference file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// Everything that was found.
    pub problems: Vec<Problem>,
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}", self.message)
        } else {
            write!(f, "{}: {}", self.key, self.message)
        }
    }
}

// === impl ConfigError ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(f, "the configuration has 1 problem")?,
            n => write!(f, "the configuration has {n} problems")?,
        }
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}
