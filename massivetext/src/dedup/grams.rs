//! The n-grams of a document, as a set of hashes.
//!
//! Words are what stands between whitespace, without punctuation (Unicode's general category P) and in lower case; what is nothing
//! but punctuation is no word. A document of fewer words than n has one n-gram, all of them, and one without words none. A hash
//! has 64 bits: two different n-grams of ten million documents are taken for one in about one pair of documents in a billion.

use std::ops::Range;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::text::is_space;

/// The base of the polynomial in words' hashes; odd, so that multiplying by it loses nothing.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes sets of n-grams, in memory that is used again.
#[derive(Default)]
pub struct Grams {
    words: Vec<u64>,
    /// The set, in ascending order.
    pub set: Vec<u64>,
}

impl Grams {
    /// Puts the n-grams of a text into `set`.
    pub fn read(&mut self, text: &str, n: usize) {
        self.words.clear();
        self.set.clear();
        let mut word = WordHash::default();
        each_letter(text, |letter| match letter {
            Some((_, c)) => word.push(c),
            None => self.words.extend(word.take()),
        });
        let set = &mut self.set;
        windows(&self.words, n.clamp(1, self.words.len().max(1)), |_, hash| set.push(hash));
        self.set.sort_unstable();
        self.set.dedup();
    }
}

/// Gives the characters of a text's words as n-grams have them, each with where it stands in the text, and `None` wherever a word
/// may end.
pub(crate) fn each_letter(text: &str, mut each: impl FnMut(Option<(usize, char)>)) {
    for (at, c) in text.char_indices() {
        match ASCII.get(c as usize) {
            Some(&SEPARATOR) => each(None),
            Some(&SKIPPED) => {}
            Some(&lower) => each(Some((at, char::from(lower)))),
            None if is_space(c) => each(None),
            None if c.general_category_group() == GeneralCategoryGroup::Punctuation => {}
            None => c.to_lowercase().for_each(|c| each(Some((at, c)))),
        }
    }
    each(None);
}

/// Stands in [`ASCII`] for whitespace, and for punctuation.
const SEPARATOR: u8 = 0xFE;
const SKIPPED: u8 = 0xFF;

/// What each character of ASCII is in lower case, unless it is whitespace or punctuation; the signs that Unicode calls symbols are none.
static ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        table[at] = match byte {
            b' ' | b'\t'..=b'\r' | 0x1C..=0x1F => SEPARATOR,
            b'$' | b'+' | b'<'..=b'>' | b'^' | b'`' | b'|' | b'~' => byte,
            _ if byte.is_ascii_punctuation() => SKIPPED,
            _ => byte.to_ascii_lowercase(),
        };
        at += 1;
    }
    table
};

/// The parts of a text that are covered by n-grams of a set in ascending order: stretches of bytes, in order.
pub fn covered(text: &str, n: usize, set: &[u64]) -> Vec<Range<usize>> {
    let (words, places) = placed_words(text);
    let n = n.clamp(1, words.len().max(1));
    let mut covered: Vec<Range<usize>> = Vec::new();
    let mut reaches = 0;
    windows(&words, n, |first, gram| {
        if set.binary_search(&gram).is_err() {
            return;
        }
        let bytes = places[first].start..places[first + n - 1].end;
        match covered.last_mut().filter(|_| first <= reaches) {
            Some(last) => last.end = bytes.end,
            None => covered.push(bytes),
        }
        reaches = first + n;
    });
    covered
}

/// The hash of each word, and its bytes from the first character that is no punctuation to the last.
fn placed_words(text: &str) -> (Vec<u64>, Vec<Range<usize>>) {
    let (mut words, mut places) = (Vec::new(), Vec::new());
    let (mut word, mut place) = (WordHash::default(), None::<Range<usize>>);
    each_letter(text, |letter| match letter {
        Some((at, c)) => {
            word.push(c);
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            place = Some(place.as_ref().map_or(at, |place| place.start)..end);
        }
        None => {
            words.extend(word.take());
            places.extend(place.take());
        }
    });
    (words, places)
}

