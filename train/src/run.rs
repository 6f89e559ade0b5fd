//! Training from a configuration to a trained model, and going on where a run left off.

mod judge;
mod launch;
mod parts;
mod plan;
mod replay;
mod rewinds;
mod steps;
mod summary;
mod validation;
mod watchdog;

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use data::{Order, Sequences, Tokenizer};
use sha2::{Digest, Sha256};
use sharding::machine::Topology;
use sharding::plan::Plan;
use sharding::{Progress, Runtime, RuntimeOptions};

use crate::Error;
use crate::checkpoint::{self, Checkpoint};
use crate::config::{Config, Draft};
use crate::metrics::Record;
use crate::run_directory::{RunDirectory, write_atomically};
use crate::text::{Text, load_tokenizer};
use parts::Parts;
pub use replay::{Compared, Numbers, Replay, Verdict, replay};
use steps::{Beginning, Outcome, Steps};
pub use summary::Summary;
use validation::Validation;
pub use watchdog::Hang;

/// Is told what happens, and says when to stop.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: Event<'_>);

    /// Whether to stop: asked between steps. The steps under way are finished and saved.
    fn should_stop(&self) -> bool {
        false
    }

    /// What is called, from another thread, when no step ends. If [`Hang::abort`] is set, it is to end the program.
    fn alarm(&self) -> Box<dyn Fn(&Hang) + Send> {
        Box::new(|_| {})
    }
}

/// What happens during a training, in this order.
#[derive(Debug)]
pub enum Event<'a> {
    /// A wheel is being fetched.
    Fetch(Progress),
    /// One line about what is being done or was noticed.
    Note(String),
    /// Everything is ready, and the first step is about to start. From here on, [`Observer::should_stop`] is asked.
    Begin {
        /// The run directory.
        run: &'a Path,
        /// Steps completed before.
        completed: u64,
        /// Steps of the whole run.
        steps: u64,
    },
    /// A step is done.
    Step {
        /// What is known of it.
        record: &'a Record,
        /// Steps of the whole run.
        steps: u64,
    },
    /// A checkpoint was saved.
    Saved {
        /// Its folder.
        checkpoint: &'a Path,
    },
}

/// Trains a model in the run directory `folder`, or a new one under `runs`. A folder that holds a run is continued from
/// its newest checkpoint: the losses go on as if there had been no break, on the same machine or another.
///
/// # Errors
/// Whatever keeps it from beginning or going on. Checkpoints saved before stay; a folder made for a run that could not
/// begin is removed.
pub fn train(config: Config, folder: Option<&Path>, observer: &mut dyn Observer) -> Result<Summary, Error> {
    let start = Instant::now();
    let config = settled(config)?;
    let (run, previous) = open(&config, folder, observer)?;
    let prepared = prepare(&config, &run, previous, observer).and_then(|prepared| {
        // In this order: a folder with a configuration is a run, and a run has a tokenizer.
        write_atomically(&run.tokenizer(), prepared.text.tokenizer.to_bytes())?;
        write_atomically(&run.config(), config.to_toml().as_bytes())?;
        Ok(prepared)
    });
    match prepared {
        Ok(prepared) => train_prepared(&config, &run, prepared, start, observer),
        Err(error) => {
            run.abandon();
            Err(error)
        }
    }
}

/// The configuration with nothing left open: precision decided, paths absolute.
fn settled(mut config: Config) -> Result<Config, Error> {
    config.training.precision = config.regime().into();
    let data = &mut config.data;
    for path in data.paths.iter_mut().chain(&mut data.tokenizer).chain(&mut config.device.plugin) {
        *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
    }
    config.check()?;
    Ok(config)
}

/// What an earlier process left of the run.
struct Previous {
    tokenizer: PathBuf,
    checkpoint: Option<PathBuf>,
}

