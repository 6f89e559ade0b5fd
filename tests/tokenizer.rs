//! `gopher tokenizer`: models trained, used and looked at; and what is refused.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use data::tokenizer::{AddedPiece, ByteLevelModel, PreTokenizer};
use data::{Document, Tokenizer, TokenizerConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

const TEXT: &str = "the cat sat on the mat and the dog sat on the log\n";

/// A folder with a text and a model trained on it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("text.txt"), TEXT.repeat(20)).unwrap();
        let output = place.gopher(&["train", "text.txt", "-o", "m.model", "--vocabulary-size", "290"], "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn gopher(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.arg("tokenizer").args(arguments).current_dir(self.0.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing closes its end.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn text(&self, arguments: &[&str], input: &str) -> String {
        let output = self.gopher(arguments, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "{error}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat(), "")).unwrap()
    }

    /// A command that fails with a code, and one line that holds all `parts`.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let output = self.gopher(arguments, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(output.stdout.is_empty());
        for part in parts {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(code == 2 || error.trim_end().lines().count() == 1, "{error}");
    }
}

fn ids(text: &str) -> Vec<u32> {
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn a_model_is_what_the_library_trains() {
    let place = Place::new();
    let document = Document { name: "text".into(), text: TEXT.repeat(20) };
    let config = TokenizerConfig { vocabulary_size: 290, ..TokenizerConfig::default() };
    let expected = Tokenizer::train([Ok(document)], &config).unwrap();
    assert_eq!(fs::read(place.path("m.model")).unwrap(), expected.to_bytes());
    fs::write(place.path("t.jsonl"), json!({ "body": TEXT.repeat(20) }).to_string()).unwrap();
    let arguments = ["train", "t.jsonl", "--text-field", "body", "-o", "n.model", "--vocabulary-size", "285"];
    let trained =
        place.json(&[&arguments[..], &["--remove-extra-whitespaces", "--max-piece-length", "3"]].concat());
    assert_eq!((&trained["vocabulary_size"], &trained["documents"]), (&json!(285), &json!(1)));
    let model = Tokenizer::load(&place.path("n.model")).unwrap();
    assert_eq!(trained["sha256"], json!(model.fingerprint()));
    let longest = place.json(&["inspect", "n.model"])["longest_piece"]["piece"].as_str().unwrap().to_owned();
    assert!(longest.chars().count() <= 3);
}

#[test]
fn texts_go_to_ids_and_back() {
    let place = Place::new();
    let tokenizer = Tokenizer::load(&place.path("m.model")).unwrap();
    let text = "  the cat\n\tsat, é 日本\n";
    fs::write(place.path("in.txt"), text).unwrap();
    let expected = tokenizer.encode(text);
    let printed = place.text(&["encode", "m.model", "in.txt"], "");
    assert_eq!(ids(&printed), expected);
    assert_eq!(printed.matches('\n').count(), 1);
    for (arguments, input) in [
        (&["encode", "m.model", "-"][..], text),
        (&["encode", "m.model"], text),
        (&["encode", "m.model", "--text", text], ""),
    ] {
        assert_eq!(place.text(arguments, input), printed);
    }
    assert_eq!(place.text(&["decode", "m.model", "-"], &printed), text);
    assert_eq!(place.text(&["decode", "m.model"], &format!("{expected:?}")), text);
    let words: Vec<&str> = printed.split_whitespace().collect();
    assert_eq!(place.text(&[&["decode", "m.model"], &words[..]].concat(), ""), text);
    assert_eq!(
        place.json(&[&["decode", "m.model"], &words[..]].concat()),
        json!({ "ids": expected, "text": text })
    );
    assert_eq!(place.text(&["encode", "m.model", "--text", ""], ""), "\n");
    assert_eq!(place.text(&["encode", "m.model", "--text", "- the"], ""), {
        let ids: Vec<String> = tokenizer.encode("- the").iter().map(u32::to_string).collect();
        ids.join(" ") + "\n"
    });
}

#[test]
fn tokens_have_their_places_in_the_text() {
    let place = Place::new();
    let tokenizer = Tokenizer::load(&place.path("m.model")).unwrap();
    let id = |piece: &str| tokenizer.id(piece).unwrap();
    let printed = place.text(&["encode", "m.model", "--offsets", "--text", "the cat é"], "");
    let expected = [
        format!("0\t3\t{}\t\"▁the\"\t\"the\"\n", id("▁the")),
        format!("3\t7\t{}\t\"▁cat\"\t\" cat\"\n", id("▁cat")),
        format!("7\t8\t{}\t\"▁\"\t\" \"\n", id("▁")),
        format!("8\t8\t{}\t\"<0xC3>\"\t\"\"\n", id("<0xC3>")),
        format!("8\t10\t{}\t\"<0xA9>\"\t\"é\"\n", id("<0xA9>")),
    ];
    assert_eq!(printed, expected.concat());
    let encoded = place.json(&["encode", "m.model", "--text", "the cat"]);
    assert_eq!((&encoded["bytes"], &encoded["ids"]), (&json!(7), &json!([id("▁the"), id("▁cat")])));
    let token = json!({ "id": id("▁cat"), "piece": "▁cat", "start": 3, "end": 7, "text": " cat" });
    assert_eq!(encoded["tokens"][1], token);
}

/// A byte-level BPE of the bytes of "ab", " a" as a piece and one mark.
fn byte_level(path: &Path) {
    let pieces = ["<|end|>", "a", "b", "Ġ", "Ġa"].map(String::from).to_vec();
    let model = ByteLevelModel {
        pieces,
        merges: vec![("Ġ".into(), "a".into())],
        added: vec![AddedPiece { id: 0, special: true, normalized: false }],
        pre_tokenizer: PreTokenizer::Gpt2,
        ignore_merges: false,
        unknown: None,
        begin_of_text: None,
        end_of_text: Some(0),
    };
    fs::write(path, Tokenizer::from_byte_level(model, "small").unwrap().to_bytes()).unwrap();
}

#[test]
fn tokenizers_are_described() {
    let place = Place::new();
    let found = place.json(&["inspect", "m.model"]);
    for (key, value) in [
        ("kind", json!("SentencePiece BPE")),
        ("vocabulary_size", json!(290)),
        ("normalizer", json!("nfkc")),
        ("byte_fallback", json!(true)),
        ("unknown", json!({ "id": 0, "piece": "<unk>" })),
        ("begin_of_text", json!({ "id": 1, "piece": "<s>" })),
        ("end_of_text", json!({ "id": 2, "piece": "</s>" })),
        ("control", json!([1, 2])),
        (
            "spaces",
            json!({ "add_dummy_prefix": true, "remove_extra_whitespaces": false, "as_suffix": false }),
        ),
    ] {
        assert_eq!(found[key], value, "{key}");
    }
    assert_eq!(found["first_pieces"][0]["id"], 259);
    let printed = place.text(&["inspect", "m.model"], "");
    for part in ["m.model\n", "kind", "SentencePiece BPE", "290", "1 \"<s>\", 2 \"</s>\"", "longest piece"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    byte_level(&place.path("tokenizer.json"));
    let found = place.json(&["inspect", "tokenizer.json"]);
    assert_eq!((&found["kind"], &found["pre_tokenizer"]), (&json!("byte-level BPE"), &json!("gpt2")));
    assert_eq!(
        (&found["marks"], &found["unknown"]),
        (&json!([{ "id": 0, "piece": "<|end|>" }]), &json!(null))
    );
    assert_eq!(found["longest_piece"], json!({ "id": 4, "piece": "Ġa" }));
    assert!(place.text(&["inspect", "tokenizer.json"], "").contains("cuts words as"));
    assert_eq!(place.text(&["encode", "tokenizer.json", "--text", "b a<|end|>"], ""), "2 4 0\n");
    let offsets = place.text(&["encode", "tokenizer.json", "--offsets", "--text", "b a"], "");
    assert_eq!(offsets, "0\t1\t2\t\"b\"\t\"b\"\n1\t3\t4\t\"Ġa\"\t\" a\"\n");
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let place = Place::new();
    fs::write(place.path("latin.txt"), b"caf\xe9").unwrap();
    fs::write(place.path("empty.txt"), "").unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    place.refused(&["encode", "none.model", "--text", "x"], 1, &["none.model: no such file"]);
    place.refused(&["encode", "text.txt", "--text", "x"], 1, &["text.txt: not a SentencePiece model"]);
    place.refused(&["inspect", "folder"], 1, &["folder"]);
    place.refused(&["encode", "m.model", "none.txt"], 1, &["none.txt: no such file or folder"]);
    place.refused(&["encode", "m.model", "latin.txt"], 1, &["latin.txt: not UTF-8 text at byte 3"]);
    place.refused(&["encode", "m.model", "text.txt", "--text", "x"], 2, &["--text"]);
    place.refused(&["decode", "m.model", "290"], 1, &["token id 290 is outside the vocabulary of 290"]);
    place.refused(&["decode", "m.model", "12", "x1"], 2, &["\"x1\" is not a token id"]);
    place.refused(&["decode", "m.model", "-7"], 2, &["\"-7\" is not a token id"]);
    place.refused(&["train", "text.txt", "-o", "x.json"], 2, &["name it x.model"]);
    place.refused(&["train", "text.txt", "-o", "none/x.model", "--vocabulary-size", "290"], 1, &["none"]);
    place.refused(&["train", "text.txt", "-o", "x.model"], 1, &["vocabulary_size = 32000 is too large"]);
    place.refused(&["train", "text.txt", "-o", "x.model", "--vocabulary-size", "9"], 1, &["too small"]);
    place.refused(
        &["train", "text.txt", "-o", "x.model", "--character-coverage", "-1"],
        2,
        &["coverage = -1"],
    );
    place.refused(&["train", "none.txt", "-o", "x.model"], 1, &["none.txt"]);
    place.refused(&["train", "latin.txt", "-o", "x.model"], 1, &["latin.txt: invalid UTF-8 at byte 3"]);
    place.refused(&["train", "-o", "x.model"], 2, &["<FILE>"]);
    place.refused(&["train", "text.txt", "-o", "x.model", "--memory", "9B"], 2, &["a size is expected"]);
    place.refused(&["train", "text.txt", "-o", "x.model", "--memory", "100"], 2, &["memory = 100: too few"]);
    assert!(!place.path("x.model").exists());
}

#[test]
fn too_little_memory_for_all_of_the_text_is_said() {
    let place = Place::new();
    let words: Vec<String> = (0..20_000).map(|number| format!("w{number} the")).collect();
    fs::write(place.path("long.txt"), words.join(" ")).unwrap();
    let train = ["train", "long.txt", "-o", "n.model", "--vocabulary-size", "300"];
    let all = place.json(&train);
    assert_eq!((&all["share_used"], &all["memory"], &all["seed"]), (&json!(1.0), &json!(1 << 30), &json!(0)));
    let sampled = [&train[..], &["--memory", "2MiB", "--seed", "3"]].concat();
    let part = place.json(&sampled);
    let share = part["share_used"].as_f64().unwrap();
    assert!(share > 0.1 && share < 0.9, "{part}");
    assert!(part["distinct_words"].as_u64() < all["distinct_words"].as_u64(), "{part}");
    let said = place.text(&sampled, "");
    let end = format!(
        "trained on {:.3}% of the text, chosen by seed 3, as the words of all of it take more than 2.00 MiB (--memory)\n",
        share * 100.0
    );
    assert!(said.ends_with(&end), "{said}");
}

/// What was trained here has the same ids in the SentencePiece library.
///
/// Runs when asked, as it installs a Python package: `DATA_PARITY=1 cargo test --test tokenizer`.
#[test]
fn models_are_read_by_the_sentencepiece_library() {
    if std::env::var_os("DATA_PARITY").is_none() {
        println!("skipped: set DATA_PARITY=1 to install sentencepiece and compare with it");
        return;
    }
    let place = Place::new();
    let text = "  the cat\n\tsat, é 日本 ①\n";
    fs::write(place.path("in.txt"), text).unwrap();
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(place.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tokenizer_venv");
    let python = environment.join("bin/python");
    if !python.exists() {
        run(Path::new("python3"), &["-m", "venv", environment.to_str().unwrap()]);
    }
    run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "sentencepiece==0.2.3"]);
    let script = "import sentencepiece; p = sentencepiece.SentencePieceProcessor(model_file='m.model'); \
                  print(*p.encode(open('in.txt', newline='').read()))";
    assert_eq!(run(&python, &["-c", script]), place.text(&["encode", "m.model", "in.txt"], ""));
}
