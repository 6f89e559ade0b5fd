//! What names of elements, classes and roles say about what is inside.

use html5ever::Attribute;

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
    pub fn named(name: &str) -> Self {
        match name {
            "div" | "section" | "address" | "center" | "details" | "summary" | "fieldset" | "hgroup" | "dir"
            | "tbody" | "thead" | "tfoot" | "frameset" | "noframes" | "legend" | "search" => Self::Block,
            "a" => Self::Link,
            "p" => Self::Paragraph,
            "li" => Self::Item,
            "ul" | "dl" => Self::List,
            "ol" => Self::Ordered,
            "br" => Self::Break,
            "h1" => Self::Heading(1),
            "h2" => Self::Heading(2),
            "h3" => Self::Heading(3),
            "h4" => Self::Heading(4),
            "h5" => Self::Heading(5),
            "h6" => Self::Heading(6),
            "td" | "th" => Self::Cell,
            "tr" => Self::Row,
            "table" => Self::Table,
            "article" => Self::Article,
            "main" => Self::Main,
            "nav" | "menu" => Self::Nav,
            "aside" => Self::Aside,
            "header" => Self::Header,
            "footer" => Self::Footer,
            "form" => Self::Form,
            "figure" => Self::Figure,
            "figcaption" | "caption" => Self::Caption,
            "blockquote" => Self::Quote,
            "pre" | "listing" | "xmp" | "plaintext" => Self::Pre,
            "dt" | "dd" => Self::Definition,
            "hr" => Self::Rule,
            "time" => Self::Time,
            "html" | "head" => Self::Html,
            "title" => Self::Title,
            "body" => Self::Body,
            "script" | "style" | "noscript" | "template" | "iframe" | "object" | "embed" | "applet" | "audio" | "video"
            | "canvas" | "map" | "button" | "select" | "option" | "optgroup" | "datalist" | "input" | "textarea"
            | "label" | "output" | "progress" | "meter" | "dialog" | "link" | "base" | "basefont" | "bgsound" | "meta"
            | "param" | "source" | "track" | "area" | "col" | "colgroup" | "noembed" | "rp" | "svg" | "math" | "img"
            | "picture" | "frame" => Self::Unseen,
            _ => Self::Inline,
        }
    }

    /// Whether it begins and ends a line.
    pub fn is_block(self) -> bool {
        !matches!(self, Self::Text | Self::Unseen | Self::Title | Self::Break | Self::Link | Self::Time | Self::Inline)
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
pub fn words(value: &str) -> Marks {
    let mut marks = Marks::NONE;
    let mut previous = Word::default();
    let bytes = value.as_bytes();
    let mut start = 0;
    for at in 0..=bytes.len() {
        let byte = bytes.get(at).copied().unwrap_or(b' ');
        let is_hump = byte.is_ascii_uppercase() && at > start && bytes[at - 1].is_ascii_lowercase();
        if byte.is_ascii_alphanumeric() && !is_hump {
            continue;
        }
        let word = Word::new(&bytes[start..at]);
        marks = marks.with(meaning(word.text())).with(meaning_of_two(previous.text(), word.text()));
        start = if is_hump { at } else { at + 1 };
        if byte == b' ' {
            previous = Word::default();
        } else if !word.text().is_empty() {
            previous = word;
        }
    }
    marks
}

/// A word in lower case, of those short enough to be in the lists.
#[derive(Clone, Copy, Default)]
struct Word {
    letters: [u8; 24],
    length: usize,
}

impl Word {
    fn new(bytes: &[u8]) -> Self {
        let mut word = Self::default();
        if let Some(letters) = word.letters.get_mut(..bytes.len()) {
            letters.copy_from_slice(bytes);
            letters.make_ascii_lowercase();
            word.length = bytes.len();
        }
        word
    }

    fn text(&self) -> &[u8] {
        &self.letters[..self.length]
    }
}

fn meaning(word: &[u8]) -> Marks {
    if word.len() < 2 {
        return Marks::NONE;
    }
    if let Ok(found) = WORDS.binary_search_by(|(known, _)| known.as_bytes().cmp(word)) {
        return WORDS[found].1;
    }
    let after = BEGINNINGS.partition_point(|(known, _)| known.as_bytes() <= word);
    match after.checked_sub(1).map(|before| BEGINNINGS[before]) {
        Some((known, marks)) if word.starts_with(known.as_bytes()) => marks,
        _ => Marks::NONE,
    }
}

fn meaning_of_two(first: &[u8], second: &[u8]) -> Marks {
    let found = PAIRS.binary_search_by(|(one, other, _)| (one.as_bytes(), other.as_bytes()).cmp(&(first, second)));
    if let Ok(found) = found {
        return PAIRS[found].2;
    }
    let is_content = matches!(
        first,
        b"article" | b"story" | b"post" | b"entry" | b"news" | b"blog" | b"content" | b"page" | b"single"
    );
    let is_text = matches!(second, b"body" | b"content" | b"text" | b"copy" | b"bodytext" | b"fulltext");
    if is_content && is_text && first != second { Marks::TEXT } else { Marks::NONE }
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
