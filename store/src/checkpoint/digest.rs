//! Digests that identify a state: hashes of its tensors in a fixed order, independent of the plan and the files.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{PARAMETERS, Snapshot, SnapshotTensor};

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
    /// The digest of a state of which a snapshot holds every piece; `None` if it holds only some.
    pub fn of(snapshot: &Snapshot) -> Option<StateDigest> {
        let (mut parameters, mut optimizer) = (Sha256::new(), Sha256::new());
        for tensor in &snapshot.tensors {
            let SnapshotTensor { name, dtype, shape, .. } = tensor;
            let bytes: Cow<'_, [u8]> = tensor.whole()?;
            let shape: Vec<_> = shape.iter().map(usize::to_string).collect();
            let (dtype, shape) = (format!("{dtype:?}").to_lowercase(), shape.join(","));
            let line = format!("{name} {dtype} [{shape}] {:x}\n", Sha256::digest(&bytes));
            let hash = if name.starts_with(PARAMETERS) { &mut parameters } else { &mut optimizer };
            hash.update(line);
        }
        let text = |hash: Sha256| format!("{:x}", hash.finalize());
        Some(StateDigest { parameters_sha256: text(parameters), optimizer_sha256: text(optimizer) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Dtype, Region, SnapshotPiece};
    use xla_sys::HostArray;

    /// A tensor of bytes with the given parts of its last dimension.
    fn tensor(name: &str, shape: &[usize], parts: &[(usize, &[u8])]) -> SnapshotTensor {
        let piece = |&(from, bytes): &(usize, &[u8])| {
            let mut region = Region::whole(shape);
            *region.offset.last_mut().unwrap() = from;
            *region.shape.last_mut().unwrap() =
                bytes.len() / region.shape.iter().rev().skip(1).product::<usize>();
            SnapshotPiece { data: HostArray::from_slice(bytes, &region.shape).unwrap(), region }
        };
        SnapshotTensor {
            name: name.to_owned(),
            dtype: Dtype::U8,
            shape: shape.to_vec(),
            split: vec![vec![]; shape.len()],
            pieces: parts.iter().map(piece).collect(),
        }
    }

    fn digest_of(tensors: Vec<SnapshotTensor>) -> Option<StateDigest> {
        StateDigest::of(&Snapshot { mesh: Vec::new(), tensors })
    }

    fn digest(parameter: (&str, &[usize], &[u8]), mean: &[u8]) -> StateDigest {
        let (name, shape, bytes) = parameter;
        let tensors =
            vec![tensor(name, shape, &[(0, bytes)]), tensor("adam/m/a", &[mean.len()], &[(0, mean)])];
        digest_of(tensors).unwrap()
    }

    #[test]
    fn pieces_are_the_whole_and_some_of_them_are_not() {
        let whole = tensor("parameters/a", &[2, 3], &[(0, b"abcdef")]);
        let pieces = tensor("parameters/a", &[2, 3], &[(2, b"cf"), (0, b"abde")]);
        let some = tensor("parameters/a", &[2, 3], &[(0, b"abde")]);
        assert!(digest_of(vec![tensor("parameters/a", &[2, 3], &[(0, b"abcdef")])]).is_some());
        assert_eq!(digest_of(vec![whole]), digest_of(vec![pieces]));
        assert_eq!(digest_of(vec![some]), None);
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
