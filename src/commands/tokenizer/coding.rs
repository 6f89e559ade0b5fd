//! `gopher tokenizer encode` and `decode`.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use clap::Args;
use data::Tokenizer;
use data::tokenizer::Token;
use serde::Serialize;

use super::{ModelArgument, read_text};
use crate::output::{print, print_json, usage};

/// Arguments of `gopher tokenizer encode`.
#[derive(Args)]
pub struct EncodeArguments {
    #[command(flatten)]
    model: ModelArgument,
    /// File whose text is encoded as it is, its last line end too; - is standard input [default: -].
    #[arg(value_name = "FILE|-", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// Text to encode.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Print a line for each token: where its bytes begin and end in the text, its id, its piece and its text.
    #[arg(long)]
    offsets: bool,
    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// A text's tokens.
#[derive(Serialize)]
struct Encoded<'a> {
    /// Bytes of the text.
    bytes: usize,
    ids: Vec<u32>,
    tokens: Vec<Piece<'a>>,
}

#[derive(Serialize)]
struct Piece<'a> {
    id: u32,
    piece: &'a str,
    start: usize,
    end: usize,
    /// The text's bytes from `start` to `end`; U+FFFD for those that are not whole characters.
    text: String,
}

/// Arguments of `gopher tokenizer decode`.
#[derive(Args)]
pub struct DecodeArguments {
    #[command(flatten)]
    model: ModelArgument,
    /// Token ids, or - for those of standard input, which may have commas and brackets between them [default: -].
    #[arg(value_name = "IDS|-", allow_negative_numbers = true)]
    ids: Vec<String>,
    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// A text of tokens.
#[derive(Serialize)]
struct Decoded {
    ids: Vec<u32>,
    text: String,
}

/// Prints the ids of a text.
pub fn encode(arguments: EncodeArguments) -> anyhow::Result<()> {
    let EncodeArguments { model, file, text, offsets, json } = arguments;
    let model = model.load()?;
    let tokenizer = model.tokenizer();
    let text = match text {
        Some(text) => text,
        None => read_text(file.as_deref().unwrap_or(Path::new("-")))?,
    };
    if !offsets && !json {
        return print(joined(&tokenizer.encode(&text)));
    }
    let tokens = pieces(tokenizer, &text);
    if json {
        let ids = tokens.iter().map(|token| token.id).collect();
        return print_json(&Encoded { bytes: text.len(), ids, tokens });
    }
    let line = |Piece { id, piece, start, end, text }: &Piece<'_>| {
        Ok(format!("{start}\t{end}\t{id}\t{}\t{}\n", quoted(piece)?, quoted(text)?))
    };
    print(tokens.iter().map(line).collect::<anyhow::Result<String>>()?)
}

fn joined(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ") + "\n"
}

/// A text in quotes and in one line.
fn quoted(text: &str) -> serde_json::Result<String> {
    serde_json::to_string(text)
}

fn pieces<'a>(tokenizer: &'a Tokenizer, text: &str) -> Vec<Piece<'a>> {
    let piece = |Token { id, start, end }| Piece {
        id,
        piece: tokenizer.piece(id).unwrap_or_default(),
        start,
        end,
        text: String::from_utf8_lossy(&text.as_bytes()[start..end]).into_owned(),
    };
    tokenizer.encode_with_offsets(text).into_iter().map(piece).collect()
}

/// Prints the text of ids, and nothing after it but a line end on a terminal.
pub fn decode(arguments: DecodeArguments) -> anyhow::Result<()> {
    let DecodeArguments { model, ids, json } = arguments;
    let model = model.load()?;
    let ids = match ids.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["-"] => read_ids(&read_text(Path::new("-"))?)?,
        ref several => read_ids(&several.join(" "))?,
    };
    let text = model.tokenizer().decode(&ids)?;
    if json {
        return print_json(&Decoded { ids, text });
    }
    let end = if stdout().is_terminal() && !text.ends_with('\n') { "\n" } else { "" };
    print(text + end)
}

fn read_ids(text: &str) -> anyhow::Result<Vec<u32>> {
    let words = text.split(|c: char| c.is_whitespace() || ",[]".contains(c)).filter(|word| !word.is_empty());
    let id = |word: &str| {
        word.parse().map_err(|_| usage(format_args!("{word:?} is not a token id, a whole number from 0")))
    };
    words.map(id).collect()
}
