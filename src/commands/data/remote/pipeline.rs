//! A pipeline of which files are in object stores. Each step is done as its own command does it, so its folder is the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use massivetext::Error;
use massivetext::manifest::{Kinds, Manifest};
use massivetext::output::RECEIPT;
use massivetext::pipeline::{Find, Folders, Opened, Settings, Storage, is_meant};
use store::remote::{Address, Store};

use super::{Places, Room, is_address, open, refuse};
use crate::output::usage;

/// Folders of this machine and places in object stores, as each path is meant.
pub struct Stores {
    room: Room,
}

/// A step of which something is in a store.
struct Far(Places);

impl Stores {
    /// With room for what is on its way.
    pub fn new(room: Room) -> Self {
        Self { room }
    }
}

/// Refuses addresses that are none, and those of what is read before anything is done.
///
/// # Errors
/// Wrong usage.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    let inputs = settings.subset.values().flat_map(|subset| &subset.inputs);
    for path in inputs.chain([&settings.out]).filter(|path| is_address(path)) {
        let text = path.to_string_lossy();
        pattern(&text).map_or(&*text, |(folder, _)| folder).parse::<Address>().map_err(usage)?;
    }
    refuse("tokenizer.file =", &settings.tokenizer.file)?;
    let extracts = settings.subset.values().map(|subset| &subset.extract).chain([&settings.extract]);
    refuse("extract.block_hosts =", extracts.flat_map(|extract| &extract.block_hosts))?;
    for stage in settings.subset.values().map(|subset| &subset.decontaminate).chain([&settings.decontaminate])
    {
        refuse("decontaminate.against =", stage.against.iter().flatten())?;
        refuse("decontaminate.titles =", &stage.titles)?;
    }
    Ok(())
}

/// The folder and the pattern of an address whose last part is one.
fn pattern(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('/').filter(|(_, name)| name.contains(['*', '?']))
}

/// What a store says, as the library has it.
fn failed(error: impl Into<anyhow::Error>) -> Error {
    Error::Fetch { detail: format!("{:#}", error.into()) }
}

/// The store of the folder that a file is in, and the file's name there.
fn folder_of(path: &Path) -> massivetext::Result<(Store, String)> {
    let text = path.to_string_lossy();
    let (folder, name) = text.rsplit_once('/').unwrap_or((&text, ""));
    Ok((open(folder).map_err(failed)?, name.to_owned()))
}

impl Storage for Stores {
    fn expand(&self, pattern: &Path) -> massivetext::Result<Vec<PathBuf>> {
        if !is_address(pattern) {
            return Folders.expand(pattern);
        }
        let text = pattern.to_string_lossy();
        let Some((folder, name)) = self::pattern(&text) else { return Ok(vec![pattern.to_owned()]) };
        let objects = open(folder).and_then(|store| Ok(store.objects()?)).map_err(failed)?;
        let names: BTreeSet<&str> =
            objects.iter().filter_map(|object| object.name.split('/').next()).collect();
        let meant: Vec<PathBuf> = names
            .into_iter()
            .filter(|found| is_meant(name, found))
            .map(|found| format!("{folder}/{found}").into())
            .collect();
        match meant.is_empty() {
            true => Err(Error::Folder { path: pattern.into(), detail: "there is no such file".into() }),
            false => Ok(meant),
        }
    }

    fn kinds(&self, inputs: &[PathBuf]) -> massivetext::Result<Kinds> {
        let (far, near): (Vec<&PathBuf>, Vec<&PathBuf>) = inputs.iter().partition(|path| is_address(path));
        let near: Vec<PathBuf> = near.into_iter().cloned().collect();
        let found = if near.is_empty() { Kinds::default() } else { Folders.kinds(&near)? };
        let mut files = Vec::new();
        for address in far {
            let text = address.to_string_lossy();
            let objects = open(&text).and_then(|store| Ok(store.objects()?)).map_err(failed)?;
            let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
            files.extend(
                objects
                    .iter()
                    .filter(|object| !is_hidden(&object.name))
                    .map(|object| address.join(&object.name)),
            );
            if objects.is_empty() {
                files.push(address.clone());
            }
        }
        let there = Kinds::of(&files);
        Ok(Kinds { crawl: found.crawl.or(there.crawl), document: found.document.or(there.document) })
    }

    fn open<'a>(
        &'a self,
        inputs: &[PathBuf],
        out: Option<&Path>,
        rejected: Option<&Path>,
    ) -> massivetext::Result<Box<dyn Opened + 'a>> {
        let all = inputs.iter().map(PathBuf::as_path).chain(out).chain(rejected);
        if !all.into_iter().any(is_address) {
            static HERE: Folders = Folders;
            return HERE.open(inputs, out, rejected);
        }
        Ok(Box::new(Far(Places::new(inputs, out, rejected, &self.room).map_err(failed)?)))
    }

    fn read(&self, path: &Path) -> massivetext::Result<Option<Vec<u8>>> {
        if !is_address(path) {
            return Folders.read(path);
        }
        let (store, name) = folder_of(path)?;
        store.contents(&name).map_err(failed)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> massivetext::Result<()> {
        if !is_address(path) {
            return Folders.write(path, bytes);
        }
        let (store, name) = folder_of(path)?;
        store.put(&name, bytes.to_vec()).map_err(failed)
    }

    fn remove(&self, folder: &Path, plan: &str) -> massivetext::Result<()> {
        if !is_address(folder) {
            return Folders.remove(folder, plan);
        }
        let store = open(&folder.to_string_lossy()).map_err(failed)?;
        let objects = store.objects().map_err(failed)?;
        if !objects.iter().any(|object| object.name == plan) {
            return Ok(());
        }
        // The receipt first, so that nobody takes the rest for whole, and the plan last, so that this is done again if it is cut off.
        let rest =
            objects.iter().map(|object| &object.name[..]).filter(|name| ![plan, RECEIPT].contains(name));
        [RECEIPT]
            .into_iter()
            .chain(rest)
            .chain([plan])
            .try_for_each(|name| store.delete(name))
            .map_err(failed)
    }
}

impl Opened for Far {
    fn inputs(&self) -> &[PathBuf] {
        &self.0.inputs
    }

    fn out(&self) -> &Path {
        &self.0.out
    }

    fn rejected(&self) -> Option<&Path> {
        self.0.rejected.as_deref()
    }

    fn manifest(&self, find: Find) -> massivetext::Result<Manifest> {
        self.0.manifest(find).map_err(failed)
    }

    fn fetch(&self, file: &Path) -> massivetext::Result<()> {
        self.0.mirror_of(file).map_or(Ok(()), |(mirror, name)| mirror.fetch(&name).map_err(failed))
    }

    fn size(&self, file: &Path) -> massivetext::Result<u64> {
        match self.0.mirror_of(file).and_then(|(mirror, name)| mirror.size_of(&name)) {
            Some(size) => Ok(size),
            None => std::fs::metadata(file).map(|metadata| metadata.len()).map_err(failed),
        }
    }

    fn progress(&self) {
        self.0.send_some();
    }

    fn finish(&self) -> massivetext::Result<()> {
        self.0.send().map_err(failed)
    }

    fn explain(&self, error: Error) -> Error {
        match error {
            Error::BadRecord { .. } | Error::Fetch { .. } => error,
            error => failed(self.0.explain(error.into())),
        }
    }
}
