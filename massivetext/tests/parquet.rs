//! Parquet files as input and output of stages. Files are written with the `parquet` crate's own writer; what PyArrow writes and reads was
//! looked at by hand (docs/massivetext.md).

#![cfg(feature = "parquet")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use massivetext::filter::{self, Configuration, Places, Receipt, Subset};
use massivetext::manifest::{Manifest, Part};
use massivetext::output::Compression;
use parquet::basic::Compression as Packing;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A column as it is written: values, and the definition and repetition levels of its entries, if it has any.
#[derive(Clone)]
struct Column(Values, Vec<i16>, Vec<i16>);

#[derive(Clone)]
enum Values {
    Texts(Vec<ByteArray>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Bools(Vec<bool>),
}

impl From<Values> for Column {
    fn from(values: Values) -> Self {
        Column(values, Vec::new(), Vec::new())
    }
}

impl Column {
    fn at(self, definitions: &[i16]) -> Self {
        Column(self.0, definitions.into(), self.2)
    }

    fn repeated(self, repetitions: &[i16]) -> Self {
        Column(self.0, self.1, repetitions.into())
    }
}

fn texts<const N: usize>(values: [impl AsRef<[u8]>; N]) -> Column {
    Values::Texts(values.into_iter().map(|value| value.as_ref().to_vec().into()).collect()).into()
}

/// Writes groups of rows, in small pages.
fn write(path: &Path, schema: &str, packing: Packing, groups: &[&[Column]]) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(packing)
        .set_data_page_row_count_limit(3)
        .set_write_batch_size(1)
        .build();
    let mut file =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    for columns in groups {
        let mut group = file.next_row_group().unwrap();
        for Column(values, definitions, repetitions) in *columns {
            let mut writer = group.next_column().unwrap().unwrap();
            let levels = |levels: &Vec<i16>| Some(levels.clone()).filter(|levels| !levels.is_empty());
            let (definitions, repetitions) = (levels(definitions), levels(repetitions));
            let levels = (definitions.as_deref(), repetitions.as_deref());
            match (writer.untyped(), values) {
                (ColumnWriter::ByteArrayColumnWriter(writer), Values::Texts(values)) => {
                    writer.write_batch(values, levels.0, levels.1).unwrap()
                }
                (ColumnWriter::Int32ColumnWriter(writer), Values::Ints(values)) => {
                    writer.write_batch(values, levels.0, levels.1).unwrap()
                }
                (ColumnWriter::Int64ColumnWriter(writer), Values::Longs(values)) => {
                    writer.write_batch(values, levels.0, levels.1).unwrap()
                }
                (ColumnWriter::FloatColumnWriter(writer), Values::Floats(values)) => {
                    writer.write_batch(values, levels.0, levels.1).unwrap()
                }
                (ColumnWriter::DoubleColumnWriter(writer), Values::Doubles(values)) => {
                    writer.write_batch(values, levels.0, levels.1).unwrap()
                }
                (ColumnWriter::BoolColumnWriter(writer), Values::Bools(values)) => {
                    writer.write_batch(values, levels.0, levels.1).unwrap()
                }
                _ => panic!("the column is of another type"),
            };
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    file.close().unwrap();
}

/// A folder with input.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder }
    }

    fn input(&self, name: &str) -> PathBuf {
        self.folder.path().join("in").join(name)
    }

    /// Passes all documents of a folder on into another, as `compression` says.
    fn pass(
        &self,
        from: &str,
        out: &str,
        compression: Compression,
        more: impl Fn(&mut Configuration),
    ) -> Receipt {
        let mut configuration = Configuration {
            subset: Subset::Books,
            compare: Vec::new(),
            compression,
            ..Configuration::default()
        };
        more(&mut configuration);
        let places = Places {
            inputs: vec![self.folder.path().join(from)],
            out: self.folder.path().join(out),
            rejected: None,
            part: Part::WHOLE,
            strict: false,
        };
        let manifest = Manifest::find(&places.inputs).unwrap();
        filter::run(&configuration, &places, &manifest, &mut |_| {}).unwrap().receipt
    }

    /// The documents of the input as lines of JSON, and the receipt.
    fn read(&self) -> (Vec<Value>, Receipt) {
        let _ = fs::remove_dir_all(self.folder.path().join("out"));
        let receipt = self.pass("in", "out", Compression::None, |_| {});
        (self.lines("out"), receipt)
    }

