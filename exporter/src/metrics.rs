//! `/metrics` and `/healthz`: the counters of [`crate::telemetry`], rendered when somebody asks.
//!
//! The recorder holds no count of its own: each request sets it to what the counters say.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kintrace_semconv::attribute as name;
use kintrace_semconv::metric::{self, Metric};
use metrics::{Key, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::net::TcpListener;

use crate::decode::DecodeError;
use crate::telemetry::{DropReason, Filtered, Signal, Telemetry};

/// Longest a peer may take for its request line and headers.
const HEADER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The rendered counters.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    telemetry: Arc<Telemetry>,
}

// === impl Metrics ===

impl Metrics {
    /// Describes all instruments.
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in metric::ALL {
            let (name, text) = (
                SharedString::const_str(recorded_name(metric)),
                metric.description.into(),
            );
            let unit: Option<Unit> = None;
            if metric.is_counter {
                recorder.describe_counter(name.into(), unit, text);
            } else {
                recorder.describe_gauge(name.into(), unit, text);
            }
        }
        let handle = recorder.handle();
        Self {
            recorder,
            handle,
            telemetry,
        }
    }

    /// The text format of Prometheus.
    pub fn render(&self) -> String {
        let telemetry = &*self.telemetry;
        let kernel = telemetry.kernel();
        self.set(&metric::EVENTS_SEEN, kernel.seen, &[]);
        for (kind, reason, count) in &kernel.lost {
            let labels = [
                (name::KINTRACE_EVENT_KIND, *kind),
                (name::ERROR_TYPE, *reason),
            ];
            self.set(&metric::EVENTS_LOST, *count, &labels);
        }
        self.set(&metric::RING_SIZE, telemetry.ring_size.get(), &[]);
        self.set(&metric::EVENTS_DECODED, telemetry.decoded.get(), &[]);
        for (reason, counter) in DecodeError::REASONS.iter().zip(&telemetry.undecodable) {
            self.set(
                &metric::EVENTS_UNDECODABLE,
                counter.get(),
                &[(name::ERROR_TYPE, reason)],
            );
        }
        for reason in Filtered::ALL {
            let count = telemetry.filtered(reason).get();
            self.set(
                &metric::EVENTS_FILTERED,
                count,
                &[(name::ERROR_TYPE, reason.name())],
            );
        }
        self.set(&metric::EVENTS_BALANCE, telemetry.events_balance(), &[]);
        for signal in Signal::ALL {
            self.records(signal);
        }
        self.set(&metric::TABLE_IMAGES, telemetry.table_images.get(), &[]);
        self.set(
            &metric::TABLE_PROCESSES,
            telemetry.table_processes.get(),
            &[],
        );
        self.set(
            &metric::TABLE_FORGOTTEN,
            telemetry.table_forgotten.get(),
            &[],
        );
        self.set(
            &metric::TABLE_LOST_EXITS,
            telemetry.table_lost_exits.get(),
            &[],
        );
        self.set(&metric::TABLE_HEALED, telemetry.table_healed.get(), &[]);
        self.handle.render()
    }

    fn records(&self, signal: Signal) {
        let records = self.telemetry.records(signal);
        let of = (name::KINTRACE_SIGNAL, signal.name());
        // In flight is read first: it is then at most too large, never negative.
        self.set(&metric::RECORDS_IN_FLIGHT, records.in_flight(), &[of]);
        self.set(&metric::RECORDS_CREATED, records.created.get(), &[of]);
        self.set(&metric::RECORDS_EXPORTED, records.exported.get(), &[of]);
        self.set(&metric::RECORDS_REJECTED, records.rejected.get(), &[of]);
        self.set(&metric::EXPORT_RETRIES, records.retries.get(), &[of]);
        for reason in DropReason::ALL {
            let count = records.dropped(reason).get();
            self.set(
                &metric::RECORDS_DROPPED,
                count,
                &[of, (name::ERROR_TYPE, reason.name())],
            );
        }
    }

    fn set(&self, metric: &'static Metric, value: u64, labels: &[(&'static str, &'static str)]) {
        let labels: Vec<Label> = labels
            .iter()
            .map(|(key, value)| Label::new(key.replace('.', "_"), *value))
            .collect();
        let key = Key::from_parts(recorded_name(metric), labels);
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        if metric.is_counter {
            self.recorder
                .register_counter(&key, &metadata)
                .absolute(value);
        } else {
            #[expect(
                clippy::cast_precision_loss,
                reason = "gauges are doubles in the text format"
            )]
            self.recorder
                .register_gauge(&key, &metadata)
                .set(value as f64);
        }
    }
}

/// The recorder appends `_total` to counters that lack it, and nothing to gauges.
const fn recorded_name(metric: &Metric) -> &'static str {
    metric.prometheus
}

/// Serves until the task is dropped.
///
/// # Errors
///
/// If the address cannot be listened on.
pub async fn serve(
    address: SocketAddr,
    metrics: Metrics,
) -> io::Result<(SocketAddr, impl Future<Output = ()>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let metrics = Arc::new(metrics);
    Ok((address, accept(listener, metrics)))
}

async fn accept(listener: TcpListener, metrics: Arc<Metrics>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or a peer that is gone already: neither is worth an end.
                tracing::debug!(%error, "metrics connection not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &metrics);
                async { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = connection {
                tracing::debug!(%error, "metrics connection ended early");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, text) = match request.uri().path() {
        "/metrics" => (StatusCode::OK, metrics.render()),
        "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
        _ => (
            StatusCode::NOT_FOUND,
            "see /metrics and /healthz\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instrument_is_rendered_under_its_name() {
        let telemetry = Arc::new(Telemetry::default());
        telemetry.logs.created.add(3);
        telemetry.logs.exported.add(1);
        telemetry.set_kernel(crate::telemetry::Kernel {
            seen: 5,
            lost: vec![("exec", "ring_full", 2)],
        });
        let text = Metrics::new(telemetry).render();
        for metric in metric::ALL {
            let line = format!("\n{}", metric.prometheus);
            assert!(
                text.contains(&line),
                "{} is not in\n{text}",
                metric.prometheus
            );
            let kind = if metric.is_counter {
                "counter"
            } else {
                "gauge"
            };
            assert!(
                text.contains(&format!("# TYPE {} {kind}\n", metric.prometheus)),
                "{text}"
            );
        }
        for line in [
            "kintrace_record_in_flight{kintrace_signal=\"logs\"} 2",
            "kintrace_kernel_event_lost_total{kintrace_event_kind=\"exec\",error_type=\"ring_full\"} 2",
            "kintrace_event_balance 3",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
