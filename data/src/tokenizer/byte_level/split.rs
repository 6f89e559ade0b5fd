//! Pre-tokenisation, the cutting of text into words before merging: the patterns of GPT-2, SmolLM2 and Llama 3, written
//! by hand.
//!
//! Each follows a regular expression, alternative by alternative, so that nothing depends on an engine for them.
//! Letters are Unicode's general category L, numbers N, white space the property White_Space.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// A pre-tokenizer: the way text is cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreTokenizer {
    /// GPT-2's pattern: contractions, and runs of letters, of numbers or of others with the one space before them.
    Gpt2,
    /// SmolLM2's: each numeric character alone, GPT-2's pattern between them.
    Smollm,
    /// Llama 3's: numbers in threes, line ends with what stands before them, one other character with the letters after it.
    Llama3,
}

/// Llama 3's pattern, as files have it.
pub(super) const LLAMA3_PATTERN: &str = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

impl PreTokenizer {
    /// Gives the words of `text` one after another; together they are the text.
    pub(super) fn words<'a>(self, text: &'a str, give: &mut dyn FnMut(&'a str)) {
        match self {
            PreTokenizer::Gpt2 => scan(text, gpt2_word, give),
            PreTokenizer::Llama3 => scan(text, llama3_word, give),
            PreTokenizer::Smollm => {
                let mut rest = text;
                // The pattern's look-ahead does not see past a numeric character.
                while let Some((at, number)) = rest.char_indices().find(|(_, c)| c.is_numeric()) {
                    scan(&rest[..at], gpt2_word, give);
                    let (number, after) = rest[at..].split_at(number.len_utf8());
                    give(number);
                    rest = after;
                }
                scan(rest, gpt2_word, give);
            }
        }
    }
}

/// Gives words of the lengths that `word` finds.
fn scan<'a>(mut text: &'a str, word: fn(&str) -> usize, give: &mut dyn FnMut(&'a str)) {
    while !text.is_empty() {
        let (word, rest) = text.split_at(word(text));
        give(word);
        text = rest;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            ' ' | '\t'..='\r' => Class::Space,
            '\0'..='\x7F' => Class::Other,
            // Alphabetic characters are letters, and some marks, symbols and numbers.
            c if c.is_alphabetic() && c.general_category_group() == GeneralCategoryGroup::Letter => {
                Class::Letter
            }
            c if c.is_numeric() => Class::Number,
            c if c.is_whitespace() => Class::Space,
            _ => Class::Other,
        }
    }
}

/// The class of the first character.
fn first_class(text: &str) -> Option<Class> {
    text.chars().next().map(Class::of)
}

/// The length in bytes of the run of `class` at the start.
fn run(text: &str, class: Class) -> usize {
    text.char_indices().find(|&(_, c)| Class::of(c) != class).map_or(text.len(), |(at, _)| at)
}

/// `\s+(?!\S)|\s+` at a white-space character: white space without the last of it, which belongs to the word after it.
fn spaces(text: &str) -> usize {
    let end = run(text, Class::Space);
    if end == text.len() {
        return end;
    }
    let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
    if last < end { end - last } else { end }
}

/// `'s|'t|'re|'ve|'m|'ll|'d|' ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
fn gpt2_word(text: &str) -> usize {
    const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    if let Some(contraction) = CONTRACTIONS.iter().find(|contraction| text.starts_with(*contraction)) {
        return contraction.len();
    }
    let space = usize::from(text.starts_with(' '));
    match first_class(&text[space..]) {
        Some(class) if class != Class::Space => space + run(&text[space..], class),
        _ => spaces(text),
    }
}

/// [`LLAMA3_PATTERN`].
fn llama3_word(text: &str) -> usize {
    if let Some(length) = contraction_of_any_case(text) {
        return length;
    }
    let Some(first) = text.chars().next() else { return 0 };
    let class = Class::of(first);
    let lead = match class {
        Class::Letter => Some(0),
        Class::Space | Class::Other if !matches!(first, '\r' | '\n') => Some(first.len_utf8()),
        _ => None,
    };
    if let Some(lead) = lead
        && first_class(&text[lead..]) == Some(Class::Letter)
    {
        return lead + run(&text[lead..], Class::Letter);
    }
    if class == Class::Number {
        let numbers = &text[..run(text, Class::Number)];
        return numbers.char_indices().nth(3).map_or(numbers.len(), |(at, _)| at);
    }
    let space = usize::from(first == ' ');
    if first_class(&text[space..]) == Some(Class::Other) {
        let end = space + run(&text[space..], Class::Other);
        let lines = text[end..].find(|c| !matches!(c, '\r' | '\n'));
        return lines.map_or(text.len(), |lines| end + lines);
    }
    match text[..run(text, Class::Space)].rfind(['\r', '\n']) {
        Some(line_end) => line_end + 1,
        None => spaces(text),
    }
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`: by Unicode's simple case folding, ſ is an s too.
fn contraction_of_any_case(text: &str) -> Option<usize> {
    let mut characters = text.strip_prefix('\'')?.chars();
    let first = characters.next()?;
    match (first.to_ascii_lowercase(), characters.next().map(|c| c.to_ascii_lowercase())) {
        ('s' | 't' | 'm' | 'd' | 'ſ', _) => Some(1 + first.len_utf8()),
        ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pre_tokenizer: PreTokenizer, text: &str) -> Vec<&str> {
        let mut words = Vec::new();
        pre_tokenizer.words(text, &mut |word| words.push(word));
        words
    }

    #[track_caller]
    fn check(pre_tokenizer: PreTokenizer, text: &str, expected: &[&str]) {
        assert_eq!(words(pre_tokenizer, text), expected, "{text:?}");
    }

    #[test]
    fn gpt2() {
        let check = |text, expected: &[&str]| check(PreTokenizer::Gpt2, text, expected);
        check("", &[]);
        check("I'll say it's 42ml, 'tis", &["I", "'ll", " say", " it", "'s", " 42", "ml", ",", " '", "tis"]);
        check("IT'S", &["IT", "'", "S"]);
        check("a  b\n\nc \n", &["a", " ", " b", "\n", "\n", "c", " \n"]);
        check(" \u{a0}x\ty", &[" ", "\u{a0}", "x", "\t", "y"]);
        check("naïve日本 ½²e\u{301}🙂!", &["naïve日本", " ½²", "e", "\u{301}🙂!"]);
    }

    #[test]
    fn smollm() {
        let check = |text, expected: &[&str]| check(PreTokenizer::Smollm, text, expected);
        check("in 1984, 5", &["in", " ", "1", "9", "8", "4", ",", " ", "5"]);
        check("\n\n1 a  2", &["\n\n", "1", " a", "  ", "2"]);
        check(" ½Ⅷ", &[" ", "½", "Ⅷ"]);
    }

    #[test]
    fn llama3() {
        let check = |text, expected: &[&str]| check(PreTokenizer::Llama3, text, expected);
        check("It's IT'S 'Tis we'Ve 'ſt", &["It", "'s", " IT", "'S", " '", "Tis", " we", "'Ve", " '", "ſt"]);
        check("12345 6", &["123", "45", " ", "6"]);
        check("(a).\r\n\r\nb", &["(a", ").\r\n\r\n", "b"]);
        check("a \n \n  b", &["a", " \n \n", " ", " b"]);
        check("a\n\n", &["a", "\n\n"]);
        check("x\t\ty  ", &["x", "\t", "\ty", "  "]);
        check("!!\n??", &["!!\n", "??"]);
    }
}
