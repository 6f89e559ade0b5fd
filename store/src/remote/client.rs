//! The client of an object store, through the crate `object_store`. Every call waits for its end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::sync::Once;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig, WriteMultipart};
use tokio::runtime::{Builder, Runtime};

use super::{Address, Error, Object, Scheme};
use crate::address::Failure;
use crate::checkpoint;
use crate::files::FileError;

/// Bytes that are sent or asked for at a time. S3 takes no smaller part of an object than 5 MiB.
const PART: u64 = 8 << 20;
/// Parts under way at a time.
const AT_ONCE: usize = 4;
/// Parts of an object: S3 takes 10,000.
const PARTS: u64 = 9_000;

/// How long a request is tried again for, in seconds.
const TIMEOUT: &str = "GOPHER_STORE_TIMEOUT";

/// An open store.
#[derive(Debug)]
pub struct Store {
    address: Address,
    base: Path,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
    timeout: Duration,
}

impl Store {
    /// Opens a store. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`Error::Variable`] when a variable of the environment has an impossible value.
    pub fn open(address: &Address) -> Result<Store, Error> {
        let timeout = timeout()?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let failed = |reason: String| Error::Failed {
            address: address.clone(),
            doing: "open the store".to_owned(),
            failure: Failure::Refused,
            reason: one_line(&reason),
        };
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let store = client(address, timeout).map_err(|error| failed(error.to_string()))?;
        let parts = match address.scheme() {
            Scheme::File => Path::from_absolute_path(format!("/{}", address.prefix().join("/"))),
            Scheme::S3 | Scheme::Gs => Path::parse(address.prefix().join("/")),
        };
        let base = parts.map_err(|error| failed(error.to_string()))?;
        Ok(Store { address: address.clone(), base, store, runtime, timeout })
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Names of what lies directly below and is not an object.
    pub(super) fn folders(&self) -> Result<Vec<String>, Error> {
        let base = (!self.base.is_root()).then_some(&self.base);
        let list = self.runtime.block_on(self.store.list_with_delimiter(base));
        let list = list.map_err(|error| self.failed("list what is there".to_owned(), &error))?;
        Ok(list.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect())
    }

    /// The objects of a folder, however deep, with their sizes in bytes.
    pub(super) fn files(&self, folder: &str) -> Result<BTreeMap<String, u64>, Error> {
        let folder_path = self.path(folder);
        let list = self.runtime.block_on(self.store.list(Some(&folder_path)).try_collect::<Vec<_>>());
        let list = list.map_err(|error| self.failed(format!("list {folder}"), &error))?;
        let file = |object: object_store::ObjectMeta| {
            let parts = object.location.prefix_match(&folder_path)?;
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            Some((parts.join("/"), object.size))
        };
        Ok(list.into_iter().filter_map(file).collect())
    }

    /// All objects, however deep.
    pub(super) fn list(&self) -> Result<Vec<Object>, Error> {
        let base = (!self.base.is_root()).then_some(&self.base);
        let list = self.runtime.block_on(self.store.list(base).try_collect::<Vec<_>>());
        let list = list.map_err(|error| self.failed("list what is there".to_owned(), &error))?;
        let object = |found: object_store::ObjectMeta| {
            let parts = found.location.prefix_match(&self.base)?;
            let name = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
            Some(self.described(name, found)).filter(|object| !object.name.is_empty())
        };
        Ok(list.into_iter().filter_map(object).collect())
    }

    /// What there is of an object; `None` if there is none.
    pub(super) fn head(&self, name: &str) -> Result<Option<Object>, Error> {
        match self.runtime.block_on(self.store.head(&self.path(name))) {
            Ok(found) => Ok(Some(self.described(name.to_owned(), found))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(format!("look for {name}"), &error)),
        }
    }

    fn described(&self, name: String, found: object_store::ObjectMeta) -> Object {
        // What is said of a file changes when it is copied or touched.
        let etag = found.e_tag.filter(|_| self.address.scheme() != Scheme::File);
        let etag = etag.map(|etag| etag.trim_matches('"').to_owned());
        Object { name, size: found.size, etag }
    }

    /// A small object; `None` if there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        let read = self.runtime.block_on(async { self.store.get(&path).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(format!("read {name}"), &error)),
        }
    }

    /// An object of `size` bytes, in parts, in order.
    pub(super) fn read_parts(
        &self,
        name: &str,
        size: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), checkpoint::Error>,
    ) -> Result<(), checkpoint::Error> {
        let path = self.path(name);
        let ranges = (0..size.div_ceil(PART)).map(|part| part * PART..((part + 1) * PART).min(size));
        self.runtime.block_on(async {
            let parts = ranges.map(|range| self.store.get_range(&path, range));
            let mut parts = stream::iter(parts).buffered(AT_ONCE);
            while let Some(part) = parts.next().await {
                each(&part.map_err(|error| self.failed(format!("read {name}"), &error))?)?;
            }
            Ok(())
        })
    }

    /// Writes a small object, whole or not at all.
    pub(super) fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let written = self.runtime.block_on(self.store.put(&self.path(name), PutPayload::from(bytes)));
        written.map(drop).map_err(|error| self.failed(format!("write {name}"), &error))
    }

    /// Writes an object of `size` bytes, whole or not at all.
    pub(super) fn write_from(
        &self,
        name: &str,
        size: u64,
        source: &mut dyn Read,
    ) -> Result<(), checkpoint::Error> {
        let torn = |error| checkpoint::Error::from(FileError::read(std::path::Path::new(name), error));
        if size <= PART {
            let mut bytes = Vec::with_capacity(size as usize);
            source.read_to_end(&mut bytes).map_err(torn)?;
            return Ok(self.write(name, bytes)?);
        }
        let path = self.path(name);
        let failed = |error| self.failed(format!("write {name}"), &error);
        self.runtime.block_on(async {
            let upload = self.store.put_multipart(&path).await.map_err(failed)?;
            let part = PART.max(size.div_ceil(PARTS)) as usize;
            let mut writer = WriteMultipart::new_with_chunk_size(upload, part);
            let mut buffer = vec![0; 1 << 20];
            let sent = loop {
                match source.read(&mut buffer) {
                    Ok(0) => break Ok(()),
                    Ok(count) => {
                        if let Err(error) = writer.wait_for_capacity(AT_ONCE).await {
                            break Err(failed(error).into());
                        }
                        writer.write(&buffer[..count]);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break Err(torn(error)),
                }
            };
            match sent {
                Ok(()) => writer.finish().await.map(drop).map_err(|error| failed(error).into()),
                Err(error) => {
                    // What was sent is worth nothing now; the error is what matters.
                    let _ = writer.abort().await;
                    Err(error)
                }
            }
        })
    }

    /// Copies an object within the store.
    pub(super) fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let copied = self.runtime.block_on(self.store.copy(&self.path(from), &self.path(to)));
        copied.map_err(|error| self.failed(format!("copy {from} to {to}"), &error))
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        match self.runtime.block_on(self.store.delete(&self.path(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(format!("remove {name}"), &error)),
        }
    }

    /// Removes what a folder of this machine holds besides objects: itself, and uploads that were cut off.
    pub(super) fn remove_rest(&self, folder: &str) {
        if self.address.scheme() == Scheme::File {
            let path = format!("/{}/{folder}", self.address.prefix().join("/"));
            // It only takes space.
            let _ = fs::remove_dir_all(path);
        }
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.base.clone(), |path, part| path.join(part))
    }

    fn failed(&self, doing: String, error: &object_store::Error) -> Error {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        let text = error.to_string();
        let answered =
            |statuses: &[&str]| statuses.iter().any(|status| text.contains(&format!("code: {status}")));
        // Without credentials, those of a virtual machine are looked for.
        let of_machine = ["/latest/api/token", "/latest/meta-data", "/computeMetadata/"];
        let failure = match error {
            PermissionDenied { .. } | Unauthenticated { .. } => Failure::Refused,
            _ if of_machine.iter().any(|path| text.contains(path)) => Failure::Credentials,
            NotFound { .. } => Failure::Missing,
            _ if answered(&["404"]) => Failure::Missing,
            _ if answered(&["408", "429"]) => Failure::Unreachable(self.timeout.as_secs()),
            _ if answered(&["4"]) => Failure::Refused,
            _ => Failure::Unreachable(self.timeout.as_secs()),
        };
        Error::Failed { address: self.address.clone(), doing, failure, reason: reason(error) }
    }
}

