//! An apt of our own: state, cache and source list in one folder, the mirror of the machine.
//!
//! The machine's configuration still counts where it says how to reach a mirror (a proxy); its
//! sources, preferences and installed packages do not.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Image, Kernel};
use crate::workspace::{output, run};

/// The keys that sign Debian's suites; package `debian-archive-keyring`.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The suites that hold the kernels of [`Kernel::ALL`].
///
/// bookworm has 6.1, trixie 6.12; trixie-backports follows the newest release of kernel.org.
const SUITES: &[(&str, &str)] = &[
    ("debian", "bullseye"),
    ("debian-security", "bullseye-security"),
    ("debian", "bookworm"),
    ("debian-security", "bookworm-security"),
    ("debian", "trixie"),
    ("debian-security", "trixie-security"),
    ("debian", "trixie-backports"),
];

/// The package whose versions depend on the kernels that are current. The cloud flavour has all of
/// bpf, BTF included, and boots without modules.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

/// A private apt.
pub(super) struct Apt {
    pub(super) folder: PathBuf,
}

// === impl Apt ===

impl Apt {
    /// Sets it up and fetches the lists of packages.
    pub(super) fn update(folder: PathBuf) -> Result<Self> {
        for name in ["state/lists/partial", "cache/archives/partial", "empty"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let mirror = mirror();
        let sources: String = SUITES
            .iter()
            .map(|(archive, suite)| {
                format!("deb [arch=amd64 signed-by={KEYRING}] {mirror}/{archive} {suite} main\n")
            })
            .collect();
        fs::write(folder.join("sources.list"), sources)?;
        // No package of this machine has a say in what is chosen.
        fs::write(folder.join("status"), "")?;

        let apt = Self { folder };
        eprintln!("xtask: asking {mirror} for kernels");
        if let Err(error) = run(apt.command("apt-get").args(["-q", "update"])) {
            // One suite that moved to the archive must not take the others with it.
            eprintln!("xtask: {error}; going on with what came");
        }
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut set = |key: &str, value: &dyn fmt::Display| {
            command.arg("-o").arg(format!("{key}={value}"));
        };
        set(
            "Dir::Etc::sourcelist",
            &self.folder.join("sources.list").display(),
        );
        let empty = self.folder.join("empty");
        set("Dir::Etc::sourceparts", &empty.display());
        set("Dir::Etc::preferences", &"/dev/null");
        set("Dir::Etc::preferencesparts", &empty.display());
        set("Dir::State", &self.folder.join("state").display());
        set("Dir::State::status", &self.folder.join("status").display());
        set("Dir::Cache", &self.folder.join("cache").display());
        // Images of containers switch these off, and then every call parses all lists anew.
        set("Dir::Cache::pkgcache", &"pkgcache.bin");
        set("Dir::Cache::srcpkgcache", &"srcpkgcache.bin");
        set("APT::Architecture", &"amd64");
        set("APT::Sandbox::User", &"");
        set("Acquire::Languages", &"none");
        // Descriptions for graphical shops, where those are installed: tens of megabytes.
        set(
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled",
            &"false",
        );
        command
    }

    pub(super) fn fetch(&self, kernel: Kernel, folder: &Path) -> Result<Image> {
        let versions = output(self.command("apt-cache").args(["show", META_PACKAGE]))?;
        let (version, image_package) = newest(kernel, &versions)
            .with_context(|| format!("the mirror has no kernel {}", kernel.name()))?;

        let unpacked = self.folder.join("unpacked");
        if unpacked.exists() {
            fs::remove_dir_all(&unpacked)?;
        }
        fs::create_dir_all(&unpacked)?;
        // Since 7.3 the image is in a package of its own, which the image package depends on.
        let binary_package = image_package.replacen("linux-image-", "linux-binary-", 1);
        for package in [&image_package, &binary_package] {
            self.unpack(package, &version, &unpacked)?;
            if let Some(found) = find_vmlinuz(&unpacked)? {
                fs::create_dir_all(folder)?;
                let vmlinuz = folder.join("vmlinuz");
                fs::copy(&found, &vmlinuz)?;
                fs::write(folder.join("version"), format!("{version}\n"))?;
                fs::remove_dir_all(&unpacked)?;
                return Ok(Image {
                    kernel,
                    version,
                    vmlinuz,
                });
            }
        }
        bail!("no vmlinuz in {image_package} or {binary_package}")
    }

    /// Downloads one package and unpacks it into `folder`.
    fn unpack(&self, package: &str, version: &str, folder: &Path) -> Result<()> {
        let mut download = self.command("apt-get");
        download
            .args(["-q", "download"])
            .arg(format!("{package}={version}"));
        run(download.current_dir(folder))?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg-deb").arg("-x").arg(&path).arg(folder))?;
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// The image in an unpacked package: `/boot/vmlinuz-<version>`, or since 7.3
/// `/usr/lib/modules/<version>/vmlinuz`.
fn find_vmlinuz(unpacked: &Path) -> Result<Option<PathBuf>> {
    let mut folders = vec![unpacked.join("boot")];
    if let Ok(versions) = fs::read_dir(unpacked.join("usr/lib/modules")) {
        for version in versions {
            folders.push(version?.path());
        }
    }
    for folder in folders {
        let Ok(files) = folder.read_dir() else {
            continue;
        };
        for file in files {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("vmlinuz") {
                return Ok(Some(file.path()));
            }
        }
    }
    Ok(None)
}

/// The newest version for `kernel` among the stanzas of `apt-cache show`, and the package behind
/// it.
fn newest(kernel: Kernel, stanzas: &str) -> Option<(String, String)> {
    stanzas
        .split("\n\n")
        .filter_map(|stanza| {
            let field = |name: &str| {
                stanza
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            let version = field("Version").filter(|version| kernel.takes(version))?;
            let package = field("Depends")?
                .split([',', ' '])
                .find(|word| word.starts_with("linux-image-") && word.contains("-cloud-"))?;
            Some((version.to_owned(), package.to_owned()))
        })
        .max_by_key(|(version, _)| numbers(version))
}

/// The numbers in a version, which order the releases of one kernel well enough.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// The mirror that this machine uses, up to but without `/debian`.
fn mirror() -> String {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    let texts = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    texts
        .filter_map(|text| mirror_in(&text))
        .next()
        .unwrap_or_else(|| "http://deb.debian.org".to_owned())
}

fn mirror_in(sources: &str) -> Option<String> {
    sources
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .find_map(|line| {
            line.split_whitespace()
                .filter(|word| word.starts_with("http"))
                .find_map(|uri| uri.trim_end_matches('/').strip_suffix("/debian"))
                .map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "\
Package: linux-image-cloud-amd64
Version: 7.3.4-1~bpo13+1
Depends: linux-base-cloud-amd64 (= 7.3.4-1~bpo13+1), linux-image-7.3.4+deb13-cloud-amd64 (= 7.3.4)

Package: linux-image-cloud-amd64
Version: 6.1.9-1
Depends: linux-image-6.1.0-9-cloud-amd64 (= 6.1.9-1)

Package: linux-image-cloud-amd64
Version: 6.1.192-2
Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)

Package: linux-image-cloud-amd64
Version: 6.12.117-1
Depends: linux-image-6.12.117+deb13-cloud-amd64 (= 6.12.117-1)
";

    #[track_caller]
    fn check(kernel: Kernel, version: &str, package: &str) {
        assert_eq!(
            newest(kernel, SHOWN),
            Some((version.to_owned(), package.to_owned()))
        );
    }

    #[test]
    fn a_name_takes_the_newest_release_of_its_own_series() {
        check(
            Kernel::V6_1,
            "6.1.192-2",
            "linux-image-6.1.0-56-cloud-amd64",
        );
        check(
            Kernel::V6_12,
            "6.12.117-1",
            "linux-image-6.12.117+deb13-cloud-amd64",
        );
        check(
            Kernel::Newest,
            "7.3.4-1~bpo13+1",
            "linux-image-7.3.4+deb13-cloud-amd64",
        );
        assert_eq!(newest(Kernel::V5_10, SHOWN), None);
    }

    #[test]
    fn the_mirror_comes_from_both_forms_of_source_lists() {
        let deb822 = "Types: deb\n# http://other/debian\nURIs: http://near.example/debian/\n";
        assert_eq!(mirror_in(deb822).as_deref(), Some("http://near.example"));
        let line = "deb [arch=amd64] https://near.example/x/debian bookworm main\n";
        assert_eq!(mirror_in(line).as_deref(), Some("https://near.example/x"));
        assert_eq!(
            mirror_in("deb http://archive.example/ubuntu noble main\n"),
            None
        );
    }
}
