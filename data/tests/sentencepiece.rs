//! Conformance: the same ids and texts as the SentencePiece library gives, recorded under its version 0.2.3.

mod random;

use std::io::BufReader;
use std::path::{Path, PathBuf};

use data::Tokenizer;
use random::Random;
use sha2::{Digest, Sha256};

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

/// Words of 1 to 20 letters, as `unigram/record.py` makes them.
fn words(count: usize) -> String {
    let mut random = Random(0);
    let mut word = || -> String {
        let length = 1 + random.below(20);
        (0..length).map(|_| char::from(b"aaabbbccdde"[random.below(11)])).collect()
    };
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
}

/// Which of two paths of nearly the same score is taken depends on how sums are rounded, the more the longer a document is.
#[test]
fn unigram_sums_over_a_long_document_are_the_librarys() {
    let sha256 =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let recorded: serde_json::Value = serde_json::from_str(include_str!("unigram/long.json")).unwrap();
    let text = words(recorded["words"].as_u64().unwrap() as usize);
    assert_eq!(
        sha256(text.as_bytes()),
        recorded["text_sha256"],
        "the document is another than the recorded one"
    );
    assert!(text.len() > 100_000);

    let model = include_bytes!("unigram/small.model");
    let ids = Tokenizer::from_bytes(model.to_vec(), "small.model").unwrap().encode(&text);
    for (sums, parting) in recorded["partings"].as_object().unwrap() {
        let at = parting["at"].as_u64().unwrap() as usize;
        let numbers = |of: &str| -> Vec<u32> { serde_json::from_value(parting[of].clone()).unwrap() };
        let (library, other) = (numbers("library"), numbers("other"));
        let ours = &ids[at..at + library.len()];
        assert_ne!(ours, other, "from id {at} on, these are the ids of sums in {sums}");
        assert_eq!(ours, library, "from id {at} on");
    }
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    assert_eq!(ids.len() as u64, recorded["ids"]);
    assert_eq!(sha256(&bytes), recorded["ids_sha256"]);
}
