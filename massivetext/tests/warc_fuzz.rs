//! Files of whole gzip members and rubbish, as long as `GOPHER_FUZZ_SECONDS` says (one, if it says nothing): every member that is whole
//! is found where it is, whatever is before and behind it, and nothing panics on what is found.
//!
//! `GOPHER_FUZZ_SECONDS=600 cargo test -p massivetext --test warc_fuzz -- --nocapture`

mod fuzz;

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use fuzz::{Numbers, seconds};
use massivetext::extract::encoding::{decode, find};
use massivetext::warc::http::Response;
use massivetext::warc::{Found, Reader};

const LIMIT: usize = 5000;

/// A record of an answer, some of whose parts are odd.
fn record(numbers: &mut Numbers) -> Vec<u8> {
    let odd = [
        "WARC/1.0\r\n",
        "\r\n\r\n",
        "\0",
        "HTTP/1.1 200 OK\r\n\r\n",
        "<meta charset=gbk>",
        "5\r\nhello\r\n",
        "\u{1f}\u{8b}\u{8}",
    ];
    let mut body = Vec::new();
    for _ in 0..numbers.below(20) {
        body.extend_from_slice(odd[numbers.below(odd.len())].as_bytes());
        body.extend(numbers.bytes(20));
    }
    let fields =
        ["", "Transfer-Encoding: chunked\r\n", "Content-Encoding: gzip\r\n", "Content-Encoding: deflate\r\n"];
    let field = fields[numbers.below(fields.len())];
    if field.contains("gzip") && numbers.below(2) == 0 {
        body = gzip(&body);
    }
    let block = [format!("HTTP/1.1 200 OK\r\n{field}\r\n").as_bytes(), &body].concat();
    let head = format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {}\r\n\r\n", block.len());
    [head.as_bytes(), &block, b"\r\n\r\n"].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn whole_members_are_found_between_rubbish() {
    let seconds = seconds().unwrap_or(1);
    let (began, mut numbers) = (Instant::now(), Numbers(seconds));
    let folder = tempfile::tempdir().unwrap();
    let [mut files, mut members, mut records, mut faults] = [0_u64; 4];
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(seconds) {
        let (mut bytes, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..numbers.below(12) {
            let record = record(&mut numbers);
            match numbers.below(8) {
                0 => bytes.extend(numbers.bytes(200)),
                1 | 2 => bytes.extend(numbers.damaged(gzip(&record))),
                3 => bytes.extend(gzip(&numbers.damaged(record))),
                _ => {
                    whole.push(bytes.len() as u64);
                    bytes.extend(gzip(&record));
                }
            }
        }
        let seed = numbers.0;
        let found = read(&folder.path().join("a.warc.gz"), &bytes, &mut slowest);
        let places: Vec<u64> = found
            .iter()
            .filter_map(|found| if let Found::Record(record) = found { record.place.member } else { None })
            .collect();
        assert!(
            whole.iter().all(|place| places.contains(place)),
            "{seed}: of {whole:?} only {places:?} are found"
        );
        // The same as a plain file, and damaged plain records.
        let plain: Vec<u8> = (0..numbers.below(6))
            .flat_map(|_| {
                let record = record(&mut numbers);
                if numbers.below(2) == 0 { numbers.damaged(record) } else { record }
            })
            .collect();
        let others = [
            read(&folder.path().join("a.warc"), &bytes, &mut slowest),
            read(&folder.path().join("a.warc"), &plain, &mut slowest),
        ];
        files += 3;
        members += whole.len() as u64;
        for found in found.iter().chain(others.iter().flatten()) {
            match found {
                Found::Record(record) => {
                    records += 1;
                    use_content(record.content.as_deref().unwrap_or_default());
                }
                Found::Fault(_) => faults += 1,
            }
        }
    }
    println!(
        "{files} files: {members} whole members, all found; {records} records, {faults} faults; slowest file {slowest:?}"
    );
}

fn read(path: &std::path::Path, bytes: &[u8], slowest: &mut Duration) -> Vec<Found> {
    std::fs::write(path, bytes).unwrap();
    let began = Instant::now();
    let mut reader = Reader::open(path, LIMIT, |_| true).unwrap();
    let found: Vec<Found> = std::iter::from_fn(|| reader.next(path).unwrap()).collect();
    *slowest = (*slowest).max(began.elapsed());
    assert!(found.len() <= bytes.len());
    found
}

fn use_content(block: &[u8]) {
    let Ok(response) = Response::parse(block) else { return };
    let Ok(payload) = response.payload(LIMIT) else { return };
    assert!(payload.bytes.len() <= LIMIT);
    decode(&payload.bytes, find(&payload.bytes, None, true, Some("host.example")));
}
