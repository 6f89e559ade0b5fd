//! Texts as rows: where a context ends, what is cut off, and the windows of a long text.

use data::Tokenizer;

use super::Row;
use crate::{Error, Result};

/// What is done with a text that does not fit the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlong {
    /// The beginning of its context is cut off, and counted.
    #[default]
    Truncate,
    /// It is left out.
    Skip,
    /// It is an error.
    Error,
}

impl Overlong {
    /// Its name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Overlong::Truncate => "truncate",
            Overlong::Skip => "skip",
            Overlong::Error => "error",
        }
    }
}

/// A text as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The tokens.
    pub row: Row,
    /// Tokens that were cut off the beginning of the context.
    pub truncated: usize,
}

/// How texts become rows for one model.
///
/// The rule is that of lm-evaluation-harness, so that its numbers can be compared with: see [`Encoding::pair`].
pub struct Encoding {
    tokenizer: Tokenizer,
    begin_of_text: Option<u32>,
    window: usize,
}

impl Encoding {
    /// Of a model that reads up to `window` tokens, and whose texts begin with `begin_of_text` if it wants them to.
    ///
    /// # Errors
    /// [`Error::EmptyWindow`] when `window` is 0.
    pub fn new(tokenizer: Tokenizer, begin_of_text: Option<u32>, window: usize) -> Result<Self> {
        if window == 0 {
            return Err(Error::EmptyWindow);
        }
        Ok(Self { tokenizer, begin_of_text, window })
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The token that the model's texts begin with, if it wants one.
    pub fn begin_of_text(&self) -> Option<u32> {
        self.begin_of_text
    }

    /// The most tokens that are read of a row.
    pub fn window(&self) -> usize {
        self.window
    }

    /// The token that stands for an empty context: the one that begins a text or, if there is none, the one that ends it.
    ///
    /// # Errors
    /// [`Error::NoPrefixToken`] when the tokenizer has neither.
    pub fn prefix_token(&self) -> Result<u32> {
        let token = self.tokenizer.begin_of_text().or_else(|| self.tokenizer.end_of_text());
        token.ok_or(Error::NoPrefixToken)
    }

    /// The ids of a text, after the one that begins texts if the model wants it.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        self.begin_of_text.into_iter().chain(self.tokenizer.encode(text)).collect()
    }

    /// A context and what may follow it.
    ///
    /// White space at the end of the context is moved to the beginning of the continuation. Both are encoded as one text, which
    /// is cut where the context, encoded alone, ends: a token that crosses the boundary is the context's. So it can be that a
    /// continuation has no tokens of its own; its row is empty then, and its probability 1. An empty context is one token,
    /// [`Encoding::prefix_token`]; a continuation that itself begins with that token gives it instead.
    ///
    /// `None` if it does not fit and is to be skipped.
    ///
    /// # Errors
    /// [`Error::NoPrefixToken`]; [`Error::Overlong`] if it does not fit and is not to be skipped or truncated; a continuation that is
    /// longer than the window even if it is.
    pub fn pair(&self, context: &str, continuation: &str, overlong: Overlong) -> Result<Option<Encoded>> {
        let kept = context.trim_end_matches(is_space);
        let moved = &context[kept.len()..];
        let continuation = format!("{moved}{continuation}");
        let row = if kept.is_empty() {
            let ids = self.tokenizer.encode(&continuation);
            let prefix = self.begin_of_text.map_or_else(|| self.prefix_token(), Ok)?;
            let own = if ids.first() == Some(&prefix) { &ids[1..] } else { &ids };
            Row { context: vec![prefix], continuation: own.to_vec() }
        } else {
            let context = self.ids(kept);
            let ids = self.ids(&format!("{kept}{continuation}"));
            let continuation = ids.get(context.len()..).unwrap_or_default().to_vec();
            Row { context, continuation }
        };
        self.fit(row, overlong)
    }

    /// A row that fits the window: of one that does not, the latest tokens, all but the last of which are read.
    ///
    /// # Errors
    /// As [`Encoding::pair`].
    pub fn fit(&self, mut row: Row, overlong: Overlong) -> Result<Option<Encoded>> {
        let read = row.context.len() + row.continuation.len().saturating_sub(1);
        let excess = read.saturating_sub(self.window);
        if excess == 0 || row.continuation.is_empty() {
            return Ok(Some(Encoded { row, truncated: 0 }));
        }
        match overlong {
            Overlong::Skip => Ok(None),
            // A context of at least one token is left.
            Overlong::Truncate if excess < row.context.len() => {
                row.context.drain(..excess);
                Ok(Some(Encoded { row, truncated: excess }))
            }
            Overlong::Truncate | Overlong::Error => Err(Error::Overlong {
                tokens: read,
                window: self.window,
                continuation: row.continuation.len(),
            }),
        }
    }

