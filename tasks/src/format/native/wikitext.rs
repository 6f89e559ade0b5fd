//! WikiText: the spaces that its tokeniser put in are taken out again.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Outcome, text};

/// White space as Python's regular expressions have it.
const SPACE: &str = r"[\s\x1c-\x1f]";

/// An opening and a closing mark, with what may be between them.
static PAIRS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pair = |open: &str, inside: &str, close: &str| {
        Regex::new(&format!("{open}{SPACE}*({inside}*?){SPACE}*{close}")).expect("a regular expression")
    };
    vec![
        (pair(r"\(", r"[^)]", r"\)"), "(${1})"),
        (pair(r"\[", r"[^\]]", r"\]"), "[${1}]"),
        (pair(r"\{", r"[^}]", r"\}"), "{${1}}"),
        (pair("\"", "[^\"]", "\""), "\"${1}\""),
        (pair("'", "[^']", "'"), "'${1}'"),
    ]
});
static SLASHES: LazyLock<Regex> = LazyLock::new(|| Regex::new("/' [0-9]/").expect("a regular expression"));

/// The text of `page`, detokenised.
pub(super) fn detokenize(document: &Value) -> Outcome<Value> {
    let mut page = original(document)?.replace("s '", "s'");
    page = SLASHES.replace_all(&page, "/'[0-9]/").into_owned();
    for mark in ['-', ',', '.'] {
        page = page.replace(&format!(" @{mark}@ "), &mark.to_string());
    }
    for mark in [':', ';', '.', '!', '?', ','] {
        page = page.replace(&format!(" {mark} "), &format!("{mark} "));
    }
    for (pair, closed) in PAIRS.iter() {
        page = pair.replace_all(&page, *closed).into_owned();
    }
    let rest = [
        ("= = = =", "===="),
        ("= = =", "==="),
        ("= =", "=="),
        (" \u{b0} ", "\u{b0}"),
        (" \n", "\n"),
        ("\n ", "\n"),
        (" N ", " 1 "),
        (" 's", "'s"),
    ];
    for (from, to) in rest {
        page = page.replace(from, to);
    }
    Ok(page.into())
}

/// The text before that, whose words and bytes are counted.
pub(crate) fn original(document: &Value) -> Outcome<&str> {
    text(document, "page")
}
