//! Training: the step and its program, the loop, configuration, incidents.
//!
//! [`run::train`] is the whole of it: a [`config::Config`] and a folder in, a trained model out. It reads from top to
//! bottom; the parts it calls each stand in a module of their own. Nothing here knows of a command line: what happens is
//! told to an [`observer::Observer`]; what is written and watched, and how several processes
//! meet, is in `store`, `monitor` and `hosts`.

pub mod batches;
pub mod config;
mod error;
pub mod events;
pub mod incidents;
pub mod observer;
pub mod plan;
pub mod precision;
pub mod run;
pub mod schedule;
pub mod state;
pub mod step;
pub mod text;
mod upload_batch;

pub use error::Error;
