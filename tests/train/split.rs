//! `gopher train --topology`: steps split over several devices give the numbers of one.

use graph::testing::size;
use serde_json::{Value, json};

use crate::place::{Place, check_error, stderr};

/// What of the tiny model differs, so that it splits in every way. A number of held-out sequences that nothing divides.
const MODEL: [&str; 5] = [
    "model.layers=2",
    "model.heads=4",
    "model.vocabulary_size=336",
    "training.batch=8",
    "data.validation_fraction=0.035",
];

impl Place {
    pub fn split(&self, arguments: &[&str]) -> Value {
        self.trained(&sets(arguments))
    }

    /// Writes a plan: stages, data, model, and what differs from plain parallelism.
    pub fn plan(&self, name: &str, mesh: [usize; 3], more: Value) {
        let [stage, data, model] = mesh;
        let mut plan = json!({
            "topology": format!("cpu:{}", stage * data * model),
            "mesh": { "stage": stage, "data": data, "model": model },
            "stages": stage,
            "zero": 0,
            "remat": "none",
            "sequence_sharding": false,
            "batch": 8,
            "sequence_length": 32,
        });
        more.as_object().unwrap().iter().for_each(|(key, value)| plan[key] = value.clone());
        self.write(name, plan.to_string());
    }

    fn losses(&self, run: &str) -> Vec<[f64; 3]> {
        let number = |value: &Value| value.as_f64().unwrap_or(-1.0);
        let keys = ["loss", "grad_norm", "validation_loss"];
        self.metrics(run).iter().map(|record| keys.map(|key| number(&record[key]))).collect()
    }
}

fn sets<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    MODEL.iter().flat_map(|&set| ["--set", set]).chain(arguments.iter().copied()).collect()
}

#[track_caller]
fn assert_close(got: &[[f64; 3]], expected: &[[f64; 3]], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (step, (got, expected)) in got.iter().zip(expected).enumerate() {
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{what}, step {}: {got} for {expected}", step + 1);
        }
    }
}

#[test]
fn a_split_training_has_the_curve_of_one_device() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    place.split(&["--run", "one", "--steps", "4"]);
    let expected = place.losses("one");
    assert!(expected[3][2] > 0.0 && expected[3][0] < expected[0][0], "{expected:?}");

    // Parameters in parts, each batch in two.
    place.plan("data.json", [1, 4, 1], json!({ "zero": 3, "remat": "full", "microbatches": 2 }));
    // Heads and sequences in parts.
    place.plan(
        "model.json",
        [1, 2, 4],
        json!({ "zero": 1, "remat": "selective", "sequence_sharding": true }),
    );
    // All of it, in stages.
    let stages = json!({ "zero": 2, "remat": "attention", "sequence_sharding": true, "microbatches": 4 });
    place.plan("stages.json", [2, 2, 2], stages);
    for (run, topology, plan) in [
        ("stages", "cpu:8", Some("stages.json")),
        ("best", "cpu:4", None),
        ("data", "cpu:4", Some("data.json")),
        ("model", "cpu:8", Some("model.json")),
        ("alone", "cpu:1", None),
    ]
    .into_iter()
    .take(size::either(2, 5))
    {
        let plan = plan.map_or(vec![], |plan| vec!["--plan", plan]);
        place.split(&[&["--run", run, "--steps", "4", "--topology", topology], &plan[..]].concat());
        assert_close(&place.losses(run), &expected, run);
    }

    // The run keeps the plan, whole, and what came of it.
    let kept: Value = serde_json::from_str(&place.read("stages/plan.json")).unwrap();
    assert_eq!(kept["mesh"], json!({ "stage": 2, "data": 2, "model": 2 }));
    assert_eq!((&kept["topology"], &kept["zero"]), (&"cpu:8".into(), &2.into()));
    assert_eq!(kept["rules"]["optimizer"]["embed"], json!(["data"]));
    let state = kept["state_bytes"].as_u64().unwrap();
    let arguments = kept["memory_bytes"]["train_step"]["arguments"].as_u64().unwrap();
    assert!(arguments < state / 2, "each device holds a part: {arguments} of {state} bytes");
    assert!(place.read("stages/config.toml").contains("topology = \"cpu:8\""));
    let of_paper = ["--model", "44m", "--batch-tokens", "256", "--sequence-length", "32", "--json"];
    let arguments = [&["plan", "--topology", "cpu:8", "--plan", "stages/plan.json"], &of_paper[..]].concat();
    let output = place.gopher(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["plans"][0]["mesh"], kept["mesh"]);

    // What was trained on many devices is used on one.
    let generate = ["generate", "--run", "stages", "--prompt", "To be", "--tokens", "4"];
    let output = place.gopher(&generate).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Devices read the slices they need: a run goes on over any machine as if there had been no break.
