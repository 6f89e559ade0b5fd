//! What checkpoints promise: bytes come back as they were, saves are whole or absent, damage is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use train::checkpoint::{Checkpoint, Description, Dtype, Error, Tensor, latest, save};
use train::skipped::Skipped;

fn tensor(name: &str, dtype: Dtype, shape: &[usize], data: Vec<u8>) -> Tensor<'static> {
    Tensor { name: name.into(), dtype, shape: shape.into(), data: data.into() }
}

fn tensors(fill: u8) -> Vec<Tensor<'static>> {
    vec![
        tensor("parameters/embedding", Dtype::BF16, &[3, 2], vec![fill; 12]),
        tensor("adam/m/embedding", Dtype::F32, &[3, 2], vec![fill; 24]),
        tensor("adam/step", Dtype::I64, &[], vec![fill; 8]),
        tensor("empty", Dtype::F32, &[0, 4], vec![]),
    ]
}

fn description(step: u64) -> Description {
    Description {
        step,
        tokens: step * 1024,
        seed: 7,
        config_digest: "abc".into(),
        skipped: Skipped::default(),
    }
}

/// A run's checkpoint folder with a checkpoint at each of these steps.
struct Setting(tempfile::TempDir);

impl Setting {
    fn with(steps: &[u64]) -> Setting {
        let setting = Setting(tempfile::tempdir().unwrap());
        for &step in steps {
            save(&setting.folder(), &description(step), &tensors(step as u8)).unwrap();
        }
        setting
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("checkpoints")
    }

    fn step(&self, step: u64) -> PathBuf {
        self.folder().join(format!("step-{step:08}"))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The newest complete checkpoint's step, and how many were passed over.
    fn latest(&self) -> (Option<u64>, usize) {
        let mut warnings = 0;
        let folder = latest(&self.folder(), &mut |_| warnings += 1).unwrap();
        (folder.map(|folder| Checkpoint::open(&folder).unwrap().manifest().step), warnings)
    }

    /// `error` with this setting's folder shown as `~`.
    fn shown(&self, error: Error) -> String {
        error.to_string().replace(self.folder().to_str().unwrap(), "~")
    }
}

fn load(folder: &Path) -> Vec<Tensor<'static>> {
    let mut checkpoint = Checkpoint::open(folder).unwrap();
    checkpoint.names().iter().map(|name| checkpoint.tensor(name).unwrap()).collect()
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let setting = Setting::with(&[300]);
    let mut expected = tensors(300u64 as u8);
    let mut got = load(&setting.step(300));
    expected.sort_by(|a, b| a.name.cmp(&b.name));
    got.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(got, expected);
    let checkpoint = Checkpoint::open(&setting.step(300)).unwrap();
    let manifest = checkpoint.manifest();
    assert_eq!((manifest.step, manifest.tokens, manifest.seed), (300, 307_200, 7));
    assert_eq!(manifest.config_digest, "abc");
}

#[test]
fn the_file_depends_on_the_contents_alone() {
    let (one, two) = (Setting::with(&[1]), Setting(tempfile::tempdir().unwrap()));
    let mut reversed = tensors(1);
    reversed.reverse();
    save(&two.folder(), &description(1), &reversed).unwrap();
    for name in ["state.safetensors", "manifest.json"] {
        assert_eq!(fs::read(one.step(1).join(name)).unwrap(), fs::read(two.step(1).join(name)).unwrap());
    }
}

#[test]
fn the_newest_complete_checkpoint_is_the_latest() {
    let setting = Setting::with(&[100, 300, 200]);
    assert_eq!(setting.names(), ["step-00000100", "step-00000200", "step-00000300"]);
    assert_eq!(setting.latest(), (Some(300), 0));
    // Beyond eight digits the names sort otherwise, the steps do not.
    save(&setting.folder(), &description(123_456_789), &tensors(1)).unwrap();
    assert_eq!(setting.latest(), (Some(123_456_789), 0));
    assert_eq!(latest(Path::new("/nonexistent"), &mut |_| {}).unwrap(), None);
}

