//! What holds of the extraction of any page, however it is written.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use massivetext::html::{Budget, Page, extract};
use proptest::prelude::*;

fn page(html: &str) -> Page {
    extract(html, &Budget::default())
}

fn text(html: &str) -> String {
    page(html).text
}

/// Tags that nest well, badly or not at all, attributes that matter, and text.
fn piece() -> impl Strategy<Value = String> {
    const NAMES: [&str; 40] = [
        "html",
        "body",
        "p",
        "div",
        "article",
        "main",
        "section",
        "nav",
        "aside",
        "header",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "ul",
        "ol",
        "li",
        "dl",
        "dd",
        "table",
        "tbody",
        "tr",
        "td",
        "th",
        "caption",
        "pre",
        "blockquote",
        "br",
        "hr",
        "a",
        "b",
        "i",
        "span",
        "font",
        "figure",
        "figcaption",
        "img",
        "svg",
        "template",
    ];
    const ATTRIBUTES: [&str; 12] = [
        "",
        "",
        "",
        " class=comments",
        " class='article-body'",
        " id=sidebar",
        " href=/x",
        " hidden",
        " start=7",
        " role=main",
        " itemprop=articleBody",
        " style='display: none'",
    ];
    let name = prop::sample::select(&NAMES[..]);
    prop_oneof![
        4 => (name.clone(), prop::sample::select(&ATTRIBUTES[..])).prop_map(|(name, with)| format!("<{name}{with}>")),
        3 => name.prop_map(|name| format!("</{name}>")),
        4 => "( [a-zé字]{1,9}[,.]?){1,30} ",
    ]
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(piece(), 0..60)
}

/// The last place at which a text can be cut, up to one.
fn boundary(text: &str, most: usize) -> usize {
    (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn counts(texts: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    let words = texts.iter().filter(|piece| !piece.starts_with('<')).flat_map(|text| text.split_whitespace());
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    counts
}

/// Words, but not what begins a line of a list.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_marker = |word: &str| {
        word == "-" || word.strip_suffix('.').is_some_and(|number| number.parse::<u32>().is_ok())
    };
    text.lines().flat_map(move |line| {
        line.split_whitespace()
            .enumerate()
            .filter(move |&(at, word)| at > 0 || !is_marker(word))
            .map(|(_, word)| word)
    })
}

/// Failures are printed, and kept nowhere.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_text_is_refused(html in ".{0,400}") {
        let found = page(&html);
        prop_assert_eq!(&found, &page(&html));
        prop_assert!(!found.is_cut);
    }

    #[test]
    fn a_pages_words_are_its_own(pieces in pieces()) {
        let html = pieces.concat();
        let mut left = counts(&pieces);
        let text = text(&html);
        for word in words(&text) {
            let left = left.get_mut(word).filter(|left| **left > 0);
            prop_assert!(left.is_some(), "{} in {:?} of {}", word, text, html);
            left.into_iter().for_each(|left| *left -= 1);
        }
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        prop_assert!(longest <= html.chars().count());
        prop_assert_eq!(text.trim_end(), &*text);
    }

    #[test]
    fn what_no_reader_sees_changes_nothing(
        pieces in pieces(),
        unseen in prop::sample::select(vec![
            "<script>if (a < b) { '<p>of a script, which is long enough to be a paragraph.' }</script>",
            "<style>p { color: red }</style>",
            "<!-- <p>A comment, which is long enough to be a paragraph of its own.</p> -->",
        ]),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
    ) {
        // In a picture, a script is no script.
        let pieces: Vec<String> = pieces.into_iter().filter(|piece| !piece.starts_with("<svg")).collect();
        let mut with = pieces.clone();
        for place in places {
            with.insert(place.index(with.len() + 1), unseen.into());
        }
        prop_assert_eq!(text(&pieces.concat()), text(&with.concat()), "{:?}", with.concat());
    }

    #[test]
    fn a_budget_of_bytes_is_a_page_that_ends_there(pieces in pieces(), end in any::<prop::sample::Index>()) {
        let html = pieces.concat();
        let end = boundary(&html, end.index(html.len() + 1));
        let cut = extract(&html, &Budget { bytes: end, ..Budget::default() });
        prop_assert_eq!(cut.is_cut, end < html.len());
        prop_assert_eq!(cut, Page { is_cut: end < html.len(), ..page(&html[..end]) });
    }

    #[test]
    fn a_budget_of_nodes_is_kept(pieces in pieces(), nodes in 0_usize..60) {
        let html = pieces.concat();
        let cut = extract(&html, &Budget { nodes, ..Budget::default() });
        let mut left = counts(&pieces);
        for word in words(&cut.text) {
            let left = left.get_mut(word).filter(|left| **left > 0);
            prop_assert!(left.is_some());
            left.into_iter().for_each(|left| *left -= 1);
        }
        if !cut.is_cut {
            prop_assert_eq!(cut, page(&html));
        }
    }
}

