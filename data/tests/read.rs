//! Files to documents: what is read, in which order, and what is said when it cannot be.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use data::read::{documents, find_files};
use data::{InvalidUtf8, ReadConfig};
use tempfile::TempDir;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Writes `files` into a folder, reads `paths` (the folder itself, if none), and gives the documents and what
/// was ignored, or the error, one per line, with the folder's name taken out.
fn read(files: &[(&str, &[u8])], paths: &[&str], config: &ReadConfig) -> String {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let paths: Vec<PathBuf> = match paths {
        [] => vec![folder.path().into()],
        _ => paths.iter().map(|path| folder.path().join(path)).collect(),
    };
    let shown = match find_files(&paths) {
        Err(error) => format!("error: {error}"),
        Ok(list) => {
            let mut lines: Vec<String> = documents(&list.files, config)
                .map(|document| match document {
                    Ok(document) => format!("{}: {:?}", document.name, document.text),
                    Err(error) => format!("error: {error}"),
                })
                .collect();
            if list.ignored > 0 {
                lines.push(format!("ignored: {}", list.ignored));
            }
            lines.join("\n")
        }
    };
    let root = folder.path().display().to_string();
    shown.replace(&format!("{root}/"), "").replace(&root, "FOLDER")
}

#[track_caller]
fn check(files: &[(&str, &[u8])], paths: &[&str], expected: &str) {
    assert_eq!(read(files, paths, &ReadConfig::default()), expected);
}

#[test]
fn a_folder_is_read_in_sorted_order() {
    let files: &[(&str, &[u8])] = &[
        ("b.txt", b"second"),
        ("a.md", b"first"),
        ("c/z.TXT", b"third"),
        ("c/notes.pdf", b"?"),
        ("c/README", b"?"),
        ("d.jsonl", b"{\"text\": \"fourth\"}\n\n{\"id\": 1, \"text\": \"fifth\\n\"}"),
    ];
    let expected = "a.md: \"first\"\nb.txt: \"second\"\nc/z.TXT: \"third\"\nd.jsonl:1: \"fourth\"\n\
                    d.jsonl:3: \"fifth\\n\"\nignored: 2";
    check(files, &[], expected);
}

#[test]
fn paths_come_in_the_given_order_and_files_once() {
    let files: &[(&str, &[u8])] = &[("a/1.txt", b"one"), ("b.txt", b"two")];
    check(files, &["b.txt", "a", "a/1.txt", "."], "b.txt: \"two\"\na/1.txt: \"one\"");
}

#[cfg(unix)]
#[test]
fn links_do_not_loop() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.txt"), "one").unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    assert_eq!(find_files(&[folder.path().into()]).unwrap().files.len(), 1);
}

#[test]
fn compressed_files_are_read_to_the_end() {
    let two_members = [gzip(b"one "), gzip(b"two")].concat();
    let skippable = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9];
    let three_frames = [zstd(b"three "), skippable.to_vec(), zstd(b"four")].concat();
    let lines = zstd(b"{\"text\": \"five\"}\n");
    let files: &[(&str, &[u8])] =
        &[("a.txt.gz", &two_members), ("b.md.zst", &three_frames), ("c.jsonl.zst", &lines)];
    check(files, &[], "a.txt.gz: \"one two\"\nb.md.zst: \"three four\"\nc.jsonl.zst:1: \"five\"");
}

#[test]
fn every_truncation_of_a_compressed_file_is_noticed() {
    let text = b"All the world's a stage, and all the men and women merely players".repeat(9);
    for (name, bytes) in [("a.txt.gz", gzip(&text)), ("a.txt.zst", zstd(&text))] {
        for length in 0..bytes.len() {
            let shown = read(&[(name, &bytes[..length])], &[], &ReadConfig::default());
            let expected = format!("error: {name}: truncated or corrupt ");
            assert!(shown.starts_with(&expected), "{name} cut at {length} of {}: {shown}", bytes.len());
        }
    }
}

/// "hello hello" with a checksum, as the zstd command line tool writes it.
const ZSTD_WITH_CHECKSUM: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\x59\x00\x00hello hello\xc5\xbd\xfb\x61";

#[test]
fn zstd_checksums_are_checked() {
    check(&[("a.txt.zst", ZSTD_WITH_CHECKSUM)], &[], "a.txt.zst: \"hello hello\"");
    let mut bytes = ZSTD_WITH_CHECKSUM.to_vec();
    bytes[10] = b'u';
    let shown = read(&[("a.txt.zst", &bytes)], &[], &ReadConfig::default());
    assert!(
        shown.starts_with("error: a.txt.zst: truncated or corrupt zstd data (checksum differs)"),
        "{shown}"
    );
}

