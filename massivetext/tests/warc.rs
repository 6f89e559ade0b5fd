//! The WARC reader: what is read, where it is said to be, and what becomes of files that are damaged in every way.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use massivetext::records::Kind;
use massivetext::warc::http::Response;
use massivetext::warc::{Found, Reader, Record};
use proptest::prelude::*;
use proptest::sample::Index;

const LIMIT: usize = 1000;

/// A record with these header lines, and a `Content-Length` that is right.
fn record(lines: &[&str], content: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", content.len());
    raw("WARC/1.0", &[lines, &[&length]].concat(), content)
}

/// A record with these header lines and no other.
fn raw(version: &str, lines: &[&str], content: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{version}\r\n").into_bytes();
    lines.iter().for_each(|line| bytes.extend(format!("{line}\r\n").bytes()));
    bytes.extend(b"\r\n");
    bytes.extend(content);
    bytes.extend(b"\r\n\r\n");
    bytes
}

/// A resource of a few bytes, different for each number.
fn resource(number: usize) -> Vec<u8> {
    let uri = format!("WARC-Target-URI: http://a/{number}");
    record(&["WARC-Type: resource", &uri], format!("content {number}").as_bytes())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Resources, each a gzip member of its own, and where these begin.
fn members(count: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    for number in 0..count {
        starts.push(bytes.len());
        bytes.extend(gzip(&resource(number)));
    }
    (bytes, starts)
}

/// All that is in a file whose name ends so.
fn read(ending: &str, bytes: &[u8]) -> Vec<Found> {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut reader = Reader::open(file.path(), LIMIT, |_| true).unwrap();
    std::iter::from_fn(|| reader.next(file.path()).unwrap()).collect()
}

/// A record or fault in a line.
fn show(found: &Found) -> String {
    match found {
        Found::Record(Record { place, header, content }) => {
            let content = String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned();
            format!("{}@{} {content}", header.kind.name(), place.offset)
        }
        Found::Fault(fault) => format!("{}@{}: {}", fault.kind.name(), fault.place.offset, fault.detail),
    }
}

#[track_caller]
fn check(ending: &str, bytes: &[u8], expected: &[&str]) {
    assert_eq!(read(ending, bytes).iter().map(show).collect::<Vec<_>>(), expected);
}

/// One record that is wrong in a plain file, and a good one behind it, which is always read.
#[track_caller]
fn wrong(bytes: &[u8], expected: &str) {
    let good = format!("resource@{} content 7", bytes.len());
    check(".warc", &[bytes, &resource(7)].concat(), &[expected, &good]);
    // In a gzip file too, where what is found depends less on what follows.
    let found = read(".warc.gz", &[gzip(bytes), gzip(&resource(7))].concat());
    let shown: Vec<String> = found.iter().map(show).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown[1].ends_with(" content 7") && matches!(found[0], Found::Fault(_)), "{shown:?}");
}

