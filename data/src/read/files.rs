//! Which files are read, and which are passed over.

use std::collections::HashSet;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The kinds of files that are read, as errors and notes have them.
pub(crate) const KINDS: &str = ".txt, .md, .jsonl or .json, or these with .gz, .zst or .xz";

/// Examples of a note.
const SHOWN: usize = 3;

/// What [`find_files`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileList {
    /// Readable files, in the order they are read, each once.
    pub files: Vec<PathBuf>,
    /// What else there was, in the order it was found.
    pub passed_over: Vec<PassedOver>,
}

/// A file or folder that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is not read.
    pub reason: Reason,
}

/// Why a file or folder is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its name does not end as those of files that are read.
    Kind,
    /// Its name begins with a dot.
    Hidden,
    /// It has no bytes.
    Empty,
    /// It is a pipe, a socket or a device.
    NotAFile,
    /// The operating system refuses to read it: a link to nothing, a folder without permission.
    Unreadable(String),
}

impl FileList {
    /// What was passed over and why, a line for each reason.
    pub fn notes(&self) -> Vec<String> {
        let is: [(fn(&Reason) -> bool, &str, &str); 5] = [
            (|reason| *reason == Reason::Kind, "file", " of other kinds"),
            (|reason| *reason == Reason::Hidden, "hidden entr", ""),
            (|reason| *reason == Reason::Empty, "empty file", ""),
            (|reason| *reason == Reason::NotAFile, "pipe, socket or device", ""),
            (|reason| matches!(reason, Reason::Unreadable(_)), "unreadable entr", ""),
        ];
        let notes = is.into_iter().filter_map(|(is, what, rest)| {
            let found: Vec<&PassedOver> = self.passed_over.iter().filter(|over| is(&over.reason)).collect();
            let names = found.iter().map(|over| match &over.reason {
                Reason::Unreadable(detail) => format!("{} ({detail})", over.path.display()),
                Reason::Kind | Reason::Hidden | Reason::Empty | Reason::NotAFile => {
                    over.path.display().to_string()
                }
            });
            let names = some(names, SHOWN)?;
            Some(format!("passing over {}{rest}: {names}", count(found.len(), what)))
        });
        notes.collect()
    }
}

/// A number of things, by the word for one of them; that for "entry" is given without its end.
fn count(number: usize, one: &str) -> String {
    match (number, one.strip_suffix("entr")) {
        (1, Some(_)) => format!("1 {one}y"),
        (1, None) => format!("1 {one}"),
        (_, Some(_)) => format!("{number} {one}ies"),
        (_, None) if one.starts_with("pipe") => format!("{number} pipes, sockets or devices"),
        (_, None) => format!("{number} {one}s"),
    }
}

/// The first of some names, and how many more there are; `None` of none.
pub(super) fn some(names: impl Iterator<Item = String>, shown: usize) -> Option<String> {
    let names: Vec<String> = names.collect();
    let first = names.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(shown);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(first),
        (false, more) => Some(format!("{first} and {more} more")),
    }
}

/// What the documents of a file are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The file is one document.
    Text,
    /// Every line is an object.
    JsonLines,
    /// As lines, or objects one after another, or an array of objects.
    Json,
}

/// How the bytes of a file are packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Xz,
}

/// What the extension says, or `None` when it is not one we read.
pub(super) fn kind(path: &Path) -> Option<(Format, Compression)> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let (stem, compression) = match name.rsplit_once('.')? {
        (stem, "gz") => (stem, Compression::Gzip),
        (stem, "zst") => (stem, Compression::Zstd),
        (stem, "xz") => (stem, Compression::Xz),
        _ => (name.as_str(), Compression::None),
    };
    match stem.rsplit_once('.')?.1 {
        "txt" | "md" => Some((Format::Text, compression)),
        "jsonl" => Some((Format::JsonLines, compression)),
        "json" => Some((Format::Json, compression)),
        _ => None,
    }
}

/// Lists the readable files among `paths`: files as given, folders recursively in sorted order.
///
/// A file reached twice is listed once. Inside a folder, what is hidden, of other kinds or unreadable is passed over, and
/// so is a file without bytes wherever it is.
///
/// # Errors
/// A missing path, a file named directly whose kind is not supported, a pipe or device named directly, or no readable
/// file at all.
pub fn find_files(paths: &[PathBuf]) -> Result<FileList> {
    let mut search = Search::default();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if metadata.is_dir() {
            search.named_folder(path)?;
        } else if !metadata.is_file() {
            return Err(Error::NotAFile { path: path.clone(), what: what(metadata.file_type()) });
        } else if kind(path).is_none() {
            return Err(Error::UnsupportedFile { path: path.clone() });
        } else {
            search.file(path.clone(), &metadata).map_err(|e| Error::io(path, e))?;
        }
    }
    let list = search.list;
    if list.files.is_empty() {
        let notes = list.notes();
        let detail = if notes.is_empty() { "no files".into() } else { notes.join("; ") };
        return Err(Error::NoText { paths: paths.to_vec(), detail: format!("{detail}; read are {KINDS}") });
    }
    Ok(list)
}

#[derive(Default)]
struct Search {
    list: FileList,
    /// Files and folders without links. Folders are remembered too: a symbolic link to a parent must not loop.
    seen: HashSet<PathBuf>,
}

impl Search {
    fn named_folder(&mut self, folder: &Path) -> Result<()> {
        let entries = self.entries(folder).map_err(|e| Error::io(folder, e))?;
        entries.into_iter().for_each(|path| self.entry(path));
        Ok(())
    }

    /// The sorted entries of a folder; none if it has been seen.
    fn entries(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        if !self.seen.insert(fs::canonicalize(folder)?) {
            return Ok(Vec::new());
        }
        let mut paths =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    /// An entry of a folder, which never ends the search.
    fn entry(&mut self, path: PathBuf) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            return self.pass_over(path, Reason::Hidden);
        }
        let found = fs::metadata(&path).and_then(|metadata| {
            if metadata.is_dir() {
                let entries = self.entries(&path)?;
                entries.into_iter().for_each(|path| self.entry(path));
            } else if !metadata.is_file() {
                self.pass_over(path.clone(), Reason::NotAFile);
            } else if kind(&path).is_none() {
                self.pass_over(path.clone(), Reason::Kind);
            } else {
                // It is read long after this, and then it is an error.
                fs::File::open(&path)?;
                self.file(path.clone(), &metadata)?;
            }
            Ok(())
        });
        if let Err(error) = found {
            self.pass_over(path, Reason::Unreadable(error.to_string()));
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata) -> io::Result<()> {
        let is_new = self.seen.insert(fs::canonicalize(&path)?);
        if metadata.len() == 0 {
            self.pass_over(path, Reason::Empty);
        } else if is_new {
            self.list.files.push(path);
        }
        Ok(())
    }

    fn pass_over(&mut self, path: PathBuf, reason: Reason) {
        self.list.passed_over.push(PassedOver { path, reason });
    }
}

/// What a file that is none is called.
fn what(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    let _ = kind;
    "a device"
}
