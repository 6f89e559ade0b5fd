//! What names of elements, classes and roles say about what is inside.

use html5ever::{Attribute, LocalName, local_name};

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
            | local_name!("noframes")
            | local_name!("legend")
            | local_name!("search") => Self::Block,
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
            local_name!("form") => Self::Form,
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

/// What the attributes of an element say.
pub fn marks_of(tag: Tag, attributes: &[Attribute]) -> Marks {
    let mut marks = Marks::NONE;
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

/// What the words of a class or an id say. A word ends at what is no letter or digit, and before a capital letter.
fn words(value: &str) -> Marks {
    let mut marks = Marks::NONE;
    let mut previous = Word::default();
    let mut word = Word::default();
    let mut was_lower = false;
    for byte in value.bytes().chain([b' ']) {
        let is_hump = byte.is_ascii_uppercase() && was_lower;
        was_lower = byte.is_ascii_lowercase();
        if !byte.is_ascii_alphanumeric() || is_hump {
            if word.length > 1 {
                marks = marks.with(meaning(word)).with(meaning_of_two(previous.letters, word.letters));
            }
            previous = match byte {
                b' ' => Word::default(),
                _ if word.length > 0 => word,
                _ => previous,
            };
            word = Word::default();
        }
        if byte.is_ascii_alphanumeric() {
            word.push(byte.to_ascii_lowercase());
        }
    }
    marks
}

/// A word in lower case: its first 16 letters, the first of them in the highest byte, so that words are ordered as they are in
/// dictionaries.
#[derive(Clone, Copy, Default)]
struct Word {
    letters: u128,
    length: u32,
}

impl Word {
    fn push(&mut self, letter: u8) {
        if self.length < 16 {
            self.letters |= (letter as u128) << (120 - 8 * self.length);
        }
        self.length += 1;
    }
}

/// The letters of a [`Word`].
const fn letters(word: &str) -> u128 {
    assert!(word.len() <= 16);
    let (mut letters, mut at) = (0, 0);
    while at < word.len() {
        letters |= (word.as_bytes()[at] as u128) << (120 - 8 * at);
        at += 1;
    }
    letters
}

fn meaning(word: Word) -> Marks {
    let exact = KNOWN.binary_search_by_key(&word.letters, |&(known, _)| known);
    if let (Ok(exact), true) = (exact, word.length <= 16) {
        return KNOWN[exact].1;
    }
    let after = BEGUN.partition_point(|&(known, _)| known <= word.letters);
    match after.checked_sub(1).map(|before| BEGUN[before]) {
        // What is behind the beginning's last letter is not compared.
        Some((known, marks)) if (known ^ word.letters) >> (known.trailing_zeros() & !7) == 0 => marks,
        _ => Marks::NONE,
    }
}

fn meaning_of_two(first: u128, second: u128) -> Marks {
    if first == 0 {
        return Marks::NONE;
    }
    if let Ok(found) = PAIRED.binary_search_by_key(&(first, second), |&(first, second, _)| (first, second)) {
        return PAIRED[found].2;
    }
    let is_text = first != second && OF_CONTENT.contains(&first) && OF_TEXT.contains(&second);
    if is_text { Marks::TEXT } else { Marks::NONE }
}

/// First words of names for the text of the content, as in `article-body`.
const OF_CONTENT: [u128; 9] = [
    letters("article"),
    letters("story"),
    letters("post"),
    letters("entry"),
    letters("news"),
    letters("blog"),
    letters("content"),
    letters("page"),
    letters("single"),
];

/// Second words of such names.
const OF_TEXT: [u128; 6] = [
    letters("body"),
    letters("content"),
    letters("text"),
    letters("copy"),
    letters("bodytext"),
    letters("fulltext"),
];

static KNOWN: [(u128, Marks); WORDS.len()] = packed(WORDS);
static BEGUN: [(u128, Marks); BEGINNINGS.len()] = packed(BEGINNINGS);
static PAIRED: [(u128, u128, Marks); PAIRS.len()] = {
    let (mut all, mut at) = ([(0, 0, Marks::NONE); PAIRS.len()], 0);
    while at < all.len() {
        let (first, second, marks) = PAIRS[at];
        all[at] = (letters(first), letters(second), marks);
        at += 1;
    }
    all
};

const fn packed<const N: usize>(words: [(&str, Marks); N]) -> [(u128, Marks); N] {
    let (mut all, mut at) = ([(0, Marks::NONE); N], 0);
    while at < N {
        all[at] = (letters(words[at].0), words[at].1);
        at += 1;
    }
    all
}

/// Words by themselves, sorted.
const WORDS: [(&str, Marks); 154] = [
    ("ad", Marks::PROMOTION),
    ("adbox", Marks::PROMOTION),
    ("addthis", Marks::SHARE),
    ("addtoany", Marks::SHARE),
    ("ads", Marks::PROMOTION),
    ("adslot", Marks::PROMOTION),
    ("adunit", Marks::PROMOTION),
    ("adv", Marks::PROMOTION),
    ("alsoread", Marks::RELATED),
    ("article", Marks::CONTENT),
    ("articlebody", Marks::TEXT),
    ("articlecontent", Marks::TEXT),
    ("articlecopy", Marks::TEXT),
    ("articletext", Marks::TEXT),
    ("aside", Marks::SIDE),
    ("authority", Marks::NONE),
    ("banner", Marks::PROMOTION),
    ("bio", Marks::ABOUT),
    ("bodycopy", Marks::TEXT),
    ("bodytext", Marks::TEXT),
    ("categories", Marks::ABOUT),
    ("category", Marks::ABOUT),
    ("colophon", Marks::FOOT),
    ("commentary", Marks::NONE),
    ("consent", Marks::PROMOTION),
    ("content", Marks::CONTENT),
    ("contributor", Marks::ABOUT),
    ("contributors", Marks::ABOUT),
    ("copyright", Marks::FOOT),
    ("copyrights", Marks::FOOT),
    ("counter", Marks::ABOUT),
    ("credit", Marks::CAPTION),
    ("credits", Marks::CAPTION),
    ("crumbs", Marks::NAVIGATION),
    ("cta", Marks::PROMOTION),
    ("date", Marks::ABOUT),
    ("dates", Marks::ABOUT),
    ("datetime", Marks::ABOUT),
    ("dfp", Marks::PROMOTION),
    ("discussion", Marks::COMMENTS),
    ("disqus", Marks::COMMENTS),
    ("donate", Marks::PROMOTION),
    ("donation", Marks::PROMOTION),
    ("dropdown", Marks::NAVIGATION),
    ("email", Marks::ABOUT),
    ("entry", Marks::CONTENT),
    ("entrycontent", Marks::TEXT),
    ("eyebrow", Marks::ABOUT),
    ("figcaption", Marks::CAPTION),
    ("follow", Marks::SHARE),
    ("followus", Marks::SHARE),
    ("gdpr", Marks::PROMOTION),
    ("gpt", Marks::PROMOTION),
    ("hamburger", Marks::NAVIGATION),
    ("imagecredit", Marks::CAPTION),
    ("interstitial", Marks::PROMOTION),
    ("keywords", Marks::ABOUT),
    ("kicker", Marks::ABOUT),
    ("leaderboard", Marks::PROMOTION),
    ("legal", Marks::FOOT),
    ("lightbox", Marks::PROMOTION),
    ("likes", Marks::ABOUT),
    ("livefyre", Marks::COMMENTS),
    ("login", Marks::PROMOTION),
    ("mailchimp", Marks::PROMOTION),
    ("main", Marks::CONTENT),
    ("maintext", Marks::TEXT),
    ("marketing", Marks::PROMOTION),
    ("masthead", Marks::NAVIGATION),
    ("megamenu", Marks::NAVIGATION),
    ("menu", Marks::NAVIGATION),
    ("menus", Marks::NAVIGATION),
    ("meta", Marks::ABOUT),
    ("metadata", Marks::ABOUT),
    ("mgid", Marks::RELATED),
    ("modal", Marks::PROMOTION),
    ("morefrom", Marks::RELATED),
    ("mostpopular", Marks::RELATED),
    ("mostread", Marks::RELATED),
    ("nav", Marks::NAVIGATION),
    ("newsbody", Marks::TEXT),
    ("newscontent", Marks::TEXT),
    ("newstext", Marks::TEXT),
    ("offcanvas", Marks::NAVIGATION),
    ("onetrust", Marks::PROMOTION),
    ("optanon", Marks::PROMOTION),
    ("optin", Marks::PROMOTION),
    ("overlay", Marks::PROMOTION),
    ("pager", Marks::NAVIGATION),
    ("paywall", Marks::PROMOTION),
    ("photocredit", Marks::CAPTION),
    ("photographer", Marks::CAPTION),
    ("popover", Marks::PROMOTION),
    ("popular", Marks::RELATED),
    ("popup", Marks::PROMOTION),
    ("post", Marks::CONTENT),
    ("postbody", Marks::TEXT),
    ("postcontent", Marks::TEXT),
    ("posted", Marks::ABOUT),
    ("postmeta", Marks::ABOUT),
    ("posttext", Marks::TEXT),
    ("print", Marks::ABOUT),
    ("printer", Marks::ABOUT),
    ("privacy", Marks::PROMOTION),
    ("pubdate", Marks::ABOUT),
    ("publishdate", Marks::ABOUT),
    ("published", Marks::ABOUT),
    ("rail", Marks::SIDE),
    ("rating", Marks::ABOUT),
    ("ratings", Marks::ABOUT),
    ("readalso", Marks::RELATED),
    ("readmore", Marks::RELATED),
    ("readnext", Marks::RELATED),
    ("readtime", Marks::ABOUT),
    ("registration", Marks::PROMOTION),
    ("regwall", Marks::PROMOTION),
    ("replies", Marks::COMMENTS),
    ("reply", Marks::COMMENTS),
    ("reporter", Marks::ABOUT),
    ("respond", Marks::COMMENTS),
    ("revcontent", Marks::RELATED),
    ("secondary", Marks::SIDE),
    ("seealso", Marks::RELATED),
    ("signin", Marks::PROMOTION),
    ("signup", Marks::PROMOTION),
    ("similar", Marks::RELATED),
    ("skiplink", Marks::NAVIGATION),
    ("socialism", Marks::NONE),
    ("socialist", Marks::NONE),
    ("story", Marks::CONTENT),
    ("storybody", Marks::TEXT),
    ("storycontent", Marks::TEXT),
    ("storytext", Marks::TEXT),
    ("submenu", Marks::NAVIGATION),
    ("suggested", Marks::RELATED),
    ("suggestions", Marks::RELATED),
    ("tag", Marks::ABOUT),
    ("taglist", Marks::ABOUT),
    ("tags", Marks::ABOUT),
    ("timestamp", Marks::ABOUT),
    ("toast", Marks::PROMOTION),
    ("toc", Marks::NAVIGATION),
    ("toolbar", Marks::NAVIGATION),
    ("topbar", Marks::NAVIGATION),
    ("topics", Marks::ABOUT),
    ("updated", Marks::ABOUT),
    ("upnext", Marks::RELATED),
    ("viewcount", Marks::ABOUT),
    ("views", Marks::ABOUT),
    ("vote", Marks::ABOUT),
    ("votes", Marks::ABOUT),
    ("whatsapp", Marks::SHARE),
    ("yarpp", Marks::RELATED),
    ("zergnet", Marks::RELATED),
];

/// What words begin with, sorted, none a beginning of another.
const BEGINNINGS: [(&str, Marks); 29] = [
    ("adcontainer", Marks::PROMOTION),
    ("adsby", Marks::PROMOTION),
    ("adsense", Marks::PROMOTION),
    ("advert", Marks::PROMOTION),
    ("author", Marks::ABOUT),
    ("breadcrumb", Marks::NAVIGATION),
    ("byline", Marks::ABOUT),
    ("caption", Marks::CAPTION),
    ("comment", Marks::COMMENTS),
    ("cookie", Marks::PROMOTION),
    ("footer", Marks::FOOT),
    ("navbar", Marks::NAVIGATION),
    ("navig", Marks::NAVIGATION),
    ("newsletter", Marks::PROMOTION),
    ("outbrain", Marks::RELATED),
    ("pagin", Marks::NAVIGATION),
    ("promo", Marks::PROMOTION),
    ("recirc", Marks::RELATED),
    ("recommend", Marks::RELATED),
    ("related", Marks::RELATED),
    ("share", Marks::SHARE),
    ("sharing", Marks::SHARE),
    ("sidebar", Marks::SIDE),
    ("social", Marks::SHARE),
    ("sponsor", Marks::PROMOTION),
    ("subscri", Marks::PROMOTION),
    ("taboola", Marks::RELATED),
    ("teaser", Marks::RELATED),
    ("trending", Marks::RELATED),
];

/// Pairs of words, sorted.
const PAIRS: [(&str, &str, Marks); 51] = [
    ("also", "in", Marks::RELATED),
    ("also", "like", Marks::RELATED),
    ("also", "read", Marks::RELATED),
    ("app", "download", Marks::PROMOTION),
    ("call", "action", Marks::PROMOTION),
    ("date", "time", Marks::ABOUT),
    ("download", "app", Marks::PROMOTION),
    ("email", "capture", Marks::PROMOTION),
    ("fb", "like", Marks::SHARE),
    ("follow", "us", Marks::SHARE),
    ("image", "credit", Marks::CAPTION),
    ("jump", "to", Marks::NAVIGATION),
    ("latest", "news", Marks::RELATED),
    ("latest", "posts", Marks::RELATED),
    ("like", "button", Marks::SHARE),
    ("log", "in", Marks::PROMOTION),
    ("more", "articles", Marks::RELATED),
    ("more", "from", Marks::RELATED),
    ("more", "news", Marks::RELATED),
    ("more", "stories", Marks::RELATED),
    ("most", "popular", Marks::RELATED),
    ("most", "read", Marks::RELATED),
    ("most", "viewed", Marks::RELATED),
    ("next", "article", Marks::RELATED),
    ("next", "post", Marks::RELATED),
    ("next", "story", Marks::RELATED),
    ("opt", "in", Marks::PROMOTION),
    ("photo", "credit", Marks::CAPTION),
    ("prev", "post", Marks::RELATED),
    ("previous", "post", Marks::RELATED),
    ("read", "also", Marks::RELATED),
    ("read", "more", Marks::RELATED),
    ("read", "next", Marks::RELATED),
    ("read", "time", Marks::ABOUT),
    ("reading", "time", Marks::ABOUT),
    ("recent", "posts", Marks::RELATED),
    ("screen", "reader", Marks::INVISIBLE),
    ("see", "also", Marks::RELATED),
    ("sign", "in", Marks::PROMOTION),
    ("sign", "up", Marks::PROMOTION),
    ("site", "footer", Marks::FOOT),
    ("site", "header", Marks::NAVIGATION),
    ("skip", "link", Marks::NAVIGATION),
    ("skip", "to", Marks::NAVIGATION),
    ("sr", "only", Marks::INVISIBLE),
    ("table", "contents", Marks::NAVIGATION),
    ("top", "stories", Marks::RELATED),
    ("tweet", "button", Marks::SHARE),
    ("up", "next", Marks::RELATED),
    ("visually", "hidden", Marks::INVISIBLE),
    ("you", "may", Marks::RELATED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(KNOWN.is_sorted_by(|one, other| one.0 < other.0));
        assert!(PAIRED.is_sorted_by(|one, other| (one.0, one.1) < (other.0, other.1)));
        assert!(BEGINNINGS.is_sorted_by(|one, other| one.0 < other.0 && !other.0.starts_with(one.0)));
    }

    #[test]
    fn names_are_read_in_words() {
        for (name, marks) in [
            ("", Marks::NONE),
            ("c-Nav__item", Marks::NAVIGATION),
            ("navy", Marks::NONE),
            ("commentary", Marks::NONE),
            ("commentlist", Marks::COMMENTS),
            ("x9 articleBody", Marks::TEXT.with(Marks::CONTENT)),
            ("article body", Marks::CONTENT),
            ("article--body", Marks::TEXT.with(Marks::CONTENT)),
            ("sign_up", Marks::PROMOTION),
            ("advertisementsandmorethanthat", Marks::PROMOTION),
            ("relate", Marks::NONE),
            ("é-share-ü", Marks::SHARE),
        ] {
            assert_eq!(words(name), marks, "{name}");
        }
    }
}
