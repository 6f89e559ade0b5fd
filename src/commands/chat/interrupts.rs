//! Ctrl-C in a dialogue: it stops an answer, and not the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// How often it is looked whether a signal has come while there is no answer to stop.
const POLL: Duration = Duration::from_millis(50);

/// Signals that have come, and whether there is an answer that they stop.
pub struct Interrupts {
    asked: Arc<AtomicBool>,
    answering: Arc<AtomicBool>,
}

impl Interrupts {
    /// From now on a SIGINT stops an answer; `idle` is called for one that comes while there is none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install(idle: impl Fn() + Send + 'static) -> io::Result<Self> {
        let interrupts = Self { asked: Arc::default(), answering: Arc::default() };
        flag::register(SIGINT, Arc::clone(&interrupts.asked))?;
        let (asked, answering) = (Arc::clone(&interrupts.asked), Arc::clone(&interrupts.answering));
        // It ends with the program.
        thread::spawn(move || {
            loop {
                thread::sleep(POLL);
                if !answering.load(Ordering::SeqCst) && asked.swap(false, Ordering::SeqCst) {
                    idle();
                }
            }
        });
        Ok(interrupts)
    }

    /// An answer begins.
    pub fn begin(&self) {
        self.answering.store(true, Ordering::SeqCst);
        self.asked.store(false, Ordering::SeqCst);
    }

    /// Whether the answer is to stop.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// The answer is over. A signal that came as it ended was meant for it.
    pub fn end(&self) {
        self.asked.store(false, Ordering::SeqCst);
        self.answering.store(false, Ordering::SeqCst);
    }
}
