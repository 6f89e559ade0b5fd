//! Benchmark tasks: data files to prompts, answers to metrics, metrics to statistics.
//!
//! A task is a YAML file in lm-evaluation-harness's format. With its data it gives [`Item`]s, one for each document: what is
//! asked of a model ([`Ask`]) and what is right ([`Gold`]). A model, which this crate knows nothing of, gives an [`Answer`].
//!
//! [`mod@format`] reads task files, [`read`] data files; [`suite`] has the paper's 152 tasks, and knows their data by the names
//! of its distributions.

mod ask;
pub mod compare;
pub mod format;
pub mod leak;
mod permutation;
pub mod read;
pub mod results;
pub mod statistics;
pub mod suite;

pub use ask::{Answer, Ask, Generation, Gold, Item, Pair, Scored};
pub use format::Task;
