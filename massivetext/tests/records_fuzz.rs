//! Files of documents with damage anywhere in them: reading them never panics, every record is a document or an error of a kind, in order,
//! and the ledger's sums hold. Some cases, or as many as `GOPHER_FUZZ_SECONDS` has room for:
//!
//! `GOPHER_FUZZ_SECONDS=300 cargo test -p massivetext --features parquet --test records_fuzz -- --nocapture`

mod fuzz;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use fuzz::{Numbers, cases};
use massivetext::ledger::Ledger;
use massivetext::manifest::{Format, Piece};
use massivetext::records::{Raw, Reader, write_line};
use serde_json::{Value, json};

const LIMIT: usize = 300;

/// What was found in all files.
#[derive(Default)]
struct Tally {
    ledger: Ledger,
    read: u64,
}

impl Tally {
    /// Reads a file, or a part of it, and accounts for its records. Each with its place and its text, if it has one.
    fn read(&mut self, path: &Path, piece: Piece) -> Vec<(u64, Option<String>)> {
        let mut reader = Reader::open(path, piece, LIMIT).unwrap();
        let mut found: Vec<(u64, Option<String>)> = Vec::new();
        while let Some(raw) = reader.next(path).unwrap() {
            self.read += 1;
            let text = self.account(&raw);
            assert!(found.last().is_none_or(|(before, _)| *before < raw.place.number()), "out of order");
            found.push((raw.place.number(), text));
        }
        assert!(reader.next(path).unwrap().is_none(), "it goes on after its end");
        found
    }

    fn account(&mut self, raw: &Raw) -> Option<String> {
        match raw.document("f", LIMIT) {
            Ok(document) => {
                let mut line = Vec::new();
                write_line(&document, &BTreeMap::new(), &mut line).unwrap();
                assert_eq!(memchr::memchr(b'\n', &line), Some(line.len() - 1), "one line");
                let written: Value = serde_json::from_slice(&line).unwrap();
                assert_eq!(written["text"], document.text);
                self.ledger.keep();
                Some(document.text)
            }
            Err(bad) => {
                self.ledger.error(bad.kind);
                None
            }
        }
    }

    fn say(&self, (files, slowest): (u64, std::time::Duration)) {
        self.ledger.check(self.read, self.ledger.kept).unwrap();
        println!(
            "{files} files: {} documents, {:?}; slowest file {slowest:?}",
            self.ledger.kept, self.ledger.errors
        );
    }
}

fn piece(format: Format, start: u64, end: Option<u64>) -> Piece {
    Piece { file: 0, format, start, end }
}

/// A line of JSON as others write it.
fn line(numbers: &mut Numbers) -> Vec<u8> {
    let texts = ["plain", "zw\u{f6}lf \u{1F600}", "\\ \" \n \u{0}", "", "x\u{2028}y"];
    let text = texts[numbers.below(texts.len())].repeat(numbers.below(4));
    match numbers.below(6) {
        0 => json!({"id": 3, "text": text, "meta": {"a": [1, 2.5, null, true]}}),
        1 => json!({"source": "s", "text": text, "provenance": {"file": "x", "offset": 7}}),
        2 => json!({"text": null}),
        3 => json!([text]),
        4 => json!({"text": text.repeat(40)}),
        _ => json!({"text": text}),
    }
    .to_string()
    .into_bytes()
}

