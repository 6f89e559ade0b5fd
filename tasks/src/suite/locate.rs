//! Finding a task's files in folders as they were unpacked.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::adapt::Adapter;
use super::divided::DividedFiles;
use super::documents::Error;
use super::{Entry, Source, Split};

/// A larger tree is not one of data sets.
const MOST_FILES: usize = 1_000_000;

/// Folders of a file's path, from the end, that are compared: more than any distribution's names have.
const DEPTH: usize = 8;

/// Files on disk larger than this are not counted when a list is made.
const COUNTED: u64 = 64 << 20;

/// Files of folders, by their names.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    files: Vec<File>,
    /// Positions in `files` by the last part of the name.
    by_name: HashMap<String, Vec<usize>>,
    /// What has been read of files that several tasks share.
    pub(super) divided: DividedFiles,
}

#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    /// Which of the folders that were named it is in.
    root: usize,
    /// The end of its path, in lower case, the file's name without the ending of its compression.
    parts: Vec<String>,
}

/// How much of a task's data there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// The whole data set, as far as its size is known.
    Present,
    /// Some of its documents.
    Partial,
    /// Nothing that can be read.
    #[default]
    Absent,
}

/// What there is of a task's data.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// How much.
    pub presence: Presence,
    /// The files of the documents that are asked.
    pub files: Vec<PathBuf>,
    /// The files of the shots, if they are others.
    pub shot_files: Vec<PathBuf>,
    /// Documents that are asked; not known of files too large to be counted for a list.
    pub documents: Option<usize>,
    /// Why files that were found cannot be read.
    pub problem: Option<String>,
}

/// Files of a task.
#[derive(Clone, Debug)]
pub(crate) struct Located<'a> {
    pub source: &'a Source,
    pub files: Vec<PathBuf>,
}

impl Folders {
    /// Lists the files of folders and of the folders in them; the first come first. What is hidden is passed over, and what
    /// may not be read.
    ///
    /// # Errors
    /// A path that is no folder, or one with more than a million files.
    pub fn search(folders: &[PathBuf]) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut seen = HashSet::new();
        for (root, folder) in folders.iter().enumerate() {
            let wrong = |detail: String| Error::Folder { path: folder.clone(), detail };
            let entries = fs::read_dir(folder).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => wrong("no such folder".into()),
                _ => wrong(error.to_string()),
            })?;
            drop(entries);
            // The folder's own name counts: `--data ~/piqa` is a folder of PIQA.
            let whole = fs::canonicalize(folder).map_err(|error| wrong(error.to_string()))?;
            let parts = whole.iter().map(|part| part.to_string_lossy().to_lowercase()).collect::<Vec<_>>();
            found.add(root, folder, &parts, &mut seen);
            if found.files.len() > MOST_FILES {
                return Err(wrong(format!("more than {MOST_FILES} files; name the folder of the data sets")));
            }
        }
        for (position, file) in found.files.iter().enumerate() {
            let name = file.parts.last().cloned().unwrap_or_default();
            found.by_name.entry(name).or_default().push(position);
        }
        Ok(found)
    }

    fn add(&mut self, root: usize, folder: &Path, parts: &[String], seen: &mut HashSet<PathBuf>) {
        let is_new = fs::canonicalize(folder).is_ok_and(|whole| seen.insert(whole));
        if !is_new || self.files.len() > MOST_FILES {
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut names = entries.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let name = name.to_string_lossy().to_lowercase();
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if name.starts_with('.') {
                continue;
            }
            let part = if metadata.is_dir() { &name } else { data::read::uncompressed_name(&name) };
            let mut parts = parts[parts.len().saturating_sub(DEPTH)..].to_vec();
            parts.push(part.to_owned());
            if metadata.is_dir() {
                self.add(root, &path, &parts, seen);
            } else if metadata.is_file() {
                self.files.push(File { path, root, parts });
            }
        }
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// The files whose paths end so, of one folder: in the first of the folders searched, the nearest to it, the first by name. Where the end of the
    /// path has no `*`, that is one file.
    pub(crate) fn find(&self, end: &str) -> Vec<PathBuf> {
        let end = end.to_lowercase();
        let wanted = end.split('/').collect::<Vec<_>>();
        let Some((name, folders)) = wanted.split_last() else { return Vec::new() };
        let fits = |file: &&File| {
            let parts = &file.parts;
            let Some((_, above)) = parts.split_last() else { return false };
            let Some(start) = above.len().checked_sub(folders.len()) else { return false };
            above[start..].iter().zip(folders).all(|(part, wanted)| matches(wanted, part))
        };
        let with_name: Vec<&File> = if name.contains('*') {
            let names = self.by_name.iter().filter(|(part, _)| matches(name, part));
            names.flat_map(|(_, positions)| positions).map(|&position| &self.files[position]).collect()
        } else {
            self.by_name.get(*name).into_iter().flatten().map(|&position| &self.files[position]).collect()
        };
        let mut fitting = with_name.into_iter().filter(fits).collect::<Vec<_>>();
        fitting.sort_by_key(|file| (file.root, file.path.components().count(), file.path.as_path()));
        let fitting = fitting.into_iter().map(|file| &file.path).collect::<Vec<_>>();
        let Some(folder) = fitting.first().map(|path| path.parent()) else { return Vec::new() };
        let mut files =
            fitting.into_iter().filter(|path| path.parent() == folder).cloned().collect::<Vec<_>>();
        if !name.contains('*') {
            // The same file with several compressions.
            files.truncate(1);
        }
        files
    }

    /// A file beside another, by its name without the ending of its compression.
    pub(crate) fn beside(&self, path: &Path, name: &str) -> Option<&Path> {
        let positions = self.by_name.get(&name.to_lowercase())?;
        positions
            .iter()
            .map(|&position| self.files[position].path.as_path())
            .find(|file| file.parent() == path.parent())
    }
}

