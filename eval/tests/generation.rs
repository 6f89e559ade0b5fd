//! Generation against the forward pass over whole texts, on the CPU plugin.

#[path = "common/programs.rs"]
mod programs;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use data::{Document, Tokenizer, TokenizerConfig};
use eval::{Decoder, Error, Generation, Generator, Sampling, Stop};
use graph::{DType, Literal, TensorType};
use model::{Gopher, Llama, ModelConfig, Precision};
use runtime::{Buffer, DeviceKind, Runtime};
use train::step::StepOptions;

const TEXT: &str = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer \
    The slings and arrows of outrageous fortune, Or to take arms against a sea of troubles — naïve, café, 日本.";

const GREEDY: Sampling = Sampling { temperature: 0.0, top_k: None, top_p: 1.0, seed: 0 };

fn runtime() -> Option<Runtime> {
    let runtime = Runtime::find_with(DeviceKind::Cpu, &programs::runtime_options(1)).unwrap();
    if runtime.is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

fn tokenizer() -> Tokenizer {
    let config = TokenizerConfig { vocabulary_size: 320, ..TokenizerConfig::default() };
    let document = Document { name: "text".into(), text: TEXT.repeat(3) };
    Tokenizer::train([Ok(document)], &config).unwrap()
}

fn config() -> ModelConfig {
    Gopher { layers: 2, heads: 2, key_value_size: 8, d_model: 16, vocabulary_size: 320 }.into()
}

/// A Llama of other sizes, whose embedding has rows beyond the vocabulary.
fn llama() -> ModelConfig {
    let llama = Llama {
        layers: 2,
        heads: 4,
        key_value_heads: 2,
        key_value_size: 6,
        d_model: 10,
        feed_forward_size: 24,
        vocabulary_size: 320,
        rope_base: 1e4,
        norm_epsilon: 1e-5,
        tied_embedding: false,
    };
    ModelConfig::from(llama).with_vocabulary_multiple(128)
}

/// Irregular parameters, the same for every call.
fn parameters(runtime: &Runtime, model: &ModelConfig) -> Vec<Buffer> {
    let mut state = 1u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    };
    let parameter = |shape: Vec<usize>| {
        let ty = TensorType::new(DType::F32, shape);
        let values = (0..ty.elements()).map(|_| number()).collect();
        runtime.upload(&Literal::from_floats(ty, values).unwrap()).unwrap()
    };
    model.parameters().into_iter().map(|spec| spec.shape).map(parameter).collect()
}

fn decoder(runtime: &Runtime, window: usize) -> Decoder {
    decoder_of(runtime, &config(), window)
}

fn decoder_of(runtime: &Runtime, model: &ModelConfig, window: usize) -> Decoder {
    Decoder::new(runtime, model, Precision::FLOAT32, parameters(runtime, model), window).unwrap()
}

/// Logits at each of `tokens`, by the forward pass.
fn forward(runtime: &Runtime, model: &ModelConfig, tokens: &[u32]) -> Vec<Vec<f32>> {
    let options = StepOptions::new(model.clone(), 1, tokens.len());
    let program = runtime.compile(&train::step::forward(&options).unwrap()).unwrap();
    let ids: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
    let ids = runtime.upload_slice(&ids, &[1, ids.len()]).unwrap();
    let parameters = parameters(runtime, model);
    let inputs: Vec<&Buffer> = parameters.iter().chain([&ids]).collect();
    let logits = program.run(&inputs).unwrap()[0].to_vec::<f32>().unwrap();
    let rows = logits.chunks(model.padded_vocabulary());
    rows.map(|row| row[..model.sizes().vocabulary_size].to_vec()).collect()
}

#[track_caller]
fn check_close(got: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-5 * largest, "{got} for {expected}");
    }
}

/// Whatever the chunks the tokens come in, and wherever the padding of the last one would end.
#[test]
fn a_session_gives_the_logits_of_the_forward_pass() {
    let Some(runtime) = runtime() else { return };
    [config(), llama()].iter().for_each(|model| check_session(&runtime, model));
}

fn check_session(runtime: &Runtime, model: &ModelConfig) {
    let decoder = decoder_of(runtime, model, 100);
    let tokens: Vec<u32> = (0..100).map(|index| index * 37 % 320).collect();
    let mut session = decoder.start().unwrap();
    let mut end = 0;
    let expected = forward(runtime, model, &tokens);
    for _ in 0..2 {
        for next in [1, 70, 71, 100] {
            check_close(&session.read(&tokens[end..next]).unwrap(), &expected[next - 1]);
            end = next;
        }
        assert_eq!(session.position(), 100);
        let error = session.read(&[1]).unwrap_err();
        assert!(matches!(error, Error::PromptTooLong { tokens: 101, window: 100 }), "{error}");
        // What was read before must not be remembered.
        session.restart();
        end = 0;
    }
    assert!(matches!(session.read(&[320]), Err(Error::Token { token: 320, vocabulary_size: 320 })));
    assert!(matches!(session.read(&[]), Err(Error::EmptyPrompt)));
}

