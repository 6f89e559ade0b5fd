//! The place of a run of which nothing is there yet, kept from other processes of this machine without leaving a trace.

use std::path::Path;

use super::Error;

/// A place that this process will make a run at, until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Claim {
    #[cfg(target_os = "linux")]
    _socket: std::os::unix::net::UnixListener,
}

impl Claim {
    /// Takes a place: a socket by a name of it that is in no folder. `None` where there are no such names; two processes then
    /// meet when the second makes its run.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it.
    #[cfg(target_os = "linux")]
    pub(super) fn take(path: &Path) -> Result<Option<Claim>, Error> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::ffi::OsStrExt as _;
        use std::os::unix::net::{SocketAddr, UnixListener};

        use sha2::{Digest as _, Sha256};

        let place = Sha256::digest(whole(path).as_os_str().as_bytes());
        let Ok(name) = SocketAddr::from_abstract_name(format!("gopher-run-{place:x}")) else {
            return Ok(None);
        };
        match UnixListener::bind_addr(&name) {
            Ok(socket) => Ok(Some(Claim { _socket: socket })),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                Err(Error::InUse { path: path.to_owned(), holder: String::new() })
            }
            // Nothing is gained by refusing to train.
            Err(_) => Ok(None),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn take(_: &Path) -> Result<Option<Claim>, Error> {
        Ok(None)
    }
}

/// A path without links, as far as it is there.
#[cfg(target_os = "linux")]
fn whole(path: &Path) -> std::path::PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|there| Some((there, std::fs::canonicalize(there).ok()?)));
    match found {
        Some((there, whole)) => path.strip_prefix(there).map_or(whole.clone(), |rest| whole.join(rest)),
        None => path,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::run_directory::RunDirectory;

    #[test]
    fn a_planned_run_is_taken_and_nothing_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let planned = RunDirectory::planned(at("deep/a")).unwrap();
        assert!(!at("deep").exists());
        for same in ["deep/a", "./deep/a/"] {
            let error = RunDirectory::planned(at(same)).unwrap_err();
            assert!(matches!(error, Error::InUse { .. }), "{error}");
        }
        assert!(RunDirectory::planned(at("deep/b")).is_ok());
        // Made, it is held by its lock; given up, it is free.
        let made = planned.make().unwrap();
        assert!(matches!(RunDirectory::planned(at("deep/a")), Err(Error::InUse { .. })));
        made.abandon();
        assert!(RunDirectory::planned(at("deep/a")).is_ok());
        assert!(!at("deep").exists());
    }
}
