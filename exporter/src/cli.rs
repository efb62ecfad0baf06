//! The command line: what can be asked of the program. Nothing is done here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::config::{Endpoint, LogLevel, Output, Overrides, Protocol};
use crate::exit::ExitCode;

pub mod config;
pub mod probe;

/// Watches the processes of a Linux host with eBPF and speaks OTLP.
#[derive(Debug, Parser)]
#[command(
    name = "kintrace",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Observe processes until told to stop
    Run(RunArgs),
    /// Say what this kernel can do for kintrace
    Probe(ProbeArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Of `kintrace run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The configuration file [default: /etc/kintrace/kintrace.yaml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the console shows of an event
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Output::NAMES))]
    pub output: Option<String>,
    /// Where to send everything; "" is the console
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub otlp_endpoint: Option<String>,
    /// How to send it
    #[arg(long, value_name = "PROTOCOL", value_parser = PossibleValuesParser::new(Protocol::NAMES))]
    pub otlp_protocol: Option<String>,
    /// What the agent says about itself
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(LogLevel::NAMES))]
    pub log_level: Option<String>,
}

/// Of `kintrace probe`.
#[derive(Args, Debug)]
pub struct ProbeArgs {
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text",
          value_parser = PossibleValuesParser::new(Output::NAMES))]
    pub output: String,
}

/// Of `kintrace config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Find every mistake in a configuration, together with the environment
    Check {
        /// The configuration file [default: /etc/kintrace/kintrace.yaml, if it exists]
        file: Option<PathBuf>,
    },
    /// Print the configuration in force, and where each value comes from
    Show {
        /// The configuration file [default: /etc/kintrace/kintrace.yaml, if it exists]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Reads a command line, the name of the program first.
///
/// # Errors
///
/// What clap has to say: also `--help` and `--version` are such errors. [`code`] tells them apart.
pub fn parse<T: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(arguments)
}

/// The code to exit with after `error` was printed.
pub fn code(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        ExitCode::Usage
    } else {
        ExitCode::Success
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    match text {
        "" => Ok(String::new()),
        text => text
            .parse::<Endpoint>()
            .map(|endpoint| endpoint.to_string()),
    }
}

// === impl RunArgs ===

impl RunArgs {
    /// What the flags say over the configuration.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            otlp_endpoint: self.otlp_endpoint.clone(),
            otlp_protocol: self.otlp_protocol.clone(),
            output: self.output.clone(),
            log_level: self.log_level.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(line: &str) -> ExitCode {
        match parse(line.split(' ')) {
            Ok(_) => ExitCode::Success,
            Err(error) => code(&error),
        }
    }

    #[test]
    fn clap_finds_no_fault_with_the_definition() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_error_and_help_is_not() {
        for line in [
            "kintrace",
            "kintrace walk",
            "kintrace run --output xml",
            "kintrace run --otlp-endpoint localhost:4317",
            "kintrace run --otlp-protocol http/json",
            "kintrace run --log-level loud",
            "kintrace config",
        ] {
            assert_eq!(code_of(line), ExitCode::Usage, "{line}");
        }
        for line in [
            "kintrace --help",
            "kintrace --version",
            "kintrace run --help",
        ] {
            assert_eq!(code_of(line), ExitCode::Success, "{line}");
        }
    }

    #[test]
    fn flags_of_run_become_overrides() {
        let line = "kintrace run --output json --otlp-endpoint http://localhost:4318 \
                    --otlp-protocol http/protobuf --log-level debug";
        let Command::Run(args) = parse(line.split_whitespace()).unwrap().command else {
            panic!("another command");
        };
        let overrides = args.overrides();
        assert_eq!(overrides.output.as_deref(), Some("json"));
        assert_eq!(
            overrides.otlp_endpoint.as_deref(),
            Some("http://localhost:4318")
        );
        assert_eq!(overrides.otlp_protocol.as_deref(), Some("http/protobuf"));
        assert_eq!(overrides.log_level.as_deref(), Some("debug"));
    }
}
