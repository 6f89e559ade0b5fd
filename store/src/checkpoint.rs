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
mod digest;
mod error;
mod export;
mod floats;
mod folders;
mod load;
mod manifest;
mod peers;
mod region;
mod save;
mod shard;

pub use background::{Background, Request, SaveOutcome};
pub use digest::StateDigest;
pub use error::Error;
pub use export::{convert, export, export_parameters};
pub use folders::{
    CheckpointEntry, Retention, clear_leftovers, list, newest, newest_good, planned_steps, remove_superseded,
    set_aside_after, steps,
};
pub use load::{Checkpoint, FileState, verify};
pub use manifest::{
    Axis, BestValidation, DataPosition, FORMAT_VERSION, FileDigest, History, MANIFEST, Manifest,
    ParameterSource, Piece, Prefix, RandomState, TensorEntry, Versions,
};
pub use peers::{Peers, save_with_peers};
pub use region::Region;
pub use safetensors::Dtype;
pub use save::{
    Description, LARGEST_FILE, Process, StreamedTensor, publish, save, save_streamed, write_pieces,
};
pub use shard::{Snapshot, SnapshotPiece, SnapshotTensor};

pub use crate::names::{CONFIG, IMPORT, PLAN, TOKENIZER, folder, folder_name, step_of};

/// How folders of unfinished checkpoints begin.
pub(crate) const PARTIAL: &str = ".partial-";

/// How the names of parameters begin.
pub const PARAMETERS: &str = "parameters/";
