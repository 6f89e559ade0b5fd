//! Ctrl-C, SIGTERM and SIGHUP during `gopher train`: the step is finished and saved, within a deadline if there is one; a second
//! one quits at once.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::running::{Running, Start};
use crate::place::{Place, TEXT, check_error, signal, stderr, wait_for_lines};

fn wait_for_steps(place: &Place, run: &str, count: usize) {
    wait_for_lines(&place.path(run).join("metrics.jsonl"), "", count);
}

#[track_caller]
fn check(name: &str, code: i32) {
    let Some(place) = Place::new() else { return };
    let child = place.train_command(&["--run", "a", "--steps", "1000000"]).start();
    wait_for_steps(&place, "a", 3);
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    check_error(&output, code, &["interrupted"]);

    // Everything that was computed is there, and the run says how to go on.
    let records = place.metrics("a");
    let last = records.last().unwrap()["step"].as_u64().unwrap();
    assert_eq!(place.names("a/checkpoints"), [format!("step-{last:08}")]);
    let text = stderr(&output);
    assert!(text.contains(&format!("stopped after step {last} of 1000000")), "{text}");
    assert!(text.contains("to continue: gopher train --run a"), "{text}");
    let lines = ["\nfinishing the step and saving; Ctrl-C once more ends at once", "\nstopped after step"];
    let places = lines.map(|line| text.find(line));
    assert!(places[0].is_some() && places[0] < places[1], "{text}");
    assert!(place.path("a/loss.svg").is_file());
    let stop = &place.events("a", "stop")[0];
    assert_eq!((&stop["step"], &stop["reason"]), (&last.into(), &"interrupted".into()));

    let steps = (last + 2).to_string();
    let output = place.gopher(&["train", "--run", "a", "--steps", &steps, "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.metrics("a").len() as u64, last + 2);
    assert_eq!(place.events("a", "resume")[0]["completed"], last);
}

#[test]
fn ctrl_c_finishes_the_step_and_saves() {
    check("INT", 130);
}

#[test]
fn a_request_to_terminate_does_too() {
    check("TERM", 143);
}

/// Whether these tests were themselves started by `nohup`, and whatever they start ignores SIGHUP.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let is_ignored =
        ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1));
    if is_ignored {
        eprintln!("skipped: SIGHUP is ignored here");
    }
    is_ignored
}

#[test]
fn the_end_of_the_terminal_does_too() {
    if !hangups_are_ignored() {
        check("HUP", 129);
    }
}

/// A shell passes on what the system has sent already, and a service manager sends it after SIGTERM.
#[test]
fn a_hangup_may_come_more_than_once() {
    if hangups_are_ignored() {
        return;
    }
    let Some(place) = Place::new() else { return };
    for (run, signals, code) in [("a", ["HUP", "HUP", "HUP"], 129), ("b", ["HUP", "TERM", "HUP"], 129)] {
        let child = place.train_command(&["--run", run, "--steps", "1000000"]).start();
        wait_for_steps(&place, run, 3);
        signals.iter().for_each(|name| signal(&child, name));
        let output = child.wait_with_output().unwrap();
        // Which of two is the last to be seen is not said.
        assert!([code, 143].contains(&output.status.code().unwrap()), "{}", stderr(&output));
        assert_eq!(place.names(&format!("{run}/checkpoints")).len(), 1);
    }
}

/// What `nohup` starts goes on.
#[test]
fn a_hangup_that_is_ignored_stops_nothing() {
    let Some(place) = Place::new() else { return };
    let train = place.train_command(&["--run", "a", "--steps", "300", "--json"]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(train.get_program()).args(train.get_args());
    command.current_dir(place.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in train.get_envs() {
        command.env(name, value.unwrap());
    }
    let child = command.start();
    wait_for_steps(&place, "a", 3);
    signal(&child, "HUP");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.metrics("a").len(), 300);
}

#[test]
fn a_summary_says_that_it_is_not_the_end() {
    let Some(place) = Place::new() else { return };
    let child = place.train_command(&["--run", "a", "--steps", "1000000", "--json"]).start();
    wait_for_steps(&place, "a", 3);
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["interrupted"], &summary["steps"]), (&true.into(), &1_000_000.into()));
    assert_eq!(summary["completed"], place.metrics("a").last().unwrap()["step"]);
}

/// A run with steps of many seconds.
fn slow(place: &Place, arguments: &[&str]) -> Running {
    let large = ["--set", "training.batch=40", "--set", "training.sequence_length=2048"];
    place.write("text.txt", TEXT.repeat(2000));
    place.train_command(&[&["--run", "a", "--steps", "100"], &large[..], arguments].concat()).start()
}

#[test]
fn a_state_that_cannot_be_saved_in_time_is_given_up() {
    let Some(place) = Place::new() else { return };
    // The save is written down before the next step is given to the device, which then takes many seconds.
    let saves = ["--set", "training.checkpoint_every=1", "--set", "checkpoint.background=false"];
    let arguments = [&["--stop-deadline", "0.5"], &saves[..]].concat();
    let child = slow(&place, &arguments);
    wait_for_lines(&place.path("a/events.jsonl"), "\"save\"", 1);
    let start = Instant::now();
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    check_error(&output, 143, &["not saved within the deadline of 0.5 s", "gopher train --run a"]);
    assert!((0.5..5.0).contains(&seconds), "it took {seconds} s");
    // The checkpoint before is good: its manifest and its hash are checked where it is used.
    let stop = &place.events("a", "stop")[0];
    assert_eq!((&stop["step"], &stop["reason"]), (&1.into(), &"deadline".into()));
    let whole: Vec<_> =
        place.names("a/checkpoints").into_iter().filter(|name| name.starts_with("step-")).collect();
    assert_eq!(whole, ["step-00000001"]);
    store::checkpoint::Checkpoint::open(&place.path("a/checkpoints/step-00000001")).unwrap();
}

#[test]
fn a_second_ctrl_c_quits_at_once() {
    let Some(place) = Place::new() else { return };
    let mut child = slow(&place, &[]);
    wait_for_steps(&place, "a", 1);
    let start = Instant::now();
    signal(&child, "INT");
    thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "it finishes its step first");
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let seconds = start.elapsed().as_secs_f64();
    assert!(place.names("a/checkpoints").is_empty(), "it saved, in {seconds} s");
}
