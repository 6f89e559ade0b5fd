//! Text that carries its own sha256, so that a changed byte is seen: `"seal": "…"`, a field of JSON, or a comment of TOML.

use sha2::{Digest, Sha256};

/// What stands before the digits.
const MARK: &str = "\"seal\": \"";
const DIGITS: usize = 64;

/// Whether a text is the one that was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Nothing was changed.
    Whole,
    /// Something was.
    Broken,
    /// It carries no seal.
    Missing,
}

/// An empty seal, to be part of a text that [`close`] completes.
pub const OPEN: &str = "\"seal\": \"\"";

/// Puts the digits into a text's last empty seal.
pub fn close(text: &str) -> String {
    match text.rfind(OPEN) {
        None => text.to_owned(),
        Some(at) => {
            let (before, after) = text.split_at(at + MARK.len());
            format!("{before}{}{after}", digits(before, after))
        }
    }
}

/// Checks a text's last seal.
pub fn check(text: &str) -> Seal {
    let Some(at) = text.rfind(MARK) else { return Seal::Missing };
    let (before, rest) = text.split_at(at + MARK.len());
    match rest.split_at_checked(DIGITS) {
        Some((seal, after)) if seal == digits(before, after) => Seal::Whole,
        _ => Seal::Broken,
    }
}

fn digits(before: &str, after: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(after);
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_breaks_a_seal() {
        for text in ["{\n  \"a\": 1,\n  \"seal\": \"\"\n}\n", "a = 1\n# \"seal\": \"\"\n"] {
            let sealed = close(text);
            assert_eq!(check(&sealed), Seal::Whole);
            assert_eq!(close(&sealed), sealed, "what is sealed stays");
            for (index, bit) in (0..sealed.len()).flat_map(|index| (0..7).map(move |bit| (index, bit))) {
                let mut bytes = sealed.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert_ne!(check(&changed), Seal::Whole, "{changed}");
            }
            for end in 0..sealed.len() {
                assert_ne!(check(&sealed[..end]), Seal::Whole);
            }
        }
        assert_eq!(check("a = 1\n"), Seal::Missing);
    }
}
