//! The tree that html5ever builds: nodes in one vector, text in one string.
//!
//! Nothing in it is owned by another node, so that a tree of any depth is built, walked and dropped without recursion. What no
//! reader sees (scripts, styles, comments) is not kept, and of attributes only what follows from them ([`Marks`]).

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::ops::Range;

use html5ever::TokenizerResult;
use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag as Token, TagKind, Token as AnyToken};
use html5ever::tokenizer::{TokenSink, TokenSinkResult, Tokenizer};
use html5ever::tree_builder::TreeBuilder;
use html5ever::{Attribute, LocalName, QualName, local_name, ns};

use super::Budget;
use super::attributes::parts;
use super::names::{Marks, Tag, marks_of};

/// No node.
const NONE: u32 = u32::MAX;
/// The document, which is the first node.
const DOCUMENT: u32 = 0;
/// Elements further inside than this are taken for their parents: the parser's time for a tag grows with the depth.
const MAX_DEPTH: u32 = 256;

/// A node, linked to others by their places in [`Tree::nodes`].
#[derive(Clone, Debug)]
struct Raw {
    tag: Tag,
    marks: Marks,
    name: u32,
    parent: u32,
    first: u32,
    last: u32,
    previous: u32,
    next: u32,
    /// Of text its bytes in [`Tree::text`]; of a list or a list's item its number, with `end` 1 if it has one.
    start: u32,
    end: u32,
    depth: u32,
}

/// What a page is parsed into.
#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Raw>,
    names: Vec<QualName>,
    text: String,
    /// The depth of the element that is open.
    cursor: u32,
    language: Option<String>,
    title: Option<String>,
}

/// A node in document order, with everything inside it between its place and `end`.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What it is.
    pub tag: Tag,
    /// What its attributes say.
    pub marks: Marks,
    /// The place of the node around it; that of the first is its own.
    pub parent: u32,
    /// The place after everything inside it.
    pub end: u32,
    /// Of text its bytes in the text of the page; of lists and items their number and 1, if they have one.
    span: (u32, u32),
}

impl Node {
    /// Of text, its bytes in the text of the page.
    pub fn bytes(&self) -> Range<usize> {
        self.span.0 as usize..self.span.1 as usize
    }

    /// The number a list begins with, or that an item has.
    pub fn number(&self) -> Option<u32> {
        (self.span.1 == 1).then_some(self.span.0)
    }
}

/// A parsed page.
#[derive(Debug, Default)]
pub struct Document {
    /// The nodes in document order.
    pub nodes: Vec<Node>,
    /// What the text nodes say.
    pub text: String,
    /// `<html lang>`.
    pub language: Option<String>,
    /// The title that the page declares for others (`og:title`).
    pub shared_title: Option<String>,
    /// Whether the budget ended before the page.
    pub is_cut: bool,
}

impl Document {
    /// The node at a place.
    pub fn at(&self, place: u32) -> &Node {
        visits::count();
        &self.nodes[place as usize]
    }

    /// What the text nodes at some places say.
    pub fn texts(&self, places: Range<u32>) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.get(places.start as usize..places.end as usize).unwrap_or_default();
        nodes.iter().filter(|node| node.tag == Tag::Text).map(|node| &self.text[node.bytes()])
    }
}

/// Counts what is looked at, for the test that it grows no faster than pages do.
pub mod visits {
    #[cfg(test)]
    thread_local!(static VISITS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });

    /// One more.
    pub fn count() {
        #[cfg(test)]
        VISITS.with(|visits| visits.set(visits.get() + 1));
    }

    /// How many there were since this was last asked.
    #[cfg(test)]
    pub fn take() -> u64 {
        VISITS.with(|visits| visits.replace(0))
    }
}

/// Parses a page, of which no more is read than the budget allows.
pub fn parse(html: &str, budget: &Budget) -> Document {
    // Places are kept in 32 bits.
    let most = html.len().min(budget.bytes).min(u32::MAX as usize / 2);
    let end = (0..=most).rev().find(|&end| html.is_char_boundary(end)).unwrap_or(0);
    let builder = TreeBuilder::new(Sink::default(), Default::default());
    let nodes = budget.nodes.min(u32::MAX as usize / 2);
    let limiter = Limiter { builder, nodes, unopened: Cell::new(0), is_full: Cell::new(false) };
    let tokenizer = Tokenizer::new(limiter, Default::default());
    let input = BufferQueue::default();
    for part in parts(html.get(..end).unwrap_or_default()) {
        input.push_back(StrTendril::from_slice(part));
    }
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    let is_cut = end < html.len() || tokenizer.sink.is_full.get();
    tokenizer.sink.builder.sink.0.into_inner().flatten(is_cut)
}

/// Stands between tokenizer and tree builder, and passes on what is within the limits.
struct Limiter {
    builder: TreeBuilder<u32, Sink>,
    nodes: usize,
    /// Elements whose start was not passed on, and whose end shall not be either.
    unopened: Cell<u32>,
    is_full: Cell<bool>,
}

