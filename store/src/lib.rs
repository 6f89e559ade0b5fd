//! Storage on disk and in object stores: run directories, their files, and checkpoints.
//!
//! A [`run_directory::RunDirectory`] is the folder of one run. A [`checkpoint`] in it is everything the run needs to go on,
//! saved whole or not at all; [`remote`] copies checkpoints to object stores and back. All that must be whole is written
//! through [`disk`], where each operation can be made to fail.
//!
//! What is absent: nothing here knows how training goes on, what a configuration says or what a plan decides. Tensors are
//! names, shapes and bytes.

pub mod address;
pub mod checkpoint;
pub mod disk;
pub mod files;
pub mod leftovers;
pub mod lossy_path;
pub mod names;
pub mod process;
pub mod process_log;
pub mod remote;
pub mod rewinds;
pub mod run_directory;
pub mod self_checksum;
pub mod skipped;
pub mod time;
