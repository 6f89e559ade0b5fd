//! The main content of HTML pages.

/// The most that is done for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes of the page's tree.
    pub nodes: usize,
    /// Bytes of text.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: 1 << 20, bytes: 64 << 20 }
    }
}

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What the page calls itself.
    pub title: Option<String>,
    /// Its text.
    pub text: String,
    /// The language that the page says it is in.
    pub declared_language: Option<String>,
    /// Whether the budget cut it.
    pub is_cut: bool,
}

/// The text of a page, without its tags.
pub fn extract(html: &str, budget: &Budget) -> Page {
    let mut text = String::new();
    for part in html.split('<').skip(1).take(budget.nodes) {
        let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
        if !tag.starts_with("script") && !tag.starts_with("style") && !tag.starts_with("title") {
            text.push_str(rest);
        }
    }
    let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let title = title.map(|(title, _)| title.trim().to_owned());
    Page { title, text: text.trim().to_owned(), declared_language: None, is_cut: false }
}
