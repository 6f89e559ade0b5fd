//! The same line typed again: a run that was killed goes on, and is the uninterrupted one to the bit.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use graph::testing::size;
use serde_json::json;

use crate::place::running::Start;
use crate::place::{Place, SHARD, check_error, stderr};

const STEPS: u64 = 24;

fn every_third() -> Vec<&'static str> {
    vec!["--steps", "24", "--set", "training.checkpoint_every=3"]
}

/// A number below `limit`, from a generator that starts anew with the clock: the moment of a kill should differ.
fn random(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % limit
}

/// Kills a run with SIGKILL at random moments until it has had a chance to end, and compares it with one that was left
/// alone.
fn check_killed(place: &Place, arguments: &[&str]) {
    let whole = [&["--run", "whole"], arguments].concat();
    place.trained(&whole);
    let mut moment = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = moment;
    for _ in 0..size::either(2, 4) {
        let mut child = place.train_command(&[&["--run", "killed"], arguments].concat()).start();
        // From the first step of this process on, at any moment of a few saves.
        let before = place.lines("killed");
        for _ in 0..2000 {
            if place.lines("killed") != before || child.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(random(&mut moment, 120)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    place.trained(&[&["--run", "killed"], arguments].concat());
    assert_eq!(place.curve("killed"), place.curve("whole"), "seed {seed}");
    let steps: Vec<u64> =
        place.metrics("killed").iter().map(|record| record["step"].as_u64().unwrap()).collect();
    assert!(steps.into_iter().eq(1..=STEPS), "one line for each step, seed {seed}");
    assert!(place.state("killed", STEPS) == place.state("whole", STEPS), "the states differ, seed {seed}");
    let leftovers = place.names("killed/checkpoints");
    assert!(leftovers.iter().all(|name| name.starts_with("step-")), "{leftovers:?}");
}

impl Place {
    fn lines(&self, run: &str) -> usize {
        fs::read_to_string(self.path(run).join("metrics.jsonl")).map_or(0, |text| text.lines().count())
    }

    /// The line that a user types again.
    fn again(&self, run: &str, arguments: &[&str]) -> Command {
        self.train_command(&[&["--run", run, "--json"], &every_third()[..], arguments].concat())
    }

    /// A run whose process was killed before step 9 was saved: checkpoints of 3 and 6, metrics up to 9.
    fn cut_off(&self, run: &str) {
        let mut command = self.again(run, &[]);
        // The operations of the third save begin with its folder.
        let output = command.env("GOPHER_FAULT", "create-folder:3:kill").output().unwrap();
        assert!(output.status.code().is_none(), "{}", stderr(&output));
        assert_eq!(self.names(&format!("{run}/checkpoints")), ["step-00000003", "step-00000006"]);
        assert!(self.lines(run) >= 9);
    }

    #[track_caller]
    fn check_same(&self, run: &str, whole: &str) {
        assert_eq!(self.curve(run), self.curve(whole));
        assert!(self.state(run, STEPS) == self.state(whole, STEPS), "the states differ");
    }
}

#[test]
fn a_killed_run_is_the_uninterrupted_one_on_one_device() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    check_killed(&place, &every_third());
}

#[test]
fn a_killed_run_is_the_uninterrupted_one_over_four_devices() {
    let Some(place) = Place::new().map(Place::optimised) else { return };
    place.plan("plan.json", [1, 2, 2], json!({ "zero": 2, "batch": 4 }));
    let split =
        ["--set", "model.layers=2", "--set", "training.batch=4", "--set", "model.vocabulary_size=336"];
    let on = ["--topology", "cpu:4", "--plan", "plan.json"];
    check_killed(&place, &[&every_third()[..], &split, &on].concat());
}

/// What was saved is damaged: the run goes back to what is not, says so, and comes to the same end.
#[test]
fn a_damaged_checkpoint_is_passed_over_and_its_steps_are_done_again() {
    let Some(place) = Place::with_whole() else { return };
    place.cut_off("a");
    place.flip(&format!("a/checkpoints/step-00000006/{SHARD}"), 12_345);
    let output = place.again("a", &[]).output().unwrap();
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    for part in [
        "warning: passing over a/checkpoints/step-00000006: ",
        "safetensors is damaged: expected sha256",
        "from step 3",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    place.check_same("a", "whole");
}

/// The other files of the run directory: taken from the checkpoint, or refused; never used as they are.
#[test]
fn changed_files_of_a_run_are_named() {
    let Some(place) = Place::with_whole() else { return };
    place.cut_off("a");
    let config = place.read("a/config.toml");
    place.write("a/config.toml", config.replace("maximum = 0.002", "maximum = 0.003"));
    assert_ne!(place.read("a/config.toml"), config);
    let alone = place.gopher(&["train", "--run", "a"]).output().unwrap();
    check_error(
        &alone,
        1,
        &["a/config.toml is not what gopher wrote", "gopher train a/config.toml --run DIR"],
    );
    // Without one, the checkpoint's is taken.
    fs::remove_file(place.path("a/config.toml")).unwrap();
    place.write("a/tokenizer.model", "damaged");
    let metrics = place.read("a/metrics.jsonl").replacen("\"loss\":5", "\"loss\":4", 1);
    place.write("a/metrics.jsonl", metrics);
    let output = place.gopher(&["train", "--run", "a", "--json"]).output().unwrap();
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    let warned = "warning: a/metrics.jsonl: the lines up to step 6 are not those of the run";
    assert!(said.contains(warned) && said.contains("from step 6"), "{said}");
    assert_eq!(place.curve("a")[1..], place.curve("whole")[1..]);
    assert!(place.state("a", STEPS) == place.state("whole", STEPS), "the states differ");
    let tokenizer = |run: &str| fs::read(place.path(run).join("tokenizer.model")).unwrap();
    assert!(tokenizer("a") == tokenizer("whole"));
}

#[test]
fn a_changed_plan_is_not_used() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "1", "--topology", "cpu:2"]);
    let plan = place.read("a/plan.json");
    place.write("a/plan.json", plan.replace("\"zero\": 0", "\"zero\": 1"));
    assert_ne!(place.read("a/plan.json"), plan);
    let again = ["--run", "a", "--steps", "2", "--topology", "cpu:2"];
    place.check_error(&again, 1, &["a/plan.json is not what gopher wrote", "--plan FILE"]);
    place.write("a/plan.json", plan);
    place.trained(&again);
}

