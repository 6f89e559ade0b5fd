//! `gopher cache`: what the cache takes, and how to be rid of it.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use wheels::{Cache, Part, Usage};

use crate::output::{bytes, grouped, print, print_json, table};

/// What `gopher cache` can do.
#[derive(Subcommand)]
pub enum Command {
    /// List the parts of the cache with what they take.
    Ls {
        /// Print a JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Remove parts of the cache: those named, or else tokens, programs and verdicts, which are made again without a network.
    Clear {
        /// What to remove.
        #[arg(value_name = "PART")]
        parts: Vec<Name>,
        /// Remove all parts; runtimes and text are fetched again when they are needed.
        #[arg(long, conflicts_with = "parts")]
        all: bool,
        /// Print a JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// A part as it is written.
#[derive(Clone, Copy, ValueEnum)]
pub enum Name {
    /// Texts that were encoded.
    Tokens,
    /// Programs that were compiled.
    Programs,
    /// What compilers said of plans.
    Verdicts,
    /// The quick start's text.
    Text,
    /// Plugins, compilers and data of benchmarks.
    Wheels,
}

#[derive(Serialize)]
struct List {
    cache: PathBuf,
    /// The most bytes of tokens.
    token_limit: u64,
    /// The most bytes of programs.
    program_limit: u64,
    bytes: u64,
    parts: Vec<PartReport>,
}

#[derive(Serialize)]
struct Cleared {
    cache: PathBuf,
    bytes: u64,
    removed: Vec<PartReport>,
}

#[derive(Serialize)]
struct PartReport {
    name: &'static str,
    purpose: &'static str,
    files: u64,
    bytes: u64,
}

/// Runs `gopher cache`.
///
/// # Errors
/// When there is no cache folder, or it cannot be read or removed.
pub fn run(command: Command) -> anyhow::Result<()> {
    let cache = Cache::from_environment()?;
    let root = cache.root().to_owned();
    match command {
        Command::Ls { json } => {
            let parts = reports(&Part::ALL, |part| cache.usage(part))?;
            let (token_limit, program_limit) = (cache.token_limit(), cache.program_limit());
            let list = List { cache: root, token_limit, program_limit, bytes: total(&parts), parts };
            if json { print_json(&list) } else { print(text(&list)) }
        }
        Command::Clear { parts, all, json } => {
            let chosen: Vec<Part> = Part::ALL
                .into_iter()
                .filter(|part| match parts.as_slice() {
                    [] => all || part.is_made_here(),
                    named => named.iter().any(|&name| of(name) == *part),
                })
                .collect();
            let removed = reports(&chosen, |part| cache.clear(part))?;
            let cleared = Cleared { cache: root, bytes: total(&removed), removed };
            if json { print_json(&cleared) } else { print(cleared_text(&cleared)) }
        }
    }
}

fn of(name: Name) -> Part {
    match name {
        Name::Tokens => Part::Tokens,
        Name::Programs => Part::Programs,
        Name::Verdicts => Part::Verdicts,
        Name::Text => Part::Text,
        Name::Wheels => Part::Wheels,
    }
}

fn reports(
    parts: &[Part],
    usage: impl Fn(Part) -> Result<Usage, (PathBuf, std::io::Error)>,
) -> anyhow::Result<Vec<PartReport>> {
    let report = |&part: &Part| match usage(part) {
        Ok(Usage { files, bytes }) => {
            Ok(PartReport { name: part.name(), purpose: part.purpose(), files, bytes })
        }
        Err((path, error)) => Err(anyhow::anyhow!("{}: {error}", path.display())),
    };
    parts.iter().map(report).collect()
}

fn total(parts: &[PartReport]) -> u64 {
    parts.iter().map(|part| part.bytes).sum()
}

fn text(list: &List) -> String {
    let mut rows = vec![["part", "files", "size", "what"].map(str::to_owned).to_vec()];
    rows.extend(
        list.parts
            .iter()
            .map(|part| vec![part.name.into(), grouped(part.files), bytes(part.bytes), part.purpose.into()]),
    );
    format!(
        "{}{} in {}; at most {} of tokens (GOPHER_TOKEN_CACHE) and {} of programs (GOPHER_PROGRAM_CACHE)\n",
        table(&rows),
        bytes(list.bytes),
        list.cache.display(),
        bytes(list.token_limit),
        bytes(list.program_limit)
    )
}

fn cleared_text(cleared: &Cleared) -> String {
    let removed = cleared
        .removed
        .iter()
        .map(|part| format!("{} ({} files, {})", part.name, grouped(part.files), bytes(part.bytes)));
    format!("removed from {}: {}\n", cleared.cache.display(), removed.collect::<Vec<_>>().join(", "))
}
