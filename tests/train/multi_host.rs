//! `gopher train` as two processes that compute together: their devices are joined by a plugin for tests, which has the
//! CPU plugin behind it and gives what a plugin for several hosts would. What goes wrong in a step, in one process, or in
//! its save, all of them get over or end with.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake::build_joined;
use crate::incidents::{noisy, steps};
use crate::place::running::{Running, Start};
use crate::place::{Place, check_error, plugin, signal, stderr, wait_for_lines};
use crate::server::Server;

/// Two processes with two devices each, in a place with a text that has spikes; `None` with a word why.
struct Two {
    place: Place,
    server: Server,
}

/// What both are started with.
const COMMON: [&str; 6] = ["--device", "cuda", "--plugin", "joined_plugin.so", "--topology", "gpu:h100:2x2"];

impl Two {
    fn new() -> Option<Two> {
        let (place, server) = (noisy()?, Server::start(&[])?);
        build_joined(place.folder.path());
        std::fs::create_dir(place.path("temporary")).unwrap();
        // Each device has a part of the means of Adam, and computes a row of a batch.
        let plan = json!({
            "topology": "gpu:h100:2x2", "mesh": { "stage": 1, "data": 4, "model": 1 }, "stages": 1, "zero": 1,
            "remat": "none", "sequence_sharding": false, "batch": 4, "sequence_length": 32,
        });
        place.write("plan.json", plan.to_string());
        Some(Two { place, server })
    }

    fn command(&self, run: &str, devices: &str, arguments: &[&str]) -> Command {
        let run = ["--run", run, "--plan", "plan.json", "--set", "training.batch=4"];
        let mut command = self.place.train_command(&[&COMMON[..], &run, arguments].concat());
        command.env("JOINED_PLUGIN", plugin().unwrap()).env("JOINED_DEVICES", devices);
        command.env("TMPDIR", self.place.path("temporary"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The same on one process with all devices.
    fn alone(&self, run: &str, arguments: &[&str]) -> Output {
        self.command(run, "4", arguments).output().unwrap()
    }

    /// One of the processes.
    fn process(&self, run: &str, index: &str, arguments: &[&str]) -> Command {
        let url = self.server.url();
        let place = ["--processes", "2", "--process-id", index, "--coordinator", &url];
        self.command(run, "2", &[&place, arguments].concat())
    }

    fn start(&self, run: &str, arguments: &[&str]) -> [Running; 2] {
        ["0", "1"].map(|index| self.process(run, index, arguments).start())
    }

    fn train(&self, run: &str, arguments: &[&str]) -> [Output; 2] {
        ends(self.start(run, arguments))
    }

    /// Every tensor of a checkpoint.
    fn tensors(&self, run: &str, step: u64) -> Vec<(String, Vec<u8>)> {
        let folder = self.place.path(&format!("{run}/checkpoints/step-{step:08}"));
        let checkpoint = store::checkpoint::Checkpoint::open(&folder).unwrap();
        let read = |name: &str| (name.to_owned(), checkpoint.read_whole(name).unwrap());
        checkpoint.names().map(read).collect()
    }

    fn steps_saved(&self, run: &str) -> Vec<String> {
        let names = self.place.names(&format!("{run}/checkpoints")).into_iter();
        names.filter(|name| !name.starts_with("aside-")).collect()
    }
}

fn ends(processes: [Running; 2]) -> [Output; 2] {
    processes.map(|process| process.wait_with_output().unwrap())
}

#[track_caller]
fn succeeded(outputs: &[Output]) {
    outputs.iter().for_each(|output| assert!(output.status.success(), "{}", stderr(output)));
}

/// A policy for steps whose loss is a little above that of the four before them.
fn policy<'a>(policy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let sets = [
        policy,
        "incidents.spike_threshold=0.1",
        "incidents.spike_window=4",
        "incidents.limit=1000",
        "schedule.maximum=0.02",
        "training.validation_every=10",
    ];
    let mut all = vec!["--steps", "40"];
    sets.iter().chain(more).for_each(|set| all.extend(["--set", set]));
    all
}

/// What an event says, but for the time.
fn said(mut event: Value) -> Value {
    event.as_object_mut().unwrap().remove("time");
    event
}

#[test]
fn two_processes_go_back_together_and_give_the_run_of_one_to_the_bit() {
    let Some(two) = Two::new() else { return };
    let place = &two.place;
    let more = [
        "training.checkpoint_every=5",
        "incidents.rewind_steps=5",
        "incidents.rewind_skip=8",
        "checkpoint.keep_last=1",
    ];
    let arguments = policy("incidents.spike=rewind", &more);
    succeeded(&[two.alone("one", &arguments)]);
    // Killed after their first rewind, and continued.
    let processes = two.start("two", &arguments);
    wait_for_lines(&place.path("two/events.jsonl"), "\"rewind\",\"step\"", 1);
    processes.iter().for_each(|process| signal(process, "KILL"));
    ends(processes);
    let outputs = two.train("two", &arguments);
    succeeded(&outputs);

    assert_eq!(place.curve("one"), place.curve("two"));
    assert_eq!(steps(&place.metrics("two")), (1..=40).collect::<Vec<_>>());
    assert!(two.tensors("one", 40) == two.tensors("two", 40), "the states differ");
    assert_eq!(place.read("one/rewinds.json"), place.read("two/rewinds.json"));
    // One line for each rewind, whoever many processes went back. What was logged right before the kill may be there twice.
    for kind in ["incident", "rewind"] {
        let events = |run| place.events(run, kind).into_iter().map(said);
        let mut together: Vec<_> = events("two").collect();
        together.dedup();
        let alone: Vec<_> = events("one").collect();
        assert!(alone.len() > 1 && alone == together, "{kind}: {alone:?} {together:?}");
    }
    // Each tells its own user, and leaves nothing else.
    for output in &outputs {
        assert!(stderr(output).contains("; going back to step "), "{}", stderr(output));
    }
    assert_eq!(place.names("temporary").len(), 1, "the folder of the process that was killed");
    // Kept by itself: where the next rewind would go.
    assert_eq!(two.steps_saved("two"), ["step-00000035", "step-00000040"]);
    let manifest = place.read("two/checkpoints/step-00000040/manifest.json");
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["processes"], 2);
}

