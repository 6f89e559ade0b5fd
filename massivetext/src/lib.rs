//! Raw documents to clean documents: the paper's MassiveText pipeline (Rae et al. 2021, appendix A).

mod error;
pub mod ngrams;
pub mod rules;
pub mod statistics;
pub mod text;

pub use error::{Error, Result};
pub use rules::{Rule, Rules};
pub use statistics::{Measurer, RuleSet, Statistics};
