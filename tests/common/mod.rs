//! The program, and small runs that it has trained.

// Each suite uses some of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runtime::{DeviceKind, QUICK_FLAGS, Runtime};
use tempfile::TempDir;

/// Two lines that are easily learned.
pub const TEXT: &str = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer\n\
    The slings and arrows of outrageous fortune, Or to take arms against a sea of troubles\n";

/// A model of one layer that learns in seconds.
pub const TINY: [&str; 6] = [
    "model.layers=1",
    "model.heads=2",
    "model.key_value_size=8",
    "model.d_model=16",
    "model.vocabulary_size=330",
    "training.batch=2",
];

/// The program, whose programs are compiled in half the time: how quick they are does not matter here.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command.env("XLA_FLAGS", QUICK_FLAGS.join(" "));
    command
}

/// What the program says to these arguments.
pub fn gopher(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// The output of a program that must have succeeded.
#[track_caller]
pub fn succeeded(output: Output) -> Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Whether there is a plugin to train with; says so if not.
pub fn has_plugin() -> bool {
    let is_there = Runtime::find(DeviceKind::Cpu).unwrap().is_some();
    if !is_there {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    is_there
}

/// A run in a folder of its own, which goes with it.
pub struct SmallRun {
    _folder: TempDir,
    path: PathBuf,
}

impl SmallRun {
    /// Trains a run of this name on a text for some steps; `None` without a plugin.
    #[track_caller]
    pub fn train(name: &str, text: &str, steps: usize, settings: &[&str]) -> Option<Self> {
        if !has_plugin() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (data, path) = (folder.path().join("text.txt"), folder.path().join(name));
        fs::write(&data, text).unwrap();
        let mut train = command();
        train
            .args(["train", "--json", "--steps", &steps.to_string(), "--data"])
            .arg(&data)
            .arg("--run")
            .arg(&path);
        settings.iter().for_each(|setting| {
            train.args(["--set", setting]);
        });
        succeeded(train.output().unwrap());
        Some(Self { _folder: folder, path })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
