// tidy: long: one table of mistakes and their messages
//! What operators write, and what they are told. Data in, text out: `UPDATE_EXPECT=1` rewrites.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect, expect_file};

use super::keys::{KEYS, SECTIONS};
use super::*;

mod round_trip;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn effective(yaml: &str, env: Variables<'_>) -> Result<Effective, ConfigError> {
    let env: BTreeMap<&str, &str> = env.iter().copied().collect();
    load_effective(yaml, &env, &Overrides::default())
}

fn defaults_with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// Compares the problems of a configuration that has some.
#[track_caller]
fn refuses(yaml: &str, env: Variables<'_>, expected: Expect) {
    match effective(yaml, env) {
        Ok(_) => panic!("nothing was refused"),
        Err(error) => expected.assert_eq(&error.to_string()),
    }
}

/// Compares the warnings of a configuration that is accepted.
#[track_caller]
fn warns(yaml: &str, env: Variables<'_>, expected: Expect) {
    let effective = effective(yaml, env).unwrap();
    let warnings: Vec<_> = effective.warnings.iter().map(ToString::to_string).collect();
    expected.assert_eq(&warnings.join("\n"));
}

#[test]
fn the_reference_file_is_printed_from_the_table() {
    expect_file!["../../../config/kintrace.yaml"].assert_eq(&reference());
}

#[test]
fn the_reference_file_means_the_defaults_and_has_every_key() {
    // Read when it runs: the test above may have rewritten it.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/kintrace.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(load(&text, &BTreeMap::new()), Ok(Config::default()));
    let mut settings = Settings::default();
    raw::read(&text, &mut settings, &mut Vec::new());
    for key in KEYS {
        // An empty mapping sets nothing; its line is there all the same.
        let leaf = key.name().rsplit('.').next().unwrap();
        let is_set =
            settings.value(key.name()).is_some() || text.contains(&format!(" {leaf}: {{}}"));
        assert!(is_set, "{} is not in the reference file", key.name());
    }
}

#[test]
fn nothing_and_comments_mean_the_defaults() {
    for text in [
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "export:\n  # timeout: 1s\nlog:\n",
    ] {
        assert_eq!(
            load(text, &BTreeMap::new()),
            Ok(Config::default()),
            "{text:?}"
        );
    }
}

#[test]
fn every_section_is_described_and_every_description_is_a_section() {
    for (section, _) in SECTIONS {
        assert!(keys::is_section(section), "{section}");
    }
    for key in KEYS {
        let (section, _) = key.name().rsplit_once('.').unwrap();
        assert!(
            SECTIONS.iter().any(|&(name, _)| name == section),
            "{section}"
        );
    }
}

#[test]
fn every_key_is_read_once() {
    let rows = effective("", &[]).unwrap().rows;
    let read: Vec<_> = rows.iter().map(|row| row.key.name()).collect();
    let known: Vec<_> = KEYS.iter().map(|key| key.name()).collect();
    assert_eq!(read, known);
}

