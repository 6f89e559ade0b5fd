//! The forward pass: what a position sees, sequences of any length, and programs of any size.

mod common;

use std::time::{Duration, Instant};

use common::{Random, models, parameters, relative_difference, run_everywhere, tiny_llama};
use graph::{Builder, DType, Literal, TensorType};
use model::parameters::add_params;
use model::{ForwardOptions, ModelConfig, Preset};

/// Logits of one sequence.
fn logits(model: &ModelConfig, tokens: &[i64]) -> Vec<(&'static str, Vec<f64>)> {
    let b = Builder::new("forward");
    let params = add_params(&b, model, "", DType::F32);
    let ty = TensorType::new(DType::I32, [1, tokens.len()]);
    let input = b.param("tokens", ty.clone(), &[]);
    let options = ForwardOptions { queries: 4.into(), ..ForwardOptions::new(DType::F32) };
    b.output("logits", model::forward(&b, model, &options, &params, input).unwrap());
    let mut inputs = parameters(model, DType::F32, 1);
    inputs.push(Literal::from_ints(ty, tokens.to_vec()).unwrap());
    let results = run_everywhere(&b.finish().unwrap(), &inputs);
    results.into_iter().map(|(place, outputs)| (place, outputs[0].floats().unwrap().to_vec())).collect()
}

/// The same parameters serve sequences of any length: those of a longer one begin with those of its beginning.
#[test]
fn a_longer_sequence_continues_a_shorter_one() {
    let tokens = Random(2).ints(&[1, 13], 0, 10);
    let tokens = tokens.ints().unwrap();
    for (model, length) in models().iter().flat_map(|model| [1, 5, 8].map(|length| (model, length))) {
        let (long, short) = (logits(model, tokens), logits(model, &tokens[..length]));
        for ((place, long), (_, short)) in long.into_iter().zip(short) {
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
    for model in &models() {
        let vocabulary_size = model.sizes().vocabulary_size;
        for ((place, first), (_, second)) in logits(model, &first).into_iter().zip(logits(model, &second)) {
            let rows = first.chunks(vocabulary_size).zip(second.chunks(vocabulary_size));
            let same: Vec<bool> = rows.map(|(first, second)| first == second).collect();
            assert_eq!(same, [true, true, true, false, false, false], "{} on {place}", model.kind());
        }
    }
}

/// A vocabulary in multiples of 4 has a twelfth row. Its logit is so low that the others' softmax is that of the model
/// without it, whatever the row holds.
#[test]
fn ids_that_pad_the_vocabulary_have_no_probability() {
    for plain in &models() {
        let padded = plain.with_vocabulary_multiple(4);
        assert_eq!((plain.padded_vocabulary(), padded.padded_vocabulary()), (11, 12));
        assert_eq!(padded.total_parameters(), plain.total_parameters());
        let run = |model: &ModelConfig| {
            let b = Builder::new("loss");
            let params = add_params(&b, model, "", DType::F32);
            let ty = TensorType::new(DType::I32, [1, 6]);
            let (tokens, targets) = (b.param("tokens", ty.clone(), &[]), b.param("targets", ty.clone(), &[]));
            let loss =
                model::loss(&b, model, &ForwardOptions::new(DType::F32), &params, tokens, targets).unwrap();
            b.output("loss", loss);
            for (index, gradient) in graph::gradient(&b, loss, &params).unwrap().into_iter().enumerate() {
                b.output(format!("gradient{index}"), gradient);
            }
            // The rows that both have hold the same numbers.
            let mut inputs: Vec<Literal> = parameters(plain, DType::F32, 1);
            for (input, spec) in inputs.iter_mut().zip(model.parameters()) {
                let mut numbers = input.floats().unwrap().to_vec();
                numbers.resize(spec.shape.iter().product(), 3.0);
                *input = Literal::from_floats(TensorType::new(DType::F32, spec.shape), numbers).unwrap();
            }
            inputs.push(Literal::from_ints(ty.clone(), vec![3, 1, 4, 1, 5, 9]).unwrap());
            inputs.push(Literal::from_ints(ty, vec![1, 4, 1, 5, 9, 2]).unwrap());
            run_everywhere(&b.finish().unwrap(), &inputs)
        };
        for ((place, expected), (_, got)) in run(plain).into_iter().zip(run(&padded)) {
            for (expected, got) in expected.iter().zip(&got) {
                let (expected, got) = (expected.floats().unwrap(), got.floats().unwrap());
                let (same, padding) = got.split_at(expected.len());
                let largest = expected.iter().fold(0f64, |largest, x| largest.max(x.abs()));
                let near = |(x, y): (&f64, &f64)| (x - y).abs() <= 1e-6 * largest;
                assert!(same.iter().zip(expected).all(near), "{} on {place}", plain.kind());
                assert!(padding.iter().all(|&gradient| gradient == 0.0), "{} on {place}", plain.kind());
            }
        }
    }
}

/// Query heads of a group read one key head: with each group's projections alike, heads are alike, and a model whose key
/// heads are written out gives the same logits.
#[test]
fn grouped_heads_are_as_many_with_their_keys_written_out() {
    let grouped = tiny_llama(true);
    let (heads, group) = (6, 3);
    let mut written = <model::Llama as model::config::Configured>::like(&grouped.sizes());
    (written.feed_forward_size, written.rope_base) = (10, 100.0);
    let written = ModelConfig::from(written);
    let values = parameters(&grouped, DType::F32, 4);
    let mut repeated = Vec::new();
    for ((value, old), new) in values.iter().zip(grouped.parameters()).zip(written.parameters()) {
        let numbers = value.floats().unwrap();
        let is_key = new.name.ends_with("key") || new.name.ends_with("value");
        let numbers = match is_key {
            // `[layers, d, heads / group, kv]`: each head's row as often as a group has queries.
            true => numbers.chunks(old.shape[3]).flat_map(|row| row.repeat(group)).collect(),
            false => numbers.to_vec(),
        };
        repeated.push(Literal::from_floats(TensorType::new(DType::F32, new.shape), numbers).unwrap());
    }
    assert_eq!(written.parameters()[3].shape[2], heads);
    let tokens = Random(5).ints(&[2, 7], 0, 10);
    let run = |model: &ModelConfig, mut inputs: Vec<Literal>| {
        let b = Builder::new("forward");
        let params = add_params(&b, model, "", DType::F32);
        let input = b.param("tokens", tokens.ty().clone(), &[]);
        let options = ForwardOptions { queries: 3.into(), ..ForwardOptions::new(DType::F32) };
        b.output("logits", model::forward(&b, model, &options, &params, input).unwrap());
        inputs.push(tokens.clone());
        run_everywhere(&b.finish().unwrap(), &inputs)
    };
    for ((place, got), (_, expected)) in run(&grouped, values).into_iter().zip(run(&written, repeated)) {
        let difference = relative_difference(&got[0], &expected[0]);
        assert!(difference < 1e-6, "{place}: {difference}");
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
    let logits = model::forward(&b, &config, &ForwardOptions::new(DType::F32), &params, tokens).unwrap();
    assert_eq!(b.ty(logits), TensorType::new(DType::F32, [1, 2048, 32_000]));
    assert!(b.finish().unwrap().node_count() < 2000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
