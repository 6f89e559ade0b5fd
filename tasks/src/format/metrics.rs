//! What is measured of an answer, and how the documents' values become one number.

use serde::{Deserialize, Serialize};

use super::data::Output;
use super::error::{Refusal, Result};
use super::filters::Ignored;
use super::keys::{Keys, nearest};
use super::native::Results;
use super::yaml::{Kind, Node};
use crate::Scored;
use crate::statistics::{f1, matthews, median};

/// A metric of a task.
#[derive(Clone, Debug)]
pub struct Metric {
    /// As in the task file.
    pub name: String,
    /// How documents are put together.
    pub aggregation: Aggregation,
    /// Whether more is better.
    pub higher_is_better: bool,
    pub(super) ignored: Ignored,
}

/// How the values of documents become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Their mean.
    Mean,
    /// Their mean, those that are not a number left out.
    Nanmean,
    /// The upper median.
    Median,
    /// e to the negative mean of log-probabilities.
    Perplexity,
    /// e to the negative sum of log-probabilities over the sum of words or bytes.
    WeightedPerplexity,
    /// The same in bits, without the exponential.
    BitsPerByte,
    /// F1 of class 1.
    F1,
    /// Matthews' correlation coefficient.
    MatthewsCorrcoef,
    /// The mean squared distance of probabilities from the truth.
    BrierScore,
}

impl Aggregation {
    const ALL: [(&str, Self); 9] = [
        ("mean", Self::Mean),
        ("nanmean", Self::Nanmean),
        ("median", Self::Median),
        ("perplexity", Self::Perplexity),
        ("weighted_perplexity", Self::WeightedPerplexity),
        ("bits_per_byte", Self::BitsPerByte),
        ("f1", Self::F1),
        ("matthews_corrcoef", Self::MatthewsCorrcoef),
        ("brier_score", Self::BrierScore),
    ];
}

/// The value of one metric for one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The metric.
    pub metric: String,
    /// The filter that the text went through; `none` for other output types.
    pub filter: String,
    /// The value.
    pub value: Measure,
}

/// A value of a metric before aggregation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A number.
    Number(f64),
    /// A log-probability and how many words or bytes it is of.
    Weighted {
        /// Natural log.
        log_probability: f64,
        /// Words or bytes.
        weight: f64,
    },
    /// The right choice and the chosen one.
    Labels {
        /// From 0.
        gold: usize,
        /// From 0.
        chosen: usize,
    },
    /// The right choice and the probability of each.
    Probabilities {
        /// From 0.
        gold: usize,
        /// They sum to 1.
        probabilities: Vec<f64>,
    },
}

impl Measure {
    /// It as one number: itself, or the squared distance of probabilities from the truth.
    pub fn number(&self) -> Option<f64> {
        match self {
            Measure::Number(number) => Some(*number),
            Measure::Probabilities { gold, probabilities } => {
                let truth = |at: usize| f64::from(u8::from(at == *gold));
                Some(probabilities.iter().enumerate().map(|(at, p)| (p - truth(at)).powi(2)).sum())
            }
            Measure::Weighted { .. } | Measure::Labels { .. } => None,
        }
    }
}

/// A metric over all documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The metric.
    pub metric: String,
    /// The filter; `none` for other output types than `generate_until`.
    pub filter: String,
    /// The value.
    pub value: f64,
    /// For means the sample standard deviation over the root of the number of documents; otherwise, and for one document,
    /// none.
    pub stderr: Option<f64>,
    /// How it was put together.
    pub aggregation: Aggregation,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// The documents that have it.
    pub documents: usize,
}