    /// A prompt to be continued by up to `max_tokens` tokens, and how many of its own were cut off its beginning so that they fit.
    ///
    /// `None` if it does not fit and is to be skipped.
    ///
    /// # Errors
    /// [`Error::NoPrefixToken`]; [`Error::Overlong`] if it does not fit and is not to be skipped or truncated, or if nothing would be
    /// left of it.
    pub fn prompt(
        &self,
        text: &str,
        max_tokens: usize,
        overlong: Overlong,
    ) -> Result<Option<(Vec<u32>, usize)>> {
        let mut context = self.ids(text);
        if context.is_empty() {
            context.push(self.prefix_token()?);
        }
        let fits = self.fit(Row { context, continuation: vec![0; max_tokens] }, overlong)?;
        Ok(fits.map(|fits| (fits.row.context, fits.truncated)))
    }

    /// A whole text, as rows whose continuations are its tokens, in order and once each. The first row's context is
    /// [`Encoding::prefix_token`]; later ones begin where the last ended, with the one token before as context, except for the last,
    /// whose context is as long as the window allows. That is lm-evaluation-harness's rule for `loglikelihood_rolling`.
    ///
    /// With a `stride` of fewer tokens than the window, each row after the first scores so many and has all tokens before in
    /// the window as context.
    ///
    /// # Errors
    /// [`Error::NoPrefixToken`], and [`Error::Stride`] for a stride that is 0 or more than the window.
    pub fn rolling(&self, text: &str, stride: Option<usize>) -> Result<Vec<Row>> {
        self.rolling_ids(&self.tokenizer.encode(text), stride)
    }

    /// As [`Encoding::rolling`], of ids.
    ///
    /// # Errors
    /// As there.
    pub fn rolling_ids(&self, ids: &[u32], stride: Option<usize>) -> Result<Vec<Row>> {
        let (window, stride) = (self.window, stride.unwrap_or(self.window));
        if stride == 0 || stride > window {
            return Err(Error::Stride { stride, window });
        }
        let prefix = self.prefix_token()?;
        let first = window.min(ids.len());
        if first == 0 {
            return Ok(Vec::new());
        }
        let mut rows = vec![Row { context: vec![prefix], continuation: ids[..first].to_vec() }];
        let mut start = first;
        while start < ids.len() {
            let end = ids.len().min(start + stride);
            // The tokens read are those of a window, which ends before the last one scored.
            let context = ids[end - 1 - window..start].to_vec();
            rows.push(Row { context, continuation: ids[start..end].to_vec() });
            start = end;
        }
        Ok(rows)
    }
}

