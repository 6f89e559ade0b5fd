//! A page as a list of blocks: runs of text with nothing that begins a line between them.

use std::ops::Range;

use super::names::{Marks, Tag};
use super::tree::{Document, Node};

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A paragraph, or a line.
    Text,
    /// A heading and its level.
    Heading(u8),
    /// Text whose spaces count.
    Pre,
    /// A row of a table of data.
    Row,
    /// A caption.
    Caption,
}

/// What begins the line of a list's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// In how many lists it is.
    pub depth: u8,
    /// Its number, in an ordered list.
    pub number: Option<u32>,
}

/// A run of text.
#[derive(Clone, Debug)]
pub struct Block {
    /// The nodes from its first text to its last.
    pub nodes: Range<u32>,
    /// The innermost element around it that begins a line.
    pub owner: u32,
    /// What it is.
    pub kind: Kind,
    /// Before the first block of an item.
    pub marker: Option<Marker>,
    /// Whether it is in a list's item.
    pub is_item: bool,
    /// Newlines before it: one or two.
    pub gap: u8,
    /// Its bytes, without spaces.
    pub bytes: u32,
    /// Those of them in links.
    pub linked: u32,
    /// Commas, full stops and the like.
    pub stops: u32,
    /// Whether it ends as sentences do.
    pub is_sentence: bool,
}

impl Block {
    /// Bytes outside links.
    pub fn plain(&self) -> u32 {
        self.bytes - self.linked
    }

    /// Whether more than this share of it, in hundredths, is links.
    pub fn is_linked(&self, share: u32) -> bool {
        u64::from(self.linked) * 100 > u64::from(self.bytes) * u64::from(share)
    }

    /// How much it says that this is content: its plain bytes, if it reads as prose.
    pub fn mass(&self) -> u32 {
        let is_prose = match self.kind {
            Kind::Heading(_) | Kind::Caption => false,
            Kind::Pre => self.bytes >= 40,
            Kind::Text | Kind::Row => {
                let least = if self.is_sentence { 40 } else { 80 };
                self.plain() >= least && !self.is_linked(40)
            }
        };
        if is_prose { self.plain() } else { 0 }
    }
}

/// The blocks of a page, and sums over what is inside each node.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// The blocks in document order.
    pub blocks: Vec<Block>,
    bytes: Vec<u32>,
    linked: Vec<u32>,
    mass: Vec<u32>,
}

impl Outline {
    /// The bytes inside a node, without spaces.
    pub fn bytes(&self, place: u32, node: &Node) -> u32 {
        inside(&self.bytes, place, node)
    }

    /// The bytes of links inside a node.
    pub fn linked(&self, place: u32, node: &Node) -> u32 {
        inside(&self.linked, place, node)
    }

    /// The bytes of prose inside a node.
    pub fn mass(&self, place: u32, node: &Node) -> u32 {
        inside(&self.mass, place, node)
    }

    /// The blocks that begin inside a node.
    pub fn inside(&self, place: u32, node: &Node) -> Range<usize> {
        let before = |end: u32| self.blocks.partition_point(|block| block.nodes.start < end);
        before(place)..before(node.end)
    }
}

fn inside(sums: &[u32], place: u32, node: &Node) -> u32 {
    let at = |place: u32| sums.get(place as usize).copied().unwrap_or_default();
    at(node.end) - at(place)
}

/// Finds the blocks of a page, without what is inside `removed` nodes.
pub fn outline(document: &Document, removed: &[bool]) -> Outline {
    let mut walk = Walk::new(document);
    let mut place = 0;
    while let Some(node) = document.nodes.get(place as usize) {
        walk.leave(place);
        let next = if removed[place as usize] || node.tag == Tag::Title {
            node.end
        } else {
            walk.enter(place, node)
        };
        for _ in place..next {
            walk.outline.bytes.push(walk.bytes);
            walk.outline.linked.push(walk.linked);
        }
        place = next;
    }
    walk.finish()
}

struct Open {
    end: u32,
    place: u32,
    gap: u8,
}

