//! Where the files of a pipeline are: in folders of this machine, or elsewhere, with folders that stand for what is there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::manifest::{Kinds, Manifest};
use crate::output::write_whole;
use crate::{Error, Result};

/// How the files of a stage's input are found: [`Manifest::find`] or [`Manifest::find_crawl`].
pub type Find = fn(&[PathBuf]) -> Result<Manifest>;

/// What a pipeline asks of the place where its files are. Paths are those of its settings.
pub trait Storage {
    /// The files and folders that a path of `in` stands for, in order: itself, if it has no pattern.
    ///
    /// # Errors
    /// A pattern that stands for nothing; a folder that cannot be read.
    fn expand(&self, pattern: &Path) -> Result<Vec<PathBuf>>;

    /// Which kinds of input there are.
    ///
    /// # Errors
    /// Those of [`Kinds::find`].
    fn kinds(&self, inputs: &[PathBuf]) -> Result<Kinds>;

    /// Makes ready what a step reads, and what it writes if that is given.
    ///
    /// # Errors
    /// A place that cannot be read or written.
    fn open<'a>(
        &'a self,
        inputs: &[PathBuf],
        out: Option<&Path>,
        rejected: Option<&Path>,
    ) -> Result<Box<dyn Opened + 'a>>;

    /// A small file; `None` if there is none.
    ///
    /// # Errors
    /// A place that cannot be read.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>>;

    /// Writes a small file as a whole.
    ///
    /// # Errors
    /// A place that cannot be written.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()>;

    /// Removes a folder and all in it, if it has the file `plan` of a stage that has begun it.
    ///
    /// # Errors
    /// A place that cannot be written.
    fn remove(&self, folder: &Path, plan: &str) -> Result<()>;
}

/// The places of a step, as folders of this machine.
pub trait Opened {
    /// Files and folders to read.
    fn inputs(&self) -> &[PathBuf];
    /// The folder to write.
    fn out(&self) -> &Path;
    /// The folder of what is dropped.
    fn rejected(&self) -> Option<&Path>;

    /// The files of the input.
    ///
    /// # Errors
    /// Those of `find`.
    fn manifest(&self, find: Find) -> Result<Manifest>;

    /// Makes sure that a file that the step has written, now or before, has its content here.
    ///
    /// # Errors
    /// It is not to be had.
    fn fetch(&self, file: &Path) -> Result<()>;

    /// Bytes of a file that the step has written.
    ///
    /// # Errors
    /// There is none.
    fn size(&self, file: &Path) -> Result<u64>;

    /// Is called now and then while the step writes.
    fn progress(&self);

    /// Is called when the step has written all.
    ///
    /// # Errors
    /// A place that cannot be written.
    fn finish(&self) -> Result<()>;

    /// An error in which paths are those of the settings.
    fn explain(&self, error: Error) -> Error;
}

/// Folders of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Folders;

struct Here {
    inputs: Vec<PathBuf>,
    out: PathBuf,
    rejected: Option<PathBuf>,
}

impl Storage for Folders {
    fn expand(&self, pattern: &Path) -> Result<Vec<PathBuf>> {
        let name = pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.contains(['*', '?']) || pattern.exists() {
            return Ok(vec![pattern.to_owned()]);
        }
        let folder = pattern.parent().unwrap_or(Path::new(""));
        let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut names = Vec::new();
        for entry in fs::read_dir(listed).map_err(|error| Error::io(listed, error))? {
            let entry = entry.map_err(|error| Error::io(listed, error))?.file_name();
            if is_meant(&name, &entry.to_string_lossy()) {
                names.push(entry);
            }
        }
        names.sort();
        match names.len() {
            0 => Err(Error::Folder { path: pattern.into(), detail: "there is no such file".into() }),
            _ => Ok(names.into_iter().map(|name| folder.join(name)).collect()),
        }
    }

    fn kinds(&self, inputs: &[PathBuf]) -> Result<Kinds> {
        Kinds::find(inputs)
    }

    fn open<'a>(
        &'a self,
        inputs: &[PathBuf],
        out: Option<&Path>,
        rejected: Option<&Path>,
    ) -> Result<Box<dyn Opened + 'a>> {
        let out = out.unwrap_or(Path::new("")).to_owned();
        Ok(Box::new(Here { inputs: inputs.to_vec(), out, rejected: rejected.map(Path::to_owned) }))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match inputs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        }
        write_whole(path, bytes)
    }

    fn remove(&self, folder: &Path, plan: &str) -> Result<()> {
        if !folder.join(plan).exists() {
            return Ok(());
        }
        fs::remove_dir_all(folder).map_err(|error| Error::io(folder, error))
    }
}

impl Opened for Here {
    fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    fn out(&self) -> &Path {
        &self.out
    }

    fn rejected(&self) -> Option<&Path> {
        self.rejected.as_deref()
    }

    fn manifest(&self, find: Find) -> Result<Manifest> {
        find(&self.inputs)
    }

    fn fetch(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn size(&self, file: &Path) -> Result<u64> {
        fs::metadata(file).map(|metadata| metadata.len()).map_err(|error| Error::io(file, error))
    }

    fn progress(&self) {}

    fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn explain(&self, error: Error) -> Error {
        error
    }
}

/// Whether a name is one that a pattern stands for: hidden ones are not.
pub fn is_meant(pattern: &str, name: &str) -> bool {
    !name.starts_with('.') && matches(pattern.as_bytes(), name.as_bytes())
}

/// Whether a name is one that a pattern stands for, in which `*` stands for any characters and `?` for one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // For each beginning of the pattern, whether the beginning of the name that has been read is one that it stands for.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    let stars = |reached: &mut Vec<bool>| {
        (0..pattern.len()).for_each(|at| reached[at + 1] |= pattern[at] == b'*' && reached[at]);
    };
    stars(&mut reached);
    for byte in name {
        let mut next = vec![false; pattern.len() + 1];
        for at in 0..pattern.len() {
            next[at + 1] |= reached[at] && (pattern[at] == *byte || pattern[at] == b'?');
            next[at + 1] |= reached[at + 1] && pattern[at] == b'*';
        }
        stars(&mut next);
        reached = next;
    }
    reached[pattern.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        };
        check("*.jsonl", "a.jsonl", true);
        check("*.jsonl", "a.jsonl.gz", false);
        check("a*b*c", "abbc", true);
        check("a*b*c", "acb", false);
        check("?.txt", "a.txt", true);
        check("?.txt", ".txt", false);
        check("*", "", true);
        check("**a", "ba", true);
        assert!(is_meant("*", "a") && !is_meant("*", ".a"));
    }
}
