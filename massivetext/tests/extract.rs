//! The stage of extraction: encodings, the rules, the ledger, and that neither parts nor threads decide a byte.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use massivetext::extract::encoding::{decode, find};
use massivetext::extract::{self, Blocklist, Configuration, Places, Receipt};
use massivetext::manifest::{Manifest, Part};
use massivetext::output;
use serde_json::{Value, json};

/// The encoding of a page, how it is known, and the text.
#[track_caller]
fn decodes(bytes: &[u8], charset: Option<&str>, encoding: &str, from: &str, text: &str) {
    let found = find(bytes, charset, true, None);
    let words = serde_json::to_value(found).unwrap();
    assert_eq!((words, &decode(bytes, found)[..]), (json!({"name": encoding, "from": from}), text));
}

fn utf_16(text: &str, is_big: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

/// A page with a `meta` tag, as bytes before and after the text.
fn with_meta(tag: &str, text: &[u8]) -> Vec<u8> {
    [format!("<html><head>{tag}<body>").as_bytes(), text].concat()
}

#[test]
fn encodings_are_found_in_the_order_of_the_standard() {
    // The bytes are what Python's codecs give.
    let all: [(&str, &[u8], &str); 5] = [
        ("utf-8", "Łódź, caf\u{e9}".as_bytes(), "Łódź, café"),
        ("windows-1252", b"caf\xe9 \x80 \x93x\x94", "café € “x”"),
        ("Shift_JIS", b"\x93\xfa\x96\x7b\x8c\xea", "日本語"),
        ("GBK", b"\xd6\xd0\xce\xc4", "中文"),
        ("ISO-8859-2", b"\xa3\xf3d\xbc", "Łódź"),
    ];
    for (label, bytes, text) in all {
        let name = if label == "utf-8" { "UTF-8" } else { label };
        decodes(bytes, Some(label), name, "http", text);
        let page = |begin: &str| format!("{begin}{text}");
        for tag in [
            format!("<meta charset={label}>"),
            format!("<META http-equiv='Content-Type' content=\"text/html; charset='{label}'\">"),
        ] {
            let begin = format!("<html><head>{tag}<body>");
            decodes(&with_meta(&tag, bytes), None, name, "meta", &page(&begin));
            // What the server says comes first, even if it is wrong.
            let wrong = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0;
            let header = Some("ISO-8859-1");
            decodes(&with_meta(&tag, bytes), header, "windows-1252", "http", &format!("{begin}{wrong}"));
            // A label that means nothing is none.
            decodes(&with_meta(&tag, bytes), Some("nonsense"), name, "meta", &page(&begin));
        }
        // Too late, and in a comment.
        let late = [&b" ".repeat(1024)[..], &with_meta("<meta charset=Shift_JIS>", b"x")].concat();
        assert_eq!(serde_json::to_value(find(&late, None, true, None)).unwrap()["from"], "detector");
        let comment = with_meta("<!-- <meta charset=Shift_JIS> -->", b"x");
        assert_eq!(serde_json::to_value(find(&comment, None, true, None)).unwrap()["from"], "detector");
    }
    // Marks come before everything.
    decodes(b"\xef\xbb\xbf\xc3\xa9", Some("GBK"), "UTF-8", "mark", "é");
    decodes(&utf_16("\u{feff}é<", false), Some("GBK"), "UTF-16LE", "mark", "é<");
    decodes(&utf_16("\u{feff}é<", true), Some("utf-8"), "UTF-16BE", "mark", "é<");
    // Without one.
    decodes(&utf_16("<p>café", false), Some("utf-16le"), "UTF-16LE", "http", "<p>café");
    decodes(&utf_16("<p>café", false), None, "UTF-16LE", "detector", "<p>café");
    decodes(&utf_16("<p>café", true), None, "UTF-16BE", "detector", "<p>café");
    // A tag that could be read is not in UTF-16.
    decodes(
        &with_meta("<meta charset=utf-16>", b""),
        None,
        "UTF-8",
        "meta",
        "<html><head><meta charset=utf-16><body>",
    );
    decodes(b"", None, "UTF-8", "detector", "");
    decodes(b"caf\xc3", Some("utf-8"), "UTF-8", "http", "caf\u{fffd}");
}

/// Texts of a few sentences that nothing says the encoding of.
#[test]
fn encodings_that_nothing_says_are_detected() {
    let french = "Le café était fermé à cause de la fête, et les élèves ont dû rentrer à l'hôtel.";
    let russian =
        "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.";
    let japanese = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。";
    let chinese = "学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？";
    let polish = "Zażółć gęślą jaźń. Litwo, ojczyzno moja, ty jesteś jak zdrowie; ile cię trzeba cenić, ten tylko się dowie.";
    for (text, encoding) in [
        (french, encoding_rs::UTF_8),
        (french, encoding_rs::WINDOWS_1252),
        (russian, encoding_rs::WINDOWS_1251),
        (russian, encoding_rs::KOI8_U),
        (japanese, encoding_rs::SHIFT_JIS),
        (japanese, encoding_rs::EUC_JP),
        (chinese, encoding_rs::GBK),
        (polish, encoding_rs::ISO_8859_2),
    ] {
        let bytes = encoding.encode(text).0;
        decodes(&bytes, None, encoding.name(), "detector", text);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A record with these header lines.
fn record(lines: &[&str], content: &[u8]) -> Vec<u8> {
    let mut bytes = b"WARC/1.0\r\n".to_vec();
    lines.iter().for_each(|line| bytes.extend(format!("{line}\r\n").bytes()));
    bytes.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
    [&bytes[..], content, b"\r\n\r\n"].concat()
}

/// What a server answered.
fn response(uri: &str, status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let uri = format!("WARC-Target-URI: {uri}");
    let lines = [
        "WARC-Type: response",
        "Content-Type: application/http; msgtype=response",
        "WARC-Date: 2026-11-30T00:00:00Z",
        "WARC-Record-ID: <urn:uuid:1>",
        &uri,
    ];
    record(&lines, &[format!("HTTP/1.1 {status}\r\n{fields}\r\n").as_bytes(), body].concat())
}

const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";

const ENGLISH: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.";
const FRENCH: &str = "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si vite que je n'avais pas le temps de me dire : « Je m'endors. »";

fn page(text: &str) -> Vec<u8> {
    format!("<html><head><title>A page</title></head><body><p>{text}</p></body></html>").into_bytes()
}

struct Outcome {
    receipt: Receipt,
    kept: Vec<Value>,
    dropped: Vec<Value>,
    files: BTreeMap<String, Vec<u8>>,
}

fn lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".jsonl"));
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Extracts files in so many parts, each with so many threads.
fn run(
    files: &[(&str, Vec<u8>)],
    configuration: &Configuration,
    blocked: &Blocklist,
    parts: usize,
    threads: usize,
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, bytes) in files {
        fs::create_dir_all(path("in").join(name).parent().unwrap()).unwrap();
        fs::write(path("in").join(name), bytes).unwrap();
    }
    let configuration = Configuration { compression: output::Compression::None, ..configuration.clone() };
    let inputs = vec![path("in")];
    let manifest = Manifest::find_crawl(&inputs).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for index in 1..=parts {
        let part = Part { index, parts };
        let rejected = Some(path("why"));
        let places = Places { inputs: inputs.clone(), out: path("out"), rejected, part, strict: false };
        let report =
            pool.install(|| extract::run(&configuration, &places, &manifest, blocked, &mut |_| ())).unwrap();
        assert_eq!(report.completes, index == parts);
    }
    let receipt = serde_json::from_slice(&fs::read(path("out/receipt.json")).unwrap()).unwrap();
    let mut all = BTreeMap::new();
    for part in ["out", "why"] {
        for entry in fs::read_dir(path(part)).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_file() {
                let name = format!("{part}/{}", entry.file_name().unwrap().to_string_lossy());
                all.insert(name, fs::read(entry).unwrap());
            }
        }
    }
    Outcome { receipt, kept: lines(&path("out")), dropped: lines(&path("why")), files: all }
}

