//! `metrics.jsonl`: one JSON object per line, one line per step.
//!
//! A step at which the model was also validated carries `validation_loss` in the same object. JSON has no words for
//! numbers that are not finite, so these are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, as in protobuf's
//! mapping to JSON.
//!
//! A line is written by one call, so that a run that is cut off tears at most the last one. Continuing a run removes
//! that torn line and the lines of steps that will be done again.

pub mod number;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use inputs::json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use store::files::FileError;

/// The metrics of one step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Record {
    /// Steps completed, this one included: the first is 1.
    pub step: u64,
    /// Tokens trained on so far.
    pub tokens: u64,
    /// Training loss of the step's batch, in nats per token.
    #[serde(with = "number")]
    pub loss: f64,
    /// Learning rate the step used.
    #[serde(with = "number")]
    pub learning_rate: f64,
    /// Global norm of the gradient before clipping.
    #[serde(with = "number")]
    pub grad_norm: f64,
    /// Wall-clock time the step took, in seconds.
    #[serde(with = "number")]
    pub seconds: f64,
    /// Tokens of the step divided by `seconds`.
    #[serde(with = "number")]
    pub tokens_per_second: f64,
    /// Loss on held-out text after the step, in nats per token, if it was measured.
    #[serde(with = "number::optional", default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Seconds from the run's first start to the end of the step, if the start is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// Part of `wall_seconds` that was spent in steps that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goodput: Option<f64>,
    /// Model FLOPs utilisation, if the device's peak is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfu: Option<f64>,
    /// Any further numbers.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

impl Record {
    /// Its numbers with their names in TensorBoard.
    pub fn scalars(&self) -> Vec<(&'static str, f64)> {
        let numbers = [
            ("loss/training", Some(self.loss)),
            ("loss/validation", self.validation_loss),
            ("learning_rate", Some(self.learning_rate)),
            ("grad_norm", Some(self.grad_norm)),
            ("tokens_per_second", Some(self.tokens_per_second)),
            ("goodput", self.goodput),
            ("mfu", self.mfu),
        ];
        numbers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The numbers of a step that are about time and loss: a [`Record`] without its further keys, which takes less to read.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Point {
    /// See [`Record::step`].
    pub step: u64,
    /// See [`Record::tokens`].
    pub tokens: u64,
    /// See [`Record::loss`].
    #[serde(with = "number")]
    pub loss: f64,
    /// See [`Record::seconds`].
    #[serde(with = "number")]
    pub seconds: f64,
    /// See [`Record::validation_loss`].
    #[serde(with = "number::optional", default)]
    pub validation_loss: Option<f64>,
    /// See [`Record::goodput`].
    #[serde(default)]
    pub goodput: Option<f64>,
    /// See [`Record::mfu`].
    #[serde(default)]
    pub mfu: Option<f64>,
}

/// Why metrics cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line that is not the last is not a record.
    #[error("{}, line {line}: not a step's metrics ({reason}); repair or move the file away", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },

    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Appends to `metrics.jsonl`.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
}

/// The steps that were removed when a run was continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// True if the last line was torn.
    pub torn: bool,
    /// Lines of steps after the one the run continues from.
    pub steps: usize,
}

impl Writer {
    /// Opens the file of a run that has completed `step` steps (0: a new run) and removes what lies beyond them. Of the file,
    /// the first `known` bytes were whole lines when the step was saved: what is malformed there was not torn, but changed.
    ///
    /// # Errors
    /// [`Error::Line`] for a malformed line that is not the last, or not torn; the file is then left as it is.
    pub fn open(path: impl Into<PathBuf>, step: u64, known: u64) -> Result<(Writer, Removed), Error> {
        let path = path.into();
        let write = |source| FileError::write(&path, source);
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(write)?;
        let bytes = inputs::read(&path).map_err(|source| FileError::read(&path, source))?;
        let (lines, torn) = split(&bytes);
        let whole: u64 = lines.iter().map(|line| line.len() as u64 + 1).sum();
        // A file that is shorter than it was ends where it was cut off.
        if torn && whole < known && known <= bytes.len() as u64 {
            let line = bytes[whole as usize..].split(|&byte| byte == b'\n').next().unwrap_or_default();
            parse(&path, lines.len(), line)?;
        }
        let mut keep = 0;
        let mut removed = Removed { torn, steps: 0 };
        for (index, line) in lines.iter().enumerate() {
            // Steps only grow, so what goes is always the end of the file.
            if parse(&path, index, line)?.step > step {
                removed.steps = lines.len() - index;
                break;
            }
            keep += line.len() as u64 + 1;
        }
        file.set_len(keep).map_err(write)?;
        file.seek(SeekFrom::End(0)).map_err(write)?;
        Ok((Writer { path, file }, removed))
    }

