//! What a training would be: its size, memory, time and disk, of which a few steps are taken and nothing is kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use configuration::Config;
use runtime::{Memory, ProgramCache};
use serde::Serialize;
use sharding::DeviceKind;
use store::checkpoint::{self, Snapshot};
use store::lossy_path;
use store::run_directory::{self, RunDirectory};

use super::dispatch::{Dispatch, Dispatched, number};
use super::open::{open, open_for_reading};
use super::programs::TrainingPrograms;
use super::{Prepared, Resume, memory, prepare, settled, summary};
use crate::Error;
use crate::observer::{Event, Observer};

/// Steps are timed for this long, if there are enough.
const TIMED: Duration = Duration::from_secs(4);

/// Short steps are timed for longer, until there are so many of them: the most memory that steps take is not that of the first few, since
/// memory of one is given back while the next already has its own.
const STEADY: (usize, Duration) = (40, Duration::from_secs(20));

/// The fewest and the most steps that are timed, after one that is not.
const TIMED_STEPS: (usize, usize) = (3, 50);

/// What a training would be.
#[derive(Clone, Debug, Serialize)]
pub struct DryRun {
    /// The run's name.
    pub name: String,
    /// The run that it would go on with.
    #[serde(serialize_with = "lossy_path::serialize_optional")]
    pub run: Option<PathBuf>,
    /// Steps completed before.
    pub completed: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// All trained numbers of the model.
    pub parameters: u64,
    /// Dtypes, and how parameters are updated.
    pub precision: String,
    /// Tokens that the whole run is trained on.
    pub tokens: u64,
    /// Tokens of the text that is trained on.
    pub text_tokens: u64,
    /// Tokens that are held out.
    pub held_out_tokens: u64,
    /// How often the whole run goes through the text.
    pub epochs: f64,
    /// The plugin's platform.
    pub platform: String,
    /// Devices.
    pub devices: usize,
    /// Bytes that a step takes on each device, as the compiler counts them.
    pub memory_per_device: u64,
    /// Of these, parameters and the optimiser's state, with the batch.
    pub arguments_per_device: u64,
    /// The most memory that the process would have, if its devices are the computer's own.
    pub process_memory: Option<u64>,
    /// Bytes of memory that are free on this computer.
    pub free_memory: Option<u64>,
    /// From the call to the first step, here.
    pub startup_seconds: f64,
    /// Seconds of a step, timed here.
    pub seconds_per_step: f64,
    /// Tokens of a step by its time.
    pub tokens_per_second: f64,
    /// Steps that were timed.
    pub timed_steps: usize,
    /// Seconds of a validation, timed here.
    pub seconds_per_validation: Option<f64>,
    /// Hours of all steps that are left, with their validations.
    pub hours: f64,
    /// Bytes of a checkpoint.
    pub checkpoint_bytes: u64,
    /// Most checkpoints that are on the disk at a time, the one that is being written among them.
    pub checkpoints: u64,
    /// Bytes that they take.
    pub disk_bytes: u64,
    /// Whether programs were compiled and kept for the training, which will load them: compiling takes more memory than the training
    /// then will, and more time at its start.
    #[serde(skip)]
    pub compiled: bool,
}

/// Says what a training would be, for which its programs are compiled, and a few steps are taken where it would take them. Of the
/// run, nothing is written; tokens of the text and compiled programs go to the user's cache.
///
/// # Errors
/// Those of [`super::train`].
pub fn dry_run(
    config: Config,
    folder: Option<&Path>,
    resume: &Resume,
    observer: &mut dyn Observer,
) -> Result<DryRun, Error> {
    let start = Instant::now();
    let config = settled(config)?;
    let run = folder.filter(|folder| RunDirectory::holds_run(folder));
    let nowhere = std::env::temp_dir().join(format!("gopher-dry-run-{}", std::process::id()));
    let opened = match run {
        Some(run) => open_for_reading(&config, run, resume, observer)?,
        None => open(&config, Some(&nowhere), resume, None, None, observer)?,
    };
    let programs = ProgramCache::of_user();
    let kept = programs.is_some();
    let measured = prepare(&config, &opened, None, programs, observer).and_then(|prepared| {
        let measured = measure(&prepared.config, &opened, &prepared, start, observer)?;
        Ok(DryRun {
            compiled: measured.compiled && kept && prepared.runtime.device_count() == 1,
            ..describe(&config, run, opened.completed(), &prepared, &measured)
        })
    });
    opened.run.abandon();
    measured
}

