//! Ctrl-C and SIGTERM during `gopher train`: the step is finished and saved, within a deadline if there is one; a second
//! one quits at once.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::place::{Place, TEXT, check_error, signal, stderr, wait_for_lines};

fn wait_for_steps(place: &Place, run: &str, count: usize) {
    wait_for_lines(&place.path(run).join("metrics.jsonl"), "", count);
}

#[track_caller]
fn check(name: &str, code: i32) {
    let Some(place) = Place::new() else { return };
    let child = place.train_command(&["--run", "a", "--steps", "1000000"]).spawn().unwrap();
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

/// A run with steps of many seconds.
fn slow(place: &Place, arguments: &[&str]) -> Child {
    let large = ["--set", "training.batch=40", "--set", "training.sequence_length=2048"];
    place.write("text.txt", TEXT.repeat(2000));
    place.train_command(&[&["--run", "a", "--steps", "100"], &large[..], arguments].concat()).spawn().unwrap()
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
