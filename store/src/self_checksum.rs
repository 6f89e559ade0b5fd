//! A checksum inside the file it is of: a text file carries the sha256 of its other bytes, so that a changed byte is seen.
//! It is the JSON field `"seal": "…"`; in TOML, that within a comment.

use sha2::{Digest, Sha256};

/// The text before the digits; `seal` is the key that files on disk have.
const MARK: &str = "\"seal\": \"";
const DIGITS: usize = 64;

/// The result of comparing a text with the checksum in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfChecksum {
    /// The text is as it was written.
    Matches,
    /// The text was changed, or the checksum was.
    Differs,
    /// The text has no checksum.
    Missing,
}

/// A checksum without its digits, which [`complete`] fills in.
pub const EMPTY: &str = "\"seal\": \"\"";

/// Fills in the digits of a text's last [`EMPTY`] checksum; a text without one is returned as it is.
pub fn complete(text: &str) -> String {
    match text.rfind(EMPTY) {
        None => text.to_owned(),
        Some(at) => {
            let (before, after) = text.split_at(at + MARK.len());
            format!("{before}{}{after}", digits(before, after))
        }
    }
}

/// Compares a text with its last checksum.
pub fn check(text: &str) -> SelfChecksum {
    let Some(at) = text.rfind(MARK) else { return SelfChecksum::Missing };
    let (before, rest) = text.split_at(at + MARK.len());
    match rest.split_at_checked(DIGITS) {
        Some((found, after)) if found == digits(before, after) => SelfChecksum::Matches,
        _ => SelfChecksum::Differs,
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
    fn every_changed_bit_is_seen() {
        for text in ["{\n  \"a\": 1,\n  \"seal\": \"\"\n}\n", "a = 1\n# \"seal\": \"\"\n"] {
            let completed = complete(text);
            assert_eq!(check(&completed), SelfChecksum::Matches);
            assert_eq!(complete(&completed), completed, "a complete text stays as it is");
            for (index, bit) in (0..completed.len()).flat_map(|index| (0..7).map(move |bit| (index, bit))) {
                let mut bytes = completed.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert_ne!(check(&changed), SelfChecksum::Matches, "{changed}");
            }
            for end in 0..completed.len() {
                assert_ne!(check(&completed[..end]), SelfChecksum::Matches);
            }
        }
        assert_eq!(check("a = 1\n"), SelfChecksum::Missing);
    }
}
