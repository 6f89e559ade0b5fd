use std::path::PathBuf;

use thiserror::Error;

/// What can go wrong.
#[derive(Debug, Error)]
pub enum Error {
    /// Too little to say anything.
    #[error("{what}: {have} of them, and {need} are needed")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// A number that makes no sense where it stands.
    #[error("{what} = {value}: {detail}")]
    Value {
        /// Which.
        what: String,
        /// What it is.
        value: f64,
        /// What is expected.
        detail: &'static str,
    },
    /// Data that no curve can be fitted to.
    #[error("{detail}")]
    Fit {
        /// Why.
        detail: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of answers that is something else.
    #[error("{}: line {line} is no answer of an analysis: {detail}; name another folder with --out", path.display())]
    Ledger {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Why.
        detail: String,
    },
    /// A benchmark's file that is not there.
    #[error("{}: {what} needs {}, and there is none; it is in {source_of}", folder.display(), files.join(", "))]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// Of which benchmark.
        what: &'static str,
        /// The files.
        files: Vec<String>,
        /// Where they are published.
        source_of: &'static str,
    },
    /// A benchmark's file that is not as published.
    #[error("{}: {detail}", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A file of records that cannot be read.
    #[error(transparent)]
    Read(#[from] tasks::read::Error),
    /// A scorer of texts that gives no scores.
    #[error("{scorer}: {detail}")]
    Scorer {
        /// Which.
        scorer: String,
        /// Why.
        detail: String,
    },
    /// Built-in parameters that are not what they should be.
    #[error("the parameters that are built in are damaged: {detail}; build the program again")]
    Parameters {
        /// Where.
        detail: String,
    },
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
