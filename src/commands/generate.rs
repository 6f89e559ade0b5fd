//! `gopher generate`: text from a trained model.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use eval::{Generation, Sampling, TrainedModel};
use serde::Serialize;
use sharding::{DeviceKind, Runtime, RuntimeOptions};

use crate::output::{note, print, print_json, usage};

/// Arguments of `gopher generate`.
#[derive(Args)]
pub struct Arguments {
    /// Run directory of a trained model.
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Text to continue.
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Tokens to add at most.
    #[arg(long, value_name = "N", default_value_t = 128)]
    tokens: usize,
    /// What logits are divided by before the softmax; 0 always takes the likeliest token.
    #[arg(long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Draw only from the likeliest tokens whose probabilities reach this share together (nucleus sampling).
    #[arg(long, value_name = "P", default_value_t = 1.0, allow_negative_numbers = true)]
    top_p: f64,
    /// Seed of the draws: the same seed gives the same text.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Tokens the model can look back at [default: the length of its training sequences].
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    window: Option<u32>,
    /// Device to run on: cpu, cuda or tpu [default: the one the model was trained on].
    #[arg(long)]
    device: Option<DeviceKind>,
    /// PJRT plugin to use.
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Print a JSON object at the end instead of text as it comes.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    #[serde(flatten)]
    generation: Generation,
    temperature: f64,
    top_p: f64,
    seed: u64,
    window: usize,
    /// The checkpoint's folder, and the steps it was trained for.
    checkpoint: PathBuf,
    step: u64,
}

/// Prints the prompt and its continuation.
///
/// # Errors
/// Wrong arguments, a run that cannot be loaded, a device that cannot be used.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { temperature, top_p, seed, ref prompt, .. } = arguments;
    let sampling = Sampling { temperature, top_p, seed };
    // What is wrong whatever the model is wrong usage.
    sampling.check().map_err(usage)?;
    if prompt.is_empty() {
        return Err(usage(eval::Error::EmptyPrompt));
    }
    let model = TrainedModel::open(&arguments.run, &mut |warning| note(format_args!("warning: {warning}")))?;
    let window = arguments.window.map_or(model.default_window(), |window| window as usize);
    model.check_prompt(prompt, window)?;

    let device = &model.config().device;
    let kind = arguments.device.unwrap_or(device.kind);
    let plugin = arguments.plugin.or_else(|| device.plugin.clone().filter(|_| kind == device.kind));
    let options = RuntimeOptions { plugin, ..RuntimeOptions::default() };
    let runtime = Runtime::start(kind, &options, &mut crate::output::fetching)?;
    let (checkpoint, step) = (model.path().to_owned(), model.manifest().step);
    let generator = model.generator(&runtime, window)?;

    // The text is written as it comes. When it cannot be, that is what ends the program.
    let mut written = Ok(());
    let mut write = |text: &str| {
        if !arguments.json && written.is_ok() {
            written = print(text);
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let generation = match write(prompt) {
        ControlFlow::Continue(()) => {
            Some(generator.generate(prompt, arguments.tokens, sampling, &mut write)?)
        }
        ControlFlow::Break(()) => None,
    };
    written?;
    match generation {
        Some(generation) if arguments.json => {
            print_json(&Answer { prompt, generation, temperature, top_p, seed, window, checkpoint, step })
        }
        _ => print("\n"),
    }
}
