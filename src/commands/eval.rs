//! `gopher eval`: benchmarks.

mod data;
mod fetch;
mod list;

use clap::{Args, Subcommand};

/// Arguments of `gopher eval`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What `gopher eval` can do.
#[derive(Subcommand)]
enum Command {
    /// List the paper's 152 tasks: metric, shots, protocols, licence, and how much of their data is there.
    List(list::Arguments),
    /// Fetch data of benchmarks into the cache, verified; for the rest, say where it is to be had.
    Fetch(fetch::Arguments),
}

/// Runs `gopher eval`.
///
/// # Errors
/// Those of its subcommands.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::List(arguments) => list::run(&arguments),
        Command::Fetch(arguments) => fetch::run(&arguments),
    }
}