    /// Appends one record; it is in the file when this returns.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written; earlier lines stay.
    pub fn write(&mut self, record: &Record) -> Result<(), FileError> {
        let write = |source| FileError::write(&self.path, source);
        let mut line = serde_json::to_vec(record).map_err(|error| write(io::Error::other(error)))?;
        line.push(b'\n');
        let start = self.file.stream_position().map_err(write)?;
        self.file.write_all(&line).map_err(|source| {
            // Part of the line may be there; take it back so that a later line does not join it.
            let _ = self.file.set_len(start).and_then(|()| self.file.seek(SeekFrom::Start(start)));
            write(source)
        })
    }
}

/// Every record of a file; a torn last line is passed over.
///
/// # Errors
/// [`Error::Line`] for any other malformed line.
pub fn read(path: &Path) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    scan(path, |record| records.push(record))?;
    Ok(records)
}

/// Gives every record of a file to `each`, as a [`Record`] or a [`Point`], without holding the file in memory; a torn
/// last line is passed over. The file may be one that is being written.
///
/// # Errors
/// [`Error::Line`] for any other malformed line.
pub fn scan<T: DeserializeOwned>(path: &Path, mut each: impl FnMut(T)) -> Result<(), Error> {
    let failed = |source| FileError::read(path, source);
    let mut file = BufReader::with_capacity(1 << 16, inputs::open(path).map_err(failed)?);
    let (mut line, mut malformed) = (Vec::new(), None);
    for number in 1.. {
        line.clear();
        file.read_until(b'\n', &mut line).map_err(failed)?;
        // The end, or a line that is being written.
        if line.pop() != Some(b'\n') {
            break;
        }
        // It was not the last one, so it is not torn.
        if let Some(error) = malformed.take() {
            return Err(error);
        }
        match json::from_slice(&line) {
            Ok(record) => each(record),
            Err(reason) => malformed = Some(Error::Line { path: path.to_owned(), line: number, reason }),
        }
    }
    Ok(())
}

/// Whole lines without their ends, and whether a torn one follows. A last line that does not parse is torn as well:
/// after a power failure the end of a file may be zeros.
fn split(bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let unfinished = lines.pop().is_some_and(|rest| !rest.is_empty());
    let malformed = lines.last().is_some_and(|line| serde_json::from_slice::<Record>(line).is_err());
    if malformed {
        lines.pop();
    }
    (lines, unfinished || malformed)
}

