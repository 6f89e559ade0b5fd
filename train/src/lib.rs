//! Training: step, optimiser, schedule, loop, checkpoints, metrics.

pub mod chart;
pub mod checkpoint;
pub mod config;
pub mod metrics;
pub mod run_directory;
pub mod schedule;
pub mod step;
pub mod tensorboard;
