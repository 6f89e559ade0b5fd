//! `gopher data extract`, alone and as the first stage of a pipeline: from a crawl file to token shards, and a token that leads back to
//! the bytes of the crawl.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use data::shards::Shard;
use data::{Document, Tokenizer, TokenizerConfig};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A page that every rule keeps, different for each number.
fn page(number: usize) -> String {
    // So often that no two pages share much.
    let text = format!(
        "The old harbour of town {number} was quiet that morning, and only {number} of the boats had gone out to sea. \
         A woman with {number} baskets walked along the wall, looked at the grey water for {number} minutes, and said that it would \
         rain before noon. Nobody of the {number} answered her. The fishermen were mending {number} nets in front of the inn, as \
         their fathers had done, and by {number} they had learned to be careful with words about the weather."
    );
    format!("<html><head><title>Harbour {number}</title></head><body><p>{text}</p></body></html>")
}

/// A gzip member with what a server answered.
fn member(uri: &str, status: &str, body: &str) -> Vec<u8> {
    let block = format!("HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}");
    let header = format!(
        "WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2026-11-30T12:00:00Z\r\n\
         WARC-Record-ID: <urn:uuid:{uri}>\r\nContent-Type: application/http\r\nContent-Length: {}\r\n\r\n",
        block.len()
    );
    gzip(format!("{header}{block}\r\n\r\n").as_bytes())
}

/// A gzip member with what a crawler asked for.
fn request(uri: &str) -> Vec<u8> {
    let block = "GET / HTTP/1.1\r\n\r\n";
    let header = format!(
        "WARC/1.1\r\nWARC-Type: request\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2026-11-30T12:00:00Z\r\n\
         WARC-Record-ID: <urn:uuid:{uri}/request>\r\nContent-Length: {}\r\n\r\n",
        block.len()
    );
    gzip(format!("{header}{block}\r\n\r\n").as_bytes())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

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

    /// The files in a folder that are not hidden, with their bytes.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let paths = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        let named = paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
        let seen = named.filter(|(name, _)| !name.starts_with('.'));
        seen.filter(|(_, path)| path.is_file()).map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{error}");
        (String::from_utf8(output.stdout).unwrap(), error)
    }

    /// A command that fails with a code, and words that hold all `parts`.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_token_leads_back_to_the_crawl() {
    let place = Place::new();
    let mut crawl = Vec::new();
    for number in 0..30 {
        crawl.extend(member(&format!("http://harbour.example/{number}"), "200 OK", &page(number)));
        crawl.extend(member("http://harbour.example/gone", "404 Not Found", "gone"));
    }
    // One member is damaged.
    let place_of_damage = crawl.len() + 60;
    crawl.extend(member("http://harbour.example/damaged", "200 OK", &page(99)));
    crawl[place_of_damage] ^= 0xff;
    place.write("crawl.warc.gz", &crawl);
    let (text, notes) =
        place.text(&["extract", "--in", "crawl.warc.gz", "--out", "docs", "--rejected", "why"]);
    assert_eq!(
        text,
        "records     61  = 30 kept + 30 dropped + 1 errors + 0 passed over\n\
         kept        30\n\
         dropped     30  status 30\n\
         errors       1  damaged 1\n\
         passed over  0\n\
         encodings   30  UTF-8 30\n\
         languages   30  en 30\n"
    );
    assert!(notes.contains("warning: 1 record is no document, the first crawl.warc.gz at byte "), "{notes}");
    assert!(notes.contains("gzip member at byte "), "{notes}");
    let (_, notes) = place.text(&["extract", "--in", "crawl.warc.gz", "--out", "docs", "--rejected", "why"]);
    assert!(notes.contains("complete already"), "{notes}");

    place.text(&["filter", "--in", "docs", "--out", "kept", "--compare", "none"]);
    let documents = (0..30).map(|number| Ok(Document { name: String::new(), text: page(number) }));
    let config = TokenizerConfig { vocabulary_size: 330, ..Default::default() };
    place.write("small.model", Tokenizer::train(documents, &config).unwrap().to_bytes());
    place.text(&["tokenize", "--in", "kept", "--tokenizer", "small.model", "--out", "shards"]);
    let shard = Shard::open(&place.path("shards/00000.shard")).unwrap();
    let tokens = shard.footer().training.tokens;
    for token in [0, tokens / 3, tokens - 1] {
        let token = format!("shards/00000.shard:{token}");
        let found: Value = serde_json::from_str(&place.text(&["trace", &token, "--json"]).0).unwrap();
        let provenance = &found["record"]["provenance"];
        let number = |key: &str| provenance[key].as_u64().unwrap() as usize;
        // The member, cut out of the crawl, is the record.
        let mut record = String::new();
        let cut = &crawl[number("member_offset")..][..number("member_length")];
        GzDecoder::new(cut).read_to_string(&mut record).unwrap();
        let uri = provenance["uri"].as_str().unwrap();
        assert!(record.contains(&format!("WARC-Target-URI: {uri}\r\n")), "{record}");
        assert_eq!(found["record"]["id"], *uri);
        // And so is what stands at its place in the whole.
        let mut whole = Vec::new();
        let before = &crawl[..number("member_offset") + number("member_length")];
        flate2::bufread::MultiGzDecoder::new(before).read_to_end(&mut whole).unwrap();
        assert_eq!(&whole[number("offset")..], record.as_bytes());
        let (text, _) = place.text(&["trace", &token]);
        let from = format!(
            "from      crawl.warc.gz at byte {}, in the gzip member of {} bytes at byte {}\n",
            number("offset"),
            number("member_length"),
            number("member_offset")
        );
        assert!(text.ends_with(&from), "{text}");
    }
}

