//! Steps of a run taken again, twice, and compared with what it recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use configuration::{Config, Draft};
use monitor::metrics::{self, Record};
use runtime::Runtime;
use serde::Serialize;
use sharding::plan::Plan;
use store::checkpoint::StateDigest;
use store::checkpoint::{self, Checkpoint};
use store::rewinds::Rewinds;
use store::run_directory::RunDirectory;
use store::run_directory::level::run_of_part;

use super::dispatch::{Dispatch, number};
use super::incident_policy::IncidentPolicy;
use super::open::{Opened, saved_config};
use super::programs::{FirstState, TrainingPrograms, first_state};
use super::{Prepared, kept_config, prepare, settled};
use crate::Error;
use crate::events::{self, Line, RunEvent};
use crate::incidents::StepOutcome;
use crate::observer::{Event, Observer};

/// The results of steps: as recorded, and in each of two replays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared<T> {
    /// Steps completed.
    pub step: u64,
    /// The run's record, if there is one.
    pub recorded: Option<T>,
    /// The result of each replay.
    pub replays: [T; 2],
}

/// The numbers of a step.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Numbers {
    /// Its loss, in nats per token.
    #[serde(with = "monitor::metrics::number")]
    pub loss: f64,
    /// Its gradients' global norm.
    #[serde(with = "monitor::metrics::number")]
    pub grad_norm: f64,
}

/// The same float32 numbers, bit for bit; a NaN is as good as another, since a record does not tell them apart.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        // What was read from a file may be off by the last bit of a float64.
        let same =
            |a: f64, b: f64| (a as f32).to_bits() == (b as f32).to_bits() || (a.is_nan() && b.is_nan());
        same(self.loss, other.loss) && same(self.grad_norm, other.grad_norm)
    }
}

/// The verdict of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Both replays are what was recorded.
    Agrees,
    /// The replays are the same, and not what was recorded.
    RecordDiffers,
    /// The replays are not the same.
    ReplaysDiffer,
}

/// Steps of a run, replayed.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The run directory.
    pub run: PathBuf,
    /// The step replayed to.
    pub step: u64,
    /// The step replayed from: that of the checkpoint, or 0.
    pub from: u64,
    /// The checkpoint; `None` for the seed.
    pub checkpoint: Option<PathBuf>,
    /// What all of it says.
    pub verdict: Verdict,
    /// Numbers of every step.
    pub steps: Vec<Compared<Numbers>>,
    /// States: the one replayed from, those recorded on the way, the last.
    pub states: Vec<Compared<StateDigest>>,
}

impl<T: PartialEq> Compared<T> {
    /// Whether the replays are the same.
    pub fn replays_agree(&self) -> bool {
        self.replays[0] == self.replays[1]
    }

    /// Whether both replays are what was recorded, if anything was.
    pub fn record_agrees(&self) -> bool {
        self.recorded.as_ref().is_none_or(|recorded| self.replays.iter().all(|replay| replay == recorded))
    }
}

