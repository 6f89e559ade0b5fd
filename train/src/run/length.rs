//! The length of a run beside that of its text.

use configuration::Config;

/// Epochs above which a run is called long.
const LONG: u64 = 100;

/// Epochs of the run that is named instead.
const SENSIBLE: u64 = 10;

/// What is to be said of a run that goes through its text of so many tokens very often, as it does when the steps are those of
/// a preset for hundreds of billions of tokens.
pub(super) fn note(config: &Config, text_tokens: u64) -> Option<String> {
    let (batches, steps) = (config.batches(), config.training.steps);
    let tokens = batches.tokens(steps);
    if text_tokens == 0 || tokens.div_ceil(LONG) <= text_tokens {
        return None;
    }
    // The fewest steps with so many tokens.
    let (mut low, mut high) = (1, steps);
    while low < high {
        let middle = low + (high - low) / 2;
        match batches.tokens(middle) / SENSIBLE >= text_tokens {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Some(format!(
        "warning: {steps} steps go through the text {} times; --steps {low} would be {SENSIBLE} times",
        tokens / text_tokens
    ))
}

/// What is to be said of a run that ends before its warm-up does.
pub(super) fn of_warm_up(config: &Config) -> Option<String> {
    let (steps, warm_up) = (config.training.steps, config.schedule.warmup_steps);
    (warm_up >= steps && steps > 1).then(|| {
        format!(
            "warning: the learning rate only rises, since schedule.warmup_steps is {warm_up}: --set schedule.warmup_steps={} leaves \
             steps after it",
            steps / 10
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use configuration::Draft;

    fn config(steps: u64) -> Config {
        let mut config = Draft::quick_start().unwrap().finish().unwrap();
        (config.training.steps, config.training.batch, config.training.sequence_length) = (steps, 4, 25);
        config
    }

    #[test]
    fn a_run_of_more_than_a_hundred_epochs_is_said_with_the_steps_of_ten() {
        assert_eq!(note(&config(1000), 1000), None);
        let text = note(&config(10_100), 1000).unwrap();
        assert_eq!(
            text,
            "warning: 10100 steps go through the text 1010 times; --steps 100 would be 10 times"
        );
        assert_eq!(note(&config(800), 1_000_000), None);
        assert_eq!(note(&config(800), 0), None);
        assert!(note(&config(u64::MAX / 100), 1).is_some());
    }

    #[test]
    fn a_run_that_is_all_warm_up_is_said() {
        let warmed = |steps, warmup_steps| {
            let mut config = config(steps);
            config.schedule.warmup_steps = warmup_steps;
            of_warm_up(&config)
        };
        assert_eq!((warmed(61, 60), warmed(1, 1)), (None, None));
        let text = warmed(60, 60).unwrap();
        assert!(
            text.contains("warmup_steps is 60") && text.contains("--set schedule.warmup_steps=6 "),
            "{text}"
        );
    }
}
