//! Monitoring of runs: metrics, charts of them, TensorBoard's and Prometheus's formats, and runs side by side.
//!
//! What is absent: nothing here knows the loop that makes the numbers, and nothing makes it wait.

pub mod metrics;
pub mod prometheus;
pub mod runs;
pub mod svg;
pub mod tensorboard;
