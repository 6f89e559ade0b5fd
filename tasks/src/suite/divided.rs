//! The Pile's file, read once for all of its sets.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tempfile::SpooledTempFile;

use super::adapt::text;
use super::documents::Error;
use crate::read::{self, Shape};

/// Texts up to so many bytes in all stay in memory; more go to an unnamed file in the folder for temporary files.
const IN_MEMORY: usize = 64 << 20;

/// Files that are divided already, by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct DividedFiles(Arc<Mutex<Known>>);

/// What came of dividing files, or why it failed: that takes as long to find out.
type Known = BTreeMap<Vec<PathBuf>, Result<Arc<Divided>, String>>;

/// The texts of files, set by set: one reading of the files finds them all.
#[derive(Debug)]
pub(super) struct Divided {
    files: Vec<PathBuf>,
    texts: Mutex<SpooledTempFile>,
    /// Where each text of a set begins in `texts`, and its bytes.
    places: BTreeMap<String, Vec<(u64, u64)>>,
}

impl DividedFiles {
    /// The texts of these files, which are read unless they have been.
    ///
    /// # Errors
    /// A file that cannot be read or is not the Pile's, and no room for the texts.
    pub(super) fn of(&self, files: &[PathBuf], sets: &[&str]) -> Result<Arc<Divided>, Error> {
        // Whoever panicked while dividing left nothing in the map.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(divided) = known.get(files) {
            return divided.clone().map_err(Error::Before);
        }
        let divided = Divided::read(files, sets).map(Arc::new);
        let kept = divided.as_ref().map(Arc::clone).map_err(Error::to_string);
        known.insert(files.to_vec(), kept);
        divided
    }
}

impl Divided {
    fn read(files: &[PathBuf], sets: &[&str]) -> Result<Self, Error> {
        let mut texts = SpooledTempFile::new(IN_MEMORY);
        let mut places: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        let mut end = 0;
        for path in files {
            for (record, fields) in read::documents(path, Shape::default())?.enumerate() {
                let fields = fields?;
                let wrong = |problem: String| Error::Record { path: path.clone(), record, problem };
                let set =
                    fields.get("meta").and_then(|meta| meta.get("pile_set_name")).and_then(Value::as_str);
                let Some(set) = set else {
                    return Err(wrong("no meta.pile_set_name, by which the Pile's texts are divided".into()));
                };
                if !sets.contains(&set) {
                    continue;
                }
                let text = text(&fields, "text").map_err(wrong)?;
                texts
                    .write_all(text.as_bytes())
                    .map_err(|source| Error::Temporary { path: path.clone(), source })?;
                places.entry(set.to_owned()).or_default().push((end, text.len() as u64));
                end += text.len() as u64;
            }
        }
        Ok(Self { files: files.to_vec(), texts: Mutex::new(texts), places })
    }

    /// How many texts a set has.
    pub(super) fn count(&self, set: &str) -> usize {
        self.places.get(set).map_or(0, Vec::len)
    }

    /// The first texts of a set, as documents with the field `text`.
    ///
    /// # Errors
    /// The temporary file cannot be read any more.
    pub(super) fn documents(&self, set: &str, limit: usize) -> Result<Vec<Value>, Error> {
        let wrong =
            |source| Error::Temporary { path: self.files.first().cloned().unwrap_or_default(), source };
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let places = self.places.get(set).map_or(&[][..], Vec::as_slice);
        let mut documents = Vec::new();
        for &(start, length) in &places[..places.len().min(limit)] {
            let mut bytes = vec![0; length as usize];
            texts.seek(SeekFrom::Start(start)).and_then(|_| texts.read_exact(&mut bytes)).map_err(wrong)?;
            let text = String::from_utf8(bytes).map_err(|error| wrong(io::Error::other(error)))?;
            documents.push(json!({ "text": text }));
        }
        Ok(documents)
    }
}
