//! Facts about the host: what it is called, which boot this is, which system it runs.
//!
//! Read once at start. Paths come from the caller, so that a container can look at its host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::event::ImageId;
use crate::identity::{BootId, EntityId};
use crate::otlp::resource;

/// Facts about the host. What is not known is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Host {
    /// `/etc/machine-id`: 32 lower-case hex digits, or an id that somebody wrote in another form.
    pub machine_id: Option<String>,
    /// The kernel's host name.
    pub name: Option<String>,
    /// OTel's `host.arch`, of this build: `amd64`, `arm64`, ...
    pub arch: &'static str,
    /// `ID` of os-release: `debian`.
    pub os_id: Option<String>,
    /// `NAME` of os-release: `Debian GNU/Linux`.
    pub os_name: Option<String>,
    /// `VERSION_ID` of os-release: `12`.
    pub os_version: Option<String>,
    /// `PRETTY_NAME` of os-release.
    pub os_description: Option<String>,
    /// `uname -r`.
    pub kernel_release: Option<String>,
}

/// The architecture of this build, by OTel's names.
const ARCH: &str = if cfg!(target_arch = "x86_64") {
    "amd64"
} else if cfg!(target_arch = "aarch64") {
    "arm64"
} else if cfg!(target_arch = "arm") {
    "arm32"
} else if cfg!(target_arch = "x86") {
    "x86"
} else if cfg!(target_arch = "powerpc64") {
    "ppc64"
} else if cfg!(target_arch = "s390x") {
    "s390x"
} else if cfg!(target_arch = "riscv64") {
    "riscv64"
} else {
    "unknown"
};

/// Why there is no boot id.
#[derive(Debug, thiserror::Error)]
pub enum BootIdError {
    /// The file could not be read.
    #[error("cannot read the boot id")]
    Unreadable(#[source] io::Error),
    /// It holds something else.
    #[error("the boot id is no UUID: {0:?}")]
    Malformed(String),
}

/// The id of this boot. `proc` is where procfs is.
///
/// # Errors
///
/// [`BootIdError`]: there is no identity of processes without it.
pub fn boot_id(proc: &Path) -> Result<BootId, BootIdError> {
    let text = fs::read_to_string(proc.join("sys/kernel/random/boot_id"))
        .map_err(BootIdError::Unreadable)?;
    let id = text.trim().to_ascii_lowercase();
    let is_uuid = id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let boot = if is_uuid { BootId::parse(&id) } else { None };
    boot.ok_or(BootIdError::Malformed(id))
}

/// What the resource of every record says of the host below `root`, and of this run of the agent,
/// which is the image `agent`.
pub fn facts(
    root: &Path,
    boot: BootId,
    agent: ImageId,
    configured: &BTreeMap<String, String>,
) -> resource::Host {
    let host = describe(&root.join("proc"), root);
    resource::Host {
        id: host.machine_id.unwrap_or_default(),
        name: host.name.unwrap_or_default(),
        arch: host.arch.to_owned(),
        os_name: host.os_name.unwrap_or_default(),
        os_version: host.os_version.unwrap_or_default(),
        instance: EntityId::of(boot, agent).hex().as_str().to_owned(),
        configured: configured.clone().into_iter().collect(),
    }
}

/// Collects the facts. `proc` is where procfs is, `root` the root directory of the host.
pub fn describe(proc: &Path, root: &Path) -> Host {
    let release = ["etc/os-release", "usr/lib/os-release"]
        .iter()
        .find_map(|name| fs::read_to_string(root.join(name)).ok())
        .unwrap_or_default();
    Host {
        // systemd writes "uninitialized" there during the first boot.
        machine_id: line(&root.join("etc/machine-id")).filter(|id| id != "uninitialized"),
        name: line(&proc.join("sys/kernel/hostname")).filter(|name| name != "(none)"),
        arch: ARCH,
        os_id: os_release(&release, "ID"),
        os_name: os_release(&release, "NAME"),
        os_version: os_release(&release, "VERSION_ID"),
        os_description: os_release(&release, "PRETTY_NAME"),
        kernel_release: line(&proc.join("sys/kernel/osrelease")),
    }
}

/// A file of one line, without what surrounds it.
fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|line| !line.is_empty())
}

/// A value of os-release(5): assignments as in a shell, with quotes and backslashes, the last one
/// wins.
fn os_release(text: &str, key: &str) -> Option<String> {
    let assignments = text.lines().filter_map(|line| line.trim().split_once('='));
    let raw = assignments.rev().find(|(name, _)| *name == key)?.1.trim();
    let value = match raw.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inner = raw.strip_prefix(quote)?.strip_suffix(quote)?;
            if quote == '"' {
                unescape(inner)
            } else {
                inner.to_owned()
            }
        }
        Some(_) | None => unescape(raw),
    };
    Some(value).filter(|value| !value.is_empty())
}

fn unescape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        value.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_as_a_shell_would() {
        let text = "# comment\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\n\
                    PRETTY_NAME=\"a \\\"b\\\" \\$c\"\nEMPTY=\"\"\nOPEN=\"x\nQUOTE=\"\nID=mine\n";
        let value = |key| os_release(text, key);
        assert_eq!(value("NAME").as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(value("VERSION_ID").as_deref(), Some("12"));
        assert_eq!(value("PRETTY_NAME").as_deref(), Some("a \"b\" $c"));
        assert_eq!(value("ID").as_deref(), Some("mine"));
        assert_eq!(
            [value("EMPTY"), value("OPEN"), value("QUOTE"), value("NO")],
            [const { None }; 4]
        );
    }

    #[test]
    fn a_host_is_described_by_its_files_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let (proc, root) = (dir.path().join("proc"), dir.path().join("root"));
        assert_eq!(
            describe(&proc, &root),
            Host {
                arch: ARCH,
                ..Host::default()
            }
        );
        assert!(matches!(boot_id(&proc), Err(BootIdError::Unreadable(_))));

        let write = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(&proc.join("sys/kernel/hostname"), "web-1\n");
        write(&proc.join("sys/kernel/osrelease"), "6.12.0-1-amd64\n");
        write(
            &root.join("usr/lib/os-release"),
            "ID=alpine\nVERSION_ID=3.20\n",
        );
        write(
            &root.join("etc/machine-id"),
            "0123456789abcdef0123456789abcdef\n",
        );
        let host = describe(&proc, &root);
        assert_eq!(host.name.as_deref(), Some("web-1"));
        assert_eq!(host.kernel_release.as_deref(), Some("6.12.0-1-amd64"));
        assert_eq!(
            (host.os_id.as_deref(), host.os_version.as_deref()),
            (Some("alpine"), Some("3.20"))
        );
        assert_eq!(
            host.machine_id.as_deref(),
            Some("0123456789abcdef0123456789abcdef")
        );

        let boot = proc.join("sys/kernel/random/boot_id");
        write(&boot, "6FD5F9E0-5C0B-4BA1-BF5D-1F22D5B2E0C7\n");
        let id = BootId::parse("6fd5f9e0-5c0b-4ba1-bf5d-1f22d5b2e0c7");
        assert_eq!(boot_id(&proc).ok(), id);
        write(&boot, "6fd5f9e0-5c0b-4ba1-bf5d-1f22d5b2e0cx\n");
        assert!(matches!(boot_id(&proc), Err(BootIdError::Malformed(_))));
    }
}
