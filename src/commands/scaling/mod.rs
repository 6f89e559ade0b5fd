//! `gopher scaling`: what follows size: ladders of models, and laws of their loss.

mod fit;
mod gain;
mod ladder;

use clap::Subcommand;

/// What is done.
#[derive(Subcommand)]
pub enum Command {
    /// Train models of several sizes on the same text, within a time, and fit their losses.
    Ladder(ladder::Arguments),
    /// Fit power laws to the losses of runs, and predict runs that are left out.
    Fit(fit::Arguments),
    /// Say which tasks gain from the smallest to the largest of runs that were evaluated.
    Gain(gain::Arguments),
}

/// Runs `gopher scaling`.
///
/// # Errors
/// Whatever ends it.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ladder(arguments) => ladder::run(arguments),
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Gain(arguments) => gain::run(&arguments),
    }
}
