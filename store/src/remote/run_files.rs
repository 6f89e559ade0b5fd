//! The run's own files that lie beside a checkpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::held::Held;
use super::{RUN, RUN_FILES, Store};
use crate::checkpoint::{Error, FileDigest};
use crate::self_checksum::{self, SelfChecksum};

/// The run's own files that lie beside a checkpoint, with their hashes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunFiles {
    format_version: u64,
    pub(super) files: BTreeMap<String, FileDigest>,
    /// See [`crate::self_checksum`].
    #[serde(rename = "seal")]
    self_checksum: String,
}

impl RunFiles {
    const FORMAT_VERSION: u64 = 1;

    pub(super) fn new(files: BTreeMap<String, FileDigest>) -> RunFiles {
        RunFiles { format_version: RunFiles::FORMAT_VERSION, files, self_checksum: String::new() }
    }

    pub(super) fn to_text(&self) -> String {
        // Names and numbers: there is nothing that JSON has no words for.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{}\n", self_checksum::complete(&text))
    }

    /// Those of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Incomplete`] and [`Error::Manifest`] when the list is missing or damaged, [`Error::Store`].
    pub(super) fn read(store: &Store, held: &Held) -> Result<RunFiles, Error> {
        let object = format!("{}/{RUN_FILES}", held.folder);
        let path = store.address().place(&object);
        let malformed = |reason: String| Error::Manifest { path: path.clone(), reason };
        let bytes = store.read(&object)?.ok_or_else(|| malformed("there is none".to_owned()))?;
        let text = String::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        if self_checksum::check(text.trim_end()) != SelfChecksum::Matches {
            return Err(malformed("its own sha256, `seal`, is not that of its text: it was changed".into()));
        }
        let files: RunFiles = inputs::json::from_slice(text.as_bytes()).map_err(malformed)?;
        if files.format_version != RunFiles::FORMAT_VERSION {
            return Err(Error::FormatVersion { path, got: files.format_version });
        }
        Ok(files)
    }

    /// Names of the objects, below the checkpoint's folder.
    pub(super) fn objects(&self) -> impl Iterator<Item = (String, &FileDigest)> {
        self.files.iter().map(|(name, digest)| (format!("{RUN}/{name}"), digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_a_runs_files_shows_a_changed_byte() {
        let digest = FileDigest { size: 3, sha256: "ab".to_owned() };
        let text = RunFiles::new(BTreeMap::from([("metrics.jsonl".to_owned(), digest)])).to_text();
        assert_eq!(self_checksum::check(text.trim_end()), SelfChecksum::Matches);
        assert_eq!(
            self_checksum::check(&text.trim_end().replace("\"size\": 3", "\"size\": 4")),
            SelfChecksum::Differs
        );
    }
}
