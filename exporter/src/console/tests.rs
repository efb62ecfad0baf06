use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::*;
use crate::batch::Group;

const GRACE: Duration = Duration::from_secs(20);

/// Hands on what is written, and fails or hangs after so many bytes.
struct Pipe {
    sender: SyncSender<Vec<u8>>,
    left: usize,
    /// Waits for the other end to go away instead of failing.
    hang: Option<Receiver<()>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            if let Some(hang) = &self.hang {
                hang.recv().unwrap_err();
            }
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        self.sender.send(bytes[..taken].to_vec()).unwrap();
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn batch(signal: Signal, events: &[&str]) -> Batch {
    let mut entries = Vec::new();
    for event in events {
        let record = LogRecord {
            event_name: (*event).into(),
            ..LogRecord::default()
        };
        entries.push(0x12);
        record.encode_length_delimited(&mut entries).unwrap();
    }
    let records = events.len() as u64;
    let group = Group {
        resource: Arc::new([]),
        entries,
        records,
    };
    Batch {
        signal,
        groups: vec![group],
    }
}

struct Run {
    console: Console,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
    written: Receiver<Vec<u8>>,
}

fn start(left: usize, hang: Option<Receiver<()>>, format: Format) -> Run {
    let telemetry = Arc::new(Telemetry::default());
    let stop = CancellationToken::new();
    let (sender, written) = sync_channel(100);
    let pipe = Pipe { sender, left, hang };
    let console =
        Console::start(pipe, format, 10_000, Arc::clone(&telemetry), stop.clone()).unwrap();
    Run {
        console,
        telemetry,
        stop,
        written,
    }
}

#[tokio::test]
async fn every_record_is_a_line_and_is_counted() {
    let run = start(usize::MAX, None, Format::Text(Color::Never));
    run.console
        .outbox()
        .try_send(batch(Signal::Logs, &["a", "b"]));
    run.console.outbox().try_send(batch(Signal::Logs, &["c"]));
    run.console
        .outbox()
        .try_send(batch(Signal::Traces, &["span"]));
    run.console.shutdown(Instant::now() + GRACE).await;
    let text: Vec<u8> = run.written.iter().flatten().collect();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "00:00:00.000 a\n00:00:00.000 b\n00:00:00.000 c\n"
    );
    assert_eq!(
        (
            run.telemetry.logs.exported.get(),
            run.telemetry.logs.in_flight()
        ),
        (3, 0)
    );
    assert_eq!(
        run.telemetry
            .traces
            .dropped(DropReason::PermanentError)
            .get(),
        1
    );
    assert!(!run.stop.is_cancelled());
}

#[tokio::test]
async fn json_is_one_object_a_line() {
    let run = start(usize::MAX, None, Format::Json);
    run.console
        .outbox()
        .try_send(batch(Signal::Logs, &["a\nb", "c"]));
    run.console.shutdown(Instant::now() + GRACE).await;
    let text = String::from_utf8(run.written.iter().flatten().collect()).unwrap();
    let names: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<LogRecord>(line).unwrap().event_name)
        .collect();
    assert_eq!(names, ["a\nb", "c"]);
}

#[tokio::test]
async fn a_closed_pipe_stops_the_agent_and_counts_the_rest() {
    // One line of 15 bytes, and a part of the next.
    let run = start(20, None, Format::Text(Color::Never));
    run.console
        .outbox()
        .try_send(batch(Signal::Logs, &["a", "b", "c"]));
    run.stop.cancelled().await;
    run.console.outbox().try_send(batch(Signal::Logs, &["d"]));
    run.console.shutdown(Instant::now() + GRACE).await;
    let logs = &run.telemetry.logs;
    assert_eq!(logs.exported.get(), 1);
    assert_eq!(logs.dropped(DropReason::ConsoleClosed).get(), 3);
    assert_eq!(logs.in_flight(), 0);
}

#[tokio::test]
async fn a_record_that_is_none_is_counted() {
    let run = start(usize::MAX, None, Format::Json);
    let mut broken = batch(Signal::Logs, &["a", "b"]);
    // The last string now claims to be longer than its record.
    let length = broken.groups[0].entries.len() - 2;
    broken.groups[0].entries[length] = 0x7f;
    run.console.outbox().try_send(broken);
    run.console.shutdown(Instant::now() + GRACE).await;
    let logs = &run.telemetry.logs;
    assert_eq!(logs.exported.get(), 1);
    assert_eq!(logs.dropped(DropReason::PermanentError).get(), 1);
    assert_eq!(logs.in_flight(), 0);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_reader_that_hangs() {
    let (release, hang) = sync_channel::<()>(0);
    let run = start(20, Some(hang), Format::Text(Color::Never));
    let outbox = run.console.outbox();
    for _ in 0..3 {
        outbox.try_send(batch(Signal::Logs, &["a", "b"]));
    }
    // The first bytes are out: the thread is about to hang.
    assert_eq!(run.written.recv().unwrap().len(), 20);
    run.console.shutdown(Instant::now()).await;
    let logs = &run.telemetry.logs;
    assert_eq!(
        (logs.dropped(DropReason::Shutdown).get(), logs.in_flight()),
        (6, 0)
    );
    // When it comes back, its batch is not counted a second time.
    drop(release);
    run.stop.cancelled().await;
    assert_eq!(
        logs.exported.get() + logs.dropped(DropReason::ConsoleClosed).get(),
        0
    );
}
