//! `gopher data`: documents in, clean documents out, and every record accounted for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A document that every rule of the paper keeps, different for each number.
fn good(number: usize) -> String {
    let digits =
        |n: usize| n.to_string().bytes().map(|digit| (b'b' + digit - b'0') as char).collect::<String>();
    let words = (0..58).map(|word| format!("w{}x{}", digits(number), digits(word)));
    format!("the {} and that", words.collect::<Vec<_>>().join(" "))
}

/// A folder of documents and what is made of them.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
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

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{error}");
        (String::from_utf8(output.stdout).unwrap(), error)
    }

    /// Filters `docs` into `out`, with what is dropped in `why`, and gives the receipt.
    #[track_caller]
    fn filter(&self, more: &[&str]) -> Value {
        let arguments = ["filter", "--in", "docs", "--out", "out", "--rejected", "why", "--json"];
        serde_json::from_str(&self.text(&[&arguments, more].concat()).0).unwrap()
    }

    /// A command that fails with a code, and one line that holds all `parts`.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(output.stdout.is_empty());
    }

    /// The lines of a folder's files whose names end so, in order.
    fn lines(&self, folder: &str, ending: &str) -> Vec<Value> {
        let files = self.files(folder);
        let found = files.keys().filter(|name| name.ends_with(ending));
        let mut lines = Vec::new();
        for name in found {
            let mut bytes = data::read::open(&self.path(folder).join(name)).unwrap();
            let mut text = String::new();
            std::io::Read::read_to_string(&mut bytes, &mut text).unwrap();
            lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        lines
    }

    /// All files of a folder that are no receipts of parts, with their bytes.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.is_file());
        files.map(|path| (name(&path), fs::read(path).unwrap())).collect()
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn line(value: Value) -> String {
    format!("{value}\n")
}

/// Two good documents, two that rules drop, and every kind of bad record.
fn mixed() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(line(json!({"id": "good", "text": good(0), "source": "here", "url": "u", "n": 1})).bytes());
    file.extend(b"\n");
    file.extend(line(json!({"id": "short", "text": "the and"})).bytes());
    file.extend(b"{\"id\": \"broken\", \"text\": \n");
    file.extend(line(json!({"id": "null", "text": null})).bytes());
    file.extend(line(json!({"id": "none"})).bytes());
    file.extend(b"{\"text\": \"\xff\"}\n");
    file.extend(line(json!({"id": "long", "text": "x".repeat(3000)})).bytes());
    file.extend(line(json!({"id": 7, "text": good(1).replace("and that", "x x")})).bytes());
    // Without the end of the last line.
    file.extend(json!({"text": good(2)}).to_string().bytes());
    file
}

#[test]
fn every_record_ends_in_one_place() {
    let place = Place::new();
    place.write("docs/a.jsonl", mixed());
    place.write("docs/b.txt", good(3));
    let arguments =
        ["filter", "--in", "docs", "--out", "out", "--rejected", "why", "--max-record-bytes", "2000"];
    let (text, notes) = place.text(&[&arguments[..], &["--compare", "none"]].concat());
    assert_eq!(
        text,
        "records  10  = 3 kept + 2 dropped + 5 errors\n\
         kept      3  by paper\n\
         dropped   2  min_words 1, stop_words 1\n\
         errors    5  no_text 2, invalid_json 1, invalid_utf8 1, too_long 1\n"
    );
    assert!(notes.contains("warning: 5 records are no document, the first a.jsonl at byte "), "{notes}");
    let kept = place.lines("out", ".jsonl.zst");
    // Fields that are not ours go on as they are, and where a document is from is said.
    let first = json!({"id": "good", "text": good(0), "source": "here", "provenance": {"file": "a.jsonl", "offset": 0},
                       "url": "u", "n": 1});
    assert_eq!(kept[0], first);
    let end = mixed().iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!((&kept[1]["id"], &kept[1]["source"]), (&json!(format!("a.jsonl:{end}")), &json!("a.jsonl")));
    assert_eq!((&kept[2]["id"], &kept[2]["provenance"]["offset"]), (&json!("b.txt"), &json!(0)));
    let dropped = place.lines("why", ".jsonl.zst");
    let by: Vec<_> = dropped.iter().map(|line| (&line["id"], &line["dropped_by"])).collect();
    assert_eq!(by, [(&json!("short"), &json!("min_words")), (&json!("7"), &json!("stop_words"))]);
    let failed = json!({"rule": "stop_words", "statistic": "distinct_stop_words", "value": 1, "drops": "below", "threshold": 2});
    assert_eq!(dropped[1]["failed"], json!([failed]));
    let errors = place.lines("why", ".errors.zst");
    let kinds: Vec<_> = errors.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["invalid_json", "no_text", "no_text", "invalid_utf8", "too_long"]);
    // A bad record is where it is said to be.
    let offset = errors[0]["offset"].as_u64().unwrap() as usize;
    assert!(mixed()[offset..].starts_with(b"{\"id\": \"broken\""));
    place.refused(
        &["filter", "--in", "docs", "--out", "strict", "--strict"],
        1,
        &["a.jsonl at byte ", "without --strict such records are counted"],
    );
    assert!(!place.path("strict/receipt.json").exists());
}

