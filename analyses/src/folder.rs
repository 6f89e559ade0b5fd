//! Benchmarks' files, as they are published, in a folder of the user's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tasks::read::{Shape, documents};

use crate::{Error, Result};

/// How deep in a folder files are looked for.
const DEPTH: usize = 4;

/// The files of a folder by name, whatever they are compressed with.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    files: BTreeMap<String, PathBuf>,
}

impl Folder {
    /// Looks into a folder and the folders in it. Of files of one name, the first by path counts.
    ///
    /// # Errors
    /// [`Error::Io`] for a folder that is none.
    pub fn open(path: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        look(path, DEPTH, &mut files)?;
        Ok(Self { path: path.into(), files })
    }

    /// The files of these names, in order.
    ///
    /// # Errors
    /// [`Error::Missing`], with all that are.
    pub fn all(&self, what: &'static str, names: &[&str], source_of: &'static str) -> Result<Vec<&Path>> {
        let missing: Vec<String> =
            names.iter().filter(|name| !self.files.contains_key(**name)).map(|&name| name.into()).collect();
        if !missing.is_empty() {
            return Err(Error::Missing { folder: self.path.clone(), what, files: missing, source_of });
        }
        Ok(names.iter().filter_map(|name| self.files.get(*name)).map(PathBuf::as_path).collect())
    }

    /// A file, if it is there.
    pub fn get(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

fn look(path: &Path, depth: usize, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let io = |source| Error::Io { path: path.into(), source };
    let mut entries: Vec<_> = fs::read_dir(path).map_err(io)?.collect::<Result<_, _>>().map_err(io)?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            if depth > 0 {
                look(&path, depth - 1, files)?;
            }
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = [".xz", ".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending));
        let plain = plain.unwrap_or(&name).to_owned();
        files.entry(plain).or_insert(path);
    }
    Ok(())
}

/// The records of a file, each with its number from 1.
pub(crate) fn records(path: &Path) -> Result<Vec<(usize, Value)>> {
    let records: tasks::read::Result<Vec<Value>> = documents(path, Shape::default())?.collect();
    Ok(records?.into_iter().enumerate().map(|(at, value)| (at + 1, value)).collect())
}

/// The text in a field of a record.
pub(crate) fn text<'a>(path: &Path, number: usize, record: &'a Value, field: &str) -> Result<&'a str> {
    record
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| wrong(path, number, &format!("field {field}, a text, is missing")))
}

/// An error about a record.
pub(crate) fn wrong(path: &Path, number: usize, detail: &str) -> Error {
    Error::Data { path: path.into(), detail: format!("record {number}: {detail}") }
}
