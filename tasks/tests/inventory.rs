//! The 152: that they are that many, and what there is of them in folders as they were unpacked.

use std::path::{Path, PathBuf};

use tasks::suite::{self, Category, Folders};

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
    let right: f64 = mmlu.iter().zip(questions.clone()).map(|(task, n)| n * task.gopher_with(5).unwrap()).sum();
    assert_eq!(questions.clone().sum::<f64>(), 14_042.0);
    assert_eq!(format!("{:.1}", right / questions.sum::<f64>()), "60.0");
    let bigbench = suite::suite("bigbench").unwrap();
    let mean = bigbench.iter().map(|task| task.gopher_with(0).unwrap()).sum::<f64>() / 62.0;
    assert_eq!(format!("{mean:.1}"), "54.4");
    assert_eq!(suite::entry("nq_open").unwrap().gopher_with(64), Some(28.2));
    assert_eq!(suite::entry("nq_open").unwrap().gopher_with(3), None);
}

/// Every file of the reference data is found under the name it has there and is read whole.
#[test]
fn all_of_the_reference_data_is_found() {
    let Some(data) = shared() else { return };
    let folders = Folders::search(&[data]).unwrap();
    let mut counts = std::collections::BTreeMap::<_, Vec<_>>::new();
    for task in suite::entries() {
        let found = task.locate(&folders);
        assert_eq!(found.problem, None, "{}", task.name);
        println!("{:40} {:?} {:?} of {:?}", task.name, found.presence, found.documents, task.expected);
        counts.entry((task.category, found.presence as u8)).or_default().push(task.name.as_str());
    }
    for ((category, presence), names) in &counts {
        println!("{} {presence} {}", category.name(), names.len());
    }
}
