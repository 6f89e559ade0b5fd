//! Pages to documents: encoding, ratings, text, language, and the rules that need them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::encoding::{self, Found, From};
use super::language::{Language, identify};
use super::meta::{attribute, metas};
use super::pages::{Bytes, Form, Outcome, Raw};
use super::{Configuration, rules};
use crate::filter::number;
use crate::html::{self, Budget};
use crate::manifest::{File, Format};
use crate::records::{BadRecord, Document, Kind, Place, write_line};
use crate::warc::Type;

/// Bytes of a page in which ratings are looked for.
const HEAD: usize = 64 << 10;

/// The label of the Association of Sites Advocating Child Protection for content restricted to adults.
const RTA: &str = "rta-5042-1996-1400-1577-rta";

/// What has become of a record.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// The document's line, whether kept or dropped.
    pub(super) line: Vec<u8>,
    /// The encoding of its bytes, if they were read.
    pub(super) encoding: Option<&'static str>,
    /// The language of its text, if one was found.
    pub(super) language: Option<&'static str>,
    /// Whether some of its text is U+FFFD.
    pub(super) is_replaced: bool,
}

pub(super) enum Verdict {
    Kept,
    Dropped(&'static str),
    PassedOver(Type),
    Bad(BadRecord),
}

/// Where a document came from at first.
#[derive(Serialize)]
struct Provenance<'a> {
    file: &'a str,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
}

/// A text, and what is known of it.
#[derive(Default)]
struct Text {
    text: String,
    encoding: Option<Found>,
    language: Option<Language>,
    replaced: f64,
    more: BTreeMap<&'static str, Value>,
    dropped: Option<(&'static str, Value)>,
}

/// Makes a document of what was read of a file, and asks the rules.
pub(super) fn judge(configuration: &Configuration, file: &File, raw: Raw) -> Judged {
    let mut judged = Judged {
        verdict: Verdict::Kept,
        line: Vec::new(),
        encoding: None,
        language: None,
        is_replaced: false,
    };
    let bad = |kind, detail| {
        Verdict::Bad(BadRecord { file: file.name.clone(), at: Place::Byte(raw.place.offset), kind, detail })
    };
    let text = match &raw.outcome {
        Outcome::Bad(kind, detail) => {
            judged.verdict = bad(*kind, detail.clone());
            return judged;
        }
        Outcome::PassedOver(kind) => {
            judged.verdict = Verdict::PassedOver(*kind);
            return judged;
        }
        Outcome::Dropped(rule, value) => Text { dropped: Some((rule, value.clone())), ..Text::default() },
        Outcome::Page(page) => read(configuration, page, raw.origin.host.as_deref()),
    };
    judged.encoding = text.encoding.map(|found| found.name.name());
    judged.language = text.language.map(|language| language.code);
    judged.is_replaced = text.replaced > 0.0;
    if let Some((rule, _)) = text.dropped {
        judged.verdict = Verdict::Dropped(rule);
    }
    if let Err(error) = write(file, &raw, text, &mut judged.line) {
        judged.verdict = bad(Kind::InvalidJson, error.to_string());
        judged.line.clear();
    }
    judged
}

/// The text of a page, and the rule that drops it.
fn read(configuration: &Configuration, page: &Bytes, host: Option<&str>) -> Text {
    let is_html = page.form == Form::Html;
    let found = match page.form {
        Form::Converted => Found { name: encoding_rs::UTF_8, from: From::Format },
        _ => encoding::find(&page.bytes, page.charset.as_deref(), is_html, host),
    };
    let decoded = encoding::decode(&page.bytes, found);
    let mut text = Text { encoding: Some(found), ..Text::default() };
    let mut more = |name, value: Option<Value>| drop(value.map(|value| text.more.insert(name, value)));
    let mut is_cut = !page.is_whole;
    let rating = is_html.then(|| adult(&decoded, page.rating.as_deref())).flatten();
    if is_html && rating.is_none() {
        let content = html::extract(&decoded, &Budget::default());
        is_cut |= content.is_cut;
        more("title", content.title.map(Value::from));
        more("declared_language", content.declared_language.map(Value::from));
        text.text = content.text;
    } else if !is_html {
        text.text = decoded;
    }
    more("is_cut", is_cut.then_some(Value::from(true)));
    text.replaced = replaced(&text.text);
    text.language = identify(&text.text);
    text.dropped = match rating {
        Some(rating) => Some((rules::ADULT_RATING, Value::from(rating))),
        None => dropped(configuration, &text),
    };
    text
}

/// The first of the rules that drops a text, and what it saw.
fn dropped(configuration: &Configuration, text: &Text) -> Option<(&'static str, Value)> {
    if text.text.trim().is_empty() {
        return Some((rules::NO_TEXT, Value::Null));
    }
    if text.replaced > configuration.max_replacement {
        return Some((rules::MAX_REPLACEMENT, number(text.replaced)));
    }
    let wanted = configuration.language.as_deref()?;
    let is_it = |language: Language| {
        language.code == wanted && language.confidence >= configuration.min_language_confidence
    };
    match text.language {
        Some(language) if is_it(language) => None,
        found => Some((rules::LANGUAGE, json!(found.map(|language| language.code)))),
    }
}

/// The share of characters that are U+FFFD.
fn replaced(text: &str) -> f64 {
    let found = memchr::memmem::find_iter(text.as_bytes(), "\u{FFFD}").count();
    if found == 0 { 0.0 } else { found as f64 / text.chars().count() as f64 }
}

/// What says that a page is for adults: a `rating` in its head or in the HTTP header.
fn adult(page: &str, header: Option<&str>) -> Option<String> {
    let is_adult = |rating: &str| matches!(&rating.trim().to_ascii_lowercase()[..], "adult" | RTA);
    let head = &page.as_bytes()[..page.len().min(HEAD)];
    let in_page = metas(head).find_map(|attributes| {
        let is_rating = attribute(&attributes, "name")?.trim_ascii().eq_ignore_ascii_case(b"rating");
        let content = String::from_utf8_lossy(attribute(&attributes, "content")?).into_owned();
        (is_rating && is_adult(&content)).then_some(content)
    });
    in_page.or_else(|| header.filter(|rating| is_adult(rating)).map(str::to_owned))
}

fn write(file: &File, raw: &Raw, text: Text, line: &mut Vec<u8>) -> std::io::Result<()> {
    let Text { text, encoding, language, replaced, mut more, dropped } = text;
    let origin = &raw.origin;
    let name = &file.name;
    let id = match &origin.uri {
        Some(uri) => uri.clone(),
        None if file.format == Format::Html => name.clone(),
        None => format!("{name}:{}", raw.place.offset),
    };
    let provenance = serde_json::to_string(&Provenance {
        file: name,
        offset: raw.place.offset,
        member_offset: raw.place.member_length.and(raw.place.member),
        member_length: raw.place.member_length,
        record_id: origin.record_id.as_deref(),
        uri: origin.uri.as_deref(),
        date: origin.date.as_deref(),
    })?;
    if let Some(found) = encoding {
        more.insert("encoding", json!(found));
    }
    if let Some(language) = language {
        more.insert("language", json!(language.code));
        more.insert("language_confidence", number(language.confidence));
    }
    if replaced > 0.0 {
        more.insert("replacement_fraction", number(replaced));
    }
    if let Some((rule, value)) = dropped {
        more.insert("dropped_by", json!(rule));
        more.insert("found", value);
    }
    let document =
        Document { id, text, source: name.clone(), provenance: Cow::Owned(provenance), other: Vec::new() };
    line.reserve(document.text.len() + 512);
    write_line(&document, &more, line)
}
