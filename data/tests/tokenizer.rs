//! The tokenizer trained here: its laws, its file, and the errors.

use std::sync::LazyLock;

use data::{Document, Error, Result, Tokenizer, TokenizerConfig};
use proptest::prelude::*;

const STORY: &str = "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my \
    purse, and nothing particular to interest me on shore, I thought I would sail about a little and see the watery \
    part of the world.\n\n    It is a way I have of driving off the spleen, and regulating the circulation.\n\
    Naïve café; 1,234 whales in 1851: ﬁne!\n日本の鯨、クジラ。";

fn documents(text: &str) -> Vec<Result<Document>> {
    vec![Ok(Document { name: "story".into(), text: text.into() })]
}

fn config(vocabulary_size: usize) -> TokenizerConfig {
    TokenizerConfig { vocabulary_size, character_coverage: 1.0, ..TokenizerConfig::default() }
}

static TOKENIZER: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::train(documents(&STORY.repeat(3)), &config(400)).unwrap());

/// The pieces `text` is cut into.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let ids = TOKENIZER.encode(text);
    let pieces: Vec<&str> = ids.iter().map(|&id| TOKENIZER.piece(id).unwrap()).collect();
    assert_eq!(pieces, expected);
}

fn error(result: Result<Tokenizer>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn the_first_pieces_are_the_special_ones_and_the_bytes() {
    let pieces: Vec<&str> = (0..259).map(|id| TOKENIZER.piece(id).unwrap()).collect();
    assert_eq!(pieces[..4], ["<unk>", "<s>", "</s>", "<0x00>"]);
    assert_eq!(pieces[258], "<0xFF>");
    assert_eq!(
        (TOKENIZER.unknown(), TOKENIZER.begin_of_text(), TOKENIZER.end_of_text()),
        (Some(0), Some(1), Some(2))
    );
    assert_eq!((TOKENIZER.vocabulary_size(), TOKENIZER.piece(400)), (400, None));
    assert_eq!(TOKENIZER.id("</s>"), Some(2));
}

#[test]
fn text_is_cut_into_pieces() {
    check("", &[]);
    check(" ", &["▁", "▁"]);
    check("the world", &["▁the", "▁wo", "r", "ld"]);
    // NFKC first; characters never seen become their bytes.
    check("ﬁ é", &["▁f", "i", "▁", "é"]);
    check("e\u{301}", &["▁", "é"]);
    check("Ω", &["▁", "<0xCE>", "<0xA9>"]);
    // Names of special pieces in text are only text.
    check("</s>", &["▁", "<0x3C>", "<0x2F>", "s", "<0x3E>"]);
}

#[test]
fn pieces_do_not_cross_words_or_scripts() {
    for id in 259..400 {
        let piece = TOKENIZER.piece(id).unwrap();
        assert!(!piece.trim_start_matches('▁').contains('▁') && !piece.starts_with("▁▁"), "{piece:?}");
        let has = |test: fn(char) -> bool| piece.chars().any(test);
        let digits_or_marks = has(|c| c.is_ascii_digit() || c.is_ascii_punctuation() || c == '\n');
        assert!(!(digits_or_marks && has(char::is_alphabetic)), "{piece:?}");
        assert!(piece.chars().count() <= 16, "{piece:?}");
    }
}

#[test]
fn training_is_deterministic_and_order_of_documents_does_not_matter() {
    let parts = |order: [usize; 3]| {
        let lines: Vec<&str> = STORY.split('\n').filter(|line| !line.is_empty()).collect();
        let documents = order.map(|i| documents(lines[i]).remove(0));
        Tokenizer::train(documents, &config(330)).unwrap().fingerprint()
    };
    assert_eq!(parts([0, 1, 2]), parts([0, 1, 2]));
    assert_eq!(parts([0, 1, 2]), parts([2, 0, 1]));
}

/// In "▁aaabdaaabac" the most frequent pair makes "aa" (4 times), which leaves "ab" and "aaa" twice: of
/// equals the shorter comes first, and of equally long ones the alphabetically first.
#[test]
fn merges_are_the_most_frequent_pairs_in_order() {
    let tokenizer = Tokenizer::train(documents("aaabdaaabac"), &config(259 + 4 + 1 + 5)).unwrap();
    let merges: Vec<&str> = (259..264).map(|id| tokenizer.piece(id).unwrap()).collect();
    assert_eq!(merges, ["aa", "ab", "aaab", "ac", "aaabd"]);
}

#[test]
fn rare_characters_are_left_to_bytes() {
    let text = format!("{}Ω", "abcd ".repeat(1000));
    let tokenizer =
        Tokenizer::train(documents(&text), &TokenizerConfig { vocabulary_size: 267, ..config(0) }).unwrap();
    assert!(tokenizer.id("Ω").is_some());
    let covering = TokenizerConfig { vocabulary_size: 267, ..TokenizerConfig::default() };
    let tokenizer = Tokenizer::train(documents(&text), &covering).unwrap();
    assert_eq!(tokenizer.id("Ω"), None);
    assert_eq!(tokenizer.decode(&tokenizer.encode("abcΩ")).unwrap(), "abcΩ");
}

#[test]
fn extra_spaces_are_kept_or_removed() {
    let text = "  a  b \n c ";
    let round_trip = |remove_extra_whitespaces| {
        let config = TokenizerConfig { remove_extra_whitespaces, ..config(330) };
        let tokenizer = Tokenizer::train(documents(STORY), &config).unwrap();
        tokenizer.decode(&tokenizer.encode(text)).unwrap()
    };
    assert_eq!(round_trip(false), text);
    assert_eq!(round_trip(true), "a b \n c");
}

#[test]
fn the_vocabulary_has_bounds() {
    let characters: std::collections::BTreeSet<char> = TOKENIZER.normalize(STORY).chars().collect();
    let minimum = 259 + characters.len();
    assert_eq!(
        error(Tokenizer::train(documents(STORY), &config(minimum - 1))),
        format!(
            "vocabulary_size = {} is too small: 3 special pieces, 256 bytes and {} characters of this text need at \
             least {minimum}; --set model.vocabulary_size={minimum} or more, or lower character_coverage",
            minimum - 1,
            characters.len()
        )
    );
    assert_eq!(Tokenizer::train(documents(STORY), &config(minimum)).unwrap().vocabulary_size(), minimum);
    let Err(Error::VocabularyTooLarge { maximum, requested: 9999 }) =
        Tokenizer::train(documents(STORY), &config(9999))
    else {
        panic!("9999 pieces out of {} bytes", STORY.len())
    };
    assert_eq!(Tokenizer::train(documents(STORY), &config(maximum)).unwrap().vocabulary_size(), maximum);
    assert!(Tokenizer::train(documents(STORY), &config(maximum + 1)).is_err());
}

#[test]
fn bad_settings_and_texts_are_refused() {
    let train = |text, config| error(Tokenizer::train(documents(text), &config));
    let with = |character_coverage, max_piece_length| TokenizerConfig {
        character_coverage,
        max_piece_length,
        ..TokenizerConfig::default()
    };
    assert_eq!(
        train(STORY, with(0.0, 16)),
        "tokenizer setting character_coverage = 0: must be above 0 and at most 1"
    );
    assert!(train(STORY, with(f64::NAN, 16)).contains("character_coverage = NaN"));
    assert_eq!(
        train(STORY, with(1.0, 1)),
        "tokenizer setting max_piece_length = 1: must be between 2 and 512"
    );
    assert_eq!(
        train(" \n ", config(300)),
        "no text found in the given documents: a tokenizer cannot be trained on nothing"
    );
    let failing = [Err(Error::Missing { path: "gone.txt".into() })];
    assert_eq!(error(Tokenizer::train(failing, &config(300))), "gone.txt: no such file or folder");
    assert!(toml::from_str::<TokenizerConfig>("vocab = 3").is_err());
}

#[test]
fn the_file_comes_back_and_damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.model");
    std::fs::write(&path, TOKENIZER.to_bytes()).unwrap();
    let loaded = Tokenizer::load(&path).unwrap();
    assert_eq!(
        (loaded.fingerprint(), loaded.encode(STORY)),
        (TOKENIZER.fingerprint(), TOKENIZER.encode(STORY))
    );

    let bytes = TOKENIZER.to_bytes();
    for length in (0..bytes.len()).step_by(101).chain(bytes.len() - 40..bytes.len()) {
        let message = error(Tokenizer::from_bytes(bytes[..length].to_vec(), "cut.model"));
        assert!(
            message.starts_with("cut.model: not a SentencePiece model, or a truncated one ("),
            "cut at {length}: {message}"
        );
    }
    let text = error(Tokenizer::from_bytes(STORY.into(), "story.txt"));
    assert!(text.starts_with("story.txt: not a SentencePiece model"), "{text}");
    assert_eq!(error(Tokenizer::load("no.model".as_ref())), "no.model: no such file or folder");
}

