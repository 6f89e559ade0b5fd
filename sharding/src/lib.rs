//! The planner: splits a program over the devices of a machine.
//!
//! A [`machine`] is chips and the links between them. A [`plan`] is a mesh over it, a few choices, and the rules from
//! logical axes to mesh axes that follow. [`partition`] applies these to a [`graph::Function`] of whole tensors and gives
//! the program of one device with its collectives; [`cost`] follows that program op by op; [`search`] finds the plans that
//! cost least; [`margin`] says how far to trust the memory that they are predicted to need; [`report`] is what is said of them. [`inference`] splits programs that train nothing.
//!
//! What is absent: nothing here compiles or runs a program, and of PJRT only the kind of a device is known. No model code,
//! no training: a workload is what implements [`search::Workload`].

pub mod cost;
pub mod inference;
pub mod machine;
pub mod margin;
pub mod partition;
pub mod plan;
pub mod report;
pub mod search;

pub use xla_sys::locate::DeviceKind;
