//! One number of one task.

use serde::{Deserialize, Serialize};

use super::Z;
use super::bootstrap::{self, Bootstrap};
use super::labels::{f1, matthews};
use super::moments::{mean, median, standard_error};

/// What a document contributes to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Score {
    /// A number: right or wrong (1 or 0), a grade, or a natural log of a probability.
    Number(f64),
    /// A natural log of a text's probability, and what it is divided by: the text's words or bytes.
    Weighted(f64, f64),
    /// The positions of the right choice and of the chosen one.
    Labels {
        /// From 0.
        gold: usize,
        /// From 0.
        chosen: usize,
    },
}

impl Score {
    fn value(self) -> f64 {
        match self {
            Score::Number(value) | Score::Weighted(value, _) => value,
            Score::Labels { gold, chosen } => f64::from(u8::from(gold == chosen)),
        }
    }

    fn weight(self) -> f64 {
        match self {
            Score::Number(_) | Score::Labels { .. } => 1.0,
            Score::Weighted(_, weight) => weight,
        }
    }

    /// Whether the document was right, if it is only right or wrong.
    pub fn is_right(self) -> Option<bool> {
        match self {
            Score::Number(0.0) => Some(false),
            Score::Number(1.0) => Some(true),
            Score::Labels { gold, chosen } => Some(gold == chosen),
            _ => None,
        }
    }
}

/// How one number is made of many documents' scores; named as aggregations of task files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The mean.
    Mean,
    /// e to the minus mean of log-probabilities.
    Perplexity,
    /// e to the minus (sum of log-probabilities / sum of weights): per word or byte.
    WeightedPerplexity,
    /// Minus (sum of log-probabilities / sum of weights) / ln 2, the weights being bytes.
    BitsPerByte,
    /// The upper median.
    Median,
    /// F1 of class 1, of labels.
    F1,
    /// Matthews' correlation coefficient, of labels.
    MatthewsCorrcoef,
}

impl Statistic {
    /// Its value for some of the documents, by position; NaN for none.
    pub fn of(self, scores: &[Score], positions: impl IntoIterator<Item = usize>) -> f64 {
        let labels = |positions: &mut dyn Iterator<Item = usize>| -> Vec<(usize, usize)> {
            let labels = positions.filter_map(|position| match scores[position] {
                Score::Labels { gold, chosen } => Some((gold, chosen)),
                _ => None,
            });
            labels.collect()
        };
        let mut positions = positions.into_iter();
        match self {
            Statistic::Median => return median(positions.map(|position| scores[position].value()).collect()),
            Statistic::F1 => return f1(&labels(&mut positions)),
            Statistic::MatthewsCorrcoef => return matthews(&labels(&mut positions)),
            _ => {}
        }
        let (mut value, mut weight) = (0.0, 0.0);
        for position in positions {
            value += scores[position].value();
            weight += match self {
                Statistic::WeightedPerplexity | Statistic::BitsPerByte => scores[position].weight(),
                _ => 1.0,
            };
        }
        let mean = value / weight;
        match self {
            Statistic::Perplexity | Statistic::WeightedPerplexity => (-mean).exp(),
            Statistic::BitsPerByte => -mean / std::f64::consts::LN_2,
            _ => mean,
        }
    }

    /// Its value for all documents.
    pub fn of_all(self, scores: &[Score]) -> f64 {
        self.of(scores, 0..scores.len())
    }
}

/// How an interval was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Wilson's, for a share of documents that are right.
    Wilson,
    /// Between percentiles of resamples of documents.
    Bootstrap,
}

/// An interval of 95%.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How it was found.
    pub method: Method,
}

impl Interval {
    /// Whether a value lies in it, its ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// A number with what is known of its error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error: of a mean, the sample standard deviation / √n; of others, the standard deviation of its resamples.
    /// `None` of fewer than two documents.
    pub standard_error: Option<f64>,
    /// Where it would be expected with other documents of the kind; `None` of fewer than two documents that are not right or
    /// wrong only.
    pub interval: Option<Interval>,
    /// Documents it is made of.
    pub documents: usize,
}

/// A statistic of documents' scores with its error; `None` of no documents.
///
/// The interval of a mean of documents that are right or wrong is Wilson's, every other one the bootstrap's.
pub fn estimate(statistic: Statistic, scores: &[Score], bootstrap: &Bootstrap) -> Option<Estimate> {
    let documents = scores.len();
    if documents == 0 {
        return None;
    }
    let value = statistic.of_all(scores);
    let right = scores.iter().map(|score| score.is_right());
    let right: Option<usize> = right.map(|right| right.map(usize::from)).sum();
    if let (Statistic::Mean, Some(right)) = (statistic, right) {
        let values: Vec<f64> = scores.iter().map(|score| score.value()).collect();
        let standard_error = standard_error(&values);
        return Some(Estimate { value, standard_error, interval: Some(wilson(right, documents)), documents });
    }
    if documents < 2 {
        return Some(Estimate { value, standard_error: None, interval: None, documents });
    }
    let resampled =
        bootstrap.distribution(&[documents], |drawn| statistic.of(scores, drawn[0].iter().copied()));
    let standard_error = match statistic {
        Statistic::Mean => standard_error(&scores.iter().map(|score| score.value()).collect::<Vec<_>>()),
        _ => bootstrap::deviation(&resampled),
    };
    Some(Estimate { value, standard_error, interval: bootstrap::interval(&resampled), documents })
}

/// Wilson's interval (1927) for a share of `right` among `documents`: from 0 to 1 of none.
pub fn wilson(right: usize, documents: usize) -> Interval {
    if documents == 0 {
        return Interval { low: 0.0, high: 1.0, method: Method::Wilson };
    }
    let (n, share) = (documents as f64, right as f64 / documents as f64);
    let scale = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    // Where no or every document is right, the end is exact and rounding must not pass it.
    let low = if right == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if right == documents { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high, method: Method::Wilson }
}

/// The mean of values, for groups.
pub(super) fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    mean(&values.collect::<Vec<_>>())
}
