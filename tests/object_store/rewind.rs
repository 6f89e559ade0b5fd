//! A run that goes back when its loss spikes, and has lost its machine.

use std::fs;
use std::process::Command;

use crate::place::noisy_text;
use crate::{Bench, ended};

/// A training on a text with letters at random here and there, of which a batch has a high loss.
fn command(bench: &Bench, run: &str, store: &str, steps: u64) -> Command {
    let sets = [
        "incidents.spike=rewind",
        "incidents.spike_threshold=0.3",
        "incidents.spike_window=4",
        "incidents.rewind_steps=5",
        "incidents.rewind_skip=8",
        "training.checkpoint_every=5",
        "training.validation_every=5",
        "schedule.maximum=0.02",
        "checkpoint.keep_last=0",
        "checkpoint.store_keep_last=0",
    ];
    let more: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    bench.train_with(run, store, steps, &more)
}

#[test]
fn what_a_rewind_left_behind_does_not_come_back_from_the_store() {
    let Some(bench) = Bench::new() else { return };
    bench.place.write("text.txt", noisy_text());

    ended(&command(&bench, "uninterrupted", "", 40).output().unwrap());
    let rewinds = bench.place.events("uninterrupted", "rewind");
    let number = |key: &str| rewinds[0][key].as_u64().unwrap();
    let (to, newest) = (number("to"), (number("step") - 1) / 5 * 5);
    assert!(to < newest, "it goes back behind its newest checkpoint: {rewinds:?}");

    // The last checkpoint of each process is in the store when it ends; what it goes back to comes from there.
    let store = bench.folder("store");
    for steps in [to, newest, 40] {
        let said = ended(&command(&bench, "run", &store, steps).output().unwrap());
        if steps < 40 {
            fs::remove_dir_all(bench.place.path("run")).unwrap();
        } else {
            assert!(said.contains(&format!("restored the checkpoint of step {newest} from")), "{said}");
        }
    }
    assert_eq!(bench.place.curve("run"), bench.place.curve("uninterrupted"));
    assert_eq!(bench.place.read("run/rewinds.json"), bench.place.read("uninterrupted/rewinds.json"));
    assert!(bench.place.state("run", 40) == bench.place.state("uninterrupted", 40), "the states differ");
    let names = bench.place.names("store");
    assert!(names.contains(&format!("aside-step-{newest:08}")), "what was left behind: {names:?}");

    // What is in the store now is the run that went back.
    fs::remove_dir_all(bench.place.path("run")).unwrap();
    ended(&command(&bench, "run", &store, 45).output().unwrap());
    ended(&command(&bench, "uninterrupted", "", 45).output().unwrap());
    assert_eq!(bench.place.curve("run"), bench.place.curve("uninterrupted"));
    assert!(bench.place.state("run", 45) == bench.place.state("uninterrupted", 45), "the states differ");
}
