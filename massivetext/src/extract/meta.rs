//! What the beginning of an HTML page says of itself in `meta` tags.

/// The most attributes of a tag that are looked at.
const MOST: usize = 64;

/// The attributes of a tag: names in lower case, values as they are.
pub(super) type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// The `meta` tags in the bytes of a page, in order, as browsers look for them before they know the encoding (WHATWG's HTML,
/// "prescan a byte stream to determine its encoding"): comments and other tags are passed over.
pub(super) fn metas(bytes: &[u8]) -> impl Iterator<Item = Attributes> {
    let mut scan = Scan { bytes, at: 0 };
    std::iter::from_fn(move || scan.next_meta())
}

/// The value of an attribute.
pub(super) fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a [u8]> {
    attributes.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| &value[..])
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_while(&mut self, is_skipped: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|&&byte| is_skipped(byte)).count();
    }

    fn next_meta(&mut self) -> Option<Attributes> {
        loop {
            self.at += memchr::memchr(b'<', self.rest())?;
            let rest = self.rest();
            if rest.starts_with(b"<!--") {
                // `<!-->` is a whole comment.
                self.at += 2 + memchr::memmem::find(&rest[2..], b"-->")? + 3;
            } else if is_tag(rest, b"<meta") {
                self.at += b"<meta".len();
                let attributes = self.attributes();
                return Some(attributes);
            } else if is_named(rest) {
                self.skip_while(|byte| !is_space(byte) && byte != b'>');
                self.attributes();
            } else if matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
                self.at += memchr::memchr(b'>', rest)? + 1;
            } else {
                self.at += 1;
            }
        }
    }

    /// All attributes up to the end of the tag. Of several of one name the first counts.
    fn attributes(&mut self) -> Attributes {
        let mut attributes = Attributes::new();
        while let Some((name, value)) = self.attribute() {
            if attributes.len() < MOST && !attributes.iter().any(|(known, _)| *known == name) {
                attributes.push((name, value));
            }
        }
        attributes
    }

    fn attribute(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.skip_while(|byte| is_space(byte) || byte == b'/');
        if self.byte()? == b'>' {
            return None;
        }
        let start = self.at;
        // An equals sign at the beginning is part of the name.
        self.at += 1;
        self.skip_while(|byte| !is_space(byte) && !matches!(byte, b'/' | b'>' | b'='));
        let name = self.bytes[start..self.at].to_ascii_lowercase();
        self.skip_while(is_space);
        if self.byte() != Some(b'=') {
            return Some((name, Vec::new()));
        }
        self.at += 1;
        self.skip_while(is_space);
        let value = match self.byte() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                let start = self.at;
                self.skip_while(|byte| byte != quote);
                let value = self.bytes[start..self.at].to_vec();
                self.at += 1;
                value
            }
            _ => {
                let start = self.at;
                self.skip_while(|byte| !is_space(byte) && byte != b'>');
                self.bytes[start..self.at].to_vec()
            }
        };
        Some((name, value))
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// Whether a tag of this name begins here.
fn is_tag(bytes: &[u8], tag: &[u8]) -> bool {
    bytes.get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag))
        && bytes.get(tag.len()).is_some_and(|&byte| is_space(byte) || byte == b'/')
}

/// Whether a tag with a name begins or ends here.
fn is_named(bytes: &[u8]) -> bool {
    let name = bytes.get(1..).unwrap_or_default();
    let name = name.strip_prefix(b"/").unwrap_or(name);
    name.first().is_some_and(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: &str, expected: &[&[(&str, &str)]]) {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let found: Vec<Vec<(String, String)>> = metas(page.as_bytes())
            .map(|attributes| attributes.into_iter().map(|(name, value)| (text(name), text(value))).collect())
            .collect();
        let expected: Vec<Vec<(String, String)>> = expected
            .iter()
            .map(|tag| tag.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
            .collect();
        assert_eq!(found, expected, "{page}");
    }

    #[test]
    fn tags_are_found_as_browsers_find_them() {
        check("<meta charset=utf-8>", &[&[("charset", "utf-8")]]);
        check("<META CharSet = 'UTF-8' charset=x/>", &[&[("charset", "UTF-8")]]);
        check("<meta name=\"rating\" content=\"a > b\">", &[&[("name", "rating"), ("content", "a > b")]]);
        check("<!-- <meta a=1> --><p title='<meta b=2>'><meta/c>", &[&[("c", "")]]);
        check("<!--><meta a=1>", &[&[("a", "1")]]);
        check("<!doctype html><?xml?></p x=1><metal d=1><meta e f=>", &[&[("e", ""), ("f", "")]]);
        check("<meta =x=1>", &[&[("=x", "1")]]);
        check("a < b <3 <meta", &[]);
        check("<meta charset=\"utf", &[&[("charset", "utf")]]);
        check("<!-- <meta a=1>", &[]);
    }
}
