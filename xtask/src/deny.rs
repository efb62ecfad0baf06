//! What we depend on: licences, sources and duplicate versions, by cargo-deny and `deny.toml`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::workspace::{Workspace, on_path, run as run_to_end};

/// Pinned, since a new release brings new rules.
const VERSION: &str = "0.20.2";

/// Measured on two cores, to tell a person what to expect.
const INSTALL: Duration = Duration::from_secs(225);

/// Why the database of vulnerabilities is not asked.
pub(crate) const ADVISORIES: &str =
    "RustSec's database is on github.com, which no test may need; cargo deny check advisories";

/// Checks all but advisories.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let program = match find(workspace) {
        Some(program) => program,
        None => install(workspace)?,
    };
    // It wants the manifests of all packages, also those for other systems, which a build has not
    // fetched. Without --offline it would ask the registry each time.
    run_to_end(workspace.cargo().args(["fetch", "--quiet", "--locked"]))?;
    run_to_end(
        workspace
            .command(program)
            .args(["--offline", "--workspace", "--log-level", "error"])
            .args([
                "check",
                "--hide-inclusion-graph",
                "bans",
                "licenses",
                "sources",
            ]),
    )?;
    Ok("bans, licences, sources".to_owned())
}

fn find(workspace: &Workspace) -> Option<PathBuf> {
    let cached = workspace.cache.join("bin/cargo-deny");
    on_path("cargo-deny").or_else(|| cached.is_file().then_some(cached))
}

fn install(workspace: &Workspace) -> Result<PathBuf> {
    eprintln!(
        "xtask: building cargo-deny {VERSION}, about {} s once",
        INSTALL.as_secs()
    );
    // A target folder of its own: waiting for the lock of the shared one helps nobody.
    let target = workspace.cache.join("cargo-deny-target");
    run_to_end(
        workspace
            .cargo()
            .args(["install", "cargo-deny", "--locked", "--quiet", "--version"])
            .arg(format!("={VERSION}"))
            .arg("--root")
            .arg(&workspace.cache)
            .arg("--target-dir")
            .arg(&target),
    )?;
    std::fs::remove_dir_all(target).context("remove what cargo-deny was built in")?;
    find(workspace).context("cargo install succeeded and left no cargo-deny")
}
