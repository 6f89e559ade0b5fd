//! Processes that have found each other.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use runtime::{ErrorCode, KeyValueError, KeyValueStore, Processes};
use store::checkpoint::{Peers, Process};
use store::process::draw_number;

use super::life::Life;
use super::plugin_store::PluginStore;
use super::server::StoreServer;
use super::{Coordinator, Error, Identity, RedisStore};

/// Timeouts of a group: how long a process waits for others, and how often they look after each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the others to come, and to come as far as this one.
    pub arrival: Duration,
    /// Between one sign of life and the next.
    pub sign: Duration,
    /// Without a sign of life of another, until it is taken for lost.
    pub loss: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { arrival: Identity::TIMEOUT, sign: Duration::from_secs(5), loss: Duration::from_secs(60) }
    }
}

/// This process and the others of the same start of a run.
#[derive(Debug)]
pub struct Group {
    members: Arc<Members>,
    life: Mutex<Option<Life>>,
    server: Option<StoreServer>,
}

/// The state that the threads of a process share.
pub(super) struct Members {
    pub(super) count: usize,
    pub(super) index: usize,
    pub(super) patience: Patience,
    /// Whether process 0 holds the store, which is gone when it is.
    pub(super) is_store_of_first: bool,
    /// The number drawn for this start by process 0.
    start: String,
    /// With the run's prefix.
    run: Prefixed,
    /// With the start's prefix.
    pub(super) store: Prefixed,
}

/// A store whose keys all have a prefix.
#[derive(Clone)]
pub(super) struct Prefixed {
    pub(super) store: Arc<dyn KeyValueStore>,
    prefix: String,
}

impl Prefixed {
    fn new(store: Arc<dyn KeyValueStore>, prefix: String) -> Prefixed {
        Prefixed { store, prefix }
    }

    pub(super) fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), key].concat()
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let value = self.store.try_get(&self.key(key.as_bytes()))?;
        let nonsense = |bytes: Vec<u8>| {
            let value = String::from_utf8_lossy(&bytes).chars().take(60).collect();
            Error::Nonsense { key: format!("{}{key}", self.prefix), value }
        };
        let text = |bytes| String::from_utf8(bytes).map_err(|error| nonsense(error.into_bytes()));
        value.map(text).transpose()
    }

    pub(super) fn put_text(&self, key: &str, value: &str) -> Result<(), Error> {
        Ok(self.store.put(&self.key(key.as_bytes()), value.as_bytes())?)
    }
}

impl Group {
    /// Finds the other processes of a run, and waits until all of them are there. `on_loss` is called, once, on a thread of
    /// the group, when another process has failed or vanished later on: then the devices of this one wait for it in vain.
    ///
    /// A store that is not there yet is given a minute to come up.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::NoAnswer`] and [`Error::Missing`] when they do not come in time.
    pub fn join(
        identity: &Identity,
        run: &Path,
        patience: Patience,
        on_loss: impl FnOnce(Error) + Send + 'static,
    ) -> Result<Group, Error> {
        let Identity { count, index, coordinator } = identity;
        let is_store_of_first = coordinator.is_built_in();
        if !is_store_of_first || *index > 0 {
            let store = Arc::new(connect(coordinator, patience)?);
            return Group::begin(store, *count, *index, run, patience, is_store_of_first, on_loss);
        }
        let server = listen(coordinator, patience)?;
        let store = Arc::new(connect(&coordinator.on_this_host(), patience)?);
        let lingering = server.clone();
        let on_loss = move |error| {
            lingering.linger(patience.sign * SIGNS_TO_LINGER);
            on_loss(error);
        };
        match Group::begin(store, *count, *index, run, patience, true, on_loss) {
            Ok(group) => Ok(Group { server: Some(server), ..group }),
            Err(error) => {
                server.linger(patience.sign * SIGNS_TO_LINGER);
                Err(error)
            }
        }
    }

