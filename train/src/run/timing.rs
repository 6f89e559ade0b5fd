//! How long the steps of a training take on this machine, from a few of them.

use std::path::Path;
use std::time::{Duration, Instant};

use configuration::Config;
use runtime::ProgramCache;

use super::dry_run::take_steps;
use super::open::open;
use super::{Resume, prepare, settled};
use crate::Error;
use crate::observer::Observer;

/// The fewest and the most steps that are timed, after one that is not.
const STEPS: (usize, usize) = (4, 200);

/// What was timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepTimes {
    /// All trained numbers of the model.
    pub parameters: u64,
    /// From the call to the first step.
    pub startup_seconds: f64,
    /// Mean of the steps timed.
    pub seconds_per_step: f64,
    /// One validation; 0 if nothing is held out.
    pub seconds_per_validation: f64,
}

/// Takes steps of a training for about `least`, four or more, and one validation. Of the run, nothing is written; compiled
/// programs and tokens go to the user's cache.
///
/// # Errors
/// Those of [`super::train`].
pub fn time_steps(config: Config, least: Duration, observer: &mut dyn Observer) -> Result<StepTimes, Error> {
    let start = Instant::now();
    let config = settled(config)?;
    let nowhere = std::env::temp_dir().join(format!("gopher-timing-{}", std::process::id()));
    let opened = open(&config, Some(Path::new(&nowhere)), &Resume::Auto, None, None, observer)?;
    let mut measure = || {
        let prepared = prepare(&config, &opened, None, ProgramCache::of_user(), observer)?;
        let config = &prepared.config;
        let mut programs = super::compile(&opened, &prepared, observer)?;
        let startup_seconds = start.elapsed().as_secs_f64();
        let is_enough = |seconds: &[f64]| {
            let (fewest, most) = STEPS;
            let total = Duration::from_secs_f64(seconds.iter().sum());
            seconds.len() >= most || seconds.len() >= fewest && total >= least
        };
        let seconds = take_steps(config, 0, &prepared, &mut programs, is_enough)?;
        let mut seconds_per_validation = 0.0;
        if let Some((validation, program)) = &programs.validation {
            let start = Instant::now();
            validation.loss(program, &programs.state, || ())?;
            seconds_per_validation = start.elapsed().as_secs_f64();
        }
        Ok(StepTimes {
            parameters: config.model.total_parameters(),
            startup_seconds,
            seconds_per_step: seconds.iter().sum::<f64>() / seconds.len() as f64,
            seconds_per_validation,
        })
    };
    let measured = measure();
    opened.run.abandon();
    measured
}
