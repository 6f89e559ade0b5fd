//! Documents to streams: packing, the split, the statistics, the cache.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use data::{
    CacheOutcome, Corpus, CorpusConfig, Document, ReadConfig, Result, TokenCache, TokenStream, Tokenizer,
    TokenizerConfig,
};
use proptest::prelude::*;

fn document(i: usize, text: &str) -> Result<Document> {
    Ok(Document { name: i.to_string(), text: text.into() })
}

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let text = "one two three four five six seven eight nine ten\n".repeat(10);
    Tokenizer::train(
        [document(0, &text)],
        &TokenizerConfig { vocabulary_size: 300, ..TokenizerConfig::default() },
    )
    .unwrap()
});

fn encode(texts: &[String], validation_fraction: f64) -> Corpus {
    let documents = texts.iter().enumerate().map(|(i, text)| document(i, text));
    Corpus::encode(documents, &TOKENIZER, &CorpusConfig { validation_fraction }).unwrap()
}

fn ids(stream: &TokenStream) -> Vec<u32> {
    let mut ids = Vec::new();
    stream.extend(0..stream.len(), &mut ids).unwrap();
    ids.into_iter().map(|id| id as u32).collect()
}

/// The documents of a stream, by the `</s>` after each.
fn documents(stream: &TokenStream) -> Vec<String> {
    let ids = ids(stream);
    ids.split_inclusive(|&id| id == 2).map(|ids| TOKENIZER.decode(ids).unwrap()).collect()
}

#[test]
fn each_document_is_followed_by_the_end_of_text() {
    let corpus = encode(&["one two".into(), " \n".into(), "three".into()], 0.0);
    let expected: Vec<u32> =
        [TOKENIZER.encode("one two"), vec![2], TOKENIZER.encode("three"), vec![2]].concat();
    assert_eq!(ids(corpus.training()), expected);
    assert!(corpus.validation().is_empty());
    let statistics = corpus.training_statistics();
    assert_eq!((statistics.documents, statistics.bytes, statistics.tokens), (2, 12, expected.len() as u64));
    assert_eq!(corpus.validation_statistics().unigram_entropy, 0.0);
}

#[test]
fn many_documents_are_split_between_documents() {
    let texts: Vec<String> = (0..100).map(|i| format!("document {i}")).collect();
    let corpus = encode(&texts, 0.1);
    let (training, validation) = (documents(corpus.training()), documents(corpus.validation()));
    assert_eq!(corpus.training_statistics().documents as usize, training.len());
    assert_eq!(corpus.validation_statistics().documents as usize, validation.len());
    assert!((5..=11).contains(&validation.len()), "{}", validation.len());
    let mut all = [training, validation.clone()].concat();
    all.sort();
    let mut expected = texts.clone();
    expected.sort();
    assert_eq!(all, expected);
    // Scattered over the corpus, and the same every time.
    assert!(
        validation.iter().any(|text| *text < texts[50]) && validation.iter().any(|text| *text > texts[50])
    );
    assert_eq!(documents(encode(&texts, 0.1).validation()), validation);
}

#[test]
fn few_documents_are_split_at_the_end_of_the_stream() {
    let texts = vec!["one two three four five six seven eight nine ten".to_owned(); 3];
    let corpus = encode(&texts, 0.25);
    let whole = ids(encode(&texts, 0.0).training());
    let cut = whole.len() - whole.len() / 4;
    assert_eq!(ids(corpus.training()), whole[..cut]);
    assert_eq!(ids(corpus.validation()), whole[cut..]);
    let (training, validation) = (corpus.training_statistics(), corpus.validation_statistics());
    assert_eq!((training.documents, validation.documents), (3, 0));
    assert_eq!(training.bytes + validation.bytes, 3 * texts[0].len() as u64);
}

#[test]
fn one_huge_document_among_many_does_not_spoil_the_split() {
    let mut texts: Vec<String> = (0..30).map(|_| "one".to_owned()).collect();
    texts[7] = "one two three ".repeat(500);
    let corpus = encode(&texts, 0.2);
    let total = (corpus.training().len() + corpus.validation().len()) as f64;
    let held_out = corpus.validation().len() as f64 / total;
    assert!((0.1..=0.2).contains(&held_out), "{held_out}");
}

