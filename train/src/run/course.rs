//! The learning rate's course when a run goes on: whether it is the one that the run had.

use configuration::{Config, Schedule};
use store::checkpoint::Checkpoint;

use super::open::saved_config;
use crate::Error;
use crate::observer::{Event, Observer};

/// Says the old and the new learning rate if, from a checkpoint on, they are others than the run would have had.
///
/// # Errors
/// When the checkpoint's configuration cannot be read.
pub(super) fn note_change(
    config: &Config,
    checkpoint: &Checkpoint,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let saved = saved_config(checkpoint)?;
    let completed = checkpoint.manifest().step;
    if let Some(text) = change(&saved, config, completed) {
        observer.event(Event::Note(text));
    }
    Ok(())
}

/// What is to be said of a change after so many steps.
fn change(saved: &Config, given: &Config, completed: u64) -> Option<String> {
    let course = |config: &Config| (config.schedule, config.training.steps);
    let ((old, old_steps), (new, new_steps)) = (course(saved), course(given));
    if completed >= new_steps || Schedule::same_course((&old, old_steps), (&new, new_steps), completed) {
        return None;
    }
    let rates = |at: u64| (new.learning_rate(at, new_steps), old.learning_rate(at, old_steps));
    let (next, last) = (rates(completed), rates(new_steps - 1));
    let differs = |(new, old): (f64, f64), place: String| {
        let (new, old) = (format!("{new:.3e}"), format!("{old:.3e}"));
        (new != old).then(|| format!("{new} instead of {old} at {place}"))
    };
    let before = if old_steps == new_steps { String::new() } else { format!(" ({old_steps} before)") };
    let at_last = format!("the last, {new_steps}{before}");
    let parts = [differs(next, format!("step {}", completed + 1)), differs(last, at_last.clone())];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !parts.is_empty() {
        return Some(format!("the learning rate takes another course: {parts}"));
    }
    // The two ends may agree where the way between them does not.
    const POINTS: u64 = 256;
    let length = u128::from(new_steps - 1 - completed);
    let points =
        (0..=POINTS).map(|point| completed + (length * u128::from(point) / u128::from(POINTS)) as u64);
    let way = points.map(|at| (at, rates(at)));
    let furthest = way.max_by(|(_, (a, b)), (_, (c, d))| (a - b).abs().total_cmp(&(c - d).abs()));
    let (at, rates) = furthest?;
    let part = differs(rates, format!("step {}", at + 1))?;
    Some(format!("the learning rate takes another course: {part}, to {at_last}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use configuration::{Draft, ScheduleKind};

    fn config(steps: u64, kind: ScheduleKind) -> Config {
        let mut config = Draft::quick_start().unwrap().finish().unwrap();
        config.training.steps = steps;
        config.schedule = Schedule { kind, warmup_steps: 0, ..Schedule::new(1e-3) };
        config
    }

    #[test]
    fn a_longer_run_has_another_course_unless_the_rate_does_not_depend_on_its_end() {
        let text =
            change(&config(100, ScheduleKind::Linear), &config(200, ScheduleKind::Linear), 50).unwrap();
        assert_eq!(
            text,
            "the learning rate takes another course: 7.750e-4 instead of 5.500e-4 at step 51, 1.045e-4 instead of 1.000e-4 at \
             the last, 200 (100 before)"
        );
        for kind in [ScheduleKind::Constant, ScheduleKind::InverseSqrt] {
            assert_eq!(change(&config(100, kind), &config(200, kind), 50), None);
        }
        let (cosine, constant) = (config(100, ScheduleKind::Cosine), config(100, ScheduleKind::Constant));
        assert_eq!(change(&cosine, &cosine, 50), None);
        assert!(change(&cosine, &constant, 50).is_some());
        // Nothing is left to be done with it.
        assert_eq!(change(&cosine, &constant, 100), None);
    }

    #[test]
    fn only_rates_that_are_written_differently_are_said() {
        let cosine = |steps| config(steps, ScheduleKind::Cosine);
        let text = change(&cosine(800), &cosine(840), 0).unwrap();
        assert_eq!(
            text,
            "the learning rate takes another course: 3.700e-4 instead of 3.301e-4 at step 531, to the last, 840 (800 before)"
        );
        // From the middle of one step more, neither the next rate nor any other is another in four digits.
        assert_eq!(change(&cosine(1_000_000), &cosine(1_000_001), 500_000), None);
        // The ends are alike, the way is not.
        let long = |kind| config(1_000_000, kind);
        let text = change(&long(ScheduleKind::Cosine), &long(ScheduleKind::Linear), 0).unwrap();
        assert!(text.contains(" instead of ") && text.ends_with(", to the last, 1000000"), "{text}");
    }
}
