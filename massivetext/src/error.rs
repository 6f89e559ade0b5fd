//! What ends a stage, each as one clear line. A bad record does not: it is counted ([`crate::ledger`]).

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of this crate; each names the thing, the value and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What `data` says of files to read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The operating system refused to read or write.
    #[error("{}: {}", .path.display(), inputs::words(.source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file that is elsewhere and cannot be brought here.
    #[error("{detail}")]
    Fetch {
        /// Which, and why.
        detail: String,
    },
    /// A threshold that cannot be set.
    #[error("{assignment}: {detail}")]
    Threshold {
        /// As it was given.
        assignment: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A setting outside its range.
    #[error("{setting} = {value}: {detail}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The range, and why.
        detail: String,
    },
    /// A folder that a stage may not write to.
    #[error("{}: {detail}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is in it, and the way out.
        detail: String,
    },
    /// A file of an earlier stage that is not what it should be.
    #[error("{}: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A file of evaluation documents or titles that nothing can be looked for from.
    #[error("{}: {detail}", .path.display())]
    Evaluation {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        detail: String,
    },
    /// A pipeline that cannot be run, or not to its end.
    #[error("{}: {detail}", .path.display())]
    Pipeline {
        /// Its file, or the folder of a stage.
        path: PathBuf,
        /// What is wrong, and the way out.
        detail: String,
    },
    /// A bad record, where none is allowed.
    #[error("{place}: {detail}; without --strict such records are counted and passed over")]
    BadRecord {
        /// The file and the byte.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Counts that do not add up, which is a bug.
    #[error("the ledger does not add up: {detail}; this is a bug, and the output is not to be used")]
    Ledger {
        /// The sum and its parts.
        detail: String,
    },
}

impl Error {
    /// An operating system error about `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Error::Io { path: path.into(), source }
    }
}
