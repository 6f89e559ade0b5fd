//! `gopher generate` on a small model that `gopher train` has made, and on what is not one.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use common::{SmallRun, TEXT, TINY, command, gopher};
use serde_json::Value;
use tempfile::TempDir;

/// A run of a few steps, trained once for all tests; `None` without a plugin.
fn trained() -> Option<&'static Path> {
    static RUN: OnceLock<Option<SmallRun>> = OnceLock::new();
    let settings = [&TINY[..], &["training.sequence_length=32"]].concat();
    RUN.get_or_init(|| SmallRun::train("run", &TEXT.repeat(60), 4, &settings)).as_ref().map(SmallRun::path)
}

/// A copy of the run that a test may spoil.
fn copied(run: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target)
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy(run, folder.path());
    folder
}

fn generate(run: &Path, arguments: &[&str]) -> Output {
    gopher(&[&["generate", "--run", run.to_str().unwrap()], arguments].concat())
}

fn answer(run: &Path, arguments: &[&str]) -> Value {
    let output = generate(run, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn text_and_json_say_the_same() {
    let Some(run) = trained() else { return };
    let arguments = ["--prompt", "To be, or", "--tokens", "20", "--seed", "3", "--top-p", "0.9"];
    let answer = answer(run, &arguments);
    assert_eq!(answer["prompt"], "To be, or");
    assert_eq!(answer["step"], 4);
    assert_eq!(answer["window"], 32);
    assert_eq!((&answer["seed"], &answer["top_p"]), (&3.into(), &0.9.into()));
    assert!(answer["tokens"].as_array().unwrap().len() <= 20);
    let output = generate(run, &arguments);
    assert!(output.status.success());
    let speed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(speed.lines().count(), 1, "{speed}");
    assert!(speed.contains(" tokens/s; 6 of the prompt read in "), "{speed}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, format!("To be, or{}\n", answer["text"].as_str().unwrap()));
}

#[test]
fn greedy_text_needs_no_seed_and_goes_beyond_the_window() {
    let Some(run) = trained() else { return };
    let tokens = |seed: &str| {
        let arguments = ["--prompt", "To be", "--tokens", "50", "--temperature", "0", "--seed", seed];
        answer(run, &arguments)["tokens"].clone()
    };
    assert_eq!(tokens("1"), tokens("2"));
    // After so few steps the model has not learned to end a text.
    assert_eq!(tokens("1").as_array().unwrap().len(), 50);
}

/// Runs `generate` with a text as its standard input.
fn piped(run: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = command();
    command.args(["generate", "--tokens", "6", "--run"]).arg(run).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// From the command line, from files and from standard input, in this order, each as if it were alone.
#[test]
fn several_prompts_are_continued_in_order() {
    let Some(run) = trained() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompt.txt");
    fs::write(&file, "The slings\nand arrows\n").unwrap();
    let file = file.to_str().unwrap();
    let arguments = ["--prompt", "To be", "--prompt", "Whether", "--prompt-file", file, "--prompt-file", "-"];
    let output = piped(run, &[&arguments[..], &["--json"]].concat(), "Or to\r\n".as_bytes());
    let answers = lines(&output);
    let prompts: Vec<_> = answers.iter().map(|answer| answer["prompt"].as_str().unwrap()).collect();
    assert_eq!(prompts, ["To be", "Whether", "The slings\nand arrows", "Or to"]);
    let alone = lines(&piped(run, &["--prompt", "Whether", "--json"], b""));
    assert_eq!(answers[1]["tokens"], alone[0]["tokens"]);
    let texts: Vec<_> = answers
        .iter()
        .map(|answer| format!("{}{}\n", answer["prompt"].as_str().unwrap(), answer["text"].as_str().unwrap()))
        .collect();
    let output = piped(run, &arguments, b"Or to\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), texts.join("\n"));
}

/// The model is loaded once; a line that cannot be continued is named, and the others are.
#[test]
fn lines_are_continued_as_they_come() {
    let Some(run) = trained() else { return };
    let input = format!("To be\n\n{}\nWhether", TEXT.replace('\n', " ").repeat(3));
    let output = piped(run, &["--interactive"], input.as_bytes());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("error: line 3: the prompt is "), "{message}");
    assert!(message.ends_with("error: 1 of 4 lines could not be continued\n"), "{message}");
    let expected = ["To be", "Whether"].map(|prompt| {
        let answer = &lines(&piped(run, &["--prompt", prompt, "--json"], b""))[0];
        format!("{prompt}{}\n", answer["text"].as_str().unwrap())
    });
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected.concat());
    let answers = lines(&piped(run, &["--interactive", "--json"], b"To be\nWhether\n"));
    assert_eq!((&answers[0]["prompt"], &answers[1]["prompt"]), (&"To be".into(), &"Whether".into()));
    assert!(lines(&piped(run, &["--interactive"], b"")).is_empty());
}

#[test]
fn the_likeliest_few_can_be_asked_for() {
    let Some(run) = trained() else { return };
    let tokens = |arguments: &[&str]| {
        let answer = answer(run, &[&["--prompt", "To be", "--tokens", "12"], arguments].concat());
        (answer["tokens"].clone(), answer["top_k"].clone())
    };
    let greedy = tokens(&["--temperature", "0"]);
    assert_eq!(greedy.1, Value::Null);
    assert_eq!(tokens(&["--top-k", "1", "--seed", "4"]), (greedy.0, 1.into()));
    assert_eq!(tokens(&["--top-k", "5"]), tokens(&["--top-k", "5"]));
    assert_eq!(tokens(&["--top-k", "330"]).0, tokens(&[]).0);
}

/// A run, the folder of its checkpoints and a checkpoint are understood; what is above, below or beside them is named.
#[test]
fn every_level_of_a_run_is_understood_or_named() {
    let Some(run) = trained() else { return };
    let copy = copied(run);
    let checkpoints = copy.path().join("checkpoints");
    let checkpoint = checkpoints.join("step-00000004");
    let expected = answer(run, &["--prompt", "To be", "--tokens", "4"])["tokens"].clone();
    for path in [copy.path(), &checkpoints, &checkpoint] {
        let got = answer(path, &["--prompt", "To be", "--tokens", "4", "--checkpoint", "4"]);
        assert_eq!((&got["tokens"], &got["step"]), (&expected, &4.into()));
    }
    let prompt = |step| ["--prompt", "x", "--checkpoint", step];
    check(copy.path(), &prompt("3"), 1, &["has no checkpoint of step 3; it has those of step 4"]);
    check(&checkpoint, &prompt("3"), 1, &["is the checkpoint of step 4, not 3"]);
    check(
        &copy.path().join("config.toml"),
        &["--prompt", "x"],
        1,
        &["the run is ", copy.path().to_str().unwrap()],
    );
    check(
        run.parent().unwrap(),
        &["--prompt", "x"],
        1,
        &["name one of the runs in it: ", run.to_str().unwrap()],
    );
    fs::create_dir(checkpoints.join("step-00000009")).unwrap();
    check(&checkpoints.join("step-00000009"), &["--prompt", "x"], 1, &["has no manifest.json"]);
}

/// What a large window takes is said before it is taken; no more is than a text can need.
#[test]
fn memory_of_a_large_window_is_said() {
    let Some(run) = trained() else { return };
    let output = piped(run, &["--interactive", "--window", "131072"], b"To be\n");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.starts_with("a window of 131,072 tokens takes 16.00 MiB beside "), "{message}");
    let small = answer(run, &["--prompt", "To be", "--tokens", "6"]);
    let large = answer(run, &["--prompt", "To be", "--tokens", "6", "--window", "1048576"]);
    assert_eq!((&large["tokens"], &large["window"]), (&small["tokens"], &1_048_576.into()));
}

#[track_caller]
fn check(run: &Path, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = generate(run, arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("error: "), "{message}");
    for part in parts {
        assert!(message.contains(part), "{message}");
    }
    assert!(output.stdout.is_empty());
}

/// What is wrong for every model is noticed before one is looked for.
#[test]
fn wrong_arguments_are_wrong_usage() {
    let nowhere = Path::new("/no/such/run");
    check(nowhere, &["--prompt", ""], 2, &["the prompt is empty"]);
    check(nowhere, &["--prompt", "x", "--temperature", "-0.5"], 2, &["the temperature is -0.5"]);
    check(nowhere, &["--prompt", "x", "--temperature", "NaN"], 2, &["the temperature is NaN"]);
    check(nowhere, &["--prompt", "x", "--top-p", "0"], 2, &["top-p is 0"]);
    check(nowhere, &["--prompt", "x", "--top-p", "1.1"], 2, &["top-p is 1.1"]);
    check(nowhere, &["--prompt", "x", "--top-k", "0"], 2, &["top-k is 0"]);
    check(nowhere, &[], 2, &["nothing to continue", "--prompt TEXT"]);
    check(
        nowhere,
        &["--prompt-file", "-", "--prompt-file", "-"],
        2,
        &["standard input can be read once only"],
    );
    check(nowhere, &["--prompt-file", "/no/such/file"], 1, &["--prompt-file /no/such/file: No such file"]);
    check(nowhere, &["--prompt-file", "/dev/null"], 1, &["--prompt-file /dev/null: a device, not a file"]);
    check(nowhere, &["--prompt", "x"], 1, &["no run at /no/such/run"]);
}

#[test]
fn a_prompt_longer_than_the_window_needs_a_wider_one() {
    let Some(run) = trained() else { return };
    let prompt = TEXT.repeat(3);
    let output = generate(run, &["--prompt", &prompt]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let tokens: usize = message.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    check(run, &["--prompt", &prompt], 1, &[&format!("{tokens} tokens"), "holds 32", "--window"]);
    let window = tokens.to_string();
    let answer = answer(run, &["--prompt", &prompt, "--window", &window, "--tokens", "3"]);
    assert_eq!(answer["prompt_tokens"].as_array().unwrap().len(), tokens);
}

#[test]
fn a_run_without_a_checkpoint_has_no_text_to_give() {
    let Some(run) = trained() else { return };
    let copy = copied(run);
    fs::remove_dir_all(copy.path().join("checkpoints")).unwrap();
    check(copy.path(), &["--prompt", "x"], 1, &["has no checkpoint yet"]);
}

#[test]
fn a_damaged_checkpoint_is_not_used() {
    let Some(run) = trained() else { return };
    let copy = copied(run);
    let file = copy.path().join("checkpoints/step-00000004/shard-00000-of-00001.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    check(copy.path(), &["--prompt", "x"], 1, &["safetensors is damaged"]);
}

/// A checkpoint has its own configuration and tokenizer, of the same moment as its parameters.
#[test]
fn the_run_directory_s_other_files_do_not_matter() {
    let Some(run) = trained() else { return };
    let copy = copied(run);
    let expected = answer(run, &["--prompt", "To be", "--tokens", "4"]);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    fs::write(copy.path().join("config.toml"), config.replace("d_model = 16", "d_model = 18")).unwrap();
    fs::remove_file(copy.path().join("tokenizer.model")).unwrap();
    let got = answer(copy.path(), &["--prompt", "To be", "--tokens", "4"]);
    assert_eq!((&got["text"], &got["step"]), (&expected["text"], &expected["step"]));
}
