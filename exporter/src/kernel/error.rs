//! Why the programs could not be started, and what the operator can do.

use std::io;

use aya::maps::MapError;
use aya::programs::ProgramError;
use aya::{BtfError, EbpfError};

use crate::exit::ExitCode;

/// Verifier logs run to megabytes; their end says why.
const VERIFIER_LOG_BYTES: usize = 2048;

/// Why the programs could not be loaded, attached or read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The process may not load programs.
    #[error(
        "loading eBPF programs needs root, or the capabilities CAP_BPF and CAP_PERFMON: start kintrace as root or grant them (systemd: AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_SYS_PTRACE CAP_DAC_READ_SEARCH)"
    )]
    Privilege,
    /// The kernel is older than any we support.
    #[error("kernel {release} is too old: kintrace needs Linux 5.10 or newer")]
    OldKernel {
        /// As `uname -r` says.
        release: String,
    },
    /// The kernel does not describe its types.
    #[error(
        "the kernel has no type information (/sys/kernel/btf/vmlinux): use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as all current distributions are, and mount sysfs"
    )]
    NoBtf,
    /// The kernel's type information cannot be read.
    #[error("the kernel's type information (/sys/kernel/btf/vmlinux) cannot be read")]
    Btf(#[source] BtfError),
    /// Kernel lockdown forbids programs to read kernel memory.
    #[error(
        "kernel lockdown is in confidentiality mode and forbids programs to read kernel memory: boot with lockdown=integrity or without lockdown"
    )]
    Lockdown,
    /// The agent was built without programs.
    #[error(
        "this kintrace was built without its programs (PROBES_SKIP_BUILD=1): build it again without that variable"
    )]
    NoPrograms,
    /// The object could not be loaded.
    #[error("the kernel refused the process object: run `kintrace probe` to see what it offers")]
    Object(#[source] Box<EbpfError>),
    /// A program could not be loaded or attached.
    #[error("the kernel refused program {name}{log}")]
    Program {
        /// Name of the function.
        name: &'static str,
        /// The end of the verifier's log, if there is one.
        log: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A map or program is not in the object: the object and the agent disagree.
    #[error("the process object has no {0}: the agent and its programs are from different builds")]
    Absent(&'static str),
    /// A map could not be used.
    #[error("a map of the programs cannot be used")]
    Map(#[source] Box<MapError>),
    /// An environment variable's name is longer than the programs compare.
    #[error("environment variable name {0:?} is longer than 63 bytes")]
    EnvironmentName(String),
    /// A descriptor could not be read or waited for.
    #[error("reading from the programs failed")]
    Io(#[source] io::Error),
}

impl LoadError {
    pub(super) fn object(source: EbpfError) -> Self {
        Self::Object(Box::new(source))
    }

    pub(super) fn map(source: MapError) -> Self {
        Self::Map(Box::new(source))
    }

    pub(super) fn program(name: &'static str, source: ProgramError) -> Self {
        if let ProgramError::LoadError {
            io_error,
            verifier_log,
        } = source
        {
            let log = format!(
                ". The verifier's last words:\n{}",
                tail(&verifier_log.to_string())
            );
            return Self::Program {
                name,
                log,
                source: io_error,
            };
        }
        Self::Program {
            name,
            log: String::new(),
            source: io::Error::other(source),
        }
    }

    /// The exit code of a run that ends with this.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Privilege => ExitCode::NoPermission,
            Self::OldKernel { .. }
            | Self::NoBtf
            | Self::Btf(_)
            | Self::Lockdown
            | Self::Object(_)
            | Self::Program { .. } => ExitCode::Unavailable,
            Self::EnvironmentName(_) => ExitCode::Config,
            Self::NoPrograms | Self::Absent(_) | Self::Map(_) | Self::Io(_) => ExitCode::Failure,
        }
    }
}

fn tail(log: &str) -> &str {
    let mut start = log.len().saturating_sub(VERIFIER_LOG_BYTES);
    while !log.is_char_boundary(start) {
        start += 1;
    }
    log.get(start..).unwrap_or_default()
}
