//! Files and what they include.

use std::path::{Component, Path, PathBuf};

use super::error::{Error, Refusal, Result};
use super::yaml::{self, Entry, Kind, Node};

/// Where the files that a task file names come from: their bytes, or nothing if there is no such file.
pub(super) type Source<'a> = &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// Includes within includes, at most.
const DEEPEST: usize = 32;

/// The keys of a file over those of what it includes.
pub(super) fn merged(path: &Path, text: &str, source: Source<'_>) -> Result<Node> {
    let mut chain = vec![clean(path)];
    include(path, text, source, &mut chain)
}

fn include(path: &Path, text: &str, source: Source<'_>, chain: &mut Vec<PathBuf>) -> Result<Node> {
    let root = yaml::parse(path, text)?;
    let Kind::Map(mut entries) = root.value else { return Ok(root) };
    let Some(position) = entries.iter().position(|entry| entry.key == "include") else {
        return Ok(Node { value: Kind::Map(entries), ..root });
    };
    let include_entry = entries.remove(position);
    let node = include_entry.value;
    let wrong = |node: &Node| {
        node.refuse(
            Refusal::Include,
            format!("'include' is a file name or a list of them, and this is {}", node.kind()),
        )
    };
    let files = match node.value {
        Kind::List(files) => files,
        Kind::Null => Vec::new(),
        _ => vec![node],
    };
    // The last of several files wins over the first, and the file itself over all.
    let mut merged: Vec<Entry> = Vec::new();
    for node in files {
        let Kind::Text(name) = &node.value else { return Err(wrong(&node)) };
        let target = clean(&path.parent().unwrap_or(Path::new("")).join(name));
        if chain.contains(&target) {
            let problem =
                format!("'include: {name}' leads back to {}; take one of the includes out", target.display());
            return Err(node.refuse(Refusal::Include, problem));
        }
        if chain.len() > DEEPEST {
            return Err(
                node.refuse(Refusal::Include, format!("more than {DEEPEST} files that include each other"))
            );
        }
        let text = read(&target, source).map_err(|reason| {
            node.refuse(Refusal::Include, format!("'include: {name}': {}: {reason}", target.display()))
        })?;
        chain.push(target.clone());
        let other = self::include(&target, &text, source, chain)?;
        chain.pop();
        if let Kind::Map(entries) = other.value {
            over(&mut merged, entries.into_iter().filter(|entry| entry.key != "task_list"));
        }
    }
    over(&mut merged, entries.into_iter());
    Ok(Node { value: Kind::Map(merged), path: root.path, line: root.line })
}

/// Adds keys, or puts their values in place of those there are.
fn over(merged: &mut Vec<Entry>, entries: impl Iterator<Item = Entry>) {
    for entry in entries {
        match merged.iter_mut().find(|there| there.key == entry.key) {
            Some(there) => *there = entry,
            None => merged.push(entry),
        }
    }
}

fn read(path: &Path, source: Source<'_>) -> Result<String, String> {
    let bytes = source(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => error.to_string(),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        format!("not UTF-8 from byte {} on; convert the file", error.utf8_error().valid_up_to())
    })
}

/// The text of a file.
pub(super) fn text(path: &Path, source: Source<'_>) -> Result<String> {
    read(path, source).map_err(|reason| Error::Read { path: path.to_path_buf(), reason })
}

/// A path without `.` and, where that is sure, `..`.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