#[test]
fn torn_checkpoints_are_passed_over_with_a_warning() {
    type Tear = fn(&Path);
    let tear: [(&str, Tear); 5] = [
        ("no manifest", |folder| fs::remove_file(folder.join("manifest.json")).unwrap()),
        ("half a manifest", |folder| {
            fs::write(folder.join("manifest.json"), "{\"format_version\": 1").unwrap()
        }),
        ("no state", |folder| fs::remove_file(folder.join("state.safetensors")).unwrap()),
        ("half a state", |folder| {
            let state = fs::OpenOptions::new().write(true).open(folder.join("state.safetensors")).unwrap();
            state.set_len(100).unwrap();
        }),
        ("another step's manifest", |folder| {
            fs::copy(folder.join("../step-00000100/manifest.json"), folder.join("manifest.json"))
                .map(drop)
                .unwrap()
        }),
    ];
    for (what, tear) in tear {
        let setting = Setting::with(&[100, 200]);
        tear(&setting.step(200));
        assert_eq!(setting.latest(), (Some(100), 1), "{what}");
    }
    let setting = Setting::with(&[100]);
    for name in ["step-200", "step-00000abc", ".partial-step-00000300.x", "notes"] {
        fs::create_dir(setting.folder().join(name)).unwrap();
    }
    assert_eq!(setting.latest(), (Some(100), 0), "names that are no checkpoint's are nothing to warn of");
}

#[test]
fn saving_a_step_again_replaces_it() {
    let setting = Setting::with(&[100]);
    let other = vec![tensor("parameters/other", Dtype::U8, &[2], vec![1, 2])];
    save(&setting.folder(), &description(100), &other).unwrap();
    assert_eq!(load(&setting.step(100)), other);
    assert_eq!(setting.names(), ["step-00000100"], "nothing else is left");
}

#[test]
fn leftovers_of_a_killed_process_are_removed_by_the_next_save() {
    let setting = Setting::with(&[100]);
    let leftover = setting.folder().join(".partial-step-00000200.Xyz");
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("state.safetensors"), "half").unwrap();
    assert_eq!(setting.latest(), (Some(100), 0));
    save(&setting.folder(), &description(200), &tensors(2)).unwrap();
    assert_eq!(setting.names(), ["step-00000100", "step-00000200"]);
}

const CHILD: &str = "TRAIN_TEST_CHILD";

