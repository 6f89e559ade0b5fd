//! Builds the NFKC rule table that a trained model carries, from the Unicode data.
//!
//! A table rewrites the longest key at each position, so it has three kinds of keys: single characters that
//! NFKC changes; sequences that compose to one character, in their equivalent spellings (`e` + circumflex +
//! dot below, `ê` + dot below, ...), also with compatibility variants of the first and last character
//! (half-width `ｶ` + `ﾞ`); and Korean letters (jamo), which compose to syllables. Runs of marks that do not
//! compose to one character stay as they are written.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

/// The table in SentencePiece's `precompiled_charsmap` format.
pub(crate) fn nfkc_charsmap() -> Vec<u8> {
    static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| compile(&rules()));
    TABLE.clone()
}

/// Every key with its replacement, in order.
fn rules() -> BTreeMap<String, String> {
    let variants = compatibility_variants();
    let mut rules = BTreeMap::new();
    for c in decomposable() {
        let one = std::iter::once(c);
        let nfkc: String = one.clone().nfkc().collect();
        let decomposed: Vec<char> = one.nfd().collect();
        if decomposed.len() > 1 {
            for spelling in spellings(&decomposed, &variants) {
                rules.insert(spelling, nfkc.clone());
            }
        }
        let c = c.to_string();
        if c != nfkc {
            rules.insert(c, nfkc);
        }
    }
    rules.retain(|key, replacement| key != replacement);
    rules
}

/// The characters that have a decomposition, canonical or not: NFKC leaves each other one, alone, as it is.
fn decomposable() -> impl Iterator<Item = char> {
    ('\u{80}'..=char::MAX).filter(|&c| {
        let mut same = true;
        decompose_compatible(c, |part| same &= part == c);
        !same
    })
}

/// For a character, the others that NFKC turns into it alone: full-width, half-width, mathematical letters
/// and so on.
///
/// Korean letters are left out: their variants would make the table four times as large for spellings nobody
/// types.
fn compatibility_variants() -> BTreeMap<char, Vec<char>> {
    let mut variants: BTreeMap<char, Vec<char>> = BTreeMap::new();
    for c in decomposable().filter(|&c| std::iter::once(c).nfd().eq([c])) {
        let mut nfkc = std::iter::once(c).nfkc();
        if let (Some(normal), None) = (nfkc.next(), nfkc.next())
            && normal != c
            && !is_jamo(normal)
        {
            variants.entry(normal).or_default().push(c);
        }
    }
    variants
}

/// Korean letters that compose to syllables.
fn is_jamo(c: char) -> bool {
    ('\u{1100}'..='\u{11FF}').contains(&c)
}

/// The ways of writing `decomposed` (a base and its marks) that NFKC makes equal to it.
fn spellings(decomposed: &[char], variants: &BTreeMap<char, Vec<char>>) -> Vec<String> {
    let (base, marks) = (decomposed[0], &decomposed[1..]);
    let mut out = Vec::new();
    for order in orders(marks) {
        // The first `composed` marks may already be part of the base character.
        for composed in 0..=order.len() {
            let head: String = std::iter::once(base).chain(order[..composed].iter().copied()).nfc().collect();
            if composed == 0 || head.chars().count() == 1 {
                let rest = order[composed..].iter().copied();
                with_variants(&head.chars().chain(rest).collect::<Vec<char>>(), variants, &mut out);
            }
        }
    }
    out
}

/// `text`, and what it becomes when variants stand for its characters, two at most.
fn with_variants(text: &[char], variants: &BTreeMap<char, Vec<char>>, out: &mut Vec<String>) {
    let choices = |c: char| std::iter::once(c).chain(variants.get(&c).into_iter().flatten().copied());
    let Some((&last, front)) = text.split_last() else { return };
    let Some((&first, middle)) = front.split_first() else { return out.push(last.into()) };
    for first in choices(first) {
        for last in choices(last) {
            out.push([&[first][..], middle, &[last]].into_iter().flatten().collect());
        }
    }
}

