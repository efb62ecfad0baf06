//! Mirror of `bpf/include/event.h`: the bytes of a sample, field by field.
//!
//! Names, order and sizes equal the C: `tests/layout.rs` compares both with the BTF of the object. No
//! type here has a hole or an invalid value, so any bytes of the right length are a value.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Entries of the kernel's chain of ancestors.
pub const ANCESTORS_MAX: usize = 16;
/// Longest path.
pub const PATH_BYTES_MAX: usize = 4096;
/// Argument bytes in one [`ExecArgsEvent`].
pub const ARGS_CHUNK_BYTES: u32 = 8192;
/// Longest `NAME=` of a wanted environment variable.
pub const ENV_NAME_BYTES: usize = 64;
/// Length of a task's short name, NUL included.
pub const COMM_BYTES: usize = 16;
/// Length of a terminal's name, NUL included.
pub const TTY_BYTES: usize = 32;
/// `PF_KTHREAD` in `task_flags`.
pub const TASK_KERNEL_THREAD: u32 = 0x0020_0000;
/// An audit id that is not set.
pub const AUDIT_UNSET: u32 = u32::MAX;

macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$entry_doc:meta])* $entry:ident = $value:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u32)]
        pub enum $name { $($(#[$entry_doc])* $entry = $value,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$entry),*];
        }

        impl TryFrom<u32> for $name {
            type Error = u32;
            fn try_from(number: u32) -> Result<Self, u32> {
                match number {
                    $(number if number == Self::$entry as u32 => Ok(Self::$entry),)*
                    unknown => Err(unknown),
                }
            }
        }
    };
}

numbers! {
    /// `enum event_kind`: what a sample is.
    EventKind {
        /// [`ForkEvent`].
        Fork = 1,
        /// [`ExecEvent`], then its variable parts.
        Exec = 2,
        /// [`ExitEvent`].
        Exit = 3,
        /// [`ExecArgsEvent`], then bytes.
        ExecArgs = 4,
        /// [`CgroupEvent`], then its path.
        Cgroup = 5,
    }
}

numbers! {
    /// `enum program`: whose count an entry of `sequences` is.
    Program {
        /// `on_fork`.
        Fork = 0,
        /// `on_exec`.
        Exec = 1,
        /// `on_exit`.
        Exit = 2,
    }
}

numbers! {
    /// `enum lost_reason`: why an event did not reach the ring.
    LostReason {
        /// No room in the ring.
        RingFull = 0,
        /// No scratch space: never seen to happen.
        NoScratch = 1,
    }
}

/// `EVENT_KIND_MAX`.
pub const EVENT_KIND_MAX: u32 = 6;
/// `LOST_REASON_MAX`.
pub const LOST_REASON_MAX: u32 = 2;

/// `enum event_flag`: what of an event is incomplete.
#[expect(
    missing_docs,
    reason = "each says what it is, and event.h says it once"
)]
pub mod flags {
    pub const TRUNCATED_PATH: u32 = 1 << 0;
    pub const TRUNCATED_CWD: u32 = 1 << 1;
    pub const TRUNCATED_ARGS: u32 = 1 << 2;
    pub const TRUNCATED_ENV: u32 = 1 << 3;
    pub const TRUNCATED_FILENAME: u32 = 1 << 4;
    pub const TRUNCATED_INTERPRETER: u32 = 1 << 5;
    pub const TRUNCATED_ANCESTORS: u32 = 1 << 6;
    pub const TRUNCATED_CGROUP: u32 = 1 << 7;
    pub const MISSING_PATH: u32 = 1 << 8;
    pub const MISSING_CWD: u32 = 1 << 9;
    pub const MISSING_ARGS: u32 = 1 << 10;
    pub const MISSING_ENV: u32 = 1 << 11;
    pub const MISSING_FILENAME: u32 = 1 << 12;
    pub const MISSING_INTERPRETER: u32 = 1 << 13;
    pub const MISSING_CGROUP: u32 = 1 << 14;
    pub const MISSING_NAMESPACES: u32 = 1 << 15;
    pub const MISSING_AUDIT: u32 = 1 << 16;
    pub const APPROXIMATE_CPU_TIME: u32 = 1 << 17;
}

