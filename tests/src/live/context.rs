//! What a case works with: the agent of its group, a folder, copies of this program, and marks.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::agent::Agent;
use super::init::EMULATED;
use super::program::{Program, Running};
use super::record::Record;
use super::wanted::Wanted;

/// How often a record is tried to be got through.
const FENCES: u32 = 5;

/// How fast the machine is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    Native,
    /// Some ten times slower.
    Emulated,
}

/// See the module.
pub(super) struct Context {
    pub(super) agent: Agent,
    pub(super) pace: Pace,
    /// Started before the agent; holds still.
    pub(super) older: Running,
    folder: TempDir,
    original: PathBuf,
    marks: u32,
    fences: u64,
}

/// Why a case cannot be tried here.
#[derive(Debug)]
pub(super) struct Skip(pub(super) String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

// === impl Pace ===

impl Pace {
    pub(super) fn of_this_machine() -> Self {
        if std::env::var_os(EMULATED).is_some() {
            Self::Emulated
        } else {
            Self::Native
        }
    }

    /// How long anything may take before it counts as never.
    pub(super) const fn deadline(self) -> Duration {
        match self {
            Self::Native => Duration::from_secs(15),
            Self::Emulated => Duration::from_secs(60),
        }
    }

    /// One of two values.
    pub(super) fn pick<T>(self, native: T, emulated: T) -> T {
        match self {
            Self::Native => native,
            Self::Emulated => emulated,
        }
    }
}

// === impl Context ===

impl Context {
    pub(super) fn new(agent: Agent, older: Running, folder: TempDir, pace: Pace) -> Result<Self> {
        let original = super::own_path()?;
        Ok(Self {
            agent,
            pace,
            older,
            folder,
            original,
            marks: 0,
            fences: 0,
        })
    }

    /// The folder of this group: anybody may look into it.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Text that no other process has among its arguments.
    pub(super) fn mark(&mut self, word: &str) -> String {
        self.marks += 1;
        format!("{word}-{}-{}", std::process::id(), self.marks)
    }

    /// This program's own file.
    pub(super) fn original(&self) -> &Path {
        &self.original
    }

    /// A program of [`super::workload`] with a marker of its own.
    pub(super) fn program(&mut self, work: &str) -> Program {
        let path = self.original.clone();
        self.program_at(&path, work)
    }

    /// The same from another file.
    pub(super) fn program_at(&mut self, path: &Path, work: &str) -> Program {
        let marker = self.mark(work);
        Program::new(path, work, &marker, self.pace)
    }

    /// Another name of this program's file, in the folder of the group.
    pub(super) fn link(&mut self, name: &str) -> Result<PathBuf> {
        let copy = self.folder().join("copy");
        if !copy.exists() {
            fs::copy(&self.original, &copy).context("copy this program")?;
        }
        let link = self.folder().join(name);
        fs::hard_link(&copy, &link)?;
        Ok(link)
    }

    /// Waits for the exec of a program that runs or ran.
    pub(super) fn exec_of(&mut self, running: &Running) -> Result<Record> {
        let wanted = Wanted::exec().pid(running.pid()).arg(&running.marker);
        self.agent.find(&wanted)
    }

    /// Waits for the end of an image.
    pub(super) fn exit_of(&mut self, exec: &Record) -> Result<Record> {
        self.agent.find(&Wanted::exit().image_of(exec))
    }

    /// Returns when everything that happened before the call is in the records.
    ///
    /// A way out that is full may drop the very record that is waited for: then another one is tried.
    pub(super) fn settle(&mut self) -> Result<()> {
        for _ in 0..FENCES {
            self.fences += 1;
            let (running, _) = self.program("noop").run()?;
            let wanted = Wanted::exit().pid(running.pid()).arg(&running.marker);
            if self.agent.comes(&wanted, self.pace.deadline() / FENCES)? {
                return Ok(());
            }
        }
        bail!("the agent does not settle")
    }

    /// Processes that [`Context::settle`] has run.
    pub(super) fn fences(&self) -> u64 {
        self.fences
    }

    /// Waits for the only exec and the only exit of a process, which has ended.
    pub(super) fn life_of(&mut self, running: &Running) -> Result<(Record, Record)> {
        let exec = self.exec_of(running)?;
        let exit = self.exit_of(&exec)?;
        Ok((exec, exit))
    }
}
