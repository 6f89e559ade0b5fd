//! What checkpoints promise: bytes come back as they were, in whatever pieces; saves are whole or absent; damage is
//! named; what is kept is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sharding::HostArray;
use train::checkpoint::{
    self, Checkpoint, DataPosition, Description, Dtype, Error, LARGEST_FILE, Process, RandomState, Region,
    Retention, Snapshot, SnapshotPiece, SnapshotTensor, Versions, newest_good, publish, save, write_pieces,
};
use train::skipped::Skipped;

fn piece(dtype: Dtype, offset: &[usize], shape: &[usize], data: &[u8]) -> SnapshotPiece {
    let region = Region { offset: offset.into(), shape: shape.into() };
    // The host's type of an array does not matter for its bytes, but for their number.
    let array = HostArray::from_slice(data, &[data.len()]).unwrap();
    assert!(dtype.bitsize() >= 8);
    SnapshotPiece { region, data: array }
}

fn tensor(name: &str, dtype: Dtype, shape: &[usize], data: &[u8]) -> SnapshotTensor {
    let pieces = vec![piece(dtype, &vec![0; shape.len()], shape, data)];
    SnapshotTensor { name: name.into(), dtype, shape: shape.into(), split: vec![vec![]; shape.len()], pieces }
}

fn snapshot(tensors: Vec<SnapshotTensor>) -> Snapshot {
    Snapshot { mesh: Vec::new(), tensors }
}

fn state(fill: u8) -> Snapshot {
    snapshot(vec![
        tensor("parameters/embedding", Dtype::BF16, &[3, 2], &[fill; 12]),
        tensor("adam/m/embedding", Dtype::F32, &[3, 2], &[fill; 24]),
        tensor("adam/step", Dtype::I64, &[], &[fill; 8]),
        tensor("empty", Dtype::F32, &[0, 4], &[]),
    ])
}

fn description(step: u64) -> Description {
    Description {
        step,
        tokens: step * 1024,
        data: DataPosition {
            order: "shuffled".into(),
            seed: 7,
            sequences: step * 4,
            skipped: Skipped::default(),
        },
        random: RandomState { seed: 7, state: "none".into() },
        config_digest: "abc".into(),
        versions: Versions { gopher: "0.1.0".into(), plugin: "cpu".into() },
        metrics: None,
        files: vec![("config.toml".into(), b"name = \"a\"\n".to_vec()), ("plan.json".into(), b"{}".to_vec())],
    }
}

/// A run's checkpoint folder with a checkpoint at each of these steps.
struct Setting(tempfile::TempDir);

const SHARD: &str = "shard-00000-of-00001.safetensors";

impl Setting {
    fn with(steps: &[u64]) -> Setting {
        let setting = Setting(tempfile::tempdir().unwrap());
        for &step in steps {
            save(&setting.folder(), &description(step), &state(step as u8)).unwrap();
        }
        setting
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("checkpoints")
    }

    fn step(&self, step: u64) -> PathBuf {
        checkpoint::folder(&self.folder(), step)
    }

    fn names(&self) -> Vec<String> {
        names(&self.folder())
    }

    /// The newest good checkpoint's step, and what was said of those passed over.
    fn newest(&self) -> (Option<u64>, Vec<String>) {
        let mut warnings = Vec::new();
        let newest = newest_good(&self.folder(), &mut |warning| warnings.push(self.tilde(warning))).unwrap();
        (newest.map(|checkpoint| checkpoint.manifest().step), warnings)
    }

    /// `text` with this setting's folder shown as `~`.
    fn tilde(&self, text: impl ToString) -> String {
        text.to_string().replace(self.folder().to_str().unwrap(), "~")
    }

