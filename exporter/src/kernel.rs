//! The kernel side, as seen from user space: loads the programs, attaches them, hands out samples.
//!
//! The only room that names aya. What it gives away is bytes, decoded snapshots and counts.

pub mod cgroups;
mod counts;
mod error;
pub mod features;
mod memory;
mod misses;
mod ring;

use std::io::Read as _;

use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, Iter};
use aya::{Btf, Ebpf, EbpfLoader};
use kintrace_probes::abi::{self, EventKind};
use zerocopy::FromBytes as _;

use crate::decode;
use crate::event::{EventFlags, ImageId, KernelTime, Task};
use crate::telemetry::Kernel;

pub use error::LoadError;
pub use memory::release_free_memory;
use misses::Misses;
pub use ring::{Ring, Waker};

/// Process programs: name in the object, tracepoint.
const TRACEPOINTS: [(&str, &str); 3] = [
    ("on_fork", "sched_process_fork"),
    ("on_exec", "sched_process_exec"),
    ("on_exit", "sched_process_exit"),
];

/// What each of them sees.
const KINDS: [EventKind; TRACEPOINTS.len()] = [EventKind::Fork, EventKind::Exec, EventKind::Exit];

/// What the programs are told before they are loaded. All are frozen: changing one means a restart.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of the ring, a power of two and a multiple of the page size.
    pub ring_size: u32,
    /// Most argument bytes read per exec.
    pub args_limit: u32,
    /// Bytes waiting in the ring that wake the reader before its timer.
    pub wakeup_bytes: u32,
    /// Names of wanted environment variables, each of at most 63 bytes, at most 32.
    pub environment: Vec<String>,
}

/// The loaded and attached programs. Dropping it detaches them.
pub struct Sensor {
    /// `None` once detached.
    ebpf: Option<Ebpf>,
    sequences: PerCpuArray<MapData, u64>,
    lost: PerCpuArray<MapData, u64>,
    misses: Misses,
}

/// One process that lived when the snapshot was taken.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Who it is.
    pub task: Task,
    /// Its current parent first, then up.
    pub chain: Vec<ImageId>,
    /// What is incomplete.
    pub flags: EventFlags,
    /// When it was read.
    pub at: KernelTime,
}

// === impl Sensor ===

impl Sensor {
    /// Loads and attaches the process programs. Samples wait in the ring from here on.
    ///
    /// # Errors
    ///
    /// [`LoadError`], with what the operator can do.
    pub fn load(settings: &Settings) -> Result<(Self, Ring), LoadError> {
        features::require_basics()?;
        let btf = Btf::from_sys_fs().map_err(LoadError::Btf)?;
        let cgroup_source = cgroups::source() as u32;
        let env_wanted = u32::from(!settings.environment.is_empty());
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("args_limit", &settings.args_limit, true)
            .override_global("wakeup_bytes", &settings.wakeup_bytes, true)
            .override_global("cgroup_source", &cgroup_source, true)
            .override_global("env_wanted", &env_wanted, true)
            .map_max_entries("events", settings.ring_size)
            .load(kintrace_probes::PROCESS)
            .map_err(LoadError::object)?;
        set_environment(&mut ebpf, &settings.environment)?;
        let ring = RingBuf::try_from(take_map(&mut ebpf, "events")?).map_err(LoadError::map)?;
        let ring = Ring::new(ring, settings.ring_size).map_err(LoadError::Io)?;
        let sequences =
            PerCpuArray::try_from(take_map(&mut ebpf, "sequences")?).map_err(LoadError::map)?;
        let lost = PerCpuArray::try_from(take_map(&mut ebpf, "lost")?).map_err(LoadError::map)?;
        let snapshot: &mut Iter = program(&mut ebpf, "snapshot_task")?;
        snapshot
            .load("task", &btf)
            .map_err(|source| LoadError::program("snapshot_task", source))?;
        // All are loaded before the first is attached: a refusal leaves nothing behind.
        for (name, tracepoint) in TRACEPOINTS {
            let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
            program
                .load(tracepoint, &btf)
                .map_err(|source| LoadError::program(name, source))?;
        }
        let mut programs = Vec::new();
        for ((name, _), kind) in TRACEPOINTS.into_iter().zip(KINDS) {
            let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
            program
                .attach()
                .map_err(|source| LoadError::program(name, source))?;
            let held = program
                .fd()
                .map_err(|source| LoadError::program(name, source))?;
            let held = held.try_clone().map_err(LoadError::Io)?;
            programs.push((counts::kind_name(kind), held));
        }
        Ok((
            Self {
                ebpf: Some(ebpf),
                sequences,
                lost,
                misses: Misses::of(programs),
            },
            ring,
        ))
    }

