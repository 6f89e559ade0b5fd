//! Training from a configuration to a trained model, and going on where a run left off.

mod best;
mod course;
mod dispatch;
mod dry_run;
mod efficiency;
mod incident_policy;
mod length;
mod memory;
mod mirror;
mod multi_host;
mod open;
mod parameters;
mod plan;
mod programs;
mod replay;
mod report;
mod saving;
mod steps;
mod summary;
mod timing;
mod validation;
mod watchdog;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use configuration::Config;
use data::Sequences;
use graph::DType;
use hosts::Group;
use runtime::{Program, ProgramCache, Runtime, RuntimeOptions};
use sha2::{Digest, Sha256};
use sharding::DeviceKind;
use sharding::machine::Topology;
use sharding::plan::Plan;
use store::checkpoint::{Checkpoint, History};
use store::files::write_atomically;
use store::process_log::{ProcessLog, ProcessStart};
use store::remote::{Address, Store};
use store::rewinds::Rewinds;
use store::run_directory::RunDirectory;

use crate::Error;
use crate::events::Log;
use crate::observer::{Event, Observer};
use crate::text::{self, Text};
pub use dry_run::{DryRun, dry_run};
use efficiency::{Efficiency, Work, peak_flops};
pub(crate) use memory::gibibytes;
use mirror::Mirror;
use multi_host::OtherProcesses;
pub use multi_host::train_multi_host;
pub use open::kept_config;
use open::{Opened, open};
pub use parameters::Parameters;
use programs::{CheckProgram, FirstState, TrainingPrograms};
pub use replay::{Compared, Numbers, Replay, Verdict, replay};
use report::Report;
use saving::Identity;
use steps::{Beginning, RunOutcome, Steps};
pub use summary::Summary;
pub use timing::{StepTimes, time_steps};
use validation::Validation;

/// The point from which a run goes on, where its folder may hold one already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// At the newest good checkpoint, if the folder holds a run.
    #[default]
    Auto,
    /// At the first step: a folder that holds a run is refused.
    Never,
    /// At a checkpoint, of this run or of another.
    From(PathBuf),
    /// At a checkpoint in an object store, of this run or of another; the newest good one, if the address is a run's.
    FromStore(Address),
    /// At the first step, with the parameters of another run; at the newest good checkpoint, if the folder holds a run that
    /// began so.
    WithParameters(Parameters),
}

/// Trains a model in the run directory `folder`, or a new one under `runs`. A folder that holds a run is continued from
/// its newest good checkpoint, or as `resume` says: the losses go on as if there had been no break, on the same machine or
/// another.
///
/// # Errors
/// [`Error`], whose variants are the ways a run can fail to begin or go on. Checkpoints saved before stay; a folder
/// made for a run that could not begin is removed.
pub fn train(
    config: Config,
    folder: Option<&Path>,
    resume: &Resume,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    train_from(settled(config)?, folder, resume, None, observer)
}

/// [`train`] with a settled configuration, alone or as one of a group.
fn train_from(
    config: Config,
    folder: Option<&Path>,
    resume: &Resume,
    group: Option<&Group>,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    let start = Instant::now();
    let first = group.is_none_or(Group::is_first);
    let store = if first { mirror::open_store(&config)? } else { None };
    let opened = open(&config, folder, resume, store, group, observer)?;
    multi_host::tell_opened(group, &opened)?;
    let prepared = prepare(&config, &opened, group, ProgramCache::of_user(), observer);
    let compiled = prepared.and_then(|prepared| {
        if opened.completed() >= config.training.steps {
            return Ok((prepared, None));
        }
        let programs = compile(&opened, &prepared, observer)?;
        Ok((prepared, Some(programs)))
    });
    match compiled {
        Ok((prepared, Some(programs))) => train_compiled(opened, prepared, programs, group, start, observer),
        Ok((prepared, None)) => finished(&config, opened, &prepared, first, start, observer),
        Err(error) => {
            opened.run.abandon();
            Err(error)
        }
    }
}

/// The configuration with nothing left open: precision decided, paths absolute.
fn settled(mut config: Config) -> Result<Config, Error> {
    config.training.precision = config.regime().into();
    let data = &mut config.data;
    let sources = data.mixture.iter_mut().flat_map(|source| &mut source.paths);
    let others = data.tokenizer.iter_mut().chain(&mut config.device.plugin);
    for path in data.paths.iter_mut().chain(sources).chain(others) {
        *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
    }
    config.check()?;
    config.check_paths()?;
    Ok(config)
}

