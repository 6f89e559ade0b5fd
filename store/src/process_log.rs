//! The log of processes, `starts.jsonl`: one JSON object for each process that worked on a run, so that wall time is
//! counted from the start of the first.
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

/// A line of the log: the start of a process that worked on a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessStart {
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

impl ProcessStart {
    /// This process, started at `time`, which goes on after `step` steps.
    pub fn of_this_process(time: SystemTime, step: u64) -> ProcessStart {
        ProcessStart {
            time: seconds_since_1970(time),
            step,
            host: host_name(),
            process: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The log: all processes that worked on a run, in the order of their starts.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessLog(Vec<ProcessStart>);

impl ProcessLog {
    /// Adds a process to the file.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written; earlier lines stay.
    pub fn add(path: &Path, start: &ProcessStart) -> Result<ProcessLog, FileError> {
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
        Ok(ProcessLog::parse(&bytes))
    }

    /// Reads the file; a run of an earlier version has none.
    ///
    /// # Errors
    /// [`FileError`] when it is there and cannot be read.
    pub fn read(path: &Path) -> Result<ProcessLog, FileError> {
        match inputs::read(path) {
            Ok(bytes) => Ok(ProcessLog::parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ProcessLog(Vec::new())),
            Err(source) => Err(FileError::read(path, source)),
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> ProcessLog {
        let lines = bytes.split(|&byte| byte == b'\n');
        ProcessLog(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// When the run was started; `None` if the first process that is known went on with steps of an earlier one.
    pub fn first(&self) -> Option<f64> {
        self.0.first().filter(|start| start.step == 0).map(|start| start.time)
    }

    /// The identity of the run: time and number of its first process.
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

    fn start(time: f64, step: u64) -> ProcessStart {
        ProcessStart { time, ..ProcessStart::of_this_process(SystemTime::now(), step) }
    }

    #[test]
    fn the_first_process_says_when_the_run_was_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starts.jsonl");
        assert_eq!(ProcessLog::read(&path).unwrap().first(), None);
        assert_eq!(ProcessLog::add(&path, &start(100.0, 0)).unwrap().first(), Some(100.0));
        let starts = ProcessLog::add(&path, &start(200.0, 5)).unwrap();
        assert_eq!((starts.first(), starts.count()), (Some(100.0), 2));
        assert_eq!(ProcessLog::read(&path).unwrap(), starts);
    }

    #[test]
    fn a_run_of_an_earlier_version_has_no_known_start() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            ProcessLog::add(&folder.path().join("starts.jsonl"), &start(200.0, 5)).unwrap().first(),
            None
        );
    }

    #[test]
    fn a_torn_line_is_passed_over_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starts.jsonl");
        ProcessLog::add(&path, &start(100.0, 0)).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
            let starts = ProcessLog::add(&path, &start(300.0, 1)).unwrap();
            assert_eq!(starts.first(), Some(100.0), "cut after {cut} bytes");
            // A line that only lacks its end is whole.
            assert_eq!(starts.count(), if cut + 1 == whole.len() { 3 } else { 2 });
        }
    }
}
