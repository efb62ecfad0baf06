//! Processes and images in their slots: how they come, when they are loose, how they are forgotten.
//!
//! *Invariants:* a process has at least one image; its images are a list, newest first, by exec id. An
//! image is anchored (its process lives, and it is the newest, or the newest that was told) or it stands
//! in the queue `kept`. `children` is the number of processes whose link resolves to the image.

use super::slab::{Handle, Linked, Links, NIL};
use super::{LineageSource, ProcessTable};
use crate::event::{ImageId, Pid, ProcessKey};

/// Where the lineage of a process leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    /// Nobody told.
    Unknown,
    /// Nowhere: the kernel made it.
    Root,
    /// To `creator`; to its node if that is still there.
    Creator(Handle),
}

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) key: ProcessKey,
    /// Meaningful with [`Link::Creator`]. Outlives the creator's node.
    pub(super) creator: ImageId,
    pub(super) link: Link,
    pub(super) source: LineageSource,
    /// Slot of its newest image.
    pub(super) newest: u32,
    /// Slot of the newest image that is not merely mentioned as an ancestor.
    pub(super) told: u32,
    pub(super) is_alive: bool,
    queue: Links,
}

/// An image.
#[derive(Debug)]
pub(super) struct Image<T> {
    pub(super) process: u32,
    pub(super) exec_id: u32,
    pub(super) children: u32,
    /// The last call that used it.
    call: u32,
    newer: u32,
    pub(super) older: u32,
    queue: Links,
    pub(super) is_kept: bool,
    pub(super) data: Option<T>,
}

/// Whether the kernel made this process itself, as it started: init and kthreadd.
pub(super) const fn is_first(key: ProcessKey) -> bool {
    key.pid.0 <= 2
}

// === impl Process, Image ===

impl Linked for Process {
    fn links(&self) -> Links {
        self.queue
    }
    fn links_mut(&mut self) -> &mut Links {
        &mut self.queue
    }
}

impl<T> Linked for Image<T> {
    fn links(&self) -> Links {
        self.queue
    }
    fn links_mut(&mut self) -> &mut Links {
        &mut self.queue
    }
}

// === impl ProcessTable ===

impl<T: Clone> ProcessTable<T> {
    /// Starts a call: frees what the last one left loose.
    pub(super) fn begin(&mut self) {
        while let Some(handle) = self.loose.pop() {
            if let Some(image) = self.images.resolve(handle)
                && self.is_loose(image)
            {
                self.free(image);
            }
        }
        self.call = self.call.wrapping_add(1);
        self.lost_exits.clear();
        self.stubs.clear();
    }

