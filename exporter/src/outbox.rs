//! The queue in front of the way out, bounded in bytes.
//!
//! This is THE place under which a spool on disk comes: producers know [`Outbox::try_send`] alone, and
//! whoever delivers knows `Inbox::take` and `Inbox::settle` alone. With a spool, `try_send` appends
//! to it, `take` reads at its cursor and `settle` moves that cursor; nothing else has to change.
//!
//! The producer never waits. A batch that does not fit is dropped and counted at once. A batch holds
//! its bytes until it is settled, so what is being sent is within the bound too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::batch::Batch;
use crate::telemetry::{DropReason, Telemetry};

/// The producers' end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox(Arc<Shared>);

/// The deliverers' end. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// One permit for each batch that waits; closed with the queue.
    waiting: Semaphore,
    limit: usize,
    telemetry: Arc<Telemetry>,
}

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<Batch>,
    /// Of the batches that wait and of those that are not settled.
    bytes: usize,
    is_closed: bool,
}

/// Both ends of a queue that holds at most `limit` encoded bytes.
pub(crate) fn outbox(limit: usize, telemetry: Arc<Telemetry>) -> (Outbox, Inbox) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        waiting: Semaphore::new(0),
        limit,
        telemetry,
    });
    (Outbox(Arc::clone(&shared)), Inbox(shared))
}

// === impl Outbox ===

impl Outbox {
    /// Hands a batch to the way out, without waiting.
    ///
    /// Its records are counted as created, and from then on end in one counter each, whatever
    /// happens: `queue_full` if it does not fit, `shutdown` if the way out has closed.
    pub fn try_send(&self, batch: Batch) {
        let Shared {
            waiting,
            limit,
            telemetry,
            ..
        } = &*self.0;
        let records = telemetry.records(batch.signal);
        let count = batch.records();
        records.created.add(count);
        let mut queue = self.0.lock();
        let bytes = queue.bytes.saturating_add(batch.bytes());
        if queue.is_closed {
            records.dropped(DropReason::Shutdown).add(count);
        } else if bytes > *limit {
            records.dropped(DropReason::QueueFull).add(count);
        } else {
            queue.bytes = bytes;
            queue.batches.push_back(batch);
            waiting.add_permits(1);
        }
    }

    /// Encoded bytes that wait or are being sent.
    pub fn bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Most encoded bytes it can hold.
    pub fn limit(&self) -> usize {
        self.0.limit
    }
}

// === impl Inbox ===

impl Inbox {
    /// Waits for the next batch. `None`: closed and empty. Cancelling it loses nothing.
    pub(crate) async fn take(&self) -> Option<Batch> {
        loop {
            let is_open = match self.0.waiting.acquire().await {
                Ok(permit) => {
                    permit.forget();
                    true
                }
                Err(_closed) => false,
            };
            // Without permits, after closing, there is one or it is the end.
            let batch = self.0.lock().batches.pop_front();
            if batch.is_some() || !is_open {
                return batch;
            }
        }
    }

    /// The next batch, if one waits.
    pub(crate) fn try_take(&self) -> Option<Batch> {
        let mut queue = self.0.lock();
        let batch = queue.batches.pop_front()?;
        if let Ok(permit) = self.0.waiting.try_acquire() {
            permit.forget();
        }
        Some(batch)
    }

    /// Gives back the bytes of a batch whose records have all been counted.
    pub(crate) fn settle(&self, bytes: usize) {
        let mut queue = self.0.lock();
        queue.bytes = queue.bytes.saturating_sub(bytes);
    }

    /// Accepts no more. What waits can still be taken.
    pub(crate) fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.waiting.close();
    }

    /// Drops what waits, counted under `reason`.
    pub(crate) fn drop_rest(&self, reason: DropReason) {
        while let Some(batch) = self.try_take() {
            self.0
                .telemetry
                .records(batch.signal)
                .dropped(reason)
                .add(batch.records());
            self.settle(batch.bytes());
        }
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, and a count that is off by one batch beats a dead agent.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Group;
    use crate::telemetry::Signal;

    fn batch(records: u64) -> Batch {
        let group = Group {
            resource: Arc::new([0; 4]),
            entries: vec![0; 80],
            records,
        };
        Batch {
            signal: Signal::Logs,
            groups: vec![group],
        }
    }

    fn new(limit: usize) -> (Outbox, Inbox, Arc<Telemetry>) {
        let telemetry = Arc::new(Telemetry::default());
        let (outbox, inbox) = outbox(limit, Arc::clone(&telemetry));
        (outbox, inbox, telemetry)
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_counts_until_bytes_are_settled() {
        let (outbox, inbox, telemetry) = new(250);
        for _ in 0..3 {
            outbox.try_send(batch(5));
        }
        assert_eq!(telemetry.logs.created.get(), 15);
        assert_eq!(telemetry.logs.dropped(DropReason::QueueFull).get(), 5);

        let taken = inbox.take().await.unwrap();
        outbox.try_send(batch(5));
        assert_eq!(telemetry.logs.dropped(DropReason::QueueFull).get(), 10);

        inbox.settle(taken.bytes());
        outbox.try_send(batch(5));
        assert_eq!(telemetry.logs.dropped(DropReason::QueueFull).get(), 10);
        assert_eq!(outbox.bytes(), 200);
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_it_has_and_takes_no_more() {
        let (outbox, inbox, telemetry) = new(1000);
        outbox.try_send(batch(1));
        outbox.try_send(batch(2));
        inbox.close();
        outbox.try_send(batch(4));
        assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 4);
        let first = inbox.take().await.unwrap();
        assert_eq!(first.records(), 1);
        inbox.settle(first.bytes());
        inbox.drop_rest(DropReason::Shutdown);
        assert!(inbox.take().await.is_none());
        assert_eq!(telemetry.logs.dropped(DropReason::Shutdown).get(), 6);
        assert_eq!(outbox.bytes(), 0);
    }

    #[tokio::test]
    async fn one_waiting_taker_wakes_for_one_batch_and_all_for_the_end() {
        let (outbox, inbox, _telemetry) = new(1000);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let inbox = inbox.clone();
                tokio::spawn(async move { inbox.take().await.map_or(0, |batch| batch.records()) })
            })
            .collect();
        outbox.try_send(batch(7));
        inbox.close();
        let mut total = 0;
        for taker in takers {
            total += taker.await.unwrap();
        }
        assert_eq!(total, 7);
    }
}
