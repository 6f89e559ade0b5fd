//! Training: the step and its program, the loop, plans, incidents.
//!
//! [`run::train`] is the whole of it: a [`configuration::Config`] and a folder in, a trained model out. It reads from top to
//! bottom; the parts it calls each stand in a module of their own. Nothing here knows of a command line: what happens is
//! told to an [`observer::Observer`]; what is written and watched, and how several processes
//! meet, is in `store`, `monitor` and `hosts`.

mod error;
pub mod events;
pub mod incidents;
pub mod ladder;
pub mod observer;
pub mod plan;
pub mod run;
pub mod state;
pub mod step;
pub mod text;
mod upload_batch;

pub use error::Error;
