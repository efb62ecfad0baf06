//! Turns settings into a [`Config`]: every value by its rule, then what the values mean together.
//!
//! A value that its rule refuses is replaced by its default, so that the rest can still be judged; a
//! check of two values is left out if one of them is such a stand-in.

use super::endpoint::{Endpoint, destination, doubts};
use super::keys::{self, Described, KEYS, Key};
use super::problem::Problem;
use super::rules::{Rule, Yaml};
use super::settings::{Origin, Settings, Written};
use super::{
    BatchLimits, Config, Console, Export, Log, Metrics, Probes, ProcessTable, Resource, Retry, Tls,
    Traces,
};

/// A value in force, with whom it is from.
pub(super) struct Row {
    pub(super) key: &'static dyn Described,
    pub(super) value: Yaml,
    pub(super) origin: Origin,
    /// Of the entries, in the order of `value`, if it is a mapping.
    pub(super) entry_origins: Vec<Origin>,
}

/// What came of it.
pub(super) struct Checked {
    pub(super) config: Config,
    /// In the order of the table of keys.
    pub(super) rows: Vec<Row>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

struct Reader<'a> {
    settings: &'a Settings,
    rows: Vec<Row>,
    problems: Vec<Problem>,
    refused: Vec<&'static str>,
}

/// Reads every key once.
pub(super) fn check(settings: &Settings) -> Checked {
    let mut read = Reader {
        settings,
        rows: Vec::new(),
        problems: Vec::new(),
        refused: Vec::new(),
    };
    let (config, warnings) = read.config();
    let Reader {
        mut rows, problems, ..
    } = read;
    rows.sort_by_key(|row| KEYS.iter().position(|key| key.name() == row.key.name()));
    Checked {
        config,
        rows,
        problems,
        warnings,
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn config(&mut self) -> (Config, Vec<Problem>) {
        let probes = self.probes();
        let process_table = ProcessTable {
            max_images: self.get(&keys::MAX_IMAGES),
            ancestor_depth: self.get(&keys::ANCESTOR_DEPTH),
        };
        let traces = Traces {
            enabled: self.get(&keys::TRACES_ENABLED),
            max_spans: self.get(&keys::MAX_SPANS),
            max_age: self.get(&keys::MAX_AGE),
        };
        let (export, mut warnings) = self.export();
        let console = Console {
            output: self.get(&keys::OUTPUT),
            color: self.get(&keys::COLOR),
        };
        let metrics = Metrics {
            listen: self.get(&keys::METRICS_LISTEN),
        };
        if metrics
            .listen
            .is_some_and(|address| !address.ip().is_loopback())
        {
            let said = "is not a loopback address: whoever reaches it can read the metrics";
            warnings.push(Problem::new(keys::METRICS_LISTEN.name, said));
        }
        let resource = Resource {
            attributes: self.get(&keys::ATTRIBUTES),
        };
        let log = Log {
            level: self.get(&keys::LOG_LEVEL),
        };
        let config = Config {
            probes,
            process_table,
            traces,
            export,
            console,
            metrics,
            resource,
            log,
        };
        (config, warnings)
    }

    fn probes(&mut self) -> Probes {
        let probes = Probes {
            ring_size: self.get(&keys::RING_SIZE),
            wakeup_bytes: self.get(&keys::WAKEUP_BYTES),
            drain_interval: self.get(&keys::DRAIN_INTERVAL),
            args_limit: self.get(&keys::ARGS_LIMIT),
            environment: self.get(&keys::ENVIRONMENT),
            traceparent: self.get(&keys::TRACEPARENT),
        };
        if probes.wakeup_bytes.get() > probes.ring_size.get() / 2 {
            self.contradiction(
                &keys::WAKEUP_BYTES,
                &keys::RING_SIZE,
                format!(
                    "{} is more than half of probes.ring_size, {}",
                    probes.wakeup_bytes, probes.ring_size
                ),
            );
        }
        probes
    }

    fn export(&mut self) -> (Export, Vec<Problem>) {
        let general = (self.get(&keys::ENDPOINT), self.get(&keys::PROTOCOL));
        let logs = (
            self.get(&keys::LOGS_ENDPOINT),
            self.get(&keys::LOGS_PROTOCOL),
        );
        let traces = (
            self.get(&keys::TRACES_ENDPOINT),
            self.get(&keys::TRACES_PROTOCOL),
        );
        let export = Export {
            logs: destination(&general, &logs, "v1/logs"),
            traces: destination(&general, &traces, "v1/traces"),
            compression: self.get(&keys::COMPRESSION),
            headers: self.get(&keys::HEADERS),
            timeout: self.get(&keys::TIMEOUT),
            concurrency: self.get(&keys::CONCURRENCY),
            queue_bytes: self.get(&keys::QUEUE_BYTES),
            shutdown_timeout: self.get(&keys::SHUTDOWN_TIMEOUT),
            batch: BatchLimits {
                records: self.get(&keys::BATCH_RECORDS),
                bytes: self.get(&keys::BATCH_BYTES),
                age: self.get(&keys::BATCH_AGE),
            },
            retry: self.retry(),
            tls: self.tls(),
        };
        let mut warnings = Vec::new();
        let signals = [
            (&keys::ENDPOINT, &general.0, general.1),
            (&keys::LOGS_ENDPOINT, &logs.0, logs.1.unwrap_or(general.1)),
            (
                &keys::TRACES_ENDPOINT,
                &traces.0,
                traces.1.unwrap_or(general.1),
            ),
        ];
        for (key, endpoint, protocol) in signals {
            let Some(endpoint) = endpoint else { continue };
            let said = doubts(endpoint, protocol);
            warnings.extend(said.into_iter().map(|said| Problem::new(key.name, said)));
        }
        let is_tls = signals
            .iter()
            .any(|(_, e, _)| e.as_ref().is_some_and(Endpoint::is_tls));
        let is_set = export.tls != Tls::default();
        if is_set && !is_tls {
            let said = "is set, but no endpoint is an https:// URL";
            warnings.push(Problem::new("export.tls", said));
        }
        (export, warnings)
    }

    fn retry(&mut self) -> Retry {
        let max_elapsed = self.get(&keys::RETRY_MAX_ELAPSED);
        let retry = Retry {
            initial: self.get(&keys::RETRY_INITIAL),
            max: self.get(&keys::RETRY_MAX),
            max_elapsed: (!max_elapsed.is_zero()).then_some(max_elapsed),
        };
        if retry.initial > retry.max {
            let said = "is longer than export.retry.max".to_owned();
            self.contradiction(&keys::RETRY_INITIAL, &keys::RETRY_MAX, said);
        }
        retry
    }

    fn tls(&mut self) -> Tls {
        let tls = Tls {
            ca_file: self.get(&keys::TLS_CA_FILE),
            cert_file: self.get(&keys::TLS_CERT_FILE),
            key_file: self.get(&keys::TLS_KEY_FILE),
            server_name: self.get(&keys::TLS_SERVER_NAME),
        };
        let (cert, key) = (&keys::TLS_CERT_FILE, &keys::TLS_KEY_FILE);
        match (&tls.cert_file, &tls.key_file) {
            (Some(_), None) => self.contradiction(cert, key, "needs export.tls.key_file".into()),
            (None, Some(_)) => self.contradiction(key, cert, "needs export.tls.cert_file".into()),
            (Some(_), Some(_)) | (None, None) => {}
        }
        tls
    }

    /// The value of `key` in force.
    fn get<R: Rule>(&mut self, key: &'static Key<R>) -> R::Value {
        let set = self.set(key);
        let (value, origin) = match set {
            None => (key.default.clone(), Origin::Default),
            Some((written, origin)) => match key.rule.parse(&written) {
                Ok(value) => (value, origin),
                Err(faults) => {
                    self.refused.push(key.name);
                    for fault in faults {
                        self.refuse(key, fault.entry.as_deref(), &fault.message);
                    }
                    (key.default.clone(), Origin::Default)
                }
            },
        };
        let yaml = key.rule.write(&value);
        let entries = self.settings.entries(key.name).into_iter().flatten();
        let entry_origins = entries.map(|(_, setting)| setting.origin).collect();
        self.rows.push(Row {
            key,
            value: yaml,
            origin,
            entry_origins,
        });
        value
    }

    /// What was written. A scalar in the place of a mapping wins, so that it is refused.
    fn set<R: Rule>(&self, key: &Key<R>) -> Option<(Written, Origin)> {
        if let Some(setting) = self.settings.value(key.name) {
            return Some((setting.written.clone(), setting.origin));
        }
        let entries = self.settings.entries(key.name)?;
        let written = entries
            .iter()
            .map(|(name, setting)| (name.clone(), setting.written.clone()));
        Some((Written::Map(written.collect()), Origin::File))
    }

    fn refuse<R: Rule>(&mut self, key: &Key<R>, entry: Option<&str>, message: &str) {
        let (name, origin) = match entry {
            Some(entry) => {
                let setting = self
                    .settings
                    .entries(key.name)
                    .and_then(|all| all.get(entry));
                (
                    format!("{}.{entry}", key.name),
                    setting.map(|setting| setting.origin),
                )
            }
            None => (
                key.name.to_owned(),
                self.settings.value(key.name).map(|setting| setting.origin),
            ),
        };
        let message = match origin {
            None | Some(Origin::Default | Origin::File) => message.to_owned(),
            Some(Origin::Environment(source) | Origin::CommandLine(source)) => {
                format!("{message} [{source}]")
            }
        };
        self.problems.push(Problem::new(name, message));
    }

    /// A problem of `key` with `other`, if both are what somebody meant.
    fn contradiction(&mut self, key: &dyn Described, other: &dyn Described, message: String) {
        let is_refused = |key: &dyn Described| self.refused.contains(&key.name());
        if !is_refused(key) && !is_refused(other) {
            self.problems.push(Problem::new(key.name(), message));
        }
    }
}
