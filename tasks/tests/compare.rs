//! Two evaluations side by side.

mod evaluations;

use std::fs;
use std::path::Path;

use evaluations::*;
use serde_json::json;
use tasks::compare::{Comparison, Error, Options, compare};
use tasks::results::*;
use tasks::statistics::{Side, mcnemar};
use tasks::{Ask, Item};
use tempfile::TempDir;

fn options() -> Options {
    Options { bootstrap: QUICK, ..Options::default() }
}

/// Documents right in a pattern: 40 of them, `wrong` at the end not.
fn answers(wrong: usize) -> Vec<Option<bool>> {
    (0..40).map(|i| Some(i + wrong < 40)).collect()
}

fn items() -> Vec<Item> {
    (0..40).map(item).collect()
}

/// A folder of an evaluation of the model `checkpoint`.
fn folder(checkpoint: &str, items: &[Item], right: &[Option<bool>]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    evaluate(folder.path(), &key(checkpoint), items, right);
    folder
}

fn compared(a: &TempDir, b: &TempDir) -> Comparison {
    compare(a.path(), b.path(), &options()).unwrap()
}

#[test]
fn pairs_are_counted_and_the_better_one_is_named() {
    let (a, b) = (folder("a", &items(), &answers(12)), folder("b", &items(), &answers(2)));
    let found = compared(&a, &b);
    assert_eq!((found.a.checkpoint_hash.as_str(), found.b.checkpoint_hash.as_str()), ("a", "b"));
    let task = &found.tasks[0];
    assert_eq!((task.task.as_str(), task.category.as_str(), task.metric.as_str()), ("quiz", "qa", "acc"));
    let pairs = task.pairs.as_ref().unwrap();
    assert_eq!((pairs.documents, pairs.a, pairs.b), (40, 0.7, 0.95));
    assert_eq!((pairs.only_a, pairs.only_b, pairs.mcnemar), (Some(0), Some(10), Some(mcnemar(0, 10))));
    assert_eq!(pairs.better, Some(Side::B));
    let category = &found.categories[0];
    assert_eq!((category.category.as_str(), category.means.tasks), ("qa", 1));
    assert_eq!(category.means.unweighted, *pairs);
    // Twice the same, and the other way round the other; files stand for their folders.
    assert_eq!(compared(&a, &b), found);
    let back = compare(&b.path().join(RESULTS), a.path(), &options()).unwrap();
    assert_eq!(back.tasks[0].pairs.as_ref().unwrap().better, Some(Side::A));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(serde_json::from_value::<Comparison>(json).unwrap(), found);
}

#[test]
fn documents_in_one_only_are_counted() {
    let mut right = answers(0);
    right[3] = None;
    let (a, b) = (folder("a", &items(), &right), folder("b", &items()[..30], &answers(0)[..30]));
    let task = &compared(&a, &b).tasks[0];
    assert_eq!(task.pairs.as_ref().unwrap().documents, 29);
    assert_eq!((task.documents_only_a, task.documents_only_b), (10, 1));
    // A document of the same number and another text is another document.
    let mut items = items();
    items[0].fields = json!({ "goal": "another" });
    let b = folder("b", &items, &answers(0));
    let task = &compared(&a, &b).tasks[0];
    assert_eq!((task.documents_only_a, task.documents_only_b), (1, 2));
}

/// The error of comparing two folders, which is one line.
#[track_caller]
fn refused(a: &Path, b: &Path, options: &Options, parts: &[&str]) -> Error {
    let error = compare(a, b, options).unwrap_err();
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(!message.contains('\n'), "{message}");
    error
}

#[test]
fn documents_that_were_asked_differently_are_refused_unless_said() {
    let mut other = items();
    if let Ask::Choices { pairs, .. } = &mut other[7].ask {
        pairs[0].context.insert_str(0, "Please. ");
    }
    let a = folder("a", &items(), &answers(12));
    let b = tempfile::tempdir().unwrap();
    let other_key = Key { protocol: "lm-eval".into(), shots: 5, ..key("b") };
    evaluate(b.path(), &other_key, &other, &answers(2));
    let parts = [
        "quiz: protocol paper against lm-eval",
        "quiz: shots 0 against 5",
        "quiz: other prompts in 1 of 40 documents",
        "--different-prompts",
    ];
    let Error::Different { differences } = refused(a.path(), b.path(), &options(), &parts) else { panic!() };
    let allowed = Options { different_prompts: true, ..options() };
    let found = compare(a.path(), b.path(), &allowed).unwrap();
    assert_eq!(found.differences, differences);
    assert_eq!(found.tasks[0].pairs.as_ref().unwrap().documents, 40);
}

#[test]
fn what_cannot_be_compared_is_named() {
    let a = folder("a", &items(), &answers(12));
    let b = tempfile::tempdir().unwrap();
    let none = b.path().join("none");
    refused(a.path(), &none, &options(), &["none: No such file"]);
    evaluate(b.path(), &Key { task: "other".into(), ..key("b") }, &items(), &answers(2));
    refused(a.path(), b.path(), &options(), &["no document in common", "quiz", "other"]);
    let unknown = Options { metric: Some("f1".into()), ..options() };
    refused(a.path(), a.path(), &unknown, &["quiz has no metric \"f1\"", "it has acc"]);
    let path = a.path().join(RESULTS);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"version\": 1,", "\"version\": 9,")).unwrap();
    refused(a.path(), a.path(), &options(), &["version 9"]);
}
