//! `gopher train` where all goes well: what it leaves, and how it goes on.

use std::fs;

use crate::place::{Place, stderr};
use serde_json::Value;

#[test]
fn a_run_directory_explains_itself() {
    let Some(place) = Place::new() else { return };
    let output = place.train(&["--run", "a", "--steps", "5"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let names = place.names("a");
    for name in [
        "checkpoints",
        "config.toml",
        "loss.svg",
        "metrics.jsonl",
        "plan.json",
        "starts.jsonl",
        "tokenizer.model",
        "training.svg",
    ] {
        assert!(names.iter().any(|other| other == name), "{name} is not in {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("events.out.tfevents.")), "{names:?}");
    assert_eq!(place.names("a/checkpoints"), ["step-00000005"]);

    let records = place.metrics("a");
    assert_eq!(records.len(), 5);
    for (record, step) in records.iter().zip(1..) {
        assert_eq!((&record["step"], &record["tokens"]), (&step.into(), &(step * 64).into()));
        for key in ["loss", "learning_rate", "grad_norm", "seconds", "tokens_per_second"] {
            assert!(record[key].is_f64(), "{key} in {record}");
        }
        // Every second step, and the last.
        assert_eq!(record["validation_loss"].is_f64(), step % 2 == 0 || step == 5, "{record}");
    }
    let plan: Value = serde_json::from_str(&place.read("a/plan.json")).unwrap();
    assert_eq!((&plan["mesh"]["data"], &plan["device"]["kind"]), (&1.into(), &"cpu".into()));
    assert_eq!(plan["state_bytes"], plan["parameters"].as_u64().unwrap() * 12);
    assert!(plan["memory_bytes"]["train_step"]["total"].as_u64() > plan["state_bytes"].as_u64());

    // Results go to standard output, everything else to standard error.
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["5 of 5", "validation loss", "unigram entropy", "peak memory", "run directory: a", "goes on"]
    {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert!(stderr(&output).contains("step 5/5  loss "), "{}", stderr(&output));
}

/// The configuration a run leaves is enough to repeat it, to the bit.
#[test]
fn a_run_can_be_repeated_from_its_configuration() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    place.trained(&["--run", "a", "--steps", "4"]);
    // From another folder: paths in it are absolute.
    fs::create_dir(place.path("elsewhere")).unwrap();
    let mut command = place.gopher(&["train", "../a/config.toml", "--run", "b"]);
    let output = command.current_dir(place.path("elsewhere")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.read("a/config.toml"), place.read("elsewhere/b/config.toml"));
    assert_eq!(place.curve("a"), place.curve("elsewhere/b"));
    assert!(place.state("a", 4) == place.state("elsewhere/b", 4), "the states differ");
}

/// What is said about resuming: the continued run is the uninterrupted one, to the bit.
#[test]
fn a_continued_run_equals_one_without_a_break() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    place.trained(&["--run", "a", "--steps", "7", "--set", "training.checkpoint_every=3"]);
    assert_eq!(place.names("a/checkpoints"), ["step-00000003", "step-00000006", "step-00000007"]);
    let (whole, state) = (place.curve("a"), place.state("a", 7));
    // As a process leaves it that is killed in step 6.
    for step in ["step-00000006", "step-00000007"] {
        fs::remove_dir_all(place.path("a/checkpoints").join(step)).unwrap();
    }
    let torn = place.read("a/metrics.jsonl");
    place.write("a/metrics.jsonl", &torn[..torn.len() * 5 / 7]);

    let output = place.gopher(&["train", "--run", "a", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("from step 3"), "{}", stderr(&output));
    assert_eq!(place.curve("a"), whole);
    assert!(place.state("a", 7) == state, "the states differ");
}

#[test]
fn a_finished_run_goes_on_only_when_steps_are_added() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "3"]);
    let before = place.metrics("a");
    let output = place.gopher(&["train", "--run", "a", "--json"]).output().unwrap();
    assert!(
        output.status.success() && stderr(&output).contains("all 3 steps are done"),
        "{}",
        stderr(&output)
    );
    assert_eq!(place.metrics("a"), before);
    // The same command again, with more steps, is also a way to go on.
    let summary = place.trained(&["--run", "a", "--steps", "5"]);
    assert_eq!((&summary["completed"], &summary["tokens"]), (&5.into(), &320.into()));
    assert_eq!(place.metrics("a")[..3], before[..]);
    assert_eq!(place.metrics("a").len(), 5);
}

#[test]
fn the_loss_falls_and_the_summary_says_how() {
    let Some(place) = Place::new() else { return };
    let rate = ["--set", "schedule.maximum=0.01"];
    let summary = place.trained(&[&["--run", "a", "--steps", "60"], &rate[..]].concat());
    let records = place.metrics("a");
    let loss = |record: &Value| record["loss"].as_f64().unwrap();
    // The text is two lines over and over: soon it is known better than by how often each token occurs.
    assert!((loss(&records[0]) - 330f64.ln()).abs() < 0.3, "{}", records[0]);
    let entropy = summary["unigram_entropy"].as_f64().unwrap();
    let validation = summary["validation_loss"].as_f64().unwrap();
    assert!(validation < entropy - 0.5, "{summary}");
    assert!(loss(&records[59]) < entropy - 0.5, "{}", records[59]);
    assert!(summary["peak_memory_bytes"].as_u64() > Some(1 << 24), "{summary}");
    assert!(summary["tokens_per_second"].as_f64() > Some(0.0), "{summary}");
    // How small it is is measured on a quiet machine (docs/performance.md); here, that it is measured.
    assert!(summary["device_wait_seconds"].as_f64().unwrap() < 0.1, "{summary}");
}

#[test]
fn bfloat16_activations_follow_float32() {
    let Some(place) = Place::new() else { return };
    let run = |name: &str, precision: &str| {
        place.trained(&["--run", name, "--steps", "40", "--set", precision]);
        place.metrics(name).iter().map(|record| record["loss"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let wide = run("wide", "training.precision=f32");
    let narrow = run("narrow", "training.precision=bf16-activations");
    assert_ne!(wide, narrow);
    for (wide, narrow) in wide.iter().zip(&narrow) {
        // bfloat16 has 8 bits: 0.4% each time something is rounded.
        assert!((wide - narrow).abs() < 0.02 * wide, "{wide} {narrow}");
    }
}

#[test]
fn documents_shorter_than_a_sequence_are_packed() {
    let Some(place) = Place::new() else { return };
    let lines: String = (0..400).map(|i| format!("{{\"text\": \"Line {i} of many.\"}}\n")).collect();
    place.write("lines.jsonl", lines);
    let summary = place.trained(&["--run", "a", "--steps", "2", "--data", "lines.jsonl"]);
    assert_eq!(summary["completed"], 2);
}

#[test]
fn without_a_folder_a_run_gets_one_of_its_own() {
    let Some(place) = Place::new() else { return };
    let summary = place.trained(&["--steps", "1", "--set", "name=mine"]);
    let run = summary["run"].as_str().unwrap();
    assert!(run.starts_with("runs/mine-20"), "{run}");
    assert!(place.path(run).join("config.toml").is_file());
}

#[test]
fn nothing_held_out_is_nothing_validated() {
    let Some(place) = Place::new() else { return };
    let none = ["--run", "a", "--steps", "2", "--set", "data.validation_fraction=0"];
    assert_eq!(place.trained(&none)["validation_loss"], Value::Null);
}

#[test]
fn a_new_run_is_named_after_its_folder_or_its_text() {
    let Some(place) = Place::new() else { return };
    let named = |arguments: &[&str]| {
        let output = place.train(&[arguments, &["--steps", "1", "--dry-run", "--json"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["name"].clone()
    };
    fs::create_dir(place.path("books")).unwrap();
    fs::copy(place.path("text.txt"), place.path("books/a.txt")).unwrap();
    assert_eq!(named(&[]), "text");
    assert_eq!(named(&["--data", "books/"]), "books");
    assert_eq!(named(&["--run", "runs/v1.5"]), "v1.5");
    assert_eq!(named(&["--run", "a", "--set", "name=b"]), "b");
    // A run keeps its name.
    place.trained(&["--run", "a", "--steps", "1", "--set", "name=b"]);
    assert_eq!(named(&["--run", "a"]), "b");
}
