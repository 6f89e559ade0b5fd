//! What can be wrong with a task file, its data, or an answer, each as one line.

use std::path::PathBuf;

use crate::ask::one_line;

/// The result of this module's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of this module; each names the file and line, or the task and document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("{}: {}", .path.display(), one_line(.reason))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Text that is not YAML.
    #[error("{}:{line}:{column}: malformed YAML: {}", .path.display(), one_line(.reason))]
    Yaml {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// Why.
        reason: String,
    },
    /// YAML that is not a task this program can run.
    #[error("{}:{line}: {}", .path.display(), one_line(.problem))]
    Refused {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Which part of the format.
        refusal: Refusal,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A document that the task file does not fit.
    #[error("task {}, {split} {document}: {}", one_line(.task), one_line(.problem))]
    Document {
        /// The task's name.
        task: String,
        /// `document`, or `shot` for one of the split that shots are drawn from.
        split: &'static str,
        /// Its position in that split, from 0.
        document: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A task that cannot be asked in the way wanted.
    #[error("task {}: {}", one_line(.task), one_line(.problem))]
    Task {
        /// The task's name.
        task: String,
        /// What is wrong, and the way out.
        problem: String,
    },
}

/// Which part of the format a file was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A key that the format does not have.
    UnknownKey,
    /// A key that the format has and this program does not.
    Unsupported,
    /// A key that is needed and absent.
    Missing,
    /// A value of the wrong type or out of range.
    Value,
    /// An `include` that is absent or leads back to itself.
    Include,
    /// A template that does not parse.
    Template,
    /// A Python function without a native counterpart.
    Function,
    /// A metric or aggregation.
    Metric,
    /// A filter.
    Filter,
}
