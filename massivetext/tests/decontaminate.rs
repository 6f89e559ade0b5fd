//! Removing evaluation documents beside comparing every document with every item, n-gram by n-gram.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use massivetext::decontaminate::index::Index;
use massivetext::decontaminate::{self, Configuration, Places, Receipt};
use massivetext::manifest::{Manifest, Part};
use massivetext::output::Compression;
use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Words as n-grams have them, of a text without the four separators that are white space to us and not to Rust.
fn words(text: &str) -> Vec<String> {
    let letters = |word: &str| -> String {
        let is_kept = |c: &char| c.general_category_group() != GeneralCategoryGroup::Punctuation;
        word.chars().filter(is_kept).flat_map(char::to_lowercase).collect()
    };
    text.split_whitespace().map(letters).filter(|word| !word.is_empty()).collect()
}

/// The n-grams of a text; of fewer words than n, one.
fn grams(text: &str, n: usize) -> HashSet<Vec<String>> {
    let words = words(text);
    match words.len() {
        0 => HashSet::new(),
        length => words.windows(n.min(length)).map(<[String]>::to_vec).collect(),
    }
}

/// Jaccard similarity, and the share of the item's n-grams in the text; short items are stretches of words.
fn compare(text: &str, item: &str, n: usize) -> (f64, f64) {
    let (a, b) = (grams(text, n), grams(item, n));
    let shared = a.intersection(&b).count();
    let jaccard = shared as f64 / (a.len() + b.len() - shared) as f64;
    let whole = words(item);
    let inside = match whole.len() {
        length if length >= n => shared as f64 / b.len() as f64,
        length => f64::from(u8::from(words(text).windows(length).any(|window| window == whole))),
    };
    (jaccard, inside)
}

#[track_caller]
fn check(texts: &[String], items: &[String], n: usize) -> usize {
    let index = Index::new(n, items.iter().map(String::as_str));
    let mut matcher = index.matcher();
    let mut pairs = 0;
    for text in texts {
        let found: BTreeMap<usize, (f64, f64)> = matcher
            .compare(text)
            .into_iter()
            .map(|found| (found.item, (found.jaccard, found.containment)))
            .collect();
        for (place, item) in items.iter().enumerate() {
            let expected = match words(item).len() {
                length if length < n.min(8) => (0.0, 0.0),
                _ => compare(text, item, n),
            };
            let found = found.get(&place).copied().unwrap_or((0.0, 0.0));
            assert_eq!(found, expected, "{text:?}\n{item:?}");
            pairs += usize::from(found.1 > 0.0);
        }
    }
    pairs
}

/// `count` words that depend on `seed`.
fn prose(seed: usize, count: usize) -> Vec<String> {
    (0..count).map(|word| format!("w{}", (seed * 7919 + word * word * 31 + word) % 99_991)).collect()
}

/// An item of 60 words of which a document has the first `kept`, between words of its own.
fn planted(kept: usize, around: usize) -> (String, String) {
    let item = prose(kept + 1, 60);
    let own = prose(1000 + kept, around);
    let document: Vec<_> =
        own[..around / 2].iter().chain(&item[..kept]).chain(&own[around / 2..]).cloned().collect();
    (item.join(" "), document.join(" "))
}

#[test]
fn similarities_are_those_of_every_pair_to_the_bit() {
    let (items, texts): (Vec<_>, Vec<_>) = [0, 5, 13, 20, 30, 40, 50, 55, 60]
        .into_iter()
        .flat_map(|kept| [0, 6, 90].map(|own| planted(kept, own)))
        .unzip();
    let found: Vec<(f64, f64)> =
        texts.iter().zip(&items).map(|(text, item)| compare(text, item, 13)).collect();
    for (low, high) in [(0.0, 0.01), (0.3, 0.5), (0.5, 0.79), (0.8, 0.99), (1.0, 1.0)] {
        assert!(found.iter().any(|(jaccard, _)| (low..=high).contains(jaccard)), "{low} {found:?}");
        assert!(found.iter().any(|(_, inside)| (low..=high).contains(inside)), "{low} {found:?}");
    }
    assert!(check(&texts, &items, 13) > 20);
}

proptest! {
    /// Few words, so that n-grams repeat and are shared, in every writing.
    #[test]
    fn any_texts(
        texts in prop::collection::vec("((a|B|ß|İ|Σ|,|-a|«b»|`|…)[ \n\u{a0}]){0,40}", 0..5),
        items in prop::collection::vec("((A|b|ß|İ|ς|b\\.|—)[ \t]){0,30}", 0..5), n in 1_usize..14,
    ) {
        check(&texts, &items, n);
    }
}

