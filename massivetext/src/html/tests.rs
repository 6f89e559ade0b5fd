//! What is kept, and how it is written.

use super::*;

/// A page with two paragraphs around `part`, which are expected around `expected`.
fn check(part: &str, expected: &str) {
    const FIRST: &str =
        "The first paragraph of this page, which is as long as paragraphs of pages usually are.";
    const LAST: &str =
        "The last paragraph of this page, which is as long as paragraphs of pages usually are.";
    let html =
        format!("<html lang=en><title>T</title><body><article><p>{FIRST}</p>{part}<p>{LAST}</p></article>");
    let page = extract(&html, &Budget::default());
    let expected = match expected {
        "" => format!("{FIRST}\n\n{LAST}"),
        _ => format!("{FIRST}\n\n{expected}\n\n{LAST}"),
    };
    assert_eq!(page.text, expected, "{part}");
    assert_eq!((page.title.as_deref(), page.declared_language.as_deref()), (Some("T"), Some("en")));
}

#[test]
fn lists_have_bullets_and_numbers() {
    check("<ul><li>One<li>Two</ul>", "- One\n- Two");
    check("<ol start=7><li>One<li value=9>Two<li>Three</ol>", "7. One\n9. Two\n10. Three");
    check("<ul><li>One<ol><li>Inner</ol><li><p>Two</p></ul>", "- One\n  1. Inner\n- Two");
    check("<ul><li><li> <li>One</ul>", "- One");
    check(
        "<ol start=-3><li>One</ol><ol start=4294967295><li>One<li>Two</ol>",
        "1. One\n\n4294967295. One\n4294967295. Two",
    );
    check("<dl><dt>Term<dd>Meaning</dl>", "Term\nMeaning");
}

#[test]
fn code_keeps_its_indentation() {
    check("<pre>\nif x:\n    y\n\n\treturn  z\n</pre>", "if x:\n    y\n\n\treturn  z");
    check("<pre><code>  a\n  <b>b</b></code></pre>", "  a\n  b");
    check("<p>a  b\n c&nbsp; <b>d</b>e</p>", "a b c de");
}

#[test]
fn headings_quotations_and_breaks_are_lines() {
    check("<h2>Heading</h2><p>Text</p>", "Heading\n\nText");
    check("<h2>Nothing follows</h2><h2>Heading<a href=#h>¶</a></h2><p>Text</p>", "Heading\n\nText");
    check("<h2>Heading</h2><h3>Lower</h3><p>Text</p>", "Heading\n\nLower\n\nText");
    check("<blockquote>Quoted</blockquote>", "Quoted");
    check("<p>One<br>two<br>\n<br>three</p>", "One\ntwo\n\nthree");
    check("<div>One</div>two<div>three</div>", "One\n\ntwo\n\nthree");
}

#[test]
fn rows_of_data_are_lines() {
    check("<table><tr><th>a<th>b<tr><td>1<td><b>2</b><p>3</p></table>", "a\tb\n1\t2 3");
    check("<table><tr><td><h3>Heading</h3><p>In a table</p></table>", "Heading\n\nIn a table");
}

#[test]
fn a_page_is_shown_however_it_begins() {
    let text = "A paragraph that is long enough to be the content of this page, whatever else there is.";
    let page = |open: &str| extract(&format!("{open}<p>{text}"), &Budget::default()).text;
    for open in [
        "<body style='visibility: hidden'>",
        "<html hidden class=sidebar>",
        "<body class='nav comments'>",
        "</p>",
    ] {
        assert_eq!(page(open), text, "{open}");
    }
}

#[test]
fn boilerplate_goes() {
    for part in [
        "<nav>Home</nav>",
        "<aside>Beside.</aside>",
        "<footer>© 2020</footer>",
        "<form>Search</form>",
        "<div class=social-share>Share this.</div>",
        "<div id=relatedPosts>More.</div>",
        "<p class=cookie-notice>We use cookies.</p>",
        "<div role=navigation>Home.</div>",
        "<p hidden>Unseen.</p>",
        "<p style='Display : none'>Unseen.</p>",
        "<p aria-hidden=true>Unseen.</p>",
        "<ul><li><a href=a>One</a><li><a href=b>Two</a></ul>",
        "<button>Press.</button>",
        "<noscript><p>Turn it on.</p></noscript>",
        "<noframes><p>Old.</p></noframes>",
        "<search>Find.</search>",
        "<template><p>Unseen.</p></template>",
        "<svg><text>Unseen.</text></svg>",
        "<section class=comments><p>A comment, which is long enough to be a paragraph.</p></section>",
        "<figure><img><figcaption>Caption.</figcaption></figure>",
    ] {
        check(part, "");
    }
    check("<p>Advertisement</p>", "");
    let page = |line: &str| {
        let paragraph =
            "<p>A paragraph that is long enough to be the content of this page, whatever else there is.</p>";
        let html = format!("{}<h3>{line}</h3>{paragraph}", paragraph.repeat(2));
        extract(&html, &Budget::default()).text.matches("A paragraph").count()
    };
    assert_eq!((page("Comments (2)"), page("Comments on the law")), (2, 3));
    // Not by name alone where it is most of the page.
    let text =
        "A paragraph that is the only one and is long enough to be content, whatever it is in. ".repeat(3);
    let page =
        extract(&format!("<form><div class='sidebar comments'><p>{text}</div></form>"), &Budget::default());
    assert_eq!(page.text, text.trim());
}

#[test]
fn the_title_is_no_part_of_the_text() {
    let text = "A paragraph that is long enough to be the content of this page, whatever else there is.";
    let page = |head: &str| extract(&format!("{head}<h1>A fine title</h1><p>{text}</p>"), &Budget::default());
    assert_eq!(page("<title> A fine\n title | Site</title>").title.as_deref(), Some("A fine title | Site"));
    let shared = page("<title>A</title><meta property='og:title' content='A fine title'>");
    assert_eq!((shared.title.as_deref(), &*shared.text), (Some("A fine title"), text));
}

#[test]
fn work_grows_as_pages_do() {
    let pieces = [
        "<p>Text, and <b>more</b> text.</p>",
        "<div><div><div>Text",
        "<ul><li>One<ul><li>Two</ul></ul>",
        "<a href=x>Link</a> ",
        "<table><tr><td>One<td>Two</table>",
        "<table><tr><td>",
        "<b><p>Text</b></p>",
        "<div class=sidebar>Text</div>",
        "<article><p>Text.</p></article>",
        "</p>",
        "<section class=content>Text",
        "<h2>Heading</h2>",
    ];
    for piece in pieces {
        let visits = |count: usize| {
            tree::visits::take();
            extract(&piece.repeat(count), &Budget::default());
            tree::visits::take()
        };
        let (few, many) = (visits(1_000), visits(10_000));
        assert!(many <= 11 * few, "{piece}: {few}, then {many}");
    }
}
