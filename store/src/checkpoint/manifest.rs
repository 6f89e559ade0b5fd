//! `manifest.json`: what a checkpoint belongs to, where its tensors are, and the digests of its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use inputs::json;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::region::{Region, fill};
use super::{Error, folder_name};
use crate::files::{FileError, write_atomically};
use crate::self_checksum::{self, SelfChecksum};
use crate::skipped::Skipped;

/// Version of the folder's layout and of the manifest.
pub const FORMAT_VERSION: u64 = 3;

/// Name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// A checkpoint's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u64,
    /// Steps completed.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Whether an uninterrupted run would have saved one after this step: a rewind goes back to such a one only.
    pub planned: bool,
    /// The position in the data.
    pub data: DataPosition,
    /// The state of randomness.
    pub random: RandomState,
    /// Digest of the configuration and text that must not change when a run continues.
    pub config_digest: String,
    /// The history that decisions about later steps depend on.
    pub history: History,
    /// The versions of what wrote it.
    pub versions: Versions,
    /// The run's metrics up to this step, if there are any.
    pub metrics: Option<Prefix>,
    /// Whose parameters the run began with, if they were another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ParameterSource>,
    /// Axes of the mesh on which the tensors lay, major first; empty for one device.
    pub mesh: Vec<Axis>,
    /// Processes that wrote it.
    pub processes: usize,
    /// Every other file of the folder.
    pub files: BTreeMap<String, FileDigest>,
    /// Every tensor.
    pub tensors: Vec<TensorEntry>,
    /// See [`crate::self_checksum`].
    #[serde(rename = "seal")]
    self_checksum: String,
}

/// The position in the data: all that the loader needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPosition {
    /// `shuffled`: sequences in the order that the seed gives.
    pub order: String,
    /// Seed of that order.
    pub seed: u64,
    /// Sequences consumed, and those left out before them: the position in that order.
    pub sequences: u64,
    /// Ranges of positions that are left out of that order.
    #[serde(default, skip_serializing_if = "Skipped::is_empty")]
    pub skipped: Skipped,
}

/// The state of randomness: a seed, since every random number is a function of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomState {
    /// The seed.
    pub seed: u64,
    /// Whatever else is random, in words.
    pub state: String,
}

/// The steps of a run, as far as decisions about later ones depend on them (docs/incidents.md).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The last steps that were applied, with their losses in nats per token (float32), oldest first.
    pub losses: Vec<(u64, f64)>,
    /// Steps whose updates were left out.
    pub left_out: u64,
    /// Number of rewinds.
    pub rewinds: u64,
    /// The best validation, if there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<BestValidation>,
}

/// The validation with the lowest loss so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestValidation {
    /// The step after which it was.
    pub step: u64,
    /// The loss, in nats per token (float32).
    pub loss: f64,
    /// Validations since, none of which had a lower one.
    pub since: u64,
}

/// The versions of what wrote a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// This program.
    pub gopher: String,
    /// The plugin's own version text.
    pub plugin: String,
}

/// The first bytes of a file that grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// How many.
    pub bytes: u64,
    /// Their sha256 in lower-case hexadecimal.
    pub sha256: String,
}

/// The checkpoint whose parameters a run began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterSource {
    /// Its folder, or its address in an object store.
    pub place: String,
    /// Steps that it had.
    pub step: u64,
    /// Tokens that it was trained on.
    pub tokens: u64,
    /// The checksum of its manifest, which has the hashes of its files.
    pub seal: String,
}

impl ParameterSource {
    /// What is known of a checkpoint that lies at `place`.
    pub fn of(manifest: &Manifest, place: String) -> Self {
        Self { place, step: manifest.step, tokens: manifest.tokens, seal: manifest.self_checksum.clone() }
    }

    /// Reads the text that [`ParameterSource::to_text`] gives; `path` is where it lies.
    ///
    /// # Errors
    /// [`Error::Manifest`] if it is another.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        json::from_slice(bytes).map_err(|reason| Error::Manifest { path: path.to_owned(), reason })
    }

    /// The text of a file.
    pub fn to_text(&self) -> String {
        // Names and numbers: there is nothing that JSON has no words for.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// An axis of a mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Devices along it.
    pub size: usize,
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

/// A tensor and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorEntry {
    /// Name, with `/` between its parts.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Extent of each dimension of the whole; empty for a scalar.
    pub shape: Vec<usize>,
    /// For each dimension, the axes of the mesh over which it was split, major first.
    pub split: Vec<Vec<String>>,
    /// The boxes that together are the tensor.
    pub pieces: Vec<Piece>,
}

/// A box of a tensor, in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Name of the file.
    pub file: String,
    /// Name of the tensor in the file.
    pub name: String,
    /// Where the box is in the whole.
    #[serde(flatten)]
    pub region: Region,
}

impl TensorEntry {
    /// Bytes of the whole tensor.
    pub fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

impl Manifest {
    /// The step of the best validation of the run until then, if there was any.
    pub fn best_step(&self) -> Option<u64> {
        self.history.best.map(|best| best.step)
    }

