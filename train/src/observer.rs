//! The observer of a training: the interface through which a caller hears of events and may stop it.

use std::fmt;
use std::path::Path;

use monitor::metrics::Record;
use runtime::Progress;
use store::checkpoint;

/// A receiver of events, which also says when training is to stop.
pub trait Observer {
    /// Receives an event.
    fn event(&mut self, event: Event<'_>);

    /// Whether to stop; asked between steps. Steps under way are finished, and their state is saved.
    fn should_stop(&self) -> bool {
        false
    }

    /// A callback for a hang, called from another thread when no step ends in time. If [`Hang::abort`] is set, it is to
    /// end the program.
    fn alarm(&self) -> Box<dyn Fn(&Hang) + Send> {
        Box::new(|_| {})
    }
}

/// An event of a training. Events come in this order.
#[derive(Debug)]
pub enum Event<'a> {
    /// A wheel is being fetched.
    Fetch(Progress),
    /// One line about what is being done or was noticed.
    Note(String),
    /// Everything is ready, and the first step is about to start. From here on, [`Observer::should_stop`] is asked.
    Begin {
        /// The run directory.
        run: &'a Path,
        /// Steps completed before.
        completed: u64,
        /// Steps of the whole run.
        steps: u64,
    },
    /// No more steps will be taken, and what there was to save is saved. [`Observer::should_stop`] is not asked any more.
    End,
    /// A step is done.
    Step {
        /// Its metrics.
        record: &'a Record,
        /// Steps of the whole run.
        steps: u64,
    },
    /// A checkpoint was saved.
    Saved {
        /// Its folder.
        checkpoint: &'a Path,
        /// Bytes of its tensors.
        bytes: usize,
        /// From asking for it to its being on disk.
        seconds: f64,
        /// How long training waited for it.
        waited_seconds: f64,
    },
    /// A checkpoint could not be saved. Training goes on; if the next one fails too, it ends.
    SaveFailed {
        /// The step whose state is not saved.
        step: u64,
        /// Why.
        error: &'a checkpoint::Error,
    },
}

/// A hang: no step has ended for too long.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Hang {
    /// The step under way.
    pub step: u64,
    /// For how long nothing has ended.
    pub seconds: f64,
    /// The median time of the last steps, in seconds, if there were enough.
    pub median: Option<f64>,
    /// What the host waits for.
    pub waiting_for: String,
    /// Whether the program is to end: nothing else can end a wait for a device that hangs.
    pub abort: bool,
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, seconds, waiting_for, .. } = self;
        write!(f, "step {step} has not ended for {seconds:.1} s")?;
        if let Some(median) = self.median {
            write!(f, ", and the median step takes {median:.3} s")?;
        }
        write!(f, "; waiting for {waiting_for}")
    }
}
