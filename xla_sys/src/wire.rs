//! The few lines of protocol buffers that compile options and compiled programs need.
//!
//! Source: the encoding guide of protocol buffers (protobuf.dev/programming-guides/encoding).

/// Appends fields to a message.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// An `int64`, `int32`, `bool` or `enum` field.
    pub(crate) fn int(&mut self, field: u32, value: i64) -> &mut Writer {
        self.varint(u64::from(field) << 3);
        // Negative numbers are their 64-bit two's complement.
        self.varint(value as u64);
        self
    }

    /// A `double` field.
    pub(crate) fn double(&mut self, field: u32, value: f64) -> &mut Writer {
        self.varint(u64::from(field) << 3 | 1);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// A `string` or `bytes` field.
    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) -> &mut Writer {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// A message field.
    pub(crate) fn message(&mut self, field: u32, fill: impl FnOnce(&mut Writer)) -> &mut Writer {
        let mut inner = Writer::default();
        fill(&mut inner);
        self.bytes(field, &inner.bytes)
    }
}

/// The value of a field, as far as the wire shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field<'a> {
    Int(u64),
    Bytes(&'a [u8]),
    /// A fixed-width number, which no message read here has a use for.
    Fixed,
}

/// Reads a message's fields in order. Ends early, with a last `None`, where the bytes are no message.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// The messages, strings or bytes of one field.
    pub(crate) fn all_bytes(bytes: &'a [u8], field: u32) -> impl Iterator<Item = &'a [u8]> {
        Reader::new(bytes).filter_map(move |(number, value)| match value {
            Field::Bytes(bytes) if number == field => Some(bytes),
            _ => None,
        })
    }

    /// The integers of one field, packed or not.
    pub(crate) fn all_ints(bytes: &'a [u8], field: u32) -> Vec<u64> {
        let mut ints = Vec::new();
        for (number, value) in Reader::new(bytes).filter(|(number, _)| *number == field) {
            match value {
                Field::Int(int) => ints.push(int),
                Field::Bytes(packed) => {
                    let mut reader = Reader::new(packed);
                    ints.extend(std::iter::from_fn(|| reader.varint()));
                }
                Field::Fixed => debug_assert!(false, "field {number} holds no integers"),
            }
        }
        ints
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = (u32, Field<'a>);

    fn next(&mut self) -> Option<(u32, Field<'a>)> {
        let tag = self.varint()?;
        let field = u32::try_from(tag >> 3).ok()?;
        let value = match tag & 7 {
            0 => Field::Int(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let size = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(size)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((field, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_encodings_of_the_guide() {
        let mut writer = Writer::default();
        writer.int(1, 150).bytes(2, b"testing").int(3, -1).double(4, 1.0).message(16, |inner| {
            inner.int(1, 0);
        });
        let expected = [
            &[0x08, 0x96, 0x01][..],
            &[0x12, 0x07],
            b"testing",
            &[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
            &[0x82, 0x01, 0x02, 0x08, 0x00],
        ]
        .concat();
        assert_eq!(writer.into_bytes(), expected);
    }

    #[test]
    fn reads_back_what_it_wrote_and_skips_the_rest() {
        let mut writer = Writer::default();
        writer.int(7, 3).double(9, 0.5).int(7, 300).bytes(7, &[0x01, 0xac, 0x02]).bytes(8, b"x");
        let bytes = writer.into_bytes();
        assert_eq!(Reader::all_ints(&bytes, 7), [3, 300, 1, 300]);
        assert_eq!(Reader::all_bytes(&bytes, 8).collect::<Vec<_>>(), [b"x"]);
    }

    #[test]
    fn stops_at_bytes_that_are_no_message() {
        for bytes in [&[0x0a, 0x05, 1][..], &[0x80; 11], &[0x0b], &[0x09, 0, 0], &[0x0d, 0]] {
            assert_eq!(Reader::new(bytes).next(), None, "{bytes:?}");
        }
    }
}
