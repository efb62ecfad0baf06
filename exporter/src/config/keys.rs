//! The one table of keys: name, meaning, default, range.
//!
//! `config/kintrace.yaml` is printed from it, `config show` walks it, an unknown key is compared with
//! it, and `check.rs` reads through it. The comment of an entry is what the operator reads.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::choice::{Color, Compression, LogLevel, Output, Protocol};
use super::mapping::{Attributes, Headers};
use super::rules::{Count, Flag, OneOf, OneOfOrEmpty, Rule, Size, Span, Yaml};
use super::texts::{FilePath, HostName, Listen, Url, VariableNames};
use super::units::ByteSize;

/// A key of the configuration.
pub(super) struct Key<R: Rule> {
    pub(super) name: &'static str,
    pub(super) about: &'static [&'static str],
    pub(super) default: R::Value,
    pub(super) rule: R,
}

/// What can be said of a key without knowing its type.
pub(super) trait Described: Sync {
    /// The full dotted name.
    fn name(&self) -> &'static str;
    /// The meaning, line by line, as the comments of the table have it: with a space in front.
    fn about(&self) -> &'static [&'static str];
    /// The range, for people.
    fn allowed(&self) -> String;
    /// The default, as YAML.
    fn default(&self) -> Yaml;
    /// Whether its entries are named by people.
    fn is_mapping(&self) -> bool;
    /// The name of an entry under which sources are laid over each other.
    fn entry_name(&self, name: &str) -> String;
}

impl<R: Rule> Described for Key<R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static [&'static str] {
        self.about
    }

    fn allowed(&self) -> String {
        self.rule.allowed()
    }

    fn default(&self) -> Yaml {
        self.rule.write(&self.default)
    }

    fn is_mapping(&self) -> bool {
        self.rule.is_mapping()
    }

    fn entry_name(&self, name: &str) -> String {
        self.rule.entry_name(name)
    }
}

/// The key of this name.
pub(super) fn find(name: &str) -> Option<&'static dyn Described> {
    KEYS.iter().copied().find(|key| key.name() == name)
}

/// Whether `name` is a section, such as `export.batch`.
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name()
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