/// A run with its text read and its devices found.
struct Prepared {
    /// The configuration, whose model knows how many ids stand for a token.
    config: Config,
    runtime: Runtime,
    /// How each step is split over the devices; `None` for one device.
    plan: Option<Plan>,
    text: Text,
    digest: String,
    sequences: Sequences,
    validation: Option<Validation>,
}

/// Prepares a run: first what is quick to fail, then the text. Nothing is written.
fn prepare(
    config: &Config,
    opened: &Opened,
    group: Option<&Group>,
    programs: Option<ProgramCache>,
    observer: &mut dyn Observer,
) -> Result<Prepared, Error> {
    let Opened { run, checkpoint, .. } = opened;
    let topology = config.topology()?;
    let plan = topology.as_ref().map(|topology| plan::choose(config, topology, run, observer)).transpose()?;
    multi_host::agree_plan(group, plan.as_ref(), checkpoint.as_ref())?;
    if let Some(checkpoint) = checkpoint.as_ref().filter(|checkpoint| open::is_own(checkpoint, run)) {
        // They decide which data is left out: a run cannot go on without.
        Rewinds::read(run.rewinds(), checkpoint.manifest().history.rewinds)?;
    }
    memory::check(config, plan.as_ref())?;
    let begins = checkpoint.is_none() && config.device.kind == DeviceKind::Cpu;
    if begins && config.regime().dtypes().activations == DType::BF16 {
        let precision = config.regime().name();
        observer.event(Event::Note(format!(
            "training.precision = \"{precision}\": a CPU is faster with --set training.precision=f32"
        )));
    }
    text::check(&config.data)?;
    let tokenizer = opened.tokenizer(config, observer)?;
    let runtime = start_runtime(config, topology.as_ref(), group, programs, observer)?;
    let (vocabulary_size, length) = (config.model.sizes().vocabulary_size, config.training.sequence_length);
    let text = Text::prepare(&config.data, vocabulary_size, tokenizer, length, observer)?;

    let config = &with_tokens(config, text.tokenizer.vocabulary_size(), observer);
    let training = &config.training;
    let sequences = text.sequences(training.sequence_length, training.seed.into())?;
    let validation = Validation::new(config, plan.as_ref(), text.corpus.validation())?;

    let digest = digest(config, &text);
    multi_host::agree_text(group, &digest, &runtime)?;
    if let Some(checkpoint) = checkpoint
        && checkpoint.manifest().config_digest != digest
    {
        let tokens = text.corpus.training().len() as u64;
        return Err(match open::is_own(checkpoint, run) {
            true => Error::OtherText { run: run.path().to_owned(), tokens },
            false => Error::OtherTextSince { place: opened.place.clone(), tokens },
        });
    }
    Ok(Prepared { config: config.clone(), runtime, plan, text, digest, sequences, validation })
}

/// The configuration with ids that stand for no token masked, where the tokenizer has fewer pieces than the vocabulary.
fn with_tokens(config: &Config, tokens: usize, observer: &mut dyn Observer) -> Config {
    let vocabulary_size = config.model.sizes().vocabulary_size;
    if tokens < vocabulary_size {
        observer.event(Event::Note(format!(
            "the tokenizer has {tokens} pieces: the other {} ids of the model's vocabulary stand for no token",
            vocabulary_size - tokens
        )));
    }
    Config { model: config.model.with_tokens(tokens), ..config.clone() }
}

