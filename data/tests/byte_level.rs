//! Byte-level BPE: a small vocabulary by hand, its laws, its file, and the errors.

mod small_bpe;

use std::sync::LazyLock;

use data::tokenizer::{ByteLevelModel, PreTokenizer};
use data::{Error, Tokenizer};
use proptest::prelude::*;
use serde_json::{Value, json};
use small_bpe::{MERGES, bytes, model};

fn build(model: ByteLevelModel) -> Tokenizer {
    Tokenizer::from_byte_level(model, "the test's").unwrap()
}

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| build(model(PreTokenizer::Gpt2)));

#[track_caller]
fn check_with(tokenizer: &Tokenizer, text: &str, expected: &[&str]) {
    let ids = tokenizer.encode(text);
    let pieces: Vec<&str> = ids.iter().map(|&id| tokenizer.piece(id).unwrap()).collect();
    assert_eq!(pieces, expected, "{text:?}");
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_with(&TOKENIZER, text, expected);
}

#[test]
fn pairs_merge_by_rank_the_leftmost_first() {
    check("", &[]);
    check("the the", &["the", "Ġthe"]);
    // "t" and "h" come after "h" and "e" in rank.
    check("thx", &["th", "x"]);
    // "b" and "c" never meet: "a" and "b" come first.
    check("abc bc", &["abc", "Ġ", "bc"]);
    check("aaaaa", &["aa", "aa", "a"]);
    check("é\u{7f}", &["Ã©", "ġ"]);
}

#[test]
fn no_merge_crosses_words() {
    check("   the", &["ĠĠ", "Ġthe"]);
    check_with(&build(model(PreTokenizer::Smollm)), "ab12", &["ab", "1", "2"]);
    check_with(&build(model(PreTokenizer::Llama3)), "!the", &["!", "the"]);
}

#[test]
fn added_pieces_are_single_ids_the_longest_first() {
    check("a<|end|>the", &["a", "<|end|>", "the"]);
    check("<|end|<é><|end", &["<|end", "|", "<é>", "<|end"]);
    assert_eq!(TOKENIZER.decode(&[0, 1, 2]).unwrap(), "<|end|><|end<é>");
    assert_eq!(
        (TOKENIZER.begin_of_text(), TOKENIZER.end_of_text(), TOKENIZER.unknown()),
        (Some(2), Some(0), None)
    );
}

#[test]
fn pieces_that_are_searched_for_later_do_not_cut_those_before_them() {
    let mut model = model(PreTokenizer::Gpt2);
    model.added[0].normalized = true;
    check_with(&build(model), "<|end|><|end", &["<|end", "|", ">", "<|end"]);
}

#[test]
fn a_word_that_is_a_piece_becomes_it_where_merges_are_ignored() {
    let mut model = model(PreTokenizer::Gpt2);
    model.pieces.push("xyz".into());
    check_with(&build(model.clone()), "xyz", &["x", "y", "z"]);
    model.ignore_merges = true;
    check_with(&build(model), "xyz xyz", &["xyz", "Ġ", "x", "y", "z"]);
}

#[test]
fn bytes_without_pieces_are_left_out_or_unknown() {
    let mut model = model(PreTokenizer::Gpt2);
    let bell = model.pieces.iter().position(|piece| *piece == bytes()[7]).unwrap();
    model.pieces[bell] = "bell".into();
    check_with(&build(model.clone()), "a\u{7}\u{7}b", &["a", "b"]);
    model.unknown = Some(0);
    check_with(&build(model), "a\u{7}\u{7}b", &["a", "<|end|>", "<|end|>", "b"]);
}

#[test]
fn bytes_that_are_no_text_become_replacement_characters() {
    let id = |byte: usize| 3 + byte as u32;
    let decode = |ids: &[u32]| TOKENIZER.decode(ids).unwrap();
    assert_eq!(decode(&[id(0xE2), id(0x82), id(0xAC)]), "€");
    assert_eq!(decode(&[id(b'a' as usize), id(0xE2), id(0x82)]), "a\u{FFFD}");
    assert_eq!(decode(&[id(0xFF), id(0xFF)]), "\u{FFFD}\u{FFFD}");
    let error = TOKENIZER.decode(&[9999]).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("token id 9999 is outside the vocabulary of {} pieces", TOKENIZER.vocabulary_size())
    );
}

