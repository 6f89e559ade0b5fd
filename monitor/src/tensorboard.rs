//! TensorBoard's event files, with scalars only: `events.out.tfevents.<seconds>.<host>`.
//!
//! A file is a sequence of TFRecords: length (u64), masked CRC-32C of the length, the data, masked CRC-32C of the data,
//! all little-endian. The data is a protobuf message, `tensorflow.Event`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;
use store::files::FileError;

/// A writer of one event file.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Starts a new event file in `folder`, for a run that has completed `step` steps. TensorBoard then forgets what
    /// earlier files of the folder say about later steps.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be written.
    pub fn create(folder: &Path, now: SystemTime, host: &str, step: u64) -> Result<Writer, FileError> {
        let mut seconds = now.duration_since(UNIX_EPOCH).map_or(0, |duration| duration.as_secs());
        let host: String =
            host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let (path, file) = loop {
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.{host}"));
            match File::create_new(&path) {
                Ok(file) => break (path, file),
                // Two starts within one second: TensorBoard reads the files of a folder in the order of their names.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => seconds += 1,
                Err(source) => return Err(FileError::write(&path, source)),
            }
        };
        let mut writer = Writer { path, file };
        writer.append(&Event { file_version: "brain.Event:2".to_owned(), ..Event::new(now, 0) })?;
        writer.restart(now, step)?;
        Ok(writer)
    }

    /// Tells TensorBoard to forget what was said of the steps after `step`: they will be done again.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be written.
    pub fn restart(&mut self, now: SystemTime, step: u64) -> Result<(), FileError> {
        let session_log = Some(SessionLog { status: SessionLog::START });
        // "Forget this step and later ones": the first one that is done again.
        self.append(&Event { session_log, ..Event::new(now, step + 1) })
    }

    /// Appends one value per tag; they are in the file when this returns.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be written.
    pub fn scalars(&mut self, now: SystemTime, step: u64, values: &[(&str, f64)]) -> Result<(), FileError> {
        let value =
            |&(tag, value): &(&str, f64)| Value { tag: tag.to_owned(), simple_value: Some(value as f32) };
        let summary = Some(Summary { value: values.iter().map(value).collect() });
        self.append(&Event { summary, ..Event::new(now, step) })
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append(&mut self, event: &Event) -> Result<(), FileError> {
        let bytes = record(&event.encode_to_vec());
        self.file.write_all(&bytes).map_err(|source| FileError::write(&self.path, source))
    }
}

/// `tensorflow.Event`, as far as it is written here. Numbers are those of its fields in `event.proto`.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970. Always written, also when it is 0.
    #[prost(double, optional, tag = "1")]
    wall_time: Option<f64>,
    #[prost(int64, tag = "2")]
    step: i64,
    /// Of the first event of a file only.
    #[prost(string, tag = "3")]
    file_version: String,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

impl Event {
    fn new(now: SystemTime, step: u64) -> Event {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0.0, |duration| duration.as_secs_f64());
        Event { wall_time: Some(seconds), step: step as i64, ..Event::default() }
    }
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    /// One of a protobuf `oneof`, so that 0 is written too.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// `tensorflow.SessionLog`.
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

impl SessionLog {
    const START: i32 = 1;
}

/// A TFRecord.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(data.len() + 16);
    bytes.extend(length);
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked_crc(data).to_le_bytes());
    bytes
}

/// CRC-32C, rotated and offset so that a checksum of data that holds checksums stays a good one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_record_is_the_one_every_event_file_starts_with() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::create(folder.path(), at(0), "host", 0).unwrap();
        assert_eq!(writer.path().file_name().unwrap(), "events.out.tfevents.0000000000.host");
        // Length 24, its checksum, wall_time 0, "brain.Event:2", checksum: as TensorBoard reads them
        // (tests/check_artifacts.py).
        assert_eq!(
            hexadecimal(&fs::read(writer.path()).unwrap()[..40]),
            "1800000000000000a37f4b22\
             0900000000000000001a0d627261696e2e4576656e743a32\
             eedf28a3"
        );
    }

    #[test]
    fn a_scalar_is_an_event_with_a_summary() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(folder.path(), at(0), "host", 0).unwrap();
        let before = fs::metadata(writer.path()).unwrap().len() as usize;
        writer.scalars(at(1), 300, &[("loss", 1.0)]).unwrap();
        let bytes = fs::read(writer.path()).unwrap();
        let data = &bytes[before + 12..bytes.len() - 4];
        assert_eq!(
            hexadecimal(data),
            "09000000000000f03f\
             10ac02\
             2a0d0a0b0a046c6f7373150000803f"
        );
    }

    #[test]
    fn a_second_file_of_the_same_second_sorts_after_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = Writer::create(folder.path(), at(7), "a.b/c", 0).unwrap();
        let second = Writer::create(folder.path(), at(7), "a.b/c", 5).unwrap();
        assert!(first.path() < second.path());
        assert_eq!(second.path().file_name().unwrap(), "events.out.tfevents.0000000008.a_b_c");
        // Event { wall_time: 7, step: 6, session_log: { status: START } }
        let bytes = fs::read(second.path()).unwrap();
        assert_eq!(hexadecimal(&bytes[40 + 12..bytes.len() - 4]), "090000000000001c4010063a020801");
        // A new run as well: the folder may hold events of a process that was killed before its first checkpoint.
        let bytes = fs::read(first.path()).unwrap();
        assert_eq!(hexadecimal(&bytes[40 + 12..bytes.len() - 4]), "090000000000001c4010013a020801");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let error = Writer::create(Path::new("/nonexistent"), at(0), "host", 0).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/events.out.tfevents."), "{error}");
    }
}
