//! Which blocks of a page are its content.

use std::ops::Range;

use super::blocks::{Block, Kind, Outline, outline};
use super::names::{Marks, Tag};
use super::phrases;
use super::tree::{Document, Node};

/// What is left of a page.
pub struct Selection {
    /// Nodes that are left out with all that is in them.
    pub removed: Vec<bool>,
    /// The blocks of the rest.
    pub blocks: Vec<Block>,
    /// Whether each of them is content.
    pub kept: Vec<bool>,
}

/// Selects the content of a page.
pub fn select(document: &Document, title: Option<&str>) -> Selection {
    let mut removed = vec![false; document.nodes.len()];
    let all = outline(document, &removed);
    remove_boilerplate(document, &all, &mut removed);
    let rest = outline(document, &removed);
    let title = lower(title.into_iter());
    let content = content(document, &rest, &title);
    remove_lists_of_links(document, &rest, content, &mut removed);
    let rest = outline(document, &removed);
    let kept = Filter { document, outline: &rest, title: &title }.kept(content);
    Selection { removed, blocks: rest.blocks, kept }
}

/// What an element is by its tag and attributes.
fn marks(node: &Node) -> Marks {
    let of_tag = match node.tag {
        Tag::Nav => Marks::NAVIGATION,
        Tag::Aside => Marks::SIDE,
        Tag::Footer => Marks::FOOT,
        Tag::Form => Marks::PROMOTION,
        Tag::Caption => Marks::CAPTION,
        _ => Marks::NONE,
    };
    node.marks.with(of_tag)
}

fn remove_boilerplate(document: &Document, outline: &Outline, removed: &mut [bool]) {
    let Some(root) = document.nodes.first() else {
        return;
    };
    let whole = outline.mass(0, root);
    let mut left = whole;
    let mut place = 0;
    while let Some(node) = document.nodes.get(place as usize) {
        let is_removed = !matches!(node.tag, Tag::Document | Tag::Html | Tag::Body | Tag::Main | Tag::Text)
            && (is_boilerplate(outline, place, node, left) || is_permalink(document, place, node));
        if is_removed {
            removed[place as usize] = true;
            left -= outline.mass(place, node).min(left);
        }
        place = if is_removed { node.end } else { place + 1 };
    }
}

/// Whether a link in a heading leads to the heading: it is a sign, `¶` or `#`, and no word.
fn is_permalink(document: &Document, place: u32, node: &Node) -> bool {
    node.tag == Tag::Link
        && matches!(document.at(node.parent).tag, Tag::Heading(_))
        && !document.texts(place..node.end).any(|text| text.contains(char::is_alphanumeric))
}

fn is_boilerplate(outline: &Outline, place: u32, node: &Node, left: u32) -> bool {
    let marks = marks(node);
    let (mass, bytes) = (outline.mass(place, node), outline.bytes(place, node));
    if marks.has(Marks::TEXT) {
        return false;
    }
    // What readers write may be longer than what they write about.
    let others = left.saturating_sub(mass);
    if marks.has(Marks::COMMENTS) && others >= 500 && others >= left / 10 {
        return true;
    }
    if marks.has(Marks::BOILERPLATE) {
        return u64::from(mass) * 3 <= u64::from(left);
    }
    let is_small = u64::from(mass) * 10 <= u64::from(left);
    marks.has(Marks::ABOUT) && bytes <= 200 && is_small
        || marks.has(Marks::CAPTION) && bytes <= 600 && is_small
}

/// The node that has the content.
fn content(document: &Document, outline: &Outline, title: &[String]) -> u32 {
    let page = Masses { document, outline };
    let heading = title_heading(document, outline, title);
    let start = page
        .named(heading, 20, |node| node.marks.has(Marks::TEXT))
        .or_else(|| page.named(heading, 40, |node| node.tag == Tag::Article))
        .or_else(|| page.named(heading, 60, |node| node.tag == Tag::Main || node.marks.has(Marks::CONTENT)))
        .unwrap_or(0);
    page.descend(start)
}

struct Masses<'a> {
    document: &'a Document,
    outline: &'a Outline,
}

