//! One event as an OTLP log record.

use kintrace_semconv::attribute as name;

use super::attributes::Attributes;
use super::wire::{self, Entry};
use crate::clock::UnixNanos;
use crate::identity::{SpanId, TraceId};

/// Severity of OTLP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// 9.
    Info,
    /// 13.
    Warn,
}

/// What a log record has besides attributes.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Name of the event, from `kintrace_semconv::event`.
    pub event_name: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// When it happened.
    pub time: UnixNanos,
    /// When the agent read it.
    pub observed: UnixNanos,
    /// A readable line.
    pub body: &'a str,
    /// The span of the image that it is about.
    pub span: Option<(TraceId, SpanId)>,
}

/// Writes log records. Keeps its buffers between records.
#[derive(Debug, Default)]
pub struct LogWriter {
    entry: Entry,
    own: Attributes,
}

impl LogWriter {
    /// One entry of `ScopeLogs.log_records`: head, then blocks of attributes as they are, then those that
    /// `more` adds.
    pub fn record(
        &mut self,
        head: &Head<'_>,
        blocks: &[&[u8]],
        more: impl FnOnce(&mut Attributes),
    ) -> &[u8] {
        self.own.clear();
        self.own.string(name::OTEL_EVENT_NAME, head.event_name);
        more(&mut self.own);
        let out = self.entry.start();
        let (number, text) = match head.severity {
            Severity::Info => (9, "INFO"),
            Severity::Warn => (13, "WARN"),
        };
        wire::fixed64(out, 1, head.time.0);
        wire::uint(out, 2, number);
        wire::bytes(out, 3, text.as_bytes());
        wire::delimited(out, 5, wire::delimited_len(head.body.len()));
        wire::bytes(out, 1, head.body.as_bytes());
        for block in blocks {
            out.extend_from_slice(block);
        }
        out.extend_from_slice(self.own.as_bytes());
        if let Some((trace, span)) = head.span {
            wire::fixed32(out, 8, 1);
            wire::bytes(out, 9, &trace.0);
            wire::bytes(out, 10, &span.0);
        }
        wire::fixed64(out, 11, head.observed.0);
        wire::bytes(out, 12, head.event_name.as_bytes());
        self.entry.finish()
    }
}
