//! The words of a text as n-grams have them ([`crate::dedup::grams`]), with their letters, so that n-grams can be compared and not
//! their hashes alone.

use std::ops::Range;

use crate::dedup::grams::{WordHash, each_letter, windows};

/// The words of a text, in memory that is used again.
#[derive(Debug, Default)]
pub struct Words {
    /// The words, each followed by a space, which no word has.
    letters: String,
    /// Where each word ends in `letters`, with its space.
    ends: Vec<usize>,
    hashes: Vec<u64>,
    /// The bytes of the text that each was made of, without punctuation at its ends.
    places: Vec<Range<usize>>,
}

impl Words {
    /// Takes the words of a text in the place of those before.
    pub fn read(&mut self, text: &str) {
        let Self { letters, ends, hashes, places } = self;
        letters.clear();
        ends.clear();
        hashes.clear();
        places.clear();
        let (mut word, mut place) = (WordHash::default(), None::<Range<usize>>);
        each_letter(text, |letter| match letter {
            Some((at, c)) => {
                word.push(c);
                letters.push(c);
                place = Some(place.as_ref().map_or(at, |place| place.start)..at);
            }
            None => {
                if let (Some(hash), Some(found)) = (word.take(), place.take()) {
                    letters.push(' ');
                    ends.push(letters.len());
                    hashes.push(hash);
                    let last = text[found.end..].chars().next().map_or(0, char::len_utf8);
                    places.push(found.start..found.end + last);
                }
            }
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The letters of `n` words, each followed by a space.
    pub fn gram(&self, first: usize, n: usize) -> &str {
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.letters[begin..self.ends[first + n - 1]]
    }

    /// The bytes of the text from the first to the last of `n` words.
    pub fn bytes(&self, first: usize, n: usize) -> Range<usize> {
        self.places[first].start..self.places[first + n - 1].end
    }

    /// The hashes of all stretches of `n` words, with the place of the first word of each.
    pub fn each_gram(&self, n: usize, each: impl FnMut(usize, u64)) {
        windows(&self.hashes, n, each);
    }

    /// How many different n-grams there are, compared by their letters: of fewer words than `n`, one, and of none, none.
    pub fn distinct(&self, n: usize) -> usize {
        if self.len() < n {
            return usize::from(!self.is_empty());
        }
        let mut grams = Vec::with_capacity(self.len() + 1 - n);
        self.each_gram(n, |at, hash| grams.push((hash, at)));
        grams.sort_unstable();
        let same_hash = grams.chunk_by(|(hash, _), (next, _)| hash == next);
        same_hash.map(|grams| self.different(n, grams)).sum()
    }

    /// Of n-grams with the same hash, how many are different: one, but for a collision.
    fn different(&self, n: usize, grams: &[(u64, usize)]) -> usize {
        let mut found: Vec<&str> = Vec::new();
        for &(_, at) in grams {
            let gram = self.gram(at, n);
            if !found.contains(&gram) {
                found.push(gram);
            }
        }
        found.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_without_punctuation_and_case_and_have_their_places() {
        let mut words = Words::default();
        let text = " «The» CAT, - sat—on (ÀÉ)!";
        words.read(text);
        assert_eq!((words.gram(0, words.len()), words.len()), ("the cat saton àé ", 4));
        assert_eq!((&text[words.bytes(0, 2)], &text[words.bytes(3, 1)]), ("The» CAT", "ÀÉ"));
        words.read("...");
        assert!(words.is_empty() && words.distinct(3) == 0);
    }

    #[test]
    fn repeated_n_grams_count_once() {
        let mut words = Words::default();
        words.read("a b a b a");
        assert_eq!([1, 2, 3, 5, 6].map(|n| words.distinct(n)), [2, 2, 2, 1, 1]);
    }

    #[test]
    fn n_grams_of_one_hash_are_told_apart() {
        let mut words = Words::default();
        words.read("a b c");
        assert_eq!(words.different(1, &[(7, 0), (7, 1), (7, 0)]), 2);
    }
}
