//! Puts records together from blocks that are encoded already and what only this record has.

use std::fmt::Write as _;

use kintrace_semconv::{attribute as name, event as event_name};

use super::kin::Kin;
use super::known::Known;
use crate::clock::{Clock, UnixNanos};
use crate::event::{Event, Exec, Exit, ExitStatus, ImageId, KernelTime};
use crate::identity::{BootId, EntityId, SpanId, TraceId};
use crate::otlp::attributes::Attributes;
use crate::otlp::log::{self, LogWriter, Severity};
use crate::otlp::span::{self, SpanWriter};
use crate::otlp::{process, signals};

/// Writes all records, numbers the log records, and keeps buffers between them.
#[derive(Debug)]
pub(super) struct Writers {
    boot: BootId,
    epoch: String,
    sequence: u64,
    log: LogWriter,
    span: SpanWriter,
    text: String,
    /// Encoded identity of the image of the last record: an exit and its span come one after the other.
    identity: Attributes,
    identity_of: ImageId,
}

// === impl Writers ===

impl Writers {
    pub(super) fn new(boot: BootId, epoch: EntityId) -> Self {
        Self {
            boot,
            epoch: epoch.hex().as_str().to_owned(),
            sequence: 0,
            log: LogWriter::default(),
            span: SpanWriter::default(),
            text: String::new(),
            identity: Attributes::default(),
            identity_of: ImageId::default(),
        }
    }

    pub(super) fn exec(
        &mut self,
        known: &Known,
        kin: &Kin,
        exec: &Exec,
        event: &Event,
        clock: &Clock,
        observed: UnixNanos,
    ) -> &[u8] {
        self.encode_identity(known, clock);
        self.text.clear();
        let what = or_name(&known.program.path, &known.program.name);
        // Writing to a String cannot fail.
        let _written = write!(
            self.text,
            "exec {what} pid={}{}",
            exec.task.id.process.pid.0, kin.line
        );
        let head = log::Head {
            event_name: event_name::KINTRACE_PROCESS_EXEC,
            severity: Severity::Info,
            time: clock.wall(event.at),
            observed,
            body: &self.text,
            span: span_ids(known),
        };
        self.sequence += 1;
        let (boot, epoch, sequence) = (self.boot, &self.epoch, self.sequence);
        self.log
            .record(&head, &blocks(known, &self.identity, kin), |own| {
                own.uint(name::PROCESS_PARENT_PID, exec.task.parent.process.pid.0);
                own.uint(name::THREAD_ID, exec.tid.0);
                own.string(name::KINTRACE_PROCESS_COMM, exec.task.comm.as_str());
                process::completeness(own, known.program.flags.and(event.flags));
                number(own, known.entity(boot), "exec", epoch, sequence);
            })
    }

    pub(super) fn exit(
        &mut self,
        known: &Known,
        kin: &Kin,
        exit: &Exit,
        event: &Event,
        clock: &Clock,
        observed: UnixNanos,
    ) -> &[u8] {
        self.encode_identity(known, clock);
        self.text.clear();
        let what = or_name(&known.program.path, &known.program.name);
        let (pid, line) = (exit.id.process.pid.0, &kin.line);
        let (severity, _written) = match exit.status {
            ExitStatus::Code(code) => (
                Severity::Info,
                write!(self.text, "exit {what} pid={pid} code={code}{line}"),
            ),
            ExitStatus::Signal { number, .. } => {
                let signal = signals::name(number);
                (
                    Severity::Warn,
                    write!(self.text, "exit {what} pid={pid} signal={signal}{line}"),
                )
            }
        };
        let head = log::Head {
            event_name: event_name::KINTRACE_PROCESS_EXIT,
            severity,
            time: clock.wall(event.at),
            observed,
            body: &self.text,
            span: span_ids(known),
        };
        self.sequence += 1;
        let (boot, epoch, sequence) = (self.boot, &self.epoch, self.sequence);
        self.log
            .record(&head, &blocks(known, &self.identity, kin), |own| {
                own.uint(name::PROCESS_PARENT_PID, exit.parent.process.pid.0);
                process::end(own, exit, event.at, clock);
                process::completeness(own, known.program.flags.and(event.flags));
                number(own, known.entity(boot), "exit", epoch, sequence);
            })
    }

