//! Scalar event files for TensorBoard: `events.out.tfevents.<seconds>.<host>`.
//!
//! A file is a sequence of TFRecords: length (u64), masked CRC-32C of the length, the data, masked CRC-32C of the data,
//! all little-endian. The data is a `tensorflow.Event` protobuf message, of which only these fields are written:
//! `wall_time` (1, double), `step` (2, int64), `file_version` (3, string), `summary` (5) with `value` (1) of `tag`
//! (1, string) and `simple_value` (2, float), and `session_log` (7) with `status` (1) `START` (1).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use store::files::FileError;

/// Writes one event file.
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
        let mut version = Message::event(now, 0);
        version.bytes(3, b"brain.Event:2");
        writer.append(&record(&version.0))?;
        writer.restart(now, step)?;
        Ok(writer)
    }

    /// Tells TensorBoard to forget what was said of the steps after `step`: they will be done again.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be written.
    pub fn restart(&mut self, now: SystemTime, step: u64) -> Result<(), FileError> {
        let mut log = Message::default();
        log.varint(1, 1);
        // "Forget this step and later ones": the first one that is done again.
        let mut start = Message::event(now, step + 1);
        start.bytes(7, &log.0);
        self.append(&record(&start.0))
    }

    /// Appends one value per tag; they are in the file when this returns.
    ///
    /// # Errors
    /// [`FileError`] if the file cannot be written.
    pub fn scalars(&mut self, now: SystemTime, step: u64, values: &[(&str, f64)]) -> Result<(), FileError> {
        let mut summary = Message::default();
        for &(tag, value) in values {
            let mut entry = Message::default();
            entry.bytes(1, tag.as_bytes());
            entry.float(2, value as f32);
            summary.bytes(1, &entry.0);
        }
        let mut event = Message::event(now, step);
        event.bytes(5, &summary.0);
        self.append(&record(&event.0))
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write_all(bytes).map_err(|source| FileError::write(&self.path, source))
    }
}

/// A protobuf message being written, field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn event(now: SystemTime, step: u64) -> Message {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0.0, |duration| duration.as_secs_f64());
        let mut event = Message::default();
        event.key(1, 1);
        event.0.extend(seconds.to_le_bytes());
        if step > 0 {
            event.varint(2, step);
        }
        event
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.raw_varint(field << 3 | wire_type);
    }

    fn varint(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.raw_varint(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.raw_varint(value.len() as u64);
        self.0.extend(value);
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

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
