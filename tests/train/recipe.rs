//! Precision regimes, batches that grow, and gradients that are added up.

use std::fs;

use graph::testing::size;
use serde_json::{Value, json};

use crate::place::{Place, TINY, check_error, stderr};

fn numbers(records: &[Value], key: &str) -> Vec<f64> {
    records.iter().map(|record| record[key].as_f64().unwrap()).collect()
}

/// What stays the same when a run is repeated or continued.
fn curve(records: &[Value]) -> Vec<[Value; 5]> {
    let keys = ["step", "tokens", "loss", "learning_rate", "grad_norm"];
    records.iter().map(|record| keys.map(|key| record[key].clone())).collect()
}

#[track_caller]
fn assert_close(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (step, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() < 1e-4, "{what}, step {}: {got} for {expected}", step + 1);
    }
}

impl Place {
    /// As if the process had been killed after the checkpoint of `step`, and begun again.
    #[track_caller]
    fn continued_from(&self, run: &str, step: u64) -> String {
        for name in self.names(&format!("{run}/checkpoints")) {
            if name.trim_start_matches("step-").parse::<u64>().unwrap() > step {
                fs::remove_dir_all(self.path(&format!("{run}/checkpoints/{name}"))).unwrap();
            }
        }
        let output = self.gopher(&["train", "--run", run, "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("from step {step}")), "{}", stderr(&output));
        stderr(&output)
    }
}

const EVERY_STEP: [&str; 4] = ["--set", "training.checkpoint_every=1", "--set", "checkpoint.keep_last=0"];

/// Batches of 2, then 4 sequences of 32 tokens, then 6.
const RAMP: [&str; 2] =
    ["--set", "training.batch_ramp=[{tokens = 128, batch = 4}, {tokens = 300, batch = 6}]"];

#[test]
fn batches_grow_at_their_tokens_and_a_run_goes_on_from_any_step() {
    let Some(place) = Place::new() else { return };
    let summary = place.trained(&[&["--run", "a", "--steps", "6"], &RAMP[..], &EVERY_STEP].concat());
    let whole = place.metrics("a");
    assert_eq!(numbers(&whole, "tokens"), [64.0, 128.0, 256.0, 384.0, 576.0, 768.0]);
    assert_eq!(summary["tokens"], 768);
    let state = place.state("a", 6);
    for &step in size::either(&[1, 4][..], &[1, 2, 3, 4, 5]) {
        let said = place.continued_from("a", step);
        assert_eq!(said.contains("from step 3 on, batches of 4 sequences instead of 2"), step < 2, "{said}");
        assert_eq!(said.contains("from step 5 on, batches of 6 sequences instead of 4"), step < 4, "{said}");
        assert_eq!(curve(&place.metrics("a")), curve(&whole), "from step {step}");
        assert!(place.state("a", 6) == state, "the states differ from step {step}");
    }
    // The learning rate is a function of the step: the ramp does not change it.
    place.trained(&["--run", "plain", "--steps", "6"]);
    assert_eq!(numbers(&place.metrics("plain"), "learning_rate"), numbers(&whole, "learning_rate"));
    let other = ["--set", "training.batch_ramp=[]"];
    place.check_error(
        &[&["--run", "a", "--steps", "7"], &other[..]].concat(),
        1,
        &["training.batch_ramp is []"],
    );
}

#[test]
fn batches_grow_the_same_way_on_several_devices() {
    let Some(place) = Place::new() else { return };
    place.trained(&[&["--run", "one", "--steps", "6"], &RAMP[..]].concat());
    let expected = numbers(&place.metrics("one"), "loss");
    let plan = |data: usize, zero: usize| {
        json!({ "topology": "cpu:2", "mesh": { "data": data, "model": 2 / data }, "zero": zero, "remat": "none",
            "sequence_sharding": false, "batch": 2, "sequence_length": 32 })
    };
    for (name, plan) in [("data", plan(2, 1)), ("model", plan(1, 0))].into_iter().take(size::either(1, 2)) {
        let file = format!("{name}.json");
        place.write(&file, plan.to_string());
        let split = ["--topology", "cpu:2", "--plan", &file];
        place.trained(&[&["--run", name, "--steps", "6"], &RAMP[..], &split, &EVERY_STEP].concat());
        let whole = place.metrics(name);
        assert_close(&numbers(&whole, "loss"), &expected, name);
        // The plan that is kept is that of the first batch.
        let kept: Value = serde_json::from_str(&place.read(&format!("{name}/plan.json"))).unwrap();
        assert_eq!(kept["batch"], 2);
        place.continued_from(name, 4);
        assert_eq!(curve(&place.metrics(name)), curve(&whole));
    }
    let odd = ["--set", "training.batch_ramp=[{tokens = 128, batch = 3}]", "--topology", "cpu:2"];
    let arguments = [&["--run", "odd", "--plan", "data.json"], &odd[..]].concat();
    place.check_error(&arguments, 2, &["training.batch_ramp", "a batch of 3 sequences", "a multiple of 2"]);
    assert!(!place.path("odd").exists());
}

#[test]
fn microbatches_are_parts_of_a_batch() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    let run = |name: &str, microbatches: &str| {
        let set = [format!("training.microbatches={microbatches}")];
        place.trained(&["--run", name, "--steps", "4", "--set", "training.batch=4", "--set", &set[0]]);
        let records = place.metrics(name);
        assert_eq!(numbers(&records, "tokens"), [128.0, 256.0, 384.0, 512.0]);
        let validation: Vec<_> =
            records.iter().filter_map(|record| record["validation_loss"].as_f64()).collect();
        (numbers(&records, "loss"), validation)
    };
    let (losses, validation) = run("whole", "1");
    assert_eq!(validation.len(), 2);
    for parts in ["4", "2"].into_iter().take(size::either(1, 2)) {
        let (got, validated) = run(parts, parts);
        assert_close(&got, &losses, parts);
        assert_close(&validated, &validation, parts);
    }
}

/// Every regime trains, goes on to the bit where it left off, and is used by `gopher generate`.
#[test]
fn every_regime_trains_and_goes_on() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    let mut losses = vec![];
    let regimes: &[_] = size::either(&["f32", "bf16"], &["f32", "bf16-activations", "bf16", "bf16-f32-copy"]);
    for &regime in regimes {
        let set = format!("training.precision={regime}");
        let all = ["--run", regime, "--steps", "12", "--set", &set, "--set", "training.checkpoint_every=5"];
        place.trained(&all);
        let (whole, state) = (place.metrics(regime), place.state(regime, 12));
        place.continued_from(regime, 10);
        assert_eq!(curve(&place.metrics(regime)), curve(&whole), "{regime}");
        assert!(place.state(regime, 12) == state, "the states of {regime} differ");
        let generate = ["generate", "--run", regime, "--prompt", "To be", "--tokens", "4"];
        let output = place.gopher(&generate).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        losses.push((regime, numbers(&whole, "loss"), state.len()));
    }
    let (_, wide, bytes) = &losses[0];
    let parameters = bytes / 12;
    for (regime, narrow, bytes) in &losses {
        // bfloat16 has 8 bits: 0.4% each time something is rounded.
        let near = wide.iter().zip(narrow).all(|(wide, narrow)| (wide - narrow).abs() < 0.02 * wide);
        assert!(near, "{regime}: {narrow:?} beside {wide:?}");
        // The file's header has no more than a few kilobytes.
        let expected = match *regime {
            "bf16" => 10,
            "bf16-f32-copy" => 14,
            _ => 12,
        };
        assert!((bytes / parameters).abs_diff(expected) <= 1, "{regime}: {bytes} of {parameters}");
    }
    assert!(losses.windows(2).all(|pair| pair[0].1 != pair[1].1), "regimes differ: {losses:?}");
}

