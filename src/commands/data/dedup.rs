//! `gopher data dedup`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use massivetext::dedup::store::Store;
use massivetext::dedup::{self, Configuration, Places, Receipt};
use massivetext::manifest::{Manifest, Part};
use massivetext::output::Written;

use super::text::shortened;
use super::{remote, work};
use crate::arguments::bytes;
use crate::output::{grouped, line, note, print, print_json, usage};

/// Arguments of `gopher data dedup`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    whole: Whole,
}

/// Steps of it that are done in parts, on a cluster, and what one looks at.
#[derive(Subcommand)]
enum Step {
    /// First step on a cluster, in parts: what deduplication knows of each document.
    Signatures(Signatures),
    /// Read lines `A B`, two documents of signatures, and write lines `A B JACCARD` for those that are similar.
    Verify(Verify),
    /// Last step on a cluster, in parts: write the documents that stay.
    Apply(Apply),
    /// Show which documents one is similar to, how much, and the passages they share.
    Graph(Graph),
}

/// Deduplication on one machine.
// Whether it is meant is told by its group of arguments, which clap leaves empty where structures are flattened into this one.
#[derive(Args)]
#[group(arg = "out")]
struct Whole {
    #[command(flatten)]
    documents: Documents,
    /// Folder for the documents that stay, and the receipt: a new one.
    // Not there if a step is named.
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// Folder for the documents that go, with the one that stays in the place of each, and for bad records.
    #[arg(long, value_name = "DIR")]
    rejected: Option<PathBuf>,
    #[command(flatten)]
    rules: Rules,
    /// Memory for sorting, such as 1GiB; what is more goes to disk, in --out.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes, help_heading = "Work")]
    memory: u64,
    /// Print the receipt as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Documents {
    /// Files and folders of documents: .jsonl with a text each line, .txt and .md, each also .gz, .zst, .xz; .parquet.
    #[arg(long = "in", value_name = "PATH", required = true, num_args = 1..)]
    inputs: Vec<PathBuf>,
    /// Threads. The output is the same for any number.
    #[arg(long, value_name = "N", help_heading = "Work")]
    threads: Option<usize>,
    #[command(flatten)]
    room: remote::Room,
    /// Stop at a bad record instead of counting it.
    #[arg(long)]
    strict: bool,
}

impl Documents {
    /// The places of a step, some of which may be in stores, and what is to be read.
    fn list(
        &self,
        out: Option<&Path>,
        rejected: Option<&Path>,
    ) -> anyhow::Result<(remote::Places, Manifest)> {
        work::set_threads(self.threads)?;
        let places = remote::Places::new(&self.inputs, out, rejected, &self.room)?;
        let manifest = places.manifest(Manifest::find)?;
        manifest.notes().iter().for_each(note);
        Ok((places, manifest))
    }
}

/// What decides which documents go, and how the others are written.
#[derive(Args)]
struct Rules {
    /// Jaccard similarity of n-grams from which on documents are duplicates.
    #[arg(long, value_name = "J", default_value_t = Configuration::default().jaccard)]
    jaccard: f64,
    /// Words of an n-gram.
    #[arg(long, value_name = "N", default_value_t = Configuration::default().ngram)]
    ngram: usize,
    /// Probability with which a pair at --jaccard is found.
    #[arg(long, value_name = "P", default_value_t = Configuration::default().recall)]
    recall: f64,
    /// Seed of which documents stay.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Input for one file of output, in MiB; part of what decides the output.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..1 << 30), help_heading = "Work")]
    shard_mib: u64,
    /// Most bytes of a record; longer ones are counted as errors.
    #[arg(long, value_name = "BYTES", default_value_t = Configuration::default().max_record_bytes, help_heading = "Work")]
    max_record_bytes: usize,
    #[command(flatten)]
    written: work::Written,
}

impl Rules {
    fn configuration(&self) -> anyhow::Result<Configuration> {
        let configuration = Configuration {
            jaccard: self.jaccard,
            ngram: self.ngram,
            recall: self.recall,
            seed: self.seed,
            max_record_bytes: self.max_record_bytes,
            shard_bytes: self.shard_mib << 20,
            compression: self.written.compression()?,
        };
        configuration.bands().map_err(usage)?;
        Ok(configuration)
    }
}

