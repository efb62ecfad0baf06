//! One executed image as an OTLP span.

use kintrace_semconv::attribute as name;

use super::attributes::{Attributes, copy_to_span};
use super::wire::{self, Entry};
use crate::clock::UnixNanos;
use crate::identity::{SpanId, TraceId};

/// `SPAN_KIND_INTERNAL`.
const KIND_INTERNAL: u64 = 1;
/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u64 = 2;
/// `trace_flags` sampled, and the two bits that say that a parent or link is not known to be remote.
const FLAGS_SAMPLED: u32 = 1;

/// Why a span points to another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkType {
    /// The trace was rotated: the last span of the old one.
    Continuation,
    /// The creator is in another trace.
    Parent,
    /// The image that the same process ran before.
    Previous,
    /// The trace that `TRACEPARENT` named.
    Traceparent,
}

impl LinkType {
    const fn name(self) -> &'static str {
        match self {
            Self::Continuation => "continuation",
            Self::Parent => "parent",
            Self::Previous => "previous",
            Self::Traceparent => "traceparent",
        }
    }
}

/// A pointer to another span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Why.
    pub kind: LinkType,
}

/// What a span has besides attributes.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub span: SpanId,
    /// The creator's span, if it is in the same trace.
    pub parent: Option<SpanId>,
    /// Name of the executable.
    pub name: &'a str,
    /// When the image began.
    pub start: UnixNanos,
    /// When it ended or was replaced.
    pub end: UnixNanos,
    /// What went wrong, if something did: the exit code or the signal.
    pub error: Option<&'a str>,
    /// Other spans.
    pub links: &'a [Link],
}

/// Writes spans. Keeps its buffers between them.
#[derive(Debug, Default)]
pub struct SpanWriter {
    entry: Entry,
    own: Attributes,
    link: Vec<u8>,
}

impl SpanWriter {
    /// One entry of `ScopeSpans.spans`: head, then blocks of attributes, then those that `more` adds.
    pub fn span(
        &mut self,
        head: &Head<'_>,
        blocks: &[&[u8]],
        more: impl FnOnce(&mut Attributes),
    ) -> &[u8] {
        self.own.clear();
        more(&mut self.own);
        self.own.optional_string(name::ERROR_TYPE, head.error);
        let out = self.entry.start();
        wire::bytes(out, 1, &head.trace.0);
        wire::bytes(out, 2, &head.span.0);
        if let Some(parent) = head.parent {
            wire::bytes(out, 4, &parent.0);
        }
        wire::bytes(out, 5, head.name.as_bytes());
        wire::uint(out, 6, KIND_INTERNAL);
        wire::fixed64(out, 7, head.start.0);
        wire::fixed64(out, 8, head.end.0);
        for block in blocks {
            copy_to_span(out, block);
        }
        copy_to_span(out, self.own.as_bytes());
        for link in head.links {
            write_link(&mut self.link, link);
            wire::bytes(out, 13, &self.link);
        }
        if head.error.is_some() {
            wire::delimited(out, 15, 2);
            wire::uint(out, 3, STATUS_ERROR);
        }
        wire::fixed32(out, 16, FLAGS_SAMPLED);
        self.entry.finish()
    }
}

/// `Span.Link`; its attributes are field 4.
fn write_link(out: &mut Vec<u8>, link: &Link) {
    let (key, value) = (name::KINTRACE_LINK_TYPE, link.kind.name());
    let value_len = wire::delimited_len(value.len());
    out.clear();
    wire::bytes(out, 1, &link.trace.0);
    wire::bytes(out, 2, &link.span.0);
    wire::delimited(
        out,
        4,
        wire::delimited_len(key.len()) + wire::delimited_len(value_len),
    );
    wire::bytes(out, 1, key.as_bytes());
    wire::delimited(out, 2, value_len);
    wire::bytes(out, 1, value.as_bytes());
    wire::fixed32(out, 6, FLAGS_SAMPLED);
}
