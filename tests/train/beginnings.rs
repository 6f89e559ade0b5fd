//! Runs that begin with a checkpoint of another, or are told to go on from one that is none of theirs.

use std::fs;

use crate::place::{Place, check_error, stderr};

const FROM: [&str; 2] = ["--resume", "whole/checkpoints/step-00000018"];

/// As the run `whole`, but saved after every fifth step.
fn fifth<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--run", run, "--steps", "24", "--set", "training.checkpoint_every=5"], more].concat()
}

#[test]
fn a_run_that_begins_with_another_s_checkpoint_has_it_as_its_own_at_once() {
    let Some(place) = Place::with_whole() else { return };
    let whole = place.state("whole", 24);
    let mut command = place.train_command(&fifth("new", &FROM));
    // The operations of the second save, that of step 20, begin with its folder.
    let output = command.env("GOPHER_FAULT", "create-folder:2:kill").output().unwrap();
    assert!(output.status.code().is_none(), "{}", stderr(&output));
    assert_eq!(place.names("new/checkpoints"), ["step-00000018"]);
    // Without another word about where it began.
    place.trained(&fifth("new", &[]));
    assert_eq!(place.curve("new"), place.curve("whole")[18..]);
    assert!(place.state("new", 24) == whole, "the states differ");

    let replay = || place.gopher(&["replay", "--run", "new", "--step", "19"]).output().unwrap();
    assert!(replay().status.success(), "{}", stderr(&replay()));
    fs::remove_dir_all(place.path("new/checkpoints/step-00000018")).unwrap();
    check_error(
        &replay(),
        1,
        &["step 19 of new cannot be replayed", "the run began with another's checkpoint"],
    );
}

#[test]
fn what_an_attempt_to_begin_has_left_is_no_part_of_the_run() {
    let Some(place) = Place::with_whole() else { return };
    place.trained(&["--run", "new", "--steps", "4"]);
    fs::remove_dir_all(place.path("new/checkpoints")).unwrap();
    place.write("new/rewinds.json", "what is left of a rewind");
    place.trained(&fifth("new", &FROM));
    assert_eq!(place.curve("new"), place.curve("whole")[18..]);
}

#[test]
fn a_checkpoint_beyond_the_last_step_is_no_beginning() {
    let Some(place) = Place::with_whole() else { return };
    let arguments = [&["--run", "new", "--steps", "10"], &FROM[..]].concat();
    place.check_error(&arguments, 1, &["step-00000018 has 18 steps, and the run is to have 10", "--steps N"]);
    assert!(!place.path("new").exists(), "what came to nothing leaves nothing");
}

#[test]
fn a_run_is_no_checkpoint() {
    let Some(place) = Place::with_whole() else { return };
    let arguments = ["--run", "new", "--steps", "24", "--resume", "whole"];
    place.check_error(&arguments, 1, &["whole is a run directory, not a checkpoint", "--run whole"]);
    assert!(!place.path("new").exists(), "what came to nothing leaves nothing");
}

