//! Who descends from whom.

use anyhow::{Context as _, Result, ensure};
use kintrace_semconv::attribute as name;

use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::record::Record;
use crate::live::seen::{Seen, base_name};
use crate::live::wanted::Wanted;

pub(super) const CASES: &[Case] = &[
    ("nested_programs_name_all_their_ancestors", nested),
    ("an_exec_has_one_exit_that_says_the_same", one_exit),
    ("the_end_of_a_process_older_than_the_agent_is_told", older),
    ("a_daemon_keeps_its_creator", daemon),
    ("a_subreaper_is_the_parent_but_not_the_creator", subreaper),
    ("a_sibling_by_clone_parent_has_both", sibling),
    ("a_pid_that_is_used_again_is_another_process", reuse),
];

/// For an agent that lists two ancestors.
pub(super) const SHALLOW: &[Case] = &[("lineage_that_was_seen_whole_is_from_fork", shallow)];

/// From `pid` up to the first process of the host, as the kernel links them now.
fn up_from(pid: u32) -> Result<Vec<u64>> {
    let mut pids = vec![u64::from(pid)];
    while let Some(last) = pids.last() {
        let parent = Seen::of(u32::try_from(*last)?)?.parent();
        if parent == 0 {
            break;
        }
        pids.push(parent);
    }
    Ok(pids)
}

fn nested(context: &mut Context) -> Result<()> {
    let mut outer = context.program("nest").arg("3").arg("wait").start()?;
    let mut pids = Vec::new();
    for _ in 0..3 {
        pids.push(outer.said("nest")?);
    }
    let leaf = outer.said("leaf")?;
    outer.said("ready")?;
    let seen = Seen::of(leaf)?;
    let expected: Vec<u64> = up_from(leaf)?.into_iter().skip(1).take(16).collect();
    let exec = context.agent.find(&Wanted::exec().pid(leaf))?;
    let mut checks = Checks::of(&exec);
    seen.check(&mut checks);
    checks.equal(name::KINTRACE_PROCESS_ANCESTOR_PIDS, expected.clone());
    // The harness is older than the agent: its own link is from the start, and confirmed by each exec.
    checks.equal(name::KINTRACE_PROCESS_LINEAGE_SOURCE, "kernel");
    checks.absent(name::KINTRACE_PROCESS_ANCESTOR_TRUNCATED);

    // Nearest first: the last one that said its pid is the leaf's creator.
    let mut entities = Vec::new();
    for pid in pids.iter().rev() {
        let record = context
            .agent
            .find(&Wanted::exec().pid(*pid).arg(&outer.marker))?;
        entities.push(record.entity().to_owned());
    }
    let listed = exec.texts(name::KINTRACE_PROCESS_ANCESTOR_ENTITY_IDS);
    checks.that(
        listed.get(..3).is_some_and(|first| first == entities),
        || format!("the creators are {entities:?}, and {listed:?} are listed"),
    );
    checks.that(listed.len() == expected.len(), || {
        "lists differ in length".to_owned()
    });
    check_programs(&exec, &expected, &mut checks)?;
    let own = context.original().to_string_lossy().into_owned();
    checks
        .equal(
            name::KINTRACE_PROCESS_PARENT_PID,
            expected.first().copied().unwrap_or_default(),
        )
        .equal(
            name::KINTRACE_PROCESS_PARENT_ENTITY_ID,
            entities.first().cloned().unwrap_or_default(),
        )
        .equal(name::KINTRACE_PROCESS_PARENT_EXECUTABLE_PATH, own.as_str())
        .equal(
            name::KINTRACE_PROCESS_PARENT_EXECUTABLE_NAME,
            base_name(&own),
        )
        .that(exec.body.contains(" <- "), || {
            "no lineage in the body".to_owned()
        });
    checks.done()?;
    outer.end()?;
    Ok(())
}

/// Names and paths of ancestors that live, where the kernel lets us see them.
fn check_programs(exec: &Record, pids: &[u64], checks: &mut Checks<'_>) -> Result<()> {
    let paths = exec.texts(name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_PATHS);
    let names = exec.texts(name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES);
    checks.that(
        paths.len() == pids.len() && names.len() == pids.len(),
        || {
            format!(
                "{} pids, {} paths, {} names",
                pids.len(),
                paths.len(),
                names.len()
            )
        },
    );
    for ((pid, path), program) in pids.iter().zip(paths).zip(names) {
        let seen = Seen::of(u32::try_from(*pid)?)?;
        match seen.executable() {
            Some(expected) => {
                let last = base_name(&expected);
                checks.that(path == expected && program == last, || {
                    format!("ancestor {pid} runs {expected}, not {path:?} {program:?}")
                });
            }
            None => {
                checks.that(program == seen.comm(), || {
                    format!("ancestor {pid} is {program:?}")
                });
            }
        }
    }
    Ok(())
}

