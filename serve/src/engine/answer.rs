//! An answer under way: its tokens become text, up to the first stop string, in pieces that are never taken back.

use std::collections::VecDeque;
use std::sync::Arc;

use data::{TextStream, Tokenizer};
use eval::{Result, StopStream};

use super::task::{Finish, TokenScore};

/// The text of an answer.
pub(super) struct Answer<'a> {
    tokenizer: &'a Tokenizer,
    stream: TextStream<'a>,
    stops: StopStream,
    trim: Option<Trim>,
    max_tokens: usize,
    /// Bytes and characters of its text so far, without the prompt's.
    bytes: usize,
    characters: usize,
    /// Bytes of it that are certain not to be part of a stop string.
    certain: usize,
    /// Its tokens with scores that were not given, each with the byte of the text that it begins at.
    scores: VecDeque<(usize, TokenScore)>,
    /// Tokens so far.
    made: usize,
}

/// What a token adds to what can be given.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Added {
    pub text: String,
    pub scores: Vec<TokenScore>,
    pub finish: Option<Finish>,
}

/// Takes white space away at both ends of a text that comes in pieces.
#[derive(Debug, Default)]
struct Trim {
    has_begun: bool,
    /// White space that is the text's if something follows.
    space: String,
}

impl Trim {
    fn push(&mut self, text: &str) -> String {
        let text = if self.has_begun { text } else { text.trim_start() };
        let kept = text.trim_end();
        let space = &text[kept.len()..];
        if kept.is_empty() {
            self.space.push_str(space);
            return String::new();
        }
        self.has_begun = true;
        std::mem::replace(&mut self.space, space.to_owned()) + kept
    }
}

impl<'a> Answer<'a> {
    /// Of up to `max_tokens` tokens after a prompt, up to the first of `stop`; without white space around it if `trims`.
    pub fn new(
        tokenizer: &'a Tokenizer,
        prompt: &[u32],
        stop: &Arc<[String]>,
        trims: bool,
        max_tokens: usize,
    ) -> Result<Self> {
        let mut stream = tokenizer.stream();
        prompt.iter().try_for_each(|&token| stream.push(token))?;
        // The prompt's own text is no news.
        stream.take();
        Ok(Self {
            tokenizer,
            stream,
            stops: StopStream::new(stop.iter().cloned()),
            trim: trims.then(Trim::default),
            max_tokens,
            bytes: 0,
            characters: 0,
            certain: 0,
            scores: VecDeque::new(),
            made: 0,
        })
    }

    /// Tokens so far.
    pub fn made(&self) -> usize {
        self.made
    }

    /// Adds a token, with its log-probability and the most probable ones if they are wanted.
    pub fn add(&mut self, token: u32, score: Option<(f32, Vec<(u32, f32)>)>) -> Result<Added> {
        self.made += 1;
        if let Some((log_probability, top)) = score {
            let offset = self.characters;
            let score = TokenScore { id: token, offset, log_probability: Some(log_probability), top };
            self.scores.push_back((self.bytes, score));
        }
        if Some(token) == self.tokenizer.end_of_text() {
            return Ok(self.finish(Finish::Stop));
        }
        self.stream.push(token)?;
        let text = self.stream.take();
        let text = self.push(&text);
        if self.stops.stopped().is_some() {
            return Ok(self.cut(text));
        }
        if self.made == self.max_tokens {
            let mut rest = self.finish(Finish::Length);
            rest.text.insert_str(0, &text);
            return Ok(rest);
        }
        Ok(self.give(text, None))
    }

    /// Adds text: what is certain of it.
    fn push(&mut self, text: &str) -> String {
        self.bytes += text.len();
        self.characters += text.chars().count();
        let certain = self.stops.push(text);
        self.certain += certain.len();
        self.trimmed(certain)
    }

    fn trimmed(&mut self, text: String) -> String {
        match &mut self.trim {
            Some(trim) => trim.push(&text),
            None => text,
        }
    }

    /// Ends the text, with what is left of a character that is not whole.
    fn finish(&mut self, finish: Finish) -> Added {
        let stream = std::mem::replace(&mut self.stream, self.tokenizer.stream());
        let mut text = self.push(&stream.finish());
        if self.stops.stopped().is_some() {
            return self.cut(text);
        }
        let rest = std::mem::take(&mut self.stops).finish();
        text.push_str(&self.trimmed(rest));
        self.give(text, Some(finish))
    }

    /// Ends the text where a stop string begins: what is certain is all.
    fn cut(&mut self, text: String) -> Added {
        self.scores.retain(|(begin, _)| *begin < self.certain);
        self.give(text, Some(Finish::Stop))
    }