struct Walk<'a> {
    document: &'a Document,
    outline: Outline,
    bytes: u32,
    linked: u32,
    open: Vec<Open>,
    /// Lists that are open: their ends, and the number of the next item.
    lists: Vec<(u32, Option<u32>)>,
    marker: Option<Marker>,
    block: Option<Block>,
    gap: u8,
    breaks: u8,
    link_end: u32,
    pre_end: u32,
    row_end: u32,
    item_end: u32,
    heading: (u32, u8),
    caption_end: u32,
}

impl<'a> Walk<'a> {
    fn new(document: &'a Document) -> Self {
        let length = document.nodes.len() + 1;
        let outline = Outline {
            blocks: Vec::new(),
            bytes: Vec::with_capacity(length),
            linked: Vec::with_capacity(length),
            mass: Vec::new(),
        };
        Self {
            document,
            outline,
            bytes: 0,
            linked: 0,
            open: Vec::new(),
            lists: Vec::new(),
            marker: None,
            block: None,
            gap: 2,
            breaks: 0,
            link_end: 0,
            pre_end: 0,
            row_end: 0,
            item_end: 0,
            heading: (0, 0),
            caption_end: 0,
        }
    }

    /// Closes what ends before a place.
    fn leave(&mut self, place: u32) {
        while self.open.last().is_some_and(|open| open.end <= place) {
            let gap = self.open.pop().map_or(0, |open| open.gap);
            self.end_line(gap);
        }
        while self.lists.last().is_some_and(|list| list.0 <= place) {
            self.lists.pop();
        }
    }

    /// Takes a node up, and says where the next one is.
    fn enter(&mut self, place: u32, node: &Node) -> u32 {
        match node.tag {
            Tag::Text => self.text(place, node),
            Tag::Break => self.line_break(place),
            Tag::Link if node.marks.has(Marks::LINK) => self.link_end = self.link_end.max(node.end),
            _ if !node.tag.is_block() || place < self.row_end => (),
            _ => self.element(place, node),
        }
        place + 1
    }

    fn element(&mut self, place: u32, node: &Node) {
        let gap = match node.tag {
            Tag::Item | Tag::Definition | Tag::Row | Tag::Cell => 1,
            Tag::List | Tag::Ordered if !self.lists.is_empty() => 1,
            Tag::Paragraph | Tag::Block if place < self.item_end => 1,
            _ => 2,
        };
        self.end_line(gap);
        self.open.push(Open { end: node.end, place, gap });
        match node.tag {
            Tag::Heading(level) => self.heading = (node.end, level),
            Tag::Caption => self.caption_end = node.end,
            Tag::Pre => self.pre_end = self.pre_end.max(node.end),
            Tag::Row if node.marks.has(Marks::DATA) => self.row_end = node.end,
            Tag::List => self.lists.push((node.end, None)),
            Tag::Ordered => self.lists.push((node.end, Some(node.number().unwrap_or(1)))),
            Tag::Item => self.item(node),
            _ => (),
        }
    }

    fn item(&mut self, node: &Node) {
        self.item_end = self.item_end.max(node.end);
        let depth = self.lists.len().clamp(1, 16) as u8;
        let counter = self.lists.last_mut().and_then(|list| list.1.as_mut());
        let number = counter.map(|counter| {
            let number = node.number().unwrap_or(*counter);
            *counter = number.saturating_add(1);
            number
        });
        self.marker = Some(Marker { depth, number });
    }

    fn line_break(&mut self, place: u32) {
        if place < self.pre_end || place < self.row_end {
            return;
        }
        self.breaks += 1;
        if self.breaks >= 2 {
            self.end_line(2);
        }
    }

    fn end_line(&mut self, gap: u8) {
        self.gap = self.gap.max(gap);
        self.breaks = 0;
        self.outline.blocks.extend(self.block.take());
    }