#[test]
fn a_long_word_does_not_take_long() {
    let text = "a".repeat(1 << 20);
    assert_eq!(TOKENIZER.encode(&text).len(), 1 << 19);
}

/// Text of pieces' parts, marks, spaces and any characters.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "the", " the", "  ", "\n", "ab", "abc", "é", "<|end|>", "<|end", "<é>", "12", "½", "'s"
        ])
        .prop_map(String::from),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn decoding_inverts_encoding(text in texts()) {
        for pre_tokenizer in [PreTokenizer::Gpt2, PreTokenizer::Smollm, PreTokenizer::Llama3] {
            let tokenizer = build(model(pre_tokenizer));
            prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text)).unwrap(), text.as_str());
        }
    }

    /// The marks that are special or begin or end a text; what else is added is found.
    #[test]
    fn what_others_write_has_no_marks(text in texts()) {
        let ids = TOKENIZER.encode_text(&text);
        prop_assert!(!ids.iter().any(|id| [0, 2].contains(id)), "{:?}", ids);
        prop_assert_eq!(TOKENIZER.decode(&ids).unwrap(), text.as_str());
        let without = text.replace("<|end|>", "").replace("<é>", "");
        prop_assert_eq!(TOKENIZER.encode_text(&without), TOKENIZER.encode(&without));
        let places = TOKENIZER.encode_text_with_offsets(&text);
        prop_assert!(places.iter().map(|token| &token.id).eq(&ids));
        prop_assert!(places.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn an_encoder_forgets_nothing_and_invents_nothing(texts in prop::collection::vec(texts(), 1..8)) {
        let mut encoder = TOKENIZER.encoder();
        for text in texts.iter().chain(&texts) {
            let mut ids = Vec::new();
            encoder.encode_into(text, &mut ids);
            prop_assert_eq!(ids, TOKENIZER.encode(text));
        }
    }

    #[test]
    fn merging_is_that_of_the_definition(word in "[abceht]{0,12}") {
        // All pairs of the lowest rank, the leftmost first, until none is left.
        let mut pieces: Vec<String> = word.chars().map(String::from).collect();
        let rank = |pair: &[String]| MERGES.iter().position(|merge| *merge == (&*pair[0], &*pair[1]));
        while let Some((_, at)) =
            pieces.windows(2).enumerate().filter_map(|(at, pair)| Some((rank(pair)?, at))).min()
        {
            let right = pieces.remove(at + 1);
            pieces[at].push_str(&right);
        }
        let ids = TOKENIZER.encode(&word);
        let found: Vec<&str> = ids.iter().map(|&id| TOKENIZER.piece(id).unwrap()).collect();
        prop_assert_eq!(found, pieces);
    }
}

#[test]
fn the_file_comes_back() {
    for pre_tokenizer in [PreTokenizer::Gpt2, PreTokenizer::Smollm, PreTokenizer::Llama3] {
        let tokenizer =
            build(ByteLevelModel { unknown: Some(1), ignore_merges: true, ..model(pre_tokenizer) });
        let folder = tempfile::tempdir().unwrap();
        // Told apart by its content, whatever its name.
        let path = folder.path().join("tokenizer.model");
        std::fs::write(&path, tokenizer.to_bytes()).unwrap();
        let again = Tokenizer::load(&path).unwrap();
        assert_eq!(again.to_bytes(), tokenizer.to_bytes());
        assert_eq!(again.fingerprint(), tokenizer.fingerprint());
        assert_eq!(
            (again.begin_of_text(), again.end_of_text(), again.unknown()),
            (Some(2), Some(0), Some(1))
        );
        assert_eq!(again.encode("the 12½<é>"), tokenizer.encode("the 12½<é>"));
        assert_eq!(again.file_name(), "tokenizer.json");
    }
}

/// The tokenizer's file with a change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Tokenizer, Error> {
    let mut file: Value = serde_json::from_slice(TOKENIZER.to_bytes()).unwrap();
    change(&mut file);
    Tokenizer::from_bytes(file.to_string().into_bytes(), "t.json")
}

