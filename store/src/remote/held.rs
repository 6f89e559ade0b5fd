//! The objects that a store holds of a step's checkpoint.

use std::collections::BTreeMap;

use super::Store;
use crate::checkpoint::{Error, FileDigest, MANIFEST, Manifest, step_of};

/// The objects that a store holds of a step's checkpoint.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) step: u64,
    /// The folder's name.
    pub(super) folder: String,
    /// Objects in it with their sizes in bytes.
    pub(super) files: BTreeMap<String, u64>,
}

impl Held {
    /// Whether it is a checkpoint: without a manifest, an upload is under way or was cut off.
    pub(super) fn is_complete(&self) -> bool {
        self.files.contains_key(MANIFEST)
    }

    /// Its manifest, if every object that it speaks of has its size.
    pub(super) fn manifest(&self, store: &Store) -> Result<Manifest, Error> {
        let path = store.address().place(&format!("{}/{MANIFEST}", self.folder));
        let unfinished = || Error::Unfinished { path: path.clone() };
        if !self.is_complete() {
            return Err(unfinished());
        }
        let bytes = store.read(&format!("{}/{MANIFEST}", self.folder))?.ok_or_else(unfinished)?;
        let manifest = Manifest::parse(path.clone(), &bytes)?;
        manifest.check_step(&path, self.step)?;
        manifest.files.iter().try_for_each(|(name, digest)| self.check_size(store, name, digest))?;
        Ok(manifest)
    }

    /// As [`CheckpointEntry::may_be_planned`].
    pub(super) fn may_be_planned(&self, store: &Store) -> Result<bool, Error> {
        match self.manifest(store) {
            Ok(manifest) => Ok(manifest.planned),
            Err(error @ Error::Store(_)) => Err(error),
            Err(_) => Ok(true),
        }
    }

    /// As [`Manifest::best_step`]; `None` if the manifest cannot be used.
    pub(super) fn best_step(&self, store: &Store) -> Result<Option<u64>, Error> {
        match self.manifest(store) {
            Ok(manifest) => Ok(manifest.best_step()),
            Err(error @ Error::Store(_)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn check_size(&self, store: &Store, name: &str, digest: &FileDigest) -> Result<(), Error> {
        let got = self.files.get(name).copied().unwrap_or(0);
        if got == digest.size {
            return Ok(());
        }
        let path = store.address().place(&format!("{}/{name}", self.folder));
        Err(Error::Incomplete { path, expected: digest.size, got })
    }
}

/// The objects that a store holds, by step, ascending.
pub(super) fn held(store: &Store) -> Result<Vec<Held>, Error> {
    let mut held = Vec::new();
    for folder in store.folders()? {
        if let Some(step) = step_of(&folder) {
            held.push(Held { step, files: store.files(&folder)?, folder });
        }
    }
    held.sort_by_key(|held| held.step);
    Ok(held)
}
