//! `gopher analyze`: what models show beyond scores.

mod ask;
mod bias;
mod runs;
mod scorer;
mod show;
mod toxicity;

use clap::Subcommand;

/// What is analysed.
#[derive(Subcommand)]
pub enum Command {
    /// How toxic texts are, by a scorer.
    Toxicity(toxicity::Arguments),
    /// Whom models prefer, by benchmarks of bias.
    Bias(bias::Arguments),
}

/// Runs `gopher analyze`.
///
/// # Errors
/// Those of what is analysed.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Toxicity(arguments) => toxicity::run(&arguments),
        Command::Bias(arguments) => bias::run(&arguments),
    }
}