/// What was measured.
struct Measured {
    memory: Memory,
    startup: f64,
    seconds_per_step: f64,
    timed_steps: usize,
    seconds_per_validation: Option<f64>,
    /// The most memory that the process would have had.
    process: Option<u64>,
    compiled: bool,
}

fn measure(
    config: &Config,
    opened: &super::Opened,
    prepared: &Prepared,
    start: Instant,
    observer: &mut dyn Observer,
) -> Result<Measured, Error> {
    // As for training, so that memory is what it would be.
    let mut programs = super::compile(opened, prepared, observer)?;
    let startup = start.elapsed().as_secs_f64();
    observer.event(Event::Note("timing a few steps".to_owned()));
    let completed = opened.completed();
    let seconds = take_steps(config, completed, prepared, &mut programs, are_timed)?;
    let (seconds_per_step, timed_steps) = (seconds.iter().sum::<f64>() / seconds.len() as f64, seconds.len());
    let mut seconds_per_validation = None;
    if let Some((validation, program)) = &programs.validation {
        let start = Instant::now();
        validation.loss(program, &programs.state, || ())?;
        seconds_per_validation = Some(start.elapsed().as_secs_f64());
        // Steps that follow it take more of the computer's memory, for what it took is not all given back.
        if config.device.kind == DeviceKind::Cpu {
            take_steps(config, completed, prepared, &mut programs, are_steady)?;
        }
    }
    let memory = programs.step.memory()?;
    let process = peak_with_copy(config, &programs)?;
    let compiled = !programs.step.was_loaded();
    Ok(Measured { memory, startup, seconds_per_step, timed_steps, seconds_per_validation, process, compiled })
}

/// The most memory that the process would have had, in bytes, with a checkpoint being written: then there is a copy of the state.
/// It is made here as it is there, for it may fit into memory that compiling has left; where it may not fit at all, its size is
/// added. `None` where devices have memory of their own.
fn peak_with_copy(config: &Config, programs: &TrainingPrograms) -> Result<Option<u64>, Error> {
    if config.device.kind != DeviceKind::Cpu {
        return Ok(None);
    }
    let copy = memory::state_bytes(config);
    if memory::free().is_some_and(|free| free / 2 < copy) {
        return Ok(summary::peak_memory().map(|most| most + copy));
    }
    let snapshot = programs.state.snapshot_in(Snapshot::default())?;
    let most = summary::peak_memory();
    drop(snapshot);
    Ok(most)
}

/// Takes steps as training does, with one under way while the one before is read, until `is_enough` says so of the seconds of those
/// after the first; these.
pub(super) fn take_steps(
    config: &Config,
    completed: u64,
    prepared: &Prepared,
    programs: &mut TrainingPrograms,
    is_enough: impl Fn(&[f64]) -> bool,
) -> Result<Vec<f64>, Error> {
    let skipped = Default::default();
    let mut dispatch = |step| {
        let sequences = &prepared.sequences;
        Dispatch { config, sequences, skipped: &skipped, step, loss_limit: f64::INFINITY, apply: None }
            .start(programs, || ())
    };
    let read = |Dispatched { loss, grad_norm, applied, .. }: Dispatched| -> Result<(), Error> {
        number(loss)?;
        number(grad_norm)?;
        number(applied).map(drop)
    };
    let mut under_way = dispatch(completed + 1)?;
    let mut step = completed + 2;
    let mut seconds = Vec::new();
    let mut last: Option<Instant> = None;
    while !is_enough(&seconds) {
        let next = dispatch(step)?;
        read(std::mem::replace(&mut under_way, next))?;
        let now = Instant::now();
        seconds.extend(last.map(|last| now.duration_since(last).as_secs_f64()));
        last = Some(now);
        step += 1;
    }
    read(under_way)?;
    Ok(seconds)
}

