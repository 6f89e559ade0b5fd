//! The scoring engine against what other programs made of the same models, and against itself: the same bits whatever is
//! scored beside a row.
//!
//! SmolLM2 and stories260K need reference files that are not part of the repository; SmolLM2 also its wheel in the cache.
//! `GOPHER_TEST_SIZE=full` has every document compared rather than a few.

mod common;

use common::foreign::{reference, smollm2};
use common::{difference, ids, imported, lines, numbers, some};
use eval::TrainedModel;
use eval::scoring::{Overlong, Row, RowScore, Scorer, ScoringOptions};
use graph::testing::size;
use runtime::{DeviceKind, Runtime};
use serde_json::Value;

fn runtime() -> Option<Runtime> {
    let runtime = Runtime::find(DeviceKind::Cpu).unwrap();
    if runtime.is_none() {
        println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

/// The rows of requests, which are encoded as the reference has them.
fn encoded(scorer: &Scorer, requests: &[&Value]) -> Vec<Row> {
    let row = |request: &&Value| {
        let text = |key: &str| request[key].as_str().unwrap();
        let encoded = scorer.encoding().pair(text("context"), text("continuation"), Overlong::Error);
        let row = encoded.unwrap().unwrap().row;
        let expected =
            Row { context: ids(&request["context_ids"]), continuation: ids(&request["continuation_ids"]) };
        assert_eq!(row, expected, "{request}");
        row
    };
    requests.iter().map(row).collect()
}

/// Sums to what float64 gives and to what lm-evaluation-harness does, and whether a continuation is the likeliest.
fn check_requests(name: &str, scorer: &mut Scorer, requests: &[&Value]) {
    let rows = encoded(scorer, requests);
    let scores = scorer.score_all(&rows).unwrap();
    let (mut largest, mut from_harness) = (0f64, 0f64);
    for ((request, row), score) in requests.iter().zip(&rows).zip(&scores) {
        let (sum, tokens) = (score.log_probability(), row.continuation.len() as f64);
        let exact = (sum - request["loglik_f64"].as_f64().unwrap()).abs();
        let harness = (sum - request["loglik"].as_f64().unwrap()).abs();
        assert!(exact <= 1e-4 * tokens, "{name}: off by {exact} in {tokens} tokens: {request}");
        assert!(harness <= 1e-4 + 2e-5 * tokens, "{name}: off by {harness} in {tokens} tokens: {request}");
        assert_eq!(
            score.best == row.continuation,
            request["is_greedy"].as_bool().unwrap(),
            "{name}: {request}"
        );
        largest = largest.max(exact / tokens);
        from_harness = from_harness.max(harness);
    }
    println!(
        "{name}: {} requests, off by {largest:.1e} a token of float64's, by {from_harness:.1e} a sum of the harness's",
        rows.len()
    );
}

/// Log-probabilities to 1e-4 of a float64 implementation, and the sums of requests of nine kinds.
#[test]
fn smollm2_scores_what_its_reference_says() {
    let (Some(file), Some(reference), Some(runtime)) = (smollm2(), reference(), runtime()) else { return };
    let (_folder, model) = imported(&file);
    let mut scorer = model.scorer(&runtime, ScoringOptions::default()).unwrap();
    let cases = some(lines(&reference.join("token_logprobs.jsonl")), 2);
    let rows: Vec<Row> = cases
        .iter()
        .map(|case| {
            let tokens = scorer.tokenizer().encode(case["text"].as_str().unwrap());
            assert_eq!(tokens, ids(&case["ids"]), "{}", case["name"]);
            Row { context: vec![tokens[0]], continuation: tokens[1..].to_vec() }
        })
        .collect();
    for (case, score) in cases.iter().zip(scorer.score_all(&rows).unwrap()) {
        let got: Vec<f64> = score.log_probabilities.iter().map(|&x| f64::from(x)).collect();
        let off = difference(&got, &numbers(&case["logprobs_f64"]));
        println!("{}: {} tokens, off by {off:.1e}", case["name"], got.len());
        assert!(off < 1e-4, "{}: off by {off}", case["name"]);
    }
    let pairs = lines(&reference.join("pairs.jsonl"));
    check_requests("pairs", &mut scorer, &pairs.iter().collect::<Vec<_>>());
    for task in TASKS {
        let documents = some(lines(&reference.join(format!("samples_{task}.jsonl.xz"))), 2);
        let requests = documents.iter().flat_map(|document| document["requests"].as_array().unwrap());
        check_requests(task, &mut scorer, &requests.collect::<Vec<_>>());
    }
}

const TASKS: [&str; 8] = [
    "piqa",
    "hellaswag",
    "winogrande",
    "lambada_openai",
    "boolq",
    "mmlu_anatomy",
    "mmlu_elementary_mathematics",
    "mmlu_us_foreign_policy",
];

/// The bits of scores, which comparison of floats would not tell apart.
fn bits(scores: &[RowScore]) -> Vec<(Vec<u32>, Vec<u32>)> {
    let of = |score: &RowScore| {
        (score.log_probabilities.iter().map(|x| x.to_bits()).collect(), score.best.clone())
    };
    scores.iter().map(of).collect()
}

/// Rows in another order, which is the same for every call, with where each of them was.
fn shuffled(rows: &[Row]) -> (Vec<Row>, Vec<usize>) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (order.iter().map(|&index| rows[index].clone()).collect(), order)
}

/// Scores have the bits of `expected` with each of `scorers`, in order and shuffled.
fn check_bits(rows: &[Row], expected: &[RowScore], scorer: &mut Scorer, what: &str) {
    let got = scorer.score_all(rows).unwrap();
    assert_eq!(bits(&got), bits(expected), "{what}");
    let (rows, order) = shuffled(rows);
    let got = scorer.score_all(&rows).unwrap();
    let expected: Vec<RowScore> = order.iter().map(|&index| expected[index].clone()).collect();
    assert_eq!(bits(&got), bits(&expected), "{what}, shuffled");
}

const VARIANTS: [ScoringOptions; 4] = [
    ScoringOptions { batch: 1, reuse: true, top: 0 },
    ScoringOptions { batch: 8, reuse: false, top: 0 },
    ScoringOptions { batch: 64, reuse: true, top: 3 },
    ScoringOptions { batch: 64, reuse: false, top: 0 },
];

#[test]
fn smollm2_has_the_same_bits_whatever_is_scored_beside() {
    let (Some(file), Some(reference), Some(runtime)) = (smollm2(), reference(), runtime()) else { return };
    let (folder, model) = imported(&file);
    let mut scorer = model.scorer(&runtime, ScoringOptions::default()).unwrap();
    let mut rows = Vec::new();
    for task in ["mmlu_anatomy", "hellaswag"] {
        let mut documents = lines(&reference.join(format!("samples_{task}.jsonl.xz")));
        documents.truncate(size::either(2, 8));
        let requests = documents.iter().flat_map(|document| document["requests"].as_array().unwrap());
        rows.extend(encoded(&scorer, &requests.collect::<Vec<_>>()));
    }
    let expected = scorer.score_all(&rows).unwrap();
    check_bits(&rows, &expected, &mut scorer, "again");
    for options in VARIANTS {
        let model = TrainedModel::open(&folder.path().join("run"), &mut |_| ()).unwrap();
        let mut scorer = model.scorer(&runtime, options).unwrap();
        check_bits(&rows, &expected, &mut scorer, &format!("{options:?}"));
    }
}
