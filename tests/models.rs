//! `gopher models`, and what all commands share: versions, usage errors, a reader that stops reading.

mod running;

use std::io::Read;
use std::process::{Command, Output, Stdio};

use running::Start;
use serde_json::Value;

fn gopher(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gopher")).args(arguments).output().unwrap()
}

#[test]
fn the_list_has_the_paper_s_models_with_exact_counts() {
    let output = gopher(&["models", "--json"]);
    assert!(output.status.success() && output.stderr.is_empty());
    let models: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = models.iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names[6..], ["llama-7b", "llama-13b", "llama-70b"]);
    assert_eq!((&models[8]["kind"], &models[8]["key_value_heads"]), (&"llama".into(), &8.into()));
    let row = |model: &Value| {
        let number = |key: &str| model[key].as_u64().unwrap();
        let shape = ["layers", "heads", "key_value_size", "d_model"].map(number);
        (model["name"].as_str().unwrap().to_owned(), shape, number("parameters"), number("batch_tokens"))
    };
    let expected = [
        ("44m", [8, 16, 32, 512], 43_646_976, 262_144),
        ("117m", [12, 12, 64, 768], 116_588_544, 262_144),
        ("417m", [12, 12, 128, 1536], 417_202_176, 262_144),
        ("1.4b", [24, 16, 128, 2048], 1_374_158_848, 262_144),
        ("7.1b", [32, 32, 128, 4096], 7_110_393_856, 2_097_152),
        ("280b", [80, 128, 128, 16384], 279_697_162_240, 3_145_728),
    ];
    let expected = expected.map(|(name, shape, count, batch)| (name.to_owned(), shape, count, batch));
    assert_eq!(models.iter().take(6).map(row).collect::<Vec<_>>(), expected);
    for model in &models {
        let total = model["parameters"].as_u64().unwrap() + model["vector_parameters"].as_u64().unwrap();
        assert_eq!(model["total_parameters"], total);
        let large = ["7.1b", "280b", "llama-13b", "llama-70b"].contains(&model["name"].as_str().unwrap());
        assert_eq!(model["precision"], if large { "bf16" } else { "bf16-activations" });
        // Precision; bytes per parameter of parameters, optimiser's state, both, gradients, and these with microbatches.
        let expected = [
            ("f32", [4, 8, 12, 4, 4]),
            ("bf16-activations", [4, 8, 12, 4, 4]),
            ("bf16", [2, 8, 10, 2, 4]),
            ("bf16-f32-copy", [2, 12, 14, 2, 4]),
        ];
        for (name, bytes) in expected {
            let got = &model["bytes_per_parameter"][name];
            let keys = ["parameters", "optimizer_state", "state", "gradients", "gradients_with_microbatches"];
            assert_eq!(keys.map(|key| got[key].as_u64().unwrap()), bytes, "{name}");
            assert_eq!(model["training_state_bytes"][name], bytes[2] * total, "{name}");
        }
    }
}

/// The paper: bfloat16 parameters and float32 Adam state of the 280B model take 2.5 TiB.
#[test]
fn the_table_says_the_same_to_people() {
    let output = gopher(&["models"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let gopher = text.lines().find(|line| line.starts_with("280b")).unwrap();
    assert!(gopher.contains("279,697,162,240") && gopher.contains("2.54 TiB"), "{gopher}");
    assert!(text.lines().all(|line| line.chars().count() <= 140));
    let row = |name: &str| -> Vec<&str> {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split_whitespace().skip(1).collect()
    };
    assert_eq!(row("bf16-f32-copy"), ["2", "12", "14", "2", "4"]);
    assert_eq!(row("bf16"), ["2", "8", "10", "2", "4"]);
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_was_wrong() {
    let check = |arguments: &[&str], part: &str| {
        let output = gopher(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(part) && !message.contains("panicked"), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty());
    };
    check(&["model"], "models");
    check(&["models", "--jsn"], "--json");
    check(&["export", "--model", "44n", "--program", "loss", "--format", "stablehlo", "-o", "x"], "'44m'");
}

#[test]
fn help_and_version_are_results() {
    for argument in ["--help", "--version"] {
        let output = gopher(&[argument]);
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(String::from_utf8_lossy(&output.stdout).contains(if argument == "--help" {
            "Usage: gopher"
        } else {
            concat!("gopher ", env!("CARGO_PKG_VERSION"))
        }));
    }
}

/// As in `gopher models | head -1`.
#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gopher"))
        .args(["export", "--model", "44m", "--program", "train-step", "--format", "stablehlo", "-o", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .start();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gopher")).arg("models").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.starts_with("error: cannot write the results to standard output: "), "{message}");
    assert_eq!(message.lines().count(), 1);
}