#[test]
fn damaged_lines_are_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut tally = Tally::default();
    let tried = cases(500, |numbers| {
        let seed = numbers.0;
        let lines: Vec<Vec<u8>> = (0..numbers.below(8)).map(|_| line(numbers)).collect();
        let bytes = lines.join(&b"\n"[..]);
        let bytes = if numbers.below(3) == 0 { bytes } else { numbers.damaged(bytes) };
        let path = folder.path().join("a.jsonl");
        fs::write(&path, &bytes).unwrap();
        let whole = tally.read(&path, piece(Format::JsonLines, 0, None));
        // Wherever it is cut, the records are the same.
        let cut = numbers.below(bytes.len()) as u64;
        if cut > 0 {
            let mut parts = tally.read(&path, piece(Format::JsonLines, 0, Some(cut)));
            parts.extend(tally.read(&path, piece(Format::JsonLines, cut, None)));
            assert_eq!(parts, whole, "{seed}: cut at {cut}");
        }
        // Compressed, and the damage in that.
        let (name, packed) = match numbers.below(2) {
            0 => ("a.jsonl.gz", gzip(&bytes)),
            _ => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                ("a.jsonl.zst", ruzstd::encoding::compress_to_vec(&bytes[..], level))
            }
        };
        let path = folder.path().join(name);
        fs::write(&path, &packed).unwrap();
        assert_eq!(tally.read(&path, piece(Format::JsonLines, 0, None)), whole, "{seed}: {name}");
        fs::write(&path, numbers.damaged(packed)).unwrap();
        tally.read(&path, piece(Format::JsonLines, 0, None));
    });
    tally.say(tried);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use std::fs::File;
    use std::sync::Arc;

    use parquet::basic::Compression as Packing;
    use parquet::column::writer::ColumnWriter;
    use parquet::data_type::ByteArray;
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use massivetext::records::Content;

    use super::*;

    const SCHEMA: &str = "message rows { optional binary text (STRING); required binary source (STRING); optional int64 at (TIMESTAMP(MILLIS,true)); \
                          required boolean is_good; required group tags (LIST) { repeated group list { optional double element; } } }";

    /// A file as others write it, and how many rows it has.
    fn write(path: &Path, numbers: &mut Numbers) -> usize {
        let packings = [Packing::UNCOMPRESSED, Packing::SNAPPY, Packing::GZIP(Default::default())];
        let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
        let properties = WriterProperties::builder()
            .set_compression(packings[numbers.below(3)])
            .set_dictionary_enabled(numbers.below(2) == 0)
            .set_writer_version(versions[numbers.below(2)])
            .set_data_page_row_count_limit(1 + numbers.below(8))
            .set_write_batch_size(1 + numbers.below(4))
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut file =
            SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
        let mut all = 0;
        for _ in 0..numbers.below(3) {
            let rows = numbers.below(12);
            all += rows;
            let present: Vec<i16> = (0..rows).map(|_| i16::from(numbers.below(5) > 0)).collect();
            let there = present.iter().filter(|level| **level == 1).count();
            let texts: Vec<ByteArray> =
                (0..there).map(|row| format!("zw\u{f6}lf {row}").into_bytes().into()).collect();
            let times: Vec<i64> = (0..there).map(|row| row as i64 * 1001).collect();
            let zeros = vec![0_i16; rows];
            let mut group = file.next_row_group().unwrap();
            while let Some(mut column) = group.next_column().unwrap() {
                match column.untyped() {
                    ColumnWriter::ByteArrayColumnWriter(writer)
                        if writer.get_descriptor().max_def_level() == 1 =>
                    {
                        writer.write_batch(&texts, Some(&present), None).unwrap()
                    }
                    ColumnWriter::ByteArrayColumnWriter(writer) => {
                        writer.write_batch(&vec![ByteArray::from("s"); rows], None, None).unwrap()
                    }
                    ColumnWriter::Int64ColumnWriter(writer) => {
                        writer.write_batch(&times, Some(&present), None).unwrap()
                    }
                    ColumnWriter::BoolColumnWriter(writer) => {
                        writer.write_batch(&vec![true; rows], None, None).unwrap()
                    }
                    ColumnWriter::DoubleColumnWriter(writer) => {
                        let levels: Vec<i16> = present.iter().map(|level| level * 2).collect();
                        writer.write_batch(&vec![0.5; there], Some(&levels), Some(&zeros)).unwrap()
                    }
                    _ => unreachable!("no such column"),
                };
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        file.close().unwrap();
        all
    }

    #[test]
    fn damaged_rows_are_accounted_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let mut tally = Tally::default();
        let tried = cases(500, |numbers| {
            let seed = numbers.0;
            let rows = write(&path, numbers);
            let found = tally.read(&path, piece(Format::Parquet, 0, None));
            assert_eq!(found.len(), rows, "{seed}: a whole file");
            let bytes = fs::read(&path).unwrap();
            // What moves bytes leaves no file; so mostly nothing is moved.
            let damaged = if numbers.below(8) == 0 { numbers.damaged(bytes) } else { numbers.changed(bytes) };
            fs::write(&path, &damaged).unwrap();
            let seen = tally.read(&path, piece(Format::Parquet, 0, None));
            let mut reader = Reader::open(&path, piece(Format::Parquet, 0, None), LIMIT).unwrap();
            for place in 1..=seen.len() {
                let is_broken = matches!(reader.next(&path).unwrap().unwrap().content, Content::Broken(_));
                assert!(!is_broken || place == seen.len(), "{seed}: what is broken is the last");
            }
        });
        tally.say(tried);
    }
}
