//! Programs about who creates whom.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::{getpid, getppid, set_child_subreaper, setsid};

use super::super::say;
use super::{Call, become_work, command, command_at, until_released};
use crate::sys;

/// Runs itself as often as the first argument says, each within the other; the innermost one runs the
/// work of the second argument, with the marker `MARKER-leaf`.
pub(super) fn nest(call: &Call) -> Result<i32> {
    let (depth, leaf) = (call.number(0)?, call.text(1)?);
    say(&format!("nest {}", std::process::id()));
    let mut child = if depth > 1 {
        let mut child = command("nest", &call.marker)?;
        child.args([&(depth - 1).to_string(), leaf]);
        child
    } else {
        command(leaf, &call.marker_of("leaf"))?
    };
    let mut child = child.spawn()?;
    if depth <= 1 {
        say(&format!("leaf {}", child.id()));
    }
    ensure!(child.wait()?.success(), "the next one failed");
    Ok(0)
}

/// Becomes a daemon as they all do: fork, setsid, fork. Says the pids of both; the daemon execs when its
/// parent is gone.
pub(super) fn daemon(call: &Call) -> Result<i32> {
    let marker = call.marker_of("daemon");
    let middle = sys::fork(|| {
        if setsid().is_err() {
            return 96;
        }
        let own = std::process::id();
        let daemon = sys::fork(|| {
            until_reparented(own);
            become_work("wait", &marker)
        });
        match daemon {
            Ok(daemon) => say(&format!("daemon {daemon}")),
            Err(error) => say(&format!("failed {error}")),
        }
        0
    })?;
    say(&format!("middle {middle}"));
    sys::wait4(middle)?;
    until_released()?;
    Ok(0)
}

/// Adopts the child of its child.
pub(super) fn subreaper(call: &Call) -> Result<i32> {
    set_child_subreaper(Some(getpid()))?;
    daemon(call)
}

fn until_reparented(parent: u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_parent = || {
        let now = getppid().map_or(0, |pid| pid.as_raw_nonzero().get().cast_unsigned());
        now == parent
    };
    while is_parent() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Creates a process that becomes its sibling.
pub(super) fn sibling(call: &Call) -> Result<i32> {
    let marker = call.marker_of("sibling");
    let sibling = sys::clone3(libc::CLONE_PARENT, None, || become_work("noop", &marker))?;
    say(&format!("sibling {sibling}"));
    until_released()?;
    Ok(0)
}

/// Creates a process with the pid of the first argument, which ends with the code of the second one.
pub(super) fn reuse(call: &Call) -> Result<i32> {
    let (pid, code) = (call.number(0)?, call.text(1)?.to_owned());
    let marker = call.marker_of("reused");
    let made = sys::clone3(0, Some(pid), || {
        let error = command("exit", &marker).map(|mut exit| exit.arg(&code).exec());
        eprintln!("exec exit: {error:?}");
        98
    })?;
    ensure!(made == pid, "got pid {made}, not {pid}");
    sys::wait4(made)?;
    Ok(0)
}

/// Becomes the other files among its arguments, one after the other.
pub(super) fn chain(call: &Call) -> Result<i32> {
    let Some((next, rest)) = call.args.split_first() else {
        return Ok(5);
    };
    let error = command_at(next.into(), "chain", &call.marker)?
        .args(rest)
        .exec();
    Err(error.into())
}

/// Forks a child, becomes the file of the first argument, and forks another one. Both exec when they are
/// released: each was created by another image of the same process.
pub(super) fn two_lives(call: &Call) -> Result<i32> {
    let (marker, word) = match call.args.as_slice() {
        [_next] => (call.marker_of("first"), "first"),
        _ => (call.marker_of("second"), "second"),
    };
    let child = sys::fork(|| match until_released() {
        Ok(()) => become_work("noop", &marker),
        Err(_) => 95,
    })?;
    say(&format!("{word} {child}"));
    if let [next] = call.args.as_slice() {
        let error = command_at(PathBuf::from(next), "two-lives", &call.marker)?
            .args(["the", "second"])
            .exec();
        return Err(error.into());
    }
    until_released()?;
    while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::empty()) {}
    Ok(0)
}

/// Forks a child that does not exec and ends with code 9.
pub(super) fn fork_only(_call: &Call) -> Result<i32> {
    let child = sys::fork(|| 9)?;
    say(&format!("child {child}"));
    sys::wait4(child)?;
    Ok(0)
}

/// Runs `wait` as the first process of a new pid namespace.
pub(super) fn pid_namespace(call: &Call) -> Result<i32> {
    let marker = call.marker_of("first");
    let first = sys::clone3(libc::CLONE_NEWPID, None, || become_work("wait", &marker))?;
    say(&format!("first {first}"));
    sys::wait4(first)?;
    Ok(0)
}
