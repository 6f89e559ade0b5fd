//! The harness's own files: LM_EVAL_TASKS=FOLDER (`lm_eval/tasks` of an installed lm_eval 0.4.13) reads them all.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tasks::Task;
use tasks::format::{Error, File, Refusal};

#[test]
fn stock_files_are_read_or_refused_with_a_line() {
    let Some(folder) = std::env::var_os("LM_EVAL_TASKS") else {
        eprintln!("skipped: LM_EVAL_TASKS is not set");
        return;
    };
    let mut files = Vec::new();
    find(Path::new(&folder), &mut files);
    files.sort();
    let (mut tasks, mut groups, mut templates) = (0, 0, 0);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        match File::load(file) {
            Ok(File::Task(_)) => tasks += 1,
            Ok(File::Group(_)) => groups += 1,
            Err(Error::Refused { refusal: Refusal::Missing, .. }) if extension(file) != "yaml" => {
                templates += 1
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!text.contains('\n'), "more than a line: {text}");
                if std::env::var_os("LM_EVAL_LIST").is_some() {
                    println!("{text}");
                }
                let kind = match error {
                    Error::Refused { refusal, .. } => format!("{refusal:?}"),
                    Error::Yaml { .. } => "malformed".to_owned(),
                    other => panic!("{other}"),
                };
                *refused.entry(kind).or_default() += 1;
            }
        }
    }
    println!(
        "{} files: {tasks} tasks, {groups} groups, {templates} parts to include, {} refused: {refused:?}",
        files.len(),
        refused.values().sum::<usize>()
    );
    assert!(tasks > 3500, "{tasks}");
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if matches!(extension(&path), "yaml" | "yml")
            || path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_yaml"))
        {
            files.push(path);
        }
    }
}

#[test]
fn stock_templates_render_as_jinja_renders_them() {
    let Some(file) = std::env::var_os("LM_EVAL_TEMPLATES") else {
        eprintln!("skipped: LM_EVAL_TEMPLATES is not set");
        return;
    };
    let (mut same, mut different) = (0, 0);
    let (mut seen, mut wrong) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for line in common::jsonl(Path::new(&file)) {
        let (template, expected) = (&line["t"], line["o"].as_str().expect("text"));
        let text = format!(
            "task: t\ntest_split: test\noutput_type: loglikelihood\ndoc_to_text: {template}\ndoc_to_target: '.'\n"
        );
        let rendered = Task::parse("t.yaml", &text, &|_| None)
            .and_then(|task| task.items(std::slice::from_ref(&line["d"]), &[], 0, None))
            .map(|items| common::requests(&items[0])[0][0].clone())
            .map_err(|error| error.to_string());
        seen.insert(template.to_string());
        if rendered.as_deref() == Ok(expected) {
            same += 1;
            continue;
        }
        different += 1;
        if wrong.insert(template.to_string()) {
            println!("{template}\n  of {}\n  is {rendered:?}\n not {expected:?}", line["d"]);
        }
    }
    println!("{same} the same, {different} not; of {} templates {} differ", seen.len(), wrong.len());
}
