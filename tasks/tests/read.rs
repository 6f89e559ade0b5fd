//! Data files, good and bad: what is wrong is one line with the file and the place.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tasks::read::{Error, Shape, documents};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

#[track_caller]
fn good(path: &Path, shape: Shape<'_>) -> Vec<Value> {
    documents(path, shape).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The error of a file, without the path of the folder.
#[track_caller]
fn bad(path: &Path, shape: Shape<'_>) -> String {
    let error = match documents(path, shape) {
        Ok(mut documents) => documents.find_map(Result::err).expect("an error"),
        Err(error) => error,
    };
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.replace(&format!("{}/", path.parent().unwrap().display()), "")
}

#[test]
fn lines_of_json() {
    let folder = Folder::new();
    let plain = Shape::default();
    let path = folder.file("a.jsonl", "\u{feff}{\"a\": 1}\n\n{\"a\": [\"x\"]}");
    assert_eq!(good(&path, plain), [json!({ "a": 1 }), json!({ "a": ["x"] })]);
    let cases: [(&[u8], &str); 6] = [
        (b"{\"a\": 1}\n{\"a\": ", "a.jsonl: line 2: a JSON object that is cut off; fetch the file again"),
        (b"{\"a\": 1}\n\n[1]\n", "a.jsonl: line 3: not a JSON object; every line must be one"),
        (b"{\"a\": 1}\n{'a': 1}\n", "a.jsonl: line 2: not a JSON object (key must be a string at column 2)"),
        (b"{\"a\": \"\xff\"}\n", "a.jsonl: line 1: invalid UTF-8; convert the file to UTF-8"),
        (b"", "a.jsonl: no documents in it; fetch it again"),
        (b"\n\n", "a.jsonl: no documents in it; fetch it again"),
    ];
    for (bytes, error) in cases {
        assert_eq!(bad(&folder.file("a.jsonl", bytes), plain), error);
    }
    // After an error come no more.
    let path = folder.file("a.jsonl", "nonsense\n{\"a\": 1}\n");
    assert_eq!(documents(&path, plain).unwrap().count(), 1);
}

#[test]
fn json_that_is_not_in_lines() {
    let folder = Folder::new();
    let (plain, held) = (Shape::default(), Shape { field: Some("Data"), ..Shape::default() });
    assert_eq!(good(&folder.file("a.json", "[{\"a\": 1}, {\"a\": 2}]"), plain).len(), 2);
    assert_eq!(good(&folder.file("a.json", "{\"a\": 1}\n{\"a\":\n2}"), plain).len(), 2);
    assert_eq!(good(&folder.file("a.json", "{\"Data\": [{\"a\": 1}]}"), held), [json!({ "a": 1 })]);
    for (text, shape, error) in [
        ("[{\"a\": 1}, ", plain, "a.json: line 1: JSON that is cut off; fetch the file again"),
        ("[{\"a\": 1}\n {\"a\": 2}]", plain, "a.json: line 2: not JSON (expected `,` or `]` at column 2)"),
        ("[{\"a\": 1}, 2]", plain, "a.json: record 1: not a JSON object; every value must be one"),
        ("{\"data\": []}", held, "a.json: not a JSON object with an array \"Data\""),
        ("{\"Data\": 1}", held, "a.json: \"Data\" is not an array"),
        ("[]", plain, "a.json: no documents in it; fetch it again"),
    ] {
        assert_eq!(bad(&folder.file("a.json", text), shape), error);
    }
}

#[test]
fn tables() {
    let folder = Folder::new();
    let (plain, named) = (Shape::default(), Shape { columns: &["q", "a"], field: None });
    let path = folder.file("a.csv", "q,a\n\"one, \"\"two\"\"\nthree\",x\n");
    assert_eq!(good(&path, plain), [json!({ "q": "one, \"two\"\nthree", "a": "x" })]);
    assert_eq!(good(&folder.file("a.csv", "1,2\n3,4\n"), named).len(), 2);
    // Between tabs, quotes are quotes.
    assert_eq!(good(&folder.file("a.tsv", "\"x\" y\tz\n"), named), [json!({ "q": "\"x\" y", "a": "z" })]);
    for (name, bytes, shape, error) in [
        ("a.csv", &b"1,2\n3,4,5\n"[..], named, "a.csv: line 2: 3 fields instead of 2"),
        ("a.csv", b"1,2,3\n", named, "a.csv: line 1: 3 fields instead of 2 (q, a)"),
        ("a.csv", b"q,a\nx,\xff\n", plain, "a.csv: line 2: invalid UTF-8; convert the file to UTF-8"),
        ("a.csv", b"q,a\n", plain, "a.csv: no documents in it; fetch it again"),
        ("a.tsv", b"", named, "a.tsv: no documents in it; fetch it again"),
    ] {
        assert_eq!(bad(&folder.file(name, bytes), shape), error);
    }
}

/// The rows of the files that PyArrow wrote.
fn rows_of_pyarrow() -> [Value; 3] {
    [
        json!({ "text": "ä", "large": "b", "n": 1, "u": 255, "x": 0.5, "yes": true, "list": ["p", "q"],
            "choices": { "text": ["r"], "label": [1] }, "none": null }),
        json!({ "text": "", "large": "d", "n": -2, "u": 0, "x": null, "yes": false, "list": [],
            "choices": { "text": [], "label": [] }, "none": null }),
        json!({ "text": null, "large": "f", "n": 3, "u": 7, "x": -1.25, "yes": null, "list": ["s"],
            "choices": { "text": ["t", "u"], "label": [2, 3] }, "none": null }),
    ]
}

/// Arrow files of PyArrow 26: a stream and a file, with every type that data sets have.
#[test]
fn arrow() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/arrow");
    let expected = rows_of_pyarrow();
    for name in ["stream.arrow", "file.arrow"] {
        let path = data.join(name);
        assert_eq!(good(&path, Shape::default()), expected, "{name}");
        let bytes = fs::read(&path).unwrap();
        let folder = Folder::new();
        // Cut anywhere, a file is an error or fewer rows, and never a panic.
        for length in (0..bytes.len()).step_by(29) {
            let cut = folder.file("cut.arrow", &bytes[..length]);
            let rows = documents(&cut, Shape::default()).map_or(0, |rows| rows.flatten().count());
            assert!(rows <= 3);
        }
        // Nor is one with a byte that is another.
        for place in (0..bytes.len()).step_by(17) {
            let mut spoiled = bytes.clone();
            spoiled[place] ^= [0xff, 1, 0x80][place % 3];
            let spoiled = folder.file("spoiled.arrow", &spoiled);
            let _ = documents(&spoiled, Shape::default()).map(|rows| rows.flatten().count());
        }
        let cut = folder.file("cut.arrow", &bytes[..bytes.len() / 2]);
        let error = bad(&cut, Shape::default());
        assert!(error.starts_with("cut.arrow: not an Arrow file, or a broken one ("), "{error}");
    }
    let folder = Folder::new();
    assert_eq!(
        bad(&folder.file("a.arrow", ""), Shape::default()),
        "a.arrow: no documents in it; fetch it again"
    );
    let error = bad(&folder.file("a.arrow", "not arrow at all, but a text"), Shape::default());
    assert!(error.starts_with("a.arrow: not an Arrow file, or a broken one ("), "{error}");
    let error = bad(&data.join("dates.arrow"), Shape::default());
    assert_eq!(error, "dates.arrow: column \"when\" is of the type Date32, which is not read");
}

