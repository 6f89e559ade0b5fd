//! Prompts and metrics are lm-evaluation-harness's: files/expected.jsonl is what lm_eval_prompts.py wrote with version 0.4.13
//! for made-up documents. With LM_EVAL_PROMPTS=FOLDER, what that script wrote there is compared instead.

mod common;

use std::path::Path;

use common::{file, jsonl, made_up_answer, requests, task};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tasks::format::Measured;
use tasks::{Answer, Ask, Item};

#[test]
fn prompts_and_metrics_are_the_harness_s() {
    let given = std::env::var_os("LM_EVAL_PROMPTS");
    let folder = given.as_ref().map_or_else(|| file(""), |folder| Path::new(folder).to_path_buf());
    let expected = jsonl(&folder.join("expected.jsonl"));
    let mut asked: Vec<Item> = Vec::new();
    let (mut documents, mut runs, mut own_shots) = (0, 0, 0);
    for line in expected {
        let name = line["task"].as_str().expect("task");
        let shots = line["shots"].as_u64().expect("shots") as usize;
        let label = format!("{name}, {shots} shots, document {}", line["document"]);
        let task = task(name);
        if asked.is_empty() {
            let split = |split: &str| {
                let files = task.data().files(split);
                files.iter().flat_map(|name| jsonl(&folder.join(name))).collect::<Vec<Value>>()
            };
            let limit = line["limit"].as_u64().expect("limit") as usize;
            let (rows, pool) = (split(task.data().documents()), split(task.data().shots()));
            asked = task
                .items(&rows, &pool, shots, Some(limit))
                .unwrap_or_else(|error| panic!("{label}: {error}"));
        }
        if let Some(metrics) = line["metrics"].as_object() {
            let measured: Vec<Vec<Measured>> = asked
                .iter()
                .map(|item| {
                    let answer = made_up_answer(item).unwrap_or_else(|| generated(item));
                    task.score(item, &answer).unwrap_or_else(|error| panic!("{label}: {error}"))
                })
                .collect();
            let ours = task.aggregate(&measured);
            assert_eq!(ours.len(), metrics.len(), "{label}");
            for aggregate in ours {
                let key = format!("{},{}", aggregate.metric, aggregate.filter);
                let theirs = metrics[&key].as_f64().expect("a number");
                let close = (aggregate.value - theirs).abs() <= 1e-12 * theirs.abs().max(1.0);
                assert!(close, "{label}: {key} is {}, not {theirs}", aggregate.value);
            }
            asked.clear();
            runs += 1;
            continue;
        }
        if line["own_shot"] == Value::Bool(true) {
            // Never here (lm-evaluation-harness#4145); the documents after it have the harness's shots again.
            own_shots += 1;
            continue;
        }
        let item = &asked[line["document"].as_u64().expect("document") as usize];
        match &line["requests"] {
            Value::String(hash) => {
                let all: Vec<String> = requests(item).concat();
                let digest = Sha256::digest(all.join("\0").as_bytes());
                let ours: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(ours, *hash, "{label}: {all:?}");
            }
            theirs => assert_eq!(serde_json::to_value(requests(item)).expect("JSON"), *theirs, "{label}"),
        }
        documents += 1;
    }
    eprintln!(
        "{documents} documents in {runs} runs are the same, {own_shots} are shots of themselves in the harness"
    );
    assert!(documents > 100 && runs > 15 && own_shots > 0);
}

/// What lm_eval_prompts.py answers to a task that generates: the target in a sentence, or in capitals.
fn generated(item: &Item) -> Answer {
    assert!(matches!(item.ask, Ask::Generate { .. }));
    let target = item.fields["answer"].as_str().expect("an answer");
    Answer::Generated(match item.document % 2 {
        1 => format!("Well, the answer is {target}."),
        _ => target.to_uppercase(),
    })
}
