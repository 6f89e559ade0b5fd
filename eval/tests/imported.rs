//! Imported models compute what independent implementations compute of them, through programs that XLA compiled: SmolLM2 from
//! its GGUF file, and stories260K from the file of llama2.c, on one device and split over four.
//!
//! Both need reference files that are not part of the repository; SmolLM2 also its wheel in the cache. `GOPHER_TEST_SIZE=full`
//! has every text compared rather than a few.

mod common;

use std::fs;

use common::foreign::{reference, smollm2};
use common::stories::{llama2_c_as_gguf, piqa, request, stories};
use common::{difference, ids, imported, lines, numbers, some};
use eval::TrainedModel;
use runtime::{Buffer, CompileOptions, DeviceKind, Program, Runtime};
use sharding::plan::{MeshShape, Plan, RematPolicy};
use store::checkpoint::Checkpoint;
use train::step::StepOptions;

/// The CPU runtime with four virtual devices; `None`, with a message, when no plugin is on this machine.
fn runtime() -> Option<Runtime> {
    let runtime = Runtime::find_with(DeviceKind::Cpu, &common::programs::runtime_options(4)).unwrap();
    if runtime.is_none() {
        println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

/// A model's forward pass over texts of a length, with its parameters.
struct Scorer {
    program: Program,
    parameters: Vec<Buffer>,
    batch: usize,
    length: usize,
    /// Logits of a position, and how many of them stand for tokens.
    rows: (usize, usize),
}

impl Scorer {
    /// Of `batch` texts of up to `length` tokens, on one device or split by a plan.
    fn new(
        runtime: &Runtime,
        model: &TrainedModel,
        batch: usize,
        length: usize,
        plan: Option<&Plan>,
    ) -> Self {
        let config = &model.config().model;
        let forward = train::step::forward(&StepOptions::new(config.clone(), batch, length)).unwrap();
        let program = match plan {
            None => runtime.compile(&forward),
            Some(plan) => {
                let split = train::plan::split(&forward, plan).unwrap();
                runtime.compile_partitioned(&split, &CompileOptions::default())
            }
        };
        let program = program.unwrap();
        let checkpoint = Checkpoint::open(model.path()).unwrap();
        let inputs = program.inputs().iter().enumerate().filter(|(_, input)| input.name != "tokens");
        let parameters = inputs
            .map(|(index, input)| {
                program.upload_bytes(index, &checkpoint.read_whole(&input.name).unwrap()).unwrap()
            })
            .collect();
        let rows = (config.padded_vocabulary(), config.sizes().vocabulary_size);
        Self { program, parameters, batch, length, rows }
    }

    /// log p of each token of each text after its first, natural.
    fn log_probabilities(&self, texts: &[Vec<u32>]) -> Vec<Vec<f64>> {
        texts.chunks(self.batch).flat_map(|texts| self.of_batch(texts)).collect()
    }

    fn of_batch(&self, texts: &[Vec<u32>]) -> Vec<Vec<f64>> {
        // What comes after a text does not matter to it.
        let mut tokens = vec![0i32; self.batch * self.length];
        for (text, row) in texts.iter().zip(tokens.chunks_mut(self.length)) {
            text.iter().zip(row).for_each(|(&id, token)| *token = id as i32);
        }
        let tokens = self.program.upload_slice(self.parameters.len(), &tokens).unwrap();
        let inputs: Vec<&Buffer> = self.parameters.iter().chain([&tokens]).collect();
        let logits = self.program.run(&inputs).unwrap()[0].to_vec::<f32>().unwrap();
        let (width, vocabulary) = self.rows;
        let of_text = |(text, logits): (&Vec<u32>, &[f32])| {
            let rows = logits.chunks(width).map(|row| &row[..vocabulary]);
            text[1..].iter().zip(rows).map(|(&next, row)| log_softmax(row, next)).collect()
        };
        texts.iter().zip(logits.chunks(self.length * width)).map(of_text).collect()
    }
}

/// log of the probability that logits give to a token.
fn log_softmax(logits: &[f32], token: u32) -> f64 {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit));
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    f64::from(logits[token as usize] - largest) - sum.ln()
}

fn likeliest(logits: &[f32]) -> u32 {
    let largest = (0..).zip(logits).max_by(|(_, a), (_, b)| a.total_cmp(b));
    largest.map(|(token, _): (u32, _)| token).unwrap()
}

