//! `gopher chat` through pipes and at a terminal, with a small model that has learned to say one thing.

mod common;
mod running;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::{SmallRun, command};
use running::{Running, Start};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

const QUESTIONS: [&str; 4] = ["Is it day?", "Is it night?", "Are you well?", "Do you sing?"];

/// A run that has learned to answer, trained once for all tests; `None` without a plugin.
fn trained() -> Option<&'static Path> {
    static RUN: OnceLock<Option<SmallRun>> = OnceLock::new();
    let exchange = |index: usize| {
        format!("User: {}\n\nGopher: Yes, it is so.\n\n", QUESTIONS[(index * index % 11 + index) % 4])
    };
    let settings = [
        "model.layers=1",
        "model.heads=2",
        "model.key_value_size=8",
        "model.d_model=32",
        "model.vocabulary_size=320",
        "training.batch=8",
        "training.sequence_length=64",
        "schedule.maximum=2e-2",
        "schedule.warmup_steps=10",
    ];
    let train = || SmallRun::train("run", &(0..400).map(exchange).collect::<String>(), 60, &settings);
    RUN.get_or_init(train).as_ref().map(SmallRun::path)
}

/// The program, talking with a run; its input and output are pipes.
fn chat(run: &Path, arguments: &[&str]) -> Command {
    let mut command = command();
    command.args(["chat", "--run"]).arg(run).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn says(run: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = chat(run, arguments).spawn().unwrap();
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The answers, as JSON.
#[track_caller]
fn answers(run: &Path, arguments: &[&str], input: &str) -> Vec<Value> {
    let output = says(run, &[arguments, &["--json"]].concat(), input.as_bytes());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_answer_ends_where_the_next_turn_would_begin() {
    let Some(run) = trained() else { return };
    let output = says(run, &["--temperature", "0", "--prompt", "none"], b"Is it day?\n\nDo you sing?\r\n");
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "Yes, it is so.\nYes, it is so.\n");
    assert_eq!(text(&output.stderr), "");
    let answers = answers(run, &["--temperature", "0", "--prompt", "none"], "Is it day?\nDo you sing?");
    let contents: Vec<_> = answers.iter().map(|answer| (&answer["content"], &answer["stop"])).collect();
    assert_eq!(contents, [(&json!("Yes, it is so."), &json!("turn")); 2]);
    assert!(says(run, &["--prompt", "none"], b"").stdout.is_empty());
}

/// The answer is what `gopher generate` says after the text of the dialogue, up to the next turn.
#[test]
fn a_dialogue_is_a_text_that_goes_on() {
    let Some(run) = trained() else { return };
    let folder = tempfile::tempdir().unwrap();
    let prompt = folder.path().join("prompt.txt");
    fs::write(&prompt, "Two talk.\n\nUser: A?\n\nGopher: B.\n").unwrap();
    let arguments = ["--temperature", "1.5", "--tokens", "12", "--window", "128"];
    let named = ["--seed", "4", "--prompt", prompt.to_str().unwrap()];
    let got = answers(run, &[&arguments[..], &named].concat(), "Is it day?\nAre you well?\n");
    let mut dialogue = "Two talk.\n\nUser: A?\n\nGopher: B.".to_owned();
    for (answer, (question, seed)) in got.iter().zip([("Is it day?", "4"), ("Are you well?", "5")]) {
        dialogue += &format!("\n\nUser: {question}\n\nGopher:");
        let mut generate = command();
        generate.args(["generate", "--json", "--top-p", "0.8", "--run"]).arg(run).args(arguments);
        let output = generate.args(["--seed", seed, "--prompt", &dialogue]).output().unwrap();
        let expected: Value = serde_json::from_slice(&output.stdout).unwrap();
        let whole = expected["text"].as_str().unwrap();
        let end = ["\nUser:", "\nGopher:"].iter().filter_map(|stop| whole.find(stop)).min();
        assert_eq!(answer["content"], whole[..end.unwrap_or(whole.len())].trim());
        assert_eq!(answer["seed"].to_string(), seed);
        assert_eq!(answer["prompt_tokens"], expected["prompt_tokens"].as_array().unwrap().len());
        dialogue += &format!(" {}", answer["content"].as_str().unwrap());
    }
    assert_eq!(got.len(), 2);
}

#[test]
fn a_dialogue_can_be_forgotten_tried_again_and_saved() {
    let Some(run) = trained() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a dialogue.jsonl");
    let save = format!("/save {}", file.display());
    let input =
        format!("Is it day?\n/retry\n{save}\n/reset\nIs it day?\n//slash\n{save}\n/quit\nnever read\n");
    let arguments = ["--temperature", "2", "--top-p", "1", "--prompt", "none", "--tokens", "8"];
    let answers = answers(run, &arguments, &input);
    let seeds: Vec<_> = answers.iter().map(|answer| answer["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [0, 1, 0, 1]);
    assert_ne!(answers[0]["content"], answers[1]["content"]);
    assert_eq!(answers[0], answers[2]);
    let turn = |role: &str, content: &Value| json!({ "role": role, "content": content });
    let user = |content: &str| turn("user", &content.into());
    let gopher = |answer: &Value| turn("assistant", &answer["content"]);
    let saved: Vec<Value> =
        fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = json!({ "messages": [user("Is it day?"), gopher(&answers[1])] });
    let second = [user("Is it day?"), gopher(&answers[2]), user("/slash"), gopher(&answers[3])];
    assert_eq!(saved, [first, json!({ "messages": second })]);
}

/// What is wrong with a line is said, and the next ones are answered.
#[test]
fn a_line_that_cannot_be_answered_is_named() {
    let Some(run) = trained() else { return };
    let long = "long ".repeat(400);
    let mut input = format!("/save x.jsonl\n/retry\n/wat\n/save\n{long}\n").into_bytes();
    input.extend(b"\xff\n/save /no/such/folder/x\nIs it day?\n/save /no/such/folder/x\n/help\n");
    let output = says(run, &["--temperature", "0", "--prompt", "none"], &input);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(text(&output.stdout), "Yes, it is so.\n");
    for part in [
        "error: line 1: /save: nothing has been said yet\n",
        "error: line 2: there is no answer to take back\n",
        "error: line 3: /wat: there is no such command; /help lists them\n",
        "error: line 4: /save needs the name of a file\n",
        "error: line 5: the prompt and the newest turn are ",
        "error: line 6: not UTF-8 text at byte 0\n",
        "error: line 9: /save /no/such/folder/x: No such file or directory",
        "/reset        forget what was said\n",
        "error: 8 of 10 lines failed\n",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
}

/// The window has room for some of the turns, and it is said how many are left out.
#[test]
fn the_newest_turns_are_kept() {
    let Some(run) = trained() else { return };
    let input = "Is it day?\n".repeat(5);
    let output = says(run, &["--temperature", "0"], input.as_bytes());
    let message = text(&output.stderr);
    assert!(output.status.success(), "{message}");
    assert_eq!(text(&output.stdout), "Yes, it is so.\n".repeat(5));
    assert!(message.starts_with("Gopher's prompt is "), "{message}");
    assert!(message.contains("half of the window of 64: it is left out; --window "), "{message}");
    assert!(message.contains("the 2 oldest turns are left out: the window holds 64 tokens\n"), "{message}");
    let got = answers(run, &["--temperature", "0", "--prompt", "none"], &input);
    assert!(got.iter().all(|answer| answer["prompt_tokens"].as_u64().unwrap() <= 48));
    assert!(got[4]["left_out"].as_u64().unwrap() >= 4);
    // Where there is room for it, the prompt is there.
    let got = answers(run, &["--window", "4096", "--tokens", "2"], "Is it day?\n");
    assert!(got[0]["prompt_tokens"].as_u64().unwrap() > 500);
    assert_eq!((&got[0]["tokens"], &got[0]["stop"]), (&json!(2), &json!("tokens")));
}

#[track_caller]
fn check(run: &Path, arguments: &[&str], code: i32, part: &str) {
    let output = says(run, arguments, b"Is it day?\n");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    assert!(message.contains(part), "{message}");
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_arguments_are_refused() {
    let nowhere = Path::new("/no/such/run");
    check(nowhere, &["--temperature", "NaN"], 2, "the temperature is NaN");
    check(nowhere, &["--top-p", "-1"], 2, "top-p is -1");
    check(nowhere, &["--tokens", "0"], 2, "--tokens 0: an answer has at least 1");
    check(nowhere, &["--prompt", "/no/such/file"], 1, "--prompt /no/such/file: No such file");
    check(nowhere, &[], 1, "no run at /no/such/run");
    let Some(run) = trained() else { return };
    check(run, &["--prompt", "gopher"], 1, "the window holds 64: shorten the turn or the prompt, or widen");
    check(run, &["--tokens", "62", "--prompt", "none"], 1, "62 more are kept for the answer");
}

fn interrupt(child: &Running) {
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
}

/// Ctrl-C stops the answer, of which what was said is kept; without an answer it ends a program that no one sits before.
#[test]
fn ctrl_c_stops_an_answer_and_not_the_program() {
    let Some(run) = trained() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.jsonl");
    // So hot that the next turn never comes.
    let mut child = chat(
        run,
        &[
            "--temperature",
            "50",
            "--top-p",
            "1",
            "--window",
            "65536",
            "--tokens",
            "60000",
            "--prompt",
            "none",
        ],
    )
    .start();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    input.write_all(b"Is it day?\n").unwrap();
    let mut first = [0; 8];
    output.read_exact(&mut first).unwrap();
    interrupt(&child);
    input.write_all(format!("/save {}\n", file.display()).as_bytes()).unwrap();
    let begin = Instant::now();
    while !fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
        assert!(begin.elapsed() < Duration::from_secs(60), "the answer goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    drop(input);
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).unwrap();
    let shown = text(&[&first[..], &rest].concat());
    let said = saved["messages"][1]["content"].as_str().unwrap();
    assert_eq!(shown, format!("{said}\n"));
    assert!(said.len() < 500_000);
}

/// A terminal that the program has for its own, and our end of it.
fn terminal() -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs =
        open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (ours, theirs)
}

/// Who sits at a terminal sees whose turn it is, is not thrown out by Ctrl-C, and ends it with Ctrl-D.
#[test]
fn at_a_terminal_turns_have_names() {
    let Some(run) = trained() else { return };
    let (ours, theirs) = terminal();
    let mut command = chat(run, &["--temperature", "0", "--prompt", "none"]);
    command.stdin(Stdio::from(theirs.try_clone().unwrap())).stdout(Stdio::from(theirs.try_clone().unwrap()));
    let mut child = command.stderr(Stdio::from(theirs)).start();
    // Otherwise this process would keep the terminal open.
    drop(command);
    let mut reader = BufReader::new(fs::File::from(ours.try_clone().unwrap()));
    let mut writer = fs::File::from(ours);
    let mut seen = String::new();
    let mut wait_for = |part: &str| {
        while !seen.ends_with(part) {
            let bytes = reader.fill_buf().unwrap();
            let length = bytes.len();
            seen.push_str(std::str::from_utf8(bytes).unwrap());
            reader.consume(length);
        }
        std::mem::take(&mut seen)
    };
    assert!(
        wait_for("User: ").ends_with("/help lists commands; Ctrl-C stops an answer; Ctrl-D ends\r\nUser: ")
    );
    writer.write_all(b"Is it day?\n").unwrap();
    assert_eq!(wait_for("\r\nUser: "), "Is it day?\r\nGopher: Yes, it is so.\r\nUser: ");
    interrupt(&child);
    assert_eq!(wait_for("User: "), "\r\n(Ctrl-D ends)\r\nUser: ");
    writer.write_all(b"/nothing\n").unwrap();
    assert!(wait_for("\r\nUser: ").contains("error: line 2: /nothing"));
    writer.write_all(&[4]).unwrap();
    assert!(child.wait().unwrap().success());
}
