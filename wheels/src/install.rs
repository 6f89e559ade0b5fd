//! From a pin to a folder of verified files.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cache::key;
use crate::error::without_network;
use crate::unpack::{RECORD, RecordEntry, modified_nanoseconds, parse_record, print_record, unpack};
use crate::{Cache, Error, Pin, Progress, Stage, pip};

/// The folder with the wheel's verified contents, downloaded and unpacked first if the cache lacks it.
///
/// In order: an unpacked folder in the cache (no network, no Python, no progress report); a wheel file laid by hand
/// into [`Cache::wheels_folder`]; pip.
///
/// # Errors
/// One [`Error`] per thing that can be wrong; nothing that a later call would take for good is left behind.
pub fn fetch(pin: &Pin, cache: &Cache, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Error> {
    if let Some(folder) = installed(pin, cache)? {
        return Ok(folder);
    }
    let mut report = |stage| progress(Progress { name: pin.name, version: pin.version, stage });
    let by_hand = cache.wheels_folder().join(pin.wheel);
    if cache.is_offline() && !by_hand.exists() {
        return Err(Error::Offline { wheel: pin.wheel, help: without_network(pin, cache) });
    }
    let lock = Lock::acquire(pin, cache, &mut report)?;
    if let Some(folder) = installed(pin, cache)? {
        return Ok(folder);
    }
    lock.remove_leftovers(pin, cache);

    let partial = cache.partial_folder();
    let work = tempfile::Builder::new()
        .prefix(&format!("{}.", key(pin)))
        .tempdir_in(&partial)
        .map_err(|source| Error::write(pin, &partial, source))?;
    let wheel = if by_hand.exists() {
        by_hand
    } else {
        let mut received = |received| report(Stage::Downloading { received, total: pin.size });
        pip::download(pin, cache, work.path(), &mut received)?
    };
    report(Stage::Verifying);
    check_hash(&wheel, pin.sha256, || format!("remove it and try again, or {}", pin.instead))?;

    let contents = work.path().join("contents");
    fs::create_dir(&contents).map_err(|source| Error::write(pin, &contents, source))?;
    let entries =
        unpack(pin, &wheel, &contents, &mut |written, total| report(Stage::Unpacking { written, total }))?;
    check_pinned_files(pin, &wheel, &entries)?;
    let record = contents.join(RECORD);
    write_synced(&record, &print_record(pin, &entries))
        .map_err(|source| Error::write(pin, &record, source))?;

    let target = cache.unpacked_folder(pin);
    put_in_place(&contents, &target).map_err(|source| Error::write(pin, &target, source))?;
    report(Stage::Installed);
    Ok(target)
}

/// The folder with the wheel's contents if the cache holds it; never uses the network.
///
/// A file whose size and modification time are as recorded is taken to be unchanged, any other is hashed again.
///
/// # Errors
/// [`Error::WrongHash`] if a file was changed since it was verified.
pub fn installed(pin: &Pin, cache: &Cache) -> Result<Option<PathBuf>, Error> {
    check_folder(pin, cache, |entry, metadata| {
        entry.size == metadata.len() && entry.modified == modified_nanoseconds(metadata)
    })
}

/// Like [`installed`], but hashes every file again.
///
/// # Errors
/// [`Error::WrongHash`] if a file was changed since it was verified.
pub fn verify(pin: &Pin, cache: &Cache) -> Result<Option<PathBuf>, Error> {
    check_folder(pin, cache, |_, _| false)
}

fn check_folder(
    pin: &Pin,
    cache: &Cache,
    unchanged: impl Fn(&RecordEntry, &fs::Metadata) -> bool,
) -> Result<Option<PathBuf>, Error> {
    let folder = cache.unpacked_folder(pin);
    let Ok(record) = fs::read_to_string(folder.join(RECORD)) else { return Ok(None) };
    let Some(entries) = parse_record(pin, &record) else { return Ok(None) };
    let recorded = |path: &str| entries.iter().find(|entry| entry.path == path);
    if !pin.files.iter().all(|file| recorded(file.path).is_some_and(|entry| entry.sha256 == file.sha256)) {
        return Ok(None);
    }
    for entry in &entries {
        let file = folder.join(&entry.path);
        // A file that is gone (caches get cleaned) is fetched again; a file that changed is an error.
        let Ok(metadata) = fs::metadata(&file) else { return Ok(None) };
        if !unchanged(entry, &metadata) {
            check_hash(&file, &entry.sha256, || {
                format!("it was changed after it was fetched: remove {} to fetch it again", folder.display())
            })?;
        }
    }
    Ok(Some(folder))
}

/// sha256 of a file's contents, in lower-case hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(format!("{:x}", hash.finalize()));
        }
        hash.update(&buffer[..length]);
    }
}

fn check_hash(file: &Path, expected: &str, help: impl Fn() -> String) -> Result<(), Error> {
    let got = sha256_of_file(file).map_err(|source| Error::read(file, source))?;
    if got == expected {
        return Ok(());
    }
    Err(Error::WrongHash { file: file.to_owned(), expected: expected.to_owned(), got, help: help() })
}

/// The wheel had its hash, so a difference here is a mistake in the table of pins.
fn check_pinned_files(pin: &Pin, wheel: &Path, entries: &[RecordEntry]) -> Result<(), Error> {
    for file in pin.files {
        let Some(entry) = entries.iter().find(|entry| entry.path == file.path) else {
            let detail = format!("it does not hold {}", file.path);
            return Err(Error::Archive { file: wheel.to_owned(), detail });
        };
        if entry.sha256 != file.sha256 {
            return Err(Error::WrongHash {
                file: wheel.join(file.path),
                expected: file.sha256.to_owned(),
                got: entry.sha256.clone(),
                help: pin.instead.to_owned(),
            });
        }
    }
    Ok(())
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    File::open(path)?.sync_all()
}

fn put_in_place(contents: &Path, target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    // Only something incomplete can be in the way: a good folder would have been used.
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(contents, target)?;
    if let Some(parent) = target.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// The right to fetch one wheel: an advisory lock, which the system releases when the process ends, however it ends.
struct Lock {
    _file: File,
    /// False on a file system that gives no lock; there, other processes' work in progress is left alone.
    exclusive: bool,
}

impl Lock {
    fn acquire(pin: &Pin, cache: &Cache, report: &mut dyn FnMut(Stage)) -> Result<Lock, Error> {
        let path = cache.lock_file(pin);
        let write = |source| Error::write(pin, &path, source);
        for folder in [path.parent().unwrap_or(cache.root()), &cache.partial_folder()] {
            fs::create_dir_all(folder).map_err(|source| Error::write(pin, folder, source))?;
        }
        let file = File::options().create(true).append(true).open(&path).map_err(write)?;
        let outcome = match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                report(Stage::Waiting);
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        let exclusive = match outcome {
            Ok(()) => true,
            Err(_) => false,
        };
        Ok(Lock { _file: file, exclusive })
    }

    /// Removes what processes that were killed left of this wheel.
    fn remove_leftovers(&self, pin: &Pin, cache: &Cache) {
        if !self.exclusive {
            return;
        }
        let prefix = format!("{}.", key(pin));
        let Ok(entries) = fs::read_dir(cache.partial_folder()) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // A leftover that cannot be removed only takes space.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}