/// bfloat16 keeps 8 bits: logits of so small a model stay within a few percent of the largest.
#[test]
fn bfloat16_activations_give_nearly_the_same_logits() {
    let Some(runtime) = runtime() else { return };
    let tokens: Vec<u32> = (0..20).map(|index| index * 37 % 320).collect();
    let expected = forward(&runtime, &config(), &tokens).pop().unwrap();
    let precision = Precision::BFLOAT16_ACTIVATIONS;
    let decoder = Decoder::new(&runtime, &config(), precision, parameters(&runtime, &config()), 20).unwrap();
    let mut session = decoder.start().unwrap();
    session.read(&tokens[..18]).unwrap();
    session.read(&tokens[18..19]).unwrap();
    let got = session.read(&tokens[19..]).unwrap();
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    for (got, expected) in got.iter().zip(&expected) {
        assert!((got - expected).abs() < 0.05 * largest, "{got} for {expected}");
    }
    assert_ne!(got, expected);
}

fn generate(generator: &Generator, prompt: &str, tokens: usize, sampling: Sampling) -> (Generation, String) {
    let mut streamed = String::new();
    let mut emit = |text: &str| {
        streamed.push_str(text);
        ControlFlow::Continue(())
    };
    let generation = generator.generate(prompt, tokens, sampling, &mut emit).unwrap();
    (generation, streamed)
}

#[test]
fn greedy_text_is_the_likeliest_token_again_and_again() {
    let Some(runtime) = runtime() else { return };
    let generator = Generator::new(decoder(&runtime, 40), tokenizer());
    let (generation, streamed) = generate(&generator, "To be", 12, GREEDY);
    let mut tokens = generation.prompt_tokens.clone();
    tokens.extend(&generation.tokens);
    let logits = forward(&runtime, &config(), &tokens);
    for (logits, &token) in logits[generation.prompt_tokens.len() - 1..].iter().zip(&generation.tokens) {
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        assert_eq!(token as usize, best);
    }
    assert_eq!(streamed, generation.text);
    let whole = generator.tokenizer().decode(&tokens).unwrap();
    assert_eq!(whole, format!("To be{}", generation.text));
    if generation.stop == Stop::Tokens {
        assert_eq!(generation.tokens.len(), 12);
    }
}

#[test]
fn a_text_outgrows_its_window() {
    let Some(runtime) = runtime() else { return };
    let generator = Generator::new(decoder(&runtime, 8), tokenizer());
    // A seed whose text does not end early.
    let (generation, streamed) = (0..20)
        .map(|seed| generate(&generator, "To be", 30, Sampling { seed, ..Sampling::default() }))
        .find(|(generation, _)| generation.stop == Stop::Tokens)
        .unwrap();
    assert_eq!(generation.tokens.len(), 30);
    assert_eq!(streamed, generation.text);
}

