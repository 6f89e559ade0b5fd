//! One file per subcommand, each thin: it reads arguments, calls the crates, and prints.

pub mod analyze;
pub mod cache;
pub mod chat;
pub mod checkpoint;
pub mod completions;
pub mod data;
pub mod doctor;
pub mod eval;
pub mod export;
pub mod generate;
pub mod import;
pub mod models;
pub mod plan;
mod precision;
pub mod replay;
pub mod report;
pub mod runs;
pub mod runtime;
pub mod scaling;
pub mod serve;
pub mod tokenizer;
pub mod train;
mod trained;
mod workload;

use clap::Subcommand;

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Train a model on text; without arguments, a small one on Shakespeare's plays.
    Train(train::Arguments),
    /// List, verify, export and convert the checkpoints of a run.
    #[command(subcommand)]
    Checkpoint(checkpoint::Command),
    /// List runs, and set them side by side.
    Runs(runs::Arguments),
    /// Make a run directory of a Llama in a GGUF file or a Hugging Face folder.
    Import(import::Arguments),
    /// Continue a prompt with a trained or imported model.
    Generate(generate::Arguments),
    /// Talk with a model: a dialogue at the terminal, or through pipes.
    Chat(chat::Arguments),
    /// Answer many clients at once over HTTP, as OpenAI's API does.
    Serve(serve::Arguments),
    /// Score a model on the paper's 152 tasks, on your own, or on any text.
    Eval(Box<eval::Arguments>),
    /// Say what models and texts show beyond scores: toxicity, bias, dialect, dialogue.
    #[command(subcommand)]
    Analyze(analyze::Command),
    /// Train models of several sizes, and fit how their loss follows size and data.
    #[command(subcommand)]
    Scaling(scaling::Command),
    /// Write one page of what runs show: training, scores, scaling, analyses; and a model card.
    Report(report::Arguments),
    /// Train a tokenizer, encode and decode text with one, and say what one is.
    #[command(subcommand)]
    Tokenizer(tokenizer::Command),
    /// Make clean documents of raw ones: the paper's MassiveText pipeline.
    #[command(subcommand)]
    Data(data::Command),
    /// Take steps of a run again and compare: tells a bad chip from a bug.
    Replay(replay::Arguments),
    /// List the models of the paper with their parameter counts and training state.
    Models(models::Arguments),
    /// Find the best way to split a model over a machine, and have a compiler confirm it.
    Plan(plan::Arguments),
    /// Write a program of a model as StableHLO or HLO.
    Export(export::Arguments),
    /// List and install the XLA plugins that programs run and compile on.
    Runtime(runtime::Arguments),
    /// List what the cache takes, and remove it.
    #[command(subcommand)]
    Cache(cache::Command),
    /// Say which plugins and devices there are, what is missing, and how to get it.
    Doctor(doctor::Arguments),
    /// Write a shell's completions: gopher completions bash > FILE (docs/command-line.md).
    Completions(completions::Arguments),
}

/// Runs a subcommand.
///
/// # Errors
/// Whatever ends it; `output::report` gives each its exit code.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Train(arguments) => train::run(arguments),
        Command::Checkpoint(command) => checkpoint::run(command),
        Command::Runs(arguments) => runs::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Generate(arguments) => generate::run(arguments),
        Command::Chat(arguments) => chat::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Eval(arguments) => eval::run(*arguments),
        Command::Analyze(command) => analyze::run(command),
        Command::Scaling(command) => scaling::run(command),
        Command::Report(arguments) => report::run(arguments),
        Command::Tokenizer(command) => tokenizer::run(command),
        Command::Data(command) => data::run(command),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Models(arguments) => models::run(arguments),
        Command::Plan(arguments) => plan::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Runtime(arguments) => runtime::run(arguments),
        Command::Cache(command) => cache::run(command),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Completions(arguments) => {
            completions::run(&arguments, <crate::Cli as clap::CommandFactory>::command())
        }
    }
}
