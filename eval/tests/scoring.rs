//! The scoring engine against what other programs made of the same models, and against itself: the same bits whatever is
//! scored beside a row.
//!
//! SmolLM2 and stories260K need reference files that are not part of the repository; SmolLM2 also its wheel in the cache.
//! `GOPHER_TEST_SIZE=full` has 5 documents of every task compared rather than two of two, and `SCORING_DOCUMENTS=1000` as many
//! of each as there are.

mod common;

use common::foreign::{reference, smollm2};
use common::small::{self, WINDOW, bits, check_bits, models, rows, tokenizer};
use common::stories::{llama2_c_as_gguf, piqa, request, stories};
use common::{difference, ids, imported, lines, numbers, some};
use eval::scoring::{Encoding, Overlong, Row, RowScore, Scorer, ScoringOptions, Statistics};
use eval::{Decoder, Error, Generator, Sampling, TrainedModel};
use graph::testing::size;
use model::{ModelConfig, Precision};
use proptest::prelude::{Strategy, prop};
use proptest::test_runner::{Config, TestRunner};
use runtime::Buffer;
use runtime::{DeviceKind, Runtime};
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::ops::ControlFlow;

fn runtime() -> Option<Runtime> {
    let runtime = Runtime::find_with(DeviceKind::Cpu, &common::programs::runtime_options(1)).unwrap();
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
    let asked =
        std::env::var("SCORING_DOCUMENTS").ok().map(|count| count.parse().expect("a number of documents"));
    let tasks = if asked.is_some() { &TASKS[..] } else { size::either(&TASKS[..2], &TASKS) };
    for task in tasks {
        let mut documents = lines(&reference.join(format!("samples_{task}.jsonl.xz")));
        documents.truncate(asked.unwrap_or(size::either(2, 5)));
        let requests = documents.iter().flat_map(|document| document["requests"].as_array().unwrap());
        check_requests(task, &mut scorer, &requests.collect::<Vec<_>>());
    }
}

const TASKS: [&str; 8] = [
    "piqa",
    "hellaswag",
    "mmlu_anatomy",
    "winogrande",
    "lambada_openai",
    "boolq",
    "mmlu_elementary_mathematics",
    "mmlu_us_foreign_policy",
];

const VARIANTS: [ScoringOptions; 4] = [
    ScoringOptions { batch: 1, reuse: true, top: 0 },
    ScoringOptions { batch: 64, reuse: false, top: 0 },
    ScoringOptions { batch: 8, reuse: false, top: 0 },
    ScoringOptions { batch: 64, reuse: true, top: 3 },
];

fn variants() -> &'static [ScoringOptions] {
    size::either(&VARIANTS[..2], &VARIANTS)
}

#[test]
fn smollm2_has_the_same_bits_whatever_is_scored_beside() {
    let (Some(file), Some(reference), Some(runtime)) = (smollm2(), reference(), runtime()) else { return };
    let (folder, model) = imported(&file);
    let mut scorer = model.scorer(&runtime, ScoringOptions::default()).unwrap();
    let mut rows = Vec::new();
    for task in size::either(&["hellaswag"][..], &["mmlu_anatomy", "hellaswag"]) {
        let mut documents = lines(&reference.join(format!("samples_{task}.jsonl.xz")));
        documents.truncate(size::either(1, 2));
        let requests = documents.iter().flat_map(|document| document["requests"].as_array().unwrap());
        rows.extend(encoded(&scorer, &requests.collect::<Vec<_>>()));
    }
    let expected = scorer.score_all(&rows).unwrap();
    check_bits(&rows, &expected, &mut scorer, "again");
    for &options in variants() {
        let model = TrainedModel::open(&folder.path().join("run"), &mut |_| ()).unwrap();
        let mut scorer = model.scorer(&runtime, options).unwrap();
        check_bits(&rows, &expected, &mut scorer, &format!("{options:?}"));
    }
}

