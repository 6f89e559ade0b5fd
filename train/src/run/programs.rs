//! The compiled programs of a training, and its state on the devices.

use std::{mem, thread};

use configuration::Config;
use graph::{Function, Partitioned};
use runtime::{CompileOptions, Input, Interface, Program, Runtime};
use sharding::plan::Plan;
use store::checkpoint::Checkpoint;

use super::validation::Validation;
use crate::Error;
use crate::plan::{Planned, split, split_initialize, with_batch};
use crate::state::{StoredRows, TrainState};
use crate::step::{StepOptions, initialize, loss, train_step};

/// The compiled programs of a training, and the state that they read and write.
pub(super) struct TrainingPrograms {
    /// A step with a batch of [`TrainingPrograms::batch`] sequences.
    pub(super) step: Program,
    batch: usize,
    /// The step of another batch, which a run needs again that goes back to before the change.
    other: Option<(usize, Program)>,
    runtime: Runtime,
    plan: Option<Plan>,
    /// Held-out batches and the program of their loss, if anything is held out.
    pub(super) validation: Option<(Validation, Program)>,
    pub(super) state: TrainState,
}

/// Whether a step that was compiled can be run.
pub(super) type CheckProgram<'a> = dyn Fn(&Program) -> Result<(), Error> + 'a;

/// A step that is compiled, or a thread that compiles it.
enum Step<'a> {
    Compiled(Box<Program>),
    UnderWay(thread::ScopedJoinHandle<'a, Result<Program, Error>>),
}

/// The state that a process begins with.
#[derive(Clone, Copy)]
pub(super) enum FirstState<'a> {
    /// That before the first step, made from the seed.
    Seed,
    /// That before the first step, with the parameters of another run's checkpoint.
    Parameters(&'a Checkpoint),
    /// That of a checkpoint.
    Checkpoint(&'a Checkpoint),
}

impl TrainingPrograms {
    /// Compiles the programs, that of the step for a batch of `batch` sequences, side by side, and makes the state or loads
    /// it; for one device, or split by a plan. If there is a `check`, the step is compiled first, and nothing is allocated
    /// unless that agrees.
    pub(super) fn compile(
        config: &Config,
        plan: Option<&Plan>,
        runtime: &Runtime,
        batch: usize,
        validation: Option<Validation>,
        first: FirstState<'_>,
        check: Option<&CheckProgram<'_>>,
    ) -> Result<TrainingPrograms, Error> {
        let (options, step) = step_code(config, plan, batch)?;
        let inputs = step.interface()?.inputs;
        let compiled = match check {
            Some(check) => {
                let compiled = step.compile(runtime)?;
                check(&compiled)?;
                Some(compiled)
            }
            None => None,
        };
        thread::scope(|scope| {
            let step = match compiled {
                Some(compiled) => Step::Compiled(Box::new(compiled)),
                None => Step::UnderWay(scope.spawn(|| step.compile(runtime))),
            };
            let validation = match validation {
                Some(validation) => {
                    let options =
                        StepOptions { batch: validation.rows(), microbatches: 1, ..options.clone() };
                    let plan = plan.map(|plan| validation.plan(plan));
                    let program = Code::new(loss(&options)?, plan.as_ref())?.compile(runtime)?;
                    Some((validation, program))
                }
                None => None,
            };
            let stored = StoredRows::of(&options.model);
            let state = match first {
                FirstState::Checkpoint(checkpoint) => TrainState::load(runtime, &inputs, checkpoint, stored)?,
                FirstState::Parameters(checkpoint) => {
                    TrainState::with_parameters(runtime, &inputs, checkpoint, stored)?
                }
                FirstState::Seed => first_state(config, plan, runtime, &inputs)?,
            };
            let step = match step {
                Step::Compiled(step) => *step,
                Step::UnderWay(thread) => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?
                }
            };
            let (runtime, plan) = (runtime.clone(), plan.cloned());
            Ok(TrainingPrograms { step, batch, other: None, runtime, plan, validation, state })
        })
    }

    /// Sequences of the batch that the step's program takes.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// Whether the step for a batch of `batch` sequences is compiled.
    pub(super) fn has_step(&self, batch: usize) -> bool {
        self.batch == batch || self.other.as_ref().is_some_and(|(other, _)| *other == batch)
    }

    /// Makes the step one for a batch of `batch` sequences: compiles it, unless it is the one before the last change. The
    /// state lies as before.
    pub(super) fn compile_step(&mut self, config: &Config, batch: usize) -> Result<(), Error> {
        let step = match self.other.take() {
            Some((other, step)) if other == batch => step,
            _ => step_code(config, self.plan.as_ref(), batch)?.1.compile(&self.runtime)?,
        };
        let before = (mem::replace(&mut self.batch, batch), mem::replace(&mut self.step, step));
        self.other = Some(before);
        Ok(())
    }
}

/// The step with a batch of `batch` sequences.
fn step_code(config: &Config, plan: Option<&Plan>, batch: usize) -> Result<(StepOptions, Code), Error> {
    let plan = plan.map(|plan| with_batch(plan, batch)).transpose()?;
    let options = match &plan {
        None => StepOptions::of(config, batch),
        Some(plan) => Planned::of(config).step_options(plan),
    };
    let code = Code::new(train_step(&options)?, plan.as_ref())?;
    Ok((options, code))
}

/// The state before the first step, for a step with these inputs.
pub(super) fn first_state(
    config: &Config,
    plan: Option<&Plan>,
    runtime: &Runtime,
    inputs: &[Input],
) -> Result<TrainState, Error> {
    let options = match plan {
        None => StepOptions::of(config, config.training.batch),
        Some(plan) => Planned::of(config).step_options(plan),
    };
    let first = initialize(&options)?;
    let first = match plan {
        None => Code::One(first),
        Some(plan) => Code::Split(split_initialize(&first, &options.model, plan)?),
    };
    let stored = StoredRows::of(&options.model);
    TrainState::initialize(runtime, inputs, &first.compile(runtime)?, config.training.seed, stored)
}

/// A program of a training, not compiled yet.
enum Code {
    /// For one device.
    One(Function),
    /// For the devices of a plan.
    Split(Partitioned),
}

impl Code {
    fn new(function: Function, plan: Option<&Plan>) -> Result<Self, Error> {
        Ok(match plan {
            None => Self::One(function),
            Some(plan) => Self::Split(split(&function, plan)?),
        })
    }

    fn interface(&self) -> Result<Interface, Error> {
        Ok(match self {
            Self::One(function) => Interface::of(function),
            Self::Split(partitioned) => Interface::of_partitioned(partitioned, None)?,
        })
    }

    fn compile(&self, runtime: &Runtime) -> Result<Program, Error> {
        Ok(match self {
            Self::One(function) => runtime.compile(function)?,
            Self::Split(partitioned) => {
                runtime.compile_partitioned(partitioned, &CompileOptions::default())?
            }
        })
    }
}
