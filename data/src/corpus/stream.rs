//! A run of token ids, in memory or in token shards.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::shards::ShardTokens;
use crate::{Error, Result};

/// Token ids in memory: two bytes each where the vocabulary allows.
#[derive(PartialEq, Eq)]
pub(crate) enum Ids {
    /// Of at most 2^16 pieces.
    U16(Vec<u16>),
    /// Of more.
    U32(Vec<u32>),
}

impl Ids {
    pub(super) fn new(vocabulary_size: usize) -> Self {
        if vocabulary_size <= 1 << 16 { Ids::U16(Vec::new()) } else { Ids::U32(Vec::new()) }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Ids::U16(ids) => ids.len(),
            Ids::U32(ids) => ids.len(),
        }
    }

    pub(super) fn push(&mut self, ids: &[u32]) {
        match self {
            // The vocabulary has at most 2^16 pieces.
            Ids::U16(stream) => stream.extend(ids.iter().map(|&id| id as u16)),
            Ids::U32(stream) => stream.extend(ids),
        }
    }

    pub(super) fn append(&mut self, other: &Ids, range: Range<usize>) {
        match (self, other) {
            (Ids::U16(to), Ids::U16(from)) => to.extend(&from[range]),
            (Ids::U32(to), Ids::U32(from)) => to.extend(&from[range]),
            _ => unreachable!("both have the width of one vocabulary"),
        }
    }

    pub(super) fn empty_like(&self) -> Self {
        match self {
            Ids::U16(_) => Ids::U16(Vec::new()),
            Ids::U32(_) => Ids::U32(Vec::new()),
        }
    }

    pub(super) fn split_off(&mut self, at: usize) -> Self {
        match self {
            Ids::U16(ids) => Ids::U16(ids.split_off(at)),
            Ids::U32(ids) => Ids::U32(ids.split_off(at)),
        }
    }

    fn extend(&self, range: Range<usize>, out: &mut Vec<i32>) {
        match self {
            Ids::U16(ids) => out.extend(ids[range].iter().map(|&id| i32::from(id))),
            // Ids are indices of pieces, of which a model file has fewer than 2^31.
            Ids::U32(ids) => out.extend(ids[range].iter().map(|&id| id as i32)),
        }
    }

    fn count(&self, counts: &mut [u64]) {
        match self {
            Ids::U16(ids) => ids.iter().for_each(|&id| counts[usize::from(id)] += 1),
            Ids::U32(ids) => ids.iter().for_each(|&id| counts[id as usize] += 1),
        }
    }
}

/// A run of token ids; clones share what is in memory. What is in token shards is read when it is asked for.
#[derive(Clone)]
pub struct TokenStream {
    part: &'static str,
    segments: Arc<[Segment]>,
    /// Which tokens something is to be learned of, in ascending ranges; `None`: all.
    counted: Option<Arc<[Range<usize>]>>,
}

/// Tokens that lie together, and how many there are before them.
#[derive(Clone)]
struct Segment {
    start: usize,
    tokens: Tokens,
}

#[derive(Clone)]
enum Tokens {
    InMemory(Arc<Ids>),
    InShard(ShardTokens),
}

impl Tokens {
    fn len(&self) -> usize {
        match self {
            Tokens::InMemory(ids) => ids.len(),
            Tokens::InShard(tokens) => tokens.len(),
        }
    }
}

impl TokenStream {
    /// Of ids in memory.
    pub(super) fn of_ids(part: &'static str, ids: Ids) -> Self {
        Self::of_tokens(part, [Tokens::InMemory(Arc::new(ids))])
    }

    /// Of shards, one after another.
    pub(crate) fn of_shards(part: &'static str, shards: impl IntoIterator<Item = ShardTokens>) -> Self {
        Self::of_tokens(part, shards.into_iter().map(Tokens::InShard))
    }

