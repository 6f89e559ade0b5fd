//! The main content of a web page.

mod blocks;
mod names;
mod render;
mod select;
mod tree;

#[cfg(test)]
mod tests;

/// Most work a page may be. What lies beyond is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Elements and runs of text in the page's tree.
    pub nodes: usize,
    /// Bytes of the page.
    pub bytes: usize,
}

impl Default for Budget {
    /// 1,000,000 nodes of 32 MiB.
    fn default() -> Self {
        Self { nodes: 1_000_000, bytes: 32 << 20 }
    }
}

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: Option<String>,
    /// Its main content, empty if there is none.
    pub text: String,
    /// The language it says it is in: `<html lang>`.
    pub declared_language: Option<String>,
    /// Whether the budget ended before the page.
    pub is_cut: bool,
}

/// The main content of a page.
pub fn extract(html: &str, budget: &Budget) -> Page {
    let mut document = tree::parse(html, budget);
    let title = title(&document);
    blocks::mark_tables(&mut document);
    let selection = select::select(&document, title.as_deref());
    let blocks: Vec<_> = selection.blocks.iter().zip(selection.kept.iter().copied()).collect();
    let text = render::render(&document, &selection.removed, &blocks);
    Page { title, text, declared_language: document.language, is_cut: document.is_cut }
}

/// The title that the page declares for others, or its own.
fn title(document: &tree::Document) -> Option<String> {
    let own = || {
        let (place, node) = (0..).zip(&document.nodes).find(|(_, node)| node.tag == names::Tag::Title)?;
        Some(document.texts(place..node.end).collect::<String>())
    };
    let title = document.shared_title.clone().filter(|title| !title.trim().is_empty()).or_else(own)?;
    let words: Vec<&str> = title.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}
