//! Events in, encoded records out: the one owner of what is known about processes.
//!
//! ```text
//! Event -> process table, places, traces -> blocks of attributes -> log record, span
//! ```
//!
//! Pure but for one function that it is given, which describes a process that is only known by its id.
//! The caller passes the time and takes the records as bytes.

mod kin;
mod known;
mod records;

use std::sync::Arc;

use crate::batch::Resource;
use crate::clock::{Clock, UnixNanos};
use crate::enrich::places::Places;
use crate::enrich::process_table::{
    self, Counts, LineageSource, Outcome, Parents, ProcessTable, Standing,
};
use crate::event::{Event, Exec, Exit, Fork, ImageId, KernelTime, Payload};
use crate::identity::{BootId, EntityId};
use crate::otlp::attributes::Attributes;
use crate::otlp::resource::Host;
use crate::telemetry::{Filtered, Signal, Telemetry};
use crate::trace::{self, Traces};

use known::Known;
pub use known::Seed;
use records::Writers;

/// What the tracker needs to know from the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This boot of the kernel.
    pub boot: BootId,
    /// Kernel time to wall time.
    pub clock: Clock,
    /// The agent's own image: its entity id is the epoch of all records.
    pub agent: ImageId,
    /// For resources.
    pub host: Host,
    /// Bounds of the process table.
    pub table: process_table::Limits,
    /// Rotation of traces; `None`: no spans.
    pub traces: Option<trace::Limits>,
}

/// Takes one record: what it is, whom it is about, and its entry (see [`crate::batch::Group`]).
pub trait Sink: FnMut(Signal, &Resource, &[u8]) {}
impl<F: FnMut(Signal, &Resource, &[u8])> Sink for F {}

/// Describes a living process that no event has described.
pub type Describe = Box<dyn FnMut(ImageId) -> Option<Seed> + Send>;

/// See the module.
pub struct Tracker {
    boot: BootId,
    clock: Clock,
    table: ProcessTable<Known>,
    places: Places,
    traces: Option<Traces>,
    writers: Writers,
    telemetry: Arc<Telemetry>,
    describe: Describe,
    scratch: Attributes,
    /// Counts up with each change that makes lineages look different: what was cached is void then.
    generation: u64,
}

// === impl Tracker ===

impl Tracker {
    /// Knows nothing yet: see [`Tracker::seed`].
    pub fn new(settings: Settings, telemetry: Arc<Telemetry>, describe: Describe) -> Self {
        let epoch = EntityId::of(settings.boot, settings.agent);
        Self {
            boot: settings.boot,
            clock: settings.clock,
            table: ProcessTable::new(settings.table),
            places: Places::new(settings.host),
            traces: settings
                .traces
                .map(|limits| Traces::new(settings.boot, limits)),
            writers: Writers::new(settings.boot, epoch),
            telemetry,
            describe,
            scratch: Attributes::default(),
            generation: 0,
        }
    }

    /// Takes in a process that lived when the agent started, the oldest first. No record is made of it.
    pub fn seed(&mut self, seed: Seed) {
        let (id, chain, parent) = (seed.exec.task.id, seed.chain.clone(), seed.exec.task.parent);
        let known = self.known_from_seed(seed);
        self.table.seed(
            id,
            Parents {
                parent,
                chain: &chain,
            },
            Some(known),
        );
        self.generation += 1;
        self.fill_stubs();
    }

    /// Takes in an event and gives out its records.
    pub fn event(&mut self, event: Event, observed: UnixNanos, sink: &mut impl Sink) {
        match &event.payload {
            Payload::Fork(fork) => self.fork(fork),
            Payload::Exec(exec) => self.exec(exec, &event, observed, sink),
            Payload::Exit(exit) => self.exit(exit, &event, observed, sink),
            Payload::Cgroup(cgroup) => self.places.name(cgroup.id, cgroup.path.as_str()),
        }
    }

    /// Says that `count` events of a kind were lost since the last time, and why.
    pub fn loss(
        &mut self,
        kind: &str,
        reason: &str,
        count: u64,
        now: UnixNanos,
        sink: &mut impl Sink,
    ) {
        let entry = self.writers.loss(kind, reason, count, now);
        sink(Signal::Logs, self.places.host(), entry);
    }

    /// Images kept, living processes, and what happened to the table so far.
    pub fn table_state(&self) -> (usize, usize, Counts) {
        (self.table.len(), self.table.live_len(), self.table.counts())
    }