/// Takes the steps of a run up to `step` again, twice, from the newest checkpoint before it, or from the seed if there is
/// none, and compares. Nothing is written; the run may go on meanwhile.
///
/// # Errors
/// [`Error::NotRecorded`] when the run has no record of these steps; those of a run that cannot be continued.
pub fn replay(folder: &Path, step: u64, observer: &mut dyn Observer) -> Result<Replay, Error> {
    if let Some(run) = run_of_part(folder) {
        return Err(Error::PartOfRun { path: folder.to_owned(), run });
    }
    let run = RunDirectory::read(folder)?;
    if run.import().is_file() {
        return Err(Error::Imported { checkpoint: folder.to_owned() });
    }
    let records = metrics::read(&run.metrics())?;
    if !records.iter().any(|record| record.step == step) {
        let last = records.last().map(|record| record.step);
        return Err(Error::NotRecorded { run: folder.to_owned(), step, last });
    }
    let config = settled(config_of(&run, step)?)?;
    let checkpoint = newest_before(&run, step, observer)?;
    let of_seed = !run.parameter_source().exists() && records.first().is_some_and(|record| record.step == 1);
    if checkpoint.is_none() && !of_seed {
        return Err(Error::NotItsOwn { run: folder.to_owned(), step });
    }
    let opened =
        Opened { run, checkpoint, chosen: false, store: None, parameters: None, place: String::new() };
    let Prepared { config, runtime, plan, sequences, .. } = prepare(&config, &opened, None, None, observer)?;
    let Opened { run, checkpoint: opened, .. } = opened;
    let checkpoint = opened.as_ref().map(|checkpoint| checkpoint.path().to_owned());
    let from = opened.as_ref().map_or(0, |checkpoint| checkpoint.manifest().step);
    let history = opened.as_ref().map(|checkpoint| checkpoint.manifest().history.clone()).unwrap_or_default();
    let rewinds = Rewinds::read(run.rewinds(), history.rewinds)?;
    let skipped = rewinds.skipped(opened.as_ref().map(|checkpoint| &checkpoint.manifest().data.skipped));
    let after: Vec<_> =
        records.into_iter().filter(|record| record.step > from && record.step <= step).collect();
    observer.event(Event::Note(format!(
        "replaying steps {} to {step} twice, from {}; compiling for {}",
        from + 1,
        checkpoint.as_ref().map_or("the seed".to_owned(), |folder| folder.display().to_string()),
        runtime.platform(),
    )));
    let saved = saved_states(&events::read(&run.events())?);
    let batch = config.batches().batch(from);
    let first = opened.as_ref().map_or(FirstState::Seed, FirstState::Checkpoint);
    let mut programs = TrainingPrograms::compile(&config, plan.as_ref(), &runtime, batch, None, first, None)?;
    let policy = IncidentPolicy::new(&config.incidents, &history, rewinds.count());
    let mut passes = Vec::new();
    for pass in 0..2 {
        if pass > 0 {
            begin_again(&mut programs, &config, plan.as_ref(), &runtime, opened.as_ref())?;
        }
        observer.event(Event::Note(format!("replay {} of 2", pass + 1)));
        let mut pass = Pass { steps: BTreeMap::new(), states: BTreeMap::new() };
        pass.take(
            &mut programs,
            policy.clone(),
            from..step,
            |step| saved.contains_key(&step),
            |step, loss_limit| Dispatch {
                config: &config,
                sequences: &sequences,
                skipped: &skipped,
                step,
                loss_limit,
                apply: None,
            },
        )?;
        passes.push(pass);
    }
    let recorded = |record: &Record| Numbers { loss: record.loss, grad_norm: record.grad_norm };
    let recorded: BTreeMap<_, _> = after.iter().map(|record| (record.step, recorded(record))).collect();
    let (second, first) = (passes.pop(), passes.pop());
    let (Some(first), Some(second)) = (first, second) else { unreachable!("there were two") };
    let steps = compare(&recorded, first.steps, second.steps);
    let states = compare(&saved, first.states, second.states);
    let verdict = verdict(&steps, &states);
    Ok(Replay { run: folder.to_owned(), step, from, checkpoint, verdict, steps, states })
}

/// The configuration with which a step was taken: schedule and policies of later steps may be others. The next checkpoint has
/// it; after the last one, the run.
fn config_of(run: &RunDirectory, step: u64) -> Result<Config, Error> {
    let mut draft = Draft::quick_start()?;
    if let Some((origin, text)) = kept_config(run.path())? {
        draft.apply_text(&origin, &text)?;
    }
    let config = draft.finish()?;
    for saved in checkpoint::steps(&run.checkpoints())?.into_iter().filter(|&saved| saved >= step) {
        if let Ok(checkpoint) = Checkpoint::open(&checkpoint::folder(&run.checkpoints(), saved)) {
            // Where text and devices are may have changed since.
            let Config { training, optimizer, schedule, incidents, .. } = saved_config(&checkpoint)?;
            return Ok(Config { training, optimizer, schedule, incidents, ..config });
        }
    }
    Ok(config)
}

/// What all of it says.
fn verdict(steps: &[Compared<Numbers>], states: &[Compared<StateDigest>]) -> Verdict {
    if !(steps.iter().all(Compared::replays_agree) && states.iter().all(Compared::replays_agree)) {
        Verdict::ReplaysDiffer
    } else if !(steps.iter().all(Compared::record_agrees) && states.iter().all(Compared::record_agrees)) {
        Verdict::RecordDiffers
    } else {
        Verdict::Agrees
    }
}

fn compare<T: Clone>(
    recorded: &BTreeMap<u64, T>,
    first: BTreeMap<u64, T>,
    second: BTreeMap<u64, T>,
) -> Vec<Compared<T>> {
    let both = first.into_iter().zip(second);
    both.map(|((step, first), (_, second))| Compared {
        step,
        recorded: recorded.get(&step).cloned(),
        replays: [first, second],
    })
    .collect()
}

/// The newest checkpoint before a step that is whole.
fn newest_before(
    run: &RunDirectory,
    step: u64,
    observer: &mut dyn Observer,
) -> Result<Option<Checkpoint>, Error> {
    let checkpoints = run.checkpoints();
    for before in checkpoint::steps(&checkpoints)?.into_iter().rev().filter(|&before| before < step) {
        let folder = checkpoint::folder(&checkpoints, before);
        match Checkpoint::open(&folder) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(error) => {
                observer.event(Event::Note(format!("warning: passing over {}: {error}", folder.display())));
            }
        }
    }
    Ok(None)
}

/// The states that a run recorded when it saved them: of the past that its metrics are of, without what a rewind or a
/// later beginning took back.
fn saved_states(lines: &[Line]) -> BTreeMap<u64, StateDigest> {
    let mut states = BTreeMap::new();
    for line in lines {
        match &line.entry {
            RunEvent::Save { step, digest: Some(digest), .. } => drop(states.insert(*step, digest.clone())),
            RunEvent::Rewind { to: step, .. } | RunEvent::Resume { completed: step, .. } => {
                states.retain(|saved, _| saved <= step);
            }
            RunEvent::Begin { .. } => states.clear(),
            _ => {}
        }
    }
    states
}

