//! The agent as a child process: the same program as `kintrace`, in the live tests' binary.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running agent.
pub(crate) struct Agent {
    child: Child,
    /// What it says on standard error after it watches.
    messages: std::thread::JoinHandle<Vec<String>>,
}

// === impl Agent ===

impl Agent {
    /// Starts it with this configuration and waits until it watches.
    pub(crate) fn start(folder: &Path, config: &str) -> Self {
        let file = folder.join("kintrace.yaml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kintrace-live"))
            .args(["agent", "run", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut before = Vec::new();
        loop {
            match lines.next() {
                Some(line) if line.contains("watching") => break,
                Some(line) => before.push(line),
                None => panic!("the agent ended before it watched:\n{}", before.join("\n")),
            }
        }
        let messages = std::thread::spawn(move || lines.collect());
        Self { child, messages }
    }

    /// Stops it as init would; gives back what it said.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let messages = self.messages.join().unwrap();
        assert!(
            status.success(),
            "the agent ended with {status}:\n{}",
            messages.join("\n")
        );
        messages
    }
}
