//! Inputs and outputs of a stage in object stores. The stage is given folders of this machine that stand for them: of what it reads, files
//! that have nothing but their sizes until it is their turn; of what it writes, each file until it is sent.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use clap::Args;
use massivetext::Error;
use massivetext::manifest::{Fetch, Manifest};
use massivetext::output::{PLAN, PLAN_BESIDE, RECEIPT, RECEIPTS};
use massivetext::stage::Report;
use store::remote::{Address, Object, Store};

use super::work;
use crate::output::usage;

/// Where there is room for what is on its way.
#[derive(Args)]
pub struct Room {
    /// Folder for what is fetched from object stores and not sent to them yet [default: that of temporary files].
    #[arg(long, value_name = "DIR", help_heading = "Work")]
    work: Option<PathBuf>,
}

/// The places of a stage, as it is given them.
pub struct Places {
    /// Files and folders to read.
    pub inputs: Vec<PathBuf>,
    /// Folders to write.
    pub out: PathBuf,
    /// As above.
    pub rejected: Option<PathBuf>,
    fetcher: Arc<Fetcher>,
    /// Folders and files of this machine, with the addresses they stand for.
    addresses: Vec<(PathBuf, String)>,
    mirrors: Vec<Mirror>,
    /// Whether a store has refused something: it is asked again at the end, and says so then.
    has_refused: Cell<bool>,
    /// Removed with all that is in it.
    _room: Option<tempfile::TempDir>,
}

/// A stage, which is told whom to tell of its progress.
type Stage<'a, R> = dyn FnMut(&mut dyn FnMut(u64)) -> massivetext::Result<Report<R>> + 'a;

/// Whether a path is meant as an address.
fn is_address(path: &Path) -> bool {
    path.to_str().is_some_and(Address::is_meant)
}

/// Refuses addresses where paths alone are possible.
///
/// # Errors
/// Wrong usage.
pub fn refuse<'a>(what: &str, paths: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
    match paths.into_iter().find(|path| is_address(path)) {
        None => Ok(()),
        Some(path) => Err(usage(format_args!(
            "{what} {}: object stores are for --in, --out and --rejected of single stages; name a path here",
            path.display()
        ))),
    }
}

impl Places {
    /// Places of this machine as they are, and folders in `room` for those in stores. Inputs are listed, none is read.
    ///
    /// # Errors
    /// What is no address, a store that cannot be read, an output inside an input.
    pub fn new(
        inputs: &[PathBuf],
        out: Option<&Path>,
        rejected: Option<&Path>,
        room: &Room,
    ) -> anyhow::Result<Self> {
        let out = out.unwrap_or(Path::new(""));
        let all = inputs.iter().map(PathBuf::as_path).chain([out]).chain(rejected);
        let mut places = Places {
            inputs: inputs.to_vec(),
            out: out.to_owned(),
            rejected: rejected.map(Path::to_owned),
            fetcher: Arc::default(),
            addresses: Vec::new(),
            mirrors: Vec::new(),
            has_refused: Cell::new(false),
            _room: None,
        };
        if !all.clone().any(is_address) {
            return Ok(places);
        }
        check_apart(inputs, out, rejected)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix("gopher-data-");
        let folder = match &room.work {
            None => builder.tempdir(),
            Some(work) => fs::create_dir_all(work).and_then(|()| builder.tempdir_in(work)),
        };
        let folder = folder.with_context(|| {
            format!("--work {}", room.work.clone().unwrap_or_else(std::env::temp_dir).display())
        })?;
        let mut fetcher = Fetcher::default();
        for (number, input) in inputs.iter().enumerate().filter(|(_, input)| is_address(input)) {
            let local = folder.path().join("in").join(number.to_string());
            places.inputs[number] = fetcher.stand_in(&input.to_string_lossy(), &local)?;
            places.addresses.push((places.inputs[number].clone(), address_text(input)));
        }
        places.fetcher = Arc::new(fetcher);
        for (name, path) in [("rejected", places.rejected.clone()), ("out", Some(places.out.clone()))] {
            let Some(path) = path.filter(|path| is_address(path)) else { continue };
            let local = folder.path().join(name);
            places.mirrors.push(Mirror::new(&path.to_string_lossy(), &local)?);
            places.addresses.push((local.clone(), address_text(&path)));
            match name {
                "out" => places.out = local,
                _ => places.rejected = Some(local),
            }
        }
        places._room = Some(folder);
        Ok(places)
    }

