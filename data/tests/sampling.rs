//! Training a tokenizer within a limit of memory: what is sampled, and what that depends on.

mod random;

use data::tokenizer::{Sample, Sampling};
use data::{Document, Result, Tokenizer, TokenizerConfig};
use random::Random;

/// What a word takes at least: 128 bytes for itself, and 16 for a letter.
const LEAST_WORD: u64 = 144;
const MEMORY: u64 = 2 << 20;

/// Documents of words, of which most occur again and again, and some once.
fn documents(count: usize) -> Vec<String> {
    let document = |number: usize| {
        let mut random = Random(number as u64 + 1);
        let mut word = || match random.below(4) {
            0 => format!("w{:x}", random.below(1 << 30)),
            _ => format!("word{}", random.below(500)),
        };
        (0..4000).map(|_| word()).collect::<Vec<_>>().join(" ")
    };
    (0..count).map(document).collect()
}

fn train<'a>(texts: impl IntoIterator<Item = &'a str>, memory: u64, seed: u64) -> Result<(String, Sample)> {
    let config = TokenizerConfig { vocabulary_size: 330, ..TokenizerConfig::default() };
    let documents = texts.into_iter().map(|text| Ok(Document { name: "made".into(), text: text.into() }));
    let (tokenizer, sample) = Tokenizer::train_within(documents, &config, Sampling { memory, seed })?;
    Ok((tokenizer.fingerprint(), sample))
}

fn all(texts: &[String]) -> impl DoubleEndedIterator<Item = &str> {
    texts.iter().map(String::as_str)
}

#[track_caller]
fn error<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn text_that_fits_gives_the_same_bytes_as_without_a_limit() {
    let texts = documents(3);
    let (model, sample) = train(all(&texts), 1 << 30, 7).unwrap();
    assert_eq!(sample.share(), 1.0);
    assert_eq!(model, train(all(&texts), u64::MAX, 0).unwrap().0);
}

/// What is held stays within the limit, and is more than a quarter of it: the next smaller sample is half as large.
#[test]
fn ten_times_the_text_takes_the_same_memory() {
    let texts = documents(60);
    for count in [6, 60] {
        let (_, sample) = train(all(&texts[..count]), MEMORY, 7).unwrap();
        assert!(sample.most_words <= MEMORY / LEAST_WORD, "{count}: {sample:?}");
        assert!(sample.distinct_words * 300 > MEMORY / 4, "{count}: {sample:?}");
        assert!(sample.used_bytes > 0 && (count < 60 || sample.share() < 0.5), "{count}: {sample:?}");
    }
}

#[test]
fn the_sample_depends_on_text_seed_and_limit_alone() {
    let texts = documents(40);
    let forwards = train(all(&texts), MEMORY, 7).unwrap();
    assert!(forwards.1.share() < 1.0);
    assert_eq!(forwards.0, train(all(&texts), MEMORY, 7).unwrap().0);
    let backwards = train(all(&texts).rev(), MEMORY, 7).unwrap();
    assert_eq!((&forwards.0, forwards.1.used_bytes), (&backwards.0, backwards.1.used_bytes));
    let models = [train(all(&texts), MEMORY, 8), train(all(&texts), MEMORY / 4, 7)].map(|one| one.unwrap().0);
    assert!(!models.contains(&forwards.0));
}

#[test]
fn a_huge_line_is_sampled_in_stretches() {
    let texts = documents(40);
    let line = texts.join(" ");
    let (_, sample) = train([line.as_str()], MEMORY, 7).unwrap();
    assert!(
        sample.most_words <= MEMORY / LEAST_WORD && sample.share() > 0.0 && sample.share() < 1.0,
        "{sample:?}"
    );
    // Without spaces, it is cut where the script changes.
    let long = format!("{}{}", texts[0], "ab1".repeat(1 << 20));
    let (_, sample) = train([long.as_str()], MEMORY, 3).unwrap();
    assert_eq!(sample.share(), 1.0);
    // A word that does not fit is left out, and the others stay.
    let word = "x".repeat(MEMORY as usize);
    let (_, sample) = train([texts[0].as_str(), &word], MEMORY, 3).unwrap();
    assert!(sample.share() > 0.0 && sample.share() < 0.1, "{sample:?}");
}

#[test]
fn nothing_and_too_little_are_refused() {
    for texts in [vec![], vec![""], vec![" \n "]] {
        assert_eq!(
            error(train(texts, MEMORY, 0)),
            "no text found in the given documents: a tokenizer cannot be trained on nothing"
        );
    }
    assert_eq!(
        error(train(["two words"], 100, 0)),
        "tokenizer setting memory = 100: too few bytes for the words of any part of this text; give more"
    );
}