/// The steps that come after the one gone back to are none of the run any more, even if there is none left to take.
#[test]
fn a_run_that_goes_back_to_its_last_step_ends_there() {
    let Some(place) = Place::with_whole() else { return };
    let arguments = [&["--run", "whole", "--steps", "18"], &FROM[..]].concat();
    let summary = place.trained(&arguments);
    assert_eq!((&summary["completed"], place.metrics("whole").len()), (&18.into(), 18));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_is_refused_before_anything_is_done() {
    use std::os::unix::ffi::OsStrExt;
    let Some(place) = Place::new() else { return };
    let odd = place.path(".").join(std::ffi::OsStr::from_bytes(b"odd-\xff"));
    fs::create_dir(&odd).unwrap();
    fs::copy(place.path("text.txt"), odd.join("text.txt")).unwrap();
    let mut command = place.train_command(&["--run", "run", "--steps", "1"]);
    let output = command.current_dir(&odd).output().unwrap();
    check_error(&output, 2, &["text.txt", "no UTF-8", "rename it"]);
    assert!(!odd.join("run").exists());
}

#[test]
fn what_was_set_aside_is_not_taken_up_again() {
    let Some(place) = Place::with_whole() else { return };
    place.trained(&fifth("whole", &FROM));
    let curve = place.curve("whole");
    let aside = ["--resume", "whole/checkpoints/aside-step-00000021"];
    place.check_error(
        &fifth("whole", &aside),
        1,
        &["aside-step-00000021 is no checkpoint of the run at whole"],
    );
    assert_eq!(place.curve("whole"), curve);
}

#[test]
fn metrics_that_were_changed_are_noticed_where_a_checkpoint_is_named_too() {
    let Some(place) = Place::with_whole() else { return };
    let text = place.read("whole/metrics.jsonl");
    let without: Vec<&str> =
        text.lines().enumerate().filter(|(line, _)| *line != 4).map(|line| line.1).collect();
    place.write("whole/metrics.jsonl", without.join("\n") + "\n");
    let output = place.train(&fifth("whole", &FROM));
    let said = stderr(&output);
    assert!(
        output.status.success() && said.contains("the lines up to step 18 are not those of the run"),
        "{said}"
    );
}

/// One that a later version has written is good, and only this program cannot read it.
#[test]
fn a_checkpoint_of_another_format_is_not_passed_over_and_replaced() {
    let Some(place) = Place::with_whole() else { return };
    let name = "whole/checkpoints/step-00000024/manifest.json";
    let text = place.read(name);
    let at = text.rfind("\"seal\": \"").unwrap();
    let open = format!("{}\"seal\": \"\"\n}}", &text[..at]);
    let open = open.replace("\"format_version\": 3", "\"format_version\": 4");
    let later = store::self_checksum::complete(&open) + "\n";
    place.write(name, &later);
    place.check_error(
        &["--run", "whole", "--steps", "27"],
        1,
        &["step-00000024/manifest.json", "checkpoint format 4, this program reads format 3"],
    );
    assert_eq!(place.read(name), later);
}

/// XLA reads flags from a file that its variable names; ours are there too, and the file's are in force.
#[test]
fn the_environments_flags_may_be_in_a_file() {
    let Some(place) = Place::new() else { return };
    place.write("flags.txt", "--xla_backend_optimization_level=0\n--xla_dump_to=dump\n");
    let output =
        place.train_command(&["--run", "a", "--steps", "2"]).env("XLA_FLAGS", "flags.txt").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(place.path("dump").is_dir(), "{}", stderr(&output));

    let output =
        place.train_command(&["--run", "b", "--steps", "2"]).env("XLA_FLAGS", "none.txt").output().unwrap();
    check_error(&output, 1, &["XLA_FLAGS=none.txt: ", "names a file of flags: No such file"]);
}

/// Whoever makes a run longer, or gives it another schedule, is told what becomes of the learning rate.
#[test]
fn another_course_of_the_learning_rate_is_said() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "4"]);
    let said = |arguments: &[&str]| {
        let output =
            place.gopher(&[&["train", "--run", "a", "--json"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stderr(&output);
        text.lines().find(|line| line.contains("takes another course")).map(str::to_owned)
    };
    let line = said(&["--steps", "6"]).unwrap();
    assert!(line.contains("at step 5, ") && line.ends_with(" at the last, 6 (4 before)"), "{line}");
    let line = said(&["--steps", "8", "--set", "schedule.kind=constant"]).unwrap();
    assert!(line.contains("2.000e-3 instead of 2.000e-4 at step 7"), "{line}");
    assert_eq!(said(&["--steps", "9"]), None);
    let rates: Vec<_> =
        place.metrics("a")[6..].iter().map(|record| record["learning_rate"].clone()).collect();
    assert_eq!(rates, [0.002, 0.002, 0.002]);
    place.check_error(
        &["--run", "c", "--set", "schedule.kind=cosinus"],
        2,
        &["schedule.kind", "cosinus", "inverse-sqrt"],
    );
}