    fn give(&mut self, text: String, finish: Option<Finish>) -> Added {
        let is_given = |(begin, _): &(usize, TokenScore)| finish.is_some() || *begin < self.certain;
        let count = self.scores.iter().take_while(|score| is_given(score)).count();
        Added { text, scores: self.scores.drain(..count).map(|(_, score)| score).collect(), finish }
    }
}

#[cfg(test)]
mod tests {
    use data::{Document, TokenizerConfig};
    use proptest::prelude::*;

    use super::*;

    fn tokenizer() -> Tokenizer {
        let config = TokenizerConfig { vocabulary_size: 274, ..TokenizerConfig::default() };
        let document = Document { name: "text".into(), text: "abc aab cab 👩‍🚀 é\n\n".repeat(3) };
        Tokenizer::train([Ok(document)], &config).unwrap()
    }

    /// The pieces that tokens give, and why it ended.
    fn pieces(tokenizer: &Tokenizer, ids: &[u32], stop: &[&str], max: usize) -> (Vec<Added>, Option<Finish>) {
        let stop: Vec<String> = stop.iter().map(|&stop| stop.to_owned()).collect();
        // After a prompt no space is taken away.
        let prompt = tokenizer.encode("a");
        let mut answer = Answer::new(tokenizer, &prompt, &stop.into(), false, max).unwrap();
        let mut pieces = Vec::new();
        for &id in ids {
            let added = answer.add(id, Some((-0.5, Vec::new()))).unwrap();
            let finish = added.finish;
            pieces.push(added);
            if finish.is_some() {
                return (pieces, finish);
            }
        }
        (pieces, None)
    }

    fn text(pieces: &[Added]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn a_character_of_many_tokens_comes_whole() {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode("👩‍🚀 é");
        let (got, finish) = pieces(&tokenizer, &ids, &[], ids.len());
        assert_eq!(finish, Some(Finish::Length));
        assert_eq!(text(&got).trim_start(), "👩‍🚀 é");
        // Cut within a character, what there is of it is one mark or several, and comes at the end.
        let (got, _) = pieces(&tokenizer, &tokenizer.encode("日")[..2], &[], 2);
        assert!(text(&got).ends_with(char::REPLACEMENT_CHARACTER), "{got:?}");
    }

    #[test]
    fn white_space_goes_at_both_ends() {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode("\n abc  aab \n\nabc\n");
        let mut answer = Answer::new(&tokenizer, &[1], &["\n\n".to_owned()].into(), true, 99).unwrap();
        let added = ids.iter().map(|&id| answer.add(id, None).unwrap());
        let mut text = String::new();
        for added in added {
            text.push_str(&added.text);
            if added.finish.is_some() {
                break;
            }
        }
        assert_eq!(text, "abc  aab");
    }

    proptest! {
        /// However a text is torn into tokens: put together, its pieces are what comes before the first stop string, and no piece
        /// has more.
        #[test]
        fn streams_end_where_texts_do(
            text in "[abc \n👩‍🚀é]{0,24}",
            stops in prop::collection::vec("[abc \né]{1,3}", 0..3),
            more in 0usize..3,
        ) {
            let tokenizer = tokenizer();
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let ids = tokenizer.encode(&text);
            // What the same tokens are with nothing to stop at.
            let (whole, _) = pieces(&tokenizer, &ids, &[], usize::MAX);
            let whole = self::text(&whole);
            let (got, finish) = pieces(&tokenizer, &ids, &stops, ids.len() + more);
            // The one that is complete first.
            let found = stops.iter().filter_map(|stop| Some((whole.find(stop)? + stop.len(), whole.find(stop)?)));
            let cut = found.min().map(|(_, begin)| begin);
            let got_text = self::text(&got);
            match cut {
                Some(end) => {
                    prop_assert_eq!(&got_text, &whole[..end]);
                    prop_assert_eq!(finish, Some(Finish::Stop));
                }
                None if more == 0 && !ids.is_empty() => prop_assert_eq!(&got_text, &whole),
                None => prop_assert!(whole.starts_with(&got_text)),
            }
            // Each token's score is given once, in order, and with the text it begins in.
            let scores: Vec<&TokenScore> = got.iter().flat_map(|piece| &piece.scores).collect();
            prop_assert!(scores.iter().zip(&ids).all(|(score, &id)| score.id == id));
            if more == 0 && cut.is_none() {
                prop_assert_eq!(scores.len(), ids.len());
            }
        }
    }
}
