//! A checkpoint in a store that is not what was saved is passed over, and what was cut off is never read.

use std::fs;
use std::path::Path;

use crate::place::{SHARD, check_error, stderr};
use crate::{Bench, ended};

/// Loses the machine, then does something to the checkpoint of step 4 in the store: the run goes on from step 2, says why,
/// and ends as if nothing had happened.
#[track_caller]
fn check_falls_back(bench: &Bench, name: &str, harm: impl Fn(&[u8]) -> Option<Vec<u8>>, said: &str) {
    let store = bench.folder("store");
    copy_folder(&bench.place.path("lost"), &bench.place.path("store"));
    let path = bench.place.path("store/step-00000004").join(name);
    match harm(&fs::read(&path).unwrap()) {
        Some(bytes) => fs::write(&path, bytes).unwrap(),
        None => fs::remove_file(&path).unwrap(),
    }
    let verified = bench.gopher(&["checkpoint", "verify", &store]).output().unwrap();
    // Without its manifest it cannot be told from an upload that is under way.
    let is_lost = said.is_empty();
    assert_eq!(verified.status.code(), Some(i32::from(!is_lost)), "{name}: {}", stderr(&verified));
    assert_eq!(stderr(&verified).contains("an upload is under way or was cut off"), is_lost, "{verified:?}");

    let output = bench.trained("run", &store, 6);
    let warnings: Vec<&str> = output.lines().filter(|line| line.starts_with("warning: ")).collect();
    match said {
        "" => assert!(warnings.is_empty(), "{output}"),
        _ => assert!(
            warnings.len() == 1 && warnings[0].contains(name) && warnings[0].contains(said),
            "{output}"
        ),
    }
    assert!(output.contains("restored the checkpoint of step 2 from"), "{output}");
    bench.is_whole("run");
    // What was damaged is out of the way, and the store is whole again.
    assert_eq!(bench.listed(&store).last(), Some(&6));
    ended(&bench.gopher(&["checkpoint", "verify", &store]).output().unwrap());
    fs::remove_dir_all(bench.place.path("run")).unwrap();
    fs::remove_dir_all(bench.place.path("store")).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let Some(bench) = Bench::new() else { return };
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    let truncated = |bytes: &[u8]| Some(bytes[..bytes.len() / 2].to_vec());
    let removed = |_: &[u8]| None;
    bench.lost("run", &bench.folder("lost"));
    check_falls_back(&bench, SHARD, flipped, "is damaged: expected sha256");
    check_falls_back(&bench, SHARD, truncated, "is incomplete: expected");
    check_falls_back(&bench, SHARD, removed, "is incomplete: expected ");
    check_falls_back(&bench, "manifest.json", flipped, "not a checkpoint's manifest");
    check_falls_back(&bench, "manifest.json", removed, "");
    check_falls_back(&bench, "config.toml", flipped, "is damaged: expected sha256");
    check_falls_back(&bench, "run/metrics.jsonl", flipped, "is damaged: expected sha256");
    check_falls_back(&bench, "run/files.json", truncated, "it was changed");
}

#[test]
fn a_store_without_a_good_checkpoint_is_refused_rather_than_begun_anew() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.lost("run", &store);
    for step in ["step-00000002", "step-00000004"] {
        fs::write(bench.place.path("store").join(step).join(SHARD), "x").unwrap();
    }
    let output = bench.train("run", &store, 6).output().unwrap();
    check_error(&output, 1, &[&format!("no checkpoint in {store} is good"), "is incomplete"]);
    assert!(!bench.place.path("run").exists(), "what came to nothing leaves nothing");
}

#[test]
fn the_newer_one_of_run_directory_and_store_is_gone_on_from() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.folder("store");
    bench.trained("run", &store, 4);
    // The checkpoint on the disk is damaged, the one in the store is good.
    bench.place.flip(&format!("run/checkpoints/step-00000004/{SHARD}"), 999);
    let said = bench.trained("run", &store, 4);
    assert!(said.contains("warning: passing over run/checkpoints/step-00000004"), "{said}");
    assert!(said.contains("restored the checkpoint of step 4 from"), "{said}");
    // The store has lost its newest: it comes back from the disk, though there is no step left to take.
    fs::remove_dir_all(bench.place.path("store/step-00000004")).unwrap();
    let said = bench.trained("run", &store, 4);
    assert!(said.contains(&format!("uploaded {store}/step-00000004")), "{said}");
    // Both are gone on from as if nothing had been.
    bench.trained("run", &store, 6);
    bench.is_whole("run");
}
