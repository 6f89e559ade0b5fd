//! Our ids against the SentencePiece library itself, for models trained here and for models trained by it; and against
//! Hugging Face's `tokenizers`, for byte-level BPE in the files that we write.
//!
//! Runs when asked, as it installs Python packages: `DATA_PARITY=1 cargo test -p data --test parity`.

mod random;
mod small_bpe;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use data::tokenizer::{ByteLevelModel, PreTokenizer};
use data::{Document, Tokenizer, TokenizerConfig};
use random::Random;

/// And what it gives places in a text with.
const SENTENCEPIECE: &str = "sentencepiece==0.2.3 protobuf==7.36.2";
const TOKENIZERS: &str = "tokenizers==0.23.3";

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// A Python with packages, kept between runs.
fn python(folder: &Path, packages: &str) -> PathBuf {
    let python = folder.join("venv/bin/python");
    if !python.exists() {
        run(Command::new("python3").arg("-m").arg("venv").arg(folder.join("venv")));
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(install).args(packages.split(' ')));
    python
}

/// Texts that visit every character, and every way in which words, marks, spaces and scripts can meet.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> =
        ["", " ", "  a  b  ", "\n\n", "a\tb\r\nc", "\u{feff}x", "\0", "a\0b", "▁", " ▁ a▁▁b "]
            .map(String::from)
            .to_vec();
    let every: Vec<char> = ('\u{1}'..=char::MAX).collect();
    texts.extend(every.chunks(97).map(|chunk| chunk.iter().map(|c| format!("{c}x")).collect()));
    let parts = [
        "the",
        "The",
        " ",
        "  ",
        "\n",
        "ing",
        "é",
        "e\u{301}",
        "e\u{302}\u{323}",
        "ﬁ",
        "①",
        "日本",
        "語",
        "ー",
        "カ",
        "か\u{3099}",
        "한",
        "\u{1112}\u{1161}\u{11ab}",
        "가\u{11a8}",
        "Å",
        "ſ\u{323}",
        "\u{315}\u{300}",
        "a",
        "s",
        "of",
        ".",
        ",",
        "…",
        "—",
        "123",
        "7",
        "🙂",
        "👩‍🔬",
        "<s>",
        "</s>",
        "<unk>",
        "<0x41>",
        "▁",
        "\u{a0}",
        "\u{3000}",
        "x",
    ];
    let mut random = Random(1);
    texts.extend((0..3000).map(|_| {
        let length = 1 + random.below(30);
        (0..length).map(|_| parts[random.below(parts.len())]).collect()
    }));
    texts
}

/// A text so long that sums of scores are rounded, and begun anew several times.
fn long_text() -> String {
    let parts =
        ["the", "The", "a", "ing", "s", "of", "é", "日本", "語", "カ", "12", "ka", "ro", "er", "x", " ", " "];
    let mut random = Random(4);
    (0..200_000).map(|_| parts[random.below(parts.len())]).collect()
}

fn write_cases(folder: &Path, name: &str, tokenizer: &Tokenizer, texts: &[String]) {
    let extension = Path::new(tokenizer.file_name()).extension().unwrap().to_str().unwrap();
    std::fs::write(folder.join(format!("{name}.{extension}")), tokenizer.to_bytes()).unwrap();
    let mut out = BufWriter::new(File::create(folder.join(format!("{name}.cases.jsonl"))).unwrap());
    for text in texts {
        let ids = tokenizer.encode(text);
        let decoded = tokenizer.decode(&ids).unwrap();
        let tokens = tokenizer.encode_with_offsets(text);
        assert!(tokens.iter().map(|token| &token.id).eq(&ids), "{text:?}");
        let spans: Vec<[usize; 2]> = tokens.iter().map(|token| [token.start, token.end]).collect();
        let case = serde_json::json!({ "text": text, "ids": ids, "decoded": decoded, "spans": spans });
        writeln!(out, "{case}").unwrap();
    }
}

/// A folder for a comparison with a package, with an empty folder for cases in it, if comparisons are asked for.
fn folders(name: &str, package: &str) -> Option<(PathBuf, PathBuf)> {
    if std::env::var_os("DATA_PARITY").is_none() {
        println!("skipped: set DATA_PARITY=1 to install {package} and compare with it");
        return None;
    }
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let cases = root.join("cases");
    let _ = fs::remove_dir_all(&cases);
    fs::create_dir_all(&cases).unwrap();
    Some((root, cases))
}

