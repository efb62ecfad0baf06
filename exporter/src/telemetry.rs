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

/// All counters of one agent.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// The way of log records.
    pub logs: Records,
    /// The way of spans.
    pub traces: Records,
}

impl Telemetry {
    /// The counters of one signal.
    pub fn records(&self, signal: Signal) -> &Records {
        match signal {
            Signal::Logs => &self.logs,
            Signal::Traces => &self.traces,
        }
    }
}
