//! What a step needs on the device: programs and state.

use std::thread;

use sharding::{Interface, Program, Runtime};

use super::validation::Validation;
use crate::Error;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
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
    /// Compiles the programs, side by side, and makes the state or loads it.
    pub(super) fn compile(
        config: &Config,
        runtime: &Runtime,
        validation: Option<Validation>,
        checkpoint: Option<&mut Checkpoint>,
    ) -> Result<Parts, Error> {
        let options = config.step_options();
        let step = train_step(&options)?;
        let inputs = Interface::of(&step).inputs;
        thread::scope(|scope| {
            let step = scope.spawn(|| runtime.compile(&step));
            let validation = match validation {
                Some(validation) => {
                    let options = StepOptions { batch: validation.rows(), ..options.clone() };
                    let program = runtime.compile(&loss(&options)?)?;
                    Some((validation, program))
                }
                None => None,
            };
            let state = match checkpoint {
                Some(checkpoint) => State::load(runtime, &inputs, checkpoint)?,
                None => {
                    let parameters = model::initialize(&options.model, options.precision.parameters)?;
                    State::initialize(runtime, &inputs, &runtime.compile(&parameters)?, config.training.seed)?
                }
            };
            let step = step.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(Parts { step, validation, state })
        })
    }
}
