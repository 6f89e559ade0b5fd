//! Which language a text is in.

use serde::Serialize;

/// Characters of a text that are looked at.
const LOOKED_AT: usize = 10_000;

/// ISO 639-1 codes of languages whose ISO 639-3 codes the identifier has.
const TWO_LETTERS: &str = "\
    epo eo eng en rus ru cmn zh spa es por pt ita it ben bn fra fr deu de ukr uk kat ka ara ar hin hi jpn ja heb he yid yi \
    pol pl amh am jav jv kor ko nob nb dan da swe sv fin fi tur tr nld nl hun hu ces cs ell el bul bg bel be mar mr kan kn \
    ron ro slv sl hrv hr srp sr mkd mk lit lt lav lv est et tam ta vie vi urd ur tha th guj gu uzb uz pan pa aze az ind id \
    tel te pes fa mal ml ori or mya my nep ne sin si khm km tuk tk aka ak zul zu sna sn afr af lat la slk sk cat ca tgl tl \
    hye hy cym cy";

/// A language, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Language {
    /// Its ISO 639-1 code, such as `en`; of those that have none, that of ISO 639-3.
    pub code: &'static str,
    /// From 0 to 1.
    pub confidence: f64,
}

/// The language of a text; `None` if no letter is in it. The first 10,000 characters are looked at.
pub fn identify(text: &str) -> Option<Language> {
    let end = text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(end, _)| end);
    let found = whatlang::detect(&text[..end])?;
    Some(Language { code: short(found.lang().code()), confidence: found.confidence() })
}

/// Whether a text can be found to be in a language of this code.
pub fn is_known(code: &str) -> bool {
    whatlang::Lang::all().iter().any(|language| short(language.code()) == code)
}

/// The codes of all languages that can be found, sorted.
pub fn all() -> Vec<&'static str> {
    let mut all: Vec<&str> = whatlang::Lang::all().iter().map(|language| short(language.code())).collect();
    all.sort_unstable();
    all
}

fn short(code: &'static str) -> &'static str {
    let mut codes = TWO_LETTERS.split_whitespace();
    while let (Some(three), Some(two)) = (codes.next(), codes.next()) {
        if three == code {
            return two;
        }
    }
    code
}
