//! What must hold for all records of one agent, from each to the next.

use std::collections::HashMap;

use kintrace_semconv::{attribute as name, event};

use super::record::Record;

/// What must hold from each record to the next.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Records so far.
    pub(super) records: u64,
    /// Those of execs.
    pub(super) execs: u64,
    /// Those of exits.
    pub(super) exits: u64,
    /// The sequence number of the last.
    pub(super) last: u64,
    pub(super) epoch: String,
    /// Sum of the loss records by kind.
    pub(super) lost: HashMap<String, u64>,
    pub(super) defects: Vec<String>,
}

// === impl Stream ===

impl Stream {
    pub(super) fn take(&mut self, record: &Record) {
        let sequence = record
            .uint(name::KINTRACE_RECORD_SEQUENCE)
            .unwrap_or_default();
        if sequence <= self.last {
            let last = self.last;
            self.defects
                .push(format!("record {sequence} comes after {last}"));
        }
        self.last = sequence;
        self.records += 1;
        let epoch = record.text(name::KINTRACE_AGENT_EPOCH);
        if self.epoch.is_empty() {
            epoch.clone_into(&mut self.epoch);
        }
        if epoch != self.epoch || epoch.is_empty() {
            self.defects.push(format!(
                "record {sequence} has epoch {epoch:?}, not {:?}",
                self.epoch
            ));
        }
        if record.text(name::OTEL_EVENT_NAME) != record.event {
            self.defects
                .push(format!("record {sequence} has two event names\n{record}"));
        }
        if record.observed < record.time {
            self.defects.push(format!(
                "record {sequence} was observed before it happened\n{record}"
            ));
        }
        let word = match record.event.as_str() {
            event::KINTRACE_PROCESS_EXEC => {
                self.execs += 1;
                "exec"
            }
            event::KINTRACE_PROCESS_EXIT => {
                self.exits += 1;
                "exit"
            }
            event::KINTRACE_TELEMETRY_LOSS => {
                let kind = record.text(name::KINTRACE_LOSS_KIND).to_owned();
                let count = record.uint(name::KINTRACE_LOSS_COUNT).unwrap_or_default();
                *self.lost.entry(kind).or_default() += count;
                return;
            }
            other => return self.defects.push(format!("unknown event {other:?}")),
        };
        let uid = format!("{}-{word}", record.entity());
        if record.text(name::LOG_RECORD_UID) != uid {
            self.defects.push(format!("the uid is not {uid}\n{record}"));
        }
    }
}
