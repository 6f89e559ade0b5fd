//! Rules: a bound on a statistic each. Every rule set has those of the paper that its makers implement, under common names.

use serde::{Deserialize, Serialize};

use crate::statistics::RuleSet;
use crate::{Error, Result};

/// On which side of its threshold a document is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drops {
    /// Dropped when the statistic is above the threshold; at it, kept.
    Above,
    /// Dropped when the statistic is below the threshold; at it, kept.
    Below,
}

/// A bound on a statistic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The rule's name, the same in all rule sets: `duplicate_lines`.
    pub name: &'static str,
    /// The name of the statistic, which is that of the rule set's makers.
    pub statistic: &'static str,
    /// The statistic's place among [`RuleSet::statistics`].
    #[serde(skip)]
    pub index: usize,
    /// Which side is dropped.
    pub drops: Drops,
    /// The threshold.
    pub threshold: f64,
}

impl Rule {
    /// Whether a document is dropped that has this statistic. Where there is no number, no rule judges.
    pub fn fails(&self, value: f64) -> bool {
        match self.drops {
            Drops::Above => value > self.threshold,
            Drops::Below => value < self.threshold,
        }
    }
}

/// The rules of a rule set, in the order in which they are judged: the first that fails is the one that drops a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The rule set.
    pub set: RuleSet,
    /// Its rules.
    pub rules: Vec<Rule>,
}

use Drops::{Above, Below};

/// Name, direction and threshold of every rule, in the paper's order: section A.1.1 of the appendix, then Table A1.
const PAPER: [(&str, Drops, f64); 23] = [
    ("min_words", Below, 50.0),
    ("max_words", Above, 100_000.0),
    ("min_word_length", Below, 3.0),
    ("max_word_length", Above, 10.0),
    ("hashes", Above, 0.1),
    ("ellipses", Above, 0.1),
    ("bullet_lines", Above, 0.9),
    ("ellipsis_lines", Above, 0.3),
    ("alphabetic_words", Below, 0.8),
    ("stop_words", Below, 2.0),
    ("duplicate_lines", Above, 0.3),
    ("duplicate_paragraphs", Above, 0.3),
    ("duplicate_line_characters", Above, 0.2),
    ("duplicate_paragraph_characters", Above, 0.2),
    ("top_2_gram", Above, 0.2),
    ("top_3_gram", Above, 0.18),
    ("top_4_gram", Above, 0.16),
    ("duplicate_5_gram", Above, 0.15),
    ("duplicate_6_gram", Above, 0.14),
    ("duplicate_7_gram", Above, 0.13),
    ("duplicate_8_gram", Above, 0.12),
    ("duplicate_9_gram", Above, 0.11),
    ("duplicate_10_gram", Above, 0.1),
];

/// Rules of the public rule sets that are in no paper's list.
const OTHERS: [(&str, Drops, f64); 1] = [
    // "#" and ellipses together.
    ("symbols", Above, 0.1),
];

/// Statistics of the n-gram rules, which most rule sets name alike.
const GRAMS: [(&str, &str); 9] = [
    ("top_2_gram", "top_2_gram_char_frac"),
    ("top_3_gram", "top_3_gram_char_frac"),
    ("top_4_gram", "top_4_gram_char_frac"),
    ("duplicate_5_gram", "dup_5_gram_char_frac"),
    ("duplicate_6_gram", "dup_6_gram_char_frac"),
    ("duplicate_7_gram", "dup_7_gram_char_frac"),
    ("duplicate_8_gram", "dup_8_gram_char_frac"),
    ("duplicate_9_gram", "dup_9_gram_char_frac"),
    ("duplicate_10_gram", "dup_10_gram_char_frac"),
];

