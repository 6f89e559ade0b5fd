//! The main content of a web page: coherent blocks of text, as the paper extracts them from HTML (Rae et al. 2021, section A.1).
//!
//! html5ever parses the page into a flat tree (`tree.rs`) of which only visible text and what names say are kept (`names.rs`,
//! `words.rs`). The tree is cut into blocks (`blocks.rs`): runs of text in which nothing begins a line. Prose has *mass*, its bytes
//! outside links. Boilerplate goes by tags, roles and classes unless it is most of the page's mass; of what has a name for content,
//! or else of all, the node with most mass is taken, and its blocks are judged one by one (`select.rs`). What is left is written as
//! lines and paragraphs (`render.rs`).
//!
//! All passes are loops over the nodes in document order, in which what is inside a node stands behind it: sums over what is inside
//! are differences, depth is no matter, and time grows as the page does.

mod attributes;
mod blocks;
mod names;
mod phrases;
mod render;
mod select;
mod tree;
mod words;

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
    /// Its title: `og:title`, else `<title>`.
    pub title: Option<String>,
    /// Its main content, empty if there is none.
    pub text: String,
    /// The language it says it is in: `<html lang>`.
    pub declared_language: Option<String>,
    /// Whether the budget ended before the page.
    pub is_cut: bool,
}

/// The main content of a page, which has been decoded.
///
/// Paragraphs are separated by blank lines. Items of lists begin with `- ` or their number, lists in lists are indented, rows of
/// tables of data are lines with tabs between cells, and text in `<pre>` keeps its spaces. A heading that is the title is left out.
///
/// ```
/// use massivetext::html::{Budget, extract};
/// let html = "<title>Bread</title><nav><a href=/>Home</a></nav><p>Bread is baked of <b>flour</b>, water and salt.</p><ol><li>Knead.<li>Wait.</ol>";
/// let page = extract(html, &Budget::default());
/// assert_eq!(page.title.as_deref(), Some("Bread"));
/// assert_eq!(page.text, "Bread is baked of flour, water and salt.\n\n1. Knead.\n2. Wait.");
/// ```
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
