//! A trained model beats the unigram entropy of every task of language modelling.
//!
//! A small model is trained on made-up text and asked for tasks made up in the same way. `UNIGRAM_RUN=DIR cargo test --test
//! unigram -- --nocapture` asks a trained run for WikiText-103 and for texts that stand in for the Pile's 19 sets, which are not
//! public any more: it prints the tables of docs/evaluation.md. `UNIGRAM_TEXT=DIR` writes text of the same kinds as these
//! into a folder, and nothing of these themselves: what a run is to be trained on that is to beat all of them (`UNIGRAM_ALL=1` has
//! the test demand it).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data::Document;
use eval::TrainedModel;
use graph::testing::Random;
use runtime::{DeviceKind, Runtime};
use serde_json::{Value, json};

/// The Pile's names of its 19 sets that are tasks, and what stands in for each: files beside the repository or in it.
const SETS: [(&str, &str); 19] = [
    ("ArXiv", "docs/scoring.md"),
    ("BookCorpus2", "../shared/data/lm_books_english_novels/Doyle_Hound_1902.txt.xz"),
    ("Books3", "../shared/data/lm_books_english_novels/Kipling_Kim_1901.txt.xz"),
    ("DM Mathematics", ""),
    ("EuroParl", "docs/hosts.md"),
    ("FreeLaw", "LICENSE"),
    ("Github", "model/src/gopher.rs"),
    ("Gutenberg (PG-19)", "../shared/data/lm_books_english_novels/Cbronte_Jane_1847.txt.xz"),
    ("HackerNews", "docs/performance.md"),
    ("NIH ExPorter", "docs/verification.md"),
    ("OpenSubtitles", "docs/generate.md"),
    ("OpenWebText2", "../shared/data/lm_web_samples/c4-sample.01.json.gz"),
    ("PhilPapers", "docs/statistics.md"),
    ("Pile-CC", "../shared/data/lm_web_samples/c4-sample.02.json.gz"),
    ("PubMed Abstracts", "../shared/data/lm_pubmed_abstracts/ori_pqal.json.xz"),
    ("PubMed Central", "docs/model.md"),
    ("StackExchange", "README.md"),
    ("Ubuntu IRC", "docs/incidents.md"),
    ("USPTO Backgrounds", "docs/plan.md"),
];

/// Most characters of a stand-in.
const CHARACTERS: usize = 20_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The beginning of a file's text, or sums.
fn stand_in(file: &str) -> Option<String> {
    if file.is_empty() {
        let mut random = Random::new(1);
        let mut sum = || {
            let (a, b) = (random.below(900), random.below(900));
            format!("What is {a} + {b}?\n{}\n", a + b)
        };
        return Some((0..400).map(|_| sum()).collect());
    }
    let text = tasks::read::text(&root().join(file)).ok()?;
    Some(text.chars().take(CHARACTERS).collect())
}

/// Text of the kinds of all stand-ins, in files by kind: other novels, pages of documentation and code, other documents of the same files.
fn write_text(folder: &Path) {
    let root = root();
    let shared = root.join("../shared/data");
    let is_stand_in = |path: &Path| SETS.iter().any(|(_, file)| !file.is_empty() && path.ends_with(file));
    let below = |folder: PathBuf, ending: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> =
            entries.filter(|path| path.to_string_lossy().ends_with(ending) && !is_stand_in(path)).collect();
        paths.sort();
        paths
    };
    let all = |paths: Vec<PathBuf>, most: usize| -> String {
        let texts = paths.iter().filter_map(|path| tasks::read::text(path).ok());
        texts.map(|text| text.chars().take(most).collect::<String>() + "\n").collect()
    };
    let rest = |file: &str| {
        let text = tasks::read::text(&shared.join(file)).unwrap_or_default();
        text.chars().skip(2 * CHARACTERS).take(200_000).collect::<String>()
    };
    let (mut random, mut sums) = (Random::new(2), String::new());
    for _ in 0..4_000 {
        let (a, b) = (random.below(900), random.below(900));
        sums += &format!("What is {a} + {b}?\n{}\n", a + b);
    }
    let code = ["graph/src", "graph/src/gradient", "sharding/src", "train/src"];
    let kinds = [
        ("novels", all(below(shared.join("lm_books_english_novels"), ".txt.xz"), 12_000)),
        ("pages", all(vec![shared.join("lm_web_samples/c4-sample.03.json.gz")], 400_000)),
        ("documentation", all(below(root.join("docs"), ".md"), 40_000)),
        ("code", code.iter().map(|folder| all(below(root.join(folder), ".rs"), 12_000)).collect()),
        ("abstracts", rest("lm_pubmed_abstracts/ori_pqal.json.xz")),
        ("sums", sums),
    ];
    fs::create_dir_all(folder).unwrap();
    for (kind, text) in kinds {
        fs::write(folder.join(format!("{kind}.txt")), text).unwrap();
    }
}

