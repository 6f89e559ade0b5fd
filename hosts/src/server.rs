//! The built-in store: a server that process 0 holds where no other is named. It speaks as much of Redis's protocol as the
//! processes use: `PING`, `AUTH`, `GET` and `SET`, of values that live as long as it does.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most arguments of a command.
const ARGUMENTS: usize = 16;

/// The longest argument before a connection is let in, and after.
const STRANGERS: usize = 1 << 10;
const LONGEST: usize = 256 << 20;

/// A store in memory, and the connections to it.
#[derive(Debug, Default)]
struct Shared {
    values: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
    connections: AtomicUsize,
    password: Option<String>,
}

/// The built-in store, which lives until the process ends.
#[derive(Clone, Debug)]
pub(super) struct StoreServer {
    shared: Arc<Shared>,
}

impl StoreServer {
    /// Listens on a port of all of this host's addresses. With a password, only those are let in who give it.
    ///
    /// # Errors
    /// When the port is taken, or the system refuses.
    pub(super) fn start(port: u16, password: Option<&str>) -> io::Result<StoreServer> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        let shared = Arc::new(Shared { password: password.map(str::to_owned), ..Shared::default() });
        let server = StoreServer { shared: shared.clone() };
        thread::Builder::new().name("store".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let serving = shared.clone();
                let served = thread::Builder::new().name("store".to_owned()).spawn(move || {
                    // Whoever sends nonsense, or nothing any more, is not served any more.
                    let _ = serve(&serving, &stream);
                    serving.connections.fetch_sub(1, Ordering::SeqCst);
                });
                if served.is_err() {
                    shared.connections.fetch_sub(1, Ordering::SeqCst);
                }
            }
        })?;
        Ok(server)
    }

    /// Waits until nobody but this process is connected, at most so long: the others have read what they need.
    pub(super) fn linger(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.shared.connections.load(Ordering::SeqCst) > 1 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Answers the commands of a connection until it is closed.
fn serve(shared: &Shared, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut is_in = shared.password.is_none();
    while let Some(command) = command(&mut reader, if is_in { LONGEST } else { STRANGERS })? {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
        let answer = match (name.as_slice(), &words[1..]) {
            (b"AUTH", [.., password]) => match &shared.password {
                Some(right) if right.as_bytes() == *password => {
                    is_in = true;
                    b"+OK\r\n".to_vec()
                }
                Some(_) => b"-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_vec(),
                None => b"-ERR AUTH called without any password configured\r\n".to_vec(),
            },
            _ if !is_in => b"-NOAUTH Authentication required.\r\n".to_vec(),
            (b"PING", _) => b"+PONG\r\n".to_vec(),
            (b"GET", [key]) => bulk(values(shared).get(*key).map(Vec::as_slice)),
            // What follows is how long the value is to be kept: as long as there is a store.
            (b"SET", [key, value, ..]) => {
                values(shared).insert(key.to_vec(), value.to_vec());
                b"+OK\r\n".to_vec()
            }
            _ => b"-ERR unknown command\r\n".to_vec(),
        };
        writer.write_all(&answer)?;
    }
    Ok(())
}

fn values(shared: &Shared) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Vec<u8>>> {
    shared.values.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bulk(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        None => b"$-1\r\n".to_vec(),
        Some(value) => [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat(),
    }
}

/// Reads a command, an array of strings of at most `longest` bytes; `None` at the end of the connection.
fn command(reader: &mut impl BufRead, longest: usize) -> io::Result<Option<Vec<Vec<u8>>>> {
    let Some(count) = number(reader, b'*', ARGUMENTS)? else { return Ok(None) };
    let mut words = Vec::new();
    for _ in 0..count {
        let length = number(reader, b'$', longest)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut word = Vec::new();
        // Memory is taken as bytes come, not as they are announced.
        reader.by_ref().take(length as u64).read_to_end(&mut word)?;
        let mut end = [0; 2];
        reader.read_exact(&mut end)?;
        if word.len() != length || end != *b"\r\n" {
            return Err(io::ErrorKind::InvalidData.into());
        }
        words.push(word);
    }
    Ok(Some(words))
}

/// Reads a line of a mark and a number that is not above `most`; `None` at the end of the connection.
fn number(reader: &mut impl BufRead, mark: u8, most: usize) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    reader.by_ref().take(32).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let text = line.strip_prefix(&[mark]).and_then(|line| line.strip_suffix(b"\r\n"));
    let number = text.and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
    number.filter(|number| *number <= most).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Coordinator, RedisStore};
    use runtime::{ErrorCode, KeyValueStore};

    /// A server on a free port.
    fn start(password: Option<&str>) -> (StoreServer, u16) {
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Ok(server) = StoreServer::start(port, password) {
                return (server, port);
            }
        }
    }

    fn client(port: u16, password: Option<&str>) -> Result<RedisStore, ErrorCode> {
        let coordinator = Coordinator::parse(&format!("redis://127.0.0.1:{port}"), password).unwrap();
        RedisStore::connect(&coordinator).map_err(|error| error.code)
    }

    #[test]
    fn what_one_puts_the_others_get() {
        let (server, port) = start(None);
        let (one, other) = (client(port, None).unwrap(), client(port, None).unwrap());
        assert_eq!(other.try_get(b"key").unwrap(), None);
        let large = vec![7; 3 << 20];
        for value in [b"".as_slice(), b"\r\n$3\r\n\0", &large] {
            one.put(b"key", value).unwrap();
            assert_eq!(other.try_get(b"key").unwrap().as_deref(), Some(value));
        }
        let began = Instant::now();
        server.linger(Duration::from_millis(200));
        assert!(began.elapsed() >= Duration::from_millis(200), "another is connected");
        drop(other);
        server.linger(Duration::from_secs(60));
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn without_the_password_nothing_is_told() {
        let (_server, port) = start(Some("secret"));
        assert!(client(port, Some("secret")).is_ok());
        for wrong in [None, Some("other")] {
            assert_eq!(client(port, wrong).unwrap_err(), ErrorCode::Unauthenticated);
        }
    }

    #[test]
    fn nonsense_ends_the_connection_and_nothing_else() {
        let (server, port) = start(None);
        let endless = [b"*2\r\n$3\r\nGET\r\n$".as_slice(), &[b'9'; 40], b"\r\n"].concat();
        let long = format!("*2\r\n$3\r\nGET\r\n${}\r\n", LONGEST + 1);
        for nonsense in [
            b"GET key\r\n".as_slice(),
            b"*99\r\n",
            b"*-1\r\n",
            b"*1\r\n$4\r\nPINGxx",
            &endless,
            long.as_bytes(),
        ] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(nonsense).unwrap();
            let mut answer = Vec::new();
            // It may be closed before all is read.
            let _ = stream.read_to_end(&mut answer);
            assert_eq!(answer, b"", "{}", String::from_utf8_lossy(nonsense));
        }
        assert!(client(port, None).is_ok());
        let taken = StoreServer::start(port, None).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(server);
    }
}
