//! Slots that are used again, handles that notice it, and a queue threaded through the slots.
//!
//! *Bounded by:* the most values that were ever held at once; slots are kept for reuse.

/// No slot: the end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// Names one node of a table for as long as the node is there; a later node in the same place has
/// another generation.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Handle {
    index: u32,
    generation: u32,
}

/// Values in slots.
#[derive(Debug)]
pub(super) struct Slab<V> {
    slots: Vec<Slot<V>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<V> {
    generation: u32,
    value: Option<V>,
}

/// Neighbours in a [`Queue`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    prev: u32,
    next: u32,
}

/// A value that can stand in one queue.
pub(super) trait Linked {
    fn links(&self) -> Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// Slots in the order in which they were pushed. Who is a member is for the caller to remember.
#[derive(Debug)]
pub(super) struct Queue {
    head: u32,
    tail: u32,
    len: usize,
}

// === impl Handle ===

impl Handle {
    /// A handle of nothing.
    pub(super) const NONE: Self = Self {
        index: NIL,
        generation: 0,
    };
}

// === impl Slab ===

impl<V> Slab<V> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Stores `value`. The caller keeps the number of values far below [`NIL`].
    pub(super) fn insert(&mut self, value: V) -> u32 {
        if let Some(index) = self.free.pop() {
            if let Some(slot) = self.slots.get_mut(index as usize) {
                slot.value = Some(value);
            }
            return index;
        }
        let index = u32::try_from(self.slots.len()).unwrap_or(NIL);
        self.slots.push(Slot {
            generation: 0,
            value: Some(value),
        });
        index
    }

    /// Takes the value out; every handle to it is void from now on.
    pub(super) fn remove(&mut self, index: u32) -> Option<V> {
        let slot = self.slots.get_mut(index as usize)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        Some(value)
    }

    pub(super) fn get(&self, index: u32) -> Option<&V> {
        self.slots.get(index as usize)?.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut V> {
        self.slots.get_mut(index as usize)?.value.as_mut()
    }

    /// The handle of an occupied slot.
    pub(super) fn handle(&self, index: u32) -> Handle {
        self.slots
            .get(index as usize)
            .map_or(Handle::NONE, |slot| Handle {
                index,
                generation: slot.generation,
            })
    }

    /// The slot that `handle` names, if its value is still there.
    pub(super) fn resolve(&self, handle: Handle) -> Option<u32> {
        let slot = self.slots.get(handle.index as usize)?;
        (slot.generation == handle.generation && slot.value.is_some()).then_some(handle.index)
    }

    /// Every value with its slot.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &V)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(index, slot)| Some((index, slot.value.as_ref()?)))
    }
}

// === impl Links ===

impl Links {
    /// In no queue.
    pub(super) const NONE: Self = Self {
        prev: NIL,
        next: NIL,
    };
}

// === impl Queue ===

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            head: NIL,
            tail: NIL,
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The one that has waited longest, or [`NIL`].
    pub(super) const fn front(&self) -> u32 {
        self.head
    }

    /// The one behind `index`, or [`NIL`].
    pub(super) fn after<V: Linked>(slab: &Slab<V>, index: u32) -> u32 {
        slab.get(index).map_or(NIL, |value| value.links().next)
    }

    /// Appends a slot that is in no queue.
    pub(super) fn push_back<V: Linked>(&mut self, slab: &mut Slab<V>, index: u32) {
        let Some(value) = slab.get_mut(index) else {
            return;
        };
        *value.links_mut() = Links {
            prev: self.tail,
            next: NIL,
        };
        match slab.get_mut(self.tail) {
            Some(last) => last.links_mut().next = index,
            None => self.head = index,
        }
        self.tail = index;
        self.len += 1;
    }

    /// Removes a slot that is in this queue.
    pub(super) fn remove<V: Linked>(&mut self, slab: &mut Slab<V>, index: u32) {
        let Some(value) = slab.get_mut(index) else {
            return;
        };
        let Links { prev, next } = std::mem::replace(value.links_mut(), Links::NONE);
        match slab.get_mut(prev) {
            Some(before) => before.links_mut().next = next,
            None => self.head = next,
        }
        match slab.get_mut(next) {
            Some(behind) => behind.links_mut().prev = prev,
            None => self.tail = prev,
        }
        self.len -= 1;
    }

    /// Sends a slot that is in this queue to its end.
    pub(super) fn rotate<V: Linked>(&mut self, slab: &mut Slab<V>, index: u32) {
        self.remove(slab, index);
        self.push_back(slab, index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(Links);

    impl Linked for Item {
        fn links(&self) -> Links {
            self.0
        }
        fn links_mut(&mut self) -> &mut Links {
            &mut self.0
        }
    }

    #[test]
    fn a_handle_does_not_name_the_next_value_in_its_slot() {
        let mut slab = Slab::new();
        let index = slab.insert('a');
        let handle = slab.handle(index);
        assert_eq!(slab.resolve(handle), Some(index));
        assert_eq!(slab.remove(index), Some('a'));
        assert_eq!(slab.resolve(handle), None);
        assert_eq!(slab.insert('b'), index);
        assert_eq!(slab.resolve(handle), None);
        assert_eq!(slab.resolve(Handle::NONE), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn a_queue_keeps_its_order_when_one_leaves_from_anywhere() {
        let mut slab = Slab::new();
        let mut queue = Queue::new();
        let items: Vec<u32> = (0..4).map(|_| slab.insert(Item(Links::NONE))).collect();
        for &item in &items {
            queue.push_back(&mut slab, item);
        }
        queue.remove(&mut slab, items[1]);
        queue.rotate(&mut slab, items[0]);
        queue.remove(&mut slab, items[0]);
        assert_eq!(
            (queue.front(), Queue::after(&slab, items[2])),
            (items[2], items[3])
        );
        assert_eq!((Queue::after(&slab, items[3]), queue.len()), (NIL, 2));
        queue.remove(&mut slab, items[2]);
        queue.remove(&mut slab, items[3]);
        assert_eq!((queue.front(), queue.len()), (NIL, 0));
    }
}
