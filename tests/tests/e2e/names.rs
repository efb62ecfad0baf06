//! Every name that leaves is a constant of `kintrace-semconv`, and no other place spells one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

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

/// Panics unless `key` is declared.
pub(crate) fn check_attribute(key: &str) {
    let is_variable = key
        .strip_prefix(kintrace_semconv::attribute::PROCESS_ENVIRONMENT_VARIABLE)
        .is_some_and(|rest| rest.starts_with('.'));
    assert!(
        is_variable || ATTRIBUTES.contains(key),
        "attribute {key} is not declared in semconv/src/attribute.rs"
    );
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
                for name in ATTRIBUTES.iter().chain(EVENTS.iter()) {
                    if code.contains(&format!("\"{name}\"")) {
                        found.push(format!("{}: \"{name}\"", path.display()));
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