#[test]
fn a_run_does_not_go_on_in_another_regime() {
    let Some(place) = Place::new() else { return };
    let set = |regime: &str| format!("training.precision={regime}");
    place.trained(&["--run", "a", "--steps", "1", "--set", &set("bf16")]);
    for other in ["f32", "bf16-activations", "bf16-f32-copy", "auto"] {
        let given = if other == "auto" { "f32" } else { other };
        let parts = [&format!("training.precision is \"{given}\""), "the run at a was started with \"bf16\""];
        place.check_error(&["--run", "a", "--steps", "2", "--set", &set(other)], 1, &parts);
    }
    place.trained(&["--run", "a", "--steps", "2", "--set", &set("bf16")]);
}

/// Sources are sampled by weight; a run goes on with the same order of data, and not with other weights.
#[test]
fn a_run_on_several_sources_goes_on() {
    let Some(place) = Place::new() else { return };
    let text = "No longer mourn for me when I am dead\nThan you shall hear the surly sullen bell\n";
    place.write("b.txt", text.repeat(60));
    let command = |run: &str, weight: f64, more: &[&str]| {
        let sources =
            format!("[{{paths=[\"text.txt\"], weight={weight:?}}}, {{paths=[\"b.txt\"], weight=1.0}}]");
        let mixture = format!("data.mixture={sources}");
        let mut all = vec!["train", "--json", "--run", run, "--set", &mixture];
        TINY.iter().chain(&["training.checkpoint_every=3"]).for_each(|set| all.extend(["--set", set]));
        all.extend(more);
        place.gopher(&all).output().unwrap()
    };
    for (run, weight) in [("a", 3.0), ("b", 0.1)] {
        let output = command(run, weight, &["--steps", "6"]);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let (whole, state) = (place.metrics("a"), place.state("a", 6));
    assert!(whole[5]["validation_loss"].as_f64().unwrap() > 0.0);
    assert_ne!(curve(&whole), curve(&place.metrics("b")));
    place.continued_from("a", 3);
    assert_eq!(curve(&place.metrics("a")), curve(&whole));
    assert!(place.state("a", 6) == state, "the states differ");
    let other = command("a", 2.0, &["--steps", "7"]);
    check_error(&other, 1, &["data.mixture is [2, 1]", "the run at a was started with [3, 1]"]);
    let both = command("c", 3.0, &["--data", "text.txt"]);
    check_error(&both, 2, &["data.mixture", "--data"]);
}
