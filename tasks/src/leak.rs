//! How much of the tasks' documents stands in a training text: n-grams of words in common.
//!
//! The n-grams of the tasks, which are few, are kept; the training text is read once, a document at a time, and marks those
//! it has. Memory is bounded by the tasks' texts, whatever the length of the training text. A hash finds a candidate, and its
//! words decide: what is counted is in the text.
//!
//! ```
//! use tasks::leak::Index;
//!
//! let mut index = Index::new(3);
//! index.add("riddles", 0, ["What has keys but no locks?"]);
//! index.add("riddles", 1, ["Too short"]);
//! index.read("It has keys, but no doors.");
//! let report = index.report(0.0);
//! assert_eq!((report.documents[0].ngrams, report.documents[0].found), (4, 2));
//! assert!(report.documents[0].dirty && report.documents[1].is_short());
//! ```

mod words;

use std::collections::VecDeque;
use std::ops::Range;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use words::NORMALISATION;

/// Words of an n-gram, as Brown et al. (2020) and Gopher's paper have it.
pub const WORDS: usize = 13;

/// No other n-gram.
const NONE: usize = usize::MAX;

/// The n-grams of tasks' documents, and which of them were met.
pub struct Index {
    n: usize,
    /// The ids of the tasks' words.
    words: FxHashMap<Box<str>, u32>,
    /// All texts, one after another, as ids.
    text: Vec<u32>,
    documents: Vec<Indexed>,
    /// By hash, the last n-gram that has it.
    heads: FxHashMap<u64, usize>,
    /// Each n-gram once.
    grams: Vec<Gram>,
    /// Bits of a hash that are looked at; fewer in tests.
    mask: u64,
    training_documents: u64,
    training_words: u64,
}

/// A document of a task.
struct Indexed {
    task: String,
    document: usize,
    /// Where its texts lie in `Index::text`.
    spans: Vec<Range<usize>>,
}

/// An n-gram of the tasks.
struct Gram {
    /// Where it stands in `Index::text`.
    start: usize,
    /// Another one of the same hash.
    next: usize,
    found: bool,
}

/// A document's overlap with the training text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// The task.
    pub task: String,
    /// The document's position in its data file.
    pub document: usize,
    /// Its words.
    pub words: usize,
    /// Its n-grams: places at which one begins, in any of its texts.
    pub ngrams: usize,
    /// Those that are in the training text.
    pub found: usize,
    /// Whether so many are that it counts as seen.
    pub dirty: bool,
}

impl Overlap {
    /// Whether none of its texts is as long as an n-gram, so that nothing can be said of it.
    pub fn is_short(&self) -> bool {
        self.ngrams == 0
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Words of an n-gram.
    pub n: usize,
    /// What a word is.
    pub normalisation: String,
    /// Share of a document's n-grams from which it is dirty; 0: any one.
    pub threshold: f64,
    /// Documents of the training text.
    pub training_documents: u64,
    /// Their words.
    pub training_words: u64,
    /// The tasks' documents, in the order in which they were added.
    pub documents: Vec<Overlap>,
}

impl Index {
    /// An index of n-grams of so many words, 1 at least.
    pub fn new(n: usize) -> Self {
        Self {
            n: n.max(1),
            words: FxHashMap::default(),
            text: Vec::new(),
            documents: Vec::new(),
            heads: FxHashMap::default(),
            grams: Vec::new(),
            mask: u64::MAX,
            training_documents: 0,
            training_words: 0,
        }
    }

    /// Adds a document of a task: one text, or several that n-grams do not go across, such as its [`fields`].
    ///
    /// All documents are added before the training text is read: what is added later has not met what was read.
    pub fn add<'a>(
        &mut self,
        task: impl Into<String>,
        document: usize,
        texts: impl IntoIterator<Item = &'a str>,
    ) {
        let mut spans = Vec::new();
        for text in texts {
            let start = self.text.len();
            words::each(text, |word| {
                let next = self.words.len() as u32;
                let id = match self.words.get(word) {
                    Some(&id) => id,
                    None => *self.words.entry(word.into()).or_insert(next),
                };
                self.text.push(id);
            });
            spans.push(start..self.text.len());
            let mut window = Window::new(self.n);
            for end in start..self.text.len() {
                let Some(hash) = window.push(self.text[end]) else { continue };
                let at = end + 1 - self.n;
                if self.find(hash, |words| words.iter().eq(&self.text[at..=end])).is_none() {
                    let next = self.heads.insert(hash & self.mask, self.grams.len()).unwrap_or(NONE);
                    self.grams.push(Gram { start: at, next, found: false });
                }
            }
        }
        self.documents.push(Indexed { task: task.into(), document, spans });
    }