    fn error(&self, step: u64) -> String {
        self.tilde(Checkpoint::open(&self.step(step)).unwrap_err())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Names, types, shapes and bytes, in the order of names.
type Contents = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

fn load(folder: &Path) -> Contents {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let tensors = checkpoint.manifest().tensors.iter();
    let read = |name: &str| checkpoint.read_whole(name).unwrap();
    let mut all: Contents =
        tensors.map(|t| (t.name.clone(), t.dtype, t.shape.clone(), read(&t.name))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// What a snapshot of whole tensors holds.
fn contents(snapshot: &Snapshot) -> Contents {
    let whole =
        |t: &SnapshotTensor| (t.name.clone(), t.dtype, t.shape.clone(), t.pieces[0].data.bytes().to_vec());
    let mut all: Contents = snapshot.tensors.iter().map(whole).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let setting = Setting::with(&[300]);
    assert_eq!(load(&setting.step(300)), contents(&state(300u64 as u8)));
    let checkpoint = Checkpoint::open(&setting.step(300)).unwrap();
    let manifest = checkpoint.manifest();
    assert_eq!((manifest.step, manifest.tokens, manifest.data.sequences), (300, 307_200, 1200));
    assert_eq!((manifest.config_digest.as_str(), manifest.processes), ("abc", 1));
    assert_eq!(checkpoint.file("config.toml").unwrap(), b"name = \"a\"\n");
    assert_eq!(names(&setting.step(300)), ["config.toml", "manifest.json", "plan.json", SHARD]);
}

#[test]
fn the_files_depend_on_the_contents_alone() {
    let (one, two) = (Setting::with(&[1]), Setting(tempfile::tempdir().unwrap()));
    let mut reversed = state(1);
    reversed.tensors.reverse();
    save(&two.folder(), &description(1), &reversed).unwrap();
    assert_eq!(fs::read(one.step(1).join(SHARD)).unwrap(), fs::read(two.step(1).join(SHARD)).unwrap());
}

#[test]
fn the_newest_good_checkpoint_is_taken() {
    let setting = Setting::with(&[100, 300, 200]);
    assert_eq!(setting.names(), ["step-00000100", "step-00000200", "step-00000300"]);
    assert_eq!(setting.newest(), (Some(300), vec![]));
    // Beyond eight digits the names sort otherwise, the steps do not.
    save(&setting.folder(), &description(123_456_789), &state(1)).unwrap();
    assert_eq!(setting.newest(), (Some(123_456_789), vec![]));
    assert!(newest_good(Path::new("/nonexistent"), &mut |_| {}).unwrap().is_none());
}

#[test]
fn damaged_checkpoints_are_passed_over_by_name() {
    type Damage = fn(&Path);
    let damage: [(&str, Damage); 8] = [
        ("manifest.json: No such file", |folder| fs::remove_file(folder.join("manifest.json")).unwrap()),
        ("manifest.json: not a checkpoint's manifest (EOF", |folder| {
            fs::write(folder.join("manifest.json"), "{\"format_version\": 2").unwrap()
        }),
        ("safetensors is incomplete: expected", |folder| fs::remove_file(folder.join(SHARD)).unwrap()),
        ("safetensors is incomplete: expected", |folder| {
            let shard = fs::OpenOptions::new().write(true).open(folder.join(SHARD)).unwrap();
            shard.set_len(100).unwrap();
        }),
        ("safetensors is damaged: expected sha256", |folder| flip(&folder.join(SHARD), 300)),
        ("config.toml is damaged: expected sha256", |folder| flip(&folder.join("config.toml"), 3)),
        ("plan.json is damaged: expected sha256", |folder| flip(&folder.join("plan.json"), 1)),
        ("it speaks of step 100, in step-00000200", |folder| {
            fs::copy(folder.join("../step-00000100/manifest.json"), folder.join("manifest.json"))
                .map(drop)
                .unwrap()
        }),
    ];
    for (expected, damage) in damage {
        let setting = Setting::with(&[100, 200]);
        damage(&setting.step(200));
        let (step, warnings) = setting.newest();
        assert_eq!((step, warnings.len()), (Some(100), 1), "{expected}");
        assert!(warnings[0].starts_with("passing over ~/step-00000200: "), "{warnings:?}");
        assert!(warnings[0].contains(expected), "{warnings:?}");
        // With nothing to fall back to, a run is not begun anew over what is left of it.
        fs::remove_dir_all(setting.step(100)).unwrap();
        let error = newest_good(&setting.folder(), &mut |_| {}).unwrap_err();
        assert!(matches!(error, Error::NoneGood { .. }), "{error}");
    }
    let setting = Setting::with(&[100]);
    for name in ["step-200", "step-00000abc", ".partial-step-00000300", "aside-step-00000300", "notes"] {
        fs::create_dir(setting.folder().join(name)).unwrap();
    }
    assert_eq!(
        setting.newest(),
        (Some(100), vec![]),
        "names that are no checkpoint's are nothing to warn of"
    );
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn any_changed_bit_of_a_manifest_is_seen() {
    let setting = Setting::with(&[100]);
    let path = setting.step(100).join("manifest.json");
    let good = fs::read(&path).unwrap();
    // But for the line break at the end, which means nothing.
    for index in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad[index] ^= 1 << (index % 8);
        fs::write(&path, bad).unwrap();
        assert!(Checkpoint::open(&setting.step(100)).is_err(), "byte {index}");
    }
}

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
        let retention = Retention { keep_last, keep_every, rewind_steps: None };
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
    checkpoint::remove_superseded(&setting.folder(), Retention { keep_last: 1, keep_every: 0, rewind_steps: None }, 20).unwrap();
    assert_eq!(checkpoint::steps(&setting.folder()).unwrap(), [20, 30]);
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
        let retention = Retention { keep_last: 2, keep_every: 0, rewind_steps: None };
        checkpoint::remove_superseded(&folder, retention, step).unwrap();
    }
}

#[test]
fn a_process_killed_while_saving_leaves_whole_checkpoints() {
    for milliseconds in [5, 20, 45, 70, 95] {
        let setting = Setting(tempfile::tempdir().unwrap());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_saves_until_killed", "--exact"])
            .env(CHILD, setting.folder())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
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

#[test]
fn a_manifest_that_is_not_ours_is_refused() {
    let setting = Setting::with(&[100]);
    let path = setting.step(100).join("manifest.json");
    let good = fs::read_to_string(&path).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        assert!(good.contains(from), "{from}");
        let at = good.rfind("\"seal\": \"").unwrap();
        let open = format!("{}\"seal\": \"\"\n}}", &good[..at]).replace(from, to);
        fs::write(&path, train::seal::close(&open) + "\n").unwrap();
        let message = setting.error(100);
        assert!(message.starts_with("~/step-00000100/"), "{message}");
        assert!(message.contains(expected), "{message}");
    };
    check(
        "\"format_version\": 2",
        "\"format_version\": 3",
        "checkpoint format 3, this program reads format 2",
    );
    check("\"tokens\": 1", "\"tokens\": -1", "not a checkpoint's manifest");
    check("\"versions\"", "\"version\"", "unknown field `version`");
    check("\"config.toml\"", "\"../config.toml\"", "\"../config.toml\" is not a file name");
    check("\"config.toml\"", "\"manifest.json\"", "is incomplete: expected");
    check(
        "\"name\": \"adam/step\",\n      \"dtype\"",
        "\"name\": \"empty\",\n      \"dtype\"",
        "listed twice",
    );
    let shape = "\"shape\": [\n        3,\n        2\n      ],\n      \"split\"";
    check(shape, &shape.replace('3', "4"), "do not make up its shape [4, 2]");
    check(&format!("\"file\": \"{SHARD}\""), "\"file\": \"x\"", "is in x, which is not listed");
    check("\"dtype\": \"I64\"", "\"dtype\": \"U64\"", "adam/step is I64[], the manifest says U64[]");
    check(
        "\"name\": \"adam/step\",\n          \"offset\"",
        "\"name\": \"x\",\n          \"offset\"",
        "it holds no x",
    );
}

#[test]
fn a_shard_of_the_right_hash_can_still_be_malformed() {
    let check = |contents: &[u8], expected: &str| {
        let setting = Setting::with(&[100]);
        let (path, manifest) = (setting.step(100).join(SHARD), setting.step(100).join("manifest.json"));
        let hash = |bytes: &[u8]| {
            use sha2::Digest;
            format!("{:x}", sha2::Sha256::digest(bytes))
        };
        let old = fs::read(&path).unwrap();
        let text = fs::read_to_string(&manifest).unwrap().replace(&hash(&old), &hash(contents));
        let text =
            text.replace(&format!("\"size\": {}", old.len()), &format!("\"size\": {}", contents.len()));
        let at = text.rfind("\"seal\": \"").unwrap();
        fs::write(&manifest, train::seal::close(&format!("{}\"seal\": \"\"\n}}", &text[..at]))).unwrap();
        fs::write(&path, contents).unwrap();
        let error = Checkpoint::open(&setting.step(100)).unwrap_err();
        assert!(matches!(error, Error::Shard { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let with_header = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    check(b"", "shorter than a safetensors header");
    check(&u64::MAX.to_le_bytes(), "does not fit");
    check(&with_header("{", 0), "not a safetensors header");
    check(
        &with_header(r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
        "not a safetensors header",
    );
    check(&with_header(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5), "the file has");
}

#[test]
fn a_tensor_that_is_not_as_expected_is_named() {
    let setting = Setting::with(&[100]);
    let checkpoint = Checkpoint::open(&setting.step(100)).unwrap();
    let name = "parameters/embedding";
    checkpoint.expect(name, Dtype::BF16, &[3, 2]).unwrap();
    let message =
        |name, dtype, shape: &[usize]| setting.tilde(checkpoint.expect(name, dtype, shape).unwrap_err());
    assert_eq!(
        message(name, Dtype::F32, &[3, 2]),
        "~/step-00000100, tensor parameters/embedding: expected F32[3, 2], got BF16[3, 2]: the checkpoint is of \
         another model or precision"
    );
    assert!(message(name, Dtype::BF16, &[2, 3]).contains("expected BF16[2, 3], got BF16[3, 2]"));
    assert!(
        message("adam/v/embedding", Dtype::F32, &[]).contains("holds no tensor adam/v/embedding (there is "),
        "the nearest name is suggested"
    );
    let outside = Region { offset: vec![2, 0], shape: vec![2, 2] };
    let error = checkpoint.read(name, &outside, &mut [0; 8]).unwrap_err();
    assert!(matches!(error, Error::Tensor { .. }), "{error}");
}

/// Three processes, each with the rows that its devices hold; the second one's are cut into several files.
#[test]
fn several_processes_write_one_checkpoint() {
    let setting = Setting::with(&[1]);
    let whole: Vec<u8> = (0..48).collect();
    let share = |process: usize| {
        let rows = &whole[16 * process..][..16];
        let half =
            |second: usize| piece(Dtype::F32, &[2 * process + second, 0], &[1, 2], &rows[8 * second..][..8]);
        let split = vec![vec!["data".to_owned()], vec![]];
        let w = SnapshotTensor {
            name: "w".into(),
            dtype: Dtype::F32,
            shape: vec![6, 2],
            split: split.clone(),
            pieces: vec![half(0), half(1)],
        };
        // What every device holds, the first process writes.
        let mut bias = tensor("b", Dtype::U8, &[3], &[1, 2, 3]);
        if process > 0 {
            bias.pieces.clear();
        }
        snapshot(vec![w, bias])
    };
    let partial = setting.folder().join(".partial-step-00000002");
    fs::create_dir(&partial).unwrap();
    for index in [2, 0] {
        write_pieces(&partial, Process { index, count: 3 }, &share(index), LARGEST_FILE).unwrap();
    }
    let early = publish(&setting.folder(), &description(2), 3).unwrap_err();
    assert!(early.to_string().contains("pieces-00001-of-00003.json"), "{early}");
    assert_eq!(setting.newest(), (Some(1), vec![]));
    for name in ["config.toml", "plan.json"] {
        fs::remove_file(partial.join(name)).unwrap();
    }
    write_pieces(&partial, Process { index: 1, count: 3 }, &share(1), 8).unwrap();
    let folder = publish(&setting.folder(), &description(2), 3).unwrap();
    assert_eq!(
        names(&folder),
        [
            "config.toml",
            "manifest.json",
            "plan.json",
            "shard-00000-of-00003.safetensors",
            "shard-00001-of-00003.part-001.safetensors",
            "shard-00001-of-00003.safetensors",
            "shard-00002-of-00003.safetensors",
        ]
    );
    let checkpoint = Checkpoint::open(&folder).unwrap();
    assert_eq!(checkpoint.read_whole("w").unwrap(), whole);
    assert_eq!(checkpoint.read_whole("b").unwrap(), [1, 2, 3]);
    assert_eq!(checkpoint.manifest().processes, 3);
    // A column, from all of them.
    let mut column = [0; 24];
    checkpoint.read("w", &Region { offset: vec![0, 1], shape: vec![6, 1] }, &mut column).unwrap();
    assert_eq!(&column[..8], &[4, 5, 6, 7, 12, 13, 14, 15]);

    // A piece that two processes write, or none, is no checkpoint.
    let partial = setting.folder().join(".partial-step-00000003");
    fs::create_dir(&partial).unwrap();
    for index in 0..2 {
        write_pieces(&partial, Process { index, count: 2 }, &share(0), LARGEST_FILE).unwrap();
    }
    let error = publish(&setting.folder(), &description(3), 2).unwrap_err();
    assert!(error.to_string().contains("the pieces of tensor w do not make up its shape [6, 2]"), "{error}");
    assert_eq!(setting.newest(), (Some(2), vec![]));
}

#[test]
fn a_checkpoint_is_converted_and_exported() {
    let setting = Setting::with(&[1]);
    let numbers = [1.0f32, -0.5, 1.0 + 1.0 / 256.0, 3.0e38];
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let state = snapshot(vec![
        tensor("parameters/w", Dtype::F32, &[2, 2], &bytes),
        tensor("adam/m/w", Dtype::F32, &[2, 2], &bytes),
    ]);
    let folder = save(&setting.folder(), &description(2), &state).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();

    let converted = setting.0.path().join("converted");
    checkpoint::convert(&checkpoint, &converted, 2).unwrap();
    assert_eq!(load(&converted), contents(&state));
    let again = Checkpoint::open(&converted).unwrap();
    assert_eq!(again.file("config.toml").unwrap(), checkpoint.file("config.toml").unwrap());
    assert_eq!((again.manifest().step, names(&converted).len()), (2, 5));
    let taken = checkpoint::convert(&checkpoint, &converted, 2).unwrap_err();
    assert!(matches!(taken, Error::Taken { .. }), "{taken}");

    let export = |name: &str, dtype, everything| {
        let path = setting.0.path().join(name);
        checkpoint::export(&checkpoint, &path, dtype, everything).unwrap();
        let file = fs::read(path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let mut all: Vec<_> =
            tensors.iter().map(|(name, t)| (name.to_owned(), t.dtype(), t.data().to_vec())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(export("a", None, false), [("parameters/w".into(), Dtype::F32, bytes.clone())]);
    // 1 + 2^-8 lies between two numbers with 8 bits, and goes to the even one.
    let narrow: Vec<u8> = [0x3f80u16, 0xbf00, 0x3f80, 0x7f62].iter().flat_map(|n| n.to_le_bytes()).collect();
    assert_eq!(
        export("b", Some(Dtype::BF16), true),
        [("adam/m/w".into(), Dtype::F32, bytes.clone()), ("parameters/w".into(), Dtype::BF16, narrow)]
    );
    assert_eq!(names(setting.0.path()), ["a", "b", "checkpoints", "converted"]);
}

/// A tensor of up to three dimensions, how many equal parts each has when saved, and when read.
fn splits() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    let parts = (1..4usize, 1..4usize, 1..3usize);
    prop::collection::vec(parts.prop_map(|(saved, read, more)| (saved * read * more, saved, read)), 0..4)
}

/// The boxes of equal parts.
fn boxes(dims: &[(usize, usize)]) -> Vec<Region> {
    let mut boxes = vec![Region { offset: vec![], shape: vec![] }];
    for &(size, parts) in dims {
        let extend = |region: &Region| {
            let extended = |part: usize| {
                let mut region = region.clone();
                region.offset.push(part * (size / parts));
                region.shape.push(size / parts);
                region
            };
            (0..parts).map(extended).collect::<Vec<_>>()
        };
        boxes = boxes.iter().flat_map(extend).collect();
    }
    boxes
}

/// The elements of a box of a row-major array whose elements are their own numbers.
fn numbers(shape: &[usize], region: &Region) -> Vec<u8> {
    let mut numbers = vec![0u32];
    for ((&size, &offset), &extent) in shape.iter().zip(&region.offset).zip(&region.shape) {
        let step =
            |&before: &u32| (offset..offset + extent).map(move |index| before * size as u32 + index as u32);
        numbers = numbers.iter().flat_map(step).collect();
    }
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_saved_in_any_parts_is_read_in_any_others(dims in splits(), largest in 1..200usize) {
        let shape: Vec<usize> = dims.iter().map(|dim| dim.0).collect();
        let saved = boxes(&dims.iter().map(|dim| (dim.0, dim.1)).collect::<Vec<_>>());
        let read = boxes(&dims.iter().map(|dim| (dim.0, dim.2)).collect::<Vec<_>>());
        let pieces = saved.iter().map(|region| {
            piece(Dtype::U32, &region.offset, &region.shape, &numbers(&shape, region))
        });
        let w = SnapshotTensor {
            name: "w".into(),
            dtype: Dtype::U32,
            shape: shape.clone(),
            split: vec![vec![]; shape.len()],
            pieces: pieces.collect(),
        };
        let setting = Setting(tempfile::tempdir().unwrap());
        let partial = setting.folder().join(".partial-step-00000001");
        fs::create_dir_all(&partial).unwrap();
        write_pieces(&partial, Process::ALONE, &snapshot(vec![w]), largest).unwrap();
        let folder = publish(&setting.folder(), &description(1), 1).unwrap();
        let checkpoint = Checkpoint::open(&folder).unwrap();
        for region in read {
            let expected = numbers(&shape, &region);
            let mut got = vec![0; expected.len()];
            checkpoint.read("w", &region, &mut got).unwrap();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn any_tensors_come_back_bit_by_bit(
        shapes in prop::collection::vec((0..4usize, prop::collection::vec(0..5usize, 0..4)), 0..6), seed in any::<u8>(),
    ) {
        let dtypes = [Dtype::F32, Dtype::BF16, Dtype::I64, Dtype::U8];
        let all = snapshot(shapes.iter().enumerate().map(|(index, (dtype, shape))| {
            let dtype = dtypes[*dtype];
            let size = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let data: Vec<u8> = (0..size).map(|byte| (byte as u8).wrapping_mul(31).wrapping_add(seed)).collect();
            tensor(&format!("t/{index}"), dtype, shape, &data)
        }).collect());
        let setting = Setting(tempfile::tempdir().unwrap());
        let folder = save(&setting.folder(), &description(1), &all).unwrap();
        prop_assert_eq!(load(&folder), contents(&all));
    }
}
