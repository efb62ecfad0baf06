//! The parts of a sample: cuts bytes into texts, paths and ids.

use kintrace_probes::abi;
use zerocopy::FromBytes;

use super::DecodeError;
use crate::event::{
    CgroupId, Credentials, ImageId, KernelTime, Namespaces, Pid, ProcessKey, Task, Text,
};

/// The variable parts of a sample, taken from front to back.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// What stands behind the fixed part `T`, whose presence was checked.
    pub(super) fn after<T>(sample: &'a [u8]) -> Self {
        Self {
            rest: sample.get(size_of::<T>()..).unwrap_or_default(),
            at: size_of::<T>(),
        }
    }

    pub(super) fn take(&mut self, len: u32) -> Result<&'a [u8], DecodeError> {
        let len = len as usize;
        let (part, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::BadLength { at: self.at, len })?;
        self.rest = rest;
        self.at += len;
        Ok(part)
    }

    pub(super) fn image_ids(&mut self, count: u32) -> Result<Vec<ImageId>, DecodeError> {
        const ENTRY: usize = size_of::<abi::ImageId>();
        let len = u32::try_from(ENTRY)
            .unwrap_or(u32::MAX)
            .saturating_mul(count);
        let bytes = self.take(len)?;
        let ids = bytes.chunks_exact(ENTRY).filter_map(|entry| {
            abi::ImageId::read_from_bytes(entry)
                .ok()
                .map(|id| image_id(&id))
        });
        Ok(ids.collect())
    }
}

/// The identity of an image.
pub fn image_id(id: &abi::ImageId) -> ImageId {
    ImageId {
        process: ProcessKey {
            pid: Pid(id.tgid),
            start: KernelTime(id.start_ns),
        },
        exec_id: id.exec_id,
    }
}

/// Who a task is.
pub fn task(info: &abi::TaskInfo) -> Task {
    let audit = |id: u32| (id != abi::AUDIT_UNSET).then_some(id);
    let tty = array(&info.tty);
    Task {
        id: image_id(&info.id),
        parent: image_id(&info.parent),
        vpid: Pid(info.ns_tgid),
        session: Pid(info.session),
        process_group: Pid(info.process_group),
        cgroup: CgroupId(info.cgroup_id),
        credentials: Credentials {
            uid: info.uid,
            gid: info.gid,
            euid: info.euid,
            egid: info.egid,
            suid: info.suid,
            sgid: info.sgid,
            fsuid: info.fsuid,
            fsgid: info.fsgid,
            login_uid: audit(info.login_uid),
            audit_session: audit(info.audit_session),
            securebits: info.securebits,
            effective: info.cap_effective,
            permitted: info.cap_permitted,
            inheritable: info.cap_inheritable,
            bounding: info.cap_bounding,
            ambient: info.cap_ambient,
        },
        namespaces: Namespaces {
            uts: info.ns_uts,
            ipc: info.ns_ipc,
            mnt: info.ns_mnt,
            pid: info.ns_pid,
            net: info.ns_net,
            time: info.ns_time,
            cgroup: info.ns_cgroup,
            user: info.ns_user,
        },
        tty: (info.tty_device != 0).then_some(tty),
        comm: array(&info.comm),
        is_kernel_thread: info.task_flags & abi::TASK_KERNEL_THREAD != 0,
    }
}

/// A text in an array of fixed size, ended by NUL unless it fills it.
pub(super) fn array(bytes: &[u8]) -> Text {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    Text::from_bytes(text)
}

/// A string with its NUL; no bytes at all: there is none.
pub(super) fn string(bytes: &[u8]) -> Option<Text> {
    if bytes.is_empty() {
        None
    } else {
        Some(array(bytes))
    }
}

/// Strings each ended by NUL; the last may lack it where it was cut. Empty strings count.
pub(super) fn split(bytes: &[u8]) -> Vec<Text> {
    let ended = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    ended
        .split(|byte| *byte == 0)
        .map(Text::from_bytes)
        .collect()
}

/// Components, last first, each ended by NUL. No component is the root. A path that was cut lacks its
/// beginning; a detached file has a name and no directory.
pub(super) fn path(components: &[u8], is_cut: bool, is_detached: bool) -> Text {
    let mut path = Vec::with_capacity(components.len() + 4);
    if is_cut {
        path.extend_from_slice(b"...");
    }
    let components = components.strip_suffix(&[0]).unwrap_or(components);
    for component in components.rsplit(|byte| *byte == 0) {
        if !is_detached {
            path.push(b'/');
        }
        path.extend_from_slice(component);
    }
    Text::from_bytes(&path)
}

/// Major and minor number.
pub(super) fn device(device: u32) -> (u32, u32) {
    (device >> 20, device & 0xf_ffff)
}

/// User and system time as the kernel reports them to `getrusage`: ticks only divide the precise sum
/// (`cputime_adjust` in kernel/sched/cputime.c).
pub(super) fn adjust_cpu_time(user: u64, system: u64, runtime: u64) -> (u64, u64) {
    if system == 0 {
        return (runtime, 0);
    }
    if user == 0 {
        return (0, runtime);
    }
    let ticks = u128::from(user) + u128::from(system);
    let system = u128::from(runtime) * u128::from(system) / ticks;
    // A part of a u64 is a u64.
    let system = u64::try_from(system).unwrap_or(runtime);
    (runtime - system, system)
}