#[test]
fn headers_are_read_as_writers_write_them() {
    let content = b"one\r\nWARC/1.0\r\ntwo";
    check(".warc", &record(&["WARC-Type: resource"], content), &["resource@0 one\r\nWARC/1.0\r\ntwo"]);
    // Any case, folded lines, ends of lines without carriage return, the later version.
    let bytes =
        b"WARC/1.1\nwarc-type:\n\tRESPONSE\nWARC-Target-URI: <http://a/\n  b>\nCONTENT-LENGTH:3\n\nabc\n\n";
    check(".warc", bytes, &["response@0 abc"]);
    let Found::Record(record) = &read(".warc", bytes)[0] else { panic!("a record is expected") };
    assert_eq!(record.header.uri(), Some("http://a/ b"));
    // Types that are not known are passed on as such; lengths that are said twice agree.
    let bytes = raw("WARC/1.0", &["WARC-Type: screenshot", "Content-Length: 1", "Content-Length: 1"], b"x");
    check(".warc", &bytes, &["other@0 x"]);
    // Fewer ends of lines than there should be, and more.
    let mut bytes = resource(0);
    bytes.truncate(bytes.len() - 2);
    let start = bytes.len();
    bytes.extend(resource(1));
    bytes.extend(b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n");
    check(".warc", &bytes, &["resource@0 content 0", &format!("resource@{start} content 1")]);
}

#[test]
fn each_way_a_header_can_be_wrong_is_said() {
    let kind = "WARC-Type: resource";
    wrong(
        &raw("WARC/0.18", &[kind, "Content-Length: 1"], b"x"),
        "bad_header@0: \"WARC/0.18\"; read are WARC/1.0 and WARC/1.1",
    );
    wrong(&raw("WARC/1.0", &["Content-Length: 1"], b"x"), "bad_header@0: no WARC-Type");
    wrong(
        &raw("WARC/1.0", &[kind, "nothing", "Content-Length: 1"], b"x"),
        "bad_header@0: a header line without a colon",
    );
    wrong(
        &raw("WARC/1.0", &[kind, ": x", "Content-Length: 1"], b"x"),
        "bad_header@0: a header line without a name",
    );
    wrong(
        &raw("WARC/1.0", &[" folded", kind, "Content-Length: 1"], b"x"),
        "bad_header@0: a line that goes on with none",
    );
    wrong(&raw("WARC/1.0", &[kind], b"x"), "bad_length@0: no Content-Length");
    for (length, shown) in [
        ("", "\"\""),
        ("-1", "\"-1\""),
        ("+1", "\"+1\""),
        ("1x", "\"1x\""),
        ("18446744073709551616", "\"18446744073709551616\""),
    ] {
        let line = format!("Content-Length: {length}");
        wrong(&raw("WARC/1.0", &[kind, &line], b"x"), &format!("bad_length@0: Content-Length {shown}"));
    }
    wrong(
        &raw("WARC/1.0", &[kind, "Content-Length: 1", "Content-Length: 2"], b"x"),
        "bad_length@0: Content-Length 1 and 2",
    );
    // Too little and too much, within the file and beyond it.
    wrong(
        &raw("WARC/1.0", &[kind, "Content-Length: 2"], b"four"),
        "bad_length@0: Content-Length 2, where no record ends",
    );
    wrong(
        &raw("WARC/1.0", &[kind, "Content-Length: 20"], b"four"),
        "bad_length@0: Content-Length 20, where no record ends",
    );
    wrong(
        &raw("WARC/1.0", &[kind, "Content-Length: 18446744073709551615"], b"four"),
        "bad_length@0: Content-Length 18446744073709551615, beyond the end of the file",
    );
    let long = record(&[kind], &[b'x'; LIMIT + 1]);
    wrong(&long, "too_long@0: 1001 bytes, and a record may have 1000 (--max-record-bytes)");
    wrong(b"something else\r\n", "damaged@0: no record begins here: WARC/1.0 or WARC/1.1 is expected");
    wrong(b"\0\0\0x\n", "damaged@0: zeros, and then others");
    // A line without an end, and a header without one.
    let line = format!("X: {}", "y".repeat(3 << 20));
    wrong(
        &raw("WARC/1.0", &[kind, &line, "Content-Length: 1"], b"x"),
        "bad_header@0: a header of more than 1048576 bytes",
    );
    wrong(b"WARC/1.0\r\nWARC-Type: resource\r\n", "bad_header@0: another record begins in the header");
    wrong(
        &[&b"z".repeat(3 << 20)[..], b"\n"].concat(),
        "damaged@0: no record begins here: WARC/1.0 or WARC/1.1 is expected",
    );
}

/// Where a record is said to be, it is.
#[test]
fn places_lead_to_records() {
    let first = record(&["WARC-Type: warcinfo"], b"software: x");
    let all: Vec<Vec<u8>> = [first].into_iter().chain((0..20).map(resource)).collect();
    for found in read(".warc", &all.concat()) {
        let Found::Record(record) = found else { panic!("a record is expected") };
        let number = all.iter().scan(0, |at, bytes| Some(std::mem::replace(at, *at + bytes.len())));
        let number = number.collect::<Vec<_>>().iter().position(|&at| at as u64 == record.place.offset);
        assert!(all[number.unwrap()].ends_with(&[&record.content.unwrap()[..], b"\r\n\r\n"].concat()));
    }
    let packed: Vec<u8> = all.iter().flat_map(|bytes| gzip(bytes)).collect();
    let (mut offset, mut start) = (0, 0);
    for (bytes, found) in all.iter().zip(read(".warc.gz", &packed)) {
        let Found::Record(record) = found else { panic!("a record is expected") };
        assert_eq!((record.place.offset, record.place.member), (offset, Some(start)));
        let length = record.place.member_length.unwrap();
        let mut whole = Vec::new();
        let member = &packed[start as usize..][..length as usize];
        GzDecoder::new(member).read_to_end(&mut whole).unwrap();
        assert_eq!(&whole, bytes);
        (offset, start) = (offset + bytes.len() as u64, start + length);
    }
    assert_eq!(start, packed.len() as u64);
    // One member for all: the place in it is known, and no length that would be of more.
    let one = read(".warc.gz", &gzip(&all.concat()));
    assert_eq!(one.len(), all.len());
    let Found::Record(record) = &one[1] else { panic!("a record is expected") };
    assert_eq!((record.place.offset, record.place.member_length), (all[0].len() as u64, None));
    // Zstandard: what our own stages write.
    let packed =
        ruzstd::encoding::compress_to_vec(&all.concat()[..], ruzstd::encoding::CompressionLevel::Fastest);
    assert_eq!(read(".warc.zst", &packed).len(), all.len());
    // Of one that is cut, the rest is lost, and one fault says so.
    let cut = read(".warc.zst", &packed[..packed.len() - 5]);
    assert!(matches!(cut.last(), Some(Found::Fault(_))) && cut.len() <= all.len() + 1, "{cut:?}");
}

#[test]
fn what_stands_between_members_is_found_and_zeros_at_the_end_are_padding() {
    let (bytes, starts) = members(3);
    let shown = |rest: &[u8]| -> Vec<String> {
        read(".warc.gz", &[&bytes[..], rest].concat())[3..].iter().map(show).collect()
    };
    let offset: usize = (0..3).map(|number| resource(number).len()).sum();
    assert_eq!(shown(&[0; 5000]), [""; 0]);
    assert_eq!(shown(&gzip(b"")), [""; 0]);
    assert_eq!(shown(&gzip(b"\r\n\r\n")), [""; 0]);
    let end = bytes.len();
    let fault = format!(
        "damaged@{offset}: no gzip member begins here (gzip member at byte {end} of the compressed file)"
    );
    assert_eq!(shown(b"\0\0x"), [&fault[..]]);
    let good = format!("resource@{offset} content 9");
    for rubbish in [&b"rubbish"[..], b"\x1f\x8b\x08", b"\0\0\0", &bytes[starts[1]..][..20]] {
        let found = shown(&[rubbish, &gzip(&resource(9))].concat());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("damaged@") && found[1] == good, "{found:?}");
    }
    // What is in a member before a record is a fault of its own; what is behind it says that the record does not end there.
    let mixed = gzip(&[b"rubbish\r\n", &resource(9)[..], b"more"].concat());
    let kinds: Vec<String> =
        shown(&mixed).iter().map(|line| line.split('@').next().unwrap().into()).collect();
    assert_eq!(kinds, ["damaged", "bad_length"]);
    // Not a gzip file at all, and not a WARC file at all.
    assert_eq!(
        read(".warc.gz", b"text").iter().map(show).collect::<Vec<_>>(),
        ["damaged@0: no gzip member begins here (gzip member at byte 0 of the compressed file)"]
    );
    check(".warc", b"text", &["damaged@0: no record begins here: WARC/1.0 or WARC/1.1 is expected"]);
    check(".warc", b"\r\n\r\n", &[]);
    check(".warc.gz", &gzip(b""), &[]);
}

