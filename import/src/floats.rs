//! Numbers in files as f32: types of numbers, quantised blocks, and reading them piece by piece.

use std::fmt;
use std::io::{self, Read};

use half::{bf16, f16};

/// How a tensor's numbers are stored, of the ways that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Storage {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of a single.
    Bf16,
    /// Blocks of 32 numbers: scale d (f16), then 32 signed bytes q; x = d q.
    Q8_0,
    /// Blocks of 32 numbers: scale d (f16), then 32 nibbles q; x = d (q - 8).
    Q4_0,
    /// Blocks of 32 numbers: scale d and minimum m (f16), then 32 nibbles q; x = d q + m.
    Q4_1,
}

impl fmt::Display for Storage {
    /// Its name in GGUF, such as `Q4_1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Storage::F32 => "F32",
            Storage::F16 => "F16",
            Storage::Bf16 => "BF16",
            Storage::Q8_0 => "Q8_0",
            Storage::Q4_0 => "Q4_0",
            Storage::Q4_1 => "Q4_1",
        })
    }
}

/// Bytes read at a time, about.
const CHUNK: usize = 1 << 20;

impl Storage {
    /// The numbers in a block, and the bytes it takes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Storage::F32 => (1, 4),
            Storage::F16 | Storage::Bf16 => (1, 2),
            Storage::Q8_0 => (32, 34),
            Storage::Q4_0 => (32, 18),
            Storage::Q4_1 => (32, 20),
        }
    }

    /// The bytes of `elements` numbers; `None` if they are not whole blocks or too many to count.
    pub fn size(self, elements: u64) -> Option<u64> {
        let (numbers, bytes) = self.block();
        let blocks = elements.is_multiple_of(numbers as u64).then_some(elements / numbers as u64)?;
        blocks.checked_mul(bytes as u64)
    }

    /// Reads `elements` numbers, which are whole blocks.
    pub(crate) fn read(self, reader: &mut impl Read, elements: usize) -> io::Result<Vec<f32>> {
        let (numbers, size) = self.block();
        let mut out = Vec::with_capacity(elements);
        let mut remaining = elements / numbers * size;
        let mut buffer = vec![0; remaining.min(CHUNK / size * size)];
        while remaining > 0 {
            let chunk = remaining.min(buffer.len());
            reader.read_exact(&mut buffer[..chunk])?;
            self.decode(&buffer[..chunk], &mut out);
            remaining -= chunk;
        }
        Ok(out)
    }

    /// Appends the numbers of whole blocks.
    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Storage::F32 => out.extend(blocks(bytes).map(|&block| f32::from_le_bytes(block))),
            Storage::F16 => out.extend(blocks(bytes).map(|&block| f16::from_le_bytes(block).to_f32())),
            Storage::Bf16 => out.extend(blocks(bytes).map(|&block| bf16::from_le_bytes(block).to_f32())),
            Storage::Q8_0 => blocks::<34>(bytes).for_each(|block| {
                let d = half_at(block, 0);
                out.extend(block[2..].iter().map(|&q| d * f32::from(q as i8)));
            }),
            Storage::Q4_0 => blocks::<18>(bytes).for_each(|block| {
                let d = half_at(block, 0);
                out.extend(nibbles(&block[2..]).map(|q| d * (f32::from(q) - 8.0)));
            }),
            Storage::Q4_1 => blocks::<20>(bytes).for_each(|block| {
                let (d, m) = (half_at(block, 0), half_at(block, 2));
                out.extend(nibbles(&block[4..]).map(|q| d * f32::from(q) + m));
            }),
        }
    }
}

fn blocks<const SIZE: usize>(bytes: &[u8]) -> std::slice::Iter<'_, [u8; SIZE]> {
    bytes.as_chunks().0.iter()
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// The low halves of all bytes, then the high ones.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().map(|byte| byte & 0xF).chain(bytes.iter().map(|byte| byte >> 4))
}
