//! What the numbers of a task say and how sure they are; each formula is in docs/statistics.md.
//!
//! A document contributes one [`Score`]; a [`Statistic`] makes one number of the scores of many documents, and [`estimate()`]
//! adds its standard error and 95% interval. [`group()`] makes the two means of several tasks; [`pair()`] compares two models on
//! the same documents. All draws are a function of a seed, so that the same scores give the same intervals on any machine.

mod bootstrap;
mod chance;
mod estimate;
mod group;
mod labels;
mod moments;
mod paired;

pub use bootstrap::Bootstrap;
pub use chance::{Chance, Choices, Draws, Exchange, chance, holm};
pub use estimate::{Estimate, Interval, Method, Score, Statistic, estimate, wilson};
pub use group::{Group, TaskScores, group};
pub use labels::{f1, matthews};
pub use moments::{mean, median, percentile, sample_deviation, standard_error};
pub use paired::{GroupDifference, Paired, Side, TaskPairs, mcnemar, pair, pair_group};

/// The level of every interval.
pub const LEVEL: f64 = 0.95;

/// The quantile of the standard normal distribution at (1 + [`LEVEL`]) / 2.
const Z: f64 = 1.959_963_984_540_054;
