//! What names of elements, classes and roles say about what is inside.

use html5ever::{Attribute, LocalName, local_name};

use super::words::words;

/// An element as far as extraction tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The root of the tree.
    Document,
    /// Text.
    Text,
    /// What no reader sees, or what is no text: scripts, pictures, fields to fill in.
    Unseen,
    /// `html`, `head`.
    Html,
    /// `title` of the page.
    Title,
    /// `body`.
    Body,
    /// `article`.
    Article,
    /// `main`.
    Main,
    /// `nav`, `menu`.
    Nav,
    /// `aside`.
    Aside,
    /// `header`.
    Header,
    /// `footer`.
    Footer,
    /// `form`.
    Form,
    /// `h1` to `h6`.
    Heading(u8),
    /// `p`.
    Paragraph,
    /// `div`, `section` and other elements that begin a new line.
    Block,
    /// `figure`.
    Figure,
    /// `figcaption`, `caption`.
    Caption,
    /// `blockquote`.
    Quote,
    /// `pre`, `listing`, `xmp`.
    Pre,
    /// `ul`, `dl`.
    List,
    /// `ol`.
    Ordered,
    /// `li`.
    Item,
    /// `dt`, `dd`.
    Definition,
    /// `table`.
    Table,
    /// `tr`.
    Row,
    /// `td`, `th`.
    Cell,
    /// `br`.
    Break,
    /// `hr`.
    Rule,
    /// `a`.
    Link,
    /// `time`.
    Time,
    /// Elements inside a line, and unknown ones.
    Inline,
}

impl Tag {
    /// The tag of an HTML element.
    pub fn named(name: &LocalName) -> Self {
        match *name {
            local_name!("div")
            | local_name!("section")
            | local_name!("address")
            | local_name!("center")
            | local_name!("details")
            | local_name!("summary")
            | local_name!("fieldset")
            | local_name!("hgroup")
            | local_name!("dir")
            | local_name!("tbody")
            | local_name!("thead")
            | local_name!("tfoot")
            | local_name!("frameset")
            | local_name!("legend") => Self::Block,
            local_name!("a") => Self::Link,
            local_name!("p") => Self::Paragraph,
            local_name!("li") => Self::Item,
            local_name!("ul") | local_name!("dl") => Self::List,
            local_name!("ol") => Self::Ordered,
            local_name!("br") => Self::Break,
            local_name!("h1") => Self::Heading(1),
            local_name!("h2") => Self::Heading(2),
            local_name!("h3") => Self::Heading(3),
            local_name!("h4") => Self::Heading(4),
            local_name!("h5") => Self::Heading(5),
            local_name!("h6") => Self::Heading(6),
            local_name!("td") | local_name!("th") => Self::Cell,
            local_name!("tr") => Self::Row,
            local_name!("table") => Self::Table,
            local_name!("article") => Self::Article,
            local_name!("main") => Self::Main,
            local_name!("nav") | local_name!("menu") => Self::Nav,
            local_name!("aside") => Self::Aside,
            local_name!("header") => Self::Header,
            local_name!("footer") => Self::Footer,
            local_name!("form") | local_name!("search") => Self::Form,
            local_name!("figure") => Self::Figure,
            local_name!("figcaption") | local_name!("caption") => Self::Caption,
            local_name!("blockquote") => Self::Quote,
            local_name!("pre") | local_name!("listing") | local_name!("xmp") | local_name!("plaintext") => {
                Self::Pre
            }
            local_name!("dt") | local_name!("dd") => Self::Definition,
            local_name!("hr") => Self::Rule,
            local_name!("time") => Self::Time,
            local_name!("html") | local_name!("head") => Self::Html,
            local_name!("title") => Self::Title,
            local_name!("body") => Self::Body,
            local_name!("script")
            | local_name!("style")
            | local_name!("noscript")
            | local_name!("template")
            | local_name!("iframe")
            | local_name!("object")
            | local_name!("embed")
            | local_name!("applet")
            | local_name!("audio")
            | local_name!("video")
            | local_name!("canvas")
            | local_name!("map")
            | local_name!("button")
            | local_name!("select")
            | local_name!("option")
            | local_name!("optgroup")
            | local_name!("datalist")
            | local_name!("input")
            | local_name!("textarea")
            | local_name!("label")
            | local_name!("output")
            | local_name!("progress")
            | local_name!("meter")
            | local_name!("dialog")
            | local_name!("link")
            | local_name!("base")
            | local_name!("basefont")
            | local_name!("bgsound")
            | local_name!("meta")
            | local_name!("param")
            | local_name!("source")
            | local_name!("track")
            | local_name!("area")
            | local_name!("col")
            | local_name!("colgroup")
            | local_name!("noembed")
            | local_name!("noframes")
            | local_name!("rp")
            | local_name!("svg")
            | local_name!("math")
            | local_name!("img")
            | local_name!("picture")
            | local_name!("frame") => Self::Unseen,
            _ => Self::Inline,
        }
    }

