//! `gopher data decontaminate`.

use std::path::PathBuf;

use clap::Args;
use massivetext::decontaminate::{self, Configuration, Places, Receipt, Report};
use massivetext::manifest::Manifest;

use super::{remote, work};
use crate::output::{grouped, note, print, print_json, table, usage};

/// Arguments of `gopher data decontaminate`.
#[derive(Args)]
pub struct Arguments {
    /// Files and folders of documents: .jsonl with a text each line, .txt and .md, each also .gz, .zst, .xz; .parquet.
    #[arg(long = "in", value_name = "PATH", required = true, num_args = 1..)]
    inputs: Vec<PathBuf>,
    /// Evaluation files: .jsonl with an item each line, WikiText with an article below each heading, any other text an item; each
    /// also .gz, .zst, .xz.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "titles")]
    against: Vec<PathBuf>,
    /// Field of evaluation records to look for; of several, those that a record has, one after another.
    #[arg(long, value_name = "NAME", num_args = 1.., default_values_t = Configuration::default().fields)]
    against_field: Vec<String>,
    /// Titles of documents to remove: a line each, or a WikiText file's headings.
    #[arg(long, value_name = "FILE")]
    titles: Option<PathBuf>,
    /// Folder for the documents that stay, and the receipt: a new one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for the documents that go, each with its item and what they share, and for bad records.
    #[arg(long, value_name = "DIR")]
    rejected: Option<PathBuf>,
    /// Jaccard similarity of n-grams to an item from which on documents go.
    #[arg(long, value_name = "J", default_value_t = Configuration::default().jaccard)]
    jaccard: f64,
    /// Share of an item's n-grams from which on documents go that have them; without it, none goes for that.
    #[arg(long, value_name = "SHARE")]
    containment: Option<f64>,
    /// Words of an n-gram.
    #[arg(long, value_name = "N", default_value_t = Configuration::default().ngram)]
    ngram: usize,
    #[command(flatten)]
    work: work::Options,
    /// Print the receipt as JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Removes evaluation documents, and prints what has become of every record and what was found of each evaluation file.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let configuration = Configuration {
        jaccard: arguments.jaccard,
        containment: arguments.containment,
        ngram: arguments.ngram,
        fields: arguments.against_field,
        max_record_bytes: arguments.work.max_record_bytes,
        shard_bytes: arguments.work.shard_bytes(),
        compression: arguments.work.written.compression()?,
    };
    configuration.check().map_err(usage)?;
    work::set_threads(arguments.work.threads)?;
    remote::refuse("--against", &arguments.against)?;
    remote::refuse("--titles", &arguments.titles)?;
    let (out, rejected) = (Some(arguments.out.as_path()), arguments.rejected.as_deref());
    let remote = remote::Places::new(&arguments.inputs, out, rejected, &arguments.work.room)?;
    let places = Places {
        inputs: remote.inputs.clone(),
        against: arguments.against,
        titles: arguments.titles,
        out: remote.out.clone(),
        rejected: remote.rejected.clone(),
        part: arguments.work.part,
        strict: arguments.work.strict,
    };
    let manifest = remote.manifest(Manifest::find)?;
    manifest.notes().iter().for_each(note);
    let report =
        remote.run(&mut |progress| decontaminate::run(&configuration, &places, &manifest, progress))?;
    let Report { receipt, was_complete, completes } = report;
    work::say_complete(&remote.out_name(), places.part, was_complete, completes);
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    if arguments.json { print_json(&receipt) } else { print(text(&receipt)) }
}

fn text(receipt: &Receipt) -> String {
    let ledger = &receipt.ledger;
    let mut text =
        format!("records     {:>14}\nstay        {:>14}\n", grouped(ledger.records), grouped(ledger.kept));
    for (rule, count) in &ledger.dropped {
        text.push_str(&format!("{rule:<12}{:>14}\n", grouped(*count)));
    }
    text.push_str(&format!("errors      {:>14}\n", grouped(ledger.all_errors())));
    if receipt.evaluation.is_empty() {
        return text;
    }
    let jaccard = format!("J ≥ {}", receipt.configuration.jaccard);
    let heads =
        ["looked for", "items", "by n-grams", "as a whole", "too short", "found: ", "≥ 50%", "≥ 80%", "100%"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows[0][5] += &jaccard;
    for file in &receipt.evaluation {
        let counts = [file.items, file.by_ngrams, file.by_text, file.too_short, file.found_by_jaccard];
        let counts = counts.into_iter().chain(file.found_by_containment).map(grouped);
        rows.push([file.file.clone()].into_iter().chain(counts).collect());
    }
    text.push('\n');
    text + &table(&rows)
}
