//! Builds the NFKC rule table that a trained model carries, from the Unicode data.
//!
//! A table rewrites the longest key at each position, so it has three kinds of keys: single characters that NFKC
//! changes; sequences that compose to one character, in every canonically equivalent spelling that composes
//! step by step (`e` + circumflex + dot below, `ê` + dot below, ...); and Korean letters (jamo), which compose to
//! syllables. Runs of marks that do not compose to one character stay in the order they are written.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The table in SentencePiece's `precompiled_charsmap` format.
pub(crate) fn nfkc_charsmap() -> Vec<u8> {
    compile(&rules())
}

/// Every key with its replacement, in order.
fn rules() -> BTreeMap<String, String> {
    let mut rules = BTreeMap::new();
    for c in ('\u{1}'..=char::MAX).filter(|c| !c.is_ascii()) {
        let one = std::iter::once(c);
        let nfkc: String = one.clone().nfkc().collect();
        let decomposed: Vec<char> = one.nfd().collect();
        if decomposed.len() > 1 {
            for spelling in spellings(&decomposed) {
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

/// The ways of writing `decomposed` (a base and its marks) that are canonically equivalent to it.
fn spellings(decomposed: &[char]) -> Vec<String> {
    let (base, marks) = (decomposed[0], &decomposed[1..]);
    let mut out = Vec::new();
    for order in orders(marks) {
        // The first `composed` marks may already be part of the base character.
        for composed in 0..=order.len() {
            let head: String = std::iter::once(base).chain(order[..composed].iter().copied()).nfc().collect();
            if composed == 0 || head.chars().count() == 1 {
                out.push(head.chars().chain(order[composed..].iter().copied()).collect());
            }
        }
    }
    out
}

/// The orders of `marks` that canonical reordering makes equal: only marks of different non-zero classes swap.
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
fn compile(rules: &BTreeMap<String, String>) -> Vec<u8> {
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