#[test]
fn byte_level_bpe_has_the_ids_of_hugging_faces_library() {
    let Some((root, cases)) = folders("tokenizers_parity", TOKENIZERS) else { return };
    let parts = [
        "the", " the", "'s", "'S", "'ſt", "'LL", "12", "½", "Ⅷ", "  ", "\n", "\r\n", "\t", "\u{85}",
        "\u{2028}", "é", "e\u{301}", "日本", "abc", "aaa", "<|end|>", "<|end", "!!", "_", "🙂", "\u{1c}",
    ];
    let mut random = Random(3);
    let mut texts = texts();
    texts
        .extend((0..5000).map(|_| {
            (0..1 + random.below(20)).map(|_| parts[random.below(parts.len())]).collect::<String>()
        }));
    texts.extend(('\u{1}'..=char::MAX).step_by(5).map(|c| format!("a{c}b {c}1{c}!  {c}'{c}\n{c}")));
    for (name, pre_tokenizer) in
        [("gpt2", PreTokenizer::Gpt2), ("smollm", PreTokenizer::Smollm), ("llama3", PreTokenizer::Llama3)]
    {
        let ignore_merges = pre_tokenizer == PreTokenizer::Llama3;
        let model = ByteLevelModel { ignore_merges, ..small_bpe::model(pre_tokenizer) };
        write_cases(&cases, name, &Tokenizer::from_byte_level(model, name).unwrap(), &texts);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/byte_level_parity.py");
    run(Command::new(python(&root, TOKENIZERS)).arg(script).arg(&cases));
}

#[test]
fn same_ids_as_the_library() {
    let Some((root, cases)) = folders("parity", SENTENCEPIECE) else { return };

    let mut texts = texts();
    let story =
        "It was the best of times, it was the worst of times; 日本語のテキスト。 naïve café 12,345.\n"
            .repeat(50);
    let pieces = texts[texts.len() - 3000..].concat();
    texts.push(long_text());
    let document = || [Ok(Document { name: "story".into(), text: story.clone() + &pieces })];
    for (name, remove_extra_whitespaces) in [("trained", false), ("trained_without_extra_spaces", true)] {
        let config =
            TokenizerConfig { vocabulary_size: 600, remove_extra_whitespaces, ..TokenizerConfig::default() };
        write_cases(&cases, name, &Tokenizer::train(document(), &config).unwrap(), &texts);
    }
    // Lines, as that is what the library's trainer reads, of text on which the Unicode versions do not
    // differ.
    let parts = [
        "the", "The", "a", "ing", "s", "of", "é", "日本", "語", "カ", "ー", ".", ",", "12", "7", "ka", "ro",
        "st", "un", "ful", "er", "qu", "in", "x", " ", " ", " ", " ", " ", " ",
    ];
    let mut random = Random(2);
    let lines: Vec<String> = (0..3000)
        .map(|_| (0..1 + random.below(40)).map(|_| parts[random.below(parts.len())]).collect())
        .collect();
    let documents = lines.iter().map(|line| Ok(Document { name: "line".into(), text: line.clone() }));
    let config = TokenizerConfig { vocabulary_size: 800, ..TokenizerConfig::default() };
    let tokenizer = Tokenizer::train(documents, &config).unwrap();
    write_cases(&cases, "lines", &tokenizer, &texts);
    fs::write(cases.join("lines.txt"), lines.join("\n")).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity.py");
    let python = python(&root, SENTENCEPIECE);
    let variants = root.join("variants");
    fs::create_dir_all(&variants).unwrap();
    run(Command::new(&python).arg(&script).arg("train").arg(cases.join("lines.txt")).arg(&variants));
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/sentencepiece");
    for folder in [&variants, &reference] {
        let Ok(entries) = fs::read_dir(folder) else {
            println!("skipped: no models at {}", folder.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.contains(".model") {
                write_cases(&cases, &name.replace(".model", ""), &Tokenizer::load(&path).unwrap(), &texts);
            }
        }
    }
    run(Command::new(python).arg(script).arg("compare").arg(&cases));
}
