//! Training on dialogues: `--data dialogues.jsonl`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::place::{Place, stderr};

/// Eighty steps that begin with the parameters of `whole`, saved after every twentieth.
const TUNING: [&str; 14] = [
    "--from",
    "whole",
    "--data",
    "dialogues.jsonl",
    "--steps",
    "80",
    "--set",
    "training.sequence_length=64",
    "--set",
    "schedule.maximum=3e-2",
    "--set",
    "training.checkpoint_every=20",
    "--set",
    "data.validation_fraction=0.2",
];

impl Place {
    /// Dialogues of which answers can be learned, and what is asked cannot.
    fn write_dialogues(&self) {
        let mut lines = String::new();
        for index in 0..60u32 {
            let letter = |turn: u32| char::from(b'a' + (index * 7 + turn * 11 + index * index) as u8 % 26);
            let question =
                |turn: u32| json!({ "role": "user", "content": letter(turn).to_string().repeat(6) });
            let answer = json!({ "role": "assistant", "content": "to be, or not" });
            let messages = match index % 3 {
                0 => vec![question(0), answer.clone(), question(1), answer],
                _ => vec![question(0), answer],
            };
            writeln!(lines, "{}", json!({ "messages": messages })).unwrap();
        }
        self.write("dialogues.jsonl", lines);
    }

    /// The mean log-probability of the answers.
    fn measure(&self, run: &str) -> f64 {
        let arguments = ["eval", "dialogues", "dialogues.jsonl", "--run", run, "--window", "128", "--json"];
        let output = self.gopher(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let output: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&output["answers"], &output["overlong"]), (&80.into(), &0.into()));
        output["mean_log_probability"].as_f64().unwrap()
    }
}

#[test]
fn answers_are_learned_and_nothing_else_matters() {
    let Some(place) = Place::with_whole() else { return };
    place.write_dialogues();
    let output = place.train(&[&TUNING[..], &["--run", "tuned"]].concat());
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("60 dialogues of ") && said.contains(" of them answers, in "), "{said}");
    assert!(place.read("tuned/config.toml").contains("\ndialogues = true\n"));
    // The questions are letters at random, which nobody can learn: the loss is that of the answers.
    let metrics = place.metrics("tuned");
    let number = |index: usize, key: &str| metrics[index][key].as_f64().unwrap();
    assert!(
        number(79, "loss") < 0.5 && number(0, "loss") > 2.0,
        "{} {}",
        number(0, "loss"),
        number(79, "loss")
    );
    assert!(number(79, "validation_loss") < 0.5);
    assert!(place.measure("tuned") > place.measure("whole") + 1.0);

    // Going on from the middle gives the same, bit for bit.
    let from =
        TUNING[2..].iter().copied().chain(["--resume", "tuned/checkpoints/step-00000040", "--run", "again"]);
    place.trained(&from.collect::<Vec<_>>());
    assert!(place.state("again", 80) == place.state("tuned", 80));
    // Over two devices it is the same training.
    let split = ["--run", "split", "--topology", "cpu:2"];
    place.trained(&[&TUNING[..], &split].concat());
    for (one, two) in place.metrics("tuned").iter().zip(place.metrics("split")).take(10) {
        let (one, two) = (one["loss"].as_f64().unwrap(), two["loss"].as_f64().unwrap());
        assert!((one - two).abs() < 1e-4 * one, "{one} {two}");
    }
    // It goes on by itself, and other dialogues are another text.
    place.trained(&[
        "--run",
        "tuned",
        "--data",
        "dialogues.jsonl",
        "--steps",
        "81",
        "--set",
        "training.sequence_length=64",
        "--set",
        "data.validation_fraction=0.2",
    ]);
    let more = place.read("dialogues.jsonl").replace("or not", "or now");
    place.write("others.jsonl", more);
    place.check_error(
        &[
            "--run",
            "tuned",
            "--data",
            "others.jsonl",
            "--steps",
            "90",
            "--set",
            "training.sequence_length=64",
            "--set",
            "data.validation_fraction=0.2",
        ],
        1,
        &["text"],
    );

    // Who talks with it needs no prompt.
    let mut chat = place.gopher(&["chat", "--run", "tuned", "--temperature", "0", "--json"]);
    let mut child = chat.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"qqqqqq\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["content"], "to be, or not");
    assert!(["turn", "end_of_text"].contains(&answer["stop"].as_str().unwrap()), "{answer}");
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let Some(place) = Place::with_whole() else { return };
    place.write_dialogues();
    let data = ["--data", "dialogues.jsonl"];
    place.check_error(&data, 1, &["dialogues are too little to train a tokenizer on", "--from RUN"]);
    let set = ["--from", "whole", "--set", "data.dialogues=true"];
    place.check_error(&set, 1, &["text.txt", "docs/dialogue.md"]);
    let off = [&["--from", "whole", "--set", "data.dialogues=false"], &data[..]].concat();
    place.check_error(&off, 1, &["dialogues.jsonl:1", "text"]);
    let mixed =
        place.read("dialogues.jsonl") + "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}\n";
    place.write("bad.jsonl", mixed);
    let bad =
        ["--from", "whole", "--data", "bad.jsonl", "--steps", "1", "--set", "training.sequence_length=64"];
    place.check_error(&bad, 1, &["bad.jsonl:61: no message of the assistant has a text"]);
    let skip = place.train(&[&bad[..], &["--set", "data.bad_records=skip", "--run", "skip"]].concat());
    assert!(skip.status.success(), "{}", stderr(&skip));
    assert!(stderr(&skip).contains("1 record passed over: no dialogue with an answer"), "{}", stderr(&skip));
    let output = place.gopher(&["train", "--set", "data.dialogues=true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("data.dialogues"), "{}", stderr(&output));
}