/// `enum exe_flag`: what an executable file is.
#[expect(
    missing_docs,
    reason = "each says what it is, and event.h says it once"
)]
pub mod exe {
    pub const DELETED: u32 = 1 << 0;
    pub const DETACHED: u32 = 1 << 1;
    pub const SECURE: u32 = 1 << 2;
    pub const SETUID: u32 = 1 << 3;
    pub const SETGID: u32 = 1 << 4;
    pub const FILE_CAPS: u32 = 1 << 5;
    pub const SCRIPT: u32 = 1 << 6;
}

macro_rules! layouts {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
            #[expect(missing_docs, reason = "event.h documents each field, once")]
            #[repr(C)]
            pub struct $name { $(pub $field: $type,)* }

            impl $name {
                /// Name and offset of each field, for the layout test.
                pub const FIELDS: &[(&str, usize)] =
                    &[$((stringify!($field), std::mem::offset_of!($name, $field)),)*];
            }

            impl Default for $name {
                fn default() -> Self { zerocopy::FromZeros::new_zeroed() }
            }
        )*

        /// C name, size and fields of every struct, for the layout test.
        pub const LAYOUTS: &[(&str, usize, &[(&str, usize)])] =
            &[$((stringify!($name), size_of::<$name>(), $name::FIELDS),)*];
    };
}

layouts! {
    /// `struct event_header`: start of every sample.
    EventHeader {
        ktime_ns: u64,
        sequence: u64,
        kind: u32,
        size: u32,
        flags: u32,
        cpu: u32,
    }
    /// `struct image_id`.
    ImageId {
        start_ns: u64,
        tgid: u32,
        exec_id: u32,
    }
    /// `struct task_info`.
    TaskInfo {
        id: ImageId,
        parent: ImageId,
        cgroup_id: u64,
        cap_effective: u64,
        cap_permitted: u64,
        cap_inheritable: u64,
        cap_bounding: u64,
        cap_ambient: u64,
        uid: u32,
        gid: u32,
        euid: u32,
        egid: u32,
        suid: u32,
        sgid: u32,
        fsuid: u32,
        fsgid: u32,
        securebits: u32,
        login_uid: u32,
        audit_session: u32,
        ns_tgid: u32,
        session: u32,
        process_group: u32,
        task_flags: u32,
        ns_uts: u32,
        ns_ipc: u32,
        ns_mnt: u32,
        ns_pid: u32,
        ns_net: u32,
        ns_time: u32,
        ns_cgroup: u32,
        ns_user: u32,
        tty_device: u32,
        comm: [u8; COMM_BYTES],
        tty: [u8; TTY_BYTES],
    }
    /// `struct fork_event`.
    ForkEvent {
        header: EventHeader,
        id: ImageId,
        creator: ImageId,
        parent: ImageId,
        cgroup_id: u64,
        creator_tid: u32,
        ns_tgid: u32,
        task_flags: u32,
        pad: u32,
        comm: [u8; COMM_BYTES],
    }
    /// `struct exec_event`; `event.h` says what follows it.
    ExecEvent {
        header: EventHeader,
        task: TaskInfo,
        exe_inode: u64,
        args_size: u64,
        env_size: u64,
        exe_device: u32,
        exe_mode: u32,
        exe_nlink: u32,
        exe_flags: u32,
        exec_tid: u32,
        argc: u32,
        args_parts: u32,
        ancestors_count: u32,
        path_len: u32,
        cwd_len: u32,
        filename_len: u32,
        interpreter_len: u32,
        env_len: u32,
        args_len: u32,
    }
    /// `struct exec_args_event`; `len` bytes follow it.
    ExecArgsEvent {
        header: EventHeader,
        id: ImageId,
        index: u32,
        len: u32,
    }
    /// `struct exit_event`.
    ExitEvent {
        header: EventHeader,
        id: ImageId,
        parent: ImageId,
        cgroup_id: u64,
        user_ns: u64,
        system_ns: u64,
        runtime_ns: u64,
        max_rss_pages: u64,
        status: u32,
        tid: u32,
        ns_tgid: u32,
        uid: u32,
        euid: u32,
        task_flags: u32,
        comm: [u8; COMM_BYTES],
    }
    /// `struct cgroup_event`; `path_len` bytes follow it.
    CgroupEvent {
        header: EventHeader,
        cgroup_id: u64,
        path_len: u32,
        pad: u32,
    }
    /// `struct task_snapshot`: one process that lived when the agent started.
    TaskSnapshot {
        task: TaskInfo,
        ancestors: [ImageId; ANCESTORS_MAX],
        ktime_ns: u64,
        ancestors_count: u32,
        flags: u32,
    }
}
