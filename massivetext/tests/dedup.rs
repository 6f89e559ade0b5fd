//! Deduplication beside comparing every pair with every other: what goes has a similar document that stays, what is similar is found,
//! and neither order, memory nor threads change which documents stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use massivetext::dedup::grams::{Grams, jaccard};
use massivetext::dedup::signatures::{self, Signatures};
use massivetext::dedup::store::{Store, number, place};
use massivetext::dedup::{self, Configuration, Places, Receipt, apply, graph, verify};
use massivetext::manifest::{Manifest, Part};
use massivetext::output::Compression;
use serde_json::{Value, json};

/// A generator of numbers that are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Documents, most of them edited copies of others: words exchanged here and there, some copies with other punctuation alone.
fn documents(count: usize) -> Vec<(String, String)> {
    let mut numbers = Numbers(5);
    let mut texts: Vec<Vec<String>> = Vec::new();
    for number in 0..count {
        let mut words = match number % 3 {
            0 => (0..150 + numbers.below(100)).map(|_| format!("w{}", numbers.below(5000))).collect(),
            _ => texts[numbers.below(texts.len())].clone(),
        };
        let edits = [0, 0, 1, 1, 2, 3, 5, 9][numbers.below(8)];
        for _ in 0..if number % 3 == 0 { 0 } else { edits } {
            let place = numbers.below(words.len());
            words[place] = format!("e{}", numbers.below(5000));
        }
        texts.push(words);
    }
    let text = |(number, words): (usize, &Vec<String>)| {
        let space = if number % 7 == 0 { ", " } else { " " };
        (format!("d{number}"), words.join(space))
    };
    texts.iter().enumerate().map(text).collect()
}

struct Outcome {
    receipt: Receipt,
    kept: BTreeSet<String>,
    /// Of each that goes: the one that stays, and the similarity.
    gone: BTreeMap<String, (String, f64)>,
    files: Vec<(String, Vec<u8>)>,
}

