//! The agent under measurement: a child with a configuration of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long the agent may take for what it should do in a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent.
pub(super) struct Agent {
    child: Child,
    /// Where it serves `/metrics`.
    metrics: String,
    folder: std::path::PathBuf,
}

// === impl Agent ===

impl Agent {
    /// Starts it with OTLP over HTTP to `port` on loopback, and waits until it watches.
    pub(super) fn start(binary: &Path, port: u16) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("kintrace-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("kintrace.yaml");
        std::fs::write(&config, "metrics:\n  listen: \"127.0.0.1:0\"\n")?;
        let mut child = Command::new(binary)
            .arg("run")
            .arg("--config")
            .arg(&config)
            .args(["--otlp-protocol", "http/protobuf", "--otlp-endpoint"])
            .arg(format!("http://127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let messages = child.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(messages).lines();
        let mut metrics = None;
        while let Some(line) = lines.next().transpose()? {
            if let Some(address) = line.split("address=").nth(1) {
                metrics = Some(address.trim().to_owned());
            }
            if line.contains("watching") {
                // Whatever it says later is read to the end, so that it never waits for us.
                std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
                let metrics = metrics.context("the agent named no address of its metrics")?;
                return Ok(Self {
                    child,
                    metrics,
                    folder,
                });
            }
        }
        bail!("the agent ended at once: {}", child.wait()?)
    }

    /// CPU time so far, user and system, in microseconds.
    pub(super) fn cpu_micros(&self) -> Result<f64> {
        // Nanoseconds on a run queue, per thread: finer than the ticks of /proc/PID/stat.
        let mut total = 0.0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = text.split_whitespace().next().context("empty schedstat")?;
            total += nanos.parse::<f64>()? / 1000.0;
        }
        Ok(total)
    }

    /// Resident memory in MiB, the mapped ring included, once the agent has given back what the start or
    /// a burst needed: it does so every 5 s.
    pub(super) fn resident_mib(&self) -> Result<f64> {
        std::thread::sleep(Duration::from_secs(6));
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        let kib = line
            .split_whitespace()
            .nth(1)
            .context("VmRSS without a number")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// Waits until at least `records` log records were exported and none is under way.
    pub(super) fn wait_until_read(&self, records: u64) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.metrics()?;
            let logs = |name: &str| {
                let line = text
                    .lines()
                    .find(|line| line.starts_with(name) && line.contains("\"logs\""));
                line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                    .unwrap_or_default()
            };
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let is_read = logs("kintrace_record_exported_total") >= records as f64;
            if is_read && logs("kintrace_record_in_flight") == 0.0 {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("the agent has not exported {records} records:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it and waits for its end.
    pub(super) fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let status = self.child.wait()?;
        std::fs::remove_dir_all(&self.folder)?;
        if status.success() {
            Ok(())
        } else {
            bail!("the agent ended with {status}")
        }
    }

    fn metrics(&self) -> Result<String> {
        let mut stream = TcpStream::connect(&self.metrics)?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}
