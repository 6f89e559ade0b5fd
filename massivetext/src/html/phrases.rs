//! English phrases that are boilerplate wherever they stand alone, for pages whose classes say nothing.

/// Lines that go. Words in lower case, as all here.
const LINES: [&str; 36] = [
    "ad",
    "ad feedback",
    "advert",
    "advertisement",
    "advertisement continue reading the main story",
    "advertisement story continues below",
    "advertising",
    "article continues below",
    "article continues below advertisement",
    "back to top",
    "click to share",
    "close",
    "continue reading",
    "continue reading below",
    "continue reading the main story",
    "copy link",
    "email",
    "follow us",
    "like loading",
    "like this",
    "loading",
    "previous next",
    "print",
    "read more",
    "save",
    "scroll down for video",
    "share",
    "share on facebook",
    "share on twitter",
    "share this",
    "share this article",
    "skip advertisement",
    "sponsored",
    "story continues below",
    "story continues below advertisement",
    "tweet",
];

/// What begins a line after which nothing is content.
const ENDS: [&str; 31] = [
    "about the author",
    "comments",
    "join the conversation",
    "join the discussion",
    "latest news",
    "leave a comment",
    "leave a reply",
    "leave your comment",
    "more news",
    "more on this",
    "more on this story",
    "more stories",
    "most popular",
    "most read",
    "post a comment",
    "post navigation",
    "read next",
    "reader comments",
    "recent posts",
    "recommended",
    "related articles",
    "related content",
    "related news",
    "related posts",
    "related stories",
    "related topics",
    "show comments",
    "top rated comments",
    "view comments",
    "you may also like",
    "you might also like",
];

/// Bytes of the longest line that is looked at.
pub const LONGEST: u32 = 60;

/// Whether a line of these words is boilerplate.
pub fn is_boilerplate(words: &[String]) -> bool {
    LINES.binary_search(&&*words.join(" ")).is_ok()
}

/// Whether what follows a line of these words is no content: `Comments`, `12 comments`, `More from this author`.
pub fn is_end(words: &[String]) -> bool {
    let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let words = match words {
        [number, rest @ ..] | [rest @ .., number] if is_number(number) => rest,
        _ => words,
    };
    let is_more = matches!(words, [more, from, ..] if more == "more" && matches!(&**from, "from" | "in"));
    is_more || ENDS.binary_search(&&*words.join(" ")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_known() {
        assert!(LINES.is_sorted() && ENDS.is_sorted());
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_boilerplate(&words("share this")) && !is_boilerplate(&words("share this cake")));
        assert!(
            ["comments", "12 comments", "comments 12", "more from this author"]
                .iter()
                .all(|text| is_end(&words(text)))
        );
        assert!(
            ["comments on the law", "recommended settings", "more", "from us", "12"]
                .iter()
                .all(|text| !is_end(&words(text)))
        );
    }
}