macro_rules! keys {
    ($( $(#[doc = $about:literal])+ $key:ident: $rule:ty = $name:literal, $default:expr, $how:expr; )+) => {
        $(
            pub(super) static $key: Key<$rule> =
                Key { name: $name, about: &[$($about),+], default: $default, rule: $how };
        )+

        /// All keys, in the order of the reference file; keys of one section stand together.
        pub(super) static KEYS: &[&dyn Described] = &[$(&$key),+];
    };
}

const fn size(from: ByteSize, to: ByteSize) -> Size {
    Size {
        from,
        to,
        power_of_two: false,
    }
}

const fn millis(from: u64, to: u64) -> Span {
    Span(Duration::from_millis(from), Duration::from_millis(to))
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Where Prometheus looks for an OpenTelemetry exporter, seen from this host alone.
const METRICS_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9464));

keys! {
    /// The ring buffer between the kernel and the agent, shared by all CPUs. A burst that does not fit
    /// is lost, and counted as lost.
    RING_SIZE: Size = "probes.ring_size", ByteSize::mib(4),
        Size { from: ByteSize::kib(64), to: ByteSize::gib(1), power_of_two: true };

    /// Bytes waiting in the ring buffer that wake the agent before drain_interval is over. At most half
    /// of ring_size, so that the other half takes what comes meanwhile.
    WAKEUP_BYTES: Size = "probes.wakeup_bytes", ByteSize::mib(1),
        size(ByteSize::kib(4), ByteSize::mib(512));

    /// How often the ring buffer is emptied when nothing wakes the agent. A wake-up for each event would
    /// cost the observed process 5 to 9 us.
    DRAIN_INTERVAL: Span = "probes.drain_interval", Duration::from_millis(10), millis(1, SECOND);

    /// Bytes of the command line that an exec event carries; longer ones are cut and marked. 0 leaves the
    /// arguments out, which also keeps passwords out that were written there.
    ARGS_LIMIT: Size = "probes.args_limit", ByteSize::kib(32),
        size(ByteSize::bytes(0), ByteSize::mib(1));

    /// Environment variables that an exec event carries. They may hold secrets: none is read unless it
    /// is named here.
    ENVIRONMENT: VariableNames = "probes.environment", Vec::new(),
        VariableNames { most: 16, longest: 63 };

    /// Whether the variable TRACEPARENT of an exec is read. It links the trace of a CI job to what ran.
    TRACEPARENT: Flag = "probes.traceparent", true, Flag;

    /// Process images that are remembered, living ones and the ancestors of living ones. About 1 KiB
    /// each. Where one had to be forgotten, lineage says that it is cut.
    MAX_IMAGES: Count = "process_table.max_images", 65_536, Count(1_024, 4_194_304);

    /// Ancestors that travel on a record, nearest first.
    ANCESTOR_DEPTH: Count = "process_table.ancestor_depth", 16, Count(1, 16);

    /// Whether executed images are sent as spans, in addition to the log records.
    TRACES_ENABLED: Flag = "traces.enabled", true, Flag;

    /// Spans after which a trace is continued in a new one, linked to the old.
    MAX_SPANS: Count = "traces.max_spans", 10_000, Count(100, 1_000_000);

    /// Age after which a trace is continued in a new one, linked to the old.
    MAX_AGE: Span = "traces.max_age", Duration::from_secs(3600), millis(MINUTE, 24 * HOUR);

    /// Where everything is sent. Empty: to the console. With http/protobuf it is a base to which /v1/logs
    /// and /v1/traces are appended. OTEL_EXPORTER_OTLP_ENDPOINT.
    ENDPOINT: Url = "export.endpoint", None, Url;

    /// How it is sent: grpc (port 4317) or http/protobuf (port 4318). OTEL_EXPORTER_OTLP_PROTOCOL.
    PROTOCOL: OneOf<Protocol> = "export.protocol", Protocol::Grpc, OneOf(PhantomData);

    /// How requests are compressed. Every receiver takes gzip; zstd costs a third of it and is smaller,
    /// if yours takes it. OTEL_EXPORTER_OTLP_COMPRESSION.
    COMPRESSION: OneOf<Compression> = "export.compression", Compression::Gzip, OneOf(PhantomData);

    /// Headers of every request, as for a token. The values are never shown.
    /// OTEL_EXPORTER_OTLP_HEADERS adds to them.
    HEADERS: Headers = "export.headers", BTreeMap::new(), Headers;

    /// How long one request may take. OTEL_EXPORTER_OTLP_TIMEOUT, in milliseconds.
    TIMEOUT: Span = "export.timeout", Duration::from_secs(10), millis(100, 5 * MINUTE);

    /// Requests that are under way at once.
    CONCURRENCY: Count = "export.concurrency", 2, Count(1, 64);

    /// Bytes of encoded records that may wait or be under way. What comes when they are used up is
    /// dropped, and counted as queue_full.
    QUEUE_BYTES: Size = "export.queue_bytes", ByteSize::mib(64),
        size(ByteSize::mib(4), ByteSize::gib(4));

    /// How long the agent tries to deliver what it has when it is told to stop. 0s: not at all.
    SHUTDOWN_TIMEOUT: Span = "export.shutdown_timeout", Duration::from_secs(5), millis(0, 5 * MINUTE);

    /// A URL for log records alone, used as it is. Empty: as export.endpoint says.
    /// OTEL_EXPORTER_OTLP_LOGS_ENDPOINT.
    LOGS_ENDPOINT: Url = "export.logs.endpoint", None, Url;

    /// A protocol for log records alone. Empty: as export.protocol says.
    /// OTEL_EXPORTER_OTLP_LOGS_PROTOCOL.
    LOGS_PROTOCOL: OneOfOrEmpty<Protocol> = "export.logs.protocol", None, OneOfOrEmpty(PhantomData);

    /// A URL for spans alone, used as it is. Empty: as export.endpoint says.
    /// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT.
    TRACES_ENDPOINT: Url = "export.traces.endpoint", None, Url;

    /// A protocol for spans alone. Empty: as export.protocol says.
    /// OTEL_EXPORTER_OTLP_TRACES_PROTOCOL.
    TRACES_PROTOCOL: OneOfOrEmpty<Protocol> = "export.traces.protocol", None,
        OneOfOrEmpty(PhantomData);

    /// Records after which a batch is sent.
    BATCH_RECORDS: Count = "export.batch.records", 2_048, Count(1, 65_536);

    /// Bytes, before compression, after which a batch is sent. gRPC receivers refuse 4 MiB.
    BATCH_BYTES: Size = "export.batch.bytes", ByteSize::mib(1),
        size(ByteSize::kib(16), ByteSize::mib(3));

    /// Longest time that a record waits for company.
    BATCH_AGE: Span = "export.batch.age", Duration::from_secs(1), millis(10, MINUTE);

    /// First pause after a failed request; it doubles, with jitter, each time.
    RETRY_INITIAL: Span = "export.retry.initial", Duration::from_secs(1), millis(10, MINUTE);

    /// Longest pause. A receiver that asks for a longer one gets it, up to 5m.
    RETRY_MAX: Span = "export.retry.max", Duration::from_secs(30), millis(10, 10 * MINUTE);

    /// How long a batch is tried before it is dropped, and counted as retry_exhausted. 0s: for ever.
    RETRY_MAX_ELAPSED: Span = "export.retry.max_elapsed", Duration::from_secs(300),
        millis(0, 24 * HOUR);

    /// Certificates that the server's must descend from. Empty: those that the host trusts.
    /// OTEL_EXPORTER_OTLP_CERTIFICATE.
    TLS_CA_FILE: FilePath = "export.tls.ca_file", None, FilePath;

    /// The certificate that the agent shows, together with key_file.
    /// OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE.
    TLS_CERT_FILE: FilePath = "export.tls.cert_file", None, FilePath;

    /// The private key of cert_file; readable by root alone. OTEL_EXPORTER_OTLP_CLIENT_KEY.
    TLS_KEY_FILE: FilePath = "export.tls.key_file", None, FilePath;

    /// The name that the server's certificate must have. Empty: the host of the endpoint.
    TLS_SERVER_NAME: HostName = "export.tls.server_name", None, HostName;

    /// What is printed for an event when nothing else takes it.
    OUTPUT: OneOf<Output> = "console.output", Output::Text, OneOf(PhantomData);

    /// Whether the text has colours. auto: if standard output is a terminal.
    COLOR: OneOf<Color> = "console.color", Color::Auto, OneOf(PhantomData);

    /// Where /metrics is served to Prometheus. Empty: nowhere. There is no password.
    METRICS_LISTEN: Listen = "metrics.listen", Some(METRICS_ADDRESS), Listen;

    /// Attributes of everything that is sent. Values are texts. OTEL_RESOURCE_ATTRIBUTES adds to them,
    /// OTEL_SERVICE_NAME sets service.name.
    ATTRIBUTES: Attributes = "resource.attributes", BTreeMap::new(), Attributes;

    /// What the agent says about itself on standard error, from little to much.
    LOG_LEVEL: OneOf<LogLevel> = "log.level", LogLevel::Info, OneOf(PhantomData);
}

/// What the sections of the reference file are about.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    (
        "probes",
        "What the kernel side reads, and how it hands it over.",
    ),
    ("process_table", "What is remembered of processes."),
    ("traces", "Spans: one for each executed program image."),
    ("export", "OTLP, to a collector."),
    ("export.logs", "Where log records differ."),
    ("export.traces", "Where spans differ."),
    (
        "export.batch",
        "What one request carries: the limit that is reached first.",
    ),
    (
        "export.retry",
        "What happens to a batch that a collector did not take.",
    ),
    ("export.tls", "Certificates, for https:// endpoints."),
    ("console", "Standard output, used when no endpoint is set."),
    ("metrics", "The agent's own counters."),
    ("resource", "Who is speaking."),
    ("log", "The agent's own messages."),
];
