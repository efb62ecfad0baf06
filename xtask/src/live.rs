//! The live tests: one static program that makes real kernel events and checks what the agent says.
//!
//! The same file runs on this machine ([`native`]) and as the init of a virtual machine
//! ([`crate::vm`]). Its last line is its verdict, and the only thing that is believed: a program
//! that died before it has failed.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::deps;
use crate::workspace::{Workspace, is_root, run, sudo_without_password};

/// Optimised, since emulated processors are slow, but without the long link of a release.
const PROFILE: &str = "live";

const TRIPLE: &str = "x86_64-unknown-linux-gnu";
const BINARY: &str = "kintrace-live";

/// What the live tests counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

// === impl Verdict ===

impl Verdict {
    /// Reads `kintrace-live: 12 passed, 0 failed, 1 skipped`.
    ///
    /// The kernel writes to the same console, so the line may have something in front of it.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.trim_end().rsplit_once("kintrace-live: ")?;
        let mut counts = counts.split(", ");
        let mut count = |what: &str| counts.next()?.strip_suffix(what)?.trim().parse().ok();
        let verdict = Self {
            passed: count("passed")?,
            failed: count("failed")?,
            skipped: count("skipped")?,
        };
        counts.next().is_none().then_some(verdict)
    }

    /// # Errors
    ///
    /// A case failed, or none ran: a filter that matches nothing proves nothing.
    pub(crate) fn check(self) -> Result<Self> {
        if self.failed > 0 || self.passed == 0 {
            bail!("{self}");
        }
        Ok(self)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(
            f,
            "live: {passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

/// Whether this user may run the live tests on this machine.
pub(crate) fn may_run_natively() -> bool {
    is_root() || sudo_without_password()
}

/// Builds the program.
///
/// It is linked statically, so that it needs no files in the virtual machine. A target folder of
/// its own keeps the different flags from throwing away what is built; `--target` is needed because
/// proc macros cannot be static.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    deps::ensure(deps::Set::Build)?;
    let target = workspace.target.join("static");
    run(workspace
        .cargo()
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .args([
            "build",
            "--quiet",
            "--profile",
            PROFILE,
            "--package",
            "kintrace-tests",
        ])
        .args(["--bin", BINARY, "--target", TRIPLE, "--target-dir"])
        .arg(&target))?;
    Ok(target.join(TRIPLE).join(PROFILE).join(BINARY))
}

/// Builds it and runs it on this machine, as root.
pub(crate) fn native(workspace: &Workspace, filter: Option<&str>) -> Result<Verdict> {
    let program = build(workspace)?;
    let mut command = if is_root() {
        workspace.command(&program)
    } else {
        let mut sudo = workspace.command("sudo");
        sudo.arg(&program);
        sudo
    };
    command.args(filter);
    let verdict = watch(&mut command)?.with_context(|| format!("{BINARY} gave no verdict"))?;
    verdict.check()
}

/// Runs `command`, repeats what it writes on standard error, and gives back its verdict.
fn watch(command: &mut Command) -> Result<Option<Verdict>> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("start the live tests")?;
    let stdout = child.stdout.take().context("standard output was piped")?;
    let verdict = read_verdict(stdout, |line| eprint!("{line}"))?;
    let status = child.wait()?;
    // A verdict from before a crash is none.
    Ok(verdict.filter(|verdict| status.success() || verdict.failed > 0))
}

/// Reads lines to the end, hands each on, and gives back the last verdict among them.
pub(crate) fn read_verdict(from: impl Read, mut each: impl FnMut(&str)) -> Result<Option<Verdict>> {
    let mut from = BufReader::new(from);
    let mut verdict = None;
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        // A console is not always UTF-8: firmware draws on it.
        let text = String::from_utf8_lossy(&line);
        each(&text);
        verdict = Verdict::parse(&text).or(verdict);
        line.clear();
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_found_behind_what_the_kernel_wrote() {
        let verdict = Verdict {
            passed: 12,
            failed: 0,
            skipped: 3,
        };
        for line in [
            "kintrace-live: 12 passed, 0 failed, 3 skipped\r\n",
            "[    3.1] random: kintrace-live: 12 passed, 0 failed, 3 skipped",
        ] {
            assert_eq!(Verdict::parse(line), Some(verdict), "{line:?}");
        }
    }

    #[test]
    fn half_a_verdict_is_none() {
        for line in [
            "kintrace-live: 12 passed",
            "kintrace-live: 12 passed, 0 failed, 3 skipped, 1 lost",
            "kintrace-live: x passed, 0 failed, 3 skipped",
            "12 passed, 0 failed, 3 skipped",
        ] {
            assert_eq!(Verdict::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn the_last_verdict_counts() {
        let console = b"\xff\nkintrace-live: 1 passed, 0 failed, 0 skipped\nx\n\
            kintrace-live: 1 passed, 1 failed, 0 skipped\nbye";
        let verdict = read_verdict(&console[..], |_| {}).unwrap().unwrap();
        assert!(verdict.check().is_err());
    }

    #[test]
    fn nothing_run_is_not_a_success() {
        assert!(
            Verdict {
                passed: 0,
                failed: 0,
                skipped: 9
            }
            .check()
            .is_err()
        );
    }
}