/// The root cause of an error: the store's answer, or why it could not be asked.
fn reason(error: &object_store::Error) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    let text = bottom.to_string();
    let tag = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    match (tag("Code"), tag("Message")) {
        (Some(code), Some(message)) => one_line(&format!("{code}: {message}")),
        (Some(code), None) => one_line(code),
        _ => one_line(&text),
    }
}

fn timeout() -> Result<Duration, Error> {
    let Ok(value) = std::env::var(TIMEOUT) else { return Ok(Duration::from_secs(120)) };
    match value.parse() {
        Ok(seconds @ 1..=240) => Ok(Duration::from_secs(seconds)),
        _ => Err(Error::Variable { variable: TIMEOUT, value, expected: "a number of seconds from 1 to 240" }),
    }
}

fn client(address: &Address, timeout: Duration) -> object_store::Result<Box<dyn ObjectStore>> {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        // It fails if another part of the program has chosen one, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    // Until the timeout, however often: requests that were refused for a moment, and those that came to nothing.
    let retry = RetryConfig { max_retries: 1_000, retry_timeout: timeout, ..RetryConfig::default() };
    let seconds = |most: u64| format!("{} s", timeout.as_secs().min(most));
    let (request, connect) = (seconds(60), seconds(5));
    let bucket = address.bucket();
    Ok(match address.scheme() {
        Scheme::File => Box::new(LocalFileSystem::new().with_fsync(true)),
        Scheme::S3 => Box::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), request)
                .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), connect)
                .with_retry(retry)
                .build()?,
        ),
        Scheme::Gs => Box::new(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), request)
                .with_config(GoogleConfigKey::Client(ClientConfigKey::ConnectTimeout), connect)
                .with_retry(retry)
                .build()?,
        ),
    })
}

/// A store's message, shortened to one line.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
