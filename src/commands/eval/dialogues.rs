//! `gopher eval dialogues`: how probable the answers in dialogues are to a model.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use data::ReadConfig;
use data::corpus::dialogues;
use data::dialogue::{DialoguePrompt, Turn};
use eval::dialogue::{Answer, answers, default_answer};
use serde::Serialize;

use super::model::ModelArguments;
use crate::commands::chat::prompt;
use crate::output::{grouped, note, print, print_json, table};

/// Arguments of `gopher eval dialogues`.
#[derive(Args)]
pub struct Arguments {
    /// Files of dialogues, one JSON object with messages per line (docs/dialogue.md).
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    /// What stands before each dialogue: gopher (an introduction and a few exchanges), none, or a file with a text
    /// [default: as gopher chat].
    #[arg(long, value_name = "gopher|none|FILE", help_heading = "Dialogue")]
    prompt: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// How the dialogues were read, and their numbers.
#[derive(Serialize)]
struct Output {
    run: String,
    step: u64,
    checkpoint_hash: String,
    window: usize,
    /// Tokens of the prompt.
    prompt_tokens: usize,
    dialogues: usize,
    /// Answers that were scored.
    answers: usize,
    /// Answers that do not fit the window.
    overlong: usize,
    /// Tokens and UTF-8 bytes of the answers.
    tokens: usize,
    bytes: usize,
    /// Natural log of the probability of all answers.
    log_probability: f64,
    mean_log_probability: f64,
    bits_per_byte: f64,
}

/// Scores answers.
///
/// # Errors
/// Files that hold no dialogues, a model that cannot be loaded.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { files, model: model_arguments, prompt: named, json } = arguments;
    let named = named.as_deref().map(prompt::read_text).transpose()?;
    let mut dialogues: Vec<Vec<Turn>> = Vec::new();
    dialogues::read(&files, &ReadConfig::default(), &mut |_, turns| {
        dialogues.push(turns);
        Ok(())
    })?;
    let model = model_arguments.open()?;
    let window = model_arguments.window(&model);
    let prompt: DialoguePrompt = prompt::choose_text(named, &model, window, default_answer(window))?;
    let (tokenizer, begin) = (model.tokenizer(), model.begin_of_text());
    let bare = |prompt| {
        Ok::<_, eval::Error>(eval::dialogue::fit(prompt, &[], tokenizer, begin, window, 1)?.tokens.len())
    };
    let prompt_tokens = bare(&prompt)? - bare(&DialoguePrompt::none())?;
    let mut scored: Vec<Answer> = Vec::new();
    let mut overlong = 0;
    for turns in &dialogues {
        for answer in answers(&prompt, turns, tokenizer, begin, window)? {
            match answer {
                Some(answer) => scored.push(answer),
                None => overlong += 1,
            }
        }
    }
    if scored.is_empty() {
        return Err(anyhow!("no answer fits the window of {window} tokens; --window W widens it"));
    }
    let (step, checkpoint_hash) = (model.manifest().step, model.hash()?);
    let rows: Vec<_> = scored.iter().map(|answer| answer.row.clone()).collect();
    let mut sums = vec![0.0; rows.len()];
    model_arguments.load(model, 0)?.score(&rows, &mut |row, score| {
        sums[row] = score.log_probability();
        ControlFlow::Continue(())
    })?;
    // In the order of the files, so that the sum is the same whatever was done first.
    let log_probability: f64 = sums.iter().sum();
    let tokens: usize = rows.iter().map(|row| row.continuation.len()).sum();
    let bytes: usize = scored.iter().map(|answer| answer.bytes).sum();
    let output = Output {
        run: model_arguments.run()?.display().to_string(),
        step,
        checkpoint_hash,
        window,
        prompt_tokens,
        dialogues: dialogues.len(),
        answers: scored.len(),
        overlong,
        tokens,
        bytes,
        log_probability,
        mean_log_probability: log_probability / tokens.max(1) as f64,
        bits_per_byte: -log_probability / bytes.max(1) as f64 / std::f64::consts::LN_2,
    };
    if overlong > 0 {
        note(format_args!("{overlong} answers do not fit the window of {window} tokens and are left out"));
    }
    if json {
        return print_json(&output);
    }
    let head = ["dialogues", "answers", "tokens", "prompt tokens", "mean log-probability", "bits/byte"];
    let row = vec![
        grouped(output.dialogues as u64),
        grouped(output.answers as u64),
        grouped(tokens as u64),
        grouped(prompt_tokens as u64),
        format!("{:.4}", output.mean_log_probability),
        format!("{:.4}", output.bits_per_byte),
    ];
    print(table(&[head.map(str::to_owned).to_vec(), row]))
}
