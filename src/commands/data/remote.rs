//! Inputs and outputs of a stage in object stores. The stage is given folders of this machine that stand for them: of what it reads, files
//! that have nothing but their sizes until it is their turn; of what it writes, each file until it is sent.

mod fetcher;
mod mirror;
pub mod pipeline;

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::Args;
use massivetext::manifest::{Fetch, Manifest};
use massivetext::output::RECEIPT;
use massivetext::stage::Report;
use store::remote::{Address, Store};

use super::work;
use crate::output::usage;
use fetcher::Fetcher;
use mirror::Mirror;

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
            "{what} {}: object stores are for what stages read and write; name a path here",
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

    /// The mirror of a file of this machine, and the file's name in it.
    fn mirror_of(&self, file: &Path) -> Option<(&Mirror, String)> {
        self.mirrors.iter().find_map(|mirror| {
            let name = file.strip_prefix(&mirror.local).ok()?;
            Some((mirror, name.to_string_lossy().into_owned()))
        })
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
