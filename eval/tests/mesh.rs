//! Scoring over a mesh of virtual devices: the numbers of one device but for rounding, and on one mesh the same bits whatever is
//! scored beside a row.

mod common;

use std::cell::RefCell;
use std::fs;
use std::ops::Range;
use std::sync::OnceLock;

use common::small::{self, WINDOW, check_bits, models, rows, tokenizer};
use common::stories::{llama2_c_as_gguf, stories};
use common::{difference, imported, lines, numbers, some};
use eval::Error;
use eval::scoring::{Encoding, Row, RowScore, Scorer, ScoringOptions};
use graph::testing::size;
use model::{Llama, ModelConfig, Precision};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use runtime::{DeviceKind, Runtime};
use sharding::inference::InferenceMesh;

const DEVICES: usize = 4;

fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let runtime =
            Runtime::find_with(DeviceKind::Cpu, &common::programs::runtime_options(DEVICES)).unwrap();
        if runtime.is_none() {
            println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

const fn mesh(data: usize, model: usize) -> InferenceMesh {
    InferenceMesh { data, model }
}

/// Meshes that divide the small models; the calls of one of three devices have more rows than there.
const SPLITS: [InferenceMesh; 3] = [mesh(3, 1), mesh(1, 2), mesh(4, 1)];

/// A small model whose logits are of the size that trained models have, split over a mesh or on one device.
fn scorer(
    runtime: &Runtime,
    on: Option<InferenceMesh>,
    model: &ModelConfig,
    options: ScoringOptions,
) -> Result<Scorer, Error> {
    let encoding = Encoding::new(tokenizer(), None, WINDOW).unwrap();
    let specs = model.parameters();
    let wholes: Vec<Vec<u8>> = small::parameters(model)
        .iter()
        .zip(&specs)
        .map(|(whole, spec)| {
            let factor = if spec.is_matrix() { 0.4 } else { 1.0 };
            whole.floats().unwrap().iter().flat_map(|x| ((x * factor) as f32).to_le_bytes()).collect()
        })
        .collect();
    let whole_type = |index: usize| graph::TensorType::new(graph::DType::F32, &*specs[index].shape);
    let Some(on) = on else {
        let upload =
            |(index, bytes): (usize, &Vec<u8>)| runtime.upload_bytes(&whole_type(index), bytes).unwrap();
        let parameters = wholes.iter().enumerate().map(upload).collect();
        return Scorer::new(runtime, model, Precision::FLOAT32, parameters, encoding, options);
    };
    let mut read = |index: usize, ranges: &[Range<usize>], bytes: &mut [u8]| {
        cut(&wholes[index], &specs[index].shape, ranges, bytes);
        Ok(())
    };
    Scorer::on_mesh(runtime, on, model, Precision::FLOAT32, &mut read, encoding, options)
}

/// Copies a box of an array of float32, an element at a time.
fn cut(whole: &[u8], shape: &[usize], ranges: &[Range<usize>], part: &mut [u8]) {
    for (index, element) in part.chunks_exact_mut(4).enumerate() {
        let (mut left, mut place, mut stride) = (index, 0, 1);
        for (range, size) in ranges.iter().zip(shape).rev() {
            place += (range.start + left % range.len()) * stride;
            left /= range.len();
            stride *= size;
        }
        element.copy_from_slice(&whole[4 * place..4 * place + 4]);
    }
}

/// Queries of four heads on one head of keys, which only `data` can split.
fn one_key_head() -> ModelConfig {
    Llama {
        layers: 2,
        heads: 4,
        key_value_heads: 1,
        key_value_size: 4,
        d_model: 12,
        feed_forward_size: 24,
        vocabulary_size: 300,
        rope_base: 1e4,
        norm_epsilon: 1e-5,
        tied_embedding: true,
    }
    .into()
}

/// Rows of many lengths, some of which begin alike.
fn some_rows() -> Vec<Row> {
    let row = |index: u32| Row {
        context: (0..1 + index * 13 % 55).map(|place| (place * place * 7 + index % 3 * 31) % 300).collect(),
        continuation: (0..1 + index * 7 % 23).map(|place| (place * 17 + index) % 300).collect(),
    };
    (0..24).map(row).collect()
}

/// The largest difference of a token.
fn check_near(got: &[RowScore], expected: &[RowScore], what: &str) -> f64 {
    let mut largest: f64 = 0.0;
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got.best, expected.best, "{what}");
        let tokens = got.log_probabilities.len() as f64;
        let off = (got.log_probability() - expected.log_probability()).abs();
        assert!(off <= 1e-4 + 2e-5 * tokens, "{what}: off by {off} in {tokens} tokens");
        for (got, expected) in got.log_probabilities.iter().zip(&expected.log_probabilities) {
            let off = f64::from((got - expected).abs());
            assert!(off <= 1e-4 + 2e-5, "{what}: a token is off by {off}");
            largest = largest.max(off);
        }
        for (got, expected) in got.top.iter().flatten().zip(expected.top.iter().flatten()) {
            assert!(
                got.0 == expected.0 && (got.1 - expected.1).abs() < 1e-4 + 2e-5,
                "{what}: {got:?}, {expected:?}"
            );
        }
    }
    largest
}

