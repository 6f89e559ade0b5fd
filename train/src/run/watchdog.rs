//! The watchdog: a thread that reports a hang when no step ends in time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use configuration::{HangPolicy, Incidents};

use crate::events::{Log, RunEvent};
use crate::observer::Hang;

/// Steps that the median time is taken of.
const STEPS: usize = 101;

/// Fewer steps than this have no median worth the name: the first one is slower.
const ENOUGH: usize = 3;

/// The kinds of waits of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// None: the host is between two steps.
    Nothing,
    Batch,
    Start,
    Step,
    Validation,
    Save,
    Load,
}

impl Wait {
    /// Whether only the device can end the wait.
    fn is_for_device(self) -> bool {
        matches!(self, Wait::Start | Wait::Step | Wait::Validation)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Nothing => "nothing",
            Wait::Batch => "the batch to be read",
            Wait::Start => "the device to take the step",
            Wait::Step => "the device to finish the step",
            Wait::Validation => "the device to finish the validation after it",
            Wait::Save => "the checkpoint to be written",
            Wait::Load => "a checkpoint to be read",
        })
    }
}

/// Watches the steps of a run as long as it lives.
pub(super) struct Watchdog {
    shared: Option<Arc<Shared>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    watch: Mutex<Watch>,
    /// Wakes the thread when it is to end.
    ended: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Watch> {
        // It holds numbers, which are sound whoever panicked.
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// Begins to watch; `alarm` is called on another thread.
    pub(super) fn start(policies: &Incidents, log: Log, alarm: Box<dyn Fn(&Hang) + Send>) -> Watchdog {
        if policies.hang == HangPolicy::Off {
            return Watchdog { shared: None, thread: None };
        }
        let watch = Watch::new(policies);
        let poll = Duration::from_secs_f64((watch.shortest() / 10.0).clamp(0.01, 1.0));
        let shared = Arc::new(Shared { watch: Mutex::new(watch), ended: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let shared = of_thread;
            let mut before = Instant::now();
            let mut watch = shared.lock();
            while !watch.over {
                (watch, _) = shared.ended.wait_timeout(watch, poll).unwrap_or_else(PoisonError::into_inner);
                let elapsed = before.elapsed();
                before = Instant::now();
                // If this thread stood still as well, so did the whole process.
                if let Some(hang) = watch.tick(elapsed.min(poll * 2).as_secs_f64()) {
                    drop(watch);
                    let Hang { step, seconds, abort, .. } = hang;
                    let waiting_for = hang.waiting_for.clone();
                    // A log that cannot be written must not keep the alarm from being heard.
                    let _ = log.write(&RunEvent::Hang { step, waiting_for, seconds, abort });
                    alarm(&hang);
                    watch = shared.lock();
                }
            }
        });
        Watchdog { shared: Some(shared), thread: Some(thread) }
    }

    /// Notes that the host waits for something from now on, for the sake of this step.
    pub(super) fn waits(&self, step: u64, wait: Wait) {
        if let Some(shared) = &self.shared {
            let mut watch = shared.lock();
            (watch.step, watch.wait) = (step, wait);
        }
    }

    /// Notes that something has ended: a step, whose time in seconds is given, or something else that takes long.
    pub(super) fn ended(&self, step_seconds: Option<f64>) {
        if let Some(shared) = &self.shared {
            shared.lock().ended(step_seconds);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.lock().over = true;
            shared.ended.notify_all();
        }
        if let Some(thread) = self.thread.take() {
            // It has only panicked if the alarm did, which has been reported.
            let _ = thread.join();
        }
    }
}

/// A timer of the time since something ended, with the limit above which that is a hang. It does not look at the clock
/// itself.
struct Watch {
    factor: f64,
    seconds: f64,
    abort: bool,
    step: u64,
    wait: Wait,
    /// Time since something ended.
    waited: f64,
    /// That time at the last report.
    said: Option<f64>,
    /// Times of the last steps.
    times: VecDeque<f64>,
    over: bool,
}

impl Watch {
    fn new(policies: &Incidents) -> Watch {
        Watch {
            factor: policies.hang_factor,
            seconds: policies.hang_seconds,
            abort: policies.hang == HangPolicy::Abort,
            step: 0,
            wait: Wait::Nothing,
            waited: 0.0,
            said: None,
            times: VecDeque::new(),
            over: false,
        }
    }