proptest! {
    #[test]
    fn the_parts_hold_every_token_once(
        texts in proptest::collection::vec("(one|two| |three|\n){1,20}", 1..60), fraction in 0.0f64..0.99,
    ) {
        prop_assume!(texts.iter().any(|text| !text.trim().is_empty()));
        let corpus = encode(&texts, fraction);
        let whole = encode(&texts, 0.0);
        let mut parts = [ids(corpus.training()), ids(corpus.validation())].concat();
        let held_out = corpus.validation().len() as f64 / parts.len() as f64;
        prop_assert!(held_out <= fraction, "{held_out} of {fraction}");
        let mut expected = ids(whole.training());
        parts.sort();
        expected.sort();
        prop_assert_eq!(parts, expected);
        let bytes = corpus.training_statistics().bytes + corpus.validation_statistics().bytes;
        prop_assert_eq!(bytes, whole.training_statistics().bytes);
    }

    #[test]
    fn the_entropy_is_that_of_the_counts(texts in proptest::collection::vec("(one|two|three){1,20}", 1..9)) {
        let corpus = encode(&texts, 0.0);
        let tokens = ids(corpus.training());
        let mut counts: HashMap<u32, f64> = HashMap::new();
        tokens.iter().for_each(|&id| *counts.entry(id).or_default() += 1.0);
        let n = tokens.len() as f64;
        // The mean loss of predicting each token by its frequency.
        let loss = tokens.iter().map(|id| -(counts[id] / n).ln()).sum::<f64>() / n;
        prop_assert!((corpus.training_statistics().unigram_entropy - loss).abs() < 1e-9);
    }
}

struct Files {
    folder: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Files {
    fn new(texts: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = texts.iter().enumerate().map(|(i, text)| {
            let path = folder.path().join(format!("{i}.txt"));
            fs::write(&path, text).unwrap();
            path
        });
        Self { files: files.collect(), folder }
    }

    fn load(&self, cache: &Path) -> (Corpus, CacheOutcome) {
        self.load_within(cache, u64::MAX)
    }

    fn load_within(&self, cache: &Path, most_bytes: u64) -> (Corpus, CacheOutcome) {
        let cache = TokenCache { folder: cache.into(), most_bytes };
        let config = CorpusConfig { validation_fraction: 0.2 };
        let read = ReadConfig::default();
        let encoded = Corpus::from_files(&self.files, &read, &TOKENIZER, &config, Some(&cache)).unwrap();
        (encoded.corpus, encoded.cache)
    }
}

#[test]
fn the_cache_is_used_while_the_content_is_the_same() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path();
    let files = Files::new(&["one two three four", "five"]);
    let (first, outcome) = files.load(cache);
    assert_eq!(outcome, CacheOutcome::Written);
    let (second, outcome) = files.load(cache);
    assert_eq!(outcome, CacheOutcome::Hit);
    assert_eq!(ids(first.training()), ids(second.training()));
    assert_eq!(ids(first.validation()), ids(second.validation()));
    assert_eq!(first.training_statistics(), second.training_statistics());
    assert_eq!(first.validation_statistics(), second.validation_statistics());
    // The same content elsewhere is the same corpus; other content is not.
    assert_eq!(Files::new(&["one two three four", "five"]).load(cache).1, CacheOutcome::Hit);
    assert_eq!(Files::new(&["one two three four", "six"]).load(cache).1, CacheOutcome::Written);
    assert_eq!(Files::new(&["one two three fourfive"]).load(cache).1, CacheOutcome::Written);
}

#[test]
fn any_damage_to_the_cache_is_noticed_and_mended() {
    let cache = tempfile::tempdir().unwrap();
    let files = Files::new(&["one two three four", "five"]);
    let (whole, _) = files.load(cache.path());
    let entries: Vec<PathBuf> = fs::read_dir(cache.path()).unwrap().map(|e| e.unwrap().path()).collect();
    let [path] = entries.as_slice() else { panic!("{entries:?}") };
    let good = fs::read(path).unwrap();
    let mut damaged: Vec<Vec<u8>> =
        (0..good.len()).step_by(37).map(|length| good[..length].to_vec()).collect();
    damaged.extend((0..good.len()).step_by(41).map(|i| {
        let mut bytes = good.clone();
        bytes[i] ^= 0x10;
        bytes
    }));
    damaged.push([good.as_slice(), b"more"].concat());
    for bytes in damaged {
        fs::write(path, &bytes).unwrap();
        let (corpus, outcome) = files.load(cache.path());
        assert!(matches!(outcome, CacheOutcome::Rebuilt(_)), "{outcome:?}");
        assert_eq!(ids(corpus.training()), ids(whole.training()));
        assert_eq!(fs::read(path).unwrap(), good);
    }
}