fn extracted(files: &[(&str, Vec<u8>)], configuration: &Configuration) -> Outcome {
    run(files, configuration, &Blocklist::default(), 1, 1)
}

fn counts(of: &BTreeMap<String, u64>) -> String {
    of.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_document_says_where_it_is_from() {
    let first = gzip(&record(&["WARC-Type: warcinfo"], b"x"));
    let answer = response("http://a.example/x", "200 OK", HTML, &page(ENGLISH));
    let second = gzip(&answer);
    let wet = record(
        &["WARC-Type: conversion", "Content-Type: text/plain", "WARC-Target-URI: http://b.example/"],
        ENGLISH.as_bytes(),
    );
    let found = extracted(
        &[
            ("crawl.warc.gz", [&first[..], &second].concat()),
            ("pages/one.html.gz", gzip(&page(ENGLISH))),
            ("pages/two.HTM", page(ENGLISH)),
            ("texts.warc.wet", wet),
        ],
        &Configuration::default(),
    );
    let offset = record(&["WARC-Type: warcinfo"], b"x").len();
    let confidence = &found.kept[0]["language_confidence"];
    assert!(confidence.as_f64().unwrap() > 0.5);
    assert_eq!(
        found.kept[0],
        json!({
            "id": "http://a.example/x",
            "text": ENGLISH,
            "source": "crawl.warc.gz",
            "provenance": {
                "file": "crawl.warc.gz", "offset": offset, "member_offset": first.len(), "member_length": second.len(),
                "record_id": "<urn:uuid:1>", "uri": "http://a.example/x", "date": "2026-11-30T00:00:00Z",
            },
            "encoding": {"name": "UTF-8", "from": "http"},
            "language": "en",
            "language_confidence": confidence,
            "title": "A page",
        })
    );
    let ids: Vec<_> = found.kept.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["http://a.example/x", "pages/one.html.gz", "pages/two.HTM", "http://b.example/"]);
    assert_eq!(found.kept[1]["provenance"], json!({"file": "pages/one.html.gz", "offset": 0}));
    assert_eq!(found.kept[3]["encoding"], json!({"name": "UTF-8", "from": "format"}));
    assert_eq!(
        found.kept[3]["provenance"],
        json!({"file": "texts.warc.wet", "offset": 0, "uri": "http://b.example/"})
    );
    let ledger = &found.receipt.ledger;
    assert_eq!((ledger.records, ledger.kept, counts(&ledger.passed_over)), (5, 4, "warcinfo 1".into()));
}