    pub(super) fn new(description: &super::Description) -> Manifest {
        let description = description.clone();
        Manifest {
            format_version: FORMAT_VERSION,
            step: description.step,
            tokens: description.tokens,
            planned: description.planned,
            data: description.data,
            random: description.random,
            config_digest: description.config_digest,
            history: description.history,
            versions: description.versions,
            metrics: description.metrics,
            from: description.from,
            mesh: Vec::new(),
            processes: 1,
            files: BTreeMap::new(),
            tensors: Vec::new(),
            self_checksum: String::new(),
        }
    }

    /// Bytes of the run's metrics up to this step.
    pub fn metrics_bytes(&self) -> u64 {
        self.metrics.as_ref().map_or(0, |metrics| metrics.bytes)
    }

    /// Bytes of all files but the manifest.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    /// The mesh like `data=4,model=2`; `-` for one device.
    pub fn mesh_name(&self) -> String {
        let axes = self.mesh.iter().map(|axis| format!("{}={}", axis.name, axis.size)).collect::<Vec<_>>();
        if axes.is_empty() { "-".to_owned() } else { axes.join(",") }
    }

    pub(super) fn write(&mut self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(MANIFEST);
        self.self_checksum.clear();
        self.check_tensors().map_err(|reason| Error::Manifest { path: path.clone(), reason })?;
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Manifest { path: path.clone(), reason: error.to_string() })?;
        let text = self_checksum::complete(&text);
        Ok(write_atomically(&path, format!("{text}\n").as_bytes())?)
    }

    /// Reads the manifest of a checkpoint folder, without looking at the other files.
    ///
    /// # Errors
    /// [`Error::Manifest`], [`Error::FormatVersion`], or [`Error::File`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Manifest, Error> {
        let path = folder.join(MANIFEST);
        let bytes = inputs::read(&path).map_err(|source| FileError::read(&path, source))?;
        Manifest::parse(path, &bytes)
    }

    /// Reads the manifest from its text; `path` is where that comes from.
    pub(crate) fn parse(path: PathBuf, bytes: &[u8]) -> Result<Manifest, Error> {
        // A manifest of another version need not have our keys, so its version is looked at first.
        #[derive(Deserialize)]
        struct Version {
            format_version: u64,
        }
        let malformed = |reason: String| Error::Manifest { path: path.clone(), reason };
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        let Version { format_version } = json::from_slice(bytes).map_err(malformed)?;
        let checked = self_checksum::check(text.trim_end());
        if checked != SelfChecksum::Differs && format_version != FORMAT_VERSION {
            return Err(Error::FormatVersion { path, got: format_version });
        }
        if checked != SelfChecksum::Matches {
            return Err(malformed("its own sha256, `seal`, is not that of its text: it was changed".into()));
        }
        let manifest: Manifest = json::from_slice(bytes).map_err(malformed)?;
        for name in manifest.files.keys() {
            if Path::new(name).file_name().is_none_or(|file_name| file_name != name.as_str()) {
                return Err(malformed(format!("{name:?} is not a file name")));
            }
        }
        manifest.check_tensors().map_err(malformed)?;
        Ok(manifest)
    }

    /// The manifest of a folder named after `step`, if every file has its size.
    pub(super) fn read_complete(folder: &Path, step: u64) -> Result<Manifest, Error> {
        let manifest = Manifest::read(folder)?;
        manifest.check_step(&folder.join(MANIFEST), step)?;
        manifest.check_sizes(folder)?;
        Ok(manifest)
    }

    /// Whether it is that of a folder named after `step`.
    pub(crate) fn check_step(&self, path: &Path, step: u64) -> Result<(), Error> {
        if self.step == step {
            return Ok(());
        }
        let reason = format!("it speaks of step {}, in {}", self.step, folder_name(step));
        Err(Error::Manifest { path: path.to_owned(), reason })
    }

    pub(super) fn check_sizes(&self, folder: &Path) -> Result<(), Error> {
        self.files.iter().try_for_each(|(name, digest)| check_size(&folder.join(name), digest))
    }

    /// Pieces are in files that are listed and make up their tensors, and no name is used twice.
    fn check_tensors(&self) -> Result<(), String> {
        let mut names = std::collections::BTreeSet::new();
        for tensor in &self.tensors {
            let TensorEntry { name, shape, pieces, .. } = tensor;
            if !names.insert(name) {
                return Err(format!("tensor {name} is listed twice"));
            }
            if let Some(piece) = pieces.iter().find(|piece| !self.files.contains_key(&piece.file)) {
                return Err(format!("tensor {name} is in {}, which is not listed", piece.file));
            }
            if !fill(shape, &pieces.iter().map(|piece| &piece.region).collect::<Vec<_>>()) {
                return Err(format!("the pieces of tensor {name} do not make up its shape {shape:?}"));
            }
        }
        Ok(())
    }
}

pub(super) fn check_size(path: &Path, digest: &FileDigest) -> Result<(), Error> {
    let got = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if got == digest.size {
        return Ok(());
    }
    Err(Error::Incomplete { path: path.to_owned(), expected: digest.size, got })
}