    /// As [`Group::join`], in any store.
    ///
    /// # Errors
    /// As [`Group::join`].
    pub fn join_in(
        store: Arc<dyn KeyValueStore>,
        count: usize,
        index: usize,
        run: &Path,
        patience: Patience,
        on_loss: impl FnOnce(Error) + Send + 'static,
    ) -> Result<Group, Error> {
        Group::begin(store, count, index, run, patience, false, on_loss)
    }

    fn begin(
        store: Arc<dyn KeyValueStore>,
        count: usize,
        index: usize,
        run: &Path,
        patience: Patience,
        is_store_of_first: bool,
        on_loss: impl FnOnce(Error) + Send + 'static,
    ) -> Result<Group, Error> {
        let run = Prefixed::new(store.clone(), format!("gopher/{}/", run.display()));
        let deadline = Instant::now() + patience.arrival;
        let members = loop {
            let start = match index {
                0 => draw_number(),
                _ => answer(&run, count, index, patience, deadline)?,
            };
            let own = Prefixed::new(store.clone(), format!("{}{start}/", run.prefix));
            let members =
                Members { count, index, patience, is_store_of_first, start, run: run.clone(), store: own };
            if members.gather(deadline)? {
                break Arc::new(members);
            }
        };
        let life = Life::begin(members.clone(), on_loss);
        Ok(Group { members, life: Mutex::new(Some(life)), server: None })
    }

    /// Number of processes.
    pub fn count(&self) -> usize {
        self.members.count
    }

    /// This process, from 0.
    pub fn index(&self) -> usize {
        self.members.index
    }

    /// Whether this is process 0, which writes what is written once.
    pub fn is_first(&self) -> bool {
        self.index() == 0
    }

    /// The description of the processes for the plugin.
    pub fn processes(&self) -> Processes {
        let store = Arc::new(PluginStore { members: self.members.clone() });
        Processes { count: self.count(), index: self.index(), store }
    }

    /// Says something to the others: they get it by [`Group::hear`].
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn tell(&self, topic: &str, value: &str) -> Result<(), Error> {
        self.members.store.put_text(&format!("{topic}/{}", self.index()), value)
    }

    /// The text that a process tells on a topic; waits for it.
    ///
    /// # Errors
    /// [`Error::Missing`] when it says nothing in time, [`Error::Failed`], and [`Error::Store`].
    pub fn hear(&self, topic: &str, index: usize) -> Result<String, Error> {
        let deadline = Instant::now() + self.members.patience.arrival;
        let value = self.members.wait(deadline, || self.members.store.text(&format!("{topic}/{index}")))?;
        value.ok_or_else(|| self.members.missing(topic, vec![index]))
    }

    /// Says something on a topic and waits for what all others say on it; by process.
    ///
    /// # Errors
    /// As [`Group::hear`]; all that are missing are named.
    pub fn exchange(&self, topic: &str, value: &str) -> Result<Vec<String>, Error> {
        self.members.exchange(topic, value)
    }

    /// The processes as those that save together.
    pub fn peers(&self) -> Arc<dyn Peers> {
        Arc::new(Savers { members: self.members.clone(), saves: AtomicU64::new(0) })
    }

    /// Ends well: the others do not wait for this process any more.
    pub fn finish(&self) {
        if let Some(life) = self.life.lock().unwrap_or_else(PoisonError::into_inner).take() {
            life.end();
        }
        self.linger(self.members.patience.loss);
    }

    /// Holds the store, if this process does, until the others have read what they need.
    fn linger(&self, patience: Duration) {
        if let Some(server) = &self.server {
            server.linger(patience);
        }
    }

    /// Ends with an error, which the others are told, so that they end too. What comes first is what counts.
    pub fn fail(&self, message: &str) {
        if let Some(life) = self.life.lock().unwrap_or_else(PoisonError::into_inner).take() {
            life.stop();
        }
        self.members.put_failure(&format!("process {}: {message}", self.index()));
        self.linger(self.members.patience.sign * SIGNS_TO_LINGER);
    }

