//! The conformance vectors: documents at every threshold, with what is expected and why (massivetext/vectors/).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use massivetext::{Measurer, RuleSet, Rules};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A document at a threshold: made and counted by hand (`make.py`), for the paper's rules.
#[derive(Deserialize)]
struct Vector {
    id: String,
    rule: String,
    statistic: String,
    numerator: f64,
    denominator: f64,
    /// Whether `rule` drops it.
    dropped: bool,
    derivation: String,
    text: String,
    /// Present where it is said which rule comes first.
    #[serde(default, deserialize_with = "present")]
    dropped_by: Option<Option<String>>,
}

/// What a public program's own code makes of one of them (`peers.py`).
#[derive(Deserialize)]
struct Peer {
    id: String,
    rules: String,
    statistics: BTreeMap<String, Option<f64>>,
    #[serde(default, deserialize_with = "present")]
    dropped_by: Option<Option<String>>,
}

/// Tells null from absent.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

fn lines<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let text = fs::read_to_string(path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The statistics of a text by their names, and the rules that fail.
fn judge(text: &str, set: RuleSet) -> (BTreeMap<&'static str, f64>, Vec<&'static str>) {
    let statistics = Measurer::default().measure(text, &[set], &mut ()).remove(0);
    let failed = Rules::new(set).failed(&statistics).map(|rule| rule.name).collect();
    (set.statistics().iter().copied().zip(statistics).collect(), failed)
}

#[test]
fn the_papers_rules_decide_as_counted_by_hand() {
    let vectors: Vec<Vector> = lines("rules.jsonl");
    for vector in &vectors {
        let Vector { id, rule, derivation, .. } = vector;
        let (statistics, failed) = judge(&vector.text, RuleSet::Paper);
        let expected = if vector.denominator == 0.0 { 0.0 } else { vector.numerator / vector.denominator };
        // To the bit: a threshold decides.
        assert_eq!(statistics[vector.statistic.as_str()], expected, "{id}: {derivation}");
        match &vector.dropped_by {
            Some(by) => assert_eq!(failed.first().copied(), by.as_deref(), "{id}"),
            None => assert_eq!(failed.contains(&rule.as_str()), vector.dropped, "{id}: {derivation}"),
        }
    }
    for rule in Rules::new(RuleSet::Paper).rules {
        for position in ["below", "at", "above"] {
            let id = format!("{}/{position}", rule.name);
            assert!(vectors.iter().any(|vector| vector.id == id), "no vector {id}");
        }
    }
}

/// Rules that a program's own code does not have, or judges in an order of its own that is not ours.
#[test]
fn public_rule_sets_give_what_their_own_code_gives() {
    let texts: BTreeMap<String, String> =
        lines::<Vector>("rules.jsonl").into_iter().map(|vector| (vector.id, vector.text)).collect();
    let mut compared = 0;
    for peer in lines::<Peer>("peers.jsonl") {
        let set = RuleSet::named(&peer.rules).unwrap();
        let (statistics, failed) = judge(&texts[&peer.id], set);
        for (name, expected) in &peer.statistics {
            let found = statistics[name.as_str()];
            let place = format!("{} {set} {name}: {found}, not {expected:?}", peer.id);
            match expected {
                Some(expected) => assert!((found - expected).abs() <= 1e-9, "{place}"),
                None => assert!(found.is_nan(), "{place}"),
            }
            compared += 1;
        }
        match peer.dropped_by.as_ref().map(Option::as_deref) {
            // Their code divides by zero, and drops nothing.
            Some(Some("ZeroDivisionError")) => assert_eq!(failed.first(), Some(&"min_words"), "{}", peer.id),
            Some(expected) => assert_eq!(failed.first().copied(), expected, "{} {set}", peer.id),
            None => {}
        }
    }
    assert!(compared > 3000, "{compared} statistics");
}
