//! The ledger: where every record of the input has gone, and where rule sets disagree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::records::{BadRecord, Kind};
use crate::rules::Rules;
use crate::statistics::RuleSet;
use crate::{Error, Result};

/// Bad records that a receipt shows.
pub const SHOWN: usize = 20;

/// Every record of the input ends in exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Records read.
    pub records: u64,
    /// Documents written.
    pub kept: u64,
    /// Documents dropped, by the first rule that fails.
    pub dropped: BTreeMap<String, u64>,
    /// Records that are no documents, by the reason.
    pub errors: BTreeMap<String, u64>,
    /// Records of crawl files that have no text, by their types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<String, u64>,
}

impl Ledger {
    /// A document goes on.
    pub fn keep(&mut self) {
        self.records += 1;
        self.kept += 1;
    }

    /// A rule drops a document.
    pub fn drop(&mut self, rule: &str) {
        self.records += 1;
        count(&mut self.dropped, rule, 1);
    }

    /// A record is no document.
    pub fn error(&mut self, kind: Kind) {
        self.records += 1;
        count(&mut self.errors, kind.name(), 1);
    }

    /// A record has no text, by its type.
    pub fn pass_over(&mut self, kind: &str) {
        self.records += 1;
        count(&mut self.passed_over, kind, 1);
    }

    /// Records dropped.
    pub fn all_dropped(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Records that are no documents.
    pub fn all_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Records that have no text.
    pub fn all_passed_over(&self) -> u64 {
        self.passed_over.values().sum()
    }

    /// Adds another.
    pub fn add(&mut self, other: &Ledger) {
        self.records += other.records;
        self.kept += other.kept;
        other.dropped.iter().for_each(|(rule, n)| count(&mut self.dropped, rule, *n));
        other.errors.iter().for_each(|(kind, n)| count(&mut self.errors, kind, *n));
        other.passed_over.iter().for_each(|(kind, n)| count(&mut self.passed_over, kind, *n));
    }

    /// Checks that nothing is lost or counted twice: `read` is the number of records as reading counted them, `written` that
    /// of the documents in the files.
    ///
    /// # Errors
    /// A sum that is wrong.
    pub fn check(&self, read: u64, written: u64) -> Result<()> {
        let (dropped, errors) = (self.all_dropped(), self.all_errors());
        let sum = self.kept + dropped + errors + self.all_passed_over();
        if sum != read || self.records != read || self.kept != written {
            let detail = format!(
                "{read} records read, {} accounted for: {} kept ({written} written) + {dropped} dropped + {errors} errors + {} passed over",
                self.records,
                self.kept,
                self.all_passed_over()
            );
            return Err(Error::Ledger { detail });
        }
        Ok(())
    }
}

pub(crate) fn count(counts: &mut BTreeMap<String, u64>, key: &str, n: u64) {
    match counts.get_mut(key) {
        Some(found) => *found += n,
        None => drop(counts.insert(key.to_owned(), n)),
    }
}

/// The bad records that receipts show: the first ones.
pub fn show(shown: &mut Vec<BadRecord>, record: BadRecord) {
    if shown.len() < SHOWN {
        shown.push(record);
    }
}

/// How often one rule set keeps what another drops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Documents that each rule set keeps.
    pub kept: BTreeMap<String, u64>,
    /// Kept by the first, dropped by the second: the documents, by the rule of the second.
    pub kept_by_dropped_by: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
}

impl Disagreement {
    /// Adds another.
    pub fn add(&mut self, other: &Disagreement) {
        other.kept.iter().for_each(|(set, n)| count(&mut self.kept, set, *n));
        for (keeper, row) in &other.kept_by_dropped_by {
            let mine = self.kept_by_dropped_by.entry(keeper.clone()).or_default();
            for (dropper, rules) in row {
                let mine = mine.entry(dropper.clone()).or_default();
                rules.iter().for_each(|(rule, n)| count(mine, rule, *n));
            }
        }
    }

