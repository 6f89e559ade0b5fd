//! Saves that are cut off or fail, and which checkpoints stay.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use store::checkpoint::{self, BestValidation, Description, Dtype, History, Retention, save};

use crate::common::*;
use crate::running::Start;

#[test]
fn saving_a_step_again_replaces_it() {
    let setting = Setting::with(&[100]);
    let other = || snapshot(vec![tensor("parameters/other", Dtype::U8, &[2], &[1, 2])]);
    save(&setting.folder(), &description(100), &other()).unwrap();
    assert_eq!(load(&setting.step(100)), contents(&other()));
    assert_eq!(setting.names(), ["step-00000100"], "nothing else is left");
}

#[test]
fn leftovers_of_a_killed_process_are_removed_by_the_next_save() {
    let setting = Setting::with(&[100]);
    let leftover = setting.folder().join(".partial-step-00000200");
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join(SHARD), "half").unwrap();
    assert_eq!(setting.newest(), (Some(100), vec![]));
    save(&setting.folder(), &description(200), &state(2)).unwrap();
    assert_eq!(setting.names(), ["step-00000100", "step-00000200"]);
}

#[test]
fn the_last_are_kept_and_every_so_many_as_well() {
    let check = |keep_last, keep_every, expected: &[u64]| {
        let setting = Setting::with(&[10, 20, 30, 40, 50, 60]);
        // Not complete: neither counted nor removed.
        fs::remove_file(setting.step(50).join("manifest.json")).unwrap();
        let retention = Retention { keep_last, keep_every, rewind_steps: None, keep_best: false };
        checkpoint::remove_superseded(&setting.folder(), retention, 60).unwrap();
        assert_eq!(checkpoint::steps(&setting.folder()).unwrap(), expected);
        assert_eq!(setting.names().len(), expected.len(), "nothing else is left");
    };
    check(0, 0, &[10, 20, 30, 40, 50, 60]);
    check(1, 0, &[50, 60]);
    check(2, 0, &[40, 50, 60]);
    check(1, 20, &[20, 40, 50, 60]);
    check(3, 1, &[10, 20, 30, 40, 50, 60]);
    check(9, 0, &[10, 20, 30, 40, 50, 60]);
    // What was saved last counts as the newest, also where later ones lie about.
    let setting = Setting::with(&[10, 20, 30]);
    checkpoint::remove_superseded(
        &setting.folder(),
        Retention { keep_last: 1, keep_every: 0, rewind_steps: None, keep_best: false },
        20,
    )
    .unwrap();
    assert_eq!(checkpoint::steps(&setting.folder()).unwrap(), [20, 30]);
}

#[test]
fn what_a_rewind_may_want_is_kept_too() {
    let check = |rewind_steps, expected: &[u64]| {
        let setting = Setting::with(&[10, 20, 30, 40, 60]);
        let retention = Retention { keep_last: 1, keep_every: 0, rewind_steps, keep_best: false };
        checkpoint::remove_superseded(&setting.folder(), retention, 60).unwrap();
        assert_eq!(checkpoint::steps(&setting.folder()).unwrap(), expected, "{rewind_steps:?}");
    };
    check(None, &[60]);
    // The next step is the 61st, the first that may be bad.
    check(Some(0), &[60]);
    check(Some(1), &[60]);
    check(Some(2), &[40, 60]);
    check(Some(21), &[40, 60]);
    check(Some(22), &[30, 40, 60]);
    check(Some(51), &[10, 20, 30, 40, 60]);
    // It would go to the oldest.
    check(Some(52), &[10, 20, 30, 40, 60]);
}

#[test]
fn checkpoints_of_a_run_that_was_stopped_change_nothing_about_the_others() {
    let check = |keep_last, rewind_steps, stopped_at: &[u64], expected: &[u64]| {
        let setting = Setting::with(&[10, 20, 30, 40]);
        for &step in stopped_at {
            let unplanned = Description { planned: false, ..description(step) };
            save(&setting.folder(), &unplanned, &state(step as u8)).unwrap();
        }
        let newest = stopped_at.iter().copied().max().unwrap_or(0).max(40);
        let retention = Retention { keep_last, keep_every: 0, rewind_steps, keep_best: false };
        checkpoint::remove_superseded(&setting.folder(), retention, newest).unwrap();
        assert_eq!(checkpoint::steps(&setting.folder()).unwrap(), expected, "{stopped_at:?}");
        let planned = checkpoint::planned_steps(&setting.folder()).unwrap();
        assert!(planned.iter().all(|step| step % 10 == 0) && planned.contains(&40), "{planned:?}");
    };
    check(0, None, &[5, 45], &[5, 10, 20, 30, 40, 45]);
    check(1, None, &[45], &[40, 45]);
    check(2, None, &[41, 42, 45], &[30, 40, 42, 45]);
    check(2, None, &[35], &[30, 35, 40]);
    check(1, None, &[35], &[40]);
    // From step 46 on, a rewind by 11 steps goes to 30, whatever lies between.
    check(1, Some(11), &[31, 35, 45], &[30, 40, 45]);
}