impl Masses<'_> {
    fn of(&self, place: u32) -> u64 {
        self.outline.mass(place, self.document.at(place)).into()
    }

    /// The node with the content, of those that have a name for it: it has at least this share of the page, in hundredths, or the
    /// heading that is the title.
    fn named(&self, heading: Option<u32>, share: u64, is_named: fn(&Node) -> bool) -> Option<u32> {
        let is_container =
            |node: &Node| matches!(node.tag, Tag::Block | Tag::Article | Tag::Main | Tag::Cell | Tag::Figure);
        let named: Vec<u32> = (0..)
            .zip(&self.document.nodes)
            .filter(|&(place, node)| is_container(node) && is_named(node) && self.of(place) > 0)
            .map(|(place, _)| place)
            .collect();
        let outermost = outermost(self.document, &named);
        self.titled(heading, &outermost).or_else(|| {
            let found = self.largest(&named, &outermost)?;
            (self.of(found) * 100 >= self.of(0) * share).then_some(found)
        })
    }

    /// Of several pieces of content, none of which is most of them, the one that the title belongs to.
    fn titled(&self, heading: Option<u32>, outermost: &[u32]) -> Option<u32> {
        let heading = heading?;
        let together: u64 = outermost.iter().map(|&place| self.of(place)).sum();
        let is_around = |&&place: &&u32| (place..self.document.at(place).end).contains(&heading);
        let titled = outermost.iter().copied().find(|place| is_around(&place))?;
        (self.of(titled) * 2 < together && self.of(titled) * 10 >= self.of(0)).then_some(titled)
    }

    /// The node with most, or what is around all pieces of one that is split.
    fn largest(&self, named: &[u32], outermost: &[u32]) -> Option<u32> {
        let mut largest = *named.first()?;
        for &place in named {
            // An inner one that has almost as much is the better one.
            if self.of(place) * 100 >= self.of(largest) * 90 {
                largest = place;
            }
        }
        let together: u64 = outermost.iter().map(|&place| self.of(place)).sum();
        let pieces: Vec<u32> =
            outermost.iter().copied().filter(|&place| self.of(place) * 10 >= together).collect();
        let common = common(self.document, &pieces).unwrap_or(largest);
        let is_split = self.of(largest) * 100 < together * 85 && self.of(common) * 100 <= together * 115;
        Some(if is_split { common } else { largest })
    }

    /// The innermost node that has nearly all the mass of this one.
    fn descend(&self, start: u32) -> u32 {
        let enough = (self.of(start) * 92 / 100).max(1);
        let mut at = start;
        while let Some(child) = self.child_with(at, enough) {
            at = child;
        }
        at
    }

    /// The node inside this one that has enough mass, if it is one that has paragraphs.
    fn child_with(&self, place: u32, enough: u64) -> Option<u32> {
        let end = self.document.at(place).end;
        let mut child = place + 1;
        while child < end && self.of(child) < enough {
            child = self.document.at(child).end;
        }
        let tag = (child < end).then(|| self.document.at(child).tag)?;
        let is_container = tag.is_block() && !matches!(tag, Tag::Paragraph | Tag::Cell | Tag::Item);
        is_container.then_some(child)
    }
}

/// Those of some nodes, in document order, that are inside no other of them.
fn outermost(document: &Document, places: &[u32]) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    for &place in places {
        if found.last().is_none_or(|&last| document.at(last).end <= place) {
            found.push(place);
        }
    }
    found
}

/// The innermost node around all of some, in document order.
fn common(document: &Document, places: &[u32]) -> Option<u32> {
    let (mut at, &last) = (*places.first()?, places.last()?);
    while document.at(at).end <= last {
        at = document.at(at).parent;
    }
    Some(at)
}

/// The first heading that is the title, or its beginning.
fn title_heading(document: &Document, outline: &Outline, title: &[String]) -> Option<u32> {
    let is_title = |block: &&Block| {
        matches!(block.kind, Kind::Heading(_))
            && title_begins(title, &lower(document.texts(block.nodes.clone())))
    };
    outline.blocks.iter().find(is_title).map(|block| block.nodes.start)
}