/// A folder with evaluation files and documents.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, String)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| fs::write(place.path(name), text).unwrap());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn places(&self, against: &[&str], out: &str) -> Places {
        Places {
            inputs: vec![self.path("docs.jsonl")],
            against: against.iter().map(|name| self.path(name)).collect(),
            titles: None,
            out: self.path(out),
            rejected: Some(self.path(&format!("{out}-gone"))),
            part: Part::WHOLE,
            strict: true,
        }
    }

    fn lines(&self, folder: &str) -> Vec<Value> {
        let mut files: Vec<_> =
            fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
        files.sort();
        let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What is wrong with an evaluation file.
    #[track_caller]
    fn refused(&self, against: &[&str], parts: &[&str]) {
        let error = run(&plain(), &self.places(against, "refused")).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(!self.path("refused").exists());
    }
}

fn run(configuration: &Configuration, places: &Places) -> massivetext::Result<Receipt> {
    let manifest = Manifest::find(&places.inputs)?;
    decontaminate::run(configuration, places, &manifest, &mut |_| ()).map(|report| report.receipt)
}

fn plain() -> Configuration {
    Configuration { compression: Compression::None, ..Configuration::default() }
}

fn documents(documents: &[(&str, &str)]) -> String {
    documents.iter().map(|(id, text)| format!("{}\n", json!({"id": id, "text": text, "k": [1]}))).collect()
}

