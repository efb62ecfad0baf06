//! A short memory of processes that ended.

use crate::event::{KernelTime, Pid, ProcessKey};

/// Processes that ended, each until another one with the same low bits of the pid does.
#[derive(Debug)]
pub(super) struct Ended(Box<[ProcessKey]>);

/// A power of two. 64 KiB; the kernel hands out pids in sequence, so about as many exits are remembered.
const ENDED_SLOTS: usize = 4096;

// === impl Ended ===

impl Ended {
    pub(super) fn new() -> Self {
        let nobody = ProcessKey {
            pid: Pid(0),
            start: KernelTime(0),
        };
        Self(vec![nobody; ENDED_SLOTS].into_boxed_slice())
    }

    pub(super) fn insert(&mut self, key: ProcessKey) {
        if let Some(slot) = self.0.get_mut(key.pid.0 as usize % ENDED_SLOTS) {
            *slot = key;
        }
    }

    /// Whether `key`, or a later process with its pid, is among them.
    pub(super) fn contains(&self, key: ProcessKey) -> bool {
        let last = self.0.get(key.pid.0 as usize % ENDED_SLOTS);
        key.pid.0 != 0 && last.is_some_and(|last| last.pid == key.pid && last.start >= key.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ImageId;

    #[test]
    fn an_earlier_process_with_the_pid_of_one_that_ended_has_ended_too() {
        let mut ended = Ended::new();
        let key = |pid, start| ImageId::new(pid, start, 0).process;
        ended.insert(key(7, 50));
        assert!(ended.contains(key(7, 50)) && ended.contains(key(7, 40)));
        assert!(!ended.contains(key(7, 60)) && !ended.contains(key(8, 50)));
        assert!(!ended.contains(key(0, 0)), "nobody");
        ended.insert(key(7 + 4096, 90));
        assert!(!ended.contains(key(7, 50)), "its place was taken");
    }
}