/// Log-probabilities of tokens to 1e-4, and their sums over PIQA's answers to 1e-3.
#[test]
fn stories260k_scores_what_its_reference_says() {
    let (Some(stories), Some(runtime)) = (stories(), runtime()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stories260K.gguf");
    let gguf = llama2_c_as_gguf(&stories.join("stories260K.bin"), &stories.join("tok512.bin"));
    fs::write(&file, gguf.bytes()).unwrap();
    let (_folder, model) = imported(&file);
    let mut scorer = model.scorer(&runtime, ScoringOptions::default()).unwrap();
    let cases = lines(&stories.join("expected/token_logprobs.jsonl"));
    let text = |case: &Value| {
        let ids = scorer.encoding().ids(case["text"].as_str().unwrap());
        Row { context: ids[..1].to_vec(), continuation: ids[1..].to_vec() }
    };
    let rows: Vec<Row> = cases.iter().map(text).collect();
    let mut largest: f64 = 0.0;
    for (case, score) in cases.iter().zip(scorer.score_all(&rows).unwrap()) {
        let got: Vec<f64> = score.log_probabilities.iter().map(|&x| f64::from(x)).collect();
        let off = difference(&got, &numbers(&case["logprob"]));
        assert!(off < 1e-4, "{}: off by {off}", case["text"]);
        largest = largest.max(off);
    }
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for (goal, solutions, sums) in some(piqa(&stories).unwrap_or_default(), 20) {
        expected.extend(sums);
        rows.extend(solutions.each_ref().map(|solution| {
            let (ids, start) = request(scorer.tokenizer(), &goal, solution);
            Row { context: ids[..start].to_vec(), continuation: ids[start..].to_vec() }
        }));
    }
    let sums: Vec<f64> = scorer.score_all(&rows).unwrap().iter().map(RowScore::log_probability).collect();
    let off = difference(&sums, &expected);
    println!("off by {largest:.1e} a token, {off:.1e} a sum of {} answers", sums.len());
    assert!(off < 1e-3, "a sum is off by {off}");
}

/// The parameters on the device.
fn parameters(runtime: &Runtime, model: &ModelConfig) -> Vec<Buffer> {
    small::parameters(model).iter().map(|parameter| runtime.upload(parameter).unwrap()).collect()
}

fn scorer(runtime: &Runtime, model: &ModelConfig, options: ScoringOptions) -> Scorer {
    let encoding = Encoding::new(tokenizer(), None, WINDOW).unwrap();
    let parameters = parameters(runtime, model);
    Scorer::new(runtime, model, Precision::FLOAT32, parameters, encoding, options).unwrap()
}

#[test]
fn bits_are_the_same_for_any_batch_order_and_reuse() {
    let Some(runtime) = runtime() else { return };
    for model in models() {
        let reference = RefCell::new(scorer(&runtime, &model, ScoringOptions::default()));
        let variants =
            variants().iter().map(|&options| (options, RefCell::new(scorer(&runtime, &model, options))));
        let variants: Vec<_> = variants.collect();
        let config = Config { failure_persistence: None, ..Config::with_cases(size::cases(2, 24)) };
        TestRunner::new(config)
            .run(&rows(), |rows| {
                let mut reference = reference.borrow_mut();
                // Each row as if there were no other.
                let alone = rows.iter().map(|row| {
                    reference.forget();
                    reference.score_all(std::slice::from_ref(row)).unwrap().remove(0)
                });
                let expected: Vec<RowScore> = alone.collect();
                for (options, scorer) in &variants {
                    let mut scorer = scorer.borrow_mut();
                    check_bits(&rows, &expected, &mut scorer, &format!("{} {options:?}", model.kind()));
                }
                Ok(())
            })
            .unwrap();
    }
}

/// The log-probabilities and the likeliest tokens that decoding gives, a token at a time.
fn decoded(runtime: &Runtime, model: &ModelConfig, row: &Row) -> (Vec<f64>, Vec<u32>) {
    let decoder =
        Decoder::new(runtime, model, Precision::FLOAT32, parameters(runtime, model), WINDOW).unwrap();
    let mut session = decoder.start().unwrap();
    let mut logits = Vec::new();
    for &token in &row.context {
        logits = session.read(&[token]).unwrap();
    }
    let score = |&token: &u32| {
        let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit));
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
        let best = logits.iter().position(|&logit| logit == largest).unwrap() as u32;
        let score = f64::from(logits[token as usize] - largest) - sum.ln();
        logits = session.read(&[token]).unwrap();
        (score, best)
    };
    row.continuation.iter().map(score).unzip()
}

