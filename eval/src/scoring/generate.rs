//! Greedy continuations of many prompts, cut at stop strings.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::time::Instant;

use data::{TextStream, Tokenizer};

use super::Scorer;
use super::engine::Engine;
use super::side_by_side::SideBySide;
use crate::{Error, Result};

impl Scorer {
    /// The likeliest continuation of each prompt, token by token, of up to `max_tokens` tokens: it ends before the first of the
    /// strings `until`, or where the model ends the text. Several are continued side by side, and no text depends on the others
    /// ([`Encoding::prompt`](super::Encoding::prompt) makes prompts fit). `done` is given each one's position and text, in any
    /// order; it may end the work.
    ///
    /// # Errors
    /// Before anything is computed: [`Error::EmptyPrompt`], and [`Error::PromptTooLong`] for a prompt that leaves less than
    /// `max_tokens` of the window. [`Error::Memory`] and [`Error::Device`].
    pub fn generate_each(
        &mut self,
        prompts: &[Vec<u32>],
        max_tokens: usize,
        until: &[String],
        done: &mut dyn FnMut(usize, String) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.mesh().is_some() {
            return self.generate_by_scoring(prompts, max_tokens, until, done);
        }
        self.check_prompts(prompts, max_tokens)?;
        let window = self.window();
        // Of a prompt alone, so that its text does not depend on the others; a power of two, so that they are few.
        let mut by_window: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, prompt) in prompts.iter().enumerate() {
            // Not above the window by more than the last token, which is not read.
            let needed = (prompt.len() + max_tokens).next_power_of_two().min(window);
            by_window.entry(needed).or_default().push(index);
        }
        let begin = Instant::now();
        for (window, indices) in by_window {
            let programs = match self.side_by_side.entry(window) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => place.insert(SideBySide::new(&self.engine, window)?),
            };
            let limits = Limits {
                tokenizer: self.encoding.tokenizer(),
                max_tokens,
                until,
                generated: Cell::default(),
            };
            let flow = continue_all(&self.engine, programs, &limits, prompts, &indices, done);
            self.statistics.generated += limits.generated.get();
            if flow?.is_break() {
                break;
            }
        }
        self.statistics.seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }

    /// Refuses prompts that cannot be continued by so many tokens.
    pub(super) fn check_prompts(&self, prompts: &[Vec<u32>], max_tokens: usize) -> Result<()> {
        let window = self.window();
        for prompt in prompts {
            // The last token generated is not read.
            let tokens = prompt.len().saturating_add(max_tokens.saturating_sub(1));
            if prompt.is_empty() {
                return Err(Error::EmptyPrompt);
            }
            if tokens > window {
                return Err(Error::PromptTooLong { tokens, window });
            }
        }
        Ok(())
    }

    /// As [`Scorer::generate_each`], all at once and in order.
    ///
    /// # Errors
    /// As there.
    pub fn generate(
        &mut self,
        prompts: &[Vec<u32>],
        max_tokens: usize,
        until: &[String],
    ) -> Result<Vec<String>> {
        let mut texts = vec![String::new(); prompts.len()];
        self.generate_each(prompts, max_tokens, until, &mut |index, text| {
            texts[index] = text;
            ControlFlow::Continue(())
        })?;
        Ok(texts)
    }
}

/// Where texts end.
struct Limits<'a> {
    tokenizer: &'a Tokenizer,
    max_tokens: usize,
    until: &'a [String],
    /// Tokens made so far, of all texts.
    generated: Cell<u64>,
}

/// A text under way in a row.
struct Continuing<'a> {
    /// The prompt's position.
    index: usize,
    stream: TextStream<'a>,
    text: String,
    /// The token that is to be read, and its position.
    token: (u32, usize),
    made: usize,
}

