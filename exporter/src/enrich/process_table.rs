//! Who created whom: the one owner of lineage.
//!
//! Takes identities from fork, exec and exit events and from the start-up snapshot; gives the ancestors
//! of an image. Pure: no clock, no `/proc`, no kernel. `T` is what the caller knows about an image;
//! `None` is an image known by id only, a stub.
//!
//! A *process* has one creator, which is an *image*: the program that ran when it was created. Links are
//! kept per process and lead to images, so that all images of a process share their lineage. A link
//! says where it comes from; reparenting never changes one.
//!
//! - An image is kept while its process runs it, and longer while a process that it created is kept.
//!   A process is kept as long as one of its images. What nothing refers to is freed by the *next*
//!   call of `seed`, `fork`, `exec`, `exit` or `sweep`: handles that a call returned hold until then.
//! - Creators are older than what they create. A link that contradicts this is refused, whatever said
//!   so; hence no cycles.
//! - A process that ended never lives again: the last 4096 are remembered, by the low bits of the pid,
//!   so that a snapshot that is applied late revives nobody.
//!
//! *Bounded by:* [`Limits`]. At the bound the table forgets, counts it, and says so in the lineage of
//! whoever descends from what is gone.

mod ended;
mod forget;
mod lineage;
mod links;
mod nodes;
mod slab;
#[cfg(test)]
mod tests;
mod values;

use rustc_hash::FxHashMap;

use self::ended::Ended;
pub use self::lineage::{Ancestor, Lineage};
use self::nodes::{Image, Process};
pub use self::slab::Handle;
use self::slab::{NIL, Queue, Slab};
pub use self::values::{CHAIN_MAX, Counts, Limits, LineageSource, Outcome, Parents, Standing};
use crate::event::{Fork, ImageId, Pid, ProcessKey};

/// Fewest images a table may be limited to: no single event mentions as many.
const IMAGES_MIN: usize = 64;

/// The processes of a host and their ancestors. See the module.
#[derive(Debug)]
pub struct ProcessTable<T> {
    limits: Limits,
    counts: Counts,
    processes: Slab<Process>,
    images: Slab<Image<T>>,
    by_key: FxHashMap<ProcessKey, u32>,
    /// Living processes only.
    by_pid: FxHashMap<Pid, u32>,
    /// Living processes, oldest acquaintance first.
    live: Queue,
    /// Images that no living process runs, in the order in which that came to be.
    kept: Queue,
    ended: Ended,
    /// Images to look at in the next sweep.
    loose: Vec<Handle>,
    /// Number of the call: images that carry it are not forgotten during it.
    call: u32,
    lost_exits: Vec<Handle>,
    stubs: Vec<Handle>,
}

// === impl ProcessTable ===

