//! Verdicts on programs, kept so that the same question is answered at once.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use xla_sys::locate::{Cache, Found, Locator, Progress};

use super::{Compiled, Error, Refusal, Request, Worker};

/// Raised whenever the same optimised program would be read differently.
const ANALYSIS_VERSION: u32 = 3;

/// A folder of verdicts: one JSON file each, named by the hash of everything the verdict depends on (program, target,
/// devices, plugin, flags of the compiler in the environment, version of the analysis).
#[derive(Debug, Clone)]
pub struct Verified {
    folder: PathBuf,
}

/// A verdict, and whether it is an old one.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The compiler's verdict.
    pub outcome: Result<Compiled, Refusal>,
    /// Whether it was known already.
    pub known: bool,
    /// What went wrong with the folder, if anything did; the verdict is right nevertheless.
    pub note: Option<String>,
}

/// The contents of a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Compiled(Box<Compiled>),
    Refused(Refusal),
}

impl Verified {
    /// Verdicts in a folder, which need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Verified {
        Verified { folder: folder.into() }
    }

    /// Verdicts in the user's cache, under `verified/`.
    ///
    /// # Errors
    /// When no variable names a cache folder.
    pub fn from_environment() -> Result<Verified, Error> {
        let cache = Cache::from_environment().map_err(xla_sys::locate::Error::from)?;
        Ok(Verified::at(cache.root().join("verified")))
    }

    /// The verdict on a program: the known one, or the compiler's, which is then known. A plugin that is not on this
    /// machine is fetched first, since the verdict depends on it. A compiler that dies or is stopped gives no verdict.
    ///
    /// # Errors
    /// As [`Worker::compile`], except that a refusal is a verdict.
    pub fn verdict(
        &self,
        request: &Request,
        worker: &Worker,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Verdict, Error> {
        let located =
            Locator::from_environment().locate(request.target.kind, request.plugin.as_deref(), progress)?;
        let path = self.path(request, &plugin_identity(&located.path, &located.found));
        let mut note = match read(&path) {
            Ok(Some(outcome)) => return Ok(Verdict { outcome, known: true, note: None }),
            Ok(None) => None,
            Err(reason) => Some(reason),
        };
        let outcome = match worker.compile(request) {
            Ok(compiled) => Ok(compiled),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(error) => return Err(error),
        };
        if let Err(error) = write(&path, &outcome) {
            note = Some(format!("the verdict is not kept: {}: {error}", path.display()));
        }
        Ok(Verdict { outcome, known: false, note })
    }

    /// The verdict on a program that is known already; `None` if there is none that can be read, or no plugin on this
    /// machine. Nothing is fetched and nothing compiled.
    pub fn known(&self, request: &Request) -> Option<Result<Compiled, Refusal>> {
        let located = Locator::from_environment().find(request.target.kind, request.plugin.as_deref());
        let located = located.ok()??;
        read(&self.path(request, &plugin_identity(&located.path, &located.found))).ok()?
    }

    /// Whether there is no verdict at all, so that none need be asked for.
    pub fn is_empty(&self) -> bool {
        fs::read_dir(&self.folder).map_or(true, |mut entries| entries.next().is_none())
    }

    fn path(&self, request: &Request, plugin: &str) -> PathBuf {
        let mut hash = Sha256::new();
        let target = serde_json::to_string(&request.target).unwrap_or_default();
        let devices =
            format!("{} {:?} {:?}", request.partitions, request.devices, request.memory_bytes_per_cycle);
        let version = ANALYSIS_VERSION.to_string();
        // The variables that hold compilers' flags.
        let flags = ["XLA_FLAGS", "LIBTPU_INIT_ARGS"].map(|name| std::env::var(name).unwrap_or_default());
        // Which may be in a file, and change there.
        let flags = flags.map(|value| match xla_sys::flags::given(value.as_ref()) {
            Ok(given) => given.to_string_lossy().into_owned(),
            Err(_) => value,
        });
        let parts = [version.as_str(), plugin, &flags[0], &flags[1], &target, &devices, &request.program];
        for part in parts {
            // With its length, so that no two lists of parts read the same.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name = hash.finalize().iter().fold(String::new(), |mut name, byte| {
            // Writing to a String does not fail.
            let _ = write!(name, "{byte:02x}");
            name
        });
        self.folder.join(name + ".json")
    }
}

