//! A position in a text, and the tokens found there.

use crate::error::Error;

pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Byte position of the next character, always at a character's start.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips space and comments, and returns the position of the next token.
    pub(super) fn position(&mut self) -> usize {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return self.at;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    pub(super) fn error_at(&self, position: usize, message: impl Into<String>) -> Error {
        let before = &self.text[..position];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Error::Parse {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }

    /// An error that says what was expected here and what stands here.
    pub(super) fn expected<T>(&mut self, what: &str) -> Result<T, Error> {
        let position = self.position();
        let found = match self.take_while(is_word) {
            "" => self.rest().chars().next().map_or("the end of the text".into(), |c| format!("`{c}`")),
            word => format!("`{}`", word.chars().take(40).collect::<String>()),
        };
        self.at = position;
        Err(self.error_at(position, format!("expected {what}, found {found}")))
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.position() == self.text.len()
    }

    /// Whether the next token starts with this punctuation.
    pub(super) fn sees(&mut self, punctuation: &str) -> bool {
        self.position();
        self.rest().starts_with(punctuation)
    }

    /// Takes this punctuation if it is next.
    pub(super) fn eat(&mut self, punctuation: &str) -> bool {
        let seen = self.sees(punctuation);
        if seen {
            self.at += punctuation.len();
        }
        seen
    }

    pub(super) fn expect(&mut self, punctuation: &str) -> Result<(), Error> {
        if self.eat(punctuation) { Ok(()) } else { self.expected(&format!("`{punctuation}`")) }
    }

    /// Takes this word if it is next, whole.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let position = self.position();
        let found = self.take_while(is_word) == word;
        if !found {
            self.at = position;
        }
        found
    }

    /// A word of letters, digits and underscores.
    pub(super) fn word(&mut self, what: &str) -> Result<&'a str, Error> {
        self.position();
        match self.take_while(is_word) {
            "" => self.expected(what),
            word => Ok(word),
        }
    }

    /// A name outside quotes.
    pub(super) fn name(&mut self, what: &str) -> Result<&'a str, Error> {
        self.position();
        match self.take_while(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c)) {
            "" => self.expected(what),
            name => Ok(name),
        }
    }

    /// The characters of a number, which the caller interprets.
    pub(super) fn number(&mut self) -> Result<&'a str, Error> {
        self.position();
        match self.take_while(|c| c.is_ascii_alphanumeric() || "+-.:".contains(c)) {
            "" => self.expected("a number"),
            number => Ok(number),
        }
    }

    /// Text between quotes on one line.
    pub(super) fn string(&mut self, what: &str) -> Result<&'a str, Error> {
        if !self.sees("\"") {
            return self.expected(what);
        }
        let start = self.at;
        self.at += 1;
        let content = self.take_while(|c| c != '"' && c != '\n');
        if !self.rest().starts_with('"') {
            self.at = start;
            return Err(self.error_at(start, "the quote is not closed on its line"));
        }
        self.at += 1;
        Ok(content)
    }

    /// A number of a Rust integer type.
    pub(super) fn integer<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, Error> {
        let start = self.position();
        let digits = self.take_while(|c| c.is_ascii_digit() || c == '-');
        let number = digits.parse();
        number.or_else(|_| {
            self.at = start;
            match digits {
                "" => self.expected(what),
                _ => {
                    Err(self
                        .error_at(start, format!("expected {what}, `{digits}` is malformed or too large")))
                }
            }
        })
    }

    /// Items between brackets, separated by commas.
    pub(super) fn list<T>(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.expect(open)?;
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.eat(close) {
                return Ok(items);
            }
            if !self.eat(",") {
                return self.expected(&format!("`,` or `{close}`"));
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