#[test]
fn what_goes_names_its_item_and_what_stays_is_as_it_was() {
    let item = prose(1, 60).join(" ");
    // The item inside a page of 100,000 words.
    let page = format!("{} {} {}", prose(2, 50_000).join(" "), item, prose(3, 50_000).join(" "));
    let shout = item.to_uppercase().replace(' ', " - ");
    let texts =
        [("same", &item[..]), ("shout", &shout), ("page", &page), ("other", "nothing of it"), ("empty", "")];
    let records: String = ["one two three four five six seven eight nine", "too short", &item, &item]
        .map(|text| format!("{}\n", json!({"question": text})))
        .concat();
    let place = Place::new(&[
        ("docs.jsonl", documents(&texts)),
        ("quiz.jsonl", records),
        ("one.txt", prose(9, 20).join(" ")),
    ]);
    let configuration = Configuration { fields: vec!["question".into()], ..plain() };
    let places = place.places(&["quiz.jsonl", "one.txt"], "out");
    let receipt = run(&configuration, &places).unwrap();
    assert_eq!((receipt.ledger.records, receipt.ledger.kept), (5, 3));
    assert_eq!(receipt.ledger.dropped, BTreeMap::from([("jaccard".into(), 2)]));
    let gone = place.lines("out-gone");
    // Of a passage, 500 characters are written down.
    let shown = |text: &str| match text.len() {
        0..=500 => text.to_owned(),
        _ => format!("{}…", &text[..500]),
    };
    let reason = |of: &str, shared: &str| {
        json!({"file": "quiz.jsonl", "item": 3, "jaccard": 1.0, "containment": 1.0, "shared_words": 60,
               "shared": shown(shared), "id": of})
    };
    for (line, (id, text)) in gone.iter().zip(&texts) {
        let mut found = line["contaminated_by"].clone();
        found["id"] = line["id"].clone();
        assert_eq!(found, reason(id, text));
        assert_eq!(
            (&line["dropped_by"], &line["text"], &line["k"]),
            (&json!("jaccard"), &json!(text), &json!([1]))
        );
    }
    // What stays is as filtering or deduplicating it would have left it.
    let kept = place.lines("out");
    assert_eq!(kept.iter().map(|line| &line["id"]).collect::<Vec<_>>(), ["page", "other", "empty"]);
    assert_eq!(
        kept[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["id", "text", "source", "provenance", "k"]
    );
    // The page is found by containment, and both copies of the item are.
    let quiz = &receipt.evaluation[0];
    assert_eq!((quiz.items, quiz.by_ngrams, quiz.by_text, quiz.too_short), (4, 2, 1, 1));
    assert_eq!((quiz.found_by_jaccard, quiz.found_by_containment), (2, [2, 2, 2]));
    assert_eq!((receipt.evaluation[1].items, receipt.evaluation[1].found_by_containment), (1, [0, 0, 0]));
    let found: Vec<_> =
        receipt.found.iter().map(|found| (found.item, found.documents, &found.document[..])).collect();
    assert_eq!(found, [(3, 3, "same"), (4, 3, "same")]);
    let similarity = compare(&page, &item, 13);
    assert!(similarity.0 < 0.001 && similarity.1 == 1.0, "{similarity:?}");
    // Asked for, the page goes too.
    let configuration = Configuration { containment: Some(1.0), ..configuration };
    let receipt = run(&configuration, &place.places(&["quiz.jsonl"], "contained")).unwrap();
    assert_eq!(receipt.ledger.dropped, BTreeMap::from([("containment".into(), 1), ("jaccard".into(), 2)]));
    assert_eq!(place.lines("contained-gone")[2]["contaminated_by"]["shared"], json!(item));
}

#[test]
fn parts_and_threads_change_nothing() {
    let planted: Vec<(String, String)> = (0..40).map(|number| planted(number + 20, number % 7)).collect();
    let line = |(number, (_, text)): (usize, &(String, String))| {
        format!("{}\n", json!({"id": number, "text": text, "padding": "x".repeat(2000)}))
    };
    let items: String = planted.iter().map(|(item, _)| format!("{}\n", json!({"text": item}))).collect();
    let docs: String = planted.iter().enumerate().map(line).collect();
    let place = Place::new(&[("docs.jsonl", docs.repeat(2)), ("items.jsonl", items)]);
    let configuration = Configuration { shard_bytes: 10_000, ..plain() };
    let files = |out: &str| -> BTreeMap<String, Vec<u8>> {
        let folders = [out.to_owned(), format!("{out}-gone")];
        let entries = folders.iter().flat_map(|folder| {
            let which = &folder[out.len()..];
            let entries = fs::read_dir(place.path(folder)).unwrap().map(|entry| entry.unwrap().path());
            let files = entries.filter(|path| path.is_file()).collect::<Vec<_>>();
            files.into_iter().map(move |path| {
                (format!("{which}/{}", path.file_name().unwrap().to_string_lossy()), fs::read(&path).unwrap())
            })
        });
        entries.collect()
    };
    let whole = run(&configuration, &place.places(&["items.jsonl"], "whole")).unwrap();
    assert!(whole.found.iter().all(|found| found.documents == 2), "{:?}", whole.found);
    let whole = files("whole");
    for parts in [2, 7] {
        let out = format!("parts-{parts}");
        for index in (1..=parts).rev() {
            let places = Places { part: Part { index, parts }, ..place.places(&["items.jsonl"], &out) };
            run(&configuration, &places).unwrap();
        }
        assert!(files(&out) == whole, "{parts} parts");
    }
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    alone.install(|| run(&configuration, &place.places(&["items.jsonl"], "alone"))).unwrap();
    assert!(files("alone") == whole);
    // Another evaluation set is another plan.
    fs::write(place.path("items.jsonl"), format!("{}\n", json!({"text": prose(5, 30).join(" ")}))).unwrap();
    let error = run(&configuration, &place.places(&["items.jsonl"], "whole")).unwrap_err().to_string();
    assert!(error.contains("another input, configuration or version"), "{error}");
}

#[test]
fn titles_are_a_field_or_the_first_line() {
    let line =
        |id: &str, title: Value, text: &str| format!("{}\n", json!({"id": id, "title": title, "text": text}));
    let docs = [
        line("field", json!("TIKAL"), "x"),
        line("heading", json!(null), "\n = Route 50 ( Utah ) = \n\n text"),
        line("line", json!(4), "Route 50 (utah)\ntext"),
        line("other", json!("Tikal and more"), "Tikal\ntext"),
        line("inside", json!("x"), "text\nTikal"),
    ];
    let wikitext =
        " \n = Tikal = \n \n text \n \n = = Tikal = = \n \n = Route 50 ( Utah ) = \n \n".to_owned();
    let files = [
        ("docs.jsonl", docs.concat()),
        ("wiki.tokens", wikitext),
        ("list.txt", "tikal\n\nRoute 50 (Utah)\n".into()),
    ];
    let place = Place::new(&files);
    for titles in ["wiki.tokens", "list.txt"] {
        let places =
            Places { titles: Some(place.path(titles)), ..place.places(&[], &format!("out-{titles}")) };
        let receipt = run(&plain(), &places).unwrap();
        assert_eq!(receipt.ledger.dropped, BTreeMap::from([("title".into(), 3)]), "{titles}");
        let gone = place.lines(&format!("out-{titles}-gone"));
        let ids: Vec<_> = gone.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["field", "heading", "line"]);
        assert_eq!(gone[1]["contaminated_by"]["file"], titles);
    }
    fs::write(place.path("list.txt"), "\n \n").unwrap();
    let places = Places { titles: Some(place.path("list.txt")), ..place.places(&[], "none") };
    assert!(run(&plain(), &places).unwrap_err().to_string().contains("list.txt: there is no title in it"));
}

