//! `gopher analyze toxicity` and `gopher scaling fit`, by the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gopher")).args(arguments).current_dir(&self.0).output().unwrap()
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, expected: &str) {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), error.trim_end()), (Some(code), expected));
    }

    /// A run of so many parameters and tokens that ended with a loss.
    fn run(&self, name: &str, parameters: u64, tokens: u64, loss: f64) {
        self.write(&format!("{name}/config.toml"), "[data]\ntext = \"a\"\n\n[train]\nsteps = 2\n");
        self.write(&format!("{name}/plan.json"), json!({"parameters": parameters}).to_string());
        let line = json!({
            "step": 2, "tokens": tokens, "loss": loss, "learning_rate": 0.0, "grad_norm": 1.0, "seconds": 1.0,
            "tokens_per_second": 1.0, "validation_loss": loss,
        });
        self.write(&format!("{name}/metrics.jsonl"), format!("{line}\n"));
    }
}

#[test]
fn texts_are_scored_in_order_and_together() {
    let place = Place::new();
    place.write(
        "a.jsonl",
        "{\"text\": \"What a lovely day\", \"kind\": 0}\n{\"text\": \"you stupid idiot\", \"kind\": 1}\n",
    );
    let lines = place.text(&["analyze", "toxicity", "--score", "a.jsonl", "--json"]);
    let found: Vec<f64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["probability"].as_f64().unwrap())
        .collect();
    assert!(found.len() == 2 && found[0] < 0.1 && found[1] > 0.9, "{lines}");
    let table = place.text(&["analyze", "toxicity", "--score", "a.jsonl", "--label", "kind=1"]);
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("texts").ends_with('2') && row("share of 0.5 or more").contains("0.500"), "{table}");
    assert!(row("AUC").contains("1.000") && !table.contains("idiot"), "{table}");
}

#[test]
fn what_cannot_be_scored_is_said() {
    let place = Place::new();
    let score = |more: &[&'static str]| [&["analyze", "toxicity", "--score", "a.jsonl"][..], more].concat();
    place.refused(&score(&[]), 1, "error: a.jsonl: no such file or folder");
    place.write("a.jsonl", "{\"body\": \"x\", \"n\": 1}\n");
    place.refused(&score(&[]), 1, "error: a.jsonl: record 1 has no field text with a text; it has body, n");
    place.refused(
        &score(&["--text-field", "body", "--label", "n"]),
        2,
        "error: --label n: FIELD=VALUE is expected, such as is_toxic=Toxic",
    );
    place.refused(
        &score(&["--text-field", "body", "--label", "n=1"]),
        1,
        "error: texts not of the kind: 0 of them, and 1 are needed",
    );
}

#[test]
fn a_left_out_run_is_predicted() {
    let place = Place::new();
    let loss = |parameters: u64| 1.8 + 400.0 / (parameters as f64).powf(0.34);
    let sizes = [1u64, 3, 9, 27, 81].map(|size| size * 10_000_000);
    for (number, size) in sizes.into_iter().enumerate() {
        place.run(&format!("r{number}"), size, 1_000_000_000, loss(size));
    }
    let fit = ["scaling", "fit", "--runs", "r0", "r1", "r2", "r3", "r4", "--hold-out", "r4"];
    let report: Value = serde_json::from_str(&place.text(&[&fit[..], &["--json"]].concat())).unwrap();
    assert_eq!(report["runs"].as_array().unwrap().len(), 4);
    let of_size = &report["fits"][0];
    assert_eq!((&of_size["law"], &of_size["formula"]), (&json!("parameters"), &json!("E + A / N^alpha")));
    let exponent = of_size["constants"][2]["value"].as_f64().unwrap();
    let error = of_size["held_out"][0]["error"].as_f64().unwrap();
    assert!((exponent - 0.34).abs() < 0.01 && error.abs() < 0.005, "{report:#}");
    let text = place.text(&fit);
    assert!(text.contains("L = E + A / N^alpha, 4 runs") && text.contains("left out"), "{text}");
    place.refused(
        &[&fit[..4], &["--law", "joint"]].concat(),
        1,
        "error: E + A / N^alpha + B / D^beta: runs for this law: 1 of them, and 6 are needed",
    );
}

#[test]
fn runs_that_do_not_compare_are_refused() {
    let place = Place::new();
    for (number, size) in [1u64, 3, 9, 27].into_iter().enumerate() {
        place.run(&format!("r{number}"), size * 10_000_000, 1_000_000_000, 4.0 - number as f64 / 10.0);
    }
    place.write("r2/config.toml", "[data]\ntext = \"b\"\n");
    let fit = ["scaling", "fit", "--runs", "r0", "r1", "r2", "r3"];
    place.refused(
        &fit,
        1,
        "error: data.text is \"a\" in r0 and \"b\" in r2: their losses are of different text or tokens; leave one out, or fit \
         all the same with --mixed",
    );
    assert!(place.output(&[&fit[..], &["--mixed"]].concat()).status.success());
    place.refused(&["scaling", "fit", "--runs", "r0", "r0"], 2, "error: r0: it is named twice");
    fs::write(place.path("r1/metrics.jsonl"), "").unwrap();
    place.refused(
        &fit[..5],
        1,
        "error: r1: no loss on held-out text yet; train it until a validation (training.validation_every)",
    );
    let missing = Path::new("r9");
    assert!(!place.path("r9").exists());
    place.refused(
        &["scaling", "fit", "--runs", "r9"],
        1,
        &format!("error: {}: no such folder", missing.display()),
    );
}
