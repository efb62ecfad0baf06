//! Fetches Debian kernels for the virtual machines, without touching the machine's own apt.
//!
//! apt runs with a state, a cache and a source list of our own below `.cache/apt`; the mirror is
//! the one that the machine already uses. Signatures are checked against Debian's keyring. From the
//! package of a kernel only its image is kept. A kernel that is there is not fetched again: delete
//! `.cache/kernels` to get newer ones.

mod apt;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};

use self::apt::Apt;
use crate::workspace::Workspace;

pub(crate) use self::apt::KEYRING;

/// A kernel that is tested.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kernel {
    /// The oldest that is supported.
    V5_10,
    /// Debian 12.
    V6_1,
    /// Debian 13.
    V6_12,
    /// Whatever came out last.
    Newest,
}

/// A fetched kernel.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) kernel: Kernel,
    /// Debian's version of it.
    pub(crate) version: String,
    /// The bootable file.
    pub(crate) vmlinuz: PathBuf,
}

// === impl Kernel ===

impl Kernel {
    /// From the oldest to the newest.
    pub(crate) const ALL: &[Self] = &[Self::V5_10, Self::V6_1, Self::V6_12, Self::Newest];

    /// What people type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::Newest => "newest",
        }
    }

    /// Whether `version` (`6.1.192-2`) is one of this kernel.
    fn takes(self, version: &str) -> bool {
        match self {
            Self::V5_10 | Self::V6_1 | Self::V6_12 => version
                .strip_prefix(self.name())
                .is_some_and(|rest| rest.starts_with('.')),
            Self::Newest => true,
        }
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|kernel| kernel.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|kernel| kernel.name()).collect();
                format!("not one of {}", names.join(", "))
            })
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\t{}\t{}",
            self.kernel.name(),
            self.version,
            self.vmlinuz.display()
        )
    }
}

/// `kernels`, or all of them if there are none.
pub(crate) fn all_if_empty(kernels: Vec<Kernel>) -> Vec<Kernel> {
    if kernels.is_empty() {
        Kernel::ALL.to_vec()
    } else {
        kernels
    }
}

/// Makes sure that `kernels` are in the cache.
///
/// # Errors
///
/// The mirror does not have one, or apt failed.
pub(crate) fn fetch(workspace: &Workspace, kernels: &[Kernel]) -> Result<Vec<Image>> {
    let mut apt = None;
    let mut images = Vec::new();
    for &kernel in kernels {
        let folder = workspace.cache.join("kernels").join(kernel.name());
        if let Some(image) = cached(kernel, &folder) {
            images.push(image);
            continue;
        }
        if apt.is_none() {
            apt = Some(Apt::update(workspace.cache.join("apt"))?);
        }
        let apt = apt.as_ref().context("apt was set up above")?;
        images.push(apt.fetch(kernel, &folder)?);
    }
    if let Some(Apt { folder }) = apt {
        fs::remove_dir_all(folder)?;
    }
    Ok(images)
}

fn cached(kernel: Kernel, folder: &Path) -> Option<Image> {
    // The version is written last: without it the folder is not complete.
    let version = fs::read_to_string(folder.join("version"))
        .ok()?
        .trim()
        .to_owned();
    let vmlinuz = folder.join("vmlinuz");
    vmlinuz.is_file().then_some(Image {
        kernel,
        version,
        vmlinuz,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_found_by_its_name() {
        for kernel in Kernel::ALL {
            assert_eq!(kernel.name().parse(), Ok(*kernel));
        }
        assert_eq!(
            "6".parse::<Kernel>(),
            Err("not one of 5.10, 6.1, 6.12, newest".to_owned())
        );
    }

    #[test]
    fn a_series_does_not_take_a_longer_one() {
        assert!(Kernel::V6_1.takes("6.1.192-2"));
        assert!(!Kernel::V6_1.takes("6.12.117-1"));
    }
}
