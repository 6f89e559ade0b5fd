//! Compiling ahead of time for devices that are not there, and reading what the compiler made of a program: memory,
//! cycles, collective operations.
//!
//! ```no_run
//! use runtime::aot::{Request, Target, Worker};
//!
//! let program = std::fs::read_to_string("step.mlir")?;
//! let target: Target = "tpu:v3:32x32".parse()?;
//! let request = Request::new(target.with("num_slices", 4), program);
//! // In a process of its own; the program hands its arguments to `serve` when it is started so.
//! let compiled = Worker::this_program(&["verify-child"])?.compile(&request)?;
//! println!("{} bytes on each device", compiled.peak_bytes_per_device);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod analysis;
mod child;
mod compile;
mod error;
mod estimate;
mod flops;
pub mod gpu;
mod groups;
mod loops;
mod machine;
mod measure;
mod module;
mod proto;
mod schedule;
mod table;
mod target;
mod verified;

pub use analysis::{CollectiveUse, Cost, LoopUse, ScheduleCost};
pub use child::{Worker, serve};
pub use compile::{Compiled, Request, compile, compile_and_keep, fetch_plugin};
pub use error::{Error, Refusal};
pub use estimate::{Rates, StepEstimate};
pub use measure::measure;
pub use table::table;
pub use target::Target;
pub use verified::{Verdict, Verified};
