//! Files of the tests, and answers made up from the position of a request.
#![allow(dead_code)]

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tasks::{Answer, Ask, Item, Scored, Task};

/// A file beside the tests.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// A task beside the tests.
pub fn task(name: &str) -> Task {
    Task::load(&file(&format!("{name}.yaml"))).unwrap_or_else(|error| panic!("{error}"))
}

/// The folder of data and references that is beside the repository, where it is.
pub fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if shared.is_dir() {
        return Some(shared);
    }
    eprintln!("skipped: no {}", shared.display());
    None
}

/// The text of a file, unpacked if its name ends in `.xz`.
pub fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "xz") {
        let mut text = String::new();
        lzma_rust2::XzReader::new(bytes.as_slice(), false).read_to_string(&mut text).expect("xz of UTF-8");
        return text;
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The values of a JSONL file.
pub fn jsonl(path: &Path) -> Vec<Value> {
    text(path).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// All texts of an item, in the order of requests.
pub fn requests(item: &Item) -> Vec<Vec<String>> {
    match &item.ask {
        Ask::Choices { pairs, unconditional, .. } => pairs
            .iter()
            .chain(unconditional)
            .map(|pair| vec![pair.context.clone(), pair.continuation.clone()])
            .collect(),
        Ask::LogLikelihood(pair) => vec![vec![pair.context.clone(), pair.continuation.clone()]],
        Ask::Rolling(text) => vec![vec![text.clone()]],
        Ask::Generate { context, .. } => vec![vec![context.clone()]],
    }
}

/// The answer that lm_eval_prompts.py gives to an item that is not generated.
pub fn made_up_answer(item: &Item) -> Option<Answer> {
    let scored = |index: usize| {
        let digest = Sha256::digest(format!("{}/{index}", item.document).as_bytes());
        let log_probability = -(f64::from(digest[0]) * 256.0 + f64::from(digest[1])) / 1024.0 - 0.25;
        Scored { log_probability, greedy: digest[2] % 3 == 0, tokens: 1, truncated: 0 }
    };
    Some(match &item.ask {
        Ask::Choices { pairs, unconditional, .. } => Answer::Choices {
            scored: (0..pairs.len()).map(scored).collect(),
            unconditional: (pairs.len()..pairs.len() + unconditional.len()).map(scored).collect(),
        },
        Ask::LogLikelihood(_) => Answer::LogLikelihood(scored(0)),
        Ask::Rolling(_) => Answer::Rolling(scored(0)),
        Ask::Generate { .. } => return None,
    })
}
