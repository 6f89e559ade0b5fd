//! The learning rate as a pure function of the step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The learning rate's course over a run: a linear warm-up, and what follows it.
///
/// With `s` the number of steps completed before this one, `w` the warm-up and `n` the whole run, in steps, and
/// `f = final_fraction`:
/// - `s < w`: from `initial` to `maximum`, linearly;
/// - `w ≤ s`: as the [`ScheduleKind`] says. What depends on the end of the run has reached `maximum · f` there and stays.
///
/// That the decay starts where the warm-up ends, rather than at step 0, is our choice: the paper is silent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What follows the warm-up.
    #[serde(default)]
    pub kind: ScheduleKind,
    /// Learning rate after the warm-up: the "max LR" of Gopher's Table 1.
    pub maximum: f64,
    /// Learning rate of the first step.
    #[serde(default = "initial")]
    pub initial: f64,
    /// Length of the warm-up in steps.
    #[serde(default = "warmup_steps")]
    pub warmup_steps: u64,
    /// The last learning rate as a fraction of `maximum`, for kinds that decay to the end of the run.
    #[serde(default = "final_fraction")]
    pub final_fraction: f64,
    /// Length of the decay as a fraction of the run, for [`ScheduleKind::Wsd`].
    #[serde(default = "decay_fraction")]
    pub decay_fraction: f64,
}

/// What follows the warm-up of a [`Schedule`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// `maximum · (f + (1 − f) · (1 + cos(π p)) / 2)` with `p = (s − w) / (n − w)` (Gopher, arXiv 2112.11446, section 3.1;
    /// Hoffmann et al. 2022, arXiv 2203.15556, say that the cosine spans the full run).
    #[default]
    Cosine,
    /// `maximum`.
    Constant,
    /// From `maximum` to `maximum · f` at `n`, linearly.
    Linear,
    /// Warm-up, stable, decay (Hu et al. 2024, arXiv 2404.06395): `maximum` until `decay_fraction · n` steps are left or, if
    /// that is later, the warm-up ends, then linearly to `maximum · f` at `n`.
    Wsd,
    /// `maximum · √(w / s)`, with a warm-up of 0 taken as 1 (Vaswani et al. 2017, arXiv 1706.03762): it does not depend on the
    /// end of the run.
    InverseSqrt,
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

