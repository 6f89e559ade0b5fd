//! `gopher export --format gguf|hugging-face`: models for other engines, which `gopher import` reads back.

#[path = "../data/tests/small_bpe/mod.rs"]
mod small_bpe;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use data::Tokenizer;
use data::tokenizer::PreTokenizer;
use runtime::{DeviceKind, QUICK_FLAGS, Runtime};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use tempfile::TempDir;

const TEXT: &str = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer\n\
    The slings and arrows of outrageous fortune, Or to take arms against a sea of troubles\n";

/// A folder with runs: `gopher`; `llama`, whose tokenizer is SentencePiece's; and `bytes`, a Llama whose embedding has more rows than its
/// byte-level tokenizer pieces, and is not the head.
fn place() -> Option<&'static Path> {
    static PLACE: OnceLock<Option<TempDir>> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        if Runtime::find(DeviceKind::Cpu).unwrap().is_none() {
            eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("text.txt"), TEXT.repeat(60)).unwrap();
        let tokenizer = Tokenizer::from_byte_level(small_bpe::model(PreTokenizer::Smollm), "small").unwrap();
        fs::write(folder.path().join("tokenizer.json"), tokenizer.to_bytes()).unwrap();
        let bytes = [
            "model.kind=llama",
            "data.tokenizer=tokenizer.json",
            "model.tied_embedding=false",
            "model.key_value_heads=1",
            "model.rope_base=5000.0",
        ];
        for (run, sets) in [("gopher", &[][..]), ("llama", &["model.kind=llama"][..]), ("bytes", &bytes)] {
            let mut arguments = vec!["train", "--data", "text.txt", "--steps", "3", "--json", "--run", run];
            let sizes = [
                "model.layers=2",
                "model.heads=2",
                "model.key_value_size=8",
                "model.d_model=16",
                "model.vocabulary_size=330",
                "training.batch=2",
                "training.sequence_length=32",
            ];
            sizes.iter().chain(sets).for_each(|set| arguments.extend(["--set", set]));
            let output = gopher(folder.path(), &arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Some(folder)
    });
    place.as_ref().map(TempDir::path)
}

