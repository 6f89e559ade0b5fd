//! When checkpoints are saved.

use serde_json::Value;

use crate::place::{Place, stderr};

/// Step of each checkpoint of a run, with whether a rewind may go to it.
fn checkpoints(place: &Place, run: &str) -> Vec<(u64, bool)> {
    let names = place.names(&format!("{run}/checkpoints"));
    let manifest = |name: &String| -> Value {
        serde_json::from_str(&place.read(&format!("{run}/checkpoints/{name}/manifest.json"))).unwrap()
    };
    let manifests = names.iter().map(manifest);
    manifests.map(|it| (it["step"].as_u64().unwrap(), it["planned"].as_bool().unwrap())).collect()
}

/// Of which steps is a matter of the clock, and nothing else is.
#[test]
fn one_is_saved_when_the_last_is_old() {
    let Some(place) = Place::new() else { return };
    let train = |run: &str, sets: &[&str]| {
        let mut all = vec!["--run", run, "--steps", "60", "--set", "checkpoint.keep_last=0"];
        sets.iter().for_each(|set| all.extend(["--set", set]));
        let output = place.train(&all);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    train("none", &["training.checkpoint_minutes=0"]);
    assert_eq!(checkpoints(&place, "none"), [(60, true)]);
    train("often", &["training.checkpoint_minutes=0.0005"]);
    let often = checkpoints(&place, "often");
    assert!(often.len() > 2 && often.iter().all(|(_, planned)| *planned), "{often:?}");
    assert_eq!(place.curve("often"), place.curve("none"));
    // Those that are due are the only ones that a rewind goes to.
    train("both", &["training.checkpoint_minutes=0.0005", "training.checkpoint_every=20"]);
    let both = checkpoints(&place, "both");
    assert!(both.len() > 3, "{both:?}");
    for (step, planned) in &both {
        assert_eq!(*planned, step % 20 == 0, "step {step}");
    }
    assert_eq!(place.state("both", 60), place.state("none", 60));
}

#[test]
fn minutes_that_are_none_are_refused() {
    let Some(place) = Place::new() else { return };
    for wrong in ["-1", "nan", "inf", "1e7"] {
        let set = format!("training.checkpoint_minutes={wrong}");
        let parts = ["training.checkpoint_minutes = ", "between 0 and 1e6"];
        place.check_error(&["--run", "a", "--set", &set], 2, &parts);
    }
}

/// A learning rate of next to nothing changes no loss: the first validation stays the best.
#[test]
fn a_run_whose_validation_loss_does_not_fall_ends_and_keeps_the_best() {
    let Some(place) = Place::new() else { return };
    let train = |more: &[&str]| {
        let still = ["schedule.maximum=1e-30", "schedule.initial=0", "training.validation_every=5"];
        let mut all = vec!["--run", "a", "--steps", "60", "--json"];
        let kept = ["checkpoint.keep_best=true", "checkpoint.keep_last=1"];
        still.iter().chain(&kept).chain(more).for_each(|set| all.extend(["--set", set]));
        let output = place.train(&all);
        let text = stderr(&output);
        assert!(output.status.success(), "{text}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["interrupted"], false);
        (summary["completed"].as_u64().unwrap(), text)
    };
    let steps = || checkpoints(&place, "a").into_iter().map(|(step, _)| step).collect::<Vec<_>>();
    let (completed, text) = train(&["training.patience=2"]);
    let note = "ending after step 15: 2 validations had no lower loss than that of step 5";
    assert!(completed == 15 && text.contains(note), "{text}");
    assert_eq!(steps(), [5, 15]);
    assert_eq!(place.events("a", "stop")[0]["reason"], "patience");
    // Asked again, it says so again; with more patience, it goes on.
    let (completed, text) = train(&["training.patience=2"]);
    assert!(completed == 15 && text.contains(note), "{text}");
    assert_eq!(train(&["training.patience=3"]).0, 20);
    assert_eq!(steps(), [5, 20]);
    assert_eq!(train(&["training.patience=0"]).0, 60);
    let without = ["training.patience=2", "data.validation_fraction=0"].map(|set| ["--set", set]);
    place.check_error(
        &[&["--run", "b"], &without.concat()[..]].concat(),
        2,
        &["training.patience = 2", "0 without validations"],
    );
}