    fn text(&mut self, place: u32, node: &Node) {
        let text = &self.document.text[node.bytes()];
        if text.trim().is_empty() {
            return;
        }
        let seen = Seen::in_text(text);
        self.breaks = 0;
        let linked = if place < self.link_end { seen.bytes } else { 0 };
        self.bytes = self.bytes.saturating_add(seen.bytes);
        self.linked = self.linked.saturating_add(linked);
        if self.block.is_none() {
            self.block = Some(self.begin(place));
        }
        if let Some(block) = &mut self.block {
            block.nodes.end = place + 1;
            block.bytes += seen.bytes;
            block.linked += linked;
            block.stops += seen.stops;
            block.is_sentence = seen.is_sentence;
        }
    }

    fn begin(&mut self, place: u32) -> Block {
        let kind = if place < self.pre_end {
            Kind::Pre
        } else if place < self.row_end {
            Kind::Row
        } else if place < self.heading.0 {
            Kind::Heading(self.heading.1)
        } else if place < self.caption_end {
            Kind::Caption
        } else {
            Kind::Text
        };
        Block {
            nodes: place..place + 1,
            owner: self.open.last().map_or(0, |open| open.place),
            kind,
            marker: self.marker.take(),
            is_item: place < self.item_end,
            gap: std::mem::take(&mut self.gap).max(1),
            bytes: 0,
            linked: 0,
            stops: 0,
            is_sentence: false,
        }
    }

    fn finish(mut self) -> Outline {
        self.end_line(2);
        self.outline.bytes.push(self.bytes);
        self.outline.linked.push(self.linked);
        let mut mass = 0_u32;
        let mut blocks = self.outline.blocks.iter().peekable();
        for place in 0..=self.document.nodes.len() as u32 {
            self.outline.mass.push(mass);
            if let Some(block) = blocks.next_if(|block| block.nodes.start == place) {
                mass = mass.saturating_add(block.mass());
            }
        }
        self.outline
    }
}

/// What a text looks like.
struct Seen {
    bytes: u32,
    stops: u32,
    is_sentence: bool,
}

impl Seen {
    fn in_text(text: &str) -> Self {
        let mut seen = Self { bytes: 0, stops: 0, is_sentence: false };
        for byte in text.bytes() {
            seen.bytes += u32::from(!byte.is_ascii_whitespace());
            seen.stops += u32::from(matches!(byte, b',' | b'.' | b'!' | b'?' | b';'));
        }
        let last = text
            .trim_end()
            .trim_end_matches(['"', '\'', '”', '’', ')', ']', '»', '」', '』'])
            .chars()
            .next_back();
        seen.is_sentence =
            matches!(last, Some('.' | '!' | '?' | '…' | ':' | '。' | '！' | '？' | '।' | '؟' | '۔'));
        seen
    }
}

/// Whether each node is a row of a table of data; written into its marks.
pub fn mark_tables(document: &mut Document) {
    let places: Vec<u32> =
        (0..document.nodes.len() as u32).filter(|&place| document.at(place).tag == Tag::Table).collect();
    for (index, &place) in places.iter().enumerate() {
        let end = document.at(place).end;
        let is_nested = places.get(index + 1).is_some_and(|&next| next < end);
        if !is_nested && is_data(document, place..end) {
            for node in &mut document.nodes[place as usize..end as usize] {
                if node.tag == Tag::Row {
                    node.marks = node.marks.with(Marks::DATA);
                }
            }
        }
    }
}

fn is_data(document: &Document, table: Range<u32>) -> bool {
    let (mut rows, mut cells, mut bytes, mut is_layout) = (0_usize, 0_usize, 0_usize, false);
    for node in &document.nodes[table.start as usize..table.end as usize] {
        match node.tag {
            Tag::Row => rows += 1,
            Tag::Cell => cells += 1,
            Tag::Text => bytes += document.text[node.bytes()].trim().len(),
            Tag::Heading(_) | Tag::Pre | Tag::Article | Tag::Quote | Tag::Figure => is_layout = true,
            _ => (),
        }
    }
    !is_layout && rows >= 2 && cells >= 2 * rows.saturating_sub(1) && bytes <= 120 * cells
}
