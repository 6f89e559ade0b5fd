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
    Some(format!(
        "the learning rate takes another course: {:.3e} instead of {:.3e} at step {}, {:.3e} instead of {:.3e} at the last, \
         {new_steps}",
        next.0,
        next.1,
        completed + 1,
        last.0,
        last.1
    ))
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
             the last, 200"
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
}
