//! Bytes to text: which encoding, and how that is known.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use serde::Serialize;

use super::meta::{attribute, metas};

/// Bytes of a page in which browsers look for `meta` tags before they know the encoding.
const PRESCAN: usize = 1024;

/// How an encoding is known, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// A byte-order mark.
    Mark,
    /// The charset of the HTTP header's Content-Type.
    Http,
    /// A `meta` tag in the first 1,024 bytes.
    Meta,
    /// What the bytes look like.
    Detector,
    /// The format, which allows no other.
    Format,
}

/// What a page's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The encoding, as WHATWG's standard calls it.
    #[serde(serialize_with = "name")]
    pub name: &'static Encoding,
    /// How that is known.
    pub from: From,
}

fn name<S: serde::Serializer>(encoding: &&'static Encoding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(encoding.name())
}

/// The encoding of a page. `charset` is that of the HTTP header, `is_html` says whether `meta` tags count, and `host` helps the
/// detector with its last label.
pub fn find(bytes: &[u8], charset: Option<&str>, is_html: bool, host: Option<&str>) -> Found {
    if let Some((name, _)) = Encoding::for_bom(bytes) {
        return Found { name, from: From::Mark };
    }
    if let Some(name) = charset.and_then(|label| Encoding::for_label(label.as_bytes())) {
        return Found { name, from: From::Http };
    }
    if let Some(name) = is_html.then(|| of_meta(bytes)).flatten() {
        return Found { name, from: From::Meta };
    }
    Found { name: utf_16(bytes).unwrap_or_else(|| detected(bytes, host)), from: From::Detector }
}

/// The text, without a byte-order mark. Each sequence that means nothing becomes U+FFFD.
pub fn decode(bytes: &[u8], found: Found) -> String {
    let bytes = match (found.from, Encoding::for_bom(bytes)) {
        (From::Mark | From::Format, Some((name, length))) if name == found.name => &bytes[length..],
        _ => bytes,
    };
    found.name.decode_without_bom_handling(bytes).0.into_owned()
}

/// What `meta` tags say.
fn of_meta(bytes: &[u8]) -> Option<&'static Encoding> {
    let name = metas(&bytes[..bytes.len().min(PRESCAN)]).find_map(|attributes| {
        let is_content_type = || {
            attribute(&attributes, "http-equiv")
                .is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"content-type"))
        };
        let charset = attribute(&attributes, "charset").map(<[u8]>::to_vec);
        let label = charset.or_else(|| {
            let content = attribute(&attributes, "content").filter(|_| is_content_type())?;
            charset_of(&String::from_utf8_lossy(content)).map(String::into_bytes)
        })?;
        // A label that means nothing is as good as none.
        Encoding::for_label(&label)
    })?;
    // These cannot be what a tag that was read as ASCII says.
    Some(match name {
        name if name == UTF_16LE || name == UTF_16BE => UTF_8,
        name if name == X_USER_DEFINED => WINDOWS_1252,
        name => name,
    })
}

/// The charset that a Content-Type names.
pub fn charset_of(content_type: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    for (at, key) in lower.match_indices("charset") {
        let rest = content_type.get(at + key.len()..)?.trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else { continue };
        let label = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.split(quote).next()?,
            _ => value.split([';', ' ', '\t', ',']).next()?,
        };
        return (!label.is_empty()).then(|| label.to_owned());
    }
    None
}

/// UTF-16 without a mark, which no detector of the web knows: in text that is mostly ASCII every other byte is zero.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let begin = &bytes[..bytes.len().min(PRESCAN)];
    let zeros = |first: usize| begin.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    let pairs = begin.len() / 2;
    match (zeros(0), zeros(1)) {
        (even, odd) if pairs > 1 && odd * 10 > pairs * 6 && even * 10 < pairs => Some(UTF_16LE),
        (even, odd) if pairs > 1 && even * 10 > pairs * 6 && odd * 10 < pairs => Some(UTF_16BE),
        _ => None,
    }
}

fn detected(bytes: &[u8], host: Option<&str>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    // What it takes for a label of a domain: lower-case ASCII.
    let label = host.and_then(|host| host.rsplit('.').next()).map(str::to_ascii_lowercase);
    let label =
        label.filter(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_lowercase()));
    detector.guess(label.as_deref().map(str::as_bytes), chardetng::Utf8Detection::Allow)
}
