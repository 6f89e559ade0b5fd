//! The Pile's file is read once, whatever many of its sets are asked for. Alone in its program, which counts what it reads.

use std::fs;
use std::path::Path;

use serde_json::json;
use tasks::suite::{self, Folders, Presence, Protocol};

/// Bytes that this process has read so far, from files and from all else.
fn bytes_read() -> Option<u64> {
    let counts = fs::read_to_string("/proc/self/io").ok()?;
    counts.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok())
}

/// A file of 22 sets, a third of which is not asked, and the bytes of the texts that are.
fn write(path: &Path, texts: usize) -> u64 {
    let asked: Vec<&str> = ["ArXiv", "Github", "Ubuntu IRC", "Pile-CC"].into();
    let (mut lines, mut bytes) = (String::new(), 0);
    for text in 0..texts {
        let set = if text % 3 == 0 { "Enron Emails" } else { asked[text % 4] };
        let words = format!("text {text} of {set}: {}", "ä word and another ".repeat(50 + text % 7));
        bytes += if text % 3 == 0 { 0 } else { words.len() as u64 };
        lines += &json!({ "text": words, "meta": { "pile_set_name": set } }).to_string();
        lines.push('\n');
    }
    fs::write(path, lines).unwrap();
    bytes
}

#[test]
fn the_file_is_read_once_for_all_sets() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("pile")).unwrap();
    let path = folder.path().join("pile/test.jsonl");
    let texts = write(&path, 4000);
    let size = fs::metadata(&path).unwrap().len();
    let folders = Folders::search(&[folder.path().into()]).unwrap();
    let Some(before) = bytes_read() else { return eprintln!("skipped: no /proc/self/io") };
    let mut documents = 0;
    for entry in suite::suite("lm").unwrap().into_iter().filter(|entry| entry.name.starts_with("pile_")) {
        let located = entry.locate(&folders);
        match entry.open(&folders, Protocol::Paper, None, None) {
            Ok((_, found, items)) => {
                assert_eq!(
                    (found.total, items.len()),
                    (found.asked.len(), found.asked.len()),
                    "{}",
                    entry.name
                );
                assert_eq!((located.documents, found.presence), (Some(items.len()), Presence::Present));
                documents += items.len();
                // Of a limit, only so many are held.
                let (_, some, items) = entry.open(&folders, Protocol::Paper, None, Some(3)).unwrap();
                assert_eq!((some.asked.len(), some.total, items.len()), (3, found.total, 3));
                assert_eq!(some.asked, found.asked[..3]);
                let text = found.asked[0]["text"].as_str().unwrap();
                assert!(text.contains("ä word"), "{text}");
            }
            Err(error) => assert!(error.to_string().starts_with("no data of the task pile_"), "{error}"),
        }
    }
    assert_eq!(documents, 4000 - 4000_usize.div_ceil(3));
    let read = bytes_read().unwrap() - before;
    println!("{read} bytes read of a file of {size}, whose texts have {texts}");
    // Below 64 MiB the texts stay in memory.
    assert!((size..size + 65_536).contains(&read), "{read} bytes read of a file of {size}");
}
