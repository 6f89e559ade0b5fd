//! `gopher analyze toxicity`: of texts, and of runs.

mod runs;

use std::path::PathBuf;

use analyses::scorer::TextScorer;
use analyses::toxicity::{Auc, Scores, TOXIC, auc, scores};
use anyhow::{Context as _, anyhow};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tasks::read::{Shape, documents};
use tasks::statistics::{Bootstrap, Interval};

use super::runs::RunsArguments;
use super::scorer::{self, ServiceArguments};
use crate::output::{Counter, grouped, line, print, table, usage};

/// Arguments of `gopher analyze toxicity`.
#[derive(Args)]
pub struct Arguments {
    /// Texts to score: a file of records, such as .jsonl or .csv, or a .txt file, which is one text.
    #[arg(long, value_name = "FILE", conflicts_with = "runs")]
    score: Option<PathBuf>,
    /// What judges a text: linear, a model over words that is part of this program, or perspective:URL (docs/analyses.md).
    #[arg(long, value_name = "SCORER", default_value = "linear", help_heading = "Scoring")]
    scorer: String,
    /// The field of a record that holds its text.
    #[arg(long, value_name = "FIELD", default_value = "text")]
    text_field: String,
    /// The field that says of which kind a text is, and the value of toxic ones: how well they are told from the others.
    #[arg(long, value_name = "FIELD=VALUE")]
    label: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
    #[command(flatten)]
    runs: RunsArguments,
    #[command(flatten)]
    generation: runs::GenerationArguments,
    /// Print JSON instead of a table; with --score, an object for each text, in order.
    #[arg(long)]
    json: bool,
}

/// The field and the value of `--label`.
fn label(arguments: &Arguments) -> anyhow::Result<Option<(&str, &str)>> {
    let Some(label) = &arguments.label else { return Ok(None) };
    let found = label.split_once('=').filter(|(field, _)| !field.is_empty());
    found.map(Some).ok_or_else(|| {
        usage(format_args!("--label {label}: FIELD=VALUE is expected, such as is_toxic=Toxic"))
    })
}

/// The texts of a file of records, each with whether it is of the labelled kind.
fn labelled(
    arguments: &Arguments,
    file: &std::path::Path,
    label: Option<(&str, &str)>,
) -> anyhow::Result<Vec<(String, bool)>> {
    let mut found = Vec::new();
    for (place, document) in documents(file, Shape::default())?.enumerate() {
        let document = document?;
        let missing = |field: &str| {
            let fields = document.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
            anyhow!(
                "{}: record {} has no field {field}; it has {}",
                file.display(),
                place + 1,
                fields.unwrap_or_default().join(", ")
            )
        };
        let text = document.get(&arguments.text_field).and_then(Value::as_str);
        let text = text.ok_or_else(|| missing(&format!("{} with a text", arguments.text_field)))?;
        let mut is_of = false;
        if let Some((field, value)) = label {
            let found = match document.get(field).ok_or_else(|| missing(field))? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            is_of = found == value;
        }
        found.push((text.to_owned(), is_of));
    }
    Ok(found)
}

/// A text's line of --json.
#[derive(Serialize)]
struct Scored {
    probability: f64,
}

/// Scores texts, or analyses runs.
///
/// # Errors
/// A file that cannot be read, records without text, labels of one kind only; a model that cannot be loaded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let label = label(arguments)?;
    let Some(file) = &arguments.score else { return runs::run(arguments, label) };
    let mut scorer = scorer::parse("--scorer", &arguments.scorer, &arguments.service, None)?;
    let texts = labelled(arguments, file, label)?;
    let mut probabilities = Vec::new();
    let mut counter = Counter::patient("texts");
    for (place, (text, _)) in texts.iter().enumerate() {
        let probability = one(&mut *scorer, text).with_context(|| format!("text {}", place + 1))?;
        if arguments.json {
            print(serde_json::to_string(&Scored { probability })? + "\n")?;
        }
        probabilities.push(probability);
        counter.show(&arguments.scorer, place + 1, 0, texts.len());
    }
    line::clear();
    if arguments.json {
        return Ok(());
    }
    let bootstrap = Bootstrap { seed: arguments.runs.seed, ..Bootstrap::default() };
    let all = scores(&probabilities, &bootstrap)?;
    let scored: Vec<(f64, bool)> =
        probabilities.iter().copied().zip(texts.iter().map(|(_, is_of)| *is_of)).collect();
    let auc = label.map(|_| auc(&scored, &bootstrap)).transpose()?;
    print(text(&all, auc.as_ref()))
}

/// The score of one text.
fn one(scorer: &mut dyn TextScorer, text: &str) -> anyhow::Result<f64> {
    scorer.score(&[text])?.first().copied().context("the scorer gave no score")
}

fn text(scores: &Scores, auc: Option<&Auc>) -> String {
    let number = |value: f64| format!("{value:.3}");
    let between = |interval: Option<Interval>| {
        interval.map_or("-".into(), |found| format!("{:.3} to {:.3}", found.low, found.high))
    };
    let row = |name: &str, value: String, interval: String| vec![name.to_owned(), value, interval];
    let mut rows = vec![
        row("", "value".into(), "95%".into()),
        row("texts", grouped(scores.texts as u64), String::new()),
        row("mean probability", number(scores.mean), between(scores.mean_interval)),
        row("median", number(scores.median), String::new()),
        row("95th percentile", number(scores.percentile_95), String::new()),
        row(
            &format!("share of {TOXIC} or more"),
            number(scores.toxic_share),
            between(Some(scores.toxic_share_interval)),
        ),
    ];
    if let Some(auc) = auc {
        rows.push(row("AUC", number(auc.auc), between(auc.interval)));
    }
    table(&rows)
}
