//! The engine: one thread that has the device and answers many requests at once.
//!
//! Between two steps of the texts under way it takes what has come, gives up what nobody waits for, reads a part of one prompt, and
//! lets scoring make one call (`desk.rs`). Whoever asks talks to it through channels.

mod answer;
mod desk;
mod draw;
mod task;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use data::Tokenizer;
use tokio::sync::oneshot;

use self::desk::Desk;
pub use self::task::{Event, Failure, Finish, Task, TokenScore};
use crate::metrics::Metrics;
use crate::model::Model;

/// Failures of the device one after another, with no text finished in between, that end the engine.
const FAILURES: u32 = 3;

/// The answer to a wish for newer parameters: the step that they are of, and whether they are other ones.
type Reloaded = Result<(u64, bool), String>;

enum Message {
    Tasks(Vec<Task>),
    Reload(oneshot::Sender<Reloaded>),
}

/// The queue has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Answers that wait.
    pub waiting: u64,
}

/// A way to the engine. When the last one is dropped, it finishes what it has and ends.
#[derive(Clone)]
pub struct Handle {
    sender: Sender<Message>,
    metrics: Arc<Metrics>,
    queue: usize,
}

/// Why there is no engine any more; `Ok` if nobody needs it.
pub type Ended = oneshot::Receiver<Result<(), String>>;

impl Handle {
    /// Starts the engine's thread and waits until `load` has made the model there. `queue` answers may wait for a slot.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn start<M: Model, E: From<std::io::Error> + Send + 'static>(
        load: impl FnOnce() -> Result<M, E> + Send + 'static,
        tokenizer: Arc<Tokenizer>,
        queue: usize,
    ) -> Result<(Self, Ended), E> {
        let metrics = Arc::new(Metrics::default());
        let (sender, receiver) = channel();
        let (loaded, is_loaded) = channel();
        let (ending, ended) = oneshot::channel();
        let of_thread = Arc::clone(&metrics);
        thread::Builder::new().name("engine".into()).spawn(move || {
            let model = match load() {
                Ok(model) => model,
                Err(error) => {
                    let _ = loaded.send(Err(error));
                    return;
                }
            };
            let _ = loaded.send(Ok(()));
            // Nobody may be left who wants to know.
            let _ = ending.send(run(model, &receiver, &tokenizer, &of_thread));
        })?;
        match is_loaded.recv() {
            Ok(loaded) => loaded?,
            // The thread has panicked, which says so itself.
            Err(_) => return Err(std::io::Error::other("the model could not be loaded").into()),
        }
        Ok((Self { sender, metrics, queue }, ended))
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Answers that may wait.
    pub fn queue(&self) -> usize {
        self.queue
    }

    /// Asks for answers.
    ///
    /// # Errors
    /// [`Busy`] if the queue has no room for them.
    pub fn submit(&self, tasks: Vec<Task>) -> Result<(), Busy> {
        if !self.metrics.waiting.add_within(tasks.len() as u64, self.queue as u64) {
            return Err(Busy { waiting: self.metrics.waiting.get() });
        }
        // An engine that has ended drops them, which the listeners notice.
        let _ = self.sender.send(Message::Tasks(tasks));
        Ok(())
    }

    /// Takes the newest parameters there are, as soon as no text is under way.
    ///
    /// # Errors
    /// Why not.
    pub async fn reload(&self) -> Reloaded {
        let (reply, answer) = oneshot::channel();
        let gone = || "the engine has ended".to_owned();
        self.sender.send(Message::Reload(reply)).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// What comes in.
struct Inbox<'a> {
    receiver: &'a Receiver<Message>,
    reloads: Vec<oneshot::Sender<Reloaded>>,
    is_open: bool,
}

impl Inbox<'_> {
    /// Takes what there is.
    fn take(&mut self, desk: &mut Desk<'_>) {
        while let Ok(message) = self.receiver.try_recv() {
            self.sort(message, desk);
        }
    }

    /// Waits for something.
    fn wait(&mut self, desk: &mut Desk<'_>) {
        match self.receiver.recv() {
            Ok(message) => self.sort(message, desk),
            Err(_) => self.is_open = false,
        }
    }

    fn sort(&mut self, message: Message, desk: &mut Desk<'_>) {
        match message {
            Message::Tasks(tasks) => tasks.into_iter().for_each(|task| desk.add(task)),
            Message::Reload(reply) => {
                self.reloads.push(reply);
                desk.is_closed = true;
            }
        }
    }
}

