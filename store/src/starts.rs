//! `starts.jsonl`: one JSON object for each process that worked on a run, so that wall time is counted from the first.
//!
//! Lines are only ever added. A process that is killed while it adds one may leave it torn; it is passed over.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::files::FileError;
use crate::process::host_name;
use crate::time::seconds_since_1970;

/// A process that worked on a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// When it was started, in seconds since 1970 by the clock of its machine.
    pub time: f64,
    /// Steps completed before.
    pub step: u64,
    /// The machine's name.
    pub host: String,
    /// The process's id there.
    pub process: u32,
    /// Version of the program.
    pub version: String,
}

impl Start {
    /// This process, started at `time`, which goes on after `step` steps.
    pub fn of_this_process(time: SystemTime, step: u64) -> Start {
        Start {
            time: seconds_since_1970(time),
            step,
            host: host_name(),
            process: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// All processes that worked on a run, this one included.
#[derive(Debug, Clone, PartialEq)]
pub struct Starts(Vec<Start>);

impl Starts {
    /// Adds a process to the file.
    ///
    /// # Errors
    /// [`FileError`]; what was there before stays.
    pub fn add(path: &Path, start: &Start) -> Result<Starts, FileError> {
        let write = |source| FileError::write(path, source);
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(write)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|source| FileError::read(path, source))?;
        let mut line = serde_json::to_vec(start).map_err(|error| write(io::Error::other(error)))?;
        line.push(b'\n');
        // What a killed process left of a line gets an end, so that this one stands by itself.
        if bytes.last().is_some_and(|&last| last != b'\n') {
            line.insert(0, b'\n');
        }
        file.write_all(&line).map_err(|source| {
            let _ = file.set_len(bytes.len() as u64).and_then(|()| file.seek(SeekFrom::End(0)));
            write(source)
        })?;
        bytes.extend(line);
        Ok(Starts::parse(&bytes))
    }

    /// Reads the file; a run of an earlier version has none.
    ///
    /// # Errors
    /// [`FileError`] when it is there and cannot be read.
    pub fn read(path: &Path) -> Result<Starts, FileError> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Starts::parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Starts(Vec::new())),
            Err(source) => Err(FileError::read(path, source)),
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Starts {
        let lines = bytes.split(|&byte| byte == b'\n');
        Starts(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// When the run was started; `None` if the first process that is known went on with steps of an earlier one.
    pub fn first(&self) -> Option<f64> {
        self.0.first().filter(|start| start.step == 0).map(|start| start.time)
    }

    /// What tells the run from any other: time and number of its first process.
    pub(crate) fn origin(&self) -> Option<(f64, u32)> {
        self.0.first().map(|start| (start.time, start.process))
    }

    /// How many processes worked on the run.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn start(time: f64, step: u64) -> Start {
        Start { time, ..Start::of_this_process(SystemTime::now(), step) }
    }

    #[test]
    fn the_first_process_says_when_the_run_was_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starts.jsonl");
        assert_eq!(Starts::read(&path).unwrap().first(), None);
        assert_eq!(Starts::add(&path, &start(100.0, 0)).unwrap().first(), Some(100.0));
        let starts = Starts::add(&path, &start(200.0, 5)).unwrap();
        assert_eq!((starts.first(), starts.count()), (Some(100.0), 2));
        assert_eq!(Starts::read(&path).unwrap(), starts);
    }

    #[test]
    fn a_run_of_an_earlier_version_has_no_known_start() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Starts::add(&folder.path().join("starts.jsonl"), &start(200.0, 5)).unwrap().first(), None);
    }

    #[test]
    fn a_torn_line_is_passed_over_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starts.jsonl");
        Starts::add(&path, &start(100.0, 0)).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
            let starts = Starts::add(&path, &start(300.0, 1)).unwrap();
            assert_eq!(starts.first(), Some(100.0), "cut after {cut} bytes");
            // A line that only lacks its end is whole.
            assert_eq!(starts.count(), if cut + 1 == whole.len() { 3 } else { 2 });
        }
    }
}
