//! A store that speaks Redis's protocol: Redis itself, Valkey, or what a cloud offers under either name.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo};
use runtime::{ErrorCode, KeyValueError, KeyValueStore};

/// The address of a store, with what it takes to be let in. Neither its text nor its debug form has the password.
#[derive(Clone)]
pub struct Coordinator {
    info: ConnectionInfo,
    host: String,
    port: u16,
    /// Whether process 0 holds the store.
    built_in: bool,
}

/// An address that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--coordinator {shown}: {reason}")]
pub struct CoordinatorError {
    /// The address without what stands before an `@`.
    shown: String,
    reason: String,
}

impl Coordinator {
    /// Reads `HOST:PORT`, the address of process 0, which holds the store then; or `redis://HOST[:PORT][/DATABASE]`, with `USER:PASSWORD@` or `:PASSWORD@` before the host if the store wants it.
    /// A `password` that is given apart is taken if the address has none. The port is 6379 unless given.
    ///
    /// # Errors
    /// When it is no URL of that form.
    pub fn parse(url: &str, password: Option<&str>) -> Result<Coordinator, CoordinatorError> {
        let refuse = |reason: &str| {
            Err(CoordinatorError { shown: without_credentials(url), reason: reason.to_owned() })
        };
        if ["rediss://", "valkeys://"].iter().any(|scheme| url.starts_with(scheme)) {
            return refuse("TLS is not supported; use redis:// within the network of the job");
        }
        let expected =
            "expected HOST:PORT of process 0, which holds the store, or redis://HOST:PORT of a server";
        if let Some((host, port)) = host_and_port(url) {
            let own = format!("redis://{host}:{port}");
            return Ok(Coordinator { built_in: true, ..Coordinator::parse(&own, password)? });
        }
        if !["redis://", "valkey://"].iter().any(|scheme| url.starts_with(scheme)) {
            return refuse(expected);
        }
        let Ok(info) = url.into_connection_info() else { return refuse(expected) };
        let ConnectionAddr::Tcp(host, port) = info.addr().clone() else { return refuse(expected) };
        let mut settings = info.redis_settings().clone();
        if let (None, Some(password)) = (settings.password(), password) {
            settings = settings.set_password(password);
        }
        Ok(Coordinator { info: info.set_redis_settings(settings), host, port, built_in: false })
    }

    /// Whether process 0 holds the store.
    pub fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.info.redis_settings().password()
    }

    /// The same store as the process on its own host reaches it.
    pub(super) fn on_this_host(&self) -> Coordinator {
        let host = "127.0.0.1".to_owned();
        let address = ConnectionAddr::Tcp(host.clone(), self.port);
        Coordinator { info: self.info.clone().set_addr(address), host, ..self.clone() }
    }
}

/// `HOST:PORT`, without anything else.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let plain = !host.is_empty() && !host.contains(['/', '@', ':']) && !host.contains(char::is_whitespace);
    port.parse().ok().filter(|port| plain && *port > 0).map(|port| (host, port))
}

/// An address as it may be shown, whatever it is.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

impl fmt::Display for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.built_in { "" } else { "redis://" };
        write!(f, "{scheme}{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coordinator({self})")
    }
}

impl PartialEq for Coordinator {
    fn eq(&self, other: &Self) -> bool {
        let settings = |coordinator: &Self| {
            let settings = coordinator.info.redis_settings();
            let text = |text: Option<&str>| text.map(str::to_owned);
            (text(settings.username()), text(settings.password()), settings.db())
        };
        (&self.host, self.port, self.built_in, settings(self))
            == (&other.host, other.port, other.built_in, settings(other))
    }
}

/// How long one question to the store may take. It is answered in less than a millisecond by a store that is well.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a key is kept, in seconds: longer than anything reads it, and short enough that a store does not fill up.
const LIFETIME: u64 = 7 * 24 * 3600;

/// A store behind one connection, which is made again if it breaks.
pub struct RedisStore {
    coordinator: Coordinator,
    connection: Mutex<Option<Connection>>,
}

