//! Which evaluation documents share n-grams with a text: an inverted index in memory, and exact similarities.
//!
//! A hash only finds n-grams; whether two are the same is decided by their letters, so that no collision counts.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::words::Words;

/// The fewest words of an item that is looked for: whoever asks for less finds it everywhere.
pub const SHORTEST: usize = 8;

/// What is looked for: the n-grams of evaluation documents, called items here.
///
/// An item of fewer than n words, and of [`SHORTEST`] or more, has one n-gram, all its words; a shorter one has none.
#[derive(Debug)]
pub struct Index {
    /// Words of an n-gram.
    n: usize,
    /// The words of all items.
    letters: String,
    /// The n-grams, each once: their letters, and which of `postings` are theirs. Those of one hash stand together.
    grams: Vec<(Range<usize>, Range<usize>)>,
    /// Items, by the n-grams they have, in ascending order for each.
    postings: Vec<u32>,
    by_hash: FxHashMap<u64, Range<usize>>,
    /// What `by_hash` has, at a glance.
    bits: Bits,
    /// Lengths of n-grams, in words.
    lengths: Vec<usize>,
    items: Vec<Size>,
}

/// What an item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Words.
    pub words: usize,
    /// Different n-grams.
    pub grams: usize,
}

/// A bit for each of several places, sixteen times as many as there are hashes: set where one of them is. Most n-grams of most texts are in
/// no item, which is seen here without the table of all.
#[derive(Debug)]
struct Bits {
    bits: Vec<u64>,
    /// By how much a hash is shifted to give the place.
    shift: u32,
}

impl Bits {
    fn new(hashes: impl ExactSizeIterator<Item = u64>) -> Self {
        let places = (16 * hashes.len()).next_power_of_two().max(64);
        let (mut bits, shift) = (vec![0; places / 64], 64 - places.ilog2());
        for place in hashes.map(|hash| (hash >> shift) as usize) {
            bits[place / 64] |= 1 << (place % 64);
        }
        Self { bits, shift }
    }

    fn may_have(&self, hash: u64) -> bool {
        let place = (hash >> self.shift) as usize;
        self.bits[place / 64] >> (place % 64) & 1 == 1
    }
}

/// An n-gram of an item.
struct Occurrence {
    hash: u64,
    letters: Range<usize>,
    item: u32,
}

impl Index {
    /// The index of some texts' n-grams, for `n` of at least 1.
    pub fn new<'t>(n: usize, texts: impl Iterator<Item = &'t str>) -> Self {
        let n = n.max(1);
        let (mut words, mut letters, mut occurrences) = (Words::default(), String::new(), Vec::new());
        let (mut items, mut lengths) = (Vec::new(), Vec::new());
        for (item, text) in texts.enumerate() {
            words.read(text);
            items.push(Size { words: words.len(), grams: 0 });
            let length = words.len().min(n);
            if length < SHORTEST.min(n) {
                continue;
            }
            if !lengths.contains(&length) {
                lengths.push(length);
            }
            let base = letters.len();
            letters.push_str(words.gram(0, words.len()));
            let mut begin = base;
            words.each_gram(length, |at, hash| {
                let end = begin + words.gram(at, length).len();
                occurrences.push(Occurrence { hash, letters: begin..end, item: item as u32 });
                begin += words.gram(at, 1).len();
            });
        }
        let mut index = Self {
            n,
            letters,
            grams: Vec::new(),
            postings: Vec::new(),
            by_hash: FxHashMap::default(),
            bits: Bits::new(occurrences.iter().map(|occurrence| occurrence.hash)),
            lengths,
            items,
        };
        index.fill(occurrences);
        index
    }

    fn fill(&mut self, mut occurrences: Vec<Occurrence>) {
        let letters = &self.letters;
        let key = |one: &Occurrence| (one.hash, &letters[one.letters.clone()], one.item);
        occurrences.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        occurrences.dedup_by(|b, a| key(a) == key(b));
        for same in occurrences.chunk_by(|a, b| key(a).0 == key(b).0 && key(a).1 == key(b).1) {
            let (begin, gram) = (self.postings.len(), self.grams.len());
            self.postings.extend(same.iter().map(|occurrence| occurrence.item));
            self.grams.push((same[0].letters.clone(), begin..self.postings.len()));
            self.by_hash.entry(same[0].hash).or_insert(gram..gram).end = gram + 1;
        }
        for &item in &self.postings {
            self.items[item as usize].grams += 1;
        }
    }

    /// Words of an n-gram.
    pub fn ngram(&self) -> usize {
        self.n
    }

    /// What each item has, in order.
    pub fn items(&self) -> &[Size] {
        &self.items
    }

    /// A tool that compares texts with the items, for one thread.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher { index: self, words: Words::default(), hits: Vec::new(), shared: FxHashMap::default() }
    }

    fn letters(&self, gram: usize) -> &str {
        &self.letters[self.grams[gram].0.clone()]
    }

    fn items_of(&self, gram: usize) -> &[u32] {
        &self.postings[self.grams[gram].1.clone()]
    }
}

/// How alike a text and an item are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// The item's place in the index.
    pub item: usize,
    /// The n-grams that both have, of those that either has.
    pub jaccard: f64,
    /// The item's n-grams that the text has, of all the item's.
    pub containment: f64,
}

/// Compares texts with the items, one after another, in memory that it keeps.
#[derive(Debug)]
pub struct Matcher<'i> {
    index: &'i Index,
    words: Words,
    /// The n-grams of the text that are in the index, each with the place of its first word, in ascending order.
    hits: Vec<(usize, usize)>,
    shared: FxHashMap<u32, usize>,
}

