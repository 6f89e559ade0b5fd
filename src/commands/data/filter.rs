//! `gopher data filter`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use massivetext::RuleSet;
use massivetext::filter::{self, Configuration, Places, Report, Subset};
use massivetext::manifest::Manifest;

use super::{remote, rule_set, text, work};
use crate::output::{note, print, print_json, usage};

/// Arguments of `gopher data filter`.
#[derive(Args)]
pub struct Arguments {
    /// Files and folders of documents: .jsonl with a text each line, .txt and .md, each also .gz, .zst, .xz; .parquet.
    #[arg(long = "in", value_name = "PATH", required = true, num_args = 1..)]
    inputs: Vec<PathBuf>,
    /// Folder for the documents that are kept, their statistics and the receipt: a new one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for the documents that are dropped, with the rules that drop them, and for bad records.
    #[arg(long, value_name = "DIR")]
    rejected: Option<PathBuf>,
    /// Rule set that decides.
    #[arg(long, value_name = "SET", default_value = RuleSet::Paper.name(), value_parser = rule_set())]
    rules: RuleSet,
    /// Another threshold for a rule of it; may be given several times.
    #[arg(long = "rule", value_name = "NAME=NUMBER")]
    thresholds: Vec<String>,
    /// What kind of text it is: the paper's rules are for web pages alone, other text passes.
    #[arg(long, value_enum, default_value_t = SubsetArgument::Web)]
    subset: SubsetArgument,
    /// Rule sets to set beside it in the same pass: all, none, or some.
    #[arg(long, value_name = "all|none|SET,…", default_value = "all")]
    compare: String,
    #[command(flatten)]
    work: work::Options,
    /// Print the receipt as JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum SubsetArgument {
    Web,
    Books,
    C4,
    News,
    Github,
    Wikipedia,
}

/// Filters, and prints what has become of every record.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let configuration = Configuration {
        rules: arguments.rules,
        thresholds: arguments.thresholds,
        subset: match arguments.subset {
            SubsetArgument::Web => Subset::Web,
            SubsetArgument::Books => Subset::Books,
            SubsetArgument::C4 => Subset::C4,
            SubsetArgument::News => Subset::News,
            SubsetArgument::Github => Subset::Github,
            SubsetArgument::Wikipedia => Subset::Wikipedia,
        },
        compare: compared(&arguments.compare)?,
        max_record_bytes: arguments.work.max_record_bytes,
        shard_bytes: arguments.work.shard_bytes(),
        compression: arguments.work.written.compression()?,
    };
    // Wrong thresholds are wrong usage, and known before anything is read.
    configuration.all_rules().map_err(|error| usage(format_args!("--rule {error}")))?;
    work::set_threads(arguments.work.threads)?;
    let (out, rejected) = (Some(arguments.out.as_path()), arguments.rejected.as_deref());
    let remote = remote::Places::new(&arguments.inputs, out, rejected, &arguments.work.room)?;
    let places = Places {
        inputs: remote.inputs.clone(),
        out: remote.out.clone(),
        rejected: remote.rejected.clone(),
        part: arguments.work.part,
        strict: arguments.work.strict,
    };
    let manifest = remote.manifest(Manifest::find)?;
    manifest.notes().iter().for_each(note);
    let report = remote.run(&mut |progress| filter::run(&configuration, &places, &manifest, progress))?;
    let Report { receipt, was_complete, completes } = report;
    work::say_complete(&remote.out_name(), places.part, was_complete, completes);
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    if !receipt.configuration.subset.is_judged() {
        note("the rules are for --subset web alone, as in the paper: every document is kept");
    }
    if arguments.json { print_json(&receipt) } else { print(text::receipt(&receipt)) }
}

fn compared(list: &str) -> anyhow::Result<Vec<RuleSet>> {
    match list {
        "all" => Ok(RuleSet::ALL.to_vec()),
        "none" => Ok(Vec::new()),
        list => {
            let set = |name| {
                let known = RuleSet::ALL.map(RuleSet::name).join(", ");
                RuleSet::named(name).ok_or_else(|| {
                    usage(format_args!("--compare {list}: no rule set {name}; there are {known}"))
                })
            };
            list.split(',').map(str::trim).map(set).collect()
        }
    }
}