#[test]
fn that_of_the_best_validation_is_kept_until_there_is_a_better_one() {
    let check = |best: Option<u64>, keep_best, expected: &[u64]| {
        let setting = Setting::with(&[10, 20, 30]);
        let best = best.map(|step| BestValidation { step, loss: 1.5, since: 0 });
        let newest = Description { history: History { best, ..History::default() }, ..description(40) };
        save(&setting.folder(), &newest, &state(4)).unwrap();
        let retention = Retention { keep_last: 1, keep_every: 0, rewind_steps: None, keep_best };
        checkpoint::remove_superseded(&setting.folder(), retention, 40).unwrap();
        assert_eq!(checkpoint::steps(&setting.folder()).unwrap(), expected, "{best:?}");
    };
    check(Some(20), true, &[20, 40]);
    check(Some(40), true, &[40]);
    check(None, true, &[40]);
    check(Some(20), false, &[40]);
    // It was lost, or never saved.
    check(Some(25), true, &[40]);
}

#[test]
fn later_checkpoints_are_set_aside_and_stay() {
    let setting = Setting::with(&[10, 20, 30]);
    for (attempt, name) in ["aside-step-00000020", "aside-step-00000020.2"].iter().enumerate() {
        let places = checkpoint::set_aside_after(&setting.folder(), 10).unwrap();
        assert_eq!(places.len(), 2 - attempt);
        assert!(load(&setting.folder().join(name)).len() == 4);
        assert_eq!(setting.newest().0, Some(10));
        save(&setting.folder(), &description(20), &state(2)).unwrap();
        assert_eq!(setting.newest().0, Some(20));
    }
}

const CHILD: &str = "TRAIN_TEST_CHILD";

/// Not a test of its own: the process that the next test kills.
#[test]
fn child_that_saves_until_killed() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let large = |step: u64| snapshot(vec![tensor("w", Dtype::U8, &[1 << 20], &vec![step as u8; 1 << 20])]);
    for step in 1.. {
        // Each step twice, so that replacing is cut off as well.
        save(&folder, &description(step), &large(step)).unwrap();
        save(&folder, &description(step), &large(step)).unwrap();
        let retention = Retention { keep_last: 2, keep_every: 0, rewind_steps: None, keep_best: false };
        checkpoint::remove_superseded(&folder, retention, step).unwrap();
    }
}

#[test]
fn a_process_killed_while_saving_leaves_whole_checkpoints() {
    for milliseconds in [5, 20, 45, 70, 95] {
        let setting = Setting(tempfile::tempdir().unwrap());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kept::child_that_saves_until_killed", "--exact"])
            .env(CHILD, setting.folder())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .start();
        let deadline = Instant::now() + Duration::from_secs(20);
        while checkpoint::newest(&setting.folder()).unwrap().is_none() {
            assert!(Instant::now() < deadline, "the child saved nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let (step, torn) = setting.newest();
        let step = step.expect("a checkpoint that was there is there still");
        assert_eq!(torn, [""; 0]);
        assert_eq!(load(&setting.step(step))[0].3, vec![step as u8; 1 << 20]);
        let kept = checkpoint::steps(&setting.folder()).unwrap().len();
        assert!(kept as u64 >= step.min(2), "{:?}", setting.names());
        save(&setting.folder(), &description(step + 1), &state(1)).unwrap();
        assert!(setting.names().iter().all(|name| name.starts_with("step-")), "{:?}", setting.names());
    }
}

#[test]
fn a_save_that_fails_leaves_what_was_there() {
    let setting = Setting::with(&[100]);
    let malformed = [
        (tensor("w", Dtype::F32, &[2, 2], &[0; 15]), "cannot save tensor w: 15 bytes are not F32[2, 2]"),
        (tensor("w", Dtype::F32, &[usize::MAX, 2], &[]), "cannot save tensor w: 0 bytes are not F32"),
        (tensor("empty", Dtype::U8, &[1], &[0]), "cannot save tensor empty: the name is used twice"),
        (tensor("__metadata__", Dtype::U8, &[1], &[0]), "cannot save tensor __metadata__: the name has"),
    ];
    for (bad, expected) in malformed {
        let mut all = state(1);
        all.tensors.push(bad);
        let error = save(&setting.folder(), &description(100), &all).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(setting.names(), ["step-00000100"]);
        assert_eq!(setting.newest(), (Some(100), vec![]));
    }
    let file = setting.step(100).join("manifest.json");
    let error = save(&file.join("checkpoints"), &description(1), &state(1)).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}
