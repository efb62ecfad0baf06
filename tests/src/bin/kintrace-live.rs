//! The live tests, the programs that they watch, and the agent that watches, in one static file.

use std::process::ExitCode;

fn main() -> ExitCode {
    kintrace_tests::live::main(std::env::args_os())
}