/// Creates a run directory, or opens one and checks that the run can go on with this configuration.
fn open(
    config: &Config,
    folder: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(RunDirectory, Option<Previous>), Error> {
    let Some(folder) = folder else {
        return Ok((RunDirectory::create_named("runs".as_ref(), &config.name, SystemTime::now())?, None));
    };
    if RunDirectory::read(folder).is_err() {
        return Ok((RunDirectory::create(folder)?, None));
    }
    let run = RunDirectory::open(folder)?;
    let mut warn = |warning: &str| observer.event(Event::Note(format!("warning: {warning}")));
    let checkpoint = checkpoint::latest(&run.checkpoints(), &mut warn)?;
    if checkpoint.is_some() {
        let mut saved = Draft::quick_start()?;
        saved.apply_file(&run.config())?;
        for ((key, saved), (_, given)) in saved.finish()?.fixed().into_iter().zip(config.fixed()) {
            if saved != given {
                return Err(Error::Changed { key, given, saved, run: folder.to_owned() });
            }
        }
    }
    let previous = Previous { tokenizer: run.tokenizer(), checkpoint };
    Ok((run, Some(previous)))
}

/// A run that has its text and its device.
struct Prepared {
    runtime: Runtime,
    /// How each step is split over the devices; `None` for one device.
    plan: Option<Plan>,
    text: Text,
    digest: String,
    checkpoint: Option<Checkpoint>,
    sequences: Sequences,
    validation: Option<Validation>,
}

/// Everything that is quick to fail, then the text. Nothing is written.
fn prepare(
    config: &Config,
    run: &RunDirectory,
    previous: Option<Previous>,
    observer: &mut dyn Observer,
) -> Result<Prepared, Error> {
    let topology = config.topology()?;
    let plan = topology.as_ref().map(|topology| plan::choose(config, topology, run, observer)).transpose()?;
    let runtime = start_runtime(config, topology.as_ref(), observer)?;
    let tokenizer = tokenizer(config, previous.as_ref())?;
    let text = Text::prepare(&config.data, config.model.vocabulary_size, tokenizer, observer)?;

    let training = &config.training;
    let order = Order::Shuffled { seed: training.seed.into() };
    let sequences = Sequences::new(text.corpus.training(), training.sequence_length, order)?;
    let validation = Validation::new(config, plan.as_ref(), text.corpus.validation())?;

    let digest = digest(config, &text);
    let checkpoint = previous.and_then(|previous| previous.checkpoint);
    let checkpoint = checkpoint.map(|folder| Checkpoint::open(&folder)).transpose()?;
    if let Some(checkpoint) = &checkpoint
        && checkpoint.manifest().config_digest != digest
    {
        let tokens = text.corpus.training().len() as u64;
        return Err(Error::OtherText { run: run.path().to_owned(), tokens });
    }
    Ok(Prepared { runtime, plan, text, digest, checkpoint, sequences, validation })
}

/// The devices: one, or all of a machine.
fn start_runtime(
    config: &Config,
    topology: Option<&Topology>,
    observer: &mut dyn Observer,
) -> Result<Runtime, Error> {
    let options = RuntimeOptions {
        plugin: config.device.plugin.clone(),
        virtual_devices: topology.map(Topology::devices),
    };
    let runtime = Runtime::start(config.device.kind, &options, &mut |progress| {
        observer.event(Event::Fetch(progress));
    })?;
    match topology {
        Some(topology) if topology.devices() != runtime.device_count() => Err(Error::OtherMachine {
            topology: topology.to_string(),
            devices: topology.devices(),
            platform: runtime.platform().to_owned(),
            available: runtime.device_count(),
        }),
        _ => Ok(runtime),
    }
}

/// The tokenizer of the run, or the one the configuration names; `None` if one is to be trained.
fn tokenizer(config: &Config, previous: Option<&Previous>) -> Result<Option<Tokenizer>, Error> {
    let pieces = config.model.vocabulary_size;
    let load = |path: &Path, checkpoint| load_tokenizer(path, pieces, checkpoint);
    let given = config.data.tokenizer.as_deref();
    // Before the first checkpoint, nothing depends on a tokenizer yet.
    let Some(Previous { tokenizer: path, checkpoint: Some(checkpoint) }) = previous else {
        return given.map(|path| load(path, None)).transpose();
    };
    if !path.exists() {
        return Err(Error::NoTokenizer { path: path.clone() });
    }
    let saved = load(path, Some(checkpoint))?;
    if let Some(given) = given
        && load(given, Some(checkpoint))?.fingerprint() != saved.fingerprint()
    {
        return Err(Error::OtherTokenizer { given: given.to_owned(), saved: path.clone() });
    }
    Ok(Some(saved))
}

/// Digest of what must stay the same for a run to go on as if there had been no break.
fn digest(config: &Config, text: &Text) -> String {
    let mut hash = Sha256::new();
    for (key, value) in config.fixed() {
        hash.update(format!("{key} = {value}\n"));
    }
    hash.update(text.digest());
    format!("{:x}", hash.finalize())
}

/// Compiles the programs, makes or loads the state, and takes the steps.
fn train_prepared(
    config: &Config,
    run: &RunDirectory,
    prepared: Prepared,
    start: Instant,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    let Prepared { runtime, plan, text, digest, mut checkpoint, sequences, validation } = prepared;
    let completed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.manifest().step);
    if completed >= config.training.steps {
        observer.event(Event::Note(format!("all {completed} steps are done; --steps N makes it more")));
        return summary::summarize(config, run, &text, Outcome::default(), start);
    }
    let statistics = text.corpus.training_statistics();
    observer.event(Event::Note(format!(
        "{} parameters; {} tokens to train on, {} held out; compiling for {}",
        config.model.total_parameters(),
        statistics.tokens,
        text.corpus.validation().len(),
        runtime.platform(),
    )));
    let batch = config.batches().batch(completed);
    let parts = Parts::compile(config, plan.as_ref(), &runtime, batch, validation, checkpoint.as_mut())?;
    write_atomically(&run.plan(), summary::plan(config, plan.as_ref(), &runtime, &parts)?.as_bytes())?;
    let skipped = checkpoint.as_ref().map(|checkpoint| checkpoint.manifest().skipped.clone());
    let checkpoint = checkpoint.map(|_| checkpoint::folder(&run.checkpoints(), completed));
    let beginning = Beginning { parts, sequences, digest, completed, checkpoint, skipped };
    let mut steps = Steps::new(config, run, &runtime, beginning, observer)?;
    observer.event(Event::Begin { run: run.path(), completed, steps: config.training.steps });
    let outcome = steps.run(observer);
    // The chart shows what there is, however the run ended.
    let chart = summary::write_chart(config, run, statistics.unigram_entropy);
    let outcome = outcome?;
    chart?;
    summary::summarize(config, run, &text, outcome, start)
}
