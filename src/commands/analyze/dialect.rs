//! `gopher analyze dialect`.

use std::path::PathBuf;

use analyses::dialect::{Dialects, Mixture};
use analyses::folder::Folder;
use analyses::question::sample;
use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tasks::read::{Shape, documents};

use super::runs::{Analysis, RunsArguments};
use super::show::Report;

/// Arguments of `gopher analyze dialect`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    runs: RunsArguments,
    /// Folder with model_count_table.txt and model_vocab.txt of the mixture model of dialects (docs/analyses.md).
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    data: PathBuf,
    /// Messages whose dialect the mixture model says: a file of records.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    texts: PathBuf,
    /// The field of a record that holds its text.
    #[arg(long, value_name = "FIELD", default_value = "tweet", help_heading = "Data")]
    text_field: String,
    /// The share of a message's words that its dialect must account for.
    #[arg(long, value_name = "P", default_value_t = 0.8, help_heading = "Data")]
    threshold: f64,
    /// Print JSON instead of a table.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// Analyses runs.
///
/// # Errors
/// Wrong usage, data that is missing, a model that cannot be loaded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let analysis = Analysis::new(&arguments.runs, "dialect")?;
    let mixture = Mixture::read(&Folder::open(&arguments.data)?)?;
    let mut texts = Vec::new();
    for (place, document) in documents(&arguments.texts, Shape::default())?.enumerate() {
        let document = document?;
        let text = document.get(&arguments.text_field).and_then(Value::as_str);
        let text = text.with_context(|| {
            let file = arguments.texts.display();
            format!(
                "{file}: record {} has no field {} with a text (--text-field)",
                place + 1,
                arguments.text_field
            )
        })?;
        texts.push(text.to_owned());
    }
    let dialects = Dialects::align(&mixture, texts.iter().map(String::as_str), arguments.threshold)?;
    let questions =
        dialects.questions().map(|of_dialect| sample(of_dialect, arguments.runs.limit, false)).concat();
    let (mut reports, mut folders) = (Vec::new(), Vec::new());
    for mut opened in analysis.open()? {
        let answers = analysis.ask(&mut opened, "", &questions)?;
        let opened = opened.close();
        folders.push(opened.folder().to_owned());
        reports.push(opened.report(dialects.figures(&answers, &analysis.figures)));
    }
    analysis.conclude();
    let report = Report {
        analysis: "dialect",
        program: env!("CARGO_PKG_VERSION"),
        seed: arguments.runs.seed,
        resamples: analysis.figures.bootstrap.resamples,
        limit: arguments.runs.limit,
        settings: json!({ "threshold": arguments.threshold, "texts": arguments.texts }),
        notes: &[dialects.counts()],
        runs: &reports,
    };
    report.write(&folders)?;
    report.print(arguments.json)
}
