//! What a stage writes to object stores: a folder of this machine that has each file until it is sent.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use massivetext::output::{PLAN, PLAN_BESIDE, RECEIPT, RECEIPTS};
use store::remote::{Object, Store};

use super::{inside, make_empty, open};

/// A folder of this machine whose files go to a store.
pub struct Mirror {
    store: Store,
    /// The folder.
    pub local: PathBuf,
    /// What is in the store, by bytes: files of these names that are empty here stand for them.
    sent: RefCell<BTreeMap<String, u64>>,
    /// Names of those that have their content here all the same.
    fetched: RefCell<BTreeSet<String>>,
}

impl Mirror {
    /// Makes a folder that has what decides whether a stage may go on there, and empty files in the place of all others.
    pub fn new(address: &str, local: &Path) -> anyhow::Result<Self> {
        let store = open(address)?;
        fs::create_dir_all(local).with_context(|| local.display().to_string())?;
        let objects = store.objects()?;
        let mirror =
            Self { store, local: local.to_owned(), sent: RefCell::default(), fetched: RefCell::default() };
        for object in objects {
            mirror.take(&object)?;
        }
        Ok(mirror)
    }

    /// Takes notice of an object, with its content if that is small and wanted.
    fn take(&self, object: &Object) -> anyhow::Result<()> {
        let path = inside(&self.local, &self.store, &object.name)?;
        make_empty(&path, 0).with_context(|| path.display().to_string())?;
        let is_receipt = object.name.starts_with(&format!("{RECEIPTS}/"));
        if is_receipt || [PLAN, PLAN_BESIDE, RECEIPT].contains(&&object.name[..]) {
            self.store.fetch(object, &path)?;
        }
        self.sent.borrow_mut().insert(object.name.clone(), object.size);
        Ok(())
    }

    /// Brings a file back that was sent, now or by an earlier process.
    pub fn fetch(&self, name: &str) -> anyhow::Result<()> {
        let path = self.local.join(name);
        let is_here = path.metadata().is_ok_and(|metadata| metadata.len() > 0);
        if is_here || self.size_of(name).is_none() {
            return Ok(());
        }
        let object = self.store.object(name)?.ok_or_else(|| {
            anyhow!("{}: it is not there any more", self.store.address().place(name).display())
        })?;
        self.fetched.borrow_mut().insert(name.to_owned());
        Ok(self.store.fetch(&object, &path)?)
    }

    /// Bytes of a file that is in the store.
    pub fn size_of(&self, name: &str) -> Option<u64> {
        self.sent.borrow().get(name).copied()
    }

    /// Takes the receipts that other parts have sent.
    pub fn take_receipts(&self) -> anyhow::Result<()> {
        for object in self.store.objects()? {
            let is_new = !self.sent.borrow().contains_key(&object.name);
            if is_new && (object.name.starts_with(&format!("{RECEIPTS}/")) || object.name == RECEIPT) {
                self.take(&object)?;
            }
        }
        Ok(())
    }

    /// Sends a file that is not there yet.
    fn send_once(&self, name: &str) -> anyhow::Result<()> {
        let path = self.local.join(name);
        if path.is_file() && !self.sent.borrow().contains_key(name) {
            let size = path.metadata().with_context(|| path.display().to_string())?.len();
            self.store.send(&path, name)?;
            self.sent.borrow_mut().insert(name.to_owned(), size);
        }
        Ok(())
    }

    /// Checks that no other process has begun to write there for another input or configuration.
    fn check_plan(&self) -> anyhow::Result<()> {
        let (own, there) = (self.local.join(PLAN), self.local.join(format!("{PLAN}.there")));
        let Some(object) = self.store.object(PLAN)? else { return Ok(()) };
        self.store.fetch(&object, &there)?;
        let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
        match own.exists() && read(&own)? != read(&there)? {
            false => Ok(()),
            true => Err(anyhow!(
                "{}: another process has begun to write there for another input or configuration; name another place",
                self.store.address()
            )),
        }
    }

    /// Sends all files that have their names, and empties them.
    pub fn send_files(&self) -> anyhow::Result<()> {
        [PLAN, PLAN_BESIDE].into_iter().try_for_each(|plan| self.send_once(plan))?;
        for name in names(&self.local)? {
            let path = self.local.join(&name);
            let size = path.metadata().with_context(|| path.display().to_string())?.len();
            let is_sent = size == 0 && self.sent.borrow().contains_key(&name);
            if name.starts_with('.') || name == RECEIPT || is_sent || self.fetched.borrow().contains(&name) {
                continue;
            }
            self.store.send(&path, &name)?;
            self.sent.borrow_mut().insert(name, size);
            make_empty(&path, 0).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    pub fn send_receipts(&self) -> anyhow::Result<()> {
        self.check_plan()?;
        for name in names(&self.local.join(RECEIPTS))?.into_iter().filter(|name| !name.starts_with('.')) {
            self.send_once(&format!("{RECEIPTS}/{name}"))?;
        }
        self.send_once(RECEIPT)
    }
}

/// The names of the files in a folder, in order; none if there is no such folder.
fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(names),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        if entry.path().is_file() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
