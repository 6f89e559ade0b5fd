//! `gopher tokenizer`: SentencePiece models and byte-level BPE by themselves.

mod coding;
mod inspect;
mod train;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use data::Tokenizer;
use eval::TrainedModel;

use crate::output::note;

/// What `gopher tokenizer` can do.
#[derive(Subcommand)]
pub enum Command {
    /// Train a SentencePiece model (BPE with bytes for rare characters) on text.
    Train(train::Arguments),
    /// Print the token ids of a text.
    Encode(coding::EncodeArguments),
    /// Print the text of token ids.
    Decode(coding::DecodeArguments),
    /// Say what a tokenizer is.
    Inspect(inspect::Arguments),
}

/// The tokenizer that is used.
#[derive(Args)]
struct ModelArgument {
    /// A SentencePiece .model file, a tokenizer.json of byte-level BPE, a run directory, or the folder of a checkpoint.
    #[arg(value_name = "MODEL|RUN")]
    model: PathBuf,
}

impl ModelArgument {
    /// Loads it: of a run, the tokenizer of its newest good checkpoint.
    fn load(&self) -> anyhow::Result<Loaded> {
        if self.model.is_dir() {
            let run =
                TrainedModel::open(&self.model, &mut |warning| note(format_args!("warning: {warning}")))?;
            return Ok(Loaded::Run(Box::new(run)));
        }
        Ok(Loaded::File(Box::new(Tokenizer::load(&self.model)?)))
    }
}

/// A tokenizer, wherever it came from.
enum Loaded {
    File(Box<Tokenizer>),
    Run(Box<TrainedModel>),
}

impl Loaded {
    fn tokenizer(&self) -> &Tokenizer {
        match self {
            Loaded::File(tokenizer) => tokenizer,
            Loaded::Run(run) => run.tokenizer(),
        }
    }
}

/// Runs `gopher tokenizer`.
///
/// # Errors
/// Wrong arguments, files that cannot be read or written, ids that are not in the vocabulary.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Train(arguments) => train::run(arguments),
        Command::Encode(arguments) => coding::encode(arguments),
        Command::Decode(arguments) => coding::decode(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
    }
}

/// The text of a file as it is, or with `-` of standard input.
fn read_text(path: &Path) -> anyhow::Result<String> {
    let (place, content) = match path.as_os_str() == "-" {
        true => ("standard input".to_owned(), standard_input()),
        false => (path.display().to_string(), inputs::read(path)),
    };
    let content = content.map_err(|error| anyhow!("{place}: {}", inputs::words(&error)))?;
    let not_utf8 = |error: std::string::FromUtf8Error| {
        anyhow!("{place}: not UTF-8 text at byte {}; convert it", error.utf8_error().valid_up_to())
    };
    String::from_utf8(content).map_err(not_utf8)
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    io::stdin().lock().read_to_end(&mut content)?;
    Ok(content)
}
