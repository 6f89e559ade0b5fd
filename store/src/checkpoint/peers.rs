//! Saving by several processes: each writes its own pieces, and process 0 makes a checkpoint of them.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::save::{Description, LARGEST_FILE, Process, begin, partial_folder, publish, write_pieces};
use super::{Error, PARTIAL, Snapshot, folder};
use crate::files::remove_leftovers;

/// The processes of a run as far as saving needs them. All of them save the same steps in the same order, to a folder on a
/// file system that they share.
pub trait Peers: Debug + Send + Sync {
    /// This process.
    fn process(&self) -> Process;

    /// Begins a save, the same one in every process.
    fn begin(&self);

    /// Waits until all processes have come to a point of the save, and says what went wrong with this one, if anything did.
    ///
    /// # Errors
    /// The error of another process, or that one is lost.
    fn meet(&self, point: &str, failure: Option<String>) -> Result<(), String>;
}

/// Takes part in a save to which this process has nothing to give but an error, so that the others do not wait for it.
pub(super) fn decline(error: Error, peers: &dyn Peers) -> Error {
    peers.begin();
    // What went wrong elsewhere is not of interest here.
    let _ = peers.meet(BEGUN, Some(error.to_string()));
    error
}

/// The first point of a save.
const BEGUN: &str = "begun";

/// As [`save`](super::save), by all processes: it returns when the checkpoint is whole, and fails in all of them if it fails
/// in one.
///
/// # Errors
/// Those of [`save`](super::save), and [`Error::Peer`] with the error of another process.
pub fn save_with_peers(
    checkpoints: &Path,
    description: &Description,
    snapshot: &Snapshot,
    peers: &dyn Peers,
) -> Result<PathBuf, Error> {
    let process = peers.process();
    let step = description.step;
    peers.begin();
    // Every process comes to every point, whatever happened before: so none waits for one that has given up.
    let meet = |point: &str, result: Result<(), Error>| {
        let met = peers.meet(point, result.as_ref().err().map(ToString::to_string));
        result.and(met.map_err(|reason| Error::Peer { step, reason }))
    };
    let first = |act: &dyn Fn() -> Result<(), Error>| if process.index == 0 { act() } else { Ok(()) };
    let begun = meet(BEGUN, first(&|| begin(checkpoints, step).map(drop)));
    let written = begun.and_then(|()| {
        let partial = partial_folder(checkpoints, step);
        meet("written", write_pieces(&partial, process, snapshot, LARGEST_FILE))
    });
    let saved = written.and_then(|()| {
        meet("published", first(&|| publish(checkpoints, description, process.count).map(drop)))
    });
    if saved.is_err() && process.index == 0 {
        remove_leftovers(checkpoints, PARTIAL);
    }
    saved.map(|()| folder(checkpoints, step))
}