    /// Whether it begins and ends a line.
    pub fn is_block(self) -> bool {
        !matches!(
            self,
            Self::Text | Self::Unseen | Self::Title | Self::Break | Self::Link | Self::Time | Self::Inline
        )
    }
}

/// A set of what the attributes of an element say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A link to somewhere.
    pub const LINK: Self = Self(1);
    /// Not shown.
    pub const INVISIBLE: Self = Self(1 << 1);
    /// What readers wrote.
    pub const COMMENTS: Self = Self(1 << 2);
    /// Buttons to share or follow.
    pub const SHARE: Self = Self(1 << 3);
    /// Links to other pages of the site.
    pub const RELATED: Self = Self(1 << 4);
    /// What stands beside the content.
    pub const SIDE: Self = Self(1 << 5);
    /// Navigation.
    pub const NAVIGATION: Self = Self(1 << 6);
    /// The foot of a page, and its legal text.
    pub const FOOT: Self = Self(1 << 7);
    /// Advertisements, newsletters, cookies, and what else wants something of the reader.
    pub const PROMOTION: Self = Self(1 << 8);
    /// About the content: authors, dates, subjects.
    pub const ABOUT: Self = Self(1 << 9);
    /// What a picture shows and who took it.
    pub const CAPTION: Self = Self(1 << 10);
    /// The text of the content, by name: `article-body`.
    pub const TEXT: Self = Self(1 << 11);
    /// The content, by name: `content`.
    pub const CONTENT: Self = Self(1 << 12);
    /// A row of a table of data.
    pub const DATA: Self = Self(1 << 13);
    /// Whatever is removed wherever it is.
    pub const BOILERPLATE: Self = Self(
        Self::COMMENTS.0
            | Self::SHARE.0
            | Self::RELATED.0
            | Self::SIDE.0
            | Self::NAVIGATION.0
            | Self::FOOT.0
            | Self::PROMOTION.0,
    );

    /// Whether one of `others` is in the set.
    pub fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// With those of `others`.
    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// What the attributes of an element say. Those of a whole page say nothing of its parts; many are hidden until a script shows them.
pub fn marks_of(tag: Tag, attributes: &[Attribute]) -> Marks {
    let mut marks = Marks::NONE;
    if matches!(tag, Tag::Html | Tag::Body) {
        return marks;
    }
    for attribute in attributes {
        let value = &*attribute.value;
        let found = match &*attribute.name.local {
            "class" | "id" | "data-testid" | "data-component" => words(value),
            "href" if tag == Tag::Link => Marks::LINK,
            "hidden" if value != "until-found" => Marks::INVISIBLE,
            "aria-hidden" if value == "true" => Marks::INVISIBLE,
            "style" if is_unseen(value) => Marks::INVISIBLE,
            "role" => role(value),
            "itemprop" => property(value),
            _ => continue,
        };
        marks = marks.with(found);
    }
    marks
}

fn is_unseen(style: &str) -> bool {
    let mut letters = [0; 256];
    let mut length = 0;
    for byte in style.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(letters.len()) {
        letters[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let style = &letters[..length];
    let has = |what: &[u8]| memchr::memmem::find(style, what).is_some();
    has(b"display:none") || has(b"visibility:hidden")
}

fn role(value: &str) -> Marks {
    match value {
        "navigation" | "menu" | "menubar" | "tablist" | "toolbar" | "search" => Marks::NAVIGATION,
        "contentinfo" => Marks::FOOT,
        "banner" => Marks::NAVIGATION,
        "complementary" => Marks::SIDE,
        "dialog" | "alertdialog" | "alert" | "tooltip" => Marks::PROMOTION,
        "main" | "article" => Marks::CONTENT,
        _ => Marks::NONE,
    }
}

fn property(value: &str) -> Marks {
    match value {
        "articleBody" => Marks::TEXT,
        "author" | "datePublished" | "dateModified" | "publisher" | "keywords" => Marks::ABOUT,
        "caption" => Marks::CAPTION,
        "comment" | "commentText" => Marks::COMMENTS,
        _ => Marks::NONE,
    }
}