/// What decompresses to a thousand times its size is passed over and not held.
#[test]
fn a_bomb_is_one_record_that_is_too_long() {
    let bomb = gzip(&record(&["WARC-Type: resource"], &vec![0; 50 << 20]));
    assert!(bomb.len() < 100_000);
    let found = read(".warc.gz", &[bomb, gzip(&resource(1))].concat());
    let kinds: Vec<_> = found.iter().map(|found| show(found).split('@').next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["too_long", "resource"]);
}

/// A cut through every byte: what is whole before it comes out, and one fault says that it was cut.
#[test]
fn a_file_that_is_cut_anywhere_says_so_once() {
    let (bytes, starts) = members(4);
    let ends: Vec<usize> = starts[1..].iter().copied().chain([bytes.len()]).collect();
    for cut in 0..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let is_clean = cut == 0 || ends.contains(&cut);
        cut_at(".warc.gz", &bytes[..cut], whole, is_clean);
    }
    let plain: Vec<Vec<u8>> = (0..4).map(resource).collect();
    let bytes = plain.concat();
    let mut ends = vec![0];
    plain.iter().for_each(|record| ends.push(ends[ends.len() - 1] + record.len()));
    for cut in 0..=bytes.len() {
        // The ends of lines behind a block are not missed.
        let whole = ends[1..].iter().filter(|end| **end - 4 <= cut).count();
        let is_clean = ends.iter().any(|end| (end.saturating_sub(4)..=*end).contains(&cut));
        cut_at(".warc", &bytes[..cut], whole, is_clean);
    }
    // One member for all: the checksum is at the end, but what is whole before it is believed.
    let packed = gzip(&bytes);
    for cut in 0..packed.len() {
        let found = read(".warc.gz", &packed[..cut]);
        let faults = found.iter().filter(|found| matches!(found, Found::Fault(_))).count();
        assert_eq!(faults, usize::from(cut > 0), "{cut}");
    }
}