#[test]
fn the_output_does_not_depend_on_parts_or_threads() {
    let make = |more: &[&[&str]]| {
        let place = Place::new();
        let documents = (0..3000).map(|number| line(json!({"id": number, "text": good(number)})));
        place.write("docs/a.jsonl", documents.collect::<String>() + &String::from_utf8_lossy(&mixed()));
        (0..3).for_each(|number| place.write(&format!("docs/b{number}.txt"), good(number)));
        let receipts: Vec<Value> =
            more.iter().map(|more| place.filter(&[&["--shard-mib", "1"], *more].concat())).collect();
        let mut files = place.files("out");
        files.extend(place.files("why").into_iter().map(|(name, bytes)| (format!("why/{name}"), bytes)));
        (receipts, files)
    };
    let (receipts, whole) = make(&[&["--threads", "1"]]);
    assert!(whole.len() >= 4 * 2 + 3 && whole.contains_key("receipt.json"), "{:?}", whole.keys());
    assert_eq!(receipts[0]["ledger"]["records"], 3012);
    let check = |found: &BTreeMap<String, Vec<u8>>, what: &str| {
        assert_eq!(found.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>(), "{what}");
        for (name, bytes) in found {
            assert!(*bytes == whole[name], "{name} differs with {what}");
        }
    };
    check(&make(&[&["--threads", "3"]]).1, "three threads");
    check(&make(&[&["--part", "2/2"], &["--part", "1/2"]]).1, "two parts");
    let parts: Vec<String> = (1..=7).map(|part| format!("{part}/7")).collect();
    let parts: Vec<[&str; 2]> = parts.iter().map(|part| ["--part", part.as_str()]).collect();
    check(&make(&parts.iter().map(|part| &part[..]).collect::<Vec<_>>()).1, "seven parts");
}

#[test]
fn what_was_interrupted_is_done_again_and_what_is_complete_is_not() {
    let place = Place::new();
    place.write("docs/a.jsonl", mixed());
    place.filter(&[]);
    let whole = place.files("out");
    // As after a kill: no receipt, an unfinished file, half of a finished one.
    fs::remove_file(place.path("out/receipt.json")).unwrap();
    place.write("out/.00000.jsonl.zst.unfinished", "half");
    place.write("out/00000.statistics.zst", "half");
    place.refused(
        &["filter", "--in", "out", "--out", "next"],
        1,
        &["out", "has not finished", "receipt.json"],
    );
    place.filter(&[]);
    assert_eq!(place.files("out"), whole);
    let (_, notes) = place.text(&["filter", "--in", "docs", "--out", "out", "--rejected", "why"]);
    assert!(notes.contains("complete already"), "{notes}");
    place.refused(
        &["filter", "--in", "docs", "--out", "out", "--rejected", "why", "--rules", "dolma"],
        1,
        &["out", "holds the output of another input, configuration or version"],
    );
    // Of the folder, other commands read the documents.
    let files = data::read::find_files(&[place.path("out")]).unwrap().files;
    assert_eq!(files, [place.path("out/00000.jsonl.zst")]);
    place.write("mine/file", "mine");
    place.refused(&["filter", "--in", "docs", "--out", "mine"], 1, &["mine", "not empty (file)"]);
    // A stage reads what a stage has written, and where documents came from at first stays.
    place.text(&["filter", "--in", "out", "--out", "again"]);
    assert_eq!(place.lines("again", ".jsonl.zst"), place.lines("out", ".jsonl.zst"));
}