/// Rules and their statistics, in the order of the rule set's makers.
fn of(set: RuleSet) -> Vec<(&'static str, &'static str)> {
    let rules: &[(&str, &str)] = match set {
        RuleSet::Paper => &[
            ("min_words", "n_words"),
            ("max_words", "n_words"),
            ("min_word_length", "mean_word_length"),
            ("max_word_length", "mean_word_length"),
            ("hashes", "hash_per_word"),
            ("ellipses", "ellipsis_per_word"),
            ("bullet_lines", "bullet_line_fraction"),
            ("ellipsis_lines", "ellipsis_line_fraction"),
            ("alphabetic_words", "alpha_word_fraction"),
            ("stop_words", "distinct_stop_words"),
            ("duplicate_lines", "dup_line_frac"),
            ("duplicate_paragraphs", "dup_para_frac"),
            ("duplicate_line_characters", "dup_line_char_frac"),
            ("duplicate_paragraph_characters", "dup_para_char_frac"),
        ],
        RuleSet::DatatroveWs => &[
            ("min_words", "n_non_symbol_words"),
            ("max_words", "n_non_symbol_words"),
            ("min_word_length", "mean_non_symbol_word_length"),
            ("max_word_length", "mean_non_symbol_word_length"),
            ("hashes", "hash_per_word"),
            ("ellipses", "ellipsis_per_word"),
            ("bullet_lines", "bullet_line_fraction"),
            ("ellipsis_lines", "ellipsis_line_fraction"),
            ("alphabetic_words", "alpha_word_fraction"),
            ("stop_words", "distinct_stop_words"),
            ("duplicate_paragraphs", "dup_para_frac"),
            ("duplicate_paragraph_characters", "dup_para_char_frac"),
            ("duplicate_lines", "dup_line_frac"),
            ("duplicate_line_characters", "dup_line_char_frac"),
        ],
        RuleSet::Dolma => &[
            ("min_words", "word_count"),
            ("max_words", "word_count"),
            ("min_word_length", "median_word_length"),
            ("max_word_length", "median_word_length"),
            ("symbols", "symbol_to_word_ratio"),
            ("bullet_lines", "fraction_of_lines_starting_with_bullet_point"),
            ("ellipsis_lines", "fraction_of_lines_ending_with_ellipsis"),
            ("alphabetic_words", "fraction_of_words_with_alpha_character"),
            ("stop_words", "required_word_count"),
            ("duplicate_lines", "fraction_of_duplicate_lines"),
            ("duplicate_line_characters", "fraction_of_characters_in_duplicate_lines"),
            ("top_2_gram", "most_common_ngram_char_frac.2"),
            ("top_3_gram", "most_common_ngram_char_frac.3"),
            ("top_4_gram", "most_common_ngram_char_frac.4"),
            ("duplicate_5_gram", "duplicate_ngram_char_frac.5"),
            ("duplicate_6_gram", "duplicate_ngram_char_frac.6"),
            ("duplicate_7_gram", "duplicate_ngram_char_frac.7"),
            ("duplicate_8_gram", "duplicate_ngram_char_frac.8"),
            ("duplicate_9_gram", "duplicate_ngram_char_frac.9"),
            ("duplicate_10_gram", "duplicate_ngram_char_frac.10"),
        ],
        RuleSet::Dclm => &[
            ("min_words", "n_words"),
            ("max_words", "n_words"),
            ("min_word_length", "mean_word_length"),
            ("max_word_length", "mean_word_length"),
            ("symbols", "symbol_per_word"),
            ("bullet_lines", "bullet_line_fraction"),
            ("ellipsis_lines", "ellipsis_line_fraction"),
            ("alphabetic_words", "non_alpha_word_fraction"),
            ("stop_words", "stop_words"),
            ("duplicate_lines", "dup_line_frac"),
            ("duplicate_paragraphs", "dup_para_frac"),
            ("duplicate_line_characters", "dup_line_char_frac"),
            ("duplicate_paragraph_characters", "dup_para_char_frac"),
        ],
        RuleSet::Rpv2 => &[
            ("min_words", "n_words"),
            ("max_words", "n_words"),
            ("min_word_length", "mean_word_length"),
            ("max_word_length", "mean_word_length"),
            ("symbols", "symbol_per_word"),
            ("bullet_lines", "bullet_line_fraction"),
            ("ellipsis_lines", "ellipsis_line_fraction"),
            ("alphabetic_words", "non_alpha_word_fraction"),
        ],
        RuleSet::Curator => &[
            ("symbols", "symbol_to_word"),
            ("duplicate_lines", "repeated_lines"),
            ("duplicate_paragraphs", "repeated_paragraphs"),
            ("duplicate_line_characters", "repeated_lines_char"),
            ("duplicate_paragraph_characters", "repeated_paragraphs_char"),
            ("min_words", "word_count"),
            ("max_words", "word_count"),
            ("alphabetic_words", "words_without_alphabets"),
            ("stop_words", "common_english_words"),
            ("max_word_length", "mean_word_length"),
            ("min_word_length", "mean_word_length"),
            ("ellipsis_lines", "ellipsis"),
            ("bullet_lines", "bullet_ratio"),
        ],
    };
    let mut rules = rules.to_vec();
    if set != RuleSet::Dolma {
        // Curator's bullets come last.
        let bullets = (set == RuleSet::Curator).then(|| rules.pop()).flatten();
        rules.extend(GRAMS);
        rules.extend(bullets);
    }
    rules
}