/// Sentences in which the next word depends on the last.
fn made_up(seed: u64, words: usize) -> String {
    let known = "the of and to in a is that it was for on are as with his they at be this from have or by one had not but what";
    let known: Vec<&str> = known.split(' ').collect();
    let (mut random, mut at) = (Random::new(seed), 0);
    let mut text = String::new();
    for word in 1..=words {
        at = (at * 7 + 3 + random.below(3)) % known.len();
        text += known[at];
        text.push(if word % 12 == 0 { '\n' } else { ' ' });
    }
    text
}

fn gopher(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gopher")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Trains a model of some ten thousand parameters.
fn trained(folder: &Path) -> PathBuf {
    let text = folder.join("text.txt");
    fs::write(&text, made_up(1, 20_000)).unwrap();
    let run = folder.join("run");
    let mut arguments =
        vec!["train", "--data", text.to_str().unwrap(), "--run", run.to_str().unwrap(), "--steps", "60"];
    for setting in [
        "model.layers=1",
        "model.heads=2",
        "model.key_value_size=8",
        "model.d_model=16",
        "model.vocabulary_size=320",
        "training.batch=8",
        "training.sequence_length=64",
        "schedule.maximum=0.02",
        "schedule.warmup_steps=5",
    ] {
        arguments.extend(["--set", setting]);
    }
    gopher(&arguments);
    run
}

/// Writes the Pile's file, and WikiText's if there is none beside the repository.
fn write_data(folder: &Path, is_made_up: bool) -> Vec<PathBuf> {
    fs::create_dir_all(folder.join("pile")).unwrap();
    let mut lines = String::new();
    for (number, (set, file)) in SETS.iter().enumerate() {
        let text = if is_made_up { None } else { stand_in(file) };
        let text = text.unwrap_or_else(|| made_up(100 + number as u64, 300));
        lines += &format!("{}\n", json!({ "text": text, "meta": { "pile_set_name": set } }));
    }
    fs::write(folder.join("pile/test.jsonl"), lines).unwrap();
    let shared = root().join("../shared/data/lm_wikitext");
    if !is_made_up && shared.is_dir() {
        return vec![folder.into(), shared];
    }
    fs::create_dir_all(folder.join("wikitext-103")).unwrap();
    let page = format!(" = It = \n \n{}", made_up(99, 300));
    fs::write(folder.join("wikitext-103/wiki.valid.tokens"), page).unwrap();
    vec![folder.into()]
}

/// How often each token stands in the text that a run was trained on.
fn counts(model: &TrainedModel) -> Vec<f64> {
    struct Silent;
    impl train::observer::Observer for Silent {
        fn event(&mut self, _: train::observer::Event<'_>) {}
    }
    let mut counts = vec![0.0; model.tokenizer().vocabulary_size()];
    let mut count = |document: &Document| {
        for id in model.tokenizer().encode(&document.text) {
            counts[id as usize] += 1.0;
        }
    };
    train::text::documents(&model.config().data, &mut Silent, &mut count).unwrap();
    counts
}

/// A task's tokens, and the natural log of the probability that the model gives all of them.
#[derive(Default)]
struct Scored {
    tokens: Vec<usize>,
    log_probability: f64,
}

impl Scored {
    /// Nats that a token takes by its own frequency: 1 added to each of `counts`, so that none is impossible.
    fn nats_by(&self, counts: &[f64]) -> f64 {
        let all = counts.iter().sum::<f64>() + counts.len() as f64;
        -self.tokens.iter().map(|&id| ((counts[id] + 1.0) / all).ln()).sum::<f64>() / self.tokens.len() as f64
    }

    /// The same by frequencies in these tokens themselves: their entropy, below which no unigram model is.
    fn entropy(&self) -> f64 {
        let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
        self.tokens.iter().for_each(|&id| *counts.entry(id).or_default() += 1.0);
        let all = self.tokens.len() as f64;
        -counts.values().map(|count| count / all * (count / all).ln()).sum::<f64>()
    }
}

#[test]
fn text_of_the_kinds_of_all_stand_ins() {
    match std::env::var_os("UNIGRAM_TEXT") {
        Some(folder) => write_text(Path::new(&folder)),
        None => eprintln!("skipped: UNIGRAM_TEXT names no folder"),
    }
}

#[test]
fn a_trained_model_beats_the_unigram_entropy_of_every_language_modelling_task() {
    if Runtime::find(DeviceKind::Cpu).unwrap().is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let given = std::env::var_os("UNIGRAM_RUN").map(PathBuf::from);
    let run = given.clone().unwrap_or_else(|| trained(folder.path()));
    let data = write_data(folder.path(), given.is_none());
    let results = folder.path().join("results");
    let mut arguments = vec![
        "eval",
        "--run",
        run.to_str().unwrap(),
        "--suite",
        "lm",
        "-o",
        results.to_str().unwrap(),
        "--data",
    ];
    arguments.extend(data.iter().map(|folder| folder.to_str().unwrap()));
    gopher(&arguments);
    let mut tasks: BTreeMap<String, Scored> = BTreeMap::new();
    for line in fs::read_to_string(results.join("samples.jsonl")).unwrap().lines() {
        let sample: Value = serde_json::from_str(line).unwrap();
        let task = tasks.entry(sample["gopher"]["key"]["task"].as_str().unwrap().to_owned()).or_default();
        for request in sample["gopher"]["requests"].as_array().unwrap() {
            let ids = request["continuation_ids"].as_array().unwrap();
            task.tokens.extend(ids.iter().map(|id| id.as_u64().unwrap() as usize));
            task.log_probability += request["log_probability"].as_f64().unwrap();
        }
    }
    assert_eq!(tasks.len(), 20);
    let counts = counts(&TrainedModel::open(&run, &mut |_| ()).unwrap());
    println!("| task | tokens | model | unigram | own unigram |\n|---|---|---|---|---|");
    for (name, task) in &tasks {
        let model = -task.log_probability / task.tokens.len() as f64;
        let (unigram, own) = (task.nats_by(&counts), task.entropy());
        println!("| `{name}` | {} | {model:.3} | {unigram:.3} | {own:.3} |", task.tokens.len());
    }
    for (name, task) in &tasks {
        // What stands in may be unlike anything that a given run was trained on: of such, numbers are printed only.
        if given.is_some() && name != "wikitext103" && std::env::var_os("UNIGRAM_ALL").is_none() {
            continue;
        }
        let model = -task.log_probability / task.tokens.len() as f64;
        let unigram = task.nats_by(&counts);
        assert!(model < unigram, "{name}: {model} nats a token, and by frequency {unigram}");
        // Made-up text is like what the model was trained on.
        let own = task.entropy();
        assert!(given.is_some() || model < own, "{name}: {model}, and its own entropy {own}");
    }
}