fn one_exit(context: &mut Context) -> Result<()> {
    let (running, _) = context.program("exit").arg("23").run()?;
    let (exec, exit) = context.life_of(&running)?;
    context.settle()?;
    let exits = context
        .agent
        .all(&Wanted::exit().pid(running.pid()).arg(&running.marker))?;
    ensure!(exits.len() == 1, "{} exits", exits.len());
    let mut checks = Checks::of(&exit);
    for (key, value) in &exec.attributes {
        let is_of_the_record = [
            name::KINTRACE_RECORD_SEQUENCE,
            name::LOG_RECORD_UID,
            name::OTEL_EVENT_NAME,
            name::THREAD_ID,
        ]
        .contains(&key.as_str());
        if !is_of_the_record {
            checks.equal(key, value.clone());
        }
    }
    checks
        .equal(name::PROCESS_EXIT_CODE, 23_u32)
        .equal(name::LOG_RECORD_UID, format!("{}-exit", exec.entity()))
        .that(exit.severity == "INFO", || {
            "a plain exit is INFO".to_owned()
        })
        .that(exit.time >= exec.time, || {
            "it ended before it began".to_owned()
        })
        .that(exit.trace == exec.trace && exit.span == exec.span, || {
            format!("the exec is in span {} of {}", exec.span, exec.trace)
        })
        // Without anybody who takes spans there are none to refer to.
        .that(
            exec.trace.is_empty() || exec.entity().starts_with(&exec.span),
            || "the span is not the first half of the entity".to_owned(),
        );
    let duration = exit.double(name::KINTRACE_PROCESS_DURATION).unwrap_or(-1.0);
    let limit = context.pace.deadline().as_secs_f64();
    checks.that((0.0..limit).contains(&duration), || {
        format!("it lasted {duration} s")
    });
    checks.done()?;
    Checks::of(&exec)
        .equal(name::LOG_RECORD_UID, format!("{}-exec", exec.entity()))
        .done()
}

/// Two of them: the creator is killed first, and its child must not forget it.
fn older(context: &mut Context) -> Result<()> {
    let marker = context.older.marker.clone();
    let parent = context.older.pid();
    let leaf = context.older.said("leaf")?;
    let path = Seen::of(parent)?
        .executable()
        .context("own programs can be looked at")?;
    let own: Vec<u64> = up_from(std::process::id())?;
    context.older.kill()?;
    let outer = context
        .agent
        .find(&Wanted::exit().pid(parent).arg(&marker))?;
    context.older.end()?;
    let inner = context
        .agent
        .find(&Wanted::exit().pid(leaf).arg(&format!("{marker}-leaf")))?;
    let above =
        |nearer: &[u64]| -> Vec<u64> { nearer.iter().chain(&own).copied().take(16).collect() };
    for (record, ancestors, source, code) in [
        (&outer, above(&[]), "kernel", 137_u32),
        // The kernel's own link leads to its new parent by then.
        (&inner, above(&[parent.into()]), "procfs", 0),
    ] {
        let mut checks = Checks::of(record);
        checks
            .equal(name::KINTRACE_PROCESS_ANCESTOR_PIDS, ancestors)
            .equal(name::KINTRACE_PROCESS_LINEAGE_SOURCE, source)
            .equal(name::PROCESS_EXECUTABLE_PATH, path.as_str())
            .equal(name::PROCESS_EXECUTABLE_NAME, base_name(&path))
            .equal(name::PROCESS_EXIT_CODE, code)
            .equal(name::PROCESS_USER_ID, 0_u32);
        let paths = record.texts(name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_PATHS);
        checks.that(paths.first() == Some(&path.as_str()), || {
            "no path of the parent".to_owned()
        });
        checks.done()?;
    }
    Checks::of(&inner)
        .that(
            inner.uint(name::PROCESS_PARENT_PID) != Some(parent.into()),
            || "its parent is one that has ended".to_owned(),
        )
        .done()?;
    Checks::of(&outer)
        .equal(
            name::PROCESS_COMMAND_ARGS,
            vec![path.as_str(), "nest", &marker, "1", "wait"],
        )
        .done()
}

fn daemon(context: &mut Context) -> Result<()> {
    orphan(context, "daemon")
}

fn subreaper(context: &mut Context) -> Result<()> {
    orphan(context, "subreaper")
}

