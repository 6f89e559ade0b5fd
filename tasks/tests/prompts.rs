//! The exact prompts of each task file, over a few documents in the forms of their distributions (`tests/data`, all made up):
//! `tests/golden/TASK.PROTOCOL.txt`, which `BLESS=1` writes anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tasks::suite::{self, Entry, Folders, Presence, Protocol};
use tasks::{Ask, Item};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

fn folders() -> Folders {
    Folders::search(&[here("data")]).unwrap()
}

/// What a model is asked, as it can be read.
fn written(item: &Item, out: &mut String) {
    let mut part = |name: String, text: &str| writeln!(out, "--- {name}\n{text}").unwrap();
    match &item.ask {
        Ask::Choices { pairs, .. } => {
            let same = pairs.iter().all(|pair| pair.context == pairs[0].context);
            if same {
                part("context".into(), &pairs[0].context);
            }
            for (choice, pair) in pairs.iter().enumerate() {
                if !same {
                    part(format!("context {choice}"), &pair.context);
                }
                part(format!("continuation {choice}"), &pair.continuation);
            }
        }
        Ask::LogLikelihood(pair) => {
            part("context".into(), &pair.context);
            part("continuation".into(), &pair.continuation);
        }
        Ask::Rolling(text) => part("text".into(), text),
        Ask::Generate { context, generation } => {
            part("context".into(), context);
            part("until".into(), &format!("{:?}", generation.until));
        }
    }
    writeln!(out, "--- right\n{}", serde_json::to_string(&item.gold).unwrap()).unwrap();
}

#[track_caller]
fn prompt(entry: &Entry, folders: &Folders, protocol: Protocol, shots: usize) -> String {
    let opened = entry.open(folders, protocol, Some(shots), Some(1));
    let (_, documents, items) = opened.unwrap_or_else(|error| panic!("{}: {error}", entry.name));
    let mut out = format!("=== {shots} shots\n");
    assert_eq!(items.len(), 1, "{}: {} documents", entry.name, documents.asked.len());
    written(&items[0], &mut out);
    out
}

#[test]
fn prompts_of_the_first_document_are_these() {
    let folders = folders();
    let (mut wrong, mut files) = (Vec::new(), Vec::new());
    for entry in suite::entries() {
        // One of the sets of the Pile is enough to see their form.
        let is_shown = !entry.name.starts_with("pile_") || entry.name == "pile_arxiv";
        if !is_shown || entry.locate(&folders).presence == Presence::Absent {
            continue;
        }
        for protocol in Protocol::ALL {
            let documents = entry.documents(&folders).unwrap();
            let pool =
                if documents.shots.is_empty() { documents.asked.len() - 1 } else { documents.shots.len() };
            let most = entry.default_shots(&entry.task(protocol).unwrap()).max(1).min(pool);
            // lm-evaluation-harness draws one more, in case it is the document itself.
            let spare =
                usize::from(!documents.shots.is_empty() && most == pool && protocol == Protocol::LmEval);
            let most = if entry.name.starts_with("mmlu") { most } else { most - spare };
            let mut text = prompt(entry, &folders, protocol, 0);
            if most > 0 && !entry.name.starts_with("wikitext") {
                text += &prompt(entry, &folders, protocol, most);
            }
            let file = here("golden").join(format!("{}.{}.txt", entry.name, protocol.name()));
            if std::env::var_os("BLESS").is_some() {
                fs::create_dir_all(here("golden")).unwrap();
                fs::write(&file, &text).unwrap();
            }
            if fs::read_to_string(&file).unwrap_or_default() != text {
                wrong.push(format!("{}:\n{text}", file.display()));
            }
            files.push(file);
        }
    }
    assert!(wrong.is_empty(), "not as in the golden files (BLESS=1 writes them):\n{}", wrong.join("\n"));
    let golden = fs::read_dir(here("golden")).unwrap().count();
    assert_eq!(
        golden,
        files.len() + usize::from(here("golden/first_documents.txt").exists()),
        "a golden file without a task"
    );
}

