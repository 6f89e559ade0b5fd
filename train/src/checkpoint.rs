//! Checkpoints: everything a run needs to go on, saved whole or not at all (docs/checkpoints.md).
//!
//! ```text
//! checkpoints/step-00000300/shard-00000-of-00001.safetensors   pieces of tensors
//! checkpoints/step-00000300/config.toml, tokenizer.model, …    whatever else the run needs
//! checkpoints/step-00000300/manifest.json                      what is where, and sha256 of each file
//! ```
//!
//! A checkpoint is written to a folder of another name beside its place, put on disk, and renamed: a process that is
//! killed, a full disk or a power failure at any moment leaves the checkpoints that were there, and no half of a new one
//! under a name that would be read. Saving a step again swaps the folders in one rename.
//!
//! Tensors are saved in the pieces in which devices hold them and read in any others: [`Checkpoint::read`] puts together
//! whatever box of a tensor is wanted.

mod background;
mod error;
mod export;
mod folders;
mod load;
mod manifest;
mod peers;
mod region;
mod save;
mod shard;

pub use background::{Background, Outcome, Request};
pub use error::Error;
pub use export::{convert, export};
pub(crate) use folders::step_of;
pub use folders::{
    Entry, Retention, clear_leftovers, list, newest, newest_good, planned_steps, remove_superseded,
    set_aside_after, steps,
};
pub use load::{Checkpoint, FileState, verify};
pub(crate) use manifest::MANIFEST;
pub use manifest::{
    Axis, DataPosition, FORMAT_VERSION, FileDigest, History, Manifest, Piece, Prefix, RandomState,
    TensorEntry, Versions,
};
pub use peers::{Peers, save_together};
pub use region::Region;
pub use safetensors::Dtype;
pub use save::{Description, LARGEST_FILE, Process, publish, save, write_pieces};
pub use shard::{Snapshot, SnapshotPiece, SnapshotTensor};

/// How folders of unfinished checkpoints begin.
pub(crate) const PARTIAL: &str = ".partial-";

/// Name of the configuration in a checkpoint.
pub const CONFIG: &str = "config.toml";
/// Name of the tokenizer in a checkpoint.
pub const TOKENIZER: &str = "tokenizer.model";
/// Name of the plan in a checkpoint.
pub const PLAN: &str = "plan.json";

/// The folder of the checkpoint of a step.
pub fn folder(checkpoints: &std::path::Path, step: u64) -> std::path::PathBuf {
    checkpoints.join(folder_name(step))
}

/// Name of the folder of a step's checkpoint.
pub fn folder_name(step: u64) -> String {
    format!("step-{step:08}")
}