#[test]
fn scores_are_those_of_one_device() {
    let Some(runtime) = runtime() else { return };
    let rows = some_rows();
    let options = ScoringOptions { top: 3, ..ScoringOptions::default() };
    let [gopher, llama] = models();
    // The test below has the others on a mesh.
    let split: &[InferenceMesh] = size::either(&[], &SPLITS);
    for (model, meshes) in [(one_key_head(), &[mesh(3, 1)][..]), (gopher, split), (llama, split)] {
        if meshes.is_empty() {
            continue;
        }
        let expected = scorer(runtime, None, &model, options).unwrap().score_all(&rows).unwrap();
        for &on in meshes {
            let mut scorer = scorer(runtime, Some(on), &model, options).unwrap();
            let got = scorer.score_all(&rows).unwrap();
            let off = check_near(&got, &expected, &format!("{} on {on}", model.kind()));
            println!("{} on {on}: a token is off by at most {off:.1e}", model.kind());
            assert_eq!(scorer.mesh(), Some(on));
        }
    }
}

/// Rows that begin alike, of at most six chunks: of two lengths of caches.
fn short_rows() -> impl Strategy<Value = Vec<Row>> {
    rows().prop_map(|mut rows| {
        rows.truncate(16);
        for Row { context, continuation } in &mut rows {
            context.truncate(60);
            continuation.truncate(30);
        }
        rows
    })
}