    pub(super) fn find(&self, key: ProcessKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn find_image(&self, process: u32, exec_id: u32) -> Option<u32> {
        let mut index = self.processes.get(process)?.newest;
        loop {
            let image = self.images.get(index)?;
            match image.exec_id.cmp(&exec_id) {
                std::cmp::Ordering::Equal => return Some(index),
                std::cmp::Ordering::Less => return None,
                std::cmp::Ordering::Greater => index = image.older,
            }
        }
    }

    pub(super) fn id_of(&self, image: u32) -> Option<ImageId> {
        let image = self.images.get(image)?;
        let process = self.processes.get(image.process)?.key;
        Some(ImageId {
            process,
            exec_id: image.exec_id,
        })
    }

    /// A handle for the caller: its image is not forgotten during this call.
    pub(super) fn give(&mut self, image: u32) -> Handle {
        self.touch(image);
        self.images.handle(image)
    }

    pub(super) fn touch(&mut self, image: u32) {
        let call = self.call;
        if let Some(image) = self.images.get_mut(image) {
            image.call = call;
        }
    }

    pub(super) fn is_touched(&self, image: u32) -> bool {
        self.images
            .get(image)
            .is_some_and(|image| image.call == self.call)
    }

    /// The process of `id`, and whether it was not known: then it now runs `id`.
    pub(super) fn meet(&mut self, id: ImageId) -> (u32, bool) {
        if let Some(process) = self.find(id.process) {
            if let Some(&Process { newest, told, .. }) = self.processes.get(process) {
                self.touch(newest);
                self.touch(told);
            }
            return (process, false);
        }
        self.make_room();
        let key = id.process;
        let is_alive = self.claim_pid(key);
        let is_root = is_first(key);
        let process = self.processes.insert(Process {
            key,
            creator: ImageId::default(),
            link: if is_root { Link::Root } else { Link::Unknown },
            source: if is_root {
                LineageSource::Fork
            } else {
                LineageSource::Unknown
            },
            newest: NIL,
            told: NIL,
            is_alive,
            queue: Links::NONE,
        });
        self.by_key.insert(key, process);
        if is_alive {
            self.live.push_back(&mut self.processes, process);
            self.by_pid.insert(key.pid, process);
        }
        let image = self.image(process, id.exec_id);
        if let Some(node) = self.processes.get_mut(process) {
            node.told = image;
        }
        (process, true)
    }

    /// Whether a process that is met for the first time lives. If so, an older one with its pid ended.
    fn claim_pid(&mut self, key: ProcessKey) -> bool {
        if self.ended.contains(key) {
            return false;
        }
        let Some(&holder) = self.by_pid.get(&key.pid) else {
            return true;
        };
        let Some(&Process {
            key: other, told, ..
        }) = self.processes.get(holder)
        else {
            return true;
        };
        if other.start > key.start {
            return false;
        }
        self.counts.lost_exits += 1;
        let last = self.give(told);
        self.lost_exits.push(last);
        self.end(holder);
        true
    }

    /// The image of a known process with this exec id, made without data if need be.
    pub(super) fn image(&mut self, process: u32, exec_id: u32) -> u32 {
        if let Some(image) = self.find_image(process, exec_id) {
            self.touch(image);
            return image;
        }
        // Only now: the list may change while room is made. The process stays, its newest is touched.
        self.make_room();
        let (mut newer, mut older) = (NIL, self.processes.get(process).map_or(NIL, |p| p.newest));
        while let Some(image) = self.images.get(older)
            && image.exec_id > exec_id
        {
            (newer, older) = (older, image.older);
        }
        let image = self.images.insert(Image {
            process,
            exec_id,
            children: 0,
            call: self.call,
            newer,
            older,
            queue: Links::NONE,
            is_kept: false,
            data: None,
        });
        if let Some(node) = self.images.get_mut(older) {
            node.newer = image;
        }
        match self.images.get_mut(newer) {
            Some(node) => node.older = image,
            None => {
                if let Some(node) = self.processes.get_mut(process) {
                    node.newest = image;
                }
            }
        }
        self.settle(older);
        self.settle(image);
        image
    }

    /// Like [`Self::image`], but makes none that is older than the newest: then that one.
    pub(super) fn image_not_older(&mut self, process: u32, exec_id: u32) -> u32 {
        let newest = self
            .processes
            .get(process)
            .map_or(NIL, |process| process.newest);
        match self.images.get(newest) {
            Some(node) if node.exec_id > exec_id => {
                self.find_image(process, exec_id).unwrap_or(newest)
            }
            Some(_) | None => self.image(process, exec_id),
        }
    }

    /// Marks a process as ended.
    pub(super) fn end(&mut self, process: u32) {
        let Some(node) = self.processes.get_mut(process) else {
            return;
        };
        if !std::mem::replace(&mut node.is_alive, false) {
            return;
        }
        let (key, newest, told) = (node.key, node.newest, node.told);
        self.ended.insert(key);
        self.leave_live(process, key.pid);
        self.settle(newest);
        self.settle(told);
    }

    pub(super) fn leave_live(&mut self, process: u32, pid: Pid) {
        self.live.remove(&mut self.processes, process);
        if self.by_pid.get(&pid) == Some(&process) {
            self.by_pid.remove(&pid);
        }
    }

    pub(super) fn is_anchored(&self, index: u32) -> bool {
        self.images
            .get(index)
            .and_then(|image| self.processes.get(image.process))
            .is_some_and(|process| {
                process.is_alive && (process.newest == index || process.told == index)
            })
    }

    pub(super) fn is_loose(&self, index: u32) -> bool {
        self.images
            .get(index)
            .is_some_and(|image| image.children == 0)
            && !self.is_anchored(index)
    }

    /// Puts an image where it belongs after its process, or its place in it, changed.
    pub(super) fn settle(&mut self, index: u32) {
        let is_anchored = self.is_anchored(index);
        let Some(image) = self.images.get_mut(index) else {
            return;
        };
        if is_anchored == image.is_kept {
            image.is_kept = !is_anchored;
            if is_anchored {
                self.kept.remove(&mut self.images, index);
            } else {
                self.kept.push_back(&mut self.images, index);
            }
        }
        if self.is_loose(index) {
            self.loose.push(self.images.handle(index));
        }
    }

    /// One child less.
    pub(super) fn release(&mut self, link: Link) {
        let Link::Creator(handle) = link else { return };
        let Some(index) = self.images.resolve(handle) else {
            return;
        };
        if let Some(image) = self.images.get_mut(index) {
            image.children = image.children.saturating_sub(1);
        }
        if self.is_loose(index) {
            self.loose.push(handle);
        }
    }

    /// Removes an image, and its process with the last one. Links to it no longer resolve.
    pub(super) fn free(&mut self, index: u32) {
        let Some(image) = self.images.get(index) else {
            return;
        };
        let (process, newer, older) = (image.process, image.newer, image.older);
        if image.is_kept {
            self.kept.remove(&mut self.images, index);
        }
        self.images.remove(index);
        if let Some(node) = self.images.get_mut(older) {
            node.newer = newer;
        }
        if let Some(node) = self.images.get_mut(newer) {
            node.older = older;
            return;
        }
        let Some(node) = self.processes.get_mut(process) else {
            return;
        };
        node.newest = older;
        if older == NIL
            && let Some(node) = self.processes.remove(process)
        {
            self.by_key.remove(&node.key);
            self.release(node.link);
        }
    }
}
