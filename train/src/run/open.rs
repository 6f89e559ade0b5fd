//! Opening the folder of a run: whether it holds one, where it goes on, and whether that is still what was written.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use configuration::{Config, Draft};
use data::Tokenizer;
use store::checkpoint::{self, CONFIG, Checkpoint, IMPORT, TOKENIZER};
use store::files::FileError;
use store::remote::{self, Address, Store};
use store::run_directory::{self, RunDirectory};
use store::self_checksum::{self, SelfChecksum};

use super::Resume;
use crate::Error;
use crate::observer::{Event, Observer};

/// A run directory that this process holds, and where the run goes on.
pub(super) struct Opened {
    pub(super) run: RunDirectory,
    /// `None` to begin at the first step.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Whether the checkpoint is one of this run, named by the user.
    pub(super) chosen: bool,
    /// The object store of the run, for the process that the run directory belongs to.
    pub(super) store: Option<Arc<Store>>,
}

/// Creates a run directory, or opens one and checks that the run can go on with this configuration. What the run's store has
/// beyond it is restored.
pub(super) fn open(
    config: &Config,
    folder: Option<&Path>,
    resume: &Resume,
    store: Option<Arc<Store>>,
    observer: &mut dyn Observer,
) -> Result<Opened, Error> {
    let named = match resume {
        Resume::From(path) if is_run(path) => return Err(Error::RunAsCheckpoint { run: path.clone() }),
        Resume::From(path) => Some(Checkpoint::open(path)?),
        Resume::Auto | Resume::Never | Resume::FromStore(_) => None,
    };
    let origin = folder.unwrap_or(Path::new("runs"));
    if let Some(checkpoint) = &named {
        check_fixed(config, checkpoint, origin)?;
    }
    let run = match folder {
        None => RunDirectory::create_named(origin, &config.name, SystemTime::now())?,
        Some(folder) if !RunDirectory::holds_run(folder) => RunDirectory::create(folder)?,
        Some(folder) if *resume == Resume::Never => {
            return Err(run_directory::Error::Exists { path: folder.to_owned() }.into());
        }
        Some(folder) => RunDirectory::open(folder)?,
    };
    checkpoint::clear_leftovers(&run.checkpoints());
    match find(config, &run, named, resume, store.as_deref(), observer) {
        Ok((checkpoint, chosen)) => {
            if let Some(checkpoint) = &checkpoint {
                super::course::note_change(config, checkpoint, observer)?;
            }
            Ok(Opened { run, checkpoint, chosen, store })
        }
        Err(error) => {
            run.abandon();
            Err(error)
        }
    }
}

/// Whether a folder is a run's and no checkpoint's.
fn is_run(path: &Path) -> bool {
    path.join(run_directory::CHECKPOINTS).is_dir() && !path.join(checkpoint::MANIFEST).exists()
}

/// The checkpoint that a run goes on from, and whether it is one of this run, named by the user.
fn find(
    config: &Config,
    run: &RunDirectory,
    named: Option<Checkpoint>,
    resume: &Resume,
    store: Option<&Store>,
    observer: &mut dyn Observer,
) -> Result<(Option<Checkpoint>, bool), Error> {
    if let Some(store) = store.filter(|store| store.address().is_folder(&run.checkpoints())) {
        let address = store.address().clone();
        return Err(checkpoint::Error::from(remote::Error::OwnFolder { address }).into());
    }
    if let Resume::FromStore(address) = resume {
        return from_store(config, run, address, store, observer);
    }
    match named {
        Some(checkpoint) if is_own(&checkpoint, run) => {
            check_metrics(run, &checkpoint, observer);
            Ok((Some(checkpoint), true))
        }
        Some(checkpoint) => {
            must_be_new(run, store, checkpoint.path())?;
            must_have_steps_left(config, &checkpoint)?;
            Ok((Some(checkpoint), false))
        }
        None if *resume == Resume::Never => {
            must_be_empty(store)?;
            Ok((None, false))
        }
        None => Ok((newest(config, run, store, observer)?, false)),
    }
}

