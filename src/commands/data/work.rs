//! What the stages of `gopher data` have in common: options, threads, progress, and what is said beside a result.

use std::path::Path;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use massivetext::filter::Configuration;
use massivetext::ledger::Ledger;
use massivetext::manifest::Part;
use massivetext::output::Compression;
use massivetext::records::BadRecord;

use super::remote::Room;
use crate::output::{grouped, line, note, usage};

/// How a stage that looks at each record alone is done.
#[derive(Args)]
pub struct Options {
    /// One part of the work, such as 2/7, the second of seven; the others may run in other processes or on other machines.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub part: Part,
    /// Threads. The output is the same for any number.
    #[arg(long, value_name = "N", help_heading = "Work")]
    pub threads: Option<usize>,
    /// Input for one file of output, in MiB; part of what decides the output.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..1 << 30), help_heading = "Work")]
    shard_mib: u64,
    /// Most bytes of a record; longer ones are counted as errors.
    #[arg(long, value_name = "BYTES", default_value_t = Configuration::default().max_record_bytes, help_heading = "Work")]
    pub max_record_bytes: usize,
    #[command(flatten)]
    pub written: Written,
    #[command(flatten)]
    pub room: Room,
    /// Stop at a bad record instead of counting it.
    #[arg(long)]
    pub strict: bool,
}

impl Options {
    /// Input for one file of output.
    pub fn shard_bytes(&self) -> u64 {
        self.shard_mib << 20
    }
}

/// How documents are written.
#[derive(Args)]
pub struct Written {
    /// Format of the documents that are written.
    #[arg(long, value_enum, default_value_t = FormatArgument::Jsonl, help_heading = "Work")]
    format: FormatArgument,
    /// How lines are compressed [default: zst]; Parquet files are packed by Snappy.
    #[arg(long, value_enum, help_heading = "Work")]
    compression: Option<CompressionArgument>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArgument {
    /// A JSON object on each line.
    Jsonl,
    /// Rows, for a program that was built with --features parquet.
    Parquet,
}

#[derive(Clone, Copy, ValueEnum)]
enum CompressionArgument {
    Zst,
    None,
}

impl Written {
    /// As the stages have it.
    pub fn compression(&self) -> anyhow::Result<Compression> {
        match (self.format, self.compression) {
            (FormatArgument::Jsonl, None | Some(CompressionArgument::Zst)) => Ok(Compression::Zst),
            (FormatArgument::Jsonl, Some(CompressionArgument::None)) => Ok(Compression::None),
            (FormatArgument::Parquet, Some(_)) => {
                Err(usage("--compression is for --format jsonl; Parquet files are packed by Snappy"))
            }
            (FormatArgument::Parquet, None) if !cfg!(feature = "parquet") => Err(usage(
                "--format parquet: this program was built without it; cargo build --release --features parquet",
            )),
            (FormatArgument::Parquet, None) => Ok(Compression::Parquet),
        }
    }
}

/// Sets the number of threads, if one is given.
pub fn set_threads(threads: Option<usize>) -> anyhow::Result<()> {
    match threads {
        None => Ok(()),
        Some(0) => Err(usage("--threads 0: there is at least one")),
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|error| anyhow!("--threads {threads}: {error}")),
    }
}

/// Runs a stage, with a line of how far it is on a terminal.
pub fn with_progress<R, E>(run: impl FnOnce(&mut dyn FnMut(u64)) -> Result<R, E>) -> Result<R, E> {
    let result = run(&mut |records| {
        if line::is_possible() {
            line::rewrite(&format!("{} records", grouped(records)));
        }
    });
    line::clear();
    result
}

/// Says that nothing had to be done, or that other parts are missing.
pub fn say_complete(out: &Path, part: Part, was_complete: bool, completes: bool) {
    if was_complete && part.parts > 1 {
        note(format_args!(
            "{}: part {} of {} was complete already; nothing was done",
            out.display(),
            part.index,
            part.parts
        ));
    } else if was_complete {
        note(format_args!(
            "{}: complete already, for the same input and configuration; nothing was done",
            out.display()
        ));
    } else if !completes {
        note(format_args!(
            "part {} of {} is complete; the receipt of the whole comes with the last one",
            part.index, part.parts
        ));
    }
}

/// Warns of records that are no documents.
pub fn say_bad_records(ledger: &Ledger, shown: &[BadRecord]) {
    let errors = ledger.all_errors();
    if let Some(first) = shown.first() {
        note(format_args!(
            "warning: {} no document, the first {}: {}",
            if errors == 1 { "1 record is".to_owned() } else { format!("{} records are", grouped(errors)) },
            first.place(),
            first.detail
        ));
    }
}
