//! A line that says how far a work of many parts is, and how long the rest may take.

use std::time::{Duration, Instant};

use super::{grouped, line, note};

/// Where it is not a terminal, how often it is said how far the work is.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often the line of a terminal is written anew.
const REDRAW: Duration = Duration::from_millis(100);

/// Parts from which it is said how long the others may take.
const ENOUGH: usize = 20;

/// The line.
pub struct Counter {
    begin: Instant,
    last: Option<Instant>,
    terminal: bool,
    /// What is counted, such as `documents`.
    what: &'static str,
    /// Nothing is said before.
    patience: Duration,
}

impl Counter {
    /// A line that counts these, from now on.
    pub fn new(what: &'static str) -> Self {
        Self {
            begin: Instant::now(),
            last: None,
            terminal: line::is_possible(),
            what,
            patience: Duration::ZERO,
        }
    }

    /// The same, of a work that is mostly done at once: nothing is said in the first second.
    pub fn patient(what: &'static str) -> Self {
        Self { patience: Duration::from_secs(1), ..Self::new(what) }
    }

    /// Says that `done` of `of` parts are done, of which `found` were done before.
    pub fn show(&mut self, name: &str, done: usize, found: usize, of: usize) {
        if self.begin.elapsed() < self.patience {
            return;
        }
        let interval = if self.terminal { REDRAW } else { INTERVAL };
        if self.last.is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        self.last = Some(Instant::now());
        let seconds = self.begin.elapsed().as_secs_f64();
        let fresh = done - found;
        let left = if fresh >= ENOUGH {
            let left = seconds / fresh as f64 * (of - done) as f64;
            format!(", about {} left", duration(left))
        } else {
            String::new()
        };
        let what = self.what;
        let text = format!("{name}: {} of {} {what}{left}", grouped(done as u64), grouped(of as u64));
        if self.terminal {
            line::rewrite(&text);
        } else {
            note(text);
        }
    }
}

fn duration(seconds: f64) -> String {
    match seconds as u64 {
        seconds @ 0..=89 => format!("{seconds} s"),
        seconds @ 90..=5399 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}
