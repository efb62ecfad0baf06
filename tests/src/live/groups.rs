//! The harness: groups of cases that share an agent, because starting one is the slow part.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::agent::{Agent, Ended, Output};
use super::cases;
use super::context::{Context, Pace, Skip};
use super::program::Program;
use super::say;

/// A case that needs the running agent.
pub(super) type Case = (&'static str, fn(&mut Context) -> Result<()>);

/// A case about how the agent ended.
pub(super) type Ending = (&'static str, fn(&Ended, Pace) -> Result<()>);

/// A case that brings what it needs.
pub(super) type Alone = (&'static str, fn(Pace) -> Result<()>);

/// Cases of one agent.
pub(super) struct Group {
    /// YAML.
    pub(super) config: &'static str,
    pub(super) output: Output,
    pub(super) cases: &'static [&'static [Case]],
    /// After it was told to stop.
    pub(super) endings: &'static [Ending],
}

/// What happened so far.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

/// Runs all cases whose name contains `filter`, and says how they went on the last line.
pub(super) fn run(filter: &str) -> ExitCode {
    let pace = Pace::of_this_machine();
    let mut tally = Tally::default();
    for group in cases::GROUPS {
        tally.group(group, filter, pace);
    }
    for (name, case) in cases::ALONE
        .iter()
        .filter(|(name, _)| name.contains(filter))
    {
        tally.case(name, || case(pace));
    }
    let Tally {
        passed,
        failed,
        skipped,
    } = tally;
    say(&format!(
        "kintrace-live: {passed} passed, {failed} failed, {skipped} skipped"
    ));
    ExitCode::from(u8::from(failed > 0))
}

// === impl Tally ===

impl Tally {
    fn group(&mut self, group: &Group, filter: &str, pace: Pace) {
        let is_wanted = |name: &str| name.contains(filter);
        let cases: Vec<_> = group
            .cases
            .iter()
            .copied()
            .flatten()
            .filter(|(name, _)| is_wanted(name))
            .collect();
        let endings: Vec<_> = group
            .endings
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .collect();
        if cases.is_empty() && endings.is_empty() {
            return;
        }
        let start = Instant::now();
        let mut context = match start_group(group, pace) {
            Ok(context) => context,
            Err(error) => {
                for (name, _) in &cases {
                    self.case(name, || Err(anyhow::anyhow!("no agent")));
                }
                return say(&format!("the agent does not start: {error:#}"));
            }
        };
        say(&format!(
            "agent watching after {:.1} s",
            start.elapsed().as_secs_f32()
        ));
        for (name, case) in cases {
            self.case(name, || case(&mut context));
        }
        if endings.is_empty() {
            return;
        }
        let ended = context
            .agent
            .signal(Signal::TERM)
            .and_then(|()| context.agent.ended());
        for (name, ending) in endings {
            self.case(name, || match &ended {
                Ok(ended) => ending(ended, pace),
                Err(error) => Err(anyhow::anyhow!("{error:#}")),
            });
        }
    }

    fn case(&mut self, name: &str, case: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(case));
        let result = result.unwrap_or_else(|_panic| Err(anyhow::anyhow!("it panicked")));
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => {
                self.passed += 1;
                say(&format!("ok   {name} ({seconds:.1} s)"));
            }
            Err(error) if error.is::<Skip>() => {
                self.skipped += 1;
                say(&format!("skip {name}: {error}"));
            }
            Err(error) => {
                self.failed += 1;
                say(&format!("FAIL {name} ({seconds:.1} s)\n    {error:#}"));
            }
        }
    }
}

fn start_group(group: &Group, pace: Pace) -> Result<Context> {
    let folder = tempfile::Builder::new()
        .prefix("kintrace-live-")
        .tempdir()?;
    // Programs of other users run from here.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let marker = format!("older-{}", std::process::id());
    let older = Program::new(&super::own_path()?, "nest", &marker, pace)
        .arg("1")
        .arg("wait")
        .hold();
    let older = older.context("start a process that is older than the agent")?;
    let agent = Agent::start(folder.path(), group.config, group.output, pace)?;
    Context::new(agent, older, folder, pace)
}
