//! Where tokens come from in a text. Against SentencePiece's own places: parity.rs.

mod small_bpe;

use std::sync::LazyLock;

use data::tokenizer::{PreTokenizer, Token};
use data::{Document, Tokenizer, TokenizerConfig};
use proptest::prelude::*;

fn trained(remove_extra_whitespaces: bool) -> Tokenizer {
    let text = "the cat sat on the mat and the dog sat on the log\n".repeat(20);
    let config =
        TokenizerConfig { vocabulary_size: 290, remove_extra_whitespaces, ..TokenizerConfig::default() };
    Tokenizer::train([Ok(Document { name: "tale".into(), text })], &config).unwrap()
}

/// What each token of a text is made of.
#[track_caller]
fn check(tokenizer: &Tokenizer, text: &str, expected: &[(&str, &str)]) {
    let found: Vec<(&str, String)> = (tokenizer.encode_with_offsets(text).into_iter())
        .map(|Token { id, start, end }| {
            let part = String::from_utf8_lossy(&text.as_bytes()[start..end]).into_owned();
            (tokenizer.piece(id).unwrap(), part)
        })
        .collect();
    let expected: Vec<(&str, String)> = expected.iter().map(|(a, b)| (*a, (*b).to_owned())).collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn tokens_of_sentencepiece_have_the_text_before_normalisation() {
    let tokenizer = trained(false);
    check(&tokenizer, "the cat", &[("▁the", "the"), ("▁cat", " cat")]);
    check(&tokenizer, " the", &[("▁", ""), ("▁the", " the")]);
    // A fullwidth letter becomes an ordinary one; of a character that is written as bytes, the last byte has it.
    check(&tokenizer, "ｔhe é", &[("▁the", "ｔhe"), ("▁", " "), ("<0xC3>", ""), ("<0xA9>", "é")]);
    let removing = trained(true);
    check(&removing, "  the   cat  ", &[("▁the", "the"), ("▁cat", "   cat")]);
    check(&removing, "   ", &[]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// The same ids; places in order and between characters.
    #[test]
    fn places_of_sentencepiece_are_in_order(text in "( |the| cat|é|ﬁ|①|\u{0}|e\u{301}|日本|[a-z]|\\PC){0,12}", removing: bool) {
        static TRAINED: LazyLock<[Tokenizer; 2]> = LazyLock::new(|| [false, true].map(trained));
        let tokenizer = &TRAINED[usize::from(removing)];
        let tokens = tokenizer.encode_with_offsets(&text);
        prop_assert_eq!(tokens.iter().map(|token| token.id).collect::<Vec<_>>(), tokenizer.encode(&text));
        let mut last = 0;
        for Token { start, end, .. } in tokens {
            prop_assert!(last <= start && start <= end && end <= text.len());
            prop_assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
            last = end;
        }
    }

    /// Of byte-level BPE, tokens cover the text, each with its own bytes.
    #[test]
    fn tokens_of_byte_level_bpe_cover_the_text(text in "( the|'s|12| |\n|é|日本|<\\|end\\|>|\\PC){0,12}") {
        for pre_tokenizer in [PreTokenizer::Gpt2, PreTokenizer::Smollm, PreTokenizer::Llama3] {
            let tokenizer = Tokenizer::from_byte_level(small_bpe::model(pre_tokenizer), "small").unwrap();
            let tokens = tokenizer.encode_with_offsets(&text);
            prop_assert_eq!(tokens.iter().map(|token| token.id).collect::<Vec<_>>(), tokenizer.encode(&text));
            let mut last = 0;
            for Token { start, end, .. } in tokens {
                prop_assert_eq!(start, last);
                last = end;
            }
            prop_assert_eq!(last, text.len());
        }
    }
}

#[test]
fn descriptions_say_what_tokenizers_are() {
    let of_trained = trained(true).description();
    assert_eq!((of_trained.kind, of_trained.normalizer.as_str()), ("SentencePiece BPE", "nfkc"));
    assert_eq!((of_trained.control, of_trained.byte_fallback), (vec![1, 2], true));
    let spaces = of_trained.spaces.unwrap();
    assert!(spaces.add_dummy_prefix && spaces.remove_extra_whitespaces && !spaces.as_suffix);
    let small = Tokenizer::from_byte_level(small_bpe::model(PreTokenizer::Smollm), "small").unwrap();
    let of_small = small.description();
    assert_eq!(
        (of_small.kind, of_small.pre_tokenizer, of_small.spaces),
        ("byte-level BPE", Some("smollm"), None)
    );
}