/// Log-probabilities to 1e-4 of a float64 implementation, and greedy tokens.
#[test]
fn smollm2_is_what_its_reference_says() {
    let (Some(file), Some(reference), Some(runtime)) = (smollm2(), reference(), runtime()) else { return };
    let (_folder, model) = imported(&file);
    assert_eq!((model.config().model.kind(), model.default_window()), ("llama", 2048));
    assert_eq!(model.begin_of_text(), None);

    let cases = some(lines(&reference.join("token_logprobs.jsonl")), 2);
    let texts: Vec<Vec<u32>> =
        cases.iter().map(|case| model.tokenizer().encode(case["text"].as_str().unwrap())).collect();
    let length = texts.iter().map(Vec::len).max().unwrap();
    let scorer = Scorer::new(&runtime, &model, 1, length, None);
    for ((case, text), got) in cases.iter().zip(&texts).zip(scorer.log_probabilities(&texts)) {
        assert_eq!(*text, ids(&case["ids"]), "{}", case["name"]);
        let off = difference(&got, &numbers(&case["logprobs_f64"]));
        println!("{}: {} tokens, off by {off:.1e}", case["name"], text.len());
        assert!(off < 1e-4, "{}: off by {off}", case["name"]);
    }
    drop(scorer);

    let cases = some(lines(&reference.join("greedy.jsonl")), 2);
    let generator = model.generator(&runtime, 128).unwrap();
    let mut session = generator.decoder().start().unwrap();
    for case in cases {
        let prompt = case["prompt"].as_str().unwrap();
        assert_eq!(generator.tokenizer().encode(prompt), ids(&case["prompt_ids"]), "{prompt:?}");
        // Ten times what log-probabilities may be off by: no other token can be the likeliest.
        assert!(case["min_logit_gap"].as_f64().unwrap() > 1e-3);
        session.restart();
        let mut logits = session.read(&ids(&case["prompt_ids"])).unwrap();
        for (place, expected) in ids(&case["greedy_ids"]).into_iter().enumerate() {
            assert_eq!(likeliest(&logits), expected, "{prompt:?}, token {place}");
            logits = session.read(&[expected]).unwrap();
        }
    }
}

fn plan(data: usize, model: usize, batch: usize, sequence_length: usize) -> Plan {
    Plan {
        topology: format!("cpu:{}", data * model),
        slices: 1,
        mesh: MeshShape { stage: 1, data, model },
        stages: 1,
        microbatches: 1,
        zero: 0,
        remat: RematPolicy::None,
        sequence_sharding: false,
        batch,
        sequence_length,
        rules: Default::default(),
    }
    .with_derived_rules()
}

/// Log-probabilities of tokens to 1e-4, and their sums over PIQA's answers to 1e-3, whatever the devices.
#[test]
fn stories260k_is_what_its_reference_says_on_one_device_and_split_over_four() {
    let (Some(stories), Some(runtime)) = (stories(), runtime()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stories260K.gguf");
    let gguf = llama2_c_as_gguf(&stories.join("stories260K.bin"), &stories.join("tok512.bin"));
    fs::write(&file, gguf.bytes()).unwrap();
    let (_folder, model) = imported(&file);
    let tokenizer = model.tokenizer();
    assert_eq!(model.begin_of_text(), Some(1));

    let cases = lines(&stories.join("expected/token_logprobs.jsonl"));
    let texts: Vec<Vec<u32>> = cases
        .iter()
        .map(|case| [vec![1], tokenizer.encode(case["text"].as_str().unwrap())].concat())
        .collect();
    for (case, text) in cases.iter().zip(&texts) {
        assert_eq!(*text, ids(&case["ids"]), "{}", case["text"]);
    }
    let questions = some(piqa(&stories).unwrap_or_default(), 20);
    let requests: Vec<(Vec<u32>, usize)> = questions
        .iter()
        .flat_map(|(goal, solutions, _)| {
            solutions.each_ref().map(|solution| request(tokenizer, goal, solution))
        })
        .collect();
    let expected: Vec<f64> = questions.iter().flat_map(|(.., sums)| sums.clone()).collect();

    let (batch, length) =
        (4, texts.iter().chain(requests.iter().map(|(ids, _)| ids)).map(Vec::len).max().unwrap());
    for (data, model_axis) in [(1, 1), (1, 4), (2, 2), (4, 1)] {
        let name = format!("data={data},model={model_axis}");
        let plan = plan(data, model_axis, batch, length);
        let scorer =
            Scorer::new(&runtime, &model, batch, length, Some(&plan).filter(|_| data * model_axis > 1));
        let mut largest: f64 = 0.0;
        for (case, got) in cases.iter().zip(scorer.log_probabilities(&texts)) {
            let off = difference(&got, &numbers(&case["logprob"]));
            assert!(off < 1e-4, "{name}: {}: off by {off}", case["text"]);
            largest = largest.max(off);
        }
        let (ids, starts): (Vec<_>, Vec<_>) = requests.iter().cloned().unzip();
        let scored = scorer.log_probabilities(&ids);
        let sums: Vec<f64> =
            scored.iter().zip(starts).map(|(all, start): (_, usize)| all[start - 1..].iter().sum()).collect();
        let off = difference(&sums, &expected);
        println!("{name}: off by {largest:.1e} a token, {off:.1e} a sum of {} answers", sums.len());
        // Of a sum the differences of all its tokens add up.
        assert!(off < 1e-3, "{name}: a sum is off by {off}");
    }
}