/// One record for each rule, each kind of error that is one of pages, and each type that is passed over.
#[test]
fn every_record_ends_in_one_place() {
    let bad = "Content-Type: text/html\r\nContent-Encoding: br\r\n";
    let rta =
        "<html><head><meta name=Rating content='RTA-5042-1996-1400-1577-RTA'></head><body>x</body></html>";
    let mut records = vec![
        response("http://good.example/", "200 OK", HTML, &page(ENGLISH)),
        // The same page again stays.
        response("http://good.example/", "200 OK", HTML, &page(ENGLISH)),
        response("http://good.example/plain", "200 OK", "Content-Type: text/plain\r\n", ENGLISH.as_bytes()),
        response("http://www.Bad.example:80/", "200 OK", HTML, &page(ENGLISH)),
        response("http://good.example/gone", "404 Not Found", HTML, &page(ENGLISH)),
        response("http://good.example/picture", "200 OK", "Content-Type: image/png\r\n", b"x"),
        response("http://good.example/untyped", "200 OK", "", &page(ENGLISH)),
        response("http://good.example/rta", "200 OK", HTML, rta.as_bytes()),
        response("http://good.example/adult", "200 OK", &format!("{HTML}Rating: adult\r\n"), &page(ENGLISH)),
        response("http://good.example/empty", "200 OK", HTML, &page(" ")),
        response(
            "http://good.example/junk",
            "200 OK",
            HTML,
            &[&b"<p>"[..], &b"abcdefg\xff ".repeat(90)].concat(),
        ),
        response("http://good.example/french", "200 OK", HTML, &page(FRENCH)),
        response("http://good.example/br", "200 OK", bad, b"x"),
        record(&["WARC-Type: response", "Content-Type: application/http"], b"no header"),
        record(&["WARC-Type: response", "Content-Type: text/dns"], b"a 1.2.3.4"),
        record(&["WARC-Type: resource", "Content-Type: text/html;charset=utf-8"], &page(ENGLISH)),
        record(&["WARC-Type: conversion", "Content-Type: application/pdf"], b"x"),
    ];
    for kind in ["warcinfo", "request", "metadata", "revisit", "continuation", "unheard-of"] {
        records.push(record(&[&format!("WARC-Type: {kind}")], b"x"));
    }
    let total = records.len() as u64;
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(list.path(), "# Not wanted\n\nBAD.example. # all of it\n").unwrap();
    let blocked = Blocklist::read(list.path()).unwrap();
    let configuration = Configuration { blocked_hosts: Some(blocked.describe()), ..Configuration::default() };
    let found = run(&[("a.warc", records.concat())], &configuration, &blocked, 1, 1);
    let ledger = &found.receipt.ledger;
    assert_eq!((ledger.records, ledger.kept), (total, 4));
    assert_eq!(
        counts(&ledger.dropped),
        "adult_rating 2, blocked_host 1, content_type 4, language 1, max_replacement 1, no_text 1, status 1"
    );
    assert_eq!(counts(&ledger.errors), "bad_http 1, content_encoding 1");
    assert_eq!(
        counts(&ledger.passed_over),
        "continuation 1, metadata 1, other 1, request 1, revisit 1, warcinfo 1"
    );
    let by: Vec<_> =
        found.dropped.iter().map(|line| (line["dropped_by"].as_str().unwrap(), &line["found"])).collect();
    assert_eq!(
        by[..8],
        [
            ("blocked_host", &json!("bad.example")),
            ("status", &json!(404)),
            ("content_type", &json!("image/png")),
            ("content_type", &json!("")),
            ("adult_rating", &json!("RTA-5042-1996-1400-1577-RTA")),
            ("adult_rating", &json!("adult")),
            ("no_text", &json!(null)),
            ("max_replacement", &found.dropped[7]["replacement_fraction"]),
        ]
    );
    assert_eq!((by[8].0, by[8].1, &found.dropped[8]["text"]), ("language", &json!("fr"), &json!(FRENCH)));
    assert_eq!(counts(&found.receipt.languages)[..6], *"en 4, ");
    assert_eq!(found.receipt.replaced, 1);
    // All languages, and any share of replacement characters.
    let other = Configuration { language: None, max_replacement: 1.0, ..Configuration::default() };
    let all = extracted(&[("a.warc", records.concat())], &other);
    assert_eq!(all.receipt.ledger.kept, 7);
    // Sure enough for no text.
    let sure = Configuration {
        min_language_confidence: 1.0,
        language: Some("fr".into()),
        ..Configuration::default()
    };
    let found = extracted(&[("a.html", page("une page"))], &sure);
    assert_eq!(counts(&found.receipt.ledger.dropped), "language 1");
}