    /// Streams one after another.
    pub(super) fn join<'a>(part: &'static str, streams: impl IntoIterator<Item = &'a TokenStream>) -> Self {
        let segments = streams.into_iter().flat_map(|stream| stream.segments.iter());
        Self::of_tokens(part, segments.map(|segment| segment.tokens.clone()))
    }

    fn of_tokens(part: &'static str, tokens: impl IntoIterator<Item = Tokens>) -> Self {
        let mut end = 0;
        let segments = tokens.into_iter().filter(|tokens| tokens.len() > 0).map(|tokens| {
            let start = end;
            end += tokens.len();
            Segment { start, tokens }
        });
        Self { part, segments: segments.collect(), counted: None }
    }

    /// The same, of which something is to be learned of these tokens alone, in ascending ranges.
    pub(super) fn counting(self, counted: Vec<Range<usize>>) -> Self {
        Self { counted: Some(counted.into()), ..self }
    }

    /// Number of tokens that something is to be learned of.
    pub fn counted(&self) -> usize {
        match &self.counted {
            Some(ranges) => ranges.iter().map(Range::len).sum(),
            None => self.len(),
        }
    }

    /// Of targets that are the tokens from `start` on, makes those -1 that nothing is to be learned of.
    pub(crate) fn leave_out(&self, start: usize, targets: &mut [i32]) {
        let Some(ranges) = &self.counted else { return };
        let mut ranges = ranges[ranges.partition_point(|range| range.end <= start)..].iter().peekable();
        for (index, target) in (start..).zip(targets) {
            while ranges.next_if(|range| range.end <= index).is_some() {}
            if !ranges.peek().is_some_and(|range| range.contains(&index)) {
                *target = -1;
            }
        }
    }

    /// `training` or `validation`.
    pub fn part(&self) -> &'static str {
        self.part
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.segments.last().map_or(0, |last| last.start + last.tokens.len())
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the ids of a range of tokens.
    ///
    /// # Errors
    /// [`Error::Shard`] when a shard cannot be read, or holds what is no token of its tokenizer.
    ///
    /// # Panics
    /// If the range goes past the end.
    pub fn extend(&self, range: Range<usize>, out: &mut Vec<i32>) -> Result<()> {
        assert!(range.end <= self.len(), "{range:?} of {self:?}");
        for (tokens, within) in self.pieces(range) {
            match tokens {
                Tokens::InMemory(ids) => ids.extend(within, out),
                Tokens::InShard(tokens) => tokens.extend(within, out)?,
            }
        }
        Ok(())
    }

    /// Has the system begin to read what of a range of tokens is on disk, without waiting for it; what is past the end is
    /// left out. [`TokenStream::extend`] is quicker then, and gives the same.
    pub fn read_ahead(&self, range: Range<usize>) {
        for (tokens, within) in self.pieces(range) {
            match tokens {
                Tokens::InMemory(_) => {}
                Tokens::InShard(tokens) => tokens.read_ahead(within),
            }
        }
    }

    /// The segments that have a part in a range of tokens, each with that part of it.
    fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = (&Tokens, Range<usize>)> {
        let first =
            self.segments.partition_point(|segment| segment.start + segment.tokens.len() <= range.start);
        let segments = self.segments[first..].iter().take_while(move |segment| segment.start < range.end);
        segments.map(move |Segment { start, tokens }| {
            (tokens, range.start.max(*start) - start..range.end.min(start + tokens.len()) - start)
        })
    }

    /// Feeds what the tokens are to a hash: those in memory as i32 in little-endian bytes, those of a shard by the digest that
    /// was made as the shard was written, so that nothing is read.
    pub fn hash_into(&self, hash: &mut Sha256) {
        const CHUNK: usize = 1 << 16;
        let mut chunk = Vec::new();
        for Segment { tokens, .. } in &*self.segments {
            match tokens {
                Tokens::InMemory(ids) => {
                    for start in (0..ids.len()).step_by(CHUNK) {
                        chunk.clear();
                        ids.extend(start..(start + CHUNK).min(ids.len()), &mut chunk);
                        hash.update(chunk.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<_>>());
                    }
                }
                Tokens::InShard(tokens) => hash.update(tokens.digest()),
            }
        }
        for range in self.counted.iter().flat_map(|ranges| ranges.iter()) {
            hash.update([range.start, range.end].map(|place| (place as u64).to_le_bytes()).concat());
        }
    }

    /// How often each token occurs.
    ///
    /// # Errors
    /// [`Error::Setting`] for a vocabulary of another size than the tokens', as far as that can be told from how they are stored; as
    /// [`TokenStream::extend`], for the counts that shards carry.
    pub fn counts(&self, vocabulary_size: usize) -> Result<Vec<u64>> {
        let mut counts = vec![0; vocabulary_size];
        let is_wide = vocabulary_size > 1 << 16;
        for Segment { tokens, .. } in &*self.segments {
            match tokens {
                Tokens::InMemory(ids) if matches!(**ids, Ids::U32(_)) != is_wide => {
                    let (setting, value) = ("vocabulary_size", vocabulary_size.to_string());
                    let detail = "a corpus was encoded with a vocabulary of another size".into();
                    return Err(Error::Setting { setting, value, detail });
                }
                Tokens::InMemory(ids) => ids.count(&mut counts),
                Tokens::InShard(tokens) => tokens.add_counts(&mut counts)?,
            }
        }
        Ok(counts)
    }

    /// The ids, if all of them are in memory, in one piece.
    pub(super) fn ids(&self) -> Option<&Ids> {
        match &*self.segments {
            [Segment { tokens: Tokens::InMemory(ids), .. }] => Some(ids),
            _ => None,
        }
    }
}

impl std::fmt::Debug for TokenStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenStream({}, {} tokens)", self.part, self.len())
    }
}

/// Entropy in nats per token of tokens that occur so often; 0 of none.
pub(crate) fn entropy(counts: &[u64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let term = |&count: &u64| (count as f64 / total) * (total / count as f64).ln();
    counts.iter().filter(|&&count| count > 0).map(term).sum()
}
