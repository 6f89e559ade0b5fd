//! Ctrl-C, SIGTERM and SIGHUP: finish the step and save, within a deadline if there is one; a second signal quits at once.
//!
//! SIGHUP says that the terminal is gone. It comes twice then, from the system and from the shell, and often with SIGTERM: it
//! only ever asks to stop, once there is something to save. A process that is to outlive its terminal (`nohup`) ignores it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};
use store::leftovers;

/// Exit code of a signal: 128 and its number, as shells say it.
const SIGNALS: [(i32, i32); 2] = [(SIGINT, 130), (SIGTERM, 143)];
const HANGUP: (i32, i32) = (SIGHUP, 129);

/// How often the deadline's thread looks.
const POLL: Duration = Duration::from_millis(20);

/// Ends the program at once, with all its threads.
pub fn quit(code: i32) -> ! {
    low_level::exit(code)
}

/// The requests that signals have made.
pub struct Signals {
    /// Exit code of the last signal that asked to finish; 0 before.
    stop: Arc<AtomicUsize>,
    /// Whether there is nothing to save yet.
    preparing: Arc<AtomicBool>,
    /// Tells other processes that this one ends, while there is nothing to save.
    farewell: Once,
    /// Says that the signal is heard, while there is something to save.
    heard: Once,
    /// Whether everything is saved, or given up.
    settled: Arc<AtomicBool>,
}

/// What is called once.
type Once = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

fn call(once: &Once) {
    let call = once.lock().unwrap_or_else(PoisonError::into_inner).take();
    call.into_iter().for_each(|call| call());
}

fn set(once: &Once, call: impl FnOnce() + Send + 'static) {
    *once.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(call));
}

impl Signals {
    /// Until [`Signals::finish_steps`], a signal ends the program, which leaves nothing of what is not whole: there is nothing
    /// to save.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Signals> {
        let (stop, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for (signal, code) in SIGNALS {
            // They are called in this order: the second one quits at once.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&second))?;
            flag::register_usize(signal, Arc::clone(&stop), code as usize)?;
            flag::register(signal, Arc::clone(&second))?;
        }
        if !is_ignored(HANGUP.0) {
            flag::register_usize(HANGUP.0, Arc::clone(&stop), HANGUP.1 as usize)?;
        }
        let preparing = Arc::new(AtomicBool::new(true));
        let (farewell, heard, settled) = (Once::default(), Once::default(), Arc::default());
        let signals = Signals { stop, preparing, farewell, heard, settled };
        signals.watch();
        Ok(signals)
    }

    /// Ends the program at a signal, as long as there is nothing to save.
    fn watch(&self) {
        let (stop, preparing) = (Arc::clone(&self.stop), Arc::clone(&self.preparing));
        let farewell = Arc::clone(&self.farewell);
        // The thread of the program may be at work for long, in a compiler.
        thread::spawn(move || {
            while preparing.load(Ordering::SeqCst) {
                let code = stop.load(Ordering::SeqCst);
                if code != 0 && preparing.swap(false, Ordering::SeqCst) {
                    leftovers::remove();
                    call(&farewell);
                    quit(code as i32);
                }
                thread::sleep(POLL);
            }
        });
    }

    /// After a training whose state is saved: until the next [`Signals::finish_steps`], there is nothing to save again.
    pub fn prepare_again(&self) {
        self.settled.store(false, Ordering::SeqCst);
        if !self.preparing.swap(true, Ordering::SeqCst) {
            self.watch();
        }
    }

    /// Sees to it that a signal before [`Signals::finish_steps`] does not end the program without a word to others.
    pub fn say_farewell(&self, farewell: impl FnOnce() + Send + 'static) {
        set(&self.farewell, farewell);
    }

    /// From now on the first signal only asks to stop, and `asked_to_stop` is called at once. If there is a deadline, the program
    /// ends when that time has gone by since the signal, with the signal's exit code, after a call of `give_up`.
    pub fn finish_steps(
        &self,
        deadline: Option<Duration>,
        asked_to_stop: impl FnOnce() + Send + 'static,
        give_up: impl FnOnce() + Send + 'static,
    ) {
        set(&self.heard, asked_to_stop);
        self.preparing.store(false, Ordering::SeqCst);
        let (stop, settled) = (Arc::clone(&self.stop), Arc::clone(&self.settled));
        let heard = Arc::clone(&self.heard);
        // It ends with the program: nobody waits for it.
        thread::spawn(move || {
            while stop.load(Ordering::SeqCst) == 0 {
                thread::sleep(POLL);
            }
            let asked = Instant::now();
            if settled.load(Ordering::SeqCst) {
                return;
            }
            // A step may be long, and whoever sees nothing asks again.
            call(&heard);
            let Some(deadline) = deadline else { return };
            while asked.elapsed() < deadline {
                thread::sleep(POLL.min(deadline.saturating_sub(asked.elapsed())));
            }
            if settled.swap(true, Ordering::SeqCst) {
                return;
            }
            give_up();
            // At once: nothing of the plugin, whose threads are at work, is taken apart.
            quit(stop.load(Ordering::SeqCst) as i32);
        });
    }

    /// Everything is saved: nothing is left for the deadline to end.
    pub fn saved(&self) {
        self.settled.store(true, Ordering::SeqCst);
    }

    /// The exit code of the signal that has asked to stop, if one has.
    pub fn stop(&self) -> Option<u8> {
        match self.stop.load(Ordering::SeqCst) {
            0 => None,
            code => {
                call(&self.heard);
                Some(code as u8)
            }
        }
    }
}

/// Whether this process was started with a signal ignored, as Linux says it.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
