//! An endpoint that Prometheus scrapes: `GET /metrics` in the text exposition format 0.0.4.
//!
//! Training puts numbers into memory and never waits for a client. A thread accepts connections and gives each a thread of
//! its own, for no longer than [`Limits`] say.

mod exposition;
mod http;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use exposition::Numbers;

use crate::metrics::Record;

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another program listens there.
    #[error(
        "cannot serve metrics on {address}: another program listens there; name another port, or 0 for any that is free"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses for another reason.
    #[error(
        "cannot serve metrics on {address}: {source}; name an address of this machine, and a port from 1024 on or 0 for any that is free"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
}

/// The limits for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. One more, and the oldest is closed, so that idle ones do not keep others out.
    pub connections: usize,
    /// From accepting a connection to closing it.
    pub time: Duration,
    /// Bytes of a request up to the empty line that ends its head.
    pub request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connections: 16, time: Duration::from_secs(5), request_bytes: 8 << 10 }
    }
}

/// Serves the metrics of one run until it is dropped.
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    numbers: Mutex<Numbers>,
    limits: Limits,
    stopped: AtomicBool,
    /// Connections being served, the oldest first.
    connections: Mutex<VecDeque<(u64, TcpStream)>>,
    accepted: AtomicU64,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::InUse`] when the port is taken, [`Error::Address`] when the address cannot be listened on.
    pub fn bind(address: SocketAddr) -> Result<Endpoint, Error> {
        Endpoint::bind_with(address, Limits::default())
    }

    /// As [`Endpoint::bind`], with limits.
    ///
    /// # Errors
    /// As [`Endpoint::bind`].
    pub fn bind_with(address: SocketAddr, limits: Limits) -> Result<Endpoint, Error> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::InUse { address },
            _ => Error::Address { address, source },
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            numbers: Mutex::default(),
            limits,
            stopped: AtomicBool::new(false),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
        });
        let listening = {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("metrics".into());
            thread.spawn(move || shared.listen(&listener)).map_err(failed)?
        };
        Ok(Endpoint { address: bound, shared, listening: Some(listening) })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A run is about to take its first step in this process.
    pub fn begin(&self, run: &Path, completed: u64, steps: u64) {
        lock(&self.shared.numbers).begin(run, completed, steps);
    }

    /// A step is done.
    pub fn step(&self, record: &Record) {
        lock(&self.shared.numbers).step(record, SystemTime::now());
    }

    /// The state was saved.
    pub fn saved(&self) {
        lock(&self.shared.numbers).saved(SystemTime::now());
    }

    /// The state could not be saved.
    pub fn save_failed(&self) {
        lock(&self.shared.numbers).save_failed();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts. Where no connection can be made, it is left to end with the process.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let ip: std::net::IpAddr =
                if address.is_ipv4() { [127, 0, 0, 1].into() } else { [0u16, 0, 0, 0, 0, 0, 0, 1].into() };
            address.set_ip(ip);
        }
        let woken = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        if let Some(listening) = self.listening.take().filter(|_| woken) {
            let _ = listening.join();
        }
        for (_, connection) in lock(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            match accepted {
                Ok((connection, _)) => self.take(connection),
                // No more files, most likely: later there may be.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Serves a connection on a thread of its own.
    fn take(self: &Arc<Self>, connection: TcpStream) {
        let Ok(handle) = connection.try_clone() else { return };
        let id = self.accepted.fetch_add(1, Ordering::Relaxed);
        {
            let mut connections = lock(&self.connections);
            if connections.len() >= self.limits.connections
                && let Some((_, oldest)) = connections.pop_front()
            {
                let _ = oldest.shutdown(Shutdown::Both);
            }
            connections.push_back((id, handle));
        }
        let shared = Arc::clone(self);
        let serve = move || {
            let page = || {
                // Training waits for a copy at most.
                let numbers = lock(&shared.numbers).clone();
                numbers.to_string()
            };
            // A client that goes away is no concern of ours.
            let _ = http::serve(connection, shared.limits, page);
            lock(&shared.connections).retain(|(other, _)| *other != id);
        };
        if thread::Builder::new().name("metrics-client".into()).spawn(serve).is_err() {
            lock(&self.connections).retain(|(other, _)| *other != id);
        }
    }
}

/// What a panic elsewhere left is still a set of numbers.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
