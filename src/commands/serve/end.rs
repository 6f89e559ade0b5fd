//! SIGTERM and Ctrl-C: finish what is under way; a second signal ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// How often it is looked whether a signal has come.
const POLL: Duration = Duration::from_millis(20);

/// Whether a signal has come.
pub struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Listens for signals.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Self> {
        let has_come = Arc::new(AtomicBool::new(false));
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
            // In this order: the first signal finds it false, and makes it true.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&has_come))?;
            flag::register(signal, Arc::clone(&has_come))?;
        }
        Ok(Self(has_come))
    }

    /// Waits for one.
    pub async fn wait(&self) {
        while !self.0.load(Ordering::Relaxed) {
            tokio::time::sleep(POLL).await;
        }
    }
}