    /// As [`Group::fail`], for another thread, which is about to end the program.
    pub fn failing(&self) -> impl Fn(&str) + Send + 'static {
        let (members, server) = (self.members.clone(), self.server.clone());
        move |message| {
            members.put_failure(&format!("process {}: {message}", members.index));
            if let Some(server) = &server {
                server.linger(members.patience.sign * SIGNS_TO_LINGER);
            }
        }
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }
}

impl Members {
    /// Waits until all processes of this start are there; false if another start has begun meanwhile, of which this
    /// process may be.
    fn gather(&self, deadline: Instant) -> Result<bool, Error> {
        self.store.put_text(&format!("here/{}", self.index), &self.count.to_string())?;
        if self.index > 0 {
            // Process 0 is there, may have come much later, and is the one that says who is missing.
            let deadline = Instant::now() + self.patience.arrival + Duration::from_secs(5);
            let all = self.wait(deadline, || {
                if self.is_superseded()? {
                    return Ok(Some(false));
                }
                Ok(self.store.text("all")?.map(|_| true))
            })?;
            return all.ok_or_else(|| self.missing(TOPIC, vec![0]));
        }
        self.run.put_text("leader", &leader(&self.start, self.count))?;
        let mut answered = vec![String::new(); self.count];
        let mut missing: Vec<usize> = (1..self.count).collect();
        let all = self.wait(deadline, || {
            if self.is_superseded()? {
                return Err(Error::Superseded { index: self.index, count: self.count });
            }
            let mut still = Vec::new();
            for &index in &missing {
                if self.store.text(&format!("here/{index}"))?.is_some() {
                    continue;
                }
                still.push(index);
                // What was left by an earlier start is answered too, and nobody is there to hear it.
                if let Some(number) = self.run.text(&format!("hello/{index}"))?
                    && number != answered[index]
                {
                    self.run.put_text(&format!("answer/{index}/{number}"), &self.start)?;
                    answered[index] = number;
                }
            }
            missing.clone_from(&still);
            Ok(still.is_empty().then_some(()))
        })?;
        if all.is_none() {
            let error = self.missing(TOPIC, missing);
            self.put_failure(&error.to_string());
            return Err(error);
        }
        self.store.put_text("all", &self.count.to_string())?;
        Ok(true)
    }

    /// Says something on a topic and waits for what all others say on it; by process.
    fn exchange(&self, topic: &str, value: &str) -> Result<Vec<String>, Error> {
        self.store.put_text(&format!("{topic}/{}", self.index), value)?;
        let deadline = Instant::now() + self.patience.arrival;
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for index in 0..self.count {
            let key = format!("{topic}/{index}");
            match self.wait(deadline, || self.store.text(&key))? {
                Some(value) => values.push(value),
                None => missing.push(index),
            }
        }
        if missing.is_empty() { Ok(values) } else { Err(self.missing(topic, missing)) }
    }

    /// Whether process 0 of another start has taken this one's place.
    pub(super) fn is_superseded(&self) -> Result<bool, Error> {
        let current = self.run.text("leader")?;
        Ok(current.is_some_and(|current| !current.starts_with(&format!("{} ", self.start))))
    }

    /// Asks until there is an answer, or until the deadline: then `None`.
    ///
    /// # Errors
    /// The error of `ask`, and [`Error::Failed`] when a process of this start has failed meanwhile.
    pub(super) fn wait<T>(
        &self,
        deadline: Instant,
        mut ask: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        wait(deadline, || {
            let answer = ask()?;
            if answer.is_none() {
                self.check_failure()?;
            }
            Ok(answer)
        })
    }

    pub(super) fn check_failure(&self) -> Result<(), Error> {
        self.store.text("failed")?.map_or(Ok(()), |failure| Err(Error::Failed(failure)))
    }

