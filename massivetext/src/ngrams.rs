//! Which n-grams of a sequence of words occur more than once.
//!
//! An (n + 1)-gram occurs twice only if both n-grams in it do, so only those places are looked at that are left from n: in
//! ordinary text few after n = 3. Two of them are equal exactly when both their n-grams are, which are numbers by then: no
//! text is hashed or compared after the words, and no hash can collide.

use std::hash::BuildHasher as _;
use std::ops::Range;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// The repeated n-grams of one n, in the order of the text.
#[derive(Default)]
pub struct Repeated {
    n: usize,
    /// The words.
    words: usize,
    /// Where an n-gram begins that occurs more than once, and which one it is.
    places: Vec<(usize, u32)>,
    /// Of each kind of n-gram: how often it occurs and where first. Kinds are numbered in the order of their first places;
    /// some occur once and are in no place.
    kinds: Vec<Kind>,
    /// Code points of all words before each.
    before: Vec<usize>,
    by_hash: FxHashMap<u64, u32>,
}

/// A kind of n-gram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// How often it occurs.
    pub count: usize,
    /// The first word of its first place.
    pub first: usize,
}

impl Repeated {
    /// Begins with n = 1: the words of a text, with the code points of each.
    pub fn begin<'t>(&mut self, words: impl Iterator<Item = (&'t str, usize)>) {
        self.n = 1;
        self.words = 0;
        self.places.clear();
        self.kinds.clear();
        self.before.clear();
        self.before.push(0);
        self.by_hash.clear();
        let mut firsts: Vec<&'t str> = Vec::new();
        let mut characters = 0;
        for (word, length) in words {
            // The hash is a key that may be taken by another word: then the next number is tried.
            let mut hash = FxBuildHasher.hash_one(word);
            let kind = loop {
                let next = number(self.kinds.len());
                let kind = *self.by_hash.entry(hash).or_insert(next);
                if kind == next {
                    self.kinds.push(Kind { count: 0, first: self.words });
                    firsts.push(word);
                    break kind;
                }
                if firsts[kind as usize] == word {
                    break kind;
                }
                hash = hash.wrapping_add(1);
            };
            self.kinds[kind as usize].count += 1;
            self.places.push((self.words, kind));
            self.words += 1;
            characters += length;
            self.before.push(characters);
        }
        self.keep_repeated();
    }

    /// Goes from n to n + 1.
    pub fn grow(&mut self) {
        self.n += 1;
        self.by_hash.clear();
        self.kinds.clear();
        let mut kept = 0;
        for index in 1..self.places.len() {
            let ((place, left), (next, right)) = (self.places[index - 1], self.places[index]);
            if place + 1 != next {
                continue;
            }
            let new = number(self.kinds.len());
            let kind = *self.by_hash.entry(u64::from(left) << 32 | u64::from(right)).or_insert(new);
            if kind == new {
                self.kinds.push(Kind { count: 0, first: place });
            }
            self.kinds[kind as usize].count += 1;
            // Places move to the left of where they are read.
            self.places[kept] = (place, kind);
            kept += 1;
        }
        self.places.truncate(kept);
        self.keep_repeated();
    }

    fn keep_repeated(&mut self) {
        let kinds = &self.kinds;
        self.places.retain(|&(_, kind)| kinds[kind as usize].count > 1);
    }

    /// The n of now.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The number of n-grams of the text, repeated or not.
    pub fn grams(&self) -> usize {
        (self.words + 1).saturating_sub(self.n)
    }

    /// Where the n-grams begin that occur more than once, in order, and whether each is the first of its kind.
    pub fn places(&self) -> impl Iterator<Item = (usize, bool)> + '_ {
        self.places.iter().map(|&(place, kind)| (place, self.kinds[kind as usize].first == place))
    }

    /// The words of the n-gram that begins at a place.
    pub fn gram(&self, place: usize) -> Range<usize> {
        place..(place + self.n).min(self.words)
    }

    /// Code points inside a range of words.
    pub fn characters(&self, words: Range<usize>) -> usize {
        self.before[words.end] - self.before[words.start]
    }

    /// Code points inside all words.
    pub fn all_characters(&self) -> usize {
        self.characters(0..self.words)
    }

    /// The most frequent n-gram; of several, the first. One that occurs once if none is repeated; `None` if there is none.
    pub fn most_frequent(&self) -> Option<Kind> {
        let mut best = (self.grams() > 0).then_some(Kind { count: 1, first: 0 })?;
        for kind in &self.kinds {
            if kind.count > best.count {
                best = *kind;
            }
        }
        Some(best)
    }

    /// All n-grams that occur as often as the most frequent one, if that is more than once.
    pub fn all_most_frequent(&self) -> impl Iterator<Item = Kind> + '_ {
        let most = self.kinds.iter().map(|kind| kind.count).max().unwrap_or(0);
        self.kinds.iter().filter(move |kind| most > 1 && kind.count == most).copied()
    }

    /// Of the most frequent n-grams, if they occur more than once, the one whose words have the most code points, no word counted
    /// twice; and how many these are.
    pub fn most_frequent_by_coverage(&self) -> Option<(Kind, usize)> {
        let most = self.kinds.iter().map(|kind| kind.count).max().filter(|&most| most > 1)?;
        // The end of the last place of each kind, and what it covers so far.
        let mut covered = vec![(0, 0); self.kinds.len()];
        for &(place, kind) in &self.places {
            let (end, characters) = &mut covered[kind as usize];
            let gram = self.gram(place);
            *characters += self.characters(gram.start.max(*end)..gram.end);
            *end = gram.end;
        }
        let mut best: Option<(Kind, usize)> = None;
        for (kind, (_, characters)) in self.kinds.iter().zip(covered) {
            if kind.count == most && best.is_none_or(|(_, most)| characters > most) {
                best = Some((*kind, characters));
            }
        }
        best
    }

    /// Where the n-gram is whose first place is `first`.
    pub fn places_of(&self, first: usize) -> impl Iterator<Item = usize> + '_ {
        let kind = self.places.binary_search_by_key(&first, |&(place, _)| place).map(|at| self.places[at].1);
        let rest = self.places.iter().filter(move |&&(_, other)| Ok(other) == kind).map(|&(place, _)| place);
        // One that is not repeated is in no place.
        (kind.is_err() && self.grams() > 0).then_some(first).into_iter().chain(rest)
    }

    /// Code points of the words that are in an n-gram that occurs more than once, no word counted twice; `note` is told each
    /// stretch of words.
    pub fn covered(&self, places: impl Iterator<Item = usize>, mut note: impl FnMut(Range<usize>)) -> usize {
        let mut covered = 0;
        let mut stretch: Option<Range<usize>> = None;
        for place in places {
            let gram = self.gram(place);
            match &mut stretch {
                Some(stretch) if gram.start < stretch.end => stretch.end = gram.end,
                _ => {
                    if let Some(done) = stretch.replace(gram) {
                        covered += self.characters(done.clone());
                        note(done);
                    }
                }
            }
        }
        if let Some(done) = stretch {
            covered += self.characters(done.clone());
            note(done);
        }
        covered
    }
}

