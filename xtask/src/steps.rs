//! `cargo xtask test`: everything that CI checks.
//!
//! The steps are data, cheap failures first. All of them run, whatever the others say, and the last
//! line of the report counts them.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::kernels::{self, Kernel};
use crate::workspace::{Workspace, run as run_to_end};
use crate::{collector, deny, deps, fmt as form, live, tidy, vm};

/// Which steps.
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// Only these steps, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print the names of the steps and stop.
    #[arg(long)]
    list: bool,
}

/// How a step ended, if it did not fail.
enum Outcome {
    /// With what there is to say about it.
    Passed(String),
    /// With the reason.
    Skipped(String),
}

/// One thing that is checked.
struct Step {
    name: String,
    what: &'static str,
    run: Run,
}

type Run = Box<dyn Fn(&Workspace) -> Result<Outcome>>;

/// What the closing line counts.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: Vec<String>,
    /// Name and reason.
    skipped: Vec<(String, String)>,
}

/// In the order in which they run.
fn steps() -> Vec<Step> {
    let mut steps = vec![
        step("deps", "what the machine must have", |_| {
            done(deps::ensure(deps::Set::Test))
        }),
        step("fmt", "Rust is formatted", |w| done(form::check_rust(w))),
        step("clang-format", "C is formatted", |w| done(form::check_c(w))),
        step("tidy", "the rules of the house", |w| {
            Ok(Outcome::Passed(tidy::run(w)?))
        }),
        step("clippy", "no warnings", |w| {
            let lint = [
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ];
            done(run_to_end(w.cargo().args(lint)))
        }),
        step("deny", "licences, sources, duplicates", |w| {
            Ok(Outcome::Passed(deny::run(w)?))
        }),
        step("advisories", "known vulnerabilities", |_| {
            Ok(Outcome::Skipped(deny::ADVISORIES.into()))
        }),
        step("collector", "the Collector builds", |w| {
            Ok(Outcome::Passed(collector::build(w)?.display().to_string()))
        }),
        step(
            "cargo-test",
            "unit, golden, property, protocol, Collector",
            cargo_test,
        ),
        step("live", "kernel events on this machine", |w| {
            if !live::may_run_natively() {
                return Ok(Outcome::Skipped("loading programs needs root".into()));
            }
            Ok(Outcome::Passed(live::native(w, None)?.to_string()))
        }),
    ];
    for &kernel in Kernel::ALL {
        steps.push(Step {
            name: format!("vm-{}", kernel.name()),
            what: "kernel events in a virtual machine",
            run: Box::new(move |workspace| in_vm(workspace, kernel)),
        });
    }
    steps
}

/// Runs the selected steps and reports.
///
/// # Errors
///
/// Only if a step is named that does not exist: a step that fails is a line in the report, and the
/// exit code.
pub(crate) fn run(workspace: &Workspace, selection: &Selection) -> Result<ExitCode> {
    let steps = steps();
    if selection.list {
        for step in steps {
            println!("{:<14} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &selection.only {
        ensure!(
            steps.iter().any(|step| step.name == *name),
            "no step {name}; see --list"
        );
    }
    let wanted = |step: &&Step| selection.only.is_empty() || selection.only.contains(&step.name);

    let start = Instant::now();
    let mut tally = Tally::default();
    for step in steps.iter().filter(wanted) {
        println!("==> {}: {}", step.name, step.what);
        let begin = Instant::now();
        let outcome = (step.run)(workspace);
        tally.add(&step.name, outcome, begin.elapsed());
    }
    println!("\nin {:.0} s", start.elapsed().as_secs_f32());
    print!("{tally}");
    Ok(if tally.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, name: &str, outcome: Result<Outcome>, took: Duration) {
        let seconds = took.as_secs_f32();
        match outcome {
            Ok(Outcome::Passed(note)) => {
                self.passed += 1;
                println!("    passed {name} in {seconds:.1} s  {note}");
            }
            Ok(Outcome::Skipped(reason)) => {
                println!("    skipped {name}: {reason}");
                self.skipped.push((name.to_owned(), reason));
            }
            Err(error) => {
                println!("    FAILED {name} in {seconds:.1} s: {error:#}");
                self.failed.push(name.to_owned());
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, reason) in &self.skipped {
            writeln!(f, "skipped {name}: {reason}")?;
        }
        for name in &self.failed {
            writeln!(f, "FAILED {name}: cargo xtask test --only {name}")?;
        }
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        writeln!(
            f,
            "{passed} passed, {} failed, {} skipped",
            failed.len(),
            skipped.len()
        )
    }
}

fn step(
    name: &str,
    what: &'static str,
    run: impl Fn(&Workspace) -> Result<Outcome> + 'static,
) -> Step {
    Step {
        name: name.to_owned(),
        what,
        run: Box::new(run),
    }
}

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Passed(String::new()))
}

fn cargo_test(workspace: &Workspace) -> Result<Outcome> {
    let mut test = workspace.cargo();
    test.args(["test", "--workspace"]);
    // Without a Collector its step has failed already; the other tests are still worth running.
    if let Ok(collector) = collector::build(workspace) {
        test.env("KINTRACE_COLLECTOR", collector);
    }
    done(run_to_end(&mut test))
}

fn in_vm(workspace: &Workspace, kernel: Kernel) -> Result<Outcome> {
    let init = live::build(workspace)?;
    let options = vm::Options {
        deadline: vm::DEADLINE,
        filter: None,
        console: vm::Console::Log,
    };
    let mut outcome = String::new();
    for image in kernels::fetch(workspace, &[kernel])? {
        let verdict = vm::boot(workspace, &image, &init, options)?;
        outcome = format!("{} {verdict}", image.version);
    }
    Ok(Outcome::Passed(outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_ends_with_the_counts_alone_on_a_line() {
        let mut tally = Tally::default();
        tally.add("a", done(Ok(())), Duration::ZERO);
        tally.add("b", Err(anyhow::anyhow!("x")), Duration::ZERO);
        tally.add(
            "c",
            Ok(Outcome::Skipped("no root".to_owned())),
            Duration::ZERO,
        );
        let report = tally.to_string();
        assert!(report.contains("skipped c: no root\n"));
        assert!(
            report.ends_with("\n1 passed, 1 failed, 1 skipped\n"),
            "{report}"
        );
    }

    #[test]
    fn no_two_steps_share_a_name() {
        let mut names: Vec<_> = steps().into_iter().map(|step| step.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
