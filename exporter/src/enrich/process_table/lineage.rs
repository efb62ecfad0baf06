//! The way from an image up to the first process of the host.
//!
//! Links lead from younger to older processes, so every walk ends.

use super::nodes::{Link, Process, is_first};
use super::slab::{Handle, NIL};
use super::{CHAIN_MAX, LineageSource, ProcessTable};
use crate::event::ImageId;

/// An image that created a process, or created its creator, and so on.
#[derive(Debug)]
pub struct Ancestor<'a, T> {
    /// Which image.
    pub id: ImageId,
    /// What is known of it; `None` for a stub, and if it was forgotten.
    pub data: Option<&'a T>,
    /// Its node; `None` if it was forgotten.
    pub image: Option<Handle>,
}

/// The ancestors of an image, nearest first: an iterator that also knows how it ends.
#[derive(Debug)]
pub struct Lineage<'a, T> {
    walk: Walk<'a, T>,
    len: usize,
    source: LineageSource,
    is_truncated: bool,
}

#[derive(Debug)]
struct Walk<'a, T> {
    table: &'a ProcessTable<T>,
    /// Slot of the process whose creator is next, or [`NIL`].
    process: u32,
    left: usize,
    /// Whether the last step led to a process that the kernel made, though its node was forgotten.
    is_first: bool,
}

// === impl Lineage ===

impl<'a, T: Clone> Lineage<'a, T> {
    pub(super) fn new(table: &'a ProcessTable<T>, image: Handle) -> Self {
        let image = table
            .images
            .resolve(image)
            .and_then(|image| table.images.get(image));
        let process = image.map_or(NIL, |image| image.process);
        let mut walk = Walk {
            table,
            process,
            left: table.limits.depth,
            is_first: false,
        };
        let (mut len, mut source) = (0, LineageSource::Fork);
        while let Some((_, _, link)) = walk.step() {
            len += 1;
            source = source.min(link);
        }
        let is_truncated = !walk.is_at_root();
        if len == 0 && is_truncated {
            source = LineageSource::Unknown;
        }
        Self {
            walk: Walk {
                process,
                left: len,
                ..walk
            },
            len,
            source,
            is_truncated,
        }
    }

    /// Whether there are ancestors beyond the last one, or may be: a link is missing or was forgotten, or
    /// the depth is reached.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// The weakest source among the links between the ancestors listed;
    /// [`LineageSource::Unknown`] only if none could be listed. The root of a host has
    /// [`LineageSource::Fork`]: that it has no ancestors is certain.
    pub fn source(&self) -> LineageSource {
        self.source
    }
}

impl<'a, T: Clone> Iterator for Lineage<'a, T> {
    type Item = Ancestor<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        let (id, image, _) = self.walk.step()?;
        self.len = self.len.saturating_sub(1);
        let table = self.walk.table;
        Some(Ancestor {
            id,
            data: image.and_then(|image| table.inherited(image)),
            image: image.map(|image| table.images.handle(image)),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<T: Clone> ExactSizeIterator for Lineage<'_, T> {}

// === impl Walk ===

impl<T: Clone> Walk<'_, T> {
    fn step(&mut self) -> Option<(ImageId, Option<u32>, LineageSource)> {
        let node = self.table.processes.get(self.process)?;
        if self.left == 0 || !matches!(node.link, Link::Creator(_)) {
            return None;
        }
        self.left -= 1;
        let (image, process) = self.table.creator_of(node);
        self.process = process.unwrap_or(NIL);
        self.is_first = is_first(node.creator.process);
        Some((node.creator, image, node.source))
    }

    fn is_at_root(&self) -> bool {
        self.is_first
            || self
                .table
                .processes
                .get(self.process)
                .is_some_and(|node| node.link == Link::Root)
    }
}

// === impl ProcessTable ===

impl<T: Clone> ProcessTable<T> {
    /// The nodes of the creating image and process, as far as they are there.
    fn creator_of(&self, node: &Process) -> (Option<u32>, Option<u32>) {
        let Link::Creator(handle) = node.link else {
            return (None, None);
        };
        if let Some(image) = self.images.resolve(handle) {
            return (
                Some(image),
                self.images.get(image).map(|image| image.process),
            );
        }
        // The image was forgotten. Its process may be there still, or again.
        match self.find(node.creator.process) {
            Some(process) => (
                self.find_image(process, node.creator.exec_id),
                Some(process),
            ),
            None => (None, None),
        }
    }

    /// The data of an image, or that of the creator whose program it still runs.
    pub(super) fn inherited(&self, mut image: u32) -> Option<&T> {
        for _ in 0..=CHAIN_MAX {
            let node = self.images.get(image)?;
            if node.data.is_some() {
                return node.data.as_ref();
            }
            let process = self.processes.get(node.process)?;
            // Only what fork recorded tells the creator's image for certain.
            if process.source != LineageSource::Fork || process.creator.exec_id != node.exec_id {
                return None;
            }
            image = self.creator_of(process).0?;
        }
        None
    }
}