/// The devices: one, or all of a machine.
fn start_runtime(
    config: &Config,
    topology: Option<&Topology>,
    group: Option<&Group>,
    programs: Option<ProgramCache>,
    observer: &mut dyn Observer,
) -> Result<Runtime, Error> {
    let options = RuntimeOptions {
        plugin: config.device.plugin.clone(),
        virtual_devices: topology.map(Topology::devices),
        processes: group.map(Group::processes),
        nondeterministic: !config.device.deterministic,
        xla_flags: &[],
        programs,
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

/// Digest of what must stay the same for a run to go on as if there had been no break.
fn digest(config: &Config, text: &Text) -> String {
    let mut hash = Sha256::new();
    for (key, value) in config.fixed() {
        // Runs from before these keys had other values have digests without them.
        let as_ever =
            [("model.kind", "\"gopher\""), ("data.dialogues", "false"), ("data.bad_records", "error")];
        if !as_ever.contains(&(key.as_str(), value.as_str())) {
            hash.update(format!("{key} = {value}\n"));
        }
    }
    hash.update(text.digest());
    format!("{:x}", hash.finalize())
}

/// Compiles the programs, and makes or loads the state; where an estimate leaves it open whether that fits this computer's memory,
/// once the compiled step says that it does.
fn compile(
    opened: &Opened,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<TrainingPrograms, Error> {
    let Prepared { config, runtime, plan, text, validation, .. } = prepared;
    observer.event(Event::Note(format!(
        "{} parameters; {} tokens to train on, {} held out; compiling for {}",
        config.model.total_parameters(),
        text.corpus.training_statistics().tokens,
        text.corpus.validation().len(),
        runtime.platform(),
    )));
    if let Some(text) = length::of_warm_up(config).filter(|_| opened.completed() == 0) {
        observer.event(Event::Note(text));
    }
    if let Some(text) = length::note(config, text.corpus.training().len() as u64) {
        observer.event(Event::Note(text));
    }
    let first_state = match (&opened.checkpoint, &opened.parameters) {
        (Some(checkpoint), _) => FirstState::Checkpoint(checkpoint),
        (None, Some((parameters, source))) => {
            observer.event(Event::Note(format!("beginning with the parameters of {}", source.place)));
            FirstState::Parameters(parameters)
        }
        (None, None) => FirstState::Seed,
    };
    let batch = config.batches().batch(opened.completed());
    let devices = runtime.device_count();
    let exactly = |step: &Program| memory::check_compiled(config, step, devices);
    let close = memory::is_close(config, plan.as_ref());
    let check: Option<&CheckProgram<'_>> = if close { Some(&exactly) } else { None };
    TrainingPrograms::compile(config, plan.as_ref(), runtime, batch, validation.clone(), first_state, check)
}

/// The summary of a run that has no step left to take: nothing of it is changed, but that it may have gone back to an earlier
/// checkpoint.
fn finished(
    config: &Config,
    opened: Opened,
    prepared: &Prepared,
    first: bool,
    start: Instant,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    if first {
        opened.set_aside(observer)?;
    }
    let completed = opened.completed();
    let Opened { run, checkpoint, store, .. } = opened;
    let (known, own) = own_checkpoint(checkpoint.as_ref(), &run);
    if let Some(mut mirror) = mirror(config, store, &run, own.as_deref(), observer)? {
        mirror.finish(&Log::open(run.events())?, observer)?;
    }
    // Gone back to this step: what came after it is none of the run any more.
    monitor::metrics::Writer::open(run.metrics(), completed, known)?;
    let kept = kept_config(run.path())?.map(|(_, text)| text);
    let changed =
        if kept.is_some_and(|kept| kept != config.to_toml()) { "; config.toml stays as it is" } else { "" };
    observer.event(Event::Note(format!("all {completed} steps are done{changed}; --steps N makes it more")));
    summary::summarize(config, &run, &prepared.text, RunOutcome::default(), start, None)
}

/// Of the checkpoint that a run goes on from, if it is its own: the bytes of metrics that it knows, and its folder.
fn own_checkpoint(checkpoint: Option<&Checkpoint>, run: &RunDirectory) -> (u64, Option<PathBuf>) {
    let own = checkpoint.filter(|checkpoint| open::is_own(checkpoint, run));
    let known = own.map_or(0, |checkpoint| checkpoint.manifest().metrics_bytes());
    (known, own.map(|checkpoint| checkpoint.path().to_owned()))
}

/// Writes what a run has before its first step, and takes the steps.
fn train_compiled(
    opened: Opened,
    prepared: Prepared,
    programs: TrainingPrograms,
    group: Option<&Group>,
    start: Instant,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    let (completed, from) = (opened.completed(), opened.parameter_source());
    if group.is_none_or(Group::is_first) {
        opened.set_aside(observer)?;
    }
    let Opened { run, checkpoint, store, .. } = opened;
    let run = run.make()?;
    if let Some(error) = run.without_lock() {
        observer.event(Event::Note(format!(
            "warning: {}: its file system gives no lock ({error}): see to it that no other process trains in it",
            run.path().display()
        )));
    }
    let Prepared { config, runtime, plan, text, digest, sequences, .. } = prepared;
    let config = &config;
    let (known, own) = own_checkpoint(checkpoint.as_ref(), &run);
    let written = || -> Result<_, Error> {
        let mirror = mirror(config, store, &run, own.as_deref(), observer)?;
        // In this order: a folder with a configuration is a run, and a run has a tokenizer and knows what it began with.
        write_atomically(&run.tokenizer(), text.tokenizer.to_bytes())?;
        if let Some(source) = &from {
            write_atomically(&run.parameter_source(), source.to_text().as_bytes())?;
        }
        write_atomically(&run.config(), config.to_toml().as_bytes())?;
        let plan = summary::plan(config, plan.as_ref(), &runtime, &programs)?;
        write_atomically(&run.plan(), plan.as_bytes())?;
        Ok((mirror, record_start(&run, start, completed)?))
    };
    let (mirror, first) = match written() {
        Ok(written) => written,
        Err(error) => {
            run.abandon();
            return Err(error);
        }
    };
    run.begin();
    let run = &run;
    let skipped = checkpoint.as_ref().map(|checkpoint| checkpoint.manifest().data.skipped.clone());
    // A run that begins with the checkpoint of another has its own steps as its history.
    let history = match (&own, &checkpoint) {
        (Some(_), Some(checkpoint)) => checkpoint.manifest().history.clone(),
        _ => History::default(),
    };
    let identity = Identity::new(run, digest, &runtime, group.map(Group::peers), from)?;
    let efficiency = Efficiency::new(first, start, work(config, &runtime)?);
    if own.is_none() {
        if let Some(last) = monitor::metrics::read(&run.metrics()).ok().as_deref().and_then(<[_]>::last) {
            let last = last.step;
            let steps = if last == 1 { "the step".to_owned() } else { format!("the {last} steps") };
            observer.event(Event::Note(format!(
                "no checkpoint in {}: it begins anew, and {steps} that it records are taken again",
                run.path().display()
            )));
        }
        // What an earlier attempt to begin has left is none of this run.
        monitor::metrics::Writer::open(run.metrics(), 0, 0)?;
        Rewinds::begin(run.rewinds())?;
    }
    let report = Report::open(
        config,
        run,
        text.corpus.training_statistics().unigram_entropy,
        efficiency,
        completed,
        known,
    )?;
    let others = OtherProcesses::new(group);
    // A checkpoint of another run is none of this. Of several processes, all come to the same answer, or one saved by
    // itself.
    let checkpoint = own;
    let beginning = Beginning {
        programs,
        sequences,
        identity,
        report,
        others,
        completed,
        checkpoint,
        mirror,
        skipped,
        history,
    };
    let mut steps = Steps::new(config, run, &runtime, beginning, observer)?;
    observer.event(Event::Begin { run: run.path(), completed, steps: config.training.steps });
    let outcome = steps.run(observer);
    observer.event(Event::End);
    // The charts show what there is, however the run ended.
    let charts = steps.report().finish();
    let outcome = outcome?;
    if let Err(error) = charts {
        // All that was asked for is there without them.
        observer.event(Event::Note(format!("warning: the charts are not those of all steps: {error}")));
    }
    summary::summarize(config, run, &text, outcome, start, Some(steps.report().efficiency()))
}

/// The copies of the checkpoints in the run's store; the one that the run goes on from is uploaded if it is not there.
fn mirror(
    config: &Config,
    store: Option<Arc<Store>>,
    run: &RunDirectory,
    checkpoint: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Option<Mirror>, Error> {
    let Some(store) = store else { return Ok(None) };
    let mut mirror = Mirror::new(store, config)?;
    if let Some(checkpoint) = checkpoint {
        mirror.offer(checkpoint, run, observer)?;
    }
    Ok(Some(mirror))
}

/// Adds this process to those that worked on the run, and says when the first was started, if that is known.
fn record_start(run: &RunDirectory, start: Instant, completed: u64) -> Result<Option<f64>, Error> {
    let now = SystemTime::now();
    let started = now.checked_sub(start.elapsed()).unwrap_or(now);
    Ok(ProcessLog::add(&run.process_log(), &ProcessStart::of_this_process(started, completed))?.first())
}

/// The two sides of MFU, if the device's peak is known.
fn work(config: &Config, runtime: &Runtime) -> Result<Option<Work>, Error> {
    let dtype = config.regime().dtypes().activations;
    let peak = peak_flops(runtime, config.topology()?.as_ref(), dtype);
    let flops_per_token = config.model.flops_per_token(config.training.sequence_length);
    Ok(peak.map(|peak| Work { flops_per_token, peak }))
}
