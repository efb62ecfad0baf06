//! Processes that are older than the agent, and those that were only met as somebody's ancestor: who
//! they are from the kernel, what they run from `/proc`.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use crate::enrich::procfs::{self, Description};
use crate::event::{Args, Exec, Executable, ImageId, Task, Tid};
use crate::kernel::Snapshot;
use crate::kernel::cgroups::CgroupSource;
use crate::tracker::Seed;

/// Describes processes that no event has described.
#[derive(Clone, Debug)]
pub struct Seeder {
    proc: PathBuf,
    ticks_per_second: NonZeroU64,
    cgroups: CgroupSource,
}

// === impl Seeder ===

impl Seeder {
    /// Reads below `proc`; `cgroups` is the hierarchy that the programs follow.
    pub fn new(proc: &Path, cgroups: CgroupSource) -> Self {
        let ticks = NonZeroU64::new(rustix::param::clock_ticks_per_second());
        Self {
            proc: proc.to_owned(),
            // Linux shows 100 to user space on every architecture that we run on.
            ticks_per_second: ticks.unwrap_or(const { NonZeroU64::new(100).expect("is not zero") }),
            cgroups,
        }
    }

    /// A process of the start-up snapshot. What has ended since keeps its short name only.
    pub fn seed(&self, snapshot: Snapshot) -> Seed {
        let description = self.describe(snapshot.task.id);
        let seed = self.with(snapshot.task, description);
        Seed {
            chain: snapshot.chain,
            is_whole: true,
            ..seed
        }
    }

    /// A living process that is only known by its id; `None` if it has ended.
    pub fn ancestor(&self, id: ImageId) -> Option<Seed> {
        let description = self.describe(id)?;
        let task = Task {
            id,
            comm: description.comm.clone(),
            ..Task::default()
        };
        Some(self.with(task, Some(description)))
    }

    fn describe(&self, id: ImageId) -> Option<Description> {
        let process = id.process;
        match procfs::describe(
            &self.proc,
            process.pid,
            process.start,
            self.ticks_per_second,
        ) {
            Ok(description) => Some(description),
            Err(error) => {
                tracing::debug!(%id, %error, "process not described");
                None
            }
        }
    }

    fn with(&self, task: Task, description: Option<Description>) -> Seed {
        let (tid, chain, is_whole) = (Tid(task.id.process.pid.0), Vec::new(), false);
        let Some(description) = description else {
            let exec = Exec {
                tid,
                task,
                ..Exec::default()
            };
            return Seed {
                exec,
                chain,
                is_whole,
                cgroup_path: None,
            };
        };
        let controller = self.cgroups.controller();
        let mut entries = description.cgroups.into_iter();
        let cgroup_path = entries
            .find(|entry| entry.has_controller(controller))
            .map(|entry| entry.path);
        let size: usize = description
            .arguments
            .iter()
            .map(|text| text.as_str().len() + 1)
            .sum();
        let executable = description.executable.map(|file| Executable {
            path: Some(file.path),
            is_deleted: file.is_deleted,
            is_memfd: file.is_memfd,
            ..Executable::default()
        });
        let exec = Exec {
            tid,
            executable: executable.unwrap_or_default(),
            args: Args {
                count: u32::try_from(description.arguments.len()).unwrap_or(u32::MAX),
                size: size as u64,
                values: description.arguments,
            },
            working_directory: description.working_directory,
            task,
            ..Exec::default()
        };
        Seed {
            exec,
            chain,
            is_whole,
            cgroup_path,
        }
    }
}