/// Continues the prompts `indices`. A row that has come to its end takes the next prompt.
fn continue_all(
    engine: &Engine,
    programs: &SideBySide,
    limits: &Limits<'_>,
    prompts: &[Vec<u32>],
    indices: &[usize],
    done: &mut dyn FnMut(usize, String) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut caches = programs.caches(engine)?;
    let mut rows: Vec<Option<Continuing<'_>>> = (0..programs.rows()).map(|_| None).collect();
    let mut waiting = indices.iter();
    loop {
        for (row, place) in rows.iter_mut().enumerate() {
            while place.is_none()
                && let Some(&index) = waiting.next()
            {
                let prompt = &prompts[index];
                let logits = programs.read(engine, &mut caches, row, prompt)?;
                let mut text = Continuing::after(limits, index, prompt)?;
                if !text.add(limits, &logits)? {
                    *place = Some(text);
                } else if done(index, text.text).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        if rows.iter().all(Option::is_none) {
            return Ok(ControlFlow::Continue(()));
        }
        let read = rows.iter().map(|row| row.as_ref().map_or((0, 0), |text| text.token));
        let logits = programs.step(engine, &mut caches, &read.collect::<Vec<_>>())?;
        for (row, logits) in rows.iter_mut().zip(logits) {
            if let Some(text) = row
                && text.add(limits, &logits)?
                && let Some(text) = row.take()
                && done(text.index, text.text).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
}

impl<'a> Continuing<'a> {
    fn after(limits: &Limits<'a>, index: usize, prompt: &[u32]) -> Result<Self> {
        let mut stream = limits.tokenizer.stream();
        prompt.iter().try_for_each(|&token| stream.push(token))?;
        stream.take();
        Ok(Self { index, stream, text: String::new(), token: (0, prompt.len()), made: 0 })
    }

    /// Adds the likeliest token. Whether the text is at its end.
    fn add(&mut self, limits: &Limits<'a>, logits: &[f32]) -> Result<bool> {
        let token = likeliest(logits)?;
        let ends = self.made == limits.max_tokens || Some(token) == limits.tokenizer.end_of_text();
        if ends {
            self.finish(limits);
            return Ok(true);
        }
        limits.generated.set(limits.generated.get() + 1);
        self.stream.push(token)?;
        let piece = self.stream.take();
        if self.push(&piece, limits) {
            return Ok(true);
        }
        self.token = (token, self.token.1 + usize::from(self.made > 0));
        self.made += 1;
        if self.made == limits.max_tokens {
            self.finish(limits);
        }
        Ok(self.made == limits.max_tokens)
    }

    /// Adds what is left of a character that is not whole.
    fn finish(&mut self, limits: &Limits<'a>) {
        let rest = std::mem::replace(&mut self.stream, limits.tokenizer.stream()).finish();
        self.push(&rest, limits);
    }

    /// Adds text, up to the first stop string. Whether there is one.
    fn push(&mut self, piece: &str, limits: &Limits<'a>) -> bool {
        let before = self.text.len();
        self.text.push_str(piece);
        let stop = first_stop(&self.text, before, limits.until);
        if let Some(end) = stop {
            self.text.truncate(end);
        }
        stop.is_some()
    }
}

/// The token with the largest logit; of several, the one with the least id.
fn likeliest(logits: &[f32]) -> Result<u32> {
    let mut best = (f32::NEG_INFINITY, None);
    for (token, &logit) in (0u32..).zip(logits) {
        if !logit.is_finite() {
            return Err(Error::NotFinite);
        }
        if logit > best.0 {
            best = (logit, Some(token));
        }
    }
    best.1.ok_or(Error::NotFinite)
}

/// Where the first stop string begins in a text that had none in its first `before` bytes.
pub(super) fn first_stop(text: &str, before: usize, until: &[String]) -> Option<usize> {
    let begin = |stop: &String| {
        let mut from = before.saturating_sub(stop.len().saturating_sub(1));
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        text[from..].find(stop.as_str()).map(|place| from + place)
    };
    until.iter().filter(|stop| !stop.is_empty()).filter_map(begin).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream is cut where the whole text is, wherever it is torn.
    #[test]
    fn stops_are_found_across_pieces() {
        let until = ["\n\n", "Q:", "é"].map(String::from);
        for (text, expected) in
            [("one\n\ntwo", Some(3)), ("aQ:b\n\n", Some(1)), ("日é", Some(3)), ("Q\n", None), ("", None)]
        {
            for (before, _) in text.char_indices() {
                // Nothing was found in the text before, so nothing ends there.
                if until.iter().any(|stop| text[..before].contains(stop)) {
                    continue;
                }
                assert_eq!(first_stop(text, before, &until), expected, "{text:?} from {before}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_tokens_is_the_likeliest() {
        assert_eq!(likeliest(&[0.5, 2.0, 2.0, -1.0]).unwrap(), 1);
        assert!(matches!(likeliest(&[1.0, f32::NAN]), Err(Error::NotFinite)));
        assert!(matches!(likeliest(&[]), Err(Error::NotFinite)));
    }
}
