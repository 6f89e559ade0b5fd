//! What one watches of a run: its metrics, charts of them, TensorBoard's and Prometheus's forms, and runs side by side.
//!
//! What is absent: nothing here knows the loop that makes the numbers, and nothing makes it wait.

pub mod metrics;
pub mod prometheus;
pub mod runs;
pub mod svg;
pub mod tensorboard;
