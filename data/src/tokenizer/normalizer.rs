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
}

impl Normalizer {
    pub(crate) fn new(
        spec: &NormalizerSpec,
        treat_whitespace_as_suffix: bool,
        protected: PrefixMatcher,
    ) -> Result<Self, String> {
        let charsmap = spec.precompiled_charsmap();
        Ok(Self {
            rules: (!charsmap.is_empty()).then(|| Rules::new(charsmap)).transpose()?,
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
        if !self.protected.is_empty() {
            return 0;
        }
        let bytes = text.as_bytes();
        let mut length = 0;
        while let Some(&byte) = bytes.get(length)
            && byte < 128
            && byte != b' '
            && self.rules.as_ref().is_none_or(|rules| !rules.ascii_rules[byte as usize])
            && bytes.get(length + 1).is_none_or(|next| *next < 128)
        {
            length += 1;
        }
        length
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
