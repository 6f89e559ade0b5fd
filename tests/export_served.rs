//! The programs of a server, as `gopher export` writes them, run by whoever has a PJRT plugin: they continue texts as `gopher generate` does.

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use common::{SmallRun, TEXT, TINY, gopher, succeeded};
use runtime::{DeviceKind, Runtime};
use serde_json::{Value, json};
use xla_sys::{
    ArrayType, Buffer, CompileOptions, ElementType, ExecuteOptions, HostArray, LoadedExecutable, Program,
};

/// Positions of the caches, tokens of a chunk, and slots.
const WINDOW: usize = 32;
const CHUNK: usize = 4;
const SLOTS: usize = 3;

/// An exported program with its signature.
struct Exported {
    executable: LoadedExecutable,
    signature: Value,
}

fn names(entries: &Value) -> impl Iterator<Item = &str> {
    entries.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap())
}

fn array_type(entry: &Value) -> ArrayType {
    let element = match entry["dtype"].as_str().unwrap() {
        "i32" => ElementType::I32,
        "bf16" => ElementType::Bf16,
        _ => ElementType::F32,
    };
    let dims = entry["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize);
    ArrayType::new(element, dims.collect::<Vec<_>>())
}

/// A server of a few lines: it knows files, and nothing of the model.
struct Server<'a> {
    runtime: &'a Runtime,
    programs: HashMap<&'static str, Exported>,
    /// Weights and tables, by name.
    held: HashMap<String, Buffer>,
}