fn parse(path: &Path, index: usize, line: &[u8]) -> Result<Record, Error> {
    let wrong = |reason| Error::Line { path: path.to_owned(), line: index + 1, reason };
    json::from_slice(line).map_err(wrong)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::*;
    use proptest::prelude::*;

    pub(crate) fn record(step: u64) -> Record {
        Record {
            step,
            tokens: step * 1024,
            loss: 2.5,
            learning_rate: 6e-4,
            grad_norm: 0.75,
            seconds: 0.5,
            tokens_per_second: 2048.0,
            ..Record::default()
        }
    }

    /// A file that holds `contents`, continued from `step`: what is removed, and what the file holds then.
    #[track_caller]
    fn check(contents: &str, step: u64, expected: Removed, kept: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, contents).unwrap();
        let (mut writer, removed) = Writer::open(&path, step, 0).unwrap();
        assert_eq!(removed, expected);
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        writer.write(&record(step + 1)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{kept}{}", line(step + 1)));
    }

    fn line(step: u64) -> String {
        serde_json::to_string(&record(step)).unwrap() + "\n"
    }

    #[test]
    fn a_line_holds_these_keys_in_this_order() {
        let mut record = record(3);
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"step":3,"tokens":3072,"loss":2.5,"learning_rate":0.0006,"grad_norm":0.75,"seconds":0.5,"tokens_per_second":2048.0}"#
        );
        record.validation_loss = Some(2.25);
        record.more.insert("host_wait_seconds".into(), 0.125.into());
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.ends_with(r#","validation_loss":2.25,"host_wait_seconds":0.125}"#), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }

    #[test]
    fn numbers_that_are_not_finite_are_words() {
        for (value, word) in
            [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")]
        {
            let text =
                serde_json::to_string(&Record { loss: value, validation_loss: Some(value), ..record(1) });
            let text = text.unwrap();
            assert!(text.contains(&format!(r#""loss":"{word}""#)), "{text}");
            let back: Record = serde_json::from_str(&text).unwrap();
            assert!(back.loss == value || (back.loss.is_nan() && value.is_nan()));
            assert_eq!(back.loss.to_bits(), back.validation_loss.unwrap().to_bits());
        }
        assert!(serde_json::from_str::<Record>(&line(1).replace("2.5", "\"big\"")).is_err());
    }

    #[test]
    fn a_new_run_starts_an_empty_file() {
        check("", 0, Removed::default(), "");
        check(&(line(1) + &line(2)), 0, Removed { torn: false, steps: 2 }, "");
    }

    #[test]
    fn continuing_drops_the_torn_line_and_the_steps_to_be_done_again() {
        let two = line(1) + &line(2);
        check(&two, 2, Removed::default(), &two);
        check(&(two.clone() + &line(3) + &line(4)), 2, Removed { torn: false, steps: 2 }, &two);
        check(&(two.clone() + "{\"step\":3,\"tok"), 2, Removed { torn: true, steps: 0 }, &two);
        check(&(two.clone() + "\0\0\0\0\n"), 2, Removed { torn: true, steps: 0 }, &two);
        check(&(two.clone() + &line(3) + "{"), 2, Removed { torn: true, steps: 1 }, &two);
        check(&two, 7, Removed::default(), &two);
    }

    #[test]
    fn a_malformed_line_inside_is_named_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let contents = line(1) + "oops\n" + &line(3);
        fs::write(&path, &contents).unwrap();
        let message = Writer::open(&path, 3, 0).unwrap_err().to_string();
        assert!(message.contains("metrics.jsonl, line 2: not a step's metrics"), "{message}");
        assert!(read(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }

    #[test]
    fn a_last_line_that_was_whole_when_it_was_saved_is_not_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let (whole, changed) = (line(1) + &line(2), line(1) + &line(2).replace(':', ";"));
        let known = whole.len() as u64;
        for contents in [changed.clone(), whole.trim_end().to_owned() + "!", changed + &line(3)[..9]] {
            fs::write(&path, &contents).unwrap();
            let message = Writer::open(&path, 2, known).unwrap_err().to_string();
            assert!(message.contains("line 2: not a step's metrics"), "{message}");
            assert_eq!(fs::read_to_string(&path).unwrap(), contents, "nothing is lost");
        }
        // Written since, or cut off since.
        fs::write(&path, whole.clone() + "{\"step\":3}\n").unwrap();
        assert_eq!(Writer::open(&path, 2, known).unwrap().1, Removed { torn: true, steps: 0 });
        fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        assert_eq!(Writer::open(&path, 2, known).unwrap().1, Removed { torn: true, steps: 0 });
    }

    #[test]
    fn a_scan_reads_what_is_whole_and_names_what_is_malformed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let check = |contents: &str, expected: Result<&[u64], &str>| {
            fs::write(&path, contents).unwrap();
            let mut steps = Vec::new();
            let result =
                scan(&path, |point: Point| steps.push(point.step)).map_err(|error| error.to_string());
            match expected {
                Ok(expected) => assert_eq!((result, &steps[..]), (Ok(()), expected), "{contents:?}"),
                Err(part) => assert!(result.unwrap_err().contains(part), "{contents:?}"),
            }
        };
        let two = line(1) + &line(2);
        check("", Ok(&[]));
        check(&two, Ok(&[1, 2]));
        check(two.trim_end(), Ok(&[1]));
        check(&(two.clone() + "\0\0\n"), Ok(&[1, 2]));
        check(&(line(1) + "\n" + &line(2)), Err("line 2"));
        check(&(line(1) + "{\"step\":2}\n" + &line(3)), Err("is missing"));
        check(&(line(1) + "\"NaN\"\n" + &line(3)), Err("line 2"));
    }

    #[test]
    fn a_full_disk_is_reported_as_such() {
        let Ok(file) = File::options().write(true).open("/dev/full") else {
            println!("skipped: no /dev/full");
            return;
        };
        let mut writer = Writer { path: "metrics.jsonl".into(), file };
        assert!(matches!(writer.write(&record(1)), Err(FileError::DiskFull { .. })));
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_continues_with_whole_lines_only(steps in 1..6u64, cut in 0.0..1.0f64) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("metrics.jsonl");
            let whole: String = (1..=steps).map(line).collect();
            let length = (whole.len() as f64 * cut) as usize;
            fs::write(&path, &whole[..length]).unwrap();
            Writer::open(&path, steps, 0).unwrap();
            let kept = read(&path).unwrap();
            let expected = whole[..length].matches('\n').count() as u64;
            prop_assert_eq!(kept, (1..=expected).map(record).collect::<Vec<_>>());
        }
    }
}
