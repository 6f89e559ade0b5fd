//! `gopher data extract`: from a crawl file to token shards, and a token that leads back to the bytes of the crawl.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use data::shards::Shard;
use data::{Document, Tokenizer, TokenizerConfig};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

/// A page that every rule keeps, different for each number.
fn page(number: usize) -> String {
    let text = format!(
        "The old harbour of town {number} was quiet that morning, and only a few of the boats had gone out to sea. \
         A woman with a basket walked along the wall, looked at the grey water for some time, and said that it would rain \
         before noon. Nobody answered her. The fishermen were mending their nets in front of the inn, as their fathers had \
         done, and they had learned to be careful with words about the weather."
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
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(format!("{header}{block}\r\n\r\n").as_bytes()).unwrap();
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
