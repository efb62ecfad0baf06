//! Finds and reads the configuration file, and the files that it names.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Tls;

/// The file that is used if it exists and no other is named.
pub const DEFAULT_PATH: &str = "/etc/kintrace/kintrace.yaml";

/// A file as it was found.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Which one; `None` if none is named and [`DEFAULT_PATH`] does not exist.
    pub path: Option<PathBuf>,
    /// What it says; empty if there is none.
    pub text: String,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    /// Which one.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// What the files of [`Tls`] hold, as PEM. `Debug` shows none of it.
#[derive(Clone, Default, PartialEq)]
pub struct Certificates {
    /// Whom to trust; `None`: the roots of the host.
    pub ca: Option<Vec<u8>>,
    /// The agent's own chain and its private key; `None`: it shows none.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Reads the file at `named`, or the one at [`DEFAULT_PATH`] if it exists.
///
/// # Errors
///
/// A file that is named must exist, and what exists must be readable and UTF-8.
pub fn read_file(named: Option<&Path>) -> Result<ConfigFile, ReadError> {
    let path = named.unwrap_or(Path::new(DEFAULT_PATH));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(ConfigFile {
            path: Some(path.to_owned()),
            text,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            Ok(ConfigFile {
                path: None,
                text: String::new(),
            })
        }
        Err(source) => Err(ReadError {
            path: path.to_owned(),
            source,
        }),
    }
}

// === impl Tls ===

impl Tls {
    /// Reads the files, so that a wrong path is found before anything starts.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read. Whether they hold certificates is not looked at.
    pub fn read(&self) -> Result<Certificates, ReadError> {
        let Self {
            ca_file,
            cert_file,
            key_file,
            server_name: _,
        } = self;
        let ca = ca_file.as_deref().map(read_bytes).transpose()?;
        let identity = match (cert_file, key_file) {
            (Some(cert), Some(key)) => Some((read_bytes(cert)?, read_bytes(key)?)),
            _ => None,
        };
        Ok(Certificates { ca, identity })
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    std::fs::read(path).map_err(|source| ReadError {
        path: path.to_owned(),
        source,
    })
}

// === impl Certificates ===

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, name).unwrap();
            Some(path)
        };
        let mut tls = Tls {
            ca_file: file("ca"),
            cert_file: file("cert"),
            key_file: file("key"),
            server_name: None,
        };
        let read = tls.read().unwrap();
        assert_eq!(read.ca.as_deref(), Some(b"ca".as_slice()));
        assert_eq!(read.identity, Some((b"cert".to_vec(), b"key".to_vec())));
        assert_eq!(format!("{read:?}"), "Certificates { .. }");
        tls.key_file = Some(directory.path().join("missing"));
        let error = tls.read().unwrap_err();
        assert!(error.path.ends_with("missing"));
    }

    #[test]
    fn a_file_that_is_named_and_missing_is_an_error() {
        assert!(read_file(Some(Path::new("/nonexistent/kintrace.yaml"))).is_err());
    }
}