#[test]
fn never_refuses_a_folder_that_holds_a_run() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "2", "--resume", "never"]);
    let (before, state) = (place.curve("a"), place.state("a", 2));
    place.check_error(
        &["--run", "a", "--steps", "4", "--resume", "never"],
        1,
        &["a already holds a run", "--resume auto"],
    );
    assert!(place.curve("a") == before && place.state("a", 2) == state);
    place.check_error(&["--run", "a", "--resume", "nothing"], 2, &["--resume", "no such folder"]);
}

#[test]
fn a_run_goes_on_from_a_checkpoint_that_is_named() {
    let Some(place) = Place::with_whole() else { return };
    let (curve, state) = (place.curve("whole"), place.state("whole", STEPS));
    // Of the run itself: what comes later is set aside, and not taken up again.
    let from = ["--resume", "whole/checkpoints/step-00000018"];
    place.train(&[&["--run", "whole"], &every_third()[..], &from].concat());
    assert_eq!(
        place.names("whole/checkpoints"),
        ["aside-step-00000021", "aside-step-00000024", "step-00000018", "step-00000021", "step-00000024"]
    );
    assert!(place.curve("whole") == curve && place.state("whole", STEPS) == state);
    // Of another run: a new one begins there.
    place.trained(&[&["--run", "b"], &every_third()[..], &from].concat());
    assert_eq!(place.curve("b"), curve[18..]);
    assert!(place.state("b", STEPS) == state, "the states differ");
    place.check_error(
        &[&["--run", "b"], &every_third()[..], &from].concat(),
        1,
        &["step-00000018 is no checkpoint of the run at b", "--run DIR"],
    );
}

