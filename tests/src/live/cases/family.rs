//! Images within one process, and processes without a program of their own.

use anyhow::{Result, ensure};
use kintrace_semconv::attribute as name;

use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::wanted::Wanted;

pub(super) const CASES: &[Case] = &[
    ("a_chain_of_execs_is_one_process_with_one_end", chain),
    ("ancestors_are_named_as_they_were_at_the_fork", two_lives),
    ("a_forked_child_without_exec_ends_as_itself", fork_only),
    ("a_failed_execve_makes_no_record", failed),
];

fn chain(context: &mut Context) -> Result<()> {
    let files = [context.link("chain-b")?, context.link("chain-c")?];
    let program = context.program("chain").arg(&files[0]).arg(&files[1]);
    let (running, _) = program.run()?;
    let exit = context
        .agent
        .find(&Wanted::exit().pid(running.pid()).arg(&running.marker))?;
    context.settle()?;
    let wanted = |wanted: Wanted| wanted.pid(running.pid()).arg(&running.marker);
    let execs = context.agent.all(&wanted(Wanted::exec()))?;
    let exits = context.agent.all(&wanted(Wanted::exit()))?;
    let [a, b, c] = execs.as_slice() else {
        anyhow::bail!("{} execs", execs.len());
    };
    ensure!(exits.len() == 1, "{} exits", exits.len());
    Checks::of(a)
        .absent(name::KINTRACE_PROCESS_PREVIOUS_ENTITY_ID)
        .done()?;
    for (before, after) in [(a, b), (b, c)] {
        Checks::of(after)
            .equal(name::KINTRACE_PROCESS_PREVIOUS_ENTITY_ID, before.entity())
            .equal(name::KINTRACE_PROCESS_PARENT_PID, std::process::id())
            .equal(
                name::KINTRACE_PROCESS_CREATION_BOOTTIME,
                before
                    .uint(name::KINTRACE_PROCESS_CREATION_BOOTTIME)
                    .unwrap_or_default(),
            )
            .that(before.entity() != after.entity(), || {
                "both have one id".to_owned()
            })
            .done()?;
    }
    Checks::of(&exit)
        .equal(name::KINTRACE_PROCESS_ENTITY_ID, c.entity())
        .equal(name::PROCESS_EXECUTABLE_NAME, "chain-c")
        .equal(name::PROCESS_EXIT_CODE, 5_u32)
        .done()
}

fn two_lives(context: &mut Context) -> Result<()> {
    let files = [context.link("first-life")?, context.link("second-life")?];
    let [first, second] = &files;
    let mut parent = context.program_at(first, "two-lives").arg(second).start()?;
    let children = [parent.said("first")?, parent.said("second")?];
    parent.end()?;
    let images = context
        .agent
        .all(&Wanted::exec().pid(parent.pid()).arg(&parent.marker))?;
    for ((child, word), (program, image)) in children
        .iter()
        .zip(["first", "second"])
        .zip(["first-life", "second-life"].iter().zip(&images))
    {
        let marker = format!("{}-{word}", parent.marker);
        let exec = context
            .agent
            .find(&Wanted::exec().pid(*child).arg(&marker))?;
        let names = exec.texts(name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES);
        Checks::of(&exec)
            .equal(name::KINTRACE_PROCESS_PARENT_PID, parent.pid())
            .equal(name::KINTRACE_PROCESS_PARENT_EXECUTABLE_NAME, *program)
            .equal(name::KINTRACE_PROCESS_PARENT_ENTITY_ID, image.entity())
            .that(names.first() == Some(program), || format!("{names:?}"))
            .done()?;
    }
    Ok(())
}

fn fork_only(context: &mut Context) -> Result<()> {
    let mut parent = context.program("fork-only").start()?;
    let child = parent.said("child")?;
    parent.end()?;
    let exec = context.exec_of(&parent)?;
    let exit = context
        .agent
        .find(&Wanted::exit().pid(child).arg(&parent.marker))?;
    Checks::of(&exit)
        .equal(name::PROCESS_EXIT_CODE, 9_u32)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, parent.pid())
        .equal(name::KINTRACE_PROCESS_PARENT_ENTITY_ID, exec.entity())
        .that(exit.entity() != exec.entity(), || {
            "it has its parent's id".to_owned()
        })
        // It is part of the span of the image that it was forked from.
        .that(exit.span == exec.span, || {
            format!("{} is not its span", exec.span)
        })
        .done()
}

fn failed(context: &mut Context) -> Result<()> {
    let file = context.folder().join("not-a-program");
    std::fs::write(&file, "no magic")?;
    let program = context.program_at(&file, "noop");
    ensure!(program.start().is_err(), "it can be executed");
    context.settle()?;
    let path = file.to_string_lossy().into_owned();
    let wanted = Wanted::exec().with(name::PROCESS_EXECUTABLE_PATH, path);
    ensure!(
        context.agent.all(&wanted)?.is_empty(),
        "a record of what never ran"
    );
    Ok(())
}