impl Limiter {
    /// Whether a tag is passed on.
    fn admits(&self, tag: &Token) -> bool {
        if tag.name == local_name!("meta") {
            return false;
        }
        let unopened = self.unopened.get();
        let is_too_much = match tag.kind {
            TagKind::StartTag => self.builder.sink.0.borrow().cursor >= MAX_DEPTH,
            TagKind::EndTag => unopened > 0,
        };
        if !is_too_much || is_never_left_out(&tag.name) {
            return true;
        }
        self.unopened.set(match tag.kind {
            TagKind::StartTag => unopened.saturating_add(1),
            TagKind::EndTag => unopened - 1,
        });
        false
    }
}

/// Elements that have nothing inside them, and those that change how the tokenizer reads on.
fn is_never_left_out(name: &LocalName) -> bool {
    matches!(
        &**name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "iframe"
            | "img"
            | "input"
            | "link"
            | "noembed"
            | "noframes"
            | "noscript"
            | "param"
            | "plaintext"
            | "script"
            | "source"
            | "style"
            | "textarea"
            | "title"
            | "track"
            | "wbr"
            | "xmp"
    )
}

impl TokenSink for Limiter {
    type Handle = u32;

    fn process_token(&self, token: AnyToken, line: u64) -> TokenSinkResult<u32> {
        if self.builder.sink.0.borrow().nodes.len() >= self.nodes {
            self.is_full.set(self.is_full.get() || token != AnyToken::EOFToken);
            return TokenSinkResult::Continue;
        }
        match &token {
            AnyToken::CommentToken(_) | AnyToken::ParseError(_) => return TokenSinkResult::Continue,
            AnyToken::TagToken(tag) => {
                if tag.name == local_name!("meta") {
                    self.builder.sink.0.borrow_mut().read_meta(&tag.attrs);
                }
                if !self.admits(tag) {
                    return TokenSinkResult::Continue;
                }
            }
            _ => (),
        }
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl Tree {
    fn node(&self, place: u32) -> &Raw {
        visits::count();
        &self.nodes[place as usize]
    }

    fn node_mut(&mut self, place: u32) -> &mut Raw {
        visits::count();
        &mut self.nodes[place as usize]
    }

    fn add(&mut self, tag: Tag, marks: Marks, span: (u32, u32)) -> u32 {
        let place = self.nodes.len() as u32;
        let name = self.names.len() as u32;
        let (start, end) = span;
        self.nodes.push(Raw {
            tag,
            marks,
            name,
            parent: NONE,
            first: NONE,
            last: NONE,
            previous: NONE,
            next: NONE,
            start,
            end,
            depth: 0,
        });
        place
    }

    fn add_element(&mut self, name: QualName, attributes: &[Attribute]) -> u32 {
        let tag = if name.ns == ns!(html) { Tag::named(&name.local) } else { Tag::Unseen };
        if tag == Tag::Html {
            self.read_language(attributes);
        }
        let number = match tag {
            Tag::Ordered => value_of(attributes, local_name!("start")),
            Tag::Item => value_of(attributes, local_name!("value")),
            _ => None,
        };
        let number = number.and_then(|value| value.trim().parse().ok()).map_or((0, 0), |number| (number, 1));
        let place = self.add(tag, marks_of(tag, attributes), number);
        self.names.push(name);
        place
    }

    fn read_language(&mut self, attributes: &[Attribute]) {
        if self.language.is_none() {
            let language = value_of(attributes, local_name!("lang")).map(str::trim);
            self.language = language.filter(|language| !language.is_empty()).map(str::to_owned);
        }
    }

    fn read_meta(&mut self, attributes: &[Attribute]) {
        let is_title =
            attributes.iter().any(|one| &*one.name.local == "property" && &*one.value == "og:title");
        if is_title && self.title.is_none() {
            self.title = value_of(attributes, local_name!("content")).map(str::to_owned);
        }
    }

    /// Takes a node from where it is.
    fn detach(&mut self, place: u32) {
        let Raw { parent, previous, next, .. } = *self.node(place);
        if parent == NONE {
            return;
        }
        match previous {
            NONE => self.node_mut(parent).first = next,
            _ => self.node_mut(previous).next = next,
        }
        match next {
            NONE => self.node_mut(parent).last = previous,
            _ => self.node_mut(next).previous = previous,
        }
        let node = self.node_mut(place);
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }

    /// Puts a node into `parent`, before `next`, or as its last.
    fn attach(&mut self, place: u32, parent: u32, next: u32) {
        self.detach(place);
        let previous = if next == NONE { self.node(parent).last } else { self.node(next).previous };
        match previous {
            NONE => self.node_mut(parent).first = place,
            _ => self.node_mut(previous).next = place,
        }
        match next {
            NONE => self.node_mut(parent).last = place,
            _ => self.node_mut(next).previous = place,
        }
        let depth = self.node(parent).depth + 1;
        let node = self.node_mut(place);
        (node.parent, node.previous, node.next, node.depth) = (parent, previous, next, depth);
        self.cursor = depth;
    }

    fn insert(&mut self, parent: u32, next: u32, what: NodeOrText<u32>) {
        match what {
            NodeOrText::AppendNode(place) => self.attach(place, parent, next),
            NodeOrText::AppendText(text) => self.insert_text(parent, next, &text),
        }
    }

    fn insert_text(&mut self, parent: u32, next: u32, text: &str) {
        if self.node(parent).tag == Tag::Unseen {
            return;
        }
        let start = self.text.len() as u32;
        self.text.push_str(text);
        let end = self.text.len() as u32;
        let previous = if next == NONE { self.node(parent).last } else { self.node(next).previous };
        if previous != NONE && self.node(previous).tag == Tag::Text && self.node(previous).end == start {
            self.node_mut(previous).end = end;
            return;
        }
        let place = self.add(Tag::Text, Marks::default(), (start, end));
        self.attach(place, parent, next);
        self.cursor = self.node(parent).depth;
    }

    /// The nodes that a reader may see, in document order.
    fn flatten(self, is_cut: bool) -> Document {
        let mut nodes: Vec<Node> = Vec::with_capacity(self.nodes.len());
        // The place in `nodes` of what is open, and in `self.nodes`.
        let mut open: Vec<(u32, u32)> = Vec::new();
        let mut at = DOCUMENT;
        loop {
            let raw = self.node(at);
            let is_seen = raw.tag != Tag::Unseen && !raw.marks.has(Marks::INVISIBLE);
            if is_seen {
                let place = nodes.len() as u32;
                let parent = open.last().map_or(place, |&(place, _)| place);
                let span = (raw.start, raw.end);
                nodes.push(Node { tag: raw.tag, marks: raw.marks, parent, end: place + 1, span });
                if raw.first != NONE {
                    open.push((place, at));
                    at = raw.first;
                    continue;
                }
            }
            let mut next = raw.next;
            while next == NONE {
                let end = nodes.len() as u32;
                let Some((place, raw)) = open.pop() else {
                    break;
                };
                nodes[place as usize].end = end;
                next = self.node(raw).next;
            }
            if next == NONE {
                break;
            }
            at = next;
        }
        Document { nodes, text: self.text, language: self.language, shared_title: self.title, is_cut }
    }
}

fn value_of(attributes: &[Attribute], name: LocalName) -> Option<&str> {
    attributes.iter().find(|one| one.name.local == name).map(|one| &*one.value)
}

/// The tree while it is built.
struct Sink(RefCell<Tree>);

impl Default for Sink {
    fn default() -> Self {
        let mut tree = Tree::default();
        tree.add(Tag::Document, Marks::default(), (0, 0));
        tree.names.push(QualName::new(None, ns!(), local_name!("")));
        Self(RefCell::new(tree))
    }
}

impl TreeSink for Sink {
    type Handle = u32;
    type Output = ();
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) {}

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> u32 {
        DOCUMENT
    }

    fn elem_name<'a>(&'a self, target: &'a u32) -> Ref<'a, QualName> {
        Ref::map(self.0.borrow(), |tree| &tree.names[tree.node(*target).name as usize])
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> u32 {
        self.0.borrow_mut().add_element(name, &attributes)
    }

    fn create_comment(&self, _: StrTendril) -> u32 {
        self.0.borrow_mut().add(Tag::Unseen, Marks::default(), (0, 0))
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> u32 {
        self.0.borrow_mut().add(Tag::Unseen, Marks::default(), (0, 0))
    }

    fn append(&self, parent: &u32, child: NodeOrText<u32>) {
        self.0.borrow_mut().insert(*parent, NONE, child);
    }

    fn append_based_on_parent_node(&self, element: &u32, previous: &u32, child: NodeOrText<u32>) {
        let mut tree = self.0.borrow_mut();
        match tree.node(*element).parent {
            NONE => tree.insert(*previous, NONE, child),
            parent => tree.insert(parent, *element, child),
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn pop(&self, node: &u32) {
        let mut tree = self.0.borrow_mut();
        tree.cursor = tree.node(*node).depth.saturating_sub(1);
    }

    /// What is in a template is seen by nobody, as is the template.
    fn get_template_contents(&self, target: &u32) -> u32 {
        *target
    }

    fn same_node(&self, one: &u32, other: &u32) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &u32, node: NodeOrText<u32>) {
        let mut tree = self.0.borrow_mut();
        match tree.node(*sibling).parent {
            NONE => (),
            parent => tree.insert(parent, *sibling, node),
        }
    }

    fn add_attrs_if_missing(&self, target: &u32, attributes: Vec<Attribute>) {
        let mut tree = self.0.borrow_mut();
        if tree.node(*target).tag == Tag::Html {
            tree.read_language(&attributes);
        }
    }

    fn remove_from_parent(&self, target: &u32) {
        self.0.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &u32, parent: &u32) {
        let mut tree = self.0.borrow_mut();
        while tree.node(*node).first != NONE {
            let child = tree.node(*node).first;
            tree.attach(child, *parent, NONE);
        }
    }
}
