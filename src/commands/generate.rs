//! `gopher generate`: text from a trained model.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use eval::{Generation, Sampling, TrainedModel};
use runtime::{DeviceKind, Runtime, RuntimeOptions};
use serde::Serialize;
use store::lossy_path;

use crate::output::{fetching, note, print, print_json, usage};

/// Arguments of `gopher generate`.
#[derive(Args)]
pub struct Arguments {
    /// Run directory of a trained or imported model.
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

/// What to generate.
pub struct Request<'a> {
    /// Text to continue.
    pub prompt: &'a str,
    /// Tokens to add at most.
    pub tokens: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// Tokens the model can look back at; as many as in training if not given.
    pub window: Option<usize>,
    /// Device to run on; the one of training if not given.
    pub device: Option<DeviceKind>,
    /// PJRT plugin to use; that of training, on its device, if not given.
    pub plugin: Option<PathBuf>,
}

/// What a model made of a request, and which model it was.
#[derive(Serialize)]
pub struct Answer<'a> {
    prompt: &'a str,
    /// The text after the prompt, and its tokens.
    #[serde(flatten)]
    pub generation: Generation,
    temperature: f64,
    top_p: f64,
    seed: u64,
    window: usize,
    /// The checkpoint's folder.
    #[serde(serialize_with = "lossy_path::serialize")]
    checkpoint: PathBuf,
    /// Steps it was trained for.
    step: u64,
}

/// Continues a text with the newest checkpoint of a run. Pieces of text are given to `write` as they come.
///
/// # Errors
/// A run that cannot be loaded, a prompt that cannot be read, a device that cannot be used.
pub fn answer<'a>(
    run: &Path,
    request: Request<'a>,
    write: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> anyhow::Result<Answer<'a>> {
    let Request { prompt, tokens, sampling, window, device, plugin } = request;
    let model = TrainedModel::open(run, &mut |warning| note(format_args!("warning: {warning}")))?;
    let window = window.unwrap_or(model.default_window());
    model.check_prompt(prompt, window)?;
    let trained_on = &model.config().device;
    let kind = device.unwrap_or(trained_on.kind);
    let plugin = plugin.or_else(|| trained_on.plugin.clone().filter(|_| kind == trained_on.kind));
    let options = RuntimeOptions { plugin, ..RuntimeOptions::default() };
    let runtime = Runtime::start(kind, &options, &mut fetching)?;
    let (checkpoint, step) = (model.path().to_owned(), model.manifest().step);
    let generator = model.generator(&runtime, window)?;
    let generation = generator.generate(prompt, tokens, sampling, write)?;
    let Sampling { temperature, top_p, seed } = sampling;
    Ok(Answer { prompt, generation, temperature, top_p, seed, window, checkpoint, step })
}

/// Prints the prompt and its continuation.
///
/// # Errors
/// Wrong arguments, and those of [`answer`].
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { run, prompt, tokens, temperature, top_p, seed, window, device, plugin, json } = arguments;
    let sampling = Sampling { temperature, top_p, seed };
    // What is wrong whatever the model is, is wrong usage.
    sampling.check().map_err(usage)?;
    if prompt.is_empty() {
        return Err(usage(eval::Error::EmptyPrompt));
    }
    let window = window.map(|window| window as usize);
    let request = Request { prompt: &prompt, tokens, sampling, window, device, plugin };
    if json {
        return print_json(&answer(&run, request, &mut |_| ControlFlow::Continue(()))?);
    }
    // The prompt comes with the first piece, when all that could be wrong with it is known not to be. A text that cannot
    // be written any more is not continued.
    let mut before = Some(prompt.as_str());
    let mut written = Ok(());
    answer(&run, request, &mut |text| {
        written = before.take().map_or(Ok(()), print).and_then(|()| print(text));
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written?;
    print(before.take().unwrap_or_default().to_owned() + "\n")
}
