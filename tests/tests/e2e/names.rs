//! Every name that leaves is a constant of `kintrace-semconv`, every constant leaves somewhere, and no
//! other place spells one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use kintrace::event::{CgroupId, EventFlags, Exec, ImageId, Task};
use kintrace::telemetry::{Kernel, Telemetry};
use kintrace::tracker::Seed;
use kintrace_semconv::{attribute, metric};
use opentelemetry_proto::tonic::common::v1::KeyValue;

use crate::golden;
use crate::text;

/// Values of the constants in a file of the semconv crate.
fn constants(file: &str) -> BTreeSet<String> {
    let path = root().join("semconv/src").join(file);
    let text = std::fs::read_to_string(path)
        .unwrap()
        .replace(":\n", ": ")
        .replace("=\n", "= ");
    let values = text
        .lines()
        .filter(|line| line.contains(": &str =") && line.contains("pub const"));
    values
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

static ATTRIBUTES: LazyLock<BTreeSet<String>> = LazyLock::new(|| constants("attribute.rs"));
static EVENTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| constants("event.rs"));

/// Names that left, each checked when it is added.
#[derive(Default)]
pub(crate) struct Names {
    attributes: BTreeSet<String>,
    events: BTreeSet<String>,
}

// === impl Names ===

impl Names {
    /// Adds the keys of attributes.
    pub(crate) fn attributes(&mut self, pairs: &[KeyValue]) {
        for pair in pairs {
            self.attributes.insert(check_attribute(&pair.key));
        }
    }

    /// Adds the name of an event.
    pub(crate) fn event(&mut self, name: &str) {
        check_event(name);
        self.events.insert(name.to_owned());
    }

    /// Adds the labels at `/metrics`, and checks the names of the metrics.
    pub(crate) fn metrics(&mut self, page: &str) {
        for line in page
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (name, labels) = line.split_once(['{', ' ']).unwrap();
            assert!(
                metric::ALL.iter().any(|metric| metric.prometheus == name),
                "metric {name} is not declared in semconv/src/metric.rs"
            );
            let Some((labels, _)) = labels.split_once('}') else {
                continue;
            };
            for label in labels.split(',') {
                let label = label.split('=').next().unwrap();
                let declared = ATTRIBUTES.iter().find(|key| key.replace('.', "_") == label);
                let declared = declared.unwrap_or_else(|| panic!("label {label} is not declared"));
                self.attributes.insert(declared.clone());
            }
        }
    }
}

/// Panics unless `key` is declared; gives back the name that it is declared under.
pub(crate) fn check_attribute(key: &str) -> String {
    let is_variable = key
        .strip_prefix(attribute::PROCESS_ENVIRONMENT_VARIABLE)
        .is_some_and(|rest| rest.starts_with('.'));
    if is_variable {
        return attribute::PROCESS_ENVIRONMENT_VARIABLE.to_owned();
    }
    assert!(
        ATTRIBUTES.contains(key),
        "attribute {key} is not declared in semconv/src/attribute.rs"
    );
    key.to_owned()
}

/// Panics unless `name` is declared.
pub(crate) fn check_event(name: &str) {
    assert!(
        EVENTS.contains(name),
        "event {name} is not declared in semconv/src/event.rs"
    );
}

#[test]
fn constants_are_found() {
    assert!(ATTRIBUTES.len() > 60, "{ATTRIBUTES:?}");
    assert!(EVENTS.contains("kintrace.process.exec"));
}

/// Scenario: every recording, whole and with each sample lost; a loss; a process older than the agent; the
/// counters, none of them zero.
/// Guarantees: what is declared and in none of them is not emitted, and has to go or to get its sample.
#[test]
fn everything_declared_is_emitted() {
    let mut names = Names::default();
    for recording in golden::recordings() {
        let samples = golden::samples(&recording);
        text::collect(&golden::replay(samples.iter().copied()), &mut names);
        for lost in 0..samples.len() {
            text::collect(&golden::replay(golden::without(&samples, lost)), &mut names);
        }
    }
    text::collect(&unrecorded(), &mut names);
    names.metrics(&metrics());
    let not_seen: Vec<&String> = ATTRIBUTES
        .difference(&names.attributes)
        .chain(EVENTS.difference(&names.events))
        .collect();
    assert!(not_seen.is_empty(), "declared and never seen: {not_seen:?}");
}

/// What no recording can hold.
fn unrecorded() -> Vec<golden::Entry> {
    let mut tracker = golden::tracker();
    let mut entries = Vec::new();
    tracker.loss(
        "exec",
        "ring_full",
        2,
        golden::BOOT,
        &mut golden::take(&mut entries),
    );
    // An exec sets the file system's ids to the effective ones: only a process that changed them
    // before the agent came has others.
    let mut task = Task {
        id: ImageId::new(8, 800, 2),
        cgroup: CgroupId(1),
        ..Task::default()
    };
    (task.credentials.fsuid, task.credentials.fsgid) = (5, 6);
    tracker.seed(Seed {
        exec: Exec {
            task: task.clone(),
            ..Exec::default()
        },
        chain: Vec::new(),
        is_whole: true,
        flags: EventFlags::NONE,
        cgroup_path: None,
    });
    task.id.exec_id += 1;
    let exec = kintrace::event::Event {
        at: kintrace::event::KernelTime(900),
        flags: EventFlags::NONE,
        payload: kintrace::event::Payload::Exec(Box::new(Exec {
            task,
            ..Exec::default()
        })),
    };
    tracker.event(exec, golden::BOOT, &mut golden::take(&mut entries));
    entries
}

fn metrics() -> String {
    let telemetry = Arc::new(Telemetry::default());
    telemetry.set_kernel(Kernel {
        seen: 5,
        lost: vec![("exec", "ring_full", 2)],
    });
    kintrace::metrics::Metrics::new(telemetry).render()
}

#[test]
fn no_file_of_the_exporter_spells_a_telemetry_name() {
    let mut found = Vec::new();
    let mut open = vec![root().join("exporter/src")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with("tests.rs") && !path.to_string_lossy().contains("/tests/") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                for (at, line) in (1..).zip(code.lines()) {
                    if spells_a_name(line) {
                        found.push(format!("{}:{at}: {}", path.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "use the constants of kintrace_semconv:\n{}",
        found.join("\n")
    );
}

/// Whether a literal of the line is a declared name, or would be one of ours if it were declared.
fn spells_a_name(line: &str) -> bool {
    /// What the names of OpenTelemetry in use and our own begin with, `log.` and `config` keys aside.
    const FAMILIES: [&str; 10] = [
        "process.",
        "kintrace.",
        "kintrace_",
        "container.",
        "host.",
        "service.",
        "os.",
        "otel.",
        "thread.",
        "error.",
    ];
    let is_comment = line.trim_start().starts_with("//");
    let mut literals = line.split('"').skip(1).step_by(2);
    !is_comment
        && literals.any(|literal| {
            let is_file = literal.ends_with(".yaml");
            let is_of_family = FAMILIES.iter().any(|family| literal.starts_with(family));
            ATTRIBUTES.contains(literal) || EVENTS.contains(literal) || (is_of_family && !is_file)
        })
}

#[test]
fn a_spelled_name_is_found() {
    assert!(spells_a_name(r#"block.string("process.new.name", x);"#));
    assert!(spells_a_name(r#"f("a", "kintrace_new_total")"#));
    assert!(!spells_a_name(r#"config("process_table.max_images")"#));
    assert!(!spells_a_name(r#"/// As in "process.pid"."#));
}
