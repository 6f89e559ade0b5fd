//! `gopher generate`: text from a trained model.

pub(super) mod prompts;

use std::io::{IsTerminal, stdin};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use eval::{Generation, Generator, Sampling, TrainedModel};
use prompts::Prompt;
use runtime::{ProgramCache, Runtime, RuntimeOptions};
use serde::Serialize;
use store::lossy_path;

use super::trained::{ModelOptions, SamplingOptions};
use crate::output::{bytes, fetching, grouped, note, print};

/// Memory of a window longer than in training from which it is said how much that is, before it is taken.
const LARGE: u64 = 16 << 20;

/// Tokens that a window has room for at least, if training had as many.
const SHORTEST: usize = 256;

/// How often it is said how much of a long prompt is read.
const INTERVAL: Duration = Duration::from_secs(5);

/// Arguments of `gopher generate`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// Text to continue; may be given several times.
    #[arg(long, value_name = "TEXT", help_heading = "Prompts")]
    prompt: Vec<String>,
    /// File whose text is continued, after the texts of --prompt; may be given several times; - is standard input.
    #[arg(long, value_name = "FILE|-", help_heading = "Prompts")]
    prompt_file: Vec<PathBuf>,
    /// Continue each line of standard input as it comes, until its end (Ctrl-D).
    #[arg(long, conflicts_with_all = ["prompt", "prompt_file"], help_heading = "Prompts")]
    interactive: bool,
    /// Tokens to add at most.
    #[arg(long, value_name = "N", default_value_t = 128, help_heading = "Sampling")]
    tokens: usize,
    #[command(flatten)]
    sampling: SamplingOptions,
    /// Print a JSON object on one line for each prompt, instead of text as it comes.
    #[arg(long)]
    json: bool,
}

/// What a model made of a prompt, and which model it was: the fields of docs/generate.md.
#[derive(Serialize)]
pub struct Answer<'a> {
    prompt: &'a str,
    /// The text after the prompt, and its tokens.
    #[serde(flatten)]
    pub generation: Generation,
    temperature: f64,
    top_k: Option<u32>,
    top_p: f64,
    seed: u64,
    window: usize,
    /// The checkpoint's folder.
    #[serde(serialize_with = "lossy_path::serialize")]
    checkpoint: PathBuf,
    /// Steps it was trained for.
    step: u64,
}

/// A model on its device, that continues one text after another.
pub struct Model {
    generator: Generator,
    window: usize,
    checkpoint: PathBuf,
    step: u64,
}

impl Model {
    /// Loads the model of a run or a checkpoint, once `check` has found nothing wrong with what it is to read. It also says
    /// how many tokens a text has at most, if that is known: of a window no more is set up.
    ///
    /// # Errors
    /// A run that cannot be loaded, those of `check`, which has the window too, a device that cannot be used.
    pub fn load(
        options: &ModelOptions,
        check: impl FnOnce(&TrainedModel, usize) -> anyhow::Result<Option<usize>>,
    ) -> anyhow::Result<Self> {
        let model = options.open()?;
        let window = options.window(&model);
        let longest = check(&model, window)?;
        // A power of two, so that a few more tokens change nothing, not even in the last bits.
        let needed = longest.map_or(window, |longest| longest.checked_next_power_of_two().unwrap_or(window));
        let held = window.min(needed.max(model.default_window().min(SHORTEST)));
        let (kind, plugin) = options.device(&model, None);
        let programs = ProgramCache::of_user();
        let options = RuntimeOptions { plugin, programs, ..RuntimeOptions::default() };
        let memory = model.memory(kind, held);
        if held > model.default_window() && memory.cache >= LARGE {
            let (cache, parameters) = (bytes(memory.cache), bytes(memory.parameters));
            let tokens = grouped(held as u64);
            note(format_args!(
                "a window of {tokens} tokens takes {cache} beside {parameters} of parameters, and each token is as slow \
                 as the window is long; compiling and loading"
            ));
        }
        let runtime = Runtime::start(kind, &options, &mut fetching)?;
        let (checkpoint, step) = (model.path().to_owned(), model.manifest().step);
        let begin = Instant::now();
        let said = std::cell::Cell::new(begin);
        let generator = model.generator(&runtime, held)?.with_reading(move |read, all| {
            if said.get().elapsed() >= INTERVAL {
                said.set(Instant::now());
                let (read, all) = (grouped(read as u64), grouped(all as u64));
                note(format_args!("read {read} of {all} tokens of the prompt"));
            }
        });
        Ok(Self { generator, window, checkpoint, step })
    }

    /// What continues texts.
    pub fn generator(&self) -> &Generator {
        &self.generator
    }

