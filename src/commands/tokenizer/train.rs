//! `gopher tokenizer train`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use data::read::{documents, find_files};
use data::tokenizer::Sampling;
use data::{BadRecords, InvalidUtf8, ReadConfig, Tokenizer, TokenizerConfig};
use serde::Serialize;
use store::files::write_output;

use crate::arguments::bytes;
use crate::output::{self, check_ending, grouped, note, print, print_json, usage};

/// Arguments of `gopher tokenizer train`.
#[derive(Args)]
pub struct Arguments {
    /// Files and folders of text: .txt, .md, .jsonl, .json, each also .gz, .zst, .xz (docs/data.md).
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// File to write: a SentencePiece model.
    #[arg(short, long, value_name = "NAME.model")]
    output: PathBuf,
    /// Pieces it has, of which 3 are special and 256 stand for bytes.
    #[arg(long, value_name = "N", default_value_t = TokenizerConfig::default().vocabulary_size, help_heading = "Pieces")]
    vocabulary_size: usize,
    /// Share of the text's characters that get pieces of their own, above 0 and at most 1; the rarest others are written
    /// as bytes.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = TokenizerConfig::default().character_coverage,
        allow_negative_numbers = true,
        help_heading = "Pieces"
    )]
    character_coverage: f64,
    /// Characters in a piece at most.
    #[arg(long, value_name = "N", default_value_t = TokenizerConfig::default().max_piece_length, help_heading = "Pieces")]
    max_piece_length: usize,
    /// Make one space of several, and drop those at both ends; texts with indentation are then not the same when decoded.
    #[arg(long, help_heading = "Pieces")]
    remove_extra_whitespaces: bool,
    /// Field of .jsonl and .json objects that holds the text.
    #[arg(long, value_name = "FIELD", default_value_t = ReadConfig::default().text_field, help_heading = "Text")]
    text_field: String,
    /// Put U+FFFD in the place of bytes that are not UTF-8, instead of stopping there.
    #[arg(long, help_heading = "Text")]
    replace_invalid_utf8: bool,
    /// Pass over records of .jsonl and .json files that have no text, instead of stopping there.
    #[arg(long, help_heading = "Text")]
    skip_bad_records: bool,
    /// Memory for the words of the text, such as 1GiB. Where they take more, the tokenizer is trained on a part of the text,
    /// which depends on text, seed and this alone.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes, help_heading = "Text")]
    memory: u64,
    /// Chooses that part.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Text")]
    seed: u64,
    /// Print a JSON object instead of a line.
    #[arg(long)]
    json: bool,
}

/// What was trained.
#[derive(Serialize)]
struct Trained {
    output: PathBuf,
    vocabulary_size: usize,
    /// Of the model's file.
    bytes: usize,
    sha256: String,
    files: usize,
    documents: u64,
    text_bytes: u64,
    /// The limit of memory for words, in bytes.
    memory: u64,
    seed: u64,
    /// Share of the text that the words of are counted, by bytes after normalization; 1 where all fit.
    share_used: f64,
    /// In the text that was used.
    distinct_words: u64,
}

/// Trains a tokenizer and writes it.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { files, output, vocabulary_size, character_coverage, max_piece_length, .. } = arguments;
    let Arguments { remove_extra_whitespaces, text_field, replace_invalid_utf8, skip_bad_records, .. } =
        arguments;
    check_ending("-o", &output, "a SentencePiece model", &["model"])?;
    let config =
        TokenizerConfig { vocabulary_size, character_coverage, max_piece_length, remove_extra_whitespaces };
    let reading = ReadConfig {
        text_field,
        invalid_utf8: if replace_invalid_utf8 { InvalidUtf8::Replace } else { InvalidUtf8::Error },
        bad_records: if skip_bad_records { BadRecords::Skip } else { BadRecords::Error },
    };
    let list = find_files(&files)?;
    list.notes().iter().for_each(note);
    let (mut count, mut text_bytes) = (0, 0);
    let texts = documents(&list.files, &reading).inspect(|document| {
        if let Ok(document) = document {
            count += 1;
            text_bytes += document.text.len() as u64;
        }
    });
    let sampling = Sampling { memory: arguments.memory, seed: arguments.seed };
    let (tokenizer, sample) =
        Tokenizer::train_within(texts, &config, sampling).map_err(|error| match error {
            data::Error::TokenizerSetting { .. } => usage(error),
            data::Error::NoText { detail, .. } => data::Error::NoText { paths: files, detail }.into(),
            error => error.into(),
        })?;
    let content = tokenizer.to_bytes();
    write_output(&output, content).map_err(|error| anyhow!("cannot write {}: {error}", output.display()))?;
    let trained = Trained {
        vocabulary_size: tokenizer.vocabulary_size(),
        bytes: content.len(),
        sha256: tokenizer.fingerprint(),
        files: list.files.len(),
        documents: count,
        text_bytes,
        memory: sampling.memory,
        seed: sampling.seed,
        share_used: sample.share(),
        distinct_words: sample.distinct_words,
        output,
    };
    if arguments.json { print_json(&trained) } else { print(describe(&trained)) }
}

fn describe(trained: &Trained) -> String {
    let Trained { output, vocabulary_size, documents, text_bytes, memory, seed, share_used, .. } = trained;
    let [pieces, bytes] = [*vocabulary_size as u64, *text_bytes].map(grouped);
    let documents = match documents {
        1 => "1 document".to_owned(),
        several => format!("{} documents", grouped(*several)),
    };
    let sample = match share_used {
        1.0.. => String::new(),
        share => format!(
            "; trained on {:.3}% of the text, chosen by seed {seed}, as the words of all of it take more than {} (--memory)",
            share * 100.0,
            output::bytes(*memory)
        ),
    };
    format!("{}: {pieces} pieces, from {documents} of {bytes} bytes{sample}\n", output.display())
}