#[track_caller]
fn cut_at(ending: &str, bytes: &[u8], whole: usize, is_clean: bool) {
    let found = read(ending, bytes);
    let records = found.iter().filter(|found| matches!(found, Found::Record(_))).count();
    assert_eq!(
        (records, found.len() - records),
        (whole, usize::from(!is_clean)),
        "{ending} cut at {}",
        bytes.len()
    );
    if let Some(Found::Fault(fault)) = found.last() {
        assert!(matches!(fault.kind, Kind::Truncated | Kind::Damaged), "{fault:?}");
    }
}

proptest! {
    /// One byte is damaged: every record in another gzip member comes out as it was and is said to be where it is; the one in the
    /// damaged member does too, or a fault stands in its place.
    #[test]
    fn damage_costs_the_member_it_is_in(place in any::<Index>(), flip in 1_u8..=255, count in 1_usize..6) {
        let (mut bytes, starts) = members(count);
        let whole = read(".warc.gz", &bytes);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let damaged = starts.iter().rposition(|start| *start <= place).unwrap();
        let found = read(".warc.gz", &bytes);
        prop_assert_eq!(found.len(), count);
        for (number, (found, was)) in found.iter().zip(&whole).enumerate() {
            match (found, was) {
                (Found::Record(found), Found::Record(was)) => {
                    prop_assert_eq!((&found.header, &found.content), (&was.header, &was.content));
                    prop_assert_eq!(found.place.member, was.place.member);
                    prop_assert_eq!(found.place.member_length, was.place.member_length);
                }
                (Found::Fault(fault), _) => {
                    prop_assert_eq!((number, fault.place.member), (damaged, Some(starts[damaged] as u64)));
                    prop_assert!(matches!(fault.kind, Kind::Damaged | Kind::Truncated), "{:?}", fault);
                }
                _ => prop_assert!(false, "a fault in a file that is whole"),
            }
        }
    }

    /// In a plain file, damage costs the record it is in; and the next one, if it is the end of the line before that.
    #[test]
    fn damage_of_a_plain_file_costs_what_is_near(place in any::<Index>(), flip in 1_u8..=255, count in 1_usize..6) {
        let records: Vec<Vec<u8>> = (0..count).map(resource).collect();
        let mut bytes = records.concat();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let mut start = 0;
        let found: Vec<String> = read(".warc", &bytes).iter().map(show).collect();
        let mut lost = 0;
        for (number, record) in records.iter().enumerate() {
            let is_near = (start..start + record.len()).contains(&place) || place + 1 == start;
            let is_there = found.contains(&format!("resource@{start} content {number}"));
            prop_assert!(is_there || is_near, "{number} is lost: {found:?}");
            lost += usize::from(!is_there);
            start += record.len();
        }
        prop_assert!(found.len() >= count - lost && found.len() <= count + 1, "{found:?}");
    }

    /// Whatever the bytes are, reading ends, and what is found lies in order.
    #[test]
    fn any_bytes_can_be_read(parts in prop::collection::vec(part(), 0..12), ending in prop::sample::select(vec![".warc", ".warc.gz", ".warc.zst"])) {
        let found = read(ending, &parts.concat());
        let offset = |found: &Found| match found {
            Found::Record(record) => record.place.offset,
            Found::Fault(fault) => fault.place.offset,
        };
        prop_assert!(found.windows(2).all(|pair| offset(&pair[0]) <= offset(&pair[1])), "{:?}", found);
        prop_assert!(found.len() <= parts.concat().len() + 1, "{:?}", found);
    }
}