#[test]
fn two_processes_leave_a_step_out_or_stop_before_it_together() {
    let Some(two) = Two::new() else { return };
    let place = &two.place;
    let skip = policy("incidents.spike=skip", &[]);
    succeeded(&[two.alone("one", &skip)]);
    succeeded(&two.train("two", &skip));
    assert_eq!(place.curve("one"), place.curve("two"));
    let incidents = |run| place.events(run, "incident").into_iter().map(said).collect::<Vec<_>>();
    assert!(!incidents("one").is_empty());
    assert_eq!(incidents("one"), incidents("two"));
    assert!(two.tensors("one", 40) == two.tensors("two", 40), "the states differ");

    let outputs = two.train("stop", &policy("incidents.spike=stop", &[]));
    let first = incidents("one")[0]["step"].as_u64().unwrap();
    for output in &outputs {
        let saved = format!("stop/checkpoints/step-{:08};", first - 1);
        check_error(output, 1, &[&format!("step {first}: loss "), "(loss limit ", &saved]);
    }
    assert_eq!(two.steps_saved("stop"), [format!("step-{:08}", first - 1)]);
    assert_eq!(steps(&incidents("stop")), [first]);
    assert_eq!(place.events("stop", "stop")[0]["reason"], "incident");
}

#[test]
fn two_processes_begin_with_the_parameters_of_another_run() {
    let Some(two) = Two::new() else { return };
    let place = &two.place;
    succeeded(&[two.alone("whole", &["--steps", "6"])]);
    let from = ["--from", "whole", "--steps", "4", "--set", "training.seed=5"];
    succeeded(&[two.alone("one", &from)]);
    succeeded(&two.train("two", &from));
    assert_eq!(place.curve("one"), place.curve("two"));
    assert!(two.tensors("one", 4) == two.tensors("two", 4), "the states differ");
    // They began with what the other run ended with, and with nothing else of it.
    let parameters = |run: &str, step| {
        let tensors = two.tensors(run, step).into_iter();
        tensors.filter(|(name, _)| name.starts_with("parameters/")).collect::<Vec<_>>()
    };
    assert!(!parameters("whole", 6).is_empty());
    assert!(parameters("two", 0) == parameters("whole", 6), "the parameters differ");
    assert!(two.tensors("two", 0) != two.tensors("whole", 6), "Adam's means are the other run's");
    assert_eq!(place.read("one/from.json"), place.read("two/from.json"));
    assert_eq!(place.events("two", "begin")[0]["from"]["step"], 6);
    // Without the other run, they go on.
    std::fs::rename(place.path("whole"), place.path("away")).unwrap();
    let on = ["--steps", "6", "--set", "training.seed=5"];
    succeeded(&two.train("two", &on));
    succeeded(&[two.alone("one", &on)]);
    assert!(two.tensors("one", 6) == two.tensors("two", 6), "the states differ");
    // Parameters that are not there are said by both, and nothing is left.
    for output in two.train("none", &["--from", "away/checkpoints/step-00000007", "--steps", "4"]) {
        assert!(!output.status.success() && stderr(&output).contains("step-00000007"), "{}", stderr(&output));
    }
    assert!(!place.path("none").exists());
}