/// Words in lower case.
fn lower<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let text: String = texts.collect();
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn remove_lists_of_links(document: &Document, outline: &Outline, content: u32, removed: &mut [bool]) {
    let end = document.at(content).end;
    let mut place = content + 1;
    while place < end {
        let node = document.at(place);
        let is_removed = removed[place as usize] || is_list_of_links(outline, place, node);
        removed[place as usize] |= is_removed;
        place = if is_removed { node.end } else { place + 1 };
    }
}

fn is_list_of_links(outline: &Outline, place: u32, node: &Node) -> bool {
    let share = match node.tag {
        Tag::List | Tag::Ordered | Tag::Table => 50,
        Tag::Block | Tag::Article => 66,
        _ => return false,
    };
    let bytes = u64::from(outline.bytes(place, node));
    let mass = u64::from(outline.mass(place, node));
    bytes > 0
        && mass < 200.min(bytes / 5 + 80)
        && u64::from(outline.linked(place, node)) * 100 > bytes * share
        && (outline.inside(place, node).len() > 1 || bytes < 200)
}

struct Filter<'a> {
    document: &'a Document,
    outline: &'a Outline,
    title: &'a [String],
}

impl Filter<'_> {
    fn kept(&self, content: u32) -> Vec<bool> {
        let blocks = &self.outline.blocks;
        let mut kept = vec![false; blocks.len()];
        let Some(node) = self.document.nodes.get(content as usize) else {
            return kept;
        };
        let inside = self.before_end(self.outline.inside(content, node));
        let is_prose = |&at: &usize| blocks[at].mass() > 0;
        let (Some(first), Some(last)) = (inside.clone().find(is_prose), inside.clone().rev().find(is_prose))
        else {
            inside.for_each(|at| kept[at] = !blocks[at].is_linked(50));
            return kept;
        };
        for at in inside {
            let block = &blocks[at];
            kept[at] = match block.kind {
                Kind::Heading(_) => at > first && at < last && !self.is_title(block) && !block.is_linked(80),
                _ if block.mass() > 0 => true,
                _ if self.is_short(block) && phrases::is_boilerplate(&self.words(block)) => false,
                _ if at < first => block.is_sentence && !block.is_linked(0),
                _ if at > last && self.is_part(block) => !block.is_linked(10),
                _ if at > last => (block.is_sentence || block.plain() >= 60) && !block.is_linked(30),
                _ => self.is_part(block) || !block.is_linked(66),
            };
        }
        self.drop_empty_headings(&mut kept);
        kept
    }

    /// Some blocks without those that follow a line such as "Comments", if these are not most of them.
    fn before_end(&self, inside: Range<usize>) -> Range<usize> {
        let blocks = self.outline.blocks.get(inside.clone()).unwrap_or_default();
        let whole: u64 = blocks.iter().map(|block| u64::from(block.mass())).sum();
        let mut before = 0;
        for (at, block) in inside.clone().zip(blocks) {
            if before * 2 >= whole.max(1) && self.is_short(block) && phrases::is_end(&self.words(block)) {
                return inside.start..at;
            }
            before += u64::from(block.mass());
        }
        inside
    }

    fn is_short(&self, block: &Block) -> bool {
        block.bytes <= phrases::LONGEST && block.kind != Kind::Pre
    }

    fn words(&self, block: &Block) -> Vec<String> {
        lower(self.document.texts(block.nodes.clone()))
    }

    /// Whether a block is what links and short lines may be a part of: a list, a table, a quotation.
    fn is_part(&self, block: &Block) -> bool {
        block.is_item || block.kind == Kind::Row || matches!(self.document.at(block.owner).tag, Tag::Quote)
    }

    fn is_title(&self, block: &Block) -> bool {
        title_begins(self.title, &self.words(block))
    }

    /// Headings that nothing follows.
    fn drop_empty_headings(&self, kept: &mut [bool]) {
        let mut below = 0;
        for (at, block) in self.outline.blocks.iter().enumerate().rev() {
            match block.kind {
                Kind::Heading(level) if kept[at] => {
                    kept[at] = below > level;
                    below = if kept[at] { level.min(below) } else { below };
                }
                _ if kept[at] => below = 7,
                _ => (),
            }
        }
    }
}

fn title_begins(title: &[String], words: &[String]) -> bool {
    words.len() >= 3 && title.starts_with(words)
}
