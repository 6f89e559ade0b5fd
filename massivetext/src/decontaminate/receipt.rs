//! What the stage has done: its receipt, with what was found of each evaluation file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Configuration;
use crate::ledger::{Ledger, show};
use crate::manifest::Description;
use crate::output::Written;
use crate::records::BadRecord;
use crate::stage::PartReceipt;

/// Shares of an item's n-grams from which on the receipt counts items; from the first on, it names them.
pub(super) const SHARES: [f64; 3] = [0.5, 0.8, 1.0];

/// An evaluation file, and how many of its items were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationFile {
    /// As much of the end of its path as tells it from the others.
    pub file: String,
    /// sha256 of its content, decompressed.
    pub sha256: String,
    /// Its documents.
    pub items: u64,
    /// Of these, those with an n-gram.
    pub by_ngrams: u64,
    /// Those of fewer words, of at least eight, that are looked for as a whole.
    pub by_text: u64,
    /// Those of still fewer words, that are not looked for.
    pub too_short: u64,
    /// Those to which a document is as similar as drops it.
    pub found_by_jaccard: u64,
    /// Those of which a document has half the n-grams or more, four fifths or more, all.
    pub found_by_containment: [u64; 3],
}

/// Titles that documents leave by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitleFile {
    /// The file's name.
    pub file: String,
    /// sha256 of its content, decompressed.
    pub sha256: String,
    /// Different titles.
    pub titles: u64,
}

/// An item that was found: it drops a document, or a document has half of its n-grams or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The evaluation file.
    pub file: String,
    /// The item's line in a file of JSON lines; else its place in the file; both from 1.
    pub item: u64,
    /// An article's heading.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// How many documents it was found in.
    pub documents: u64,
    /// The highest Jaccard similarity of a document.
    pub jaccard: f64,
    /// The largest share of its n-grams that a document has.
    pub containment: f64,
    /// The id of the first document with that share.
    pub document: String,
}

/// What a stage has done: `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `decontaminate`.
    pub stage: String,
    /// Of the program.
    pub version: String,
    /// What decided the output.
    pub configuration: Configuration,
    /// What was looked for.
    pub evaluation: Vec<EvaluationFile>,
    /// Titles that were looked for.
    pub titles: Option<TitleFile>,
    /// What was read.
    pub input: Description,
    /// What was not read, and why.
    pub passed_over: Vec<String>,
    /// Where every record has gone.
    pub ledger: Ledger,
    /// Items that were found, in the order of the evaluation files.
    pub found: Vec<Found>,
    /// The first of the records that are no documents.
    pub bad_records: Vec<BadRecord>,
    /// Files of documents that stay, in order.
    pub outputs: Vec<Written>,
    /// Files of documents that go, in order.
    pub rejected: Vec<Written>,
}

impl PartReceipt for Receipt {
    fn files(&self) -> Vec<&str> {
        self.outputs.iter().map(|file| &file.file[..]).collect()
    }

    fn add(&mut self, next: Self) {
        self.ledger.add(&next.ledger);
        let place = |file: &str| self.evaluation.iter().position(|known| known.file == file);
        let mut found = BTreeMap::new();
        for one in std::mem::take(&mut self.found).into_iter().chain(next.found) {
            let key = (place(&one.file), one.item);
            match found.get_mut(&key) {
                None => drop(found.insert(key, one)),
                Some(known) => add_found(known, one),
            }
        }
        self.found = found.into_values().collect();
        self.count_found();
        next.bad_records.into_iter().for_each(|record| show(&mut self.bad_records, record));
        self.outputs.extend(next.outputs);
        self.rejected.extend(next.rejected);
    }
}

/// Adds what later documents have of an item.
pub(super) fn add_found(known: &mut Found, later: Found) {
    known.documents += later.documents;
    known.jaccard = known.jaccard.max(later.jaccard);
    if later.containment > known.containment {
        (known.containment, known.document) = (later.containment, later.document);
    }
}

impl Receipt {
    /// Counts the items of each file that were found.
    pub(super) fn count_found(&mut self) {
        for file in &mut self.evaluation {
            let own = || self.found.iter().filter(|found| found.file == file.file);
            file.found_by_jaccard =
                own().filter(|found| found.jaccard >= self.configuration.jaccard).count() as u64;
            file.found_by_containment =
                SHARES.map(|share| own().filter(|found| found.containment >= share).count() as u64);
        }
    }
}
