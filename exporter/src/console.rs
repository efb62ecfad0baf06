//! The other way out, where no receiver is configured: log records as lines.
//!
//! A thread of its own writes, so that a slow terminal blocks nobody: it sits behind the same queue,
//! bounded in bytes, as the exporter. Spans have no line; a batch of them is counted as dropped.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::outbox::{Inbox, Outbox, outbox};
use crate::telemetry::{DropReason, Records, Signal, Telemetry};

mod escape;
mod json;
mod text;

/// What a line looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// For people.
    Text(Color),
    /// For programs: the OTLP/JSON form of a log record.
    Json,
}

/// Whether lines for people have colours. A terminal wants them, unless `NO_COLOR` is set: the caller
/// knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Color {
    /// ANSI colours.
    Always,
    /// Plain.
    Never,
}

/// The writing thread. It stops with [`Console::shutdown`].
#[derive(Debug)]
pub struct Console {
    outbox: Outbox,
    inbox: Inbox,
    in_hand: InHand,
    /// Ends when the thread does.
    ended: oneshot::Receiver<()>,
}

/// How many records the thread works at. Whoever takes the number counts them: the thread when it has
/// written, or a shutdown that cannot wait for a write that hangs.
#[derive(Clone, Debug, Default)]
struct InHand(Arc<AtomicU64>);

/// The thread's side.
struct Writing<W> {
    writer: W,
    format: Format,
    inbox: Inbox,
    in_hand: InHand,
    stop: CancellationToken,
    is_closed: bool,
}

/// Lines of one batch.
#[derive(Default)]
struct Lines {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

// === impl Console ===

impl Console {
    /// Starts the thread. It writes to `writer` a batch at a time and flushes after each.
    ///
    /// If the writer fails (a closed pipe, a full disk), `stop` is cancelled: nobody reads any more.
    /// What comes after is counted as dropped for `console_closed`.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn start(
        writer: impl Write + Send + 'static,
        format: Format,
        queue_bytes: usize,
        telemetry: Arc<Telemetry>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let (outbox, inbox) = outbox(queue_bytes, telemetry);
        let in_hand = InHand::default();
        let writing = Writing {
            writer,
            format,
            inbox: inbox.clone(),
            in_hand: in_hand.clone(),
            stop,
            is_closed: false,
        };
        // No drivers: it only waits for the queue.
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let (running, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("console".into())
            .spawn(move || {
                runtime.block_on(writing.run());
                drop(running);
            })?;
        Ok(Self {
            outbox,
            inbox,
            in_hand,
            ended,
        })
    }

    /// Where producers put their batches.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Accepts no more, writes what is queued, and returns when all is counted: at the deadline, or
    /// before. A write that hangs is left behind; its records and what waits are counted as dropped for
    /// `shutdown`.
    pub async fn shutdown(self, deadline: Instant) {
        self.inbox.close();
        // Whether the thread ended or the time is over, what is left is dropped.
        let _left = timeout_at(deadline, self.ended).await;
        self.inbox.drop_rest(DropReason::Shutdown);
        let hung = self.in_hand.take();
        self.inbox
            .telemetry()
            .logs
            .dropped(DropReason::Shutdown)
            .add(hung);
    }
}

// === impl InHand ===

impl InHand {
    fn put(&self, records: u64) {
        self.0.store(records, Relaxed);
    }

    /// The number, for whoever comes first; 0 for the other.
    fn take(&self) -> u64 {
        self.0.swap(0, Relaxed)
    }
}

// === impl Writing ===

impl<W: Write> Writing<W> {
    async fn run(mut self) {
        while let Some(batch) = self.inbox.take().await {
            self.end(&batch);
            self.inbox.settle(batch.bytes());
        }
    }

    /// Brings the records of one batch to their end.
    fn end(&mut self, batch: &Batch) {
        let inbox = self.inbox.clone();
        let records = inbox.telemetry().records(batch.signal);
        match batch.signal {
            Signal::Traces => {
                records
                    .dropped(DropReason::PermanentError)
                    .add(batch.records());
            }
            Signal::Logs if self.is_closed => {
                records
                    .dropped(DropReason::ConsoleClosed)
                    .add(batch.records());
            }
            Signal::Logs => self.write(batch, records),
        }
    }

    fn write(&mut self, batch: &Batch, records: &Records) {
        self.in_hand.put(batch.records());
        let lines = Lines::of(batch, self.format);
        let written = self.write_lines(&lines);
        if self.in_hand.take() == 0 {
            // A shutdown did not wait for this write, and has counted the batch.
            return;
        }
        let lines = lines.ends.len() as u64;
        records.exported.add(written);
        records
            .dropped(DropReason::ConsoleClosed)
            .add(lines - written);
        // A record that cannot be decoded was encoded wrongly: no other outlet would take it either.
        records
            .dropped(DropReason::PermanentError)
            .add(batch.records().saturating_sub(lines));
    }

    /// Returns how many lines went out whole. Once the writer fails, it is not asked again.
    fn write_lines(&mut self, lines: &Lines) -> u64 {
        let mut rest = lines.text.as_bytes();
        while !rest.is_empty() {
            match self.writer.write(rest) {
                Ok(0) => return self.close(lines, rest.len(), &io::ErrorKind::WriteZero.into()),
                Ok(bytes) => rest = rest.get(bytes..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.close(lines, rest.len(), &error),
            }
        }
        match self.writer.flush() {
            Ok(()) => lines.ends.len() as u64,
            // What a buffer could not pass on did not go out.
            Err(error) => self.close(lines, lines.text.len(), &error),
        }
    }

    fn close(&mut self, lines: &Lines, unwritten: usize, error: &io::Error) -> u64 {
        self.is_closed = true;
        // A closed pipe is how the reader says that it has seen enough.
        if error.kind() != io::ErrorKind::BrokenPipe {
            tracing::error!(%error, "console cannot be written to");
        }
        self.stop.cancel();
        let written = lines.text.len() - unwritten;
        lines.ends.partition_point(|end| *end <= written) as u64
    }
}

// === impl Lines ===

impl Lines {
    fn of(batch: &Batch, format: Format) -> Self {
        let mut lines = Self::default();
        for message in batch.groups.iter().flat_map(|group| group.messages()) {
            let Ok(record) = LogRecord::decode(message) else {
                continue;
            };
            let start = lines.text.len();
            let is_written = match format {
                Format::Text(color) => {
                    text::push_line(&mut lines.text, &record, color);
                    true
                }
                Format::Json => json::push_line(&mut lines.text, &record).is_ok(),
            };
            if is_written {
                lines.text.push('\n');
                lines.ends.push(lines.text.len());
            } else {
                lines.text.truncate(start);
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests;