fn run<M: Model>(
    mut model: M,
    receiver: &Receiver<Message>,
    tokenizer: &Tokenizer,
    metrics: &Arc<Metrics>,
) -> Result<(), String> {
    let slots = model.parts().0.count();
    let desk = RefCell::new(Desk::new(tokenizer, Arc::clone(metrics), slots));
    let inbox = RefCell::new(Inbox { receiver, reloads: Vec::new(), is_open: true });
    let mut failures = 0;
    loop {
        let is_idle = desk.borrow().is_idle() && inbox.borrow().reloads.is_empty();
        if is_idle && !inbox.borrow().is_open {
            return Ok(());
        }
        if is_idle {
            inbox.borrow_mut().wait(&mut desk.borrow_mut());
        }
        take(&inbox, &desk);
        if desk.borrow().is_closed && desk.borrow().is_quiet() {
            let reloads = std::mem::take(&mut inbox.borrow_mut().reloads);
            for reply in reloads {
                let _ = reply.send(model.reload().map_err(|error| error.to_string()));
            }
            desk.borrow_mut().is_closed = false;
        }
        let made = metrics.tokens.get();
        match turn(&mut model, &inbox, &desk) {
            Ok(()) if metrics.tokens.get() > made => failures = 0,
            Ok(()) => {}
            Err(error) => {
                failures += 1;
                metrics.failures.add(1);
                let message = format!("the device failed: {error}");
                desk.borrow_mut().fail(&message);
                let again = match failures {
                    FAILURES => Err(message),
                    _ => model.reset().map_err(|error| format!("the device failed again: {error}")),
                };
                if let Err(message) = again {
                    desk.borrow_mut().give_up(&message);
                    return Err(message);
                }
            }
        }
    }
}

fn take(inbox: &RefCell<Inbox<'_>>, desk: &RefCell<Desk<'_>>) {
    inbox.borrow_mut().take(&mut desk.borrow_mut());
    desk.borrow_mut().tidy();
}

/// Lets texts go on, and scores prompts that wait for it.
fn turn<M: Model>(model: &mut M, inbox: &RefCell<Inbox<'_>>, desk: &RefCell<Desk<'_>>) -> eval::Result<()> {
    let (texts, scores) = model.parts();
    desk.borrow_mut().advance(texts)?;
    let Some((tasks, top)) = desk.borrow_mut().next_scoring() else { return Ok(()) };
    let mut failure = None;
    let mut is_done = vec![false; tasks.len()];
    let mut between = || {
        let now = Instant::now();
        if tasks.iter().all(|task| task.events.is_closed() || now >= task.deadline) {
            return ControlFlow::Break(());
        }
        take(inbox, desk);
        match desk.borrow_mut().advance(texts) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let result = desk::score(scores, &tasks, top, &mut between, &mut |index, score| {
        is_done[index] = true;
        desk.borrow_mut().scored(tasks[index].clone(), score);
    });
    let result = failure.map_or(result, Err);
    let message = match &result {
        Ok(()) => Failure::Deadline,
        Err(eval::Error::NotFinite) => Failure::Model(eval::Error::NotFinite.to_string()),
        Err(error) => Failure::Device(format!("the device failed: {error}")),
    };
    for (task, _) in tasks.iter().zip(is_done).filter(|(_, is_done)| !is_done) {
        desk::tell(task, Event::Failed(message.clone()));
    }
    match result {
        // It says something of the model's parameters, and nothing of the device.
        Err(eval::Error::NotFinite) => Ok(()),
        result => result,
    }
}
