//! Whatever an operator sets, `config show` prints a file that means the same.

use proptest::prelude::*;

use super::super::keys::KEYS;
use super::super::rules::quoted;
use super::effective;
use crate::config::{Color, LogLevel, Output};

/// A YAML value for each key, as an operator may write it.
fn any_value(key: &'static str) -> BoxedStrategy<String> {
    let lines = |words: &'static [&'static str]| {
        proptest::sample::select(words)
            .prop_map(str::to_owned)
            .boxed()
    };
    let seconds = |range: std::ops::Range<u64>| range.prop_map(|n| format!("{n}s")).boxed();
    let kib = |range: std::ops::Range<u64>| range.prop_map(|n| format!("{n}KiB")).boxed();
    let count = |range: std::ops::Range<u64>| range.prop_map(|n| n.to_string()).boxed();
    match key {
        "probes.ring_size" => (20u32..30).prop_map(|n| (1u64 << n).to_string()).boxed(),
        "probes.wakeup_bytes" => kib(4..512),
        "probes.drain_interval" => (1u32..1000).prop_map(|n| format!("{n}ms")).boxed(),
        "probes.args_limit" => count(0..1 << 20),
        "probes.environment" => lines(&["[]", "[A]", "[PATH, _x9]"]),
        "probes.traceparent" | "traces.enabled" => lines(&["true", "false"]),
        "process_table.max_images" => count(1024..4_194_305),
        "process_table.ancestor_depth" => count(1..17),
        "traces.max_spans" => count(100..1_000_001),
        "traces.max_age" => seconds(60..86_401),
        "export.endpoint" | "export.logs.endpoint" | "export.traces.endpoint" => {
            lines(&["''", "http://localhost", "https://[::1]:4318/a%20b/"])
        }
        "export.protocol" => lines(&["grpc", "http/protobuf"]),
        "export.logs.protocol" | "export.traces.protocol" => {
            lines(&["''", "grpc", "http/protobuf"])
        }
        "export.compression" => lines(&["gzip", "zstd", "none"]),
        // The value of a header comes back as stars, so only stars come back the same.
        "export.headers" => lines(&["{}", "{a: '***', X-B: '***'}"]),
        "export.timeout" => seconds(1..301),
        "export.concurrency" => count(1..65),
        "export.queue_bytes" => kib(4096..4_194_305),
        "export.shutdown_timeout" => seconds(0..301),
        "export.batch.records" => count(1..65_537),
        "export.batch.bytes" => kib(16..3073),
        "export.batch.age" => seconds(1..61),
        "export.retry.initial" => seconds(1..30),
        "export.retry.max" => seconds(30..601),
        "export.retry.max_elapsed" => seconds(0..86_401),
        // A certificate is nothing without its key: both are always set.
        "export.tls.cert_file" | "export.tls.key_file" => lines(&["/a.pem", "'C:\\a b.pem'"]),
        "export.tls.ca_file" => lines(&["''", "/etc/ca.pem"]),
        "export.tls.server_name" => lines(&["''", "collector.internal"]),
        "console.output" => lines(Output::NAMES),
        "console.color" => lines(Color::NAMES),
        "metrics.listen" => lines(&["''", "'127.0.0.1:1'", "'[::1]:9464'"]),
        "resource.attributes" => {
            proptest::collection::btree_map("\\PC{1,8}", any::<String>(), 0..4)
                .prop_map(|map| {
                    let pairs = map
                        .iter()
                        .map(|(k, v)| format!("{}: {}", quoted(k), quoted(v)));
                    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
                })
                .boxed()
        }
        "log.level" => lines(LogLevel::NAMES),
        other => panic!("{other} is a new key: say what may be written"),
    }
}

/// A file that sets every key.
fn any_file() -> impl Strategy<Value = String> {
    let values: Vec<_> = KEYS.iter().map(|key| any_value(key.name())).collect();
    values.prop_map(|values| {
        let mut text = String::new();
        let mut open: Vec<&str> = Vec::new();
        for (key, value) in KEYS.iter().zip(values) {
            let segments: Vec<_> = key.name().split('.').collect();
            let (leaf, sections) = segments.split_last().unwrap();
            for (depth, section) in sections.iter().enumerate() {
                if open.get(depth) != Some(section) {
                    open.truncate(depth);
                    open.push(section);
                    text.push_str(&format!("{}{section}:\n", "  ".repeat(depth)));
                }
            }
            open.truncate(sections.len());
            text.push_str(&format!("{}{leaf}: {value}\n", "  ".repeat(sections.len())));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_shown_loads_to_the_same(file in any_file()) {
        let first = match effective(&file, &[]) {
            Ok(effective) => effective,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{file}"))),
        };
        let shown = first.to_yaml();
        let second = match effective(&shown, &[]) {
            Ok(effective) => effective,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{shown}"))),
        };
        prop_assert_eq!(&first.config, &second.config);
        prop_assert_eq!(shown, second.to_yaml());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z:{}\\[\\]\"'&*!|>%#\\- \n.0-9]{0,80}") {
        drop(effective(&text, &[]));
    }
}