/// A process whose creator ended: adopted by its grandparent or by whoever the host has for that.
fn orphan(context: &mut Context, work: &str) -> Result<()> {
    let mut starter = context.program(work).start()?;
    let (middle, daemon) = (starter.said("middle")?, starter.said("daemon")?);
    starter.said("ready")?;
    let seen = Seen::of(daemon)?;
    let exec = context.agent.find(&Wanted::exec().pid(daemon))?;
    let expected: Vec<u64> = [u64::from(middle)]
        .into_iter()
        .chain(up_from(starter.pid())?)
        .take(16)
        .collect();
    let mut checks = Checks::of(&exec);
    seen.check(&mut checks);
    checks
        .equal(name::KINTRACE_PROCESS_ANCESTOR_PIDS, expected)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, middle)
        .equal(name::PROCESS_SESSION_LEADER_PID, middle)
        .that(seen.parent() != u64::from(middle), || {
            "the middle one still lives".to_owned()
        });
    if work == "subreaper" {
        checks.equal(name::PROCESS_PARENT_PID, starter.pid());
    }
    checks.done()?;
    starter.end()?;
    let exit = context.exit_of(&exec)?;
    Checks::of(&exit)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, middle)
        .done()?;
    // The middle one never ran a program of its own: its end is told with the one that it was forked with.
    let middle_exit = context
        .agent
        .find(&Wanted::exit().pid(middle).arg(&starter.marker))?;
    Checks::of(&middle_exit)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, starter.pid())
        .equal(name::PROCESS_EXIT_CODE, 0_u32)
        .done()
}

fn sibling(context: &mut Context) -> Result<()> {
    let mut creator = context.program("sibling").start()?;
    let sibling = creator.said("sibling")?;
    crate::live::program::end_of(sibling, context.pace)?;
    creator.end()?;
    let exec = context.agent.find(&Wanted::exec().pid(sibling))?;
    Checks::of(&exec)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, creator.pid())
        .equal(name::PROCESS_PARENT_PID, std::process::id())
        .done()?;
    let exit = context.exit_of(&exec)?;
    Checks::of(&exit)
        .equal(name::KINTRACE_PROCESS_PARENT_PID, creator.pid())
        .equal(name::PROCESS_PARENT_PID, std::process::id())
        .done()
}

fn reuse(context: &mut Context) -> Result<()> {
    let pid = free_pid()?;
    let mut lives = Vec::new();
    for code in ["11", "12"] {
        let program = context.program("reuse").arg(pid.to_string()).arg(code);
        let (running, end) = program.run()?;
        ensure!(
            end.status == 0,
            "clone3 with a pid of choice failed: {}",
            end.status
        );
        let marker = format!("{}-reused", running.marker);
        let exec = context.agent.find(&Wanted::exec().pid(pid).arg(&marker))?;
        let exit = context.exit_of(&exec)?;
        let code: u32 = code.parse()?;
        Checks::of(&exec)
            .equal(name::KINTRACE_PROCESS_PARENT_PID, running.pid())
            .done()?;
        Checks::of(&exit)
            .equal(name::KINTRACE_PROCESS_PARENT_PID, running.pid())
            .equal(name::PROCESS_EXIT_CODE, code)
            .done()?;
        lives.push(exec);
    }
    let [first, second] = lives.as_slice() else {
        unreachable!("two rounds")
    };
    ensure!(
        first.entity() != second.entity(),
        "both are {}",
        first.entity()
    );
    Ok(())
}

/// A pid that nobody has, and that the kernel does not hand out soon.
fn free_pid() -> Result<u32> {
    let max: u32 = std::fs::read_to_string("/proc/sys/kernel/pid_max")?
        .trim()
        .parse()?;
    let is_free = |pid: &u32| !std::path::Path::new(&format!("/proc/{pid}")).exists();
    // The kernel hands out growing numbers: the one below its own is used last.
    let before = std::process::id().saturating_sub(50);
    (300..before)
        .rev()
        .chain((300..max).rev())
        .find(is_free)
        .context("all pids are taken")
}

fn shallow(context: &mut Context) -> Result<()> {
    let mut outer = context.program("nest").arg("2").arg("noop").start()?;
    outer.end()?;
    let leaf = format!("{}-leaf", outer.marker);
    let exec = context.agent.find(&Wanted::exec().arg(&leaf))?;
    let mut checks = Checks::of(&exec);
    checks
        .equal(name::KINTRACE_PROCESS_LINEAGE_SOURCE, "fork")
        .equal(name::KINTRACE_PROCESS_ANCESTOR_TRUNCATED, true)
        .that(
            exec.texts(name::KINTRACE_PROCESS_ANCESTOR_ENTITY_IDS).len() == 2,
            || "not two ancestors".to_owned(),
        )
        .that(exec.body.ends_with(" <- ..."), || {
            "the body does not say that it is cut".to_owned()
        });
    checks.done()
}
