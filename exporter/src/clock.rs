//! From time since boot to wall time. The only place that asks what time it is.
//!
//! The offset between the two is sampled once per run of the agent: a step of the wall clock then moves
//! no process and reorders no record. What it costs is that records drift from a clock that is corrected
//! later; a restart takes the new offset.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::event::KernelTime;

/// Nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixNanos(pub u64);

impl UnixNanos {
    /// ISO 8601, UTC, with nanoseconds: `2026-11-24T08:07:21.123456789Z`.
    pub fn to_iso8601(self) -> String {
        humantime::format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(self.0)).to_string()
    }
}

/// Turns kernel time into wall time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Wall time of the moment of boot, ns.
    boot: u64,
}

impl Clock {
    /// Samples the offset: the tightest of a few readings, so that a preemption between the two clocks
    /// does not become an error of milliseconds.
    pub fn sample() -> Self {
        let readings = (0..8).map(|_| {
            let before = boottime();
            let wall = wall();
            let after = boottime();
            (
                after - before,
                wall.saturating_sub(before + (after - before) / 2),
            )
        });
        let boot = readings.min().map_or(0, |(_, boot)| boot);
        Self { boot }
    }

    /// A clock whose boot was at a fixed moment, for tests and replays.
    pub const fn fixed(boot: UnixNanos) -> Self {
        Self { boot: boot.0 }
    }

    /// The wall time of a kernel time.
    pub fn wall(&self, at: KernelTime) -> UnixNanos {
        UnixNanos(self.boot.saturating_add(at.0))
    }
}

/// What time it is now, since boot.
pub fn now() -> KernelTime {
    KernelTime(boottime())
}

fn boottime() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanos
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn wall() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_time_becomes_wall_time_and_text() {
        let clock = Clock::fixed(UnixNanos(1_700_000_000_000_000_000));
        let wall = clock.wall(KernelTime(5));
        assert_eq!(wall.to_iso8601(), "2023-11-14T22:13:20.000000005Z");
    }

    #[test]
    fn two_samples_agree() {
        let (a, b) = (Clock::sample().boot, Clock::sample().boot);
        assert!(a.abs_diff(b) < 1_000_000_000, "{a} {b}");
    }
}
