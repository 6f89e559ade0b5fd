//! Ctrl-C: finish the step and save; a second one quits at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What signals have asked for.
pub struct Signals {
    /// Finish and save.
    stop: Arc<AtomicBool>,
    /// The next signal quits at once.
    quit: Arc<AtomicBool>,
}

impl Signals {
    /// Until [`Signals::finish_steps`], a signal quits at once: nothing is half-written, and there is nothing to save.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Signals> {
        let (stop, quit) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        // 128 + the signal's number, as shells say it.
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
            // They are called in this order.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&quit))?;
            flag::register(signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&quit))?;
        }
        Ok(Signals { stop, quit })
    }

    /// From now on the first signal only asks to stop.
    pub fn finish_steps(&self) {
        self.quit.store(false, Ordering::SeqCst);
    }

    /// Whether a signal has asked to stop.
    pub fn stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
