//! What is said of wheels on their way where no line can be rewritten: a line at the beginning, and one every ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use runtime::Progress;
use wheels::Stage;

use super::{bytes, note};

/// Time between two lines about one wheel.
const INTERVAL: Duration = Duration::from_secs(10);

/// Says on standard error which wheel is being fetched, and now and then how much of it is there.
pub fn fetching(progress: Progress) {
    static LINES: Mutex<Lines> = Mutex::new(Lines { last: None });
    // Whoever panicked while holding it has left a time in it, and nothing that is half written.
    let line = LINES.lock().unwrap_or_else(PoisonError::into_inner).line(progress, Instant::now());
    if let Some(line) = line {
        note(line);
    }
}

/// The last line of a wheel: what it was about, and when.
struct Lines {
    last: Option<(String, Instant)>,
}

impl Lines {
    /// The line that is due, if one is.
    fn line(&mut self, Progress { name, version, stage }: Progress, now: Instant) -> Option<String> {
        let (what, amount) = match stage {
            Stage::Waiting => (format!("waiting for another process that fetches {name} {version}"), None),
            Stage::Downloading { received, total } => {
                (format!("fetching {name} {version}"), Some((received, total)))
            }
            Stage::Unpacking { written, total } => {
                (format!("unpacking {name} {version}"), Some((written, total)))
            }
            Stage::Installed => (format!("{name} {version} is in the cache"), None),
            _ => return None,
        };
        let again = match &self.last {
            Some((last, _)) if *last != what => false,
            Some((_, said)) if now.duration_since(*said) < INTERVAL => return None,
            last => last.is_some(),
        };
        self.last = Some((what.clone(), now));
        Some(match amount {
            Some((done, total)) if again => format!("{what}: {} of {}", bytes(done), bytes(total)),
            Some((_, total)) => format!("{what} ({})", bytes(total)),
            None => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_has_a_line_at_once_and_one_every_ten_seconds() {
        let start = Instant::now();
        let mut lines = Lines { last: None };
        let mut said = Vec::new();
        let mut at = |seconds: u64, stage: Stage| {
            let progress = Progress { name: "libtpu", version: "0.0.52", stage };
            said.extend(lines.line(progress, start + Duration::from_secs(seconds)));
        };
        let total = 30 << 20;
        for second in 0..9 {
            at(second, Stage::Downloading { received: 0, total });
        }
        for second in 9..25 {
            at(second, Stage::Downloading { received: second << 20, total });
        }
        at(25, Stage::Unpacking { written: 0, total });
        at(26, Stage::Unpacking { written: total, total });
        at(27, Stage::Installed);
        assert_eq!(
            said,
            [
                "fetching libtpu 0.0.52 (30.00 MiB)",
                "fetching libtpu 0.0.52: 10.00 MiB of 30.00 MiB",
                "fetching libtpu 0.0.52: 20.00 MiB of 30.00 MiB",
                "unpacking libtpu 0.0.52 (30.00 MiB)",
                "libtpu 0.0.52 is in the cache",
            ]
        );
    }
}
