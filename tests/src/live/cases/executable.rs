//! What was executed: the file, by whichever way it was reached.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use kintrace_semconv::attribute as name;
use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};

use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::record::Record;
use crate::live::seen::{Seen, base_name};
use crate::live::wanted::Wanted;
use crate::sys;

pub(super) const CASES: &[Case] = &[
    (
        "a_deleted_executable_is_flagged_and_keeps_its_path",
        deleted,
    ),
    ("a_file_named_deleted_is_not_flagged", named_deleted),
    ("a_memfd_is_named_and_flagged", memfd),
    (
        "an_exec_of_a_descriptor_has_the_path_of_its_file",
        descriptor,
    ),
    ("a_script_names_its_interpreter", script),
    ("a_relative_name_is_resolved_and_kept_as_passed", relative),
    ("a_name_that_is_not_utf8_is_escaped", not_utf8),
];

/// Inode, device and mode are those of stat(2), and the path is `path`.
pub(super) fn check_file(exec: &Record, pid: u32, path: &Path) -> Result<()> {
    let mut checks = Checks::of(exec);
    Seen::of(pid)?.check_file(&mut checks)?;
    let path = path.to_string_lossy().into_owned();
    checks
        .equal(name::PROCESS_EXECUTABLE_NAME, base_name(&path))
        .equal(name::PROCESS_EXECUTABLE_PATH, path)
        .done()
}

/// A descriptor that a program can be started from: it stays open across exec.
fn open_kept(path: &Path) -> Result<OwnedFd> {
    Ok(open(path, OFlags::RDONLY, Mode::empty())?)
}

fn deleted(context: &mut Context) -> Result<()> {
    let file = context.folder().join("gone");
    fs::copy(context.original(), &file)?;
    let kept = open_kept(&file)?;
    fs::remove_file(&file)?;
    let passed = format!("/proc/self/fd/{}", kept.as_raw_fd());
    let mut running = context.program_at(Path::new(&passed), "wait").hold()?;
    let exec = context.exec_of(&running)?;
    check_file(&exec, running.pid(), &file)?;
    Checks::of(&exec)
        .equal(name::KINTRACE_PROCESS_EXECUTABLE_DELETED, true)
        .equal(name::KINTRACE_PROCESS_EXEC_FILENAME, passed)
        .absent(name::KINTRACE_PROCESS_EXECUTABLE_MEMFD)
        .done()?;
    running.end()?;
    Ok(())
}

fn named_deleted(context: &mut Context) -> Result<()> {
    let file = context.link("x (deleted)")?;
    let mut running = context.program_at(&file, "wait").hold()?;
    let exec = context.exec_of(&running)?;
    check_file(&exec, running.pid(), &file)?;
    Checks::of(&exec)
        .absent(name::KINTRACE_PROCESS_EXECUTABLE_DELETED)
        .done()?;
    running.end()?;
    Ok(())
}

fn memfd(context: &mut Context) -> Result<()> {
    let memory = memfd_create("kt-memory", MemfdFlags::empty())?;
    let mut to = File::from(memory);
    io::copy(&mut File::open(context.original())?, &mut to)?;
    let memory = OwnedFd::from(to);
    let (exec, number) = exec_from(context, memory)?;
    Checks::of(&exec)
        .equal(name::PROCESS_EXECUTABLE_PATH, "memfd:kt-memory")
        .equal(name::PROCESS_EXECUTABLE_NAME, "memfd:kt-memory")
        .equal(name::KINTRACE_PROCESS_EXECUTABLE_MEMFD, true)
        .equal(
            name::KINTRACE_PROCESS_EXEC_FILENAME,
            format!("/dev/fd/{number}"),
        )
        .done()
}

fn descriptor(context: &mut Context) -> Result<()> {
    let file = context.link("by-descriptor")?;
    let kept = open_kept(&file)?;
    let (exec, number) = exec_from(context, kept)?;
    Checks::of(&exec)
        .equal(
            name::PROCESS_EXECUTABLE_PATH,
            file.to_string_lossy().into_owned(),
        )
        .equal(
            name::KINTRACE_PROCESS_EXEC_FILENAME,
            format!("/dev/fd/{number}"),
        )
        .absent(name::KINTRACE_PROCESS_EXECUTABLE_MEMFD)
        .absent(name::KINTRACE_PROCESS_EXECUTABLE_DELETED)
        .done()
}

/// Runs `noop` by execveat(2) with `AT_EMPTY_PATH`; also gives the number of the descriptor.
fn exec_from(context: &mut Context, file: OwnedFd) -> Result<(Record, i32)> {
    let number = file.as_raw_fd();
    let marker = context.mark("descriptor");
    let arg = CString::new(marker.as_str())?;
    let program = context.program("noop").first(move || {
        let args = [c"program", c"noop", &arg];
        Err::<(), io::Error>(sys::exec_descriptor(file.as_fd(), &args))
    });
    let mut running = program.start()?;
    let end = running.end()?;
    ensure!(end.status == 0, "it ended with {:#x}", end.status);
    let exec = context
        .agent
        .find(&Wanted::exec().pid(running.pid()).arg(&marker))?;
    Ok((exec, number))
}

fn script(context: &mut Context) -> Result<()> {
    let (program, script) = (context.link("program")?, context.folder().join("script"));
    // What follows the interpreter is one argument.
    fs::write(&script, format!("#!{} wait\n", program.display()))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let mut running = context.program_at(&script, "wait").hold()?;
    let exec = context.exec_of(&running)?;
    check_file(&exec, running.pid(), &program)?;
    let (program, script) = (program.to_string_lossy(), script.to_string_lossy());
    Checks::of(&exec)
        .equal(
            name::KINTRACE_PROCESS_INTERPRETER_PATH,
            program.clone().into_owned(),
        )
        .equal(
            name::KINTRACE_PROCESS_EXEC_FILENAME,
            script.clone().into_owned(),
        )
        .equal(
            name::PROCESS_COMMAND_ARGS,
            vec![&*program, "wait", &*script, "wait", &running.marker],
        )
        .done()?;
    running.end()?;
    Ok(())
}

fn relative(context: &mut Context) -> Result<()> {
    let (folder, file) = (context.folder().to_owned(), context.link("relative")?);
    let passed = format!("../{}/./relative", base_name(&folder.to_string_lossy()));
    let mut running = context
        .program_at(Path::new(&passed), "wait")
        .folder(&folder)
        .hold()?;
    let exec = context.exec_of(&running)?;
    check_file(&exec, running.pid(), &file)?;
    Checks::of(&exec)
        .equal(name::KINTRACE_PROCESS_EXEC_FILENAME, passed)
        .equal(
            name::PROCESS_WORKING_DIRECTORY,
            folder.to_string_lossy().into_owned(),
        )
        .absent(name::KINTRACE_PROCESS_INTERPRETER_PATH)
        .done()?;
    running.end()?;
    Ok(())
}

fn not_utf8(context: &mut Context) -> Result<()> {
    let copy = context.link("plain")?;
    let file = context
        .folder()
        .join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::hard_link(copy, &file)?;
    let (running, _) = context.program_at(&file, "noop").run()?;
    let exec = context.exec_of(&running)?;
    Checks::of(&exec)
        .equal(name::PROCESS_EXECUTABLE_NAME, "caf\\xe9")
        .equal(name::KINTRACE_EVENT_ESCAPED, true)
        .done()
}
