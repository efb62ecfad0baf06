//! The agent's own counters: one struct of atomics, the only source for `/metrics` and for OTLP.
//!
//! Everything is counted once, where the decision is taken, in events or records, never in batches.
//! The sums hold at every quiet point (promise 1 of the design):
//!
//! ```text
//! seen by the programs = submitted + lost{reason}
//! submitted            = decoded + undecodable{reason}
//! records created      = exported + rejected + dropped{reason} + in flight
//! ```

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::decode::DecodeError;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// For a counter whose source is elsewhere, such as a map of the kernel.
    pub fn store(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// Its value now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What leaves the agent, as OTLP divides it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
}

impl Signal {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 2] = [Self::Logs, Self::Traces];

    /// The value of the metric attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// Why a record that was created did not leave. A closed set: it is the value of `error.type`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DropReason {
    /// The queue to the way out had reached its bytes.
    QueueFull,
    /// The receiver said that asking again cannot help.
    PermanentError,
    /// It was tried for as long as the configuration allows.
    RetryExhausted,
    /// The agent had to stop before it could be delivered.
    Shutdown,
    /// The console could not be written to.
    ConsoleClosed,
}

impl DropReason {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 5] = [
        Self::QueueFull,
        Self::PermanentError,
        Self::RetryExhausted,
        Self::Shutdown,
        Self::ConsoleClosed,
    ];

    /// The value of the metric attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::PermanentError => "permanent_error",
            Self::RetryExhausted => "retry_exhausted",
            Self::Shutdown => "shutdown",
            Self::ConsoleClosed => "console_closed",
        }
    }
}

/// Why an event makes no record although nothing was lost. A closed set: it is the value of `error.type`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Filtered {
    /// A thread of the kernel ended: it never ran a program.
    KernelThread,
    /// A process ended a second time: two of its last threads spoke for it.
    DuplicateExit,
}

impl Filtered {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 2] = [Self::KernelThread, Self::DuplicateExit];

    /// The value of the metric attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KernelThread => "kernel_thread",
            Self::DuplicateExit => "duplicate_exit",
        }
    }
}

/// The way of records of one signal.
#[derive(Debug, Default)]
pub struct Records {
    /// Handed to the way out.
    pub created: Counter,
    /// The next hop said yes (or the console took it).
    pub exported: Counter,
    /// The receiver refused these records: partial success, or the one bad record of a refused request.
    pub rejected: Counter,
    dropped: [Counter; DropReason::ALL.len()],
    /// Requests sent again, for whatever reason. Not part of the sums.
    pub retries: Counter,
}

impl Records {
    /// The counter of one reason.
    pub fn dropped(&self, reason: DropReason) -> &Counter {
        let [queue_full, permanent, exhausted, shutdown, console] = &self.dropped;
        match reason {
            DropReason::QueueFull => queue_full,
            DropReason::PermanentError => permanent,
            DropReason::RetryExhausted => exhausted,
            DropReason::Shutdown => shutdown,
            DropReason::ConsoleClosed => console,
        }
    }

    /// Records that are in none of the final counters yet.
    pub fn in_flight(&self) -> u64 {
        // Created is read last: a record that ends in between must not make the difference negative.
        let ended = self.exported.get()
            + self.rejected.get()
            + self.dropped.iter().map(Counter::get).sum::<u64>();
        self.created.get().saturating_sub(ended)
    }
}

/// What the programs counted, as last read from their maps.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Kernel {
    /// Events that the programs saw.
    pub seen: u64,
    /// Events that did not reach the ring: kind, reason, how many. Only what is not zero.
    pub lost: Vec<(&'static str, &'static str, u64)>,
}

/// All counters of one agent.
#[derive(Debug, Default)]
pub struct Telemetry {
    kernel: Mutex<Kernel>,
    /// Bytes of the ring.
    pub ring_size: Counter,
    /// Samples that became events, or parts of one.
    pub decoded: Counter,
    /// Samples that could not be decoded, as [`DecodeError::REASONS`] orders them.
    pub undecodable: [Counter; DecodeError::REASONS.len()],
    filtered: [Counter; Filtered::ALL.len()],
    /// Images in the process table.
    pub table_images: Counter,
    /// Living processes in the process table.
    pub table_processes: Counter,
    /// Images that the full process table forgot.
    pub table_forgotten: Counter,
    /// Processes found ended without an event.
    pub table_lost_exits: Counter,
    /// Links to a parent mended from the kernel's chain.
    pub table_healed: Counter,
    /// The way of log records.
    pub logs: Records,
    /// The way of spans.
    pub traces: Records,
}

impl Telemetry {
    /// What the programs counted, as last read.
    pub fn kernel(&self) -> Kernel {
        self.kernel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes what was read from the programs' maps.
    pub fn set_kernel(&self, counts: Kernel) {
        *self.kernel.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// Events that were seen and are in no counter yet: they are in the ring. Zero when all is read.
    pub fn events_balance(&self) -> u64 {
        let kernel = self.kernel();
        let lost: u64 = kernel.lost.iter().map(|(_, _, count)| count).sum();
        let undecodable: u64 = self.undecodable.iter().map(Counter::get).sum();
        kernel
            .seen
            .saturating_sub(lost + self.decoded.get() + undecodable)
    }

    /// Events that make no record.
    pub fn filtered(&self, reason: Filtered) -> &Counter {
        let [kernel_thread, duplicate_exit] = &self.filtered;
        match reason {
            Filtered::KernelThread => kernel_thread,
            Filtered::DuplicateExit => duplicate_exit,
        }
    }

    /// Samples that could not be decoded for this reason.
    pub fn undecodable(&self, error: DecodeError) -> &Counter {
        let [short, unknown, length] = &self.undecodable;
        match error {
            DecodeError::Short { .. } => short,
            DecodeError::UnknownKind(_) => unknown,
            DecodeError::BadLength { .. } => length,
        }
    }

    /// The counters of one signal.
    pub fn records(&self, signal: Signal) -> &Records {
        match signal {
            Signal::Logs => &self.logs,
            Signal::Traces => &self.traces,
        }
    }
}
