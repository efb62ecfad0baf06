//! The live tests: what real processes do, and what the agent says about it.
//!
//! One binary is everything, because a virtual machine that boots it as its init has nothing else:
//!
//! ```text
//! init (only as pid 1) -> harness -> agent run                 what is tested
//!                              `---> work NAME MARKER ARGS     what it watches
//! ```
//! The oracle is the kernel itself: what `/proc` and wait(2) say of the same processes.

mod agent;
mod cases;
mod checks;
mod context;
mod groups;
mod init;
mod program;
mod record;
mod seen;
mod stream;
mod tiny;
mod wanted;
mod workload;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Dispatches on the first argument: the agent, a program to be watched, or the harness with a filter.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let first = args.get(1).and_then(|first| first.to_str());
    match first {
        Some("agent") => kintrace::program::main(args.into_iter().skip(1)),
        Some("harness") => groups::run(filter(&args, 2)),
        Some(name) if workload::is_known(name) => workload::run(name, &args),
        // What execve without any argument leaves.
        None if args.first().is_none_or(|program| program.is_empty()) => ExitCode::SUCCESS,
        _ if std::process::id() == 1 => init::run(),
        _ => groups::run(filter(&args, 1)),
    }
}

fn filter(args: &[OsString], at: usize) -> &str {
    args.get(at)
        .and_then(|filter| filter.to_str())
        .unwrap_or_default()
}

/// This program's own file.
fn own_path() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Writes a line on standard output at once: others read it while this process goes on.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Whoever read it may be gone: then nobody is left to be told.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