#[test]
fn all_mistakes_are_told_at_once() {
    refuses(
        r#"
probes: { ring_size: 3MiB, args_limit: lots, environment: [PATH, 1X, PATH, 7], traceparent: "yes" }
process_table: { max_images: 10, ancestor_depth: 1.5 }
traces: [1]
export:
  endpoint: "http://user:hunter2@localhost:4317"
  protocol: grcp
  compression: zstd-1
  headers: { authorization: 17, "content-type": "hunter2", "b d": "hunter2", x: "hunter2\n" }
  timeout: 5x
  concurrency: -1
  queue_bytes:
  batch: { bytes: 4MiB, age: 10 }
  retry: { initial: 40s, max: 10h }
  tls: { cert_file: /etc/kintrace/cert.pem }
console: { color: true }
metrics: { listen: "localhost:9464" }
resource: { attributes: { version: 1.10 } }
log: { level: verbose }
"#,
        &[],
        expect![[r#"
            the configuration has 27 problems
              traces: a list is not a section (write its keys below it)
              probes.ring_size: "3MiB" is out of range (allowed: 64KiB..1GiB, a power of two)
              probes.args_limit: "lots" is not a size (write 65536, 64KiB, 8MiB, 1GiB)
              probes.environment: "1X" is not the name of a variable (at most 16 names of at most 63 bytes, A-Z a-z 0-9 _)
              probes.environment: "PATH" is named twice
              probes.environment: 7 is not the name of a variable (at most 16 names of at most 63 bytes, A-Z a-z 0-9 _)
              probes.traceparent: "yes" is not true or false
              process_table.max_images: 10 is out of range (allowed: 1024..4194304)
              process_table.ancestor_depth: 1.5 is not a whole number (1..16)
              export.endpoint: a URL cannot carry credentials (put them into export.headers)
              export.protocol: "grcp" is not one of grpc, http/protobuf; did you mean grpc?
              export.compression: "zstd-1" is not one of gzip, zstd, none; did you mean zstd?
              export.headers.authorization: has a value that is not a text (write it in quotes)
              export.headers.b d: is not the name of a header
              export.headers.content-type: is set by the exporter itself
              export.headers.x: has a value with characters that a header cannot carry
              export.timeout: "5x" is not a duration (write 500ms, 5s, 2m)
              export.concurrency: -1 is out of range (allowed: 1..64)
              export.queue_bytes: an empty value is not a size (write 65536, 64KiB, 8MiB, 1GiB)
              export.batch.bytes: "4MiB" is out of range (allowed: 16KiB..3MiB)
              export.batch.age: 10 is not a duration (write 500ms, 5s, 2m)
              export.retry.max: "10h" is out of range (allowed: 10ms..10m)
              export.tls.cert_file: needs export.tls.key_file
              console.color: true is not one of auto, always, never
              metrics.listen: "localhost:9464" is not an address and a port (write 127.0.0.1:9464, [::1]:9464)
              resource.attributes.version: has a value that is not a text (write it in quotes)
              log.level: "verbose" is not one of error, warn, info, debug, trace"#]],
    );
}

#[test]
fn values_that_contradict_each_other_are_told() {
    refuses(
        "probes: {ring_size: 1MiB, wakeup_bytes: 600KiB}\n\
         export: {retry: {initial: 20s, max: 10s}, tls: {key_file: /k}, batch: {bytes: 3MiB}}\n",
        &[],
        expect![[r#"
            the configuration has 3 problems
              probes.wakeup_bytes: 600KiB is more than half of probes.ring_size, 1MiB
              export.retry.initial: is longer than export.retry.max
              export.tls.key_file: needs export.tls.cert_file"#]],
    );
}

#[test]
fn an_unknown_key_is_compared_with_the_known_ones() {
    refuses(
        "exporter: {timeout: 5s}\nexport: {timeuot: 5s, batch_age: 1s, retries: {}, wal: 1}\n\
         level: info\nexport.timeout: 5s\n7: x\n",
        &[],
        expect![[r#"
            the configuration has 8 problems
              7: is not a key
              export.batch_age: is not a key; did you mean export.batch.age?
              export.retries: is not a key; did you mean export.retry?
              export.timeuot: is not a key; did you mean export.timeout?
              export.wal: is not a key
              export.timeout: is not written with dots (write export: timeout: ...)
              exporter: is not a key; did you mean export?
              level: is not a key; did you mean log.level?"#]],
    );
}

#[test]
fn what_is_not_yaml_is_told_with_its_place() {
    refuses(
        "export:\n  timeout: 5s\n tls: {\n",
        &[],
        expect![[r#"
        the configuration has 1 problem
          line 3, column 5: while parsing a block mapping, did not find expected key"#]],
    );
    refuses(
        "export:\n  timeout: 5s\n  endpoint: \"\"\n  timeout: 6s\n",
        &[],
        expect![[r#"
            the configuration has 1 problem
              line 4, column 12: the key "timeout" is written twice"#]],
    );
    refuses(
        "export: [1, 2\n",
        &[],
        expect![[r#"
        the configuration has 1 problem
          line 2, column 1: while parsing a flow sequence, expected ',' or ']'"#]],
    );
    refuses(
        "just words\n",
        &[],
        expect![[r#"
            the configuration has 1 problem
              is not a configuration (write sections, such as export:)"#]],
    );
    refuses(
        "a: 1\n---\nb: 2\n",
        &[],
        expect![[r#"
        the configuration has 1 problem
          is not a configuration: Got 2 YAML documents, expected 1"#]],
    );
    refuses(
        "export: {headers: {X-Key: a, x-key: b}}\n",
        &[],
        expect![[r#"
            the configuration has 1 problem
              export.headers.x-key: is written twice (upper and lower case are the same here)"#]],
    );
}

#[test]
fn the_variable_or_the_flag_that_is_wrong_is_named() {
    refuses(
        "",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s."),
            ("OTEL_EXPORTER_OTLP_INSECURE", "1"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "a=hunter2,hunter2,c=%zz,te=hunter2",
            ),
            ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
        ],
        expect![[r#"
            the configuration has 8 problems
              OTEL_EXPORTER_OTLP_INSECURE: is not true or false
              OTEL_EXPORTER_OTLP_HEADERS: pair 2 is not name=value, percent-encoded
              OTEL_EXPORTER_OTLP_HEADERS: pair 3 is not name=value, percent-encoded
              OTEL_RESOURCE_ATTRIBUTES: pair 1 is not name=value, percent-encoded
              export.endpoint: "localhost:4317" has no scheme (write http://127.0.0.1:4317, https://localhost:4317) [OTEL_EXPORTER_OTLP_ENDPOINT]
              export.logs.protocol: "http/json" is not one of grpc, http/protobuf, or "" [OTEL_EXPORTER_OTLP_LOGS_PROTOCOL]
              export.headers.te: is set by the exporter itself [OTEL_EXPORTER_OTLP_HEADERS]
              export.timeout: "10s." is not a duration (write 500ms, 5s, 2m) [OTEL_EXPORTER_OTLP_TIMEOUT]"#]],
    );
    let overrides = Overrides {
        log_level: Some("loud".into()),
        ..Overrides::default()
    };
    let Err(error) = load_effective("", &BTreeMap::new(), &overrides) else {
        panic!("nothing was refused")
    };
    expect![[r#"
        the configuration has 1 problem
          log.level: "loud" is not one of error, warn, info, debug, trace [--log-level]"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn the_variables_of_opentelemetry_are_read() {
    let config = effective(
        "export: {headers: {x-file: a, x-both: a}}\nresource: {attributes: {service.name: file, a: a}}\n",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318/base"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "True"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://localhost:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20YQ==, X-Both = b"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attributes,b=x%2Cy"),
            ("OTEL_SERVICE_NAME", "edge"),
        ],
    )
    .unwrap()
    .config;
    let target = |uri: &str, protocol| {
        Destination::Collector(Target {
            uri: uri.parse().unwrap(),
            protocol,
        })
    };
    let headers = [
        ("authorization", "Basic YQ=="),
        ("x-both", "b"),
        ("x-file", "a"),
    ];
    let attributes = [("a", "a"), ("b", "x,y"), ("service.name", "edge")];
    let expected = defaults_with(|config| {
        config.export.logs = target("http://localhost:4318/base/v1/logs", Protocol::HttpProtobuf);
        config.export.traces = target("https://localhost:4317/", Protocol::Grpc);
        config.export.timeout = Duration::from_millis(2500);
        config.export.compression = Compression::None;
        config.export.headers = headers
            .map(|(name, value)| (name.to_owned(), Secret::new(value)))
            .into();
        config.export.tls = Tls {
            ca_file: Some("/ca".into()),
            cert_file: Some("/cert".into()),
            key_file: Some("/key".into()),
            server_name: None,
        };
        config.resource.attributes = attributes
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    });
    assert_eq!(config, expected);
}

#[test]
fn an_empty_variable_is_unset() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", " "),
        ("OTEL_SERVICE_NAME", ""),
    ];
    assert_eq!(effective("", &env).unwrap().config, Config::default());
}

#[test]
fn command_line_wins_over_environment_over_file_over_default() {
    let yaml = "export: {endpoint: 'http://localhost:1', protocol: http/protobuf, timeout: 3s}\n";
    let env: BTreeMap<&str, &str> = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
    ]
    .into();
    let overrides = Overrides {
        otlp_endpoint: Some("http://localhost:3".into()),
        ..Overrides::default()
    };
    let effective = load_effective(yaml, &env, &overrides).unwrap();
    let shown = effective.to_yaml();
    let lines: Vec<_> = shown
        .lines()
        .map(str::trim)
        .filter(|line| {
            ["endpoint: \"h", "protocol: h", "timeout: ", "concurrency"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .collect();
    expect![[r#"
        endpoint: "http://localhost:3"  # command line (--otlp-endpoint)
        protocol: http/protobuf  # file
        timeout: 2s  # environment (OTEL_EXPORTER_OTLP_TIMEOUT)
        concurrency: 2  # default"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_general_endpoint_hides_what_a_lower_source_said_of_one_signal() {
    let logs =
        |yaml: &str, env: Variables<'_>| match effective(yaml, env).unwrap().config.export.logs {
            Destination::Console => "console".to_owned(),
            Destination::Collector(target) => target.uri.to_string(),
        };
    let yaml = "export: {endpoint: 'http://localhost:1', logs: {endpoint: 'http://localhost:2'}}";
    assert_eq!(logs(yaml, &[]), "http://localhost:2/");
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:3");
    assert_eq!(logs(yaml, &[general]), "http://localhost:3/");
    let own = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://localhost:4");
    assert_eq!(logs(yaml, &[general, own]), "http://localhost:4/");
}

#[test]
fn what_is_allowed_and_doubtful_is_a_warning() {
    warns("", &[], expect![""]);
    warns(
        "export: {endpoint: 'http://localhost:4317'}",
        &[],
        expect![""],
    );
    warns(
        "export:\n  endpoint: http://collector:4318/x\n  traces: {endpoint: 'http://localhost:4317', \
         protocol: http/protobuf}\n  tls: {ca_file: /ca}\nmetrics: {listen: '[::]:9464'}\n",
        &[
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "1"),
            ("OTEL_SDK_DISABLED", "true"),
        ],
        expect![[r#"
            OTEL_SDK_DISABLED: is set, but kintrace does not read it
            OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: is set, but kintrace does not read it
            export.endpoint: is plain http:// to another host: command lines and headers can be read on the way
            export.endpoint: has port 4318, where http/protobuf is usual, but the protocol is grpc
            export.endpoint: has a path, which grpc does not use
            export.traces.endpoint: has port 4317, where grpc is usual, but the protocol is http/protobuf
            export.tls: is set, but no endpoint is an https:// URL
            metrics.listen: is not a loopback address: whoever reaches it can read the metrics"#]],
    );
}

#[test]
fn a_secret_is_nowhere_to_be_seen() {
    let effective = effective(
        "export: {headers: {authorization: hunter2}}",
        &[("OTEL_EXPORTER_OTLP_HEADERS", "x-token=hunter2")],
    )
    .unwrap();
    refuses(
        "export: {headers: Bearer hunter2}\n",
        &[],
        expect![[r#"
        the configuration has 1 problem
          export.headers: is not a mapping (write name: "value" below it)"#]],
    );
    let seen = format!("{:?}{}", effective.config, effective.to_yaml());
    assert!(!seen.contains("hunter2"), "{seen}");
    assert_eq!(
        effective.config.export.headers["x-token"].expose(),
        "hunter2"
    );
}
