//! The observer of one of several processes.

use std::path::Path;

use hosts::{Group, Stopping};

use crate::observer::{Event, Hang, Observer};

/// An observer whose wish to stop, in any process, stops all of them before the same step.
pub(super) struct MultiHostObserver<'a> {
    observer: &'a mut dyn Observer,
    group: &'a Group,
    run: &'a Path,
    stopping: Stopping<'a>,
}

impl<'a> MultiHostObserver<'a> {
    /// The observer of a training in the directory `run`.
    pub(super) fn new(
        group: &'a Group,
        run: &'a Path,
        observer: &'a mut dyn Observer,
    ) -> MultiHostObserver<'a> {
        MultiHostObserver { observer, group, run, stopping: group.stopping() }
    }
}

impl Observer for MultiHostObserver<'_> {
    /// Only process 0 reports saves, and the run directory stands in for the temporary folder of another process.
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Saved { .. } if !self.group.is_first() => {}
            Event::Begin { completed, steps, .. } => {
                self.observer.event(Event::Begin { run: self.run, completed, steps });
            }
            event => self.observer.event(event),
        }
    }

    /// A process that ends because its device hangs tells the others, so that they end too.
    fn alarm(&self) -> Box<dyn Fn(&Hang) + Send> {
        let (alarm, fail) = (self.observer.alarm(), self.group.failing());
        Box::new(move |hang| {
            if hang.abort {
                fail(&hang.to_string());
            }
            alarm(hang);
        })
    }

    fn should_stop(&self) -> bool {
        self.stopping.should_stop(&|| self.observer.should_stop())
    }
}