/// Parquet files of PyArrow 26: packed by Snappy with dictionaries, and by gzip in two groups of rows without.
#[cfg(feature = "parquet")]
#[test]
fn parquet() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet");
    let (folder, plain) = (Folder::new(), Shape::default());
    let mut spoiled_files = 0;
    for name in ["snappy.parquet", "gzip.parquet", "zstd.parquet"] {
        let path = data.join(name);
        assert_eq!(good(&path, plain), rows_of_pyarrow(), "{name}");
        let bytes = fs::read(&path).unwrap();
        // Cut anywhere, there is no end to read it from.
        for length in (1..bytes.len()).step_by(13) {
            let error = bad(&folder.file("cut.parquet", &bytes[..length]), plain);
            assert!(
                error.starts_with("cut.parquet: not a Parquet file, or a broken one ("),
                "{length}: {error}"
            );
        }
        // Nor do bytes that are others lead to a panic, or to more rows than there are.
        for place in (0..bytes.len()).step_by(3) {
            let mut spoiled = bytes.clone();
            spoiled[place] ^= [0xff, 1, 0x80, 0x10][place % 4];
            let file = folder.file("spoiled.parquet", &spoiled);
            if let Ok(rows) = documents(&file, plain) {
                let rows: Vec<_> = rows.collect();
                assert!(rows.len() <= 3 || rows.iter().any(Result::is_err), "{place}: {} rows", rows.len());
                spoiled_files += usize::from(rows.iter().any(Result::is_err));
            }
        }
    }
    assert!(spoiled_files > 100, "{spoiled_files}");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&fs::read(data.join("snappy.parquet")).unwrap()).unwrap();
    assert_eq!(good(&folder.file("a.parquet.gz", packed.finish().unwrap()), plain).len(), 3);
    let error = bad(&folder.file("a.parquet", ""), plain);
    assert_eq!(error, "a.parquet: no documents in it; fetch it again");
    let error = bad(&folder.file("a.parquet", "not Parquet at all, but a text"), plain);
    assert!(error.starts_with("a.parquet: not a Parquet file, or a broken one ("), "{error}");
    let error = bad(&data.join("dates.parquet"), plain);
    assert_eq!(
        error,
        "dates.parquet: record 0: column \"when\" has values of the type Date, which is not read"
    );
    let error = bad(&data.join("lz4.parquet"), plain);
    assert!(
        error.starts_with(
            "lz4.parquet: packed by LZ4_RAW; read are files packed by Snappy, gzip or Zstandard"
        ),
        "{error}"
    );
}

#[test]
fn compressed_files_and_other_kinds() {
    let folder = Folder::new();
    let plain = Shape::default();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"a\": 1}\n{\"a\": 2}\n").unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(good(&folder.file("a.jsonl.gz", &packed), plain).len(), 2);
    let error = bad(&folder.file("a.jsonl.gz", &packed[..packed.len() - 9]), plain);
    assert!(error.starts_with("a.jsonl.gz: truncated or corrupt gzip data"), "{error}");
    let error = bad(&folder.file("a.jsonl.xz", "plain"), plain);
    assert!(error.starts_with("a.jsonl.xz: truncated or corrupt xz data"), "{error}");
    assert_eq!(good(&folder.file("A.TXT", "one\ntwo"), plain), [json!({ "text": "one\ntwo" })]);
    assert_eq!(
        bad(&folder.file("a.txt", b"one\ntw\xff"), plain),
        "a.txt: line 2: invalid UTF-8; convert the file to UTF-8"
    );
    #[cfg(not(feature = "parquet"))]
    {
        let error = bad(&folder.file("a.parquet", "PAR1"), plain);
        assert!(error.contains("--features parquet") && error.contains("to_json"), "ways out: {error}");
    }
    assert!(bad(&folder.file("a.pickle", ""), plain).starts_with("a.pickle: unsupported kind of file"));
    assert!(matches!(
        documents(Path::new("none.jsonl"), plain),
        Err(Error::File(data::Error::Missing { .. }))
    ));
}
