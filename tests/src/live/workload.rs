//! The programs that are watched. Each does one thing, says on standard output what the harness cannot
//! know otherwise, as lines `word PID`, and ends.
//!
//! Called as `PROGRAM WORK MARKER ARGS...`: the marker tells its records from all others. All have one
//! thread unless threads are what they are about.

mod family;
mod plain;
mod threads;

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use super::say;

/// What a program is given, besides its name.
struct Call {
    marker: String,
    args: Vec<String>,
}

type Work = fn(&Call) -> Result<i32>;

const WORKS: &[(&str, Work)] = &[
    ("noop", |_| Ok(0)),
    ("wait", plain::wait),
    ("exit", plain::exit),
    ("raise", plain::raise),
    ("burn", plain::burn),
    ("fill", plain::fill),
    ("storm", plain::storm),
    ("nest", family::nest),
    ("daemon", family::daemon),
    ("subreaper", family::subreaper),
    ("sibling", family::sibling),
    ("reuse", family::reuse),
    ("chain", family::chain),
    ("two-lives", family::two_lives),
    ("fork-only", family::fork_only),
    ("pid-namespace", family::pid_namespace),
    ("thread-exec", threads::thread_exec),
    ("leader-exit", threads::leader_exit),
    ("last-thread", threads::last_thread),
    ("threads", threads::many),
    ("burn-threads", threads::burn),
];

/// Whether there is a program of this name.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<Work> {
    WORKS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, work)| *work)
}

/// Runs it.
pub(super) fn run(name: &str, args: &[OsString]) -> ExitCode {
    let text = |arg: &OsString| arg.to_string_lossy().into_owned();
    let call = Call {
        marker: args.get(2).map(text).unwrap_or_default(),
        args: args.iter().skip(3).map(text).collect(),
    };
    let result = find(name)
        .context("no such work")
        .and_then(|work| work(&call));
    match result {
        // Zero to 255 are all that there is.
        Ok(code) => ExitCode::from(code.to_le_bytes()[0]),
        Err(error) => {
            eprintln!("{name} {}: {error:#}", call.marker);
            ExitCode::from(99)
        }
    }
}

// === impl Call ===

impl Call {
    fn text(&self, at: usize) -> Result<&str> {
        self.args
            .get(at)
            .map(String::as_str)
            .with_context(|| format!("argument {at} is missing"))
    }

    fn number(&self, at: usize) -> Result<u32> {
        Ok(self.text(at)?.parse()?)
    }

    /// A marker of a process that this one makes.
    fn marker_of(&self, child: &str) -> String {
        format!("{}-{child}", self.marker)
    }
}

/// Says that it waits, and returns when the harness releases it.
fn wait_for_release() -> Result<()> {
    say("ready");
    until_released()
}

fn until_released() -> Result<()> {
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A command that runs another work in the same file.
fn command(work: &str, marker: &str) -> Result<Command> {
    command_at(super::own_path()?, work, marker)
}

fn command_at(path: PathBuf, work: &str, marker: &str) -> Result<Command> {
    let mut command = Command::new(path);
    command.args([work, marker]);
    Ok(command)
}

/// Becomes another work; returns only if that fails.
fn become_work(work: &str, marker: &str) -> i32 {
    use std::os::unix::process::CommandExt as _;
    let error = command(work, marker).map(|mut command| command.exec());
    eprintln!("exec {work}: {error:?}");
    98
}