    fn lines(&self, folder: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join(folder).join("00000.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What is wrong with the input, by kind, and the first of it with its place.
#[track_caller]
fn check_errors(receipt: &Receipt, expected: &[(&str, u64)], first: (&str, &str)) {
    let errors: BTreeMap<String, u64> = expected.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect();
    assert_eq!(receipt.ledger.errors, errors);
    let bad = &receipt.bad_records[0];
    assert_eq!((&bad.place()[..], &bad.detail[..]), first);
}

#[test]
fn a_row_is_a_document_with_its_fields() {
    let bench = Bench::new();
    let schema = "message rows { required binary text (STRING); optional binary id (STRING); optional int32 year (INTEGER(16,true)); \
                  required int64 big (INTEGER(64,false)); required float score; required double ratio; required boolean is_good; \
                  required int32 day (DATE); required int64 at (TIMESTAMP(MICROS,true)); \
                  optional group meta { required binary site (STRING); optional int32 rank; } \
                  required group tags (LIST) { repeated group list { optional binary element (STRING); } } \
                  required group counts (MAP) { repeated group key_value { required binary key (STRING); required int32 value; } } }";
    let rows = [
        texts(["one", "zw\u{f6}lf \"\n", "three"]),
        texts(["first", "third"]).at(&[1, 0, 1]),
        Column::from(Values::Ints(vec![1999])).at(&[0, 0, 1]),
        Values::Longs(vec![-1, 0, 5]).into(),
        Values::Floats(vec![0.1, f32::NAN, 1.0]).into(),
        Values::Doubles(vec![0.1, -2.5e300, f64::INFINITY]).into(),
        Values::Bools(vec![true, false, true]).into(),
        Values::Ints(vec![0, 20_787, -1]).into(),
        Values::Longs(vec![0, 1_500_000, -1]).into(),
        texts(["a.example", "c.example"]).at(&[1, 0, 1]),
        Column::from(Values::Ints(vec![7])).at(&[1, 0, 2]),
        // Two tags of which one is null, none, and one.
        texts(["x", "y"]).at(&[2, 1, 0, 2]).repeated(&[0, 1, 0, 0]),
        texts(["k"]).at(&[0, 0, 1]).repeated(&[0, 0, 0]),
        Column::from(Values::Ints(vec![9])).at(&[0, 0, 1]).repeated(&[0, 0, 0]),
    ];
    write(&bench.input("rows.parquet"), schema, Packing::SNAPPY, &[&rows]);
    let (lines, receipt) = bench.read();
    assert_eq!((receipt.ledger.records, receipt.ledger.kept), (3, 3));
    assert_eq!(
        lines[0],
        json!({"id": "first", "text": "one", "source": "rows.parquet", "provenance": {"file": "rows.parquet", "row": 0},
               "year": null, "big": u64::MAX, "score": 0.1, "ratio": 0.1, "is_good": true, "day": "1970-01-01",
               "at": "1970-01-01T00:00:00Z", "meta": {"site": "a.example", "rank": null}, "tags": ["x", null], "counts": []})
    );
    assert_eq!(
        lines[1],
        json!({"id": "rows.parquet:1", "text": "zwölf \"\n", "source": "rows.parquet",
               "provenance": {"file": "rows.parquet", "row": 1}, "year": null, "big": 0, "score": null, "ratio": -2.5e300,
               "is_good": false, "day": "2026-11-30", "at": "1970-01-01T00:00:01.5Z", "meta": null, "tags": [], "counts": []})
    );
    assert_eq!(lines[2]["meta"], json!({"site": "c.example", "rank": 7}));
    assert_eq!((&lines[2]["tags"], &lines[2]["year"]), (&json!(["y"]), &json!(1999)));
    assert_eq!(lines[2]["counts"], json!([{"key": "k", "value": 9}]));
}

const TEXT: &str = "message rows { optional binary text (STRING); }";

#[test]
fn groups_and_packings_are_read_in_order() {
    let (gzip, zstd) = (Packing::GZIP(Default::default()), Packing::ZSTD(Default::default()));
    for packing in [Packing::UNCOMPRESSED, Packing::SNAPPY, gzip, zstd] {
        let bench = Bench::new();
        let schema = "message rows { required binary text (STRING); required binary source (STRING); }";
        let group = |texts_: [&str; 4]| [texts(texts_), texts(["s"; 4])];
        let groups = [group(["a", "b", "c", "d"]), group(["e", "f", "g", "h"])];
        write(
            &bench.input("x.parquet"),
            schema,
            packing,
            &[&groups[0], &[texts::<0>([""; 0]), texts([""; 0])], &groups[1]],
        );
        let (lines, _) = bench.read();
        let found: Vec<_> =
            lines.iter().map(|line| (line["text"].as_str().unwrap(), line["id"].as_str().unwrap())).collect();
        let expected = ["a", "b", "c", "d", "e", "f", "g", "h"];
        assert_eq!(found.iter().map(|(text, _)| *text).collect::<Vec<_>>(), expected);
        assert_eq!(
            (found[7].1, &lines[7]["provenance"]["row"], &lines[7]["source"]),
            ("x.parquet:7", &json!(7), &json!("s"))
        );
    }
}

#[test]
fn a_row_that_is_no_document_is_counted_with_its_place() {
    let bench = Bench::new();
    let schema = "message rows { optional binary text (STRING); required binary more (STRING); }";
    let long = "x".repeat(200);
    let columns = [
        texts([b"good", b"\xFFad!", long.as_bytes()]).at(&[1, 0, 1, 1]),
        texts([&b"m"[..], b"m", b"m", b"m"]),
    ];
    write(&bench.input("x.parquet"), schema, Packing::SNAPPY, &[&columns]);
    let receipt =
        bench.pass("in", "out", Compression::None, |configuration| configuration.max_record_bytes = 100);
    assert_eq!((receipt.ledger.records, receipt.ledger.kept), (4, 1));
    let first = ("x.parquet at row 1", "text: null where a string is expected");
    check_errors(&receipt, &[("no_text", 1), ("invalid_utf8", 1), ("too_long", 1)], first);
    assert_eq!(receipt.bad_records[1].detail, "column \"text\": not UTF-8 at byte 0 of it");
    let bad = serde_json::to_value(&receipt.bad_records[2]).unwrap();
    assert_eq!((&bad["row"], &bad["kind"]), (&json!(3), &json!("too_long")));
}

#[track_caller]
fn check_refused(schema: &str, columns: &[Column], kind: &str, detail: &str) {
    let bench = Bench::new();
    write(&bench.input("x.parquet"), schema, Packing::SNAPPY, &[columns]);
    fs::write(bench.input("y.txt"), "another").unwrap();
    let (lines, receipt) = bench.read();
    assert_eq!((lines.len(), receipt.ledger.records), (1, 2));
    assert!(receipt.bad_records[0].detail.starts_with(detail), "{}", receipt.bad_records[0].detail);
    check_errors(&receipt, &[(kind, 1)], ("x.parquet at row 0", &receipt.bad_records[0].detail));
}

#[test]
fn a_file_that_is_not_read_is_one_record() {
    let one = || texts(["a"]);
    check_refused(
        "message rows { required binary content (STRING); required binary url (STRING); }",
        &[one(), one()],
        "no_text",
        "no column `text`; the columns are content, url; no row of the file is read",
    );
    check_refused(
        "message rows { required binary text; }",
        &[one()],
        "no_text",
        "the column `text` has no strings; the columns are text;",
    );
    check_refused(
        "message rows { required binary text (STRING); required group image { required binary bytes; } }",
        &[one(), one()],
        "unsupported",
        "the column \"image.bytes\" has bytes, which JSON has not; write the file without it, with pyarrow: python3 -c",
    );
    check_refused(
        "message rows { required binary text (STRING); required int64 price (DECIMAL(10,2)); }",
        &[one(), Values::Longs(vec![1]).into()],
        "unsupported",
        "the column \"price\" has decimals",
    );
}

#[test]
fn a_broken_file_gives_what_is_before_the_damage() {
    let bench = Bench::new();
    let path = bench.input("x.parquet");
    let (first, second) = ([texts(["a", "b"]).at(&[1, 1])], [texts(["third", "fourth"]).at(&[1, 1])]);
    write(&path, TEXT, Packing::UNCOMPRESSED, &[&first, &second]);
    let whole = fs::read(&path).unwrap();
    assert_eq!(bench.read().0.len(), 4);

    // A page of the second group is gone: zeros are no page.
    let mut damaged = whole.clone();
    let second = whole.windows(6).position(|bytes| bytes == b"fourth").unwrap();
    damaged[second - 24..second].fill(0);
    fs::write(&path, &damaged).unwrap();
    let (lines, receipt) = bench.read();
    assert_eq!(lines.len(), 2);
    let detail = receipt.bad_records[0].detail.clone();
    assert!(detail.starts_with("not a Parquet file, or a broken one ("), "{detail}");
    check_errors(&receipt, &[("broken_file", 1)], ("x.parquet at row 2", &detail));

    // Cut anywhere, it has no end.
    for length in [1, 4, 100, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let (lines, receipt) = bench.read();
        assert_eq!((lines.len(), receipt.ledger.errors["broken_file"]), (0, 1));
    }
}

#[test]
fn a_folder_may_have_files_of_all_formats() {
    let bench = Bench::new();
    write(&bench.input("a.parquet"), TEXT, Packing::SNAPPY, &[&[texts(["row"]).at(&[1])]]);
    fs::write(bench.input("b.jsonl"), "{\"text\": \"line\"}\n").unwrap();
    fs::write(bench.input("c.txt"), "file").unwrap();
    // Packed as a whole it is not read: its end comes first.
    fs::write(bench.input("d.parquet.gz"), "x").unwrap();
    let (lines, receipt) = bench.read();
    let texts: Vec<_> = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["row", "line", "file"]);
    assert!(receipt.passed_over[0].contains("d.parquet.gz"), "{:?}", receipt.passed_over);
}

/// What is written as Parquet and read again is what is written as lines, byte for byte.
#[track_caller]
fn check_way_back(bench: &Bench) {
    bench.pass("in", "lines", Compression::None, |_| {});
    let written = bench.pass("in", "rows", Compression::Parquet, |_| {});
    let read = bench.pass("rows", "back", Compression::None, |_| {});
    assert_eq!(written.outputs[0].file, "00000.parquet");
    assert_eq!(read.ledger.records, written.outputs[0].records);
    let lines =
        |folder: &str| fs::read_to_string(bench.folder.path().join(folder).join("00000.jsonl")).unwrap();
    assert_eq!(lines("back"), lines("lines"));
}

#[test]
fn rows_that_are_written_are_read_as_they_were() {
    let bench = Bench::new();
    let lines = [
        r#"{"text": "no more"}"#,
        r#"{"id": 7, "text": "\u00e9\n", "source": "s", "provenance": {"file": "first", "offset": 3}, "a": 1e400, "b" : [ {"c":0.10} ], "a": 2}"#,
        r#"{"other_fields": "{\"x\": 1}", "text": "", "null": null, "k\"ey": {}}"#,
        "no document",
    ];
    fs::write(bench.input("a.jsonl"), lines.join("\n")).unwrap();
    fs::write(bench.input("b.txt"), "a text").unwrap();
    // A field of that name, inside the column of that name, stays one.
    check_way_back(&bench);
    let back = fs::read_to_string(bench.folder.path().join("back/00000.jsonl")).unwrap();
    assert_eq!(back.lines().count(), 4);
    let second = r#""provenance":{"file": "first", "offset": 3},"a":1e400,"b":[ {"c":0.10} ],"a":2}"#;
    assert!(back.lines().nth(1).unwrap().ends_with(second), "{back}");
}

#[test]
fn an_output_without_documents_has_no_rows() {
    let bench = Bench::new();
    fs::write(bench.input("a.jsonl"), "[]\n").unwrap();
    check_way_back(&bench);
}

#[test]
fn the_bytes_do_not_depend_on_threads() {
    let bench = Bench::new();
    let document =
        |number: usize| json!({"text": number.to_string(), "more": "x".repeat(10_000)}).to_string();
    fs::write(bench.input("a.jsonl"), (0..4000).map(document).collect::<Vec<_>>().join("\n")).unwrap();
    let outputs = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = format!("rows{threads}");
        pool.install(|| bench.pass("in", &folder, Compression::Parquet, |_| {})).outputs
    });
    assert_eq!(outputs[0], outputs[1]);
    let bytes = fs::read(bench.folder.path().join("rows1/00000.parquet")).unwrap();
    assert_eq!(bytes.len() as u64, outputs[0][0].bytes);
    // More than one group.
    let file = File::open(bench.folder.path().join("rows1/00000.parquet")).unwrap();
    let file = parquet::file::serialized_reader::SerializedFileReader::new(file).unwrap();
    assert_eq!(parquet::file::reader::FileReader::num_row_groups(&file), 2);
    check_way_back(&bench);
}

/// Values of JSON as a line may have them.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"]{0,2}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document_finds_its_way_back(
        documents in prop::collection::vec((any::<String>(), prop::collection::btree_map("[a-z_]{1,4}", value(), 0..4)), 1..6)
    ) {
        let bench = Bench::new();
        let line = |(text, fields): (String, BTreeMap<String, Value>)| {
            let mut line = json!(fields);
            line["text"] = text.into();
            line.to_string()
        };
        fs::write(bench.input("a.jsonl"), documents.into_iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
        check_way_back(&bench);
    }
}
