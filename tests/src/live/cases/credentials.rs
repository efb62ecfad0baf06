//! As whom a process runs, and in whose session.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use kintrace_semconv::attribute as name;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Gid, Uid, ioctl_tiocsctty, setpgid, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::thread::{
    CapabilitySet, remove_capability_from_bounding_set, set_thread_res_gid, set_thread_res_uid,
};

use crate::live::checks::Checks;
use crate::live::context::{Context, Skip};
use crate::live::groups::Case;
use crate::live::program::Program;
use crate::live::record::Record;
use crate::live::seen::Seen;

pub(super) const CASES: &[Case] = &[
    ("ids_that_differ_are_all_told", ids),
    ("a_login_is_kept_through_changes_of_user", login),
    ("capabilities_that_were_dropped_are_not_told", capabilities),
    ("sessions_and_groups_have_their_leaders", leaders),
    ("a_controlling_terminal_is_named", terminal),
];

/// Runs `program` until it holds, and compares all that the kernel shows of it with its record.
pub(super) fn compare(context: &mut Context, program: Program) -> Result<Record> {
    let mut running = program.hold()?;
    let exec = context.exec_of(&running)?;
    let mut checks = Checks::of(&exec);
    Seen::of(running.pid())?.check(&mut checks);
    checks.done()?;
    running.end()?;
    Ok(exec)
}

fn ids(context: &mut Context) -> Result<()> {
    let program = context.program("wait").first(|| {
        let (real, other) = (Gid::from_raw(1001), Gid::from_raw(1002));
        set_thread_res_gid(real, other, other)?;
        let (real, other) = (Uid::from_raw(1003), Uid::from_raw(1004));
        set_thread_res_uid(real, other, other)?;
        Ok(())
    });
    let exec = compare(context, program)?;
    Checks::of(&exec)
        .equal(name::PROCESS_REAL_USER_ID, 1003_u32)
        .equal(name::PROCESS_USER_ID, 1004_u32)
        .equal(name::PROCESS_SAVED_USER_ID, 1004_u32)
        .equal(name::KINTRACE_PROCESS_REAL_GROUP_ID, 1001_u32)
        .equal(name::KINTRACE_PROCESS_GROUP_ID, 1002_u32)
        .equal(name::KINTRACE_PROCESS_SAVED_GROUP_ID, 1002_u32)
        .equal(
            name::KINTRACE_PROCESS_CAPABILITIES_EFFECTIVE,
            format!("{:016x}", 0),
        )
        .absent(name::KINTRACE_PROCESS_SETUID)
        .done()
}

fn login(context: &mut Context) -> Result<()> {
    const FILE: &str = "/proc/self/loginuid";
    if !Path::new(FILE).exists() {
        bail!(Skip("this kernel has no audit".to_owned()));
    }
    let program = context.program("wait").first(|| {
        fs::write(FILE, "4242")?;
        let user = Uid::from_raw(1005);
        Ok(set_thread_res_uid(user, user, user)?)
    });
    let exec = compare(context, program)?;
    Checks::of(&exec)
        .equal(name::KINTRACE_PROCESS_LOGIN_USER_ID, 4242_u32)
        .equal(name::PROCESS_USER_ID, 1005_u32)
        .that(
            exec.uint(name::KINTRACE_PROCESS_AUDIT_SESSION_ID).is_some(),
            || "a login without a session".to_owned(),
        )
        .done()
}

fn capabilities(context: &mut Context) -> Result<()> {
    let program = context.program("wait").first(|| {
        Ok(remove_capability_from_bounding_set(
            CapabilitySet::SYS_BOOT,
        )?)
    });
    let exec = compare(context, program)?;
    for key in [
        name::KINTRACE_PROCESS_CAPABILITIES_BOUNDING,
        name::KINTRACE_PROCESS_CAPABILITIES_PERMITTED,
        name::KINTRACE_PROCESS_CAPABILITIES_EFFECTIVE,
    ] {
        let set = u64::from_str_radix(exec.text(key), 16)?;
        ensure!(
            set != 0 && set & CapabilitySet::SYS_BOOT.bits() == 0,
            "{key} is {set:016x}"
        );
    }
    Ok(())
}

fn leaders(context: &mut Context) -> Result<()> {
    let program = context
        .program("wait")
        .first(|| setsid().map(drop).map_err(Into::into));
    let exec = compare(context, program)?;
    Checks::of(&exec)
        .equal(name::PROCESS_SESSION_LEADER_PID, exec.pid())
        .equal(name::PROCESS_GROUP_LEADER_PID, exec.pid())
        .done()?;
    let program = context.program("wait").first(|| Ok(setpgid(None, None)?));
    let exec = compare(context, program)?;
    Checks::of(&exec)
        .equal(name::PROCESS_GROUP_LEADER_PID, exec.pid())
        .that(
            exec.uint(name::PROCESS_SESSION_LEADER_PID) != Some(exec.pid()),
            || "a new group is no new session".to_owned(),
        )
        .done()
}

fn terminal(context: &mut Context) -> Result<()> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname(&master, Vec::new())?;
    let number = path
        .to_string_lossy()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let program = context.program("wait").first(move || {
        setsid()?;
        let slave = open(
            path.as_c_str(),
            OFlags::RDWR | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(ioctl_tiocsctty(&slave)?)
    });
    let exec = compare(context, program)?;
    Checks::of(&exec)
        .equal(name::KINTRACE_PROCESS_TTY, format!("pts{number}"))
        .equal(name::PROCESS_INTERACTIVE, true)
        .done()
}
