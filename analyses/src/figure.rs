//! Figures: numbers of groups with their intervals.

use serde::{Deserialize, Serialize};
use tasks::statistics::{Bootstrap, Interval, Method, percentile};

/// The fewest independent things that an interval is given for. Of fewer nothing is shown.
pub const FEWEST: usize = 10;

/// A number of a group, with what it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What is measured, such as `accuracy`.
    pub measure: String,
    /// Of what, such as `female, gotcha`.
    pub group: String,
    /// What it is over: sentences, pairs, prompts, texts.
    pub items: usize,
    /// The number; `None` if there is none, or it is of too few to be shown.
    pub value: Option<f64>,
    /// Where it would be with other things of the kind: the middle 95% of resamples.
    pub interval: Option<Interval>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it is only for those who ask for everything (`--json`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub detail: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Figure {
    /// The same, for those who ask for everything.
    pub fn as_detail(mut self) -> Self {
        self.detail = true;
        self
    }
}

/// Something that is resampled as a whole, with what it adds to a sum and to a count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Sum of its items' values.
    pub sum: f64,
    /// Its items.
    pub count: usize,
}

/// Makes figures, with intervals of resamples.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// How resamples are drawn.
    pub bootstrap: Bootstrap,
}

impl Figures {
    /// A mean of items that come in clusters, such as sentences of a template: whole clusters are resampled.
    pub fn mean(&self, measure: &str, group: &str, clusters: &[Cluster]) -> Figure {
        let clusters: Vec<Cluster> = clusters.iter().copied().filter(|cluster| cluster.count > 0).collect();
        let items = clusters.iter().map(|cluster| cluster.count).sum();
        self.statistic(measure, group, items, &[clusters.len()], |drawn| {
            let (mut sum, mut count) = (0.0, 0.0);
            for &at in &drawn[0] {
                sum += clusters[at].sum;
                count += clusters[at].count as f64;
            }
            sum / count
        })
    }

    /// A mean of items that are each on their own.
    pub fn mean_of(&self, measure: &str, group: &str, values: &[f64]) -> Figure {
        let clusters: Vec<Cluster> = values.iter().map(|&sum| Cluster { sum, count: 1 }).collect();
        self.mean(measure, group, &clusters)
    }

    /// A quantile of sorted values that are each on their own.
    pub fn quantile(&self, measure: &str, group: &str, sorted: &[f64], share: f64) -> Figure {
        self.statistic(measure, group, sorted.len(), &[sorted.len()], |drawn| {
            let mut places = drawn[0].clone();
            // Positions of sorted values are in the order of the values.
            places.sort_unstable();
            let values: Vec<f64> = places.into_iter().map(|at| sorted[at]).collect();
            percentile(&values, share)
        })
    }

    /// Any number of things that are drawn again with replacement, each of several kinds on its own. `statistic` is given positions of
    /// each kind; its value for all of them, once each, is the figure's.
    pub fn statistic(
        &self,
        measure: &str,
        group: &str,
        items: usize,
        kinds: &[usize],
        mut statistic: impl FnMut(&[Vec<usize>]) -> f64,
    ) -> Figure {
        let figure = |value, interval, note: Option<String>| Figure {
            measure: measure.to_owned(),
            group: group.to_owned(),
            items,
            value,
            interval,
            note,
            detail: false,
        };
        let fewest = kinds.iter().copied().min().unwrap_or(0);
        if fewest < FEWEST {
            let note = format!("{fewest} independent items, and {FEWEST} are needed: not shown");
            return figure(None, None, Some(note));
        }
        let all: Vec<Vec<usize>> = kinds.iter().map(|&count| (0..count).collect()).collect();
        let value = statistic(&all);
        if !value.is_finite() {
            return figure(None, None, Some("undefined: nothing to divide by".into()));
        }
        let resampled = self.bootstrap.distribution(kinds, statistic);
        let interval = between(&resampled);
        let note = interval.is_none().then(|| "no interval: undefined for some resamples".to_owned());
        figure(Some(value), interval, note)
    }
}

/// The middle 95% of sorted values; `None` if one of them is no number.
pub(crate) fn between(sorted: &[f64]) -> Option<Interval> {
    let (low, high) = (percentile(sorted, 0.025), percentile(sorted, 0.975));
    let all = !sorted.is_empty() && sorted.iter().all(|value| value.is_finite());
    all.then_some(Interval { low, high, method: Method::Bootstrap })
}

/// Gathers values under keys, as clusters in the order of the keys.
pub(crate) fn clusters<K: Ord>(values: impl IntoIterator<Item = (K, f64)>) -> Vec<Cluster> {
    let mut found: std::collections::BTreeMap<K, Cluster> = std::collections::BTreeMap::new();
    for (key, value) in values {
        let cluster = found.entry(key).or_default();
        cluster.sum += value;
        cluster.count += 1;
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_said_and_not_shown() {
        let figures = Figures { bootstrap: Bootstrap { resamples: 200, seed: 1 } };
        let few = figures.mean_of("accuracy", "all", &[1.0; 9]);
        assert_eq!((few.value, few.interval), (None, None));
        assert_eq!(few.note.as_deref(), Some("9 independent items, and 10 are needed: not shown"));
        let enough = figures.mean_of("accuracy", "all", &[1.0; 10]);
        assert_eq!((enough.value, enough.items), (Some(1.0), 10));
        let undefined = figures.statistic("x", "y", 10, &[10], |_| f64::NAN);
        assert_eq!(undefined.note.as_deref(), Some("undefined: nothing to divide by"));
    }

    /// Items of a cluster say the same thing: the interval is that of as many items as there are clusters.
    #[test]
    fn clusters_are_resampled_whole() {
        let figures = Figures { bootstrap: Bootstrap { resamples: 4_000, seed: 1 } };
        let single: Vec<f64> = (0..40).map(|n| f64::from(n % 2)).collect();
        let grouped: Vec<Cluster> =
            single.iter().map(|value| Cluster { sum: value * 9.0, count: 9 }).collect();
        let (one, nine) = (figures.mean_of("m", "g", &single), figures.mean("m", "g", &grouped));
        assert_eq!((one.value, nine.value, nine.items), (Some(0.5), Some(0.5), 360));
        assert_eq!(one.interval, nine.interval);
    }
}
