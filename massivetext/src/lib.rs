//! Raw documents to clean documents: the paper's MassiveText pipeline (Rae et al. 2021, appendix A).

pub mod choices;
pub mod dedup;
mod error;
pub mod explain;
pub mod filter;
pub mod html;
pub mod ledger;
pub mod manifest;
pub mod ngrams;
pub mod output;
pub mod records;
pub mod rules;
pub mod stage;
pub mod statistics;
pub mod text;
pub mod tokenize;
pub mod what_if;

pub use error::{Error, Result};
pub use rules::{Rule, Rules};
pub use statistics::{Measurer, RuleSet, Statistics};
