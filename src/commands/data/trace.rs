//! `gopher data trace`.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use data::Tokenizer;
use data::shards::{Shard, tokenizer_path};
use serde_json::{Value, json};

use crate::output::{print, print_json, usage};

/// Arguments of `gopher data trace`.
#[derive(Args)]
pub struct Arguments {
    /// A token: the shard's file, a colon, and the token counted from the shard's first.
    #[arg(value_name = "SHARD:TOKEN")]
    token: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Tokens that are shown before and after the one that is asked for.
const AROUND: u64 = 12;

/// Says which document a token is of, and where that came from.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (path, token) = parse(&arguments.token)?;
    let shard = Shard::open(&path)?;
    let footer = shard.footer();
    let name = path.display();
    let tokens = footer.training.tokens + footer.validation.tokens;
    let document = shard.document(token)?.ok_or_else(|| {
        anyhow!("{name}: it has {tokens} tokens, and the first is 0: there is no token {token}")
    })?;
    let tokenizer = Tokenizer::load(&tokenizer_path(path.parent().unwrap_or(Path::new("."))))?;
    if tokenizer.fingerprint() != footer.tokenizer {
        return Err(anyhow!("{name}: the tokenizer beside it is another than the one it was made with"));
    }
    let ids = |range: Range<u64>| match document.is_held_out {
        true => {
            let before = footer.training.tokens;
            shard.validation().ids(range.start - before..range.end - before)
        }
        false => shard.training().ids(range),
    };
    let decoded = |range: Range<u64>| -> anyhow::Result<String> {
        // The token that ends a text is none of it.
        let ids: Vec<u32> = ids(range)?.into_iter().filter(|&id| id != footer.end_of_text).collect();
        Ok(tokenizer.decode(&ids)?)
    };
    let id = *ids(token..token + 1)?.first().context("one token is one id")?;
    let Range { start, end } = document.tokens;
    let before = decoded(start.max(token.saturating_sub(AROUND))..token)?;
    let after = decoded(token + 1..end.min(token + 1 + AROUND))?;
    let record: Value = serde_json::from_str(&document.record)
        .map_err(|error| anyhow!("{name}: the record of document {}: {error}", document.index))?;
    let piece = tokenizer.piece(id).unwrap_or_default();
    if arguments.json {
        return print_json(&json!({
            "shard": path,
            "token": token,
            "id": id,
            "piece": piece,
            "before": before,
            "after": after,
            "held_out": document.is_held_out,
            "document": document.index,
            "document_tokens": [start, end],
            "record": record,
        }));
    }
    let part = if document.is_held_out { "held out" } else { "to train on" };
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let lines = [
        ("token", format!("{token} of {name}: id {id}, {piece:?}")),
        ("text", format!("{before:?} … {after:?}")),
        ("document", format!("{} of the shard, {part}, tokens {start} to {}", document.index, end - 1)),
        ("id", word(&record["id"])),
        ("source", word(&record["source"])),
        ("from", from(&record["provenance"])),
    ];
    print(lines.map(|(name, value)| format!("{name:<9} {value}\n")).concat())
}

/// Where a document came from at first.
fn from(provenance: &Value) -> String {
    let file = provenance["file"].as_str().map_or_else(|| provenance["file"].to_string(), str::to_owned);
    let place = match &provenance["row"] {
        Value::Number(row) => return format!("{file} at row {row}"),
        _ => format!("{file} at byte {}", provenance["offset"]),
    };
    match (&provenance["member_offset"], &provenance["member_length"]) {
        (Value::Number(offset), Value::Number(length)) => {
            format!("{place}, in the gzip member of {length} bytes at byte {offset}")
        }
        _ => place,
    }
}

fn parse(text: &str) -> anyhow::Result<(PathBuf, u64)> {
    let parts = text.rsplit_once(':').and_then(|(path, token)| Some((path.into(), token.parse().ok()?)));
    parts.ok_or_else(|| {
        usage(format_args!("{text}: a shard and a token are expected, such as shards/00000.shard:1234"))
    })
}
