//! Builds the agent and becomes it.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use crate::deps;
use crate::workspace::{Workspace, is_root, run as run_to_end};

/// Replaces this process by `kintrace run <arguments>`, as root.
///
/// Replaces, so that a signal sent to `cargo xtask run` (by `timeout`, by a terminal) reaches the
/// agent itself. The agent keeps the folder of the caller, since its arguments may name files.
///
/// # Errors
///
/// Something is missing, or does not build. Does not return otherwise.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    deps::ensure(deps::Set::Build)?;
    run_to_end(
        workspace
            .cargo()
            .args(["build", "--release", "--package", "kintrace"]),
    )?;
    let program = workspace.target.join("release/kintrace");
    let mut command = if is_root() {
        std::process::Command::new(&program)
    } else {
        let mut sudo = std::process::Command::new("sudo");
        sudo.arg(&program);
        sudo
    };
    let error = command.arg("run").args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
