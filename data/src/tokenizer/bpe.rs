//! BPE segmentation exactly as SentencePiece does it: the adjacent pair whose union is the piece of highest
//! score merges first, the leftmost of equals, until no union is a piece.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::normalizer::SPACE;
use super::pool::Pool;
use super::vocabulary::Vocabulary;
use super::word_cache::WordCache;

const NONE: u32 = u32::MAX;

/// Pairs of characters that stand next to each other inside some piece.
///
/// No merge crosses any other pair, so text can be cut there and the parts segmented (and cached) on their
/// own without changing the result.
pub(crate) struct Joints {
    /// Of the characters that have a place; see [`Joints::place`].
    frequent: Box<[[bool; 129]; 129]>,
    other: FxHashSet<(char, char)>,
}

impl Joints {
    pub(crate) fn new<'a>(pieces: impl Iterator<Item = &'a str>) -> Self {
        let mut joints = Self { frequent: Box::new([[false; 129]; 129]), other: FxHashSet::default() };
        for piece in pieces {
            for (a, b) in piece.chars().zip(piece.chars().skip(1)) {
                match (Self::place(a), Self::place(b)) {
                    (Some(a), Some(b)) => joints.frequent[a][b] = true,
                    _ => _ = joints.other.insert((a, b)),
                }
            }
        }
        joints
    }

    fn contains(&self, a: char, b: char) -> bool {
        match (Self::place(a), Self::place(b)) {
            (Some(a), Some(b)) => self.frequent[a][b],
            _ => self.other.contains(&(a, b)),
        }
    }

    /// Where ASCII and the sign for a space stand in the table.
    fn place(c: char) -> Option<usize> {
        match c {
            SPACE => Some(128),
            _ => c.is_ascii().then_some(c as usize),
        }
    }

    /// Cuts `text` wherever no piece can span.
    fn segments<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let mut characters = rest.char_indices();
            let (_, mut previous) = characters.next()?;
            let end = characters.find_map(|(i, c)| {
                let joined = self.contains(std::mem::replace(&mut previous, c), c);
                (!joined).then_some(i)
            });
            let (segment, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            Some(segment)
        })
    }
}

/// Segments texts, remembering the ids of segments seen before.
pub(crate) struct BpeEncoder<'a> {
    vocabulary: &'a Vocabulary,
    joints: &'a Joints,
    memories: &'a Pool<Memory>,
    memory: Memory,
}

/// What an encoder has seen, and room to work in.
#[derive(Default)]
pub(crate) struct Memory {
    cache: WordCache,
    fresh_ids: Vec<u32>,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    symbols: Vec<Symbol>,
    agenda: BinaryHeap<Candidate>,
    /// How unused pieces were put together, to take them apart again: (start, end) to the middle.
    unused: FxHashMap<(u32, u32), u32>,
}

/// A span of the segment; spans form a doubly linked list. Merged-away spans are empty.
#[derive(Clone, Copy)]
struct Symbol {
    start: u32,
    end: u32,
    previous: u32,
    next: u32,
    /// User-defined: never merged.
    frozen: bool,
}

struct Candidate {
    score: f32,
    left: u32,
    right: u32,
    length: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl<'a> BpeEncoder<'a> {
    /// An encoder with one of the memories, which it gives back in the end. They are all of this vocabulary.
    pub(crate) fn new(vocabulary: &'a Vocabulary, joints: &'a Joints, memories: &'a Pool<Memory>) -> Self {
        Self { vocabulary, joints, memories, memory: memories.take() }
    }

    /// Appends the ids of normalised text.
    pub(crate) fn encode(&mut self, normalized: &str, out: &mut Vec<u32>) {
        let start = out.len();
        let unknown = self.vocabulary.unknown;
        let Memory { cache, fresh_ids: fresh, scratch } = &mut self.memory;
        for segment in self.joints.segments(normalized) {
            let ids = match cache.get(segment) {
                Some(ids) => ids,
                None => {
                    fresh.clear();
                    scratch.encode(self.vocabulary, segment, fresh);
                    cache.insert(segment, fresh);
                    &*fresh
                }
            };
            // Unknown characters in a row are one unknown piece, also across a cut.
            let continues_unknown = ids.first() == Some(&unknown) && out[start..].last() == Some(&unknown);
            out.extend_from_slice(&ids[usize::from(continues_unknown)..]);
        }
    }
}

impl Drop for BpeEncoder<'_> {
    fn drop(&mut self) {
        self.memories.give(std::mem::take(&mut self.memory));
    }
}

