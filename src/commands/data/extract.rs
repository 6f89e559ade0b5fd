//! `gopher data extract`.

use std::path::PathBuf;

use clap::Args;
use massivetext::extract::{self, Blocklist, Configuration, Places, Receipt, Report};
use massivetext::manifest::Manifest;

use super::{remote, text, work};
use crate::output::{grouped, note, print, print_json, usage};

/// Arguments of `gopher data extract`.
#[derive(Args)]
#[command(mut_arg("max_record_bytes", |option| {
    option.help("Most bytes of a record, compressed or not; longer ones are counted as errors")
}))]
pub struct Arguments {
    /// Crawl files and folders of them: .warc and .wet, and pages, .html and .htm; each also .gz, .zst, .xz.
    #[arg(long = "in", value_name = "PATH", required = true, num_args = 1..)]
    inputs: Vec<PathBuf>,
    /// Folder for the documents and the receipt: a new one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for the documents that are dropped, with the rules that drop them, and for bad records.
    #[arg(long, value_name = "DIR")]
    rejected: Option<PathBuf>,
    /// Language that is kept, such as en; any keeps all.
    #[arg(long, value_name = "CODE|any", default_value = "en")]
    language: String,
    /// How sure it has to be that a text is in that language, from 0 to 1.
    #[arg(long, value_name = "X", default_value_t = Configuration::default().min_language_confidence)]
    min_language_confidence: f64,
    /// Share of a text that may be replacement characters (U+FFFD), from 0 to 1.
    #[arg(long, value_name = "X", default_value_t = Configuration::default().max_replacement)]
    max_replacement: f64,
    /// File of domains, one on each line, whose pages are dropped.
    #[arg(long, value_name = "FILE")]
    block_hosts: Option<PathBuf>,
    #[command(flatten)]
    work: work::Options,
    /// Print the receipt as JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Extracts, and prints what has become of every record.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let blocked = arguments.block_hosts.as_deref().map(Blocklist::read).transpose()?;
    let configuration = Configuration {
        language: Some(arguments.language).filter(|language| language != "any"),
        min_language_confidence: arguments.min_language_confidence,
        max_replacement: arguments.max_replacement,
        blocked_hosts: blocked.as_ref().map(Blocklist::describe),
        max_record_bytes: arguments.work.max_record_bytes,
        shard_bytes: arguments.work.shard_bytes(),
        compression: arguments.work.written.compression()?,
    };
    // Wrong settings are wrong usage, and known before anything is read.
    configuration.check().map_err(usage)?;
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
    let manifest = remote.manifest(Manifest::find_crawl)?;
    manifest.notes().iter().for_each(note);
    let blocked = blocked.unwrap_or_default();
    let report =
        remote.run(&mut |progress| extract::run(&configuration, &places, &manifest, &blocked, progress))?;
    let Report { receipt, was_complete, completes } = report;
    work::say_complete(&remote.out_name(), places.part, was_complete, completes);
    work::say_bad_records(&receipt.ledger, &receipt.bad_records);
    if arguments.json { print_json(&receipt) } else { print(table(&receipt)) }
}

/// Where every record has gone.
fn table(receipt: &Receipt) -> String {
    let ledger = &receipt.ledger;
    let (dropped, errors, passed_over) =
        (ledger.all_dropped(), ledger.all_errors(), ledger.all_passed_over());
    let sum = format!(
        "= {} kept + {} dropped + {} errors + {} passed over",
        grouped(ledger.kept),
        grouped(dropped),
        grouped(errors),
        grouped(passed_over)
    );
    let width = grouped(ledger.records).len();
    let rows = [
        ("records", ledger.records, sum),
        ("kept", ledger.kept, String::new()),
        ("dropped", dropped, text::counts(&ledger.dropped)),
        ("errors", errors, text::counts(&ledger.errors)),
        ("passed over", passed_over, text::counts(&ledger.passed_over)),
        ("encodings", receipt.encodings.values().sum(), text::counts(&receipt.encodings)),
        ("languages", receipt.languages.values().sum(), text::counts(&receipt.languages)),
    ];
    let line = |(name, n, detail): (&str, u64, String)| {
        format!("{name:<11} {:>width$}  {detail}", grouped(n)).trim_end().to_owned() + "\n"
    };
    rows.map(line).concat()
}