/// The hashes of all stretches of `n` words, with the place of the first of each; `n` is at least 1.
pub(crate) fn windows(words: &[u64], n: usize, mut each: impl FnMut(usize, u64)) {
    let highest = (1..n).fold(1u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = 0u64;
    for (at, &word) in words.iter().enumerate() {
        if at >= n {
            hash = hash.wrapping_sub(words[at - n].wrapping_mul(highest));
        }
        hash = hash.wrapping_mul(BASE).wrapping_add(word);
        if at + 1 >= n {
            each(at + 1 - n, mix(hash));
        }
    }
}

/// FNV-1a of the characters of a word, mixed: specified, and the same everywhere.
#[derive(Default)]
pub(crate) struct WordHash(Option<u64>);

impl WordHash {
    /// Adds a character.
    pub(crate) fn push(&mut self, c: char) {
        let hash = self.0.unwrap_or(0xCBF2_9CE4_8422_2325);
        self.0 = Some((hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01B3));
    }

    /// The hash of the characters so far, if there are any; what follows is another word.
    pub(crate) fn take(&mut self) -> Option<u64> {
        self.0.take().map(mix)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection of 64 bits that scatters.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The Jaccard similarity of two sets in ascending order: what they share, of what either has. 0 of two empty ones.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut left, mut right, mut shared) = (a, b, 0usize);
    while let (Some((x, rest_left)), Some((y, rest_right))) = (left.split_first(), right.split_first()) {
        if x <= y {
            left = rest_left;
        }
        if y <= x {
            right = rest_right;
        }
        shared += usize::from(x == y);
    }
    match a.len() + b.len() - shared {
        0 => 0.0,
        all => shared as f64 / all as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, n: usize) -> Vec<u64> {
        let mut grams = Grams::default();
        grams.read(text, n);
        grams.set
    }

    #[test]
    fn case_whitespace_and_punctuation_change_nothing() {
        let plain = set("the cat sat on the mat", 3);
        assert_eq!(plain.len(), 4);
        for same in ["The cat  sat\non the mat.", "«the» cat, - sat (on) THE mat!"] {
            assert_eq!(set(same, 3), plain, "{same}");
        }
        assert_ne!(set("the cat sat on a mat", 3), plain);
        // Words are not joined: "ab c" is not "a bc".
        assert_ne!(set("ab c", 2), set("a bc", 2));
        // What is shorter than n is one n-gram, and a text without words has none.
        assert_eq!(set("one two", 13).len(), 1);
        assert!(set(" . — ", 13).is_empty());
    }

    #[test]
    fn the_table_of_ascii_is_what_unicode_says() {
        for c in (0u8..128).map(char::from) {
            let expected = match c.general_category_group() {
                _ if is_space(c) => "//".to_owned(),
                GeneralCategoryGroup::Punctuation => "/".to_owned(),
                _ => format!("{}/", c.to_lowercase()),
            };
            let mut found = String::new();
            each_letter(&c.to_string(), |letter| found.push(letter.map_or('/', |(_, c)| c)));
            assert_eq!(found, expected, "{c:?}");
        }
    }

    #[test]
    fn windows_are_hashed_as_if_each_were_alone() {
        let words: Vec<String> = (0..40).map(|i| format!("w{}", i * i % 23)).collect();
        let mut expected: Vec<u64> = words.windows(5).flat_map(|window| set(&window.join(" "), 5)).collect();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(set(&words.join(" "), 5), expected);
    }

    #[test]
    fn what_is_covered_is_what_is_shared() {
        let text = "One, two three -- four! five six seven eight.";
        let parts = |of: &str| -> Vec<&str> {
            covered(text, 3, &set(of, 3)).into_iter().map(|bytes| &text[bytes]).collect()
        };
        assert_eq!(parts("a one two three four b"), ["One, two three -- four"]);
        assert_eq!(parts("two three four x six seven eight"), ["two three -- four", "six seven eight"]);
        // Next to each other, they are one.
        assert_eq!(parts("one two three x four five six"), ["One, two three -- four! five six"]);
        assert!(parts("one two").is_empty());
    }

    #[test]
    fn similarity_is_shared_by_all() {
        assert_eq!(jaccard(&[1, 2, 3, 4], &[2, 4, 6, 8]), 2.0 / 6.0);
        assert_eq!(jaccard(&[1], &[1]), 1.0);
        assert_eq!(jaccard(&[], &[]), 0.0);
    }
}
