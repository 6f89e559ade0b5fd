//! Decoding step by step gives the logits of the forward pass over the whole sequence, at every position.

mod common;

use common::{Random, models, parameters, relative_difference, runtime};
use graph::{Builder, DType, Function, Literal, TensorType};
use model::parameters::add_params;
use model::{
    DecodeShape, ForwardOptions, ModelConfig, Precision, decode, decode_tables, forward, place_caches,
    put_chunk, take_chunk,
};

const BATCH: usize = 2;

/// A function made ready to run.
type Program = Box<dyn Fn(&[Literal]) -> Vec<Literal>>;
/// Makes a function ready somewhere.
type Compile<'a> = &'a dyn Fn(&Function) -> Program;
/// What is checked somewhere, given the place's name.
type Check<'a> = &'a dyn Fn(&str, Compile<'_>);

fn everywhere(check: impl Fn(&str, Compile<'_>)) {
    check("interpreter", &|function| {
        let function = function.clone();
        Box::new(move |inputs| graph::interpret(&function, inputs).unwrap())
    });
    if let Some(runtime) = runtime() {
        check("plugin", &|function| {
            let program = common::compile(&runtime, function);
            Box::new(move |inputs| program.run_literals(inputs).unwrap())
        });
    }
}

/// On the plugin, with the layers of decoding steps written out.
fn written_out(check: impl Fn(&str, Compile<'_>)) {
    let Some(runtime) = runtime() else { return };
    check("plugin, layers written out", &|function| {
        let unrolled = graph::unroll(function).unwrap();
        let program = common::compile(&runtime, &unrolled.function);
        let types = function.result_types();
        Box::new(move |inputs| {
            let pieces = unrolled.inputs.iter().map(|piece| piece_of(&inputs[piece.of], piece.part));
            let outputs = program.run_literals(&pieces.collect::<Vec<_>>()).unwrap();
            let joined = types.iter().enumerate().map(|(of, ty)| {
                let pieces = unrolled.outputs.iter().zip(&outputs).filter(|(piece, _)| piece.of == of);
                let numbers = pieces.flat_map(|(_, output)| output.floats().unwrap()).copied().collect();
                Literal::from_floats(ty.clone(), numbers).unwrap()
            });
            joined.collect()
        })
    });
}

/// An array, or an index of its leading axis.
fn piece_of(array: &Literal, part: Option<usize>) -> Literal {
    let Some(part) = part else { return array.clone() };
    let ty = TensorType::new(array.ty().dtype, &array.ty().shape[1..]);
    let numbers = array.floats().unwrap()[part * ty.elements()..][..ty.elements()].to_vec();
    Literal::from_floats(ty, numbers).unwrap()
}

fn ints(shape: &[usize], values: &[i64]) -> Literal {
    Literal::from_ints(TensorType::new(DType::I32, shape), values.to_vec()).unwrap()
}

/// Logits `[batch, time, vocabulary]` of all positions at once.
fn forward_logits(
    model: &ModelConfig,
    compile: Compile<'_>,
    parameters: &[Literal],
    tokens: &Literal,
) -> Literal {
    let b = Builder::new("forward");
    let params = add_params(&b, model, "", DType::F32);
    let input = b.param("tokens", tokens.ty().clone(), &[]);
    b.output("logits", forward(&b, model, &ForwardOptions::new(DType::F32), &params, input).unwrap());
    compile(&b.finish().unwrap())(&[parameters, std::slice::from_ref(tokens)].concat()).remove(0)
}

/// Rows `[batch, …]` of one position of `[batch, time, …]`.
fn at_position(literal: &Literal, position: usize) -> Literal {
    let [batch, time, vocabulary] = literal.ty().shape[..] else { panic!("{}", literal.ty()) };
    let numbers = literal.floats().unwrap().chunks(time * vocabulary);
    let rows = numbers.flat_map(|rows| &rows[position * vocabulary..][..vocabulary]).copied().collect();
    Literal::from_floats(TensorType::new(DType::F32, [batch, vocabulary]), rows).unwrap()
}

/// Reads `tokens` in chunks of the given sizes with a program for chunks of `chunk`, padded; after each, the logits of the
/// last real position must be the forward pass's. What the caches start with must not matter.
#[track_caller]
fn check(window: usize, chunk: usize, sizes: &[usize]) {
    models().iter().for_each(|model| check_model(model, window, chunk, sizes, &|check| everywhere(check)));
}

#[track_caller]
fn check_model(
    model: &ModelConfig,
    window: usize,
    chunk: usize,
    sizes: &[usize],
    places: &dyn Fn(Check<'_>),
) {
    let time: usize = sizes.iter().sum();
    let parameters = parameters(model, DType::F32, 7);
    let tokens = Random(8).ints(&[BATCH, time], 0, model.sizes().vocabulary_size as i64 - 1);
    // The caches hold more than is attended to.
    let capacity = window + 2;
    let shape = DecodeShape {
        batch: BATCH,
        groups: 1,
        chunk,
        window: capacity,
        attended: window,
        own_positions: false,
    };
    let step = decode(model, Precision::FLOAT32, shape).unwrap();
    let tables = decode_tables(model, Precision::FLOAT32, window).unwrap();
    places(&|place, compile| {
        let expected = forward_logits(model, compile, &parameters, &tokens);
        let tables = tables.as_ref().map_or_else(Vec::new, |tables| compile(tables)(&parameters));
        let step = compile(&step);
        let mut garbage = Random(9);
        let caches = model.caches(BATCH, capacity).into_iter();
        let mut caches: Vec<_> = caches.map(|cache| garbage.scaled(DType::F32, &cache.shape, 50.0)).collect();
        let mut position = 0;
        for &size in sizes {
            let rows = tokens.ints().unwrap().chunks(time);
            let padding = vec![1; chunk - size];
            let chunk_tokens: Vec<i64> =
                rows.flat_map(|row| row[position..][..size].iter().chain(&padding)).copied().collect();
            let mut inputs = parameters.clone();
            inputs.extend([
                ints(&[BATCH, chunk], &chunk_tokens),
                ints(&[], &[position as i64]),
                ints(&[], &[size as i64 - 1]),
            ]);
            inputs.extend(tables.iter().cloned());
            inputs.append(&mut caches);
            let mut outputs = step(&inputs);
            caches = outputs.split_off(1);
            position += size;
            let difference = relative_difference(&outputs[0], &at_position(&expected, position - 1));
            let kind = model.kind();
            assert!(difference < 1e-5, "{kind} on {place}: {difference} at position {}", position - 1);
        }
    });
}

#[test]
fn one_token_after_another() {
    check(9, 1, &[1; 9]);
}

#[test]
fn a_window_larger_than_the_text() {
    check(13, 1, &[1; 6]);
}

#[test]
fn layers_that_are_written_out() {
    models().iter().for_each(|model| check_model(model, 8, 1, &[1; 4], &|check| written_out(check)));
}

#[test]
fn a_prompt_in_chunks() {
    check(9, 3, &[3, 3, 3]);
    check(8, 8, &[8]);
}

#[test]
fn a_prompt_in_padded_chunks() {
    check(12, 4, &[4, 3]);
    check(12, 4, &[1, 2, 4, 1]);
    check(5, 5, &[2]);
}

/// The second text is two tokens behind the first, and comes into its place from a cache of its own.
#[test]
fn texts_at_positions_of_their_own() {
    const WINDOW: usize = 7;
    for model in &models() {
        let parameters = parameters(model, DType::F32, 7);
        let tokens = Random(8).ints(&[BATCH, WINDOW], 0, model.sizes().vocabulary_size as i64 - 1);
        let ids: Vec<&[i64]> = tokens.ints().unwrap().chunks(WINDOW).collect();
        let shape = DecodeShape {
            batch: BATCH,
            groups: 1,
            chunk: 1,
            window: WINDOW,
            attended: WINDOW,
            own_positions: true,
        };
        let step = decode(model, Precision::FLOAT32, shape).unwrap();
        let alone = decode(model, Precision::FLOAT32, DecodeShape { batch: 1, ..shape }).unwrap();
        let place = place_caches(model, Precision::FLOAT32, BATCH, WINDOW, WINDOW, false).unwrap();
        let tables = decode_tables(model, Precision::FLOAT32, WINDOW).unwrap();
        everywhere(|on, compile| {
            let expected = forward_logits(model, compile, &parameters, &tokens);
            let tables = tables.as_ref().map_or_else(Vec::new, |tables| compile(tables)(&parameters));
            let (step, alone, place) = (compile(&step), compile(&alone), compile(&place));
            let run = |program: &Program, tokens: &[i64], positions: &[i64], caches: &[Literal]| {
                let rows = tokens.len();
                let own = [ints(&[rows, 1], tokens), ints(&[rows], positions), ints(&[], &[0])];
                let mut outputs = program(&[&parameters, &own[..], &tables, caches].concat());
                let caches = outputs.split_off(1);
                (outputs.remove(0), caches)
            };
            let garbage = |batch: usize| -> Vec<Literal> {
                let caches = model.caches(batch, WINDOW).into_iter();
                caches.map(|cache| Random(9).scaled(DType::F32, &cache.shape, 50.0)).collect()
            };
            let mut caches = garbage(BATCH);
            for (&token, position) in ids[0].iter().zip(0..2) {
                caches = run(&step, &[token, 0], &[position, 0], &caches).1;
            }
            let (_, one) = run(&alone, &ids[1][..1], &[0], &garbage(1));
            let mut caches = place(&[&[ints(&[], &[1])], &caches[..], &one].concat());
            for position in 2..WINDOW {
                let tokens = [ids[0][position], ids[1][position - 1]];
                let (logits, next) = run(&step, &tokens, &[position as i64, position as i64 - 1], &caches);
                caches = next;
                let width = logits.ty().shape[1];
                for (row, position) in [(0, position), (1, position - 1)] {
                    let of_row = |literal: &Literal| {
                        let numbers = literal.floats().unwrap()[row * width..][..width].to_vec();
                        Literal::from_floats(TensorType::new(DType::F32, [width]), numbers).unwrap()
                    };
                    let expected = of_row(&at_position(&expected, position));
                    let difference = relative_difference(&of_row(&logits), &expected);
                    let kind = model.kind();
                    assert!(difference < 1e-5, "{kind} on {on}: {difference} in row {row} at {position}");
                }
            }
        });
    }
}

#[test]
fn memory_of_the_caches_is_taken_over() {
    let shape = DecodeShape { batch: 1, groups: 1, chunk: 1, window: 4, attended: 4, own_positions: false };
    for model in &models() {
        let function = decode(model, Precision::FLOAT32, shape).unwrap();
        for output in &function.results[1..] {
            let input = &function.params[output.alias.unwrap()];
            assert_eq!(input.name, output.name);
        }
    }
}

/// What a chunk left comes back where it was, and nothing else changes.
#[test]
fn chunks_are_taken_and_put_back() {
    const WINDOW: usize = 6;
    for model in &models() {
        let take = take_chunk(model, Precision::FLOAT32, WINDOW, 2, false).unwrap();
        let put = put_chunk(model, Precision::FLOAT32, WINDOW, 2, false).unwrap();
        everywhere(|on, compile| {
            let (take, put) = (compile(&take), compile(&put));
            let random = |seed| -> Vec<Literal> {
                let mut random = Random(seed);
                let caches = model.caches(1, WINDOW).into_iter();
                caches.map(|cache| random.scaled(DType::F32, &cache.shape, 1.0)).collect()
            };
            let (from, to) = (random(1), random(2));
            let position = ints(&[], &[2]);
            let parts = take(&[std::slice::from_ref(&position), &from[..]].concat());
            let got = put(&[&[position], &to[..], &parts].concat());
            for ((got, from), to) in got.iter().zip(&from).zip(&to) {
                let width = model.sizes().key_value_size;
                let (got, from, to) = (got.floats().unwrap(), from.floats().unwrap(), to.floats().unwrap());
                for (index, got) in got.iter().enumerate() {
                    let is_put = (2..4).contains(&(index / width % WINDOW));
                    let expected = if is_put { from[index] } else { to[index] };
                    assert_eq!(*got, expected, "{} on {on}: {index}", model.kind());
                }
            }
        });
    }
}

#[test]
fn groups_have_as_many_sequences_each() {
    let shape = DecodeShape { batch: 6, groups: 4, chunk: 1, window: 4, attended: 4, own_positions: true };
    let decode = |groups| decode(&models()[0], Precision::FLOAT32, DecodeShape { groups, ..shape });
    for groups in [0, 4] {
        let message = decode(groups).unwrap_err().to_string();
        assert!(
            message.contains(&format!("6 sequences cannot be divided into {groups} groups")),
            "{message}"
        );
    }
    let names: Vec<String> = decode(3).unwrap().results.into_iter().map(|output| output.name).collect();
    assert_eq!(
        names,
        [
            "logits",
            "keys/group0",
            "values/group0",
            "keys/group1",
            "values/group1",
            "keys/group2",
            "values/group2"
        ]
    );
}
