//! Builds the OpenTelemetry Collector that the tests send to.
//!
//! Its sources are `tests/components/collector`: a `main.go`, and the `go.mod` and `go.sum` that
//! pin every module. Built once per machine and version, and again when one of these files changes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::go;
use crate::workspace::{Workspace, run};

const SOURCES: &[&str] = &["go.mod", "go.sum", "main.go"];

/// The module whose version is the version of the Collector.
const RECEIVER: &str = "go.opentelemetry.io/collector/receiver/otlpreceiver ";

/// The path of the Collector, built if need be.
///
/// # Errors
///
/// Go is not there or cannot build it, or the module proxy is out of reach on the first build.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let sources = workspace.root.join("tests/components/collector");
    let version = required(&sources, RECEIVER)?;
    let version = version.trim_start_matches('v');
    let folder = workspace.cache.join(format!("otelcol-{version}"));
    let program = folder.join("otelcol");
    let stamp = folder.join("sources");

    let wanted = text(&sources)?;
    let built = fs::read_to_string(&stamp).is_ok_and(|built| built == wanted);
    if built && program.is_file() {
        return Ok(program);
    }

    fs::create_dir_all(&folder)?;
    eprintln!("xtask: building the OpenTelemetry Collector {version}, a few minutes once");
    // The stamp is written last, so that a build that was cut short is done again. Without cgo it
    // runs on any machine and needs no C compiler; -trimpath and -buildvcs make it reproducible.
    run(go::command(&required(&sources, "go ")?)?
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
        .arg("-ldflags")
        .arg(format!("-s -w -X main.version={version}"))
        .arg("-o")
        .args([&program, Path::new(".")]))?;
    fs::write(stamp, wanted)?;
    Ok(program)
}

/// What follows `key` in the `go.mod`.
fn required(sources: &Path, key: &str) -> Result<String> {
    let file = sources.join("go.mod");
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix(key))
        .map(str::to_owned)
        .with_context(|| format!("{} has no line {key}", file.display()))
}

fn text(sources: &Path) -> Result<String> {
    SOURCES
        .iter()
        .map(|name| Ok(fs::read_to_string(sources.join(name))?))
        .collect()
}