#[test]
fn other_ways_to_write_the_same_are_read() {
    let expected = TOKENIZER.encode("the abc<|end|>");
    let pairs = changed(|file| file["model"]["merges"] = json!(MERGES)).unwrap();
    assert_eq!(pairs.encode("the abc<|end|>"), expected);
    let apart =
        changed(|file| _ = file["model"]["vocab"].as_object_mut().unwrap().remove("<|end|>")).unwrap();
    assert_eq!(apart.encode("the abc<|end|>"), expected);
    let sequence = changed(|file| {
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [file["pre_tokenizer"]]});
        file["normalizer"] = json!({"type": "Sequence", "normalizers": []});
        file["post_processor"] = json!({"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing"}]});
    });
    assert_eq!(sequence.unwrap().encode("the abc<|end|>"), expected);
}

#[test]
fn other_tokenizers_are_refused_by_name() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let error = changed(change).err().unwrap().to_string();
        let supported = "supported is byte-level BPE as GPT-2, Llama 3 and SmolLM2 have it";
        assert_eq!(error, format!("t.json: unsupported tokenizer: {expected}; {supported}"));
    };
    check(&|file| file["model"]["type"] = json!("Unigram"), "a model of type Unigram");
    check(&|file| file["model"]["byte_fallback"] = json!(true), "BPE with byte_fallback");
    check(&|file| file["model"]["dropout"] = json!(0.5), "BPE with dropout");
    check(&|file| file["model"]["end_of_word_suffix"] = json!("</w>"), "BPE with end_of_word_suffix");
    check(&|file| file["normalizer"] = json!({"type": "NFC"}), "a normalizer, {\"type\":\"NFC\"}");
    check(
        &|file| file["decoder"] = json!({"type": "Fuse"}),
        "the decoder {\"type\":\"Fuse\"}, not ByteLevel",
    );
    check(&|file| file["post_processor"] = json!({"type": "Bert"}), "the post-processor {\"type\":\"Bert\"}");
    check(
        &|file| file["pre_tokenizer"] = json!({"type": "Metaspace"}),
        "the pre-tokenizer {\"type\":\"Metaspace\"}",
    );
    check(
        &|file| file["pre_tokenizer"]["add_prefix_space"] = json!(true),
        "a space put before the text (add_prefix_space = true)",
    );
    check(
        &|file| file["added_tokens"][1]["lstrip"] = json!(true),
        "lstrip = true of the added token \"<|end\"",
    );
    let split = |file: &mut Value| {
        let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
        let split =
            json!({"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated", "invert": false});
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [split, byte_level]});
    };
    check(&split, "words by the pattern {\"Regex\":\"x\"}");
}

#[test]
fn damaged_files_are_named() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let error = changed(change).err().unwrap().to_string();
        assert_eq!(error, format!("t.json: not a byte-level BPE tokenizer, or a damaged one ({expected})"));
    };
    let vocab = |file: &mut Value, piece: &str, id: Value| file["model"]["vocab"][piece] = id;
    check(&|file| vocab(file, "new", json!(9999)), "no piece has the id 269");
    check(&|file| vocab(file, "new", json!(5)), "the pieces \"new\" and \"Ă\" both have the id 5");
    check(
        &|file| file["model"]["merges"] = json!(["a", "b"]),
        "the merge \"a\" is not two pieces with a space between them",
    );
    check(
        &|file| file["model"]["merges"] = json!(["x y"]),
        "merge 0, of \"x\" and \"y\", needs the piece \"xy\", which there is not",
    );
    check(&|file| file["model"]["unk_token"] = json!("<unk>"), "unk_token \"<unk>\" is no piece");
    check(
        &|file| file["model"]["gopher"]["end_of_text"] = json!(900),
        "end_of_text has the id 900, but there are 269 pieces",
    );
    let error = Tokenizer::from_bytes(b"{\"model\": ".to_vec(), "t").err().unwrap().to_string();
    assert!(
        error.starts_with("t: not a byte-level BPE tokenizer, or a damaged one (it ends too early"),
        "{error}"
    );
    let mut twice = model(PreTokenizer::Gpt2);
    twice.pieces.push("the".into());
    let error = Tokenizer::from_byte_level(twice, "t").err().unwrap().to_string();
    assert!(error.contains("the piece \"the\" appears twice, as 260 and 269"), "{error}");
}
