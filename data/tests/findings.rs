//! What is noticed while text is read: bad records, and text that is hardly meant to be trained on.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use data::{
    BadRecords, CacheOutcome, Corpus, CorpusConfig, Document, InvalidUtf8, ReadConfig, TokenCache, Tokenizer,
    TokenizerConfig,
};
use tempfile::TempDir;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let text = "one two three four five six seven eight nine ten\n".repeat(9);
    let config = TokenizerConfig { vocabulary_size: 290, ..TokenizerConfig::default() };
    Tokenizer::train([Ok(Document { name: "numbers".into(), text })], &config).unwrap()
});

fn settings() -> ReadConfig {
    ReadConfig { bad_records: BadRecords::Skip, invalid_utf8: InvalidUtf8::Replace, ..ReadConfig::default() }
}

/// The notes on `files`, without the name of their folder: the same when the tokens come from the cache.
fn notes(files: &[(&str, Vec<u8>)]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    paths.iter().zip(files).for_each(|(path, (_, bytes))| fs::write(path, bytes).unwrap());
    let cache = TokenCache { folder: folder.path().join("cache"), most_bytes: u64::MAX };
    let read = || {
        let config = CorpusConfig::default();
        Corpus::from_files(&paths, &settings(), &TOKENIZER, &config, Some(&cache)).unwrap()
    };
    let (made, known) = (read(), read());
    assert_eq!((&made.cache, &known.cache), (&CacheOutcome::Written, &CacheOutcome::Hit));
    assert_eq!(made.findings, known.findings);
    let root = format!("{}/", folder.path().display());
    made.findings.notes(&paths).into_iter().map(|note| note.replace(&root, "")).collect()
}

fn good() -> (&'static str, Vec<u8>) {
    ("good.txt", b"one two three\n".repeat(100))
}

#[test]
fn bad_records_are_counted_and_the_first_are_named() {
    let lines = b"{\"text\": null}\n{\"text\": \"one\"}\n{\"id\": 3}\n";
    assert_eq!(
        notes(&[good(), ("a.jsonl", lines.to_vec())]),
        ["passed over 2 bad records: a.jsonl:1: field \"text\" is not a string but null; \
          a.jsonl:3: no field \"text\" (it has \"id\"); set text_field"]
    );
    let many = [&lines[..], &b"7\n".repeat(1000)].concat();
    let shown = notes(&[("a.jsonl", lines.to_vec()), ("b.jsonl", many)]);
    assert!(shown[0].starts_with("passed over 1004 bad records: a.jsonl:1: "), "{}", shown[0]);
    assert!(shown[0].contains("; b.jsonl:1: "), "{}", shown[0]);
    assert!(shown[0].ends_with("; and 1001 more"), "{}", shown[0]);
}

#[test]
fn when_all_records_are_bad_there_is_no_text() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.jsonl");
    fs::write(&path, "{\"body\": \"x\"}\n").unwrap();
    let config = CorpusConfig::default();
    let error = Corpus::from_files(&[path], &settings(), &TOKENIZER, &config, None).unwrap_err().to_string();
    assert!(error.contains("no text found in "), "{error}");
    assert!(error.contains("a.jsonl:1: no field \"text\" (it has \"body\"); set text_field"), "{error}");
}

#[test]
fn improbable_text_is_named() {
    let check = |name: &'static str, bytes: Vec<u8>, expected: &str| {
        let shown = notes(&[good(), (name, bytes)]);
        assert_eq!(shown.len(), 1, "{name}: {shown:?}");
        let expected = format!("warning: {name} is trained on as it is, but {expected}");
        assert!(shown[0].starts_with(&expected), "{name}: {}", shown[0]);
    };
    let text = "one two three\n".repeat(20);
    let utf16 = "50% of its bytes are zero, as in UTF-16 without a byte order mark; convert it to UTF-8";
    check("le.txt", text.encode_utf16().flat_map(u16::to_le_bytes).collect(), utf16);
    check("be.md", text.encode_utf16().flat_map(u16::to_be_bytes).collect(), utf16);
    let utf32 = text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    check("utf32.txt", utf32, "75% of its bytes are zero");
    let hole = [text.as_bytes(), &[0; 4096], text.as_bytes()].concat();
    check("hole.txt", hole, "it has 4096 zero bytes in a row");
    check("binary.txt", b"\x01\x02text\x03\x04\x05".repeat(9), "55% of its bytes are control characters");
    check("latin1.txt", b"\xe9t\xe9, \xe9t\xe9 ".repeat(9), "44% of it could not be decoded (U+FFFD)");
    let escaped = "{\"text\": \"o\\u0000n\\u0000e\\u0000\"}\n".repeat(5).into_bytes();
    check("lines.jsonl", escaped, utf16);
}

#[test]
fn text_is_not_improbable() {
    let colours = "\u{1b}[31mred\u{1b}[0m\tand \u{c}a page\r\n".repeat(9);
    let quoted = format!("{}a stray \u{fffd} and a \0", "much text ".repeat(100));
    let files = [
        good(),
        ("colours.txt", colours.into_bytes()),
        ("quoted.txt", quoted.into_bytes()),
        ("japanese.txt", "日本語のテキスト\n".repeat(9).into_bytes()),
    ];
    assert_eq!(notes(&files), [""; 0]);
}
