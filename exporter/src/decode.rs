//! Turns ring-buffer samples into events. The only place that knows the kernel's layout and words.
//!
//! From here on `tgid` is `pid`. Nothing is looked up and nothing is dropped: what is incomplete is
//! flagged. Arguments that came ahead in samples of their own are put back together here.

mod fields;

use kintrace_probes::abi;
use zerocopy::FromBytes;

use crate::event::{
    Args, Cgroup, CgroupId, Event, EventFlags, Exec, Executable, Exit, ExitStatus, Fork,
    KernelTime, Payload, Pid, Tid,
};
use fields::Fields;

pub use fields::{image_id, task};

/// Why a sample did not become an [`Event`].
///
/// The kernel wrote the sample, so asking again cannot help: it is counted once under
/// [`reason`](Self::reason) and forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than the fixed part of its kind.
    #[error("sample has {len} bytes, its kind needs {need}")]
    Short {
        /// Bytes in the sample.
        len: usize,
        /// Bytes of the fixed part.
        need: usize,
    },
    /// A kind this build does not know; the object and the program disagree.
    #[error("unknown event kind {0}")]
    UnknownKind(u32),
    /// A length field points past the end.
    #[error("part of {len} bytes at {at} ends outside the sample")]
    BadLength {
        /// Where the part begins.
        at: usize,
        /// Its bytes.
        len: usize,
    },
}

impl DecodeError {
    /// All reasons, in the order of their counters.
    pub const REASONS: [&str; 3] = ["short_sample", "unknown_kind", "bad_length"];

    /// The value of `error.type`: a closed set, safe as a metric attribute.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Short { .. } => "short_sample",
            Self::UnknownKind(_) => "unknown_kind",
            Self::BadLength { .. } => "bad_length",
        }
    }
}

/// The decoder of one ring. Holds arguments whose exec has not come yet: at most those of one exec per
/// CPU, each bounded by the argument limit.
#[derive(Debug)]
pub struct Decoder {
    page_size: u64,
    pending: Vec<Pending>,
}

/// Arguments of an exec that is still to come.
#[derive(Debug)]
struct Pending {
    cpu: u32,
    id: abi::ImageId,
    parts: u32,
    bytes: Vec<u8>,
}

// === impl Decoder ===

impl Decoder {
    /// `page_size` in bytes: the kernel counts memory in pages.
    pub fn new(page_size: u64) -> Self {
        Self {
            page_size,
            pending: Vec::new(),
        }
    }

    /// Decodes one sample: a header, the fixed part of its kind, then variable parts back to back
    /// (`event.h`). Trailing bytes are ignored. `None`: a part of an event that is still to come.
    ///
    /// # Errors
    ///
    /// As [`DecodeError`] says. Never panics: `tests::any_bytes_decode_or_say_why`.
    pub fn decode(&mut self, sample: &[u8]) -> Result<Option<Event>, DecodeError> {
        let header = fixed::<abi::EventHeader>(sample)?;
        let kind = abi::EventKind::try_from(header.kind).map_err(DecodeError::UnknownKind)?;
        let mut flags = header.flags;
        let payload = match kind {
            abi::EventKind::Fork => Payload::Fork(fork(&fixed(sample)?)),
            abi::EventKind::Exit => Payload::Exit(self.exit(&fixed(sample)?)),
            abi::EventKind::Cgroup => Payload::Cgroup(cgroup(sample)?),
            abi::EventKind::Exec => Payload::Exec(Box::new(self.exec(sample, &mut flags)?)),
            abi::EventKind::ExecArgs => {
                self.keep_args(sample)?;
                return Ok(None);
            }
        };
        let at = KernelTime(header.ktime_ns);
        Ok(Some(Event {
            at,
            flags: EventFlags(flags),
            payload,
        }))
    }

    fn exec(&mut self, sample: &[u8], flags: &mut u32) -> Result<Exec, DecodeError> {
        let event = fixed::<abi::ExecEvent>(sample)?;
        let mut fields = Fields::after::<abi::ExecEvent>(sample);
        let chain = fields.image_ids(event.ancestors_count)?;
        let path = fields.take(event.path_len)?;
        let cwd = fields.take(event.cwd_len)?;
        let filename = fields.take(event.filename_len)?;
        let interpreter = fields.take(event.interpreter_len)?;
        let environment = fields.take(event.env_len)?;
        let args = fields.take(event.args_len)?;

        let has = |flag: u32| event.exe_flags & flag != 0;
        let is_detached = has(abi::exe::DETACHED);
        let path = (*flags & abi::flags::MISSING_PATH == 0)
            .then(|| fields::path(path, *flags & abi::flags::TRUNCATED_PATH != 0, is_detached));
        let values = match self.take_args(&event) {
            Ok(None) => fields::split(args),
            Ok(Some(mut bytes)) => {
                bytes.extend_from_slice(args);
                fields::split(&bytes)
            }
            Err(before_gap) => {
                *flags |= abi::flags::MISSING_ARGS | abi::flags::TRUNCATED_ARGS;
                fields::split(&before_gap)
            }
        };
        let is_memfd = is_detached
            && path
                .as_ref()
                .is_some_and(|path| path.as_str().starts_with("memfd:"));
        Ok(Exec {
            task: task(&event.task),
            chain,
            tid: Tid(event.exec_tid),
            executable: Executable {
                is_memfd,
                path,
                inode: event.exe_inode,
                device: fields::device(event.exe_device),
                mode: event.exe_mode,
                // A memfd never had a name to lose.
                is_deleted: has(abi::exe::DELETED) && !is_memfd,
                is_secure: has(abi::exe::SECURE),
                is_setuid: has(abi::exe::SETUID),
                is_setgid: has(abi::exe::SETGID),
                has_file_capabilities: has(abi::exe::FILE_CAPS),
            },
            filename: fields::string(filename),
            interpreter: fields::string(interpreter),
            args: Args {
                values,
                count: event.argc,
                size: event.args_size,
            },
            working_directory: (*flags & abi::flags::MISSING_CWD == 0)
                .then(|| fields::path(cwd, *flags & abi::flags::TRUNCATED_CWD != 0, false)),
            environment: fields::split(environment),
        })
    }