/// The newest good checkpoint of the run directory, or that of the store if it is newer.
fn newest(
    config: &Config,
    run: &RunDirectory,
    store: Option<&Store>,
    observer: &mut dyn Observer,
) -> Result<Option<Checkpoint>, Error> {
    let mut warn = |warning: &str| observer.event(Event::Note(format!("warning: {warning}")));
    let check = |checkpoint: &Checkpoint| check_fixed(config, checkpoint, run.path());
    let local = match checkpoint::newest_good(&run.checkpoints(), &mut warn) {
        Ok(local) => Ok(local),
        Err(error @ checkpoint::Error::NoneGood { .. }) if store.is_some() => Err(error),
        Err(error) => return Err(error.into()),
    };
    let mut newest = local.as_ref().ok().and_then(Option::as_ref);
    if let Some(checkpoint) = newest {
        check(checkpoint)?;
    }
    let restored = match store {
        Some(store) => remote::restore_newest(store, run, newest, &check, &mut warn)?,
        None => None,
    };
    if let Some(checkpoint) = &restored {
        let place = store.map(|store| store.address().to_string()).unwrap_or_default();
        let step = checkpoint.manifest().step;
        observer.event(Event::Note(format!("restored the checkpoint of step {step} from {place}")));
        newest = Some(checkpoint);
    }
    if let Some(checkpoint) = newest {
        check_metrics(run, checkpoint, observer);
    }
    match restored {
        Some(checkpoint) => Ok(Some(checkpoint)),
        None => Ok(local?),
    }
}

/// The checkpoint at an address: of the run's own store, or of another run.
fn from_store(
    config: &Config,
    run: &RunDirectory,
    address: &Address,
    own: Option<&Store>,
    observer: &mut dyn Observer,
) -> Result<(Option<Checkpoint>, bool), Error> {
    let check = |checkpoint: &Checkpoint| check_fixed(config, checkpoint, run.path());
    let (of_run, step) = address.of_run();
    match (own.filter(|own| *own.address() == of_run), step) {
        (Some(_), None) => Ok((newest(config, run, own, observer)?, false)),
        (Some(store), Some(step)) => {
            let local = checkpoint::folder(&run.checkpoints(), step);
            let checkpoint = match Checkpoint::open(&local) {
                Err(error) if error.is_damage() || !local.exists() => {
                    remote::restore(store, run, step, &check)?
                }
                local => local?,
            };
            check(&checkpoint)?;
            check_metrics(run, &checkpoint, observer);
            Ok((Some(checkpoint), true))
        }
        (None, _) => {
            must_be_new(run, own, Path::new(&address.to_string()))?;
            let store = Store::open(&of_run).map_err(checkpoint::Error::from)?;
            let mut warn = |warning: &str| observer.event(Event::Note(format!("warning: {warning}")));
            let folder = remote::folder_for_another_run(run);
            let checkpoint = remote::fetch(&store, step, &folder, &mut warn)?;
            check(&checkpoint)?;
            must_have_steps_left(config, &checkpoint)?;
            Ok((Some(checkpoint), false))
        }
    }
}

/// A run that begins with the checkpoint of another has something to do.
fn must_have_steps_left(config: &Config, checkpoint: &Checkpoint) -> Result<(), Error> {
    let (completed, steps) = (checkpoint.manifest().step, config.training.steps);
    if completed < steps {
        return Ok(());
    }
    Err(Error::NothingLeft { checkpoint: checkpoint.path().to_owned(), completed, steps })
}

/// A run that begins with the checkpoint of another has none of its own.
fn must_be_new(run: &RunDirectory, store: Option<&Store>, checkpoint: &Path) -> Result<(), Error> {
    if !checkpoint::steps(&run.checkpoints())?.is_empty() {
        return Err(Error::OtherRun { checkpoint: checkpoint.to_owned(), run: run.path().to_owned() });
    }
    must_be_empty(store)
}

fn must_be_empty(store: Option<&Store>) -> Result<(), Error> {
    match store {
        Some(store) if !remote::steps(store)?.is_empty() => {
            let taken = remote::Error::Taken { address: store.address().clone() };
            Err(checkpoint::Error::from(taken).into())
        }
        _ => Ok(()),
    }
}

/// Whether a checkpoint is one of a run: those that were set aside are not.
pub(super) fn is_own(checkpoint: &Checkpoint, run: &RunDirectory) -> bool {
    let place = |path: &Path| fs::canonicalize(path).ok();
    let own = checkpoint::folder(&run.checkpoints(), checkpoint.manifest().step);
    place(checkpoint.path()).is_some_and(|path| Some(path) == place(&own))
}

