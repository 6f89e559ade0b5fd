//! Reading the header: everything it claims is compared with the bytes that are left before it is believed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::MAGIC;
use super::tensor::{self, TensorInfo};
use super::value::{Array, Scalar, Value};
use crate::{Error, Result};

/// The most bytes of a header; those of the largest vocabularies have tens of millions.
const LONGEST_HEADER: u64 = 1 << 30;
/// The most dimensions of a tensor.
const MOST_DIMENSIONS: u32 = 4;
/// How deep lists may lie in lists.
const DEEPEST_LIST: u32 = 4;
/// Where tensors begin, unless the file says otherwise.
pub(super) const DEFAULT_ALIGNMENT: u64 = 32;
/// A key or text has its length; a list, its type and length; an entry, a key and a type.
const LEAST_TEXT: u64 = 8;
const LEAST_LIST: u64 = 12;
const LEAST_ENTRY: u64 = LEAST_TEXT + 4 + 1;
/// A name, the number of dimensions, a type and an offset.
const LEAST_TENSOR: u64 = LEAST_TEXT + 4 + 4 + 8;

type Metadata = BTreeMap<String, Value>;
type Tensors = BTreeMap<String, TensorInfo>;

/// Why a header is not taken.
enum Problem {
    Io(io::Error),
    Damaged(String),
    Unsupported { what: String, instead: String },
}

impl From<String> for Problem {
    fn from(detail: String) -> Self {
        Problem::Damaged(detail)
    }
}

impl Problem {
    /// The same, of a part of the header.
    fn within(self, part: impl FnOnce() -> String) -> Self {
        match self {
            Problem::Damaged(detail) => Problem::Damaged(format!("{}: {detail}", part())),
            other => other,
        }
    }

    fn into_error(self, path: &Path) -> Error {
        match self {
            Problem::Io(source) => Error::io(path, source),
            Problem::Damaged(detail) => Error::Damaged { path: path.into(), format: "a GGUF file", detail },
            Problem::Unsupported { what, instead } => Error::unsupported(path, what, instead),
        }
    }
}

/// Reads the metadata and the table of tensors of a file of `length` bytes.
pub(super) fn read(path: &Path, reader: impl Read, length: u64) -> Result<(Metadata, Tensors)> {
    Header { reader, position: 0, end: length.min(LONGEST_HEADER) }
        .read(length)
        .map_err(|problem| problem.into_error(path))
}

struct Header<R> {
    reader: R,
    position: u64,
    end: u64,
}

impl<R: Read> Header<R> {
    fn read(mut self, length: u64) -> Result<(Metadata, Tensors), Problem> {
        let magic: [u8; 4] = self.array("the first four bytes")?;
        if magic != MAGIC {
            return Err(format!("it begins with {magic:02X?}, not with \"GGUF\"").into());
        }
        let version = self.u32("the version")?;
        if !matches!(version, 2 | 3) {
            let what = match version.swap_bytes() {
                big @ 1..=3 => format!("a big-endian file (version {big})"),
                _ => format!("version {version}"),
            };
            let instead = "supported are versions 2 and 3, little-endian".into();
            return Err(Problem::Unsupported { what, instead });
        }
        let tensors = self.count("tensors", LEAST_TENSOR)?;
        let entries = self.count("metadata entries", LEAST_ENTRY)?;
        let metadata = self.metadata(entries)?;
        if let Some(&Value::Unsigned(files @ 2..)) = metadata.get("split.count") {
            let what = format!("a model split into {files} files (split.count)");
            return Err(Problem::Unsupported {
                what,
                instead: "merge it with `llama-gguf-split --merge`".into(),
            });
        }
        let alignment = match metadata.get("general.alignment") {
            None => DEFAULT_ALIGNMENT,
            Some(&Value::Unsigned(alignment)) if alignment.is_power_of_two() => alignment,
            Some(other) => {
                return Err(format!("general.alignment = {}: not a power of two", other.brief()).into());
            }
        };
        let tensors = self.tensors(tensors, alignment)?;
        place(tensors, self.position, alignment, length).map(|tensors| (metadata, tensors))
    }

    fn metadata(&mut self, entries: u64) -> Result<Metadata, Problem> {
        let mut metadata = Metadata::new();
        for entry in 0..entries {
            let key = self.text("its key").map_err(|e| e.within(|| format!("metadata entry {entry}")))?;
            let value = self.value().map_err(|e| e.within(|| format!("metadata {key}")))?;
            if metadata.contains_key(&key) {
                return Err(format!("metadata {key} appears twice").into());
            }
            metadata.insert(key, value);
        }
        Ok(metadata)
    }

    fn value(&mut self) -> Result<Value, Problem> {
        match self.u32("its type")? {
            8 => Ok(Value::Text(self.text("its text")?)),
            9 => Ok(Value::Array(self.list(1)?)),
            kind => {
                let scalar = scalar(kind)?;
                let bytes = self.bytes(scalar.size() as u64, "its value")?;
                let value = scalar.value(&bytes);
                value.ok_or_else(|| format!("the {scalar:?} {bytes:02X?}, which is neither 0 nor 1").into())
            }
        }
    }

    fn list(&mut self, depth: u32) -> Result<Array, Problem> {
        match self.u32("the type of its values")? {
            8 => {
                let count = self.count("texts", LEAST_TEXT)?;
                let texts =
                    (0..count).map(|i| self.text("its text").map_err(|e| e.within(|| format!("value {i}"))));
                Ok(Array::Texts(texts.collect::<Result<_, _>>()?))
            }
            9 if depth == DEEPEST_LIST => {
                Err(format!("lists in lists, more than {DEEPEST_LIST} deep").into())
            }
            9 => {
                let count = self.count("lists", LEAST_LIST)?;
                Ok(Array::Arrays((0..count).map(|_| self.list(depth + 1)).collect::<Result<_, _>>()?))
            }
            kind => {
                let scalar = scalar(kind)?;
                let count = self.count("values", scalar.size() as u64)?;
                let bytes = self.bytes(count * scalar.size() as u64, "its values")?;
                if scalar == Scalar::Bool && bytes.iter().any(|&byte| byte > 1) {
                    return Err("a truth value that is neither 0 nor 1".to_owned().into());
                }
                Ok(Array::Scalars(scalar, bytes))
            }
        }
    }

