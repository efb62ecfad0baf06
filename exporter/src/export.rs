//! Delivers batches to an OTLP receiver: at least once while it can, and every record counted.
//!
//! ```text
//! Outbox --try_send--> queue --take--> worker 1..n: request -> transport -> outcome -> counters
//!                      (bytes)                      ^------ wait, split ------'
//! ```
//!
//! Only this module knows gRPC and HTTP. It does not know what a record says: records are bytes
//! between boundaries, and a refused request is halved without decoding one. "Exported" means that
//! the next hop said yes; what that hop does with it is not known here.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::outbox::{Inbox, Outbox, outbox};
use crate::telemetry::{DropReason, Telemetry};

mod delivery;
pub mod grpc;
mod health;
pub mod http;
pub mod outcome;
pub mod request;
pub mod retry;
pub mod settings;
mod tls;
pub mod transport;

use delivery::{Delivery, Stop};
use request::Scope;
use settings::ExportConfig;
use transport::{Client, SetupError, Transport};

/// The workers. They stop with [`Exporter::shutdown`]; dropping an exporter aborts them, uncounted.
#[derive(Debug)]
pub struct Exporter {
    outbox: Outbox,
    inbox: Inbox,
    deadline: watch::Sender<Option<Instant>>,
    workers: JoinSet<()>,
}

// === impl Exporter ===

impl Exporter {
    /// Starts the workers. Connects with the first request, so a receiver may come later.
    ///
    /// Must be called within a tokio runtime that has time and I/O.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the configuration cannot work whatever the receiver does.
    pub fn start(
        config: &ExportConfig,
        scope: Scope,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, SetupError> {
        Ok(Self::with_transport(
            Client::new(config)?,
            config,
            scope,
            telemetry,
        ))
    }

    /// As [`Exporter::start`], with a transport of the caller.
    pub fn with_transport(
        transport: impl Transport,
        config: &ExportConfig,
        scope: Scope,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let (outbox, inbox) = outbox(config.queue_bytes, telemetry);
        let (deadline, stop) = watch::channel(None);
        let retry = config.retry;
        let delivery = Arc::new(Delivery {
            transport,
            scope,
            retry,
            health: Default::default(),
        });
        let mut workers = JoinSet::new();
        for _ in 0..config.concurrency.max(1) {
            workers.spawn(work(
                inbox.clone(),
                Arc::clone(&delivery),
                Stop(stop.clone()),
            ));
        }
        Self {
            outbox,
            inbox,
            deadline,
            workers,
        }
    }

    /// Where producers put their batches.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Accepts no more, sends what is queued, and returns when all is counted: at the deadline, or
    /// before. An attempt that runs at the deadline is cut off; one that would start after it is not
    /// waited for. What could not be sent is counted as dropped for `shutdown`.
    pub async fn shutdown(mut self, deadline: Instant) {
        self.inbox.close();
        self.deadline.send_replace(Some(deadline));
        while let Some(ended) = self.workers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "export worker failed");
            }
        }
        self.inbox.drop_rest(DropReason::Shutdown);
    }
}

async fn work<T: Transport>(inbox: Inbox, delivery: Arc<Delivery<T>>, mut stop: Stop) {
    while let Some(batch) = inbox.take().await {
        let bytes = batch.bytes();
        delivery.deliver(batch, inbox.telemetry(), &mut stop).await;
        inbox.settle(bytes);
    }
}
