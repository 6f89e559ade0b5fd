//! `gopher analyze toxicity`.

use std::path::PathBuf;

use analyses::toxicity::{Auc, LinearModel, Scores, TOXIC, auc, scores};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use tasks::read::{Shape, documents};
use tasks::statistics::{Bootstrap, Interval};

use crate::output::{grouped, print, table, usage};

/// Arguments of `gopher analyze toxicity`.
#[derive(Args)]
pub struct Arguments {
    /// Texts to score: a file of records, such as .jsonl or .csv, or a .txt file, which is one text.
    #[arg(long, value_name = "FILE")]
    score: PathBuf,
    /// What judges a text.
    #[arg(long, value_enum, default_value_t = Scorer::Linear)]
    scorer: Scorer,
    /// The field of a record that holds its text.
    #[arg(long, value_name = "FIELD", default_value = "text")]
    text_field: String,
    /// The field that says of which kind a text is, and the value of toxic ones: how well the scorer tells them from the others.
    #[arg(long, value_name = "FIELD=VALUE")]
    label: Option<String>,
    /// Seed of the resamples that intervals are of.
    #[arg(long, value_name = "N", default_value_t = Bootstrap::default().seed)]
    seed: u64,
    /// Print a JSON object for each text, in order, instead of a table of all.
    #[arg(long)]
    json: bool,
}

/// What judges texts.
#[derive(Clone, Copy, ValueEnum)]
enum Scorer {
    /// A linear model over words that is part of this program (docs/analyses.md).
    Linear,
}

/// A text's line of --json.
#[derive(Serialize)]
struct Scored {
    probability: f64,
}

/// Scores texts.
///
/// # Errors
/// A file that cannot be read, records without text, labels of one kind only.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let label = match &arguments.label {
        None => None,
        Some(label) => {
            Some(label.split_once('=').filter(|(field, _)| !field.is_empty()).ok_or_else(|| {
                usage(format_args!("--label {label}: FIELD=VALUE is expected, such as is_toxic=Toxic"))
            })?)
        }
    };
    let Scorer::Linear = arguments.scorer;
    let model = LinearModel::get()?;
    let (mut probabilities, mut scored) = (Vec::new(), Vec::new());
    for (place, document) in documents(&arguments.score, Shape::default())?.enumerate() {
        let document = document?;
        let missing = |field: &str| {
            let fields = document.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
            anyhow!(
                "{}: record {} has no field {field}; it has {}",
                arguments.score.display(),
                place + 1,
                fields.unwrap_or_default().join(", ")
            )
        };
        let text = document.get(&arguments.text_field).and_then(Value::as_str);
        let probability =
            model.probability(text.ok_or_else(|| missing(&format!("{} with a text", arguments.text_field)))?);
        if let Some((field, value)) = label {
            let found = document.get(field).ok_or_else(|| missing(field))?;
            let found = match found {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            scored.push((probability, found == value));
        }
        if arguments.json {
            print(serde_json::to_string(&Scored { probability })? + "\n")?;
        }
        probabilities.push(probability);
    }
    if arguments.json {
        return Ok(());
    }
    let bootstrap = Bootstrap { seed: arguments.seed, ..Bootstrap::default() };
    let all = scores(&probabilities, &bootstrap)?;
    let auc = label.map(|_| auc(&scored, &bootstrap)).transpose()?;
    print(text(&all, auc.as_ref()))
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
