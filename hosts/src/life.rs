//! Signs of life, and noticing when those of others stop.
//!
//! Process 0 looks after all others, and they after it: what it finds they learn from it. Only this process's own clock is
//! used, and only while the store answers, so that neither clocks that disagree nor a store that is away for a while make
//! anyone look lost.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Instant;

use super::Error;
use super::group::Members;

/// The value that a process leaves in place of its last sign of life when it ends well.
const DONE: &str = "done";

/// The thread that gives signs of life.
#[derive(Debug)]
pub(super) struct Life {
    members: Arc<Members>,
    /// Dropped to end the thread.
    running: Sender<()>,
    thread: JoinHandle<()>,
}

impl Life {
    pub(super) fn begin(members: Arc<Members>, on_loss: impl FnOnce(Error) + Send + 'static) -> Life {
        let (running, ended) = mpsc::channel::<()>();
        let mut watch = Watch::new(members.clone());
        let thread = std::thread::spawn(move || {
            loop {
                if let Err(loss) = watch.look() {
                    return on_loss(loss);
                }
                match ended.recv_timeout(watch.members.patience.sign) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return,
                }
            }
        });
        Life { members, running, thread }
    }

    /// Stops, and says that this process ended well.
    pub(super) fn end(self) {
        let members = self.members.clone();
        self.stop();
        // A store that is gone: the others notice it themselves.
        let _ = members.store.put_text(&key(members.index), DONE);
    }

    /// Stops, and says nothing.
    pub(super) fn stop(self) {
        drop(self.running);
        // The thread itself may be the one that ends the process.
        if self.thread.thread().id() != std::thread::current().id() {
            let _ = self.thread.join();
        }
    }
}

fn key(index: usize) -> String {
    format!("alive/{index}")
}

/// The signs of life seen of the other processes.
struct Watch {
    members: Arc<Members>,
    signs: u64,
    others: Vec<Other>,
    /// When the store was last asked.
    asked: Instant,
    /// When it last answered.
    answered: Instant,
}

struct Other {
    index: usize,
    last: Option<String>,
    /// The time when its sign last changed, moved on by the time for which the store did not answer.
    since: Instant,
}

impl Watch {
    fn new(members: Arc<Members>) -> Watch {
        let now = Instant::now();
        let others = if members.index == 0 { 1..members.count } else { 0..1 };
        let others = others.map(|index| Other { index, last: None, since: now }).collect();
        Watch { members, signs: 0, others, asked: now, answered: now }
    }

    /// Gives a sign of life, and looks at those of others.
    ///
    /// # Errors
    /// [`Error::Failed`] when another process has failed or is lost. A store that does not answer is no error, unless it is the
    /// one that process 0 holds.
    fn look(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        match self.ask(now) {
            Err(Error::Store(error))
                if self.members.is_store_of_first && now - self.answered >= self.members.patience.loss =>
            {
                let silent = (now - self.answered).as_secs();
                let reason = error.message;
                Err(Error::Failed(format!(
                    "process 0, which holds the store, has not answered for {silent} s ({reason}): it has ended, was killed, \
                     or its host is gone"
                )))
            }
            Err(Error::Store(_)) => {
                let away = now - self.asked;
                self.others.iter_mut().for_each(|other| other.since += away);
                self.asked = now;
                Ok(())
            }
            result => {
                (self.asked, self.answered) = (now, now);
                result
            }
        }
    }

    fn ask(&mut self, now: Instant) -> Result<(), Error> {
        let Members { store, patience, index, count, .. } = &*self.members;
        self.signs += 1;
        store.put_text(&key(*index), &self.signs.to_string())?;
        self.members.check_failure()?;
        if *index == 0 && self.members.is_superseded()? {
            return Err(Error::Superseded { index: *index, count: *count });
        }
        for other in &mut self.others {
            let sign = store.text(&key(other.index))?;
            if sign != other.last {
                (other.last, other.since) = (sign, now);
                continue;
            }
            let silent = now - other.since;
            if silent < patience.loss {
                continue;
            }
            let what = match other.last.as_deref() {
                Some(DONE) => format!("process {} ended {} s ago", other.index, silent.as_secs()),
                _ => format!(
                    "process {} has shown no sign of life for {} s: it was killed, or its host is gone",
                    other.index,
                    silent.as_secs()
                ),
            };
            self.members.put_failure(&what);
            return Err(Error::Failed(what));
        }
        Ok(())
    }
}
