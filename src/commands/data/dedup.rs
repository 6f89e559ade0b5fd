//! `gopher data dedup`.

use std::path::PathBuf;

use clap::Args;
use massivetext::dedup::{self, Configuration, Places, Receipt};
use massivetext::manifest::{Manifest, Part};
use massivetext::output::Compression;

use super::filter::CompressionArgument;
use super::work;
use crate::output::{grouped, line, note, print, print_json, usage};

/// Arguments of `gopher data dedup`.
#[derive(Args)]
pub struct Arguments {
    /// Files and folders of documents: .jsonl with a text each line, .txt and .md, each also .gz, .zst, .xz.
    #[arg(long = "in", value_name = "PATH", required = true, num_args = 1..)]
    inputs: Vec<PathBuf>,
    /// Folder for the documents that stay, and the receipt: a new one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for the documents that go, with the one that stays in the place of each, and for bad records.
    #[arg(long, value_name = "DIR")]
    rejected: Option<PathBuf>,
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
    /// Memory for sorting, such as 1GiB; what is more goes to disk, in --out.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes, help_heading = "Work")]
    memory: u64,
    /// Threads. The output is the same for any number.
    #[arg(long, value_name = "N", help_heading = "Work")]
    threads: Option<usize>,
    /// Input for one file of output, in MiB; part of what decides the output.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..1 << 30), help_heading = "Work")]
    shard_mib: u64,
    /// Most bytes of a record; longer ones are counted as errors.
    #[arg(long, value_name = "BYTES", default_value_t = Configuration::default().max_record_bytes, help_heading = "Work")]
    max_record_bytes: usize,
    /// How documents are written.
    #[arg(long, value_enum, default_value_t = CompressionArgument::Zst, help_heading = "Work")]
    compression: CompressionArgument,
    /// Stop at a bad record instead of counting it.
    #[arg(long)]
    strict: bool,
    /// Print the receipt as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Leaves one of similar documents, and prints what has become of every record.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let configuration = Configuration {
        jaccard: arguments.jaccard,
        ngram: arguments.ngram,
        recall: arguments.recall,
        seed: arguments.seed,
        max_record_bytes: arguments.max_record_bytes,
        shard_bytes: arguments.shard_mib << 20,
        compression: Compression::from(arguments.compression),
    };
    configuration.bands().map_err(usage)?;
    work::set_threads(arguments.threads)?;
    let places = Places {
        inputs: arguments.inputs,
        out: arguments.out,
        rejected: arguments.rejected,
        memory: arguments.memory,
        strict: arguments.strict,
    };
    let manifest = Manifest::find(&places.inputs)?;
    manifest.notes().iter().for_each(note);
    let result = dedup::run(&configuration, &places, &manifest, &mut |what, count| {
        if line::is_possible() {
            line::rewrite(&format!("{what}: {}", grouped(count)));
        }
    });
    line::clear();
    let (receipt, was_complete) = result?;
    work::say_complete(&places.out, Part::WHOLE, was_complete, true);
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    if arguments.json { print_json(&receipt) } else { print(table(&receipt)) }
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

/// A number of bytes: `512MiB`, `1GiB`, or a plain number.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("", 0)];
    let found = units.iter().find_map(|(unit, shift)| text.strip_suffix(unit).map(|number| (number, shift)));
    let number = found.and_then(|(number, shift)| number.trim().parse::<u64>().ok()?.checked_mul(1 << shift));
    number.filter(|&bytes| bytes > 0).ok_or_else(|| "a size is expected, such as 512MiB or 2GiB".to_owned())
}
