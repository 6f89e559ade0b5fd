//! What can be wrong with a data file.

use crate::ask::one_line;
use std::fmt;
use std::path::{Path, PathBuf};

/// The result of reading data files.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a data file cannot be read, as one line that names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that is not there, cannot be read, or is broken as a compressed stream.
    #[error(transparent)]
    File(#[from] data::Error),
    /// A record that is not what the file's name says.
    #[error("{}: {place}: {}", .path.display(), one_line(.detail))]
    Record {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// What is wrong there.
        detail: String,
    },
    /// A file as a whole that is not what its name says.
    #[error("{}: {}", .path.display(), one_line(.detail))]
    Whole {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A file without records.
    #[error("{}: no documents in it; fetch it again", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A name that says nothing we read.
    #[error(
        "{}: unsupported kind of file; read are .arrow,{} .csv, .tsv, .jsonl, .json, .txt and .md, or these with .gz, .zst or .xz",
        .path.display(), if cfg!(feature = "parquet") { " .parquet," } else { "" }
    )]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// A Parquet file, for a program that is built without reading these.
    #[cfg(not(feature = "parquet"))]
    #[error(
        "{}: Parquet is read only by a program that is built with `--features parquet`; or make a .jsonl of it: python3 -c \"import pandas, sys; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient='records', lines=True)\" FILE.parquet FILE.jsonl",
        .path.display()
    )]
    Parquet {
        /// The file.
        path: PathBuf,
    },
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line, from 1.
    Line(u64),
    /// A row of a table or a value of an array, from 0.
    Row(u64),
}

/// What is said of bytes that are not UTF-8.
pub(super) const NOT_UTF8: &str = "invalid UTF-8; convert the file to UTF-8";

impl Error {
    /// A record that is wrong.
    pub(crate) fn record(path: &Path, place: Place, detail: impl Into<String>) -> Self {
        Error::Record { path: path.into(), place, detail: detail.into() }
    }

    /// A file that is wrong.
    pub(crate) fn whole(path: &Path, detail: impl Into<String>) -> Self {
        Error::Whole { path: path.into(), detail: detail.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "record {row}"),
        }
    }
}
