//! The configuration: typed, complete, checked before anything starts.
//!
//! # Precedence
//!
//! Command line, then environment, then file, then default. `export.headers` and
//! `resource.attributes` are laid over each other entry by entry. The endpoint or protocol of one
//! signal is more specific than the general one only within the same source: a general one from a
//! source of higher rank hides it.
//!
//! # What it is not
//!
//! Nobody else is known here: no tracing, no tonic, no kernel. [`load`] is a pure function of a text and
//! an environment; [`read_file`] and [`Tls::read`] are what touches the file system.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

mod check;
mod choice;
mod endpoint;
mod env;
mod file;
mod keys;
mod mapping;
mod overlay;
mod problem;
mod raw;
mod render;
mod rules;
mod secret;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;
mod texts;
mod units;

pub use choice::{Color, Compression, LogLevel, Output, Protocol};
pub use endpoint::{Destination, Endpoint, Target};
pub use env::{Env, ProcessEnv};
pub use file::{Certificates, ConfigFile, DEFAULT_PATH, ReadError, read_file};
pub use overlay::Overrides;
pub use problem::{ConfigError, Problem};
pub use render::reference;
pub use secret::Secret;
pub use settings::Origin;
pub use units::ByteSize;

use settings::Settings;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the kernel side reads.
    pub probes: Probes,
    /// What is remembered of processes.
    pub process_table: ProcessTable,
    /// Spans.
    pub traces: Traces,
    /// OTLP.
    pub export: Export,
    /// Standard output.
    pub console: Console,
    /// The agent's own counters.
    pub metrics: Metrics,
    /// Who is speaking.
    pub resource: Resource,
    /// The agent's own messages.
    pub log: Log,
}

/// What the kernel side reads, and how it hands it over.
#[derive(Clone, Debug, PartialEq)]
pub struct Probes {
    /// Bytes of the ring buffer: a power of two, and a multiple of the page.
    pub ring_size: ByteSize,
    /// Bytes that wait before the agent is woken early; at most half of `ring_size`.
    pub wakeup_bytes: ByteSize,
    /// How often the ring is drained without being woken.
    pub drain_interval: Duration,
    /// Bytes of arguments on an exec; 0: none are read.
    pub args_limit: ByteSize,
    /// Environment variables on an exec: distinct names, `[A-Za-z_][A-Za-z0-9_]*`.
    pub environment: Vec<String>,
    /// Whether `TRACEPARENT` is read.
    pub traceparent: bool,
}

/// What is remembered of processes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessTable {
    /// Most images, living and remembered.
    pub max_images: usize,
    /// Most ancestors on a record.
    pub ancestor_depth: usize,
}

/// Spans: one for each executed image.
#[derive(Clone, Debug, PartialEq)]
pub struct Traces {
    /// Whether there are any.
    pub enabled: bool,
    /// Spans after which a trace is rotated.
    pub max_spans: usize,
    /// Age after which a trace is rotated.
    pub max_age: Duration,
}

/// OTLP. Endpoints and protocols are resolved per signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Where log records go.
    pub logs: Destination,
    /// Where spans go.
    pub traces: Destination,
    /// Of requests.
    pub compression: Compression,
    /// Of requests; names in lower case, values printable ASCII.
    pub headers: BTreeMap<String, Secret>,
    /// For one request.
    pub timeout: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
    /// Encoded bytes that may wait or be under way.
    pub queue_bytes: ByteSize,
    /// How long a stop may take; zero: what waits is dropped.
    pub shutdown_timeout: Duration,
    /// What one request carries.
    pub batch: BatchLimits,
    /// What happens to a batch that was not taken.
    pub retry: Retry,
    /// Certificates.
    pub tls: Tls,
}

/// Limits of one request; the first that is reached sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchLimits {
    /// Most records.
    pub records: usize,
    /// Most encoded bytes, before compression.
    pub bytes: ByteSize,
    /// Longest wait of a record.
    pub age: Duration,
}

/// Pauses between attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// The first.
    pub initial: Duration,
    /// The longest; at least `initial`.
    pub max: Duration,
    /// After which a batch is dropped; `None`: never.
    pub max_elapsed: Option<Duration>,
}

/// Certificates. `cert_file` and `key_file` are both set or both not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// PEM; `None`: the roots of the host.
    pub ca_file: Option<PathBuf>,
    /// PEM; `None`: the agent shows none.
    pub cert_file: Option<PathBuf>,
    /// PEM, of `cert_file`.
    pub key_file: Option<PathBuf>,
    /// Of the server's certificate; `None`: the host of the endpoint.
    pub server_name: Option<String>,
}

/// Standard output, for a signal whose destination is the console.
#[derive(Clone, Debug, PartialEq)]
pub struct Console {
    /// What is printed.
    pub output: Output,
    /// Whether in colour.
    pub color: Color,
}

/// The agent's own counters.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Where `/metrics` is served; `None`: nowhere.
    pub listen: Option<SocketAddr>,
}

/// Attributes of everything that is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// By name; `service.name` is among them only if somebody set it.
    pub attributes: BTreeMap<String, String>,
}

/// The agent's own messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Of what is said at least.
    pub level: LogLevel,
}

/// A configuration, with what is known about how it came to be.
pub struct Effective {
    /// The configuration.
    pub config: Config,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Problem>,
    rows: Vec<check::Row>,
}

/// Loads a configuration from a file's text, which may be empty, and the environment.
///
/// # Errors
///
/// Every problem at once: unknown keys, wrong types, values out of range, contradictions.
pub fn load(text: &str, env: &impl Env) -> Result<Config, ConfigError> {
    load_effective(text, env, &Overrides::default()).map(|effective| effective.config)
}

/// Like [`load`], with the command line on top, and with origins and warnings.
///
/// # Errors
///
/// As [`load`].
pub fn load_effective(
    text: &str,
    env: &impl Env,
    overrides: &Overrides,
) -> Result<Effective, ConfigError> {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    raw::read(text, &mut settings, &mut problems);
    env::overlay(env, &mut settings, &mut problems);
    overrides.overlay(&mut settings);
    let checked = check::check(&settings);
    problems.extend(checked.problems);
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let mut warnings = env::not_read(env);
    warnings.extend(checked.warnings);
    Ok(Effective {
        config: checked.config,
        warnings,
        rows: checked.rows,
    })
}

// === impl Config ===

/// What an empty file in an empty environment means.
impl Default for Config {
    fn default() -> Self {
        check::check(&Settings::default()).config
    }
}