/// A metric's name, aggregation, and whether more is better.
type Standard = (&'static str, Aggregation, bool);

/// What each kind of answer can be measured by.
const KNOWN: &[(Output, &[Standard])] = &[
    (
        Output::MultipleChoice,
        &[
            ("acc", Aggregation::Mean, true),
            ("acc_norm", Aggregation::Mean, true),
            ("acc_bytes", Aggregation::Mean, true),
            ("acc_mutual_info", Aggregation::Mean, true),
            ("exact_match", Aggregation::Mean, true),
            ("multiple_choice_grade", Aggregation::Mean, true),
            ("brier_score", Aggregation::BrierScore, false),
            ("f1", Aggregation::F1, true),
            ("mcc", Aggregation::MatthewsCorrcoef, true),
        ],
    ),
    (
        Output::LogLikelihood,
        &[("perplexity", Aggregation::Perplexity, false), ("acc", Aggregation::Mean, true)],
    ),
    (
        Output::Rolling,
        &[
            ("word_perplexity", Aggregation::WeightedPerplexity, false),
            ("byte_perplexity", Aggregation::WeightedPerplexity, false),
            ("bits_per_byte", Aggregation::BitsPerByte, false),
        ],
    ),
    (Output::Generate, &[("exact_match", Aggregation::Mean, true)]),
];

impl Metric {
    pub(super) fn read_list(keys: &mut Keys, output: Output, results: Option<Results>) -> Result<Vec<Self>> {
        let list = keys.list("metric_list")?;
        let known = KNOWN.iter().find(|(known, _)| *known == output).map_or(&[][..], |(_, known)| *known);
        match list {
            Some(nodes) => nodes.into_iter().map(|node| Self::read(node, output, known, results)).collect(),
            None => {
                let standard: &[&str] = match output {
                    Output::MultipleChoice => &["acc", "acc_norm"],
                    _ => &[
                        "perplexity",
                        "acc",
                        "word_perplexity",
                        "byte_perplexity",
                        "bits_per_byte",
                        "exact_match",
                    ],
                };
                let of = |(name, aggregation, better): &Standard| Self {
                    name: (*name).to_owned(),
                    aggregation: *aggregation,
                    higher_is_better: *better,
                    ignored: Ignored::default(),
                };
                Ok(known.iter().filter(|(name, ..)| standard.contains(name)).map(of).collect())
            }
        }
    }

    fn read(node: Node, output: Output, known: &[Standard], results: Option<Results>) -> Result<Self> {
        let mut keys = Keys::of(node, "an entry of 'metric_list'")?;
        let Some(node) = keys.take("metric") else {
            return Err(keys.refuse(Refusal::Missing, "an entry of 'metric_list' has a 'metric'"));
        };
        let names = || known.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
        let name = match &node.value {
            Kind::Text(name) => name.clone(),
            Kind::Function(name) => {
                let problem =
                    format!("metric !function {name} is Python, and no Python is run; known are {}", names());
                return Err(node.refuse(Refusal::Metric, problem));
            }
            _ => {
                return Err(
                    node.refuse(Refusal::Metric, format!("a metric's name, and this is {}", node.kind()))
                );
            }
        };
        let found = known.iter().find(|(known, ..)| *known == name);
        let given_by_function = matches!((results, name.as_str()), (Some(Results::TruthfulQa), "acc"));
        let Some((_, standard, better)) =
            found.filter(|_| given_by_function || results != Some(Results::TruthfulQa))
        else {
            let hint = nearest(&name, known.iter().map(|(name, ..)| *name))
                .map_or_else(|| format!("known are {}", names()), |near| format!("did you mean '{near}'?"));
            let problem =
                format!("metric '{name}' of output_type {} is not supported; {hint}", output.name());
            return Err(node.refuse(Refusal::Metric, problem));
        };
        let aggregation = match keys.take("aggregation") {
            None => *standard,
            Some(node) => aggregation(&node, *standard)?,
        };
        // Of groups; some tasks have it too, where lm-evaluation-harness does not look at it.
        let _ = keys.take("weight_by_size");
        let ignored = Ignored::read(&mut keys, Refusal::Metric)?;
        let higher_is_better = keys.boolean("higher_is_better")?.unwrap_or(*better);
        if let Some(node) = keys.take("hf_evaluate")
            && !matches!(node.value, Kind::Bool(false))
        {
            return Err(
                node.refuse(Refusal::Metric, "'hf_evaluate' is not supported: no other package is asked")
            );
        }
        keys.finish(&format!("metric '{name}'"))?;
        Ok(Self { name, aggregation, higher_is_better, ignored })
    }
}

fn aggregation(node: &Node, standard: Aggregation) -> Result<Aggregation> {
    use Aggregation::{Mean, Median, Nanmean};
    match &node.value {
        Kind::Text(name) => match Aggregation::ALL.iter().find(|(known, _)| known == name) {
            // Numbers can be put together in several ways, the rest in its own.
            Some((_, found))
                if *found == standard || (standard == Mean && [Nanmean, Median].contains(found)) =>
            {
                Ok(*found)
            }
            Some(_) => {
                Err(node.refuse(Refusal::Metric, format!("aggregation '{name}' does not fit this metric")))
            }
            None => Err(node.refuse(
                Refusal::Metric,
                format!(
                    "unknown aggregation '{name}'; known are {}",
                    Aggregation::ALL.map(|(name, _)| name).join(", ")
                ),
            )),
        },
        Kind::Function(name) => Err(node.refuse(
            Refusal::Metric,
            format!("aggregation !function {name} is Python, and no Python is run"),
        )),
        _ => Err(node.refuse(Refusal::Metric, format!("an aggregation's name, and this is {}", node.kind()))),
    }
}

/// The choices that a model makes, first on ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// By log-probability.
    pub raw: usize,
    /// By log-probability over the number of characters of the choice.
    pub by_characters: usize,
    /// By log-probability over the number of bytes of the choice.
    pub by_bytes: usize,
}