/// What Python's `str.rstrip` takes away: white space, and four separators that Unicode does not count among it.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use data::{Document, TokenizerConfig};

    use super::*;

    fn encoding(window: usize) -> Encoding {
        let config = TokenizerConfig { vocabulary_size: 285, ..TokenizerConfig::default() };
        let document = Document { name: "text".into(), text: "the cat sat on the mat and slept. ".repeat(5) };
        Encoding::new(Tokenizer::train([Ok(document)], &config).unwrap(), None, window).unwrap()
    }

    fn pair(context: &str, continuation: &str) -> Row {
        encoding(100).pair(context, continuation, Overlong::Error).unwrap().unwrap().row
    }

    /// Whatever the boundary cuts, the row is the whole text.
    #[test]
    fn a_row_is_the_text_of_both() {
        let encoding = encoding(100);
        for (context, continuation) in [
            ("the cat", " sat"),
            ("the cat ", "sat"),
            ("the m", "at and slept"),
            ("the cat\u{1c} \n", "sat on"),
        ] {
            let Row { context: mut ids, continuation: rest } = pair(context, continuation);
            assert_eq!(ids, encoding.tokenizer().encode(context.trim_end_matches(is_space)));
            ids.extend(rest);
            assert_eq!(ids, encoding.tokenizer().encode(&format!("{context}{continuation}")), "{context:?}");
        }
        assert_eq!(pair("the cat ", "sat"), pair("the cat", " sat"));
    }

    #[test]
    fn an_empty_context_is_the_token_that_begins_a_text() {
        let encoding = encoding(100);
        let begin =
            encoding.tokenizer().begin_of_text().or_else(|| encoding.tokenizer().end_of_text()).unwrap();
        assert_eq!(encoding.prefix_token().unwrap(), begin);
        for context in ["", " ", "\n\t"] {
            let row = pair(context, "the cat");
            assert_eq!(row.context, [begin]);
            assert_eq!(row.continuation, encoding.tokenizer().encode(&format!("{context}the cat")));
        }
    }

    /// A word that is one token, cut: the part before is as many tokens as the whole.
    #[test]
    fn a_continuation_may_have_no_tokens_of_its_own() {
        let text = "the cat sat on the mat";
        let cuts = (1..text.len()).map(|cut| text.split_at(cut));
        let empty: Vec<_> = cuts.filter(|(one, other)| pair(one, other).continuation.is_empty()).collect();
        assert!(!empty.is_empty());
        for (context, _) in empty {
            assert_eq!(pair(context, "").context, encoding(100).tokenizer().encode(context));
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_left_out_or_refused() {
        let row = |context: u32, continuation: u32| Row {
            context: (0..context).collect(),
            continuation: (100..100 + continuation).collect(),
        };
        let fit = |row, overlong| encoding(10).fit(row, overlong);
        // All but the last token are read.
        let exact = fit(row(6, 5), Overlong::Error).unwrap().unwrap();
        assert_eq!((exact.row, exact.truncated), (row(6, 5), 0));
        let cut = fit(row(9, 5), Overlong::Truncate).unwrap().unwrap();
        assert_eq!((cut.row.context, cut.truncated), ((3..9).collect(), 3));
        assert_eq!(cut.row.continuation, row(9, 5).continuation);
        assert_eq!(fit(row(9, 5), Overlong::Skip).unwrap(), None);
        let error = fit(row(9, 5), Overlong::Error).unwrap_err().to_string();
        assert!(
            error.starts_with("a text has 13 tokens to read, 5 of them scored, and the window holds 10; cut"),
            "{error}"
        );
        // One token of context is always left.
        assert_eq!(fit(row(9, 10), Overlong::Truncate).unwrap().unwrap().row.context, [8]);
        let error = fit(row(9, 11), Overlong::Truncate).unwrap_err().to_string();
        assert!(error.ends_with("; split it, or leave such out with --overlong skip"), "{error}");
    }

    #[test]
    fn windows_roll_over_each_token_once() {
        let encoding = encoding(10);
        let prefix = encoding.prefix_token().unwrap();
        for length in 0..40usize {
            let ids: Vec<u32> = (0..length as u32).collect();
            for stride in [1, 3, 7, 10] {
                let rows = encoding.rolling_ids(&ids, Some(stride)).unwrap();
                let scored: Vec<u32> = rows.iter().flat_map(|row| row.continuation.clone()).collect();
                assert_eq!(scored, ids, "{length} by {stride}");
                for (index, Row { context, continuation }) in rows.iter().enumerate() {
                    let read = context.len() + continuation.len() - 1;
                    let first = if index == 0 { vec![prefix] } else { Vec::new() };
                    assert!(read == 10 || (index == 0 && length < 10), "{length} by {stride}");
                    let before = continuation[0] as usize;
                    let expected: Vec<u32> = first
                        .into_iter()
                        .chain(ids[before + usize::from(index == 0) - context.len()..before].iter().copied())
                        .collect();
                    assert_eq!(*context, expected);
                }
            }
        }
        // As lm-evaluation-harness has it: the last window's context is as long as it can be.
        let rows = encoding.rolling_ids(&(0..23).collect::<Vec<_>>(), None).unwrap();
        assert_eq!(rows.iter().map(|row| row.context.len()).collect::<Vec<_>>(), [1, 1, 8]);
        assert!(matches!(encoding.rolling_ids(&[1], Some(0)), Err(Error::Stride { stride: 0, window: 10 })));
        assert!(matches!(encoding.rolling_ids(&[1], Some(11)), Err(Error::Stride { .. })));
    }

    #[test]
    fn prompts_leave_room_for_what_follows() {
        let encoding = encoding(10);
        let (ids, truncated) =
            encoding.prompt("the cat sat on the mat", 6, Overlong::Truncate).unwrap().unwrap();
        assert_eq!(ids.len(), 5);
        assert_eq!(ids.len() + truncated, encoding.tokenizer().encode("the cat sat on the mat").len());
        assert_eq!(encoding.prompt("", 6, Overlong::Error).unwrap().unwrap().0.len(), 1);
    }
}
