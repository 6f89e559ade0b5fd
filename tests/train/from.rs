//! `--from`: a run that begins with the parameters of another, and with nothing else of it.

use std::fs;

use serde_json::Value;

use crate::place::{Place, TEXT, check_error, stderr};

/// Steps that change nothing: what is validated is what the run began with.
const STILL: [&str; 4] = ["--set", "schedule.maximum=1e-30", "--set", "schedule.initial=1e-30"];

impl Place {
    fn other_text(&self) {
        let other: String = TEXT.split_inclusive(' ').rev().collect();
        self.write("other.txt", (other + "\n").repeat(60));
    }

    /// The parameters of a checkpoint as a file has them.
    fn parameters(&self, place: &str, dtype: &str) -> Vec<u8> {
        let name = format!("{}-{dtype}.safetensors", place.replace('/', "-"));
        let _ = fs::remove_file(self.path(&name));
        let output = self.gopher(&["checkpoint", "export", place, &name, "--dtype", dtype]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read(self.path(&name)).unwrap()
    }
}

#[test]
fn it_begins_at_step_zero_with_the_parameters_and_the_tokenizer() {
    let Some(place) = Place::with_whole() else { return };
    place.other_text();
    // On the same text, the held-out loss is the one that the other run ended with.
    let last = place.metrics("whole").last().unwrap()["validation_loss"].clone();
    place.trained(&[&["--from", "whole", "--run", "still", "--steps", "1"], &STILL[..]].concat());
    assert_eq!(place.metrics("still")[0]["validation_loss"], last);
    assert!(place.parameters("still/checkpoints/step-00000000", "f32") == place.parameters("whole", "f32"));
    let state = place.state("still", 0);
    assert_eq!(state.len(), place.state("whole", 24).len(), "Adam's means are there");
    assert!(state != place.state("whole", 24), "and are zero");

    // On another, with other batches: nothing but model and tokenizer is the other run's.
    let other = ["--from", "whole/checkpoints", "--run", "b", "--data", "other.txt", "--steps", "3"];
    let other = [&other[..], &["--set", "training.batch=4", "--set", "training.seed=5"]].concat();
    let summary = place.trained(&other);
    assert_eq!((&summary["completed"], &summary["tokens"]), (&3.into(), &(3 * 4 * 32).into()));
    let tokenizer = |run: &str| fs::read(place.path(run).join("tokenizer.model")).unwrap();
    assert!(tokenizer("b") == tokenizer("whole"));
    place.trained(&["--run", "seed", "--data", "other.txt", "--steps", "1"]);
    let loss = |run: &str| place.metrics(run)[0]["loss"].as_f64().unwrap();
    assert!(loss("b") < loss("seed") - 0.5, "{} and {}", loss("b"), loss("seed"));

    // It is recorded in the run, its events and its checkpoints.
    let source: Value = serde_json::from_str(&place.read("b/from.json")).unwrap();
    assert!(source["place"].as_str().unwrap().ends_with("whole/checkpoints/step-00000024"), "{source}");
    assert_eq!(source["step"], 24);
    assert_eq!(place.events("b", "begin")[0]["from"], source);
    let list = |more: &[&str]| {
        let output = place.gopher(&[&["checkpoint", "ls", "b"], more].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let rows: Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!((&rows[0]["step"], &rows[1]["step"]), (&0.into(), &3.into()));
    assert!(rows.as_array().unwrap().iter().all(|row| row["from"] == source), "{rows}");
    let said = list(&[]);
    let line = format!("begun with the parameters of {} (step 24)", source["place"].as_str().unwrap());
    assert!(said.contains(&line), "{said}");
    let replayed = place.gopher(&["replay", "--run", "b", "--step", "2"]).output().unwrap();
    assert!(replayed.status.success(), "{}", stderr(&replayed));

    // The line typed again goes on with it, and so does its directory alone, without the other run.
    let again: Vec<&str> = other.iter().map(|word| if *word == "3" { "5" } else { word }).collect();
    fs::rename(place.path("whole"), place.path("away")).unwrap();
    place.trained(&[
        "--run",
        "b",
        "--steps",
        "4",
        "--data",
        "other.txt",
        "--set",
        "training.batch=4",
        "--set",
        "training.seed=5",
    ]);
    fs::rename(place.path("away"), place.path("whole")).unwrap();
    assert_eq!(place.trained(&again)["completed"], 5);
    assert_eq!(place.metrics("b").len(), 5);
    // Not with one that began otherwise.
    place.check_error(
        &["--from", "seed", "--run", "b"],
        1,
        &["the run at b began with the parameters of", "--from"],
    );
    place.check_error(
        &["--from", "whole", "--run", "seed"],
        1,
        &["the run at seed has checkpoints of its own"],
    );
    assert_eq!(place.metrics("b").len(), 5, "nothing was changed");
}

/// Until its first checkpoint is whole, a run knows whose parameters it was to begin with.
#[test]
fn a_run_that_was_killed_at_once_begins_with_them_again() {
    let Some(place) = Place::with_whole() else { return };
    place.trained(&["--from", "whole", "--run", "a", "--steps", "3"]);
    let mut killed = place.train_command(&["--from", "whole", "--run", "b", "--steps", "3"]);
    let output = killed.env("GOPHER_FAULT", "create-folder:1:kill").output().unwrap();
    assert!(output.status.code().is_none() && place.path("b/from.json").exists(), "{}", stderr(&output));
    assert!(place.names("b/checkpoints").iter().all(|name| !name.starts_with("step-")));
    place.trained(&["--run", "b", "--steps", "3"]);
    assert_eq!(place.curve("b"), place.curve("a"));
    assert!(place.state("b", 3) == place.state("a", 3));
}

#[test]
fn parameters_are_converted_and_split() {
    let Some(place) = Place::with_whole() else { return };
    let begin = |run: &str, source: &str, more: &[&str]| {
        place.trained(&[&["--from", source, "--run", run, "--steps", "1"], more].concat());
        place.metrics(run)[0]["loss"].as_f64().unwrap()
    };
    let plain = begin("plain", "whole", &[]);
    let near = |loss: f64, tolerance: f64| assert!((loss - plain).abs() < tolerance, "{loss} and {plain}");
    near(begin("split", "whole", &["--topology", "cpu:2"]), 1e-4);
    for precision in ["bf16", "bf16-f32-copy"] {
        near(begin(precision, "whole", &["--set", &format!("training.precision={precision}")]), 0.05);
    }
    let zero = |run: &str| format!("{run}/checkpoints/step-00000000");
    for precision in ["bf16", "bf16-f32-copy"] {
        assert!(place.parameters(&zero(precision), "bf16") == place.parameters("whole", "bf16"));
    }
    // From bfloat16 to float32: exactly, and from the float32 copy if there is one.
    begin("back", &zero("bf16"), &[]);
    assert!(place.parameters(&zero("back"), "f32") == place.parameters(&zero("bf16"), "f32"));
    begin("copy", &zero("bf16-f32-copy"), &[]);
    assert!(place.parameters(&zero("copy"), "f32") == place.parameters("whole", "f32"));
}

#[test]
fn what_contradicts_the_parameters_is_refused_by_name() {
    let Some(place) = Place::with_whole() else { return };
    let refuse = |arguments: &[&str], code: i32, parts: &[&str]| {
        place.check_error(&[&["--from", "whole", "--run", "new"], arguments].concat(), code, parts);
        assert!(!place.path("new").exists(), "{arguments:?}");
    };
    refuse(
        &["--set", "model.layers=2"],
        1,
        &["model.layers is 2, but the model of", "whole/checkpoints/step-00000024 has 1"],
    );
    refuse(&["--set", "model.kind=llama"], 1, &["model.kind is \"llama\"", "has \"gopher\""]);
    refuse(&["--set", "model.vocabulary_size=340"], 1, &["model.vocabulary_size is 340"]);
    place.trained(&[
        "--run",
        "seed",
        "--steps",
        "1",
        "--data",
        "text.txt",
        "--set",
        "data.character_coverage=0.9",
    ]);
    refuse(
        &["--set", "data.tokenizer=seed/tokenizer.model"],
        1,
        &["seed/tokenizer.model is not the tokenizer", "whole/checkpoints/step-00000024/tokenizer.model"],
    );
    fs::copy(place.path("whole/tokenizer.model"), place.path("same.model")).unwrap();
    place.trained(&[
        "--from",
        "whole",
        "--run",
        "same",
        "--steps",
        "1",
        "--set",
        "data.tokenizer=same.model",
    ]);
    place.check_error(&["--from", "none"], 2, &["--from none: there is no such folder"]);
    place.check_error(&["--from", "s4://x"], 2, &["--from s4://x"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.check_error(&["--from", "empty"], 1, &["empty has no checkpoint whose parameters"]);
    let both = place.train(&["--from", "whole", "--resume", "never"]);
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(place.names("runs"), Vec::<String>::new());
}

/// A run that cannot go on says how its parameters can be used, and speaks of no run that there is not.
#[test]
fn a_refused_resume_names_from() {
    let Some(place) = Place::with_whole() else { return };
    place.other_text();
    let checkpoint = "whole/checkpoints/step-00000024";
    let refuse = |arguments: &[&str], parts: &[&str]| {
        let error = place.check_error(arguments, 1, parts);
        assert!(error.contains("--from"), "{error}");
        for absent in ["the run at new", "the run at runs"] {
            assert!(!error.contains(absent), "{error}");
        }
        assert!(!place.path("new").exists() && !place.path("runs").exists(), "{arguments:?}");
    };
    let from = format!("--from {checkpoint}");
    let batch = ["--set", "training.batch=4", "--steps", "30"];
    refuse(
        &[&["--resume", checkpoint], &batch[..]].concat(),
        &["training.batch is 4", "was saved with 2", &from],
    );
    refuse(
        &[&["--resume", checkpoint, "--run", "new"], &batch[..]].concat(),
        &["training.batch is 4", &from],
    );
    refuse(
        &["--resume", checkpoint, "--run", "new", "--data", "other.txt", "--steps", "30"],
        &["the text is not the one that whole/checkpoints/step-00000024 was trained on", &from],
    );
    refuse(&["--resume", checkpoint, "--run", "new", "--steps", "24"], &["has 24 steps", &from]);
    refuse(&["--resume", "whole", "--run", "new"], &["whole is a run directory", "--from whole"]);
    // Of the run itself, the run is named.
    let own = place.train(&[&["--run", "whole", "--resume", checkpoint], &batch[..]].concat());
    check_error(&own, 1, &["training.batch is 4, but the run at whole was started with 2"]);
}