    /// The manifest that `find` gives of the inputs, in which files of stores have their names there.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn manifest(
        &self,
        find: fn(&[PathBuf]) -> massivetext::Result<Manifest>,
    ) -> anyhow::Result<Manifest> {
        let mut manifest = find(&self.inputs).map_err(|error| self.explain(error.into()))?;
        if self.fetcher.files.is_empty() {
            return Ok(manifest);
        }
        for file in &mut manifest.files {
            let Some((_, object)) = self.fetcher.files.get(&file.path) else { continue };
            file.version.clone_from(&object.etag);
            if self.inputs.len() > 1 {
                file.name = self.named(&file.path);
            }
        }
        for over in &mut manifest.passed_over {
            over.path = self.named(&over.path).into();
        }
        manifest.fetch = Some(Arc::clone(&self.fetcher) as Arc<dyn Fetch>);
        Ok(manifest)
    }

    /// What a path of this machine is called where it comes from.
    fn named(&self, path: &Path) -> String {
        let found = self
            .addresses
            .iter()
            .find_map(|(local, address)| Some((path.strip_prefix(local).ok()?, address)));
        match found {
            Some((rest, address)) if rest.as_os_str().is_empty() => address.clone(),
            Some((rest, address)) => format!("{address}/{}", rest.display()),
            None => path.display().to_string(),
        }
    }

    /// The output's folder as the user named it.
    pub fn out_name(&self) -> PathBuf {
        self.named(&self.out).into()
    }

    /// An error that names addresses in the place of the folders that stand for them.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        if self.addresses.is_empty() {
            return error;
        }
        let text = self.addresses.iter().fold(format!("{error:#}"), |text, (local, address)| {
            text.replace(&*local.to_string_lossy(), address)
        });
        anyhow!(text)
    }

    /// Runs a stage and sends what it writes.
    ///
    /// # Errors
    /// Those of the stage, and a store that cannot be written.
    pub fn run<R>(&self, stage: &mut Stage<'_, R>) -> anyhow::Result<Report<R>> {
        let mut report = self.once(stage)?;
        self.send()?;
        let Some(out) = self.mirrors.iter().find(|mirror| mirror.local == self.out) else {
            return Ok(report);
        };
        if !out.local.join(RECEIPT).exists() {
            // Other parts may have sent theirs meanwhile: the one that finds all adds them up.
            out.take_receipts()?;
            self.once(stage)?;
            report.completes = out.local.join(RECEIPT).exists();
            self.send()?;
        }
        Ok(report)
    }

    fn once<R>(&self, stage: &mut Stage<'_, R>) -> anyhow::Result<Report<R>> {
        let report = work::with_progress(|progress| {
            stage(&mut |records| {
                progress(records);
                self.send_some();
            })
        });
        report.map_err(|error| self.explain(error.into()))
    }

    /// Sends what is whole, so that it takes no room, unless a store has refused something.
    pub fn send_some(&self) {
        if !self.has_refused.get() {
            self.has_refused.set(self.mirrors.iter().any(|mirror| mirror.send_files().is_err()));
        }
    }

    /// Sends all that is left; receipts last.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn send(&self) -> anyhow::Result<()> {
        self.mirrors.iter().try_for_each(Mirror::send_files)?;
        self.mirrors.iter().try_for_each(Mirror::send_receipts)
    }
}

/// An address as it is written down: without a slash at its end.
fn address_text(path: &Path) -> String {
    path.to_string_lossy().trim_end_matches('/').to_owned()
}

