//! What the binary does: reads the command line, calls the one function that it asks for, and ends with
//! the code that says how it went. The live tests carry the agent in their own binary and start it here.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use crate::cli::{self, Command, ConfigCommand, RunArgs};
use crate::config::ProcessEnv;
use crate::{exit, logging, run};

/// The whole program, for these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told if the terminal is gone.
            drop(error.print());
            return cli::code(&error).into();
        }
    };
    match dispatch(cli.command) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("kintrace: {error:#}");
            exit::ExitCode::of(error.chain()).into()
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<exit::ExitCode> {
    let mut out = io::stdout().lock();
    match command {
        Command::Run(args) => {
            drop(out);
            run_agent(&args)
        }
        Command::Probe(args) => Ok(cli::probe::probe(&args, &mut out)?),
        Command::Config(ConfigCommand::Check { file }) => {
            Ok(cli::config::check(file.as_deref(), &ProcessEnv, &mut out)?)
        }
        Command::Config(ConfigCommand::Show { config }) => {
            Ok(cli::config::show(config.as_deref(), &ProcessEnv, &mut out)?)
        }
    }
}

fn run_agent(args: &RunArgs) -> anyhow::Result<exit::ExitCode> {
    let loaded = cli::config::load(args.config.as_deref(), &ProcessEnv, &args.overrides())?;
    logging::init(&loaded.config.log);
    for warning in &loaded.warnings {
        tracing::warn!(
            key = warning.key,
            reason = warning.message,
            "doubtful configuration"
        );
    }
    run::run(&loaded.config)?;
    Ok(exit::ExitCode::Success)
}