/// Checks that the checkpoint is one of a training, and that the settings that must stay the same are those it was saved with.
fn check_fixed(config: &Config, checkpoint: &Checkpoint, run: &Path) -> Result<(), Error> {
    if checkpoint.manifest().files.contains_key(IMPORT) {
        return Err(Error::Imported { checkpoint: checkpoint.path().to_owned() });
    }
    for ((key, saved), (_, given)) in saved_config(checkpoint)?.fixed().into_iter().zip(config.fixed()) {
        if saved != given {
            return Err(Error::Changed { key, given, saved, run: run.to_owned() });
        }
    }
    Ok(())
}

/// The configuration that a checkpoint was saved with.
pub(super) fn saved_config(checkpoint: &Checkpoint) -> Result<Config, Error> {
    let path = checkpoint.path().join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
    let mut saved = Draft::quick_start()?;
    saved.apply_text(&path.display().to_string(), &text)?;
    Ok(saved.finish()?)
}

/// The metrics up to the checkpoint are those it was saved with. Training does not depend on them.
fn check_metrics(run: &RunDirectory, checkpoint: &Checkpoint, observer: &mut dyn Observer) {
    let path = run.metrics();
    if let Some(metrics) = &checkpoint.manifest().metrics
        && !metrics.matches(&path)
    {
        observer.event(Event::Note(format!(
            "warning: {}: the lines up to step {} are not those of the run: they were changed or lost; the state of training is \
             not concerned",
            path.display(),
            checkpoint.manifest().step
        )));
    }
}

impl Opened {
    /// The tokenizer of the checkpoint, or the one the configuration names; `None` if one is to be trained.
    pub(super) fn tokenizer(
        &self,
        config: &Config,
        observer: &mut dyn Observer,
    ) -> Result<Option<Tokenizer>, Error> {
        let given = config.data.tokenizer.as_deref();
        // Before the first checkpoint, nothing depends on a tokenizer yet.
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(given.map(|path| config.load_tokenizer(path, None)).transpose()?);
        };
        let path = checkpoint.path().join(TOKENIZER);
        let saved = config.load_tokenizer(&path, Some(checkpoint.path()))?;
        if let Some(given) = given
            && config.load_tokenizer(given, Some(checkpoint.path()))?.fingerprint() != saved.fingerprint()
        {
            return Err(Error::OtherTokenizer { given: given.to_owned(), saved: path });
        }
        let of_run = self.run.tokenizer();
        if self.run.config().exists() && fs::read(&of_run).ok() != Some(checkpoint.file(TOKENIZER)?) {
            observer.event(Event::Note(format!(
                "warning: {} is not the tokenizer of the run: written anew from {}",
                of_run.display(),
                path.display()
            )));
        }
        Ok(Some(saved))
    }

    /// Leaves the checkpoints behind that come after the one the user named, or that the run goes on from.
    pub(super) fn set_aside(&self, observer: &mut dyn Observer) -> Result<(), Error> {
        if let (true, Some(checkpoint)) = (self.chosen, &self.checkpoint) {
            let step = checkpoint.manifest().step;
            for place in checkpoint::set_aside_after(&self.run.checkpoints(), step)? {
                observer.event(Event::Note(format!("a later checkpoint is now {}", place.display())));
            }
        }
        if let (Some(store), Some(checkpoint)) = (&self.store, &self.checkpoint) {
            for place in remote::set_aside_after(store, checkpoint.manifest().step)? {
                observer.event(Event::Note(format!("a later checkpoint is now {}", place.display())));
            }
        }
        Ok(())
    }
}

/// The configuration of the run in a folder, with its path: its `config.toml`; if that is missing, the one of its newest
/// good checkpoint. `None` if the folder holds no run.
///
/// # Errors
/// [`Error::ConfigChanged`] if the file was changed since it was written; [`Error::Checkpoint`] when no checkpoint can
/// be used.
pub fn kept_config(folder: &Path) -> Result<Option<(String, String)>, Error> {
    let path = folder.join(CONFIG);
    if path.is_file() {
        let bytes = fs::read(&path).map_err(|source| FileError::read(&path, source))?;
        return match String::from_utf8(bytes) {
            Ok(text) if self_checksum::check(&text) == SelfChecksum::Matches => {
                Ok(Some((path.display().to_string(), text)))
            }
            _ => Err(Error::ConfigChanged { path }),
        };
    }
    let checkpoints = folder.join(run_directory::CHECKPOINTS);
    let Some(checkpoint) = checkpoint::newest_good(&checkpoints, &mut |_| {})? else { return Ok(None) };
    let path = checkpoint.path().join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
    Ok(Some((path.display().to_string(), text)))
}