impl<'a> Server<'a> {
    /// Exports the programs of a run with its weights, and loads them.
    fn new(runtime: &'a Runtime, run: &Path, folder: &Path, format: &str, more: &[&str]) -> Self {
        let mut server = Self { runtime, programs: HashMap::new(), held: HashMap::new() };
        let (chunk, slots) = (CHUNK.to_string(), SLOTS.to_string());
        let weights = folder.join("weights.safetensors");
        let has_tables = !fs::read_to_string(run.join("config.toml")).unwrap().contains("\"llama\"");
        let tables: &[(&str, &[&str])] = if has_tables { &[("tables", &[])] } else { &[] };
        let programs: [(&str, &[&str]); 3] = [
            ("prefill", &["--chunk", &chunk, "--weights", weights.to_str().unwrap()]),
            ("decode", &["--batch", &slots]),
            ("place", &["--batch", &slots]),
        ];
        for &(program, of_program) in tables.iter().chain(&programs) {
            let file = folder.join(program);
            let run = ["export", "--run", run.to_str().unwrap(), "--program", program, "--format", format];
            succeeded(gopher(&[&run[..], &["-o", file.to_str().unwrap()], more, of_program].concat()));
            let signature = fs::read(folder.join(format!("{program}.signature.json"))).unwrap();
            let signature: Value = serde_json::from_slice(&signature).unwrap();
            let types: Vec<_> = signature["inputs"].as_array().unwrap().iter().map(array_type).collect();
            let code = fs::read(&file).unwrap();
            let code = match format {
                "stablehlo" => Program::mlir(code, types),
                _ => Program::hlo(code, types),
            };
            let executable = runtime.client().compile(&code, &CompileOptions::default()).unwrap();
            server.programs.insert(program, Exported { executable, signature });
        }
        let bytes = fs::read(weights).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for entry in server.programs["prefill"].signature["inputs"].as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            if name.starts_with("parameters/") {
                let tensor = tensors.tensor(name).unwrap();
                let array = HostArray::from_bytes(array_type(entry), tensor.data()).unwrap();
                server.held.insert(name.to_owned(), server.upload(&array));
            }
        }
        if has_tables {
            let tables = server.run("tables", HashMap::new());
            server.held.extend(tables);
        }
        server
    }

    fn upload(&self, array: &HostArray) -> Buffer {
        self.runtime.client().copy_to_device(array, self.runtime.device()).unwrap()
    }

    fn ints(&self, values: &[i32], dims: &[usize]) -> Buffer {
        self.upload(&HostArray::from_slice(values, dims).unwrap())
    }

    /// Runs a program with these inputs and what is held, by name: its outputs, by name.
    fn run(&self, program: &str, given: HashMap<String, Buffer>) -> HashMap<String, Buffer> {
        let Exported { executable, signature } = &self.programs[program];
        let input = |name: &str| given.get(name).or_else(|| self.held.get(name));
        let inputs: Vec<&Buffer> =
            names(&signature["inputs"]).map(|name| input(name).unwrap_or_else(|| panic!("{name}"))).collect();
        let mut execution = executable.execute(&[&inputs], &ExecuteOptions::default()).unwrap();
        execution.wait().unwrap();
        // What an output takes the memory of is gone.
        for output in signature["outputs"].as_array().unwrap() {
            let alias = output["alias"].as_u64().map(|index| inputs[index as usize]);
            assert!(alias.is_none_or(|input| input.is_deleted().unwrap()), "{output}");
        }
        names(&signature["outputs"]).map(str::to_owned).zip(execution.outputs.swap_remove(0)).collect()
    }

    /// The caches that a program begins with.
    fn caches(&self, program: &str) -> HashMap<String, Buffer> {
        let inputs = self.programs[program].signature["inputs"].as_array().unwrap();
        let zeros = inputs.iter().filter(|entry| entry["initializer"]["kind"] == "zeros");
        let caches = zeros.filter(|entry| !entry["name"].as_str().unwrap().starts_with("parameters/"));
        let zeros = |entry: &Value| self.upload(&HostArray::zeros(array_type(entry)).unwrap());
        caches.map(|entry| (entry["name"].as_str().unwrap().to_owned(), zeros(entry))).collect()
    }

    /// The likeliest token of each row, and the caches.
    fn likeliest(&self, mut outputs: HashMap<String, Buffer>) -> (Vec<i32>, HashMap<String, Buffer>) {
        let logits = outputs.remove("logits").unwrap().to_host().unwrap();
        let rows = logits.as_slice::<f32>().unwrap().chunks(logits.dims()[1]);
        let first_maximum =
            |row: &[f32]| (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as i32;
        (rows.map(first_maximum).collect(), outputs)
    }

    /// Reads a prompt: the token after it, and what it left.
    fn read(&self, prompt: &[i32]) -> (i32, HashMap<String, Buffer>) {
        let (mut caches, mut next) = (self.caches("prefill"), 0);
        for (index, tokens) in prompt.chunks(CHUNK).enumerate() {
            let mut padded = tokens.to_vec();
            padded.resize(CHUNK, 7);
            let mut given = caches;
            given.insert("tokens".into(), self.ints(&padded, &[1, CHUNK]));
            given.insert("position".into(), self.ints(&[(index * CHUNK) as i32], &[]));
            given.insert("last".into(), self.ints(&[tokens.len() as i32 - 1], &[]));
            let (found, left) = self.likeliest(self.run("prefill", given));
            (next, caches) = (found[0], left);
        }
        (next, caches)
    }

    /// Continues prompts side by side, the second two steps after the first, and so on: the tokens of each.
    fn continue_all(&self, prompts: &[Vec<i32>; SLOTS], tokens: usize) -> Vec<Vec<i32>> {
        // Slots are taken in another order than that of the prompts.
        let slot_of = |index: usize| (index + 2) % SLOTS;
        let mut all = self.caches("decode");
        let mut texts: [Vec<i32>; SLOTS] = Default::default();
        for step in 0..tokens + 2 * SLOTS {
            if step % 2 == 0 && step / 2 < SLOTS {
                let index = step / 2;
                let (next, one) = self.read(&prompts[index]);
                let mut given = all;
                given.extend(one.into_iter().map(|(name, cache)| (format!("one/{name}"), cache)));
                given.insert("row".into(), self.ints(&[slot_of(index) as i32], &[]));
                all = self.run("place", given);
                texts[slot_of(index)].push(next);
            }
            let row = |slot: usize| {
                let text = &texts[slot];
                let prompt = &prompts[(slot + SLOTS - 2) % SLOTS];
                text.last().map_or((0, 0), |&token| (token, (prompt.len() + text.len() - 1) as i32))
            };
            let (ids, positions): (Vec<_>, Vec<_>) = (0..SLOTS).map(row).unzip();
            let mut given = all;
            given.insert("tokens".into(), self.ints(&ids, &[SLOTS, 1]));
            given.insert("position".into(), self.ints(&positions, &[SLOTS]));
            given.insert("last".into(), self.ints(&[0], &[]));
            let (next, left) = self.likeliest(self.run("decode", given));
            all = left;
            for (text, next) in texts.iter_mut().zip(next) {
                if !text.is_empty() {
                    text.push(next);
                }
            }
        }
        let texts = (0..SLOTS).map(|index| texts[slot_of(index)][..tokens].to_vec());
        texts.collect()
    }
}

fn ids(list: &Value) -> Vec<i32> {
    list.as_array().unwrap().iter().map(|id| id.as_i64().unwrap() as i32).collect()
}

/// What `gopher generate` says: tokens of the prompt, and of the greedy text after it.
fn generated(run: &Path, prompt: &str, tokens: usize) -> (Vec<i32>, Vec<i32>) {
    let (run, tokens) = (run.to_str().unwrap(), tokens.to_string());
    let arguments =
        ["generate", "--run", run, "--prompt", prompt, "--tokens", &tokens, "--temperature", "0", "--json"];
    let answer: Value = serde_json::from_slice(&succeeded(gopher(&arguments)).stdout).unwrap();
    assert_eq!(answer["stop"], "tokens", "{answer}");
    (ids(&answer["prompt_tokens"]), ids(&answer["tokens"]))
}