/// The identity of a plugin: its hash if it is pinned, else its path, size and age.
fn plugin_identity(path: &Path, found: &Found) -> String {
    if let Found::Cache(pin) | Found::Fetched(pin) = found {
        return format!("{} {} {}", pin.name, pin.version, pin.main_file().sha256);
    }
    let metadata = fs::metadata(path);
    let (size, modified) = metadata.map_or((0, None), |metadata| (metadata.len(), metadata.modified().ok()));
    format!("{} {size} {modified:?}", path.display())
}

/// A kept verdict; why it cannot be used if there is one that cannot.
fn read(path: &Path) -> Result<Option<Result<Compiled, Refusal>>, String> {
    let ignored = |reason: String| format!("a kept verdict is ignored: {}: {reason}", path.display());
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ignored(error.to_string())),
    };
    match serde_json::from_slice(&text) {
        Ok(Record::Compiled(compiled)) => Ok(Some(Ok(*compiled))),
        Ok(Record::Refused(refusal)) => Ok(Some(Err(refusal))),
        Err(error) => Err(ignored(error.to_string())),
    }
}

/// Writes a verdict so that a reader finds all of it or nothing.
fn write(path: &Path, outcome: &Result<Compiled, Refusal>) -> std::io::Result<()> {
    let record = match outcome {
        Ok(compiled) => Record::Compiled(Box::new(compiled.clone())),
        Err(refusal) => Record::Refused(refusal.clone()),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    // Temporary files are private; a verdict is to be read by whoever shares the cache.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aot::Target;

    fn request() -> Request {
        Request::new(Target::tpu("v3:2x2").with("num_slices", 2), "module @m {}")
    }

    #[test]
    fn everything_a_verdict_depends_on_is_in_its_name() {
        let verified = Verified::at("verified");
        let path = |request: &Request, plugin| verified.path(request, plugin);
        let same = path(&request(), "libtpu 1");
        assert_eq!(path(&request(), "libtpu 1"), same);
        assert_ne!(path(&request(), "libtpu 2"), same);
        let others = [
            Request { target: Target::tpu("v3:2x2"), ..request() },
            Request { target: Target::tpu("v3:4x4").with("num_slices", 2), ..request() },
            Request { program: "module @n {}".into(), ..request() },
            Request { partitions: 2, ..request() },
            Request { devices: Some(vec![0]), ..request() },
            Request { memory_bytes_per_cycle: Some(500.0), ..request() },
        ];
        for other in others {
            assert_ne!(path(&other, "libtpu 1"), same, "{other:?}");
        }
    }

    #[test]
    fn verdicts_come_back_as_they_were_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verified/a.json");
        assert_eq!(read(&path), Ok(None));
        let refusal = Refusal::OutOfMemory { needed: 3, available: 2, message: "too much".into() };
        write(&path, &Err(refusal.clone())).unwrap();
        assert_eq!(read(&path), Ok(Some(Err(refusal))));
        fs::write(&path, "{\"compiled\":{\"peak").unwrap();
        let note = read(&path).unwrap_err();
        assert!(note.starts_with("a kept verdict is ignored: "), "{note}");
    }

    /// As any other file, so that users who share a cache share its verdicts.
    #[cfg(unix)]
    #[test]
    fn verdicts_can_be_read_by_whom_other_files_can_be_read_by() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.json"), folder.path().join("other"));
        let refusal = Refusal::OutOfMemory { needed: 3, available: 2, message: "too much".into() };
        write(&path, &Err(refusal)).unwrap();
        fs::write(&other, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other));
    }
}
