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
/// tokens/                  tokens of texts that were encoded
/// programs/                programs that were compiled
/// text/                    the quick start's text
/// verified/                compilers' verdicts on programs
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    python: PathBuf,
    offline: bool,
    token_limit: u64,
    program_limit: u64,
}

/// The most bytes of all tokens, unless a user says otherwise.
pub const TOKEN_LIMIT: u64 = 16 << 30;

/// The most bytes of all compiled programs, unless a user says otherwise.
pub const PROGRAM_LIMIT: u64 = 4 << 30;

impl Cache {
    /// A cache at `root`, which need not exist; fetches with the `python3` of the search path.
    pub fn at(root: impl Into<PathBuf>) -> Cache {
        Cache {
            root: root.into(),
            python: PathBuf::from("python3"),
            offline: false,
            token_limit: TOKEN_LIMIT,
            program_limit: PROGRAM_LIMIT,
        }
    }

    /// The user's cache: `GOPHER_CACHE` if set, else `gopher` under `XDG_CACHE_HOME` or `~/.cache`.
    /// `GOPHER_OFFLINE`, set to anything but `0` or nothing, forbids every download. `GOPHER_TOKEN_CACHE` is the most bytes
    /// of tokens, such as `500M`, and `GOPHER_PROGRAM_CACHE` that of compiled programs.
    ///
    /// # Errors
    /// [`Error::NoCacheFolder`] when none of the variables names a folder, [`Error::NotASize`].
    pub fn from_environment() -> Result<Cache, Error> {
        Cache::from_variables(|name| env::var_os(name))
    }

    /// [`Cache::from_environment`] with the variables looked up in `variable`.
    ///
    /// # Errors
    /// As [`Cache::from_environment`].
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
        let mut cache = Cache::at(root).offline(offline);
        for (name, limit) in [(TOKENS, &mut cache.token_limit), (PROGRAMS, &mut cache.program_limit)] {
            if let Some(value) = set(name) {
                let value = value.to_string_lossy();
                *limit = size(&value).ok_or_else(|| Error::NotASize { name, value: value.into() })?;
            }
        }
        Ok(cache)
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

    /// Folder of the tokens of texts that were encoded.
    pub fn tokens_folder(&self) -> PathBuf {
        self.root.join("tokens")
    }

    /// Folder of programs that were compiled.
    pub fn programs_folder(&self) -> PathBuf {
        self.root.join("programs")
    }

    /// The most bytes of all compiled programs; 0 keeps none.
    pub fn program_limit(&self) -> u64 {
        self.program_limit
    }

    /// The most bytes of all tokens.
    pub fn token_limit(&self) -> u64 {
        self.token_limit
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

/// The variables that limit tokens and compiled programs.
const TOKENS: &str = "GOPHER_TOKEN_CACHE";
const PROGRAMS: &str = "GOPHER_PROGRAM_CACHE";

/// A number of bytes, with K, M, G or T behind it for a power of 1024.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text[digits.len()..].trim_start().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
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
    fn the_limit_of_tokens_is_a_size() {
        let limit = |value: &str| {
            let lookup = |name: &str| match name {
                "HOME" => Some("/h".into()),
                "GOPHER_TOKEN_CACHE" => Some(OsString::from(value)),
                _ => None,
            };
            Cache::from_variables(lookup).map(|cache| cache.token_limit()).map_err(|error| error.to_string())
        };
        assert_eq!(limit(""), Ok(TOKEN_LIMIT));
        assert_eq!(limit("0"), Ok(0));
        assert_eq!(limit("1000"), Ok(1000));
        assert_eq!(limit("500M"), Ok(500 << 20));
        assert_eq!(limit("2 GiB"), Ok(2 << 30));
        assert_eq!(limit("3t"), Ok(3 << 40));
        for wrong in ["-1", "1.5G", "much", "G", "99999999T", "1X"] {
            let expected = format!("GOPHER_TOKEN_CACHE = {wrong}: expected a number of bytes, such as 500M");
            assert!(limit(wrong).is_err_and(|error| error.starts_with(&expected)), "{wrong}");
        }
    }

    #[test]
    fn offline_is_any_value_but_nothing_and_zero() {
        check(&[("HOME", "/h"), ("GOPHER_OFFLINE", "1")], Some(("/h/.cache/gopher", true)));
        check(&[("HOME", "/h"), ("GOPHER_OFFLINE", "0")], Some(("/h/.cache/gopher", false)));
        check(&[("HOME", "/h"), ("GOPHER_OFFLINE", "")], Some(("/h/.cache/gopher", false)));
    }
}
