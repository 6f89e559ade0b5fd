//! What a step needs on the devices: programs and state.

use std::thread;

use graph::{Function, Partitioned};
use sharding::plan::Plan;
use sharding::{CompileOptions, Input, Interface, Program, Runtime};

use super::validation::Validation;
use crate::Error;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::plan::{split, split_initialize};
use crate::state::State;
use crate::step::{StepOptions, loss, train_step};

/// Programs and state of a training.
pub(super) struct Parts {
    pub(super) step: Program,
    /// Held-out batches and the program of their loss, if anything is held out.
    pub(super) validation: Option<(Validation, Program)>,
    pub(super) state: State,
}

impl Parts {
    /// Compiles the programs, side by side, and makes the state or loads it; for one device, or split by a plan.
    pub(super) fn compile(
        config: &Config,
        plan: Option<&Plan>,
        runtime: &Runtime,
        validation: Option<Validation>,
        checkpoint: Option<&mut Checkpoint>,
    ) -> Result<Parts, Error> {
        let options = step_options(config, plan);
        let step = Code::new(train_step(&options)?, plan)?;
        let inputs = step.interface()?.inputs;
        thread::scope(|scope| {
            let step = scope.spawn(|| step.compile(runtime));
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
            let state = match checkpoint {
                Some(checkpoint) => State::load(runtime, &inputs, checkpoint)?,
                None => first_state(config, plan, runtime, &inputs)?,
            };
            let step = step.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(Parts { step, validation, state })
        })
    }
}

fn step_options(config: &Config, plan: Option<&Plan>) -> StepOptions {
    match plan {
        None => config.step_options(),
        Some(plan) => config.planned().step_options(plan),
    }
}

/// The state before the first step, for a step with these inputs.
pub(super) fn first_state(
    config: &Config,
    plan: Option<&Plan>,
    runtime: &Runtime,
    inputs: &[Input],
) -> Result<State, Error> {
    let options = step_options(config, plan);
    let parameters = model::initialize(&options.model, options.precision.parameters)?;
    let parameters = match plan {
        None => Code::One(parameters),
        Some(plan) => Code::Split(split_initialize(&parameters, plan)?),
    };
    State::initialize(runtime, inputs, &parameters.compile(runtime)?, config.training.seed)
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
