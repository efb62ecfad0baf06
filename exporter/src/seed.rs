//! Processes that are older than the agent: who they are from the kernel's iterator, what they run from
//! `/proc`.

use std::path::{Path, PathBuf};

use crate::event::{Args, Exec, Executable, ImageId, Task, Text, Tid};
use crate::kernel::Snapshot;
use crate::kernel::cgroups::CgroupSource;
use crate::tracker::Seed;

/// Describes processes that no event has described.
#[derive(Clone, Debug)]
pub struct Seeder {
    proc: PathBuf,
    cgroups: CgroupSource,
}

// === impl Seeder ===

impl Seeder {
    /// Reads below `proc`; `cgroups` is the hierarchy that the programs follow.
    pub fn new(proc: &Path, cgroups: CgroupSource) -> Self {
        Self {
            proc: proc.to_owned(),
            cgroups,
        }
    }

    /// A process of the start-up snapshot. What has ended since keeps its short name only.
    pub fn seed(&self, snapshot: Snapshot) -> Seed {
        self.describe(snapshot.task, snapshot.chain)
    }

    /// A living process that is only known as somebody's ancestor.
    pub fn ancestor(&self, id: ImageId) -> Option<Seed> {
        None
    }

    fn describe(&self, task: Task, chain: Vec<ImageId>) -> Seed {
        let exec = Exec {
            tid: Tid(task.id.process.pid.0),
            task,
            ..Exec::default()
        };
        Seed {
            exec,
            chain,
            cgroup_path: None,
        }
    }
}
