//! What a stage reads of object stores: files of this machine that have nothing but their sizes until it is their turn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use massivetext::Error;
use massivetext::manifest::Fetch;
use store::remote::{Address, Object, Store};

use super::{inside, make_empty, open};

/// Brings objects to the files that stand for them, one at a time.
#[derive(Debug, Default)]
pub struct Fetcher {
    stores: Vec<Store>,
    /// The files with the numbers of their stores.
    pub files: BTreeMap<PathBuf, (usize, Object)>,
    /// The file that has its content.
    current: Mutex<Option<PathBuf>>,
}

impl Fetcher {
    /// Makes files that stand for the objects at an address: a folder of them, or one. Where they are.
    pub fn stand_in(&mut self, address: &str, folder: &Path) -> anyhow::Result<PathBuf> {
        let store = open(address)?;
        let objects = store.objects()?;
        let number = self.stores.len();
        if objects.is_empty() {
            let one = address.trim_end_matches('/').rsplit_once('/');
            let found = match one.filter(|(above, _)| above.parse::<Address>().is_ok()) {
                Some((above, name)) => open(above)?.object(name)?.map(|object| (above, object)),
                None => None,
            };
            let (above, object) = found.ok_or_else(|| anyhow!("{address}: there is nothing"))?;
            let path = inside(folder, &store, &object.name)?;
            make_empty(&path, object.size).with_context(|| path.display().to_string())?;
            self.stores.push(open(above)?);
            self.files.insert(path.clone(), (number, object));
            return Ok(path);
        }
        let names: BTreeSet<String> = objects.iter().map(|object| object.name.clone()).collect();
        for object in objects {
            // Some tools make an object without bytes for a folder.
            let below = format!("{}/", object.name);
            let is_folder = names.range(below.clone()..).next().is_some_and(|name| name.starts_with(&below));
            if object.size == 0 && is_folder {
                continue;
            }
            let path = inside(folder, &store, &object.name)?;
            make_empty(&path, object.size).with_context(|| path.display().to_string())?;
            self.files.insert(path, (number, object));
        }
        self.stores.push(store);
        Ok(folder.to_owned())
    }
}

impl Fetch for Fetcher {
    fn fetch(&self, path: &Path) -> massivetext::Result<()> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_deref() == Some(path) {
            return Ok(());
        }
        let failed = |detail: String| Error::Fetch { detail };
        if let Some((_, object)) = current.as_ref().and_then(|before| self.files.get(before)) {
            let before = current.take().unwrap_or_default();
            make_empty(&before, object.size)
                .map_err(|error| failed(format!("{}: {error}", before.display())))?;
        }
        let Some((store, object)) = self.files.get(path) else { return Ok(()) };
        let store = self.stores.get(*store).ok_or_else(|| failed(format!("{}: no store", path.display())))?;
        store.fetch(object, path).map_err(|error| failed(error.to_string()))?;
        *current = Some(path.to_owned());
        Ok(())
    }
}
