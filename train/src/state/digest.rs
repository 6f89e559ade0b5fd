//! What identifies a state: hashes of its tensors in an order of their own, whatever the plan and the files.

use graph::TensorType;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::step::PARAMETERS;

/// sha256 of a state, of parameters and of all else apart.
///
/// Each is the hash of a line per tensor, `NAME DTYPE [SHAPE] SHA256` with a line feed, in the order of the step's inputs;
/// the last is the hash of the whole tensor's elements, little-endian and row-major.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDigest {
    /// Of the parameters, in lower-case hexadecimal.
    pub parameters_sha256: String,
    /// Of the optimiser's state, in lower-case hexadecimal.
    pub optimizer_sha256: String,
}

impl StateDigest {
    /// The digest of named tensors given as little-endian bytes, row-major.
    pub fn of<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a TensorType, &'a [u8])>) -> StateDigest {
        let (mut parameters, mut optimizer) = (Sha256::new(), Sha256::new());
        for (name, ty, bytes) in tensors {
            let shape: Vec<_> = ty.shape.iter().map(usize::to_string).collect();
            let (dtype, shape) = (ty.dtype.name(), shape.join(","));
            let line = format!("{name} {dtype} [{shape}] {:x}\n", Sha256::digest(bytes));
            let hash = if name.starts_with(PARAMETERS) { &mut parameters } else { &mut optimizer };
            hash.update(line);
        }
        let text = |hash: Sha256| format!("{:x}", hash.finalize());
        StateDigest { parameters_sha256: text(parameters), optimizer_sha256: text(optimizer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::DType;

    fn digest(parameter: (&str, &[usize], &[u8]), mean: &[u8]) -> StateDigest {
        let types =
            [TensorType::new(DType::U8, parameter.1.to_vec()), TensorType::new(DType::U8, [mean.len()])];
        StateDigest::of([(parameter.0, &types[0], parameter.2), ("adam/m/a", &types[1], mean)])
    }

    /// The definition, with hashes made by another program (`sha256sum`).
    #[test]
    fn the_digest_is_the_documented_one() {
        let digest = digest(("parameters/a", &[1, 3], b"abc"), b"");
        // printf 'parameters/a u8 [1,3] %s\n' "$(printf abc | sha256sum | cut -c-64)" | sha256sum
        assert_eq!(
            digest.parameters_sha256,
            "32f1423423df9749a614883488f5dc028d464e1063e60d0cc92fa409e8912249"
        );
        // printf 'adam/m/a u8 [0] %s\n' "$(printf '' | sha256sum | cut -c-64)" | sha256sum
        assert_eq!(
            digest.optimizer_sha256,
            "ad7feb2375d69579d9ece83f23752cbb1149ff0a49c4ed9c66a50837683d8c1f"
        );
    }

    #[test]
    fn any_difference_shows_where_it_is() {
        let first = digest(("parameters/a", &[1, 3], b"abc"), b"d");
        for other in [
            digest(("parameters/b", &[1, 3], b"abc"), b"d"),
            digest(("parameters/a", &[3, 1], b"abc"), b"d"),
            digest(("parameters/a", &[1, 3], b"abb"), b"d"),
        ] {
            assert_ne!(first.parameters_sha256, other.parameters_sha256);
            assert_eq!(first.optimizer_sha256, other.optimizer_sha256);
        }
        let other = digest(("parameters/a", &[1, 3], b"abc"), b"e");
        assert_eq!(first.parameters_sha256, other.parameters_sha256);
        assert_ne!(first.optimizer_sha256, other.optimizer_sha256);
    }
}
