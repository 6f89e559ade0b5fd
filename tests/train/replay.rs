//! `gopher replay`: a run's own record, taken again.

use std::fs;
use std::process::Output;

use crate::place::{Place, check_error, stderr};
use serde_json::Value;

fn replay(place: &Place, run: &str, step: &str, more: &[&str]) -> Output {
    place.gopher(&[&["replay", "--run", run, "--step", step], more].concat()).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// Every file of a run with its contents.
fn contents(place: &Place, run: &str) -> Vec<(String, Vec<u8>)> {
    let names = place.names(run).into_iter().filter(|name| name != "checkpoints");
    names.map(|name| (name.clone(), fs::read(place.path(run).join(&name)).unwrap())).collect()
}

#[test]
fn a_run_agrees_with_itself_and_what_was_changed_is_found() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "12", "--set", "training.checkpoint_every=5"]);
    let before = contents(&place, "a");

    // From a checkpoint to a step after which the run saved, and between.
    let output = replay(&place, "a", "10", &["--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!((&report["from"], &report["verdict"]), (&5.into(), &"agrees".into()));
    assert_eq!(report["steps"].as_array().unwrap().len(), 5);
    let states = report["states"].as_array().unwrap();
    assert_eq!([&states[0]["step"], &states[1]["step"]], [5, 10]);
    for state in states {
        assert_eq!(state["recorded"], state["replays"][0]);
        assert_eq!(state["recorded"]["parameters_sha256"].as_str().unwrap().len(), 64);
    }
    let saves = place.events("a", "save");
    assert_eq!(saves[1]["optimizer_sha256"], states[1]["replays"][1]["optimizer_sha256"]);

    // From the seed; the last checkpoint before the step; the table.
    let output = replay(&place, "a", "3", &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("steps 1 to 3: 3 of 3 as recorded") && !text.contains("differs"), "{text}");
    assert!(stderr(&output).contains("from the seed"), "{}", stderr(&output));
    assert!(contents(&place, "a") == before, "the run has changed");

    // One bit of one loss.
    let (metrics, events) = (place.read("a/metrics.jsonl"), place.read("a/events.jsonl"));
    let loss = place.metrics("a")[7]["loss"].as_f64().unwrap();
    let changed = f64::from((loss as f32).next_up());
    place.write("a/metrics.jsonl", metrics.replace(&format!("{loss},"), &format!("{changed},")));
    let output = replay(&place, "a", "12", &["--json"]);
    assert_eq!(json(&output)["from"], 10, "the changed step is before the checkpoint");
    assert!(output.status.success(), "{}", stderr(&output));
    let output = replay(&place, "a", "9", &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("the record differs from two replays that agree, first in step 8:"), "{text}");
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(table.matches("differs").count(), 1, "{table}");
    assert!(table.contains("steps 6 to 9: 3 of 4 as recorded"), "{table}");
    place.write("a/metrics.jsonl", metrics);

    // The hash of a state.
    let hash = saves[1]["parameters_sha256"].as_str().unwrap();
    place.write("a/events.jsonl", events.replace(hash, &hash.chars().rev().collect::<String>()));
    let output = replay(&place, "a", "10", &["--json"]);
    assert_eq!((output.status.code(), &json(&output)["verdict"]), (Some(1), &"record_differs".into()));
    assert!(stderr(&output).contains("first in the state after step 10"), "{}", stderr(&output));
    place.write("a/events.jsonl", events);

    check_error(&replay(&place, "a", "13", &[]), 1, &["a records no step 13, the last is 12"]);
    check_error(&replay(&place, "none", "1", &[]), 1, &["no run at none"]);
}

/// Steps that were taken with data left out, and one whose update was.
#[test]
fn steps_after_incidents_are_replayed_as_they_were_taken() {
    let Some(place) = Place::new() else { return };
    // A limit that every loss is above that does not fall.
    let sets = [
        "training.checkpoint_every=4",
        "schedule.maximum=0.05",
        "incidents.spike_window=1",
        "incidents.spike_threshold=1e-6",
        "incidents.rewind_steps=2",
        "incidents.rewind_skip=2",
    ];
    for (run, policy) in [("skip", "incidents.spike=skip"), ("rewind", "incidents.spike=rewind")] {
        let mut arguments = vec!["--run", run, "--steps", "30", "--set", policy];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        let output = place.train(&arguments);
        // It may have tolerated too many of them.
        assert!([Some(0), Some(1)].contains(&output.status.code()), "{}", stderr(&output));
        assert!(!place.events(run, "incident").is_empty(), "{}", stderr(&output));
        let last = place.metrics(run).len().to_string();
        let output = replay(&place, run, &last, &["--json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(json(&output)["verdict"], "agrees");
    }
    assert!(!place.events("rewind", "rewind").is_empty());
}
