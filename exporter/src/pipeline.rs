//! The wiring: ring -> decode -> tracker -> batches -> outbox, on one thread that owns all state.
//!
//! What ends a wait: the drain interval, a forced wake-up of the programs when much is waiting, and the
//! stop. Nothing here waits for the way out: an outbox that is full says so and counts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::batch::{self, Batcher, Resource};
use crate::clock::{self, Clock};
use crate::decode::Decoder;
use crate::kernel::{Ring, Sensor};
use crate::outbox::Outbox;
use crate::telemetry::{Kernel, Signal, Telemetry};
use crate::tracker::Tracker;

/// Samples read before the other duties get their turn: at most some milliseconds of work.
const SAMPLES_PER_TURN: usize = 16_384;

/// How often the programs' own counts are read and lost events are told.
const COUNTS_INTERVAL: Duration = Duration::from_secs(1);

/// Batches on their way to the outboxes.
pub struct Batches {
    logs: Batcher,
    traces: Batcher,
    to_logs: Outbox,
    to_traces: Option<Outbox>,
}

/// What the pipeline is made of.
pub struct Parts {
    /// The programs.
    pub sensor: Sensor,
    /// Their ring.
    pub ring: Ring,
    /// Seeded already.
    pub tracker: Tracker,
    /// Empty.
    pub batches: Batches,
    /// The counters.
    pub telemetry: Arc<Telemetry>,
    /// Kernel time to wall time.
    pub clock: Clock,
    /// How long a sample waits at most until it is read.
    pub drain_interval: Duration,
}

/// See the module.
pub struct Pipeline {
    parts: Parts,
    decoder: Decoder,
    counts_due: Instant,
    told: Kernel,
}

// === impl Batches ===

impl Batches {
    /// Empty batches of these limits. Without an outbox for spans there are none.
    pub fn new(limits: batch::Limits, to_logs: Outbox, to_traces: Option<Outbox>) -> Self {
        Self {
            logs: Batcher::new(Signal::Logs, limits),
            traces: Batcher::new(Signal::Traces, limits),
            to_logs,
            to_traces,
        }
    }

    fn push(&mut self, signal: Signal, resource: &Resource, entry: &[u8], now: Instant) {
        let full = match signal {
            Signal::Logs => self.logs.push(resource, entry, now),
            Signal::Traces => self.traces.push(resource, entry, now),
        };
        self.send(full);
    }

    fn send_due(&mut self, now: Instant) {
        let (logs, traces) = (self.logs.take_due(now), self.traces.take_due(now));
        self.send(logs);
        self.send(traces);
    }

    fn send_all(&mut self) {
        let (logs, traces) = (self.logs.take(), self.traces.take());
        self.send(logs);
        self.send(traces);
    }

    fn send(&self, batch: Option<batch::Batch>) {
        let Some(batch) = batch else { return };
        match (batch.signal, &self.to_traces) {
            (Signal::Logs, _) => self.to_logs.try_send(batch),
            (Signal::Traces, Some(outbox)) => outbox.try_send(batch),
            // The tracker makes spans only where somebody wants them.
            (Signal::Traces, None) => {}
        }
    }
}

// === impl Pipeline ===

impl Pipeline {
    /// Ready to run.
    pub fn new(parts: Parts) -> Self {
        let page_size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        Self {
            parts,
            decoder: Decoder::new(page_size),
            counts_due: Instant::now(),
            told: Kernel::default(),
        }
    }

    /// Runs until `stop` is set and the ring's waker called. Then detaches the programs and takes what
    /// they still saw: when it returns, every event is in a counter and every record in an outbox.
    ///
    /// # Errors
    ///
    /// If the ring cannot be waited for, or the programs' counts cannot be read.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        while !stop.load(Relaxed) {
            self.parts.ring.wait(self.parts.drain_interval)?;
            self.turn()?;
        }
        self.parts.sensor.detach();
        while self.drain() > 0 {}
        self.read_counts()?;
        self.parts.batches.send_all();
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        self.drain();
        let now = Instant::now();
        if now >= self.counts_due {
            self.counts_due = now + COUNTS_INTERVAL;
            self.read_counts()?;
        }
        self.parts.batches.send_due(now);
        Ok(())
    }

    /// Takes samples until there are none or the turn is over; says how many.
    fn drain(&mut self) -> usize {
        let Parts {
            ring,
            tracker,
            batches,
            telemetry,
            clock,
            ..
        } = &mut self.parts;
        let (now, observed) = (Instant::now(), clock.wall(clock::now()));
        let decoder = &mut self.decoder;
        let mut taken = 0;
        while taken < SAMPLES_PER_TURN {
            let Some(decoded) = ring.next_sample(|sample| decoder.decode(sample)) else {
                break;
            };
            taken += 1;
            match decoded {
                Ok(event) => {
                    telemetry.decoded.add(1);
                    if let Some(event) = event {
                        // What happened during this turn was not observed at its start.
                        let observed = observed.max(clock.wall(event.at));
                        tracker.event(
                            event,
                            observed,
                            &mut |signal, resource: &Resource, entry: &[u8]| {
                                batches.push(signal, resource, entry, now);
                            },
                        );
                    }
                }
                Err(error) => telemetry.undecodable(error).add(1),
            }
        }
        taken
    }

    /// Reads the programs' counts, and makes a record of what was lost since the last time.
    fn read_counts(&mut self) -> io::Result<()> {
        let kernel = self.parts.sensor.counts().map_err(io::Error::other)?;
        let Parts {
            tracker,
            batches,
            telemetry,
            clock,
            ..
        } = &mut self.parts;
        let (now, wall) = (Instant::now(), clock.wall(clock::now()));
        for (kind, reason, count) in &kernel.lost {
            let before = self
                .told
                .lost
                .iter()
                .find(|(k, r, _)| k == kind && r == reason);
            let since = count - before.map_or(0, |(_, _, count)| *count);
            if since > 0 {
                tracing::warn!(kind, reason, count = since, "events lost");
                tracker.loss(
                    kind,
                    reason,
                    since,
                    wall,
                    &mut |signal, resource: &Resource, entry: &[u8]| {
                        batches.push(signal, resource, entry, now);
                    },
                );
            }
        }
        let (images, processes, counts) = tracker.table_state();
        telemetry.table_images.store(images as u64);
        telemetry.table_processes.store(processes as u64);
        telemetry
            .table_forgotten
            .store(counts.forgotten_ended + counts.forgotten_live);
        telemetry.table_lost_exits.store(counts.lost_exits);
        telemetry.table_healed.store(counts.healed_links);
        telemetry.set_kernel(kernel.clone());
        self.told = kernel;
        Ok(())
    }
}
