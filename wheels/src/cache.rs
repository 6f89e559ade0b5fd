//! The cache of unpacked wheels, and whether this process may fetch new ones.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Error, Pin};

/// The user's cache folder and the means of filling it.
///
/// Layout under the root:
/// ```text
/// wheels/NAME.whl          a wheel put there by hand, for machines without a network
/// wheels/unpacked/KEY/     contents of one wheel, with a record of its files; complete if it exists
/// wheels/partial/          work in progress; never read back
/// wheels/locks/KEY.lock    held while one process fetches that wheel
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    python: PathBuf,
    offline: bool,
}

impl Cache {
    /// A cache at `root`, which need not exist; fetches with the `python3` of the search path.
    pub fn at(root: impl Into<PathBuf>) -> Cache {
        Cache { root: root.into(), python: PathBuf::from("python3"), offline: false }
    }

    /// The user's cache: `GOPHER_CACHE` if set, else `gopher` under `XDG_CACHE_HOME` or `~/.cache`.
    /// `GOPHER_OFFLINE`, set to anything but `0` or nothing, forbids every download.
    ///
    /// # Errors
    /// [`Error::NoCacheFolder`] when none of the variables names a folder.
    pub fn from_environment() -> Result<Cache, Error> {
        Cache::from_variables(|name| env::var_os(name))
    }

    /// [`Cache::from_environment`] with the variables looked up in `variable`.
    ///
    /// # Errors
    /// [`Error::NoCacheFolder`] when none of the variables names a folder.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Cache, Error> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        // The XDG specification says to ignore a relative path.
        let absolute = |name| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let root = match set("GOPHER_CACHE") {
            Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
            None => match absolute("XDG_CACHE_HOME") {
                Some(folder) => folder.join("gopher"),
                None => absolute("HOME").ok_or(Error::NoCacheFolder)?.join(".cache").join("gopher"),
            },
        };
        let offline = set("GOPHER_OFFLINE").is_some_and(|value| value != "0");
        Ok(Cache::at(root).offline(offline))
    }

    /// The same cache with another Python interpreter (a path, or a name on the search path).
    pub fn python(mut self, interpreter: impl Into<PathBuf>) -> Cache {
        self.python = interpreter.into();
        self
    }

    /// The same cache, allowed (`false`) or forbidden (`true`) to download.
    pub fn offline(mut self, offline: bool) -> Cache {
        self.offline = offline;
        self
    }

    /// The cache's root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The interpreter that runs pip.
    pub fn interpreter(&self) -> &Path {
        &self.python
    }

    /// True when downloads are forbidden.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// Folder a wheel may be copied to by hand.
    pub fn wheels_folder(&self) -> PathBuf {
        self.root.join("wheels")
    }

    /// Folder of a wheel's contents once it is fetched.
    pub fn unpacked_folder(&self, pin: &Pin) -> PathBuf {
        self.wheels_folder().join("unpacked").join(key(pin))
    }

    pub(crate) fn partial_folder(&self) -> PathBuf {
        self.wheels_folder().join("partial")
    }

    pub(crate) fn lock_file(&self, pin: &Pin) -> PathBuf {
        self.wheels_folder().join("locks").join(format!("{}.lock", key(pin)))
    }
}

/// Name of a pin's folder: a changed hash is another folder, so a moved pin never meets an old one's files.
pub(crate) fn key(pin: &Pin) -> String {
    format!("{}-{}-{}", pin.name, pin.version, pin.sha256.get(..12).unwrap_or(pin.sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Option<(&str, bool)>) {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let got = Cache::from_variables(lookup).ok();
        let got = got.as_ref().map(|cache| (cache.root().to_str().unwrap(), cache.is_offline()));
        assert_eq!(got, expected, "{variables:?}");
    }

    #[test]
    fn the_root_comes_from_the_most_specific_variable() {
        check(&[("HOME", "/h")], Some(("/h/.cache/gopher", false)));
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], Some(("/x/gopher", false)));
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "relative")], Some(("/h/.cache/gopher", false)));
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("GOPHER_CACHE", "/g")], Some(("/g", false)));
        check(&[("HOME", "/h"), ("GOPHER_CACHE", "")], Some(("/h/.cache/gopher", false)));
        check(&[], None);
        check(&[("HOME", "")], None);
    }

    #[test]
    fn offline_is_any_value_but_nothing_and_zero() {
        check(&[("HOME", "/h"), ("GOPHER_OFFLINE", "1")], Some(("/h/.cache/gopher", true)));
        check(&[("HOME", "/h"), ("GOPHER_OFFLINE", "0")], Some(("/h/.cache/gopher", false)));
        check(&[("HOME", "/h"), ("GOPHER_OFFLINE", "")], Some(("/h/.cache/gopher", false)));
    }
}