fn gopher(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.args(arguments).current_dir(folder).env("XLA_FLAGS", QUICK_FLAGS.join(" "));
    command.output().unwrap()
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> Output {
    let output = gopher(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A run's parameters in float32, by name.
fn parameters(folder: &Path, run: &str) -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let file = format!("{run}.safetensors").replace('/', "-");
    let _ = fs::remove_file(folder.join(&file));
    succeeds(folder, &["checkpoint", "export", run, &file, "--dtype", "f32"]);
    tensors(&folder.join(file))
}

fn tensors(path: &Path) -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> = file
        .iter()
        .map(|(name, tensor)| {
            assert_eq!(tensor.dtype(), Dtype::F32);
            (name.to_owned(), tensor.shape().to_vec(), tensor.data().to_vec())
        })
        .collect();
    tensors.sort();
    tensors
}

fn says(folder: &Path, run: &str) -> Value {
    let output = succeeds(
        folder,
        &[
            "generate",
            "--run",
            run,
            "--prompt",
            "the slings",
            "--temperature",
            "0",
            "--tokens",
            "12",
            "--window",
            "32",
            "--json",
        ],
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["tokens"].clone()
}

/// Written and read back, it is the same model: the same parameters bit for bit, the same tokenizer, the same text.
#[test]
fn a_llama_comes_back_as_it_was() {
    let Some(place) = place() else { return };
    for run in ["llama", "bytes"] {
        for (format, target) in [("gguf", format!("{run}.gguf")), ("hugging-face", format!("{run}-folder"))] {
            succeeds(place, &["export", "--run", run, "--format", format, "-o", &target]);
            let back = format!("back-{run}-{format}");
            succeeds(place, &["import", &target, "-o", &back]);
            let (before, after) = (parameters(place, run), parameters(place, &back));
            assert_eq!(before.len(), after.len());
            for ((name, shape, numbers), (other, new, same)) in before.iter().zip(&after) {
                assert_eq!(name, other);
                // Rows that stand for no token are left out.
                assert!(shape == new || run == "bytes" && new[0] == 269 && shape[1..] == new[1..], "{name}");
                assert!(numbers.starts_with(same), "{back}: {name} is another");
            }
            assert_eq!(says(place, run), says(place, &back), "{back}");
            let config = |run: &str| fs::read_to_string(place.join(run).join("config.toml")).unwrap();
            let section = |run: &str| {
                let text = config(run);
                let model = text.split("[model]\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
                model
                    .lines()
                    .filter(|line| !line.starts_with("vocabulary_size") && !line.starts_with("norm_epsilon"))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert_eq!(section(run), section(&back));
            let tokenizer = |run: &str| Tokenizer::load(&place.join(run).join("tokenizer.model")).unwrap();
            let (one, other) = (tokenizer(run), tokenizer(&back));
            assert_eq!(one.encode(TEXT), other.encode(TEXT));
            assert_eq!(
                (one.begin_of_text(), one.end_of_text(), one.vocabulary_size()),
                (other.begin_of_text(), other.end_of_text(), other.vocabulary_size())
            );
        }
    }
}

/// A folder's files are those that other programs look for, and say what the model is.
#[test]
fn a_gopher_is_a_folder_with_its_own_names() {
    let Some(place) = place() else { return };
    succeeds(place, &["export", "--run", "gopher", "--format", "hugging-face", "-o", "folder"]);
    let folder: PathBuf = place.join("folder");
    let json =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap() };
    let config = json("config.json");
    assert_eq!(
        (&config["model_type"], &config["layers"], &config["d_model"]),
        (&"gopher".into(), &2.into(), &16.into())
    );
    assert_eq!((&config["tokens"], &config["eos_token_id"]), (&330.into(), &2.into()));
    assert_eq!(json("tokenizer_config.json")["eos_token"], "</s>");
    let own = fs::read(place.join("gopher/tokenizer.model")).unwrap();
    assert!(fs::read(folder.join("tokenizer.model")).unwrap() == own);
    assert_eq!(tensors(&folder.join("model.safetensors")), parameters(place, "gopher"));
    let error = gopher(place, &["import", "folder", "-o", "never"]);
    assert!(String::from_utf8_lossy(&error.stderr).contains("model_type = \"gopher\" is not supported"));
}

#[track_caller]
fn check(arguments: &[&str], code: i32, part: &str) {
    let folder = place().unwrap();
    let output = gopher(folder, &[&["export"], arguments].concat());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    assert!(message.contains(part), "{message}");
    assert!(!folder.join("x.gguf").exists());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let Some(place) = place() else { return };
    let gguf = ["--format", "gguf", "-o", "x.gguf"];
    check(&[&["--run", "gopher"], &gguf[..]].concat(), 1, "a gopher cannot be written as a GGUF file");
    check(&[&["--model", "44m"], &gguf[..]].concat(), 2, "only a run has parameters; name it with --run DIR");
    check(&[&["--run", "llama", "--set", "model.layers=1"], &gguf[..]].concat(), 2, "--set: ");
    check(&[&["--run", "llama", "--program", "loss"], &gguf[..]].concat(), 2, "--program: it is of programs");
    check(
        &["--run", "llama", "--format", "stablehlo", "-o", "x.mlir"],
        2,
        "which program? --program forward",
    );
    check(&["--run", "llama", "--format", "gguf", "-o", "x.json"], 2, "name it x.gguf");
    check(&["--run", "llama", "--format", "gguf", "-o", "-"], 2, "needs a name");
    check(&["--run", "llama", "--format", "gguf", "-o", "nowhere/x.gguf"], 1, "there is no folder nowhere");
    check(&["--run", "nothing", "--format", "gguf", "-o", "x.gguf"], 1, "no run at nothing");
    fs::write(place.join("there.gguf"), "mine").unwrap();
    check(
        &["--run", "llama", "--format", "gguf", "-o", "there.gguf"],
        1,
        "it is there already: name another place",
    );
    assert_eq!(fs::read_to_string(place.join("there.gguf")).unwrap(), "mine");
    check(
        &["--run", "llama", "--format", "hugging-face", "-o", "gopher"],
        1,
        "it is there already: name another place",
    );
    let left = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".partial-")));
}