#[test]
fn bits_are_the_same_for_any_batch_order_and_reuse_and_near_those_of_one_device() {
    let Some(runtime) = runtime() else { return };
    let variant = ScoringOptions { batch: 8, reuse: false, top: 2 };
    for model in &models() {
        let of = |on, options| RefCell::new(scorer(runtime, on, model, options).unwrap());
        let split = Some(mesh(2, 2));
        let (reference, other) = (of(split, ScoringOptions::default()), of(split, variant));
        let one = of(None, ScoringOptions::default());
        let config = Config { failure_persistence: None, ..Config::with_cases(size::cases(2, 24)) };
        TestRunner::new(config)
            .run(&short_rows(), |rows| {
                let mut reference = reference.borrow_mut();
                let alone = rows.iter().map(|row| {
                    reference.forget();
                    reference.score_all(std::slice::from_ref(row)).unwrap().remove(0)
                });
                let expected: Vec<RowScore> = alone.collect();
                let of_one = one.borrow_mut().score_all(&rows).unwrap();
                check_near(&expected, &of_one, model.kind());
                check_bits(&rows, &expected, &mut reference, &format!("{} again", model.kind()));
                check_bits(
                    &rows,
                    &expected,
                    &mut other.borrow_mut(),
                    &format!("{} {variant:?}", model.kind()),
                );
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn generation_is_that_of_one_device() {
    let Some(runtime) = runtime() else { return };
    let options = ScoringOptions { batch: 2, ..ScoringOptions::default() };
    for (model, on) in models().iter().zip([mesh(2, 2), mesh(4, 1)]).take(size::either(1, 2)) {
        let mut one = scorer(runtime, None, model, options).unwrap();
        let mut split = scorer(runtime, Some(on), model, options).unwrap();
        let prompts = ["To be", "the question", "Or to take arms against", "slings and arrows of"];
        let prompts: Vec<Vec<u32>> = prompts.map(|text| one.tokenizer().encode(text)).into();
        let whole = one.generate(&prompts, 12, &[]).unwrap();
        assert_eq!(split.generate(&prompts, 12, &[]).unwrap(), whole, "{}", model.kind());
        assert_eq!(split.statistics().scored, 0);
        let stop = whole[0].chars().nth(2).unwrap().to_string();
        let stops = std::slice::from_ref(&stop);
        assert_eq!(split.generate(&prompts, 12, stops).unwrap(), one.generate(&prompts, 12, stops).unwrap());
        assert!(matches!(split.generate(&[vec![]], 1, &[]), Err(Error::EmptyPrompt)));
        assert!(matches!(split.generate(&[vec![1; WINDOW]], 2, &[]), Err(Error::PromptTooLong { .. })));
    }
}

#[test]
fn meshes_that_cannot_be_are_refused() {
    let Some(runtime) = runtime() else { return };
    let [gopher, llama] = models();
    let refused = |model: &ModelConfig, on| {
        scorer(runtime, Some(on), model, ScoringOptions::default()).err().unwrap().to_string()
    };
    assert_eq!(
        refused(&gopher, mesh(3, 2)),
        "a mesh of 6 devices is asked for, and platform cpu has 4; take a smaller --topology"
    );
    let heads = "model = 4 does not divide the model's heads, 2; on these devices model can be 1 or 2";
    assert_eq!(refused(&gopher, mesh(1, 4)), heads);
    assert!(
        refused(&llama, mesh(1, 4))
            .starts_with("model = 4 does not divide the model's key and value heads, 2; ")
    );
    assert!(
        refused(&one_key_head(), mesh(1, 2))
            .ends_with("key and value heads, 1; on these devices model can be 1")
    );
}

/// What fits one device is split over `data` alone.
#[test]
fn a_model_that_fits_one_device_is_split_by_rows() {
    let Some(runtime) = runtime() else { return };
    for model in models() {
        let options = ScoringOptions::default();
        let chosen = Scorer::choose_mesh(runtime, DEVICES, &model, Precision::FLOAT32, WINDOW, options);
        assert_eq!(chosen.unwrap(), mesh(4, 1));
        // A window that fits nothing: as much as the heads allow.
        let chosen = Scorer::choose_mesh(runtime, DEVICES, &model, Precision::FLOAT32, 1 << 40, options);
        assert_eq!(chosen.unwrap(), mesh(2, 2));
    }
}

/// A checkpoint is read part by part: log-probabilities are within 1e-4 of the reference's.
#[test]
fn stories260k_scores_what_its_reference_says() {
    let (Some(stories), Some(runtime)) = (stories(), runtime()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stories260K.gguf");
    let gguf = llama2_c_as_gguf(&stories.join("stories260K.bin"), &stories.join("tok512.bin"));
    fs::write(&file, gguf.bytes()).unwrap();
    let (_folder, model) = imported(&file);
    let (window, options) = (model.default_window(), ScoringOptions::default());
    let mut scorer = model.scorer_on(runtime, Some(mesh(1, 4)), window, options).unwrap();
    let cases = some(lines(&stories.join("expected/token_logprobs.jsonl")), 5);
    let row = |case: &serde_json::Value| {
        let ids = scorer.encoding().ids(case["text"].as_str().unwrap());
        Row { context: ids[..1].to_vec(), continuation: ids[1..].to_vec() }
    };
    let rows: Vec<Row> = cases.iter().map(row).collect();
    for (case, score) in cases.iter().zip(scorer.score_all(&rows).unwrap()) {
        let got: Vec<f64> = score.log_probabilities.iter().map(|&x| f64::from(x)).collect();
        let off = difference(&got, &numbers(&case["logprob"]));
        assert!(off < 1e-4, "{}: off by {off}", case["text"]);
    }
}