#[test]
fn a_run_goes_on_over_another_machine() {
    let Some(place) = Place::new() else { return };
    let every = ["--steps", "6", "--set", "training.checkpoint_every=2"];
    place.split(&[&["--run", "one"], &every[..]].concat());
    place.plan("stages.json", [2, 1, 2], json!({ "zero": 0, "microbatches": 8 }));
    place.plan("data.json", [1, 8, 1], json!({ "zero": 1, "remat": "selective" }));
    let first = ["--run", "a", "--topology", "cpu:4", "--plan", "stages.json"];
    place.split(&[&first[..], &every[..]].concat());
    let back_to = |step: u64| {
        for later in [2, 4, 6].into_iter().filter(|&later| later > step) {
            let _ = std::fs::remove_dir_all(place.path(&format!("a/checkpoints/step-{later:08}")));
        }
    };
    let goes_on = |arguments: &[&str], parts: &[&str]| {
        let command = [&["train", "--run", "a", "--json"], arguments].concat();
        let output = place.gopher(&command).output().unwrap();
        let said = stderr(&output);
        assert!(output.status.success() && parts.iter().all(|part| said.contains(part)), "{said}");
        assert_close(&place.losses("a"), &place.losses("one"), &said);
    };
    let kept = place.read("a/plan.json");
    back_to(4);
    goes_on(&[], &["plan for cpu:4, as before: stage 2 x data 1 x model 2, 8 microbatches", "from step 4"]);
    let rules = |text: &str| serde_json::from_str::<Value>(text).unwrap()["rules"].clone();
    assert_eq!(rules(&place.read("a/plan.json")), rules(&kept));
    back_to(2);
    goes_on(&["--topology", "cpu:8", "--plan", "data.json"], &["data 8", "from step 2"]);
    back_to(4);
    goes_on(&["--topology", ""], &["from step 4"]);
    assert!(place.read("a/plan.json").contains("\"data\": 1"));
}

#[test]
fn a_plan_or_a_machine_that_does_not_fit_is_refused_by_name() {
    let Some(place) = Place::new() else { return };
    let check = |arguments: &[&str], parts: &[&str]| {
        let all = [&["--run", "a", "--steps", "1"], arguments].concat();
        check_error(&place.train(&sets(&all)), 2, parts);
        assert!(!place.path("a").exists());
    };
    check(&["--topology", "cpu:0"], &["device.topology", "`cpu:0`", "nearest: cpu:1"]);
    check(&["--topology", "cpu"], &["device.topology", "write cpu:8"]);
    check(&["--topology", "cpu:8", "--device", "cuda"], &["device.kind = cuda", "cpu:8 is of kind cpu"]);
    let with = |plan: &str, parts: &[&str]| check(&["--topology", "cpu:4", "--plan", plan], parts);
    with("none.json", &["cannot read the plan none.json"]);
    with("text.txt", &["text.txt: not a plan"]);
    place.plan("small.json", [1, 2, 1], json!({}));
    with("small.json", &["small.json: the plan is for cpu:2, not cpu:4"]);
    place.plan("batch.json", [1, 4, 1], json!({ "batch": 4 }));
    with("batch.json", &["batch.json: plan: batch = 4: training.batch is 8"]);
    place.plan("length.json", [1, 4, 1], json!({ "sequence_length": 64 }));
    with("length.json", &["sequence_length = 64: training.sequence_length is 32"]);
    place.plan("mesh.json", [1, 4, 1], json!({ "mesh": { "data": 2 } }));
    with("mesh.json", &["mesh.json: plan: mesh = 1 x 2 x 1"]);
    place.plan("layers.json", [4, 1, 1], json!({ "microbatches": 4 }));
    with("layers.json", &["layers.json: 2 layers do not fall into 4 equal stages"]);
    place.plan("heads.json", [1, 1, 4], json!({}));
    let heads = ["--set", "model.heads=2"];
    check(
        &[&["--topology", "cpu:4", "--plan", "heads.json"], &heads[..]].concat(),
        &["heads.json: ", "heads"],
    );
    place.plan("good.json", [1, 4, 1], json!({}));
    check(&["--plan", "good.json"], &["--plan good.json", "--topology"]);
}

/// The call that starts a step may wait for the one before, and does on several CPU devices: the host is not at work then.
#[test]
fn time_that_a_call_waits_for_devices_is_not_the_hosts() {
    let Some(place) = Place::new() else { return };
    let larger = ["--set", "training.batch=64", "--set", "training.sequence_length=64"];
    place.trained(&[&["--run", "a", "--steps", "12", "--topology", "cpu:2"], &larger[..]].concat());
    let records = place.metrics("a");
    let total = |key: &str| records.iter().skip(2).filter_map(|record| record[key].as_f64()).sum::<f64>();
    let (host, steps) = (total("host_seconds"), total("seconds"));
    assert!(host > 0.0 && host < 0.5 * steps, "{host} of {steps} s");
    assert!(total("device_wait_seconds") <= host, "{records:?}");
}
