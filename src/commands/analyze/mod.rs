//! `gopher analyze`: what models show beyond scores.

mod ask;
mod bias;
mod dialect;
mod dialogue;
mod runs;
mod scorer;
mod show;
mod toxicity;

use clap::Subcommand;

/// What is analysed.
#[derive(Subcommand)]
pub enum Command {
    /// How toxic texts are, and what models write; how well models tell toxic comments.
    Toxicity(Box<toxicity::Arguments>),
    /// Whom models prefer, by benchmarks of bias.
    Bias(Box<bias::Arguments>),
    /// How much more one dialect surprises models than another.
    Dialect(Box<dialect::Arguments>),
    /// How toxic and how good answers in dialogues are.
    Dialogue(Box<dialogue::Arguments>),
}

/// Runs `gopher analyze`.
///
/// # Errors
/// Those of what is analysed.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Toxicity(arguments) => toxicity::run(&arguments),
        Command::Bias(arguments) => bias::run(&arguments),
        Command::Dialect(arguments) => dialect::run(&arguments),
        Command::Dialogue(arguments) => dialogue::run(&arguments),
    }
}
