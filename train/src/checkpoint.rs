//! Checkpoints: named tensors and what they belong to, saved whole or not at all.
//!
//! ```text
//! checkpoints/step-00000300/state.safetensors   the tensors, e.g. `parameters/…`, `adam/m/…`, `adam/v/…`
//! checkpoints/step-00000300/manifest.json       step, tokens, seed, configuration digest, sha256 of each file
//! ```
//!
//! A checkpoint is written to a folder of another name beside its place, put on disk, and renamed: a process that is
//! killed, a full disk or a power failure at any moment leaves the checkpoints that were there, and no half of a new one
//! under a name that would be read. Saving a step again swaps the folders in one rename.

mod manifest;
mod state;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use manifest::{FORMAT_VERSION, FileDigest, Manifest};
pub use safetensors::Dtype;
use sha2::{Digest, Sha256};
pub use state::Tensor;

use crate::run_directory::{FileError, remove_leftovers, sync_folder};
use crate::skipped::Skipped;
use manifest::MANIFEST;
use state::Header;

/// Name of the tensor file.
const STATE: &str = "state.safetensors";

/// How folders of unfinished checkpoints begin.
const PARTIAL: &str = ".partial-";

/// What a checkpoint belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Steps completed.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Seed of initialisation and data order.
    pub seed: u64,
    /// Digest of the configuration that must not change when a run continues.
    pub config_digest: String,
    /// What was left out of the data.
    pub skipped: Skipped,
}

/// Why a checkpoint cannot be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),

    /// The manifest is not one.
    #[error("{}: not a checkpoint's manifest ({reason})", .path.display())]
    Manifest {
        /// The manifest's path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The checkpoint is of another version of this program.
    #[error("{}: checkpoint format {got}, this program reads format {FORMAT_VERSION}; use the version of gopher that wrote it", .path.display())]
    FormatVersion {
        /// The manifest's path.
        path: PathBuf,
        /// Its format version.
        got: u64,
    },

    /// A file is not the one the manifest speaks of.
    #[error("{} is damaged: expected sha256 {expected}, got {got}; load an earlier checkpoint, or restore it from a copy", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// sha256 in the manifest.
        expected: String,
        /// sha256 found.
        got: String,
    },

    /// A file is missing or not of the size the manifest speaks of.
    #[error("{} is incomplete: expected {expected} bytes, got {got}; load an earlier checkpoint, or restore it from a copy", .path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// Size in the manifest.
        expected: u64,
        /// Size found; 0 if there is no file.
        got: u64,
    },

    /// The tensor file has the right hash and is not one we can read.
    #[error("{}: {reason}", .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A tensor is not in the file.
    #[error("{} holds no tensor {name}{hint}: the checkpoint is of another model or precision", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The nearest name there is, as a clause.
        hint: String,
    },

    /// A tensor has another type or shape than is wanted.
    #[error("{}, tensor {name}: expected {expected}, got {got}: the checkpoint is of another model or precision", .path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Wanted dtype and shape.
        expected: String,
        /// Dtype and shape in the file.
        got: String,
    },

    /// A tensor to be saved contradicts itself or another.
    #[error("cannot save tensor {name}: {reason}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Saves a checkpoint as `<checkpoints>/step-<step>` and returns that folder. A checkpoint of the same step is replaced.
