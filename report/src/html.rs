//! HTML that is put together so that what users name cannot become part of its code.

use std::fmt::Write as _;

/// A piece of a page. Text gets into it escaped, and tags are words of this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

/// An attribute with its value, which is escaped.
pub type Attribute<'a> = (&'static str, &'a str);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Code of this program.
    pub fn raw(mut self, code: &'static str) -> Self {
        self.0.push_str(code);
        self
    }

    /// Text, whatever is in it.
    pub fn text(mut self, text: &str) -> Self {
        escape(text, &mut self.0);
        self
    }

    /// A piece.
    pub fn add(mut self, piece: Html) -> Self {
        self.0.push_str(&piece.0);
        self
    }

    /// Pieces, one after the other.
    pub fn all(self, pieces: impl IntoIterator<Item = Html>) -> Self {
        pieces.into_iter().fold(self, Html::add)
    }

    /// An element with a piece in it.
    pub fn element(mut self, tag: &'static str, attributes: &[Attribute<'_>], inner: Html) -> Self {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            // Writing to a string cannot fail.
            let _ = write!(self.0, " {name}=\"");
            escape(value, &mut self.0);
            self.0.push('"');
        }
        self.0.push('>');
        self.0.push_str(&inner.0);
        let _ = write!(self.0, "</{tag}>");
        self
    }

    /// An element with text in it.
    pub fn tag(self, tag: &'static str, text: &str) -> Self {
        self.element(tag, &[], Html::new().text(text))
    }

    /// The code.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Text as HTML has it. Control characters, and those that turn the direction of what follows, have no place on a page.
fn escape(text: &str, to: &mut String) {
    for character in text.chars() {
        match character {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\'' => to.push_str("&#39;"),
            '\n' | '\t' => to.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                to.push('\u{fffd}')
            }
            other if other.is_control() => to.push('\u{fffd}'),
            other => to.push(other),
        }
    }
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, set to the right.
    Number(String),
}

impl Cell {
    /// A number with so many digits; a dash for none.
    pub fn number(value: Option<f64>, digits: usize) -> Self {
        Cell::Number(
            value.filter(|value| value.is_finite()).map_or("–".into(), |value| format!("{value:.digits$}")),
        )
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

/// A table with a caption, which says what it is to those who do not see it. It scrolls where it is wider than the page.
pub fn table(caption: &str, head: &[&str], rows: &[Vec<Cell>]) -> Html {
    let heads = head.iter().enumerate().map(|(column, name)| {
        let number = column > 0 && rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
        let class: &[Attribute<'_>] =
            if number { &[("scope", "col"), ("class", "n")] } else { &[("scope", "col")] };
        match name.is_empty() {
            true => Html::new().raw("<td></td>"),
            false => Html::new().element("th", class, Html::new().text(name)),
        }
    });
    let head = Html::new().element("thead", &[], Html::new().element("tr", &[], Html::new().all(heads)));
    let row = |row: &Vec<Cell>| {
        let cells = row.iter().enumerate().map(|(column, cell)| match (column, cell) {
            (0, Cell::Text(text) | Cell::Number(text)) => {
                Html::new().element("th", &[("scope", "row")], Html::new().text(text))
            }
            (_, Cell::Text(text)) => Html::new().tag("td", text),
            (_, Cell::Number(text)) => Html::new().element("td", &[("class", "n")], Html::new().text(text)),
        });
        Html::new().element("tr", &[], Html::new().all(cells))
    };
    let body = Html::new().element("tbody", &[], Html::new().all(rows.iter().map(row)));
    let caption_of = Html::new().tag("caption", caption);
    let table = Html::new().element("table", &[], caption_of.add(head).add(body));
    // Whoever has no mouse scrolls it too.
    Html::new().element(
        "div",
        &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)],
        table,
    )
}

/// What is behind a line that opens.
pub fn details(summary: &str, inner: Html) -> Html {
    Html::new().element("details", &[], Html::new().tag("summary", summary).add(inner)).raw("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_user_names_is_code() {
        let hostile = "<script>alert(\"x\")</script>&'\u{202e}\u{7}";
        let escaped = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;\u{fffd}\u{fffd}";
        assert_eq!(Html::new().text(hostile).into_string(), escaped);
        let made = Html::new().element("p", &[("title", hostile)], Html::new()).into_string();
        assert_eq!(made, format!("<p title=\"{escaped}\"></p>"));
        let cells = vec![vec![Cell::Text(hostile.into()), Cell::Number(hostile.into())]];
        let table = table(hostile, &["", hostile], &cells).into_string();
        assert!(!table.contains("<script") && table.matches(escaped).count() == 5, "{table}");
    }

    #[test]
    fn a_number_that_is_none_is_a_dash() {
        assert_eq!(Cell::number(Some(f64::NAN), 2), Cell::Number("–".into()));
        assert_eq!(Cell::number(Some(1.255), 1), Cell::Number("1.3".into()));
    }
}
