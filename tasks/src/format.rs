//! Task files in lm-evaluation-harness's YAML format: the subset of docs/tasks.md.
//!
//! [`File::load`] reads one with what it includes; [`Task::items`] makes of documents what a model is asked, [`Task::score`]
//! and [`Task::aggregate`] of its answers what is reported. Data files are read elsewhere: [`Task::data`] says which. No
//! Python is run; the functions that well-known tasks need are in `native`.

mod config;
mod data;
mod error;
mod fewshot;
mod filters;
mod group;
mod hashes;
mod keys;
mod load;
mod metrics;
mod native;
mod pattern;
mod prompt;
mod python;
mod random;
mod score;
mod task;
mod template;
mod yaml;

pub use data::{Data, Output};
pub use error::{Error, Refusal, Result};
pub use group::Group;
pub use hashes::prompts_hash;
pub use metrics::{Aggregate, Aggregation, Chosen, Measure, Measured, Metric, chosen};
pub(crate) use random::MersenneTwister;
pub use score::choice_of;
pub use task::{File, Task};
