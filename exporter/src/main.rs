//! The program: reads the command line, calls the one function that it asks for, and ends with the
//! code that says how it went.

use std::io;
use std::process::ExitCode;

use kintrace::cli::{self, Command, ConfigCommand, ProbeArgs, RunArgs};
use kintrace::config::ProcessEnv;
use kintrace::{exit, logging};

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
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
    match command {
        Command::Run(args) => run(&args),
        Command::Probe(args) => probe(&args),
        Command::Config(ConfigCommand::Check { file }) => Ok(cli::config::check(
            file.as_deref(),
            &ProcessEnv,
            &mut io::stdout().lock(),
        )?),
        Command::Config(ConfigCommand::Show { config }) => Ok(cli::config::show(
            config.as_deref(),
            &ProcessEnv,
            &mut io::stdout().lock(),
        )?),
    }
}

fn run(args: &RunArgs) -> anyhow::Result<exit::ExitCode> {
    let loaded = cli::config::load(args.config.as_deref(), &ProcessEnv, &args.overrides())?;
    logging::init(&loaded.config.log);
    for warning in &loaded.warnings {
        tracing::warn!(
            key = warning.key,
            reason = warning.message,
            "doubtful configuration"
        );
    }
    anyhow::bail!("run is not built in")
}

fn probe(_: &ProbeArgs) -> anyhow::Result<exit::ExitCode> {
    anyhow::bail!("probe is not built in")
}