    /// Tells all processes that the start has failed, unless that is known. A store that is gone has no one to tell it to.
    pub(super) fn put_failure(&self, failure: &str) {
        if let Ok(None) = self.store.text("failed") {
            let _ = self.store.put_text("failed", failure);
        }
    }

    fn missing(&self, topic: &str, missing: Vec<usize>) -> Error {
        let Members { count, index, patience, .. } = self;
        let seconds = patience.arrival.as_secs();
        Error::Missing { index: *index, count: *count, missing, topic: topic.to_owned(), seconds }
    }
}

/// For how many signs of life a process that has failed holds the store, so that the others learn of it.
const SIGNS_TO_LINGER: u32 = 3;

/// How long a store may take to come up: it is often started by the same job.
const STORE_START: Duration = Duration::from_secs(60);

fn connect(coordinator: &Coordinator, patience: Patience) -> Result<RedisStore, KeyValueError> {
    let deadline = Instant::now() + STORE_START.min(patience.arrival);
    loop {
        match RedisStore::connect(coordinator) {
            Err(error) if error.code == ErrorCode::Unavailable && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(200));
            }
            result => return result,
        }
    }
}

/// Holds the store; the process 0 of the start before may still hold its own there.
fn listen(coordinator: &Coordinator, patience: Patience) -> Result<StoreServer, Error> {
    let deadline = Instant::now() + STORE_START.min(patience.arrival);
    let port = coordinator.port();
    loop {
        match StoreServer::start(port, coordinator.password()) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(200));
            }
            started => return started.map_err(|source| Error::Listen { port, source }),
        }
    }
}

/// The topic that is waited for first.
const TOPIC: &str = "start";

fn leader(start: &str, count: usize) -> String {
    format!("{start} {count}")
}

/// Asks until there is an answer, or until the deadline: then `None`.
fn wait<T>(deadline: Instant, mut ask: impl FnMut() -> Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(answer) = ask()? {
            return Ok(Some(answer));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// The number of the start that process 0 belongs to: it answers the number that is drawn here, so that no answer is an
/// old one.
fn answer(
    run: &Prefixed,
    count: usize,
    index: usize,
    patience: Patience,
    deadline: Instant,
) -> Result<String, Error> {
    let number = draw_number();
    run.put_text(&format!("hello/{index}"), &number)?;
    let key = format!("answer/{index}/{number}");
    if let Some(start) = wait(deadline, || run.text(&key))? {
        return Ok(start);
    }
    let last = run.text("leader")?;
    let counted = last.as_deref().and_then(|leader| leader.split_once(' ')).map(|(_, counted)| counted);
    let hint = match counted {
        Some(counted) if *counted != count.to_string() => {
            format!(" The last process 0 of this run that was in the store counted {counted} processes.")
        }
        _ => String::new(),
    };
    Err(Error::NoAnswer { index, count, seconds: patience.arrival.as_secs(), hint })
}

/// The processes while they save.
#[derive(Debug)]
struct Savers {
    members: Arc<Members>,
    /// Number of saves begun, the same in every process.
    saves: AtomicU64,
}

impl Peers for Savers {
    fn process(&self) -> Process {
        Process { index: self.members.index, count: self.members.count }
    }

    fn begin(&self) {
        self.saves.fetch_add(1, Ordering::Relaxed);
    }

    fn meet(&self, point: &str, failure: Option<String>) -> Result<(), String> {
        let topic = format!("save/{}/{point}", self.saves.load(Ordering::Relaxed));
        let values = self.members.exchange(&topic, failure.as_deref().unwrap_or_default());
        let values = values.map_err(|error| error.to_string())?;
        match values.iter().enumerate().find(|(_, failure)| !failure.is_empty()) {
            Some((index, failure)) => Err(format!("process {index}: {failure}")),
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members")
            .field("count", &self.count)
            .field("index", &self.index)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
