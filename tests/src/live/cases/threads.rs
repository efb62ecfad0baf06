//! Threads: one process is told as one.

use anyhow::{Result, ensure};
use kintrace_semconv::attribute as name;

use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::wanted::Wanted;

pub(super) const CASES: &[Case] = &[
    ("an_exec_by_a_thread_is_of_its_process", thread_exec),
    ("a_process_lives_on_when_its_first_thread_ends", leader_exit),
    ("the_last_thread_ends_the_process", last_thread),
    ("threads_make_no_records", threads),
];

fn thread_exec(context: &mut Context) -> Result<()> {
    let mut running = context.program("thread-exec").start()?;
    let thread = running.said("thread")?;
    running.end()?;
    let (pid, after) = (running.pid(), format!("{}-after", running.marker));
    let before = context.exec_of(&running)?;
    let exec = context.agent.find(&Wanted::exec().arg(&after))?;
    context.settle()?;
    let execs = context.agent.all(&Wanted::exec().pid(pid).arg(&after))?;
    let exits = context.agent.all(
        &Wanted::exit().pid(pid).with(
            name::KINTRACE_PROCESS_CREATION_BOOTTIME,
            before
                .uint(name::KINTRACE_PROCESS_CREATION_BOOTTIME)
                .unwrap_or_default(),
        ),
    )?;
    ensure!(execs.len() == 1, "{} execs", execs.len());
    let [exit] = exits.as_slice() else {
        anyhow::bail!("{} exits", exits.len());
    };
    ensure!(thread != pid, "the thread has the pid of the process");
    Checks::of(&exec)
        .equal(name::PROCESS_PID, pid)
        .equal(name::THREAD_ID, thread)
        .equal(name::KINTRACE_PROCESS_PREVIOUS_ENTITY_ID, before.entity())
        .equal(name::KINTRACE_PROCESS_PARENT_PID, std::process::id())
        .done()?;
    Checks::of(exit)
        .equal(name::KINTRACE_PROCESS_ENTITY_ID, exec.entity())
        .equal(name::PROCESS_EXIT_CODE, 0_u32)
        .that(exit.time >= exec.time, || {
            "it ended before the exec".to_owned()
        })
        .done()
}

fn leader_exit(context: &mut Context) -> Result<()> {
    ends_once(context, "leader-exit", &[7])
}

/// wait(2) gives the code of the first thread, and since about 5.19 that of the last one.
fn last_thread(context: &mut Context) -> Result<()> {
    ends_once(context, "last-thread", &[3, 5])
}

fn ends_once(context: &mut Context, work: &str, codes: &[i32]) -> Result<()> {
    let mut running = context.program(work).hold()?;
    let exec = context.exec_of(&running)?;
    context.settle()?;
    let wanted = Wanted::exit().image_of(&exec);
    ensure!(
        context.agent.all(&wanted)?.is_empty(),
        "an exit while a thread lives"
    );
    let end = running.end()?;
    let code = end.status >> 8;
    ensure!(codes.contains(&code), "it ended with {:#x}", end.status);
    let exit = context.exit_of(&exec)?;
    Checks::of(&exit)
        .equal(name::PROCESS_EXIT_CODE, u32::try_from(code)?)
        .done()?;
    context.settle()?;
    let exits = context.agent.all(&wanted)?.len();
    ensure!(exits == 1, "{exits} exits");
    Ok(())
}

fn threads(context: &mut Context) -> Result<()> {
    let mut running = context.program("threads").arg("200").hold()?;
    running.end()?;
    let (exec, _) = context.life_of(&running)?;
    context.settle()?;
    let (pid, marker) = (running.pid(), &running.marker);
    let execs = context.agent.all(&Wanted::exec().arg(marker))?;
    let exits = context.agent.all(&Wanted::exit().arg(marker))?;
    ensure!(
        execs.len() == 1 && exits.len() == 1,
        "{} and {}",
        execs.len(),
        exits.len()
    );
    Checks::of(&exec)
        .equal(name::PROCESS_PID, pid)
        .equal(name::THREAD_ID, pid)
        .done()
}