/// A model file of pieces (text, kind) and a model type, as SentencePiece's format has them.
fn model(pieces: &[(&str, u8)], model_type: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for (text, kind) in pieces {
        let body = [&[0x0A, text.len() as u8], text.as_bytes(), &[0x18, *kind]].concat();
        out.extend([&[0x0A, body.len() as u8][..], &body].concat());
    }
    out.extend([0x12, 2, 0x18, model_type, 0x1A, 0]);
    out
}

#[test]
fn inconsistent_and_unsupported_models_are_named() {
    let load =
        |pieces: &[(&str, u8)], model_type| error(Tokenizer::from_bytes(model(pieces, model_type), "m"));
    let bad = |detail: &str| format!("m: not a SentencePiece model, or a truncated one ({detail})");
    let unsupported = |detail: &str| {
        format!("m: unsupported SentencePiece model: {detail}; supported are BPE and unigram models")
    };
    assert!(Tokenizer::from_bytes(model(&[("<unk>", 2), ("a", 1)], 2), "m").is_ok());
    assert_eq!(load(&[("a", 1)], 2), bad("no piece of kind unknown"));
    assert_eq!(load(&[("<unk>", 2), ("a", 1), ("a", 1)], 2), bad("the piece \"a\" appears twice"));
    assert_eq!(load(&[("<unk>", 2), ("", 1)], 2), bad("piece 1 is empty"));
    assert_eq!(load(&[("<unk>", 2), ("a", 6)], 2), bad("piece 1 is of kind byte but named \"a\""));
    assert_eq!(load(&[("<unk>", 2), ("a", 9)], 2), bad("piece 1 is of unknown kind 9"));
    assert_eq!(load(&[("<unk>", 2), ("a", 1)], 3), unsupported("model_type word"));
    assert_eq!(load(&[("<unk>", 2), ("a", 1)], 4), unsupported("model_type char"));
    assert_eq!(load(&[("<unk>", 2), ("a", 1)], 9), unsupported("an unknown model_type"));
}

