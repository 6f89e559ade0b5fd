//! `gopher train` when a step goes wrong: what each policy does, and that a run which is cut off goes on the same.

use std::collections::BTreeSet;

use crate::place::running::Start;
use crate::place::{Place, TEXT, check_error, noisy_text, signal, stderr, wait_for_lines};
use serde_json::Value;

/// A spike is a loss this much above the median of so many.
const THRESHOLD: f64 = 0.3;
const WINDOW: usize = 4;

/// A place whose text has lines with a high loss.
pub fn noisy() -> Option<Place> {
    let place = Place::new()?;
    place.write("text.txt", noisy_text());
    Some(place)
}

/// Arguments of a run of 40 steps under a policy for spikes, with keys of their own.
fn arguments<'a>(run: &'a str, policy: &'a str, more: &[&'a str]) -> Vec<String> {
    let mut all = ["--run", run, "--steps", "40"].map(str::to_owned).to_vec();
    let (threshold, window) =
        (format!("incidents.spike_threshold={THRESHOLD}"), format!("incidents.spike_window={WINDOW}"));
    let policy = format!("incidents.spike={policy}");
    let sets = [
        &threshold,
        &window,
        &policy,
        "schedule.maximum=0.02",
        "training.validation_every=10",
        "checkpoint.keep_last=0",
    ];
    for set in sets.into_iter().chain(more.iter().copied()) {
        all.extend(["--set".to_owned(), set.to_owned()]);
    }
    all
}

