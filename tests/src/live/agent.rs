//! One agent under test: its process, what it writes, and what it counts.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kintrace_semconv::{attribute as name, event};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use super::context::Pace;
use super::record::Record;
use super::stream::Stream;
use super::wanted::Wanted;
use crate::sys;

/// Between two looks at what the agent wrote.
const LOOK: Duration = Duration::from_millis(10);

/// Markers that begin so are counted, not kept: a storm would fill the memory of a small machine.
pub(super) const COUNTED: &str = "storm-";

/// Text that must never leave the agent.
pub(super) const SECRET: &str = "kt-secret-4711";

/// A running agent.
pub(super) struct Agent {
    child: Child,
    output: File,
    stderr: PathBuf,
    pace: Pace,
    partial: Vec<u8>,
    records: Vec<Record>,
    /// Exec and exit records of counted markers.
    counted: HashMap<String, Counted>,
    /// Defects of the stream as a whole, each found once.
    stream: Stream,
}

/// Records of one counted marker.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counted {
    pub(super) execs: u64,
    pub(super) exits: u64,
}

/// How an agent ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) took: Duration,
    pub(super) stderr: String,
    /// Whether the last line was whole.
    pub(super) is_whole: bool,
    pub(super) stream: Stream,
}

/// Where the agent writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Output {
    File,
    /// Read by the harness, which can stop reading.
    Pipe,
}

// === impl Agent ===

impl Agent {
    /// Starts `agent run` and waits until it watches.
    pub(super) fn start(folder: &Path, config: &str, output: Output, pace: Pace) -> Result<Self> {
        let (config_path, stderr) = (folder.join("agent.yaml"), folder.join("agent.stderr"));
        fs::write(&config_path, config)?;
        let mut command = Command::new(super::own_path()?);
        command
            .args(["agent", "run", "--output", "json", "--config"])
            .arg(&config_path);
        command
            .env_clear()
            .stdin(Stdio::null())
            .stderr(File::create(&stderr)?);
        sys::before_exec(&mut command, || {
            Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
        });
        let from = match output {
            Output::File => {
                let path = folder.join("agent.json");
                command.stdout(File::create(&path)?);
                File::open(&path)?
            }
            Output::Pipe => {
                let (from, to) = io::pipe()?;
                command.stdout(to);
                let from = OwnedFd::from(from);
                rustix::io::ioctl_fionbio(&from, true)?;
                File::from(from)
            }
        };
        let child = command.spawn().context("start the agent")?;
        let mut agent = Self {
            child,
            output: from,
            stderr,
            pace,
            partial: Vec::new(),
            records: Vec::new(),
            counted: HashMap::new(),
            stream: Stream::default(),
        };
        // The pipe's own end of the command is closed with it: the agent has the only one.
        drop(command);
        agent.until("the agent watches", |agent| {
            let stderr = agent.stderr();
            if let Some(status) = agent.child.try_wait()? {
                bail!("the agent ended: {status}\n{stderr}");
            }
            Ok(stderr.contains("watching").then_some(()))
        })?;
        Ok(agent)
    }

    pub(super) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Waits for the first record that matches.
    pub(super) fn find(&mut self, wanted: &Wanted) -> Result<Record> {
        let found = self.until("a record", |agent| {
            Ok(agent
                .records
                .iter()
                .find(|record| wanted.matches(record))
                .cloned())
        });
        found.with_context(|| wanted.near_misses(&self.records))
    }

    /// Whether a record that matches comes within this time.
    pub(super) fn comes(&mut self, wanted: &Wanted, patience: Duration) -> Result<bool> {
        let found = self.within(patience, |agent| {
            Ok(agent
                .records
                .iter()
                .any(|record| wanted.matches(record))
                .then_some(()))
        })?;
        Ok(found.is_some())
    }

    /// All that match so far, in order.
    pub(super) fn all(&mut self, wanted: &Wanted) -> Result<Vec<Record>> {
        self.refresh()?;
        Ok(self
            .records
            .iter()
            .filter(|record| wanted.matches(record))
            .cloned()
            .collect())
    }

