//! A map whose keys are strings, most of them short: those lie in the table itself, so that a look-up follows no pointer.

use rustc_hash::FxHashMap;

/// A map from strings to values.
pub(super) struct StringMap<V> {
    short: FxHashMap<u128, V>,
    long: FxHashMap<Box<str>, V>,
}

impl<V> Default for StringMap<V> {
    fn default() -> Self {
        Self { short: FxHashMap::default(), long: FxHashMap::default() }
    }
}

impl<V: Copy> StringMap<V> {
    pub(super) fn get(&self, key: &str) -> Option<V> {
        match pack(key.as_bytes()) {
            Some(packed) => self.short.get(&packed).copied(),
            None => self.long.get(key).copied(),
        }
    }

    /// Sets the value of a key; the one it had.
    pub(super) fn insert(&mut self, key: &str, value: V) -> Option<V> {
        match pack(key.as_bytes()) {
            Some(packed) => self.short.insert(packed, value),
            None => self.long.insert(key.into(), value),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    pub(super) fn clear(&mut self) {
        self.short.clear();
        self.long.clear();
    }
}

/// Up to 15 bytes and their number as one number, another one for each string; of more bytes, nothing.
fn pack(bytes: &[u8]) -> Option<u128> {
    let length = bytes.len();
    let word = |bytes: &[u8; 8]| u128::from(u64::from_le_bytes(*bytes));
    let half = |bytes: &[u8; 4]| u128::from(u32::from_le_bytes(*bytes));
    let packed = if length > 15 {
        return None;
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Both have the bytes in the middle; of the last, only what follows the first is taken.
        word(first) | (word(last) >> (8 * (16 - length))) << 64
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        half(first) | (half(last) >> (8 * (8 - length))) << 32
    } else {
        bytes.iter().rev().fold(0, |packed, &byte| packed << 8 | u128::from(byte))
    };
    Some(packed | (length as u128) << 120)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Packing is the bytes in their order, with their number behind them.
        #[test]
        fn strings_up_to_fifteen_bytes_are_packed(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let expected = (bytes.len() <= 15).then(|| {
                let mut whole = [0; 16];
                whole[..bytes.len()].copy_from_slice(&bytes);
                whole[15] = bytes.len() as u8;
                u128::from_le_bytes(whole)
            });
            prop_assert_eq!(pack(&bytes), expected);
        }

        /// The map is a map, whatever the lengths of its keys.
        #[test]
        fn it_holds_what_was_inserted_last(entries in proptest::collection::vec(("[a\0é]{0,18}", 0..9u32), 0..40)) {
            let (mut map, mut plain) = (StringMap::default(), std::collections::BTreeMap::new());
            for (key, value) in &entries {
                prop_assert_eq!(map.insert(key, *value), plain.insert(key, *value));
            }
            prop_assert_eq!(map.len(), plain.len());
            for (key, _) in &entries {
                prop_assert_eq!(map.get(key), plain.get(key).copied());
            }
            prop_assert_eq!(map.get("not there"), None);
        }
    }
}
