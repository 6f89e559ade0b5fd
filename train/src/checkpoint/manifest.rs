//! `manifest.json`: what a checkpoint belongs to, and the digests of its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Description, Error};
use crate::run_directory::{FileError, write_atomically};
use crate::skipped::Skipped;

/// Version of the folder's layout and of the manifest.
pub const FORMAT_VERSION: u64 = 1;

pub(super) const MANIFEST: &str = "manifest.json";

/// A checkpoint's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u64,
    /// Steps completed.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Seed of initialisation and data order.
    pub seed: u64,
    /// Digest of the configuration that must not change when a run continues.
    pub config_digest: String,
    /// What was left out of the data before this step, as ranges of positions in sequences.
    #[serde(default, skip_serializing_if = "Skipped::is_empty")]
    pub skipped: Skipped,
    /// Every other file of the folder.
    pub files: BTreeMap<String, FileDigest>,
}

/// Size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Size in bytes.
    pub size: u64,
    /// sha256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(description: &Description, files: BTreeMap<String, FileDigest>) -> Manifest {
        let Description { step, tokens, seed, config_digest, skipped } = description.clone();
        Manifest { format_version: FORMAT_VERSION, step, tokens, seed, config_digest, skipped, files }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Manifest { path: path.to_owned(), reason: error.to_string() })?;
        Ok(write_atomically(path, format!("{text}\n").as_bytes())?)
    }

    /// Reads the manifest of a checkpoint folder, without looking at the other files.
    ///
    /// # Errors
    /// [`Error::Manifest`], [`Error::FormatVersion`], or [`Error::File`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Manifest, Error> {
        // A manifest of another version need not have our keys, so its version is looked at first.
        #[derive(Deserialize)]
        struct Version {
            format_version: u64,
        }
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
        let malformed =
            |error: serde_json::Error| Error::Manifest { path: path.clone(), reason: error.to_string() };
        let Version { format_version } = serde_json::from_str(&text).map_err(malformed)?;
        if format_version != FORMAT_VERSION {
            return Err(Error::FormatVersion { path: path.clone(), got: format_version });
        }
        let manifest: Manifest = serde_json::from_str(&text).map_err(malformed)?;
        for name in manifest.files.keys() {
            if Path::new(name).file_name().is_none_or(|file_name| file_name != name.as_str()) {
                return Err(Error::Manifest { path, reason: format!("{name:?} is not a file name") });
            }
        }
        Ok(manifest)
    }

    /// The manifest of a folder named after `step`, if every file has its size.
    pub(super) fn read_complete(folder: &Path, step: u64) -> Result<Manifest, Error> {
        let manifest = Manifest::read(folder)?;
        if manifest.step != step {
            let reason = format!("it speaks of step {}", manifest.step);
            return Err(Error::Manifest { path: folder.join(MANIFEST), reason });
        }
        manifest.check_sizes(folder)?;
        Ok(manifest)
    }

    pub(super) fn check_sizes(&self, folder: &Path) -> Result<(), Error> {
        for (name, digest) in &self.files {
            let path = folder.join(name);
            let got = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            if got != digest.size {
                return Err(Error::Incomplete { path, expected: digest.size, got });
            }
        }
        Ok(())
    }
}
