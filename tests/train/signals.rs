//! Ctrl-C during `gopher train`: the step is finished and saved; a second one quits at once.

use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::place::{Place, TEXT, check_error, stderr};

fn signal(child: &Child, name: &str) {
    let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(kill.success());
}

/// Waits until the run has taken some steps.
fn wait_for_steps(place: &Place, run: &str, count: usize) {
    let metrics = place.path(run).join("metrics.jsonl");
    let start = Instant::now();
    while std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < count {
        assert!(start.elapsed() < Duration::from_secs(120), "no steps");
        thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn check(name: &str) {
    let Some(place) = Place::new() else { return };
    let child = place.train_command(&["--run", "a", "--steps", "1000000"]).spawn().unwrap();
    wait_for_steps(&place, "a", 3);
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    check_error(&output, 130, &["interrupted"]);

    // Everything that was computed is there, and the run says how to go on.
    let records = place.metrics("a");
    let last = records.last().unwrap()["step"].as_u64().unwrap();
    assert_eq!(place.names("a/checkpoints"), [format!("step-{last:08}")]);
    let text = stderr(&output);
    assert!(text.contains(&format!("stopped after step {last} of 1000000")), "{text}");
    assert!(text.contains("to continue: gopher train --run a"), "{text}");
    assert!(place.path("a/loss.svg").is_file());

    let steps = (last + 2).to_string();
    let output = place.gopher(&["train", "--run", "a", "--steps", &steps, "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.metrics("a").len() as u64, last + 2);
}

#[test]
fn ctrl_c_finishes_the_step_and_saves() {
    check("INT");
}

#[test]
fn a_request_to_terminate_does_too() {
    check("TERM");
}

#[test]
fn a_second_ctrl_c_quits_at_once() {
    let Some(place) = Place::new() else { return };
    // Steps of many seconds.
    let large = ["--set", "training.batch=64", "--set", "training.sequence_length=2048"];
    place.write("text.txt", TEXT.repeat(2000));
    let mut child =
        place.train_command(&[&["--run", "a", "--steps", "100"], &large[..]].concat()).spawn().unwrap();
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
