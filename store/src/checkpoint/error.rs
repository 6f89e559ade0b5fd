//! Why a checkpoint cannot be saved or loaded.

use std::path::PathBuf;

use super::FORMAT_VERSION;
use crate::address;
use crate::files::FileError;

/// Why a checkpoint cannot be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A checkpoint in a store is not there yet.
    #[error("{}: there is none: an upload is under way or was cut off", .path.display())]
    Unfinished {
        /// Where the manifest would be.
        path: PathBuf,
    },

    /// A file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),

    /// An object store cannot be used.
    #[error(transparent)]
    Store(Box<address::Error>),

    /// The manifest is not one.
    #[error("{}: not a checkpoint's manifest ({reason}); load an earlier checkpoint, or restore it from a copy", .path.display())]
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

    /// A shard has the right hash and is not one we can read.
    #[error("{}: {reason}", .path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A tensor is not in the checkpoint.
    #[error("{} holds no tensor {name}{hint}: the checkpoint is of another model or precision", .path.display())]
    Missing {
        /// The checkpoint's folder.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The nearest name there is, as a clause.
        hint: String,
    },

    /// A tensor has another type or shape than is wanted.
    #[error("{}, tensor {name}: expected {expected}, got {got}: the checkpoint is of another model or precision", .path.display())]
    Mismatch {
        /// The checkpoint's folder.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Wanted dtype and shape.
        expected: String,
        /// Dtype and shape in the checkpoint.
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

    /// There are checkpoints, and none can be used.
    #[error(
        "no checkpoint in {} is good; of the newest: {newest}; `gopher checkpoint verify` says more; restore one from a copy, or begin anew with another --run DIR",
        .path.display()
    )]
    NoneGood {
        /// The folder of checkpoints.
        path: PathBuf,
        /// What is wrong with the newest.
        newest: String,
    },

    /// A place to write to is taken.
    #[error("{} is there already: name another place", .path.display())]
    Taken {
        /// The place.
        path: PathBuf,
    },

    /// The thread that uploads ended in a panic.
    #[error("the thread that uploads checkpoints ended unexpectedly")]
    UploadThread,

    /// The thread that saves in the background ended in a panic.
    #[error("the thread that saves checkpoints ended unexpectedly")]
    Thread,

    /// Another process could not do its part of a save.
    #[error("the checkpoint of step {step} cannot be saved: {reason}")]
    Peer {
        /// The step.
        step: u64,
        /// What went wrong there, or that a process is lost.
        reason: String,
    },
}

impl From<address::Error> for Error {
    fn from(error: address::Error) -> Error {
        Error::Store(Box::new(error))
    }
}

impl Error {
    /// Whether another process saves where this one did.
    pub fn is_taken_over(&self) -> bool {
        matches!(self, Error::Store(error) if matches!(**error, address::Error::TakenOver { .. }))
    }

    /// Whether a checkpoint is not what was saved, so that an earlier one is gone on from; else it, or the place where it is, cannot be used now.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Error::Manifest { .. }
                | Error::Unfinished { .. }
                | Error::Damaged { .. }
                | Error::Incomplete { .. }
                | Error::Shard { .. }
        )
    }
}
