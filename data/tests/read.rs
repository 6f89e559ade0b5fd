//! Files to documents: what is read, in which order, and what is said when it cannot be.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use data::read::{documents, find_files};
use data::{BadRecords, InvalidUtf8, ReadConfig};
use tempfile::TempDir;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Uncompressed chunks of LZMA2, which the crate for reading knows nothing of.
fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    lzma_rs::xz_compress(&mut std::io::Cursor::new(bytes), &mut out).unwrap();
    out
}

/// What errors of records end with.
const WAY_OUT: &str = "; --set data.bad_records=skip passes over such records";

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
            lines.extend(list.notes());
            lines.join("\n")
        }
    };
    let root = folder.path().display().to_string();
    shown.replace(&format!("{root}/"), "").replace(&root, "FOLDER").replace(WAY_OUT, "")
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
                    d.jsonl:3: \"fifth\\n\"\n\
                    passing over 2 files of other kinds: c/README, c/notes.pdf";
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
    for (name, bytes) in [("a.txt.gz", gzip(&text)), ("a.txt.zst", zstd(&text)), ("a.txt.xz", xz(&text))] {
        for length in 1..bytes.len() {
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
    let way_out = "; convert the file to UTF-8, or --set data.invalid_utf8=replace";
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
        "error: a.pdf: unsupported kind of file; read are .txt, .md, .jsonl or .json, or these with .gz, .zst or .xz",
    );
    let kinds = "read are .txt, .md, .jsonl or .json, or these with .gz, .zst or .xz";
    check(&[], &[], &format!("error: no text found in FOLDER: no files; {kinds}"));
    check(
        &[("a.pdf", b"?"), ("b", b"?")],
        &[],
        &format!("error: no text found in FOLDER: passing over 2 files of other kinds: a.pdf, b; {kinds}"),
    );
    check(
        &[("a.txt", b""), ("b.jsonl.zst", b"")],
        &["a.txt", "b.jsonl.zst"],
        &format!("error: no text found in FOLDER/a.txt and 1 more paths: passing over 2 empty files: a.txt, b.jsonl.zst; {kinds}")
            .replace("FOLDER/", ""),
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

/// A line and a line end, as the xz tool packs them: compressed, with CRC64 as its check.
const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a3e00028001a5d003a1bc00521e5489b199d22ea955e4593da637af5b21274a200000000008ca15cdf1a8929730001362932bc28eb1fb6f37d010000000004595a";

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn xz_files_are_read_to_the_end() {
    let padded = [hex(XZ), vec![0; 8], hex(XZ)].concat();
    let files: &[(&str, &[u8])] =
        &[("a.txt.xz", &hex(XZ)), ("b.md.xz", &padded), ("c.jsonl.xz", &xz(b"{\"text\": \"three\"}\n"))];
    let line = "to be, or not to be: to be, or not to be\\n";
    check(files, &[], &format!("a.txt.xz: \"{line}\"\nb.md.xz: \"{line}{line}\"\nc.jsonl.xz:1: \"three\""));
    let mut bytes = hex(XZ);
    bytes[30] ^= 1;
    let shown = read(&[("a.txt.xz", &bytes)], &[], &ReadConfig::default());
    assert!(shown.starts_with("error: a.txt.xz: truncated or corrupt xz data"), "{shown}");
}

#[test]
fn what_gzip_and_zstd_accept_is_accepted() {
    // As on a tape, and by a block device of 4096 bytes, which is longer than nothing and not a member.
    for padding in [1, 512, 3_000_000] {
        let padded = [gzip(b"one "), gzip(b"two"), vec![0; padding]].concat();
        check(&[("a.txt.gz", &padded)], &[], "a.txt.gz: \"one two\"");
    }
    let nothing: &[(&str, &[u8])] = &[("a.txt.gz", &gzip(b"")), ("b.txt.zst", &zstd(b"")), ("c.txt", b"c")];
    check(nothing, &[], "c.txt: \"c\"");
    let members = [gzip(b"one"), gzip(b""), gzip(b" two")].concat();
    check(&[("a.txt.gz", &members)], &[], "a.txt.gz: \"one two\"");
    // And not what is no part of it.
    for wrong in [&b"\0\0x"[..], b"x", b"\x1f"] {
        let shown = read(&[("a.txt.gz", &[&gzip(b"one")[..], wrong].concat())], &[], &ReadConfig::default());
        assert!(shown.starts_with("error: a.txt.gz: truncated or corrupt gzip data"), "{wrong:?}: {shown}");
    }
    let shown = read(&[("a.txt.gz", &[0; 512])], &[], &ReadConfig::default());
    assert!(shown.starts_with("error: a.txt.gz: truncated or corrupt gzip data"), "{shown}");
}

#[test]
fn empty_files_are_said() {
    let files: &[(&str, &[u8])] = &[("a.txt.gz", b""), ("b.txt", b""), ("c.jsonl.zst", b""), ("d.txt", b"d")];
    check(files, &[], "d.txt: \"d\"\npassing over 3 empty files: a.txt.gz, b.txt, c.jsonl.zst");
}

#[test]
fn json_files_have_lines_or_values_or_an_array() {
    let json = |text: &str| read(&[("a.json", text.as_bytes())], &[], &ReadConfig::default());
    let expected = "a.json:1: \"x\"\na.json:2: \"y\"";
    assert_eq!(json("{\"text\": \"x\"}\n{\"text\": \"y\"}\n"), expected);
    assert_eq!(json("\u{feff}{\"text\": \"x\"}\n{\"text\": \"y\"}"), expected);
    assert_eq!(json("[{\"text\": \"x\"},\n {\"text\": \"y\"}]\n"), expected);
    assert_eq!(json("\u{feff}[{\"text\": \"x\"},\n {\"text\": \"y\"}]"), expected);
    assert_eq!(
        json(
            "\n[\n  {\n    \"text\": \"x ]}, \\\"\",\n    \"tags\": [[], {}]\n  },\n  {\"text\": \"y\"}\n]\n"
        ),
        "a.json:3: \"x ]}, \\\"\"\na.json:7: \"y\""
    );
    assert_eq!(
        json("{\n  \"text\": \"x\"\n}\n{\n  \"text\": \"y\"\n}\n"),
        "a.json:1: \"x\"\na.json:4: \"y\""
    );
    assert_eq!(json("[]"), "");
    // Long ones, which do not fit a buffer.
    let long = "é".repeat(100_000);
    let array = format!("[{{\"text\": \"{long}\"}}, {{\"text\": \"y\"}}]");
    assert_eq!(json(&array), format!("a.json:1: \"{long}\"\na.json:1: \"y\""));
    let gz = gzip(b"[{\"text\": \"x\"}]");
    check(&[("a.json.gz", &gz)], &[], "a.json.gz:1: \"x\"");
    // What is wrong is named with its place.
    assert_eq!(
        json("[{\"text\": \"x\"},\n[1]]"),
        "a.json:1: \"x\"\nerror: a.json:2: not a JSON object; every line must be one"
    );
    assert!(json("[{\"text\": \"x\"},\n").contains("error: a.json:2: not a JSON value (it ends too early"));
    assert!(
        json("[{\"text\": \"x\"},\n{\"text\": \"y")
            .contains("error: a.json:2: not a JSON value (it ends too early")
    );
    assert_eq!(
        json("[{\"text\": \"x\"}]\n{\"text\": \"y\"}"),
        "a.json:1: \"x\"\nerror: a.json:2: something follows the array that the file begins with"
    );
    assert_eq!(json("[3, \"a, b\"]"), "error: a.json:1: not a JSON object; every line must be one");
}

#[test]
fn other_fields_are_not_judged() {
    let line = |bytes: &[u8]| read(&[("a.jsonl", bytes)], &[], &ReadConfig::default());
    for other in ["NaN", "[-Infinity, Infinity]", "1e999", "{\"NaN\": NaN}", "\"\\ud800\"", "null"] {
        for object in [
            format!("{{\"a\": {other}, \"text\": \"NaN\"}}"),
            format!("{{\"text\": \"NaN\", \"a\": {other}}}"),
        ] {
            assert_eq!(line(object.as_bytes()), "a.jsonl:1: \"NaN\"", "{object}");
        }
    }
    let deep = format!("{{\"a\": {}{}, \"text\": \"x\"}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(line(deep.as_bytes()), "a.jsonl:1: \"x\"");
    assert_eq!(line(b"{\"a\": \"\xFF\", \"text\": \"x\"}"), "a.jsonl:1: \"x\"");
    assert!(line(b"{\"a\": nan, \"text\": \"x\"}").contains("not a JSON value"));
    assert_eq!(line(b"{\"text\": NaN}"), "error: a.jsonl:1: field \"text\" is not a string but null");
}

#[test]
fn bad_records_are_passed_over_if_asked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.jsonl");
    fs::write(&path, "7").unwrap();
    let error = documents(&[path], &ReadConfig::default()).next().unwrap().unwrap_err().to_string();
    assert!(error.ends_with(WAY_OUT), "{error}");
    let skip = ReadConfig { bad_records: BadRecords::Skip, ..ReadConfig::default() };
    let lines =
        b"{\"text\": null}\n{\"text\": \"one\"}\n{\"id\": 3}\nnot JSON\n\"text\"\n{\"text\": \"\xFF\"}\n\
                  {\"text\": [NaN]}\n{\"text\": \"two\"}\n{\"text\": \"cut";
    assert_eq!(read(&[("a.jsonl", lines)], &[], &skip), "a.jsonl:2: \"one\"\na.jsonl:8: \"two\"");
    let array = b"[{\"text\": null}, {\"text\": \"one\"}, {]}, 7, {\"text\": \"two\"}, {";
    assert_eq!(read(&[("a.json", array)], &[], &skip), "a.json:1: \"one\"\na.json:1: \"two\"");
    // What cannot be read on is an error nevertheless.
    let cut = &gzip(&b"{\"text\": \"one\"}\n".repeat(99))[..40];
    assert!(read(&[("a.jsonl.gz", cut)], &[], &skip).contains("truncated or corrupt gzip data"));
}

#[test]
fn hidden_entries_are_passed_over_unless_named() {
    let files: &[(&str, &[u8])] = &[
        (".git/description.txt", b"?"),
        (".hidden.txt", b"hidden"),
        ("._x.txt", b"\0\x05\x16\x07"),
        (".#x.txt", b"?"),
        ("x.txt", b"x"),
    ];
    check(files, &[], "x.txt: \"x\"\npassing over 4 hidden entries: .#x.txt, ._x.txt, .git and 1 more");
    check(files, &[".hidden.txt"], ".hidden.txt: \"hidden\"");
    check(files, &[".git"], ".git/description.txt: \"?\"");
}

#[cfg(unix)]
#[test]
fn a_bad_entry_of_a_folder_does_not_end_the_search() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.txt"), "one").unwrap();
    symlink("nowhere.txt", path("dangling.txt")).unwrap();
    symlink("loop.txt", path("loop.txt")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket.txt")).unwrap();
    fs::create_dir(path("locked")).unwrap();
    fs::set_permissions(path("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    let can_read_anything = fs::read_dir(path("locked")).is_ok();
    let list = find_files(&[folder.path().into()]).unwrap();
    fs::set_permissions(path("locked"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(list.files, [path("a.txt")]);
    let notes = list.notes();
    assert_eq!(notes[0], format!("passing over 1 pipe, socket or device: {}", path("socket.txt").display()));
    let unreadable = if can_read_anything { 2 } else { 3 };
    assert!(notes[1].starts_with(&format!("passing over {unreadable} unreadable entries: ")), "{}", notes[1]);
    assert!(notes[1].contains("dangling.txt (No such file or directory"), "{}", notes[1]);
}

#[cfg(unix)]
#[test]
fn what_can_be_read_once_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.jsonl");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    for (path, what) in [(path, "a pipe"), ("/dev/null".into(), "a device")] {
        let error = find_files(&[path]).unwrap_err().to_string();
        assert!(error.contains(&format!("{what}, which can be read only once")), "{error}");
    }
    assert!(
        find_files(&[folder.path().into()]).unwrap_err().to_string().contains("1 pipe, socket or device")
    );
}