#[test]
fn scores_are_those_of_decoding_token_by_token() {
    let Some(runtime) = runtime() else { return };
    for model in models() {
        let row = Row {
            context: (0..70).map(|place| place * 37 % 300).collect(),
            continuation: (0..79).map(|place| place * 53 % 300).collect(),
        };
        let options = ScoringOptions { top: 3, ..ScoringOptions::default() };
        let score =
            scorer(&runtime, &model, options).score_all(std::slice::from_ref(&row)).unwrap().remove(0);
        let (expected, best) = decoded(&runtime, &model, &row);
        let got: Vec<f64> = score.log_probabilities.iter().map(|&x| f64::from(x)).collect();
        let largest = expected.iter().fold(0f64, |largest, x| largest.max(x.abs()));
        assert!(difference(&got, &expected) < 1e-5 * largest, "{}", model.kind());
        assert_eq!(score.best, best);
        for ((top, best), (&token, &value)) in
            score.top.iter().zip(best).zip(row.continuation.iter().zip(&score.log_probabilities))
        {
            assert_eq!((top.len(), top[0].0), (3, best));
            assert!(top.windows(2).all(|pair| pair[0].1 >= pair[1].1 && pair[0].0 != pair[1].0));
            // A token among the likeliest has the same bits there.
            assert!(
                top.iter()
                    .all(|&(id, other)| id < 300 && (id != token || other.to_bits() == value.to_bits()))
            );
        }
    }
}

#[test]
fn several_tokens_at_one_position_share_a_pass() {
    let Some(runtime) = runtime() else { return };
    let [model, _] = models();
    let context: Vec<u32> = (0..40).collect();
    let rows: Vec<Row> =
        (0..11).map(|token| Row { context: context.clone(), continuation: vec![token] }).collect();
    let mut scorer = scorer(&runtime, &model, ScoringOptions::default());
    let scores = scorer.score_all(&rows).unwrap();
    let statistics = scorer.statistics();
    assert_eq!((statistics.computed, statistics.reused, statistics.scored), (40, 400, 11));
    assert!(scores.iter().all(|score| score.best == scores[0].best));
    // What is there already is not computed again, but for the chunk that is scored.
    scorer.score_all(&rows).unwrap();
    assert_eq!(scorer.statistics().computed, 40 + 8);
}

#[test]
fn beginnings_of_several_groups_are_computed_side_by_side() {
    let Some(runtime) = runtime() else { return };
    // 16 groups of 4 texts, which have 4 chunks in common and one of their own; of each text two tokens are scored.
    let row = |group: u32, text: u32, token: u32| Row {
        context: (0..64).map(|place| (place * 7 + group) % 300).chain([text; 16]).collect(),
        continuation: vec![token],
    };
    let texts = (0..16).flat_map(|group| (0..4).map(move |text| (group, text)));
    let rows: Vec<Row> =
        texts.flat_map(|(group, text)| [1, 2].map(|token| row(group, text, token))).collect();
    for model in models() {
        let mut scorer = scorer(&runtime, &model, ScoringOptions { batch: 16, ..ScoringOptions::default() });
        scorer.score_all(&rows).unwrap();
        let Statistics { computed, reused, calls, scored, .. } = scorer.statistics();
        let all = 16 * 4 * 2 * 80;
        let expected = (16 * (64 + 4 * 16), all - computed, computed / 256, 128);
        assert_eq!((computed, reused, calls, scored), expected, "{}", model.kind());
    }
}

