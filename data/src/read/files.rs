//! Which files are read, and which are passed over.

use std::collections::HashSet;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The kinds of files that are read, as errors and notes have them.
pub(crate) const KINDS: &str = ".txt, .md, .jsonl or .json, or these with .gz, .zst or .xz";

/// What `gopher data` leaves beside the documents that it writes.
const RECEIPT: &str = "receipt.json";

/// Examples of a note.
const SHOWN: usize = 3;

/// Which files a search reads.
pub struct Kinds {
    /// How their names end, as errors have it: `.txt or .md`.
    pub words: &'static str,
    /// Whether a file of this name is one.
    pub is_read: fn(&Path) -> bool,
}

/// Text.
const TEXT: Kinds = Kinds { words: KINDS, is_read: |path| kind(path).is_some() };

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
        let mut words: Vec<_> = self.passed_over.iter().map(|over| over.reason.words()).collect();
        words.sort_unstable();
        words.dedup();
        let note = |(order, one, several)| {
            let found = self.passed_over.iter().filter(|over| over.reason.words() == (order, one, several));
            let names = found.map(PassedOver::name).collect::<Vec<_>>();
            let what = if names.len() == 1 { one } else { several };
            format!("passing over {} {what}: {}", names.len(), some(names, SHOWN))
        };
        words.into_iter().map(note).collect()
    }
}

impl PassedOver {
    /// The path, with what the operating system says of it.
    fn name(&self) -> String {
        match &self.reason {
            Reason::Unreadable(detail) => format!("{} ({detail})", self.path.display()),
            Reason::Kind | Reason::Hidden | Reason::Empty | Reason::NotAFile => {
                self.path.display().to_string()
            }
        }
    }
}

impl Reason {
    /// The reason's place in notes, and what one such thing is called and several.
    fn words(&self) -> (u8, &'static str, &'static str) {
        match self {
            Reason::Kind => (0, "file of another kind", "files of other kinds"),
            Reason::Hidden => (1, "hidden entry", "hidden entries"),
            Reason::Empty => (2, "empty file", "empty files"),
            Reason::NotAFile => (3, "pipe, socket or device", "pipes, sockets or devices"),
            Reason::Unreadable(_) => (4, "unreadable entry", "unreadable entries"),
        }
    }
}

/// The first of some names, and how many more there are.
fn some(names: Vec<String>, shown: usize) -> String {
    let first = names.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} and {more} more"),
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
    let (stem, compression) = compression(&name);
    match stem.rsplit_once('.')?.1 {
        "txt" | "md" => Some((Format::Text, compression)),
        "jsonl" => Some((Format::JsonLines, compression)),
        "json" => Some((Format::Json, compression)),
        _ => None,
    }
}

/// A file's name without the ending that says how it is compressed, and what that says.
pub(super) fn compression(name: &str) -> (&str, Compression) {
    let Some((stem, ending)) = name.rsplit_once('.') else { return (name, Compression::None) };
    match ending.to_ascii_lowercase().as_str() {
        "gz" => (stem, Compression::Gzip),
        "zst" => (stem, Compression::Zstd),
        "xz" => (stem, Compression::Xz),
        _ => (name, Compression::None),
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
    find(paths, &TEXT)
}

/// As [`find_files`], of files of other kinds.
///
/// # Errors
/// Those of [`find_files`].
pub fn find(paths: &[PathBuf], kinds: &Kinds) -> Result<FileList> {
    let mut search = Search { list: FileList::default(), seen: HashSet::new(), kinds };
    for path in paths {
        let metadata = check_kind(path, kinds)?;
        if metadata.is_dir() {
            search.named_folder(path)?;
        } else {
            search.file(path.clone(), &metadata).map_err(|e| Error::io(path, e))?;
        }
    }
    let list = search.list;
    if list.files.is_empty() {
        let notes = list.notes();
        let detail = if notes.is_empty() { "no files".into() } else { notes.join("; ") };
        return Err(Error::NoText {
            paths: paths.to_vec(),
            detail: format!("{detail}; read are {}", kinds.words),
        });
    }
    Ok(list)
}

/// Checks that something is a folder, or a file that is read, without looking into it.
///
/// # Errors
/// A missing path, a file whose kind is not supported, a pipe or device.
pub fn check(path: &Path) -> Result<Metadata> {
    check_kind(path, &TEXT)
}

fn check_kind(path: &Path, kinds: &Kinds) -> Result<Metadata> {
    let metadata = fs::metadata(path).map_err(|e| Error::io(path, e))?;
    match metadata.is_file() {
        _ if metadata.is_dir() => Ok(metadata),
        false => {
            Err(Error::NotAFile { path: path.into(), what: what(metadata.file_type()), kinds: kinds.words })
        }
        true if !(kinds.is_read)(path) => {
            Err(Error::UnsupportedFile { path: path.into(), kinds: kinds.words })
        }
        true => Ok(metadata),
    }
}

struct Search<'a> {
    list: FileList,
    /// Files and folders without links. Folders are remembered too: a symbolic link to a parent must not loop.
    seen: HashSet<PathBuf>,
    kinds: &'a Kinds,
}

impl Search<'_> {
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
            } else if !(self.kinds.is_read)(&path) || path.ends_with(RECEIPT) {
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
