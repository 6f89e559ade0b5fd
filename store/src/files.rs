//! Small files that are replaced whole, so that a reader sees the old contents or the new; and [`FileError`], which says what
//! to do about one that cannot be written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::disk;

/// A file of a run that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The disk is full.
    #[error("the disk is full: cannot write {}; free some room, what was saved before is intact", .path.display())]
    DiskFull {
        /// What could not be written.
        path: PathBuf,
    },

    /// The place cannot be written.
    #[error("cannot write {} ({source}): make its folder writable, or name another directory with --run DIR", .path.display())]
    NotWritable {
        /// What could not be written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// Any other failure.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl FileError {
    /// Sorts a failed write into the error that tells the user what to do.
    pub fn write(path: &Path, source: io::Error) -> FileError {
        use io::ErrorKind::*;
        let path = path.to_owned();
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => FileError::DiskFull { path },
            PermissionDenied | ReadOnlyFilesystem | NotADirectory | AlreadyExists => {
                FileError::NotWritable { path, source }
            }
            _ => FileError::Io { path, source },
        }
    }

    /// A place where there is something.
    fn taken(path: &Path) -> FileError {
        let reason = "it is there already: name another place, or remove it first";
        FileError::Io { path: path.to_owned(), source: io::Error::new(io::ErrorKind::AlreadyExists, reason) }
    }

    /// A failed read.
    pub fn read(path: &Path, source: io::Error) -> FileError {
        FileError::Io { path: path.to_owned(), source }
    }
}

/// Writes a small file of a run whole: a reader, or a run that is cut off, sees the old contents or the new.
///
/// # Errors
/// [`FileError`] when the folder cannot be written or the disk is full; the old contents are then still there.
pub fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    write_whole(path, contents).map_err(|source| FileError::write(path, source))
}

/// Writes a file that a user named as output: whole, as [`write_atomically`] does, if it is a regular file; in place if it
/// is anything else, such as a pipe or `/dev/null`, which must not be replaced by a file.
///
/// # Errors
/// The system's reason; [`io::ErrorKind::NotFound`], naming the folder, when there is no such folder.
pub fn write_output(path: &Path, contents: &[u8]) -> io::Result<()> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return write_special(path, contents);
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let reason = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, reason));
    }
    write_whole(path, contents)
}

/// Writes several files that a user named as outputs: all of them, or none that was not there already. Pipes and the like
/// are written first, in place; then every regular file, and when the last is whole, each gets its name.
///
/// # Errors
/// The file, and the reason as in [`write_output`].
pub fn write_outputs(files: &[(&Path, &[u8])]) -> Result<(), (PathBuf, io::Error)> {
    let is_special = |path: &Path| path.metadata().is_ok_and(|file| !file.is_file() && !file.is_dir());
    let (special, regular): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| is_special(path));
    // A folder that is missing is found out before a pipe's reader gets anything.
    for (path, _) in &regular {
        let folder = folder_of(path);
        let failed = |kind, reason: String| Err((path.to_path_buf(), io::Error::new(kind, reason)));
        if !folder.is_dir() {
            return failed(io::ErrorKind::NotFound, format!("there is no folder {}", folder.display()));
        }
        if path.is_dir() {
            return failed(io::ErrorKind::IsADirectory, "it is a folder".to_owned());
        }
    }
    for (path, contents) in special {
        write_special(path, contents).map_err(|error| (path.to_path_buf(), error))?;
    }
    let whole = regular.into_iter().map(|(path, contents)| {
        let temporary = || {
            let mut file = disk::create_temporary(folder_of(path), PARTIAL)?;
            disk::write(&mut file, path, contents)?;
            disk::sync_file(file.as_file(), path)?;
            Ok(file)
        };
        temporary().map(|file| (path, file)).map_err(|error| (path.to_path_buf(), error))
    });
    for (path, file) in whole.collect::<Result<Vec<_>, _>>()? {
        let named = disk::rename_file(file, path).and_then(|()| disk::sync_folder(folder_of(path)));
        named.map_err(|error| (path.to_path_buf(), error))?;
    }
    Ok(())
}

/// Writes to a pipe or a device. A pipe that nobody reads is an error: to wait for a reader may be to wait forever.
fn write_special(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let mut file = options.open(path).map_err(|error| {
        let is_unread = cfg!(unix) && error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error());
        if is_unread {
            io::Error::other("no program reads this pipe; start one that does, or name a file")
        } else {
            error
        }
    })?;
    // Only opening was not to wait.
    #[cfg(unix)]
    rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::empty())?;
    file.write_all(contents)
}

/// Writes a file that a user named as output whole, from what `write` gives piece by piece: it gets its name at the end, and nothing
/// is left of it otherwise.
///
/// # Errors
/// [`FileError`] when the file is there, its folder cannot be written, or the disk is full; those of `write`, to which errors of the
/// writer it is given are [`FileError`]s already.
pub fn write_streamed<E: From<FileError>>(
    path: &Path,
    write: &mut dyn FnMut(&mut FileStream<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| E::from(FileError::write(path, source));
    if path.symlink_metadata().is_ok() {
        return Err(FileError::taken(path).into());
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let reason = format!("there is no folder {}", folder.display());
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, reason)));
    }
    let file = disk::create_temporary(folder, PARTIAL).map_err(failed)?;
    crate::leftovers::add_file(file.path());
    let mut stream = FileStream { file, path, held: Vec::with_capacity(HELD) };
    write(&mut stream)?;
    stream.flush()?;
    disk::sync_file(stream.file.as_file(), path).map_err(failed)?;
    disk::rename_file(stream.file, path).map_err(failed)?;
    disk::sync_folder(folder).map_err(failed)
}

