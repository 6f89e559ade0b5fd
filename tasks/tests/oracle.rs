//! Documents and prompts beside what other programs make of the same files: BIG-bench's own, and lm-evaluation-harness. The
//! files are not part of the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};
use tasks::format::prompts_hash;
use tasks::read::{self, Shape};
use tasks::suite::{self, Error, Folders, Protocol};
use tasks::{Ask, Gold};

/// What is beside the repository.
fn shared(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?.join("shared").join(part);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no {}", path.display());
    None
}

/// A task's folder, its examples, and the start of a sha256 over them: input, number of choices, choices, their scores, first
/// target, each ended by a zero byte. Made by the formatting function of `bigbench` 1.0.0 itself, under NumPy 2.4.
const BIG_BENCH: &[(&str, usize, &str)] = &[
    ("analogical_similarity", 323, "b0a34c3464b3553b"),
    ("causal_judgment", 190, "96020e58b4f0d742"),
    ("dark_humor_detection", 80, "17e3a990554c2b36"),
    ("date_understanding", 369, "90a59ad8e50162c4"),
    ("disambiguation_qa", 258, "3456ac465e4c867a"),
    ("discourse_marker_prediction", 857, "3332b19202c0f062"),
    ("empirical_judgments", 99, "7ab112c4bf8066cb"),
    ("entailed_polarity", 148, "22cc5d1539040234"),
    ("epistemic_reasoning", 2000, "aa8202027f7ce2c8"),
    ("evaluating_information_essentiality", 68, "911f5aa4e0790cd8"),
    ("fantasy_reasoning", 201, "8cd6f4f432ec32cd"),
    ("figure_of_speech_detection", 59, "89ce7cff11c5ae2c"),
    ("formal_fallacies_syllogisms_negation", 2840, "43c7c9e438b21b47"),
    ("general_knowledge", 70, "a4cfa512b4dd3e00"),
    ("hindu_knowledge", 175, "5ccc623744778c6a"),
    ("human_organs_senses", 42, "dcc2aeb910486797"),
    ("hyperbaton", 2942, "74c1240f2d1ad189"),
    ("identify_odd_metaphor", 47, "d657e448fc489906"),
    ("implicatures", 492, "d53cc1b4b240f97b"),
    ("implicit_relations", 85, "33dbe05ea6e03a14"),
    ("intent_recognition", 693, "e94e192bb383ea34"),
    ("known_unknowns", 46, "fb23eeb82d780802"),
    ("logic_grid_puzzle", 1000, "f681d979b451b04f"),
    ("logical_fallacy_detection", 2800, "74582095f03c3acf"),
    ("logical_sequence", 39, "c66795159bedbb86"),
    ("mathematical_induction", 69, "af0a652258d9691f"),
    ("metaphor_boolean", 680, "a9275b79740cc073"),
    ("misconceptions", 219, "e046b73816621821"),
    ("moral_permissibility", 342, "20051a14944ab921"),
    ("movie_dialog_same_or_different", 2942, "f7f09d9a21d7e8cd"),
    ("movie_recommendation", 500, "dec392d3fafbe052"),
    ("navigate", 1000, "a2d7197fec6659d7"),
    ("nonsense_words_grammar", 50, "afad3f949fb41e8f"),
    ("odd_one_out", 86, "5c7061c7bfc507ea"),
    ("penguins_in_a_table", 149, "ea2070d92e1591fa"),
    ("phrase_relatedness", 100, "132475d0d62ff2f9"),
    ("physics", 229, "2235a089b2dd2063"),
    ("presuppositions_as_nli", 735, "b01aaacd06ab265f"),
    ("question_selection", 1582, "201e13c59164dceb"),
    ("reasoning_about_colored_objects", 2000, "b6c17464c4305e59"),
    ("riddle_sense", 49, "df95984aabfc1d1a"),
    ("ruin_names", 448, "85ff8b3b18daeb91"),
    ("similarities_abstraction", 76, "7464901f173b9ab6"),
    ("snarks", 181, "9ca00bee75d92fe9"),
    ("sports_understanding", 986, "5d25780e579806b5"),
    ("strategyqa", 2289, "69d6f97dbb963ce1"),
    ("timedial", 2550, "ca2dad939ece4e5a"),
    ("understanding_fables", 189, "5cc1e7bc9248d0bd"),
    ("winowhy", 2862, "81ba08b0cbc0a85d"),
    ("fever", 6612, "83632e1df9dd1da5"),
];

#[test]
fn examples_of_big_bench_are_those_of_its_own_program() {
    let Some(data) = shared("data") else { return };
    let folders = Folders::search(&[data]).unwrap();
    for &(folder, examples, expected) in BIG_BENCH {
        let name = if folder == "fever" { "fever_two_way".into() } else { format!("bigbench_{folder}") };
        let documents = suite::entry(&name).unwrap().documents(&folders).unwrap().asked;
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.as_bytes());
            hash.update([0]);
        };
        for document in &documents {
            add(document["inputs"].as_str().unwrap());
            let choices = document["multiple_choice_targets"].as_array().unwrap();
            add(&choices.len().to_string());
            choices.iter().for_each(|choice| add(choice.as_str().unwrap()));
            let scores = document["multiple_choice_scores"].as_array().unwrap();
            scores.iter().for_each(|score| add(&format!("{:.6}", score.as_f64().unwrap())));
            add(document["targets"][0].as_str().unwrap());
        }
        let hash = format!("{:x}", hash.finalize());
        assert_eq!((documents.len(), &hash[..16]), (examples, expected), "{folder}");
    }
}

