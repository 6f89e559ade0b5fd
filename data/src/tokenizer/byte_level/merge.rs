//! Merging pairs of pieces by rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

const NONE: u32 = u32::MAX;

/// The pairs that merge: their rank, the lower the earlier, and what they become.
pub(super) struct Merges(FxHashMap<(u32, u32), (u32, u32)>);

impl Merges {
    /// Looks the pieces of merges up. Of a pair that is listed twice, the later rank counts.
    pub(super) fn new(list: &[(String, String)], ids: &FxHashMap<String, u32>) -> Result<Self, String> {
        let mut merges = FxHashMap::default();
        merges.reserve(list.len());
        let mut union = String::new();
        for (rank, (left, right)) in list.iter().enumerate() {
            union.clear();
            union.push_str(left);
            union.push_str(right);
            let id = |piece: &String| {
                ids.get(piece).copied().ok_or_else(|| {
                    format!("merge {rank}, of {left:?} and {right:?}, needs the piece {piece:?}, which there is not")
                })
            };
            merges.insert((id(left)?, id(right)?), (rank as u32, id(&union)?));
        }
        Ok(Self(merges))
    }

    fn get(&self, left: u32, right: u32) -> Option<(u32, u32)> {
        self.0.get(&(left, right)).copied()
    }
}

/// A piece in a word; pieces form a doubly linked list.
#[derive(Clone, Copy)]
struct Symbol {
    /// [`NONE`] once it is merged into the one before it.
    id: u32,
    previous: u32,
    next: u32,
}

/// A pair on the agenda: its rank, the place of its left piece, and the two pieces it was.
type Candidate = Reverse<(u32, u32, u32, u32)>;

/// Memory for merging, used again for each word.
#[derive(Default)]
pub(super) struct Scratch {
    symbols: Vec<Symbol>,
    agenda: BinaryHeap<Candidate>,
}

impl Scratch {
    /// Appends what remains of `pieces` when no pair merges any more. Takes n log n steps for n pieces.
    pub(super) fn merge(&mut self, pieces: impl Iterator<Item = u32>, merges: &Merges, out: &mut Vec<u32>) {
        self.symbols.clear();
        self.agenda.clear();
        for id in pieces {
            let index = self.symbols.len() as u32;
            self.symbols.push(Symbol { id, previous: index.wrapping_sub(1), next: index + 1 });
        }
        if let Some(last) = self.symbols.last_mut() {
            last.next = NONE;
        }
        for right in 1..self.symbols.len() as u32 {
            self.consider(merges, right - 1, right);
        }
        while let Some(Reverse((_, at, left_id, right_id))) = self.agenda.pop() {
            let left = self.symbols[at as usize];
            // Ids are below NONE, so a piece that was merged away matches nothing.
            if left.id != left_id || left.next == NONE || self.symbols[left.next as usize].id != right_id {
                continue;
            }
            let Some((_, union)) = merges.get(left_id, right_id) else { continue };
            let next = self.symbols[left.next as usize].next;
            self.symbols[left.next as usize].id = NONE;
            self.symbols[at as usize] = Symbol { id: union, next, ..left };
            if next != NONE {
                self.symbols[next as usize].previous = at;
                self.consider(merges, at, next);
            }
            if left.previous != NONE {
                self.consider(merges, left.previous, at);
            }
        }
        out.extend(self.symbols.iter().map(|symbol| symbol.id).filter(|&id| id != NONE));
    }

    fn consider(&mut self, merges: &Merges, left: u32, right: u32) {
        let pair = (self.symbols[left as usize].id, self.symbols[right as usize].id);
        if let Some((rank, _)) = merges.get(pair.0, pair.1) {
            self.agenda.push(Reverse((rank, left, pair.0, pair.1)));
        }
    }
}