impl<T: Clone> ProcessTable<T> {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        // Slots are numbered in 32 bits with room to spare.
        let images = limits.images.clamp(IMAGES_MIN, 1 << 30);
        Self {
            limits: Limits { images, ..limits },
            counts: Counts::default(),
            processes: Slab::new(),
            images: Slab::new(),
            by_key: FxHashMap::default(),
            by_pid: FxHashMap::default(),
            live: Queue::new(),
            kept: Queue::new(),
            ended: Ended::new(),
            loose: Vec::new(),
            call: 0,
            lost_exits: Vec::new(),
            stubs: Vec::new(),
        }
    }

    /// Takes in a process that lived when the agent started, running `id`.
    ///
    /// In any order, before, between and after events. What events said stands: data is only added where
    /// there is none, a link only where there is none ([`LineageSource::Procfs`]).
    pub fn seed(&mut self, id: ImageId, parents: Parents<'_>, data: Option<T>) -> Outcome {
        self.begin();
        let (process, is_new) = self.meet(id);
        let image = self.image(process, id.exec_id);
        if let Some(node) = self.images.get_mut(image)
            && node.data.is_none()
        {
            node.data = data;
        }
        let outcome = self.run(process, image, is_new);
        self.heal(process, id.exec_id, parents, LineageSource::Procfs);
        outcome
    }

    /// Takes in the creation of a process.
    ///
    /// The child runs the program of its creator, so it gets a clone of that image's data. A creator not
    /// known becomes a stub. For a child that is known already only the link is made better, and the
    /// outcome names its current image if the one at creation is gone.
    pub fn fork(&mut self, fork: &Fork) -> Outcome {
        self.begin();
        let (process, is_new) = self.meet(fork.id);
        let image = self.image_not_older(process, fork.id.exec_id);
        self.record_creator(process, fork.creator);
        let is_same_program = self
            .images
            .get(image)
            .is_some_and(|node| node.data.is_none() && node.exec_id == fork.creator.exec_id);
        if is_same_program {
            let data = self.inherited(image).cloned();
            if let Some(node) = self.images.get_mut(image) {
                node.data = data;
            }
        }
        let standing = self.standing(process, image, is_new);
        Outcome {
            image: self.give(image),
            standing,
            previous: None,
        }
    }

    /// Takes in that a process runs a new image.
    ///
    /// `data` replaces what the image had, unless it is `None`. The same image again changes nothing
    /// else. An image older than the current one joins it as one that has ended. A process not known, and
    /// every known one in the chain without a link, gets one from it ([`LineageSource::Kernel`]).
    ///
    /// `previous` is the image that ran until now, as far as events or the snapshot told: not the one
    /// before in the kernel's count, if its exec was lost.
    pub fn exec(&mut self, id: ImageId, parents: Parents<'_>, data: Option<T>) -> Outcome {
        self.begin();
        let (process, is_new) = self.meet(id);
        let image = self.image(process, id.exec_id);
        if let Some(node) = self.images.get_mut(image)
            && data.is_some()
        {
            node.data = data;
        }
        let outcome = self.run(process, image, is_new);
        // Its creator ran at most the image before this one: exec ids grow along the line of descent.
        self.heal(
            process,
            id.exec_id.saturating_sub(1),
            parents,
            LineageSource::Kernel,
        );
        outcome
    }

    /// Takes in that a process ended. A process not known is linked to `parent`, its parent at the end.
    ///
    /// `previous` is set if the process last ran an image whose exec was lost.
    pub fn exit(&mut self, id: ImageId, parent: ImageId) -> Outcome {
        self.begin();
        let (process, is_new) = self.meet(id);
        let image = self.image_not_older(process, id.exec_id);
        let outcome = self.run(process, image, is_new);
        let parents = Parents { parent, chain: &[] };
        self.heal(process, id.exec_id, parents, LineageSource::Kernel);
        if outcome.standing == Standing::Ended {
            self.counts.duplicate_exits += 1;
        }
        self.end(process);
        outcome
    }

    /// Frees now what the next event would: ended images without descendants. Their handles are void.
    pub fn sweep(&mut self) {
        self.begin();
    }

    /// The ancestors of an image, nearest first. Empty and truncated if the handle is void.
    pub fn lineage(&self, image: Handle) -> Lineage<'_, T> {
        Lineage::new(self, image)
    }

    /// An image, if it is kept.
    pub fn get(&self, id: ImageId) -> Option<Handle> {
        let process = self.find(id.process)?;
        Some(self.images.handle(self.find_image(process, id.exec_id)?))
    }

    /// The newest image that is known of a process; `None` if the process is not known or has ended.
    pub fn current(&self, process: ProcessKey) -> Option<Handle> {
        let process = self.processes.get(self.find(process)?)?;
        process.is_alive.then(|| self.images.handle(process.newest))
    }

    /// The living process with this pid, as far as is known.
    pub fn with_pid(&self, pid: Pid) -> Option<ProcessKey> {
        Some(self.processes.get(*self.by_pid.get(&pid)?)?.key)
    }

    /// The id of an image; `None` if the handle is void.
    pub fn id(&self, image: Handle) -> Option<ImageId> {
        self.id_of(self.images.resolve(image)?)
    }

    /// What is known of an image. A process that has not called exec and has no data of its own has
    /// that of its creator, also if that came later.
    pub fn data(&self, image: Handle) -> Option<&T> {
        self.inherited(self.images.resolve(image)?)
    }

    /// The image's own data.
    pub fn data_mut(&mut self, image: Handle) -> Option<&mut T> {
        let image = self.images.resolve(image)?;
        self.images.get_mut(image)?.data.as_mut()
    }

    /// Sets an image's own data, as of a stub that `/proc` could describe. Clones that its children got
    /// before stay as they are; children without data have it from now on (see [`Self::data`]).
    ///
    /// # Errors
    ///
    /// Gives `data` back if the handle is void.
    pub fn set_data(&mut self, image: Handle, data: T) -> Result<(), T> {
        match self
            .images
            .resolve(image)
            .and_then(|image| self.images.get_mut(image))
        {
            Some(node) => {
                node.data = Some(data);
                Ok(())
            }
            None => Err(data),
        }
    }

    /// The last images of those processes whose missed exit the last event made known.
    pub fn lost_exits(&self) -> &[Handle] {
        &self.lost_exits
    }

    /// Images without data that living ancestors, met by the last event, run now: those that `/proc` can
    /// describe. They are named by every event that meets them, until they have data.
    pub fn stubs(&self) -> &[Handle] {
        &self.stubs
    }

    /// The living processes with their current images, in no order.
    pub fn live(&self) -> impl Iterator<Item = ImageId> {
        let first = self.live.front();
        std::iter::successors(Some(first), |&last| {
            Some(Queue::after(&self.processes, last))
        })
        .map_while(|process| self.id_of(self.processes.get(process)?.newest))
    }

    /// How many processes are thought alive.
    pub fn live_len(&self) -> usize {
        self.live.len()
    }

    /// How many images are kept, of living processes or for their descendants.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes `image` the one that the process is told to run, unless it was told a later one.
    fn run(&mut self, process: u32, image: u32, is_new: bool) -> Outcome {
        let standing = self.standing(process, image, is_new);
        let told = self.processes.get(process).map_or(NIL, |node| node.told);
        let is_later = self.images.get(image).map(|image| image.exec_id)
            > self.images.get(told).map(|told| told.exec_id);
        let mut previous = None;
        if is_later
            && let Some(node) = self.processes.get_mut(process)
            && node.is_alive
        {
            node.told = image;
            previous = Some(self.give(told));
            self.settle(told);
            self.settle(image);
        }
        Outcome {
            image: self.give(image),
            standing,
            previous,
        }
    }

    fn standing(&self, process: u32, image: u32, is_new: bool) -> Standing {
        match self.processes.get(process) {
            Some(node) if !node.is_alive => Standing::Ended,
            Some(_) if is_new => Standing::New,
            Some(node) if node.newest != image => Standing::Superseded,
            Some(_) | None => Standing::Known,
        }
    }
}
