//! The programs of scoring against the forward pass over whole texts, in the graph interpreter: one device, and meshes.

mod common;

use common::{Random, parameters};
use graph::{Builder, DType, Function, Literal, TensorType, interpret, interpret_partitioned};
use model::parameters::add_params;
use model::score::{LANES, output_axes};
use model::{
    ForwardOptions, Gopher, HeadShape, Llama, ModelConfig, Precision, ScoreShape, decode_tables, forward,
    page_pools, score_head, score_layers, score_top,
};
use sharding::inference::InferenceMesh;

const ROWS: usize = 2;
const CHUNK: usize = 3;
const CHUNKS: usize = 4;
const PAGES: usize = 11;
const VOCABULARY: usize = 13;
const SHAPE: ScoreShape = ScoreShape { rows: ROWS, chunk: CHUNK, chunks: CHUNKS, pages: PAGES };
const HEAD: HeadShape = HeadShape { hidden: ROWS * CHUNK, positions: 4, targets: 2 };
const TOP: usize = 3;

fn gopher() -> ModelConfig {
    Gopher { layers: 2, heads: 2, key_value_size: 3, d_model: 4, vocabulary_size: VOCABULARY }.into()
}

fn llama(key_value_heads: usize, tied_embedding: bool) -> ModelConfig {
    Llama {
        layers: 3,
        heads: 4,
        key_value_heads,
        key_value_size: 4,
        d_model: 5,
        feed_forward_size: 6,
        vocabulary_size: VOCABULARY,
        rope_base: 100.0,
        norm_epsilon: 1e-5,
        tied_embedding,
    }
    .into()
}

/// Runs a function of whole tensors.
type Run<'a> = &'a dyn Fn(&Function, &[Literal]) -> Vec<Literal>;

fn ints(shape: &[usize], values: Vec<i64>) -> Literal {
    Literal::from_ints(TensorType::new(DType::I32, shape), values).unwrap()
}

/// The log-probabilities `[time][vocabulary]` that the forward pass gives for what follows each token of a text.
fn expected(model: &ModelConfig, parameters: &[Literal], text: &[i64]) -> Vec<Vec<f64>> {
    let b = Builder::new("forward");
    let params = add_params(&b, model, "", DType::F32);
    let tokens = b.param("tokens", TensorType::new(DType::I32, [1, text.len()]), &[]);
    b.output("logits", forward(&b, model, &ForwardOptions::new(DType::F32), &params, tokens).unwrap());
    let inputs = [parameters, &[ints(&[1, text.len()], text.to_vec())]].concat();
    let logits = interpret(&b.finish().unwrap(), &inputs).unwrap().remove(0);
    let log_softmax = |logits: &[f64]| -> Vec<f64> {
        let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, &x| largest.max(x));
        let total = logits.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
        logits.iter().map(|x| x - largest - total).collect()
    };
    logits.floats().unwrap().chunks(model.padded_vocabulary()).map(log_softmax).collect()
}

#[track_caller]
fn near(got: f64, expected: f64, what: &str) {
    assert!((got - expected).abs() < 2e-5 * expected.abs().max(1.0), "{what}: {got}, expected {expected}");
}

/// Checks the head and the most probable tokens at four places of a call, two tokens at each.
fn check_head(
    model: &ModelConfig,
    parameters: &[Literal],
    hidden: &Literal,
    expected: &[&[f64]],
    run: Run<'_>,
    what: &str,
) {
    let places: [i64; 4] = [4, 0, 5, 2];
    let targets: Vec<i64> = places.iter().flat_map(|place| [place * 5 % 13, place * 3 % 7]).collect();
    let mut inputs = parameters.to_vec();
    inputs.extend([hidden.clone(), ints(&[4], places.to_vec()), ints(&[4, 2], targets.clone())]);
    let head = run(&score_head(model, Precision::FLOAT32, HEAD).unwrap(), &inputs);
    let top =
        run(&score_top(model, HEAD, TOP).unwrap(), &[head[4].clone(), head[2].clone(), head[3].clone()]);
    for (place, &from) in places.iter().enumerate() {
        let expected = expected[from as usize];
        for (index, &target) in targets[2 * place..2 * place + 2].iter().enumerate() {
            near(head[0].floats().unwrap()[2 * place + index], expected[target as usize], what);
        }
        let mut order: Vec<usize> = (0..expected.len()).collect();
        order.sort_by(|&a, &b| expected[b].total_cmp(&expected[a]));
        assert_eq!(head[1].ints().unwrap()[place], order[0] as i64, "{what}");
        for rank in 0..TOP {
            assert_eq!(top[0].ints().unwrap()[TOP * place + rank], order[rank] as i64, "{what}");
            near(top[1].floats().unwrap()[TOP * place + rank], expected[order[rank]], what);
        }
    }
}

