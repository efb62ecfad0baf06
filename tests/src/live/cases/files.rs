//! Paths through mounts and deeper than most programs can take, and bits of a file that give privilege.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use kintrace_semconv::attribute as name;
use rustix::fs::{AtFlags, Mode, OFlags, XattrFlags, linkat, mkdirat, open, openat, setxattr};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::executable::check_file;
use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::program::Program;
use crate::live::seen::Seen;

pub(super) const CASES: &[Case] = &[
    ("a_path_through_mount_points_is_whole", mounts),
    ("a_path_of_almost_4_kib_is_exact", deep),
    ("a_longer_path_is_cut_and_said", too_deep),
    ("a_setuid_program_shows_who_ran_it_as_whom", setuid),
    ("a_setgid_program_is_flagged", setgid),
    ("capabilities_of_a_file_are_flagged", file_capabilities),
];

const NOBODY: u32 = 65_534;
const SOMEBODY: u32 = 1_000;

/// Bytes of one folder of a deep path.
const COMPONENT: usize = 200;

/// A tmpfs that is gone with this value.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(at: PathBuf) -> Result<Self> {
        fs::create_dir(&at)?;
        mount(
            "tmpfs",
            &at,
            "tmpfs",
            MountFlags::empty(),
            Some(c"mode=755"),
        )?;
        Ok(Self(at))
    }

    /// A copy of this program, with these bits.
    fn copy(&self, context: &Context, name: &str, owner: u32, mode: u32) -> Result<PathBuf> {
        let file = self.0.join(name);
        fs::copy(context.original(), &file)?;
        chown(&file, Some(owner), Some(owner))?;
        // After the owner: changing that clears the bits.
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        Ok(file)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nothing to be done if it is gone already.
        unmount(&self.0, UnmountFlags::DETACH).ok();
    }
}

fn mounts(context: &mut Context) -> Result<()> {
    let mounted = Mounted::tmpfs(context.folder().join("mounted"))?;
    let file = mounted.copy(context, "program", 0, 0o755)?;
    let inner = mounted.0.join("inner");
    let bound = context.folder().join("bound");
    for folder in [&inner, &bound] {
        fs::create_dir(folder)?;
    }
    fs::hard_link(&file, inner.join("deeper"))?;
    mount_bind(&inner, &bound)?;
    let bound = Mounted(bound);
    for path in [file, bound.0.join("deeper")] {
        let mut running = context.program_at(&path, "wait").hold()?;
        let exec = context.exec_of(&running)?;
        check_file(&exec, running.pid(), &path)?;
        let mut checks = Checks::of(&exec);
        Seen::of(running.pid())?.check(&mut checks);
        checks.done()?;
        running.end()?;
    }
    Ok(())
}

/// Makes folders within each other, with a link to this program in the last; gives that folder's path.
fn folders(context: &mut Context, depth: usize) -> Result<PathBuf> {
    let name = format!("deep-{depth}-program");
    let link = context.link(&name)?;
    let top = context.folder().join(format!("deep-{depth}"));
    fs::create_dir(&top)?;
    let component = "d".repeat(COMPONENT);
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = open(&top, flags, Mode::empty())?;
    let mut path = top;
    for _ in 0..depth {
        mkdirat(&folder, &component, Mode::RWXU)?;
        folder = openat(&folder, &component, flags, Mode::empty())?;
        path.push(&component);
    }
    linkat(rustix::fs::CWD, &link, &folder, "program", AtFlags::empty())?;
    Ok(path)
}

/// Steps into a path of any length before the exec.
fn within(program: Program, path: &Path) -> Program {
    let path = path.to_owned();
    program.first(move || {
        for component in &path {
            rustix::process::chdir(component)?;
        }
        Ok(())
    })
}

fn deep(context: &mut Context) -> Result<()> {
    let path = folders(context, 19)?;
    let program = context.program_at(Path::new("./program"), "wait");
    let mut running = within(program, &path).hold()?;
    let exec = context.exec_of(&running)?;
    let file = path.join("program");
    ensure!(
        (3800..4096).contains(&file.as_os_str().len()),
        "it is not that long"
    );
    check_file(&exec, running.pid(), &file)?;
    Checks::of(&exec)
        .equal(
            name::PROCESS_WORKING_DIRECTORY,
            path.to_string_lossy().into_owned(),
        )
        .equal(name::KINTRACE_PROCESS_EXEC_FILENAME, "./program")
        .absent(name::KINTRACE_EVENT_TRUNCATED)
        .absent(name::KINTRACE_EVENT_MISSING)
        .done()?;
    running.end()?;
    Ok(())
}