    /// Documents that `keeper` keeps and `dropper` drops.
    pub fn documents(&self, keeper: &str, dropper: &str) -> u64 {
        let rules = self.kept_by_dropped_by.get(keeper).and_then(|row| row.get(dropper));
        rules.map_or(0, |rules| rules.values().sum())
    }
}

/// Counts [`Disagreement`] by numbers instead of names.
pub struct Comparison<'r> {
    rules: &'r [Rules],
    kept: Vec<u64>,
    /// Of a keeper, a dropper and the dropper's rule.
    counts: Vec<Vec<Vec<u64>>>,
}

impl<'r> Comparison<'r> {
    /// Between these rule sets.
    pub fn new(rules: &'r [Rules]) -> Self {
        let row = || rules.iter().map(|rules| vec![0; rules.rules.len()]).collect();
        Self { rules, kept: vec![0; rules.len()], counts: rules.iter().map(|_| row()).collect() }
    }

    /// Counts a document; of each rule set the first rule that fails, as a place among its rules.
    pub fn see(&mut self, verdicts: &[Option<usize>]) {
        for (keeper, _) in verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_none()) {
            self.kept[keeper] += 1;
            for (dropper, rule) in verdicts.iter().enumerate() {
                if let Some(rule) = rule {
                    self.counts[keeper][dropper][*rule] += 1;
                }
            }
        }
    }

    /// With names.
    pub fn named(&self) -> Disagreement {
        let name = |index: usize| self.rules[index].set.name().to_owned();
        let rules = |dropper: usize, counts: &Vec<u64>| {
            let rules = self.rules[dropper].rules.iter().zip(counts).filter(|(_, n)| **n > 0);
            rules.map(|(rule, n)| (rule.name.to_owned(), *n)).collect::<BTreeMap<_, _>>()
        };
        let row = |counts: &Vec<Vec<u64>>| {
            let cells =
                counts.iter().enumerate().map(|(dropper, counts)| (name(dropper), rules(dropper, counts)));
            cells.filter(|(_, rules)| !rules.is_empty()).collect::<BTreeMap<_, _>>()
        };
        Disagreement {
            kept: self.kept.iter().enumerate().map(|(index, n)| (name(index), *n)).collect(),
            kept_by_dropped_by: self
                .counts
                .iter()
                .enumerate()
                .map(|(keeper, counts)| (name(keeper), row(counts)))
                .collect(),
        }
    }
}

/// The rule sets that a disagreement is between, in the order of [`RuleSet::ALL`].
pub fn sets(disagreement: &Disagreement) -> Vec<RuleSet> {
    RuleSet::ALL.into_iter().filter(|set| disagreement.kept.contains_key(set.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_lost_is_found() {
        let mut ledger = Ledger::default();
        ledger.keep();
        ledger.drop("min_words");
        ledger.error(Kind::NoText);
        ledger.check(3, 1).unwrap();
        let lost = ledger.check(4, 1).unwrap_err().to_string();
        assert!(lost.contains("4 records read, 3 accounted for: 1 kept (1 written) + 1 dropped + 1 errors"));
        ledger.check(3, 0).unwrap_err();
    }

    #[test]
    fn who_keeps_what_another_drops_is_counted_by_the_rule_that_drops() {
        let rules = [Rules::new(RuleSet::Paper), Rules::new(RuleSet::Dolma)];
        let mut comparison = Comparison::new(&rules);
        comparison.see(&[None, Some(0)]);
        comparison.see(&[None, Some(0)]);
        comparison.see(&[None, None]);
        comparison.see(&[Some(1), Some(0)]);
        let mut found = comparison.named();
        assert_eq!((found.documents("paper", "dolma"), found.documents("dolma", "paper")), (2, 0));
        assert_eq!(found.kept_by_dropped_by["paper"]["dolma"]["min_words"], 2);
        found.add(&comparison.named());
        assert_eq!((found.documents("paper", "dolma"), found.kept["dolma"]), (4, 2));
    }
}