#[test]
fn thresholds_are_tried_without_the_text() {
    let place = Place::new();
    place.write("docs/a.jsonl", mixed());
    place.filter(&[]);
    fs::remove_dir_all(place.path("docs")).unwrap();
    let (text, _) =
        place.text(&["what-if", "--in", "out", "--rule", "min_words=2", "--rule", "stop_words=3"]);
    assert_eq!(
        text,
        "paper keeps 2 of 5 documents, and would keep 2: 0 more, 0 less\n\
         dropped by  now  then\n\
         min_words     2     1\n\
         stop_words    1     2\n"
    );
    place.refused(
        &["what-if", "--in", "out", "--rule", "words=2"],
        2,
        &["--rule words=2: paper has no rule words; it has min_words, "],
    );
    place.refused(
        &["what-if", "--in", "why", "--rule", "min_words=2"],
        1,
        &["no receipt.json", "gopher data filter"],
    );
}

#[test]
fn a_document_is_explained_under_every_rule_set() {
    let place = Place::new();
    place.write("page.txt", "the cat sat here…\n".repeat(20));
    let found: Value =
        serde_json::from_str(&place.text(&["explain", "--text", "page.txt", "--json"]).0).unwrap();
    let sets = ["paper", "datatrove-ws", "dolma", "dclm", "rpv2", "curator"];
    assert_eq!(found["rules"].as_object().unwrap().len(), sets.len());
    for set in sets {
        assert!(found["rules"][set]["dropped_by"].is_string(), "{set}");
    }
    let paper = &found["rules"]["paper"];
    assert_eq!(paper["dropped_by"], "ellipses");
    assert_eq!(paper["statistics"]["dup_line_frac"], 1);
    assert_eq!(paper["spans"]["ellipsis_per_word"][1], json!([34, 35]));
    assert_eq!(found["rules"]["dolma"]["statistics"]["duplicate_ngram_char_frac"]["5"], 1);
    assert_eq!(found["rules"]["datatrove-ws"]["statistics"]["dup_line_frac"], json!(19.0 / 21.0));
    let (text, _) = place.text(&["explain", "--text", "page.txt"]);
    assert!(text.starts_with("paper: dropped by ellipses\n"), "{text}");
    assert!(text.contains("  ellipsis_per_word 16..17: \"…\"\n"), "{text}");
    place.refused(&["explain", "--text", "docs.jsonl"], 2, &["the text of one document is expected"]);
}

