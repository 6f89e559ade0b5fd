//! Opening the folder of a run: whether it holds one, where it goes on, and whether that is still what was written.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use configuration::{Config, Draft};
use data::Tokenizer;
use hosts::Group;
use store::checkpoint::{self, CONFIG, Checkpoint, IMPORT, ParameterSource, TOKENIZER};
use store::files::FileError;
use store::remote::{self, Address, Store};
use store::run_directory::level::{is_checkpoint, is_run, run_of_part};
use store::run_directory::{self, RunDirectory};
use store::self_checksum::{self, SelfChecksum};

use super::{Parameters, Resume, parameters};
use crate::Error;
use crate::observer::{Event, Observer};
use crate::text::tokenizer_of_shards;

/// A run directory that this process holds, and where the run goes on.
pub(super) struct Opened {
    pub(super) run: RunDirectory,
    /// `None` to begin at the first step.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Whether the checkpoint is one of this run, named by the user.
    pub(super) chosen: bool,
    /// The object store of the run, for the process that the run directory belongs to.
    pub(super) store: Option<Arc<Store>>,
    /// Of a run without a checkpoint that begins with another's parameters: those, and whose they are.
    pub(super) parameters: Option<(Checkpoint, ParameterSource)>,
    /// What the user calls the checkpoint, if it is named.
    pub(super) place: String,
}

/// Creates a run directory, or opens one and checks that the run can go on with this configuration. What the run's store has
/// beyond it is restored.
pub(super) fn open(
    config: &Config,
    folder: Option<&Path>,
    resume: &Resume,
    store: Option<Arc<Store>>,
    group: Option<&Group>,
    observer: &mut dyn Observer,
) -> Result<Opened, Error> {
    let named = match resume {
        Resume::From(path) if is_run(path) => return Err(Error::RunAsCheckpoint { run: path.clone() }),
        Resume::From(path) if let Some(run) = run_of_part(path).filter(|_| !is_checkpoint(path)) => {
            return Err(Error::CheckpointsAsCheckpoint { path: path.clone(), run });
        }
        Resume::From(path) => Some(Checkpoint::open(path)?),
        Resume::Auto | Resume::Never | Resume::FromStore(_) | Resume::WithParameters(_) => None,
    };
    if let Some((folder, run)) = folder.and_then(|folder| Some((folder, run_of_part(folder)?))) {
        return Err(Error::PartOfRun { path: folder.to_owned(), run });
    }
    if let Some(checkpoint) = &named {
        let whose = match folder.filter(|folder| is_in(checkpoint, folder)) {
            Some(folder) => Whose::Run(folder),
            None => Whose::Another(checkpoint.path().display().to_string()),
        };
        check_fixed(config, checkpoint, &whose)?;
    }
    // What comes from a store is put in the folder, and other processes look into it. Otherwise there is nothing of a run
    // before its programs are compiled, however early it ends.
    let from_store = matches!(resume, Resume::FromStore(_) | Resume::WithParameters(Parameters::Store(_)))
        || store.is_some();
    let at_once = from_store || group.is_some();
    let run = match folder {
        None if at_once => RunDirectory::create_named(Path::new("runs"), &config.name, SystemTime::now())?,
        None => RunDirectory::planned_named(Path::new("runs"), &config.name, SystemTime::now())?,
        Some(folder) if !RunDirectory::holds_run(folder) && at_once => RunDirectory::create(folder)?,
        Some(folder) if !RunDirectory::holds_run(folder) => RunDirectory::planned(folder)?,
        Some(folder) if *resume == Resume::Never => {
            return Err(run_directory::Error::Exists { path: folder.to_owned() }.into());
        }
        Some(folder) => RunDirectory::open(folder)?,
    };
    checkpoint::clear_leftovers(&run.checkpoints());
    let found = find(config, &run, named, resume, store.as_deref(), observer).and_then(|found| {
        let parameters = match &found.0 {
            Some(checkpoint) => {
                super::course::note_change(config, checkpoint, observer)?;
                None
            }
            None => parameters::open(config, &run, resume, observer)?,
        };
        Ok((found, parameters))
    });
    match found {
        Ok(((checkpoint, chosen), parameters)) => {
            let place = match resume {
                Resume::From(path) => path.display().to_string(),
                Resume::FromStore(address) => address.to_string(),
                Resume::Auto | Resume::Never | Resume::WithParameters(_) => String::new(),
            };
            Ok(Opened { run, checkpoint, chosen, store, parameters, place })
        }
        Err(error) => {
            run.abandon();
            Err(error)
        }
    }
}

/// Opens the run in a folder for reading, and finds where it would go on. Nothing is written, and no store is asked.
pub(super) fn open_for_reading(
    config: &Config,
    folder: &Path,
    resume: &Resume,
    observer: &mut dyn Observer,
) -> Result<Opened, Error> {
    let run = RunDirectory::read(folder)?;
    let checkpoint = match resume {
        Resume::Never => return Err(run_directory::Error::Exists { path: folder.to_owned() }.into()),
        Resume::From(path) => {
            let checkpoint = Checkpoint::open(path)?;
            if !is_own(&checkpoint, &run) {
                must_be_new(&run, None, path)?;
            }
            check_fixed(config, &checkpoint, &Whose::Run(folder))?;
            Some(checkpoint)
        }
        Resume::Auto | Resume::FromStore(_) | Resume::WithParameters(_) => {
            newest(config, &run, None, resume, observer)?
        }
    };
    let parameters = match checkpoint {
        Some(_) => None,
        None => parameters::open(config, &run, resume, observer)?,
    };
    Ok(Opened { run, checkpoint, chosen: false, store: None, parameters, place: String::new() })
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
            must_have_steps_left(config, &checkpoint, checkpoint.path())?;
            Ok((Some(checkpoint), false))
        }
        None if *resume == Resume::Never => {
            must_be_empty(store)?;
            Ok((None, false))
        }
        None => Ok((newest(config, run, store, resume, observer)?, false)),
    }
}

