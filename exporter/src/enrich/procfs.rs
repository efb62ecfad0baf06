//! The only reader of `/proc`: describes a process that events cannot describe any more.
//!
//! A pid may be used again while its files are read: the start time is compared before and after,
//! so that a description is of the process that was meant or is not given. The environment is never
//! read. Nothing is followed into the files of the process, except that a name which ends in `
//! (deleted)` is looked up to see whether that is its name. Reads are bounded; parsers are pure and
//! take any bytes.

mod parse;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::num::NonZeroU64;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

pub use self::parse::{CgroupEntry, Stat, parse_cgroups, parse_cmdline, parse_stat};
use crate::event::{KernelTime, Pid, Text};

/// Most bytes of arguments that are read.
const CMDLINE_BYTES_MAX: u64 = 64 * 1024;

/// Most bytes of any other file: a cgroup path is at most 4096 bytes, and there are few
/// hierarchies.
const FILE_BYTES_MAX: u64 = 128 * 1024;

/// Where the kernel shows processes.
pub const ROOT: &str = "/proc";

/// What the kernel appends to the name of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

/// What `/proc` says of a process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description {
    /// Its executable. `None` for a thread of the kernel, and without the right to look.
    pub executable: Option<Executable>,
    /// Its arguments, empty ones included; none for threads of the kernel. A process can rewrite
    /// them.
    pub arguments: Vec<Text>,
    /// Whether there were more than 64 KiB of arguments; then the last one is cut.
    pub is_arguments_truncated: bool,
    /// Its working directory, without a mark if that was removed. `None` as for the executable.
    pub working_directory: Option<Text>,
    /// The kernel's short name of it; anyone can set it.
    pub comm: Text,
    /// Its cgroup in each hierarchy, as the kernel lists them.
    pub cgroups: Vec<CgroupEntry>,
}

/// The file that a process runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Executable {
    /// Path in the mount namespace of the process. A memfd is its name, e.g. `memfd:x`.
    pub path: Text,
    /// No name leads to it any more.
    pub is_deleted: bool,
    /// An anonymous file in memory: it never had a name. Then it is not `is_deleted`.
    pub is_memfd: bool,
}

/// Why a process could not be described.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProcfsError {
    /// There is no process with this pid.
    #[error("the process is gone")]
    Gone,
    /// The pid is that of another process.
    #[error("the pid was used again: start time {found} ticks, expected {expected}")]
    Reused {
        /// Start time of the process that has the pid, clock ticks since boot.
        found: u64,
        /// That of the process that was meant.
        expected: u64,
    },
    /// The files could not be read.
    #[error("cannot read: {0}")]
    Unreadable(io::ErrorKind),
    /// The kernel's answer could not be understood.
    #[error("malformed stat")]
    Malformed,
}

// === impl ProcfsError ===

impl ProcfsError {
    /// A value for `error.type`: a closed set.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Reused { .. } => "reused",
            Self::Unreadable(_) => "unreadable",
            Self::Malformed => "malformed",
        }
    }
}

impl From<io::Error> for ProcfsError {
    fn from(error: io::Error) -> Self {
        // Files of a process that ended answer ESRCH once they are open, ENOENT before.
        if error.kind() == io::ErrorKind::NotFound
            || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
        {
            Self::Gone
        } else {
            Self::Unreadable(error.kind())
        }
    }
}

/// Describes the process with this pid and start time.
///
/// `root` is where procfs is mounted, of the initial pid namespace. `expect_start` is compared with
/// field 22 of `stat`, which is in ticks: within one of them it is the same process. Each part that
/// is not there or not allowed is `None` or empty.
///
/// # Errors
///
/// [`ProcfsError`], as its variants say; never a description of another process.
pub fn describe(
    root: &Path,
    pid: Pid,
    expect_start: KernelTime,
    clock_ticks_per_second: NonZeroU64,
) -> Result<Description, ProcfsError> {
    let dir = root.join(pid.0.to_string());
    let expected = ticks(expect_start, clock_ticks_per_second);
    let stat = read_stat(&dir, expected)?;
    // One byte more, to know whether there are more.
    let mut cmdline = read(&dir.join("cmdline"), CMDLINE_BYTES_MAX + 1).unwrap_or_default();
    let is_arguments_truncated = u64::try_from(cmdline.len()).is_ok_and(|n| n > CMDLINE_BYTES_MAX);
    if is_arguments_truncated {
        cmdline.pop();
    }
    let cgroups = read(&dir.join("cgroup"), FILE_BYTES_MAX).unwrap_or_default();
    let description = Description {
        executable: executable(&dir),
        arguments: parse_cmdline(&cmdline),
        is_arguments_truncated,
        working_directory: link(&dir, "cwd").map(|(path, _)| Text::from_bytes(&path)),
        comm: stat.comm,
        cgroups: parse_cgroups(&cgroups),
    };
    read_stat(&dir, expected)?;
    Ok(description)
}

/// Ticks of the clock that `stat` counts in, since boot.
fn ticks(time: KernelTime, per_second: NonZeroU64) -> u64 {
    let ticks = u128::from(time.0) * u128::from(per_second.get()) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn read_stat(dir: &Path, expected: u64) -> Result<Stat, ProcfsError> {
    let bytes = read(&dir.join("stat"), FILE_BYTES_MAX)?;
    let stat = parse_stat(&bytes).ok_or(ProcfsError::Malformed)?;
    if stat.start_ticks.abs_diff(expected) > 1 {
        return Err(ProcfsError::Reused {
            found: stat.start_ticks,
            expected,
        });
    }
    Ok(stat)
}

fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn executable(dir: &Path) -> Option<Executable> {
    let (path, is_deleted) = link(dir, "exe")?;
    // A file that is really called so has a directory and, unless it was deleted, no mark.
    let memfd = path
        .strip_prefix(b"/")
        .filter(|name| is_deleted && name.starts_with(b"memfd:"));
    Some(match memfd {
        Some(name) => Executable {
            path: Text::from_bytes(name),
            is_deleted: false,
            is_memfd: true,
        },
        None => Executable {
            path: Text::from_bytes(&path),
            is_deleted,
            is_memfd: false,
        },
    })
}

/// Where a link of the process leads, and whether that name is gone.
///
/// The kernel marks a name that is gone by ` (deleted)`, which can be part of a name too. It is, if
/// the name with it leads to the very same file, in the root directory of the process.
fn link(dir: &Path, name: &str) -> Option<(Vec<u8>, bool)> {
    let link = dir.join(name);
    let path = fs::read_link(&link).ok()?.into_os_string().into_vec();
    let Some(unmarked) = path.strip_suffix(DELETED) else {
        return Some((path, false));
    };
    let mut named = dir.join("root");
    named.push(Path::new(std::ffi::OsStr::from_bytes(
        path.strip_prefix(b"/").unwrap_or(&path),
    )));
    let is_name = match (fs::metadata(&link), fs::metadata(&named)) {
        (Ok(file), Ok(named)) => {
            (file.dev(), file.ino()) == (named.dev(), named.ino()) && file.nlink() > 0
        }
        (Err(_), _) | (_, Err(_)) => false,
    };
    Some(if is_name {
        (path, false)
    } else {
        (unmarked.to_vec(), true)
    })
}