/// Refuses folders of which one is inside another. Paths are compared as they are written.
fn check_apart(inputs: &[PathBuf], out: &Path, rejected: Option<&Path>) -> anyhow::Result<()> {
    let place = |path: &Path| match address_text(path) {
        text if !is_address(path) => std::path::absolute(&text).unwrap_or_else(|_| text.into()),
        text => text.strip_prefix("file://").map_or_else(|| PathBuf::from(text.clone()), PathBuf::from),
    };
    for output in [Some(out), rejected].into_iter().flatten().filter(|output| !output.as_os_str().is_empty())
    {
        if let Some(input) = inputs.iter().find(|input| place(output).starts_with(place(input))) {
            let (output, input) = (output.display(), input.display());
            return Err(anyhow!("{output}: it is inside the input {input}; name a place beside it"));
        }
    }
    match rejected {
        Some(rejected)
            if place(rejected).starts_with(place(out)) || place(out).starts_with(place(rejected)) =>
        {
            let rejected = rejected.display();
            Err(anyhow!(
                "{rejected}: one of --rejected and --out is inside the other; name places side by side"
            ))
        }
        _ => Ok(()),
    }
}

fn open(address: &str) -> anyhow::Result<Store> {
    let address: Address = address.parse().map_err(usage)?;
    Ok(Store::open(&address)?)
}

/// Where a name in a store is in a folder of this machine.
fn inside(folder: &Path, store: &Store, name: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(name);
    if path.components().all(|part| matches!(part, Component::Normal(_))) && path.file_name().is_some() {
        return Ok(folder.join(path));
    }
    Err(anyhow!("{}: no name of a file; give the object another one", store.address().place(name).display()))
}

/// Makes a file of so many bytes that takes no room.
fn make_empty(path: &Path, size: u64) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)?.set_len(size)
}

/// Brings objects to the files that stand for them, one at a time.
#[derive(Debug, Default)]
struct Fetcher {
    stores: Vec<Store>,
    files: BTreeMap<PathBuf, (usize, Object)>,
    /// The file that has its content.
    current: Mutex<Option<PathBuf>>,
}

impl Fetcher {
    /// Makes files that stand for the objects at an address: a folder of them, or one. Where they are.
    fn stand_in(&mut self, address: &str, folder: &Path) -> anyhow::Result<PathBuf> {
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

/// A folder of this machine whose files go to a store.
struct Mirror {
    store: Store,
    local: PathBuf,
    /// Names that are in the store: files of these names that are empty here stand for them.
    sent: RefCell<BTreeSet<String>>,
}

impl Mirror {
    /// Makes a folder that has what decides whether a stage may go on there, and empty files in the place of all others.
    fn new(address: &str, local: &Path) -> anyhow::Result<Self> {
        let store = open(address)?;
        fs::create_dir_all(local).with_context(|| local.display().to_string())?;
        let objects = store.objects()?;
        let mirror = Self { store, local: local.to_owned(), sent: RefCell::default() };
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
        self.sent.borrow_mut().insert(object.name.clone());
        Ok(())
    }

    /// Takes the receipts that other parts have sent.
    fn take_receipts(&self) -> anyhow::Result<()> {
        for object in self.store.objects()? {
            let is_new = !self.sent.borrow().contains(&object.name);
            if is_new && (object.name.starts_with(&format!("{RECEIPTS}/")) || object.name == RECEIPT) {
                self.take(&object)?;
            }
        }
        Ok(())
    }

    /// Sends a file that is not there yet.
    fn send_once(&self, name: &str) -> anyhow::Result<()> {
        let path = self.local.join(name);
        if path.is_file() && !self.sent.borrow().contains(name) {
            self.store.send(&path, name)?;
            self.sent.borrow_mut().insert(name.to_owned());
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
    fn send_files(&self) -> anyhow::Result<()> {
        [PLAN, PLAN_BESIDE].into_iter().try_for_each(|plan| self.send_once(plan))?;
        for name in names(&self.local)? {
            let path = self.local.join(&name);
            let size = path.metadata().with_context(|| path.display().to_string())?.len();
            if name.starts_with('.') || name == RECEIPT || (size == 0 && self.sent.borrow().contains(&name)) {
                continue;
            }
            self.store.send(&path, &name)?;
            self.sent.borrow_mut().insert(name);
            make_empty(&path, 0).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn send_receipts(&self) -> anyhow::Result<()> {
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
