//! The heart of BPE training: counts of adjacent symbol pairs, and merging the most frequent one.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

/// Runs of symbols with their pair counts.
pub(super) struct Pairs {
    /// The text of each symbol; a symbol is a character or a piece.
    symbols: Vec<String>,
    lengths: Vec<usize>,
    index: FxHashMap<String, u32>,
    runs: Vec<(Vec<u32>, u64)>,
    counts: FxHashMap<(u32, u32), Pair>,
    agenda: BinaryHeap<Candidate>,
    max_length: usize,
}

#[derive(Default)]
struct Pair {
    count: u64,
    /// Runs that hold or held the pair; may repeat.
    runs: Vec<u32>,
}

/// Ordered by count; of equals, the shorter text wins, and then the one first in alphabetical order.
#[derive(PartialEq, Eq)]
struct Candidate {
    count: u64,
    length: Reverse<usize>,
    text: Reverse<String>,
    pair: Reverse<(u32, u32)>,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |c: &Self| (c.count, c.length);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.text.cmp(&other.text))
            .then_with(|| self.pair.cmp(&other.pair))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Pairs {
    /// Symbols 0.. are `characters`; pieces hold at most `max_length` characters.
    pub(super) fn new(characters: &[char], max_length: usize) -> Self {
        let symbols: Vec<String> = characters.iter().map(char::to_string).collect();
        let index = symbols.iter().enumerate().map(|(i, s)| (s.clone(), i as u32)).collect();
        Self {
            lengths: vec![1; symbols.len()],
            symbols,
            index,
            runs: Vec::new(),
            counts: FxHashMap::default(),
            agenda: BinaryHeap::new(),
            max_length,
        }
    }

    /// Adds a run of known characters that occurs `count` times.
    pub(super) fn add_run(&mut self, characters: &[char], count: u64) {
        let run = self.runs.len() as u32;
        let mut buffer = [0; 4];
        let symbol = |c: &char| self.index[&*c.encode_utf8(&mut buffer)];
        let symbols: Vec<u32> = characters.iter().map(symbol).collect();
        for pair in symbols.windows(2) {
            self.counts.entry((pair[0], pair[1])).or_default().add(count, run);
        }
        self.runs.push((symbols, count));
    }

    /// Makes up to `limit` merges and returns the new pieces in order; fewer when no pair is left.
    pub(super) fn merge(mut self, limit: usize) -> Vec<String> {
        let pairs: Vec<(u32, u32)> = self.counts.keys().copied().collect();
        for pair in pairs {
            self.propose(pair);
        }
        let first_piece = self.symbols.len();
        while self.symbols.len() - first_piece < limit {
            let Some(candidate) = self.agenda.pop() else { break };
            let Reverse(pair) = candidate.pair;
            let count = self.counts.get(&pair).map_or(0, |p| p.count);
            if count != candidate.count {
                // The count fell since the proposal; where it rose, a newer proposal stood before this one.
                if count > 0 && count < candidate.count {
                    self.agenda.push(Candidate { count, ..candidate });
                }
                continue;
            }
            let Reverse(text) = candidate.text;
            let symbol = self.symbols.len() as u32;
            self.lengths.push(candidate.length.0);
            self.symbols.push(text.clone());
            self.index.insert(text, symbol);
            self.apply(pair, symbol);
        }
        self.symbols.split_off(first_piece)
    }

    /// Replaces `pair` by `symbol` everywhere. Pairs this brings about that spell a known piece are replaced
    /// too, since segmentation merges whatever spells a piece, however it came together.
    fn apply(&mut self, pair: (u32, u32), symbol: u32) {
        let mut waiting = vec![(pair, symbol)];
        while let Some((pair, symbol)) = waiting.pop() {
            let Some(Pair { runs: mut affected, .. }) = self.counts.remove(&pair) else { continue };
            affected.sort_unstable();
            affected.dedup();
            let mut risen = Vec::new();
            for run in affected {
                self.apply_in_run(run, pair, symbol, &mut risen);
            }
            risen.sort_unstable();
            risen.dedup();
            for new in risen {
                if self.counts.get(&new).is_none_or(|p| p.count == 0) {
                    continue;
                }
                match self.index.get(&self.text(new)) {
                    Some(&known) => waiting.push((new, known)),
                    None => self.propose(new),
                }
            }
        }
    }

    fn apply_in_run(&mut self, run: u32, pair: (u32, u32), symbol: u32, risen: &mut Vec<(u32, u32)>) {
        let (old, count) = &mut self.runs[run as usize];
        let count = *count;
        let mut new = Vec::with_capacity(old.len());
        let mut i = 0;
        let lower = |counts: &mut FxHashMap<(u32, u32), Pair>, fallen| {
            if let Some(p) = counts.get_mut(&fallen) {
                p.count -= count;
            }
        };
        while i < old.len() {
            if i + 1 == old.len() || (old[i], old[i + 1]) != pair {
                new.push(old[i]);
                i += 1;
                continue;
            }
            if let Some(&before) = new.last() {
                lower(&mut self.counts, (before, pair.0));
                self.counts.entry((before, symbol)).or_default().add(count, run);
                risen.push((before, symbol));
            }
            if let Some(&after) = old.get(i + 2) {
                lower(&mut self.counts, (pair.1, after));
                self.counts.entry((symbol, after)).or_default().add(count, run);
                risen.push((symbol, after));
            }
            new.push(symbol);
            i += 2;
        }
        *old = new;
    }

    fn text(&self, (left, right): (u32, u32)) -> String {
        [self.symbols[left as usize].as_str(), &self.symbols[right as usize]].concat()
    }

    fn propose(&mut self, pair: (u32, u32)) {
        let length = self.lengths[pair.0 as usize] + self.lengths[pair.1 as usize];
        if length <= self.max_length {
            let (text, count) = (Reverse(self.text(pair)), self.counts[&pair].count);
            self.agenda.push(Candidate { count, length: Reverse(length), text, pair: Reverse(pair) });
        }
    }
}

impl Pair {
    fn add(&mut self, count: u64, run: u32) {
        self.count += count;
        if self.runs.last() != Some(&run) {
            self.runs.push(run);
        }
    }
}
