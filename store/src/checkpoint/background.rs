//! Saving while training goes on: a thread that writes, at most one save at a time.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::folders::{Retention, remove_superseded};
use super::manifest::Prefix;
use super::peers::{Peers, decline, save_with_peers};
use super::save::{Description, save};
use super::{Error, Snapshot, StateDigest};
use crate::files::FileError;

/// Something to be saved.
#[derive(Debug)]
pub struct Request {
    /// The run's folder of checkpoints.
    pub checkpoints: PathBuf,
    /// The description, to which the metrics are added here.
    pub description: Description,
    /// The file of the run's metrics, and how many of its bytes are those up to this step.
    pub metrics: Option<(PathBuf, u64)>,
    /// The tensors.
    pub snapshot: Snapshot,
    /// Which checkpoints are kept afterwards.
    pub retention: Retention,
    /// The processes that save together; `None` for one alone.
    pub peers: Option<Arc<dyn Peers>>,
}

/// The result of a save.
#[derive(Debug)]
pub struct SaveOutcome {
    /// Step of the checkpoint.
    pub step: u64,
    /// Its folder, or why there is none.
    pub result: Result<PathBuf, Error>,
    /// Bytes of its tensors.
    pub bytes: usize,
    /// From the request to the end.
    pub elapsed: Duration,
    /// Checkpoints that were no longer kept and are gone.
    pub removed: Vec<PathBuf>,
    /// Why one of those could not be removed. The new checkpoint is good all the same.
    pub not_removed: Option<Error>,
    /// The digest of the state, if this process holds all of it.
    pub digest: Option<StateDigest>,
    /// The tensors, whose memory may be used again.
    pub snapshot: Snapshot,
}

/// The thread and what it does.
#[derive(Debug, Default)]
pub struct Background {
    under_way: Option<(u64, JoinHandle<SaveOutcome>)>,
}

impl Background {
    /// Step of the save under way.
    pub fn under_way(&self) -> Option<u64> {
        self.under_way.as_ref().map(|(step, _)| *step)
    }

    /// Begins a save. One that is under way must have been waited for.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(&mut self, request: Request) -> io::Result<()> {
        let step = request.description.step;
        let builder = thread::Builder::new().name(format!("save of step {step}"));
        self.under_way = Some((step, builder.spawn(move || perform(request))?));
        Ok(())
    }

    /// The result of the save under way, if it has ended.
    pub fn poll(&mut self) -> Option<SaveOutcome> {
        let ended = self.under_way.as_ref().is_some_and(|(_, thread)| thread.is_finished());
        if ended { self.wait() } else { None }
    }

    /// Waits for the save under way.
    pub fn wait(&mut self) -> Option<SaveOutcome> {
        let (step, thread) = self.under_way.take()?;
        let outcome = thread.join().unwrap_or_else(|_| SaveOutcome {
            step,
            result: Err(Error::Thread),
            bytes: 0,
            elapsed: Duration::ZERO,
            removed: Vec::new(),
            not_removed: None,
            digest: None,
            snapshot: Snapshot::default(),
        });
        Some(outcome)
    }
}

impl Drop for Background {
    /// Waits for the save under way, however the run ends.
    fn drop(&mut self) {
        self.wait();
    }
}

/// Saves, then removes what is no longer kept.
pub(super) fn perform(request: Request) -> SaveOutcome {
    let start = Instant::now();
    let Request { checkpoints, mut description, metrics, snapshot, retention, peers } = request;
    let step = description.step;
    // Hashing takes a while, and writing does too.
    let (result, digest) = thread::scope(|scope| {
        let digest = scope.spawn(|| StateDigest::of(&snapshot));
        let metrics = metrics
            .map(|(path, bytes)| prefix(&path, bytes).map_err(|source| FileError::read(&path, source)))
            .transpose()
            .map_err(Error::from);
        let result = match (metrics, &peers) {
            (Err(error), None) => Err(error),
            (Err(error), Some(peers)) => Err(decline(error, &**peers)),
            (Ok(metrics), peers) => {
                description.metrics = metrics;
                match peers {
                    None => save(&checkpoints, &description, &snapshot),
                    Some(peers) => save_with_peers(&checkpoints, &description, &snapshot, &**peers),
                }
            }
        };
        (result, digest.join().ok().flatten())
    });
    let (mut removed, mut not_removed) = (Vec::new(), None);
    let first = peers.is_none_or(|peers| peers.process().index == 0);
    if result.is_ok() && first {
        match remove_superseded(&checkpoints, retention, step) {
            Ok(paths) => removed = paths,
            Err(error) => not_removed = Some(error),
        }
    }
    let bytes = snapshot.bytes();
    SaveOutcome { step, result, bytes, elapsed: start.elapsed(), removed, not_removed, digest, snapshot }
}

/// The first bytes of a file, which are put on disk: a checkpoint does not outlive the metrics of its steps.
fn prefix(path: &Path, bytes: u64) -> io::Result<Prefix> {
    let file = inputs::open(path)?;
    file.sync_all()?;
    let mut hash = Sha256::new();
    let read = io::copy(&mut file.take(bytes), &mut hash)?;
    if read != bytes {
        return Err(io::Error::other(format!("it has {read} bytes, and had {bytes} before")));
    }
    Ok(Prefix { bytes, sha256: format!("{:x}", hash.finalize()) })
}

impl Prefix {
    /// Whether a file still begins with these bytes.
    pub fn matches(&self, path: &Path) -> bool {
        prefix(path, self.bytes).is_ok_and(|found| found == *self)
    }
}
