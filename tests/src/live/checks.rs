//! Compares a record with what is expected, and tells all differences at once.

use anyhow::{Result, bail};

use super::record::{Record, Value};

/// Differences found so far.
pub(super) struct Checks<'a> {
    record: &'a Record,
    differences: Vec<String>,
}

// === impl Checks ===

impl<'a> Checks<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        Self {
            record,
            differences: Vec::new(),
        }
    }

    pub(super) fn equal(&mut self, key: &str, expected: impl Into<Value>) -> &mut Self {
        let expected = expected.into();
        match self.record.get(key) {
            Some(value) if *value == expected => {}
            Some(value) => {
                let value: String = value.to_string().chars().take(2000).collect();
                self.differ(format!("{key} is {value}\n      not {expected}"));
            }
            None => self.differ(format!("{key} is missing, not {expected}")),
        }
        self
    }

    /// Absent where nothing is expected.
    pub(super) fn optional(&mut self, key: &str, expected: Option<impl Into<Value>>) -> &mut Self {
        match expected {
            Some(expected) => self.equal(key, expected),
            None => self.absent(key),
        }
    }

    /// Attributes that are only there when true.
    pub(super) fn flags(&mut self, keys: &[&str], expected: bool) -> &mut Self {
        for key in keys {
            self.optional(key, expected.then_some(true));
        }
        self
    }

    pub(super) fn absent(&mut self, key: &str) -> &mut Self {
        if let Some(value) = self.record.get(key) {
            self.differ(format!("{key} is {value}, and should not be there"));
        }
        self
    }

    /// Whether a list of words has this one.
    pub(super) fn lists(&mut self, key: &str, word: &str, expected: bool) -> &mut Self {
        let words = self.record.texts(key);
        if words.contains(&word) != expected {
            let not = if expected { "" } else { "not " };
            self.differ(format!("{key} is {words:?}, and should {not}have {word:?}"));
        }
        self
    }

    /// An integer that `is_right`; `how` it is looked at.
    pub(super) fn record_uint(
        &mut self,
        key: &str,
        how: &str,
        is_right: impl FnOnce(u64) -> bool,
    ) -> &mut Self {
        let value = self.record.uint(key);
        if !value.is_some_and(is_right) {
            self.differ(format!("{key} is {value:?}: wrong {how}"));
        }
        self
    }

    pub(super) fn that(&mut self, is_so: bool, what: impl FnOnce() -> String) -> &mut Self {
        if !is_so {
            let what = what();
            self.differ(what);
        }
        self
    }

    /// # Errors
    ///
    /// All differences, and the record.
    pub(super) fn done(&mut self) -> Result<()> {
        if self.differences.is_empty() {
            return Ok(());
        }
        bail!("{}\n{}", self.differences.join("\n    "), self.record)
    }

    fn differ(&mut self, what: String) {
        self.differences.push(what);
    }
}
