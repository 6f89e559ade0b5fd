//! The search for repeated stretches of bytes, for the library that writes zstd: fast, and over a whole frame.
//!
//! The library's own search looks at one block of 128 KiB at a time, in a table of 1 MiB, and took a quarter of the time of a stage. This
//! one is the usual greedy search of fast compressors: the last place of each hash of five bytes, and longer steps where nothing is found.

use ruzstd::encoding::{CompressionLevel, Matcher, Sequence};

/// How far back a stretch may lie; what whoever reads the file must keep.
const WINDOW: usize = 1 << 20;
/// Bytes of a block.
const BLOCK: usize = 1 << 17;
/// Bits of a hash.
const BITS: u32 = 16;
/// The fewest bytes of a stretch.
const SHORTEST: usize = 5;
/// Bytes that are looked at together.
const WORD: usize = 8;
/// By this many bytes without a stretch, steps become one longer, as a power of two.
const PATIENCE: u32 = 6;

/// Finds stretches in the blocks of a frame, one block after another.
pub(super) struct Matches {
    /// All blocks so far.
    data: Vec<u8>,
    /// Where the last block begins in `data`.
    begin: usize,
    /// Where the bytes of a hash were last, plus one; 0 for nowhere.
    places: Vec<u32>,
    /// The memory of the last block, which is used again.
    space: Vec<u8>,
}

impl Matches {
    pub fn new() -> Self {
        Self { data: Vec::new(), begin: 0, places: vec![0; 1 << BITS], space: Vec::new() }
    }

    fn word(&self, at: usize) -> Option<u64> {
        self.data.get(at..at + WORD)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Where the bytes at this place were before, which are noted to be here from now on.
    fn earlier(&mut self, at: usize) -> Option<usize> {
        let hash = (self.word(at)? << (64 - 8 * SHORTEST)).wrapping_mul(0x9E37_79B1_85EB_CA87) >> (64 - BITS);
        let place = std::mem::replace(self.places.get_mut(hash as usize)?, u32::try_from(at + 1).ok()?);
        let earlier = (place as usize).checked_sub(1)?;
        (at - earlier <= WINDOW).then_some(earlier)
    }

    /// How many bytes are the same from two places on, the second of which is later.
    fn length(&self, earlier: usize, at: usize) -> usize {
        let mut length = 0;
        while let (Some(a), Some(b)) = (self.word(earlier + length), self.word(at + length)) {
            match a ^ b {
                0 => length += WORD,
                different => return length + different.trailing_zeros() as usize / 8,
            }
        }
        let same = self.data[earlier + length..].iter().zip(&self.data[at + length..]);
        length + same.take_while(|(a, b)| a == b).count()
    }
}

impl Matcher for Matches {
    fn get_next_space(&mut self) -> Vec<u8> {
        let mut space = std::mem::take(&mut self.space);
        space.resize(BLOCK, 0);
        space
    }

    fn get_last_space(&mut self) -> &[u8] {
        &self.data[self.begin..]
    }

    fn commit_space(&mut self, space: Vec<u8>) {
        self.begin = self.data.len();
        self.data.extend_from_slice(&space);
        self.space = space;
    }

    fn skip_matching(&mut self) {}

    fn start_matching(&mut self, mut handle_sequence: impl for<'a> FnMut(Sequence<'a>)) {
        // The library cannot write a block whose sequences all have no literals, so the first byte is one.
        let first = self.begin + 1;
        // What follows `done` is in no sequence yet.
        let (mut at, mut done) = (first, self.begin);
        while at + WORD <= self.data.len() {
            let found = self.earlier(at).map(|earlier| (earlier, self.length(earlier, at)));
            let Some((earlier, length)) = found.filter(|(_, length)| *length >= SHORTEST) else {
                at += 1 + ((at - done) >> PATIENCE);
                continue;
            };
            // Bytes before both places may be the same too.
            let before = self.data[..earlier].iter().rev().zip(self.data[done.max(first)..at].iter().rev());
            let before = before.take_while(|(a, b)| a == b).count();
            let literals = &self.data[done..at - before];
            handle_sequence(Sequence::Triple { literals, offset: at - earlier, match_len: before + length });
            at += length;
            done = at;
            // What ends here is likely to come again.
            self.earlier(at - 2);
        }
        if done < self.data.len() {
            handle_sequence(Sequence::Literals { literals: &self.data[done..] });
        }
    }

    fn reset(&mut self, _: CompressionLevel) {
        self.data.clear();
        self.begin = 0;
        self.places.fill(0);
    }

    fn window_size(&self) -> u64 {
        WINDOW as u64
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::super::compressed;
    use crate::dedup::grams::mix;

    #[track_caller]
    fn check(bytes: &[u8]) -> usize {
        let packed = compressed(bytes);
        let mut file = tempfile::Builder::new().suffix(".zst").tempfile().unwrap();
        std::io::Write::write_all(&mut file, &packed).unwrap();
        let mut found = Vec::new();
        data::read::open(file.path()).unwrap().read_to_end(&mut found).unwrap();
        assert!(found == bytes, "{} bytes, {} of them were read back", bytes.len(), found.len());
        packed.len()
    }

    #[test]
    fn what_is_far_back_is_found_up_to_the_window() {
        let mut state = 1u64;
        let mut word = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{:x} ", mix((state >> 33) % 2000) >> 44)
        };
        let stretch: Vec<u8> = (0..100_000).flat_map(|_| word().into_bytes()).take(300_000).collect();
        let once = check(&stretch);
        let twice = |between: usize| check(&[&stretch[..], &vec![b' '; between], &stretch].concat());
        for between in [0, 1, 500_000, 748_575, 748_576] {
            let packed = twice(between);
            // The second time it takes next to nothing, but for what is too far back.
            assert!(packed < once + once / 50, "{between}: {packed}, and {once} once");
        }
        assert!(twice(748_577).min(twice(3_000_000)) > once + once / 2);
        check(&[]);
        check(&vec![b'a'; 400_000]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// What is written is what is read, whatever repeats in it.
        #[test]
        fn all_bytes_come_back(parts in prop::collection::vec(("[a-c]{0,40}|[ -~]{0,60}|\\PC{0,9}", 1usize..400), 0..60)) {
            let bytes: Vec<u8> = parts.iter().flat_map(|(part, times)| part.repeat(*times).into_bytes()).collect();
            check(&bytes);
        }
    }
}
