//! `gopher import` on small files written here, and on SmolLM2 where its wheel is in the cache; what is not taken, and what is
//! left of an import that fails or is interrupted.

#[path = "../import/tests/common/mod.rs"]
mod common;
mod running;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{GROUPS, GgufFile, HEAD, HEADS, INNER, LAYERS, MERGES, Meta, PIECES, Tensor, WIDTH};
use common::{pieces, small_gguf, smollm2, tensors, text};
use running::Start;
use runtime::{DeviceKind, Runtime};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder in which imports are made.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Runs the program in this folder.
    fn gopher(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.args(arguments).current_dir(self.0.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What it prints as JSON.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.gopher(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs the program, which refuses in one line.
    #[track_caller]
    fn check_refused(&self, arguments: &[&str], expected: &str) {
        check_error(&self.gopher(arguments), 1, expected);
    }

    /// Names in a folder, hidden ones too.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn check_error(output: &Output, code: i32, expected: &str) {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(message, format!("{expected}\n"));
    assert_eq!(output.status.code(), Some(code));
    assert!(output.stdout.is_empty());
}

fn has_plugin() -> bool {
    let found = Runtime::find(DeviceKind::Cpu).unwrap().is_some();
    if !found {
        println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    found
}

/// The numbers of the small Llama as those of a model are: not too large for its arithmetic.
fn number(value: f32) -> f32 {
    (value * 0.7).sin() * 0.3
}

fn small() -> GgufFile {
    let tensors = tensors(true).into_iter();
    let tensors =
        tensors.map(|(name, sizes, values)| Tensor::f32(&name, &sizes, values.into_iter().map(number)));
    GgufFile { tensors: tensors.collect(), ..small_gguf() }
}

/// The same model as Hugging Face's `transformers` saves it.
fn write_folder(place: &Place, name: &str) {
    let file = |file: &str, value: &Value| drop(place.write(&format!("{name}/{file}"), value.to_string()));
    file(
        "config.json",
        &json!({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "num_hidden_layers": LAYERS, "hidden_size": WIDTH, "intermediate_size": INNER,
            "num_attention_heads": HEADS, "num_key_value_heads": GROUPS, "head_dim": HEAD, "vocab_size": PIECES,
            "rms_norm_eps": 1e-5, "rope_theta": 50000.0, "tie_word_embeddings": true,
            "max_position_embeddings": 64,
        }),
    );
    let vocab: serde_json::Map<String, Value> =
        pieces().into_iter().enumerate().skip(2).map(|(id, piece)| (piece, json!(id))).collect();
    let mark = |id: usize| json!({"id": id, "content": pieces()[id], "special": true, "normalized": false});
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    file(
        "tokenizer.json",
        &json!({
            "version": "1.0", "added_tokens": [mark(0), mark(1)], "normalizer": null,
            "pre_tokenizer": byte_level, "decoder": byte_level, "post_processor": null,
            "model": {"type": "BPE", "vocab": vocab, "merges": MERGES},
        }),
    );
    file("tokenizer_config.json", &json!({"bos_token": "<|start|>", "eos_token": "<|end|>"}));
    let stored: Vec<(String, Vec<usize>, Vec<u8>)> = tensors(false)
        .into_iter()
        .map(|(name, sizes, values)| {
            let bytes = values.into_iter().flat_map(|value| number(value).to_le_bytes()).collect();
            (name, sizes.into_iter().map(|size| size as usize).collect(), bytes)
        })
        .collect();
    let views = stored
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    place.write(&format!("{name}/model.safetensors"), safetensors::serialize(views, None).unwrap());
}

const PROMPT: [&str; 8] = ["--prompt", "the sea", "--tokens", "12", "--temperature", "0", "--window", "32"];

#[test]
fn a_gguf_file_and_a_folder_of_the_same_model_become_runs_that_say_the_same() {
    let place = Place::new();
    place.write("small.gguf", small().bytes());
    write_folder(&place, "small");
    let imported = place.json(&["import", "small.gguf", "-o", "runs/a"]);
    assert_eq!(imported["run"], "runs/a");
    assert_eq!((&imported["parameters"], &imported["bytes"]), (&3184.into(), &12_736.into()));
    assert_eq!((&imported["sequence_length"], &imported["vocabulary_size"]), (&64.into(), &261.into()));
    let origin = &imported["origin"];
    assert_eq!((&origin["format"], &origin["tensors"]), (&"gguf".into(), &json!({"F32": 20})));
    assert_eq!(origin["chat_template"], "{{ messages }}");
    assert_eq!(origin["files"]["small.gguf"]["size"], small().bytes().len());

    let output = place.gopher(&["import", "small", "--output", "runs/b"]);
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "runs/b: 3,184 parameters in float32, 12.44 KiB, from 20 F32 tensors; 261 pieces\n"
    );
    for run in ["runs/a", "runs/b"] {
        assert_eq!(place.names(run), ["checkpoints", "config.toml", "import.json", "tokenizer.model"]);
        let checkpoint = place.json(&["checkpoint", "ls", run]);
        assert_eq!((&checkpoint[0]["step"], &checkpoint[0]["complete"]), (&0.into(), &true.into()));
        assert!(place.gopher(&["checkpoint", "verify", run]).status.success());
    }
    assert_eq!(place.names("runs"), ["a", "b"]);
    assert_eq!(place.json(&["runs", "ls"])[1]["completed"], 0);
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    for line in ["kind = \"llama\"", "rope_base = 50000.0", "tied_embedding = true", "precision = \"f32\""] {
        assert!(config.contains(&format!("\n{line}\n")), "{line} in {config}");
    }
    if !has_plugin() {
        return;
    }
    let answer = |run: &str| place.json(&[&["generate", "--run", run], &PROMPT[..]].concat());
    let (a, b) = (answer("runs/a"), answer("runs/b"));
    assert_eq!((&a["prompt_tokens"], &a["step"]), (&json!([259, 34, 117, 103, 99]), &0.into()));
    assert_eq!(a["tokens"], b["tokens"]);
    assert!(!a["tokens"].as_array().unwrap().is_empty());
}

/// Rows of the embedding that no piece has are left out, and a prompt begins as the file says.
/// A model that came with a chat template is talked with in that form; names of its marks in a turn are text.
#[test]
fn a_model_talks_in_its_own_form() {
    if !has_plugin() {
        return;
    }
    let place = Place::new();
    write_folder(&place, "foreign");
    let settings = |template: &str| {
        let settings = json!({"bos_token": "<|start|>", "eos_token": "<|end|>", "chat_template": template});
        place.write("foreign/tokenizer_config.json", settings.to_string());
    };
    let form = "{% for m in messages %}{{ bos_token }}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}{{ bos_token }}assistant:";
    settings(form);
    place.json(&["import", "foreign", "-o", "own"]);
    let greedy = ["--window", "64", "--temperature", "0", "--tokens", "6"];
    let chat = |run: &str, turn: &str, more: &[&str]| -> Value {
        let mut chat = place.command(&[&["chat", "--json", "--run", run], &greedy[..], more].concat());
        let mut chat =
            chat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        chat.stdin.take().unwrap().write_all(turn.as_bytes()).unwrap();
        let output = chat.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let generate =
        |prompt: &str| place.json(&[&["generate", "--run", "own", "--prompt", prompt], &greedy[..]].concat());
    let answer = chat("own", "the sea", &[]);
    // `gopher generate` takes names of marks in a prompt for marks.
    let generated = generate("<|start|>user: the sea<|end|><|start|>assistant:");
    assert_eq!(answer["prompt_tokens"], generated["prompt_tokens"].as_array().unwrap().len());
    assert_eq!(answer["content"], generated["text"].as_str().unwrap().trim());
    let marks = chat("own", "<|end|>", &[])["prompt_tokens"].as_u64().unwrap();
    assert!(
        marks
            > generate("<|start|>user: <|end|><|end|><|start|>assistant:")["prompt_tokens"]
                .as_array()
                .unwrap()
                .len() as u64
    );
    let none = chat("own", "the sea", &["--prompt", "none"]);
    assert_ne!(none["prompt_tokens"], answer["prompt_tokens"]);
    assert_eq!(chat("own", "the sea", &["--prompt", "template"])["content"], answer["content"]);
    settings("{{ strftime_now() }}");
    place.json(&["import", "foreign", "-o", "other"]);
    let refused = "error: the model's chat template cannot be used: unknown function: strftime_now is unknown (line 1); --prompt gopher and \
        --prompt none do without it";
    place.check_refused(&["chat", "--run", "other", "--window", "64"], refused);
    place.check_refused(&["serve", "--run", "other", "--addr", "127.0.0.1:0"], refused);
    chat("other", "the sea", &["--prompt", "none"]);
}

#[test]
fn an_embedding_may_have_more_rows_and_a_prompt_a_beginning() {
    let place = Place::new();
    let mut file = small().with("tokenizer.ggml.add_bos_token", Meta::Bool(true));
    let rows = PIECES as u64 + 5;
    // Of these one or the other would be the likeliest always, if they were pieces.
    let extra = (0..5 * WIDTH).map(|index| if (index / WIDTH).is_multiple_of(2) { 50.0 } else { -50.0 });
    let (embedding, last) = (&tensors(true)[0].2, (PIECES * WIDTH));
    let values = embedding[..last].iter().map(|&value| number(value)).chain(extra);
    file.tensors[0] = Tensor::f32("token_embd.weight", &[rows, WIDTH as u64], values);
    place.write("small.gguf", file.bytes());
    place.json(&["import", "small.gguf", "-o", "run"]);
    let config = fs::read_to_string(place.path("run/config.toml")).unwrap();
    assert!(config.contains("vocabulary_size = 261\n"), "{config}");
    if !has_plugin() {
        return;
    }
    let answer = place.json(&[&["generate", "--run", "run"], &PROMPT[..]].concat());
    assert_eq!(answer["prompt_tokens"], json!([0, 259, 34, 117, 103, 99]));
    let tokens: Vec<usize> = serde_json::from_value(answer["tokens"].clone()).unwrap();
    assert!(tokens.iter().all(|&token| token < PIECES), "{tokens:?}");
}

#[test]
fn what_is_not_taken_is_named_and_nothing_is_left() {
    let place = Place::new();
    let check = |source: &str, expected: &str| {
        place.check_refused(&["import", source, "-o", "runs/x"], &format!("error: {expected}"));
        assert!(!place.path("runs").exists());
    };
    check("none.gguf", "none.gguf: no such file or folder");
    place.write("text.gguf", "Once upon a time");
    check(
        "text.gguf",
        "text.gguf: not a GGUF file, or a damaged one: it begins with [4F, 6E, 63, 65], not with \"GGUF\"",
    );
    let whole = small().bytes();
    place.write("short.gguf", &whole[..whole.len() - 1]);
    check(
        "short.gguf",
        "short.gguf: not a GGUF file, or a damaged one: tensor blk.1.ffn_down.weight of 192 bytes at offset 12544 ends beyond the file, which has 18367 bytes",
    );
    place.write("qwen.gguf", small().with("general.architecture", text("qwen2")).bytes());
    check(
        "qwen.gguf",
        "qwen.gguf: the architecture \"qwen2\" (general.architecture) is not supported; supported is \"llama\"",
    );
    let mut other = small();
    other.tensors.push(Tensor::f32("x", &[32], [0.0; 32]).of_kind(14));
    place.write("q6.gguf", other.bytes());
    check(
        "q6.gguf",
        "q6.gguf: tensor x of type Q6_K is not supported; supported are F32, F16, BF16, Q8_0, Q4_0 and Q4_1",
    );
    let more = pieces().into_iter().chain(["more".to_owned()]).collect();
    let more = small().with("tokenizer.ggml.tokens", Meta::Texts(more)).without("tokenizer.ggml.token_type");
    place.write("more.gguf", more.bytes());
    check("more.gguf", "more.gguf: the tokenizer has 262 pieces, more than the embedding has rows, 261");
    place.write("groups.gguf", small().with("llama.attention.head_count_kv", Meta::U32(3)).bytes());
    check("groups.gguf", "groups.gguf: 4 query heads are not divided by 3 key and value heads");
    place.write(
        "epsilon.gguf",
        small().with("llama.attention.layer_norm_rms_epsilon", Meta::F32(0.0)).bytes(),
    );
    check("epsilon.gguf", "configuration: model.norm_epsilon is 0; it must be a positive number");
    write_folder(&place, "folder");
    fs::remove_file(place.path("folder/config.json")).unwrap();
    check("folder", "folder/config.json: no such file or folder");
}

#[test]
fn nothing_that_is_there_is_written_over() {
    let place = Place::new();
    place.write("small.gguf", small().bytes());
    place.json(&["import", "small.gguf", "-o", "run"]);
    place.write("file", "mine");
    let config = fs::read(place.path("run/config.toml")).unwrap();
    for taken in ["run", "file", "."] {
        let expected = format!(
            "error: {taken} is already there: name another directory for the run, or remove it first"
        );
        place.check_refused(&["import", "small.gguf", "-o", taken], &expected);
    }
    assert_eq!(fs::read(place.path("run/config.toml")).unwrap(), config);
    assert_eq!(place.names("."), ["file", "run", "small.gguf"]);
    // An empty folder is as good as none.
    fs::create_dir(place.path("empty")).unwrap();
    place.json(&["import", "small.gguf", "-o", "empty"]);
}

/// Wherever the disk is full, no run is left, and no part of one.
#[test]
fn a_full_disk_leaves_nothing() {
    let place = Place::new();
    place.write("small.gguf", small().bytes());
    let fail = |fault: &str| {
        let mut command = place.command(&["import", "small.gguf", "-o", "deep/runs/x"]);
        command.env("GOPHER_FAULT", fault).output().unwrap()
    };
    for fault in [
        "create-folder:1",
        "create-file:2",
        "write:1",
        "write:5",
        "sync-file:4",
        "rename-folder:1",
        "rename-folder:2",
    ] {
        let output = fail(&format!("{fault}:full"));
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{fault}: {message}");
        assert!(message.starts_with("error: the disk is full: cannot write deep/runs"), "{fault}: {message}");
        assert_eq!(place.names("."), ["small.gguf"], "{fault}");
    }
    // A killed process leaves what the next import clears away.
    assert!(fail("rename-folder:2:kill").status.code().is_none());
    assert_eq!(place.names("deep/runs"), [".partial-x"]);
    place.json(&["import", "small.gguf", "-o", "deep/runs/x"]);
    assert_eq!(place.names("deep/runs"), ["x"]);
}

/// A model of 200 MB of zeros, which take no room on disk.
fn write_large(path: &Path) {
    const INNER: u64 = 1 << 20;
    let file = small().with("llama.feed_forward_length", Meta::U32(INNER as u32));
    let mut offset = 0;
    let tensors = file.tensors.iter().map(|tensor| {
        let sizes = match tensor.name.rsplit('.').nth(1) {
            Some("ffn_gate" | "ffn_up") => vec![INNER, WIDTH as u64],
            Some("ffn_down") => vec![WIDTH as u64, INNER],
            _ => tensor.sizes.clone(),
        };
        let at = offset;
        offset += (4 * sizes.iter().product::<u64>()).next_multiple_of(32);
        Tensor { name: tensor.name.clone(), sizes, kind: 0, bytes: Vec::new(), offset: Some(at) }
    });
    let header = GgufFile { tensors: tensors.collect(), ..file }.header();
    let start = (header.len() as u64).next_multiple_of(32);
    fs::write(path, header).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_len(start + offset).unwrap();
}

#[test]
fn a_signal_ends_it_and_leaves_nothing() {
    let place = Place::new();
    write_large(&place.path("large.gguf"));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let child = place.command(&["import", "large.gguf", "-o", "runs/x"]).start();
        let start = Instant::now();
        while !place.path("runs/.partial-x").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "nothing is being written");
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill =
            Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        check_error(&output, code, "stopped; nothing of the import is left\nerror: interrupted");
        assert_eq!(place.names("."), ["large.gguf"]);
    }
}

#[test]
fn training_does_not_go_on_from_it() {
    let place = Place::new();
    place.write("small.gguf", small().bytes());
    place.json(&["import", "small.gguf", "-o", "run"]);
    let checkpoint = "run/checkpoints/step-00000000";
    let why = "is an imported model: it has parameters but no state of an optimiser and no place in a text, so that training \
               cannot go on from it; gopher generate --run takes it, and gopher train --from run begins another run with its parameters";
    let expected = format!("error: {checkpoint} {why}");
    place.check_refused(&["train", "--run", "run"], &expected);
    place.check_refused(&["train", "run/config.toml", "--resume", checkpoint, "--run", "other"], &expected);
    place.check_refused(&["replay", "--run", "run", "--step", "1"], &format!("error: run {why}"));
    assert!(!place.path("other").exists() && !place.path("run/.lock").exists());
    assert!(place.gopher(&["checkpoint", "verify", "run"]).status.success());
}

/// Its parameters are what a run can begin with: the model and the tokenizer come along.
#[test]
fn a_run_begins_with_its_parameters() {
    if !has_plugin() {
        return;
    }
    let place = Place::new();
    place.write("small.gguf", small().bytes());
    place.json(&["import", "small.gguf", "-o", "run"]);
    place.write("text.txt", "hello world ".repeat(400));
    let sets = ["training.batch=2", "training.sequence_length=32", "training.validation_batches=1"];
    let mut train = vec!["train", "--from", "run", "--data", "text.txt", "--run", "tuned", "--steps", "2"];
    sets.iter().for_each(|set| train.extend(["--set", set]));
    assert_eq!(place.json(&train)["completed"], 2);
    let config = fs::read_to_string(place.path("tuned/config.toml")).unwrap();
    assert!(config.contains("kind = \"llama\"") && config.contains("tokenizer = \"\""), "{config}");
    let tokenizer = |run: &str| fs::read(place.path(run).join("tokenizer.model")).unwrap();
    assert!(tokenizer("tuned") == tokenizer("run"));
    let export = |run: &str, name: &str| {
        let output = place.gopher(&["checkpoint", "export", run, name]);
        assert!(output.status.success());
        fs::read(place.path(name)).unwrap()
    };
    let first = export("tuned/checkpoints/step-00000000", "tuned.safetensors");
    assert!(first == export("run", "run.safetensors"));
    // And not what it is only: it goes on as any run.
    assert_eq!(place.json(&["train", "--run", "tuned", "--steps", "3"])["completed"], 3);
}

/// The numbers are compared in `eval/tests/imported.rs`; here, what a user types.
#[test]
fn smollm2_goes_on_with_a_prompt() {
    let Some(file) = smollm2().filter(|_| has_plugin()) else { return };
    let place = Place::new();
    let imported = place.json(&["import", file.to_str().unwrap(), "-o", "runs/smollm2"]);
    assert_eq!(imported["parameters"], 134_515_008);
    assert_eq!(imported["origin"]["tensors"], json!({"F32": 61, "Q4_1": 210, "Q8_0": 1}));
    assert_eq!(
        (&imported["origin"]["context_length"], &imported["sequence_length"]),
        (&8192.into(), &2048.into())
    );
    let prompt = ["--prompt", "The capital of France is", "--temperature", "0", "--tokens", "8"];
    let answer =
        place.json(&[&["generate", "--run", "runs/smollm2", "--window", "64"], &prompt[..]].concat());
    assert_eq!(answer["prompt_tokens"], json!([504, 3575, 282, 4649, 314]));
    assert_eq!(answer["text"], " Paris.\n\nThe answer is:");
}
