//! What goes into and comes out of the table.

use super::slab::Handle;
use crate::event::ImageId;

/// Longest chain of parents that is looked at.
pub const CHAIN_MAX: usize = 16;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most images; never more processes than images. Less than 64 counts as 64.
    pub images: usize,
    /// Most ancestors that a lineage lists.
    pub depth: usize,
}

/// Where a link to a creator comes from, weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LineageSource {
    /// There is no link.
    Unknown,
    /// The parent at the time of the start-up snapshot: the creator, unless that had ended.
    Procfs,
    /// The parent at the time of an exec or exit: the creator, unless that had ended.
    Kernel,
    /// Recorded when the process was created.
    Fork,
}

/// The parents of a process as the kernel links them at one moment, after any reparenting.
///
/// Whether the chain was cut need not be said: every chain of a host ends in pid 1 or 2.
#[derive(Clone, Copy, Debug)]
pub struct Parents<'a> {
    /// The parent; pid 0 for the first processes of the host.
    pub parent: ImageId,
    /// The parent, then its parent, and so on, [`CHAIN_MAX`] of them. Empty: not known beyond `parent`.
    pub chain: &'a [ImageId],
}

/// What was known of the process that an event is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Nothing.
    New,
    /// It lives and the event is about its current image.
    Known,
    /// It lives and runs a later image: the event is older than the snapshot.
    Superseded,
    /// It had ended. For an exit: this is a second one.
    Ended,
}

/// The result of an event.
///
/// Handles hold until the next call that is an event.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The image that the event is about.
    pub image: Handle,
    /// What was known of its process.
    pub standing: Standing,
    /// The image that ended with this event because the process runs, or ran at its end, another one.
    pub previous: Option<Handle>,
}

/// What happened so far. Monotonic.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Images kept only for descendants that were forgotten at the bound.
    pub forgotten_ended: u64,
    /// Living processes that were forgotten at the bound.
    pub forgotten_live: u64,
    /// Links made from the kernel's chain of parents, for lack of a fork.
    pub healed_links: u64,
    /// Links that were not made because the creator would be younger than the created.
    pub refused_links: u64,
    /// Processes first met as somebody's ancestor.
    pub stubs: u64,
    /// Processes whose exit was missed, noticed when their pid was used again.
    pub lost_exits: u64,
    /// Exits of processes that had ended already.
    pub duplicate_exits: u64,
}
