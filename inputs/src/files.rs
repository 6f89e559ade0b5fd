//! Opening and reading what a path names, if that has an end.
//!
//! To open a named pipe is to wait for its writer, which may never come, and a device may go on forever. Neither is
//! interrupted by a signal.

use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::path::Path;

/// Opens a file that is read from any place, or more than once.
///
/// # Errors
/// The system's reason; [`io::ErrorKind::InvalidInput`], in words, for pipes, sockets and devices.
pub fn open(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    match what(metadata.file_type()) {
        None => File::open(path),
        Some(kind) => Err(refused(format!("{kind}, not a file: write its content to a file and name that"))),
    }
}

/// Reads a file from its beginning to its end, once. A pipe without a name, such as standard input (`/dev/stdin`) or what a
/// shell puts in the place of `<(…)`, is read too: whoever began this program began its writer.
///
/// # Errors
/// As [`open`], for pipes with a name, sockets and devices.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    let mut file =
        if is_pipe(metadata.file_type()) && !has_a_name(path) { File::open(path)? } else { open(path)? };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`read`], of text.
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("not UTF-8 text at byte {place}"))
    })
}

fn refused(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Whether a pipe stands in a folder, where any program may open it. The system's links to others lead nowhere.
fn has_a_name(pipe: &Path) -> bool {
    fs::canonicalize(pipe).is_ok_and(|path| !path.starts_with("/dev/fd"))
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}

/// What something is called that is neither file nor folder.
fn what(kind: FileType) -> Option<&'static str> {
    if kind.is_file() || kind.is_dir() {
        return None;
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_socket(&kind) {
        return Some("a socket");
    }
    Some(if is_pipe(kind) { "a pipe" } else { "a device" })
}

/// An operating system's reason, in the words that all commands have for it.
pub fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn files_are_read_and_what_has_no_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("text"), "ab").unwrap();
        assert_eq!(
            (read(&at("text")).unwrap(), read_to_string(&at("text")).unwrap()),
            (b"ab".to_vec(), "ab".into())
        );
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink("pipe", at("link")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let device = Path::new("/dev/zero").to_owned();
        for (path, kind) in
            [(at("pipe"), "a pipe"), (at("link"), "a pipe"), (at("socket"), "a socket"), (device, "a device")]
        {
            for error in [open(&path).map(drop).unwrap_err(), read(&path).map(drop).unwrap_err()] {
                let expected = format!("{kind}, not a file: write its content to a file and name that");
                assert_eq!(error.to_string(), expected);
            }
        }
        assert_eq!(open(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        fs::write(at("text"), b"a\xff").unwrap();
        assert_eq!(read_to_string(&at("text")).unwrap_err().to_string(), "not UTF-8 text at byte 1");
    }

    #[test]
    fn a_pipe_without_a_name_is_read_once() {
        let (reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, b"piped").unwrap();
        drop(writer);
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let path = format!("/dev/fd/{descriptor}");
        assert_eq!(open(Path::new(&path)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read_to_string(Path::new(&path)).unwrap(), "piped");
    }
}
