//! The numbers as a page of text.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use store::time::seconds_since_1970;

use crate::metrics::Record;

/// The numbers of a run that are served.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    run: Option<PathBuf>,
    planned_steps: u64,
    completed_steps: u64,
    last: Option<Record>,
    last_step_at: f64,
    validation_loss: Option<f64>,
    saved: Option<(u64, f64)>,
    steps: u64,
    step_seconds: f64,
    tokens: u64,
    checkpoints: u64,
    failed_checkpoints: u64,
}

impl Numbers {
    pub(super) fn begin(&mut self, run: &Path, completed: u64, steps: u64) {
        (self.run, self.completed_steps, self.planned_steps) = (Some(run.to_owned()), completed, steps);
    }

    pub(super) fn step(&mut self, record: &Record, now: SystemTime) {
        self.completed_steps = record.step;
        self.last_step_at = seconds_since_1970(now);
        self.validation_loss = record.validation_loss.or(self.validation_loss);
        self.steps += 1;
        // Counters only grow.
        self.step_seconds += record.seconds.max(0.0);
        self.tokens += (record.seconds * record.tokens_per_second).round().max(0.0) as u64;
        self.last = Some(record.clone());
    }

    pub(super) fn saved(&mut self, now: SystemTime) {
        self.saved = Some((self.completed_steps, seconds_since_1970(now)));
        self.checkpoints += 1;
    }

    pub(super) fn save_failed(&mut self) {
        self.failed_checkpoints += 1;
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut metric = |kind: &str, name: &str, help: &str, value: Option<f64>| match value {
            Some(value) => {
                writeln!(f, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {}", Number(value))
            }
            None => Ok(()),
        };
        let count = |value: u64| Some(value as f64);
        let begun = |value: u64| self.run.is_some().then_some(value as f64);
        let last = self.last.as_ref();
        let gauges = [
            ("gopher_planned_steps", "Steps of the whole run.", begun(self.planned_steps)),
            (
                "gopher_completed_steps",
                "Steps completed, by earlier processes too.",
                begun(self.completed_steps),
            ),
            ("gopher_trained_tokens", "Tokens trained on.", last.map(|record| record.tokens as f64)),
            (
                "gopher_training_loss",
                "Training loss of the last step, nats per token.",
                last.map(|record| record.loss),
            ),
            ("gopher_validation_loss", "Last loss on held-out text, nats per token.", self.validation_loss),
            (
                "gopher_learning_rate",
                "Learning rate of the last step.",
                last.map(|record| record.learning_rate),
            ),
            (
                "gopher_gradient_norm",
                "Global norm of the last step's gradients before clipping.",
                last.map(|record| record.grad_norm),
            ),
            ("gopher_step_seconds", "Wall-clock time of the last step.", last.map(|record| record.seconds)),
            (
                "gopher_tokens_per_second",
                "Tokens per second of the last step.",
                last.map(|record| record.tokens_per_second),
            ),
            (
                "gopher_wall_seconds",
                "Seconds from the run's first start to the last step.",
                last.and_then(|record| record.wall_seconds),
            ),
            (
                "gopher_goodput_ratio",
                "Part of the wall time since the run's first start that was spent in steps that count.",
                last.and_then(|record| record.goodput),
            ),
            (
                "gopher_mfu_ratio",
                "Model FLOPs utilisation of the last step.",
                last.and_then(|record| record.mfu),
            ),
            (
                "gopher_last_step_timestamp_seconds",
                "When the last step was done, in seconds since 1970.",
                last.map(|_| self.last_step_at),
            ),
            (
                "gopher_checkpoint_step",
                "Steps completed in the last checkpoint of this process.",
                self.saved.map(|(step, _)| step as f64),
            ),
            (
                "gopher_last_checkpoint_timestamp_seconds",
                "When the last checkpoint of this process was saved, in seconds since 1970.",
                self.saved.map(|(_, time)| time),
            ),
        ];
        for (name, help, value) in gauges {
            metric("gauge", name, help, value)?;
        }
        let counters = [
            ("gopher_steps_total", "Steps taken by this process.", count(self.steps)),
            ("gopher_step_seconds_total", "Time in steps of this process.", Some(self.step_seconds)),
            ("gopher_tokens_total", "Tokens trained on by this process.", count(self.tokens)),
            ("gopher_checkpoints_total", "Checkpoints saved by this process.", count(self.checkpoints)),
            (
                "gopher_failed_checkpoints_total",
                "Checkpoints that this process could not save.",
                count(self.failed_checkpoints),
            ),
        ];
        for (name, help, value) in counters {
            metric("counter", name, help, value)?;
        }
        let mut info = |name: &str, help: &str, label: &str, value: &str| {
            writeln!(
                f,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{{label}=\"{}\"}} 1",
                escape(value)
            )
        };
        info("gopher_build_info", "Version of the program.", "version", env!("CARGO_PKG_VERSION"))?;
        match &self.run {
            Some(run) => info("gopher_run_info", "The run directory.", "run", &run.to_string_lossy()),
            None => Ok(()),
        }
    }
}

/// A number as the format writes it.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            value if value.is_infinite() => f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }),
            value => write!(f, "{value}"),
        }
    }
}