/// Two texts of three chunks, of which the first is the same: the second row takes it from the first row's page. Pages lie
/// in any order, and all of them hold numbers of no meaning to begin with.
fn check(model: &ModelConfig, run: Run<'_>, what: &str) {
    let parameters = parameters(model, DType::F32, 7);
    let mut random = Random(8);
    let first = random.ints(&[9], 0, VOCABULARY as i64 - 1).ints().unwrap().to_vec();
    let mut second = random.ints(&[9], 0, VOCABULARY as i64 - 1).ints().unwrap().to_vec();
    second[..CHUNK].copy_from_slice(&first[..CHUNK]);
    let texts = [first, second];
    let expected = texts.each_ref().map(|text| expected(model, &parameters, text));
    let tables = decode_tables(model, Precision::FLOAT32, SHAPE.window()).unwrap();
    let tables = tables.map_or_else(Vec::new, |tables| run(&tables, &parameters));
    let pools = page_pools(model, Precision::FLOAT32, CHUNK, PAGES).unwrap();
    let mut pools: Vec<Literal> =
        pools.iter().map(|pool| random.scaled(DType::F32, &pool.ty.shape, 50.0)).collect();
    let layers = score_layers(model, Precision::FLOAT32, SHAPE).unwrap();
    // What is no chunk before a row's is page 6; what nobody reads becomes page 1.
    let pages = [[7, 2, 9], [7, 4, 3]];
    for depth in 0..3 {
        let here = |text: &Vec<i64>| text[depth * CHUNK..][..CHUNK].to_vec();
        let ancestors = pages
            .iter()
            .flat_map(|pages| pages[..depth].iter().copied().chain(std::iter::repeat(6)).take(CHUNKS));
        let destinations = pages
            .iter()
            .enumerate()
            .map(|(row, pages)| if row == 1 && depth == 0 { 1 } else { pages[depth] });
        let mut inputs = parameters.clone();
        inputs.extend([
            ints(&[ROWS, CHUNK], texts.iter().flat_map(here).collect()),
            ints(&[], vec![(depth * CHUNK) as i64]),
            ints(&[ROWS, CHUNKS], ancestors.collect()),
            ints(&[ROWS], destinations.collect()),
        ]);
        inputs.extend(tables.iter().cloned());
        inputs.append(&mut pools);
        let mut outputs = run(&layers, &inputs);
        pools = outputs.split_off(1);
        let rows = expected.iter().flat_map(|text| &text[depth * CHUNK..][..CHUNK]);
        let rows: Vec<&[f64]> = rows.map(Vec::as_slice).collect();
        check_head(model, &parameters, &outputs[0], &rows, run, &format!("{what}, chunk {depth}"));
    }
}

#[test]
fn chunks_with_their_pages_are_the_forward_pass() {
    for model in [gopher(), llama(2, true), llama(1, false), gopher().with_vocabulary_multiple(LANES)] {
        check(&model, &|function, inputs| interpret(function, inputs).unwrap(), &format!("{model:?}"));
    }
}

/// A vocabulary that falls into whole lanes on each device, and one that does not.
#[test]
fn split_programs_are_the_forward_pass() {
    let (two, one) = ([(2, 1), (1, 2), (2, 2)], [(2, 1)]);
    for (model, meshes) in [(gopher(), &two[..]), (llama(2, false), &two), (llama(1, true), &one)] {
        for &(data, model_axis) in meshes {
            let mesh = InferenceMesh { data, model: model_axis };
            for multiple in [model_axis, LANES * model_axis] {
                let model = model.with_vocabulary_multiple(multiple);
                let run = |function: &Function, inputs: &[Literal]| {
                    let axes = |name: &str| output_axes(&model, Precision::FLOAT32, name);
                    let split = mesh.split(function, axes).unwrap();
                    interpret_partitioned(&split, inputs).unwrap()
                };
                check(
                    &model,
                    &run,
                    &format!("{} on {mesh}, vocabulary {}", model.kind(), model.padded_vocabulary()),
                );
            }
        }
    }
}

/// Each device has its heads of every page, and its part of the parameters.
#[test]
fn pools_and_parameters_are_split_over_model_and_pages_over_nothing() {
    let model = gopher().with_vocabulary_multiple(2 * LANES);
    let mesh = InferenceMesh { data: 2, model: 2 };
    let layers = score_layers(&model, Precision::FLOAT32, SHAPE).unwrap();
    let split = mesh.split(&layers, |name| output_axes(&model, Precision::FLOAT32, name)).unwrap();
    let local = |name: &str| {
        let param = split.function.params.iter().find(|param| param.name == name).unwrap();
        split.function.ty(param.value).shape.clone()
    };
    assert_eq!(local("keys"), [PAGES, 2, 1, CHUNK, 3]);
    assert_eq!(local("relative_keys"), [2, 1, 2 * SHAPE.window(), 3]);
    assert_eq!(local("tokens"), [1, CHUNK]);
    assert_eq!(local("parameters/embedding"), [LANES, 4]);
    assert_eq!(local("parameters/layers/attention/query"), [2, 4, 1, 3]);
    assert_eq!(local("parameters/layers/feed_forward/in"), [2, 4, 8]);
}
