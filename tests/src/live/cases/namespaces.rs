//! Where a process runs: namespaces and cgroups.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use kintrace_semconv::attribute as name;
use rustix::thread::UnshareFlags;

use super::credentials::compare;
use crate::live::checks::Checks;
use crate::live::context::{Context, Skip};
use crate::live::groups::Case;
use crate::live::seen::Seen;
use crate::live::wanted::Wanted;
use crate::sys;

pub(super) const CASES: &[Case] = &[
    ("new_namespaces_are_told_by_their_inodes", namespaces),
    ("a_pid_namespace_has_numbers_of_its_own", pid_namespace),
    ("a_user_namespace_does_not_hide_who_it_is", user_namespace),
    ("a_cgroup_is_told_by_id_and_path", cgroup),
];

fn namespaces(context: &mut Context) -> Result<()> {
    let program = context.program("wait").first(|| {
        sys::unshare(
            UnshareFlags::NEWUTS
                | UnshareFlags::NEWIPC
                | UnshareFlags::NEWNET
                | UnshareFlags::NEWNS
                | UnshareFlags::NEWCGROUP,
        )
    });
    let exec = compare(context, program)?;
    let own = Seen::of(std::process::id())?;
    let mut checks = Checks::of(&exec);
    for (key, file, is_new) in [
        (name::KINTRACE_PROCESS_NAMESPACE_UTS, "uts", true),
        (name::KINTRACE_PROCESS_NAMESPACE_IPC, "ipc", true),
        (name::KINTRACE_PROCESS_NAMESPACE_NET, "net", true),
        (name::KINTRACE_PROCESS_NAMESPACE_MNT, "mnt", true),
        (name::KINTRACE_PROCESS_NAMESPACE_CGROUP, "cgroup", true),
        (name::KINTRACE_PROCESS_NAMESPACE_PID, "pid", false),
        (name::KINTRACE_PROCESS_NAMESPACE_USER, "user", false),
    ] {
        let differs = exec.uint(key) != own.namespace(file);
        checks.that(differs == is_new, || {
            format!("{key} is the harness's: {}", !differs)
        });
    }
    checks.done()
}

fn pid_namespace(context: &mut Context) -> Result<()> {
    let mut creator = context.program("pid-namespace").start()?;
    let first = creator.said("first")?;
    creator.said("ready")?;
    let seen = Seen::of(first)?;
    let exec = context.agent.find(&Wanted::exec().pid(first))?;
    let mut checks = Checks::of(&exec);
    seen.check(&mut checks);
    checks
        .equal(name::PROCESS_VPID, 1_u32)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, creator.pid())
        .done()?;
    creator.end()?;
    let exit = context.exit_of(&exec)?;
    Checks::of(&exit)
        .equal(name::PROCESS_VPID, 1_u32)
        .equal(name::PROCESS_PID, first)
        .done()
}

fn user_namespace(context: &mut Context) -> Result<()> {
    let is_refused = |error: &io::Error| {
        matches!(
            error.raw_os_error(),
            Some(libc::EPERM | libc::ENOSPC | libc::EINVAL)
        )
    };
    let trial = context
        .program("noop")
        .first(|| sys::unshare(UnshareFlags::NEWUSER))
        .start();
    if let Err(error) = trial.and_then(|mut trial| trial.end()) {
        let is_skipped = error
            .chain()
            .filter_map(|e| e.downcast_ref())
            .any(is_refused);
        if is_skipped {
            bail!(Skip(format!("no user namespaces here: {error:#}")));
        }
        return Err(error);
    }
    let program = context
        .program("wait")
        .first(|| sys::unshare(UnshareFlags::NEWUSER));
    let exec = compare(context, program)?;
    let own = Seen::of(std::process::id())?.namespace("user");
    Checks::of(&exec)
        .equal(name::PROCESS_USER_ID, 0_u32)
        .that(
            exec.uint(name::KINTRACE_PROCESS_NAMESPACE_USER) != own,
            || "it has the harness's user namespace".to_owned(),
        )
        .done()
}

/// A cgroup in the hierarchy that tells processes apart, removed with this value.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Result<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let places = ["", "memory", "pids", "cpuset", "unified"].map(|folder| root.join(folder));
        let place = places
            .into_iter()
            .find(|place| place.join("cgroup.procs").exists());
        let place = place.context("no hierarchy is mounted")?.join(name);
        fs::create_dir(&place)?;
        Ok(Self(place))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process that still lives in it keeps it.
        drop(fs::remove_dir(&self.0));
    }
}

fn cgroup(context: &mut Context) -> Result<()> {
    let outer = Cgroup::new(&format!("kintrace-live-{}", std::process::id()))?;
    let inner = Cgroup(outer.0.join("a b.service"));
    fs::create_dir(&inner.0)?;
    for cgroup in [&outer, &inner] {
        let procs = cgroup.0.join("cgroup.procs");
        let program = context
            .program("wait")
            .first(move || fs::write(&procs, "0"));
        let mut running = program.hold()?;
        let exec = context.exec_of(&running)?;
        let seen = Seen::of(running.pid())?;
        let mut checks = Checks::of(&exec);
        seen.check(&mut checks);
        let expected = seen.cgroup().context("no cgroup in /proc")?;
        checks
            .equal(
                name::KINTRACE_PROCESS_CGROUP_ID,
                fs::metadata(&cgroup.0)?.ino(),
            )
            .that(cgroup.0.ends_with(expected.trim_start_matches('/')), || {
                format!("{expected} is not {}", cgroup.0.display())
            })
            .done()?;
        running.end()?;
        let exit = context.exit_of(&exec)?;
        Checks::of(&exit)
            .equal(name::PROCESS_LINUX_CGROUP, expected)
            .done()?;
    }
    Ok(())
}