/// The state that the first replay began with, once more.
fn begin_again(
    programs: &mut TrainingPrograms,
    config: &Config,
    plan: Option<&Plan>,
    runtime: &Runtime,
    checkpoint: Option<&Checkpoint>,
) -> Result<(), Error> {
    let inputs = programs.step.inputs();
    match checkpoint {
        Some(checkpoint) => programs.state.reload(runtime, inputs, checkpoint),
        None => {
            programs.state = first_state(config, plan, runtime, inputs)?;
            Ok(())
        }
    }
}

/// One replay.
struct Pass {
    steps: BTreeMap<u64, Numbers>,
    states: BTreeMap<u64, StateDigest>,
}

impl Pass {
    /// Takes the steps after `range.start`, up to `range.end`, one at a time.
    fn take<'a>(
        &mut self,
        programs: &mut TrainingPrograms,
        mut policy: IncidentPolicy,
        range: std::ops::Range<u64>,
        is_recorded: impl Fn(u64) -> bool,
        dispatch: impl Fn(u64, f64) -> Dispatch<'a>,
    ) -> Result<(), Error> {
        self.remember(range.start, programs)?;
        for step in range.start + 1..=range.end {
            let dispatch = dispatch(step, policy.device_limit(step));
            let batch = dispatch.config.batches().batch(step - 1);
            if batch != programs.batch() {
                programs.compile_step(dispatch.config, batch)?;
            }
            let dispatched = dispatch.start(programs, || ())?;
            let (loss, grad_norm) = (number(dispatched.loss)?, number(dispatched.grad_norm)?);
            // What it decides is done on the device already; it has to know the loss.
            policy.decide(&StepOutcome { step, loss, grad_norm, loss_limit: policy.loss_limit(step) });
            self.steps.insert(step, Numbers { loss, grad_norm });
            if step == range.end || is_recorded(step) {
                self.remember(step, programs)?;
            }
        }
        Ok(())
    }

    fn remember(&mut self, step: u64, programs: &TrainingPrograms) -> Result<(), Error> {
        self.states.extend(StateDigest::of(&programs.state.snapshot()?).map(|digest| (step, digest)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::skipped::Range;

    fn digest(name: &str) -> StateDigest {
        StateDigest { parameters_sha256: name.to_owned(), optimizer_sha256: "o".to_owned() }
    }

    fn compared(recorded: Option<&str>, replays: [&str; 2]) -> Compared<StateDigest> {
        Compared { step: 1, recorded: recorded.map(digest), replays: replays.map(digest) }
    }

    /// What a faulty chip looks like, which is not at hand.
    #[test]
    fn replays_that_differ_say_so_whatever_was_recorded() {
        let steps = [Compared { step: 1, recorded: None, replays: [1.0, 1.0].map(numbers) }];
        let check =
            |states: &[Compared<StateDigest>], expected| assert_eq!(verdict(&steps, states), expected);
        check(&[], Verdict::Agrees);
        check(&[compared(None, ["a", "a"])], Verdict::Agrees);
        check(&[compared(Some("a"), ["a", "a"])], Verdict::Agrees);
        check(&[compared(Some("b"), ["a", "a"])], Verdict::RecordDiffers);
        check(&[compared(Some("a"), ["a", "b"])], Verdict::ReplaysDiffer);
        check(&[compared(Some("b"), ["a", "a"]), compared(None, ["a", "b"])], Verdict::ReplaysDiffer);
    }

    fn numbers(loss: f64) -> Numbers {
        Numbers { loss, grad_norm: 1.0 }
    }

    #[test]
    fn numbers_are_the_same_if_their_float32_bits_are() {
        let loss = f64::from(2.7_f32);
        assert_eq!(numbers(loss), numbers(loss.next_up()));
        assert_ne!(numbers(loss), numbers(f64::from(2.7_f32.next_up())));
        assert_eq!(numbers(f64::NAN), numbers(-f64::NAN));
        assert_ne!(numbers(0.0), numbers(-0.0));
    }

    #[test]
    fn states_of_a_past_that_did_not_happen_do_not_count() {
        let line = |entry| Line { time: String::new(), entry };
        let save = |step, name: &str| {
            let (checkpoint, digest) = (String::new(), Some(digest(name)));
            line(RunEvent::Save { step, checkpoint, seconds: 1.0, digest })
        };
        let skipped = Range { from: 1, until: 2 };
        let rewind = line(RunEvent::Rewind { step: 35, to: 10, skipped });
        let lines = [save(10, "a"), save(20, "b"), save(30, "c"), rewind, save(20, "d")];
        let states = saved_states(&lines);
        assert_eq!(states, BTreeMap::from([(10, digest("a")), (20, digest("d"))]));
    }
}
