//! How often the language of a text is found, by its length: `language_accuracy CODE=FILE…`, where each file is text in one language,
//! or `.jsonl` with a `text` on each line. Files are cut into pieces of so many characters; prints how many of them are found to be
//! in their language, how many with a confidence of 0.9 or more, and how many are taken for English.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read as _;
use std::path::Path;

use massivetext::extract::encoding::{decode, find};
use massivetext::extract::language::identify;
use serde_json::Value;

const LENGTHS: [usize; 8] = [20, 50, 100, 200, 500, 1000, 2000, 5000];

/// Pieces of one file and length.
const MOST: usize = 2000;

/// Pieces, those that are found, those of them that are sure, and those that are called English.
type Counts = [u64; 4];

fn main() -> Result<(), Box<dyn Error>> {
    let mut counts: BTreeMap<(String, usize), Counts> = BTreeMap::new();
    for argument in std::env::args().skip(1) {
        let (code, path) = argument.split_once('=').ok_or("CODE=FILE is expected")?;
        let texts = texts(Path::new(path))?;
        for length in LENGTHS {
            let counts = counts.entry((code.to_owned(), length)).or_default();
            for piece in texts.iter().flat_map(|text| pieces(text, length)).take(MOST) {
                let found = identify(&piece);
                let is_it = found.is_some_and(|found| found.code == code);
                counts[0] += 1;
                counts[1] += u64::from(is_it);
                counts[2] += u64::from(is_it && found.is_some_and(|found| found.confidence >= 0.9));
                counts[3] += u64::from(found.is_some_and(|found| found.code == "en"));
            }
        }
    }
    println!(
        "{:<8} {:>10} {:>7} {:>8} {:>8} {:>8}",
        "language", "characters", "pieces", "found", "sure", "English"
    );
    for ((code, length), [pieces, found, sure, english]) in counts {
        let share = |n: u64| format!("{:.2}%", 100.0 * n as f64 / pieces as f64);
        println!(
            "{code:<8} {length:>10} {pieces:>7} {:>8} {:>8} {:>8}",
            share(found),
            share(sure),
            share(english)
        );
    }
    Ok(())
}

/// The texts of a file, in whatever encoding.
fn texts(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    data::read::open(path)?.read_to_end(&mut bytes)?;
    let text = decode(&bytes, find(&bytes, None, false, None));
    if !path.to_string_lossy().contains(".jsonl") {
        return Ok(vec![text]);
    }
    let document =
        |line: &str| Ok(serde_json::from_str::<Value>(line)?["text"].as_str().unwrap_or_default().to_owned());
    text.lines().map(document).collect()
}

/// Stretches of so many characters, between spaces.
fn pieces(text: &str, length: usize) -> Vec<String> {
    let (mut pieces, mut piece, mut characters) = (Vec::new(), String::new(), 0);
    for word in text.split_whitespace() {
        let more = word.chars().count() + 1;
        if characters + more > length && characters > 0 {
            pieces.push(std::mem::take(&mut piece));
            characters = 0;
        }
        piece.push_str(word);
        piece.push(' ');
        characters += more;
    }
    pieces
}
