//! How the program ends: the codes of sysexits(3), which init systems and scripts can tell apart.

use std::error::Error;

use crate::cli::config::Failure;
use crate::config::{ConfigError, ReadError};
use crate::kernel::LoadError;

/// A code to exit with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum ExitCode {
    /// It did what it was told.
    Success = 0,
    /// It failed, and none of the codes below says how.
    Failure = 1,
    /// `EX_USAGE`: the command line is wrong.
    Usage = 64,
    /// `EX_UNAVAILABLE`: the kernel lacks a feature that is needed.
    Unavailable = 69,
    /// `EX_NOPERM`: a privilege is missing.
    NoPermission = 77,
    /// `EX_CONFIG`: the configuration is wrong, or its file cannot be read.
    Config = 78,
}

// === impl ExitCode ===

impl ExitCode {
    /// The code of what failed, found in the chain of causes, outermost first.
    ///
    /// `anyhow::Error::chain` is such a chain. An error that deserves a code of its own is added here.
    pub fn of<'a>(chain: impl IntoIterator<Item = &'a (dyn Error + 'static)>) -> Self {
        chain
            .into_iter()
            .find_map(Self::of_one)
            .unwrap_or(Self::Failure)
    }

    fn of_one(cause: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = cause.downcast_ref::<LoadError>() {
            return Some(error.exit_code());
        }
        // Failure is transparent: it stands in the chain for the error that it holds.
        let is_config =
            cause.is::<Failure>() || cause.is::<ConfigError>() || cause.is::<ReadError>();
        is_config.then_some(Self::Config)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_configuration_is_found_below_its_context() {
        let wrong = || ConfigError {
            problems: Vec::new(),
        };
        let error = anyhow::Error::new(wrong()).context("cannot start");
        assert_eq!(ExitCode::of(error.chain()), ExitCode::Config);
        let error = anyhow::Error::new(Failure::from(wrong())).context("cannot start");
        assert_eq!(ExitCode::of(error.chain()), ExitCode::Config);
        assert_eq!(
            ExitCode::of(anyhow::anyhow!("no").chain()),
            ExitCode::Failure
        );
    }
}
