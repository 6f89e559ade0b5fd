//! The log of events, `events.jsonl`: what happened to a run and what was done about it, one JSON object per line.
//!
//! The file is only ever added to: a resume or a rewind takes nothing away. A line is written by one call at the end of the
//! file, so that several writers do not tear each other's lines; what a killed process leaves torn is cut off by the next.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use monitor::metrics::number;
use serde::{Deserialize, Serialize};
use store::checkpoint::{ParameterSource, StateDigest};
use store::files::FileError;
use store::skipped::Range;
use store::time::utc;

use crate::incidents::{IncidentKind, StepOutcome};

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// A process is about to take the first step of a run.
    Begin {
        /// Steps of the whole run.
        steps: u64,
        /// Version of this program.
        version: String,
        /// The plugin's platform.
        platform: String,
        /// Whose parameters it begins with, if they are another's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<ParameterSource>,
    },
    /// A process is about to go on with a run.
    Resume {
        /// Steps completed before.
        completed: u64,
        /// Steps of the whole run.
        steps: u64,
        /// Version of this program.
        version: String,
        /// The plugin's platform.
        platform: String,
        /// Sequences left out of the data so far.
        skipped_sequences: u64,
    },
    /// A checkpoint was saved.
    Save {
        /// Steps completed.
        step: u64,
        /// Name of its folder.
        checkpoint: String,
        /// Time it took, in seconds.
        #[serde(with = "number")]
        seconds: f64,
        /// What identifies the state; of a state that several processes hold parts of, nothing does.
        #[serde(flatten)]
        digest: Option<StateDigest>,
    },
    /// A checkpoint could not be saved.
    SaveFailed {
        /// Steps completed.
        step: u64,
        /// Why.
        message: String,
    },
    /// A checkpoint is in the object store.
    Upload {
        /// Steps completed.
        step: u64,
        /// Its address.
        place: String,
        /// Bytes that were sent.
        bytes: u64,
        /// Time it took, in seconds.
        #[serde(with = "number")]
        seconds: f64,
    },
    /// A bad step.
    Incident {
        /// The step, from 1.
        step: u64,
        /// What is wrong with it.
        kind: IncidentKind,
        /// Its loss, in nats per token.
        #[serde(with = "number")]
        loss: f64,
        /// Its gradients' global norm.
        #[serde(with = "number")]
        grad_norm: f64,
        /// The loss above which it is a spike, if there is one.
        #[serde(with = "number::optional", default)]
        loss_limit: Option<f64>,
        /// What is done.
        action: Done,
        /// Why training stops although the policy is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Training went back.
    Rewind {
        /// The bad step.
        step: u64,
        /// The step of the checkpoint it went back to.
        to: u64,
        /// Positions left out of the data.
        skipped: Range,
    },
    /// No step ends.
    Hang {
        /// The step under way.
        step: u64,
        /// What the host waits for.
        waiting_for: String,
        /// For how many seconds.
        #[serde(with = "number")]
        seconds: f64,
        /// Whether the program ends.
        abort: bool,
    },
    /// A process ends.
    Stop {
        /// Steps completed.
        step: u64,
        /// Why it ends.
        reason: StopReason,
        /// The error, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// The action taken on a bad step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It was noted.
    Note,
    /// Training ends with the state before it.
    Stop,
    /// Its update was left out.
    Skip,
    /// Training goes back to a checkpoint.
    Rewind,
}

/// The reason why a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// All steps are done.
    Finished,
    /// `training.patience` is over.
    Patience,
    /// It was asked to.
    Interrupted,
    /// A bad step.
    Incident,
    /// Something else went wrong.
    Error,
    /// It was asked to, and had no time to save.
    Deadline,
}

