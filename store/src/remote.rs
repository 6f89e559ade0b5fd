//! Checkpoints in an object store (docs/checkpoints.md): `file://`, `s3://`, `gs://`.
//!
//! ```text
//! PREFIX/writer.json                                         who writes here
//! PREFIX/step-00000300/shard-00000-of-00001.safetensors, …   the files of the checkpoint
//! PREFIX/step-00000300/run/metrics.jsonl, …, files.json      the run's own files up to it, and their hashes
//! PREFIX/step-00000300/manifest.json                         the last object that is written, the first that is removed
//! ```
//!
//! A store has no rename. What makes a checkpoint one is its manifest: without it, what lies there is never read, and the
//! next upload clears it away. Checkpoints come from the run directory, where they are whole, and go to one before they are
//! used, where every hash is verified: nothing is read from a store in any other way.

#[cfg(not(feature = "object-store"))]
mod absent;
mod catalogue;
#[cfg(feature = "object-store")]
mod client;
mod download;
mod held;
mod objects;
mod run_files;
mod upload;
mod writer;

#[cfg(not(feature = "object-store"))]
pub use absent::Store;
pub use catalogue::{list, verify};
pub use catalogue::{planned_steps, set_aside_after, steps};
#[cfg(feature = "object-store")]
pub use client::Store;
pub use download::{Check, RestoreError, folder_for_another_run, restore, restore_newest};
pub use download::{config, fetch};
pub use objects::Object;
pub use upload::{Upload, Uploaded};
pub use writer::Writer;

pub use crate::address::{Address, Error, Scheme};

/// Folder of the run's own files in a checkpoint.
const RUN: &str = "run";
/// The list of those, with their hashes.
const RUN_FILES: &str = "run/files.json";

#[cfg(all(test, not(feature = "object-store")))]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_stores_says_how_to_build_one_with_them() {
        let message = Store::open(&"s3://bucket/a".parse().unwrap()).unwrap_err().to_string();
        assert!(message.contains("cargo build --release --features object-store"), "{message}");
    }
}
