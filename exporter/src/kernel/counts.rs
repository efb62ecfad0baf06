//! The programs' own counts: what they saw, and what they lost and why.

use aya::maps::{MapData, PerCpuArray};
use kintrace_probes::abi::{EVENT_KIND_MAX, EventKind, LOST_REASON_MAX, LostReason, Program};

use super::LoadError;
use crate::telemetry::Kernel;

/// The value of the metric attribute.
pub(super) const fn kind_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Fork => "fork",
        EventKind::Exec => "exec",
        EventKind::Exit => "exit",
        EventKind::ExecArgs => "exec_args",
        EventKind::Cgroup => "cgroup",
    }
}

const fn reason_name(reason: LostReason) -> &'static str {
    match reason {
        LostReason::RingFull => "ring_full",
        LostReason::NoScratch => "no_scratch",
    }
}

/// A reason that no program can give: it did not run.
const PROGRAM_BUSY: &str = "program_busy";

pub(super) fn read(
    sequences: &PerCpuArray<MapData, u64>,
    lost: &PerCpuArray<MapData, u64>,
) -> Result<Kernel, LoadError> {
    let sum = |map: &PerCpuArray<MapData, u64>, index: u32| -> Result<u64, LoadError> {
        Ok(map.get(&index, 0).map_err(LoadError::map)?.iter().sum())
    };
    let mut counts = Kernel::default();
    for kind in EventKind::ALL {
        for reason in LostReason::ALL {
            let index = *kind as u32 * LOST_REASON_MAX + *reason as u32;
            debug_assert!(index < EVENT_KIND_MAX * LOST_REASON_MAX);
            let count = sum(lost, index)?;
            if count > 0 {
                counts
                    .lost
                    .push((kind_name(*kind), reason_name(*reason), count));
            }
        }
    }
    // Read last: an event in between is then seen and not yet lost, never the other way round.
    for program in Program::ALL {
        counts.seen += sum(sequences, *program as u32)?;
    }
    Ok(counts)
}

/// Adds events that passed their programs by: those saw nothing, so they did not count them either.
pub(super) fn add_misses(counts: &mut Kernel, misses: Vec<(&'static str, u64)>) {
    for (kind, count) in misses {
        if count > 0 {
            counts.lost.push((kind, PROGRAM_BUSY, count));
            counts.seen += count;
        }
    }
}
