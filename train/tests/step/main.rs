//! The training step in its forms: one batch or several, one stage or several, and both precisions of parameters.

mod answers;
mod bfloat16;
mod common;
mod guard;
mod microbatches;
mod pipeline;
mod plans;
mod precision;
mod rounding;
