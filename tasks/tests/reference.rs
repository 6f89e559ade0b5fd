//! The prompts, choices and metrics of a real run of lm-evaluation-harness (../shared/reference/smollm2), from the data files
//! as they are distributed.

mod common;

use common::{jsonl, shared, task, text};
use serde_json::{Value, json};
use tasks::format::{Aggregate, choice_of};
use tasks::{Answer, Ask, Item, Scored};

fn run(name: &str, documents: &[Value], pool: &[Value]) -> Option<()> {
    let shared = shared()?;
    let task = task(name);
    let items = task.items(documents, pool, task.num_fewshot().unwrap_or(0), None).expect("items");
    let samples = jsonl(&shared.join(format!("reference/smollm2/samples_{name}.jsonl.xz")));
    let mut measured = Vec::new();
    for sample in &samples {
        let item = &items[sample["doc"].as_u64().expect("doc") as usize];
        let asked = sample["requests"].as_array().expect("requests");
        let expected: Vec<Vec<String>> = asked
            .iter()
            .map(|request| {
                ["context", "continuation"]
                    .map(|key| request[key].as_str().expect("text").to_owned())
                    .to_vec()
            })
            .collect();
        assert_eq!(common::requests(item), expected, "{name}, document {}", sample["doc"]);
        let answer = answer(item, asked);
        let values = task.score(item, &answer).expect("a score");
        if let Some(chosen) = choice_of(item, &answer) {
            assert_eq!(json!(chosen.raw), sample["pred"], "{name}, document {}", sample["doc"]);
            assert!(sample.get("pred_norm").is_none_or(|pred| *pred == json!(chosen.by_characters)));
        }
        for value in &values {
            let tasks::format::Measure::Number(number) = value.value else { panic!("{value:?}") };
            assert_eq!(
                Some(number),
                sample[&value.metric].as_f64(),
                "{name}, document {}: {}",
                sample["doc"],
                value.metric
            );
        }
        measured.push(values);
    }
    let results: Value =
        serde_json::from_str(&text(&shared.join("reference/smollm2/results.json"))).expect("results.json");
    let expected = &results[name];
    let aggregates = task.aggregate(&measured);
    assert_eq!(json!(measured.len()), expected["documents"]);
    for Aggregate { metric, value, stderr, .. } in &aggregates {
        let close = |value: f64, key: &str| {
            let expected = expected[key].as_f64().unwrap_or_else(|| panic!("no {key} for {name}"));
            assert!(
                (value - expected).abs() < 1e-9 * expected.abs().max(1.0),
                "{name} {key}: {value}, not {expected}"
            );
        };
        close(*value, metric);
        if metric != "perplexity" {
            close(stderr.expect("a standard error"), &format!("{metric}_stderr"));
        }
    }
    assert!(!aggregates.is_empty());
    Some(())
}

fn answer(item: &Item, asked: &[Value]) -> Answer {
    let scored = |request: &Value| Scored {
        log_probability: request["loglik"].as_f64().expect("loglik"),
        greedy: request["is_greedy"].as_bool().expect("is_greedy"),
        tokens: request["continuation_ids"].as_array().map_or(0, Vec::len),
        truncated: 0,
    };
    match item.ask {
        Ask::Choices { .. } => {
            Answer::Choices { scored: asked.iter().map(scored).collect(), unconditional: Vec::new() }
        }
        _ => Answer::LogLikelihood(scored(&asked[0])),
    }
}

fn data(name: &str) -> Option<Vec<Value>> {
    Some(jsonl(&shared()?.join("data").join(name)))
}

#[test]
fn piqa() {
    let Some(mut documents) = data("eval_piqa/valid.jsonl.xz") else { return };
    let labels = text(&shared().expect("shared").join("data/eval_piqa/valid-labels.lst"));
    for (document, label) in documents.iter_mut().zip(labels.lines()) {
        document["label"] = json!(label.parse::<u64>().expect("a label"));
    }
    run("piqa", &documents, &[]);
}

#[test]
fn hellaswag() {
    let Some(documents) = data("eval_hellaswag/hellaswag_val.jsonl.xz") else { return };
    run("hellaswag", &documents[..200], &[]);
}

#[test]
fn winogrande() {
    let Some(documents) = data("eval_winogrande/dev.jsonl.xz") else { return };
    run("winogrande", &documents, &[]);
}

#[test]
fn lambada() {
    let Some(documents) = data("eval_lambada/lambada_test.jsonl.xz") else { return };
    run("lambada_openai", &documents, &[]);
}

#[test]
fn boolq() {
    let Some(documents) = data("eval_boolq/dev.jsonl.xz") else { return };
    run("boolq", &documents, &[]);
}

#[test]
fn mmlu() {
    let Some(shared) = shared() else { return };
    for subject in ["anatomy", "elementary_mathematics", "us_foreign_policy"] {
        let rows = |split: &str| {
            let path = shared.join(format!("data/eval_mmlu/{split}/{subject}_{split}.csv"));
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_path(path).expect("a CSV file");
            let row = |row: Result<csv::StringRecord, _>| {
                let row = row.expect("a row");
                let fields = ["question", "A", "B", "C", "D", "answer"].into_iter().zip(row.iter());
                Value::Object(fields.map(|(name, value)| (name.to_owned(), value.into())).collect())
            };
            reader.records().map(row).collect::<Vec<_>>()
        };
        run(&format!("mmlu_{subject}"), &rows("test"), &rows("dev"));
    }
}