/// A folder that is made beside its place and gets its name when it is whole; otherwise it is removed when this is dropped.
#[derive(Debug)]
pub struct UnfinishedFolder {
    partial: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl UnfinishedFolder {
    /// Begins a folder that is to be at `target`, where there may be nothing but an empty folder.
    ///
    /// # Errors
    /// [`FileError`] when there is something, or the place cannot be written.
    pub fn begin(target: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::write(target, source);
        let is_empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        if target.symlink_metadata().is_ok() && !is_empty {
            return Err(FileError::taken(target));
        }
        let mut name = std::ffi::OsString::from(PARTIAL);
        name.push(target.file_name().unwrap_or_default());
        let partial = folder_of(target).join(name);
        if partial.exists() {
            disk::remove(&partial).map_err(failed)?;
        }
        disk::create_folder(&partial).map_err(failed)?;
        crate::leftovers::add_file(&partial);
        Ok(Self { partial, target: target.to_owned(), finished: false })
    }

    /// The folder as it is now.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Puts the folder at its place.
    ///
    /// # Errors
    /// [`FileError`] if that cannot be written or something is there now. Nothing is left behind.
    pub fn finish(mut self) -> Result<(), FileError> {
        let named =
            disk::sync_folder(&self.partial).and_then(|()| disk::rename_folder(&self.partial, &self.target));
        named.map_err(|source| FileError::write(&self.target, source))?;
        self.finished = true;
        disk::sync_folder(folder_of(&self.target)).map_err(|source| FileError::write(&self.target, source))
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed only takes space.
            let _ = disk::remove(&self.partial);
        }
    }
}

/// Bytes that are held before they are written.
const HELD: usize = 1 << 20;

/// A file that is being written piece by piece.
#[derive(Debug)]
pub struct FileStream<'a> {
    file: tempfile::NamedTempFile,
    path: &'a Path,
    held: Vec<u8>,
}

impl FileStream<'_> {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`FileError`] when they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= HELD { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), FileError> {
        let written = disk::write(&mut self.file, self.path, &self.held);
        self.held.clear();
        written.map_err(|source| FileError::write(self.path, source))
    }
}

fn write_whole(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = disk::create_temporary(folder_of(path), PARTIAL)?;
    disk::write(&mut file, path, contents)?;
    disk::sync_file(file.as_file(), path)?;
    disk::rename_file(file, path)?;
    disk::sync_folder(folder_of(path))
}

/// As [`write_atomically`], without waiting for the disk: when the machine loses its power, the file may end up empty.
/// For what is written again and again, at no moment in particular.
///
/// # Errors
/// As [`write_atomically`].
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    let write = |source| FileError::write(path, source);
    let mut file = disk::create_temporary(folder_of(path), PARTIAL).map_err(write)?;
    file.write_all(contents).map_err(write)?;
    file.persist(path).map(drop).map_err(|error| write(error.error))
}

/// How the names of unfinished files begin.
const PARTIAL: &str = ".partial-";

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what processes that were killed left in a folder: entries whose name starts with `prefix`.
pub fn remove_leftovers(folder: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            // A leftover that cannot be removed only takes space.
            let _ = disk::remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        replace(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn several_outputs_are_written_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_outputs(&[(&at("a"), b"1"), (&at("b"), b"2")]).unwrap();
        assert_eq!((fs::read(at("a")).unwrap(), fs::read(at("b")).unwrap()), (b"1".to_vec(), b"2".to_vec()));
        let (path, error) =
            write_outputs(&[(&at("a"), b"3"), (&at("c"), b"3"), (&at("no/d"), b"3")]).unwrap_err();
        assert_eq!((path, error.kind()), (at("no/d"), io::ErrorKind::NotFound));
        let (path, _) = write_outputs(&[(&at("c"), b"3"), (folder.path(), b"3")]).unwrap_err();
        assert_eq!(path, folder.path());
        #[cfg(target_os = "linux")]
        {
            let full = Path::new("/dev/full");
            assert_eq!(write_outputs(&[(&at("c"), b"3"), (full, b"3")]).unwrap_err().0, full);
        }
        assert_eq!(fs::read(at("a")).unwrap(), b"1");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_output_that_is_no_regular_file_is_written_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.txt");
        write_output(&path, b"one").unwrap();
        write_output(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        #[cfg(unix)]
        {
            write_output(Path::new("/dev/null"), b"x").unwrap();
            assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
        }
        let missing = folder.path().join("missing");
        let error = write_output(&missing.join("x"), b"x").unwrap_err();
        assert_eq!(error.to_string(), format!("there is no folder {}", missing.display()));
    }

    #[test]
    fn a_file_that_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        assert!(write_atomically(&path, b"x").is_err());
        assert!(path.join("inside").is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_full_disk_has_its_own_error() {
        let error = FileError::write(Path::new("runs/a"), io::ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "the disk is full: cannot write runs/a; free some room, what was saved before is intact"
        );
    }
}
