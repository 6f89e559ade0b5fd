//! SentencePiece's text normalisation: the longest-match rule table, and the treatment of spaces.

use super::proto::NormalizerSpec;

/// U+2581, which stands for a space inside pieces.
pub(crate) const SPACE: char = '\u{2581}';
const SPACE_STR: &str = "\u{2581}";

/// A compiled rule table (`precompiled_charsmap`): prefixes of the text and what replaces them.
///
/// Layout: the size of a double-array trie in bytes (little-endian u32), the trie in darts-clone's format,
/// and then the replacements, each ended by a zero byte; a key's value is the offset of its replacement.
#[derive(Clone)]
struct Rules {
    units: Vec<u32>,
    replacements: String,
    /// `[b]`: some rule's key is the ASCII byte b alone, or b followed by another ASCII byte.
    ascii_rules: [bool; 128],
}

impl Rules {
    fn new(charsmap: &[u8]) -> Result<Self, String> {
        let bad = || "damaged precompiled_charsmap".to_owned();
        let (size, rest) = charsmap.split_first_chunk::<4>().ok_or_else(bad)?;
        let size = u32::from_le_bytes(*size) as usize;
        if !size.is_multiple_of(4) || size == 0 || size > rest.len() {
            return Err(bad());
        }
        let (trie, replacements) = rest.split_at(size);
        let units = trie.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let replacements = String::from_utf8(replacements.to_vec()).map_err(|_| bad())?;
        let mut rules = Self { units, replacements, ascii_rules: [false; 128] };
        for first in 0..128u8 {
            let Some((node, value)) = rules.step(0, first) else { continue };
            rules.ascii_rules[first as usize] =
                value.is_some() || (0..128).any(|second| rules.step(node, second).is_some());
        }
        Ok(rules)
    }

    fn unit(&self, index: u32) -> Option<u32> {
        self.units.get(index as usize).copied()
    }

    fn offset(unit: u32) -> u32 {
        (unit >> 10) << ((unit & (1 << 9)) >> 6)
    }

    /// Follows `byte` from the node at index `node`: the child's index, and its value when a key ends there.
    ///
    /// A child lies at (node ^ node's offset ^ label) and carries its label in the low byte; its value lies
    /// at its own offset (label 0).
    fn step(&self, node: u32, byte: u8) -> Option<(u32, Option<u32>)> {
        let child = node ^ Self::offset(self.unit(node)?) ^ u32::from(byte);
        let unit = self.unit(child)?;
        // The top bit marks a value, which is never a child.
        if unit & ((1 << 31) | 0xFF) != u32::from(byte) {
            return None;
        }
        let has_value = unit >> 8 & 1 == 1;
        let value = has_value.then(|| self.unit(child ^ Self::offset(unit))).flatten();
        Some((child, value.map(|v| v & 0x7FFF_FFFF)))
    }

    /// The longest key that `text` starts with: its length in bytes and its replacement.
    fn longest_match(&self, text: &str) -> Option<(usize, &str)> {
        let mut node = 0;
        let mut best = None;
        for (i, &byte) in text.as_bytes().iter().enumerate() {
            let Some((child, value)) = self.step(node, byte) else { break };
            if let Some(value) = value {
                best = Some((i + 1, value));
            }
            node = child;
        }
        let (length, value) = best?;
        let replacement = self.replacements.get(value as usize..)?;
        // A damaged table must not cut a character in two.
        text.is_char_boundary(length).then(|| (length, replacement.split('\0').next().unwrap_or("")))
    }
}

/// Turns text into the string that is segmented into pieces.
#[derive(Clone)]
pub(crate) struct Normalizer {
    rules: Option<Rules>,
    pub(crate) add_dummy_prefix: bool,
    pub(crate) remove_extra_whitespaces: bool,
    escape_whitespaces: bool,
    treat_whitespace_as_suffix: bool,
    /// User-defined symbols pass through untouched.
    protected: PrefixMatcher,
    /// `[b]`: before another ASCII character, the byte b passes through as it is, and is no space.
    plain: [bool; 256],
    /// Before another ASCII character, a space is only a space.
    is_space_plain: bool,
}

impl Normalizer {
    pub(crate) fn new(
        spec: &NormalizerSpec,
        treat_whitespace_as_suffix: bool,
        protected: PrefixMatcher,
    ) -> Result<Self, String> {
        let charsmap = spec.precompiled_charsmap();
        let rules = (!charsmap.is_empty()).then(|| Rules::new(charsmap)).transpose()?;
        let has_no_rule = |byte: usize| {
            protected.is_empty() && byte < 128 && rules.as_ref().is_none_or(|rules| !rules.ascii_rules[byte])
        };
        Ok(Self {
            plain: std::array::from_fn(|byte| byte != usize::from(b' ') && has_no_rule(byte)),
            is_space_plain: has_no_rule(usize::from(b' ')),
            rules,
            add_dummy_prefix: spec.add_dummy_prefix(),
            remove_extra_whitespaces: spec.remove_extra_whitespaces(),
            escape_whitespaces: spec.escape_whitespaces(),
            treat_whitespace_as_suffix,
            protected,
        })
    }

