//! Deduplication beside comparing every pair with every other: what goes has a similar document that stays, what is similar is found,
//! and neither order, memory nor threads change which documents stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use massivetext::dedup::grams::{Grams, jaccard};
use massivetext::dedup::{self, Configuration, Places, Receipt};
use massivetext::manifest::Manifest;
use massivetext::output::Compression;
use serde_json::{Value, json};

/// A generator of numbers that are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Documents, most of them edited copies of others: words exchanged here and there, some copies with other punctuation alone.
fn documents(count: usize) -> Vec<(String, String)> {
    let mut numbers = Numbers(5);
    let mut texts: Vec<Vec<String>> = Vec::new();
    for number in 0..count {
        let mut words = match number % 3 {
            0 => (0..150 + numbers.below(100)).map(|_| format!("w{}", numbers.below(5000))).collect(),
            _ => texts[numbers.below(texts.len())].clone(),
        };
        let edits = [0, 0, 1, 1, 2, 3, 5, 9][numbers.below(8)];
        for _ in 0..if number % 3 == 0 { 0 } else { edits } {
            let place = numbers.below(words.len());
            words[place] = format!("e{}", numbers.below(5000));
        }
        texts.push(words);
    }
    let text = |(number, words): (usize, &Vec<String>)| {
        let space = if number % 7 == 0 { ", " } else { " " };
        (format!("d{number}"), words.join(space))
    };
    texts.iter().enumerate().map(text).collect()
}

struct Outcome {
    receipt: Receipt,
    kept: BTreeSet<String>,
    /// Of each that goes: the one that stays, and the similarity.
    gone: BTreeMap<String, (String, f64)>,
    files: Vec<(String, Vec<u8>)>,
}

