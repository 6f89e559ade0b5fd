//! The operations on the disk that a save is made of, one function each, which can be made to fail.
//!
//! `GOPHER_FAULT=OPERATION:COUNT:KIND` makes the COUNT-th operation of that name in this process fail: `kill` ends the
//! process before it as SIGKILL does, `full` has it fail as on a full disk (of a write, half is done), `torn` does half of
//! a write and ends the process, `wait` never comes to the operation, for a signal to be sent. `GOPHER_FAULT=log:FILE` appends a line `OPERATION COUNT PATH` for each operation. This is
//! how docs/faults.md is made: the log of a run lists every moment at which a save can be cut off.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::leftovers;

/// An operation on the disk. Nothing in a run directory that must be whole is changed in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A folder is made.
    CreateFolder,
    /// A file is made.
    CreateFile,
    /// Bytes are written to a file.
    Write,
    /// A file is put on disk.
    SyncFile,
    /// A file gets its final name.
    RenameFile,
    /// A folder gets another name, or two folders swap theirs.
    RenameFolder,
    /// The names in a folder are put on disk.
    SyncFolder,
    /// A file or a folder with all that is in it is removed.
    Remove,
}

impl Operation {
    /// Every operation, in the order of their declaration.
    pub const ALL: [Operation; 8] = [
        Operation::CreateFolder,
        Operation::CreateFile,
        Operation::Write,
        Operation::SyncFile,
        Operation::RenameFile,
        Operation::RenameFolder,
        Operation::SyncFolder,
        Operation::Remove,
    ];

    /// The name in `GOPHER_FAULT`.
    pub fn name(self) -> &'static str {
        match self {
            Operation::CreateFolder => "create-folder",
            Operation::CreateFile => "create-file",
            Operation::Write => "write",
            Operation::SyncFile => "sync-file",
            Operation::RenameFile => "rename-file",
            Operation::RenameFolder => "rename-folder",
            Operation::SyncFolder => "sync-folder",
            Operation::Remove => "remove",
        }
    }

    fn find(name: &str) -> Option<Operation> {
        Operation::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

/// The way in which an operation is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    Kill,
    Full,
    Torn,
    Wait,
}

/// The request in `GOPHER_FAULT`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Log(PathBuf),
    Fail { operation: Operation, count: u64, kind: FaultKind },
}

/// The variable's value is not one that means something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "GOPHER_FAULT={value}: expected OPERATION:COUNT:KIND with an operation out of {}, a count from 1, and kill, full, wait or torn (of write); or log:FILE",
    names()
)]
pub struct FaultError {
    value: String,
}

fn names() -> String {
    Operation::ALL.map(Operation::name).join(", ")
}

const VARIABLE: &str = "GOPHER_FAULT";

fn parse(value: &str) -> Result<Fault, FaultError> {
    let malformed = || FaultError { value: value.to_owned() };
    if value.is_empty() {
        return Ok(Fault::None);
    }
    if let Some(path) = value.strip_prefix("log:") {
        return Ok(Fault::Log(path.into()));
    }
    let mut parts = value.split(':');
    let (operation, count, kind) = (parts.next(), parts.next(), parts.next());
    let operation = operation.and_then(Operation::find).ok_or_else(malformed)?;
    let count = count.and_then(|count| count.parse().ok()).filter(|&count| count > 0);
    let count = count.ok_or_else(malformed)?;
    let kind = match kind {
        Some("kill") => FaultKind::Kill,
        Some("full") => FaultKind::Full,
        Some("wait") => FaultKind::Wait,
        Some("torn") if operation == Operation::Write => FaultKind::Torn,
        _ => return Err(malformed()),
    };
    if parts.next().is_some() {
        return Err(malformed());
    }
    Ok(Fault::Fail { operation, count, kind })
}

fn fault() -> &'static Result<Fault, FaultError> {
    static FAULT: OnceLock<Result<Fault, FaultError>> = OnceLock::new();
    FAULT.get_or_init(|| parse(&std::env::var(VARIABLE).unwrap_or_default()))
}

/// Checks the variable, so that a mistake in it is not a test that proves nothing.
///
/// # Errors
/// [`FaultError`] when its value means nothing.
pub fn check_fault() -> Result<(), FaultError> {
    fault().as_ref().map(|_| ()).map_err(Clone::clone)
}

