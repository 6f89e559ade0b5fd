//! The learning rate as a pure function of the step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Linear warm-up, then cosine decay (Gopher, arXiv 2112.11446, section 3.1; Hoffmann et al. 2022, arXiv 2203.15556, say that
/// the cosine spans the full run).
///
/// With `s` the number of steps completed before this one, `w` the warm-up and `n` the whole run, in steps:
/// - `s < w`: from `initial` to `maximum`, linearly;
/// - `w ≤ s < n`: `maximum · (f + (1 − f) · (1 + cos(π (s − w) / (n − w))) / 2)`, with `f = final_fraction`;
/// - `n ≤ s`: `maximum · f`.
///
/// That the cosine starts where the warm-up ends, rather than at step 0, is our choice: the paper is silent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Learning rate after the warm-up: the "max LR" of Gopher's Table 1.
    pub maximum: f64,
    /// Learning rate of the first step.
    #[serde(default = "initial")]
    pub initial: f64,
    /// Length of the warm-up in steps.
    #[serde(default = "warmup_steps")]
    pub warmup_steps: u64,
    /// The last learning rate as a fraction of `maximum`.
    #[serde(default = "final_fraction")]
    pub final_fraction: f64,
}

fn initial() -> f64 {
    1e-7
}

fn warmup_steps() -> u64 {
    1500
}

fn final_fraction() -> f64 {
    0.1
}

/// A schedule that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("schedule.{key} = {value}: {expected}")]
pub struct ScheduleError {
    /// Key of the configuration.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// What it should be.
    pub expected: &'static str,
}

impl Schedule {
    /// The paper's schedule with this maximum.
    pub fn new(maximum: f64) -> Schedule {
        Schedule {
            maximum,
            initial: initial(),
            warmup_steps: warmup_steps(),
            final_fraction: final_fraction(),
        }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`ScheduleError`], naming the first key whose value is out of range.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let error = |key, value, expected| Err(ScheduleError { key, value, expected });
        if !(self.maximum.is_finite() && self.maximum > 0.0) {
            return error("maximum", self.maximum, "it must be a positive number");
        }
        if !(0.0..=self.maximum).contains(&self.initial) {
            return error("initial", self.initial, "it must lie between 0 and schedule.maximum");
        }
        if !(0.0..=1.0).contains(&self.final_fraction) {
            return error("final_fraction", self.final_fraction, "it must lie between 0 and 1");
        }
        Ok(())
    }

    /// Learning rate of the step that follows `completed` steps, in a run of `total` steps.
    pub fn learning_rate(&self, completed: u64, total: u64) -> f64 {
        let Schedule { maximum, initial, warmup_steps, final_fraction } = *self;
        if completed < warmup_steps {
            return initial + (maximum - initial) * (completed as f64 / warmup_steps as f64);
        }
        if completed >= total {
            return maximum * final_fraction;
        }
        let progress = (completed - warmup_steps) as f64 / (total - warmup_steps) as f64;
        maximum * (final_fraction + (1.0 - final_fraction) * 0.5 * (1.0 + (PI * progress).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gopher 280B's schedule over a million steps, against values computed by hand.
    #[track_caller]
    fn check(completed: u64, expected: f64) {
        let got = Schedule::new(4e-5).learning_rate(completed, 1_001_500);
        assert!(
            (got - expected).abs() <= 1e-12 * expected,
            "step {completed}: {got:e}, expected {expected:e}"
        );
    }

    #[test]
    fn the_papers_values_at_the_boundaries() {
        check(0, 1e-7);
        check(1, 1e-7 + 3.99e-5 / 1500.0);
        check(750, 2.005e-5);
        check(1500, 4e-5);
        check(501_500, 2.2e-5); // half way: the mean of maximum and a tenth of it
        check(1_001_500, 4e-6);
        check(2_000_000, 4e-6);
    }

    #[test]
    fn a_run_shorter_than_its_warm_up_only_warms_up() {
        let schedule = Schedule { warmup_steps: 100, ..Schedule::new(1e-3) };
        assert!(schedule.learning_rate(49, 50) < 0.5e-3);
        assert_eq!(Schedule { warmup_steps: 0, ..schedule }.learning_rate(0, 50), 1e-3);
        assert_eq!(Schedule { warmup_steps: 0, ..schedule }.learning_rate(0, 0), 1e-4);
    }

    #[test]
    fn values_that_make_no_sense_are_named() {
        let message = |schedule: Schedule| schedule.check().unwrap_err().to_string();
        assert_eq!(Schedule::new(6e-4).check(), Ok(()));
        assert_eq!(message(Schedule::new(0.0)), "schedule.maximum = 0: it must be a positive number");
        assert!(message(Schedule::new(f64::NAN)).contains("maximum = NaN"));
        assert!(message(Schedule { initial: 1.0, ..Schedule::new(0.1) }).contains("schedule.initial = 1"));
        assert!(
            message(Schedule { final_fraction: -0.1, ..Schedule::new(0.1) })
                .contains("final_fraction = -0.1")
        );
    }

    #[test]
    fn a_configuration_needs_only_the_maximum_and_refuses_unknown_keys() {
        assert_eq!(toml::from_str::<Schedule>("maximum = 6e-4").unwrap(), Schedule::new(6e-4));
        let error = toml::from_str::<Schedule>("maximum = 6e-4\nwarmup = 3").unwrap_err();
        assert!(error.to_string().contains("warmup_steps"), "{error}");
    }

    proptest! {
        #[test]
        fn it_rises_through_the_warm_up_falls_after_it_and_stays_in_bounds(
            maximum in 1e-6..1.0f64, warmup_steps in 0..2000u64, decay in 1..5000u64, at in 0.0..1.0f64,
        ) {
            let schedule = Schedule { warmup_steps, ..Schedule::new(maximum) };
            let total = warmup_steps + decay;
            let step = (at * total as f64) as u64;
            let (now, next) = (schedule.learning_rate(step, total), schedule.learning_rate(step + 1, total));
            prop_assert!(if step < warmup_steps { next > now } else { next < now }, "step {step}: {now} then {next}");
            prop_assert!(now >= schedule.initial.min(maximum * 0.1) && now <= maximum);
        }
    }
}