#[test]
fn rows_that_cannot_be_scored_are_named_and_empty_ones_are_certain() {
    let Some(runtime) = runtime() else { return };
    let [model, _] = models();
    let mut scorer = scorer(&runtime, &model, ScoringOptions::default());
    let row = |context: usize, continuation: usize| Row {
        context: vec![1; context],
        continuation: vec![2; continuation],
    };
    assert_eq!(scorer.score_all(&[row(3, 0)]).unwrap(), [RowScore::default()]);
    let error = |scorer: &mut Scorer, row: Row| scorer.score_all(&[row]).unwrap_err().to_string();
    assert!(error(&mut scorer, row(0, 1)).starts_with("row 0 has no context; "));
    assert!(scorer.score_all(&[row(WINDOW, 1)]).is_ok());
    assert!(
        error(&mut scorer, row(WINDOW, 2))
            .starts_with("row 0 has 151 tokens to read and the window holds 150; ")
    );
    assert!(
        error(&mut scorer, Row { context: vec![300], continuation: vec![1] }).contains("token 300 is not in")
    );
    let options = ScoringOptions { batch: 0, ..ScoringOptions::default() };
    assert!(matches!(
        Scorer::check(&runtime, &model, Precision::FLOAT32, WINDOW, options),
        Err(Error::Batch)
    ));
    let error = Scorer::check(&runtime, &model, Precision::FLOAT32, 1 << 42, ScoringOptions::default());
    assert!(error.unwrap_err().to_string().starts_with("a window of 4398046511104 tokens needs "));
    // Whoever watches may end it, and what is scored later is not disturbed.
    let rows = vec![row(20, 3); 3];
    let expected = scorer.score_all(&rows).unwrap();
    let mut calls = 0;
    scorer
        .score(&rows, &mut |_, _| {
            calls += 1;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(calls, 1);
    assert_eq!(bits(&scorer.score_all(&rows).unwrap()), bits(&expected));
}

#[test]
fn generation_is_greedy_and_ends_before_a_stop_string() {
    let Some(runtime) = runtime() else { return };
    for model in models() {
        let mut scorer = scorer(&runtime, &model, ScoringOptions::default());
        let prompts: Vec<Vec<u32>> =
            ["To be", "the question"].map(|text| scorer.tokenizer().encode(text)).into();
        let whole = scorer.generate(&prompts, 12, &[]).unwrap();
        assert_eq!(whole.len(), 2);
        // The same texts as alone, in a program of its own.
        let decoder =
            Decoder::new(&runtime, &model, Precision::FLOAT32, parameters(&runtime, &model), WINDOW);
        let generator = Generator::new(decoder.unwrap(), tokenizer());
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        for (prompt, text) in ["To be", "the question"].into_iter().zip(&whole) {
            let alone = generator.generate(prompt, 12, greedy, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(&alone.text, text, "{prompt}");
        }
        for text in &whole {
            let Some((place, stop)) = text.char_indices().nth(2) else { continue };
            let stop = stop.to_string();
            let cut = scorer.generate(&prompts, 12, std::slice::from_ref(&stop)).unwrap();
            let expected: Vec<&str> = whole.iter().map(|text| text.split(&stop).next().unwrap()).collect();
            assert_eq!(cut, expected, "{place}");
        }
        // The parameters are back.
        assert_eq!(scorer.score_all(&[Row { context: vec![1], continuation: vec![2] }]).unwrap().len(), 1);
        assert!(matches!(scorer.generate(&[vec![]], 1, &[]), Err(Error::EmptyPrompt)));
        assert!(matches!(scorer.generate(&[vec![1; 150]], 2, &[]), Err(Error::PromptTooLong { .. })));
    }
}

/// Prompts of the length of one chunk or several, more of them than are continued side by side.
fn prompts() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let prompt = (1usize..100, 0u32..300).prop_map(|(length, seed)| -> Vec<u32> {
        (0..length as u32).map(|place| (place * place * 13 + seed) % 300).collect()
    });
    prop::collection::vec(prompt, 1..14)
}

#[test]
fn no_text_depends_on_those_generated_beside_it() {
    let Some(runtime) = runtime() else { return };
    for model in models() {
        let scorer = RefCell::new(scorer(&runtime, &model, ScoringOptions::default()));
        let config = Config { failure_persistence: None, ..Config::with_cases(size::cases(2, 24)) };
        TestRunner::new(config)
            .run(&(prompts(), 0usize..12, 0u8..128), |(prompts, tokens, stop)| {
                let mut scorer = scorer.borrow_mut();
                let until = [char::from(stop).to_string(), "er".into()];
                let mut generate = |prompts: &[Vec<u32>]| scorer.generate(prompts, tokens, &until).unwrap();
                let alone: Vec<String> =
                    prompts.iter().map(|prompt| generate(std::slice::from_ref(prompt)).remove(0)).collect();
                assert_eq!(generate(&prompts), alone, "{}", model.kind());
                let mut reversed = generate(&prompts.iter().rev().cloned().collect::<Vec<_>>());
                reversed.reverse();
                assert_eq!(reversed, alone, "{}, reversed", model.kind());
                Ok(())
            })
            .unwrap();
    }
}