    /// Tokens the model can look back at.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Continues a text. Pieces of it are given to `write` as they come.
    ///
    /// # Errors
    /// A prompt that does not fit the window, a device that fails.
    pub fn answer<'a>(
        &self,
        prompt: &'a str,
        tokens: usize,
        sampling: Sampling,
        write: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> anyhow::Result<Answer<'a>> {
        let generation = self.generator.generate(prompt, tokens, sampling, write)?;
        let Sampling { temperature, top_k, top_p, seed } = sampling;
        let (window, checkpoint, step) = (self.window, self.checkpoint.clone(), self.step);
        Ok(Answer { prompt, generation, temperature, top_k, top_p, seed, window, checkpoint, step })
    }
}

/// How the answers are made and shown.
struct Show {
    tokens: usize,
    sampling: Sampling,
    json: bool,
}

impl Show {
    /// Continues a prompt and prints it with what follows, or a line of JSON; then its speed, on standard error.
    fn answer(&self, model: &Model, prompt: &str) -> anyhow::Result<()> {
        let Show { tokens, sampling, json } = *self;
        let answer = if json {
            let answer = model.answer(prompt, tokens, sampling, &mut |_| ControlFlow::Continue(()))?;
            print(serde_json::to_string(&answer)? + "\n")?;
            answer
        } else {
            // The prompt comes with the first piece, when all that could be wrong with it is known not to be. A text that
            // cannot be written any more is not continued.
            let mut before = Some(prompt);
            let mut written = Ok(());
            let answer = model.answer(prompt, tokens, sampling, &mut |text| {
                written = before.take().map_or(Ok(()), print).and_then(|()| print(text));
                if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            written?;
            print(before.take().unwrap_or_default().to_owned() + "\n")?;
            answer
        };
        note(speed(&answer.generation));
        Ok(())
    }
}

/// How fast a text was made, as a line.
fn speed(generation: &Generation) -> String {
    let Generation { prompt_tokens, tokens, prompt_seconds, seconds, tokens_per_second, .. } = generation;
    let rate = tokens_per_second.map_or(String::new(), |rate| format!(", {rate:.0} tokens/s"));
    let (read, made) = (grouped(prompt_tokens.len() as u64), grouped(tokens.len() as u64));
    format!("{made} tokens in {seconds:.2} s{rate}; {read} of the prompt read in {prompt_seconds:.2} s")
}

/// Prints prompts and their continuations.
///
/// # Errors
/// Wrong arguments, and those of [`Model::load`] and [`Model::answer`].
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { model: options, prompt, prompt_file, interactive, tokens, sampling, json } = arguments;
    let sampling = sampling.sampling(Sampling::default())?;
    let show = Show { tokens, sampling, json };
    if interactive {
        return converse(&Model::load(&options, |_, _| Ok(None))?, &show);
    }
    let prompts = prompts::read(prompt, &prompt_file)?;
    let several = prompts.len() > 1;
    let model = Model::load(&options, |model, window| {
        let mut longest = 0;
        for Prompt { text, place } in &prompts {
            let read = match model.check_prompt(text, window) {
                Err(error) if several => return Err(error).with_context(|| place.clone()),
                read => read?,
            };
            longest = longest.max(read.saturating_add(tokens));
        }
        Ok(Some(longest))
    })?;
    for (index, Prompt { text, place }) in prompts.iter().enumerate() {
        if index > 0 && !json {
            print("\n")?;
        }
        let answer = show.answer(&model, text);
        if several { answer.with_context(|| place.clone())? } else { answer? }
    }
    Ok(())
}

/// Continues one line of standard input after another. A line that cannot be is named, and those after it are.
fn converse(model: &Model, show: &Show) -> anyhow::Result<()> {
    let terminal = stdin().is_terminal();
    let (mut lines, mut failed) = (0, 0);
    loop {
        if terminal {
            prompts::ask();
        }
        let Some(line) = prompts::line(&mut stdin().lock())? else { break };
        lines += 1;
        let text = match line {
            Ok(text) if text.is_empty() => continue,
            Ok(text) => text,
            Err(error) => {
                failed += 1;
                note(format_args!("error: line {lines}: {error}"));
                continue;
            }
        };
        match show.answer(model, &text) {
            Ok(()) => {}
            // Only what is wrong with the line concerns no other.
            Err(error)
                if matches!(
                    error.downcast_ref(),
                    Some(eval::Error::PromptTooLong { .. } | eval::Error::EmptyPrompt)
                ) =>
            {
                failed += 1;
                note(format_args!("error: line {lines}: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    if terminal {
        note("");
    }
    match failed {
        0 => Ok(()),
        // Whoever sits at a terminal has seen it.
        _ if terminal => Ok(()),
        _ => Err(anyhow!("{failed} of {lines} lines could not be continued")),
    }
}
