//! What the machine must have besides Rust, and how a Debian or Ubuntu gets it.
//!
//! Costs a few `stat` calls and no package manager when everything is there.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace::{is_root, on_path, output, run, sudo_without_password};

/// What the machine shall be able to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Set {
    /// Build the agent.
    Build,
    /// Build it, and run every test.
    Test,
}

/// One thing that is needed.
struct Need {
    /// For people.
    what: &'static str,
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
    /// The smallest set that needs it.
    set: Set,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "clang with the bpf target",
        packages: &["clang"],
        set: Set::Build,
        present: || bpf_clang().is_some(),
    },
    Need {
        what: "libbpf's headers",
        packages: &["libbpf-dev"],
        set: Set::Build,
        present: || Path::new("/usr/include/bpf/bpf_helpers.h").exists(),
    },
    // The agent builds without it, with larger objects inside.
    Need {
        what: "llvm-strip",
        packages: &["llvm"],
        set: Set::Test,
        present: || on_path("llvm-strip").is_some(),
    },
    Need {
        what: "clang-format",
        packages: &["clang-format"],
        set: Set::Test,
        present: || on_path("clang-format").is_some(),
    },
    Need {
        what: "qemu for x86-64, with its firmware",
        packages: &["qemu-system-x86", "seabios"],
        set: Set::Test,
        present: || on_path("qemu-system-x86_64").is_some(),
    },
    Need {
        what: "dpkg-deb, to unpack kernels",
        packages: &["dpkg"],
        set: Set::Test,
        present: || on_path("dpkg-deb").is_some(),
    },
    Need {
        what: "Debian's archive keys, to trust kernels",
        packages: &["debian-archive-keyring"],
        set: Set::Test,
        present: || Path::new(crate::kernels::KEYRING).exists(),
    },
    Need {
        what: "Go, to build the Collector",
        packages: &["golang-go", "ca-certificates"],
        set: Set::Test,
        present: || crate::go::find().is_some(),
    },
];

/// Makes sure that everything in `set` is there, installing it if we may.
///
/// # Errors
///
/// Something is missing and this user cannot install it: the message is the line to type. Or apt
/// failed.
pub(crate) fn ensure(set: Set) -> Result<()> {
    let missing = missing(set);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    let what: Vec<_> = missing.iter().map(|need| need.what).collect();
    let install = install_line(&packages);

    if on_path("apt-get").is_none() {
        bail!(
            "missing: {}; this machine has no apt-get to install them with",
            what.join(", ")
        );
    }
    let mut command = if is_root() {
        Command::new("sh")
    } else if sudo_without_password() {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        bail!(
            "missing: {}; type:\n  sudo sh -c '{install}'",
            what.join(", ")
        );
    };
    eprintln!("xtask: installing {}", packages.join(" "));
    run(command
        .args(["-c", &install])
        .env("DEBIAN_FRONTEND", "noninteractive"))?;

    let left: Vec<_> = self::missing(set).iter().map(|need| need.what).collect();
    if !left.is_empty() {
        bail!("still missing after `{install}`: {}", left.join(", "));
    }
    Ok(())
}

/// The first clang that can compile for the kernel; the same search as the build script of
/// `probes`.
fn bpf_clang() -> Option<String> {
    let named = ["KINTRACE_CLANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    let usual = std::iter::once("clang".to_owned());
    let versioned = (13..=22).rev().map(|version| format!("clang-{version}"));
    named.chain(usual).chain(versioned).find(|clang| {
        // A lookup first: starting a program that is not there would be reported.
        (Path::new(clang).is_absolute() || on_path(clang).is_some())
            && output(Command::new(clang).arg("--print-targets"))
                .is_ok_and(|targets| targets.contains("bpf"))
    })
}

fn missing(set: Set) -> Vec<&'static Need> {
    let wanted = |need: &&Need| need.set == Set::Build || set == Set::Test;
    NEEDS
        .iter()
        .filter(wanted)
        .filter(|need| !(need.present)())
        .collect()
}

fn install_line(packages: &[&str]) -> String {
    format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_type_updates_the_lists_first() {
        assert_eq!(
            install_line(&["clang", "libbpf-dev"]),
            "apt-get update && apt-get install -y --no-install-recommends clang libbpf-dev"
        );
    }

    #[test]
    fn running_the_tests_needs_all_that_building_needs() {
        let build = NEEDS.iter().filter(|need| need.set == Set::Build).count();
        assert!(build > 0 && build < NEEDS.len());
        for need in missing(Set::Build) {
            assert!(
                missing(Set::Test)
                    .iter()
                    .any(|other| other.what == need.what)
            );
        }
    }
}
