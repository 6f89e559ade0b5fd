//! Small models of both kinds with irregular parameters, rows that begin alike, and comparison bit for bit.

use data::{Document, Tokenizer, TokenizerConfig};
use eval::scoring::{Row, RowScore, Scorer};
use graph::testing::size;
use graph::{DType, Literal, TensorType};
use model::{Gopher, Llama, ModelConfig};
use proptest::prelude::*;

pub const WINDOW: usize = 150;

const TEXT: &str = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer \
    The slings and arrows of outrageous fortune, Or to take arms against a sea of troubles.";

pub fn tokenizer() -> Tokenizer {
    let config = TokenizerConfig { vocabulary_size: 300, ..TokenizerConfig::default() };
    let document = Document { name: "text".into(), text: TEXT.repeat(3) };
    Tokenizer::train([Ok(document)], &config).unwrap()
}

/// Small models of both kinds; the Llama's embedding has rows beyond the vocabulary, and neither has as many tokens as lanes.
pub fn models() -> [ModelConfig; 2] {
    let gopher = Gopher { layers: 2, heads: 2, key_value_size: 8, d_model: 16, vocabulary_size: 300 };
    let llama = Llama {
        layers: 2,
        heads: 4,
        key_value_heads: 2,
        key_value_size: 6,
        d_model: 10,
        feed_forward_size: 24,
        vocabulary_size: 310,
        rope_base: 1e4,
        norm_epsilon: 1e-5,
        tied_embedding: false,
    };
    [gopher.into(), ModelConfig::from(llama).with_vocabulary_multiple(64).with_tokens(300)]
}

/// Irregular parameters from -1 to 1, the same for every call.
pub fn parameters(model: &ModelConfig) -> Vec<Literal> {
    let mut state = 1u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    };
    let parameter = |shape: Vec<usize>| {
        let ty = TensorType::new(DType::F32, shape);
        let values = (0..ty.elements()).map(|_| number()).collect();
        Literal::from_floats(ty, values).unwrap()
    };
    model.parameters().into_iter().map(|spec| spec.shape).map(parameter).collect()
}

/// Rows that begin with parts of the same few texts.
pub fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row =
        (0u32..3, 1usize..100, 0usize..45, 0u32..4).prop_map(|(text, context, continuation, seed)| Row {
            context: (0..context as u32).map(|place| (place * place * 7 + text * 31) % 300).collect(),
            continuation: (0..continuation as u32)
                .map(|place| (place * 17 + seed * 5 + text) % 300)
                .collect(),
        });
    prop::collection::vec(row, 1..size::either(12, 40))
}

/// The bits of scores, which comparison of floats would not tell apart.
pub fn bits(scores: &[RowScore]) -> Vec<(Vec<u32>, Vec<u32>)> {
    let of = |score: &RowScore| {
        (score.log_probabilities.iter().map(|x| x.to_bits()).collect(), score.best.clone())
    };
    scores.iter().map(of).collect()
}

/// Rows in another order, which is the same for every call, with where each of them was.
pub fn shuffled(rows: &[Row]) -> (Vec<Row>, Vec<usize>) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (order.iter().map(|&index| rows[index].clone()).collect(), order)
}

/// Scores have the bits of `expected` with each of `scorers`, in order and shuffled.
pub fn check_bits(rows: &[Row], expected: &[RowScore], scorer: &mut Scorer, what: &str) {
    let got = scorer.score_all(rows).unwrap();
    assert_eq!(bits(&got), bits(expected), "{what}");
    let (rows, order) = shuffled(rows);
    let got = scorer.score_all(&rows).unwrap();
    let expected: Vec<RowScore> = order.iter().map(|&index| expected[index].clone()).collect();
    assert_eq!(bits(&got), bits(&expected), "{what}, shuffled");
}
