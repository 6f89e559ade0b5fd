//! All stages one after another, over several subsets, from one file (`docs/pipeline.md`), and the report of what they did.
//!
//! A stage writes the folder that its own command writes, with the same bytes. What is done is told by receipts alone: a pipeline that
//! was ended early goes on with the same command.
//!
//! To add a stage: a name in [`StageName`], its configuration in [`Configured`], its receipt in [`Done`], and an arm in `plan.rs`
//! (configured) and `run.rs` (run); the compiler lists what misses it.

mod card;
mod histograms;
mod html;
mod plan;
mod run;
pub mod settings;
mod storage;
mod summary;
mod svg;
mod tokenizer;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::{decontaminate, dedup, extract, filter, tokenize};

pub use plan::{Configured, Plan, Step, TokenizerPlan};
pub use run::{Event, REPORT, run};
pub use settings::Settings;
pub use storage::{Find, Folders, Opened, Storage, is_meant};
pub use summary::Summary;

/// The stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// [`crate::extract`].
    Extract,
    /// [`crate::filter`].
    Filter,
    /// [`crate::dedup`].
    Dedup,
    /// [`crate::decontaminate`].
    Decontaminate,
    /// [`crate::tokenize`].
    Tokenize,
}

impl StageName {
    /// The stages of a subset for which none are named: all, and extraction if it reads crawl files. The rules judge web pages alone; other
    /// text they only measure.
    fn default_stages(is_crawl: bool) -> Vec<StageName> {
        let first = is_crawl.then_some(StageName::Extract);
        let rest = [StageName::Filter, StageName::Dedup, StageName::Decontaminate, StageName::Tokenize];
        first.into_iter().chain(rest).collect()
    }

    /// Its name, which is that of its command.
    pub fn name(self) -> &'static str {
        match self {
            StageName::Extract => "extract",
            StageName::Filter => "filter",
            StageName::Dedup => "dedup",
            StageName::Decontaminate => "decontaminate",
            StageName::Tokenize => "tokenize",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a stage has done.
#[derive(Clone, Debug)]
pub enum Done {
    /// The receipt of a stage.
    Extract(Box<extract::Receipt>),
    /// As above.
    Filter(Box<filter::Receipt>),
    /// As above.
    Dedup(Box<dedup::Receipt>),
    /// As above.
    Decontaminate(Box<decontaminate::Receipt>),
    /// As above.
    Tokenize(Box<tokenize::Receipt>),
}

impl Done {
    /// Where every record has gone.
    pub fn ledger(&self) -> &Ledger {
        match self {
            Done::Extract(receipt) => &receipt.ledger,
            Done::Filter(receipt) => &receipt.ledger,
            Done::Dedup(receipt) => &receipt.ledger,
            Done::Decontaminate(receipt) => &receipt.ledger,
            Done::Tokenize(receipt) => &receipt.ledger,
        }
    }

    /// Bytes of the files that were read.
    fn input_bytes(&self) -> u64 {
        match self {
            Done::Extract(receipt) => receipt.input.bytes,
            Done::Filter(receipt) => receipt.input.bytes,
            Done::Dedup(receipt) => receipt.input.bytes,
            Done::Decontaminate(receipt) => receipt.input.bytes,
            Done::Tokenize(receipt) => receipt.input.bytes,
        }
    }
}