/// Not a test of its own: the process that the next test kills.
#[test]
fn child_that_saves_until_killed() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let large = |step: u64| vec![tensor("w", Dtype::U8, &[1 << 20], vec![step as u8; 1 << 20])];
    for step in 1.. {
        // Each step twice, so that replacing is cut off as well.
        save(&folder, &description(step), &large(step)).unwrap();
        save(&folder, &description(step), &large(step)).unwrap();
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
        while latest(&setting.folder(), &mut |_| {}).unwrap().is_none() {
            assert!(Instant::now() < deadline, "the child saved nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let (step, torn) = setting.latest();
        let step = step.expect("a checkpoint that was there is there still");
        assert_eq!(torn, 0);
        assert_eq!(load(&setting.step(step))[0].data, vec![step as u8; 1 << 20]);
        assert!(
            (1..=step).all(|step| setting.step(step).is_dir()),
            "no earlier one is lost: {:?}",
            setting.names()
        );
        save(&setting.folder(), &description(step + 1), &tensors(1)).unwrap();
        assert!(setting.names().iter().all(|name| name.starts_with("step-")), "{:?}", setting.names());
    }
}

#[test]
fn a_save_that_fails_leaves_what_was_there() {
    let setting = Setting::with(&[100]);
    let malformed = [
        (tensor("w", Dtype::F32, &[2, 2], vec![0; 15]), "cannot save tensor w: 15 bytes are not F32[2, 2]"),
        (tensor("w", Dtype::F32, &[usize::MAX, 2], vec![]), "cannot save tensor w: 0 bytes are not F32"),
        (tensor("empty", Dtype::U8, &[1], vec![0]), "cannot save tensor empty: the name is used twice"),
        (tensor("__metadata__", Dtype::U8, &[1], vec![0]), "cannot save tensor __metadata__: the name has"),
    ];
    for (bad, expected) in malformed {
        let mut all = tensors(1);
        all.push(bad);
        let error = save(&setting.folder(), &description(100), &all).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(setting.names(), ["step-00000100"]);
        assert_eq!(setting.latest(), (Some(100), 0));
    }
    let file = setting.step(100).join("manifest.json");
    let error = save(&file.join("checkpoints"), &description(1), &tensors(1)).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

#[test]
fn a_changed_byte_is_found_and_the_file_named() {
    let setting = Setting::with(&[100]);
    let path = setting.step(100).join("state.safetensors");
    let good = fs::read(&path).unwrap();
    for position in [0, 20, good.len() - 1] {
        let mut bad = good.clone();
        bad[position] ^= 1;
        fs::write(&path, bad).unwrap();
        let message = setting.shown(Checkpoint::open(&setting.step(100)).unwrap_err());
        assert!(
            message.starts_with("~/step-00000100/state.safetensors is damaged: expected sha256 "),
            "byte {position}: {message}"
        );
    }
}

#[test]
fn manifests_that_are_not_ours_are_refused() {
    let setting = Setting::with(&[100]);
    let path = setting.step(100).join("manifest.json");
    let good = fs::read_to_string(&path).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        assert!(good.contains(from));
        fs::write(&path, good.replace(from, to)).unwrap();
        let message = setting.shown(Checkpoint::open(&setting.step(100)).unwrap_err());
        assert!(message.starts_with("~/step-00000100/"), "{message}");
        assert!(message.contains(expected), "{message}");
    };
    check(
        "\"format_version\": 1",
        "\"format_version\": 2",
        "checkpoint format 2, this program reads format 1",
    );
    check("\"seed\": 7", "\"seed\": -7", "not a checkpoint's manifest");
    check("\"seed\"", "\"seeds\"", "unknown field `seeds`");
    check("\"state.safetensors\"", "\"../state.safetensors\"", "\"../state.safetensors\" is not a file name");
    check("\"state.safetensors\"", "\"manifest.json\"", "is incomplete: expected");
}

#[test]
fn a_state_file_of_the_right_hash_can_still_be_malformed() {
    let check = |contents: &[u8], expected: &str| {
        let setting = Setting::with(&[100]);
        let (path, manifest) =
            (setting.step(100).join("state.safetensors"), setting.step(100).join("manifest.json"));
        let hash = |bytes: &[u8]| {
            use sha2::Digest;
            format!("{:x}", sha2::Sha256::digest(bytes))
        };
        let old = fs::read(&path).unwrap();
        let text = fs::read_to_string(&manifest).unwrap();
        let text = text.replace(&hash(&old), &hash(contents));
        let text =
            text.replace(&format!("\"size\": {}", old.len()), &format!("\"size\": {}", contents.len()));
        fs::write(&manifest, text).unwrap();
        fs::write(&path, contents).unwrap();
        let error = Checkpoint::open(&setting.step(100)).unwrap_err();
        assert!(matches!(error, Error::State { .. }), "{error:?}");
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
    let mut checkpoint = Checkpoint::open(&setting.step(100)).unwrap();
    let name = "parameters/embedding";
    assert_eq!(checkpoint.expect_tensor(name, Dtype::BF16, &[3, 2]).unwrap().data, vec![100; 12]);
    let mut message = |name, dtype, shape: &[usize]| {
        setting.shown(checkpoint.expect_tensor(name, dtype, shape).unwrap_err())
    };
    assert_eq!(
        message(name, Dtype::F32, &[3, 2]),
        "~/step-00000100/state.safetensors, tensor parameters/embedding: expected F32[3, 2], got BF16[3, 2]: the \
         checkpoint is of another model or precision"
    );
    assert!(message(name, Dtype::BF16, &[2, 3]).contains("expected BF16[2, 3], got BF16[3, 2]"));
    assert!(
        message("adam/v/embedding", Dtype::F32, &[]).contains("holds no tensor adam/v/embedding (there is "),
        "the nearest name is suggested"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_tensors_come_back_bit_by_bit(
        shapes in prop::collection::vec((0..4usize, prop::collection::vec(0..5usize, 0..4)), 0..6), seed in any::<u8>(),
    ) {
        let dtypes = [Dtype::F32, Dtype::BF16, Dtype::I64, Dtype::U8];
        let mut all: Vec<_> = shapes.iter().enumerate().map(|(index, (dtype, shape))| {
            let dtype = dtypes[*dtype];
            let size = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let data = (0..size).map(|byte| (byte as u8).wrapping_mul(31).wrapping_add(seed)).collect();
            tensor(&format!("t/{index}"), dtype, shape, data)
        }).collect();
        let setting = Setting(tempfile::tempdir().unwrap());
        let folder = save(&setting.folder(), &description(1), &all).unwrap();
        let mut got = load(&folder);
        got.sort_by(|a, b| a.name.cmp(&b.name));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        prop_assert_eq!(got, all);
    }
}