/// The number of a new kind. There are fewer words than bytes, and a text is shorter than 2^32 of them.
fn number(kinds: usize) -> u32 {
    u32::try_from(kinds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    fn repeated(words: &[&str], n: usize) -> Repeated {
        let mut repeated = Repeated::default();
        repeated.begin(words.iter().map(|word| (*word, word.len())));
        (1..n).for_each(|_| repeated.grow());
        repeated
    }

    #[test]
    fn a_repeated_bigram_is_found_at_each_of_its_places() {
        let words = words("a b c a b d b c a");
        let bigrams = repeated(&words, 2);
        let places: Vec<_> = bigrams.places().collect();
        assert_eq!(places, [(0, true), (1, true), (2, true), (3, false), (6, false), (7, false)]);
        assert_eq!(bigrams.most_frequent(), Some(Kind { count: 2, first: 0 }));
        assert_eq!(bigrams.all_most_frequent().count(), 3);
        assert_eq!(bigrams.places_of(1).collect::<Vec<_>>(), [1, 6]);
        assert_eq!(repeated(&words, 3).places().map(|(place, _)| place).collect::<Vec<_>>(), [1, 6]);
        assert_eq!(repeated(&words, 4).most_frequent(), Some(Kind { count: 1, first: 0 }));
        assert_eq!(repeated(&words, 10).most_frequent(), None);
    }

    proptest! {
        /// As counting every n-gram in a map does.
        #[test]
        fn places_are_those_of_counting(letters in "[abc]{0,60}", n in 1_usize..11) {
            let words: Vec<&str> = letters.split("").filter(|word| !word.is_empty()).collect();
            let mut counts: HashMap<&[&str], usize> = HashMap::new();
            words.windows(n).for_each(|gram| *counts.entry(gram).or_default() += 1);
            let expected: Vec<_> = words.windows(n).enumerate()
                .filter(|(_, gram)| counts[gram] > 1).map(|(place, _)| place).collect();
            let repeated = repeated(&words, n);
            prop_assert_eq!(repeated.places().map(|(place, _)| place).collect::<Vec<_>>(), &expected[..]);
            let mut marked = vec![false; words.len()];
            expected.iter().for_each(|&place| marked[place..place + n].fill(true));
            let covered = repeated.covered(expected.iter().copied(), |_| ());
            prop_assert_eq!(covered, marked.iter().filter(|marked| **marked).count());
            let most = counts.values().copied().max();
            prop_assert_eq!(repeated.most_frequent().map(|kind| kind.count), most);
        }
    }
}