/// Contexts and continuations of lm-evaluation-harness 0.4.13, written down with its scores of a real model.
#[test]
fn requests_are_those_of_the_common_harness() {
    let (Some(data), Some(reference)) = (shared("data"), shared("reference/smollm2")) else { return };
    let folders = Folders::search(&[data]).unwrap();
    let mut compared = BTreeMap::new();
    for (name, shots) in [
        ("piqa", 0),
        ("hellaswag", 0),
        ("winogrande", 0),
        ("lambada_openai", 0),
        ("boolq", 0),
        ("mmlu_anatomy", 5),
        ("mmlu_elementary_mathematics", 5),
        ("mmlu_us_foreign_policy", 5),
    ] {
        let entry = suite::entry(name).unwrap();
        let mut documents = entry.documents(&folders).unwrap();
        documents.asked.truncate(2000);
        let task = entry.task(Protocol::LmEval).unwrap();
        let items = entry.items(&task, &documents, Some(shots), None).unwrap();
        let path = reference.join(format!("samples_{name}.jsonl.xz"));
        for sample in read::documents(&path, Shape::default()).unwrap() {
            let sample = sample.unwrap();
            let item = &items[sample["doc"].as_u64().unwrap() as usize];
            let pairs = match &item.ask {
                Ask::Choices { pairs, .. } => pairs.clone(),
                Ask::LogLikelihood(pair) => vec![pair.clone()],
                other => panic!("{other:?}"),
            };
            let requests = sample["requests"].as_array().unwrap();
            assert_eq!(pairs.len(), requests.len(), "{name}");
            for (pair, request) in pairs.iter().zip(requests) {
                assert_eq!(request["context"], pair.context, "{name} {}", sample["doc"]);
                assert_eq!(request["continuation"], pair.continuation, "{name} {}", sample["doc"]);
            }
            if let Gold::Choice(gold) = item.gold {
                assert_eq!(sample["gold"], gold, "{name} {}", sample["doc"]);
            }
            *compared.entry(name).or_insert(0) += 1;
        }
    }
    assert!(compared.values().all(|&documents| documents >= 25) && compared.len() == 8, "{compared:?}");
}

/// What is asked about the first document of each task that is there, under both protocols, as hashes: the texts are not ours
/// to copy. `BLESS=1` writes them anew.
#[test]
fn first_documents_are_asked_as_ever() {
    let Some(data) = shared("data") else { return };
    let folders = Folders::search(&[data]).unwrap();
    let mut lines = String::new();
    for entry in suite::entries() {
        let documents = match entry.documents(&folders) {
            // No task takes shots from the documents themselves unless it is asked to.
            Ok(mut documents) => {
                documents.asked.truncate(1);
                documents
            }
            Err(Error::Absent { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        for protocol in Protocol::ALL {
            let task = entry.task(protocol).unwrap();
            let items = entry.items(&task, &documents, None, Some(1)).unwrap();
            let shots = entry.default_shots(&task);
            let hash = &prompts_hash(&items)[..16];
            lines += &format!("{} {} {shots} {hash}\n", entry.name, protocol.name());
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/first_documents.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, &lines).unwrap();
    }
    assert_eq!(fs::read_to_string(&golden).unwrap_or_default(), lines);
}

/// Nothing of a task's answer stands where its place could be told: in data sets whose choices are shuffled, the right one is
/// about as often the first as the others.
#[test]
fn the_right_choice_is_anywhere() {
    let Some(data) = shared("data") else { return };
    let folders = Folders::search(&[data]).unwrap();
    for name in
        ["piqa", "hellaswag", "winogrande", "social_iqa", "race_high", "race_middle", "mmlu_professional_law"]
    {
        let entry = suite::entry(name).unwrap();
        let (_, _, items) = entry.open(&folders, Protocol::Paper, Some(0), None).unwrap();
        let mut places = BTreeMap::new();
        let mut choices = 0;
        for item in &items {
            let (Gold::Choice(gold), Ask::Choices { pairs, .. }) = (&item.gold, &item.ask) else {
                panic!("{item:?}")
            };
            choices = pairs.len();
            *places.entry(*gold).or_insert(0usize) += 1;
        }
        let fair = items.len() as f64 / choices as f64;
        for (&place, &count) in &places {
            let off = (count as f64 - fair).abs() / fair;
            assert!(off < 0.15, "{name}: choice {place} is right {count} times of {}", items.len());
        }
        assert_eq!(places.len(), choices, "{name}: {}", json!(places));
    }
}

/// Every document of every task fits its task file under both protocols. `GOPHER_TEST_DATA` names more folders, such as a whole
/// BIG-bench.
#[test]
fn every_document_is_asked() {
    let Some(data) = shared("data") else { return };
    let more = std::env::var_os("GOPHER_TEST_DATA");
    let folders = more.iter().flat_map(std::env::split_paths).chain([data]).collect::<Vec<_>>();
    let folders = Folders::search(&folders).unwrap();
    // A tenth of each, or all of them where more is asked for anyway.
    let every = if more.is_some() { 1 } else { 10 };
    let mut asked = 0;
    for entry in suite::entries() {
        let mut documents = match entry.documents(&folders) {
            Ok(documents) => documents,
            Err(Error::Absent { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        documents.asked = documents.asked.into_iter().step_by(every).collect();
        for protocol in Protocol::ALL {
            let task = entry.task(protocol).unwrap();
            let items = entry.items(&task, &documents, None, None);
            asked += items.unwrap_or_else(|error| panic!("{}: {error}", protocol.name())).len();
        }
    }
    assert!(asked * every > 180_000, "{asked}");
}
