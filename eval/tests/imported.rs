//! Imported models compute what independent implementations compute of them, through programs that XLA compiled: SmolLM2 from
//! its GGUF file, and stories260K from the file of llama2.c, on one device and split over four.
//!
//! Both need reference files that are not part of the repository; SmolLM2 also its wheel in the cache. `GOPHER_TEST_SIZE=full`
//! has every text compared rather than a few.

#[path = "../../import/tests/common/mod.rs"]
mod common;

use std::fs;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use common::{GgufFile, Meta, Tensor, reference, smollm2, text};
use data::Tokenizer;
use eval::{TrainedModel, import_model};
use graph::testing::size;
use runtime::{Buffer, CompileOptions, DeviceKind, Program, Runtime, RuntimeOptions};
use serde_json::Value;
use sharding::plan::{MeshShape, Plan, RematPolicy};
use store::checkpoint::Checkpoint;
use tempfile::TempDir;
use train::step::StepOptions;

/// The CPU runtime with four virtual devices; `None`, with a message, when no plugin is on this machine.
fn runtime() -> Option<Runtime> {
    let options = RuntimeOptions { virtual_devices: Some(4), ..RuntimeOptions::default() };
    let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
    if runtime.is_none() {
        println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

/// All of them where tests have their full size, else the first few.
fn some<T>(mut all: Vec<T>, few: usize) -> Vec<T> {
    all.truncate(size::either(few, all.len()));
    all
}

/// The lines of a `.jsonl` or `.jsonl.xz` file.
fn lines(path: &Path) -> Vec<Value> {
    let mut bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "xz") {
        let mut text = Vec::new();
        lzma_rs::xz_decompress(&mut BufReader::new(bytes.as_slice()), &mut text).unwrap();
        bytes = text;
    }
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Imports into a run of a temporary folder.
fn imported(source: &Path) -> (TempDir, TrainedModel) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    import_model(source, &run, &mut |_| ControlFlow::Continue(())).unwrap();
    let model = TrainedModel::open(&run, &mut |warning| panic!("{warning}")).unwrap();
    (folder, model)
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

/// Largest difference of two lists of the same length.
#[track_caller]
fn difference(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f64::max)
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

/// The reference files of stories260K, which are not part of the repository.
fn stories() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/stories260K");
    if !folder.is_dir() {
        println!("skipped: no reference files at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Numbers of four bytes from a file, one after another.
struct Words(std::vec::IntoIter<u8>);

impl Words {
    fn read(path: &Path) -> Self {
        Self(fs::read(path).unwrap().into_iter())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.0.next().expect("a longer file"))
    }

    fn int(&mut self) -> usize {
        i32::from_le_bytes(self.bytes()).try_into().unwrap()
    }

    fn float(&mut self) -> f32 {
        f32::from_le_bytes(self.bytes())
    }
}

/// A checkpoint of llama2.c as GGUF. Both rotate neighbouring rows of queries and keys, and call the same things by other
/// names.
fn llama2_c_as_gguf(model: &Path, tokenizer: &Path) -> GgufFile {
    let mut file = Words::read(model);
    let [width, inner, layers, heads, groups, vocabulary, context] = std::array::from_fn(|_| file.int());
    let head = width / heads;
    let mut tensors = Vec::new();
    let mut tensor = |name: String, sizes: &[usize]| {
        let values: Vec<f32> = (0..sizes.iter().product()).map(|_| file.float()).collect();
        let sizes: Vec<u64> = sizes.iter().map(|&size| size as u64).collect();
        tensors.push(Tensor::f32(&name, &sizes, values));
    };
    tensor("token_embd.weight".into(), &[vocabulary, width]);
    // Each for all layers, in this order.
    let in_layers: [(&str, &[usize]); 9] = [
        ("attn_norm", &[width]),
        ("attn_q", &[heads * head, width]),
        ("attn_k", &[groups * head, width]),
        ("attn_v", &[groups * head, width]),
        ("attn_output", &[width, heads * head]),
        ("ffn_norm", &[width]),
        ("ffn_gate", &[inner, width]),
        ("ffn_down", &[width, inner]),
        ("ffn_up", &[inner, width]),
    ];
    for (name, sizes) in in_layers {
        (0..layers).for_each(|layer| tensor(format!("blk.{layer}.{name}.weight"), sizes));
    }
    tensor("output_norm.weight".into(), &[width]);
    // Of what follows, the rotation's cosines and sines, nothing is needed; a positive vocabulary says that there is no head.
    assert_eq!(file.0.len(), context * head * size_of::<f32>());

    let (pieces, scores, kinds) = llama2_c_pieces(tokenizer, vocabulary);
    let size = |size: usize| Meta::U32(size as u32);
    let metadata = [
        ("general.architecture", text("llama")),
        ("llama.block_count", size(layers)),
        ("llama.context_length", size(context)),
        ("llama.embedding_length", size(width)),
        ("llama.feed_forward_length", size(inner)),
        ("llama.attention.head_count", size(heads)),
        ("llama.attention.head_count_kv", size(groups)),
        ("llama.rope.freq_base", Meta::F32(10_000.0)),
        ("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5)),
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", Meta::Texts(pieces)),
        ("tokenizer.ggml.scores", Meta::F32s(scores)),
        ("tokenizer.ggml.token_type", Meta::I32s(kinds)),
        ("tokenizer.ggml.bos_token_id", Meta::U32(1)),
        ("tokenizer.ggml.eos_token_id", Meta::U32(2)),
    ];
    GgufFile::new(&metadata, tensors)
}

/// The pieces of a tokenizer of llama2.c, their scores, and what they are for: it has spaces as themselves, and marks with
/// line breaks around them.
fn llama2_c_pieces(path: &Path, count: usize) -> (Vec<String>, Vec<f32>, Vec<i32>) {
    let mut file = Words::read(path);
    let _longest = file.int();
    let (mut pieces, mut scores, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    for id in 0..count {
        scores.push(file.float());
        let length = file.int();
        let bytes: Vec<u8> = file.0.by_ref().take(length).collect();
        let piece = String::from_utf8(bytes).unwrap();
        let (piece, kind) = match id {
            0 => (piece, 2),
            1 | 2 => (piece.trim().to_owned(), 3),
            3..=258 => (piece, 6),
            _ => (piece.replace(' ', "\u{2581}"), 1),
        };
        pieces.push(piece);
        kinds.push(kind);
    }
    (pieces, scores, kinds)
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

/// A goal, its two solutions, and the sums expected of these.
type PiqaItem = (String, [String; 2], Vec<f64>);

/// Contexts with the two continuations of each, and the sums of log-probabilities that the reference gives these. The
/// reference has the contexts only: the continuations are in that of SmolLM2.
fn piqa(stories: &Path) -> Option<Vec<PiqaItem>> {
    let documents = lines(&reference()?.join("samples_piqa.jsonl.xz"));
    let sums = lines(&stories.join("expected/piqa_first150.jsonl"));
    let case = |(document, sums): (&Value, &Value)| {
        let goal = sums["goal"].as_str().unwrap().to_owned();
        let [first, second] = [0, 1].map(|index| &document["requests"][index]);
        assert_eq!(first["context"].as_str().unwrap(), format!("Question: {goal}\nAnswer:"));
        let solutions =
            [first, second].map(|request| request["continuation"].as_str().unwrap()[1..].to_owned());
        (goal, solutions, numbers(&sums["sum_logprob"]))
    };
    Some(documents.iter().zip(&sums).map(case).collect())
}

/// What begins a text, the context, a continuation that has a space of its own before it; and where it begins.
fn request(tokenizer: &Tokenizer, goal: &str, solution: &str) -> (Vec<u32>, usize) {
    let mut ids = vec![tokenizer.begin_of_text().unwrap()];
    ids.extend(tokenizer.encode(goal));
    let start = ids.len();
    ids.extend(tokenizer.encode(solution));
    (ids, start)
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