/// Whether so many steps have been timed, in seconds of each, that their mean is that of a training's.
fn are_timed(seconds: &[f64]) -> bool {
    let (fewest, most) = TIMED_STEPS;
    let (steady, longest) = STEADY;
    let (count, total) = (seconds.len(), Duration::from_secs_f64(seconds.iter().sum()));
    let enough = total >= TIMED && (count >= steady || total >= longest);
    count >= most || count >= fewest && enough
}

/// Whether steps after a validation have taken the memory that they take between two of them.
fn are_steady(seconds: &[f64]) -> bool {
    let total = Duration::from_secs_f64(seconds.iter().sum());
    seconds.len() >= TIMED_STEPS.0 && (seconds.len() >= STEADY.0 / 2 || total >= TIMED)
}

fn describe(
    config: &Config,
    run: Option<&Path>,
    completed: u64,
    prepared: &Prepared,
    measured: &Measured,
) -> DryRun {
    let (training, batches) = (&config.training, config.batches());
    let steps = training.steps;
    let corpus = &prepared.text.corpus;
    let text_tokens = corpus.training().len() as u64;
    let of_timed = batches.tokens(completed + 1) - batches.tokens(completed);
    let tokens_per_second = of_timed as f64 / measured.seconds_per_step;
    let left = batches.tokens(steps).saturating_sub(batches.tokens(completed));
    let until = |step: u64, every: u64| step.checked_div(every).unwrap_or(0);
    let due = |every: u64| until(steps - 1, every) - until(completed.min(steps - 1), every);
    // One more after the last step.
    let validations = if completed < steps { due(training.validation_every) + 1 } else { 0 };
    let validation_seconds = measured.seconds_per_validation.unwrap_or(0.0) * validations as f64;
    let settings = &config.checkpoint;
    let seconds = left as f64 / tokens_per_second + validation_seconds;
    // Those that are due, the last, those of the clock, and those of the best validations.
    let by_clock = match training.checkpoint_minutes {
        minutes if minutes > 0.0 => (seconds / 60.0 / minutes) as u64,
        _ => 0,
    };
    let of_best = if settings.keep_best { validations } else { 0 };
    let saves = if completed < steps { due(training.checkpoint_every) + 1 + by_clock + of_best } else { 0 };
    let checkpoint_folder = run.map(|run| run.join(run_directory::CHECKPOINTS));
    // Those of a run that goes on are there already.
    let there =
        checkpoint_folder.and_then(|folder| checkpoint::steps(&folder).ok()).map_or(0, |steps| steps.len());
    let there = there as u64;
    let kept = match settings.keep_last {
        0 => there + saves,
        last => last + until(steps, settings.keep_every),
    };
    let checkpoint_bytes = memory::state_bytes(config);
    let checkpoints = (there + saves).min(kept + u64::from(settings.keep_best) + 1).max(there);
    DryRun {
        name: config.name.clone(),
        run: run.map(Path::to_owned),
        completed,
        steps,
        parameters: config.model.total_parameters(),
        precision: config.regime().name().to_owned(),
        tokens: batches.tokens(steps),
        text_tokens,
        held_out_tokens: corpus.validation().len() as u64,
        epochs: batches.tokens(steps) as f64 / text_tokens.max(1) as f64,
        platform: prepared.runtime.platform().to_owned(),
        devices: prepared.runtime.device_count(),
        memory_per_device: measured.memory.total(),
        arguments_per_device: measured.memory.arguments,
        process_memory: measured.process,
        free_memory: memory::free().filter(|_| config.device.kind == DeviceKind::Cpu),
        startup_seconds: measured.startup,
        seconds_per_step: measured.seconds_per_step,
        tokens_per_second,
        timed_steps: measured.timed_steps,
        seconds_per_validation: measured.seconds_per_validation,
        hours: seconds / 3600.0,
        checkpoint_bytes,
        checkpoints,
        disk_bytes: checkpoints * checkpoint_bytes,
        compiled: false,
    }
}
