//! Nothing is lost, or it is counted: to the last event.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kintrace_semconv::attribute as name;
use rustix::process::Signal;

use crate::live::agent::{Agent, COUNTED};
use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;
use crate::live::say;
use crate::live::tiny;
use crate::live::wanted::Wanted;

pub(super) const STORM: &[Case] = &[("a_storm_is_told_or_counted_to_the_last", storm)];

/// For an agent with the smallest ring.
pub(super) const FORCED: &[Case] = &[
    ("events_that_did_not_fit_are_counted_to_the_last", forced),
    ("lineage_heals_after_a_loss", healed),
];

const SEEN: &str = "kintrace_kernel_event_seen_total";
const LOST: &str = "kintrace_kernel_event_lost_total";
const DROPPED: &str = "kintrace_record_dropped_total";

/// Kinds of events that make records.
const KINDS: [&str; 2] = ["exec", "exit"];

/// Processes that a storm in two parts is made of, besides those that it starts.
const OWN: u64 = 3;

/// A storm on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a storm in `parts` parts to its end. All its records have one of two counted markers: gives
/// both.
fn rage(context: &mut Context, parts: u64, rounds: u64) -> Result<[String; 2]> {
    let file = context.folder().join("tiny");
    tiny::write(&file)?;
    let marker = context.mark(COUNTED.trim_end_matches('-'));
    let program = context
        .program("storm")
        .arg(parts.to_string())
        .arg(rounds.to_string())
        .arg(&file)
        .arg(&marker);
    let mut storm = program.start()?.patient(PATIENCE);
    let end = storm.end()?;
    ensure!(end.status == 0, "the storm ended with {:#x}", end.status);
    Ok([marker, storm.marker.clone()])
}

/// Exec and exit records of these markers.
fn told(agent: &mut Agent, markers: &[String; 2]) -> Result<[u64; 2]> {
    let [noops, own] = markers;
    let (noops, own) = (agent.counted(noops)?, agent.counted(own)?);
    Ok([noops.execs + own.execs, noops.exits + own.exits])
}

fn storm(context: &mut Context) -> Result<()> {
    let rounds: u64 = context.pace.pick(20_000, 2_000);
    let before = missed(&context.agent)?;
    let markers = rage(context, 2, rounds)?;
    context.settle()?;
    let [execs, exits] = told(&mut context.agent, &markers)?;
    let produced = rounds + OWN;
    ensure!(
        execs <= produced && exits <= produced,
        "{execs} execs and {exits} exits of {produced}"
    );
    let missing = 2 * produced - execs - exits;
    if missing == 0 {
        return Ok(());
    }
    // The kernel side's counts are read once a second. Others on this machine may have lost some too.
    let what = format!(
        "{missing} missing records are counted ({execs} execs, {exits} exits of {produced}; {})",
        context.agent.passed_over()
    );
    context.agent.until(&what, |agent| {
        Ok((missed(agent)? - before >= missing).then_some(()))
    })?;
    say(&format!("     {what}"));
    Ok(())
}

/// Records that may be missing. Without its exec, an exit is told with the program that it was forked with.
fn missed(agent: &Agent) -> Result<u64> {
    let (execs, exits) = (
        agent.metric(LOST, "\"exec\"")?,
        agent.metric(LOST, "\"exit\"")?,
    );
    Ok(2 * execs + exits + agent.metric(DROPPED, "\"logs\"")?)
}

/// What the whole machine has made of tasks: processes and threads, those of the kernel too.
#[derive(Clone, Copy)]
struct Tasks {
    made: u64,
    ended: u64,
}

impl Tasks {
    fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("processes "));
        let made: u64 = line.context("no count of forks")?.trim().parse()?;
        let text = fs::read_to_string("/proc/loadavg")?;
        let live = text
            .split_whitespace()
            .nth(3)
            .and_then(|tasks| tasks.split_once('/'));
        let live: u64 = live.context("no count of tasks")?.1.parse()?;
        // Only differences mean something: the first tasks were not made by fork.
        let ended = (made + 1_000).saturating_sub(live);
        Ok(Self { made, ended })
    }

    /// Others than these many that were made, and that ended, since then.
    fn others(self, own: u64) -> Result<[u64; 2]> {
        let (before, now) = (self, Self::now()?);
        let made = (now.made - before.made).saturating_sub(own);
        let ended = now.ended.saturating_sub(before.ended).saturating_sub(own);
        Ok([made, ended])
    }
}

