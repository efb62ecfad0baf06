//! Links from processes to their creators: who may say what, and who wins.
//!
//! What fork recorded stands. Among the parents seen later, the first stands: a parent can only change
//! away from the creator, never towards it, so an earlier look is the better one.

use super::nodes::{Link, Process};
use super::slab::NIL;
use super::{CHAIN_MAX, LineageSource, Parents, ProcessTable};
use crate::event::{ImageId, ProcessKey};

impl<T: Clone> ProcessTable<T> {
    /// Links a process to the creator that fork recorded.
    pub(super) fn record_creator(&mut self, process: u32, creator: ImageId) {
        let Some(node) = self.processes.get(process) else {
            return;
        };
        let is_recorded = node.source == LineageSource::Fork && !self.is_cut(node);
        if is_recorded || (node.source == LineageSource::Fork && node.creator != creator) {
            return;
        }
        if creator.is_some() {
            self.link(process, creator, LineageSource::Fork);
        } else {
            self.set_root(process, LineageSource::Fork);
        }
    }

    /// Gives `process`, and each known one among its ancestors, the link that it lacks.
    ///
    /// `newest` is the newest exec id that the creator of `process` can have had when it created it.
    pub(super) fn heal(
        &mut self,
        process: u32,
        newest: u32,
        parents: Parents<'_>,
        source: LineageSource,
    ) {
        let Some(&Process { key, .. }) = self.processes.get(process) else {
            return;
        };
        let parent = [parents.parent];
        let chain = if parents.chain.is_empty() {
            parent.as_slice()
        } else {
            parents.chain
        };
        let (mut child, mut key, mut newest) = (Some(process), key, newest);
        for &id in chain.iter().take(CHAIN_MAX) {
            if !id.is_some() {
                self.end_chain(child, source);
                return;
            }
            if !precedes(id.process, key) {
                self.counts.refused_links += 1;
                return;
            }
            let ancestor = self.heal_pair(child, id, newest, source);
            if let Some(ancestor) = ancestor {
                self.note_stub(ancestor);
            }
            (child, key, newest) = (ancestor, id.process, id.exec_id);
        }
    }

    /// Links `child` to its parent `id` if it lacks a link; gives the parent, if it is known then.
    fn heal_pair(
        &mut self,
        child: Option<u32>,
        id: ImageId,
        newest: u32,
        source: LineageSource,
    ) -> Option<u32> {
        let node = child.and_then(|child| self.processes.get(child));
        let Some((child, node)) = child.zip(node) else {
            return self.note(id);
        };
        let is_same = node.creator.process == id.process;
        match node.link {
            Link::Creator(handle) if is_same => {
                if let Some(image) = self.images.resolve(handle) {
                    // The common case, without a look into a map.
                    let ancestor = self.images.get(image)?.process;
                    if let Some(node) = self.processes.get_mut(child) {
                        node.source = node.source.max(source);
                    }
                    self.note_image(ancestor, id.exec_id);
                    return Some(ancestor);
                }
                // Forgotten, and met again: what was recorded still holds.
                let (creator, source) = (node.creator, node.source);
                self.counts.healed_links += 1;
                self.link(child, creator, source);
                self.note(id)
            }
            Link::Creator(_) | Link::Root => self.note(id),
            Link::Unknown => {
                if source == LineageSource::Kernel {
                    self.counts.healed_links += 1;
                }
                let (ancestor, is_new) = self.meet(id);
                self.counts.stubs += u64::from(is_new);
                self.note_image(ancestor, id.exec_id);
                let creator = self.creating_image(ancestor, id, newest);
                self.link(child, creator, source);
                Some(ancestor)
            }
        }
    }

    /// Notes that a process runs `id`; gives it, if it is known.
    fn note(&mut self, id: ImageId) -> Option<u32> {
        let process = self.find(id.process)?;
        self.note_image(process, id.exec_id);
        Some(process)
    }

    /// Notes that a known process runs an image with this exec id, or did, and holds on to the process
    /// during this call.
    fn note_image(&mut self, process: u32, exec_id: u32) {
        let newest = self
            .processes
            .get(process)
            .map_or(NIL, |process| process.newest);
        self.touch(newest);
        self.image_not_older(process, exec_id);
    }

    /// The image of an ancestor that created a process whose first image had at most `newest` as exec id.
    ///
    /// Exec ids grow along the line of descent, so a later image did not; an adopter from another line
    /// may have none that early. Hence that one, if the ancestor is known to have run one before it.
    fn creating_image(&self, ancestor: u32, id: ImageId, newest: u32) -> ImageId {
        let Some(node) = self.processes.get(ancestor) else {
            return id;
        };
        let was_created_by_then =
            node.source == LineageSource::Fork && node.creator.exec_id <= newest;
        let mut image = self.images.get(node.newest);
        while let Some(later) = image
            && later.exec_id > newest
        {
            image = self.images.get(later.older);
        }
        let has_run_by_then = was_created_by_then || image.is_some();
        let exec_id = if has_run_by_then {
            id.exec_id.min(newest)
        } else {
            id.exec_id
        };
        ImageId { exec_id, ..id }
    }

    /// `last` has no parent: the kernel made it.
    fn end_chain(&mut self, last: Option<u32>, source: LineageSource) {
        if let Some(last) = last
            && self
                .processes
                .get(last)
                .is_some_and(|node| node.link == Link::Unknown)
        {
            self.set_root(last, source);
        }
    }

    fn set_root(&mut self, process: u32, source: LineageSource) {
        let Some(node) = self.processes.get_mut(process) else {
            return;
        };
        node.source = source;
        let link = std::mem::replace(&mut node.link, Link::Root);
        self.release(link);
    }

    /// Makes the link, unless the creator is younger. A creator that is not known becomes a stub.
    fn link(&mut self, process: u32, creator: ImageId, source: LineageSource) {
        let Some(&Process { key, .. }) = self.processes.get(process) else {
            return;
        };
        if !precedes(creator.process, key) {
            self.counts.refused_links += 1;
            return;
        }
        let (ancestor, is_new) = self.meet(creator);
        self.counts.stubs += u64::from(is_new);
        let image = self.image(ancestor, creator.exec_id);
        let link = Link::Creator(self.images.handle(image));
        if let Some(node) = self.images.get_mut(image) {
            node.children = node.children.saturating_add(1);
        }
        if let Some(node) = self.processes.get_mut(process) {
            node.creator = creator;
            node.source = source;
            let link = std::mem::replace(&mut node.link, link);
            self.release(link);
        }
        if source == LineageSource::Fork {
            self.note_stub(ancestor);
        }
    }

    /// Names the current image of an ancestor as one that `/proc` could describe.
    fn note_stub(&mut self, ancestor: u32) {
        let Some(&Process {
            newest,
            is_alive: true,
            ..
        }) = self.processes.get(ancestor)
        else {
            return;
        };
        if self.inherited(newest).is_none() {
            let stub = self.give(newest);
            if !self.stubs.contains(&stub) {
                self.stubs.push(stub);
            }
        }
    }

    /// Whether the creator is known but its node is gone.
    fn is_cut(&self, node: &Process) -> bool {
        match node.link {
            Link::Creator(handle) => self.images.resolve(handle).is_none(),
            Link::Unknown | Link::Root => false,
        }
    }
}

/// Whether a process can have created another: earlier, or in the same tick of the clock that the kernel
/// has while it starts, with a lower pid.
fn precedes(creator: ProcessKey, created: ProcessKey) -> bool {
    (creator.start, creator.pid) < (created.start, created.pid)
}