    fn exit(&self, event: &abi::ExitEvent) -> Exit {
        let (user_ns, system_ns) =
            fields::adjust_cpu_time(event.user_ns, event.system_ns, event.runtime_ns);
        Exit {
            id: image_id(&event.id),
            parent: image_id(&event.parent),
            status: status(event.status),
            user_ns,
            system_ns,
            peak_rss: event.max_rss_pages.saturating_mul(self.page_size),
            vpid: Pid(event.ns_tgid),
            cgroup: CgroupId(event.cgroup_id),
            uid: event.uid,
            euid: event.euid,
            is_kernel_thread: event.task_flags & abi::TASK_KERNEL_THREAD != 0,
            comm: fields::array(&event.comm),
        }
    }

    /// Keeps arguments for the exec that follows on the same CPU. A gap ends what is kept.
    fn keep_args(&mut self, sample: &[u8]) -> Result<(), DecodeError> {
        let event = fixed::<abi::ExecArgsEvent>(sample)?;
        let bytes = Fields::after::<abi::ExecArgsEvent>(sample).take(event.len)?;
        let cpu = event.header.cpu;
        let index = self.pending.iter().position(|pending| pending.cpu == cpu);
        match index.and_then(|index| self.pending.get_mut(index)) {
            Some(pending) if event.index > 0 && same(&pending.id, &event.id) => {
                if pending.parts == event.index {
                    pending.parts += 1;
                    pending.bytes.extend_from_slice(bytes);
                }
            }
            Some(pending) => *pending = Pending::new(&event, bytes),
            None => self.pending.push(Pending::new(&event, bytes)),
        }
        Ok(())
    }

    /// The arguments that came ahead of `event`: `None` if there are none, `Err` with those before the
    /// first that was lost.
    fn take_args(&mut self, event: &abi::ExecEvent) -> Result<Option<Vec<u8>>, Vec<u8>> {
        if event.args_parts == 0 {
            return Ok(None);
        }
        let found = self
            .pending
            .iter()
            .position(|pending| pending.cpu == event.header.cpu);
        match found.map(|index| self.pending.swap_remove(index)) {
            Some(pending) if same(&pending.id, &event.task.id) => {
                if pending.parts == event.args_parts {
                    Ok(Some(pending.bytes))
                } else {
                    Err(pending.bytes)
                }
            }
            Some(_) | None => Err(Vec::new()),
        }
    }
}

impl Pending {
    fn new(event: &abi::ExecArgsEvent, bytes: &[u8]) -> Self {
        let is_first = event.index == 0;
        Self {
            cpu: event.header.cpu,
            id: event.id,
            parts: u32::from(is_first),
            bytes: if is_first { bytes.to_vec() } else { Vec::new() },
        }
    }
}

fn same(a: &abi::ImageId, b: &abi::ImageId) -> bool {
    image_id(a) == image_id(b)
}

fn fork(event: &abi::ForkEvent) -> Fork {
    Fork {
        id: image_id(&event.id),
        creator: image_id(&event.creator),
        parent: image_id(&event.parent),
        creator_tid: Tid(event.creator_tid),
        vpid: Pid(event.ns_tgid),
        cgroup: CgroupId(event.cgroup_id),
        is_kernel_thread: event.task_flags & abi::TASK_KERNEL_THREAD != 0,
        comm: fields::array(&event.comm),
    }
}

fn cgroup(sample: &[u8]) -> Result<Cgroup, DecodeError> {
    let event = fixed::<abi::CgroupEvent>(sample)?;
    let path = Fields::after::<abi::CgroupEvent>(sample).take(event.path_len)?;
    let is_cut = event.header.flags & abi::flags::TRUNCATED_CGROUP != 0;
    Ok(Cgroup {
        id: CgroupId(event.cgroup_id),
        path: fields::path(path, is_cut, false),
    })
}

/// As wait(2) encodes it.
fn status(status: u32) -> ExitStatus {
    let [low, code, ..] = status.to_le_bytes();
    match low & 0x7f {
        0 => ExitStatus::Code(code),
        number => ExitStatus::Signal {
            number,
            core_dumped: low & 0x80 != 0,
        },
    }
}

fn fixed<T: FromBytes>(sample: &[u8]) -> Result<T, DecodeError> {
    T::read_from_prefix(sample)
        .map(|(value, _rest)| value)
        .map_err(|_size| DecodeError::Short {
            len: sample.len(),
            need: size_of::<T>(),
        })
}

#[cfg(test)]
mod tests;
