//! Why a file is not taken: each error names the file, the thing in it, and its value.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that does not exist.
    #[error("{}: no such file or folder", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused to read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file that is truncated, or that contradicts itself.
    #[error("{}: not {format}, or a damaged one: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should be: `a GGUF file`.
        format: &'static str,
        /// What in it is wrong, with its value.
        detail: String,
    },
    /// Something that is not implemented.
    #[error("{}: {what} is not supported; {instead}", .path.display())]
    Unsupported {
        /// The file or folder.
        path: PathBuf,
        /// The thing, with its value.
        what: String,
        /// What is supported.
        instead: String,
    },
    /// Something a model needs that is not there, or parts that do not fit each other.
    #[error("{}: {detail}", .path.display())]
    Inconsistent {
        /// The file or folder.
        path: PathBuf,
        /// What is missing or does not fit, with its value.
        detail: String,
    },
    /// The tokenizer is not taken.
    #[error(transparent)]
    Tokenizer(#[from] data::Error),
}

impl Error {
    /// An operating system error about `path`; "not found" becomes [`Error::Missing`].
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.into() },
            _ => Error::Io { path: path.into(), source },
        }
    }

    pub(crate) fn unsupported(path: &Path, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Error::Unsupported { path: path.into(), what: what.into(), instead: instead.into() }
    }

    pub(crate) fn inconsistent(path: &Path, detail: impl Into<String>) -> Self {
        Error::Inconsistent { path: path.into(), detail: detail.into() }
    }
}
