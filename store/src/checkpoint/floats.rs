//! Floats of one dtype as those of another.

use half::{bf16, f16};
use safetensors::Dtype;

/// Whether numbers of one dtype become those of another.
pub(super) fn convertible(wanted: Dtype, got: Dtype) -> bool {
    const FLOATS: [Dtype; 3] = [Dtype::F32, Dtype::BF16, Dtype::F16];
    FLOATS.contains(&wanted) && FLOATS.contains(&got)
}

/// Floats as other floats; a float32 holds every bf16 and f16, so that nothing is rounded twice.
pub(super) fn convert_data(data: Vec<u8>, from: Dtype, to: Dtype) -> Vec<u8> {
    if from == to {
        return data;
    }
    let mut out = Vec::with_capacity(data.len() / from.bitsize() * to.bitsize());
    for bytes in data.chunks_exact(from.bitsize() / 8) {
        let number = match (from, bytes) {
            (Dtype::BF16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            (_, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (_, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            _ => unreachable!("floats of two or four bytes"),
        };
        match to {
            Dtype::F32 => out.extend(number.to_le_bytes()),
            Dtype::BF16 => out.extend(bf16::from_f32(number).to_le_bytes()),
            _ => out.extend(f16::from_f32(number).to_le_bytes()),
        }
    }
    out
}