fn decay_fraction() -> f64 {
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
            kind: ScheduleKind::Cosine,
            maximum,
            initial: initial(),
            warmup_steps: warmup_steps(),
            final_fraction: final_fraction(),
            decay_fraction: decay_fraction(),
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
        if !(self.decay_fraction > 0.0 && self.decay_fraction <= 1.0) {
            return error("decay_fraction", self.decay_fraction, "it must be above 0 and at most 1");
        }
        Ok(())
    }

    /// Learning rate of the step that follows `completed` steps, in a run of `total` steps.
    pub fn learning_rate(&self, completed: u64, total: u64) -> f64 {
        let Schedule { kind, maximum, initial, warmup_steps, final_fraction, decay_fraction } = *self;
        if completed < warmup_steps {
            return initial + (maximum - initial) * (completed as f64 / warmup_steps as f64);
        }
        // How much of the decay is done that begins with this step and ends with the run.
        let progress = |begin: u64| match completed {
            _ if completed >= total => 1.0,
            _ if completed < begin => 0.0,
            _ => (completed - begin) as f64 / (total - begin) as f64,
        };
        let linear = |begin| maximum * (1.0 - (1.0 - final_fraction) * progress(begin));
        match kind {
            ScheduleKind::Cosine if completed >= total => maximum * final_fraction,
            ScheduleKind::Cosine => {
                let cosine = 0.5 * (1.0 + (PI * progress(warmup_steps)).cos());
                maximum * (final_fraction + (1.0 - final_fraction) * cosine)
            }
            ScheduleKind::Constant => maximum,
            ScheduleKind::Linear => linear(warmup_steps),
            ScheduleKind::Wsd => {
                let decay = (decay_fraction * total as f64).round() as u64;
                linear(warmup_steps.max(total - decay.min(total)))
            }
            ScheduleKind::InverseSqrt => {
                let warmup_steps = warmup_steps.max(1);
                maximum * (warmup_steps as f64 / completed.max(warmup_steps) as f64).sqrt()
            }
        }
    }

    /// Whether two runs have the same learning rate at every step from `completed` to the end of the longer one. Each is a
    /// schedule and the steps of the whole run.
    pub fn same_course(a: (&Schedule, u64), b: (&Schedule, u64), completed: u64) -> bool {
        // Courses are of few pieces: two that differ do so at some of these steps.
        const POINTS: u64 = 256;
        let end = a.1.max(b.1).saturating_sub(1).max(completed);
        let length = end - completed;
        let points = (0..=POINTS)
            .map(|point| completed + (u128::from(length) * u128::from(point) / u128::from(POINTS)) as u64);
        points.into_iter().all(|step| a.0.learning_rate(step, a.1) == b.0.learning_rate(step, b.1))
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
    fn other_kinds_take_their_own_course() {
        let rates = |kind, at: &[u64]| {
            let schedule =
                Schedule { kind, warmup_steps: 100, initial: 0.0, decay_fraction: 0.2, ..Schedule::new(1.0) };
            assert_eq!(schedule.learning_rate(50, 1100), 0.5);
            at.iter().map(|&step| schedule.learning_rate(step, 1100)).collect::<Vec<_>>()
        };
        let check = |kind, at: &[u64], expected: &[f64]| {
            for (got, expected) in rates(kind, at).iter().zip(expected) {
                assert!((got - expected).abs() < 1e-12, "{kind:?}: {got} for {expected}");
            }
        };
        check(ScheduleKind::Cosine, &[100, 600, 1100, 2000], &[1.0, 0.55, 0.1, 0.1]);
        check(ScheduleKind::Constant, &[100, 600, 1100, 2000], &[1.0; 4]);
        check(ScheduleKind::Linear, &[100, 600, 1100, 2000], &[1.0, 0.55, 0.1, 0.1]);
        check(ScheduleKind::Wsd, &[100, 600, 880, 990, 1100, 2000], &[1.0, 1.0, 1.0, 0.55, 0.1, 0.1]);
        check(ScheduleKind::InverseSqrt, &[100, 400, 900, 2500], &[1.0, 0.5, 1.0 / 3.0, 0.2]);
        // A decay as long as the run, or longer than what the warm-up leaves of it, begins with the warm-up's end.
        let whole =
            Schedule { kind: ScheduleKind::Wsd, warmup_steps: 50, decay_fraction: 1.0, ..Schedule::new(1.0) };
        assert_eq!(
            whole.learning_rate(75, 100),
            Schedule { kind: ScheduleKind::Linear, ..whole }.learning_rate(75, 100)
        );
        let cold = Schedule { kind: ScheduleKind::InverseSqrt, warmup_steps: 0, ..Schedule::new(1.0) };
        assert_eq!([0, 1, 4].map(|step| cold.learning_rate(step, 10)), [1.0, 1.0, 0.5]);
    }

    #[test]
    fn a_course_is_the_same_or_another() {
        let cosine = Schedule { warmup_steps: 10, ..Schedule::new(1e-3) };
        let [constant, root, wsd] = [ScheduleKind::Constant, ScheduleKind::InverseSqrt, ScheduleKind::Wsd]
            .map(|kind| Schedule { kind, ..cosine });
        let check = |a: (Schedule, u64), b: (Schedule, u64), completed, expected| {
            assert_eq!(Schedule::same_course((&a.0, a.1), (&b.0, b.1), completed), expected);
        };
        check((cosine, 100), (cosine, 100), 50, true);
        check((cosine, 100), (cosine, 200), 50, false);
        check((cosine, 100), (cosine, 101), 99, false);
        check((constant, 100), (constant, 200), 50, true);
        check((root, 100), (root, 900), 50, true);
        check((wsd, 1000), (wsd, 2000), 50, false);
        check((cosine, 100), (Schedule { maximum: 2e-3, ..cosine }, 100), 50, false);
        // The warm-up is over.
        check((cosine, 100), (Schedule { initial: 0.0, ..cosine }, 100), 50, true);
        check((cosine, 0), (cosine, u64::MAX), u64::MAX, true);
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
        let wsd = Schedule { kind: ScheduleKind::Wsd, decay_fraction: 0.0, ..Schedule::new(0.1) };
        assert!(message(wsd).contains("schedule.decay_fraction = 0: it must be above 0"));
    }

    #[test]
    fn a_configuration_needs_only_the_maximum_and_refuses_unknown_keys() {
        assert_eq!(toml::from_str::<Schedule>("maximum = 6e-4").unwrap(), Schedule::new(6e-4));
        let error = toml::from_str::<Schedule>("maximum = 6e-4\nwarmup = 3").unwrap_err();
        assert!(error.to_string().contains("warmup_steps"), "{error}");
    }

    proptest! {
        #[test]
        fn every_kind_stays_in_bounds_and_never_rises_after_the_warm_up(
            kind in prop::sample::select(vec![ScheduleKind::Cosine, ScheduleKind::Constant, ScheduleKind::Linear, ScheduleKind::Wsd, ScheduleKind::InverseSqrt]),
            warmup_steps in 0..2000u64, total in 0..5000u64, decay_fraction in 0.001..=1.0f64, step in 0..9000u64,
        ) {
            let schedule = Schedule { kind, warmup_steps, decay_fraction, ..Schedule::new(1e-3) };
            let (now, next) = (schedule.learning_rate(step, total), schedule.learning_rate(step + 1, total));
            prop_assert!((0.0..=1e-3).contains(&now), "{now}");
            if step >= warmup_steps {
                prop_assert!(next <= now * (1.0 + 1e-12), "step {step}: {now} then {next}");
            }
            if matches!(kind, ScheduleKind::Cosine | ScheduleKind::Linear | ScheduleKind::Wsd) && step >= warmup_steps.max(total) {
                prop_assert!((now - 1e-4).abs() < 1e-12);
            }
        }

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
