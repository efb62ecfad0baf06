//! What happened, decoded: owned values that know neither the kernel's layout nor OTLP.
//!
//! Ids are those of the initial namespaces. Times are nanoseconds since boot, suspend included, until
//! [`crate::clock`] turns them into wall time at the very end.

mod flags;
mod text;

use std::fmt;

pub use flags::EventFlags;
pub use text::Text;

/// Thread group id: what people call a process id.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pid(pub u32);

/// Id of one thread.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Tid(pub u32);

/// Nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KernelTime(pub u64);

/// The kernel's id of a cgroup, of the hierarchy that [`crate::kernel`] chose. 0: not known.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct CgroupId(pub u64);

/// One process: a pid can be used again, a pid with its start time cannot.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProcessKey {
    /// Its pid.
    pub pid: Pid,
    /// When it was created.
    pub start: KernelTime,
}

/// One program image within a process. Unique on a host until it boots again.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ImageId {
    /// The process.
    pub process: ProcessKey,
    /// The kernel's count of execs along the line of descent: grows with each exec, kept by fork.
    pub exec_id: u32,
}

impl ImageId {
    /// Shorthand for tests and decoding.
    pub const fn new(pid: u32, start_ns: u64, exec_id: u32) -> Self {
        Self {
            process: ProcessKey {
                pid: Pid(pid),
                start: KernelTime(start_ns),
            },
            exec_id,
        }
    }

    /// Whether it names a process at all: the kernel's idle task has pid 0.
    pub const fn is_some(self) -> bool {
        self.process.pid.0 != 0
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}@{}#{}",
            self.process.pid.0, self.process.start.0, self.exec_id
        )
    }
}

/// A decoded sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the hook ran.
    pub at: KernelTime,
    /// What is incomplete.
    pub flags: EventFlags,
    /// What happened.
    pub payload: Payload,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// A process was created.
    Fork(Fork),
    /// A process runs a new image.
    Exec(Box<Exec>),
    /// A process ended.
    Exit(Exit),
    /// A cgroup was named for the first time.
    Cgroup(Cgroup),
}

/// A process was created.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// The new process. Its image is still its creator's: same exec id.
    pub id: ImageId,
    /// The process that called clone.
    pub creator: ImageId,
    /// The process that is told of its end; differs from `creator` with `CLONE_PARENT`.
    pub parent: ImageId,
    /// The thread that called clone.
    pub creator_tid: Tid,
    /// Pid in its own pid namespace.
    pub vpid: Pid,
    /// Where it runs.
    pub cgroup: CgroupId,
    /// Whether it is a thread of the kernel, with no program of its own.
    pub is_kernel_thread: bool,
    /// The kernel's short name of it, NUL cut off, at most 15 bytes.
    pub comm: Text,
}

/// A process runs a new image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exec {
    /// Who it is now.
    pub task: Task,
    /// Current parent first, then its parent, as the kernel links them now: after reparenting.
    pub chain: Vec<ImageId>,
    /// The thread that called execve; differs from the pid if it was not the leader.
    pub tid: Tid,
    /// The executable as loaded.
    pub executable: Executable,
    /// The name as passed to execve: relative, a script, `/dev/fd/N` for a descriptor.
    pub filename: Option<Text>,
    /// What runs the script, if the name passed is one.
    pub interpreter: Option<Text>,
    /// The arguments.
    pub args: Args,
    /// Working directory. Absolute unless cut (see the flags).
    pub working_directory: Option<Text>,
    /// The wanted environment variables, as `NAME=value`.
    pub environment: Vec<Text>,
}

/// The executable of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Executable {
    /// Absolute path as the kernel resolved it in the mount namespace of the process.
    /// Starts with `.../` where it was cut. A memfd is its name, e.g. `memfd:x`.
    pub path: Option<Text>,
    /// Inode number.
    pub inode: u64,
    /// Device of the file system: major, minor.
    pub device: (u32, u32),
    /// File type and permission bits.
    pub mode: u32,
    /// No name leads to it any more.
    pub is_deleted: bool,
    /// An anonymous file in memory (`memfd_create`).
    pub is_memfd: bool,
    /// The dynamic linker runs in secure mode (`AT_SECURE`).
    pub is_secure: bool,
    /// The set-user-ID bit took effect.
    pub is_setuid: bool,
    /// The set-group-ID bit took effect.
    pub is_setgid: bool,
    /// Capabilities of the file were gained.
    pub has_file_capabilities: bool,
}

