//! What is in the user's cache, in parts that can be removed one by one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Cache;

/// A part of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The tokens of texts that were encoded.
    Tokens,
    /// Programs that were compiled.
    Programs,
    /// Compilers' verdicts on programs.
    Verdicts,
    /// The quick start's text.
    Text,
    /// Wheels that were fetched, unpacked. Those put there by hand are no part.
    Wheels,
}

/// What a part of the cache takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files and links.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

impl Part {
    /// All parts.
    pub const ALL: [Part; 5] = [Part::Tokens, Part::Programs, Part::Verdicts, Part::Text, Part::Wheels];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Part::Tokens => "tokens",
            Part::Programs => "programs",
            Part::Verdicts => "verdicts",
            Part::Text => "text",
            Part::Wheels => "wheels",
        }
    }

    /// What it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Part::Tokens => "texts that were encoded",
            Part::Programs => "programs that were compiled",
            Part::Verdicts => "what compilers said of plans",
            Part::Text => "the quick start's text",
            Part::Wheels => "plugins, compilers and data of benchmarks",
        }
    }

    /// Whether it was made on this machine, so that no network is needed to make it again.
    pub fn is_made_here(self) -> bool {
        match self {
            Part::Tokens | Part::Programs | Part::Verdicts => true,
            Part::Text | Part::Wheels => false,
        }
    }
}

impl Cache {
    /// What a part of the cache takes; nothing if it is not there.
    ///
    /// # Errors
    /// A folder that cannot be read, with its path.
    pub fn usage(&self, part: Part) -> Result<Usage, (PathBuf, io::Error)> {
        let mut usage = Usage::default();
        self.folders(part)?.iter().try_for_each(|folder| add(folder, &mut usage))?;
        Ok(usage)
    }

    /// Removes a part of the cache, and says what it took. Programs make or fetch it again when they need it.
    ///
    /// # Errors
    /// A folder that cannot be read or removed, with its path.
    pub fn clear(&self, part: Part) -> Result<Usage, (PathBuf, io::Error)> {
        let usage = self.usage(part)?;
        for folder in self.folders(part)? {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err((folder, error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(usage)
    }

    fn folders(&self, part: Part) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        Ok(match part {
            Part::Tokens => vec![self.tokens_folder()],
            Part::Programs => vec![self.programs_folder()],
            Part::Verdicts => vec![self.root().join("verified")],
            Part::Text => vec![self.root().join("text")],
            Part::Wheels => {
                let mut folders = vec![self.wheels_folder().join("unpacked"), self.partial_folder()];
                // Links to files of several wheels, as their programs expect them.
                folders.extend(
                    entries(self.root())?
                        .into_iter()
                        .filter(|path| {
                            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cuda-"))
                        })
                        .filter(|path| path.is_dir() && !path.is_symlink()),
                );
                folders
            }
        })
    }
}

/// The entries of a folder; none if it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| (folder.to_owned(), error)),
    }
}

fn add(folder: &Path, usage: &mut Usage) -> Result<(), (PathBuf, io::Error)> {
    for path in entries(folder)? {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => add(&path, usage)?,
            Ok(metadata) => {
                usage.files += 1;
                usage.bytes += metadata.len();
            }
            // Removed by another process meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err((path, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_and_removed_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        for part in Part::ALL {
            assert_eq!(cache.usage(part).unwrap(), Usage::default());
            assert_eq!(cache.clear(part).unwrap(), Usage::default());
        }
        let write = |name: &str, bytes: usize| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; bytes]).unwrap();
        };
        write("tokens/a.tokens", 10);
        write("tokens/b.tokens", 5);
        write("verified/a.json", 3);
        write("text/plays/hamlet.txt", 7);
        write("wheels/unpacked/a/deep/lib.so", 100);
        write("wheels/partial/a.x/half", 1);
        write("wheels/by-hand.whl", 1000);
        write("mine/notes.txt", 1);
        #[cfg(unix)]
        {
            fs::create_dir(folder.path().join("cuda-13")).unwrap();
            let links_to = folder.path().join("mine");
            std::os::unix::fs::symlink(links_to, folder.path().join("cuda-13/bin")).unwrap();
        }
        let usage = |part| cache.usage(part).map(|usage| (usage.files, usage.bytes)).unwrap();
        assert_eq!(
            (usage(Part::Tokens), usage(Part::Verdicts), usage(Part::Text)),
            ((2, 15), (1, 3), (1, 7))
        );
        assert!(usage(Part::Wheels).1 >= 101);
        assert_eq!(cache.clear(Part::Tokens).unwrap(), Usage { files: 2, bytes: 15 });
        assert_eq!((usage(Part::Tokens), usage(Part::Verdicts)), ((0, 0), (1, 3)));
        cache.clear(Part::Wheels).unwrap();
        assert_eq!(usage(Part::Wheels), (0, 0));
        assert!(folder.path().join("wheels/by-hand.whl").is_file());
        assert!(folder.path().join("mine/notes.txt").is_file(), "what a link leads to stays");
    }
}
