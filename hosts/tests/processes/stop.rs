//! Stopping before the same step, whoever wishes it and whenever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::memory::{all, each};
use crate::patience;

/// The loop of a training as far as it matters here: a step is started before the loss of the one before is read, and a
/// loss can be read once every process has started that step. Returns how many steps were started.
fn train(
    process: usize,
    started: &[AtomicU64],
    wish_at: Option<u64>,
    should_stop: &dyn Fn() -> bool,
    wish: &AtomicBool,
) -> u64 {
    for step in 1.. {
        if wish_at == Some(step) {
            wish.store(true, Ordering::Relaxed);
        }
        if should_stop() {
            return step - 1;
        }
        started[process].store(step, Ordering::Release);
        let seed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7 * process as u32);
        thread::sleep(Duration::from_micros(seed % 400));
        while started.iter().any(|other| other.load(Ordering::Acquire) < step - 1) {
            thread::yield_now();
        }
    }
    unreachable!("the loop has no end")
}

#[test]
fn all_processes_stop_before_the_same_step_two_after_process_0_learns_of_it() {
    for who in 0..3 {
        for when in [1, 2, 3, 20] {
            let groups = all(&Arc::default(), 3, patience());
            let started: Vec<AtomicU64> = (0..3).map(|_| AtomicU64::new(0)).collect();
            let steps = each(3, |index| {
                let wish = AtomicBool::new(false);
                let stopping = groups[index].0.stopping();
                let should_stop = || stopping.should_stop(&|| wish.load(Ordering::Relaxed));
                train(index, &started, (index == who).then_some(when), &should_stop, &wish)
            });
            assert!(steps.iter().all(|&count| count == steps[0]), "{who} {when}: {steps:?}");
            // Process 0 is one step behind the one that wishes, or ahead of it, and asks before the second step after.
            assert!((when..=when + 3).contains(&steps[0]), "{who} {when}: {steps:?}");
        }
    }
}

/// As [`train`], of steps between which something is done when process 0 finds it time: after which steps it was.
fn train_with_appointments(
    process: usize,
    started: &[AtomicU64],
    steps: u64,
    is_due: &dyn Fn() -> bool,
) -> Vec<u64> {
    let mut done = Vec::new();
    for step in 1..=steps {
        if is_due() {
            done.push(step - 1);
        }
        started[process].store(step, Ordering::Release);
        let seed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7 * process as u32);
        thread::sleep(Duration::from_micros(seed % 400));
        while started.iter().any(|other| other.load(Ordering::Acquire) < step - 1) {
            thread::yield_now();
        }
    }
    done
}

#[test]
fn all_processes_keep_the_same_appointments_by_the_clock_of_process_0() {
    for every in [1, 3, 10] {
        let groups = all(&Arc::default(), 3, patience());
        let started: Vec<AtomicU64> = (0..3).map(|_| AtomicU64::new(0)).collect();
        let done = each(3, |index| {
            let appointment = groups[index].0.appointment("save");
            let asked = AtomicU64::new(0);
            // The others would do it at other times.
            let is_time = || asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(every + index as u64);
            train_with_appointments(index, &started, 60, &|| appointment.is_due(&is_time))
        });
        assert!(done.iter().all(|steps| *steps == done[0]), "{every}: {done:?}");
        assert!(done[0].len() >= 60 / (every as usize + 4) && done[0][0] == 2, "{every}: {:?}", done[0]);
    }
}