/// The arguments of an exec, each on its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// What was read, argv\[0\] first. The last may be cut (see the flags).
    pub values: Vec<Text>,
    /// How many there were.
    pub count: u32,
    /// How many bytes they had, each with its NUL.
    pub size: u64,
}

/// Who a process is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Its identity.
    pub id: ImageId,
    /// The current parent, after any reparenting.
    pub parent: ImageId,
    /// Pid in its own pid namespace.
    pub vpid: Pid,
    /// The session leader's pid.
    pub session: Pid,
    /// The process group leader's pid.
    pub process_group: Pid,
    /// Where it runs.
    pub cgroup: CgroupId,
    /// User and group ids.
    pub credentials: Credentials,
    /// Inode numbers of its namespaces.
    pub namespaces: Namespaces,
    /// Controlling terminal, by the kernel's name (`pts0`).
    pub tty: Option<Text>,
    /// The kernel's short name of it, at most 15 bytes; anyone can set it.
    pub comm: Text,
    /// Whether it is a thread of the kernel, with no program of its own.
    pub is_kernel_thread: bool,
}

/// Ids and capabilities, as seen from the initial user namespace.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Credentials {
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective user.
    pub euid: u32,
    /// Effective group.
    pub egid: u32,
    /// Saved user.
    pub suid: u32,
    /// Saved group.
    pub sgid: u32,
    /// File system user.
    pub fsuid: u32,
    /// File system group.
    pub fsgid: u32,
    /// The user that logged in, through any later change of ids.
    pub login_uid: Option<u32>,
    /// The audit session of that login.
    pub audit_session: Option<u32>,
    /// `SECBIT_*`.
    pub securebits: u32,
    /// Bit n is capability n.
    pub effective: u64,
    /// Bit n is capability n.
    pub permitted: u64,
    /// Bit n is capability n.
    pub inheritable: u64,
    /// Bit n is capability n.
    pub bounding: u64,
    /// Bit n is capability n.
    pub ambient: u64,
}

/// Inode numbers of namespaces, as under `/proc/PID/ns`; 0: not known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is the namespace of its name")]
pub struct Namespaces {
    pub uts: u32,
    pub ipc: u32,
    pub mnt: u32,
    pub pid: u32,
    pub net: u32,
    pub time: u32,
    pub cgroup: u32,
    pub user: u32,
}

/// A process ended: its last thread is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// Who ended.
    pub id: ImageId,
    /// The parent at the end, after any reparenting.
    pub parent: ImageId,
    /// How it ended.
    pub status: ExitStatus,
    /// CPU time in user mode, all threads, ns; as `getrusage` would say.
    pub user_ns: u64,
    /// CPU time in the kernel, all threads, ns; as `getrusage` would say.
    pub system_ns: u64,
    /// Most memory it ever held, bytes.
    pub peak_rss: u64,
    /// Pid in its own pid namespace.
    pub vpid: Pid,
    /// Where it ran.
    pub cgroup: CgroupId,
    /// Real user at the end.
    pub uid: u32,
    /// Effective user at the end.
    pub euid: u32,
    /// Whether it was a thread of the kernel.
    pub is_kernel_thread: bool,
    /// The kernel's short name of it.
    pub comm: Text,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExitStatus {
    /// It called exit with this code, 0-255.
    Code(u8),
    /// A signal ended it.
    Signal {
        /// The number of the signal.
        number: u8,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
}

/// A cgroup got its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Cgroup {
    /// Its id.
    pub id: CgroupId,
    /// Path within its hierarchy, `/` for the root.
    pub path: Text,
}
