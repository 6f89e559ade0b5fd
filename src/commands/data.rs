//! `gopher data`: raw documents to clean documents, a file per stage (docs/massivetext.md).

mod decontaminate;
mod dedup;
mod explain;
mod extract;
mod filter;
mod remote;
mod run;
mod text;
mod tokenize;
mod trace;
mod what_if;
mod work;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use massivetext::RuleSet;

/// What `gopher data` can do.
#[derive(Subcommand)]
pub enum Command {
    /// Make documents of crawl files: WARC, WET and HTML; those in one language, with an account of every record.
    Extract(extract::Arguments),
    /// Keep the documents that pass the rules of quality and repetition, and account for all others.
    Filter(filter::Arguments),
    /// Leave one of documents that are alike, and say of each that goes which one stays.
    Dedup(dedup::Arguments),
    /// Remove the documents that are in evaluation sets, and say of each what it shares with which item.
    Decontaminate(decontaminate::Arguments),
    /// Do all stages over several subsets, as a file says, and report what became of every record.
    Run(run::Arguments),
    /// Show every statistic of one document, what counts for it, and which rule drops it, under each rule set.
    Explain(explain::Arguments),
    /// Say what other thresholds would keep, from stored statistics, without reading the text again.
    WhatIf(what_if::Arguments),
    /// Encode documents into token shards, which `gopher train --data` reads where they are.
    Tokenize(tokenize::Arguments),
    /// Say which document a token of a shard is of, and where that came from.
    Trace(trace::Arguments),
}

/// Runs `gopher data`.
///
/// # Errors
/// Wrong arguments, inputs that cannot be read, folders that cannot be written.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Extract(arguments) => extract::run(arguments),
        Command::Filter(arguments) => filter::run(arguments),
        Command::Dedup(arguments) => dedup::run(arguments),
        Command::Decontaminate(arguments) => decontaminate::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::WhatIf(arguments) => what_if::run(&arguments),
        Command::Tokenize(arguments) => tokenize::run(arguments),
        Command::Trace(arguments) => trace::run(&arguments),
    }
}

/// Rule sets by their names.
fn rule_set() -> impl TypedValueParser<Value = RuleSet> {
    PossibleValuesParser::new(RuleSet::ALL.map(RuleSet::name))
        .try_map(|name| RuleSet::named(&name).ok_or_else(|| format!("no rule set {name}")))
}
