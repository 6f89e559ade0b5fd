//! N-grams in common, against a search that keeps every n-gram of the training text as a string.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::json;
use tasks::leak::{self, Index, Overlap};

fn words(text: &str) -> Vec<String> {
    let word = |part: &str| part.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    text.split_whitespace().map(word).filter(|word| !word.is_empty()).collect()
}

/// What the report must say of each document: words, n-grams, and those found.
fn naive(n: usize, documents: &[Vec<String>], training: &[String]) -> Vec<(usize, usize, usize)> {
    let grams = |text: &str| -> Vec<String> { words(text).windows(n).map(|gram| gram.join(" ")).collect() };
    let seen: HashSet<String> = training.iter().flat_map(|text| grams(text)).collect();
    let count = |texts: &Vec<String>| {
        let all: Vec<String> = texts.iter().flat_map(|text| grams(text)).collect();
        let found = all.iter().filter(|gram| seen.contains(*gram)).count();
        (texts.iter().map(|text| words(text).len()).sum(), all.len(), found)
    };
    documents.iter().map(count).collect()
}

fn texts() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a", "A", "b", "c,", "\"c\"", "d-e", "de", "—", "…", "\n", "é", "É", "ß", "12", "it's", "its", "日本",
    ]);
    prop::collection::vec(part, 0..25).prop_map(|parts| parts.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn counts_are_those_of_a_plain_search(
        n in 1usize..5,
        documents in prop::collection::vec(prop::collection::vec(texts(), 1..3), 1..6),
        training in prop::collection::vec(texts(), 0..6),
        threshold in prop::sample::select(vec![0.0, 0.5, 1.0]),
    ) {
        let mut index = Index::new(n);
        for (document, texts) in documents.iter().enumerate() {
            index.add("task", document, texts.iter().map(String::as_str));
        }
        training.iter().for_each(|text| index.read(text));
        let report = index.report(threshold);
        let found: Vec<_> = report.documents.iter().map(|found| (found.words, found.ngrams, found.found)).collect();
        prop_assert_eq!(found, naive(n, &documents, &training));
        for Overlap { ngrams, found, dirty, .. } in &report.documents {
            prop_assert_eq!(*dirty, *found > 0 && *found as f64 >= threshold * *ngrams as f64);
        }
        prop_assert_eq!(report.training_documents, training.len() as u64);
        prop_assert_eq!(report.training_words, training.iter().map(|text| words(text).len() as u64).sum::<u64>());
    }
}

/// A document of 13 words has one 13-gram; of 12, none, and nothing is said of it.
#[test]
fn documents_shorter_than_an_n_gram_are_told_apart() {
    let line = "the quick brown fox jumps over the lazy dog and runs far away";
    let mut index = Index::new(leak::WORDS);
    index.add("long", 0, [line]);
    index.add("short", 0, [line.rsplit_once(' ').unwrap().0]);
    index.add("empty", 0, [""]);
    index.read(&format!("Once: {} — home.", line.to_uppercase()));
    let report = index.report(0.0);
    let of = |i: usize| (report.documents[i].ngrams, report.documents[i].found, report.documents[i].dirty);
    assert_eq!([of(0), of(1), of(2)], [(1, 1, true), (0, 0, false), (0, 0, false)]);
    assert_eq!(report.documents.iter().map(Overlap::is_short).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(report.n, 13);
}

/// N-grams go neither across a task document's fields nor across documents of the training text.
#[test]
fn texts_are_kept_apart() {
    let mut index = Index::new(4);
    index.add("t", 0, ["one two", "three four"]);
    index.add("t", 1, ["one two three four"]);
    index.read("one two");
    index.read("three four");
    let report = index.report(0.0);
    assert_eq!((report.documents[0].ngrams, report.documents[1].found), (0, 0));
}

#[test]
fn every_string_of_a_document_is_a_text() {
    let document = json!({ "a": "x", "b": ["y", 1, { "c": "z" }], "d": null });
    assert_eq!(leak::fields(&document), ["x", "y", "z"]);
}