#[test]
fn an_unwritable_cache_costs_only_time() {
    let files = Files::new(&["one two three four"]);
    // A file where the folder should be.
    let (corpus, outcome) = files.load(&files.folder.path().join("0.txt/cache"));
    assert!(matches!(outcome, CacheOutcome::NotWritten(_)), "{outcome:?}");
    assert!(outcome.note().is_some_and(|note| note.contains("the tokens are not kept in the cache")));
    assert!(!corpus.training().is_empty());
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path();
    let files = ["one two", "two one", "six ten", "ten six"].map(|text| Files::new(&[text]));
    let sizes = || -> Vec<u64> {
        fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
    };
    let age = |hours: u64| {
        for entry in fs::read_dir(cache).unwrap() {
            let file = fs::File::options().append(true).open(entry.unwrap().path()).unwrap();
            let before = file.metadata().unwrap().modified().unwrap();
            file.set_modified(before - std::time::Duration::from_secs(3600 * hours)).unwrap();
        }
    };
    files[0].load(cache);
    let one = sizes()[0];
    // What a writer that died has left, and a file of its kind that may still be written.
    fs::write(cache.join(".tmpOld"), "half").unwrap();
    age(48);
    fs::write(cache.join(".tmpNew"), "half").unwrap();
    files[1].load(cache);
    age(1);
    assert!(!cache.join(".tmpOld").exists() && cache.join(".tmpNew").exists());
    // The first is used again, so that the second is the oldest.
    assert_eq!(files[0].load(cache).1, CacheOutcome::Hit);
    assert_eq!(files[2].load_within(cache, 2 * one + one / 2).1, CacheOutcome::Written);
    assert_eq!(files[0].load(cache).1, CacheOutcome::Hit);
    assert_eq!(files[2].load(cache).1, CacheOutcome::Hit);
    assert_eq!(sizes().len(), 3, "two texts and what is being written");
    assert_eq!(files[1].load(cache).1, CacheOutcome::Written);
    // What is larger than all of it is not kept, and drives nothing out.
    let (_, outcome) = files[3].load_within(cache, one / 2);
    assert!(outcome.note().is_some_and(|note| note.contains("the cache holds at most ")), "{outcome:?}");
    assert_eq!(files[0].load(cache).1, CacheOutcome::Hit);
}

#[test]
fn nothing_to_train_on_is_an_error() {
    let config = CorpusConfig::default();
    let files = Files::new(&[" \n"]);
    let error =
        Corpus::from_files(&files.files, &ReadConfig::default(), &TOKENIZER, &config, None).unwrap_err();
    let name = files.files[0].display();
    assert_eq!(error.to_string(), format!("no text found in {name}: no documents, or only whitespace"));
    let wrong = CorpusConfig { validation_fraction: 1.0 };
    let error = Corpus::encode([document(0, "one")], &TOKENIZER, &wrong).unwrap_err().to_string();
    assert_eq!(error, "validation_fraction = 1: must be at least 0 and below 1");
    assert!(toml::from_str::<CorpusConfig>("fraction = 0.1").is_err());
}

#[test]
fn corpora_are_joined_part_by_part() {
    let documents = |text: &str| vec![Ok(Document { name: "text".into(), text: text.repeat(50) })];
    let config = TokenizerConfig { vocabulary_size: 275, ..TokenizerConfig::default() };
    let tokenizer = Tokenizer::train(documents("the cat sat on the mat "), &config).unwrap();
    let encode = |text: &str| {
        let config = CorpusConfig { validation_fraction: 0.2 };
        Corpus::encode(documents(text), &tokenizer, &config).unwrap()
    };
    let (first, second) = (encode("the cat "), encode("sat on the mat "));
    let joined = Corpus::join(&[first.clone(), second.clone()], 275).unwrap();
    let tokens = |stream: &TokenStream| {
        let mut tokens = vec![];
        stream.extend(0..stream.len(), &mut tokens).unwrap();
        tokens
    };
    for part in [Corpus::training, Corpus::validation] {
        assert_eq!(tokens(part(&joined)), [tokens(part(&first)), tokens(part(&second))].concat());
    }
    for part in [Corpus::training_statistics, Corpus::validation_statistics] {
        let (joined, first, second) = (part(&joined), part(&first), part(&second));
        assert_eq!(joined.bytes, first.bytes + second.bytes);
        assert_eq!(
            (joined.documents, joined.tokens),
            (first.documents + second.documents, first.tokens + second.tokens)
        );
        assert!(joined.unigram_entropy > first.unigram_entropy.min(second.unigram_entropy));
    }
    assert!(Corpus::join(&[], 275).is_err());
    let other = Corpus::join(&[first], 70_000).unwrap_err().to_string();
    assert!(other.contains("vocabulary_size = 70000"), "{other}");
}