#[test]
fn evaluation_files_that_say_nothing_are_refused() {
    let long = prose(1, 20).join(" ");
    let place = Place::new(&[
        ("docs.jsonl", documents(&[("a", "text")])),
        ("good.txt", long.clone()),
        ("empty.txt", String::new()),
        ("blank.jsonl", "\n \n".into()),
        ("zero.txt", "a\0b".into()),
        ("short.txt", "one two three four five six seven".into()),
        ("shorts.jsonl", "{\"text\": \"one\"}\n{\"text\": \"\"}\n".into()),
        ("fields.jsonl", format!("{}\n{}\n", json!({"text": long}), json!({"goal": "a", "sol1": "b"}))),
        ("table.csv", "a,b".into()),
    ]);
    fs::write(place.path("latin.txt"), b"caf\xe9").unwrap();
    fs::write(place.path("cut.txt.gz"), b"\x1f\x8b\x08\x00").unwrap();
    place.refused(&["missing.txt"], &["missing.txt: no such file or folder"]);
    place.refused(&["good.txt", "good.txt"], &["good.txt: it is named twice"]);
    place.refused(&["empty.txt"], &["empty.txt: there is no text in it"]);
    place.refused(&["blank.jsonl"], &["blank.jsonl: there is no text in it"]);
    place.refused(&["zero.txt"], &["zero.txt: no text: a zero at byte 1"]);
    place.refused(&["latin.txt"], &["latin.txt: no text: not UTF-8 at byte 3"]);
    place.refused(&["cut.txt.gz"], &["cut.txt.gz", "gzip"]);
    place.refused(
        &["good.txt", "short.txt"],
        &["short.txt: its one item has fewer than 8 words", "leave the file out"],
    );
    place.refused(&["shorts.jsonl"], &["shorts.jsonl: each of its 2 items has fewer than 8 words"]);
    place.refused(
        &["fields.jsonl"],
        &["fields.jsonl: line 2: no field `text`; it has goal, sol1", "--against-field"],
    );
    place.refused(&["table.csv"], &["table.csv: evaluation documents are read from .jsonl"]);
    for wrong in [
        Configuration { jaccard: 0.0, ..plain() },
        Configuration { jaccard: 1.1, ..plain() },
        Configuration { containment: Some(f64::NAN), ..plain() },
        Configuration { ngram: 0, ..plain() },
        Configuration { max_record_bytes: 0, ..plain() },
    ] {
        wrong.check().unwrap_err();
    }
}

/// WikiText-2's validation set, and WikiText-103's: the same 60 articles, with rare words left out of the first.
#[test]
fn wikitext_leaves_by_title_and_not_by_similarity() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/lm_wikitext");
    let [two, large] =
        ["wikitext-2/valid.txt.xz", "wikitext-103/wiki.valid.tokens.xz"].map(|name| root.join(name));
    if !large.exists() {
        eprintln!("skipped: {} is not there", large.display());
        return;
    }
    let articles = articles_of(&two);
    assert_eq!(articles.len(), 60);
    let line = |(number, text): (usize, &String)| format!("{}\n", json!({"id": number, "text": text}));
    let place = Place::new(&[("docs.jsonl", articles.iter().enumerate().map(line).collect())]);
    let places = Places { against: vec![large.clone()], titles: Some(large), ..place.places(&[], "out") };
    let low = Configuration { jaccard: 0.01, ..plain() };
    let receipt = run(&plain(), &places).unwrap();
    assert_eq!(receipt.ledger.dropped, BTreeMap::from([("title".into(), 31)]));
    assert_eq!((receipt.evaluation[0].items, receipt.evaluation[0].by_ngrams), (60, 60));
    let receipt = run(&low, &Places { against: places.against.clone(), ..place.places(&[], "low") }).unwrap();
    let large = articles_of(&places.against[0]);
    let mut alike = Vec::new();
    for (found, (article, other)) in receipt.found.iter().zip(articles.iter().zip(&large)) {
        // Each is most like itself.
        assert_eq!((found.item - 1).to_string(), found.document);
        assert_eq!((found.jaccard, found.containment), compare(article, other, 13));
        let title = |text: &str| text.trim_start().lines().next().map(str::to_owned);
        alike.push((title(article) == title(other), found.jaccard));
    }
    let mut same: Vec<f64> =
        alike.iter().filter(|(is_same, _)| *is_same).map(|(_, jaccard)| *jaccard).collect();
    same.sort_by(f64::total_cmp);
    println!(
        "Jaccard of {} articles with the same title: {:.3} to {:.3}, median {:.3}",
        same.len(),
        same[0],
        same[30],
        same[15]
    );
    assert_eq!((alike.len(), same.len()), (60, 31));
    assert!(same[0] > 0.25 && same[30] < 0.7, "{same:?}");
}

/// The articles of a WikiText file: what begins with a heading of one equals sign.
fn articles_of(path: &Path) -> Vec<String> {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut data::read::open(path).unwrap(), &mut text).unwrap();
    let is_head = |at: &usize| !text[at + 1..].starts_with(" = = ");
    let heads: Vec<usize> = text.match_indices("\n = ").map(|(at, _)| at).filter(is_head).collect();
    let ends = heads.iter().skip(1).copied().chain([text.len()]);
    heads.iter().zip(ends).map(|(begin, end)| text[*begin..end].to_owned()).collect()
}
