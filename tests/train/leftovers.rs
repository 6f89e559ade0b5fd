//! What is left of a training that ends early: nothing, if it was new; the run as it was, if there was one.

use std::fs;
use std::path::Path;

use crate::place::{Place, TEXT, check_error, stderr};

impl Place {
    /// Every file and folder below one, with the contents of files.
    fn everything(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        let mut folders = vec![self.path(folder)];
        while let Some(path) = folders.pop() {
            for entry in fs::read_dir(&path).unwrap() {
                let path = entry.unwrap().path();
                all.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        all.sort();
        all
    }
}

/// What is typed, and how the program ends. Nothing is left of a new run, in a folder that was there or was not.
#[test]
fn a_new_run_that_ends_before_its_first_step_leaves_nothing() {
    let Some(place) = Place::with_whole() else { return };
    place.write("notes", "");
    fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/notes.md", "not a run");
    let cases: [(&[&str], &str, i32); 4] = [
        // A flag that XLA does not know ends the process.
        (&[], "--xla_foo=1", -1),
        (&["--data", "none.txt"], "", 1),
        (&["--topology", "cpu:3", "--set", "training.batch=2"], "", 1),
        (&["--resume", "whole/checkpoints/step-00000024", "--steps", "24"], "", 1),
    ];
    for (arguments, flags, code) in cases {
        for run in [Some("deep/er/new"), Some("mine"), None] {
            let run: Vec<&str> = run.map_or(vec![], |run| vec!["--run", run]);
            let mut command = place.train_command(&[&run[..], arguments].concat());
            if !flags.is_empty() {
                command.env("XLA_FLAGS", flags);
            }
            let output = command.output().unwrap();
            match code {
                -1 => assert!(!output.status.success(), "{}", stderr(&output)),
                code => assert_eq!(output.status.code(), Some(code), "{}", stderr(&output)),
            }
            let names = place.names(".");
            let left: Vec<_> =
                names.iter().filter(|name| ["deep", "runs"].contains(&name.as_str())).collect();
            assert!(left.is_empty(), "{left:?} after {arguments:?}");
            assert_eq!(place.names("mine"), ["notes.md"], "{arguments:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_in_preparation_leaves_nothing() {
    use crate::place::running::Start;
    use crate::place::signal;
    use std::io::{BufRead, BufReader};

    let Some(place) = Place::new() else { return };
    for (name, code, said) in [("INT", 130, "training a tokenizer"), ("TERM", 143, "compiling for")] {
        let mut child = place.train_command(&["--run", "deep/new", "--steps", "100000"]).start();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(said)), "{said}");
        signal(&child, name);
        let status = child.wait().unwrap();
        // A process that was quicker has begun, and saved.
        match place.path("deep/new/config.toml").exists() {
            true => fs::remove_dir_all(place.path("deep")).unwrap(),
            false => assert!(!place.path("deep").exists(), "{:?}", place.everything("deep")),
        }
        assert_eq!(status.code(), Some(code));
    }
}

/// The second one is told before anything takes long.
#[cfg(target_os = "linux")]
#[test]
fn two_that_are_started_on_the_same_new_run_know_it_at_once() {
    use crate::place::running::Start;
    use crate::place::signal;
    use std::io::{BufRead, BufReader};

    let Some(place) = Place::new() else { return };
    for run in ["new", "deep/new"] {
        let arguments = ["--run", run, "--steps", "100000"];
        let mut first = place.train_command(&arguments).start();
        let mut lines = BufReader::new(first.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("training a tokenizer")));
        let second = place.train(&["--run", &format!("./{run}/"), "--steps", "100000"]);
        signal(&first, "KILL");
        first.wait().unwrap();
        check_error(&second, 1, &[run, "is in use by another training process"]);
        assert!(!stderr(&second).contains("training a tokenizer"), "{}", stderr(&second));
        // Of one that was killed nothing is in the way.
        let _ = fs::remove_dir_all(place.path(run.split('/').next().unwrap()));
        let summary = place.trained(&["--run", run, "--steps", "1"]);
        assert_eq!(summary["completed"], 1);
    }
}

/// What a run records stays what was done.
#[test]
fn a_run_that_is_not_gone_on_with_stays_as_it_is() {
    let Some(place) = Place::new() else { return };
    let whole = ["--run", "whole", "--set", "training.checkpoint_every=3"];
    place.trained(&[&whole[..], &["--steps", "24"]].concat());
    fs::remove_file(place.path("whole/.lock")).unwrap();
    let before = place.everything("whole");
    let check = |arguments: &[&str], flags: &str, succeeds: bool| {
        let mut command = place.train_command(&[&whole[..], arguments].concat());
        if !flags.is_empty() {
            command.env("XLA_FLAGS", flags);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.success(), succeeds, "{}", stderr(&output));
        let after = place.everything("whole");
        let after: Vec<_> = after.into_iter().filter(|(name, _)| !name.ends_with("/.lock")).collect();
        let names = |all: &[(String, Vec<u8>)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before), "{arguments:?}");
        let differ: Vec<_> = after.iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
        assert!(differ.is_empty(), "{differ:?} after {arguments:?}");
        output
    };
    // All steps are done, whatever else is asked for.
    for more in [&["--steps", "4"][..], &["--steps", "24", "--set", "schedule.maximum=1e-4"]] {
        let said = stderr(&check(more, "", true));
        assert!(said.contains("all 24 steps are done; config.toml stays as it is"), "{said}");
    }
    let replay = place.gopher(&["replay", "--run", "whole", "--step", "20"]).output().unwrap();
    assert!(replay.status.success(), "{}", stderr(&replay));
    // It does not go on after all.
    check(&["--steps", "30", "--set", "schedule.maximum=1e-4"], "--xla_foo=1", false);
    check(&["--steps", "30", "--data", "none.txt"], "", false);
    fs::remove_file(place.path("whole/.lock")).unwrap_or_default();
    check(&["--steps", "30", "--set", "training.seed=9"], "", false);
    assert!(!place.path("whole/.lock").exists());
}

/// Steps taken before a change of the schedule are replayed as they were taken.
#[test]
fn steps_from_before_a_change_are_replayed() {
    let Some(place) = Place::with_whole() else { return };
    let more = ["--set", "training.checkpoint_every=3", "--set", "schedule.maximum=1e-4"];
    place.trained(
        &[&["--run", "whole", "--steps", "27", "--set", "checkpoint.keep_last=0"], &more[..]].concat(),
    );
    for step in ["20", "23", "24", "26"] {
        let output = place.gopher(&["replay", "--run", "whole", "--step", step]).output().unwrap();
        assert!(output.status.success(), "{step}: {}", stderr(&output));
    }
}

#[test]
fn a_folder_of_another_level_is_understood_or_named() {
    let Some(place) = Place::with_whole() else { return };
    let refuse = |arguments: &[&str], parts: &[&str]| drop(place.check_error(arguments, 1, parts));
    let checkpoints = "whole/checkpoints";
    refuse(
        &["--resume", checkpoints, "--run", "new"],
        &[
            "whole/checkpoints holds the checkpoints of a run",
            "--run whole",
            "--resume whole/checkpoints/step-",
        ],
    );
    for part in
        [checkpoints, "whole/checkpoints/", "whole/checkpoints/step-00000024", "whole/checkpoints/new"]
    {
        refuse(&["--run", part, "--steps", "30"], &["is a part of the run at whole", "--run whole"]);
    }
    assert!(!place.path("new").exists() && !place.path("whole/checkpoints/.lock").exists());
    assert!(!place.path("whole/checkpoints/new").exists());
    for part in [checkpoints, "whole/checkpoints/step-00000024"] {
        let output = place.gopher(&["replay", "--run", part, "--step", "20"]).output().unwrap();
        check_error(&output, 1, &["is a part of the run at whole"]);
    }
    for folder in ["whole", checkpoints] {
        let output = place.gopher(&["checkpoint", "verify", folder]).output().unwrap();
        assert!(output.status.success() && output.stdout.starts_with(b"whole/checkpoints/step-"), "{folder}");
    }
    // An empty folder is no checkpoint, nor is a file.
    for run in ["a", "b", "whole"] {
        fs::create_dir_all(place.path(&format!("{run}/checkpoints"))).unwrap();
        let step = format!("{run}/checkpoints/step-00000026");
        match run {
            "b" => place.write(&step, ""),
            _ => fs::create_dir(place.path(&step)).unwrap(),
        }
        let summary = place.trained(&["--run", run, "--steps", "26"]);
        assert_eq!(summary["completed"], 26);
        assert!(Path::new(&place.path(&step)).join("manifest.json").is_file(), "{run}");
    }
}

/// A missing list of rewinds is noticed before anything takes long.
#[test]
fn a_missing_list_of_rewinds_is_noticed_early() {
    let Some(place) = Place::with_whole() else { return };
    fs::remove_file(place.path("whole/rewinds.json")).unwrap();
    let output = place.train(&["--run", "whole", "--steps", "30"]);
    check_error(&output, 1, &["rewinds.json", "it is missing"]);
    assert!(!stderr(&output).contains("compiling"), "{}", stderr(&output));
}

/// The model is trained and saved: a sample is more than was asked for.
#[test]
fn a_sample_that_cannot_be_made_is_no_failure() {
    let Some(place) = Place::new() else { return };
    // Letters so rare that each is several tokens, of which the prompt has one: read again, it is longer than the window.
    let rare: String = (0..200).filter_map(|letter| char::from_u32(0x4e00 + 7 * letter)).collect();
    place.write("rare.txt", (TEXT.to_owned() + &rare).repeat(60));
    let sets = ["model.vocabulary_size=290", "data.character_coverage=0.3", "training.sequence_length=2"];
    let mut short = vec!["--run", "short", "--steps", "1", "--data", "rare.txt"];
    sets.iter().for_each(|set| short.extend(["--set", set]));
    let output = place.train(&short);
    let (said, shown) = (stderr(&output), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success() && shown.contains("1 of 1") && !shown.contains("goes on"), "{said}");
    assert!(said.contains("no sample can be shown: the prompt is"), "{said}");
    // Nor are charts.
    fs::create_dir_all(place.path("charts/loss.svg/in-the-way")).unwrap();
    let output = place.train(&["--steps", "2", "--run", "charts"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("warning: the charts are not those of all steps"),
        "{}",
        stderr(&output)
    );
    let none = ["--set", "data.validation_fraction=0", "--steps", "1", "--run", "a"];
    let output = place.train(&none);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("\ntext, and after | how the model goes on:") && !said.contains("held-out"),
        "{said}"
    );
}
