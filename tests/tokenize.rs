//! `gopher data tokenize` and `trace`: the same shards for any parts, and a token that leads back to its document.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use data::shards::ShardFolder;
use data::{Document, Tokenizer, TokenizerConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of documents, and a tokenizer.
struct Place(TempDir);

fn text(number: usize) -> String {
    (0..20 + number % 9).map(|word| format!("word{} ", (number * 31 + word * 7) % 97)).collect()
}

impl Place {
    /// Two files of JSON lines of more than a shard together, and a text.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let line =
            |i: usize| format!("{}\n", json!({"id": format!("d{i}"), "text": text(i), "source": "test"}));
        place.write("docs/a.jsonl", (0..5000).map(line).collect::<String>());
        place.write("docs/b.jsonl", (5000..9000).map(line).collect::<String>());
        place.write("docs/c.txt", text(3));
        let documents = (0..200).map(|i| Ok(Document { name: String::new(), text: text(i) }));
        let config = TokenizerConfig { vocabulary_size: 330, ..Default::default() };
        place.write("small.model", Tokenizer::train(documents, &config).unwrap().to_bytes());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.arg("data").args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Encodes `docs` into shards of a MiB of text.
    #[track_caller]
    fn tokenize(&self, out: &str, more: &[&str]) -> Value {
        let fixed =
            ["tokenize", "--in", "docs", "--tokenizer", "small.model", "--out", out, "--shard-mib", "1"];
        let output = self.run(&[&fixed[..], more, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A command that fails with a code, and one line that holds all `parts`.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        let last = error.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(parts.iter().all(|part| last.contains(part)), "{error}");
    }

    /// Files of a folder with their bytes.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        entries.filter(|path| path.is_file()).map(|path| (name(&path), fs::read(&path).unwrap())).collect()
    }
}

#[test]
fn shards_do_not_depend_on_parts_or_threads() {
    let place = Place::new();
    let receipt = place.tokenize("whole", &[]);
    assert_eq!(receipt["ledger"]["records"], 9001);
    assert!(receipt["shards"].as_array().unwrap().len() > 1, "{receipt}");
    place.tokenize("one", &["--threads", "1"]);
    for part in ["2/7", "7/7", "1/7", "6/7", "4/7", "3/7", "5/7"] {
        place.tokenize("seven", &["--part", part]);
    }
    for part in ["2/2", "1/2"] {
        place.tokenize("two", &["--part", part]);
    }
    let whole = place.files("whole");
    for other in ["one", "two", "seven"] {
        assert!(place.files(other) == whole, "{other}");
    }
    // What is there is not made again; what is missing is made as it was.
    let before = fs::metadata(place.path("whole/00000.shard")).unwrap().modified().unwrap();
    place.tokenize("whole", &[]);
    assert_eq!(fs::metadata(place.path("whole/00000.shard")).unwrap().modified().unwrap(), before);
    fs::remove_file(place.path("whole/00001.shard")).unwrap();
    place.tokenize("whole", &[]);
    assert!(place.files("whole") == whole);
    fs::remove_file(place.path("whole/receipt.json")).unwrap();
    place.tokenize("whole", &[]);
    assert!(place.files("whole") == whole);
    // As if the last part had been killed before it wrote the receipt of the whole.
    fs::remove_file(place.path("two/receipt.json")).unwrap();
    place.tokenize("two", &["--part", "1/2"]);
    assert!(place.files("two") == whole);
}

#[test]
fn every_record_is_a_document_or_accounted_for() {
    let place = Place::new();
    place.write("docs/d.jsonl", "{\"text\": \"  \"}\n{\"text\": null}\nnonsense\n{\"text\": \"good\"}\n");
    let receipt = place.tokenize("out", &["--validation-fraction", "0.1"]);
    let ledger = &receipt["ledger"];
    assert_eq!(
        *ledger,
        json!({"records": 9005, "kept": 9002, "dropped": {"blank": 1},
                               "errors": {"no_text": 1, "invalid_json": 1}})
    );
    let folder = ShardFolder::open(&place.path("out")).unwrap();
    let [mut trained, mut held] = [0, 0];
    for shard in folder.shards() {
        shard.verify().unwrap();
        trained += shard.footer().training.documents;
        held += shard.footer().validation.documents;
    }
    assert_eq!(trained + held, 9002);
    assert!((780..1020).contains(&held), "{held}");
    let strict = ["tokenize", "--in", "docs", "--tokenizer", "small.model", "--out", "strict", "--strict"];
    place.refused(&strict, 1, &["d.jsonl at byte", "without --strict"]);
    assert!(!place.path("strict/receipt.json").exists());
}

#[test]
fn a_token_leads_to_its_document() {
    let place = Place::new();
    place.tokenize("out", &[]);
    let folder = ShardFolder::open(&place.path("out")).unwrap();
    let tokenizer = folder.tokenizer().unwrap();
    let shard = folder.shards().last().unwrap();
    let token = shard.footer().training.tokens - 1;
    let output =
        place.run(&["trace", &format!("out/{:05}.shard:{token}", folder.shards().len() - 1), "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    // The last document is the text, held out or not; the token that ends one has no text after it.
    assert_eq!((&found["id"], &found["after"]), (&tokenizer.end_of_text().unwrap().into(), &"".into()));
    let record = &found["record"];
    let number = match record["id"].as_str().unwrap() {
        "c.txt" => 3,
        id => id[1..].parse().unwrap(),
    };
    let encoded = tokenizer.encode(&text(number));
    let range = [&found["document_tokens"][0], &found["document_tokens"][1]].map(|x| x.as_u64().unwrap());
    assert_eq!(range, [token - encoded.len() as u64, token + 1]);
    let end = tokenizer.decode(&encoded[encoded.len() - 12..]).unwrap();
    assert_eq!(found["before"], end);
    let output = place.run(&["trace", "out/00000.shard:0"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("document  0 of the shard, to train on, tokens 0 to "), "{said}");
    assert!(said.contains("\nfrom      a.jsonl at byte 0\n"), "{said}");
}

#[test]
fn what_cannot_be_is_said() {
    let place = Place::new();
    place.tokenize("out", &[]);
    let tokenize =
        |more: &[&'static str]| [&["tokenize", "--in", "docs", "--tokenizer", "small.model"], more].concat();
    let refused = |more: &[&'static str], parts: &[&str]| place.refused(&tokenize(more), 1, parts);
    refused(&["--out", "out", "--seed", "5"], &["out: it holds the output of another input, configuration"]);
    refused(&["--out", "docs/out"], &["docs/out: it is inside the input docs"]);
    refused(&["--out", "x", "--validation-fraction", "1"], &["validation_fraction = 1: must be"]);
    refused(&["--out", "x", "--max-record-bytes", "0"], &["--max-record-bytes = 0"]);
    assert!(!place.path("x").exists(), "what is refused leaves nothing");
    place.refused(&["trace", "out/00000.shard:99999999"], 1, &["there is no token 99999999"]);
    place.refused(&["trace", "out/00000.shard"], 2, &["a shard and a token are expected"]);
    place.refused(&["trace", "docs/a.jsonl:1"], 1, &["docs/a.jsonl: it is no token shard"]);
    place.refused(&["trace", "none.shard:1"], 1, &["none.shard: no such file"]);
    let missing = ["tokenize", "--in", "docs", "--tokenizer", "none.model", "--out", "y"];
    place.refused(&missing, 1, &["none.model: no such file"]);
    assert!(!place.path("y").exists());
}
