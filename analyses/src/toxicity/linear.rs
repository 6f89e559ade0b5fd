//! A linear model over words: alt-profanity-check's (MIT), with the parameters that its authors published.
//!
//! A text in lower case is cut into words of two or more letters, digits and underscores. Words that it knows, but for stop words, are
//! counted, the counts multiplied by inverse document frequencies and scaled to length 1; five folds of a linear support vector machine
//! give a number each, which a sigmoid of the fold makes a probability. The probability is the mean of the five.

use std::io::Read as _;
use std::sync::OnceLock;

use regex::Regex;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use crate::{Error, Result};

/// Folds that the probability is the mean of.
const FOLDS: usize = 5;

/// A line for each term: its inverse document frequency, and its weight in each fold.
const WEIGHTS: &[u8] = include_bytes!("../../parameters/alt-profanity-check/weights.tsv.xz");
/// What is not of a term.
const MODEL: &str = include_str!("../../parameters/alt-profanity-check/model.json");

/// The model.
#[derive(Debug)]
pub struct LinearModel {
    words: Regex,
    stop_words: FxHashSet<String>,
    terms: FxHashMap<String, Term>,
    folds: Vec<Fold>,
}

#[derive(Debug)]
struct Term {
    /// Inverse document frequency.
    idf: f64,
    weights: [f64; FOLDS],
}

#[derive(Debug, Deserialize)]
struct Fold {
    intercept: f64,
    /// The fold's probability of a number f is 1 / (1 + exp(a f + b)).
    a: f64,
    b: f64,
}

#[derive(Deserialize)]
struct Model {
    folds: Vec<Fold>,
    stop_words: FxHashSet<String>,
}

impl LinearModel {
    /// The model, which is read once.
    ///
    /// # Errors
    /// [`Error::Parameters`] if this program was built with others than those that were published.
    pub fn get() -> Result<&'static LinearModel> {
        static READ: OnceLock<Result<LinearModel, String>> = OnceLock::new();
        let read = READ.get_or_init(LinearModel::read);
        read.as_ref().map_err(|detail| Error::Parameters { detail: detail.clone() })
    }

    fn read() -> Result<LinearModel, String> {
        let mut text = String::new();
        let mut file = lzma_rust2::XzReader::new(WEIGHTS, false);
        file.read_to_string(&mut text).map_err(|error| error.to_string())?;
        let mut terms = FxHashMap::default();
        for line in text.lines().skip(1) {
            let mut fields = line.split('\t');
            let name = fields.next().unwrap_or_default();
            let numbers: Vec<f64> = fields
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|error| format!("{name}: {error}"))?;
            let [idf, weights @ ..] = &numbers[..] else { return Err(format!("{name}: no numbers")) };
            let weights = weights.try_into().map_err(|_| format!("{name}: {} weights", weights.len()))?;
            terms.insert(name.to_owned(), Term { idf: *idf, weights });
        }
        let model: Model = serde_json::from_str(MODEL).map_err(|error| error.to_string())?;
        if model.folds.len() != FOLDS {
            return Err(format!("{} folds", model.folds.len()));
        }
        // As Python's \w\w+: its letters and numbers are Unicode's, without marks.
        let words = Regex::new(r"[\p{L}\p{N}_]{2,}").map_err(|error| error.to_string())?;
        Ok(LinearModel { words, stop_words: model.stop_words, terms, folds: model.folds })
    }

    /// The probability that a text is offensive, from 0 to 1. A text without any word that the model knows has that of its
    /// intercepts, 0.036.
    pub fn probability(&self, text: &str) -> f64 {
        let text = text.to_lowercase();
        let mut counts: FxHashMap<&str, f64> = FxHashMap::default();
        for word in self.words.find_iter(&text).map(|found| found.as_str()) {
            if !self.stop_words.contains(word) && self.terms.contains_key(word) {
                *counts.entry(word).or_default() += 1.0;
            }
        }
        // In one order, so that the sums are the same on every machine.
        let mut words: Vec<(&str, f64)> = counts.into_iter().collect();
        words.sort_unstable_by_key(|(word, _)| *word);
        let found: Vec<(&Term, f64)> = words
            .iter()
            .filter_map(|(word, count)| Some((self.terms.get(*word)?, *count)))
            .map(|(term, count)| (term, count * term.idf))
            .collect();
        let length = found.iter().map(|(_, value)| value * value).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        let of_fold = |(number, fold): (usize, &Fold)| {
            let sum: f64 = found.iter().map(|(term, value)| value * scale * term.weights[number]).sum();
            1.0 / (1.0 + (fold.a * (sum + fold.intercept) + fold.b).exp())
        };
        self.folds.iter().enumerate().map(of_fold).sum::<f64>() / FOLDS as f64
    }
}
