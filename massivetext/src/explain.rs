//! One document under every rule set: its statistics, what counts for each, and which rule drops it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::choices;
use crate::filter::number;
use crate::rules::{Drops, Rules};
use crate::statistics::{Evidence, Measurer, RuleSet, Statistics};

/// A rule as it judges a document.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// The rule's name.
    pub rule: &'static str,
    /// The statistic it is a bound on.
    pub statistic: &'static str,
    /// The statistic of the document.
    pub value: Value,
    /// Which side is dropped.
    pub drops: Drops,
    /// The threshold.
    pub threshold: Value,
    /// Whether the document is dropped by it.
    pub fails: bool,
}

/// A document under one rule set.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The first rule that fails.
    pub dropped_by: Option<&'static str>,
    /// Every statistic, under the name that its makers gave it.
    pub statistics: Map<String, Value>,
    /// Every rule, in the order in which they are judged.
    pub judgements: Vec<Judgement>,
    /// What counts for each statistic that counts parts of a text: `[start, end)` in code points.
    pub spans: BTreeMap<&'static str, Vec<(usize, usize)>>,
    /// What the paper leaves open, and how it is read here.
    pub choices: BTreeMap<String, String>,
}

/// Notes everything.
#[derive(Default)]
struct Notes(BTreeMap<(RuleSet, &'static str), Vec<Range<usize>>>);

impl Evidence for Notes {
    fn note(&mut self, set: RuleSet, statistic: &'static str, bytes: Range<usize>) {
        self.0.entry((set, statistic)).or_default().push(bytes);
    }
}

/// Explains a text of less than 4 GiB under every rule set.
pub fn explain(text: &str) -> Vec<(RuleSet, Explanation)> {
    let mut notes = Notes::default();
    let all = Measurer::default().measure(text, &RuleSet::ALL, &mut notes);
    let mut positions = Positions::new(text);
    RuleSet::ALL
        .into_iter()
        .zip(all)
        .map(|(set, statistics)| {
            let spans = set.statistics().iter().filter_map(|&name| {
                let mut bytes = notes.0.remove(&(set, name))?;
                bytes.sort_by_key(|bytes| (bytes.start, bytes.end));
                bytes.dedup();
                Some((name, bytes.into_iter().map(|bytes| positions.of(bytes)).collect()))
            });
            let spans = spans.collect();
            (set, explanation(set, &statistics, spans))
        })
        .collect()
}

fn explanation(
    set: RuleSet,
    statistics: &Statistics,
    spans: BTreeMap<&'static str, Vec<(usize, usize)>>,
) -> Explanation {
    let rules = Rules::new(set);
    let judgements: Vec<Judgement> = rules
        .rules
        .iter()
        .map(|rule| {
            let value = statistics.get(rule.index).copied().unwrap_or(f64::NAN);
            Judgement {
                rule: rule.name,
                statistic: rule.statistic,
                value: number(value),
                drops: rule.drops,
                threshold: number(rule.threshold),
                fails: rule.fails(value),
            }
        })
        .collect();
    let mut named = Map::new();
    for (name, value) in set.statistics().iter().zip(statistics) {
        match name.split_once('.') {
            None => drop(named.insert((*name).to_owned(), number(*value))),
            Some((outer, inner)) => {
                let object = named.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                // What a public program leaves away is left away here.
                if let Value::Object(object) = object
                    && !value.is_nan()
                {
                    object.insert(inner.to_owned(), number(*value));
                }
            }
        }
    }
    let dropped_by = judgements.iter().find(|judgement| judgement.fails).map(|judgement| judgement.rule);
    Explanation { dropped_by, statistics: named, judgements, spans, choices: choices::of(set) }
}

/// Byte positions to positions of code points, quickest for ever larger ones.
struct Positions<'t> {
    text: &'t str,
    byte: usize,
    character: usize,
}

impl<'t> Positions<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, byte: 0, character: 0 }
    }

    fn of(&mut self, bytes: Range<usize>) -> (usize, usize) {
        if bytes.start < self.byte {
            *self = Self::new(self.text);
        }
        self.character += self.count(self.byte..bytes.start);
        self.byte = bytes.start;
        (self.character, self.character + self.count(bytes))
    }

    fn count(&self, bytes: Range<usize>) -> usize {
        self.text.get(bytes).map_or(0, |part| part.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_counts() {
        let text = "# ünï …\nsame line\n\nsame line\n";
        let all: BTreeMap<RuleSet, Explanation> = explain(text).into_iter().collect();
        let paper = &all[&RuleSet::Paper];
        assert_eq!(paper.dropped_by, Some("min_words"));
        assert_eq!(paper.spans["dup_line_frac"], [(8, 17), (19, 28)]);
        assert_eq!(paper.spans["hash_per_word"], [(0, 1)]);
        assert_eq!(paper.spans["ellipsis_per_word"], [(6, 7)]);
        // Both occurrences of the pair that is most frequent.
        assert_eq!(paper.spans["top_2_gram_char_frac"], [(8, 17), (19, 28)]);
        // The later copy alone.
        assert_eq!(all[&RuleSet::DatatroveWs].spans["dup_line_frac"], [(19, 28)]);
        let dolma = &all[&RuleSet::Dolma].statistics;
        assert_eq!(dolma["most_common_ngram_char_frac"]["2"], 16.0 / 21.0);
    }
}