/// The orders of `marks` that canonical reordering makes equal: only marks of different non-zero classes
/// swap.
fn orders(marks: &[char]) -> Vec<Vec<char>> {
    if marks.len() < 2 {
        return vec![marks.to_vec()];
    }
    let mut out = Vec::new();
    for (i, &mark) in marks.iter().enumerate() {
        let class = canonical_combining_class(mark);
        let may_lead = marks[..i].iter().all(|&before| {
            let other = canonical_combining_class(before);
            class != 0 && other != 0 && class != other
        });
        if may_lead {
            let mut rest = marks.to_vec();
            rest.remove(i);
            for mut order in orders(&rest) {
                order.insert(0, mark);
                out.push(order);
            }
        }
    }
    out
}

/// Compiles rules to the trie and the replacements; see [`super::normalizer`] for the layout.
pub(super) fn compile(rules: &BTreeMap<String, String>) -> Vec<u8> {
    let mut replacements = Vec::new();
    let mut offsets: BTreeMap<&str, u32> = BTreeMap::new();
    let mut keys: Vec<(&[u8], u32)> = Vec::with_capacity(rules.len());
    for (key, replacement) in rules {
        let offset = *offsets.entry(replacement).or_insert_with(|| {
            let offset = u32::try_from(replacements.len()).expect("a table of a few hundred kilobytes");
            replacements.extend_from_slice(replacement.as_bytes());
            replacements.push(0);
            offset
        });
        keys.push((key.as_bytes(), offset));
    }
    // Keys are sorted, unique and free of zero bytes, which is all the builder asks.
    let trie = yada::builder::DoubleArrayBuilder::build(&keys).expect("sorted unique keys");
    let size = u32::try_from(trie.len()).expect("a trie of a few hundred kilobytes");
    [&size.to_le_bytes()[..], &trie, &replacements].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokenizer::normalizer::{Normalizer, PrefixMatcher};
    use crate::tokenizer::proto::NormalizerSpec;

    static NORMALIZER: LazyLock<Normalizer> = LazyLock::new(|| {
        let spec = NormalizerSpec {
            precompiled_charsmap: Some(nfkc_charsmap()),
            add_dummy_prefix: Some(false),
            remove_extra_whitespaces: Some(false),
            escape_whitespaces: Some(false),
            ..NormalizerSpec::default()
        };
        Normalizer::new(&spec, false, PrefixMatcher::default()).unwrap()
    });

    fn check(text: &str) {
        assert_eq!(NORMALIZER.normalize(text), text.nfkc().collect::<String>(), "{text:?}");
    }

    #[test]
    fn every_character_alone_is_its_nfkc() {
        for c in ('\0'..=char::MAX).map(String::from) {
            assert_eq!(NORMALIZER.normalize(&c), c.nfkc().collect::<String>(), "{c:?}");
        }
    }

    #[test]
    fn sequences_compose() {
        check("e\u{302}\u{323} e\u{323}\u{302} \u{EA}\u{323} \u{1EB9}\u{302}");
        check("\u{FF76}\u{FF9E}\u{FF8A}\u{FF9F} \u{30CF}\u{FF9F} \u{FF45}\u{301}");
        check("\u{1112}\u{1161}\u{11AB} \u{AC00}\u{11A8} \u{1100}\u{1161}");
        check("\u{FB01}ne \u{2460} \u{3000}\u{A0}| \u{2126} \u{1D538}");
    }

    proptest! {
        /// Whatever composes to one character does so, whether the text comes composed or decomposed.
        #[test]
        fn decomposed_text_composes(text in proptest::collection::vec(any::<char>(), 0..20)) {
            let composed: String = text.into_iter().nfc().filter(|&c| canonical_combining_class(c) == 0).collect();
            let expected: String = composed.nfkc().collect();
                prop_assert_eq!(NORMALIZER.normalize(&composed), &*expected);
            let decomposed: String = composed.nfd().collect();
            prop_assert_eq!(NORMALIZER.normalize(&decomposed), expected);
        }
    }
}
