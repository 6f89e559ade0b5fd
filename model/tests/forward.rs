//! The forward pass: what a position sees, sequences of any length, and programs of any size.

mod common;

use std::time::{Duration, Instant};

use common::{Random, parameters, relative_difference, run_everywhere, tiny};
use graph::{Builder, DType, Literal, TensorType};
use model::parameters::add_params;
use model::{ForwardOptions, Preset};

/// Logits of one sequence.
fn logits(tokens: &[i64]) -> Vec<(&'static str, Vec<f64>)> {
    let b = Builder::new("forward");
    let params = add_params(&b, &tiny(), "", DType::F32);
    let ty = TensorType::new(DType::I32, [1, tokens.len()]);
    let input = b.param("tokens", ty.clone(), &[]);
    let options = ForwardOptions { query_block: 4, ..ForwardOptions::new(DType::F32) };
    b.output("logits", model::forward(&b, &options, &params, input).unwrap());
    let mut inputs = parameters(&tiny(), DType::F32, 1);
    inputs.push(Literal::from_ints(ty, tokens.to_vec()).unwrap());
    let results = run_everywhere(&b.finish().unwrap(), &inputs);
    results.into_iter().map(|(place, outputs)| (place, outputs[0].floats().unwrap().to_vec())).collect()
}

/// The same parameters serve sequences of any length: those of a longer one begin with those of its beginning.
#[test]
fn a_longer_sequence_continues_a_shorter_one() {
    let tokens = Random(2).ints(&[1, 13], 0, tiny().vocabulary_size as i64 - 1);
    let tokens = tokens.ints().unwrap();
    for length in [1, 5, 8] {
        for ((place, long), (_, short)) in logits(tokens).into_iter().zip(logits(&tokens[..length])) {
            let literal = |numbers: &[f64]| {
                let ty = TensorType::new(DType::F32, [numbers.len()]);
                Literal::from_floats(ty, numbers.to_vec()).unwrap()
            };
            let difference = relative_difference(&literal(&long[..short.len()]), &literal(&short));
            assert!(difference < 1e-5, "{place}, {length}: {difference}");
        }
    }
}

#[test]
fn a_position_sees_itself_and_what_came_before() {
    let first = [3, 1, 4, 1, 5, 9];
    let mut second = first;
    second[3] = 2;
    let vocabulary_size = tiny().vocabulary_size;
    for ((place, first), (_, second)) in logits(&first).into_iter().zip(logits(&second)) {
        let rows = first.chunks(vocabulary_size).zip(second.chunks(vocabulary_size));
        let same: Vec<bool> = rows.map(|(first, second)| first == second).collect();
        assert_eq!(same, [true, true, true, false, false, false], "{place}");
    }
}

/// Cross-entropy of logits that are all alike is the logarithm of their number, however large they are.
#[test]
fn cross_entropy_survives_large_logits() {
    let b = Builder::new("cross_entropy");
    let logits = b.param("logits", TensorType::new(DType::F32, [1, 3, 4]), &[]);
    let targets = b.param("targets", TensorType::new(DType::I32, [1, 3]), &[]);
    b.output("loss", model::forward::cross_entropy(&b, logits, targets).unwrap());
    let large = 3e38;
    let rows = [[large; 4], [0.0; 4], [large, -large, -large, -large]].concat();
    let inputs = [
        Literal::from_floats(TensorType::new(DType::F32, [1, 3, 4]), rows).unwrap(),
        Literal::from_ints(TensorType::new(DType::I32, [1, 3]), vec![3, 1, 0]).unwrap(),
    ];
    for (place, results) in run_everywhere(&b.finish().unwrap(), &inputs) {
        for (got, expected) in results[0].floats().unwrap().iter().zip([4f64.ln(), 4f64.ln(), 0.0]) {
            assert!((got - expected).abs() < 1e-6, "{place}: {got} for {expected}");
        }
    }
}

#[test]
fn the_largest_model_is_built_at_once() {
    let start = Instant::now();
    let config = Preset::find("280b").unwrap().config;
    let b = Builder::new("forward");
    let params = add_params(&b, &config, "", DType::F32);
    let tokens = b.param("tokens", TensorType::new(DType::I32, [1, 2048]), &[]);
    let logits = model::forward(&b, &ForwardOptions::new(DType::F32), &params, tokens).unwrap();
    assert_eq!(b.ty(logits), TensorType::new(DType::F32, [1, 2048, 32_000]));
    assert!(b.finish().unwrap().node_count() < 2000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
