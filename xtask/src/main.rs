//! The one door for people and for CI: `cargo xtask <command>`.
//!
//! A command lives in a module of its own and takes a [`Workspace`]; this file only dispatches.
//! What a command says about its own work goes to standard error, since `cargo xtask run` hands
//! standard output to the agent.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool answers on standard output"
)]

mod bench;
mod collector;
mod cpio;
mod deny;
mod deps;
mod fmt;
mod go;
mod kernels;
mod live;
mod run;
mod steps;
mod tidy;
mod vm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::kernels::Kernel;
use crate::workspace::Workspace;

/// The tasks of the kintrace workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the agent and run it: `cargo xtask run -- --output json > events.ndjson`.
    Run {
        /// Arguments for `kintrace run`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Everything that CI checks; all steps run, all failures are reported.
    Test(steps::Selection),
    /// Format Rust and C.
    Fmt,
    /// The rules of the house that no compiler knows.
    Tidy,
    /// Licences, sources and duplicates of what we depend on (cargo-deny).
    Deny,
    /// Install what a fresh machine lacks.
    Deps {
        /// What the machine shall be able to do.
        #[arg(value_enum, default_value_t = deps::Set::Test)]
        set: deps::Set,
    },
    /// Fetch the kernels of the virtual machines, and print where they are.
    Kernels {
        /// Which ones; all if none is named.
        kernels: Vec<Kernel>,
    },
    /// Run the live tests in virtual machines.
    Vm(vm::Selection),
    /// Run the live tests on this machine's own kernel.
    Live {
        /// Only the cases whose name contains this.
        #[arg(last = true)]
        filter: Option<String>,
    },
    /// Measure what the agent costs, both sides in one run (as root).
    Bench,
    /// Build the OpenTelemetry Collector of the tests, and print its path.
    Collector,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    dispatch(arguments.command).unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn dispatch(command: Command) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match command {
        Command::Run { arguments } => run::run(&workspace, &arguments)?,
        Command::Test(selection) => return steps::run(&workspace, &selection),
        Command::Fmt => fmt::write(&workspace)?,
        Command::Tidy => println!("{}", tidy::run(&workspace)?),
        Command::Deny => println!("{}", deny::run(&workspace)?),
        Command::Deps { set } => deps::ensure(set)?,
        Command::Kernels { kernels } => {
            deps::ensure(deps::Set::Test)?;
            for image in kernels::fetch(&workspace, &kernels::all_if_empty(kernels))? {
                println!("{image}");
            }
        }
        Command::Vm(selection) => vm::run(&workspace, &selection)?,
        Command::Live { filter } => println!("{}", live::native(&workspace, filter.as_deref())?),
        Command::Bench => bench::bench(&workspace)?,
        Command::Collector => println!("{}", collector::build(&workspace)?.display()),
    }
    Ok(ExitCode::SUCCESS)
}
