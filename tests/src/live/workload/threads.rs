//! Programs about threads: what is one process must be told as one.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::thread::gettid;

use super::super::say;
use super::plain::burn_for;
use super::{Call, become_work, until_released, wait_for_release};
use crate::sys;

/// Execs from a thread that is not the first.
pub(super) fn thread_exec(call: &Call) -> Result<i32> {
    let marker = call.marker_of("after");
    let thread = thread::spawn(move || {
        say(&format!("thread {}", gettid().as_raw_nonzero()));
        sys::exit_now(become_work("noop", &marker))
    });
    match thread.join() {
        Ok(never) => never,
        Err(_panic) => Ok(94),
    }
}

/// Its first thread ends with code 3; the other one ends the process with code 7 when it is released.
pub(super) fn leader_exit(_call: &Call) -> Result<i32> {
    thread::spawn(|| {
        let code = if wait_for_release().is_ok() { 7 } else { 93 };
        sys::exit_now(code)
    });
    sys::exit_thread(3)
}

/// Its first thread ends with code 3; the other one ends alone, with code 5, when it is released.
pub(super) fn last_thread(_call: &Call) -> Result<i32> {
    thread::spawn(|| {
        let code = if wait_for_release().is_ok() { 5 } else { 93 };
        sys::exit_thread(code)
    });
    sys::exit_thread(3)
}

/// As many threads as the first argument says, some of which live when it ends.
pub(super) fn many(call: &Call) -> Result<i32> {
    let stack = 64 << 10;
    for number in 0..call.number(0)? {
        let thread = thread::Builder::new().stack_size(stack).spawn(move || {
            if number % 4 == 0 {
                drop(until_released());
            }
        })?;
        if number % 4 != 0 {
            drop(thread.join());
        }
    }
    wait_for_release()?;
    Ok(0)
}

/// Threads that use the processor: how many, and for how many milliseconds each.
pub(super) fn burn(call: &Call) -> Result<i32> {
    let time = Duration::from_millis(call.number(1)?.into());
    let threads: Vec<_> = (0..call.number(0)?)
        .map(|_| thread::spawn(move || burn_for(time)))
        .collect();
    for thread in threads {
        drop(thread.join());
    }
    Ok(0)
}