    fn space(&self) -> &'static str {
        if self.escape_whitespaces { SPACE_STR } else { " " }
    }

    /// The length in bytes of what `text` (not empty) starts with that is rewritten as one, and its
    /// rewriting.
    fn prefix<'a>(&'a self, text: &'a str) -> (usize, &'a str) {
        if let Some(length) = self.protected.longest_match(text) {
            return (length, &text[..length]);
        }
        if let Some(found) = self.rules.as_ref().and_then(|rules| rules.longest_match(text)) {
            return found;
        }
        let length = text.chars().next().map_or(0, char::len_utf8);
        (length, &text[..length])
    }

    /// Bytes at the start of `text` that no rule touches and that are not spaces.
    fn plain_ascii(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let length = bytes.iter().position(|&byte| !self.plain[usize::from(byte)]).unwrap_or(bytes.len());
        match bytes.get(length) {
            // Rules may join the last character with this one.
            Some(128..) => length.saturating_sub(1),
            _ => length,
        }
    }

    /// Whether `text` starts with a space that no rule touches.
    fn starts_with_plain_space(&self, text: &str) -> bool {
        self.is_space_plain && matches!(text.as_bytes(), [b' '] | [b' ', ..128, ..])
    }

    /// Normalises `text`.
    pub(crate) fn normalize(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 4 + SPACE_STR.len());
        self.write(text, &mut out, Origins(None));
        out
    }

    /// Normalises `text`, and says of each byte of the result where what it was made of begins in `text`; of the end of the
    /// result, where what was read ends.
    pub(crate) fn normalize_with_origins(&self, text: &str) -> (String, Vec<usize>) {
        let (mut out, mut origins) = (String::new(), Vec::new());
        self.write(text, &mut out, Origins(Some(&mut origins)));
        (out, origins)
    }

    fn write(&self, whole: &str, out: &mut String, mut origins: Origins<'_>) {
        let mut text = whole;
        if self.remove_extra_whitespaces {
            while !text.is_empty() {
                let (length, rewritten) = self.prefix(text);
                if rewritten != " " {
                    break;
                }
                text = &text[length..];
            }
        }
        if text.is_empty() {
            return origins.end(out.len(), whole.len());
        }
        let place = |text: &str| whole.len() - text.len();
        if self.add_dummy_prefix && !self.treat_whitespace_as_suffix {
            out.push_str(self.space());
            origins.one(out.len(), place(text));
        }
        let mut after_space = self.remove_extra_whitespaces;
        while !text.is_empty() {
            let plain = self.plain_ascii(text);
            if plain > 0 {
                out.push_str(&text[..plain]);
                origins.each(place(text), plain);
                text = &text[plain..];
                after_space = false;
                continue;
            }
            if self.starts_with_plain_space(text) {
                if !after_space {
                    out.push_str(self.space());
                    origins.one(out.len(), place(text));
                    after_space = self.remove_extra_whitespaces;
                }
                text = &text[1..];
                continue;
            }
            let (length, mut rewritten) = self.prefix(text);
            if after_space {
                rewritten = rewritten.trim_start_matches(' ');
            }
            if !rewritten.is_empty() {
                for part in rewritten.split_inclusive(' ') {
                    match part.strip_suffix(' ') {
                        Some(word) => {
                            out.push_str(word);
                            out.push_str(self.space());
                        }
                        None => out.push_str(part),
                    }
                }
                origins.one(out.len(), place(text));
                after_space = self.remove_extra_whitespaces && rewritten.ends_with(' ');
            }
            text = &text[length..];
        }
        let mut end = whole.len();
        if self.remove_extra_whitespaces {
            let length = out.trim_end_matches(self.space()).len();
            out.truncate(length);
            end = origins.cut(length).unwrap_or(end);
        }
        if self.add_dummy_prefix && self.treat_whitespace_as_suffix {
            out.push_str(self.space());
            origins.one(out.len(), end);
        }
        origins.end(out.len(), end);
    }
}

/// Where the bytes of a normalised text come from, if anyone asks.
struct Origins<'a>(Option<&'a mut Vec<usize>>);

