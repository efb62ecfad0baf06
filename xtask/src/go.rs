//! A Go that is new enough, wherever this machine has one.
//!
//! Debian's is often too old, and from 1.21 on Go fetches a newer one by itself. An older one can
//! do it too if asked: a toolchain is a module, served and checked like any other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::{on_path, output};

/// What is fetched when Go on this machine is too old.
const TOOLCHAIN: &str = "1.26.8";

/// Where the installer from go.dev puts it, which is not in everybody's PATH.
const USUAL: &str = "/usr/local/go/bin/go";

/// Any Go at all.
pub(crate) fn find() -> Option<PathBuf> {
    on_path("go").or_else(|| Some(PathBuf::from(USUAL)).filter(|go| go.is_file()))
}

/// A command for a Go that can build a module with this `go` line (`1.26.0`).
///
/// # Errors
///
/// There is no Go, or it is too old and the module proxy has no newer one for this machine.
pub(crate) fn command(wanted: &str) -> Result<Command> {
    let go = find().context("there is no Go; cargo xtask deps installs one")?;
    let mut version = Command::new(&go);
    let have = output(
        version
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local"),
    )?;
    if release(have.trim_start_matches("go")) >= release(wanted) {
        return Ok(Command::new(go));
    }
    let newer = fetch(&go)?;
    let mut command = Command::new(newer);
    // The old one may have been told where its own files are.
    command.env("GOTOOLCHAIN", "local").env_remove("GOROOT");
    Ok(command)
}

/// Downloads [`TOOLCHAIN`] into Go's cache of modules, and gives back its `go`.
fn fetch(go: &Path) -> Result<PathBuf> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let module = format!("golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.linux-{machine}");
    eprintln!(
        "xtask: fetching Go {TOOLCHAIN}, {} is too old",
        go.display()
    );
    let mut download = Command::new(go);
    let answer = output(download.args(["mod", "download", "-json", &module]))?;
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    let folder = answer
        .get("Dir")
        .and_then(serde_json::Value::as_str)
        .with_context(|| format!("no folder in what Go says about {module}"))?;
    let folder = Path::new(folder);
    // Modules are stored without the right to be executed.
    make_executable(&folder.join("bin"))?;
    make_executable(&folder.join("pkg/tool"))?;
    Ok(folder.join("bin/go"))
}

fn make_executable(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            make_executable(&path)?;
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o555))?;
        }
    }
    Ok(())
}

/// Major and minor: `1.26.0`, `1.26rc1` and `1.26` are one release.
fn release(version: &str) -> (u32, u32) {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_as_numbers() {
        assert!(release("1.9") < release("1.26.0"));
        assert_eq!(release("1.26rc1"), release("1.26.8"));
        assert!(release("") < release("1.0"));
    }
}
