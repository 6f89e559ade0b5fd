//! What the paper leaves open, and how each rule set reads it: for receipts and files of statistics. `docs/massivetext.md` has
//! the same as a table.

use std::collections::BTreeMap;

use crate::statistics::RuleSet;

/// The choices of a rule set, by what is chosen.
pub fn of(set: RuleSet) -> BTreeMap<String, String> {
    let choices: &[(&str, &str)] = match set {
        RuleSet::Paper => &[
            ("word", "between whitespace (Unicode White_Space and U+001C to U+001F)"),
            ("word_length", "code points, mean over all words"),
            ("symbols", "characters #; ... without overlap and U+2026; each ratio on its own"),
            ("line", "between newlines, without whitespace at its ends; blank ones are none"),
            (
                "bullet",
                "the line begins with a character that one of the public rule sets takes for a bullet, or * - –",
            ),
            ("ellipsis_line", "the line ends with ... or U+2026"),
            ("alphabetic", "a character of general category L"),
            ("stop_words", "distinct ones, in any case, without ASCII punctuation at their ends"),
            ("paragraph", "lines between blank ones"),
            (
                "duplicate",
                "what occurs more than once, every occurrence, for lines, paragraphs and n-grams alike",
            ),
            ("characters", "code points inside words, each counted once, over those of the document"),
            ("top_n_gram", "occurs at least twice; of several, the one that covers most"),
            ("case", "as it is written"),
        ],
        RuleSet::DatatroveWs => &[
            ("word", "between whitespace, where datatrove has spaCy's tokens"),
            ("duplicate", "copies after the first; n-grams joined without separator, going on behind a copy"),
            ("characters", "all code points of the document"),
            (
                "top_n_gram",
                "words with single spaces, times its count; may occur once; of several, the first",
            ),
            ("source", "huggingface/datatrove a649de79"),
        ],
        RuleSet::Dolma => &[
            ("word_length", "median"),
            ("symbols", "words with # or U+2026"),
            ("duplicate", "every occurrence; overlapping n-grams count more than once"),
            ("characters", "inside words; of n-grams, those of all n-grams; lines with their spaces"),
            ("thresholds", "the paper's: dolma's attributes have none"),
            ("source", "allenai/dolma 669f5348, gopher_v1"),
        ],
        RuleSet::Dclm => &[
            (
                "word",
                "fastText's tokens for their number, between whitespace for lengths, UAX 29 for n-grams",
            ),
            ("duplicate", "every occurrence, no word twice"),
            ("top_n_gram", "times its count, overlaps too; of several, the longest"),
            ("source", "mlfoundations/dclm 361714bd, dclm_baseline_refinedweb.yaml"),
        ],
        RuleSet::Rpv2 => &[
            ("word", "without ASCII punctuation, in lower case, NFD"),
            ("duplicate", "every occurrence, no word twice"),
            ("thresholds", "the paper's: RedPajama-v2's signals have none"),
            ("source", "togethercomputer/RedPajama-Data 6d2cee9d"),
        ],
        RuleSet::Curator => &[
            ("line", "a line that is not blank, where Curator says sentence"),
            ("duplicate", "copies after the first"),
            (
                "top_n_gram",
                "what the text loses without it; of several, the first, where Curator's is by chance",
            ),
            ("source", "NVIDIA-NeMo/Curator 1e2e4275, heuristic_filter_english_pipeline.yaml"),
        ],
    };
    choices.iter().map(|(what, how)| ((*what).to_owned(), (*how).to_owned())).collect()
}
