//! Progress on standard error: one line that is rewritten on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use monitor::metrics::Record;
use wheels::Stage;

use crate::output::line::{self, width};
use crate::output::{bytes, fetching, note};

/// The progress display, and when it was last renewed.
pub struct Progress {
    terminal: bool,
    shown: Option<Instant>,
    /// Seconds per step, smoothed.
    pace: Option<f64>,
    validation_loss: Option<f64>,
}

/// Columns of a bar at most, and of one that says something.
const BAR: usize = 20;
const SHORTEST_BAR: usize = 4;

impl Progress {
    pub fn new() -> Progress {
        let terminal = line::is_possible();
        Progress { terminal, shown: None, pace: None, validation_loss: None }
    }

    /// A line that stays.
    pub fn note(&mut self, text: &str) {
        note(text);
    }

    /// Removes the line that is rewritten.
    pub fn clear(&mut self) {
        line::clear();
    }

    /// A wheel on its way.
    pub fn fetch(&mut self, progress: runtime::Progress) {
        let amount = match progress.stage {
            Stage::Downloading { received, total } => Some(("fetching", received, total)),
            Stage::Unpacking { written, total } => Some(("unpacking", written, total)),
            _ => None,
        };
        match amount {
            Some((doing, done, total)) if self.terminal => {
                self.amount(&format!("{doing} {} {}", progress.name, progress.version), done, total);
            }
            _ => fetching(progress),
        }
    }

    /// Bytes done of what takes a while, on a terminal.
    pub fn amount(&mut self, doing: &str, done: u64, total: u64) {
        if self.terminal && (done == total || self.due(Duration::from_millis(100))) {
            line::rewrite(&format!("{doing}: {} of {}", bytes(done), bytes(total)));
        }
    }

    /// A step done.
    pub fn step(&mut self, record: &Record, steps: u64) {
        let pace = self.pace.map_or(record.seconds, |pace| pace + 0.1 * (record.seconds - pace));
        // The first step is slower than those that follow.
        self.pace = (record.step > 1).then_some(pace);
        self.validation_loss = record.validation_loss.or(self.validation_loss);
        let last = record.step == steps;
        let interval = if self.terminal { Duration::from_millis(100) } else { Duration::from_secs(10) };
        let wanted = last || record.validation_loss.is_some() && !self.terminal;
        if !self.due(interval) && !wanted {
            return;
        }
        let rate = record.tokens as f64 / record.step as f64 / pace;
        let left = duration((steps - record.step.min(steps)) as f64 * pace);
        let parts = Parts {
            step: format!("step {}/{steps}", record.step),
            loss: format!("loss {:.3}", record.loss),
            validation: self.validation_loss.map(|loss| format!("validation {loss:.3}")),
            rate: format!("{rate:.0} tokens/s"),
            left: format!("{left} left"),
        };
        if self.terminal {
            line::rewrite(&parts.fitting(line::columns(), record.step as f64 / steps.max(1) as f64));
        } else {
            note(parts.all());
        }
        self.shown = Some(Instant::now());
    }

    fn due(&mut self, interval: Duration) -> bool {
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= interval);
        if due {
            self.shown = Some(Instant::now());
        }
        due
    }
}

/// What is said of a step.
struct Parts {
    step: String,
    loss: String,
    validation: Option<String>,
    rate: String,
    left: String,
}

impl Parts {
    /// All of it.
    fn all(&self) -> String {
        self.first(5)
    }

    /// In their order, those that matter most: `count` of them.
    fn first(&self, count: usize) -> String {
        let parts = [
            (1, Some(&self.step)),
            (2, Some(&self.loss)),
            (5, self.validation.as_ref()),
            (4, Some(&self.rate)),
            (3, Some(&self.left)),
        ];
        let parts = parts.into_iter().filter(|(rank, _)| *rank <= count).filter_map(|(_, part)| part);
        parts.map(String::as_str).collect::<Vec<_>>().join("  ")
    }

    /// As much as fits in so many columns, and before it a bar of what is done if there is room.
    fn fitting(&self, columns: usize, done: f64) -> String {
        let text = (1..=5).rev().map(|count| self.first(count)).find(|text| width(text) <= columns);
        let text = text.unwrap_or_else(|| self.step.clone());
        let bar = BAR.min(columns.saturating_sub(width(&text) + 1));
        if bar < SHORTEST_BAR {
            return text;
        }
        let full = ((done * bar as f64) as usize).min(bar);
        format!("{}{} {text}", "█".repeat(full), "░".repeat(bar - full))
    }
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let texts = [0.4, 59.4, 59.6, 61.0, 3599.0, 7260.0].map(duration);
        assert_eq!(texts, ["0s", "59s", "1m00s", "1m01s", "59m59s", "2h01m"]);
    }

    #[test]
    fn a_narrow_terminal_shows_what_matters_most() {
        let parts = Parts {
            step: "step 378/1000".into(),
            loss: "loss 5.123".into(),
            validation: Some("validation 5.200".into()),
            rate: "51234 tokens/s".into(),
            left: "1m02s left".into(),
        };
        let check = |columns, expected: &str| {
            let line = parts.fitting(columns, 0.378);
            assert_eq!(line, expected);
            assert!(width(&line) <= columns || columns < 13);
        };
        let all = "step 378/1000  loss 5.123  validation 5.200  51234 tokens/s  1m02s left";
        check(199, &format!("███████░░░░░░░░░░░░░ {all}"));
        check(79, &format!("██░░░░░ {all}"));
        check(71, all);
        check(70, "██████░░░░░░░░░░ step 378/1000  loss 5.123  51234 tokens/s  1m02s left");
        check(39, "step 378/1000  loss 5.123  1m02s left");
        check(30, "█░░░ step 378/1000  loss 5.123");
        check(19, "█░░░░ step 378/1000");
        check(13, "step 378/1000");
        check(5, "step 378/1000");
        assert_eq!(parts.all(), all);
    }
}