impl Scratch {
    fn encode(&mut self, vocabulary: &Vocabulary, text: &str, out: &mut Vec<u32>) {
        self.symbols.clear();
        self.agenda.clear();
        self.unused.clear();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let user_defined = vocabulary.user_defined.longest_match(rest);
            let length = user_defined.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
            let index = self.symbols.len() as u32;
            let end = at + length;
            self.symbols.push(Symbol {
                start: at as u32,
                end: end as u32,
                previous: index.wrapping_sub(1),
                next: if end == text.len() { NONE } else { index + 1 },
                frozen: user_defined.is_some(),
            });
            at = end;
        }
        for right in 1..self.symbols.len() as u32 {
            self.consider(vocabulary, text, right - 1, right);
        }
        while let Some(best) = self.agenda.pop() {
            let (left, right) = (self.symbols[best.left as usize], self.symbols[best.right as usize]);
            let stale = left.start == left.end || right.start == right.end;
            if stale || right.end - left.start != best.length {
                continue;
            }
            self.symbols[best.left as usize].end = right.end;
            self.symbols[best.left as usize].next = right.next;
            self.symbols[best.right as usize].end = right.start;
            if right.next != NONE {
                self.symbols[right.next as usize].previous = best.left;
                self.consider(vocabulary, text, best.left, right.next);
            }
            if left.previous != NONE {
                self.consider(vocabulary, text, left.previous, best.left);
            }
        }
        for i in 0..self.symbols.len() {
            let Symbol { start, end, .. } = self.symbols[i];
            if start < end {
                self.emit(vocabulary, text, start, end, out);
            }
        }
    }

    /// Puts the pair on the agenda if its union is a piece.
    fn consider(&mut self, vocabulary: &Vocabulary, text: &str, left: u32, right: u32) {
        let (l, r) = (self.symbols[left as usize], self.symbols[right as usize]);
        if l.frozen || r.frozen {
            return;
        }
        let Some(id) = vocabulary.mergeable(&text[l.start as usize..r.end as usize]) else { return };
        let score = vocabulary.score(id);
        self.agenda.push(Candidate { score, left, right, length: r.end - l.start });
        if vocabulary.is_unused(id) {
            self.unused.insert((l.start, r.end), r.start);
        }
    }

    fn emit(&self, vocabulary: &Vocabulary, text: &str, start: u32, end: u32, out: &mut Vec<u32>) {
        let span = &text[start as usize..end as usize];
        let id = vocabulary.id(span);
        if let Some(id) = id.filter(|&id| vocabulary.is_unused(id))
            && let Some(&middle) = self.unused.get(&(start, end))
        {
            debug_assert!(vocabulary.is_unused(id));
            self.emit(vocabulary, text, start, middle, out);
            self.emit(vocabulary, text, middle, end, out);
        } else {
            vocabulary.push(id, span, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokenizer::proto::{ModelProto, Piece, PieceType};

    const PIECES: [&str; 20] = [
        "▁",
        "a",
        "b",
        "c",
        "é",
        "日",
        "ab",
        "▁a",
        "bc",
        "▁ab",
        "abc",
        "▁▁",
        "c▁",
        "aa",
        "日é",
        "é日é",
        "▁日",
        "aaaa",
        "b▁a",
        "▁▁▁▁",
    ];

    /// The pieces with these scores and kinds, so that any of them may merge first.
    fn vocabulary(scores: &[u8], kinds: &[u8], has_bytes: bool) -> Vocabulary {
        let piece = |text: &str, score: f32, kind: PieceType| Piece {
            piece: Some(text.into()),
            score: Some(score),
            kind: Some(kind.into()),
        };
        let mut pieces = vec![piece("<unk>", 0.0, PieceType::Unknown)];
        pieces.extend((0..=255).map(|byte| piece(&format!("<0x{byte:02X}>"), 0.0, PieceType::Byte)));
        for ((text, &score), &kind) in PIECES.iter().zip(scores).zip(kinds) {
            let kind = match kind {
                0 => PieceType::Unused,
                1 => PieceType::UserDefined,
                2 => continue,
                _ => PieceType::Normal,
            };
            pieces.push(piece(text, f32::from(score), kind));
        }
        Vocabulary::new(&ModelProto { pieces, ..ModelProto::default() }, has_bytes).unwrap()
    }

    proptest! {
        /// Cutting text where no piece spans, and remembering the parts, gives the ids of the text merged as a whole.
        #[test]
        fn cuts_and_memory_change_nothing(
            scores in proptest::collection::vec(any::<u8>(), PIECES.len()),
            kinds in proptest::collection::vec(0..12u8, PIECES.len()),
            has_bytes in any::<bool>(),
            texts in proptest::collection::vec("[abcé日語x▁]{0,12}", 1..12),
        ) {
            let vocabulary = vocabulary(&scores, &kinds, has_bytes);
            let joints = Joints::new(vocabulary.mergeable_pieces());
            let memories = Pool::default();
            for text in &texts {
                let mut encoder = BpeEncoder::new(&vocabulary, &joints, &memories);
                let (mut ids, mut whole) = (Vec::new(), Vec::new());
                encoder.encode(text, &mut ids);
                Scratch::default().encode(&vocabulary, text, &mut whole);
                prop_assert_eq!(ids, whole, "{:?}", text);
            }
        }
    }
}