fn too_deep(context: &mut Context) -> Result<()> {
    let path = folders(context, 25)?;
    let program = context.program_at(Path::new("./program"), "wait");
    let mut running = within(program, &path).hold()?;
    let exec = context.exec_of(&running)?;
    let end = Path::new(OsStr::new(&"d".repeat(COMPONENT))).join("program");
    let mut checks = Checks::of(&exec);
    for (key, end) in [
        (name::PROCESS_EXECUTABLE_PATH, end.as_path()),
        (
            name::PROCESS_WORKING_DIRECTORY,
            end.parent().context("has a parent")?,
        ),
    ] {
        let got = exec.text(key);
        checks.that(
            got.starts_with(".../") && Path::new(got).ends_with(end) && got.len() > 3500,
            || format!("{key} has {} bytes: {got}", got.len()),
        );
    }
    checks
        .lists(name::KINTRACE_EVENT_TRUNCATED, "path", true)
        .lists(name::KINTRACE_EVENT_TRUNCATED, "working_directory", true)
        .equal(name::PROCESS_EXECUTABLE_NAME, "program")
        .done()?;
    running.end()?;
    Ok(())
}

/// Runs it as a user without privilege.
fn as_somebody(program: Program) -> Program {
    program.first(|| {
        let (user, group) = (Uid::from_raw(SOMEBODY), Gid::from_raw(SOMEBODY));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        Ok(())
    })
}

fn setuid(context: &mut Context) -> Result<()> {
    let mounted = Mounted::tmpfs(context.folder().join("setuid"))?;
    let file = mounted.copy(context, "program", NOBODY, 0o4755)?;
    let program = context.program_at(&file, "wait");
    let mut running = as_somebody(program).hold()?;
    let exec = context.exec_of(&running)?;
    check_file(&exec, running.pid(), &file)?;
    let mut checks = Checks::of(&exec);
    Seen::of(running.pid())?.check(&mut checks);
    checks
        .equal(name::PROCESS_USER_ID, NOBODY)
        .equal(name::PROCESS_SAVED_USER_ID, NOBODY)
        .equal(name::PROCESS_REAL_USER_ID, SOMEBODY)
        .equal(name::KINTRACE_PROCESS_GROUP_ID, SOMEBODY)
        .flags(
            &[
                name::KINTRACE_PROCESS_SETUID,
                name::KINTRACE_PROCESS_SECURE_EXEC,
            ],
            true,
        )
        .flags(
            &[
                name::KINTRACE_PROCESS_SETGID,
                name::KINTRACE_PROCESS_FILE_CAPABILITIES,
            ],
            false,
        )
        .done()?;
    running.end()?;
    Ok(())
}

fn setgid(context: &mut Context) -> Result<()> {
    let mounted = Mounted::tmpfs(context.folder().join("setgid"))?;
    let file = mounted.copy(context, "program", NOBODY, 0o2755)?;
    let program = context.program_at(&file, "wait");
    let mut running = as_somebody(program).hold()?;
    let exec = context.exec_of(&running)?;
    let mut checks = Checks::of(&exec);
    Seen::of(running.pid())?.check(&mut checks);
    checks
        .equal(name::KINTRACE_PROCESS_GROUP_ID, NOBODY)
        .equal(name::KINTRACE_PROCESS_REAL_GROUP_ID, SOMEBODY)
        .equal(name::PROCESS_USER_ID, SOMEBODY)
        .flags(
            &[
                name::KINTRACE_PROCESS_SETGID,
                name::KINTRACE_PROCESS_SECURE_EXEC,
            ],
            true,
        )
        .flags(
            &[
                name::KINTRACE_PROCESS_SETUID,
                name::KINTRACE_PROCESS_FILE_CAPABILITIES,
            ],
            false,
        )
        .done()?;
    running.end()?;
    Ok(())
}

fn file_capabilities(context: &mut Context) -> Result<()> {
    const NET_RAW: u32 = 1 << 13;
    let mounted = Mounted::tmpfs(context.folder().join("capable"))?;
    let file = mounted.copy(context, "program", 0, 0o755)?;
    // struct vfs_cap_data, revision 2 and effective; then permitted and inheritable, low and high.
    let words = [0x0200_0001, NET_RAW, 0, 0, 0];
    let value: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    setxattr(&file, c"security.capability", &value, XattrFlags::empty())?;
    let program = context.program_at(&file, "wait");
    let mut running = as_somebody(program).hold()?;
    let exec = context.exec_of(&running)?;
    let mut checks = Checks::of(&exec);
    Seen::of(running.pid())?.check(&mut checks);
    let expected = format!("{NET_RAW:016x}");
    checks
        .equal(
            name::KINTRACE_PROCESS_CAPABILITIES_PERMITTED,
            expected.as_str(),
        )
        .equal(
            name::KINTRACE_PROCESS_CAPABILITIES_EFFECTIVE,
            expected.as_str(),
        )
        .flags(
            &[
                name::KINTRACE_PROCESS_FILE_CAPABILITIES,
                name::KINTRACE_PROCESS_SECURE_EXEC,
            ],
            true,
        )
        .flags(
            &[name::KINTRACE_PROCESS_SETUID, name::KINTRACE_PROCESS_SETGID],
            false,
        )
        .done()?;
    running.end()?;
    Ok(())
}
