//! A cache of the ids of words, bounded, so that odd text cannot fill the memory.

use super::string_map::StringMap;

/// Words longer than this many bytes are not cached.
const MAX_CACHED_LENGTH: usize = 64;
/// The most words.
const MAX_CACHED_WORDS: usize = 1 << 17;

/// The ids of words seen before.
#[derive(Default)]
pub(super) struct WordCache {
    ranges: StringMap<(u32, u32)>,
    ids: Vec<u32>,
}

impl WordCache {
    pub(super) fn get(&self, word: &str) -> Option<&[u32]> {
        let (from, to) = self.ranges.get(word)?;
        Some(&self.ids[from as usize..to as usize])
    }

    /// Remembers a word unless it is long; a full cache begins anew.
    pub(super) fn insert(&mut self, word: &str, ids: &[u32]) {
        if word.len() > MAX_CACHED_LENGTH {
            return;
        }
        if self.ranges.len() >= MAX_CACHED_WORDS {
            self.ranges.clear();
            self.ids.clear();
        }
        let from = self.ids.len() as u32;
        self.ids.extend_from_slice(ids);
        self.ranges.insert(word, (from, self.ids.len() as u32));
    }
}
