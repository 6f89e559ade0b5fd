//! Chips, and machines made of them: how much a device holds, how fast it computes, and how fast devices reach each
//! other.
//!
//! A [`Topology`] is read from text, such as `tpu:v3:32x32`, and is a machine that exists: the plugins accept any
//! number of chips, so what can be had is checked here. It says what collective operations cost
//! ([`Topology::axis_links`]). Sources of all numbers: `docs/topologies.md`.
//!
//! ```
//! use sharding::machine::{Collective, Topology};
//!
//! // Four TPU v3 pods: 1024 chips of two cores each, and XLA sees the cores.
//! let machine = Topology::parse("tpu:v3:32x32", 4)?;
//! assert_eq!((machine.devices(), machine.chips(), machine.to_string()), (8192, 4096, "tpu:v3:32x32".into()));
//!
//! // A mesh of stages × data × model, major first: the stages are the slices.
//! let axes = machine.axis_links(&[4, 64, 32])?;
//! assert!(axes[0].crosses_network() && !axes[1].crosses_network());
//! let seconds = axes[2].seconds(Collective::AllGather, 64e6);
//! assert!((0.8e-3..1.0e-3).contains(&seconds));
//!
//! let refusal = Topology::parse("tpu:v3:64x64", 1).unwrap_err();
//! assert!(refusal.to_string().ends_with("tpu:v3:32x32 --slices 4"));
//! # Ok::<(), sharding::machine::TopologyError>(())
//! ```

mod chip;
mod described;
mod error;
mod larger;
mod limits;
mod links;
mod names;
mod parse;
mod sizes;
mod topology;

pub use chip::{Chip, GPU_MEMORY_FRACTION, Interconnect};
pub use error::{Nearest, TopologyError};
pub use links::{AxisLinks, Collective, Habit, Level, Lowered};
pub use topology::Topology;