/// The newest good checkpoint of the run directory, or that of the store if it is newer.
fn newest(
    config: &Config,
    run: &RunDirectory,
    store: Option<&Store>,
    resume: &Resume,
    observer: &mut dyn Observer,
) -> Result<Option<Checkpoint>, Error> {
    let mut warn = |warning: &str| observer.event(Event::Note(format!("warning: {warning}")));
    let check = |checkpoint: &Checkpoint| {
        parameters::check_begun(run, checkpoint, resume)?;
        check_fixed(config, checkpoint, &Whose::Run(run.path()))
    };
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
    let check = |checkpoint: &Checkpoint| check_fixed(config, checkpoint, &Whose::Run(run.path()));
    let (of_run, step) = address.of_run();
    match (own.filter(|own| *own.address() == of_run), step) {
        (Some(_), None) => Ok((newest(config, run, own, &Resume::Auto, observer)?, false)),
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
            check_fixed(config, &checkpoint, &Whose::Another(address.to_string()))?;
            must_have_steps_left(config, &checkpoint, Path::new(&address.to_string()))?;
            Ok((Some(checkpoint), false))
        }
    }
}

/// A run that begins with the checkpoint of another has something to do.
fn must_have_steps_left(config: &Config, checkpoint: &Checkpoint, place: &Path) -> Result<(), Error> {
    let (completed, steps) = (checkpoint.manifest().step, config.training.steps);
    if completed < steps {
        return Ok(());
    }
    Err(Error::NothingLeft { checkpoint: place.to_owned(), completed, steps })
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
    is_in(checkpoint, run.path())
}

/// The same, of the folder of a run.
fn is_in(checkpoint: &Checkpoint, run: &Path) -> bool {
    let place = |path: &Path| fs::canonicalize(path).ok();
    let own = checkpoint::folder(&run.join(run_directory::CHECKPOINTS), checkpoint.manifest().step);
    place(checkpoint.path()).is_some_and(|path| Some(path) == place(&own))
}

/// The run that a checkpoint is gone on from for.
enum Whose<'a> {
    /// The run that it is one of.
    Run(&'a Path),
    /// Another; this is where the checkpoint lies.
    Another(String),
}

/// Checks that the checkpoint is one of a training, and that the settings that must stay the same are those it was saved with.
fn check_fixed(config: &Config, checkpoint: &Checkpoint, whose: &Whose<'_>) -> Result<(), Error> {
    if checkpoint.manifest().files.contains_key(IMPORT) {
        return Err(Error::Imported { checkpoint: checkpoint.path().to_owned() });
    }
    for ((key, saved), (_, given)) in saved_config(checkpoint)?.fixed().into_iter().zip(config.fixed()) {
        if saved != given {
            return Err(match whose {
                Whose::Run(run) => Error::Changed { key, given, saved, run: run.to_path_buf() },
                Whose::Another(place) => Error::ChangedSince { key, given, saved, place: place.clone() },
            });
        }
    }
    Ok(())
}

/// The configuration that a checkpoint was saved with.
pub(super) fn saved_config(checkpoint: &Checkpoint) -> Result<Config, Error> {
    let path = checkpoint.path().join(CONFIG);
    let text = inputs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
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
        let given = config.data.tokenizer.clone().or_else(|| tokenizer_of_shards(&config.data));
        let given = given.as_deref();
        // Before the first checkpoint, nothing depends on a tokenizer yet, but parameters that there are.
        let parameters = self.parameters.as_ref().map(|(checkpoint, _)| checkpoint);
        let Some(checkpoint) = self.checkpoint.as_ref().or(parameters) else {
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
        if self.checkpoint.is_some()
            && self.run.config().exists()
            && inputs::read(&of_run).ok() != Some(checkpoint.file(TOKENIZER)?)
        {
            observer.event(Event::Note(format!(
                "warning: {} is not the tokenizer of the run: written anew from {}",
                of_run.display(),
                path.display()
            )));
        }
        Ok(Some(saved))
    }

    /// Steps completed.
    pub(super) fn completed(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.manifest().step)
    }

    /// Whose parameters the run began with or begins with, if they are another's.
    pub(super) fn parameter_source(&self) -> Option<ParameterSource> {
        let of_checkpoint =
            self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.manifest().from.clone());
        of_checkpoint.or_else(|| self.parameters.as_ref().map(|(_, source)| source.clone()))
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
        let bytes = inputs::read(&path).map_err(|source| FileError::read(&path, source))?;
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
    let text = inputs::read_to_string(&path).map_err(|source| FileError::read(&path, source))?;
    Ok(Some((path.display().to_string(), text)))
}
