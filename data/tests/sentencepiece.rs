//! Conformance: the same ids and texts as the SentencePiece library gives, recorded under its version 0.2.3.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use data::Tokenizer;

/// The reference files, which are not part of the repository.
fn reference() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/sentencepiece");
    if !folder.is_dir() {
        println!("skipped: no reference files at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn read_xz(path: &Path) -> String {
    let mut bytes = Vec::new();
    let mut file = BufReader::new(std::fs::File::open(path).unwrap());
    lzma_rs::xz_decompress(&mut file, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Every recorded text under one model: ids, and the text that comes back.
fn check(model: &str) {
    let Some(folder) = reference() else { return };
    let tokenizer = Tokenizer::load(&folder.join(model)).unwrap();
    let mut texts = 0;
    for line in read_xz(&folder.join("expected/encode.jsonl.xz")).lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case[model]["ids"].clone()).unwrap();
        let ids = tokenizer.encode(text);
        assert_eq!(ids, expected, "{model}: {text:?}");
        assert_eq!(
            tokenizer.decode(&ids).unwrap(),
            case[model]["decoded"].as_str().unwrap(),
            "{model}: {text:?}"
        );
        texts += 1;
    }
    assert!(texts > 50, "only {texts} texts");
    println!("{model}: {texts} texts");
}

#[test]
fn bpe_with_byte_fallback_and_nmt_nfkc() {
    check("botchan_bpe1000_bytefallback.model");
}

#[test]
fn bpe_with_32000_pieces() {
    check("mistral_tokenizer.model.v1");
}

#[test]
fn unigram_with_nfkc() {
    check("test_model.model");
}