#[test]
fn neither_parts_nor_threads_decide_a_byte() {
    let mut files = Vec::new();
    let names: Vec<String> = (0..9).map(|file| format!("{file}.warc.gz")).collect();
    for (file, name) in names.iter().enumerate() {
        let (mut bytes, mut middle) = (Vec::new(), 0);
        for number in 0..40 {
            if number == 20 {
                middle = bytes.len();
            }
            let text = if number % 5 == 0 { FRENCH } else { ENGLISH };
            let uri = format!("http://{file}.example/{number}");
            bytes.extend(gzip(&response(&uri, "200 OK", HTML, &page(text))));
        }
        // One member is damaged.
        bytes[middle + 50] ^= 0xff;
        files.push((&name[..], bytes));
    }
    files.push(("page.html", page(ENGLISH)));
    let configuration = Configuration { shard_bytes: 15_000, ..Configuration::default() };
    let blocked = Blocklist::default();
    let whole = run(&files, &configuration, &blocked, 1, 1);
    assert!(whole.receipt.outputs.len() > 3, "{:?}", whole.receipt.outputs);
    assert_eq!(whole.receipt.ledger.records, 9 * 40 + 1);
    assert_eq!(whole.receipt.ledger.all_errors(), 9);
    for (parts, threads) in [(2, 3), (7, 1), (1, 3)] {
        assert!(
            run(&files, &configuration, &blocked, parts, threads).files == whole.files,
            "{parts} {threads}"
        );
    }
}

