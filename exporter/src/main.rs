//! The program: everything is in the library, where tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    kintrace::program::main(std::env::args_os())
}
