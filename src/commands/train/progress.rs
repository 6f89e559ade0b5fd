//! Progress on standard error: one line that is rewritten on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use monitor::metrics::Record;
use wheels::Stage;

use crate::output::{bytes, fetching};

/// The progress display: its terminal, and the last line shown.
pub struct Progress {
    terminal: bool,
    /// Whether the terminal's last line is one to be rewritten.
    open: bool,
    shown: Option<Instant>,
    /// Seconds per step, smoothed.
    pace: Option<f64>,
    validation_loss: Option<f64>,
}

const BAR: usize = 20;

impl Progress {
    pub fn new() -> Progress {
        let terminal = stderr().is_terminal();
        Progress { terminal, open: false, shown: None, pace: None, validation_loss: None }
    }

    /// A line that stays.
    pub fn note(&mut self, text: &str) {
        self.clear();
        self.write(&format!("{text}\n"));
    }

    /// Removes the line that is rewritten.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.open) {
            self.write("\r\x1b[K");
        }
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
            _ => {
                self.clear();
                fetching(progress);
            }
        }
    }

    /// Bytes done of what takes a while, on a terminal.
    pub fn amount(&mut self, doing: &str, done: u64, total: u64) {
        if self.terminal && (done == total || self.due(Duration::from_millis(100))) {
            self.rewrite(&format!("{doing}: {} of {}", bytes(done), bytes(total)));
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
        let validation =
            self.validation_loss.map(|loss| format!("  validation {loss:.3}")).unwrap_or_default();
        let text = format!(
            "step {}/{steps}  loss {:.3}{validation}  {rate:.0} tokens/s  {left} left",
            record.step, record.loss
        );
        if self.terminal {
            let full = (record.step * BAR as u64 / steps.max(1)) as usize;
            let bar = "█".repeat(full.min(BAR)) + &"░".repeat(BAR - full.min(BAR));
            self.rewrite(&format!("{bar} {text}"));
        } else {
            self.write(&format!("{text}\n"));
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

    fn rewrite(&mut self, text: &str) {
        if self.terminal {
            self.write(&format!("\r{text}\x1b[K"));
            self.open = true;
        }
    }

    fn write(&self, text: &str) {
        // Progress that nobody can see is no reason to stop.
        let _ = stderr().write_all(text.as_bytes());
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
}