#[test]
fn a_signal_in_preparation_leaves_nothing_of_a_run_of_two() {
    let Some(two) = Two::new() else { return };
    for who in [0, 1] {
        let processes = two.start("deep/new", &["--steps", "1000000"]);
        let began = Instant::now();
        while !two.place.path("deep/new/.lock").exists() {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(2));
        }
        signal(&processes[who], "TERM");
        let outputs = ends(processes);
        assert_eq!(outputs[who].status.code(), Some(143), "{}", stderr(&outputs[who]));
        // Processes that were quicker have begun, and saved.
        match two.place.path("deep/new/config.toml").exists() {
            true => std::fs::remove_dir_all(two.place.path("deep")).unwrap(),
            false => assert!(
                !two.place.path("deep").exists(),
                "{who}: {:?}: {:?}",
                two.place.names("deep/new"),
                outputs.each_ref().map(stderr)
            ),
        }
    }
}

#[test]
fn a_signal_to_one_process_stops_both_with_one_checkpoint() {
    let Some(two) = Two::new() else { return };
    for (who, run) in [(1, "a"), (0, "b")] {
        let processes = two.start(run, &["--steps", "1000000", "--stop-deadline", "60"]);
        wait_for_lines(&two.place.path(run).join("metrics.jsonl"), "", 3);
        let began = Instant::now();
        signal(&processes[who], "TERM");
        let outputs = ends(processes);
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        let last = two.place.metrics(run).len();
        // The other was not asked by a signal.
        for (index, output) in outputs.iter().enumerate() {
            check_error(output, if index == who { 143 } else { 130 }, &["interrupted"]);
            let text = stderr(output);
            assert!(text.contains(&format!("stopped after step {last} of 1000000, saved as ")), "{text}");
            assert!(
                text.contains(&format!("to continue: gopher train --run {}", two.place.path(run).display()))
            );
        }
        assert_eq!(two.steps_saved(run), [format!("step-{last:08}")]);
        let stops = two.place.events(run, "stop");
        assert_eq!(stops.len(), 1, "{stops:?}");
        assert_eq!((&stops[0]["step"], &stops[0]["reason"]), (&last.into(), &"interrupted".into()));
    }
}