fn train(place: &Place, run: &str, policy: &str, more: &[&str]) -> std::process::Output {
    place.train(&arguments(run, policy, more).iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
fn trained(place: &Place, run: &str, policy: &str, more: &[&str]) {
    let output = train(place, run, policy, more);
    assert!(output.status.success(), "{}", stderr(&output));
}

fn loss(record: &Value) -> f64 {
    record["loss"].as_f64().unwrap()
}

pub fn steps(values: &[Value]) -> Vec<u64> {
    values.iter().map(|value| value["step"].as_u64().unwrap()).collect()
}

/// The steps of a run that are spikes, by the definition in docs/incidents.md.
fn spikes(records: &[Value]) -> BTreeSet<u64> {
    let mut spikes = BTreeSet::new();
    for (index, record) in records.iter().enumerate() {
        let known = &records[..index.saturating_sub(1)];
        let known: Vec<f64> =
            known.iter().filter(|record| record.get("skipped").is_none()).map(loss).collect();
        let Some(first) = known.len().checked_sub(WINDOW) else { continue };
        let mut last = known[first..].to_vec();
        last.sort_by(f64::total_cmp);
        let median = (last[WINDOW / 2 - 1] + last[WINDOW / 2]) / 2.0;
        if loss(record) > median + THRESHOLD {
            spikes.insert(index as u64 + 1);
        }
    }
    spikes
}

/// The numbers of `metrics.jsonl` that do not depend on the clock.
fn curve(place: &Place, run: &str) -> Vec<[Value; 5]> {
    let keys = ["step", "loss", "grad_norm", "validation_loss", "skipped"];
    place.metrics(run).iter().map(|record| keys.map(|key| record[key].clone())).collect()
}

#[test]
fn a_spike_is_noted_left_out_or_ends_the_run() {
    let Some(place) = noisy() else { return };
    let every = "training.checkpoint_every=1";
    trained(&place, "note", "note", &[every]);
    let records = place.metrics("note");
    let noted = place.events("note", "incident");
    let expected = spikes(&records);
    assert!(expected.len() > 1 && expected.len() < 20, "{expected:?}");
    assert_eq!(steps(&noted), Vec::from_iter(expected.clone()));
    assert!(noted.iter().all(|event| event["kind"] == "spike" && event["action"] == "note"), "{noted:?}");
    assert!(records.iter().all(|record| record.get("skipped").is_none()));
    let first = *expected.first().unwrap();

    // Left out: the state after a spike is the one before it, to the bit, and the next step is taken with the next batch.
    trained(&place, "skip", "skip", &[every]);
    let records = place.metrics("skip");
    assert_eq!(steps(&records), (1..=40).collect::<Vec<_>>());
    let skipped: Vec<_> = records.iter().filter(|record| record["skipped"] == "spike").cloned().collect();
    assert_eq!(steps(&skipped), Vec::from_iter(spikes(&records)));
    assert_eq!(steps(&skipped), steps(&place.events("skip", "incident")));
    for step in 2..=40 {
        let same = place.state("skip", step) == place.state("skip", step - 1);
        assert_eq!(same, steps(&skipped).contains(&step), "step {step}");
    }
    assert_eq!(curve(&place, "skip")[..first as usize - 1], curve(&place, "note")[..first as usize - 1]);

    // The end: with the state before the spike, although the step after it was under way.
    let output = train(&place, "stop", "stop", &[]);
    let line = check_error(&output, 1, &[&format!("step {first}: loss "), "(loss limit "]);
    let before = first - 1;
    assert!(line.contains(&format!("saved as stop/checkpoints/step-{before:08};")), "{line}");
    assert_eq!(place.names("stop/checkpoints"), [format!("step-{before:08}")]);
    assert!(place.state("stop", before) == place.state("note", before), "another state");
    assert_eq!(curve(&place, "stop"), curve(&place, "note")[..before as usize]);
    let stop = &place.events("stop", "stop")[0];
    assert_eq!((&stop["step"], &stop["reason"]), (&before.into(), &"incident".into()));
}

#[test]
fn steps_that_are_not_finite_are_left_out_up_to_a_limit() {
    let Some(place) = Place::new() else { return };
    // The first step leaves parameters with which no loss is finite.
    let arguments =
        ["schedule.maximum=1e30", "schedule.initial=1e30", "incidents.not_finite=skip", "incidents.limit=3"];
    let mut all = vec!["--run", "a", "--steps", "50"];
    arguments.iter().for_each(|set| all.extend(["--set", set]));
    place.check_error(&all, 1, &["step 5: loss ", "the run tolerated 3 before, and incidents.limit is 3"]);
    let records = place.metrics("a");
    assert_eq!(steps(&records), [1, 2, 3, 4]);
    assert!(records[1..].iter().all(|record| record["skipped"] == "not_finite"), "{records:?}");
    let actions: Vec<_> = place.events("a", "incident").iter().map(|event| event["action"].clone()).collect();
    assert_eq!(actions, ["skip", "skip", "skip", "stop"]);
}

/// Checkpoints every 5 steps, and 8 batches left out.
const REWIND: [&str; 3] =
    ["training.checkpoint_every=5", "incidents.rewind_steps=5", "incidents.rewind_skip=8"];

#[test]
fn a_run_that_goes_back_has_one_line_per_step_and_goes_on_the_same_after_a_kill() {
    let Some(place) = noisy() else { return };
    trained(&place, "a", "rewind", &REWIND);
    let records = place.metrics("a");
    assert_eq!(steps(&records), (1..=40).collect::<Vec<_>>());
    assert_eq!(spikes(&records), BTreeSet::new(), "every spike was left behind");
    let (incidents, rewinds) = (place.events("a", "incident"), place.events("a", "rewind"));
    assert!(
        incidents.len() > 1 && incidents.iter().all(|event| event["action"] == "rewind"),
        "{incidents:?}"
    );
    assert_eq!(steps(&incidents), steps(&rewinds));
    let number = |value: &Value| value.as_u64().unwrap();
    for rewind in &rewinds {
        let (step, to) = (number(&rewind["step"]), number(&rewind["to"]));
        assert!(to + 5 <= step && to % 5 == 0, "{rewind}");
        let (from, until) = (number(&rewind["skipped"]["from"]), number(&rewind["skipped"]["until"]));
        assert!(until - from >= 16, "8 batches of 2 sequences: {rewind}");
    }
    // The first one: nothing was left out before, so that a step reads from twice the number of those before it.
    let (first, skipped) = (&rewinds[0], &rewinds[0]["skipped"]);
    assert_eq!(number(&skipped["from"]), 2 * number(&first["to"]));
    assert!(number(&skipped["until"]) >= 2 * number(&first["step"]), "its batch is left out: {first}");
    // Checkpoints are of the past that the run now has, and know what was left out.
    let names = place.names("a/checkpoints").into_iter();
    let (aside, saved): (Vec<_>, Vec<_>) = names.partition(|name| name.starts_with("aside-"));
    assert!(!aside.is_empty(), "what a rewind left behind is kept aside");
    assert_eq!(saved, (1..=8).map(|index| format!("step-{:08}", 5 * index)).collect::<Vec<_>>());
    let manifest: Value =
        serde_json::from_str(&place.read("a/checkpoints/step-00000040/manifest.json")).unwrap();
    assert!(!manifest["data"]["skipped"].as_array().unwrap().is_empty(), "{manifest}");

    // Killed right after its first rewind, and continued.
    let command = arguments("b", "rewind", &REWIND);
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    let mut child = place.train_command(&command).start();
    wait_for_lines(&place.path("b/events.jsonl"), "\"rewind\",\"step\"", 1);
    signal(&child, "KILL");
    child.wait().unwrap();
    trained(&place, "b", "rewind", &REWIND);
    assert_eq!(curve(&place, "a"), curve(&place, "b"));
    assert!(place.state("a", 40) == place.state("b", 40), "the states differ");
    assert_eq!(place.read("a/rewinds.json"), place.read("b/rewinds.json"));

    // Killed between the removal of later checkpoints and the record of the rewind: it comes to the same spike again.
    let to = number(&rewinds[0]["to"]) as usize;
    trained(&place, "c", "note", &[REWIND[0]]);
    for later in place.names("c/checkpoints").split_off(to / 5) {
        std::fs::remove_dir_all(place.path("c/checkpoints").join(later)).unwrap();
    }
    trained(&place, "c", "rewind", &REWIND);
    assert_eq!(curve(&place, "a"), curve(&place, "c"));
    assert!(place.state("a", 40) == place.state("c", 40), "the states differ");
}

/// A learning rate that does not depend on the number of steps, so that a run can end early.
const STEADY: &str = "schedule.final_fraction=1.0";

/// A run that was asked to stop, or was to be shorter, has a checkpoint that the undisturbed one has not.
#[test]
fn a_run_that_was_stopped_goes_back_to_where_one_that_was_not_does() {
    let Some(place) = noisy() else { return };
    let settings = [REWIND[0], "incidents.rewind_steps=2", REWIND[2], STEADY];
    trained(&place, "a", "rewind", &settings);
    // The one that is stopped has a newer checkpoint that would be old enough, where a rewind has room for one.
    let room = |rewind: &Value| {
        let (step, to) = (rewind["step"].as_u64().unwrap(), rewind["to"].as_u64().unwrap());
        (to + 1..=step - 2).find(|step| step % 5 > 0)
    };
    let rewinds = place.events("a", "rewind");
    let Some(between) = rewinds.iter().find_map(room) else { panic!("no room: {rewinds:?}") };
    let shorter =
        arguments("b", "rewind", &settings).join(" ").replace("--steps 40", &format!("--steps {between}"));
    let output = place.train(&shorter.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "{}", stderr(&output));
    // Then one that gets a signal, at whatever step.
    let command = arguments("b", "rewind", &settings);
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    let child = place.train_command(&command).start();
    wait_for_lines(&place.path("b/events.jsonl"), "\"rewind\",\"step\"", 1);
    signal(&child, "TERM");
    child.wait_with_output().unwrap();
    trained(&place, "b", "rewind", &settings);
    assert_eq!(curve(&place, "a"), curve(&place, "b"));
    assert!(place.state("a", 40) == place.state("b", 40), "the states differ");
    assert_eq!(place.read("a/rewinds.json"), place.read("b/rewinds.json"));
}

/// What spikes are judged by is in the checkpoint.
#[test]
fn a_run_whose_metrics_are_lost_judges_as_before() {
    let Some(place) = noisy() else { return };
    let every = ["training.checkpoint_every=10", STEADY];
    trained(&place, "a", "skip", &every);
    let skipped =
        place.metrics("a").into_iter().filter(|record| record["skipped"] == "spike").collect::<Vec<_>>();
    // Just behind the step at which the run is cut off, where the losses before it matter.
    let cut = (1..4)
        .map(|index| 10 * index)
        .find(|cut| steps(&skipped).iter().any(|step| (cut + 1..cut + 5).contains(step)));
    let Some(cut) = cut else { panic!("no spike right behind a checkpoint: {skipped:?}") };
    let shorter = arguments("b", "skip", &every).join(" ").replace("--steps 40", &format!("--steps {cut}"));
    assert!(place.train(&shorter.split(' ').collect::<Vec<_>>()).status.success());
    place.write("b/metrics.jsonl", "");
    let output = train(&place, "b", "skip", &every);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("the lines up to step"), "{}", stderr(&output));
    assert_eq!(curve(&place, "a")[cut as usize..], curve(&place, "b"));
    assert!(place.state("a", 40) == place.state("b", 40), "the states differ");
}

#[test]
fn a_list_of_rewinds_that_is_lost_or_changed_is_refused() {
    let Some(place) = noisy() else { return };
    trained(&place, "a", "rewind", &[&REWIND[..], &["incidents.limit=1000"]].concat());
    let text = place.read("a/rewinds.json");
    let refused = |said: &str| {
        let output = place.gopher(&["train", "--run", "a", "--steps", "45"]).output().unwrap();
        check_error(
            &output,
            1,
            &["a/rewinds.json: the list of rewinds cannot be used: ", said, "--resume CHECKPOINT"],
        );
    };
    std::fs::remove_file(place.path("a/rewinds.json")).unwrap();
    refused("it is missing");
    place.write("a/rewinds.json", text.replacen("\"until\": ", "\"until\": 1", 1));
    refused("it was changed");
    place.write("a/rewinds.json", text);
    assert!(place.gopher(&["train", "--run", "a", "--steps", "45"]).output().unwrap().status.success());
}

/// Batches of 4 sequences instead of 2 from step 19 on, and rewinds to before it.
#[test]
fn a_rewind_goes_back_over_a_change_of_the_batch() {
    let Some(place) = noisy() else { return };
    let ramp = "training.batch_ramp=[{tokens = 1152, batch = 4}]";
    let more = ["training.checkpoint_every=5", "incidents.rewind_steps=8", "incidents.limit=1000", ramp];
    trained(&place, "a", "rewind", &more);
    let records = place.metrics("a");
    assert_eq!(steps(&records), (1..=40).collect::<Vec<_>>());
    let tokens = |step: u64| 64 * step + 64 * step.saturating_sub(18);
    assert!(records.iter().zip(1..).all(|(record, step)| record["tokens"] == tokens(step)));
    let rewinds = place.events("a", "rewind");
    let over = |rewind: &Value| {
        let (step, to) = (rewind["step"].as_u64().unwrap(), rewind["to"].as_u64().unwrap());
        step > 19 && to < 18
    };
    assert!(rewinds.iter().any(over), "{rewinds:?}");
    // Replayed over the change.
    let output = place.gopher(&["replay", "--run", "a", "--step", "20"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("steps 16 to 20: 5 of 5 as recorded"));
}

#[test]
fn without_a_checkpoint_to_go_back_to_the_run_ends() {
    let Some(place) = noisy() else { return };
    let output = train(&place, "a", "rewind", &[]);
    check_error(&output, 2, &["training.checkpoint_every = 0", "at least 1 for a rewind"]);
    let output = train(&place, "a", "rewind", &["training.checkpoint_every=1000"]);
    check_error(&output, 1, &["there is no checkpoint before it to go back to"]);
    let incident = &place.events("a", "incident")[0];
    assert_eq!(incident["action"], "stop");
    assert_eq!(place.metrics("a").len() as u64 + 1, incident["step"].as_u64().unwrap());
}

/// A step of many seconds, and a watchdog with little patience.
#[test]
fn a_step_that_does_not_end_is_named() {
    let Some(place) = Place::new() else { return };
    place.write("text.txt", TEXT.repeat(2000));
    let run = |run: &str, hang: &str| {
        let sets = [
            "training.batch=40",
            "training.sequence_length=2048",
            "incidents.hang_seconds=0.1",
            "incidents.hang_factor=2.0",
            "training.validation_every=0",
            "training.validation_batches=1",
            hang,
        ];
        let mut arguments = vec!["--run", run, "--steps", "1"];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        place.train(&arguments)
    };
    let output = run("note", "incidents.hang=note");
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("warning: step 1 has not ended for 0."), "{text}");
    let hangs = place.events("note", "hang");
    assert!(hangs.len() > 1, "{hangs:?}");
    let seconds: Vec<f64> = hangs.iter().map(|hang| hang["seconds"].as_f64().unwrap()).collect();
    let first = &hangs[0];
    assert!(first["waiting_for"].as_str().unwrap().starts_with("the device to "), "{first}");
    assert_eq!((&first["step"], &first["abort"]), (&1.into(), &false.into()));
    assert!(seconds[0] >= 0.2 && seconds[1] >= 2.0 * seconds[0], "{seconds:?}");

    let output = run("abort", "incidents.hang=abort");
    check_error(&output, 1, &["step 1 has not ended for 0.", "waiting for the device to ", "giving up"]);
    assert_eq!(place.events("abort", "hang")[0]["abort"], true);
    assert_eq!(place.metrics("abort").len(), 0);
}
