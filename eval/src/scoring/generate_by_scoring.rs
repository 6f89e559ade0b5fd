//! Greedy continuations on a mesh: the most probable token after a text is found as in scoring, through the same programs.

use std::ops::ControlFlow;
use std::time::Instant;

use data::Tokenizer;

use super::engine::FIRST_PAGE;
use super::generate::first_stop;
use super::{Row, Scorer, ScoringOptions};
use crate::Result;

/// A text that is being continued.
struct Continued {
    prompt: usize,
    /// Its tokens, those of the prompt first.
    tokens: Vec<u32>,
    prompt_tokens: usize,
    ended: bool,
}

impl Continued {
    /// The text after the prompt up to the first of the strings `until`, and whether it has one. What is no whole character yet is in it
    /// if `all` is asked for.
    fn text(&self, tokenizer: &Tokenizer, until: &[String], all: bool) -> Result<(String, bool)> {
        let (prompt, generated) = self.tokens.split_at(self.prompt_tokens);
        let mut stream = tokenizer.stream();
        prompt.iter().try_for_each(|&token| stream.push(token))?;
        stream.take();
        generated.iter().try_for_each(|&token| stream.push(token))?;
        let mut text = if all { stream.finish() } else { stream.take() };
        let end = first_stop(&text, 0, until);
        text.truncate(end.unwrap_or(text.len()));
        Ok((text, end.is_some()))
    }
}

impl Scorer {
    /// As [`Scorer::generate_each`]. Many prompts are continued side by side, each token a row of its own whose context is the text
    /// so far: of that, the last chunk is computed again, and pages hold the rest.
    pub(super) fn generate_by_scoring(
        &mut self,
        prompts: &[Vec<u32>],
        max_tokens: usize,
        until: &[String],
        done: &mut dyn FnMut(usize, String) -> ControlFlow<()>,
    ) -> Result<()> {
        self.check_prompts(prompts, max_tokens)?;
        let (begin, statistics, options) = (Instant::now(), self.statistics, self.options);
        // Without it every token would compute its whole text.
        self.options = ScoringOptions { reuse: true, top: 0, ..options };
        let chunk = self.engine.shape.chunk;
        let pages = self.engine.shape.pages - FIRST_PAGE as usize;
        let mut result = Ok(ControlFlow::Continue(()));
        let mut next = 0;
        while next < prompts.len() && matches!(result, Ok(ControlFlow::Continue(()))) {
            // As many as have room on the devices until they end.
            let (first, mut room) = (next, pages);
            while let Some(prompt) = prompts.get(next) {
                let needed = (prompt.len() + max_tokens).div_ceil(chunk);
                if next > first && (needed > room || next - first >= options.batch) {
                    break;
                }
                room = room.saturating_sub(needed);
                next += 1;
            }
            result = self.continue_together(&prompts[first..next], first, max_tokens, until, done);
        }
        self.options = options;
        // These tokens were not scored for anybody.
        self.statistics.scored = statistics.scored;
        self.statistics.seconds = statistics.seconds + begin.elapsed().as_secs_f64();
        result.map(|_| ())
    }

    /// Continues prompts, of which the first is at the position `first` among all.
    fn continue_together(
        &mut self,
        prompts: &[Vec<u32>],
        first: usize,
        max_tokens: usize,
        until: &[String],
        done: &mut dyn FnMut(usize, String) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let begin = |(index, prompt): (usize, &Vec<u32>)| Continued {
            prompt: first + index,
            tokens: prompt.clone(),
            prompt_tokens: prompt.len(),
            ended: false,
        };
        let mut texts: Vec<Continued> = prompts.iter().enumerate().map(begin).collect();
        for place in 0..=max_tokens {
            let (ended, going): (Vec<_>, Vec<_>) =
                texts.into_iter().partition(|text| text.ended || place == max_tokens);
            for text in ended {
                let (written, _) = text.text(self.tokenizer(), until, true)?;
                if done(text.prompt, written).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            texts = going;
            // Which token is scored does not matter: the most probable one is found with it.
            let row = |text: &Continued| Row { context: text.tokens.clone(), continuation: vec![0] };
            let rows: Vec<Row> = texts.iter().map(row).collect();
            let scores = self.score_all(&rows)?;
            for (text, score) in texts.iter_mut().zip(scores) {
                let Some(&token) = score.best.first() else { continue };
                if Some(token) == self.tokenizer().end_of_text() {
                    text.ended = true;
                    continue;
                }
                text.tokens.push(token);
                self.statistics.generated += 1;
                (_, text.ended) = text.text(self.tokenizer(), until, false)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