    /// All processes that live now, in no order. Call it after [`Sensor::load`]: what starts in between
    /// is in the ring as well, and the process table settles the two.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the iterator cannot be read.
    pub fn snapshot(&mut self) -> Result<Vec<Snapshot>, LoadError> {
        let ebpf = self
            .ebpf
            .as_mut()
            .ok_or(LoadError::Absent("snapshot_task"))?;
        let iter: &mut Iter = program(ebpf, "snapshot_task")?;
        let error = |source| LoadError::program("snapshot_task", source);
        let link = iter.attach().map_err(error)?;
        let link = iter.take_link(link).map_err(error)?;
        let mut bytes = Vec::with_capacity(1 << 20);
        link.into_file()
            .map_err(|source| LoadError::Io(std::io::Error::other(source)))?
            .read_to_end(&mut bytes)
            .map_err(LoadError::Io)?;
        let processes = bytes.chunks_exact(size_of::<abi::TaskSnapshot>());
        Ok(processes
            .filter_map(|chunk| abi::TaskSnapshot::read_from_bytes(chunk).ok())
            .map(snapshot)
            .collect())
    }

    /// Detaches the programs. What they saw until now stays in the ring, and their counts stay.
    pub fn detach(&mut self) {
        self.ebpf = None;
    }

    /// What the programs counted since they were attached.
    ///
    /// # Errors
    ///
    /// [`LoadError::Map`] if a map cannot be read, [`LoadError::Io`] if a program cannot be asked.
    pub fn counts(&self) -> Result<Kernel, LoadError> {
        // Asked first: what is missed in between is neither seen nor lost yet.
        let misses = self.misses.read().map_err(LoadError::Io)?;
        let mut counts = counts::read(&self.sequences, &self.lost)?;
        counts::add_misses(&mut counts, misses);
        Ok(counts)
    }
}

fn snapshot(raw: abi::TaskSnapshot) -> Snapshot {
    let count = usize::try_from(raw.ancestors_count).unwrap_or(usize::MAX);
    Snapshot {
        task: decode::task(&raw.task),
        chain: raw
            .ancestors
            .iter()
            .take(count)
            .map(decode::image_id)
            .collect(),
        flags: EventFlags(raw.flags),
        at: KernelTime(raw.ktime_ns),
    }
}

fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<aya::maps::Map, LoadError> {
    ebpf.take_map(name).ok_or(LoadError::Absent(name))
}

fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, LoadError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    let program = ebpf.program_mut(name).ok_or(LoadError::Absent(name))?;
    program
        .try_into()
        .map_err(|source| LoadError::program(name, source))
}

/// Writes `NAME=` of each wanted variable as a prefix.
fn set_environment(ebpf: &mut Ebpf, names: &[String]) -> Result<(), LoadError> {
    let map = ebpf
        .map_mut("env_names")
        .ok_or(LoadError::Absent("env_names"))?;
    let mut trie: LpmTrie<_, [u8; abi::ENV_NAME_BYTES], u8> =
        LpmTrie::try_from(map).map_err(LoadError::map)?;
    for name in names {
        let mut text = [0; abi::ENV_NAME_BYTES];
        let prefix = format!("{name}=");
        let Some(start) = text.get_mut(..prefix.len()) else {
            return Err(LoadError::EnvironmentName(name.clone()));
        };
        start.copy_from_slice(prefix.as_bytes());
        let bits = u32::try_from(prefix.len() * 8).unwrap_or(u32::MAX);
        trie.insert(&Key::new(bits, text), 1, 0)
            .map_err(LoadError::map)?;
    }
    Ok(())
}
