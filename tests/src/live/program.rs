//! Programs to be watched: how they are started, and how their end is waited for.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::context::Pace;
use crate::sys::{self, Usage};

/// A program that has not started.
pub(super) struct Program {
    command: Command,
    marker: String,
    pace: Pace,
}

/// A program that runs: it holds still until [`Running::release`], if it is one of those that wait.
pub(super) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    text: Vec<u8>,
    /// Lines that nobody has asked for yet.
    lines: Vec<String>,
    has_ended: bool,
    patience: Duration,
    pub(super) marker: String,
}

/// How a program ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// As wait(2) encodes it.
    pub(super) status: i32,
    pub(super) usage: Usage,
}

// === impl Program ===

impl Program {
    /// `work` is one of [`super::workload`]; `marker` tells its records from all others.
    pub(super) fn new(path: &Path, work: &str, marker: &str, pace: Pace) -> Self {
        let mut command = Command::new(path);
        command.args([work, marker]).env_clear();
        Self {
            command,
            marker: marker.to_owned(),
            pace,
        }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    pub(super) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(super) fn arg0(mut self, arg: &str) -> Self {
        self.command.arg0(arg);
        self
    }

    /// Done in the child between fork and exec.
    pub(super) fn first(
        mut self,
        action: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        sys::before_exec(&mut self.command, action);
        self
    }

    pub(super) fn start(mut self) -> Result<Running> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("start {:?}", self.command.get_program()))?;
        Ok(Running {
            stdin: child.stdin.take(),
            child,
            text: Vec::new(),
            lines: Vec::new(),
            has_ended: false,
            patience: self.pace.deadline(),
            marker: self.marker,
        })
    }

    /// Starts it and waits for its end.
    pub(super) fn run(self) -> Result<(Running, End)> {
        let mut running = self.start()?;
        let end = running.end()?;
        Ok((running, end))
    }

    /// Starts it and waits until it has said that it waits.
    pub(super) fn hold(self) -> Result<Running> {
        let mut running = self.start()?;
        running.said("ready")?;
        Ok(running)
    }
}

// === impl Running ===

impl Running {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the line `word NUMBER` and gives back the number: a pid, mostly. 0 without a number.
    ///
    /// Several processes may write to one pipe: each line is taken once, in whatever order they came.
    pub(super) fn said(&mut self, word: &str) -> Result<u32> {
        let deadline = Instant::now() + self.patience;
        let mut at = 0;
        loop {
            if let Some(line) = self.lines.get(at) {
                let mut words = line.split_whitespace();
                if words.next() == Some(word) {
                    let number = words.next().map_or(Ok(0), str::parse)?;
                    self.lines.remove(at);
                    return Ok(number);
                }
                at += 1;
                continue;
            }
            let line = self
                .line(deadline)
                .with_context(|| format!("waiting for {word:?}"))?;
            ensure!(!line.is_empty(), "{} never said {word:?}", self.marker);
            self.lines.push(line);
        }
    }

    /// Whatever waits on its standard input goes on.
    pub(super) fn release(&mut self) {
        self.stdin = None;
    }

    /// Kills it; it must still be waited for.
    pub(super) fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill()?)
    }

    /// Gives it this long to end, instead of what is enough for most.
    pub(super) fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Releases it and waits for its end.
    pub(super) fn end(&mut self) -> Result<End> {
        self.release();
        self.has_ended = true;
        end_within(self.child.id(), self.patience).with_context(|| self.marker.clone())
    }

    /// The next line that it wrote, empty at the end.
    fn line(&mut self, deadline: Instant) -> Result<String> {
        let out = self
            .child
            .stdout
            .as_mut()
            .context("standard output is a pipe")?;
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line = self.text.drain(..=end).collect();
                return Ok(String::from_utf8(line)?);
            }
            wait_readable(out, deadline)?;
            let mut chunk = [0; 4096];
            let read = out.read(&mut chunk)?;
            if read == 0 {
                return Ok(String::new());
            }
            self.text
                .extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            // A case that failed half-way: nothing of it may be left for the next.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Waits for the end of a child.
pub(super) fn end_of(pid: u32, pace: Pace) -> Result<End> {
    end_within(pid, pace.deadline())
}

fn end_within(pid: u32, patience: Duration) -> Result<End> {
    let deadline = Instant::now() + patience;
    let raw = Pid::from_raw(i32::try_from(pid)?).context("no pid")?;
    let pidfd = pidfd_open(raw, PidfdFlags::empty())?;
    wait_readable(&pidfd, deadline).with_context(|| format!("waiting for the end of {pid}"))?;
    let (status, usage) = sys::wait4(pid)?;
    Ok(End { status, usage })
}

fn wait_readable(from: &impl AsFd, deadline: Instant) -> Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left)?;
    let ready = poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&left))?;
    ensure!(ready > 0, "nothing happened in time");
    Ok(())
}
