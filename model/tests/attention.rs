//! Relative attention against its definition: ((q_i + u)·k_j + (q_i + v)·(W_R R_{i-j})) / sqrt(kv), softmax over j ≤ i.

mod common;

use common::{Random, relative_difference};
use graph::{Builder, DType, Literal, TensorType};
use model::blocks::relative::{Attention, attend_causally, encode_distances};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Sizes {
    heads: usize,
    batch: usize,
    time: usize,
    width: usize,
}

/// Queries with both biases, keys, values `[h, b, t, k]`, and one projected encoding per distance `[t, h, k]`.
struct Inputs {
    content_query: Literal,
    position_query: Literal,
    key: Literal,
    value: Literal,
    distances: Literal,
}

impl Inputs {
    fn random(sizes: Sizes, seed: u64) -> Inputs {
        let Sizes { heads, batch, time, width } = sizes;
        let mut random = Random(seed);
        let mut draw = |shape: &[usize]| random.scaled(DType::F64, shape, 2.0);
        let shape = [heads, batch, time, width];
        Inputs {
            content_query: draw(&shape),
            position_query: draw(&shape),
            key: draw(&shape),
            value: draw(&shape),
            distances: draw(&[time, heads, width]),
        }
    }
}

/// The definition, one number after another.
fn definition(sizes: Sizes, inputs: &Inputs) -> Literal {
    let Sizes { heads, batch, time, width } = sizes;
    let numbers = |literal: &Literal| literal.floats().unwrap().to_vec();
    let [u, v, key, value, distances] =
        [&inputs.content_query, &inputs.position_query, &inputs.key, &inputs.value, &inputs.distances]
            .map(numbers);
    let at = |h: usize, b: usize, t: usize, k: usize| ((h * batch + b) * time + t) * width + k;
    let mut result = vec![0.0; heads * batch * time * width];
    for (h, b, i) in indices(heads, batch, time) {
        let score = |j: usize| {
            (0..width)
                .map(|k| {
                    u[at(h, b, i, k)] * key[at(h, b, j, k)]
                        + v[at(h, b, i, k)] * distances[((i - j) * heads + h) * width + k]
                })
                .sum::<f64>()
        };
        let weights: Vec<f64> = (0..=i).map(|j| score(j).exp()).collect();
        let total: f64 = weights.iter().sum();
        for (j, weight) in weights.iter().enumerate() {
            for k in 0..width {
                result[at(h, b, i, k)] += weight / total * value[at(h, b, j, k)];
            }
        }
    }
    Literal::from_floats(TensorType::new(DType::F64, [heads, batch, time, width]), result).unwrap()
}

fn indices(heads: usize, batch: usize, time: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..heads).flat_map(move |h| (0..batch).flat_map(move |b| (0..time).map(move |t| (h, b, t))))
}

/// The model's attention, with queries in blocks.
fn attention(sizes: Sizes, inputs: &Inputs, block: usize) -> Literal {
    let Sizes { heads, time, width, .. } = sizes;
    // Row c of what attention reads is distance time - 1 - c; the row beyond distance 0 is never weighed, whatever it is.
    let distances = inputs.distances.floats().unwrap();
    let mut relative = vec![f64::MAX.sqrt(); heads * (time + 1) * width];
    for (h, _, distance) in indices(heads, 1, time) {
        for k in 0..width {
            relative[(h * (time + 1) + time - 1 - distance) * width + k] =
                distances[(distance * heads + h) * width + k];
        }
    }
    let relative =
        Literal::from_floats(TensorType::new(DType::F64, [heads, time + 1, width]), relative).unwrap();
    let arguments = [&inputs.content_query, &inputs.position_query, &inputs.key, &inputs.value, &relative];
    let b = Builder::new("attention");
    let [content_query, position_query, key, value, relative] =
        std::array::from_fn(|index| b.param(format!("p{index}"), arguments[index].ty().clone(), &[]));
    let inputs = Attention { content_query, position_query, keys: &[key], values: &[value], relative };
    b.output("result", attend_causally(&b, &inputs, block.into()).unwrap());
    graph::interpret(&b.finish().unwrap(), &arguments.map(Clone::clone)).unwrap().remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// In float64, to rounding, for any sizes and any size of block.
    #[test]
    fn attention_is_what_its_definition_says(
        heads in 1usize..4, batch in 1usize..3, time in 1usize..9, width in 1usize..5,
        block in 1usize..10, seed: u64,
    ) {
        let sizes = Sizes { heads, batch, time, width };
        let inputs = Inputs::random(sizes, seed);
        let got = attention(sizes, &inputs, block);
        prop_assert!(relative_difference(&got, &definition(sizes, &inputs)) < 1e-13);
    }
}

/// sin and cos of distance / 10000^(2i/d), the sines first. float32 leaves an angle of up to 60 radians 4e-6 off.
#[test]
fn distances_are_encoded_by_sines_and_cosines() {
    let (first, rows, d_model) = (60, 64, 6);
    let b = Builder::new("distances");
    let start = b.scalar(DType::F32, f64::from(first)).unwrap();
    b.output("r", encode_distances(&b, start, rows, d_model).unwrap());
    let got = graph::interpret(&b.finish().unwrap(), &[]).unwrap().remove(0);
    assert_eq!(got.ty(), &TensorType::new(DType::F32, [rows, d_model]));
    for (row, numbers) in got.floats().unwrap().chunks(d_model).enumerate() {
        let distance = f64::from(first) - row as f64;
        for i in 0..d_model / 2 {
            let angle = distance / 1e4f64.powf(2.0 * i as f64 / d_model as f64);
            assert!((numbers[i] - angle.sin()).abs() < 1e-5, "sine {i} of distance {distance}");
            assert!(
                (numbers[d_model / 2 + i] - angle.cos()).abs() < 1e-5,
                "cosine {i} of distance {distance}"
            );
        }
    }
}