///
/// # Errors
/// [`Error::Tensor`] for malformed tensors, [`Error::File`] if the disk is full or cannot be written. Earlier
/// checkpoints are then untouched and nothing is left behind.
pub fn save(checkpoints: &Path, description: &Description, tensors: &[Tensor<'_>]) -> Result<PathBuf, Error> {
    let write = |path: &Path, source| Error::from(FileError::write(path, source));
    fs::create_dir_all(checkpoints).map_err(|source| write(checkpoints, source))?;
    remove_leftovers(checkpoints, PARTIAL);
    let name = folder_name(description.step);
    let partial = tempfile::Builder::new()
        .prefix(&format!("{PARTIAL}{name}."))
        .tempdir_in(checkpoints)
        .map_err(|source| write(checkpoints, source))?;
    #[cfg(unix)]
    fs::set_permissions(partial.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .map_err(|source| write(partial.path(), source))?;

    let path = partial.path().join(STATE);
    let digest = state::write(&path, tensors)?;
    let manifest = Manifest::new(description, [(STATE.to_owned(), digest)].into());
    manifest.write(&partial.path().join(MANIFEST))?;
    sync_folder(partial.path()).map_err(|source| write(partial.path(), source))?;

    let target = checkpoints.join(name);
    put_in_place(partial.path(), &target).map_err(|source| write(&target, source))?;
    sync_folder(checkpoints).map_err(|source| write(checkpoints, source))?;
    Ok(target)
}

/// The newest complete checkpoint of a folder, if there is any. What looks like a checkpoint and is not complete is
/// passed over, with a line to `warn`.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read; a missing one holds no checkpoint.
pub fn latest(checkpoints: &Path, warn: &mut dyn FnMut(&str)) -> Result<Option<PathBuf>, Error> {
    for step in steps(checkpoints)?.into_iter().rev() {
        let folder = checkpoints.join(folder_name(step));
        match Manifest::read_complete(&folder, step) {
            Ok(_) => return Ok(Some(folder)),
            Err(error) => warn(&format!("passing over {}: {error}", folder.display())),
        }
    }
    Ok(None)
}

/// Steps of all checkpoints of a folder, whole or not, in order.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read; a missing one holds no checkpoint.
pub fn steps(checkpoints: &Path) -> Result<Vec<u64>, Error> {
    let entries = match fs::read_dir(checkpoints) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FileError::read(checkpoints, source).into()),
    };
    let mut steps = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| FileError::read(checkpoints, source))?;
        steps.extend(step_of(&entry.file_name().to_string_lossy()));
    }
    steps.sort();
    Ok(steps)
}

/// The folder of the checkpoint of a step.
pub fn folder(checkpoints: &Path, step: u64) -> PathBuf {
    checkpoints.join(folder_name(step))
}

/// Removes a checkpoint: first its name, at once, then its files.
///
/// # Errors
/// [`Error::File`] if the folder cannot be written.
pub fn remove(checkpoints: &Path, step: u64) -> Result<(), Error> {
    let (path, removed) = (folder(checkpoints, step), checkpoints.join(format!("{PARTIAL}removed-{step}")));
    let write = |source| FileError::write(&path, source);
    fs::rename(&path, &removed).map_err(write)?;
    sync_folder(checkpoints).map_err(write)?;
    // What stays is a leftover that the next save removes.
    let _ = fs::remove_dir_all(&removed);
    Ok(())
}

fn folder_name(step: u64) -> String {
    format!("step-{step:08}")
}

fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix("step-")?.parse().ok()?;
    (folder_name(step) == name).then_some(step)
}

/// Moves a finished folder to its name. An old one of that name is swapped out in the same moment; it is then at
/// `finished`, and goes with the rest of the work.
fn put_in_place(finished: &Path, target: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, finished, CWD, target, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(()),
            // Nothing there to swap with, or a file system that cannot.
            Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(finished, target),
    }
}

/// A checkpoint whose files have been verified.
#[derive(Debug)]
pub struct Checkpoint {
    manifest: Manifest,
    path: PathBuf,
    file: File,
    header: Header,
}

impl Checkpoint {
    /// Opens a checkpoint folder: checks the manifest, the sha256 of every file, and the tensor file's structure.
    ///
    /// # Errors
    /// One [`Error`] per way it can be wrong; each names the file.
    pub fn open(folder: &Path) -> Result<Checkpoint, Error> {
        let manifest = Manifest::read(folder)?;
        manifest.check_sizes(folder)?;
        for (name, digest) in &manifest.files {
            let path = folder.join(name);
            let got = sha256(&path).map_err(|source| FileError::read(&path, source))?;
            if got != digest.sha256 {
                return Err(Error::Damaged { path, expected: digest.sha256.clone(), got });
            }
        }
        let path = folder.join(STATE);
        if !manifest.files.contains_key(STATE) {
            return Err(Error::Manifest {
                path: folder.join(MANIFEST),
                reason: format!("it does not list {STATE}"),
            });
        }
        let mut file = File::open(&path).map_err(|source| FileError::read(&path, source))?;
        let header = Header::read(&path, &mut file)?;
        Ok(Checkpoint { manifest, path, file, header })
    }

    /// What the checkpoint belongs to.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Names of the tensors, in the order they lie in the file.
    pub fn names(&self) -> Vec<String> {
        self.header.names()
    }

    /// Reads one tensor, of whatever type and shape it is.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::File`] if it cannot be read.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor<'static>, Error> {
        self.header.tensor(&self.path, &mut self.file, name)
    }

    /// Reads one tensor that must have this type and shape.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Mismatch`], or [`Error::File`] if it cannot be read.
    pub fn expect_tensor(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
    ) -> Result<Tensor<'static>, Error> {
        self.header.check(&self.path, name, dtype, shape)?;
        self.tensor(name)
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}
