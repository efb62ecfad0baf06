//! Programs of one process and one thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{ClockId, clock_gettime};

use super::{Call, command, command_at, wait_for_release};

/// Waits to be released.
pub(super) fn wait(_call: &Call) -> Result<i32> {
    wait_for_release()?;
    Ok(0)
}

/// Ends with the code of the first argument.
pub(super) fn exit(call: &Call) -> Result<i32> {
    Ok(i32::try_from(call.number(0)?)?)
}

/// Ends by the signal of the first argument.
pub(super) fn raise(call: &Call) -> Result<i32> {
    let number = i32::try_from(call.number(0)?)?;
    let signal = Signal::from_named_raw(number);
    ensure!(signal.is_some(), "no signal {number}");
    let deadline = Instant::now() + Duration::from_secs(10);
    // Rust's own handler of SIGSEGV gives up its place when called, so the second one ends it.
    while let (Some(signal), true) = (signal, Instant::now() < deadline) {
        kill_process(getpid(), signal)?;
    }
    Ok(97)
}

/// Uses the processor for as many milliseconds as the first argument says.
pub(super) fn burn(call: &Call) -> Result<i32> {
    burn_for(Duration::from_millis(call.number(0)?.into()));
    Ok(0)
}

/// Also asks the kernel for something now and then, so that both kinds of time are used.
pub(super) fn burn_for(time: Duration) {
    let end = processor_time() + time;
    let mut number = 1_u64;
    while processor_time() < end {
        for _ in 0..10_000 {
            number = black_box(
                number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1),
            );
        }
        for _ in 0..100 {
            black_box(rustix::process::getppid());
        }
    }
}

/// Of this thread: on a busy machine the clock on the wall goes on while it waits.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = time.tv_sec.try_into().unwrap_or_default();
    Duration::new(seconds, time.tv_nsec.try_into().unwrap_or_default())
}

/// Holds as many MiB as the first argument says.
pub(super) fn fill(call: &Call) -> Result<i32> {
    let bytes = usize::try_from(call.number(0)?)? << 20;
    let memory = black_box(vec![1_u8; bytes]);
    Ok(i32::from(memory.first() != Some(&1)))
}

/// Runs the file of the third argument, with the marker of the fourth, as often as the second one says,
/// in as many processes as the first one says, each one after the other. std starts them as vfork does.
pub(super) fn storm(call: &Call) -> Result<i32> {
    let (processes, rounds) = (call.number(0)?, call.number(1)?);
    let (file, marker) = (call.text(2)?, call.text(3)?);
    if processes > 1 {
        let share = (rounds / processes).to_string();
        let mut children = Vec::new();
        for _ in 0..processes {
            let mut child = command("storm", &call.marker)?;
            children.push(child.args(["1", &share, file, marker]).spawn()?);
        }
        for mut child in children {
            ensure!(child.wait()?.success(), "a part of the storm failed");
        }
        return Ok(0);
    }
    let mut noop = command_at(file.into(), "noop", marker)?;
    for _ in 0..rounds {
        ensure!(noop.status()?.success(), "noop failed");
    }
    Ok(0)
}