    /// Records of a counted marker so far.
    pub(super) fn counted(&mut self, marker: &str) -> Result<Counted> {
        self.refresh()?;
        Ok(self.counted.get(marker).copied().unwrap_or_default())
    }

    /// Everything so far.
    pub(super) fn stream(&mut self) -> Result<&Stream> {
        self.refresh()?;
        Ok(&self.stream)
    }

    /// Waits until `condition` gives something.
    pub(super) fn until<T>(
        &mut self,
        what: &str,
        condition: impl FnMut(&mut Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let patience = self.pace.deadline();
        let found = self.within(patience, condition)?;
        found.with_context(|| format!("no sign that {what} within {patience:?}"))
    }

    /// Waits until `condition` gives something; `None` if it does not in this time.
    pub(super) fn within<T>(
        &mut self,
        patience: Duration,
        mut condition: impl FnMut(&mut Self) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let deadline = Instant::now() + patience;
        loop {
            self.refresh()?;
            if let Some(found) = condition(self)? {
                return Ok(Some(found));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The value of a counter at `/metrics`, all its label sets that have `label` summed.
    pub(super) fn metric(&self, metric: &str, label: &str) -> Result<u64> {
        let stderr = self.stderr();
        let address = stderr
            .split("address=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let address = address.with_context(|| format!("no address of /metrics in\n{stderr}"))?;
        let mut stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let lines = text
            .lines()
            .filter(|line| line.starts_with(metric) && line.contains(label));
        lines
            .map(|line| {
                let value = line.rsplit(' ').next().unwrap_or_default();
                value.parse::<u64>().with_context(|| line.to_owned())
            })
            .sum()
    }

    /// What the kernel says of programs that it did not run because they ran already on that processor.
    pub(super) fn passed_over(&self) -> String {
        let folder = format!("/proc/{}/fdinfo", self.child.id());
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
        let misses = texts.filter_map(|text| {
            let line = |word: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(word));
                line.map(|rest| rest.trim().to_owned())
            };
            Some(format!(
                "{}: {}",
                line("prog_id:")?,
                line("recursion_misses:")?
            ))
        });
        format!(
            "recursion misses by program: {:?}",
            misses.collect::<Vec<_>>()
        )
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, signal)?)
    }

    /// Reads no more of what it writes.
    pub(super) fn close_output(&mut self) -> Result<()> {
        self.output = File::open("/dev/null")?;
        Ok(())
    }

    /// Waits until it ends by itself or by a signal that was sent, and takes what it wrote to the end.
    pub(super) fn ended(&mut self) -> Result<Ended> {
        let start = Instant::now();
        let status = self.until("the agent ended", |agent| Ok(agent.child.try_wait()?))?;
        let took = start.elapsed();
        self.refresh()?;
        Ok(Ended {
            code: status.code(),
            took,
            stderr: self.stderr(),
            is_whole: self.partial.is_empty(),
            stream: std::mem::take(&mut self.stream),
        })
    }

    /// Takes what the agent has written since the last time.
    fn refresh(&mut self) -> Result<()> {
        let mut chunk = vec![0; 1 << 18];
        loop {
            let read = match self.output.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("read what the agent wrote"),
            };
            self.partial
                .extend_from_slice(chunk.get(..read).unwrap_or_default());
            let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else {
                continue;
            };
            let rest = self.partial.split_off(end + 1);
            let lines = std::mem::replace(&mut self.partial, rest);
            for line in std::str::from_utf8(&lines)?.lines() {
                self.take(line)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &str) -> Result<()> {
        if line.contains(SECRET) {
            self.stream
                .defects
                .push(format!("a secret left the agent: {line}"));
        }
        let record = Record::parse(line)?;
        self.stream.take(&record);
        let args = record.texts(name::PROCESS_COMMAND_ARGS);
        let Some(marker) = args.get(2).filter(|marker| marker.starts_with(COUNTED)) else {
            self.records.push(record);
            return Ok(());
        };
        let counted = self.counted.entry((*marker).to_owned()).or_default();
        match record.event.as_str() {
            event::KINTRACE_PROCESS_EXEC => counted.execs += 1,
            _ => counted.exits += 1,
        }
        Ok(())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // It may have ended in between.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
