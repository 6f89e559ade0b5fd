//! `gopher eval perplexity`: how well a model predicts any text.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use tasks::read;

use super::model::ModelArguments;
use crate::output::{grouped, line, note, print, print_json, table, usage};

/// Arguments of `gopher eval perplexity`.
#[derive(Args)]
pub struct Arguments {
    /// Files of text, also .gz, .zst and .xz; each is one text.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    /// Tokens that each window scores, with all before it in the window as context [default: the window: every token is read
    /// once].
    #[arg(long, value_name = "N", help_heading = "Model")]
    stride: Option<usize>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// What a text's score is made of, and what is made of it.
#[derive(Serialize)]
struct Measured {
    file: String,
    /// Natural log of the text's probability.
    log_probability: f64,
    tokens: usize,
    /// UTF-8 bytes of the text.
    bytes: usize,
    /// Pieces between white space.
    words: usize,
    /// Windows that the text was read in.
    windows: usize,
    nats_per_token: f64,
    bits_per_byte: f64,
    word_perplexity: f64,
    byte_perplexity: f64,
}

impl Measured {
    fn new(file: String, log_probability: f64, sizes: [usize; 4]) -> Self {
        let [tokens, bytes, words, windows] = sizes;
        let over = |count: usize| -log_probability / count.max(1) as f64;
        Self {
            file,
            log_probability,
            tokens,
            bytes,
            words,
            windows,
            nats_per_token: over(tokens),
            bits_per_byte: over(bytes) / std::f64::consts::LN_2,
            word_perplexity: over(words).exp(),
            byte_perplexity: over(bytes).exp(),
        }
    }
}

/// How the texts were read, and their numbers.
#[derive(Serialize)]
struct Output {
    run: String,
    step: u64,
    checkpoint_hash: String,
    window: usize,
    stride: usize,
    files: Vec<Measured>,
    /// All of them as one.
    total: Measured,
}

/// Scores texts.
///
/// # Errors
/// Files that are no text, a model that cannot be loaded, a stride longer than the window.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { files, model: model_arguments, stride, json } = arguments;
    let model = model_arguments.open()?;
    let texts: Vec<String> = files.iter().map(|path| read::text(path)).collect::<Result<_, _>>()?;
    for (path, text) in files.iter().zip(&texts) {
        if text.is_empty() {
            return Err(usage(format_args!(
                "{}: the file is empty; there is nothing to score",
                path.display()
            )));
        }
    }
    let (step, checkpoint_hash) = (model.manifest().step, model.hash()?);
    let mut scorer = model_arguments.load(model, 0)?;
    let window = scorer.window();
    let mut measured = Vec::new();
    for (path, text) in files.iter().zip(&texts) {
        let rows = scorer.encoding().rolling(text, stride).with_context(|| path.display().to_string())?;
        let tokens = rows.iter().map(|row| row.continuation.len()).sum();
        let (mut sums, mut done) = (vec![0.0; rows.len()], 0);
        scorer.score(&rows, &mut |row, score| {
            sums[row] = score.log_probability();
            done += 1;
            if line::is_possible() {
                line::rewrite(&format!(
                    "{}: {} of {} windows",
                    path.display(),
                    grouped(done as u64),
                    grouped(rows.len() as u64)
                ));
            }
            ControlFlow::Continue(())
        })?;
        let sizes = [tokens, text.len(), text.split_whitespace().count(), rows.len()];
        // In the order of the text, so that the sum is the same whatever was done first.
        measured.push(Measured::new(path.display().to_string(), sums.iter().sum(), sizes));
    }
    line::clear();
    let sum = |of: fn(&Measured) -> usize| measured.iter().map(of).sum::<usize>();
    let sizes = [sum(|m| m.tokens), sum(|m| m.bytes), sum(|m| m.words), sum(|m| m.windows)];
    let total = Measured::new("all".into(), measured.iter().map(|m| m.log_probability).sum(), sizes);
    let run = model_arguments.run()?.display().to_string();
    let stride = stride.unwrap_or(window);
    note(format_args!(
        "windows of {window} tokens, {}; perplexity per word: a word is what stands between white space",
        if stride == window {
            "each token scored once, with what stands before it in its window".to_owned()
        } else {
            format!("{stride} scored in each after the first, with {} before them", window - stride)
        }
    ));
    let output = Output { run, step, checkpoint_hash, window, stride, files: measured, total };
    if json {
        return print_json(&output);
    }
    let head = ["file", "tokens", "bytes", "nats/token", "bits/byte", "perplexity/word"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let all = (output.files.len() > 1).then_some(&output.total);
    rows.extend(output.files.iter().chain(all).map(|m| {
        vec![
            m.file.clone(),
            grouped(m.tokens as u64),
            grouped(m.bytes as u64),
            format!("{:.4}", m.nats_per_token),
            format!("{:.4}", m.bits_per_byte),
            format!("{:.2}", m.word_perplexity),
        ]
    }));
    print(table(&rows) + "\n")
}
