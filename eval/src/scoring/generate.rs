//! Greedy continuations of many prompts, cut at stop strings.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use super::Scorer;
use crate::{Decoder, Error, Result};

impl Scorer {
    /// The likeliest continuation of each prompt, token by token, of up to `max_tokens` tokens: it ends before the first of the
    /// strings `until`, or where the model ends the text. Prompts are read one after another
    /// ([`Encoding::prompt`](super::Encoding::prompt) makes them fit), and `done` is given each one's position and text, in any
    /// order; it may end the work.
    ///
    /// # Errors
    /// Before anything is computed: [`Error::EmptyPrompt`], and [`Error::PromptTooLong`] for a prompt that leaves less than
    /// `max_tokens` of the window. [`Error::Memory`] and [`Error::Device`], after which the scorer has no parameters any more.
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
        let window = self.window();
        // Of a prompt alone, so that its text does not depend on the others; a power of two, so that they are few.
        let mut by_window: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, prompt) in prompts.iter().enumerate() {
            // The last token generated is not read.
            let tokens = prompt.len() + max_tokens.saturating_sub(1);
            if prompt.is_empty() {
                return Err(Error::EmptyPrompt);
            }
            if tokens > window {
                return Err(Error::PromptTooLong { tokens, window });
            }
            let needed = (prompt.len() + max_tokens).next_power_of_two().min(window);
            by_window.entry(needed).or_default().push(index);
        }
        let begin = Instant::now();
        for (window, indices) in by_window {
            let engine = &mut self.engine;
            let parameters = std::mem::take(&mut engine.parameters);
            let decoder =
                Decoder::new(&engine.runtime, &engine.config, engine.precision, parameters, window)?;
            let mut flow = Ok(ControlFlow::Continue(()));
            for index in indices {
                flow = self
                    .continue_greedily(&decoder, &prompts[index], max_tokens, until)
                    .map(|text| done(index, text));
                if !matches!(flow, Ok(ControlFlow::Continue(()))) {
                    break;
                }
            }
            self.engine.parameters = decoder.into_parameters();
            if flow?.is_break() {
                break;
            }
        }
        self.statistics.seconds += begin.elapsed().as_secs_f64();
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

    fn continue_greedily(
        &self,
        decoder: &Decoder,
        prompt: &[u32],
        max_tokens: usize,
        until: &[String],
    ) -> Result<String> {
        let (mut session, mut stream) = (decoder.start()?, self.tokenizer().stream());
        prompt.iter().try_for_each(|&token| stream.push(token))?;
        stream.take();
        let mut text = String::new();
        let mut logits = session.read(prompt)?;
        for place in 1..=max_tokens {
            let token = likeliest(&logits)?;
            if Some(token) == self.tokenizer().end_of_text() {
                break;
            }
            stream.push(token)?;
            let before = text.len();
            text.push_str(&stream.take());
            if let Some(end) = first_stop(&text, before, until) {
                text.truncate(end);
                return Ok(text);
            }
            if place < max_tokens {
                logits = session.read(&[token])?;
            }
        }
        let before = text.len();
        text.push_str(&stream.finish());
        if let Some(end) = first_stop(&text, before, until) {
            text.truncate(end);
        }
        Ok(text)
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
