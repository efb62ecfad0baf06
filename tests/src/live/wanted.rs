//! Which record is looked for, and what comes closest when it is not there.

use std::fmt::Write as _;

use kintrace_semconv::{attribute as name, event};

use super::record::{Record, Value};

/// A description of records.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    event: &'static str,
    arg: Option<String>,
    attributes: Vec<(&'static str, Value)>,
}

/// How many near misses are shown.
const SHOWN: usize = 3;

// === impl Wanted ===

impl Wanted {
    pub(super) fn exec() -> Self {
        Self::of(event::KINTRACE_PROCESS_EXEC)
    }

    pub(super) fn exit() -> Self {
        Self::of(event::KINTRACE_PROCESS_EXIT)
    }

    fn of(event: &'static str) -> Self {
        Self {
            event,
            arg: None,
            attributes: Vec::new(),
        }
    }

    /// With this among the arguments.
    pub(super) fn arg(mut self, arg: &str) -> Self {
        self.arg = Some(arg.to_owned());
        self
    }

    /// With this attribute.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    pub(super) fn pid(self, pid: u32) -> Self {
        self.with(name::PROCESS_PID, pid)
    }

    /// Of the image of this record.
    pub(super) fn image_of(self, record: &Record) -> Self {
        self.with(name::KINTRACE_PROCESS_ENTITY_ID, record.entity())
    }

    pub(super) fn matches(&self, record: &Record) -> bool {
        self.event == record.event && self.misses(record).next().is_none()
    }

    /// The records that have most of what is wanted, and what they lack.
    pub(super) fn near_misses(&self, records: &[Record]) -> String {
        let conditions = self.attributes.len() + usize::from(self.arg.is_some());
        let mut near: Vec<_> = records
            .iter()
            .filter(|record| record.event == self.event)
            .map(|record| (self.misses(record).count(), record))
            .filter(|(misses, _)| *misses < conditions)
            .collect();
        near.sort_by_key(|(misses, _)| *misses);
        let mut text = format!("nothing like {self:?} among {} records", records.len());
        for (_, record) in near.iter().take(SHOWN) {
            // Writing to a String cannot fail.
            let _written = write!(text, "\nnear miss:\n{record}");
            for (key, value) in self.misses(record) {
                let _written = writeln!(text, "    but wanted {key} = {value}");
            }
        }
        text
    }

    fn misses<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = (&'a str, Value)> {
        let arg = self.arg.iter().filter(|arg| !record.has_arg(arg));
        let arg = arg.map(|arg| ("an argument", Value::from(arg.as_str())));
        let attributes = self.attributes.iter();
        let attributes = attributes.filter(|(key, value)| record.get(key) != Some(value));
        arg.chain(attributes.map(|(key, value)| (*key, value.clone())))
    }
}