/// Deduplicates documents that stand in a file in this order.
fn run(documents: &[(String, String)], memory: u64, configuration: &Configuration) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let lines = documents.iter().map(|(id, text)| format!("{}\n", json!({"id": id, "text": text})));
    fs::write(folder.path().join("docs.jsonl"), lines.collect::<String>()).unwrap();
    let places = Places {
        inputs: vec![folder.path().join("docs.jsonl")],
        out: folder.path().join("out"),
        rejected: Some(folder.path().join("gone")),
        memory,
        strict: true,
    };
    let manifest = Manifest::find(&places.inputs).unwrap();
    let (receipt, was_complete) = dedup::run(configuration, &places, &manifest, &mut |_, _| ()).unwrap();
    assert!(!was_complete);
    assert_eq!(
        dedup::run(configuration, &places, &manifest, &mut |_, _| ()).unwrap(),
        (receipt.clone(), true)
    );
    let lines = |folder: &Path| -> Vec<Value> {
        let text = fs::read_to_string(folder.join("00000.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let kept = lines(&places.out).iter().map(|line| word(&line["id"])).collect();
    let gone = lines(&folder.path().join("gone"))
        .into_iter()
        .map(|line| (word(&line["id"]), (word(&line["duplicate_of"]), line["jaccard"].as_f64().unwrap())));
    let files = ["out/00000.jsonl", "out/receipt.json", "gone/00000.jsonl"];
    let files = files.map(|name| (name.to_owned(), fs::read(folder.path().join(name)).unwrap()));
    assert!(!places.out.join(".work").exists());
    Outcome { receipt, kept, gone: gone.collect(), files: files.to_vec() }
}

fn plain() -> Configuration {
    Configuration { compression: Compression::None, ..Configuration::default() }
}

fn set(text: &str) -> Vec<u64> {
    let mut grams = Grams::default();
    grams.read(text, 13);
    grams.set
}

#[test]
fn what_goes_has_a_similar_one_that_stays_and_what_is_similar_is_found() {
    let documents = documents(1200);
    let Outcome { receipt, kept, gone, .. } = run(&documents, 1 << 30, &plain());
    assert_eq!(kept.len() + gone.len(), documents.len());
    let sets: BTreeMap<&str, Vec<u64>> = documents.iter().map(|(id, text)| (&id[..], set(text))).collect();
    for (document, (stays, similarity)) in &gone {
        assert!(kept.contains(stays), "{document}: {stays} is gone as well");
        let expected = jaccard(&sets[&document[..]], &sets[&stays[..]]);
        assert!(
            *similarity == expected && expected >= 0.8,
            "{document} and {stays}: {similarity}, {expected}"
        );
    }
    // All pairs, one by one: those that are similar are found, but for one in a thousand at the threshold.
    let all: Vec<(&&str, &Vec<u64>)> = sets.iter().collect();
    let (mut similar, mut missed, mut negatives) = (0, 0, 0);
    for (place, (a, set)) in all.iter().enumerate() {
        for (b, other) in &all[place + 1..] {
            let both_stay = kept.contains(**a) && kept.contains(**b);
            match jaccard(set, other) {
                similarity if similarity >= 0.8 => {
                    similar += 1;
                    missed += usize::from(both_stay);
                }
                similarity if similarity > 0.0 => negatives += 1,
                _ => {}
            }
        }
    }
    println!("{similar} similar pairs, {missed} missed, {negatives} less similar; {:?}", receipt.pairs);
    assert!(similar > 400 && negatives > 400, "{similar} {negatives}");
    assert!(missed * 1000 <= similar, "{missed} of {similar} missed");
    let mut clusters = BTreeMap::<&str, u64>::new();
    gone.values().for_each(|(stays, _)| *clusters.entry(stays).or_insert(1) += 1);
    let mut sizes = BTreeMap::<u64, u64>::new();
    clusters.values().for_each(|size| *sizes.entry(*size).or_default() += 1);
    assert_eq!(receipt.clusters, sizes);
    let ledger = &receipt.ledger;
    assert_eq!((ledger.records, ledger.kept), (1200, kept.len() as u64));
    assert!(ledger.dropped["same_ngrams"] > 50 && ledger.dropped["similar_ngrams"] > 50, "{ledger:?}");
}

#[test]
fn neither_memory_nor_order_decides() {
    let mut documents = documents(600);
    let whole = run(&documents, 1 << 30, &plain());
    // Sorted on disk, in runs of 64 KiB.
    assert!(run(&documents, 1, &plain()).files == whole.files);
    documents.reverse();
    let other = run(&documents, 1 << 30, &plain());
    assert_eq!((other.kept, other.gone), (whole.kept.clone(), whole.gone));
    // The seed does.
    let seeded = run(&documents, 1 << 30, &Configuration { seed: 1, ..plain() });
    assert_ne!(seeded.kept, whole.kept);
}

#[test]
fn short_and_empty_texts_are_compared_as_a_whole() {
    let documents =
        [("a", "one two"), ("b", "One, two!"), ("c", "one three"), ("d", "..."), ("e", "!!!"), ("f", "one")];
    let documents: Vec<_> = documents.map(|(id, text)| (id.to_owned(), text.to_owned())).to_vec();
    let Outcome { kept, gone, .. } = run(&documents, 1 << 30, &plain());
    // Texts without words are alike in nothing.
    assert_eq!(kept.len(), 5);
    assert!(["a", "b"].iter().any(|id| gone.contains_key(*id)), "{gone:?}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let check = |configuration: Configuration, part: &str| {
        let error = configuration.bands().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check(Configuration { ngram: 0, ..plain() }, "--ngram = 0");
    check(Configuration { jaccard: 0.0, ..plain() }, "--jaccard = 0");
    check(Configuration { jaccard: f64::NAN, ..plain() }, "--jaccard = NaN");
    check(Configuration { recall: 1.0, ..plain() }, "--recall = 1");
    check(Configuration { jaccard: 0.01, ..plain() }, "--recall = 0.999");
}