/// Every task file that is part of the program has a prompt above.
#[test]
fn every_family_of_tasks_is_shown() {
    let folders = folders();
    let mut absent =
        suite::entries().iter().filter(|entry| entry.locate(&folders).presence == Presence::Absent);
    let of_a_family =
        |entry: &&Entry| !entry.name.starts_with("mmlu_") && !entry.name.starts_with("bigbench_");
    assert_eq!(absent.find(of_a_family).map(|entry| &entry.name), None);
    for entry in suite::entries() {
        for protocol in Protocol::ALL {
            let task =
                entry.task(protocol).unwrap_or_else(|error| panic!("{error}\n{}", entry.yaml(protocol)));
            assert_eq!(task.name(), entry.name);
            let wanted = match (entry.metric.name(), protocol) {
                ("multiple_choice_grade", Protocol::LmEval) | ("acc_norm", _) => "acc",
                (name, _) => name,
            };
            assert!(task.metrics().iter().any(|metric| metric.name == wanted), "{}: {wanted}", entry.name);
        }
    }
}

/// The 19 sets of the Pile, out of one compressed file.
#[test]
fn the_pile_is_divided_by_the_names_of_its_sets() {
    let folders = folders();
    let mut seen = 0;
    for entry in suite::suite("lm").unwrap().iter().filter(|entry| entry.name.starts_with("pile_")) {
        let documents = entry.documents(&folders).unwrap();
        assert_eq!(documents.asked.len(), 1, "{}", entry.name);
        let (_, _, items) = entry.open(&folders, Protocol::Paper, None, None).unwrap();
        assert!(
            matches!(&items[0].ask, Ask::Rolling(text) if text.starts_with("A text of ")),
            "{:?}",
            items[0]
        );
        seen += 1;
    }
    assert_eq!(seen, 19);
}

/// FEVER's evidence, from its copy of Wikipedia or from the file that has it already; verdicts of MultiFC by website.
#[test]
fn claims_have_their_evidence() {
    let folders = folders();
    let fever = suite::entry("fever_three_way").unwrap().documents(&folders).unwrap().asked;
    assert_eq!(fever[0]["evidence"], "It was rebuilt twice . It is made of stone .");
    assert_eq!((&fever[1]["evidence"], &fever[1]["label"]), (&"".into(), &2.into()));
    let gold = Folders::search(&[here("data/gold")]).unwrap();
    let fever = suite::entry("fever_three_way").unwrap().documents(&gold).unwrap().asked;
    assert_eq!((&fever[0]["evidence"], &fever[0]["label"]), (&"It is made of stone .".into(), &1.into()));
    let multifc = suite::entry("multifc").unwrap().documents(&folders).unwrap().asked;
    assert_eq!(multifc[0]["choices"], serde_json::json!(["false", "true"]));
    assert_eq!(multifc[2]["choices"], serde_json::json!(["mixture"]));
    assert_eq!(multifc[0]["snippets"], "The bridge stood in June.\nBoats passed under it.");
}

/// Choices as their file has them, each example once, half grades, and the order of choices that are shown.
#[test]
fn big_bench_is_read_as_its_own_program_does() {
    let folders = folders();
    let documents = |name: &str| suite::entry(name).unwrap().documents(&folders).unwrap().asked;
    assert_eq!(documents("bigbench_navigate").len(), 2, "an example twice");
    let colours = documents("bigbench_reasoning_about_colored_objects");
    assert_eq!(colours[0]["multiple_choice_targets"], serde_json::json!(["red", "crimson", "blue"]));
    assert_eq!(colours[1]["multiple_choice_scores"], serde_json::json!([0.5, 0.0, 0.25]));
    let puzzle = &documents("bigbench_logic_grid_puzzle")[0];
    assert_eq!(
        puzzle["question"],
        "\nQ: There are four houses. Which one is mine?\n  choice: 2\n  choice: 4\n  choice: 1\n  choice: 3\nA: "
    );
    assert_eq!(puzzle["multiple_choice_targets"], serde_json::json!(["4", "2", "1", "3"]));
}