impl Matcher<'_> {
    /// The items that share an n-gram with a text, in order.
    pub fn compare(&mut self, text: &str) -> Vec<Similarity> {
        let Self { index, words, hits, shared } = self;
        words.read(text);
        hits.clear();
        shared.clear();
        for &length in &index.lengths {
            words.each_gram(length, |at, hash| {
                if !index.bits.may_have(hash) {
                    return;
                }
                let candidates = index.by_hash.get(&hash).cloned().unwrap_or_default();
                let mut same = candidates.filter(|&gram| index.letters(gram) == words.gram(at, length));
                hits.extend(same.next().map(|gram| (gram, at)));
            });
        }
        if hits.is_empty() {
            return Vec::new();
        }
        hits.sort_unstable();
        for grams in hits.chunk_by(|a, b| a.0 == b.0) {
            index.items_of(grams[0].0).iter().for_each(|&item| *shared.entry(item).or_default() += 1);
        }
        let own = words.distinct(index.n);
        let mut found: Vec<Similarity> = shared
            .iter()
            .map(|(&item, &shared)| similarity(index, item as usize, shared, words.len(), own))
            .collect();
        found.sort_unstable_by_key(|similarity| similarity.item);
        found
    }

    /// Of the text that was compared last, the longest passage whose n-grams an item has: its bytes, and how many words it has.
    pub fn passage(&self, item: usize) -> Option<(Range<usize>, usize)> {
        let length = self.index.items.get(item)?.words.min(self.index.n);
        let has_it = |gram: usize| self.index.items_of(gram).binary_search(&(item as u32)).is_ok();
        let mut places: Vec<usize> =
            self.hits.iter().filter(|(gram, _)| has_it(*gram)).map(|(_, at)| *at).collect();
        places.sort_unstable();
        // Of several that are as long, the first.
        let longest = places.chunk_by(|a, b| a + 1 == *b).rev().max_by_key(|run| run.len())?;
        let words = longest.len() + length - 1;
        Some((self.words.bytes(longest[0], words), words))
    }
}

/// `shared` n-grams are those of the item and of a text of so many words and different n-grams.
fn similarity(index: &Index, item: usize, shared: usize, words: usize, own: usize) -> Similarity {
    let size = index.items[item];
    // An item that is one short n-gram shares it with a set of n-grams only if the text is nothing else.
    let common = if size.words < index.n && words != size.words { 0 } else { shared };
    let jaccard = common as f64 / (own + size.grams - common) as f64;
    Similarity { item, jaccard, containment: shared as f64 / size.grams as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n: usize, items: &[&str], text: &str, expected: &[(usize, f64, f64)]) -> Option<String> {
        let index = Index::new(n, items.iter().copied());
        let mut matcher = index.matcher();
        let found = matcher.compare(text);
        let found_all: Vec<_> =
            found.iter().map(|found| (found.item, found.jaccard, found.containment)).collect();
        assert_eq!(found_all, expected);
        found.first().and_then(|found| Some(text[matcher.passage(found.item)?.0].to_owned()))
    }

    #[test]
    fn similarities_are_of_sets() {
        let passage = check(
            3,
            &["a b c d e", "x y z"],
            "q a b, c (D) q a b c",
            // Of the text: qab abc bcd cdq dqa; of the item: abc bcd cde.
            &[(0, 2.0 / 6.0, 2.0 / 3.0)],
        );
        assert_eq!(passage.as_deref(), Some("a b, c (D"));
        check(3, &["a b c d e", "a b c d e"], "a b c d e", &[(0, 1.0, 1.0), (1, 1.0, 1.0)]);
        check(3, &["a b c"], "", &[]);
    }

    #[test]
    fn n_grams_of_one_hash_are_not_taken_for_each_other() {
        let mut index = Index::new(3, ["a b c", "x y z"].into_iter());
        let mut words = Words::default();
        // As if the n-gram of either text had the hash of both of the items'.
        for text in ["d e f", "x y z"] {
            words.read(text);
            words.each_gram(3, |_, hash| index.by_hash.extend([(hash, 0..2)]));
        }
        index.bits = Bits::new(index.by_hash.keys().copied());
        assert_eq!(index.matcher().compare("d e f"), []);
        let found = index.matcher().compare("x y z");
        assert_eq!(found, [Similarity { item: 1, jaccard: 1.0, containment: 1.0 }]);
    }

    #[test]
    fn short_items_are_looked_for_as_a_whole() {
        let ten = "one two three four five six seven eight nine ten";
        let seven = "one two three four five six seven";
        let long = format!("before {ten} after and more and more and more");
        check(13, &[ten, seven], &long, &[(0, 0.0, 1.0)]);
        check(13, &[ten], &ten.to_uppercase(), &[(0, 1.0, 1.0)]);
        // A text of one n-gram more than the item's words is another n-gram.
        check(13, &[ten], &format!("{ten} more"), &[(0, 0.0, 1.0)]);
        check(13, &[ten], "one two three four five six seven eight nine", &[]);
        assert_eq!(
            Index::new(13, [ten, seven].into_iter()).items(),
            [Size { words: 10, grams: 1 }, Size { words: 7, grams: 0 }]
        );
        // Where n-grams are shorter, so is the shortest item.
        check(3, &["a b c"], "x a b c", &[(0, 0.5, 1.0)]);
    }
}
