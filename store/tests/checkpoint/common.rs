//! A run's folder of checkpoints, and small states to save in it.

// Tests of several processes include this file too, and use some of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use store::checkpoint::{
    self, Checkpoint, DataPosition, Description, Dtype, History, RandomState, Region, Snapshot,
    SnapshotPiece, SnapshotTensor, Versions, newest_good, save,
};
use store::skipped::Skipped;
use xla_sys::HostArray;

pub fn piece(dtype: Dtype, offset: &[usize], shape: &[usize], data: &[u8]) -> SnapshotPiece {
    let region = Region { offset: offset.into(), shape: shape.into() };
    // The host's type of an array does not matter for its bytes, but for their number.
    let array = HostArray::from_slice(data, &[data.len()]).unwrap();
    assert!(dtype.bitsize() >= 8);
    SnapshotPiece { region, data: array }
}

pub fn tensor(name: &str, dtype: Dtype, shape: &[usize], data: &[u8]) -> SnapshotTensor {
    let pieces = vec![piece(dtype, &vec![0; shape.len()], shape, data)];
    SnapshotTensor { name: name.into(), dtype, shape: shape.into(), split: vec![vec![]; shape.len()], pieces }
}

pub fn snapshot(tensors: Vec<SnapshotTensor>) -> Snapshot {
    Snapshot { mesh: Vec::new(), tensors }
}

pub fn state(fill: u8) -> Snapshot {
    snapshot(vec![
        tensor("parameters/embedding", Dtype::BF16, &[3, 2], &[fill; 12]),
        tensor("adam/m/embedding", Dtype::F32, &[3, 2], &[fill; 24]),
        tensor("adam/step", Dtype::I64, &[], &[fill; 8]),
        tensor("empty", Dtype::F32, &[0, 4], &[]),
    ])
}

pub fn description(step: u64) -> Description {
    Description {
        step,
        tokens: step * 1024,
        planned: true,
        data: DataPosition {
            order: "shuffled".into(),
            seed: 7,
            sequences: step * 4,
            skipped: Skipped::default(),
        },
        random: RandomState { seed: 7, state: "none".into() },
        config_digest: "abc".into(),
        history: History::default(),
        versions: Versions { gopher: "0.1.0".into(), plugin: "cpu".into() },
        metrics: None,
        from: None,
        files: vec![("config.toml".into(), b"name = \"a\"\n".to_vec()), ("plan.json".into(), b"{}".to_vec())],
    }
}

/// A run's checkpoint folder with a checkpoint at each of these steps.
pub struct Setting(pub tempfile::TempDir);

pub const SHARD: &str = "shard-00000-of-00001.safetensors";

impl Setting {
    pub fn with(steps: &[u64]) -> Setting {
        let setting = Setting(tempfile::tempdir().unwrap());
        for &step in steps {
            save(&setting.folder(), &description(step), &state(step as u8)).unwrap();
        }
        setting
    }

    pub fn folder(&self) -> PathBuf {
        self.0.path().join("checkpoints")
    }

    pub fn step(&self, step: u64) -> PathBuf {
        checkpoint::folder(&self.folder(), step)
    }

    pub fn names(&self) -> Vec<String> {
        names(&self.folder())
    }

    /// The newest good checkpoint's step, and what was said of those passed over.
    pub fn newest(&self) -> (Option<u64>, Vec<String>) {
        let mut warnings = Vec::new();
        let newest = newest_good(&self.folder(), &mut |warning| warnings.push(self.tilde(warning))).unwrap();
        (newest.map(|checkpoint| checkpoint.manifest().step), warnings)
    }

    /// `text` with this setting's folder shown as `~`.
    pub fn tilde(&self, text: impl ToString) -> String {
        text.to_string().replace(self.folder().to_str().unwrap(), "~")
    }

    pub fn error(&self, step: u64) -> String {
        self.tilde(Checkpoint::open(&self.step(step)).unwrap_err())
    }
}

/// Names in a folder, sorted; none if there is no folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Names, types, shapes and bytes, in the order of names.
pub type Contents = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

pub fn load(folder: &Path) -> Contents {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let tensors = checkpoint.manifest().tensors.iter();
    let read = |name: &str| checkpoint.read_whole(name).unwrap();
    let mut all: Contents =
        tensors.map(|t| (t.name.clone(), t.dtype, t.shape.clone(), read(&t.name))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// What a snapshot of whole tensors holds.
pub fn contents(snapshot: &Snapshot) -> Contents {
    let whole =
        |t: &SnapshotTensor| (t.name.clone(), t.dtype, t.shape.clone(), t.pieces[0].data.bytes().to_vec());
    let mut all: Contents = snapshot.tensors.iter().map(whole).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