    /// Tensors with offsets from where their bytes begin.
    fn tensors(&mut self, count: u64, alignment: u64) -> Result<Tensors, Problem> {
        let mut tensors = Tensors::new();
        for index in 0..count {
            let name = self.text("its name").map_err(|e| e.within(|| format!("tensor {index}")))?;
            let info = self.tensor(&name, alignment).map_err(|e| e.within(|| format!("tensor {name}")))?;
            if tensors.contains_key(&name) {
                return Err(format!("tensor {name} appears twice").into());
            }
            tensors.insert(name, info);
        }
        Ok(tensors)
    }

    fn tensor(&mut self, name: &str, alignment: u64) -> Result<TensorInfo, Problem> {
        let dimensions = self.u32("the number of dimensions")?;
        if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
            return Err(format!("{dimensions} dimensions, not 1 to {MOST_DIMENSIONS}").into());
        }
        let sizes = (0..dimensions).map(|_| self.u64("a dimension")).collect::<Result<Vec<_>, _>>()?;
        let storage = tensor::storage(self.u32("its type")?).map_err(|kind| Problem::Unsupported {
            what: format!("tensor {name} of type {kind}"),
            instead: format!("supported are {}", tensor::SUPPORTED),
        })?;
        let offset = self.u64("its offset")?;
        let elements = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
        let elements = elements.filter(|&elements| elements > 0 && usize::try_from(elements).is_ok());
        let elements = elements.ok_or_else(|| format!("dimensions {sizes:?} give no number of elements"))?;
        let (block, _) = storage.block();
        if !sizes[0].is_multiple_of(block as u64) {
            return Err(format!(
                "rows of {} numbers are not whole blocks of {block} ({storage:?})",
                sizes[0]
            )
            .into());
        }
        let size =
            storage.size(elements).ok_or_else(|| format!("dimensions {sizes:?} give no number of bytes"))?;
        if !offset.is_multiple_of(alignment) {
            return Err(format!("offset {offset} is no multiple of the alignment {alignment}").into());
        }
        Ok(TensorInfo { shape: sizes.into_iter().rev().collect(), storage, offset, size })
    }

    /// A number of things that take at least `least` bytes each.
    fn count(&mut self, things: &str, least: u64) -> Result<u64, Problem> {
        let count = self.u64(things)?;
        let left = self.end - self.position;
        if count > left / least {
            return Err(format!("{count} {things} do not fit into the {left} bytes that are left").into());
        }
        Ok(count)
    }

    fn text(&mut self, what: &str) -> Result<String, Problem> {
        let length = self.u64(what)?;
        String::from_utf8(self.bytes(length, what)?).map_err(|e| format!("{what} is not UTF-8: {e}").into())
    }

    fn u32(&mut self, what: &str) -> Result<u32, Problem> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, Problem> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Problem> {
        self.claim(N as u64, what)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(Problem::Io)?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: u64, what: &str) -> Result<Vec<u8>, Problem> {
        self.claim(length, what)?;
        let mut bytes = vec![0; length as usize];
        self.reader.read_exact(&mut bytes).map_err(Problem::Io)?;
        Ok(bytes)
    }

    /// Moves past bytes that are about to be read, if there are so many.
    fn claim(&mut self, length: u64, what: &str) -> Result<(), Problem> {
        let left = self.end - self.position;
        if length > left {
            return Err(format!("{what} takes {length} bytes, but {left} are left").into());
        }
        self.position += length;
        Ok(())
    }
}

/// The type of a number by the number it has in files.
fn scalar(kind: u32) -> Result<Scalar, String> {
    Ok(match kind {
        0 => Scalar::U8,
        1 => Scalar::I8,
        2 => Scalar::U16,
        3 => Scalar::I16,
        4 => Scalar::U32,
        5 => Scalar::I32,
        6 => Scalar::F32,
        7 => Scalar::Bool,
        10 => Scalar::U64,
        11 => Scalar::I64,
        12 => Scalar::F64,
        _ => return Err(format!("a value of the unknown type {kind}")),
    })
}

/// Gives tensors their places in a file of `length` bytes, in which the header ends at `header`.
fn place(mut tensors: Tensors, header: u64, alignment: u64, length: u64) -> Result<Tensors, Problem> {
    let begin = header.checked_next_multiple_of(alignment);
    let mut places = Vec::with_capacity(tensors.len());
    for (name, info) in &mut tensors {
        let offset = begin.and_then(|begin| begin.checked_add(info.offset));
        let end = offset.and_then(|offset| offset.checked_add(info.size)).filter(|&end| end <= length);
        let (Some(offset), Some(end)) = (offset, end) else {
            let TensorInfo { offset, size, .. } = info;
            let detail = format!(
                "tensor {name} of {size} bytes at offset {offset} ends beyond the file, which has {length} bytes"
            );
            return Err(detail.into());
        };
        info.offset = offset;
        places.push((offset, end, name));
    }
    places.sort_unstable();
    for pair in places.windows(2) {
        let ((_, end, first), (start, _, second)) = (pair[0], pair[1]);
        if start < end {
            return Err(format!("tensors {first} and {second} overlap, at byte {start}").into());
        }
    }
    Ok(tensors)
}
