//! The `gopher` command.
//!
//! Results go to standard output; progress, logs and errors to standard error. Exit codes: 0 success, 1 failure, 2 wrong
//! usage, 130 interrupted, 143 terminated, 129 hung up.

mod arguments;
mod commands;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

/// Train, sample and export the Gopher family of language models on XLA.
#[derive(Parser)]
#[command(name = "gopher", version = concat!(env!("CARGO_PKG_VERSION"), env!("GOPHER_COMMIT")), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

/// Reads the arguments.
fn parse() -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    command.build();
    let arguments = arguments::Arguments::read(&command, std::env::args_os());
    let matches = Cli::command().try_get_matches_from(&arguments.all);
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|error| arguments.explain(error))
}

fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is lost when the terminal is gone.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::report(&error),
    }
}
