//! `gopher data tokenize`.

use std::path::PathBuf;

use clap::Args;
use data::Tokenizer;
use massivetext::manifest::{Manifest, Part};
use massivetext::tokenize::{self, Configuration, Places, Receipt, Report};

use super::{remote, work};
use crate::output::{grouped, note, print, print_json};

/// Arguments of `gopher data tokenize`.
#[derive(Args)]
pub struct Arguments {
    /// Files and folders of documents: .jsonl with a text each line, .txt and .md, each also .gz, .zst, .xz; .parquet.
    #[arg(long = "in", value_name = "PATH", required = true, num_args = 1..)]
    inputs: Vec<PathBuf>,
    /// Tokenizer: a SentencePiece .model or a tokenizer.json; `gopher tokenizer train` makes one.
    #[arg(long, value_name = "FILE")]
    tokenizer: PathBuf,
    /// Folder for the shards, the tokenizer and the receipt: a new one, that `gopher train --data` takes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Documents that are held out, of all. Which they are depends on their texts and the seed.
    #[arg(long, value_name = "FRACTION", default_value_t = Configuration::default().validation_fraction)]
    validation_fraction: f64,
    /// Seed of that choice.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// One part of the work, such as 2/7, the second of seven; the others may run in other processes or on other machines.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    part: Part,
    /// Threads. The output is the same for any number.
    #[arg(long, value_name = "N", help_heading = "Work")]
    threads: Option<usize>,
    /// Input for one shard, in MiB; part of what decides the output.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..1 << 30), help_heading = "Work")]
    shard_mib: u64,
    /// Most bytes of a record; longer ones are counted as errors.
    #[arg(long, value_name = "BYTES", default_value_t = Configuration::default().max_record_bytes, help_heading = "Work")]
    max_record_bytes: usize,
    #[command(flatten)]
    room: remote::Room,
    /// Stop at a bad record instead of counting it.
    #[arg(long)]
    strict: bool,
    /// Print the receipt as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Encodes documents, and prints what there is of tokens.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let configuration = Configuration {
        validation_fraction: arguments.validation_fraction,
        seed: arguments.seed,
        max_record_bytes: arguments.max_record_bytes,
        shard_bytes: arguments.shard_mib << 20,
    };
    work::set_threads(arguments.threads)?;
    remote::refuse("--tokenizer", [&arguments.tokenizer])?;
    let tokenizer = Tokenizer::load(&arguments.tokenizer)?;
    let out = Some(arguments.out.as_path());
    let remote = remote::Places::new(&arguments.inputs, out, None, &arguments.room)?;
    let places = Places {
        inputs: remote.inputs.clone(),
        out: remote.out.clone(),
        part: arguments.part,
        strict: arguments.strict,
    };
    let manifest = remote.manifest(Manifest::find)?;
    manifest.notes().iter().for_each(note);
    let report = remote
        .run(&mut |progress| tokenize::run(&configuration, &places, &manifest, &tokenizer, progress))?;
    let Report { receipt, was_complete, completes } = report;
    work::say_complete(&remote.out_name(), places.part, was_complete, completes);
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    if arguments.json {
        return print_json(&receipt);
    }
    print(table(&receipt))
}

fn table(receipt: &Receipt) -> String {
    let [training, validation] = receipt.sums();
    let ledger = &receipt.ledger;
    let mut text = format!(
        "records      {:>16}\n  kept       {:>16}\n  blank      {:>16}\n  errors     {:>16}\n\n",
        grouped(ledger.records),
        grouped(ledger.kept),
        grouped(ledger.all_dropped()),
        grouped(ledger.all_errors()),
    );
    text.push_str("             documents            tokens             bytes  bytes/token\n");
    for (name, part) in [("training", training), ("held out", validation)] {
        let per_token = match part.tokens {
            0 => "-".to_owned(),
            tokens => format!("{:.3}", part.bytes as f64 / tokens as f64),
        };
        text.push_str(&format!(
            "{name:<9} {:>12} {:>17} {:>17} {per_token:>12}\n",
            grouped(part.documents),
            grouped(part.tokens),
            grouped(part.bytes),
        ));
    }
    let shards = receipt.shards.len();
    text.push_str(&format!(
        "{shards} shard{} of a tokenizer of {} pieces\n",
        if shards == 1 { "" } else { "s" },
        grouped(receipt.vocabulary_size as u64)
    ));
    text
}
