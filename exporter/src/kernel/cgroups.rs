//! Which cgroup hierarchy tells processes apart on this host.

use std::fs;
use std::path::Path;

use rustix::fs::statfs;

const CGROUP_ROOT: &str = "/sys/fs/cgroup";
const CGROUP2_MAGIC: i64 = 0x6367_7270;

/// Whose cgroup an event names; `enum cgroup_source` in `knobs.h`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum CgroupSource {
    /// The unified hierarchy (v2).
    Unified = 0,
    /// The v1 memory controller.
    V1Memory = 1,
    /// The v1 pids controller.
    V1Pids = 2,
    /// The v1 cpuset controller.
    V1Cpuset = 3,
}

impl CgroupSource {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unified => "unified (v2)",
            Self::V1Memory => "v1, memory controller",
            Self::V1Pids => "v1, pids controller",
            Self::V1Cpuset => "v1, cpuset controller",
        }
    }

    /// The controller's name in a line of `/proc/PID/cgroup`; empty for the unified hierarchy.
    pub const fn controller(self) -> &'static str {
        match self {
            Self::Unified => "",
            Self::V1Memory => "memory",
            Self::V1Pids => "pids",
            Self::V1Cpuset => "cpuset",
        }
    }
}

/// The unified hierarchy where it is all there is; on a host with v1 controllers the first of those
/// that container runtimes and systemd put processes into.
pub fn source() -> CgroupSource {
    source_at(Path::new(CGROUP_ROOT))
}

fn source_at(root: &Path) -> CgroupSource {
    #[expect(
        clippy::unnecessary_cast,
        reason = "the type of f_type differs between architectures"
    )]
    let is_unified = statfs(root).is_ok_and(|found| found.f_type as i64 == CGROUP2_MAGIC);
    if is_unified {
        return CgroupSource::Unified;
    }
    let controllers = [
        CgroupSource::V1Memory,
        CgroupSource::V1Pids,
        CgroupSource::V1Cpuset,
    ];
    controllers
        .into_iter()
        .find(|source| {
            fs::exists(root.join(source.controller()).join("cgroup.procs")).unwrap_or(false)
        })
        .unwrap_or(CgroupSource::Unified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_controllers_are_preferred_where_they_are_mounted() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(source_at(root.path()), CgroupSource::Unified);
        for controller in ["cpuset", "pids"] {
            fs::create_dir(root.path().join(controller)).unwrap();
            fs::write(root.path().join(controller).join("cgroup.procs"), "").unwrap();
        }
        assert_eq!(source_at(root.path()), CgroupSource::V1Pids);
    }
}
