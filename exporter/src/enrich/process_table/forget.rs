//! What is forgotten at the bound, and in which order.

use super::ProcessTable;
use super::nodes::Process;

/// How many living processes with children are passed over for one without.
const SECOND_CHANCES: usize = 16;

impl<T: Clone> ProcessTable<T> {
    /// Makes room for one image. Constant time, but for the few nodes that this call uses.
    pub(super) fn make_room(&mut self) {
        while self.images.len() >= self.limits.images {
            if !self.forget_kept() && !self.forget_live() {
                // Cannot be: an event touches fewer images than the smallest limit.
                break;
            }
        }
    }

    /// Forgets the image that has been kept longest for the sake of descendants.
    fn forget_kept(&mut self) -> bool {
        for _ in 0..self.kept.len() {
            let index = self.kept.front();
            if self.is_touched(index) {
                self.kept.rotate(&mut self.images, index);
                continue;
            }
            if !self.is_loose(index) {
                self.counts.forgotten_ended += 1;
            }
            self.free(index);
            return true;
        }
        false
    }

    /// Forgets the living process that has been known longest, rather one without children.
    fn forget_live(&mut self) -> bool {
        let mut chances = SECOND_CHANCES;
        for _ in 0..self.live.len() {
            let index = self.live.front();
            let Some(&Process {
                newest, told, key, ..
            }) = self.processes.get(index)
            else {
                break;
            };
            let has_children = [newest, told]
                .iter()
                .any(|&i| self.images.get(i).is_some_and(|i| i.children > 0));
            if self.is_touched(newest) || self.is_touched(told) || (has_children && chances > 0) {
                chances = chances.saturating_sub(usize::from(has_children));
                self.live.rotate(&mut self.processes, index);
                continue;
            }
            self.counts.forgotten_live += 1;
            self.leave_live(index, key.pid);
            if let Some(node) = self.processes.get_mut(index) {
                node.is_alive = false;
            }
            // The process goes with its last image.
            while let Some(node) = self.processes.get(index) {
                let newest = node.newest;
                self.free(newest);
            }
            return true;
        }
        false
    }
}