const PIPELINE: &str = r#"
out = "massive"

[tokenizer]
train = { vocabulary_size = 300 }

[decontaminate]
against = ["quiz.jsonl"]

[subset.web]
in = ["crawl"]
kind = "web"
"#;

/// A folder with a pipeline that reads a crawl: 30 pages, each with its request, ten that are not there, and a French one. Where in the
/// decompressed crawl each record of a page begins, by its URI.
fn crawl_and_pipeline(place: &Place) -> BTreeMap<String, usize> {
    let french = "Le vieux port de la ville était calme ce matin-là, et seuls quelques bateaux étaient sortis en mer. Une femme avec un \
                  panier marchait le long du mur, regardait l'eau grise depuis un moment, et disait qu'il allait pleuvoir avant midi.";
    let french = format!("<html><head><title>Port</title></head><body><p>{french}</p></body></html>");
    let (mut crawl, mut bytes, mut begins) = (Vec::new(), 0, BTreeMap::new());
    let mut add = |member: Vec<u8>| {
        let mut record = Vec::new();
        GzDecoder::new(&member[..]).read_to_end(&mut record).unwrap();
        crawl.extend(member);
        bytes += record.len();
        bytes - record.len()
    };
    for number in 0..30 {
        let uri = format!("http://harbour.example/{number}");
        add(request(&uri));
        begins.insert(uri.clone(), add(member(&uri, "200 OK", &page(number))));
    }
    for _ in 0..10 {
        add(member("http://harbour.example/gone", "404 Not Found", "gone"));
    }
    add(member("http://harbour.example/fr", "200 OK", &french));
    place.write("crawl/00000.warc.gz", crawl);
    place.write(
        "quiz.jsonl",
        "{\"text\": \"What stands in the harbour, and for how long has it been there?\"}\n",
    );
    place.write("pipeline.toml", PIPELINE);
    begins
}

#[test]
fn a_pipeline_that_reads_a_crawl_begins_with_it() {
    let place = Place::new();
    let begins = crawl_and_pipeline(&place);
    let (_, notes) = place.text(&["run", "pipeline.toml"]);
    let line = "web/extract: 71 = 30 kept + 11 dropped + 0 errors + 30 passed over\n";
    assert!(notes.contains(line), "{notes}");

    // Every record is accounted for, through all stages.
    let report: Value =
        serde_json::from_slice(&fs::read(place.path("massive/report.json")).unwrap()).unwrap();
    let web = &report["subsets"][0];
    assert_eq!(web["extraction"]["languages"], json!({"en": 30, "fr": 1}));
    assert_eq!(web["extraction"]["encodings"], json!({"UTF-8": 31}));
    let stages = web["stages"].as_array().unwrap();
    let names: Vec<_> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["extract", "filter", "dedup", "decontaminate", "tokenize"]);
    let mut before = 71;
    for stage in stages {
        let ledger = &stage["ledger"];
        let sum = |key: &str| {
            ledger[key].as_object().into_iter().flatten().map(|(_, n)| n.as_u64().unwrap()).sum::<u64>()
        };
        let kept = ledger["kept"].as_u64().unwrap();
        assert_eq!(ledger["records"], before);
        assert_eq!(before, kept + sum("dropped") + sum("errors") + sum("passed_over"));
        before = kept;
    }
    // What was passed over is no loss.
    assert_eq!(stages[0]["lost"], 11.0 / 41.0);
    let page = fs::read_to_string(place.path("massive/report.html")).unwrap();
    for part in ["<td>fr</td><td>1</td>", "web: texts by language", "<td>request</td><td>30</td>"] {
        assert!(page.contains(part), "{part}");
    }
    let card = fs::read_to_string(place.path("massive/data-card.md")).unwrap();
    assert!(card.contains("\n- web: languages en 30, fr 1; encodings UTF-8 31\n"), "{card}");

    // The stage is what its own command makes.
    place.text(&["extract", "--in", "crawl", "--out", "single", "--rejected", "why"]);
    assert!(place.files("single") == place.files("massive/web/extract"));
    assert!(place.files("why") == place.files("massive/web/extract-rejected"));

    // Tokens lead back to the record.
    let shard = Shard::open(&place.path("massive/web/tokenize/00000.shard")).unwrap();
    let tokens = shard.footer().training.tokens;
    for token in [0, tokens / 2, tokens - 1] {
        let token = format!("massive/web/tokenize/00000.shard:{token}");
        let found: Value = serde_json::from_str(&place.text(&["trace", &token, "--json"]).0).unwrap();
        let uri = found["record"]["provenance"]["uri"].as_str().unwrap();
        let from = format!("from      00000.warc.gz at byte {}, in the gzip member of ", begins[uri]);
        let (text, _) = place.text(&["trace", &token]);
        assert!(text.contains(&from), "{text}");
    }
}