const PARAGRAPH: &str =
    "<p>A paragraph of a page, long enough, as most are, to be taken for one by whoever reads it.</p>";

#[test]
fn size_and_depth_are_no_matter() {
    for (open, close) in [
        ("<div>", ""),
        ("<div>", "</div>"),
        ("<b>", ""),
        ("<p>", ""),
        ("<a><b>", "</a>"),
        ("<table>", ""),
        ("<table><tr><td>", ""),
        ("<ul><li>", ""),
        ("<svg>", ""),
        ("<svg><template>", ""),
        ("<template>", ""),
        ("<select>", ""),
        ("<button>", "</button>"),
        ("<font size=1>", "</p>"),
        ("<math><mi>", ""),
        ("<frameset>", ""),
    ] {
        let html = format!(
            "{}{PARAGRAPH}{}",
            open.repeat(1_000_000 / open.len()),
            close.repeat(1_000_000 / open.len())
        );
        let found = page(&html);
        assert!(words(&found.text).count() <= PARAGRAPH.split(' ').count(), "{open}");
    }
    let attributes: String = (0..100_000).map(|number| format!(" a{number}=1")).collect();
    assert_eq!(text(&format!("<body{attributes}>{PARAGRAPH}</p{attributes}>")), text(PARAGRAPH));
    let html = format!("{}{PARAGRAPH}", "<div>".repeat(200_000));
    assert_eq!(text(&html), PARAGRAPH.replace("<p>", "").replace("</p>", ""));
}

#[test]
fn unfinished_pages_are_pages() {
    let plain = text(PARAGRAPH);
    assert_eq!(format!("<p>{plain}</p>"), PARAGRAPH);
    for html in [
        "",
        " ",
        "\0",
        "<",
        "<!",
        "<!--",
        "<!-- only a comment -->",
        "<!DOCTYPE html>",
        "<html>",
        "<title>",
        "<svg><template>",
        "<svg><template></svg>",
        "<frameset><frame></frameset>",
        "<table><td>",
        "<plaintext>",
        "<script>",
        "</p",
        "&#0;",
        "<template><p>unseen</template>",
        "<meta http-equiv=content-type content='charset'>",
        "<select><option>",
    ] {
        assert!(text(html).len() <= html.len(), "{html}");
        let with = format!("{PARAGRAPH}{html}");
        assert!(text(&with).starts_with(&plain), "{with}");
    }
}

/// Real pages with tags put in, parts cut out and parts repeated. `PROPTEST_CASES=40000` takes all pages and that many cases.
#[test]
fn no_real_page_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/html_extraction/html");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort_by_key(|file| file.metadata().unwrap().len());
    let most = if std::env::var_os("PROPTEST_CASES").is_some() { files.len() } else { 40 };
    let pages: Vec<String> = files.iter().take(most).map(|file| read(file)).collect();
    proptest!(config(), |(page in prop::sample::select(pages), edits in prop::collection::vec(edit(), 0..20))| {
        let html = edits.iter().fold(page, |page, edit| edit.apply(&page));
        let found = extract(&html, &Budget::default());
        prop_assert_eq!(&found, &extract(&html, &Budget::default()));
        let few = extract(&html, &Budget { nodes: 500, bytes: html.len() / 2 });
        prop_assert!(few.is_cut || html.len() < 2);
    });
}

fn read(path: &Path) -> String {
    let mut html = String::new();
    data::read::open(path).unwrap().read_to_string(&mut html).unwrap();
    html
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(prop::sample::Index, String),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), piece()).prop_map(|(place, what)| Edit::Insert(place, what)),
        (any::<prop::sample::Index>(), 1_usize..4000).prop_map(|(place, length)| Edit::Remove(place, length)),
        (any::<prop::sample::Index>(), 1_usize..4000).prop_map(|(place, length)| Edit::Repeat(place, length)),
    ]
}

impl Edit {
    fn apply(&self, page: &str) -> String {
        let part = |place: &prop::sample::Index, length: usize| {
            let start = boundary(page, place.index(page.len() + 1));
            (start, boundary(page, (start + length).min(page.len())))
        };
        match self {
            Self::Insert(place, what) => {
                let (start, _) = part(place, 0);
                format!("{}{what}{}", &page[..start], &page[start..])
            }
            Self::Remove(place, length) => {
                let (start, end) = part(place, *length);
                format!("{}{}", &page[..start], &page[end..])
            }
            Self::Repeat(place, length) => {
                let (start, end) = part(place, *length);
                format!("{}{}", &page[..end], &page[start..])
            }
        }
    }
}
