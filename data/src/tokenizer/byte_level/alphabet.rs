//! GPT-2's alphabet of bytes: one printable character for each.
//!
//! Bytes that are printable in Latin-1 are their own characters; the 68 others are the characters from U+0100 on, in
//! the bytes' order.

/// The first of the characters that stand for unprintable bytes.
const FIRST: u32 = 0x100;

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

const CHARACTERS: [char; 256] = {
    let mut characters = ['\0'; 256];
    let (mut byte, mut next) = (0, FIRST);
    while byte < 256 {
        if is_printable(byte as u8) {
            characters[byte] = byte as u8 as char;
        } else {
            characters[byte] = char::from_u32(next).expect("a character of Latin Extended-A");
            next += 1;
        }
        byte += 1;
    }
    characters
};

/// The bytes of U+0100 and the characters after it.
const UNPRINTABLE: [u8; 68] = {
    let mut bytes = [0; 68];
    let (mut byte, mut next) = (0, 0);
    while byte < 256 {
        if !is_printable(byte as u8) {
            bytes[next] = byte as u8;
            next += 1;
        }
        byte += 1;
    }
    bytes
};

/// The character that stands for a byte.
pub(super) fn character(byte: u8) -> char {
    CHARACTERS[byte as usize]
}

/// The byte a character stands for.
fn byte(character: char) -> Option<u8> {
    match u8::try_from(character) {
        Ok(byte) => is_printable(byte).then_some(byte),
        Err(_) => UNPRINTABLE.get((character as u32 - FIRST) as usize).copied(),
    }
}

/// Appends the bytes of a piece and returns true, or does nothing if it is not written in the alphabet.
pub(super) fn push_bytes(piece: &str, out: &mut Vec<u8>) -> bool {
    let before = out.len();
    for character in piece.chars() {
        let Some(byte) = byte(character) else {
            out.truncate(before);
            return false;
        };
        out.push(byte);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_a_printable_character_of_its_own() {
        for value in 0..=255 {
            assert_eq!(byte(character(value)), Some(value));
            assert!(!character(value).is_whitespace() && !character(value).is_control());
        }
        assert_eq!(
            ['\n', ' ', 'a', '\u{7F}', '\u{FF}'].map(|c| character(c as u8)),
            ['Ċ', 'Ġ', 'a', 'ġ', 'ÿ']
        );
        assert_eq!([' ', '\u{AD}', '\u{144}', '語'].map(byte), [None; 4]);
    }
}