#[test]
fn a_pipeline_that_was_ended_in_a_crawl_goes_on() {
    let place = Place::new();
    crawl_and_pipeline(&place);
    place.text(&["run", "pipeline.toml"]);
    let whole = ["", "web/extract", "web/extract-rejected", "web/filter", "web/tokenize"]
        .map(|folder| format!("massive/{folder}"))
        .map(|folder| (place.files(&folder), folder));
    fs::remove_file(place.path("massive/web/extract/receipt.json")).unwrap();
    place.write("massive/web/extract/00000.jsonl.zst", "half");
    let (_, notes) = place.text(&["run", "pipeline.toml", "--threads", "1"]);
    assert_eq!(notes.matches("complete already").count(), 4, "{notes}");
    for (files, folder) in whole {
        assert!(place.files(&folder) == files, "{folder}");
    }
    let changed = format!("{PIPELINE}extract.language = \"any\"\n");
    place.write("pipeline.toml", &changed);
    place.refused(
        &["run", "pipeline.toml"],
        1,
        &["massive/web/extract: it holds the output of another", "--force-stage web/extract"],
    );
    let (_, notes) = place.text(&["run", "pipeline.toml", "--force-stage", "web/extract"]);
    assert!(notes.contains("web/extract: 71 = 31 kept + 10 dropped"), "{notes}");
}

/// Every file in a folder and those below it, hidden ones too: what was left unfinished is seen.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| match path.is_dir() {
        true => everything(&path),
        false => BTreeMap::from([(path.clone(), fs::read(&path).unwrap())]),
    });
    files.collect()
}

/// Whatever a kill meets, of one process or of two that each have a part: the next goes on, and at the end all bytes are those of
/// one that nobody disturbed.
#[test]
fn a_crawl_that_is_killed_at_any_time_gives_the_same_bytes() {
    let place = Place::new();
    crawl_and_pipeline(&place);
    // Comments make them several shards.
    let mut numbers = 1u64;
    let mut comment = || {
        let letters = (0..16_000).map(|_| {
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + (numbers >> 59) as u8 % 26)
        });
        format!("<!-- {} -->", letters.collect::<String>())
    };
    for file in 1..6 {
        let numbers = (0..80).map(|number| file * 1000 + number);
        let crawl = numbers.flat_map(|number| {
            let page = page(number).replace("</body>", &format!("{}</body>", comment()));
            member(&format!("http://harbour.example/{number}"), "200 OK", &page)
        });
        place.write(&format!("crawl/{file:05}.warc.gz"), crawl.collect::<Vec<_>>());
    }
    let extract = |out: &'static str| {
        ["extract", "--in", "crawl", "--out", out, "--shard-mib", "1", "--threads", "2"].to_vec()
    };
    let began = Instant::now();
    place.text(&extract("whole"));
    place.text(&["run", "pipeline.toml"]);
    let takes = began.elapsed() / 2;
    fs::rename(place.path("massive"), place.path("undisturbed")).unwrap();
    let whole = place.files("whole");
    assert!(whole.len() > 2, "{:?}", whole.keys());

    let kill_after = |arguments: &[&str], twelfths: u32| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gopher"));
        command.arg("data").args(arguments).current_dir(place.0.path());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(takes * twelfths / 12);
        // SIGKILL. It may have ended by itself.
        let _ = child.kill();
        !child.wait().unwrap().success()
    };
    let times = [1, 3, 5, 2, 7, 4];
    let killed = times.map(|time| kill_after(&extract("killed"), time));
    assert!(killed.iter().any(|&killed| killed), "each had ended before it was killed");
    place.text(&extract("killed"));
    assert!(
        everything(&place.path("killed")).into_values().eq(everything(&place.path("whole")).into_values())
    );
    for part in ["1/2", "2/2", "1/2"] {
        kill_after(&[&extract("parts")[..], &["--part", part]].concat(), 2);
    }
    place.text(&[&extract("parts")[..], &["--part", "2/2"]].concat());
    place.text(&[&extract("parts")[..], &["--part", "1/2"]].concat());
    let documents = |folder: &str| {
        let files = place.files(folder).into_iter();
        files.filter(|(name, _)| name.ends_with(".zst")).collect::<BTreeMap<_, _>>()
    };
    assert!(documents("parts") == documents("whole"));

    // All stages in one process.
    for time in times.iter().chain(&times) {
        kill_after(&["run", "pipeline.toml"], *time);
    }
    place.text(&["run", "pipeline.toml"]);
    let (got, expected) = (everything(&place.path("massive")), everything(&place.path("undisturbed")));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>, root: &str| {
        let root = place.path(root);
        files.keys().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&got, "massive"), names(&expected, "undisturbed"));
    for (path, (got, expected)) in got.keys().zip(got.values().zip(expected.values())) {
        assert!(got == expected, "{}", path.display());
    }
}