    fn fork(&mut self, fork: &Fork) {
        let outcome = self.table.fork(fork);
        if outcome.standing != Standing::New {
            // The link may have become a better one.
            self.generation += 1;
        }
        self.fill_stubs();
        let inherited = self.table.data(outcome.image).cloned();
        let is_new = outcome.standing == Standing::New;
        if let Some(parent) = inherited.filter(|_| is_new) {
            let child = Known::forked(&parent, fork.id, fork.vpid);
            // The handle is of this very call.
            drop(self.table.set_data(outcome.image, child));
        }
    }

    fn exec(&mut self, exec: &Exec, event: &Event, observed: UnixNanos, sink: &mut impl Sink) {
        let id = exec.task.id;
        let entity = EntityId::of(self.boot, id);
        let parents = Parents {
            parent: exec.task.parent,
            chain: &exec.chain,
        };
        let outcome = self.table.exec(id, parents, None);
        self.fill_stubs();
        self.end_previous(&outcome, event.at, sink);
        let previous = outcome
            .previous
            .and_then(|image| self.table.data(image))
            .cloned();
        let kin = self.kin(outcome.image);
        let creator = self.creator(outcome.image);
        let mut program = self.program(exec, entity, event.at, creator.as_ref(), previous.as_ref());
        program.flags = event.flags;
        // The copy of its creator that a process starts as is in no record.
        let previous = previous.filter(|known| known.is_own_image);
        let known = Known {
            previous: previous.map(|known| known.entity(self.boot)),
            ..Known::executed(&exec.task, program)
        };
        let entry = self
            .writers
            .exec(&known, &kin, exec, event, &self.clock, observed);
        sink(Signal::Logs, &known.program.resource, entry);
        drop(self.table.set_data(outcome.image, known));
    }

    fn exit(&mut self, exit: &Exit, event: &Event, observed: UnixNanos, sink: &mut impl Sink) {
        let outcome = self.table.exit(exit.id, exit.parent);
        if outcome.standing == Standing::Ended {
            self.telemetry.filtered(Filtered::DuplicateExit).add(1);
            return;
        }
        self.fill_stubs();
        self.end_previous(&outcome, event.at, sink);
        let known = match self.table.data(outcome.image).cloned() {
            Some(known) if known.id == exit.id => known,
            // Only the program it was forked with is known, or not even that.
            Some(parent) => Known::forked(&parent, exit.id, exit.vpid),
            None => self.known_from_exit(exit),
        };
        if exit.is_kernel_thread && !known.is_own_image {
            self.telemetry.filtered(Filtered::KernelThread).add(1);
            return;
        }
        let kin = self.kin(outcome.image);
        let entry = self
            .writers
            .exit(&known, &kin, exit, event, &self.clock, observed);
        sink(Signal::Logs, &known.program.resource, entry);
        if self.traces.is_some() && known.is_own_image {
            let entry = self
                .writers
                .span(&known, &kin, Some((exit, event)), event.at, &self.clock);
            sink(Signal::Traces, &known.program.resource, entry);
        }
    }

    /// The span of an image that another one replaced.
    fn end_previous(&mut self, outcome: &Outcome, at: KernelTime, sink: &mut impl Sink) {
        let Some(image) = outcome.previous.filter(|_| self.traces.is_some()) else {
            return;
        };
        let (Some(known), Some(id)) = (self.table.data(image).cloned(), self.table.id(image))
        else {
            return;
        };
        if !known.is_own_image || known.id != id {
            return;
        }
        let kin = self.kin(image);
        let entry = self.writers.span(&known, &kin, None, at, &self.clock);
        sink(Signal::Traces, &known.program.resource, entry);
    }

    /// Describes living ancestors that the last event met and that are only known by their id.
    fn fill_stubs(&mut self) {
        for image in self.table.stubs().to_vec() {
            let Some(id) = self.table.id(image) else {
                continue;
            };
            if let Some(seed) = (self.describe)(id) {
                let known = self.known_from_seed(seed);
                drop(self.table.set_data(image, known));
                self.generation += 1;
            }
        }
    }

    /// What is known of the image that created the process of `image`.
    fn creator(&self, image: process_table::Handle) -> Option<Known> {
        self.table.lineage(image).next()?.data.cloned()
    }
}

/// The word of the wire for a source.
const fn source_name(source: LineageSource) -> &'static str {
    match source {
        LineageSource::Fork => "fork",
        LineageSource::Kernel => "kernel",
        LineageSource::Procfs => "procfs",
        LineageSource::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests;
