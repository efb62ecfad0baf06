//! The ways out, as the configuration asks: the console, one receiver, or one for each signal.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use kintrace_semconv::{SCHEMA_URL, SCOPE_NAME};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Color, Config, Destination, Output, ReadError, Target};
use crate::console::{self, Console};
use crate::export::Exporter;
use crate::export::request::Scope;
use crate::export::settings::{Endpoint, ExportConfig, Identity, RetryConfig, TlsConfig};
use crate::export::transport::SetupError;
use crate::outbox::Outbox;
use crate::telemetry::Telemetry;

/// Why a way out could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OutletError {
    /// A certificate cannot be read.
    #[error("a certificate for OTLP cannot be read")]
    Certificates(#[from] ReadError),
    /// The settings cannot work, whatever the receiver does.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// There is no thread for the console.
    #[error("the console cannot be started")]
    Console(#[source] io::Error),
}

/// What was opened. Records go in by the outboxes.
pub struct Outlets {
    /// For log records.
    pub logs: Outbox,
    /// For spans; `None`: nobody wants them.
    pub traces: Option<Outbox>,
    exporters: Vec<Exporter>,
    console: Option<Console>,
    shutdown_timeout: Duration,
}

// === impl Outlets ===

impl Outlets {
    /// Opens what `config` asks for. Must be called within a tokio runtime. `stop` is cancelled when
    /// nobody reads the console any more.
    ///
    /// # Errors
    ///
    /// As [`OutletError`] says. A receiver that is down is none: it may come later.
    pub fn open(
        config: &Config,
        telemetry: &Arc<Telemetry>,
        stop: CancellationToken,
    ) -> Result<Self, OutletError> {
        let mut outlets = Vec::new();
        let mut exporter = |logs: Option<&Target>, traces: Option<&Target>| {
            let settings = settings(&config.export, logs, traces)?;
            let exporter = Exporter::start(&settings, scope(), Arc::clone(telemetry))?;
            let outbox = exporter.outbox();
            outlets.push(exporter);
            Ok::<_, OutletError>(outbox)
        };
        let (mut console, mut logs, mut traces) = (None, None, None);
        let wants_traces = config.traces.enabled;
        match (&config.export.logs, &config.export.traces) {
            (Destination::Collector(a), Destination::Collector(b)) if a.protocol == b.protocol => {
                let outbox = exporter(Some(a), Some(b))?;
                traces = wants_traces.then(|| outbox.clone());
                logs = Some(outbox);
            }
            (to_logs, to_traces) => {
                if let Destination::Collector(target) = to_logs {
                    logs = Some(exporter(Some(target), None)?);
                }
                if let (Destination::Collector(target), true) = (to_traces, wants_traces) {
                    traces = Some(exporter(None, Some(target))?);
                }
            }
        }
        let logs = match logs {
            Some(outbox) => outbox,
            None => {
                let queue = config.export.queue_bytes.as_usize();
                let format = format(&config.console);
                let opened =
                    Console::start(io::stdout(), format, queue, Arc::clone(telemetry), stop)
                        .map_err(OutletError::Console)?;
                let outbox = opened.outbox();
                console = Some(opened);
                outbox
            }
        };
        Ok(Self {
            logs,
            traces,
            exporters: outlets,
            console,
            shutdown_timeout: config.export.shutdown_timeout,
        })
    }

    /// Sends what is queued and returns when every record is counted, at the configured time at the
    /// latest.
    pub async fn shutdown(self) {
        let deadline = Instant::now() + self.shutdown_timeout;
        if let Some(console) = self.console {
            console.shutdown(deadline).await;
        }
        for exporter in self.exporters {
            exporter.shutdown(deadline).await;
        }
    }
}

fn scope() -> Scope {
    Scope {
        name: SCOPE_NAME.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_url: SCHEMA_URL.to_owned(),
    }
}

fn format(console: &config::Console) -> console::Format {
    let is_colored = match console.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => io::stdout().is_terminal(),
    };
    match (console.output, is_colored) {
        (Output::Json, _) => console::Format::Json,
        (Output::Text, true) => console::Format::Text(console::Color::Always),
        (Output::Text, false) => console::Format::Text(console::Color::Never),
    }
}

/// The settings of an exporter of one or both signals, which then speak the same protocol.
fn settings(
    export: &config::Export,
    logs: Option<&Target>,
    traces: Option<&Target>,
) -> Result<ExportConfig, OutletError> {
    let certificates = export.tls.read()?;
    let uri = |target: Option<&Target>| target.map(|target| target.uri.to_string());
    let first = logs.or(traces);
    Ok(ExportConfig {
        endpoint: Endpoint {
            base: uri(first).unwrap_or_default(),
            logs: uri(logs),
            traces: uri(traces),
        },
        protocol: first.map_or(config::Protocol::Grpc, |target| target.protocol),
        compression: export.compression,
        headers: export
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect(),
        timeout: export.timeout,
        retry: RetryConfig {
            initial: export.retry.initial,
            max: export.retry.max,
            max_elapsed: export.retry.max_elapsed,
        },
        tls: TlsConfig {
            ca: certificates.ca,
            identity: certificates
                .identity
                .map(|(certificates, key)| Identity { certificates, key }),
            server_name: export.tls.server_name.clone(),
        },
        concurrency: export.concurrency,
        queue_bytes: export.queue_bytes.as_usize(),
    })
}
