//! Collects encoded records into batches, by count, by bytes and by age.
//!
//! Pure: the caller passes the time. Order is kept within a resource. A record larger than the byte
//! limit travels alone. What a record says is not known here: it is bytes with a boundary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::encoding::decode_varint;

use crate::telemetry::Signal;

/// Field 2, length-delimited: what every entry starts with.
const ENTRY_TAG: u8 = 0x12;

/// What an envelope costs beside the resource: tags and lengths, not the scope's name.
const ENVELOPE_BYTES: usize = 16;

/// Who a record is about: an encoded OTLP `Resource` message, shared by all its records.
///
/// Two resources are the same if they are the same allocation: one per container, cached.
pub type Resource = Arc<[u8]>;

/// Limits of one batch.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most records in one request.
    pub records: usize,
    /// Most encoded bytes in one request, before compression.
    pub bytes: usize,
    /// Longest a record waits for company.
    pub age: Duration,
}

/// The records of one resource, back to back, each as the protobuf entry of a repeated field: tag 0x12,
/// length, message. `ScopeLogs.log_records` and `ScopeSpans.spans` have the same field number, 2.
#[derive(Clone, Debug)]
pub struct Group {
    /// Whom they are about.
    pub resource: Resource,
    /// The entries.
    pub entries: Vec<u8>,
    /// How many entries.
    pub records: u64,
}

/// What one export request carries.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Of which kind.
    pub signal: Signal,
    /// One per resource.
    pub groups: Vec<Group>,
}

impl Batch {
    /// Records in all groups.
    pub fn records(&self) -> u64 {
        self.groups.iter().map(|group| group.records).sum()
    }

    /// Encoded bytes, give or take the few of the envelopes.
    pub fn bytes(&self) -> usize {
        self.groups
            .iter()
            .map(|group| group.entries.len() + group.resource.len() + ENVELOPE_BYTES)
            .sum()
    }

    /// Halves it by records, for finding the one that a receiver refuses. Order is kept: what comes
    /// first is in the first half.
    ///
    /// A batch of one record cannot be split, nor one whose entries have no readable boundary; it
    /// comes back whole, with `None`.
    pub fn split(self) -> (Self, Option<Self>) {
        let signal = self.signal;
        let mut wanted = self.records() / 2;
        let mut first = Vec::new();
        let mut second = Vec::new();
        for mut group in self.groups {
            if group.records <= wanted {
                wanted -= group.records;
                first.push(group);
                continue;
            }
            let tail = group.split_off(wanted);
            wanted = 0;
            match tail {
                Some(tail) => {
                    first.push(group);
                    second.push(tail);
                }
                None => second.push(group),
            }
        }
        match (first.is_empty(), second.is_empty()) {
            (false, false) => (
                Self {
                    signal,
                    groups: first,
                },
                Some(Self {
                    signal,
                    groups: second,
                }),
            ),
            (false, true) => (
                Self {
                    signal,
                    groups: first,
                },
                None,
            ),
            (true, _) => (
                Self {
                    signal,
                    groups: second,
                },
                None,
            ),
        }
    }
}

// === impl Group ===

impl Group {
    /// The messages, without tag and length.
    pub fn messages(&self) -> Messages<'_> {
        Messages {
            rest: &self.entries,
        }
    }

    /// Cuts after `records` entries and gives back the tail, if both sides have something.
    fn split_off(&mut self, records: u64) -> Option<Self> {
        if records == 0 || records >= self.records {
            return None;
        }
        let mut messages = self.messages();
        for _ in 0..records {
            messages.next()?;
        }
        let at = self.entries.len() - messages.rest.len();
        let tail = Self {
            resource: Arc::clone(&self.resource),
            entries: self.entries.split_off(at),
            records: self.records - records,
        };
        self.records = records;
        Some(tail)
    }
}

/// The messages of a [`Group`], in order. Ends early where the bytes are not an entry.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

// === impl Messages ===

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = self.rest.strip_prefix(&[ENTRY_TAG])?;
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let (message, rest) = bytes.split_at_checked(length)?;
        self.rest = rest;
        Some(message)
    }
}

/// The batch being filled, of one signal.
#[derive(Debug)]
pub struct Batcher {
    limits: Limits,
    signal: Signal,
    groups: Vec<Group>,
    records: usize,
    bytes: usize,
    oldest: Option<Instant>,
}

// === impl Batcher ===

impl Batcher {
    /// An empty batcher.
    pub fn new(signal: Signal, limits: Limits) -> Self {
        Self {
            limits,
            signal,
            groups: Vec::new(),
            records: 0,
            bytes: 0,
            oldest: None,
        }
    }

    /// Adds one entry (see [`Group`]); gives back the batch that had to leave first, if any.
    pub fn push(&mut self, resource: &Resource, entry: &[u8], now: Instant) -> Option<Batch> {
        // Few resources are in one batch, and the last one used is the likeliest.
        let known = self
            .groups
            .iter()
            .rposition(|group| Arc::ptr_eq(&group.resource, resource));
        let envelope = if known.is_some() {
            0
        } else {
            resource.len() + ENVELOPE_BYTES
        };
        let is_full = self.records >= self.limits.records
            || (self.records > 0 && self.bytes + entry.len() + envelope > self.limits.bytes);
        let full = if is_full { self.take() } else { None };
        self.oldest.get_or_insert(now);
        self.records += 1;
        self.bytes += entry.len();
        // After a take there are no groups any more: the position finds nothing.
        match known.and_then(|at| self.groups.get_mut(at)) {
            Some(group) => {
                group.entries.extend_from_slice(entry);
                group.records += 1;
            }
            None => {
                self.bytes += resource.len() + ENVELOPE_BYTES;
                // Where batches leave full, the next one will be: growing it step by step copies it twice.
                let room = if full.is_some() { self.limits.bytes } else { 0 };
                let mut entries = Vec::with_capacity(room.max(entry.len()));
                entries.extend_from_slice(entry);
                self.groups.push(Group {
                    resource: Arc::clone(resource),
                    entries,
                    records: 1,
                });
            }
        }
        full
    }

    /// Takes what has reached its age.
    pub fn take_due(&mut self, now: Instant) -> Option<Batch> {
        let oldest = self.oldest?;
        if now.duration_since(oldest) >= self.limits.age {
            self.take()
        } else {
            None
        }
    }

    /// Takes what there is.
    pub fn take(&mut self) -> Option<Batch> {
        if self.records == 0 {
            return None;
        }
        self.records = 0;
        self.bytes = 0;
        self.oldest = None;
        Some(Batch {
            signal: self.signal,
            groups: std::mem::take(&mut self.groups),
        })
    }
}

#[cfg(test)]
mod tests;