impl Rules {
    /// The rules of a rule set with its thresholds.
    pub fn new(set: RuleSet) -> Self {
        let rules = of(set).into_iter().filter_map(|(name, statistic)| {
            let (_, drops, threshold) = *PAPER.iter().chain(&OTHERS).find(|(known, ..)| *known == name)?;
            let index = set.statistics().iter().position(|known| *known == statistic)?;
            // Some programs turn a fraction around, and its threshold with it.
            let (drops, threshold) = match (set, name) {
                (RuleSet::Dclm | RuleSet::Rpv2, "alphabetic_words") => (Above, 0.2),
                (RuleSet::Curator, "duplicate_lines" | "duplicate_paragraphs") => (Below, 0.7),
                (RuleSet::Curator, "duplicate_line_characters" | "duplicate_paragraph_characters") => {
                    (Below, 0.8)
                }
                _ => (drops, threshold),
            };
            Some(Rule { name, statistic, index, drops, threshold })
        });
        Self { set, rules: rules.collect() }
    }

    /// With another threshold, `top_2_gram=0.25`.
    ///
    /// # Errors
    /// No such rule, no number.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let wrong = |detail: String| Error::Threshold { assignment: assignment.to_owned(), detail };
        let (name, value) = assignment
            .split_once('=')
            .ok_or_else(|| wrong("a rule, = and a number are expected, such as top_2_gram=0.25".into()))?;
        let threshold = value
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|threshold| !threshold.is_nan())
            .ok_or_else(|| wrong(format!("{value} is no number")))?;
        let known = self.rules.iter().map(|rule| rule.name).collect::<Vec<_>>().join(", ");
        let set = self.set;
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.name == name.trim())
            .ok_or_else(|| wrong(format!("{set} has no rule {name}; it has {known}")))?;
        rule.threshold = threshold;
        Ok(())
    }

    /// The rules by which a document is dropped, in order; none if it is kept.
    pub fn failed<'r>(&'r self, statistics: &'r [f64]) -> impl Iterator<Item = &'r Rule> {
        self.rules.iter().filter(|rule| statistics.get(rule.index).is_some_and(|&value| rule.fails(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_statistic_and_the_papers_are_all_there() {
        for set in RuleSet::ALL {
            let rules = Rules::new(set);
            assert_eq!(rules.rules.len(), of(set).len(), "{set}");
        }
        let paper = Rules::new(RuleSet::Paper).rules;
        let found: Vec<_> = paper.iter().map(|rule| (rule.name, rule.drops, rule.threshold)).collect();
        assert_eq!(found, PAPER);
    }

    #[test]
    fn thresholds_are_set_by_name() {
        let mut rules = Rules::new(RuleSet::Curator);
        rules.set("top_2_gram = 0.25").unwrap();
        assert_eq!(rules.rules.iter().find(|rule| rule.name == "top_2_gram").unwrap().threshold, 0.25);
        let error = |assignment: &str| Rules::new(RuleSet::Rpv2).set(assignment).unwrap_err().to_string();
        assert!(error("top_2_gram").contains("a rule, = and a number"));
        assert!(error("top_2_gram=much").contains("much is no number"));
        assert!(error("stop_words=3").contains("rpv2 has no rule stop_words; it has min_words, "));
    }
}
