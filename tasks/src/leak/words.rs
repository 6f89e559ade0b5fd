//! What a word is, for comparing texts.

/// What a word is, in one line, for reports.
pub const NORMALISATION: &str = "text is cut at white space; of each part letters and digits (Unicode's Alphabetic and N) are kept, \
                                 in lower case; parts without any are left out";

/// Gives the words of a text by the rule of [`NORMALISATION`].
pub(super) fn each(text: &str, mut word: impl FnMut(&str)) {
    let mut buffer = String::new();
    for part in text.split_whitespace() {
        buffer.clear();
        buffer.extend(part.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase));
        if !buffer.is_empty() {
            word(&buffer);
        }
    }
}
