//! One form for all Rust and all C.

use std::path::PathBuf;

use anyhow::Result;

use crate::deps;
use crate::workspace::{Workspace, run};

/// Rewrites what is not in form.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    deps::ensure(deps::Set::Test)?;
    run(workspace.cargo().args(["fmt", "--all"]))?;
    clang_format(workspace, &["-i"])
}

/// Fails if [`write`] would change Rust.
pub(crate) fn check_rust(workspace: &Workspace) -> Result<()> {
    run(workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// Fails if [`write`] would change C.
pub(crate) fn check_c(workspace: &Workspace) -> Result<()> {
    clang_format(workspace, &["--dry-run", "-Werror"])
}

/// The C of the probes.
pub(crate) fn c_files(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    workspace.files("probes/bpf", &["c", "h"])
}

fn clang_format(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let files = c_files(workspace)?;
    if files.is_empty() {
        return Ok(());
    }
    run(workspace
        .command("clang-format")
        .arg("--style=file")
        .args(arguments)
        .args(files))
}
