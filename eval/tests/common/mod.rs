//! What the tests of foreign models share: reference files, and models imported from files.
#![allow(dead_code)]

#[path = "../../../import/tests/common/mod.rs"]
pub mod foreign;
pub mod programs;
pub mod small;
pub mod stories;

use std::fs;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use eval::{TrainedModel, import_model};
use graph::testing::size;
use serde_json::Value;
use tempfile::TempDir;

/// All of them where tests have their full size, else the first few.
pub fn some<T>(mut all: Vec<T>, few: usize) -> Vec<T> {
    all.truncate(size::either(few, all.len()));
    all
}

/// The lines of a `.jsonl` or `.jsonl.xz` file.
pub fn lines(path: &Path) -> Vec<Value> {
    let mut bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "xz") {
        let mut text = Vec::new();
        lzma_rs::xz_decompress(&mut BufReader::new(bytes.as_slice()), &mut text).unwrap();
        bytes = text;
    }
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Imports into a run of a temporary folder.
pub fn imported(source: &Path) -> (TempDir, TrainedModel) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    import_model(source, &run, &mut |_| ControlFlow::Continue(())).unwrap();
    let model = TrainedModel::open(&run, &mut |warning| panic!("{warning}")).unwrap();
    (folder, model)
}

/// Largest difference of two lists of the same length.
#[track_caller]
pub fn difference(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f64::max)
}
