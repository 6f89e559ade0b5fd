//! Tags of very many attributes.
//!
//! The parser compares each attribute of a tag with those before it: its time would grow with the square of their number.

use memchr::memchr;

/// Attributes of one tag that are read.
const MOST: usize = 256;

/// A page in parts, without those attributes of tags that are more than [`MOST`].
///
/// What looks like a tag in a script is taken for one: there is no content that could be lost in it.
pub fn parts(html: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut scan = Scan { bytes: html.as_bytes(), at: 0 };
    while let Some(open) = memchr(b'<', scan.rest()) {
        scan.at += open + 1;
        if let Some(excess) = scan.tag() {
            parts.extend(html.get(start..excess));
            start = scan.at;
        }
    }
    parts.extend(html.get(start..));
    parts
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, is_skipped: fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.iter().position(|&byte| !is_skipped(byte)).unwrap_or(rest.len());
    }

    /// Goes from behind `<` to the tag's `>`, and says where its first attribute too many begins.
    fn tag(&mut self) -> Option<usize> {
        self.at += usize::from(self.rest().first() == Some(&b'/'));
        if !self.rest().first().is_some_and(u8::is_ascii_alphabetic) {
            return None;
        }
        self.skip(|byte| !is_end_of_name(byte));
        let mut excess = None;
        for count in 0_usize.. {
            self.skip(|byte| byte.is_ascii_whitespace() || byte == b'/');
            if matches!(self.rest().first(), None | Some(b'>')) {
                break;
            }
            if count == MOST {
                excess = Some(self.at);
            }
            self.attribute();
        }
        excess
    }

    fn attribute(&mut self) {
        // A name may begin with `=`.
        self.at += 1;
        self.skip(|byte| !is_end_of_name(byte) && byte != b'=');
        self.skip(|byte| byte.is_ascii_whitespace());
        if self.rest().first() != Some(&b'=') {
            return;
        }
        self.at += 1;
        self.skip(|byte| byte.is_ascii_whitespace());
        match self.rest() {
            [quote @ (b'"' | b'\''), value @ ..] => {
                self.at += memchr(*quote, value).map_or(1 + value.len(), |end| end + 2);
            }
            _ => self.skip(|byte| !byte.is_ascii_whitespace() && byte != b'>'),
        }
    }
}

fn is_end_of_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attributes_are_read() {
        let many = |count: usize| {
            (0..count).map(|n| [format!(" a{n}"), format!("\ta{n}='>'"), format!(" a{n}=b/")][n % 3].clone())
        };
        let page = |count: usize| {
            format!("é<p>1 < 2</p><p class = \"é<\"{}>text<br/>", many(count).collect::<String>())
        };
        // With the class.
        assert_eq!(parts(&page(MOST - 1)), [page(MOST - 1)]);
        assert_eq!(parts(&page(MOST + 99)).concat().replace(" >", ">").replace("\t>", ">"), page(MOST - 1));
        for page in ["", "<", "</", "<p", "<p a", "<p a=", "<p a='", "<p a='>'", "< p>", "<p =a>"] {
            assert_eq!(parts(page).concat(), page);
        }
    }
}