/// Counts an operation that is about to be done; how it is to fail, if it is.
fn reach(operation: Operation, path: &Path) -> Option<FaultKind> {
    static COUNTS: [AtomicU64; Operation::ALL.len()] = [const { AtomicU64::new(0) }; Operation::ALL.len()];
    let fault = match fault() {
        Ok(Fault::None) | Err(_) => return None,
        Ok(fault) => fault,
    };
    let now = COUNTS[operation as usize].fetch_add(1, Ordering::Relaxed) + 1;
    match fault {
        Fault::Log(log) => {
            let mut line = String::new();
            // Writing to a string does not fail; a log that cannot be written is seen by whoever reads it.
            let _ = writeln!(line, "{} {now} {}", operation.name(), path.display());
            let file = File::options().append(true).create(true).open(log);
            let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
            None
        }
        Fault::Fail { operation: wanted, count, kind } if (*wanted, *count) == (operation, now) => {
            Some(*kind)
        }
        _ => None,
    }
}

/// Ends the process as a kill from outside does: nothing is cleaned up.
fn end_process() -> ! {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

/// Goes on when the process is ended.
fn wait() -> ! {
    loop {
        std::thread::park();
    }
}

fn allow(operation: Operation, path: &Path) -> io::Result<()> {
    match reach(operation, path) {
        None => Ok(()),
        Some(FaultKind::Full) => Err(io::ErrorKind::StorageFull.into()),
        Some(FaultKind::Kill | FaultKind::Torn) => end_process(),
        Some(FaultKind::Wait) => wait(),
    }
}

/// Makes a folder and its parents.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    allow(Operation::CreateFolder, path)?;
    fs::create_dir_all(path)
}

/// Makes a file that was not there.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    allow(Operation::CreateFile, path)?;
    File::create_new(path)
}

/// Makes a file of a unique name, removed when dropped.
pub(crate) fn create_temporary(folder: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    allow(Operation::CreateFile, folder)?;
    let mut builder = tempfile::Builder::new();
    // Readable as any other file would be, not only by its owner.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.prefix(prefix).tempfile_in(folder)?;
    leftovers::add_file(file.path());
    Ok(file)
}

/// Writes all bytes.
pub(crate) fn write(file: &mut impl Write, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match reach(Operation::Write, path) {
        None => file.write_all(bytes),
        Some(FaultKind::Kill) => end_process(),
        Some(FaultKind::Wait) => wait(),
        Some(kind) => {
            file.write_all(&bytes[..bytes.len() / 2])?;
            match kind {
                FaultKind::Full => Err(io::ErrorKind::StorageFull.into()),
                _ => end_process(),
            }
        }
    }
}

/// Puts a file on disk.
pub(crate) fn sync_file(file: &File, path: &Path) -> io::Result<()> {
    allow(Operation::SyncFile, path)?;
    file.sync_all()
}

/// Gives a temporary file its name.
pub(crate) fn rename_file(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    allow(Operation::RenameFile, path)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Gives a folder another name, at which there is nothing.
pub(crate) fn rename_folder(from: &Path, to: &Path) -> io::Result<()> {
    allow(Operation::RenameFolder, to)?;
    fs::rename(from, to)
}

/// Moves a finished folder to its name. What was at that name is at `finished` then, if there was something.
pub(crate) fn put_in_place(finished: &Path, target: &Path) -> io::Result<()> {
    allow(Operation::RenameFolder, target)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, finished, CWD, target, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(()),
            // Nothing there to swap with, or a file system that cannot.
            Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(finished, target),
    }
}

/// Makes renames in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    allow(Operation::SyncFolder, folder)?;
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes a file or a folder with all that is in it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    allow(Operation::Remove, path)?;
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_an_operation_a_count_and_a_kind() {
        let fail = |operation, count, kind| Ok(Fault::Fail { operation, count, kind });
        assert_eq!(parse(""), Ok(Fault::None));
        assert_eq!(parse("log:a/b"), Ok(Fault::Log("a/b".into())));
        assert_eq!(parse("write:2:torn"), fail(Operation::Write, 2, FaultKind::Torn));
        assert_eq!(parse("rename-folder:1:kill"), fail(Operation::RenameFolder, 1, FaultKind::Kill));
        for operation in Operation::ALL {
            assert_eq!(parse(&format!("{}:1:full", operation.name())), fail(operation, 1, FaultKind::Full));
        }
        for wrong in
            ["x", "write", "write:0:kill", "write:1:x", "sync-file:1:torn", "write:1:kill:2", "writ:1:kill"]
        {
            let message = parse(wrong).unwrap_err().to_string();
            assert!(message.starts_with(&format!("GOPHER_FAULT={wrong}: expected ")), "{message}");
            assert!(message.contains("rename-folder, sync-folder"), "{message}");
        }
    }
}
