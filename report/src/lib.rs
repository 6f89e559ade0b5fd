//! A report of runs: one page that people read, the same as JSON, and a model card.
//!
//! [`collect()`] reads run directories: their training, the newest evaluation and analyses of each, and fits laws to their losses
//! ([`analyses::scaling`]). [`page()`] makes one HTML file of it that needs nothing from anywhere: no script, no font, no picture. [`card::Card`] answers
//! the questions of a model card from the same.
//!
//! What is absent: no model is loaded, nothing is computed but laws and gains. Texts, prompts and answers of models are not read, and
//! not shown: files of them are named with how many lines they have.

pub mod card;
mod collect;
mod html;
mod laws;
mod page;
mod paper;
mod plot;

use std::path::PathBuf;

pub use collect::{AnalysisPart, Evaluation, FigurePart, HeldBack, Report, RunPart, TaskPart, collect};
pub use laws::{FitPart, GainPart, LeftOut, Scaling};
pub use page::{LARGEST, page};
pub use paper::{Evidence, PaperFigure};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A run cannot be read.
    #[error(transparent)]
    Run(#[from] monitor::runs::Error),
    /// A run is named twice.
    #[error("{}: it is named twice", .run.display())]
    Twice {
        /// The run.
        run: PathBuf,
    },
    /// There are too many.
    #[error("{runs} runs: a page is of {most} at most; leave some out")]
    TooMany {
        /// Runs that were named.
        runs: usize,
        /// The most.
        most: usize,
    },
    /// The data card cannot be read.
    #[error("{}: {reason}", .path.display())]
    DataCard {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The page is too large.
    #[error(
        "the page has {bytes} bytes, and a browser is to open it anywhere: {LARGEST} at most; leave some runs out"
    )]
    Large {
        /// Its bytes.
        bytes: usize,
    },
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
