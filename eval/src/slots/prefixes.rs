//! What beginnings of prompts left: a prefix tree of chunks, bounded by bytes, of which those that were not used for longest go first.

use std::collections::{BTreeMap, HashMap};

/// A chunk's name, with all chunks before it; never used twice.
pub(super) type ChunkId = u64;

/// What a chunk is found by: the chunk before it, and its tokens.
type Key = (Option<ChunkId>, Box<[u32]>);

struct Entry<T> {
    key: Key,
    payload: T,
    bytes: u64,
    last_used: u64,
}

/// The chunks that are kept.
pub(super) struct Prefixes<T> {
    entries: HashMap<ChunkId, Entry<T>>,
    by_key: HashMap<Key, ChunkId>,
    /// By last use. A chunk is older than those before it, so that it goes before them.
    by_use: BTreeMap<u64, ChunkId>,
    limit: u64,
    used: u64,
    clock: u64,
    next: ChunkId,
}

impl<T> Prefixes<T> {
    /// Of up to `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self {
            entries: HashMap::new(),
            by_key: HashMap::new(),
            by_use: BTreeMap::new(),
            limit,
            used: 0,
            clock: 0,
            next: 0,
        }
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> u64 {
        self.used
    }

    /// The chunk of these tokens after another one.
    pub fn find(&self, before: Option<ChunkId>, tokens: &[u32]) -> Option<(ChunkId, &T)> {
        let id = *self.by_key.get(&(before, Box::from(tokens)))?;
        Some((id, &self.entries.get(&id)?.payload))
    }

    /// Marks a path of chunks, from the first on, as used now.
    pub fn touch(&mut self, path: &[ChunkId]) {
        for &id in path.iter().rev() {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            self.by_use.remove(&entry.last_used);
            self.clock += 1;
            entry.last_used = self.clock;
            self.by_use.insert(self.clock, id);
        }
    }

    /// Keeps a chunk after those of `path`, which is then longer by it: unless it is there already, or would need room that the path has.
    /// Whether the path is longer.
    pub fn keep(&mut self, path: &mut Vec<ChunkId>, tokens: &[u32], bytes: u64, payload: T) -> bool {
        let key: Key = (path.last().copied(), Box::from(tokens));
        if bytes > self.limit || self.by_key.contains_key(&key) {
            return false;
        }
        self.touch(path);
        while self.used + bytes > self.limit {
            let Some((_, &oldest)) = self.by_use.first_key_value() else { return false };
            if path.contains(&oldest) {
                return false;
            }
            self.forget(oldest);
        }
        let id = self.next;
        self.next += 1;
        self.by_key.insert(key.clone(), id);
        self.entries.insert(id, Entry { key, payload, bytes, last_used: 0 });
        self.used += bytes;
        path.push(id);
        self.touch(path);
        true
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self { next: self.next, ..Self::new(self.limit) };
    }

    fn forget(&mut self, id: ChunkId) {
        if let Some(entry) = self.entries.remove(&id) {
            self.by_use.remove(&entry.last_used);
            self.by_key.remove(&entry.key);
            self.used -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a text of one-token chunks: how many were found.
    fn read(prefixes: &mut Prefixes<u32>, text: &[u32]) -> usize {
        let mut path = Vec::new();
        for &token in text {
            let Some((id, &payload)) = prefixes.find(path.last().copied(), &[token]) else { break };
            assert_eq!(payload, token);
            path.push(id);
        }
        prefixes.touch(&path);
        let found = path.len();
        for &token in &text[found..] {
            if !prefixes.keep(&mut path, &[token], 10, token) {
                break;
            }
        }
        found
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut prefixes = Prefixes::new(40);
        assert_eq!(read(&mut prefixes, &[1, 2, 3]), 0);
        assert_eq!(read(&mut prefixes, &[1, 2, 4]), 2);
        // Room for one more: 3 has not been used since.
        assert_eq!(read(&mut prefixes, &[1, 2, 4, 5]), 3);
        assert_eq!(read(&mut prefixes, &[1, 2, 4, 5]), 4);
        assert_eq!(read(&mut prefixes, &[1, 2, 3]), 2);
        assert_eq!(prefixes.bytes(), 40);
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let mut prefixes = Prefixes::new(25);
        assert_eq!(read(&mut prefixes, &[1, 2, 3]), 0);
        assert_eq!(read(&mut prefixes, &[1, 2, 3]), 2);
        let mut none = Prefixes::new(0);
        assert_eq!(read(&mut none, &[1]), 0);
        assert_eq!(read(&mut none, &[1]), 0);
    }

    proptest! {
        #[test]
        fn chunks_hang_together_within_the_limit(
            texts in prop::collection::vec(prop::collection::vec(0u32..3, 1..6), 1..60),
            limit in 0u64..90,
        ) {
            let mut prefixes = Prefixes::new(limit);
            for text in &texts {
                read(&mut prefixes, text);
                prop_assert!(prefixes.bytes() <= limit);
                prop_assert_eq!(prefixes.bytes(), 10 * prefixes.entries.len() as u64);
                prop_assert_eq!(prefixes.by_use.len(), prefixes.entries.len());
                for entry in prefixes.entries.values() {
                    prop_assert!(entry.key.0.is_none_or(|before| prefixes.entries.contains_key(&before)));
                }
            }
        }
    }
}