#[derive(Args)]
struct Signatures {
    #[command(flatten)]
    documents: Documents,
    /// Folder for the signatures: a new one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    rules: Rules,
    /// Write Parquet files too, which engines of clusters read.
    #[arg(long)]
    parquet: bool,
    /// One part of the work, such as 2/7, the second of seven.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    part: Part,
    /// Print the receipt as JSON instead of a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Verify {
    /// Folder that `gopher data dedup signatures` wrote.
    #[arg(long, value_name = "DIR")]
    signatures: PathBuf,
    /// Threads.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

#[derive(Args)]
struct Apply {
    #[command(flatten)]
    documents: Documents,
    /// Folder that `gopher data dedup signatures` wrote for the same input.
    #[arg(long, value_name = "DIR")]
    signatures: PathBuf,
    /// Folder that deploy/spark/dedup.py wrote for these signatures.
    #[arg(long, value_name = "DIR")]
    removals: PathBuf,
    /// Folder for the documents that stay, and the receipt: a new one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for the documents that go, with the one that stays in the place of each, and for bad records.
    #[arg(long, value_name = "DIR")]
    rejected: Option<PathBuf>,
    /// One part of the work, such as 2/7, the second of seven.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    part: Part,
    /// Print the receipt as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Graph {
    /// The document's `id`.
    #[arg(value_name = "ID")]
    document: String,
    #[command(flatten)]
    documents: Documents,
    /// Least Jaccard similarity that is shown.
    #[arg(long, value_name = "J", default_value_t = 0.1)]
    least: f64,
    /// Words of an n-gram.
    #[arg(long, value_name = "N", default_value_t = Configuration::default().ngram)]
    ngram: usize,
    /// Seed of which documents stay.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Most bytes of a record; longer ones are passed over.
    #[arg(long, value_name = "BYTES", default_value_t = Configuration::default().max_record_bytes, help_heading = "Work")]
    max_record_bytes: usize,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Leaves one of similar documents, or does a step of it.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.step {
        Some(Step::Signatures(step)) => signatures(step),
        Some(Step::Verify(step)) => verify(&step),
        Some(Step::Apply(step)) => apply(step),
        Some(Step::Graph(step)) => graph(&step),
        None => run_whole(arguments.whole),
    }
}

fn run_whole(arguments: Whole) -> anyhow::Result<()> {
    let configuration = arguments.rules.configuration()?;
    let out = arguments.out.ok_or_else(|| usage("--out DIR is needed"))?;
    let (remote, manifest) = arguments.documents.list(Some(&out), arguments.rejected.as_deref())?;
    let places = Places {
        inputs: remote.inputs.clone(),
        out: remote.out.clone(),
        rejected: remote.rejected.clone(),
        memory: arguments.memory,
        strict: arguments.documents.strict,
    };
    let result = dedup::run(&configuration, &places, &manifest, &mut |what, count| {
        if line::is_possible() {
            line::rewrite(&format!("{what}: {}", grouped(count)));
        }
        remote.send_some();
    });
    line::clear();
    let (receipt, was_complete) = result.map_err(|error| remote.explain(error.into()))?;
    remote.send()?;
    work::say_complete(&remote.out_name(), Part::WHOLE, was_complete, true);
    show(&receipt, arguments.json)
}

fn show(receipt: &Receipt, as_json: bool) -> anyhow::Result<()> {
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    if as_json { print_json(receipt) } else { print(table(receipt)) }
}

fn signatures(arguments: Signatures) -> anyhow::Result<()> {
    let configuration = arguments.rules.configuration()?;
    let bands = configuration.bands()?;
    #[cfg(not(feature = "parquet"))]
    if arguments.parquet {
        return Err(usage(
            "--parquet: this program was built without it; cargo build --release --features parquet",
        ));
    }
    let export = |store: &Store, shard: usize, folder: &Path| -> massivetext::Result<Vec<Written>> {
        #[cfg(feature = "parquet")]
        if arguments.parquet {
            return dedup::parquet::export(store, shard, folder, bands, configuration.seed);
        }
        let _ = (store, shard, folder, bands);
        Ok(Vec::new())
    };
    remote::refuse("--out", [&arguments.out])?;
    let (remote, manifest) = arguments.documents.list(Some(&arguments.out), None)?;
    let places = dedup::signatures::Places {
        inputs: remote.inputs.clone(),
        out: arguments.out,
        part: arguments.part,
        strict: arguments.documents.strict,
    };
    let report = remote
        .run(&mut |progress| dedup::signatures::run(&configuration, &places, &manifest, &export, progress))?;
    work::say_complete(&places.out, places.part, report.was_complete, report.completes);
    let receipt = report.receipt;
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    match arguments.json {
        true => print_json(&receipt),
        false => print(format!(
            "{} documents in {} shards, {} errors\n",
            grouped(receipt.ledger.kept),
            grouped(receipt.shards.len() as u64),
            grouped(receipt.ledger.all_errors())
        )),
    }
}

fn verify(arguments: &Verify) -> anyhow::Result<()> {
    work::set_threads(arguments.threads)?;
    let signatures = dedup::signatures::open(&arguments.signatures)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    dedup::verify::run(&signatures, &mut std::io::stdin().lock(), &mut out)?;
    Ok(())
}

fn apply(arguments: Apply) -> anyhow::Result<()> {
    remote::refuse("--signatures", [&arguments.signatures])?;
    remote::refuse("--removals", [&arguments.removals])?;
    let signatures = dedup::signatures::open(&arguments.signatures)?;
    let rejected = arguments.rejected.as_deref();
    let (remote, manifest) = arguments.documents.list(Some(&arguments.out), rejected)?;
    let places = dedup::apply::Places {
        inputs: remote.inputs.clone(),
        out: remote.out.clone(),
        rejected: remote.rejected.clone(),
        part: arguments.part,
        strict: arguments.documents.strict,
    };
    let report = remote.run(&mut |progress| {
        dedup::apply::run(&signatures, &arguments.removals, &places, &manifest, progress)
    })?;
    work::say_complete(&remote.out_name(), places.part, report.was_complete, report.completes);
    show(&report.receipt, arguments.json)
}

fn graph(arguments: &Graph) -> anyhow::Result<()> {
    let question = dedup::graph::Question {
        document: &arguments.document,
        ngram: arguments.ngram,
        seed: arguments.seed,
        least: arguments.least,
        max_record_bytes: arguments.max_record_bytes,
    };
    let (_places, manifest) = arguments.documents.list(None, None)?;
    let found = work::with_progress(|progress| dedup::graph::run(&question, &manifest, progress))?;
    let Some(found) = found else {
        let id = &arguments.document;
        return Err(anyhow!("no document has the id {id}; ids are the `id` of a line, or file and byte"));
    };
    if arguments.json { print_json(&found) } else { print(neighbors(&found)) }
}

fn neighbors(found: &dedup::graph::Neighborhood) -> String {
    let mut text = format!("{}: {} n-grams\n", found.id, grouped(found.ngrams));
    if found.neighbors.is_empty() {
        text.push_str(&format!("no document has a similarity of {} or more\n", found.least));
    }
    for neighbor in &found.neighbors {
        let order = if neighbor.is_first { "comes first" } else { "comes later" };
        text.push_str(&format!("\n{}  jaccard {:.4}, {order}\n", neighbor.id, neighbor.jaccard));
        for passage in &neighbor.shared {
            text.push_str(&format!("  [{}, {}) {}\n", passage.start, passage.end, shortened(&passage.text)));
        }
    }
    text
}

fn table(receipt: &Receipt) -> String {
    let Receipt { ledger, configuration, bands, pairs, .. } = receipt;
    let mut text =
        format!("records    {:>14}\nstay       {:>14}\n", grouped(ledger.records), grouped(ledger.kept));
    for (rule, count) in &ledger.dropped {
        text.push_str(&format!("{:<14} {:>10}\n", rule, grouped(*count)));
    }
    text.push_str(&format!(
        "errors     {:>14}\n\n{} pairs of different documents compared, {} of them similar\n",
        grouped(ledger.all_errors()),
        grouped(pairs.candidates),
        grouped(pairs.verified)
    ));
    text.push_str(&format!(
        "{} bands of {} minima; a pair of this similarity of {}-grams is compared with probability\n",
        bands.bands, bands.rows, configuration.ngram
    ));
    let points: Vec<f64> = (5..=10).map(|tenth| f64::from(tenth) / 10.0).collect();
    let row = |values: &mut dyn Iterator<Item = String>| {
        values.map(|value| format!("{value:>9}")).collect::<String>()
    };
    text.push_str(&row(&mut points.iter().map(|point| format!("{point:.1}"))));
    text.push('\n');
    text.push_str(&row(&mut points.iter().map(|&point| format!("{:.5}", bands.probability(point)))));
    text.push('\n');
    text
}