#[test]
fn what_is_wrong_with_a_pipeline_that_reads_a_crawl_is_said() {
    let place = Place::new();
    crawl_and_pipeline(&place);
    let check = |more: &str, parts: &[&str]| {
        place.write("pipeline.toml", format!("{PIPELINE}{more}\n"));
        place.refused(&["run", "pipeline.toml"], 1, parts);
        assert!(!place.path("massive").exists());
    };
    check("extract.language = \"xx\"", &["error: web/extract: language = xx: any, or one of "]);
    check(
        "extract.min_language_confidence = 2",
        &["web/extract: min_language_confidence = 2: 0 to 1 is allowed"],
    );
    check("extract.block_hosts = \"none.txt\"", &["web/extract: none.txt"]);
    // One stage reads one kind; what the other kind is, is not lost in silence.
    place.write("crawl/notes.txt", "text");
    check("", &["subset.web.in: both crawl files (crawl/00000.warc.gz) and documents (crawl/notes.txt)"]);
    place.write("pipeline.toml", format!("{PIPELINE}stages = [\"extract\", \"filter\"]\n"));
    let (_, notes) = place.text(&["run", "pipeline.toml"]);
    assert!(notes.contains("web/filter: 30 = "), "{notes}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let place = Place::new();
    let extract = |input: &'static str, out: &'static str| ["extract", "--in", input, "--out", out];
    place.refused(&extract("none", "out"), 1, &["none: no such file or folder"]);
    place.write("text.txt", "text");
    place.refused(
        &extract("text.txt", "out"),
        1,
        &["unsupported kind of file; read are .warc, .wet, .html or .htm"],
    );
    place.write("empty.warc.gz", "");
    place.refused(&extract("empty.warc.gz", "out"), 1, &["no text found in empty.warc.gz", "1 empty file"]);
    assert!(Command::new("mkfifo").arg(place.path("pipe.warc")).status().unwrap().success());
    place.refused(&extract("pipe.warc", "out"), 1, &["pipe.warc: a pipe"]);
    place.write("page.html", page(0));
    let page = extract("page.html", "out");
    place.refused(&[&page[..], &["--language", "xx"]].concat(), 2, &["--language = xx: any, or one of "]);
    place.refused(&[&page[..], &["--max-replacement", "2"]].concat(), 2, &["--max-replacement = 2"]);
    place.refused(&[&page[..], &["--part", "3/2"]].concat(), 2, &["3/2 is no part"]);
    place.refused(&[&page[..], &["--block-hosts", "none.txt"]].concat(), 1, &["none.txt"]);
    place.write("hosts.txt", "0.0.0.0 a.example\n");
    place.refused(&[&page[..], &["--block-hosts", "hosts.txt"]].concat(), 1, &["hosts.txt: line 1"]);
    assert!(!place.path("out").exists());

    // What is no WARC file in spite of its name is one bad record, or the end with --strict.
    place.write("crawl.warc", "<html>no crawl</html>\n");
    let (text, notes) = place.text(&extract("crawl.warc", "out"));
    assert!(text.contains("errors      1  damaged 1\n"), "{text}");
    assert!(notes.contains("crawl.warc at byte 0: no record begins here"), "{notes}");
    place.refused(
        &[&extract("crawl.warc", "strict")[..], &["--strict"]].concat(),
        1,
        &["crawl.warc at byte 0", "without --strict such records are counted"],
    );
}
