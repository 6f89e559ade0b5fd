//! Files as streams of bytes, decompressed as they are read.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use super::files::{Compression, Format, KINDS, compression, kind};
use super::zstd_frames;
use crate::{Error, Result};

/// Bytes that are asked of the operating system at once.
const BUFFER: usize = 1 << 20;

/// A file of documents, decompressed as it is read.
pub(super) struct Stream<'a> {
    pub(super) path: &'a Path,
    pub(super) format: Format,
    compression: Compression,
    pub(super) reader: Box<dyn BufRead + Send>,
}

impl<'a> Stream<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        let (format, compression) =
            kind(path).ok_or(Error::UnsupportedFile { path: path.into(), kinds: KINDS })?;
        Ok(Self { path, format, compression, reader: decompressed(path, compression)? })
    }

    /// Tells a broken compressed stream from a broken disk.
    pub(super) fn error(&self, source: io::Error) -> Error {
        explain(self.path, self.compression, source)
    }
}

/// A file of any kind, decompressed as it is read: [`open`].
pub struct Bytes {
    path: PathBuf,
    compression: Compression,
    reader: Box<dyn BufRead + Send>,
}

/// Opens a file of any kind, such as a table. If its name ends with `.gz`, `.zst` or `.xz`, what is read is decompressed.
///
/// # Errors
/// A file that is not there or cannot be opened.
pub fn open(path: &Path) -> Result<Bytes> {
    let compression =
        path.file_name().map_or(Compression::None, |name| compression(&name.to_string_lossy()).1);
    Ok(Bytes { path: path.into(), compression, reader: decompressed(path, compression)? })
}

/// A file's name without the ending that says how it is compressed, if it has one.
pub fn uncompressed_name(name: &str) -> &str {
    &name[..compression(name).0.len()]
}

impl Bytes {
    /// The error of reading it, which names the file: a compressed stream that is broken is told from a broken disk.
    pub fn error(&self, source: io::Error) -> Error {
        explain(&self.path, self.compression, source)
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Bytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

fn decompressed(path: &Path, compression: Compression) -> Result<Box<dyn BufRead + Send>> {
    let file = BufReader::with_capacity(BUFFER, inputs::open(path).map_err(|e| Error::io(path, e))?);
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(BufReader::new(Gzip::new(file))),
        Compression::Zstd => Box::new(BufReader::new(zstd_frames::Decoder::new(file))),
        Compression::Xz => Box::new(BufReader::new(XzReader::new(file, true))),
    })
}

fn explain(path: &Path, compression: Compression, source: io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof, Unsupported};
    let format = match compression {
        Compression::None => return Error::io(path, source),
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Xz => "xz",
    };
    match source.kind() {
        UnexpectedEof | InvalidData | InvalidInput | Other | Unsupported => {
            Error::Compressed { path: path.into(), format, detail: source.to_string() }
        }
        _ => Error::io(path, source),
    }
}

/// A gzip file: members one after another, which zeros may follow, as tapes and some archivers leave them (RFC 1952 has
/// the members, `gzip -t` accepts the zeros).
struct Gzip<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(ended) = self.member.take() else { break };
            let mut source = ended.into_inner();
            let padding = skip_zeros(&mut source)?;
            let at_end = source.fill_buf()?.is_empty();
            if !at_end && padding > 0 {
                let detail = format!("{padding} zero bytes and then others after a member");
                return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
            }
            self.member = (!at_end).then(|| GzDecoder::new(source));
        }
        Ok(0)
    }
}

/// Passes over zeros, and counts them.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let bytes = source.fill_buf()?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let ended = zeros < bytes.len() || bytes.is_empty();
        source.consume(zeros);
        skipped += zeros as u64;
        if ended {
            return Ok(skipped);
        }
    }
}