    /// No wait shorter than this is too long.
    fn shortest(&self) -> f64 {
        self.seconds
    }

    fn median(&self) -> Option<f64> {
        if self.times.len() < ENOUGH {
            return None;
        }
        let mut times: Vec<f64> = self.times.iter().copied().collect();
        times.sort_by(f64::total_cmp);
        Some(times[times.len() / 2])
    }

    fn too_long(&self) -> f64 {
        match self.median() {
            Some(median) => (self.factor * median).max(self.seconds),
            None => self.factor * self.seconds,
        }
    }

    /// Adds elapsed time; whether a hang is to be reported.
    fn tick(&mut self, elapsed: f64) -> Option<Hang> {
        self.waited += elapsed;
        let due = self.said.map_or_else(|| self.too_long(), |said| 2.0 * said);
        if self.wait == Wait::Nothing || self.waited < due {
            return None;
        }
        self.said = Some(self.waited);
        Some(Hang {
            step: self.step,
            seconds: self.waited,
            median: self.median(),
            waiting_for: self.wait.to_string(),
            abort: self.abort && self.wait.is_for_device(),
        })
    }

    fn ended(&mut self, step_seconds: Option<f64>) {
        (self.waited, self.said) = (0.0, None);
        if let Some(seconds) = step_seconds {
            self.times.push_back(seconds);
            if self.times.len() > STEPS {
                self.times.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configuration::Config;

    /// 10 times the median step, and at least 2 seconds.
    fn watch(hang: HangPolicy) -> Watch {
        let quick_start = Config::quick_start().unwrap().incidents;
        let mut watch = Watch::new(&Incidents { hang, hang_factor: 10.0, hang_seconds: 2.0, ..quick_start });
        (watch.step, watch.wait) = (7, Wait::Step);
        watch
    }

    /// Seconds, of 1000, after which it says something.
    fn said(watch: &mut Watch) -> Vec<usize> {
        (1..=1000).filter(|_| watch.tick(1.0).is_some()).collect()
    }

    #[test]
    fn a_step_that_takes_many_times_the_median_is_spoken_of_each_time_its_time_has_doubled() {
        let mut watch = watch(HangPolicy::Note);
        for seconds in [5.0, 3.0, 100.0, 3.0, 3.0] {
            watch.ended(Some(seconds));
        }
        assert_eq!(said(&mut watch), [30, 60, 120, 240, 480, 960]);
        watch.ended(Some(3.0));
        assert_eq!(said(&mut watch)[0], 30, "it begins anew");
    }

    #[test]
    fn quick_steps_have_the_least_time_and_first_ones_the_most() {
        let mut watch = watch(HangPolicy::Note);
        assert_eq!(said(&mut watch)[0], 20, "no median yet");
        for _ in 0..3 {
            watch.ended(Some(0.001));
        }
        assert_eq!(said(&mut watch)[0], 2);
    }

    #[test]
    fn only_a_device_that_hangs_is_a_reason_to_end() {
        let aborts = |hang, wait| {
            let mut watch = watch(hang);
            watch.wait = wait;
            watch.tick(100.0).map(|hang| hang.abort)
        };
        assert_eq!(aborts(HangPolicy::Note, Wait::Step), Some(false));
        for wait in [Wait::Start, Wait::Step, Wait::Validation] {
            assert_eq!(aborts(HangPolicy::Abort, wait), Some(true));
        }
        for wait in [Wait::Batch, Wait::Save, Wait::Load] {
            assert_eq!(aborts(HangPolicy::Abort, wait), Some(false));
        }
        assert_eq!(aborts(HangPolicy::Abort, Wait::Nothing), None);
    }

    #[test]
    fn the_line_says_which_step_how_long_and_what_for() {
        let mut watch = watch(HangPolicy::Note);
        let line = watch.tick(25.0).unwrap().to_string();
        assert_eq!(line, "step 7 has not ended for 25.0 s; waiting for the device to finish the step");
        (0..3).for_each(|_| watch.ended(Some(0.25)));
        watch.wait = Wait::Save;
        let line = watch.tick(2.5).unwrap().to_string();
        assert_eq!(
            line,
            "step 7 has not ended for 2.5 s, and the median step takes 0.250 s; waiting for the checkpoint to be written"
        );
    }
}