#[test]
fn the_checkpoints_of_a_run_are_listed_and_verified() {
    let Some(place) = Place::with_whole() else { return };
    place.cut_off("a");
    let run = |arguments: &[&str]| place.gopher(&[&["checkpoint"], arguments].concat()).output().unwrap();
    let list = run(&["ls", "a", "--json"]);
    let rows: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(
        (&rows[1]["step"], &rows[1]["tokens"], &rows[1]["complete"]),
        (&6.into(), &384.into(), &true.into())
    );
    assert!(String::from_utf8_lossy(&run(&["ls", "a"]).stdout).contains("complete"));
    assert!(run(&["verify", "a"]).status.success());
    place.flip("a/checkpoints/step-00000006/config.toml", 40);
    let output = run(&["verify", "a"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("step-00000006/config.toml  BAD: ") && text.contains("is damaged"), "{text}");
    assert!(run(&["verify", "a/checkpoints/step-00000003"]).status.success());
    check_error(&run(&["ls", "none"]), 1, &["none holds no run"]);

    // The newest good one is exported and converted, and a run goes on from what was converted.
    let output = run(&["export", "a", "out.safetensors", "--dtype", "bf16"]);
    assert!(stderr(&output).contains("17 tensors of a/checkpoints/step-00000003"), "{}", stderr(&output));
    check_error(&run(&["export", "a", "out.safetensors"]), 1, &["out.safetensors is there already"]);
    let output = run(&["convert", "a", "--to", "c", "--shards", "4"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.names("c").iter().filter(|name| name.ends_with("-of-00004.safetensors")).count(), 4);
    place.trained(&[&["--run", "b", "--resume", "c"], &every_third()[..]].concat());
    assert_eq!(place.curve("b"), place.curve("whole")[3..]);
    assert!(place.state("b", STEPS) == place.state("whole", STEPS), "the states differ");
}

/// A run of the version before there were kinds of models: its configuration names none, and its checkpoint goes on as that
/// version's own did, whose losses these are.
#[test]
fn a_run_of_an_earlier_version_goes_on() {
    let Some(place) = Place::new() else { return };
    let archive = std::io::Cursor::new(include_bytes!("run-of-before-llama.zip"));
    zip::ZipArchive::new(archive).unwrap().extract(place.folder.path()).unwrap();
    let output =
        place.gopher(&["train", "--run", "old", "--data", "text.txt", "--steps", "8"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let losses: Vec<f64> = place.metrics("old").iter().map(|line| line["loss"].as_f64().unwrap()).collect();
    let expected = [5.782785415649414, 5.76777982711792, 5.766106128692627, 5.758236408233643];
    assert_eq!(losses.len(), 8);
    for (loss, expected) in losses[4..].iter().zip(expected) {
        assert!((loss - expected).abs() < 1e-5, "{losses:?}");
    }
}

/// A slip of the finger in the name of a run that is to go on would begin another, and does not do so unsaid.
#[test]
fn a_run_that_is_not_there_is_said_to_begin_with_the_one_that_may_be_meant() {
    let Some(place) = Place::with_whole() else { return };
    let said = |run: &str| {
        let output = place.train(&["--run", run, "--steps", "1", "--dry-run"]);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output).lines().find(|line| line.contains("no run in")).map(str::to_owned)
    };
    assert_eq!(said("another").unwrap(), "no run in another: a new one begins there");
    let line = said("whoel").unwrap();
    assert_eq!(line, "no run in whoel: a new one begins there; if whole is meant, stop and name that");
    fs::rename(place.path("whole"), place.path("whole-20261125-215934")).unwrap();
    let line = said("wohle-2026").unwrap();
    assert!(line.ends_with("; if whole-20261125-215934 is meant, stop and name that"), "{line}");
    assert_eq!(said("whole-20261125-215934"), None);
}

#[test]
fn a_run_without_a_checkpoint_says_that_it_begins_anew() {
    let Some(place) = Place::with_whole() else { return };
    fs::remove_dir_all(place.path("whole/checkpoints")).unwrap();
    let again = || place.train(&["--run", "whole", "--steps", "2"]);
    let text = stderr(&again());
    let line = "no checkpoint in whole: it begins anew, and the 24 steps that it records are taken again\n";
    assert!(text.contains(line), "{text}");
    assert_eq!(place.metrics("whole").len(), 2);
    assert!(!stderr(&again()).contains("begins anew"));
}