/// Deduplicates documents that stand in a file in this order.
fn run(documents: &[(String, String)], memory: u64, configuration: &Configuration) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let lines = documents.iter().map(|(id, text)| format!("{}\n", json!({"id": id, "text": text})));
    fs::write(folder.path().join("docs.jsonl"), lines.collect::<String>()).unwrap();
    let places = Places {
        inputs: vec![folder.path().join("docs.jsonl")],
        out: folder.path().join("out"),
        rejected: Some(folder.path().join("gone")),
        memory,
        strict: true,
    };
    let manifest = Manifest::find(&places.inputs).unwrap();
    let (receipt, was_complete) = dedup::run(configuration, &places, &manifest, &mut |_, _| ()).unwrap();
    assert!(!was_complete);
    assert_eq!(
        dedup::run(configuration, &places, &manifest, &mut |_, _| ()).unwrap(),
        (receipt.clone(), true)
    );
    let lines = |folder: &Path| -> Vec<Value> {
        let text = fs::read_to_string(folder.join("00000.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let kept = lines(&places.out).iter().map(|line| word(&line["id"])).collect();
    let gone = lines(&folder.path().join("gone"))
        .into_iter()
        .map(|line| (word(&line["id"]), (word(&line["duplicate_of"]), line["jaccard"].as_f64().unwrap())));
    let files = ["out/00000.jsonl", "out/receipt.json", "gone/00000.jsonl"];
    let files = files.map(|name| (name.to_owned(), fs::read(folder.path().join(name)).unwrap()));
    assert!(!places.out.join(".work").exists());
    Outcome { receipt, kept, gone: gone.collect(), files: files.to_vec() }
}

fn plain() -> Configuration {
    Configuration { compression: Compression::None, ..Configuration::default() }
}

fn set(text: &str) -> Vec<u64> {
    let mut grams = Grams::default();
    grams.read(text, 13);
    grams.set
}

#[test]
fn what_goes_has_a_similar_one_that_stays_and_what_is_similar_is_found() {
    let documents = documents(1200);
    let Outcome { receipt, kept, gone, .. } = run(&documents, 1 << 30, &plain());
    assert_eq!(kept.len() + gone.len(), documents.len());
    let sets: BTreeMap<&str, Vec<u64>> = documents.iter().map(|(id, text)| (&id[..], set(text))).collect();
    for (document, (stays, similarity)) in &gone {
        assert!(kept.contains(stays), "{document}: {stays} is gone as well");
        let expected = jaccard(&sets[&document[..]], &sets[&stays[..]]);
        assert!(
            *similarity == expected && expected >= 0.8,
            "{document} and {stays}: {similarity}, {expected}"
        );
    }
    // All pairs, one by one: those that are similar are found, but for one in a thousand at the threshold.
    let all: Vec<(&&str, &Vec<u64>)> = sets.iter().collect();
    let (mut similar, mut missed, mut negatives) = (0, 0, 0);
    for (place, (a, set)) in all.iter().enumerate() {
        for (b, other) in &all[place + 1..] {
            let both_stay = kept.contains(**a) && kept.contains(**b);
            match jaccard(set, other) {
                similarity if similarity >= 0.8 => {
                    similar += 1;
                    missed += usize::from(both_stay);
                }
                similarity if similarity > 0.0 => negatives += 1,
                _ => {}
            }
        }
    }
    println!("{similar} similar pairs, {missed} missed, {negatives} less similar; {:?}", receipt.pairs);
    assert!(similar > 400 && negatives > 400, "{similar} {negatives}");
    assert!(missed * 1000 <= similar, "{missed} of {similar} missed");
    let mut clusters = BTreeMap::<&str, u64>::new();
    gone.values().for_each(|(stays, _)| *clusters.entry(stays).or_insert(1) += 1);
    let mut sizes = BTreeMap::<u64, u64>::new();
    clusters.values().for_each(|size| *sizes.entry(*size).or_default() += 1);
    assert_eq!(receipt.clusters, sizes);
    let ledger = &receipt.ledger;
    assert_eq!((ledger.records, ledger.kept), (1200, kept.len() as u64));
    assert!(ledger.dropped["same_ngrams"] > 50 && ledger.dropped["similar_ngrams"] > 50, "{ledger:?}");
}

#[test]
fn neither_memory_nor_order_decides() {
    let mut documents = documents(600);
    let whole = run(&documents, 1 << 30, &plain());
    // Sorted on disk, in runs of 64 KiB.
    assert!(run(&documents, 1, &plain()).files == whole.files);
    documents.reverse();
    let other = run(&documents, 1 << 30, &plain());
    assert_eq!((other.kept, other.gone), (whole.kept.clone(), whole.gone));
    // The seed does.
    let seeded = run(&documents, 1 << 30, &Configuration { seed: 1, ..plain() });
    assert_ne!(seeded.kept, whole.kept);
}

/// What another program that reads the signatures would write: of each document that goes, a line in the folder of its shard.
fn removals_of(signatures: &Signatures, gone: &[Value], ids: &[&str], folder: &Path) {
    let store = &signatures.store;
    let of: BTreeMap<String, u64> = store
        .counts()
        .flat_map(|(shard, documents)| (0..documents).map(move |place| number(shard, place)))
        .map(|document| (store.id(document).unwrap(), document))
        .collect();
    assert_eq!(of.len(), ids.len());
    for line in gone {
        let (document, stays) =
            (of[line["id"].as_str().unwrap()], of[line["duplicate_of"].as_str().unwrap()]);
        let folder = folder.join(format!("shard={}", place(document).0));
        fs::create_dir_all(&folder).unwrap();
        let rule = u8::from(line["dropped_by"] == "similar_ngrams");
        let row = format!("{document},{stays},{},{rule}\n", line["jaccard"]);
        // Two files, in no order.
        let file = folder.join(format!("part-{}.csv", document % 2));
        let earlier = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, row + &earlier).unwrap();
    }
}

/// A folder's files with their bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

/// A corpus of several files, deduplicated as a whole.
struct Corpus {
    folder: tempfile::TempDir,
    configuration: Configuration,
    manifest: Manifest,
    ids: Vec<String>,
}

impl Corpus {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let documents = documents(400);
        fs::create_dir(folder.path().join("docs")).unwrap();
        for (number, some) in documents.chunks(41).enumerate() {
            let mut lines: String =
                some.iter().map(|(id, text)| format!("{}\n", json!({"id": id, "text": text}))).collect();
            if number == 3 {
                lines.insert_str(0, "no document\n");
            }
            fs::write(folder.path().join(format!("docs/{number}.jsonl")), lines).unwrap();
        }
        let configuration = Configuration { shard_bytes: 60_000, ..plain() };
        let manifest = Manifest::find(&[folder.path().join("docs")]).unwrap();
        assert!(manifest.shards(configuration.shard_bytes).len() >= 7);
        let corpus =
            Self { configuration, manifest, ids: documents.into_iter().map(|(id, _)| id).collect(), folder };
        let places = Places {
            inputs: corpus.inputs(),
            out: corpus.path("whole"),
            rejected: Some(corpus.path("whole-gone")),
            memory: 1 << 30,
            strict: false,
        };
        dedup::run(&corpus.configuration, &places, &corpus.manifest, &mut |_, _| ()).unwrap();
        corpus
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn inputs(&self) -> Vec<PathBuf> {
        vec![self.path("docs")]
    }

    /// Signatures in so many parts, the last one first.
    fn signatures(&self, parts: usize, configuration: &Configuration) -> PathBuf {
        let out = self.path(&format!("signatures-{parts}-{}", configuration.seed));
        for index in (1..=parts).rev() {
            let places = signatures::Places {
                inputs: self.inputs(),
                out: out.clone(),
                part: Part { index, parts },
                strict: false,
            };
            let nothing = |_: &Store, _: usize, _: &Path| Ok(Vec::new());
            let report =
                signatures::run(configuration, &places, &self.manifest, &nothing, &mut |_| ()).unwrap();
            assert_eq!(report.completes, index == 1);
        }
        out
    }

    /// The removals that belong to signatures, if they are of the same configuration.
    fn removals(&self, signatures: &Signatures) -> PathBuf {
        let folder = self.path(&format!("removals-{}", &signatures.sha256[..8]));
        let gone: Vec<Value> = files(&self.path("whole-gone"))
            .iter()
            .filter(|(name, _)| name.ends_with(".jsonl"))
            .flat_map(|(_, bytes)| std::str::from_utf8(bytes).unwrap().lines())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(gone.len() > 50);
        let ids: Vec<&str> = self.ids.iter().map(|id| &id[..]).collect();
        let _ = fs::remove_dir_all(&folder);
        removals_of(signatures, &gone, &ids, &folder);
        let receipt: Value =
            serde_json::from_slice(&fs::read(self.path("whole/receipt.json")).unwrap()).unwrap();
        let (pairs, clusters) = (&receipt["pairs"], &receipt["clusters"]);
        let found = json!({"signatures": signatures.sha256, "pairs": pairs, "clusters": clusters});
        fs::write(folder.join("pairs.json"), found.to_string()).unwrap();
        folder
    }

    fn apply(
        &self,
        signatures: &Signatures,
        removals: &Path,
        name: &str,
        part: Part,
    ) -> massivetext::Result<()> {
        let places = apply::Places {
            inputs: self.inputs(),
            out: self.path(name),
            rejected: Some(self.path(&format!("{name}-gone"))),
            part,
            strict: false,
        };
        apply::run(signatures, removals, &places, &self.manifest, &mut |_| ()).map(drop)
    }
}

/// Signatures and documents in any number of parts are the same bytes, those of the whole stage on one machine.
#[test]
fn steps_on_a_cluster_give_the_bytes_of_one_machine() {
    let corpus = Corpus::new();
    let mut all_signatures = Vec::new();
    for parts in [1, 2, 7] {
        let folder = corpus.signatures(parts, &corpus.configuration);
        let signatures = signatures::open(&folder).unwrap();
        let removals = corpus.removals(&signatures);
        let name = format!("applied-{parts}");
        for index in (1..=parts).rev() {
            corpus.apply(&signatures, &removals, &name, Part { index, parts }).unwrap();
        }
        for beside in ["", "-gone"] {
            let (expected, found) = (
                files(&corpus.path(&format!("whole{beside}"))),
                files(&corpus.path(&format!("{name}{beside}"))),
            );
            assert!(expected == found, "{parts} parts: {:?} and {:?}", expected.keys(), found.keys());
        }
        all_signatures.push(files(&folder));
    }
    assert!(all_signatures.iter().all(|files| *files == all_signatures[0]));
}

#[test]
fn pairs_are_verified_as_they_come() {
    let corpus = Corpus::new();
    let signatures = signatures::open(&corpus.signatures(2, &corpus.configuration)).unwrap();
    let store = &signatures.store;
    let all: Vec<u64> = store
        .counts()
        .flat_map(|(shard, documents)| (0..documents.min(12)).map(move |place| number(shard, place)))
        .collect();
    let (mut asked, mut expected) = (String::new(), String::new());
    for a in &all {
        for b in &all {
            let of = |document: &u64| store.set(&store.entry(*document).unwrap()).unwrap();
            let similarity = jaccard(&of(a), &of(b));
            asked += &format!("{a} {b}\n");
            if similarity >= 0.8 {
                expected += &format!("{a} {b} {similarity}\n");
            }
        }
    }
    let mut found = Vec::new();
    let read = verify::run(&signatures, &mut asked.as_bytes(), &mut found).unwrap();
    assert_eq!((read, String::from_utf8(found).unwrap()), ((all.len() * all.len()) as u64, expected));
    let refused = |line: &str, part: &str| {
        let error = verify::run(&signatures, &mut line.as_bytes(), &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused("0 1\n0,1\n", "line = 2 (\"0,1\")");
    refused("0 99999\n", "document 99999 is not in these signatures");
    refused("0 18446744073709551615\n", "is not in these signatures");
}

/// What an engine of a cluster reads is what candidates are found by on one machine.
#[cfg(feature = "parquet")]
#[test]
fn parquet_files_have_the_keys_and_priorities() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;
    let corpus = Corpus::new();
    let (out, configuration) = (corpus.path("signatures"), &corpus.configuration);
    let bands = configuration.bands().unwrap();
    let places =
        signatures::Places { inputs: corpus.inputs(), out: out.clone(), part: Part::WHOLE, strict: false };
    let export = |store: &Store, shard: usize, folder: &Path| {
        dedup::parquet::export(store, shard, folder, bands, configuration.seed)
    };
    signatures::run(configuration, &places, &corpus.manifest, &export, &mut |_| ()).unwrap();
    let store = signatures::open(&out).unwrap().store;
    let rows = |name: String| {
        let file = SerializedFileReader::new(fs::File::open(out.join(name)).unwrap()).unwrap();
        file.get_row_iter(None).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let (mut keys, mut expected, mut priorities, mut ordered) = (vec![], vec![], vec![], vec![]);
    for (shard, documents) in store.counts() {
        for row in rows(format!("{shard:05}.keys.parquet")) {
            let number = |at| row.get_long(at).unwrap().cast_unsigned();
            keys.push((row.get_int(0).unwrap() as usize, number(1), number(2)));
        }
        for row in rows(format!("{shard:05}.documents.parquet")) {
            priorities.push((row.get_long(2).unwrap(), row.get_long(3).unwrap(), row.get_long(0).unwrap()));
        }
        for place in 0..documents {
            let entry = store.entry(number(shard, place)).unwrap();
            let mut of = Vec::new();
            bands.keys(&store.set(&entry).unwrap(), configuration.seed, &mut of);
            expected.extend(of.into_iter().enumerate().map(|(band, key)| (band, key, entry.priority[2])));
            ordered.push(entry.priority);
        }
    }
    assert_eq!(keys, expected);
    // As signed numbers they are in the same order.
    priorities.sort_unstable();
    ordered.sort_unstable();
    let documents = |priorities: &mut dyn Iterator<Item = u64>| priorities.collect::<Vec<_>>();
    assert_eq!(
        documents(&mut priorities.iter().map(|priority| priority.2.cast_unsigned())),
        documents(&mut ordered.iter().map(|priority| priority[2]))
    );
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let corpus = Corpus::new();
    let folder = corpus.signatures(1, &corpus.configuration);
    let signatures = signatures::open(&folder).unwrap();
    let removals = corpus.removals(&signatures);
    let refused = |result: massivetext::Result<()>, part: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let apply = |removals: &Path| corpus.apply(&signatures, removals, "none", Part::WHOLE);
    refused(apply(&corpus.path("nowhere")), "no complete removals");
    // Of other signatures.
    let other =
        signatures::open(&corpus.signatures(1, &Configuration { seed: 1, ..corpus.configuration.clone() }));
    refused(corpus.apply(&other.unwrap(), &removals, "other", Part::WHOLE), "of other signatures");
    // A line that is none, of a document that there is not, of another shard.
    for line in
        ["x", "1,2,0.9", "1,2,0.9,2", "1,2,0.9,1,1", "99999,1,0.9,1", "1,99999,0.9,1", "4294967296,1,0.9,1"]
    {
        fs::write(removals.join("shard=0/x.csv"), format!("{line}\n")).unwrap();
        refused(apply(&removals), &format!("{line:?} is no removal"));
    }
    fs::remove_file(removals.join("shard=0/x.csv")).unwrap();
    // Signatures that are not whole.
    fs::write(folder.join("00001.sets"), "short").unwrap();
    let error = signatures::open(&folder).err().unwrap().to_string();
    assert!(error.contains("00001.sets: 5 bytes, and the receipt says"), "{error}");
    refused(signatures::open(&corpus.path("docs")).map(drop), "no complete signatures");
    refused(signatures::open(&corpus.path("whole")).map(drop), "the output of another stage");
}

#[test]
fn the_neighbors_of_a_document_are_all_that_share_an_n_gram() {
    let corpus = Corpus::new();
    let sets: BTreeMap<String, Vec<u64>> =
        documents(400).iter().map(|(id, text)| (id.clone(), set(text))).collect();
    for asked in ["d1", "d40", "d77"] {
        let question =
            graph::Question { document: asked, ngram: 13, seed: 0, least: 0.0, max_record_bytes: 1 << 20 };
        let found = graph::run(&question, &corpus.manifest, &mut |_| ()).unwrap().unwrap();
        let similarity = |id: &str| jaccard(&sets[id], &sets[asked]);
        let expected: BTreeSet<&str> =
            sets.keys().map(|id| &id[..]).filter(|id| *id != asked && similarity(id) > 0.0).collect();
        assert_eq!(
            found.neighbors.iter().map(|neighbor| &neighbor.id[..]).collect::<BTreeSet<_>>(),
            expected
        );
        assert!(!expected.is_empty() || asked == "d1");
        assert!(found.neighbors.is_sorted_by(|a, b| a.jaccard >= b.jaccard));
        for neighbor in &found.neighbors {
            assert_eq!(neighbor.jaccard, similarity(&neighbor.id));
            // What is shared has the n-grams of both, and no others.
            let shared: BTreeSet<u64> =
                neighbor.shared.iter().flat_map(|passage| set(&passage.text)).collect();
            let both: BTreeSet<u64> =
                sets[asked].iter().copied().filter(|gram| sets[&neighbor.id].contains(gram)).collect();
            assert_eq!(shared, both);
        }
    }
    let nobody =
        graph::Question { document: "nobody", ngram: 13, seed: 0, least: 0.0, max_record_bytes: 1 << 20 };
    assert!(graph::run(&nobody, &corpus.manifest, &mut |_| ()).unwrap().is_none());
}

#[test]
fn short_and_empty_texts_are_compared_as_a_whole() {
    let documents =
        [("a", "one two"), ("b", "One, two!"), ("c", "one three"), ("d", "..."), ("e", "!!!"), ("f", "one")];
    let documents: Vec<_> = documents.map(|(id, text)| (id.to_owned(), text.to_owned())).to_vec();
    let Outcome { kept, gone, .. } = run(&documents, 1 << 30, &plain());
    // Texts without words are alike in nothing.
    assert_eq!(kept.len(), 5);
    assert!(["a", "b"].iter().any(|id| gone.contains_key(*id)), "{gone:?}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let check = |configuration: Configuration, part: &str| {
        let error = configuration.bands().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check(Configuration { ngram: 0, ..plain() }, "--ngram = 0");
    check(Configuration { jaccard: 0.0, ..plain() }, "--jaccard = 0");
    check(Configuration { jaccard: f64::NAN, ..plain() }, "--jaccard = NaN");
    check(Configuration { recall: 1.0, ..plain() }, "--recall = 1");
    check(Configuration { jaccard: 0.01, ..plain() }, "--recall = 0.999");
}