#[test]
fn rules_are_for_web_pages_alone() {
    let place = Place::new();
    place.write("docs/a.txt", "short");
    let (text, notes) = place.text(&["filter", "--in", "docs", "--out", "out", "--subset", "books"]);
    assert!(text.starts_with("records  1  = 1 kept + 0 dropped + 0 errors\n") && !text.contains("kept by"));
    assert!(notes.contains("--subset web alone"), "{notes}");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_or_written_is_said() {
    use std::os::unix::fs::symlink;

    let place = Place::new();
    // In the same words, whatever the file is for.
    place.write("d.txt", "one");
    for arguments in [
        &["filter", "--in", "none", "--out", "out"][..],
        &["dedup", "--in", "none", "--out", "out"],
        &["dedup", "graph", "a", "--in", "none"],
        &["decontaminate", "--in", "d.txt", "--against", "none", "--out", "out"],
        &["explain", "--text", "none"],
    ] {
        place.refused(arguments, 1, &["none: no such file or folder"]);
    }
    place.refused(&["run", "none"], 2, &["none: no such file or folder"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.refused(&["filter", "--in", "empty", "--out", "out"], 1, &["no text found in empty"]);
    assert!(Command::new("mkfifo").arg(place.path("pipe.jsonl")).status().unwrap().success());
    place.refused(&["filter", "--in", "pipe.jsonl", "--out", "out"], 1, &["pipe.jsonl: a pipe"]);
    place.refused(&["filter", "--in", "x", "--out", "out", "--part", "8/7"], 2, &["8/7 is no part"]);
    place.refused(&["filter", "--in", "x", "--out", "out", "--threads", "0"], 2, &["--threads 0"]);

    place.write("docs/a.jsonl", mixed());
    place.refused(&["filter", "--in", "docs", "--out", "docs/out"], 1, &["inside the input docs"]);
    place.refused(&["filter", "--in", "docs", "--out", "x", "--rejected", "x"], 1, &["are the same folder"]);

    // In a folder they are passed over, with a word, and so are those of other kinds.
    fs::copy(place.path("docs/a.jsonl"), place.path("docs/table.json")).unwrap();
    symlink("nowhere.jsonl", place.path("docs/dangling.jsonl")).unwrap();
    symlink("loop.jsonl", place.path("docs/loop.jsonl")).unwrap();
    symlink(".", place.path("docs/again")).unwrap();
    fs::rename(place.path("pipe.jsonl"), place.path("docs/pipe.jsonl")).unwrap();
    // Cut in the middle of a stream: what comes before counts, and the break is a record.
    let mut packed = ruzstd_frame(&place, "whole");
    packed.truncate(packed.len() - 9);
    place.write("docs/cut.jsonl.zst", packed);
    let receipt = place.filter(&[]);
    assert_eq!(receipt["ledger"]["errors"]["broken_file"], 1);
    assert_eq!(receipt["ledger"]["records"], 9 + 1);
    let passed_over = receipt["passed_over"].to_string();
    for part in ["dangling.jsonl", "loop.jsonl", "pipe.jsonl", "table.json"] {
        assert!(passed_over.contains(part), "{passed_over}");
    }

    // A full disk: no receipt, and the next run does it all.
    fs::create_dir(place.path("full")).unwrap();
    symlink("/dev/full", place.path("full/.00000.jsonl.zst.unfinished")).unwrap();
    place.refused(&["filter", "--in", "docs", "--out", "full"], 1, &["No space left on device"]);
    assert!(!place.path("full/receipt.json").exists());
    fs::remove_file(place.path("full/.00000.jsonl.zst.unfinished")).unwrap();
    place.text(&["filter", "--in", "docs", "--out", "full"]);
    assert_eq!(place.lines("full", ".jsonl.zst"), place.lines("out", ".jsonl.zst"));
}

/// A compressed file of documents, made by the stage itself.
#[cfg(unix)]
fn ruzstd_frame(place: &Place, folder: &str) -> Vec<u8> {
    place.write("few/a.txt", good(9));
    place.text(&["filter", "--in", "few", "--out", folder]);
    fs::read(place.path(folder).join("00000.jsonl.zst")).unwrap()
}

/// Copies go, the one that stays is named, and `--rejected` can be read as any other folder.
#[test]
fn of_documents_that_are_alike_one_stays() {
    let place = Place::new();
    let texts = [good(0), good(1), good(0).to_uppercase(), good(0).replace(" and that", "")];
    let document = |(id, text): (usize, &String)| line(json!({"id": id, "text": text}));
    place.write("docs/a.jsonl", texts.iter().enumerate().map(document).collect::<String>());
    let (text, _) =
        place.text(&["dedup", "--in", "docs", "--out", "out", "--rejected", "why", "--jaccard", "0.7"]);
    assert!(text.starts_with("records                 4\nstay                    2\n"), "{text}");
    let (kept, gone) = (place.lines("out", ".jsonl.zst"), place.lines("why", ".jsonl.zst"));
    let ids = |lines: &[Value], key: &str| -> Vec<String> {
        lines.iter().map(|line| line[key].as_str().unwrap().to_owned()).collect()
    };
    let (kept, copies) = (ids(&kept, "id"), ids(&gone, "id"));
    assert!(kept.contains(&"1".to_owned()) && kept.len() == 2 && copies.len() == 2, "{kept:?} {copies:?}");
    assert!(ids(&gone, "duplicate_of").iter().all(|id| kept.contains(id)), "{gone:?}");
    assert!(gone.iter().all(|line| line["jaccard"].as_f64().unwrap() >= 0.7), "{gone:?}");
    place.text(&["filter", "--in", "why", "--out", "again", "--subset", "books"]);
    assert_eq!(place.lines("again", ".jsonl.zst").len(), 2);
    place.refused(&["dedup", "--in", "docs", "--out", "y", "--jaccard", "0"], 2, &["--jaccard = 0"]);
    place.refused(&["dedup", "--in", "docs", "--out", "y", "--memory", "much"], 2, &["a size is expected"]);
    let inside = ["dedup", "--in", "docs", "--out", "y", "--rejected", "y/why"];
    place.refused(&inside, 1, &["y/why: one of --rejected and --out is inside the other"]);
    place.refused(&["filter", "--in", "docs", "--out", "out/../docs/y"], 1, &["it is inside the input docs"]);
    assert!(!place.path("y").exists());
}

/// What evaluation sets have goes, with what it shares, and the table says how much of each file was looked for and found.
#[test]
fn evaluation_documents_go() {
    let place = Place::new();
    let document = |id: &str, text: &str| line(json!({"id": id, "title": id, "text": text}));
    let page = format!("{} {} {}", good(1), good(2), good(3));
    place.write(
        "docs/a.jsonl",
        document("copy", &good(1).to_uppercase())
            + &document("page", &page)
            + &document("Tikal", "x")
            + "no\n",
    );
    place.write("quiz.jsonl", line(json!({"goal": good(1)})) + &line(json!({"goal": "too short"})));
    place.write("titles.txt", "tikal\n");
    let fixed = ["decontaminate", "--in", "docs", "--against", "quiz.jsonl", "--against-field", "goal"];
    let (text, notes) =
        place.text(&[&fixed[..], &["--titles", "titles.txt", "--out", "out", "--rejected", "why"]].concat());
    assert_eq!(
        text,
        "records                  4\nstay                     1\njaccard                  1\ntitle                    1\n\
         errors                   1\n\n\
         looked for  items  by n-grams  as a whole  too short  found: J ≥ 0.8  ≥ 50%  ≥ 80%  100%\n\
         quiz.jsonl      2           1           0          1               1      1      1     1\n"
    );
    assert!(notes.contains("warning: 1 record is no document"), "{notes}");
    assert_eq!(place.lines("out", ".jsonl.zst")[0]["id"], "page");
    let gone = place.lines("why", ".jsonl.zst");
    assert_eq!(gone[0]["contaminated_by"]["shared_words"], 61);
    assert_eq!(gone[1]["contaminated_by"], json!({"file": "titles.txt", "title": "tikal"}));
    let receipt: Value = serde_json::from_str(
        &place.text(&[&fixed[..], &["--containment", "1", "--out", "strict", "--json"]].concat()).0,
    )
    .unwrap();
    assert_eq!(receipt["ledger"]["dropped"], json!({"containment": 1, "jaccard": 1}));
    let text = ["decontaminate", "--in", "docs", "--against", "quiz.jsonl", "--out", "y"];
    place.refused(
        &text,
        1,
        &["quiz.jsonl: line 1: no field `text`; it has goal: name one with --against-field"],
    );
    place.refused(&["decontaminate", "--in", "docs", "--out", "y"], 2, &["--against"]);
    place.refused(&[&fixed[..], &["--out", "y", "--jaccard", "1.5"]].concat(), 2, &["--jaccard = 1.5"]);
    assert!(!place.path("y").exists());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_names_the_file_and_the_way_out() {
    let place = Place::new();
    place.write("docs/a.parquet", "PAR1");
    place.write("docs/b.jsonl", "{\"text\": \"x\"}");
    let way_out = "built without reading them; cargo build --release --features parquet";
    place.refused(
        &["filter", "--in", "docs", "--out", "out"],
        1,
        &["docs/a.parquet: a Parquet file", way_out],
    );
    let arguments = ["filter", "--in", "docs/b.jsonl", "--out", "out", "--format", "parquet"];
    place.refused(
        &arguments,
        2,
        &["--format parquet: this program was built without it", "--features parquet"],
    );
}

#[test]
fn rows_are_not_compressed_as_lines_are() {
    let place = Place::new();
    place.write("docs/b.jsonl", "{\"text\": \"x\"}");
    let arguments = ["filter", "--in", "docs", "--out", "out", "--format", "parquet", "--compression", "zst"];
    place.refused(&arguments, 2, &["--compression is for --format jsonl"]);
}

#[cfg(not(feature = "object-store"))]
#[test]
fn a_program_without_object_stores_names_the_address_and_the_way_out() {
    let place = Place::new();
    place.write("docs/b.jsonl", "{\"text\": \"x\"}");
    let way_out = "cargo build --release --features object-store";
    place.refused(
        &["filter", "--in", "s3://bucket/docs", "--out", "out"],
        1,
        &["s3://bucket/docs: ", way_out],
    );
    place.refused(
        &["filter", "--in", "docs", "--out", "file:///tmp/out"],
        1,
        &["file:///tmp/out: ", way_out],
    );
}