#[track_caller]
fn check(model: &[&str], formats: &[&str], more: &[&str]) {
    let learns = [
        "model.d_model=32",
        "training.batch=8",
        "training.sequence_length=32",
        "schedule.maximum=2e-2",
        "schedule.warmup_steps=10",
    ];
    let settings = [&TINY[..], &learns, model].concat();
    let Some(run) = SmallRun::train("run", &TEXT.repeat(60), 80, &settings) else { return };
    let runtime = Runtime::find(DeviceKind::Cpu).unwrap().unwrap();
    const TOKENS: usize = 9;
    let texts =
        ["To be, or", "s", "The slings and arrows of out"].map(|text| generated(run.path(), text, TOKENS));
    let prompts = texts.clone().map(|(prompt, _)| prompt);
    let longest = prompts.iter().map(Vec::len).max().unwrap();
    assert!(longest > CHUNK && longest + TOKENS + 2 * SLOTS < WINDOW, "{longest}");
    let expected = texts.map(|(_, tokens)| tokens).to_vec();
    let distinct: std::collections::BTreeSet<_> = expected.concat().into_iter().collect();
    assert!(distinct.len() > 4, "a model that says one thing shows little: {expected:?}");
    for format in formats {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&runtime, run.path(), folder.path(), format, more);
        assert_eq!(server.continue_all(&prompts, TOKENS), expected, "{format}");
        let of_run = fs::read(run.path().join("tokenizer.model")).unwrap();
        assert!(fs::read(folder.path().join("prefill.tokenizer.model")).unwrap() == of_run);
        let signature = &server.programs["decode"].signature;
        let sizes = json!({ "slots": SLOTS, "chunk": 1, "window": WINDOW, "attended": WINDOW });
        assert_eq!((&signature["program"], &signature["serving"]), (&json!("decode"), &sizes));
        assert_eq!(signature["tokens"]["end_of_text"], 2);
    }
}

#[test]
fn a_gopher_continues_texts_as_generate_does() {
    check(&[], &["stablehlo", "hlo-proto"], &[]);
}

#[test]
fn a_llama_does_too() {
    check(
        &["model.kind=llama", "model.key_value_heads=1", "model.feed_forward_size=40"],
        &["stablehlo"],
        &[],
    );
}

#[test]
fn what_is_not_of_a_program_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |program: &str, change: &[&str], code: i32, part: &str| {
        let output = folder.path().join("x");
        let base = ["export", "--model", "44m", "--format", "stablehlo", "--program", program, "-o"];
        let output = gopher(&[&base[..], &[output.to_str().unwrap()], change].concat());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{program} {change:?}: {message}");
        assert!(message.contains(part), "{program} {change:?}: {message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    check("prefill", &["--batch", "2"], 2, "--batch: --program prefill: it has no slots; leave it out");
    check("decode", &["--chunk", "2"], 2, "--chunk: --program decode: only prefill reads chunks");
    check("forward", &["--chunk", "2"], 2, "--chunk: it is of the programs of a server");
    check("decode", &["--batch", "1025"], 2, "--batch 1025: a server has 1024 slots at most");
    check("decode", &["--remat", "full"], 2, "--remat: --program decode");
    check("decode", &["--seq", "64", "--attended", "65"], 2, "--attended 65: the caches have 64 positions");
    check("prefill", &["--seq", "64", "--chunk", "65"], 2, "--chunk 65: 64 positions are attended to");
    check("decode", &["--weights", "w.safetensors"], 2, "--weights: only a run has parameters");
    check("decode", &["--weights", "w.json"], 2, "name it w.safetensors");
    check("decode", &["--topology", "cpu:7"], 2, "model = 7 does not divide the model's heads, 16");
    check("decode", &["--topology", "cpu:2", "--format", "hlo-text"], 2, "");
    check(
        "decode",
        &["--topology", "cpu:2", "--plan", "p.json"],
        2,
        "it is split as `gopher serve` splits it",
    );
    let llama = [
        "--set",
        "model.kind=llama",
        "--set",
        "model.key_value_heads=16",
        "--set",
        "model.feed_forward_size=64",
    ];
    check("tables", &llama, 2, "--program tables: a llama has none");
    check("place", &["--weights"], 2, "--weights");
}

/// Split over devices, arrays are whole and say how they lie.
#[test]
fn programs_are_split_as_a_server_splits_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decode.mlir");
    let arguments = [
        "export",
        "--model",
        "44m",
        "--program",
        "decode",
        "--format",
        "stablehlo",
        "--topology",
        "cpu:4",
        "-o",
    ];
    succeeded(gopher(&[&arguments[..], &[file.to_str().unwrap()]].concat()));
    assert!(fs::read_to_string(&file).unwrap().contains("sdy.mesh"));
    let signature = fs::read(folder.path().join("decode.mlir.signature.json")).unwrap();
    let signature: Value = serde_json::from_slice(&signature).unwrap();
    let mesh = json!([{ "name": "data", "size": 1 }, { "name": "model", "size": 4 }]);
    assert_eq!((&signature["mesh"], &signature["plan"]), (&mesh, &Value::Null));
    let keys = signature["inputs"].as_array().unwrap().iter().find(|entry| entry["name"] == "keys").unwrap();
    assert_eq!(keys["shape"], json!([8, 16, 32, 2048, 32]));
    assert_eq!(keys["split"][1], json!(["model"]));
    // A vocabulary in whole lanes of each device.
    let logits = &signature["outputs"][0];
    assert_eq!((&logits["shape"], &logits["split"][1]), (&json!([32, 32256]), &json!(["model"])));
}
