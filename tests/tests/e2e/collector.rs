//! A real OpenTelemetry Collector, built by `cargo xtask collector`.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a Collector may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Collector that writes what it receives to files.
pub(crate) struct Collector {
    child: Child,
    folder: PathBuf,
    /// OTLP over gRPC, on loopback.
    pub(crate) grpc: u16,
    /// OTLP over HTTP, on loopback.
    pub(crate) http: u16,
}

/// The Collector's binary: `KINTRACE_COLLECTOR`, else the one in the workspace's cache.
///
/// `None` is printed with its reason; in CI, which must not skip it, it is a failure.
pub(crate) fn binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("KINTRACE_COLLECTOR") {
        return Some(PathBuf::from(path));
    }
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache");
    let folders = std::fs::read_dir(cache).into_iter().flatten().flatten();
    let found = folders
        .filter(|folder| folder.file_name().to_string_lossy().starts_with("otelcol-"))
        .map(|folder| folder.path().join("otelcol"))
        .find(|path| path.exists());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no Collector: cargo xtask collector"
        );
        eprintln!("skipped: no Collector on this machine (cargo xtask collector builds it)");
    }
    found
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

// === impl Collector ===

impl Collector {
    /// Starts one that writes into `folder`, and waits until it listens.
    pub(crate) fn start(binary: &Path, folder: &Path) -> Self {
        Self::start_at(binary, folder, free_port(), free_port())
    }

    /// The same on given ports: after a crash, where the agent looks for it.
    pub(crate) fn start_at(binary: &Path, folder: &Path, grpc: u16, http: u16) -> Self {
        let config = format!(
            "receivers:
  otlp:
    protocols:
      grpc: {{ endpoint: \"127.0.0.1:{grpc}\" }}
      http: {{ endpoint: \"127.0.0.1:{http}\" }}
exporters:
  file/logs: {{ path: {folder}/logs.json, append: true, flush_interval: 100ms }}
  file/traces: {{ path: {folder}/traces.json, append: true, flush_interval: 100ms }}
service:
  telemetry: {{ metrics: {{ level: none }} }}
  pipelines:
    logs: {{ receivers: [otlp], exporters: [file/logs] }}
    traces: {{ receivers: [otlp], exporters: [file/traces] }}
",
            folder = folder.display()
        );
        let file = folder.join("collector.yaml");
        std::fs::write(&file, config).unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("collector.log"))
            .unwrap();
        let mut child = Command::new(binary)
            .arg("--config")
            .arg(&file)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        for port in [grpc, http] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                let is_running = child.try_wait().unwrap().is_none();
                assert!(
                    is_running && Instant::now() < end,
                    "the Collector does not listen on {port}:\n{}",
                    std::fs::read_to_string(folder.join("collector.log")).unwrap()
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Self {
            child,
            folder: folder.to_owned(),
            grpc,
            http,
        }
    }

    /// Ends it in order: what it received is in its files.
    pub(crate) fn stop(mut self) -> PathBuf {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
        self.folder
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
