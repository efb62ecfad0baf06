//! Processes that are older than the agent, and those that were only met as somebody's ancestor: who
//! they are from the kernel, what they run from `/proc`.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use crate::enrich::procfs::{self, Description};
use crate::event::{Args, EventFlags, Exec, Executable, ImageId, Task, Text, Tid};
use crate::kernel::Snapshot;
use crate::kernel::cgroups::CgroupSource;
use crate::tracker::Seed;

/// Describes processes that no event has described.
#[derive(Clone, Debug)]
pub struct Seeder {
    proc: PathBuf,
    ticks_per_second: NonZeroU64,
    cgroups: CgroupSource,
    args_limit: usize,
}

// === impl Seeder ===

impl Seeder {
    /// Reads below `proc`; `cgroups` is the hierarchy that the programs follow, and no more than
    /// `args_limit` bytes of arguments are kept, as of an exec.
    pub fn new(proc: &Path, cgroups: CgroupSource, args_limit: usize) -> Self {
        let ticks = NonZeroU64::new(rustix::param::clock_ticks_per_second());
        Self {
            proc: proc.to_owned(),
            // Linux shows 100 to user space on every architecture that we run on.
            ticks_per_second: ticks.unwrap_or(const { NonZeroU64::new(100).expect("is not zero") }),
            cgroups,
            args_limit,
        }
    }

    /// A process of the start-up snapshot. What has ended since keeps its short name only.
    pub fn seed(&self, snapshot: Snapshot) -> Seed {
        let description = self.describe(snapshot.task.id);
        let seed = self.with(snapshot.task, description);
        Seed {
            chain: snapshot.chain,
            is_whole: true,
            flags: seed.flags.and(snapshot.flags),
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
                flags: EventFlags::MISSING_PATH
                    .and(EventFlags::MISSING_WORKING_DIRECTORY)
                    .and(EventFlags::MISSING_ARGS),
                cgroup_path: None,
            };
        };
        let flags = incomplete(&task, &description, self.args_limit);
        let controller = self.cgroups.controller();
        let mut entries = description.cgroups.into_iter();
        let cgroup_path = entries
            .find(|entry| entry.has_controller(controller))
            .map(|entry| entry.path);
        let size = bytes(&description.arguments);
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
                values: within(description.arguments, self.args_limit),
            },
            working_directory: description.working_directory,
            task,
            ..Exec::default()
        };
        Seed {
            exec,
            chain,
            is_whole,
            flags,
            cgroup_path,
        }
    }
}

/// What could not be read or is not kept. A thread of the kernel has none of it.
fn incomplete(task: &Task, description: &Description, args_limit: usize) -> EventFlags {
    if task.is_kernel_thread {
        return EventFlags::NONE;
    }
    let if_so = |is: bool, flags| if is { flags } else { EventFlags::NONE };
    let is_cut = description.is_arguments_truncated || bytes(&description.arguments) > args_limit;
    if_so(is_cut, EventFlags::TRUNCATED_ARGS)
        .and(if_so(
            description.executable.is_none(),
            EventFlags::MISSING_PATH,
        ))
        .and(if_so(
            description.working_directory.is_none(),
            EventFlags::MISSING_WORKING_DIRECTORY,
        ))
}

/// Bytes of arguments, each with its NUL.
fn bytes(arguments: &[Text]) -> usize {
    arguments.iter().map(|text| text.as_str().len() + 1).sum()
}

/// The arguments that fit into `limit` bytes, each with its NUL.
fn within(arguments: Vec<Text>, limit: usize) -> Vec<Text> {
    let mut left = limit;
    let fits = move |text: &Text| {
        let size = text.as_str().len() + 1;
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    arguments.into_iter().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_processes_have_no_more_arguments_than_the_limit_allows() {
        let arguments = || vec![Text::from("ab"), Text::from(""), Text::from("cd")];
        assert_eq!(within(arguments(), 0), []);
        assert_eq!(within(arguments(), 4), [Text::from("ab"), Text::from("")]);
        assert_eq!(within(arguments(), 7), arguments());
    }
}
