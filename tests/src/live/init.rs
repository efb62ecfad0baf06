//! Pid 1 of a virtual machine: mounts what is missing, runs the harness, reaps, and turns the machine off.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

use super::say;
use crate::sys;

/// File system, where, options. In an order in which each has its folder.
const MOUNTS: &[(&str, &str, &str)] = &[
    ("proc", "/proc", ""),
    ("sysfs", "/sys", ""),
    ("devtmpfs", "/dev", ""),
    ("devpts", "/dev/pts", "ptmxmode=0666"),
    ("tmpfs", "/tmp", "mode=1777"),
    ("tmpfs", "/run", "mode=755"),
    ("securityfs", "/sys/kernel/security", ""),
    ("tracefs", "/sys/kernel/tracing", ""),
    ("bpf", "/sys/fs/bpf", ""),
    ("cgroup2", "/sys/fs/cgroup", ""),
];

/// Word of the kernel's command line that says which cases run.
const FILTER: &str = "kintrace.filter=";

/// Tells the programs that they run on an emulated processor.
pub(super) const EMULATED: &str = "KINTRACE_LIVE_EMULATED";

/// Does not return: the machine is off then.
pub(super) fn run() -> ExitCode {
    let outcome = std::panic::catch_unwind(start_and_wait);
    match outcome {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => give_up("the harness ended without a verdict"),
        Ok(Err(error)) => give_up(&format!("{error:#}")),
        Err(_panic) => give_up("init panicked"),
    }
    rustix::fs::sync();
    // The console is a serial line: let it drain, the kernel does not.
    std::thread::sleep(Duration::from_millis(200));
    reboot(RebootCommand::PowerOff).ok();
    ExitCode::FAILURE
}

fn give_up(why: &str) {
    say(&format!("FAIL init: {why}"));
    say("kintrace-live: 0 passed, 1 failed, 0 skipped");
}

/// Whether the harness came to a verdict, good or bad.
fn start_and_wait() -> Result<bool> {
    for (kind, at, options) in MOUNTS {
        if let Err(error) = mount_one(kind, at, options) {
            say(&format!("init: no {kind} at {at}: {error:#}"));
        }
    }
    sys::loopback_up().context("set the loopback interface up")?;
    let line = fs::read_to_string("/proc/cmdline").context("read the kernel's command line")?;
    let filter = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix(FILTER));
    let harness = Command::new(super::own_path()?)
        .args(["harness", filter.unwrap_or_default()])
        .env_clear()
        .env(EMULATED, "1")
        .spawn()
        .context("start the harness")?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status)))
                if pid.as_raw_nonzero().get().cast_unsigned() == harness.id() =>
            {
                return Ok(matches!(status.exit_status(), Some(0 | 1)));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("wait for the harness"),
        }
    }
}

fn mount_one(kind: &str, at: &str, options: &str) -> Result<()> {
    let at = Path::new(at);
    if !at.exists() {
        fs::create_dir_all(at)?;
    }
    let options = std::ffi::CString::new(options)?;
    match mount(
        kind,
        at,
        kind,
        MountFlags::empty(),
        Some(options.as_c_str()),
    ) {
        // Debian's kernels mount devtmpfs themselves.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