fn forced(context: &mut Context) -> Result<()> {
    let rounds: u64 = context.pace.pick(3_000, 1_500);
    context.settle()?;
    let (before, fences) = (accounted(&mut context.agent)?, context.fences());
    let (lost_before, tasks) = (lost(&mut context.agent)?, Tasks::now()?);
    context.agent.signal(Signal::STOP)?;
    let markers = rage(context, 2, rounds);
    go_on(context, lost_before)?;
    let [execs, exits] = told(&mut context.agent, &markers?)?;
    ensure!(
        execs < rounds && exits < rounds,
        "nothing was lost: {execs}, {exits}"
    );
    // After one more look of the agent at the programs' counts, there is nothing more to come.
    let seen = context.agent.metric(SEEN, "")?;
    context.settle()?;
    context.agent.until("the agent looks again", |agent| {
        Ok((agent.metric(SEEN, "")? != seen).then_some(()))
    })?;
    context.settle()?;
    let produced = rounds + OWN + context.fences() - fences;
    let after = accounted(&mut context.agent)?;
    let others = tasks.others(produced)?;
    for (((kind, before), after), others) in KINDS.iter().zip(before).zip(after).zip(others) {
        let sum = after - before;
        // An other process may exec more than once.
        ensure!(
            (produced..=produced + 4 * others).contains(&sum),
            "{sum} {kind} records and losses of {produced} events and {others} of others"
        );
    }
    // The counter and the records say the same.
    let [execs, exits] = KINDS.map(|kind| context.agent.metric(LOST, &format!("\"{kind}\"")));
    ensure!(
        [execs?, exits?] == lost(&mut context.agent)?,
        "records and counters differ"
    );
    Ok(())
}

/// Exec and exit records of all processes so far, and those that were lost.
fn accounted(agent: &mut Agent) -> Result<[u64; 2]> {
    let [lost_execs, lost_exits] = lost(agent)?;
    let stream = agent.stream()?;
    Ok([stream.execs + lost_execs, stream.exits + lost_exits])
}

/// Sums of the loss records, of execs and exits.
fn lost(agent: &mut Agent) -> Result<[u64; 2]> {
    let stream = agent.stream()?;
    Ok(KINDS.map(|kind| stream.lost.get(kind).copied().unwrap_or_default()))
}

/// Lets the agent go on, and waits until it says that it lost something: the ring is empty by then.
fn go_on(context: &mut Context, before: [u64; 2]) -> Result<()> {
    context.agent.signal(Signal::CONT)?;
    context.agent.until("the loss is told", |agent| {
        let now = lost(agent)?;
        Ok(now
            .iter()
            .zip(before)
            .all(|(now, before)| *now > before)
            .then_some(()))
    })
}

/// A process that was created while the ring was full is known by the kernel's chain alone.
fn healed(context: &mut Context) -> Result<()> {
    context.settle()?;
    let before = lost(&mut context.agent)?;
    context.agent.signal(Signal::STOP)?;
    let full = rage(context, 1, 300);
    let parent = context.program("two-lives").arg(context.original());
    let parent = full.and_then(|_| parent.start()).and_then(|mut parent| {
        let children = [parent.said("first")?, parent.said("second")?];
        Ok((parent, children))
    });
    go_on(context, before)?;
    let (mut parent, children) = parent?;
    context.settle()?;
    parent.end()?;
    for (child, word) in children.into_iter().zip(["first", "second"]) {
        let marker = format!("{}-{word}", parent.marker);
        let exec = context
            .agent
            .find(&Wanted::exec().pid(child).arg(&marker))?;
        let expected = vec![u64::from(parent.pid()), u64::from(std::process::id())];
        Checks::of(&exec)
            .equal(name::KINTRACE_PROCESS_ANCESTOR_PIDS, expected)
            .equal(name::KINTRACE_PROCESS_PARENT_PID, parent.pid())
            .equal(name::KINTRACE_PROCESS_LINEAGE_SOURCE, "kernel")
            .done()?;
    }
    let exit = context.agent.find(&Wanted::exit().pid(parent.pid()))?;
    Checks::of(&exit)
        .equal(name::KINTRACE_PROCESS_LINEAGE_SOURCE, "kernel")
        .done()
}
