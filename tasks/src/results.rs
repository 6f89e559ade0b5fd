//! What an evaluation leaves on disk: `results.json`, its numbers, and `samples.jsonl`, a line for each document.
//!
//! Both have the fields of lm-evaluation-harness 0.4.13 (`lm_eval/result_schema.py`), so that what reads its files reads these,
//! and what is ours under one key, `gopher`. A [`SampleFile`] grows by a line as each document is done and is what an interrupted
//! evaluation goes on from; [`Results`] are made of it ([`Results::add_task`]) and written whole.

mod build;
mod format;
mod number;
mod sample;
mod samples;

use std::io;
use std::path::PathBuf;

pub use build::{GroupRun, Metric, TaskRun};
pub use format::{
    Category, Checkpoint, Documents, Leak, LeakScores, MetricScore, Metrics, Own, Results, RunConfig,
    SampleCount, Suite, TaskSummary,
};
pub use sample::{
    Details, Key, Request, RequestTokens, Sample, Shown, ask_hash, document_hash, prompt_hash, target,
};
pub use samples::{Record, SampleFile, read_records, read_samples};

/// The version of both files. A file of another one is refused.
pub const VERSION: u32 = 1;

/// What the numbers of a folder are called.
pub const RESULTS: &str = "results.json";

/// What the documents of a folder are called.
pub const SAMPLES: &str = "samples.jsonl";

/// A results file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It was written by another program, or is another kind of file.
    #[error("{}{}: not a results file of gopher eval ({detail}); name a folder that gopher eval wrote", .path.display(), at(.line))]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The line, from 1, if it has lines.
        line: Option<usize>,
        /// What is missing.
        detail: String,
    },
    /// It was written by another version.
    #[error("{}: results of version {found}, and this program reads version {VERSION}; evaluate again, or use the program that wrote it", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A part of it is not what was written.
    #[error("{}{}: damaged ({detail}); remove it, and what it held is evaluated again", .path.display(), at(.line))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1, if it has lines.
        line: Option<usize>,
        /// What is wrong.
        detail: String,
    },
    /// It holds documents that were asked in another way, or of another model.
    #[error(
        "{} holds {task} with {what} = {found}, not {asked}; choose another folder (-o DIR), or remove that one",
        .path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The task.
        task: String,
        /// What differs.
        what: &'static str,
        /// Its value there.
        found: String,
        /// Its value now.
        asked: String,
    },
    /// Another process writes to it.
    #[error("{}: another gopher eval writes to it; wait for that to end, or choose another folder (-o DIR)", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A document's numbers are none.
    #[error(
        "{task}, document {document}: {what} is {value}, not a number; the model's parameters are damaged or its training diverged"
    )]
    NotFinite {
        /// The task.
        task: String,
        /// The document.
        document: usize,
        /// What has no value.
        what: String,
        /// What it has instead.
        value: f64,
    },
}

fn at(line: &Option<usize>) -> String {
    line.map_or(String::new(), |line| format!(":{line}"))
}

/// The result of this module's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