#[test]
fn a_process_that_gives_up_at_its_deadline_ends_the_other() {
    let Some(two) = Two::new() else { return };
    let [first, second] = two.start("a", &["--steps", "1000000", "--stop-deadline", "0.5"]);
    wait_for_lines(&two.place.path("a/metrics.jsonl"), "", 3);
    // Without process 0 nothing is saved.
    signal(&first, "STOP");
    signal(&second, "TERM");
    let output = second.wait_with_output().unwrap();
    check_error(&output, 143, &["not saved within the deadline of 0.5 s"]);
    signal(&first, "CONT");
    let output = first.wait_with_output().unwrap();
    check_error(
        &output,
        1,
        &["process 1: not saved within the deadline of 0.5 s", "; this process ends too"],
    );
}

#[test]
fn a_save_that_fails_in_one_process_is_no_checkpoint_and_the_next_one_is() {
    let Some(two) = Two::new() else { return };
    let arguments = ["--steps", "6", "--set", "training.checkpoint_every=2"];
    // After its tokenizer, configuration, plan and list of rewinds, process 1 writes its pieces.
    let first = two.process("a", "0", &arguments).start();
    let second = two.process("a", "1", &arguments).env("GOPHER_FAULT", "write:5:full").start();
    let outputs = ends([first, second]);
    succeeded(&outputs);
    let told = "warning: the checkpoint of step 2 is not saved: ";
    assert!(stderr(&outputs[1]).contains(told), "{}", stderr(&outputs[1]));
    assert!(
        stderr(&outputs[0]).contains(&format!(
            "{told}the checkpoint of step 2 cannot be saved: process 1: the disk is full: "
        )),
        "{}",
        stderr(&outputs[0])
    );
    assert_eq!(two.steps_saved("a"), ["step-00000004", "step-00000006"]);
    let failures = two.place.events("a", "save_failed");
    assert_eq!(steps(&failures), [2]);
    let message = failures[0]["message"].as_str().unwrap();
    assert!(message.contains("process 1: the disk is full: cannot write "), "{message}");
    assert!(message.contains("/shard-00001-of-00002.safetensors"), "{message}");
    assert_eq!(steps(&two.place.events("a", "save")), [4, 6]);
}

#[test]
fn the_clock_of_process_0_has_both_save() {
    let Some(two) = Two::new() else { return };
    let sets = ["--set", "training.checkpoint_minutes=0.0005", "--set", "checkpoint.keep_last=0"];
    let arguments = [&["--steps", "60"][..], &sets].concat();
    let outputs = two.train("a", &arguments);
    succeeded(&outputs);
    let saved = two.steps_saved("a");
    assert!(saved.len() > 1 && saved.last().unwrap() == "step-00000060", "{saved:?}");
    // What both hold a part of is whole, and training goes on from it as if there had been no break.
    let between: u64 = saved[0].trim_start_matches("step-").parse().unwrap();
    let verified = two.place.gopher(&["checkpoint", "verify", "a"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let before = two.place.curve("a");
    let checkpoint = format!("a/checkpoints/step-{between:08}");
    succeeded(&two.train("a", &[&arguments[..], &["--resume", &checkpoint]].concat()));
    assert_eq!(two.place.curve("a"), before);
}

#[test]
fn when_the_device_of_one_hangs_both_end() {
    let Some(two) = Two::new() else { return };
    let sets = [
        "incidents.hang=abort",
        "incidents.hang_seconds=1.0",
        "incidents.hang_factor=2.0",
        "training.validation_every=0",
    ];
    let mut arguments = vec!["--steps", "1000000"];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    let [first, second] = two.start("a", &arguments);
    wait_for_lines(&two.place.path("a/metrics.jsonl"), "", 5);
    // Process 1 stands still, and does not count that time. The device of process 0 waits for that of process 1.
    signal(&second, "STOP");
    let output = first.wait_with_output().unwrap();
    check_error(&output, 1, &[" has not ended for ", "waiting for the device to ", "giving up"]);
    assert_eq!(two.place.events("a", "hang").last().unwrap()["abort"], true);
    signal(&second, "CONT");
    let output = second.wait_with_output().unwrap();
    check_error(&output, 1, &["process 0: step ", " has not ended for ", "; this process ends too"]);
}
