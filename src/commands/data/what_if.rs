//! `gopher data what-if`.

use std::path::PathBuf;

use clap::Args;
use massivetext::{RuleSet, what_if};
use serde_json::json;

use super::{rule_set, text};
use crate::output::{print, print_json, usage};

/// Arguments of `gopher data what-if`.
#[derive(Args)]
pub struct Arguments {
    /// Folder that `gopher data filter --out` has written.
    #[arg(long = "in", value_name = "DIR")]
    folder: PathBuf,
    /// Another threshold for a rule; may be given several times.
    #[arg(long = "rule", value_name = "NAME=NUMBER", required = true)]
    thresholds: Vec<String>,
    /// Rule set, if not the one that decided.
    #[arg(long, value_name = "SET", value_parser = rule_set())]
    rules: Option<RuleSet>,
    /// Print a JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Judges again.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (set, change) = what_if::run(&arguments.folder, arguments.rules, &arguments.thresholds).map_err(
        |error| match error {
            massivetext::Error::Threshold { .. } => usage(format_args!("--rule {error}")),
            error => error.into(),
        },
    )?;
    match arguments.json {
        true => print_json(&json!({"rules": set, "thresholds": arguments.thresholds, "change": change})),
        false => print(text::change(set, &change)),
    }
}
