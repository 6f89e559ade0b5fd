//! Texts in slots on the CPU plugin: with the bits that each has alone, and with the numbers that scoring gives.

mod common;

use common::programs::runtime_options;
use common::small::{models, parameters, tokenizer};
use eval::scoring::{Encoding, Row};
use eval::{Error, Served, ServingOptions, SlotOptions};
use graph::testing::size;
use graph::{DType, Literal};
use model::{ModelConfig, Precision};
use runtime::{DeviceKind, QUICK_FLAGS, Runtime, RuntimeOptions};
use sharding::inference::InferenceMesh;

/// Beyond the shortest length that is attended to, 256.
const WINDOW: usize = 310;

fn runtime(devices: usize) -> Option<Runtime> {
    let options = RuntimeOptions { xla_flags: size::either(QUICK_FLAGS, &[]), ..runtime_options(devices) };
    let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
    if runtime.is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

fn served(
    runtime: &Runtime,
    mesh: Option<InferenceMesh>,
    model: &ModelConfig,
    slots: usize,
    prefix_bytes: u64,
) -> Served {
    let slots = SlotOptions { slots, window: WINDOW, prefix_bytes };
    let options = ServingOptions { slots, tops: &[] };
    let encoding = Encoding::new(tokenizer(), None, WINDOW).unwrap();
    let parameters = parameters(model);
    let mut read = |index: usize, ranges: &[std::ops::Range<usize>], bytes: &mut [u8]| {
        copy(&parameters[index], ranges, bytes);
        Ok(())
    };
    Served::new(runtime, mesh, model, Precision::FLOAT32, &mut read, encoding, options).unwrap()
}

/// The part of a literal at these ranges, as little-endian float32.
fn copy(literal: &Literal, ranges: &[std::ops::Range<usize>], bytes: &mut [u8]) {
    assert_eq!(literal.ty().dtype, DType::F32);
    let shape = &literal.ty().shape;
    let numbers = literal.floats().unwrap();
    for (index, out) in bytes.chunks_exact_mut(4).enumerate() {
        let (mut rest, mut flat, mut stride) = (index, 0, 1);
        for (range, &size) in ranges.iter().zip(shape).rev() {
            flat += (range.start + rest % range.len()) * stride;
            rest /= range.len();
            stride *= size;
        }
        out.copy_from_slice(&(numbers[flat] as f32).to_le_bytes());
    }
}

/// A prompt whose first `shared` tokens are those of other prompts.
fn prompt(length: usize, shared: usize, seed: u32) -> Vec<u32> {
    let token = |place: usize| {
        let seed = if place < shared { 0 } else { seed + 1 };
        (place as u32 * (place as u32 * 7 + 13 * seed + 1) + seed) % 300
    };
    (0..length).map(token).collect()
}

/// A text that is continued greedily, with the bits of all logits.
struct Text {
    slot: usize,
    tokens: Vec<u32>,
    left: usize,
    bits: Vec<Vec<u32>>,
}

impl Text {
    fn begin(served: &mut Served, slot: usize, prompt: &[u32], tokens: usize) -> (Self, usize) {
        let found = served.slots.begin(prompt).unwrap();
        let logits = loop {
            if let Some(logits) = served.slots.read().unwrap() {
                break logits;
            }
        };
        served.slots.place(slot).unwrap();
        let mut text = Self { slot, tokens: prompt.to_vec(), left: tokens, bits: Vec::new() };
        text.add(&logits);
        (text, found)
    }

    fn add(&mut self, logits: &[f32]) {
        let likeliest = (0..logits.len()).reduce(|a, b| if logits[b] > logits[a] { b } else { a }).unwrap();
        self.bits.push(logits.iter().map(|x| x.to_bits()).collect());
        self.tokens.push(likeliest as u32);
        self.left -= 1;
    }
}

/// One step of all texts that go on.
fn step(served: &mut Served, texts: &mut [Text]) {
    let mut tokens = vec![None; served.slots.count()];
    for text in texts.iter().filter(|text| text.left > 0) {
        tokens[text.slot] = Some((*text.tokens.last().unwrap(), text.tokens.len() - 1));
    }
    let logits = served.slots.step(&tokens).unwrap();
    for text in texts.iter_mut().filter(|text| text.left > 0) {
        text.add(logits[text.slot].as_ref().unwrap());
    }
}

fn alone(served: &mut Served, slot: usize, prompt: &[u32], tokens: usize) -> Text {
    let (text, _) = Text::begin(served, slot, prompt, tokens);
    let mut texts = [text];
    while texts[0].left > 0 {
        step(served, &mut texts);
    }
    let [text] = texts;
    text
}

/// Prompts that begin alike, short and long, one of which grows beyond a length.
fn prompts() -> Vec<(Vec<u32>, usize)> {
    let lengths = [(250, 12), (1, 9), (130, 5), (64, 6), (290, 14), (128, 3), (63, 8), (300, 4)];
    let prompts = lengths.iter().enumerate();
    prompts.map(|(seed, &(length, tokens))| (prompt(length, 128, seed as u32), tokens)).collect()
}

/// Slots of three groups, of which the last is not full.
const SLOTS: usize = 17;

/// Alone, in other slots, among others that come and go, with beginnings that are found and not; by programs for one group and for all.
#[test]
fn no_text_depends_on_its_neighbours() {
    let Some(runtime) = runtime(1) else { return };
    for model in &models() {
        let kind = model.kind();
        let mut served = served(&runtime, None, model, SLOTS, 0);
        assert!(served.slots.is_invariant());
        let rows = served.slots.rows();
        assert_eq!(rows, [(256, vec![8, 24]), (320, vec![8, 24])], "{kind}");
        let expected: Vec<Text> =
            prompts().iter().map(|(prompt, tokens)| alone(&mut served, 1, prompt, *tokens)).collect();
        assert_eq!(served.slots.statistics().found, 0);
        served = self::served(&runtime, None, model, SLOTS, 1 << 20);
        let mut waiting: Vec<usize> = (0..expected.len()).rev().collect();
        let mut texts: Vec<Text> = Vec::new();
        let mut places = Vec::new();
        let mut total = 0;
        for round in 0.. {
            let going: Vec<usize> = texts.iter().filter(|text| text.left > 0).map(|text| text.slot).collect();
            // Not at once, so that texts begin while others are under way; here and there.
            if round % 2 == 0
                && let Some(slot) = [0, 16, 9, 8, 1, 3].into_iter().find(|slot| !going.contains(slot))
                && let Some(index) = waiting.pop()
            {
                let (prompt, tokens) = &prompts()[index];
                let (text, found) = Text::begin(&mut served, slot, prompt, *tokens);
                places.push(index);
                texts.push(text);
                total += found;
            } else if going.is_empty() && waiting.is_empty() {
                break;
            }
            step(&mut served, &mut texts);
        }
        for (&index, text) in places.iter().zip(&texts) {
            let expected = &expected[index];
            assert_eq!(text.tokens, expected.tokens, "{kind}, text {index}");
            assert!(text.bits == expected.bits, "{kind}, text {index}: other bits");
        }
        assert!(total > 0 && served.slots.statistics().found == total as u64, "{kind}");
        // As new: nothing is found, and nothing is other.
        served.reset().unwrap();
        let (prompt, tokens) = &prompts()[2];
        let (text, found) = Text::begin(&mut served, 0, prompt, *tokens);
        assert_eq!((found, &text.bits[0]), (0, &expected[2].bits[0]), "{kind}");
    }
}

/// The log-probability of a token after its logits, and the one that scoring gives it.
fn check_scores(served: &mut Served, what: &str) {
    for (prompt, tokens) in prompts().into_iter().take(size::either(5, 8)) {
        let text = alone(served, 0, &prompt, tokens);
        let (context, continuation) = text.tokens.split_at(prompt.len());
        let row = Row { context: context.to_vec(), continuation: continuation.to_vec() };
        let score = served.scorer.score_all(&[row]).unwrap().remove(0);
        for ((bits, &token), &expected) in text.bits.iter().zip(continuation).zip(&score.log_probabilities) {
            let logits: Vec<f64> = bits.iter().map(|&bits| f64::from(f32::from_bits(bits))).collect();
            let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
            let got = logits[token as usize] - total.ln();
            assert!((got - f64::from(expected)).abs() < 2e-4, "{what}: {got} and {expected}");
        }
    }
}

#[test]
fn logits_are_those_of_scoring() {
    let Some(runtime) = runtime(1) else { return };
    for model in &models() {
        check_scores(&mut served(&runtime, None, model, 2, 1 << 20), model.kind());
    }
}

#[test]
fn a_model_is_split_over_devices() {
    let Some(runtime) = runtime(2) else { return };
    let mesh = InferenceMesh { data: 1, model: 2 };
    for model in models().iter().take(size::either(1, 2)) {
        check_scores(&mut served(&runtime, Some(mesh), model, 2, 1 << 20), model.kind());
    }
}

#[test]
fn prompts_that_cannot_be_read_change_nothing() {
    let Some(runtime) = runtime(1) else { return };
    let mut served = served(&runtime, None, &models()[1], 2, 1 << 20);
    let slots = &mut served.slots;
    assert!(matches!(slots.read(), Err(Error::EmptyPrompt)));
    assert!(matches!(slots.place(0), Err(Error::EmptyPrompt)));
    slots.begin(&prompt(100, 0, 1)).unwrap();
    assert!(matches!(slots.begin(&[]), Err(Error::EmptyPrompt)));
    assert!(matches!(slots.begin(&[1; WINDOW + 1]), Err(Error::PromptTooLong { .. })));
    assert!(matches!(slots.begin(&[1, 300]), Err(Error::Token { token: 300, .. })));
    assert!(matches!(slots.place(0), Err(Error::EmptyPrompt)), "it is not read to its end");
    assert!(slots.read().unwrap().is_none());
    assert!(slots.read().unwrap().is_some());
    slots.place(0).unwrap();
    slots.place(1).unwrap();
    // Both slots hold the same text.
    let logits = slots.step(&[Some((5, 100)), Some((5, 100))]).unwrap();
    assert_eq!(logits[0], logits[1]);
    assert!(slots.step(&[None, None]).unwrap().iter().all(Option::is_none));
}
