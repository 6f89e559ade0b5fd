//! How statistics of documents are distributed, beside the thresholds of the rules that judge them.

use std::path::Path;

use serde::Serialize;

use super::summary::statistics_of;
use crate::rules::{Drops, Rule, Rules};
use crate::what_if::each_document;
use crate::{Result, filter};

/// A threshold of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// The rule.
    pub rule: &'static str,
    /// On which side documents are dropped.
    pub drops: Drops,
    /// The threshold.
    pub threshold: f64,
}

/// How a statistic is distributed over the documents that a stage has measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// The statistic.
    pub statistic: &'static str,
    /// The rules that judge it.
    pub rules: Vec<Threshold>,
    /// Where bins begin, and the last one ends. A value at an edge is in the bin that begins there.
    pub edges: Vec<f64>,
    /// Documents in each bin.
    pub counts: Vec<u64>,
    /// Documents at the last edge or above.
    pub above: u64,
    /// Documents for which the statistic is no number.
    pub without: u64,
    #[serde(skip)]
    index: usize,
}

impl Histogram {
    fn new(rule: &Rule) -> Self {
        let edges = edges(rule);
        let counts = vec![0; edges.len() - 1];
        let (statistic, index) = (rule.statistic, rule.index);
        Self { statistic, rules: Vec::new(), edges, counts, above: 0, without: 0, index }
    }

    fn see(&mut self, value: f64) {
        if value.is_nan() {
            self.without += 1;
            return;
        }
        let place = self.edges.partition_point(|edge| *edge <= value).saturating_sub(1);
        match self.counts.get_mut(place) {
            Some(count) => *count += 1,
            None => self.above += 1,
        }
    }

    /// Leaves out the bins behind the last one that has documents or a threshold.
    fn shorten(&mut self) {
        let highest = self.rules.iter().map(|rule| rule.threshold).fold(0.0, f64::max);
        let is_needed = |bin: usize| self.counts[bin] > 0 || self.edges[bin] <= highest;
        let bins = (0..self.counts.len()).rev().find(|bin| is_needed(*bin)).map_or(1, |bin| bin + 1);
        if self.above == 0 {
            self.counts.truncate(bins);
            self.edges.truncate(bins + 1);
        }
    }

    /// Where a value lies, in bins from the left; at most at the last edge.
    pub fn position(&self, value: f64) -> f64 {
        let place = self.edges.partition_point(|edge| *edge <= value).saturating_sub(1);
        match (self.edges.get(place), self.edges.get(place + 1)) {
            (Some(low), Some(high)) => place as f64 + ((value - low) / (high - low)).clamp(0.0, 1.0),
            _ => self.counts.len() as f64,
        }
    }
}

/// Where bins begin: at powers of two for numbers of words, else evenly.
fn edges(rule: &Rule) -> Vec<f64> {
    match rule.name {
        "min_words" | "max_words" => {
            [0.0].into_iter().chain((0..=32).map(|power| f64::from(power).exp2())).collect()
        }
        "min_word_length" | "max_word_length" => (0..=40).map(|half| f64::from(half) / 2.0).collect(),
        "stop_words" => (0..=9).map(f64::from).collect(),
        // One behind 1, which many are.
        _ => (0..=51).map(|step| f64::from(step) / 50.0).collect(),
    }
}

/// The histograms of the statistics by which a stage of the rules judged, in the order of its rules.
///
/// # Errors
/// Files of statistics that are damaged.
pub fn of(folder: &Path, receipt: &filter::Receipt) -> Result<Vec<Histogram>> {
    let mut rules = Rules::new(receipt.configuration.rules);
    receipt.configuration.thresholds.iter().try_for_each(|threshold| rules.set(threshold))?;
    let mut histograms: Vec<Histogram> = Vec::new();
    for rule in &rules.rules {
        let place = histograms.iter().position(|known| known.statistic == rule.statistic);
        let place = place.unwrap_or_else(|| {
            histograms.push(Histogram::new(rule));
            histograms.len() - 1
        });
        let threshold = Threshold { rule: rule.name, drops: rule.drops, threshold: rule.threshold };
        histograms[place].rules.push(threshold);
    }
    for written in &receipt.outputs {
        let path = folder.join(statistics_of(&written.file));
        each_document(&path, rules.set, &mut |_, values| {
            for histogram in &mut histograms {
                histogram.see(values.get(histogram.index).copied().unwrap_or(f64::NAN));
            }
        })?;
    }
    histograms.iter_mut().for_each(Histogram::shorten);
    Ok(histograms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::RuleSet;

    fn of_rule(name: &str) -> Histogram {
        let rules = Rules::new(RuleSet::Paper).rules;
        Histogram::new(rules.iter().find(|rule| rule.name == name).unwrap())
    }

    #[test]
    fn every_value_is_in_one_place() {
        let mut words = of_rule("min_words");
        [0.0, 1.0, 3.0, 4.0, 1e12, f64::NAN].into_iter().for_each(|value| words.see(value));
        assert_eq!((&words.counts[..4], words.above, words.without), (&[1, 1, 1, 1][..], 1, 1));
        let mut lines = of_rule("duplicate_lines");
        [0.0, 0.3, 1.0, 1.5].into_iter().for_each(|value| lines.see(value));
        assert_eq!((lines.counts[0], lines.counts[15], lines.counts[50], lines.above), (1, 1, 1, 1));
    }

    #[test]
    fn a_threshold_lies_between_the_bins() {
        assert_eq!(of_rule("duplicate_lines").position(0.3), 15.0);
        // 0, 1, 2, 4, 8, 16, 32, then 18 of 32 to 64.
        assert_eq!(of_rule("min_words").position(50.0), 6.0 + 18.0 / 32.0);
        assert_eq!(of_rule("stop_words").position(100.0), 9.0);
    }
}
