//! Brings one batch to its end: sends, waits, sends again, splits, and counts every record once.

use std::future::pending;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::health::Health;
use super::outcome::{Accepted, Verdict};
use super::request::{MAX_REQUEST_BYTES, Scope, encode};
use super::retry::{backoff, long_backoff};
use super::settings::RetryConfig;
use super::transport::Transport;
use crate::batch::Batch;
use crate::telemetry::{DropReason, Signal, Telemetry};

/// Refusals in a row before the rest of a batch is given up. One bad record among thousands is found
/// with fewer than fifteen; a receiver that refuses everything must not get two requests a record.
const MAX_REFUSALS: u32 = 64;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Delivery<T> {
    pub(crate) transport: T,
    pub(crate) scope: Scope,
    pub(crate) retry: RetryConfig,
    pub(crate) health: Health,
}

/// By when everything has to end; not known until the agent stops.
#[derive(Clone, Debug)]
pub(crate) struct Stop(pub(crate) watch::Receiver<Option<Instant>>);

/// A batch or a part of one.
struct Part {
    batch: Batch,
    /// Whether its records have been sent before.
    is_again: bool,
}

/// How the sending of one request ended.
enum End {
    Accepted(Accepted),
    Refused,
    Dropped(DropReason),
}

// === impl Delivery ===

impl<T: Transport> Delivery<T> {
    /// Returns when each record of the batch is counted as exported, rejected or dropped.
    ///
    /// The records stay here, outside of every future that can be cancelled.
    pub(crate) async fn deliver(&self, batch: Batch, telemetry: &Telemetry, stop: &mut Stop) {
        let records = telemetry.records(batch.signal);
        let mut refusals = 0;
        let mut parts = vec![Part {
            batch,
            is_again: false,
        }];
        while let Some(part) = parts.pop() {
            let count = part.batch.records();
            let request = encode(&part.batch, &self.scope);
            if request.len() > MAX_REQUEST_BYTES && count > 1 {
                split(part, &mut parts, |undivided| {
                    records.rejected.add(undivided)
                });
                continue;
            }
            match self.send(&part, request, telemetry, stop).await {
                End::Accepted(Accepted { rejected, .. }) => {
                    refusals = 0;
                    let rejected = rejected.min(count);
                    records.rejected.add(rejected);
                    records.exported.add(count - rejected);
                }
                End::Refused => {
                    refusals += 1;
                    if refusals < MAX_REFUSALS {
                        let part = Part {
                            is_again: true,
                            ..part
                        };
                        split(part, &mut parts, |undivided| {
                            records.rejected.add(undivided)
                        });
                    } else {
                        parts.push(part);
                        drop_all(&mut parts, telemetry, DropReason::PermanentError);
                    }
                }
                End::Dropped(DropReason::PermanentError) => {
                    records.dropped(DropReason::PermanentError).add(count);
                }
                // The receiver is away or the time is over: for the other parts too.
                End::Dropped(reason) => {
                    parts.push(part);
                    drop_all(&mut parts, telemetry, reason);
                }
            }
        }
    }

    /// Sends one request until the receiver has decided or the time is over.
    async fn send(
        &self,
        part: &Part,
        request: Bytes,
        telemetry: &Telemetry,
        stop: &mut Stop,
    ) -> End {
        let signal = part.batch.signal;
        let started = Instant::now();
        let mut is_again = part.is_again;
        for attempt in 0.. {
            if stop.has_passed() {
                break;
            }
            if is_again {
                telemetry.records(signal).retries.add(1);
            }
            is_again = true;
            let Some(verdict) = self.attempt(signal, &request, stop).await else {
                break;
            };
            let delay = match verdict {
                Ok(accepted) => return End::Accepted(accepted),
                Err(Verdict::Refused) => return End::Refused,
                Err(Verdict::Permanent) => return End::Dropped(DropReason::PermanentError),
                Err(Verdict::Retry(hint)) => backoff(&self.retry, attempt, hint, fastrand::f64()),
                Err(Verdict::Misconfigured) => long_backoff(&self.retry, fastrand::f64()),
            };
            let next = Instant::now() + delay;
            if self
                .retry
                .max_elapsed
                .is_some_and(|max| next > started + max)
            {
                return End::Dropped(DropReason::RetryExhausted);
            }
            tokio::select! {
                biased;
                () = stop.comes_before(next) => break,
                () = sleep_until(next) => {}
            }
        }
        End::Dropped(DropReason::Shutdown)
    }

    /// One attempt; `None` if the time was over before the answer came.
    async fn attempt(
        &self,
        signal: Signal,
        request: &Bytes,
        stop: &mut Stop,
    ) -> Option<Result<Accepted, Verdict>> {
        let outcome = tokio::select! {
            biased;
            outcome = self.transport.send(signal, request.clone()) => outcome,
            () = stop.passes() => return None,
        };
        self.health.note(signal, &outcome);
        Some(outcome.map_err(|error| error.verdict))
    }
}

/// Puts the halves of a part where the next is taken from, first half on top. One that cannot be
/// divided is handed to `undivided`, as its number of records.
fn split(part: Part, parts: &mut Vec<Part>, undivided: impl FnOnce(u64)) {
    let Part { batch, is_again } = part;
    match batch.split() {
        (first, Some(second)) => {
            parts.push(Part {
                batch: second,
                is_again,
            });
            parts.push(Part {
                batch: first,
                is_again,
            });
        }
        (whole, None) => undivided(whole.records()),
    }
}

fn drop_all(parts: &mut Vec<Part>, telemetry: &Telemetry, reason: DropReason) {
    for Part { batch, .. } in parts.drain(..) {
        telemetry
            .records(batch.signal)
            .dropped(reason)
            .add(batch.records());
    }
}

// === impl Stop ===

impl Stop {
    fn has_passed(&self) -> bool {
        self.0
            .borrow()
            .is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Waits until the deadline is known and over.
    async fn passes(&mut self) {
        let deadline = self.known(|_| true).await;
        sleep_until(deadline).await;
    }

    /// Waits until a deadline is known that leaves no time for something at `next`.
    async fn comes_before(&mut self, next: Instant) {
        self.known(|deadline| deadline <= next).await;
    }

    async fn known(&mut self, is_wanted: impl Fn(Instant) -> bool) -> Instant {
        let known = self
            .0
            .wait_for(|deadline| deadline.is_some_and(&is_wanted))
            .await;
        match known.map(|deadline| *deadline) {
            Ok(Some(deadline)) => deadline,
            // Without the exporter there is nobody to stop; its tasks are being aborted.
            Ok(None) | Err(_) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