impl RedisStore {
    /// Connects to a store.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] when nothing answers there, [`ErrorCode::Unauthenticated`] when it does not let us in.
    pub fn connect(coordinator: &Coordinator) -> Result<RedisStore, KeyValueError> {
        let store = RedisStore { coordinator: coordinator.clone(), connection: Mutex::new(None) };
        store.ask(|connection| redis::cmd("PING").query::<String>(connection))?;
        Ok(store)
    }

    /// Asks the store; if the connection has broken since the last question, once more over a new one.
    fn ask<T>(
        &self,
        question: impl Fn(&mut Connection) -> redis::RedisResult<T>,
    ) -> Result<T, KeyValueError> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let old = slot.take();
        let mut fresh = old.is_none();
        let mut connection = match old {
            Some(connection) => connection,
            None => self.open()?,
        };
        loop {
            match question(&mut connection) {
                Ok(answer) => {
                    *slot = Some(connection);
                    return Ok(answer);
                }
                // A connection that failed is not used again. All questions here may be asked twice.
                Err(error) if error.is_io_error() && !fresh => {
                    connection = self.open()?;
                    fresh = true;
                }
                Err(error) => return Err(self.error(&error)),
            }
        }
    }

    fn open(&self) -> Result<Connection, KeyValueError> {
        let connect = || {
            let connection =
                Client::open(self.coordinator.info.clone())?.get_connection_with_timeout(PATIENCE)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.set_write_timeout(Some(PATIENCE))?;
            Ok(connection)
        };
        connect().map_err(|error| self.error(&error))
    }

    fn error(&self, error: &redis::RedisError) -> KeyValueError {
        let Coordinator { info, .. } = &self.coordinator;
        let known = matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
        let (code, reason) = if error.kind() == ErrorKind::AuthenticationFailed || known {
            let reason = match info.redis_settings().password() {
                None => "it wants a password; put it into the address or into GOPHER_COORDINATOR_PASSWORD",
                Some(_) => "it refuses the user or the password",
            };
            (ErrorCode::Unauthenticated, reason.to_owned())
        } else if error.is_timeout() {
            let reason = format!("no answer within {} s", PATIENCE.as_secs());
            (ErrorCode::Unavailable, reason)
        } else if error.is_io_error() {
            (ErrorCode::Unavailable, error.to_string())
        } else {
            (ErrorCode::Internal, error.to_string())
        };
        KeyValueError::new(code, format!("the store at {}: {reason}", self.coordinator))
    }
}

impl KeyValueStore for RedisStore {
    fn try_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.ask(|connection| redis::cmd("GET").arg(key).query(connection))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.ask(|connection| redis::cmd("SET").arg(key).arg(value).arg("EX").arg(LIFETIME).query(connection))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisStore({})", self.coordinator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let password = |url, apart| {
            let coordinator = Coordinator::parse(url, apart).unwrap();
            assert!(!format!("{coordinator} {coordinator:?}").contains("secret"));
            let password = coordinator.info.redis_settings().password().map(str::to_owned);
            (coordinator.to_string(), password.unwrap_or_default())
        };
        let check = |url, apart, address: &str, expected: &str| {
            assert_eq!(password(url, apart), (address.to_owned(), expected.to_owned()));
        };
        check("redis://a", None, "redis://a:6379", "");
        check("redis://:secret1@a:7", None, "redis://a:7", "secret1");
        check("redis://:secret1@a:7", Some("secret2"), "redis://a:7", "secret1");
        check("redis://user@a:7/3", Some("secret2"), "redis://a:7", "secret2");
        check("valkey://a:7", Some("secret2"), "redis://a:7", "secret2");
    }

    #[test]
    fn what_is_no_address_is_refused_without_telling_the_password() {
        for (url, expected) in [
            ("rediss://:secret@a", "--coordinator rediss://a: TLS is not supported"),
            ("http://me:secret@a", "--coordinator http://a: expected HOST:PORT of process 0"),
            ("redis://:secret@", "--coordinator redis://: expected HOST:PORT"),
            ("redis://:secret@a:port", "--coordinator redis://a:port: expected HOST:PORT"),
            ("me:secret@a:6379", "--coordinator a:6379: expected HOST:PORT"),
            ("", "--coordinator : expected HOST:PORT"),
        ] {
            let error = Coordinator::parse(url, None).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