#[test]
fn lists_of_hosts_name_the_line_that_is_none() {
    let list = tempfile::NamedTempFile::new().unwrap();
    for wrong in ["http://a.example/", "0.0.0.0 a.example", "*.a.example", ".a.example"] {
        fs::write(list.path(), format!("b.example\n{wrong}\n")).unwrap();
        let error = Blocklist::read(list.path()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("a domain is expected"), "{error}");
    }
}

#[test]
fn settings_outside_their_ranges_are_refused() {
    let check = |configuration: Configuration, part: &str| {
        let error = configuration.check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let plain = Configuration::default;
    check(Configuration { max_replacement: 1.1, ..plain() }, "--max-replacement = 1.1: 0 to 1");
    check(Configuration { min_language_confidence: f64::NAN, ..plain() }, "--min-language-confidence = NaN");
    check(Configuration { language: Some("xx".into()), ..plain() }, "--language = xx: any, or one of af, ");
    check(Configuration { max_record_bytes: 0, ..plain() }, "--max-record-bytes = 0");
}

/// A crawler that has cut a record says so; an answer that ends early does not.
#[test]
fn a_page_that_is_cut_says_so() {
    let chunked = format!("{HTML}Transfer-Encoding: chunked\r\n");
    let body = [format!("{:x}\r\n", 5000).as_bytes(), &page(ENGLISH)].concat();
    let conversion = ["WARC-Type: conversion", "Content-Type: text/plain"];
    let records = [
        response("http://a.example/", "200 OK", HTML, &page(ENGLISH)),
        response("http://a.example/chunks", "200 OK", &chunked, &body),
        record(&[conversion[0], conversion[1], "WARC-Truncated: length"], ENGLISH.as_bytes()),
    ];
    let found = extracted(&[("a.warc", records.concat())], &Configuration::default());
    let cut: Vec<_> = found.kept.iter().map(|line| (&line["text"], &line["is_cut"])).collect();
    let text = &json!(ENGLISH);
    assert_eq!(cut, [(text, &json!(null)), (text, &json!(true)), (text, &json!(true))]);
}

/// Files that no reader of text would take are read, and nothing of the text.
#[test]
fn a_file_that_is_broken_is_one_record() {
    let mut cut = gzip(&page(ENGLISH));
    cut.truncate(40);
    let long = page(&ENGLISH.repeat(20));
    let configuration = Configuration { max_record_bytes: 2000, ..Configuration::default() };
    let found =
        extracted(&[("cut.html.gz", cut), ("long.html", long), ("text.txt", b"x".to_vec())], &configuration);
    assert_eq!(counts(&found.receipt.ledger.errors), "broken_file 1, too_long 1");
    assert!(found.receipt.passed_over[0].contains("text.txt"));
    let mut errors = String::new();
    let packed = &found.files["why/00000.errors.zst"][..];
    ruzstd::decoding::StreamingDecoder::new(packed).unwrap().read_to_string(&mut errors).unwrap();
    let errors: Vec<Value> = errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(errors.iter().map(|line| &line["file"]).collect::<Vec<_>>(), ["cut.html.gz", "long.html"]);
}
