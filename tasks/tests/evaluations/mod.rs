//! A small task, a model that answers it, and what that leaves on disk.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use tasks::results::*;
use tasks::statistics::{Bootstrap, Score, Statistic};
use tasks::{Answer, Ask, Gold, Item, Pair, Scored};

pub const QUICK: Bootstrap = Bootstrap { resamples: 500, seed: 3 };

/// A question with two choices, of which the second is right.
pub fn item(document: usize) -> Item {
    let pair = |continuation: &str| Pair {
        context: format!("Question: {document}?\nAnswer:"),
        continuation: format!(" {continuation}"),
    };
    Item {
        document,
        fields: json!({ "goal": format!("{document}?"), "choices": ["no", "yés"], "label": 1 }),
        ask: Ask::Choices {
            pairs: vec![pair("no"), pair("yés")],
            choices: vec!["no".into(), "yés".into()],
            unconditional: vec![],
        },
        gold: Gold::Choice(1),
        shots: 0,
    }
}

pub fn scored(log_probability: f64) -> Scored {
    Scored { log_probability, greedy: false, tokens: 2, truncated: 0 }
}

/// The answer of a model that is right, or not.
pub fn answer(right: bool) -> Answer {
    let (no, yes) = if right { (-2.0, -1.0) } else { (-1.0, -2.5) };
    Answer::Choices { scored: vec![scored(no), scored(yes)], unconditional: vec![] }
}

pub fn key(checkpoint: &str) -> Key {
    Key {
        task: "quiz".into(),
        protocol: "paper".into(),
        shots: 0,
        prompt_hash: ask_hash(&item(0)),
        checkpoint_hash: checkpoint.into(),
        window: 2048,
        overlong: "truncate".into(),
        devices: "cpu".into(),
    }
}

pub fn sample(key: &Key, item: &Item, right: bool) -> Sample {
    let scores = [("acc", Score::Number(f64::from(u8::from(right))))];
    let scores = scores.map(|(name, score)| (name.to_owned(), score)).into();
    Sample::new(key.clone(), item, &answer(right), Vec::new(), scores).unwrap()
}

pub fn metric() -> Metric {
    Metric { name: "acc".into(), filter: "none".into(), statistic: Statistic::Mean, higher_is_better: true }
}

pub fn task(key: &Key, original: usize) -> TaskRun {
    TaskRun {
        key: key.clone(),
        alias: "Quiz".into(),
        category: "qa".into(),
        version: json!(1.0),
        config: json!({ "task": "quiz" }),
        original,
        metrics: vec![metric()],
        fresh_tokens: 40,
        seconds: 2.0,
    }
}

/// Writes the folder of an evaluation in which document i was right or wrong as `right[i]` says, or left out.
pub fn evaluate(folder: &Path, key: &Key, items: &[Item], right: &[Option<bool>]) -> Results {
    let mut file = SampleFile::open(&folder.join(SAMPLES), std::slice::from_ref(key)).unwrap();
    for (item, right) in items.iter().zip(right) {
        let sample = match right {
            Some(right) => sample(key, item, *right),
            None => Sample::new(key.clone(), item, &Answer::Skipped, Vec::new(), BTreeMap::new()).unwrap(),
        };
        file.append(&sample).unwrap();
    }
    let mut results = Results::default();
    results.gopher.version = VERSION;
    results.gopher.checkpoint.hash = key.checkpoint_hash.clone();
    results.add_task(&task(key, items.len()), &file.records(&key.task), None, &QUICK);
    results.write(&folder.join(RESULTS)).unwrap();
    results
}