/// Parts of WARC files, and of others.
fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0_usize..9).prop_map(resource),
        (0_usize..9).prop_map(|number| gzip(&resource(number))),
        (0_usize..9, any::<Index>()).prop_map(|(number, cut)| {
            let bytes = gzip(&resource(number));
            bytes[..cut.index(bytes.len())].to_vec()
        }),
        (0_usize..9).prop_map(|number| gzip(&[resource(number), resource(number + 1)].concat())),
        (0_u64..400).prop_map(|length| {
            raw("WARC/1.0", &["WARC-Type: resource", &format!("Content-Length: {length}")], b"abc")
        }),
        prop::sample::select(vec![
            &b"WARC/1.0\r\n"[..],
            b"\r\n",
            b"\0\0",
            b"\x1f\x8b\x08\0",
            b"WARC/1.0\r\nA: b\r\n\r\n"
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..60),
    ]
}

fn answer(fields: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes(), body].concat()
}

/// The content of an answer, or why there is none.
#[track_caller]
fn payload(fields: &str, body: &[u8], expected: &str) {
    let bytes = answer(fields, body);
    let shown = match Response::parse(&bytes).unwrap().payload(LIMIT) {
        Ok(payload) => {
            let end = if payload.is_whole { "" } else { "…" };
            String::from_utf8_lossy(&payload.bytes).into_owned() + end
        }
        Err(error) => format!("{}: {}", error.kind.name(), error.detail),
    };
    assert_eq!(shown, expected, "{fields}");
}

#[test]
fn answers_are_unpacked_as_they_were_packed() {
    let text = b"content ".repeat(9);
    let plain = std::str::from_utf8(&text).unwrap();
    let packed = gzip(&text);
    let (mut zlib, mut deflate) = (
        ZlibEncoder::new(Vec::new(), Compression::default()),
        DeflateEncoder::new(Vec::new(), Compression::default()),
    );
    zlib.write_all(&text).unwrap();
    deflate.write_all(&text).unwrap();
    let (zlib, deflate) = (zlib.finish().unwrap(), deflate.finish().unwrap());
    let chunked = |bytes: &[u8]| {
        let (first, second) = bytes.split_at(10);
        let rest = format!("\r\n{:X}; extension\r\n", second.len());
        [b"a\r\n", first, rest.as_bytes(), second, b"\r\n0\r\n\r\n"].concat()
    };
    payload("", &text, plain);
    payload("Content-Encoding: identity\r\n", &text, plain);
    payload("Content-Encoding: gzip\r\n", &packed, plain);
    payload("content-encoding: X-GZIP\r\n", &[gzip(b"a"), gzip(b"b")].concat(), "ab");
    payload("Content-Encoding: deflate\r\n", &zlib, plain);
    payload("Content-Encoding: deflate\r\n", &deflate, plain);
    payload("Content-Encoding: deflate, gzip\r\n", &gzip(&zlib), plain);
    payload("Transfer-Encoding: chunked\r\n", &chunked(&text), plain);
    payload("Transfer-Encoding: Chunked\r\nContent-Encoding: gzip\r\n", &chunked(&packed), plain);
    // The crawler has unpacked it, and left the header as it was.
    payload("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", &text, plain);
    // Cut: what is there counts.
    payload("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n6\r\nwor", "hellowor…");
    payload("Content-Encoding: gzip\r\n", &packed[..packed.len() - 8], &format!("{plain}…"));
    // Damaged, unknown, too much.
    payload("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\nworld", "hello…");
    payload("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\nworld\r\n", "bad_http: a chunk without a size");
    payload(
        "Content-Encoding: gzip\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff",
        "bad_http: gzip: corrupt deflate stream",
    );
    payload(
        "Content-Encoding: br\r\n",
        b"x",
        "content_encoding: Content-Encoding \"br\"; read are gzip and deflate",
    );
    let long = "too_long: more than 1000 bytes when decompressed (--max-record-bytes)";
    payload("Content-Encoding: gzip\r\n", &gzip(&vec![0; 50 << 20]), long);
    payload("Content-Encoding: gzip\r\n", &[gzip(&[0; 600]), gzip(&[0; 600])].concat(), long);

    let interim = [b"HTTP/1.1 100 Continue\r\n\r\n", &answer("", b"x")[..]].concat();
    assert_eq!(Response::parse(&interim).unwrap().body, b"x");
    assert_eq!(Response::parse(b"HTTP/2 404\nnothing\n\n").unwrap().status, 404);
    for (bytes, detail) in [
        (&b""[..], "no HTTP header"),
        (b"<html>\n", "no HTTP header: HTTP/ is expected"),
        (b"HTTP/1.1 OK\r\n\r\n", "an HTTP header without a status"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "an HTTP header without an end"),
    ] {
        assert_eq!(Response::parse(bytes).unwrap_err(), detail);
    }
}