#[test]
fn a_seed_repeats_its_text_and_another_has_its_own() {
    let Some(runtime) = runtime() else { return };
    let generator = Generator::new(decoder(&runtime, 40), tokenizer());
    let text = |seed| generate(&generator, "To be", 20, Sampling { seed, ..Sampling::default() }).0.tokens;
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn generation_stops_where_it_is_told_to() {
    let Some(runtime) = runtime() else { return };
    let generator = Generator::new(decoder(&runtime, 40), tokenizer());
    let (nothing, streamed) = generate(&generator, "To be", 0, GREEDY);
    assert_eq!((nothing.text.as_str(), streamed.as_str(), nothing.stop), ("", "", Stop::Tokens));
    let mut calls = 0;
    let mut emit = |_: &str| {
        calls += 1;
        ControlFlow::Break(())
    };
    let sampling = Sampling { seed: 5, ..Sampling::default() };
    let stopped = generator.generate("To be", 30, sampling, &mut emit).unwrap();
    assert_eq!((calls, stopped.stop), (1, Stop::Caller));
}

#[test]
fn the_model_can_end_the_text() {
    let Some(runtime) = runtime() else { return };
    // Only the bias of `</s>` is not zero: it is always the likeliest.
    let tokenizer = tokenizer();
    let end = tokenizer.end_of_text().unwrap() as usize;
    let parameters = config().parameters().into_iter().map(|spec| {
        let ty = TensorType::new(DType::F32, spec.shape.clone());
        let mut values = vec![0.0; ty.elements()];
        if spec.name == "final/logits_bias" {
            values[end] = 1.0;
        }
        runtime.upload(&Literal::from_floats(ty, values).unwrap()).unwrap()
    });
    let parameters = parameters.collect();
    let decoder = Decoder::new(&runtime, &config(), Precision::FLOAT32, parameters, 16).unwrap();
    let (generation, streamed) = generate(&Generator::new(decoder, tokenizer), "To be", 9, GREEDY);
    assert_eq!((generation.tokens.len(), generation.stop, streamed.as_str()), (0, Stop::EndOfText, ""));
}

#[test]
fn prompts_that_cannot_be_read_are_refused() {
    let Some(runtime) = runtime() else { return };
    let generator = Generator::new(decoder(&runtime, 4), tokenizer());
    let message = |prompt: &str, sampling| {
        generator.generate(prompt, 1, sampling, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    assert!(message("", GREEDY).contains("the prompt is empty"));
    let tokens = generator.tokenizer().encode(TEXT).len();
    let expected = format!("the prompt is {tokens} tokens long and the window holds 4");
    assert!(message(TEXT, GREEDY).starts_with(&expected));
    assert!(message("To", Sampling { top_p: 2.0, ..GREEDY }).contains("top-p is 2"));
    let error = Decoder::new(&runtime, &config(), Precision::FLOAT32, parameters(&runtime, &config()), 0)
        .unwrap_err();
    assert!(matches!(error, Error::EmptyWindow));
    // More than any machine has, and named before anything is allocated.
    let error =
        Decoder::new(&runtime, &config(), Precision::FLOAT32, parameters(&runtime, &config()), 1 << 42);
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("a window of 4398046511104 tokens needs "), "{error}");
    assert!(error.contains("narrow it, such as to --window "), "{error}");
}

/// Characters of several bytes come byte by byte from this tokenizer, and are never torn in what is streamed.
#[test]
fn streamed_pieces_are_whole_characters() {
    let Some(runtime) = runtime() else { return };
    let tokenizer = tokenizer();
    let generator = Generator::new(decoder(&runtime, 64), tokenizer);
    for seed in 0..5 {
        let sampling = Sampling { seed, temperature: 3.0, ..Sampling::default() };
        let (generation, streamed) = generate(&generator, "日本 — café", 60, sampling);
        assert_eq!(streamed, generation.text, "seed {seed}");
    }
}

/// Texts one after another that begin alike: what is read of each is only what is new, and the logits are those of reading all.
#[test]
fn what_texts_have_in_common_is_read_once_and_changes_nothing() {
    let Some(runtime) = runtime() else { return };
    for model in [config(), llama()] {
        let read = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&read);
        let decoder = decoder_of(&runtime, &model, 260);
        let generator = Generator::new(decoder, tokenizer())
            .with_reading(move |position, _| seen.borrow_mut().push(position));
        let mut conversation = generator.conversation().unwrap();
        let text = |length: usize, other: usize| -> Vec<u32> {
            (0..length).map(|index| (index * 37 + usize::from(index >= other) * 5) as u32 % 320).collect()
        };
        // Prompts, and the positions after each chunk that is read of them.
        let steps: [(Vec<u32>, &[usize]); 7] = [
            (text(150, 999), &[64, 128, 150]),
            (text(200, 999), &[192, 200]),
            (text(200, 190), &[192, 200]),
            (text(128, 999), &[128]),
            (text(129, 999), &[129]),
            (text(250, 60), &[64, 128, 192, 250]),
            (text(255, 60), &[255]),
        ];
        for (index, (prompt, positions)) in steps.into_iter().enumerate() {
            read.borrow_mut().clear();
            let sampling = Sampling { seed: index as u64, ..Sampling::default() };
            let mut go_on = |_: &str| ControlFlow::Continue(());
            let got = conversation.continue_tokens(&prompt, 5, sampling, &mut go_on).unwrap();
            assert_eq!(*read.borrow(), positions, "prompt {index}");
            let mut alone = generator.conversation().unwrap();
            let expected = alone.continue_tokens(&prompt, 5, sampling, &mut go_on).unwrap();
            assert_eq!((got.tokens, got.text), (expected.tokens, expected.text), "prompt {index}");
        }
        // A text that has outgrown the window has overwritten what was read.
        let mut go_on = |_: &str| ControlFlow::Continue(());
        let prompt = text(255, 999);
        conversation.continue_tokens(&prompt, 20, Sampling::default(), &mut go_on).unwrap();
        read.borrow_mut().clear();
        conversation.continue_tokens(&prompt, 1, GREEDY, &mut go_on).unwrap();
        assert_eq!(*read.borrow(), [64, 128, 192, 255]);
        // Whoever watches is asked while a prompt is read, too.
        let mut asked = 0;
        let stopped = conversation.continue_tokens(&text(250, 0), 9, GREEDY, &mut |text| {
            assert!(text.is_empty());
            asked += 1;
            if asked == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let stopped = stopped.unwrap();
        assert_eq!((stopped.stop, stopped.tokens.len(), asked), (Stop::Caller, 0, 2));
    }
}

/// Keys that are left over from before have no part in what is read after going back: the logits are the same, bit for bit.
#[test]
fn a_session_goes_back_to_any_place() {
    let Some(runtime) = runtime() else { return };
    for model in [config(), llama()] {
        let decoder = decoder_of(&runtime, &model, 200);
        let tokens: Vec<u32> = (0..200).map(|index| index * 41 % 320).collect();
        let mut fresh = decoder.start().unwrap();
        fresh.read(&tokens[..64]).unwrap();
        let expected = fresh.read(&tokens[64..150]).unwrap();
        let mut session = decoder.start().unwrap();
        session.read(&tokens[..64]).unwrap();
        session.read(&tokens[90..200]).unwrap();
        session.rewind(1000);
        assert_eq!(session.position(), 174);
        session.rewind(64);
        assert_eq!(session.read(&tokens[64..150]).unwrap(), expected);
    }
}