    /// The n-gram of a hash whose words are the right ones.
    fn find(&self, hash: u64, is: impl Fn(&[u32]) -> bool) -> Option<usize> {
        let mut at = *self.heads.get(&(hash & self.mask))?;
        while at != NONE {
            let Gram { start, next, .. } = self.grams[at];
            if is(&self.text[start..start + self.n]) {
                return Some(at);
            }
            at = next;
        }
        None
    }

    /// Reads a document of the training text. N-grams do not go across documents.
    pub fn read(&mut self, text: &str) {
        self.training_documents += 1;
        let mut window = Window::new(self.n);
        let mut count = 0;
        let mut met = Vec::new();
        words::each(text, |word| {
            count += 1;
            match self.words.get(word) {
                // No task has the word, so none has an n-gram with it.
                None => window.clear(),
                Some(&id) => {
                    let Some(hash) = window.push(id) else { return };
                    met.extend(self.find(hash, |words| words.iter().eq(&window.ids)));
                }
            }
        });
        self.training_words += count;
        for gram in met {
            self.grams[gram].found = true;
        }
    }

    /// What has been found so far. A document is dirty if any of its n-grams was found, and of all of them at least the share
    /// `threshold`, from 0 to 1.
    pub fn report(&self, threshold: f64) -> Report {
        let documents = self.documents.iter().map(|Indexed { task, document, spans }| {
            let (mut words, mut ngrams, mut found) = (0, 0, 0);
            for span in spans {
                words += span.len();
                let mut window = Window::new(self.n);
                for &id in &self.text[span.clone()] {
                    let Some(hash) = window.push(id) else { continue };
                    ngrams += 1;
                    let gram = self.find(hash, |words| words.iter().eq(&window.ids));
                    found += usize::from(gram.is_some_and(|gram| self.grams[gram].found));
                }
            }
            let dirty = found > 0 && found as f64 >= threshold * ngrams as f64;
            Overlap { task: task.clone(), document: *document, words, ngrams, found, dirty }
        });
        Report {
            n: self.n,
            normalisation: NORMALISATION.into(),
            threshold,
            training_documents: self.training_documents,
            training_words: self.training_words,
            documents: documents.collect(),
        }
    }
}

/// The last n words, with a hash that is made of the one before: Σ m(wᵢ) Bⁿ⁻¹⁻ⁱ modulo 2⁶⁴.
struct Window {
    n: usize,
    ids: VecDeque<u32>,
    hash: u64,
    /// Bⁿ.
    power: u64,
}

impl Window {
    const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

    fn new(n: usize) -> Self {
        let power = (0..n).fold(1u64, |power, _| power.wrapping_mul(Self::BASE));
        Self { n, ids: VecDeque::with_capacity(n + 1), hash: 0, power }
    }

    fn clear(&mut self) {
        self.ids.clear();
        self.hash = 0;
    }

    /// Adds a word; the hash of the last n, once there are as many.
    fn push(&mut self, id: u32) -> Option<u64> {
        self.ids.push_back(id);
        self.hash = self.hash.wrapping_mul(Self::BASE).wrapping_add(Self::mix(id));
        if self.ids.len() > self.n
            && let Some(first) = self.ids.pop_front()
        {
            self.hash = self.hash.wrapping_sub(Self::mix(first).wrapping_mul(self.power));
        }
        (self.ids.len() == self.n).then_some(self.hash)
    }

    /// Spreads ids over all bits (Steele, Lea and Flood 2014).
    fn mix(id: u32) -> u64 {
        let mut z = (u64::from(id) + 1).wrapping_mul(Self::BASE);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The texts in a document's fields, in their order: every string, however deep it lies.
pub fn fields(document: &Value) -> Vec<&str> {
    match document {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(fields).collect(),
        Value::Object(map) => map.values().flat_map(fields).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one bit of the hash, every n-gram meets others of its hash, and none is taken for another.
    #[test]
    fn words_decide_where_hashes_are_equal() {
        let text = |seed: usize, count| {
            (0..count)
                .map(|i| ["a", "b", "c"][(i * i + seed * i + seed) % 7 % 3])
                .collect::<Vec<_>>()
                .join(" ")
        };
        let report = |mask| {
            let mut index = Index { mask, ..Index::new(4) };
            (0..20).for_each(|i| index.add("t", i, [text(i, 9).as_str()]));
            (3..6).for_each(|i| index.read(&text(i, 12)));
            index.report(0.0)
        };
        let exact = report(u64::MAX);
        assert!(exact.documents.iter().any(|document| document.found == 0));
        assert!(exact.documents.iter().any(|document| document.found > 0));
        assert_eq!(report(1), exact);
    }
}
