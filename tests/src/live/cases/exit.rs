//! How processes end, and what they used: compared with what wait4(2) says.

use std::fs;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use kintrace_semconv::attribute as name;
use rustix::process::{Resource, Rlimit, Signal, kill_process, setrlimit};

use crate::live::checks::Checks;
use crate::live::context::{Context, Skip};
use crate::live::groups::Case;
use crate::live::program::{End, Program};
use crate::live::record::Record;

pub(super) const CASES: &[Case] = &[
    ("exit_codes_are_told", codes),
    ("a_signal_is_named_and_makes_a_warning", signals),
    ("a_core_dump_is_told", core_dump),
    ("time_on_the_processor_is_what_wait_says", cpu_time),
    ("time_of_all_threads_is_counted", thread_time),
    ("peak_memory_is_what_wait_says", peak_memory),
];

fn life(context: &mut Context, program: Program) -> Result<(Record, End)> {
    let (running, end) = program.run()?;
    let (_, exit) = context.life_of(&running)?;
    Ok((exit, end))
}

fn codes(context: &mut Context) -> Result<()> {
    for code in [0_u32, 1, 42, 255] {
        let program = context.program("exit").arg(code.to_string());
        let (exit, end) = life(context, program)?;
        ensure!(
            end.status == i32::try_from(code << 8)?,
            "it ended with {:#x}",
            end.status
        );
        Checks::of(&exit)
            .equal(name::PROCESS_EXIT_CODE, code)
            .absent(name::KINTRACE_PROCESS_EXIT_SIGNAL)
            .absent(name::KINTRACE_PROCESS_EXIT_CORE_DUMPED)
            .that(exit.severity == "INFO", || exit.severity.clone())
            .done()?;
    }
    Ok(())
}

fn signals(context: &mut Context) -> Result<()> {
    for (signal, word) in [
        (Signal::KILL, "SIGKILL"),
        (Signal::TERM, "SIGTERM"),
        (Signal::SEGV, "SIGSEGV"),
    ] {
        let number = signal.as_raw().cast_unsigned();
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let program = context.program("raise").arg(number.to_string());
        let program = program.first(move || Ok(setrlimit(Resource::Core, none)?));
        let (exit, end) = life(context, program)?;
        ensure!(
            end.status & 0x7f == signal.as_raw(),
            "it ended with {:#x}",
            end.status
        );
        check_signal(&exit, word, number)?;
    }
    // From outside, as most are.
    let running = context.program("wait").hold()?;
    let pid = rustix::process::Pid::from_raw(i32::try_from(running.pid())?);
    if let Some(pid) = pid {
        kill_process(pid, Signal::KILL)?;
    }
    let exec = context.exec_of(&running)?;
    let exit = context.exit_of(&exec)?;
    check_signal(&exit, "SIGKILL", 9)
}

fn check_signal(exit: &Record, word: &str, number: u32) -> Result<()> {
    Checks::of(exit)
        .equal(name::PROCESS_EXIT_CODE, 128 + number)
        .equal(name::KINTRACE_PROCESS_EXIT_SIGNAL, word)
        .absent(name::KINTRACE_PROCESS_EXIT_CORE_DUMPED)
        .that(exit.severity == "WARN", || exit.severity.clone())
        .that(exit.body.contains(word), || {
            "the body does not name it".to_owned()
        })
        .done()
}

fn core_dump(context: &mut Context) -> Result<()> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")?;
    if pattern.starts_with(['|', '/', '@']) {
        bail!(Skip(format!("cores go to {pattern:?} on this host")));
    }
    let folder = context.folder().join("core");
    fs::create_dir(&folder)?;
    let all = Rlimit {
        current: Some(1 << 30),
        maximum: Some(1 << 30),
    };
    let program = context
        .program("raise")
        .arg(Signal::SEGV.as_raw().to_string())
        .folder(&folder)
        .first(move || Ok(setrlimit(Resource::Core, all)?));
    let (exit, end) = life(context, program)?;
    fs::remove_dir_all(&folder)?;
    if end.status & 0x80 == 0 {
        bail!(Skip("the kernel dumped no core".to_owned()));
    }
    Checks::of(&exit)
        .equal(name::KINTRACE_PROCESS_EXIT_CORE_DUMPED, true)
        .equal(name::KINTRACE_PROCESS_EXIT_SIGNAL, "SIGSEGV")
        .equal(name::PROCESS_EXIT_CODE, 139_u32)
        .done()
}

fn cpu_time(context: &mut Context) -> Result<()> {
    let program = context.program("burn").arg(context.pace.pick("300", "600"));
    let (exit, end) = life(context, program)?;
    check_time(
        context,
        &exit,
        end,
        Duration::from_millis(context.pace.pick(150, 150)),
    )
}

fn thread_time(context: &mut Context) -> Result<()> {
    let time = context.pace.pick("300", "400");
    let program = context.program("burn-threads").arg("4").arg(time);
    let (exit, end) = life(context, program)?;
    check_time(
        context,
        &exit,
        end,
        Duration::from_millis(context.pace.pick(150, 100)),
    )
}

/// The process may use a little more between the record and its very end.
fn check_time(context: &Context, exit: &Record, end: End, least: Duration) -> Result<()> {
    let tolerance = Duration::from_millis(context.pace.pick(20, 100));
    let mut checks = Checks::of(exit);
    for (key, expected) in [
        (name::KINTRACE_PROCESS_CPU_USER_TIME, end.usage.user),
        (name::KINTRACE_PROCESS_CPU_SYSTEM_TIME, end.usage.system),
    ] {
        let got = Duration::from_secs_f64(exit.double(key).unwrap_or_default());
        checks.that(got.abs_diff(expected) <= tolerance, || {
            format!("{key} is {got:?}, not {expected:?}")
        });
    }
    let total = end.usage.user + end.usage.system;
    checks.that(total >= least, || format!("it used {total:?} only"));
    checks.lists(name::KINTRACE_EVENT_MISSING, "exact_cpu_time", false);
    checks.done()
}

fn peak_memory(context: &mut Context) -> Result<()> {
    let program = context.program("fill").arg("48");
    let (exit, end) = life(context, program)?;
    let got = exit
        .uint(name::KINTRACE_PROCESS_MEMORY_PEAK)
        .unwrap_or_default();
    let expected = end.usage.peak_bytes;
    Checks::of(&exit)
        .that(got.abs_diff(expected) <= 1 << 20, || {
            format!("{got} bytes, not {expected}")
        })
        .that(got >= 48 << 20, || {
            format!("{got} bytes are less than it held")
        })
        .done()
}