    /// The span of an image: `end` is the end of its process, or `None` if another image replaced it.
    pub(super) fn span(
        &mut self,
        known: &Known,
        kin: &Kin,
        end: Option<(&Exit, &Event)>,
        at: KernelTime,
        clock: &Clock,
    ) -> &[u8] {
        self.encode_identity(known, clock);
        self.text.clear();
        let status = end.map(|(exit, _)| exit.status);
        let _written = match status {
            None | Some(ExitStatus::Code(0)) => Ok(()),
            Some(ExitStatus::Code(code)) => write!(self.text, "{code}"),
            Some(ExitStatus::Signal { number, .. }) => {
                self.text.push_str(&signals::name(number));
                Ok(())
            }
        };
        let placed = known.program.span.as_ref();
        let head = span::Head {
            trace: placed.map(|placed| placed.trace).unwrap_or_default(),
            span: known.entity(self.boot).span_id(),
            parent: placed.and_then(|placed| placed.parent),
            name: &known.program.name,
            start: clock.wall(known.program.start),
            end: clock.wall(at),
            error: (!self.text.is_empty()).then_some(self.text.as_str()),
            links: placed.map_or(&[], |placed| &placed.links),
        };
        self.span
            .span(&head, &blocks(known, &self.identity, kin), |own| {
                if let Some((exit, event)) = end {
                    own.uint(name::PROCESS_PARENT_PID, exit.parent.process.pid.0);
                    process::end(own, exit, event.at, clock);
                    process::completeness(own, known.program.flags.and(event.flags));
                }
            })
    }

    fn encode_identity(&mut self, known: &Known, clock: &Clock) {
        // No process has pid 0, so the default id is that of none.
        if self.identity_of != known.id {
            process::identity(&mut self.identity, &known.identity(self.boot), clock);
            self.identity_of = known.id;
        }
    }

    /// Events that were lost: a record of its own, so that it stands where the others are looked for.
    pub(super) fn loss(&mut self, kind: &str, reason: &str, count: u64, now: UnixNanos) -> &[u8] {
        self.text.clear();
        let _written = write!(self.text, "lost {count} {kind} events: {reason}");
        let head = log::Head {
            event_name: event_name::KINTRACE_TELEMETRY_LOSS,
            severity: Severity::Warn,
            time: now,
            observed: now,
            body: &self.text,
            span: None,
        };
        self.sequence += 1;
        let (epoch, sequence) = (&self.epoch, self.sequence);
        self.log.record(&head, &[], |own| {
            own.string(name::KINTRACE_LOSS_KIND, kind);
            own.string(name::ERROR_TYPE, reason);
            own.uint(name::KINTRACE_LOSS_COUNT, count);
            own.string(name::LOG_RECORD_UID, &format!("{epoch}-loss-{sequence}"));
            own.string(name::KINTRACE_AGENT_EPOCH, epoch);
            own.uint(name::KINTRACE_RECORD_SEQUENCE, sequence);
        })
    }
}

/// All blocks of a process, in the order in which they stand on every record.
fn blocks<'a>(known: &'a Known, identity: &'a Attributes, kin: &'a Kin) -> [&'a [u8]; 4] {
    let program = &known.program;
    [
        &program.attributes,
        &program.standing.attributes,
        identity.as_bytes(),
        &kin.attributes,
    ]
}

/// The image that executed the program has the span; a forked child is part of it.
fn span_ids(known: &Known) -> Option<(TraceId, SpanId)> {
    known
        .program
        .span
        .as_ref()
        .map(|placed| (placed.trace, placed.span))
}

/// An image has one exec and one exit, so its id and the word name the record for ever.
fn number(own: &mut Attributes, entity: EntityId, word: &str, epoch: &str, sequence: u64) {
    let hex = entity.hex();
    let mut uid = String::with_capacity(40);
    uid.push_str(hex.as_str());
    uid.push('-');
    uid.push_str(word);
    own.string(name::LOG_RECORD_UID, &uid);
    own.string(name::KINTRACE_AGENT_EPOCH, epoch);
    own.uint(name::KINTRACE_RECORD_SEQUENCE, sequence);
}

fn or_name<'a>(path: &'a str, name: &'a str) -> &'a str {
    if path.is_empty() { name } else { path }
}
