//! Collects encoded records into batches, by count, by bytes and by age.
//!
//! Pure: the caller passes the time. Order is kept within a resource. A record larger than the byte
//! limit travels alone. What a record says is not known here: it is bytes with a boundary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::telemetry::Signal;

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
            .map(|group| group.entries.len() + group.resource.len() + 16)
            .sum()
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
        let is_full = self.records >= self.limits.records
            || (self.records > 0 && self.bytes + entry.len() > self.limits.bytes);
        let full = if is_full { self.take() } else { None };
        self.oldest.get_or_insert(now);
        self.records += 1;
        self.bytes += entry.len();
        // Few resources are in one batch, and the last one used is the likeliest.
        if let Some(group) = self
            .groups
            .iter_mut()
            .rev()
            .find(|group| Arc::ptr_eq(&group.resource, resource))
        {
            group.entries.extend_from_slice(entry);
            group.records += 1;
        } else {
            self.bytes += resource.len() + 16;
            self.groups.push(Group {
                resource: Arc::clone(resource),
                entries: entry.to_vec(),
                records: 1,
            });
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