impl Origins<'_> {
    /// The bytes up to `length` that have no origin yet are all made of what begins at `place`.
    fn one(&mut self, length: usize, place: usize) {
        if let Some(origins) = &mut self.0 {
            origins.resize(length, place);
        }
    }

    /// The next `count` bytes are those at `place`.
    fn each(&mut self, place: usize, count: usize) {
        if let Some(origins) = &mut self.0 {
            origins.extend(place..place + count);
        }
    }

    /// Forgets the bytes from `length`; the place of the first of them.
    fn cut(&mut self, length: usize) -> Option<usize> {
        let origins = self.0.as_mut()?;
        let first = origins.get(length).copied();
        origins.truncate(length);
        first
    }

    /// The text has `length` bytes, made of what ends at `place`.
    fn end(&mut self, length: usize, place: usize) {
        self.one(length + 1, place);
    }
}

/// Finds the longest of a set of strings at the start of a text.
#[derive(Clone, Default)]
pub(crate) struct PrefixMatcher {
    /// Sorted by first byte, then longest first.
    strings: Vec<String>,
    /// A bit for each byte that a string starts with.
    first_bytes: [u64; 4],
}

impl PrefixMatcher {
    pub(crate) fn new(mut strings: Vec<String>) -> Self {
        strings.retain(|s| !s.is_empty());
        strings.sort_by_key(|s| (s.as_bytes()[0], std::cmp::Reverse(s.len())));
        let mut first_bytes = [0; 4];
        for byte in strings.iter().map(|s| s.as_bytes()[0]) {
            first_bytes[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
        Self { strings, first_bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    fn starts_with(&self, byte: u8) -> bool {
        self.first_bytes[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    /// The length in bytes of the longest string that `text` starts with.
    pub(crate) fn longest_match(&self, text: &str) -> Option<usize> {
        let first = *text.as_bytes().first()?;
        if !self.starts_with(first) {
            return None;
        }
        let start = self.strings.partition_point(|s| s.as_bytes()[0] < first);
        let candidates = self.strings[start..].iter().take_while(|s| s.as_bytes()[0] == first);
        candidates.map(String::as_str).find(|s| text.starts_with(*s)).map(str::len)
    }

    /// The leftmost place in `text` where a string stands, and the length of the longest there.
    pub(crate) fn find(&self, text: &str) -> Option<(usize, usize)> {
        if self.is_empty() {
            return None;
        }
        // Strings begin with the first byte of a character, so a place that has it is between characters.
        let places = text.bytes().enumerate().filter(|&(_, byte)| self.starts_with(byte));
        places.map(|(at, _)| at).find_map(|at| Some((at, self.longest_match(&text[at..])?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::tokenizer::nfkc::{compile, nfkc_charsmap};

    static NFKC: LazyLock<Vec<u8>> = LazyLock::new(nfkc_charsmap);

    /// Rules that begin with ASCII, with a space, and that take characters after ASCII.
    static ODD: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let rules =
            [("a", "b"), ("bc", " "), (" \u{301}", "x"), ("c\u{301}", "  "), ("éa ", "é"), ("\t", " ")];
        compile(&BTreeMap::from(rules.map(|(key, replacement)| (key.into(), replacement.into()))))
    });

    fn normalizer(charsmap: &[u8], flags: [bool; 4], protected: &[&str]) -> Normalizer {
        let [prefix, remove_extra, escape, as_suffix] = flags;
        let spec = NormalizerSpec {
            precompiled_charsmap: Some(charsmap.to_vec()),
            add_dummy_prefix: Some(prefix),
            remove_extra_whitespaces: Some(remove_extra),
            escape_whitespaces: Some(escape),
            ..NormalizerSpec::default()
        };
        let protected = PrefixMatcher::new(protected.iter().map(|&text| text.into()).collect());
        Normalizer::new(&spec, as_suffix, protected).unwrap()
    }

    proptest! {
        /// What passes through as it is gives the text and the places that the rules give.
        #[test]
        fn shortcuts_change_nothing(
            text in "[abcdé日\t\n  \u{301}\u{3000}ﬁ]{0,24}",
            flags in any::<[bool; 4]>(),
            rules in 0..3usize,
            is_protected in any::<bool>(),
        ) {
            let charsmap: &[u8] = [&[], &**NFKC, &**ODD][rules];
            let fast = normalizer(charsmap, flags, if is_protected { &["d ", "cd"] } else { &[] });
            let by_rules = Normalizer { plain: [false; 256], is_space_plain: false, ..fast.clone() };
            let expected = by_rules.normalize_with_origins(&text);
            prop_assert_eq!(fast.normalize(&text), &*expected.0);
            prop_assert_eq!(fast.normalize_with_origins(&text), expected);
        }
    }
}
