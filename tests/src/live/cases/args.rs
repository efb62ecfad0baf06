//! Arguments as they were given, and what is said where they were cut.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use anyhow::{Context as _, Result, ensure};
use kintrace_semconv::attribute as name;

use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::seen::Seen;
use crate::live::wanted::Wanted;
use crate::sys;

pub(super) const CASES: &[Case] = &[
    ("arguments_are_told_one_by_one", one_by_one),
    ("bytes_that_are_not_utf8_are_escaped_and_said", not_utf8),
    ("an_exec_without_arguments_has_an_empty_one", none),
    ("arguments_beyond_the_limit_are_cut_and_counted", cut),
    ("argv0_is_what_was_passed", argv0),
];

/// For an agent with a limit of 1 MiB.
pub(super) const LONG: &[Case] = &[("six_hundred_kib_of_arguments_arrive_whole", long)];

fn one_by_one(context: &mut Context) -> Result<()> {
    let odd = [
        "two words",
        "",
        "line\nbreak",
        "\ttab",
        "\u{1b}[31mred",
        "--x=\"'\\",
        "\u{fc}",
    ];
    let mut program = context.program("wait");
    for arg in odd {
        program = program.arg(arg);
    }
    let mut running = program.hold()?;
    let exec = context.exec_of(&running)?;
    let path = context.original().to_string_lossy().into_owned();
    let expected = [&[path.as_str(), "wait", &running.marker], &odd[..]].concat();
    let mut checks = Checks::of(&exec);
    Seen::of(running.pid())?.check(&mut checks);
    checks
        .equal(name::PROCESS_COMMAND_ARGS, expected.clone())
        .equal(name::PROCESS_ARGS_COUNT, expected.len() as u64)
        .absent(name::KINTRACE_EVENT_ESCAPED)
        .absent(name::KINTRACE_EVENT_TRUNCATED)
        .absent(name::KINTRACE_EVENT_MISSING)
        .done()?;
    running.end()?;
    Ok(())
}

fn not_utf8(context: &mut Context) -> Result<()> {
    let (running, _) = context
        .program("noop")
        .arg(OsStr::from_bytes(b"caf\xe9 \xff\n"))
        .run()?;
    let exec = context.exec_of(&running)?;
    Checks::of(&exec)
        .lists(name::PROCESS_COMMAND_ARGS, "caf\\xe9 \\xff\n", true)
        .equal(name::KINTRACE_EVENT_ESCAPED, true)
        .equal(name::PROCESS_ARGS_COUNT, 4_u32)
        .done()
}

/// The kernel itself puts an empty string there since 5.18; older ones have none.
fn none(context: &mut Context) -> Result<()> {
    let file = CString::new(
        context
            .link("without-arguments")?
            .into_os_string()
            .into_vec(),
    )?;
    let running = context
        .program("noop")
        .first(move || Err::<(), io::Error>(sys::execve(&file, &[], &[])));
    let mut running = running.start()?;
    running.end()?;
    let wanted = Wanted::exec()
        .pid(running.pid())
        .with(name::PROCESS_EXECUTABLE_NAME, "without-arguments");
    let exec = context.agent.find(&wanted)?;
    let count = exec.uint(name::PROCESS_ARGS_COUNT).context("no count")?;
    let args = exec.texts(name::PROCESS_COMMAND_ARGS);
    match count {
        1 => ensure!(args == [""], "the kernel made one empty argument: {args:?}"),
        0 => ensure!(args.is_empty(), "there was none: {args:?}"),
        _ => anyhow::bail!("{count} arguments: {args:?}"),
    }
    Ok(())
}

fn cut(context: &mut Context) -> Result<()> {
    let long = "x".repeat(1000);
    let mut program = context.program("noop");
    for _ in 0..100 {
        program = program.arg(&long);
    }
    let (running, _) = program.run()?;
    let exec = context.exec_of(&running)?;
    let path = context.original().as_os_str().len();
    let size = path + 1 + "noop".len() + 1 + running.marker.len() + 1 + 100 * 1001;
    let args = exec.texts(name::PROCESS_COMMAND_ARGS);
    let kept: usize = args.iter().map(|arg| arg.len() + 1).sum();
    Checks::of(&exec)
        .equal(name::PROCESS_ARGS_COUNT, 103_u32)
        .equal(name::KINTRACE_PROCESS_ARGS_SIZE, size as u64)
        .lists(name::KINTRACE_EVENT_TRUNCATED, "args", true)
        // The last one is cut where the limit was, and has no NUL any more.
        .that((32 * 1024..=32 * 1024 + 1).contains(&kept), || {
            format!("{kept} bytes were kept")
        })
        .that(
            args.iter().skip(3).rev().skip(1).all(|arg| *arg == long),
            || "an argument before the cut is not whole".to_owned(),
        )
        .done()?;
    let exit = context.exit_of(&exec)?;
    Checks::of(&exit)
        .equal(name::PROCESS_ARGS_COUNT, 103_u32)
        .done()
}

fn argv0(context: &mut Context) -> Result<()> {
    let (running, _) = context.program("noop").arg0("[kworker/0:1]").run()?;
    let exec = context.exec_of(&running)?;
    let path = context.original().to_string_lossy().into_owned();
    Checks::of(&exec)
        .lists(name::PROCESS_COMMAND_ARGS, "[kworker/0:1]", true)
        .equal(name::PROCESS_EXECUTABLE_PATH, path)
        .done()
}

fn long(context: &mut Context) -> Result<()> {
    let args: Vec<String> = (0_u32..600)
        .map(|number| format!("{number:0>1023}"))
        .collect();
    let mut program = context.program("noop");
    for arg in &args {
        program = program.arg(OsString::from(arg));
    }
    let (running, _) = program.run()?;
    let exec = context.exec_of(&running)?;
    let got = exec.texts(name::PROCESS_COMMAND_ARGS);
    let differs = args
        .iter()
        .zip(got.iter().skip(3))
        .position(|(want, got)| want != got);
    Checks::of(&exec)
        .equal(name::PROCESS_ARGS_COUNT, 603_u32)
        .that(got.len() == 603, || {
            format!("{} arguments arrived", got.len())
        })
        .that(differs.is_none(), || {
            format!("argument {differs:?} is another one")
        })
        .absent(name::KINTRACE_EVENT_TRUNCATED)
        .absent(name::KINTRACE_EVENT_MISSING)
        .done()
}
