//! `gopher completions`: what a shell needs to complete commands and options.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::output::print;

/// Arguments of `gopher completions`.
#[derive(Args)]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Prints the script of a shell for the program's commands.
///
/// # Errors
/// When it cannot be written.
pub fn run(arguments: &Arguments, mut program: Command) -> anyhow::Result<()> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    generate(arguments.shell, &mut program, name, &mut script);
    print(script)
}