/// The value of a label.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;
    use std::time::{Duration, UNIX_EPOCH};

    fn record(step: u64) -> Record {
        Record { validation_loss: (step == 1).then_some(2.75), ..metrics::tests::record(step) }
    }

    #[track_caller]
    fn check(numbers: &Numbers, lines: &[&str]) {
        let page = numbers.to_string();
        for line in lines {
            assert!(page.lines().any(|other| other == *line), "no line {line:?} in:\n{page}");
        }
        // Every value has its help and its type, once.
        let samples = page.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(page.matches("# HELP ").count(), samples, "{page}");
        assert_eq!(page.matches("# TYPE ").count(), samples, "{page}");
    }

    #[test]
    fn a_page_has_what_is_known_and_no_more() {
        let mut numbers = Numbers::default();
        check(&numbers, &["gopher_steps_total 0"]);
        assert!(!numbers.to_string().contains("gopher_training_loss"));
        numbers.begin(Path::new("runs/a"), 7, 10);
        check(
            &numbers,
            &["gopher_completed_steps 7", "gopher_planned_steps 10", "gopher_run_info{run=\"runs/a\"} 1"],
        );
        numbers.step(&record(1), UNIX_EPOCH + Duration::from_millis(1500));
        numbers.step(&record(2), UNIX_EPOCH + Duration::from_millis(2500));
        check(
            &numbers,
            &[
                "# TYPE gopher_training_loss gauge",
                "gopher_training_loss 2.5",
                // Of an earlier step.
                "gopher_validation_loss 2.75",
                "gopher_step_seconds 0.5",
                "gopher_last_step_timestamp_seconds 2.5",
                "# TYPE gopher_steps_total counter",
                "gopher_steps_total 2",
                "gopher_step_seconds_total 1",
                "gopher_tokens_total 2048",
                "gopher_trained_tokens 2048",
            ],
        );
        assert!(
            !numbers.to_string().contains("gopher_mfu_ratio")
                && !numbers.to_string().contains("checkpoint_step")
        );
        numbers.saved(UNIX_EPOCH + Duration::from_secs(3));
        numbers.save_failed();
        check(
            &numbers,
            &["gopher_checkpoint_step 2", "gopher_checkpoints_total 1", "gopher_failed_checkpoints_total 1"],
        );
    }

    #[test]
    fn numbers_that_are_not_finite_and_labels_with_quotes_have_their_own_spelling() {
        let mut numbers = Numbers::default();
        numbers.begin(Path::new("a\"b\\c\nd"), 0, 1);
        numbers.step(&Record { loss: f64::NAN, grad_norm: f64::INFINITY, ..record(1) }, UNIX_EPOCH);
        check(
            &numbers,
            &[
                "gopher_training_loss NaN",
                "gopher_gradient_norm +Inf",
                "gopher_run_info{run=\"a\\\"b\\\\c\\nd\"} 1",
            ],
        );
    }
}