#[test]
fn damage_within_a_compressed_file_is_noticed() {
    let mut bytes = gzip(&b"All the world's a stage".repeat(9));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let shown = read(&[("a.txt.gz", &bytes)], &[], &ReadConfig::default());
    assert!(shown.starts_with("error: a.txt.gz: truncated or corrupt gzip data"), "{shown}");
    let shown = read(&[("a.txt.zst", b"not zstd")], &[], &ReadConfig::default());
    assert!(shown.starts_with("error: a.txt.zst: truncated or corrupt zstd data"), "{shown}");
}

#[test]
fn invalid_utf8_is_located_or_replaced() {
    let way_out = "; convert the file to UTF-8, or set invalid_utf8 = \"replace\"";
    check(&[("a.txt", b"ab\xFFc")], &[], &format!("error: a.txt: invalid UTF-8 at byte 2{way_out}"));
    check(
        &[("a.txt", b"\xEF\xBB\xBFab\xC3")],
        &[],
        &format!("error: a.txt: invalid UTF-8 at byte 5{way_out}"),
    );
    let utf16 = format!("error: a.txt: invalid UTF-8 at byte 0 (the file looks like UTF-16){way_out}");
    check(&[("a.txt", b"\xFF\xFEa\0b\0")], &[], &utf16);
    let lines = b"{\"text\": \"ok\"}\n{\"text\": \"b\xFF\"}\n";
    let located = format!("a.jsonl:1: \"ok\"\nerror: a.jsonl: invalid UTF-8 at byte 26{way_out}");
    check(&[("a.jsonl", lines)], &[], &located);
    let replace = ReadConfig { invalid_utf8: InvalidUtf8::Replace, ..ReadConfig::default() };
    let files: &[(&str, &[u8])] = &[("a.jsonl", lines), ("b.txt", b"ab\xFFc")];
    assert_eq!(
        read(files, &[], &replace),
        "a.jsonl:1: \"ok\"\na.jsonl:2: \"b\u{FFFD}\"\nb.txt: \"ab\u{FFFD}c\""
    );
}

#[test]
fn a_byte_order_mark_is_dropped() {
    check(&[("a.txt", b"\xEF\xBB\xBFhello")], &[], "a.txt: \"hello\"");
}

#[test]
fn malformed_lines_are_named() {
    let line = |bytes: &[u8]| read(&[("a.jsonl", bytes)], &[], &ReadConfig::default());
    assert_eq!(line(b"\n[1]"), "error: a.jsonl:2: not a JSON object; every line must be one");
    assert_eq!(
        line(b"{\"body\": \"x\", \"id\": 1}"),
        "error: a.jsonl:1: no field \"text\" (it has \"body\", \"id\"); set text_field"
    );
    assert_eq!(line(b"{\"text\": 3}"), "error: a.jsonl:1: field \"text\" is not a string but 3");
    assert!(line(b"{\"text\": \"x\"").starts_with("error: a.jsonl:1: not a JSON value ("));
    let body = ReadConfig { text_field: "body".into(), ..ReadConfig::default() };
    assert_eq!(read(&[("a.jsonl", b"{\"body\": \"x\"}")], &[], &body), "a.jsonl:1: \"x\"");
}

#[test]
fn what_cannot_be_read_is_named() {
    check(&[], &["nowhere"], "error: nowhere: no such file or folder");
    check(
        &[("a.pdf", b"")],
        &["a.pdf"],
        "error: a.pdf: unsupported kind of file; supported are .txt, .md and .jsonl, each also with .gz or .zst",
    );
    check(&[], &[], "error: no text found in FOLDER: no files");
    check(
        &[("a.pdf", b""), ("b", b"")],
        &[],
        "error: no text found in FOLDER: 2 files, none of them .txt, .md or .jsonl (or these with .gz or .zst)",
    );
}

#[test]
fn whitespace_is_no_document() {
    check(&[("a.txt", b" \n\t"), ("b.jsonl", b"{\"text\": \"\"}\n"), ("c.md", b"x")], &[], "c.md: \"x\"");
}

#[test]
fn configuration_refuses_unknown_keys() {
    let error = toml::from_str::<ReadConfig>("text_feild = \"body\"").unwrap_err();
    assert!(error.to_string().contains("unknown field `text_feild`"), "{error}");
    let config: ReadConfig = toml::from_str("invalid_utf8 = \"replace\"").unwrap();
    assert_eq!((config.invalid_utf8, config.text_field.as_str()), (InvalidUtf8::Replace, "text"));
}