/// Without byte pieces, a run of unknown characters is one unknown piece; user-defined symbols never split or
/// merge.
#[test]
fn unknown_and_user_defined_pieces() {
    let pieces = [("<unk>", 2), ("▁", 1), ("a", 1), ("▁a", 1), ("<sep>", 4), ("aa", 5)];
    for model_type in [1, 2] {
        let tokenizer = Tokenizer::from_bytes(model(&pieces, model_type), "m").unwrap();
        let ids = tokenizer.encode("xyz a<sep>a");
        assert_eq!(ids, [1, 0, 3, 4, 2], "type {model_type}");
        assert_eq!(tokenizer.decode(&ids).unwrap(), " \u{2047}  a<sep>a");
    }
    // Where they overlap, unigram prefers those of the most bytes, and of equals what begins with the shorter one.
    let overlapping = [("<unk>", 2), ("▁", 1), ("b", 4), ("bb", 4), ("bbb", 4)];
    let unigram = Tokenizer::from_bytes(model(&overlapping, 1), "m").unwrap();
    assert_eq!(unigram.encode("bbbb"), [1, 2, 4]);
    assert_eq!(unigram.encode("bbbbb"), [1, 3, 4]);
    // An unused piece is taken apart again.
    let bpe = Tokenizer::from_bytes(model(&pieces, 2), "m").unwrap();
    assert_eq!(bpe.encode("xaa"), [1, 0, 2, 2]);
}

#[test]
fn decoding_ids_outside_the_vocabulary_is_an_error() {
    let message = TOKENIZER.decode(&[5, 400]).unwrap_err().to_string();
    assert_eq!(message, "token id 400 is outside the vocabulary of 400 pieces");
    // Control pieces give nothing; stray bytes the replacement character.
    let byte = |byte: u8| 3 + u32::from(byte);
    assert_eq!(TOKENIZER.decode(&[1, byte(0xFF), byte(b'a'), 2]).unwrap(), "\u{FFFD}a");
}

proptest! {
    #[test]
    fn decoding_gives_the_normalised_text_back(text in "\\PC*|[a-z \n]{0,60}|(the|whale|  |\n|é|日本|🙂){0,20}") {
        let ids = TOKENIZER.encode(&text);
        prop_assert!(ids.iter().all(|&id| (id as usize) < TOKENIZER.vocabulary_size()));
        let normalized = TOKENIZER.normalize(&text).replace('▁', " ");
        prop_assert_eq!(TOKENIZER.decode(&ids).unwrap(), normalized.strip_prefix(' ').unwrap_or(""));
    }

    #[test]
    fn an_encoder_forgets_nothing_and_invents_nothing(texts in proptest::collection::vec("[a-e \n]{0,30}", 0..8)) {
        let mut encoder = TOKENIZER.encoder();
        let mut together = Vec::new();
        for text in &texts {
            encoder.encode_into(text, &mut together);
        }
        let apart: Vec<u32> = texts.iter().flat_map(|text| TOKENIZER.encode(text)).collect();
        prop_assert_eq!(together, apart);
    }

    /// Any bytes are either a model or refused, and a model that loads can encode and decode.
    #[test]
    fn damaged_models_never_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = TOKENIZER.to_bytes().to_vec();
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(tokenizer) = Tokenizer::from_bytes(bytes, "damaged") {
            let ids = tokenizer.encode(STORY);
            tokenizer.decode(&ids).unwrap();
        }
    }
}
