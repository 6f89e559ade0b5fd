//! `gopher data explain`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use massivetext::explain::explain;
use serde_json::{Map, json};

use super::text;
use crate::output::{print, print_json, usage};

/// Arguments of `gopher data explain`.
#[derive(Args)]
pub struct Arguments {
    /// File of one document's text; /dev/stdin for standard input.
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Print a JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// Explains one document.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let name = arguments.text.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if data::read::uncompressed_name(&name).ends_with(".jsonl")
        || data::read::uncompressed_name(&name) != name
    {
        return Err(usage(format_args!(
            "--text {}: the text of one document is expected; \
             write one to a file of its own, as jq -r .text does of a line",
            arguments.text.display()
        )));
    }
    let document = inputs::read_to_string(&arguments.text)
        .map_err(|error| anyhow!("{}: {}", arguments.text.display(), inputs::words(&error)))?;
    let all = explain(&document);
    if !arguments.json {
        return print(text::explanation(&document, &all));
    }
    let mut rules = Map::new();
    for (set, explanation) in &all {
        rules.insert(set.name().to_owned(), serde_json::to_value(explanation)?);
    }
    print_json(&json!({
        "file": arguments.text.display().to_string(),
        "characters": document.chars().count(),
        "rules": rules,
    }))
}