impl RunEvent {
    pub(crate) fn incident(
        outcome: &StepOutcome,
        kind: IncidentKind,
        action: Done,
        reason: Option<String>,
    ) -> RunEvent {
        let &StepOutcome { step, loss, grad_norm, loss_limit } = outcome;
        let loss_limit = loss_limit.is_finite().then_some(loss_limit);
        RunEvent::Incident { step, kind, loss, grad_norm, loss_limit, action, reason }
    }
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When it was written, as RFC 3339 has it, in UTC.
    pub time: String,
    /// What happened.
    #[serde(flatten)]
    pub entry: RunEvent,
}

/// Adds a line to the file.
///
/// # Errors
/// [`FileError`] when the file cannot be written; earlier lines stay.
pub fn append(path: &Path, now: SystemTime, entry: &RunEvent) -> Result<(), FileError> {
    let write = |source| FileError::write(path, source);
    let line = Line { time: utc(now), entry: entry.clone() };
    let mut line = serde_json::to_vec(&line).map_err(|error| write(io::Error::other(error)))?;
    line.push(b'\n');
    let mut file = File::options().create(true).append(true).open(path).map_err(write)?;
    file.write_all(&line).map_err(write)
}

/// Cuts off a last line that a killed process left torn. Nothing else writes to the file meanwhile.
///
/// # Errors
/// [`FileError`].
pub fn repair(path: &Path) -> Result<(), FileError> {
    let write = |source| FileError::write(path, source);
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(write(source)),
    };
    // A line is far shorter than this.
    let length = file.metadata().map_err(write)?.len();
    let start = length.saturating_sub(1 << 16);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(start)).and_then(|_| file.read_to_end(&mut end)).map_err(write)?;
    let keep = start + end.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at as u64 + 1);
    if keep < length { file.set_len(keep).map_err(write) } else { Ok(()) }
}

/// All lines of the file that this version understands; none if there is no file.
///
/// # Errors
/// [`FileError`] if it cannot be read.
pub fn read(path: &Path) -> Result<Vec<Line>, FileError> {
    let bytes = match inputs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FileError::read(path, source)),
    };
    Ok(bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The file of a run that this process trains.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    /// The file of a run, new or to be continued.
    pub(crate) fn open(path: PathBuf) -> Result<Log, FileError> {
        repair(&path)?;
        Ok(Log { path })
    }

    pub(crate) fn write(&self, entry: &RunEvent) -> Result<(), FileError> {
        append(&self.path, SystemTime::now(), entry)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn stop(step: u64) -> RunEvent {
        RunEvent::Stop { step, reason: StopReason::Interrupted, message: None }
    }

    #[test]
    fn lines_are_what_the_documentation_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        assert_eq!(read(&path).unwrap(), []);
        let now = UNIX_EPOCH + Duration::from_millis(1_709_210_096_007);
        let outcome = StepOutcome { step: 3, loss: f64::NAN, grad_norm: 2.5, loss_limit: f64::INFINITY };
        append(&path, now, &RunEvent::incident(&outcome, IncidentKind::NotFinite, Done::Skip, None)).unwrap();
        append(&path, now, &stop(4)).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"time\":\"2024-02-29T12:34:56.007Z\",\"event\":\"incident\",\"step\":3,\"kind\":\"not_finite\",\"loss\":\"NaN\",\
             \"grad_norm\":2.5,\"loss_limit\":null,\"action\":\"skip\"}\n\
             {\"time\":\"2024-02-29T12:34:56.007Z\",\"event\":\"stop\",\"step\":4,\"reason\":\"interrupted\"}\n"
        );
        assert_eq!(read(&path).unwrap()[1].entry, stop(4));
    }

    #[test]
    fn a_torn_line_goes_and_all_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        repair(&path).unwrap();
        append(&path, UNIX_EPOCH, &stop(1)).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.clone() + "{\"time\":").unwrap();
        repair(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        repair(&path).unwrap();
        append(&path, UNIX_EPOCH, &stop(2)).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        fs::write(&path, "torn").unwrap();
        repair(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