/// What a model chooses among `choices`, given the score of each; none if there are none, or numbers of both differ.
pub fn chosen(choices: &[String], scored: &[Scored]) -> Option<Chosen> {
    if choices.is_empty() || choices.len() != scored.len() {
        return None;
    }
    let over = |length: &dyn Fn(&String) -> usize| {
        first_greatest(
            choices.iter().zip(scored).map(|(choice, scored)| scored.log_probability / length(choice) as f64),
        )
    };
    Some(Chosen {
        raw: first_greatest(scored.iter().map(|scored| scored.log_probability)),
        by_characters: over(&|choice| choice.chars().count()),
        by_bytes: over(&|choice| choice.len()),
    })
}

/// The position of the greatest value, the first of equal ones.
pub(super) fn first_greatest(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (position, value) in values.enumerate() {
        if value > best.1 {
            best = (position, value);
        }
    }
    best.0
}

/// Probabilities that sum to 1, in proportion to e to each value.
pub(super) fn softmax(values: &[f64]) -> Vec<f64> {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = values.iter().map(|value| (value - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// One number of the values of all documents; none if there are none.
pub(super) fn aggregate(aggregation: Aggregation, values: &[&Measure]) -> Option<(f64, Option<f64>)> {
    if values.is_empty() {
        return None;
    }
    let numbers: Vec<f64> = values.iter().filter_map(|value| value.number()).collect();
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    Some(match aggregation {
        Aggregation::Mean => (mean(&numbers), stderr(&numbers)),
        Aggregation::Nanmean => {
            let numbers: Vec<f64> = numbers.into_iter().filter(|number| !number.is_nan()).collect();
            (mean(&numbers), None)
        }
        Aggregation::Median => (median(numbers), None),
        Aggregation::Perplexity => ((-mean(&numbers)).exp(), None),
        Aggregation::WeightedPerplexity => ((-weighted_mean(values)).exp(), None),
        Aggregation::BitsPerByte => (-weighted_mean(values) / std::f64::consts::LN_2, None),
        Aggregation::F1 => (f1(&labels(values)), None),
        Aggregation::MatthewsCorrcoef => (matthews(&labels(values)), None),
        Aggregation::BrierScore => (mean(&numbers), None),
    })
}

/// The standard error of a mean.
fn stderr(numbers: &[f64]) -> Option<f64> {
    if numbers.len() < 2 {
        return None;
    }
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    Some((squares / (count - 1.0)).sqrt() / count.sqrt())
}

fn weighted_mean(values: &[&Measure]) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for value in values {
        if let Measure::Weighted { log_probability, weight } = value {
            sum += log_probability;
            weights += weight;
        }
    }
    sum / weights
}

fn labels(values: &[&Measure]) -> Vec<(usize, usize)> {
    let labels = values.iter().filter_map(|value| match value {
        Measure::Labels { gold, chosen } => Some((*gold, *chosen)),
        _ => None,
    });
    labels.collect()
}
