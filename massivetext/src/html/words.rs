//! Words of classes and ids that say what is inside an element.

use super::names::Marks;

/// What the words of a class or an id say. A word ends at what is no letter or digit, and before a capital letter.
pub fn words(value: &str) -> Marks {
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