/// Whether a name is a pattern's: `*` is any number of any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces = pieces.collect::<Vec<_>>();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Entry {
    /// The files of a split.
    pub(crate) fn located(&self, split: Split, folders: &Folders) -> Option<Located<'_>> {
        let sources = self.sources.iter().filter(|source| source.split == split);
        sources
            .map(|source| Located { source, files: folders.find(&source.path) })
            .find(|located| !located.files.is_empty())
    }

    /// How much of the task's data is in the folders. Documents are read and counted, unless their files are large.
    pub fn locate(&self, folders: &Folders) -> Found {
        let shot_files = self.located(Split::Shots, folders).map(|located| located.files).unwrap_or_default();
        let mut found = Found {
            presence: Presence::Absent,
            files: Vec::new(),
            shot_files,
            documents: None,
            problem: None,
        };
        let Some(located) = self.located(Split::Asked, folders) else { return found };
        let is_small = located.files.iter().all(|path| crate::read::is_small(path, COUNTED));
        found.files = located.files.clone();
        if is_small {
            match self.count(&located, folders) {
                Ok(documents) => found.documents = Some(documents),
                Err(error) => found.problem = Some(error.to_string()),
            }
        }
        found.presence = match &found.problem {
            Some(_) => Presence::Absent,
            None => self.presence(found.documents, located.source),
        };
        found
    }

    /// How many documents files have.
    fn count(&self, located: &Located<'_>, folders: &Folders) -> Result<usize, Error> {
        let adapter = located.source.adapter;
        if adapter == Adapter::Pile {
            return Ok(folders.divided.of(&located.files, &super::pile::set_names())?.count(self.part));
        }
        Ok(self.read(located, folders)?.iter().map(|fields| adapter.weight(fields)).sum())
    }

    /// How much of the data set so many documents of a source are, if it is known how many.
    pub(super) fn presence(&self, documents: Option<usize>, source: &Source) -> Presence {
        let short = documents.zip(self.expected).is_some_and(|(documents, all)| documents < all);
        match documents {
            Some(0) => Presence::Absent,
            _ if short || source.part_of => Presence::Partial,
            _ => Presence::Present,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars() {
        for (pattern, name, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*piqa*", "eval_piqa", true),
            ("*piqa*", "piqa", true),
            ("*social*iqa*", "eval_socialiqa", true),
            ("*social*iqa*", "iqa-social", false),
            ("data-*.arrow", "data-00000-of-00001.arrow", true),
            ("data-*.arrow", "data-0.arrows", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}\n").unwrap();
        }
        root
    }

    #[test]
    fn a_file_is_known_by_the_end_of_its_path() {
        let root = tree(&[
            "deep/er/eval_piqa/valid.jsonl.xz",
            "other/valid.jsonl",
            "PIQA/valid.jsonl",
            ".git/piqa/valid.jsonl",
        ]);
        let folders = Folders::search(&[root.path().into()]).unwrap();
        // The one nearest to the root, whatever its case.
        assert_eq!(folders.find("*piqa*/valid.jsonl"), [root.path().join("PIQA/valid.jsonl")]);
        assert_eq!(
            folders.find("er/*piqa*/valid.jsonl"),
            [root.path().join("deep/er/eval_piqa/valid.jsonl.xz")]
        );
        assert!(folders.find("*piqa*/train.jsonl").is_empty());
        // The name of the folder that is searched counts too.
        let folders = Folders::search(&[root.path().join("deep/er/eval_piqa")]).unwrap();
        assert_eq!(folders.find("*piqa*/valid.jsonl").len(), 1);
        let error = Folders::search(&["nowhere/at/all".into()]).unwrap_err().to_string();
        assert_eq!(error, "nowhere/at/all: no such folder");
    }

    #[test]
    fn shards_of_one_folder_belong_together() {
        let root = tree(&[
            "a/v/data-0-of-2.arrow",
            "a/v/data-1-of-2.arrow",
            "b/c/v/data-0-of-1.arrow",
            "a/v/state.json",
        ]);
        let folders = Folders::search(&[root.path().into()]).unwrap();
        assert_eq!(folders.find("v/data-*.arrow").len(), 2);
        assert_eq!(folders.find("c/v/data-*.arrow").len(), 1);
    }
}
