//! The main content of pages beside what people say it is: the metric of scrapinghub's article-extraction-benchmark on its pages.
//!
//! Texts are compared as bags of shingles: four words in a row, a word being `\w+` of Python's regular expressions. A page's true
//! positives, false positives and false negatives are divided by their sum; precision and recall are means over pages, F1 is of
//! those means.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use massivetext::html::{Budget, extract};
use massivetext::text::is_letter;
use serde_json::Value;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

const FOLDER: &str = "../../shared/data/html_extraction";

#[test]
fn articles_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let Ok(truth) = fs::read_to_string(folder.join("ground-truth.json")) else {
        eprintln!("skipped: {FOLDER} is not there");
        return;
    };
    let truth: BTreeMap<String, Value> = serde_json::from_str(&truth).unwrap();
    let mut halves = [Vec::new(), Vec::new()];
    for (number, (id, article)) in truth.iter().enumerate() {
        let page = extract(&read(folder.join(format!("html/{id}.html.gz"))), &Budget::default());
        assert!(!page.is_cut, "{id}");
        halves[number % 2].push(compare(article["articleBody"].as_str().unwrap(), &page.text));
    }
    let all = Scores::mean(&halves.concat());
    println!(
        "{} pages: {all:?}\neach second: {:?}\nthe others: {:?}",
        truth.len(),
        Scores::mean(&halves[0]),
        Scores::mean(&halves[1])
    );
    assert!(all.f1 >= BAR, "{all:?}");
}

/// What is reached, rounded down.
const BAR: f64 = 0.979;

#[derive(Debug)]
#[allow(dead_code, reason = "printed")]
struct Scores {
    f1: f64,
    precision: f64,
    recall: f64,
}

impl Scores {
    /// Of true positives, false positives and false negatives of each page.
    fn mean(pages: &[[f64; 3]]) -> Self {
        let ratio = |of: usize| {
            let known: Vec<f64> = pages
                .iter()
                .filter(|page| page[0] + page[of] > 0.0)
                .map(|page| page[0] / (page[0] + page[of]))
                .collect();
            known.iter().sum::<f64>() / known.len() as f64
        };
        let (precision, recall) = (ratio(1), ratio(2));
        Self { f1: 2.0 * precision * recall / (precision + recall), precision, recall }
    }
}

/// True positives, false positives and false negatives, of a sum of 1.
fn compare(expected: &str, found: &str) -> [f64; 3] {
    let (expected, found) = (shingles(expected), shingles(found));
    let mut counts = [0_usize; 3];
    for (shingle, &count) in &expected {
        let also = found.get(shingle).copied().unwrap_or(0);
        counts[0] += count.min(also);
        counts[2] += count.saturating_sub(also);
    }
    for (shingle, &count) in &found {
        counts[1] += count.saturating_sub(expected.get(shingle).copied().unwrap_or(0));
    }
    let sum = counts.iter().sum::<usize>().max(1) as f64;
    counts.map(|count| count as f64 / sum)
}

fn shingles(text: &str) -> HashMap<Vec<&str>, usize> {
    let is_number = |c: char| c.general_category_group() == GeneralCategoryGroup::Number;
    let is_word = |c: char| c == '_' || is_letter(c) || is_number(c);
    let words: Vec<&str> = text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    let mut shingles = HashMap::new();
    let size = words.len().min(4);
    if size > 0 {
        words.windows(size).for_each(|shingle| *shingles.entry(shingle.to_vec()).or_default() += 1);
    }
    shingles
}

fn read(path: PathBuf) -> String {
    let mut html = String::new();
    data::read::open(&path).unwrap().read_to_string(&mut html).unwrap();
    html
}
