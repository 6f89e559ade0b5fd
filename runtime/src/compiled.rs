//! Compiled programs on disk: what a plugin compiled once it need not compile again.
//!
//! A file is named by a hash of all that decides the code: the plugin's bytes and version, the program, the options, the devices, the
//! environment's own flags, and the processor, for which code is compiled. It carries a checksum of itself, since a plugin
//! runs what it is given. Files that were used last stay within the limit.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::DeviceKind;

/// Where compiled programs are kept.
#[derive(Clone, Debug)]
pub struct ProgramCache {
    /// The folder; it need not exist.
    pub folder: PathBuf,
    /// The most bytes of all programs; 0 keeps none, and loads those that there are.
    pub limit: u64,
}

/// What a file begins with, before the checksum of the rest.
const MAGIC: &[u8; 16] = b"gopher program 1";

/// How the names of files end.
const ENDING: &str = ".program";

/// How long nothing has been written to what nobody writes any more.
const LEFT_AFTER: Duration = Duration::from_secs(60 * 60);

/// A hash of what decides a program's code, fed part by part.
pub(crate) struct Key(Sha256);

impl Key {
    /// Of a plugin; `None` if its file cannot be read.
    pub fn of_plugin(plugin: &Path, version: &str, kind: DeviceKind) -> Option<Self> {
        let mut key = Self(Sha256::new());
        // A plugin's bytes would take longer to read than a small program to compile.
        let metadata = fs::metadata(plugin).ok()?;
        let changed = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        key.add(plugin.as_os_str().as_encoded_bytes());
        key.add(format!("{} {changed:?} {version} {kind}", metadata.len()).as_bytes());
        key.add(env!("CARGO_PKG_VERSION").as_bytes());
        key.add(processor());
        for name in ["XLA_FLAGS", "LIBTPU_INIT_ARGS", "TF_XLA_FLAGS"] {
            let value = std::env::var_os(name).unwrap_or_default();
            key.add(value.as_encoded_bytes());
        }
        Some(key)
    }

    /// Adds a part.
    pub fn add(&mut self, part: &[u8]) {
        // With its length, so that no two lists of parts are alike.
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The name of the program's file.
    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ENDING
    }
}

/// What Linux says of the processor: model and features.
fn processor() -> &'static [u8] {
    static PROCESSOR: OnceLock<Vec<u8>> = OnceLock::new();
    PROCESSOR.get_or_init(|| {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let first = text.split("\n\n").next().unwrap_or_default();
        let decides = |line: &&str| {
            ["vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU "]
                .iter()
                .any(|name| line.starts_with(name))
        };
        first.lines().filter(decides).collect::<Vec<_>>().join("\n").into_bytes()
    })
}

impl ProgramCache {
    /// The user's; `None` if there is no cache folder or it is to hold no programs.
    pub fn of_user() -> Option<Self> {
        let cache = wheels::Cache::from_environment().ok()?;
        let limit = cache.program_limit();
        (limit > 0).then(|| Self { folder: cache.programs_folder(), limit })
    }

    /// A program that was kept; `None` if there is none, or it is damaged.
    pub(crate) fn load(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.folder.join(name);
        let mut bytes = Vec::new();
        let mut file = File::open(&path).ok()?;
        file.read_to_end(&mut bytes).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (checksum, program) = rest.split_at_checked(32)?;
        if Sha256::digest(program)[..] != *checksum {
            let _ = fs::remove_file(&path);
            return None;
        }
        // Used now: the others go first.
        let _ = file.set_modified(SystemTime::now());
        Some(program.to_vec())
    }

    /// Keeps a program. A folder that cannot be written keeps none.
    pub(crate) fn store(&self, name: &str, program: &[u8]) {
        if (MAGIC.len() + 32 + program.len()) as u64 > self.limit {
            return;
        }
        let unfinished = self.folder.join(format!(".{name}.{}", std::process::id()));
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = File::create(&unfinished)?;
            file.write_all(MAGIC)?;
            file.write_all(&Sha256::digest(program))?;
            file.write_all(program)?;
            fs::rename(&unfinished, self.folder.join(name))
        };
        if write().is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        self.make_room();
    }

    /// Removes what killed processes left, and the programs that were not used for longest, down to the limit.
    fn make_room(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let entries = entries.filter(|entry| !entry.as_ref().is_ok_and(remove_if_left));
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let (path, metadata) =
                    entry.ok().and_then(|entry| Some((entry.path(), entry.metadata().ok()?)))?;
                Some((metadata.modified().ok()?, metadata.len(), path))
            })
            .filter(|(.., path)| path.to_string_lossy().ends_with(ENDING))
            .collect();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, size, path) in files {
            if bytes <= self.limit {
                return;
            }
            bytes -= size;
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes an entry that a process began to write and did not finish, for it was killed. Whether it is unfinished.
fn remove_if_left(entry: &fs::DirEntry) -> bool {
    if !entry.file_name().to_string_lossy().starts_with('.') {
        return false;
    }
    let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
    // Younger ones may be in the writing.
    if age.is_ok_and(|age| age.is_ok_and(|age| age > LEFT_AFTER)) {
        let _ = fs::remove_file(entry.path());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ProgramCache { folder: folder.path().to_owned(), limit: u64::MAX };
        let old = folder.path().join(".0a.program.4000");
        let young = folder.path().join(".0b.program.4001");
        for path in [&old, &young] {
            fs::write(path, "part of a program").unwrap();
        }
        File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(SystemTime::now() - 2 * LEFT_AFTER)
            .unwrap();
        cache.store("0c.program", b"a program");
        assert!(!old.exists() && young.exists() && folder.path().join("0c.program").exists());
        assert_eq!(cache.load("0c.program").unwrap(), b"a program");
    }
}
