//! The table of tensors.

use crate::floats::Storage;

/// Where a tensor lies in the file, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its dimensions, the slowest first: row-major.
    pub shape: Vec<u64>,
    /// How its numbers are stored.
    pub storage: Storage,
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it takes.
    pub size: u64,
}

impl TensorInfo {
    /// How many numbers it has.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }
}

/// The way numbers are stored by the number it has in files, or the name of one that is not supported.
pub(super) fn storage(kind: u32) -> Result<Storage, String> {
    let name = match kind {
        0 => return Ok(Storage::F32),
        1 => return Ok(Storage::F16),
        2 => return Ok(Storage::Q4_0),
        3 => return Ok(Storage::Q4_1),
        8 => return Ok(Storage::Q8_0),
        30 => return Ok(Storage::Bf16),
        6 => "Q5_0",
        7 => "Q5_1",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        12 => "Q4_K",
        13 => "Q5_K",
        14 => "Q6_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return Err(format!("number {kind}")),
    };
    Err(name.into())
}

/// The ways that are supported, for errors.
pub(super) const SUPPORTED: &str = "F32, F16, BF16, Q8_0, Q4_0 and Q4_1";
