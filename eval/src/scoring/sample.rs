//! Samples of continuations: several of each prompt, side by side, each with draws of its own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::time::Instant;

use data::{TextStream, Tokenizer};

use super::Scorer;
use super::generate::first_stop;
use crate::slots::{SlotOptions, Slots};
use crate::{Result, Sampler, Sampling};

/// Texts that are continued side by side.
const SLOTS: usize = 25;

/// The shortest window that programs are compiled for.
const SHORTEST: usize = 256;

/// Bytes that beginnings of prompts take at most: of a dialogue's prompt, a few.
const PREFIXES: u64 = 256 << 20;

/// A prompt with the seeds of its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The prompt.
    pub tokens: Vec<u32>,
    /// A sample is drawn for each.
    pub seeds: Vec<u64>,
}

/// How samples are drawn. The seed of `sampling` is not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// How a token is chosen.
    pub sampling: Sampling,
    /// Tokens of a sample at most.
    pub max_tokens: usize,
    /// A sample ends before the first of these strings, or where the model ends the text.
    pub until: Vec<String>,
}

impl Scorer {
    /// Samples of what follows each prompt. `done` is given a prompt's position and its texts, one for each of its seeds, as soon as the
    /// last of them is finished; it may end the work. A text is a function of the parameters, the prompt, the way it is drawn and its
    /// seed, whatever else is drawn.
    ///
    /// # Errors
    /// Before anything is computed: [`Error::EmptyPrompt`](crate::Error::EmptyPrompt), [`Error::PromptTooLong`](crate::Error::PromptTooLong) for a prompt that leaves less than `max_tokens` of
    /// the window, and what [`Sampling::check`] finds. [`Error::Memory`](crate::Error::Memory) and [`Error::Device`](crate::Error::Device).
    pub fn sample_each(
        &mut self,
        prompts: &[Prompt],
        drawing: &Drawing,
        done: &mut dyn FnMut(usize, Vec<String>) -> ControlFlow<()>,
    ) -> Result<()> {
        drawing.sampling.check()?;
        let tokens: Vec<Vec<u32>> = prompts.iter().map(|prompt| prompt.tokens.clone()).collect();
        self.check_prompts(&tokens, drawing.max_tokens)?;
        // Of a prompt alone, so that its texts do not depend on the others; a power of two, so that they are few.
        let mut by_window: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, prompt) in prompts.iter().enumerate() {
            let needed = (prompt.tokens.len() + drawing.max_tokens).next_power_of_two().max(SHORTEST);
            by_window.entry(needed).or_default().push(index);
        }
        let begin = Instant::now();
        for (window, indices) in by_window {
            let mut slots = match self.slots_of.entry(window) {
                Entry::Occupied(there) => there.remove(),
                Entry::Vacant(_) => {
                    self.slots(SlotOptions { slots: SLOTS, window, prefix_bytes: PREFIXES })?
                }
            };
            let mut work = Work { tokenizer: self.encoding.tokenizer(), drawing, generated: 0 };
            let flow = work.run(&mut slots, prompts, &indices, done)?;
            self.statistics.generated += work.generated;
            self.slots_of.insert(window, slots);
            if flow.is_break() {
                break;
            }
        }
        self.statistics.seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }
}

struct Work<'a> {
    tokenizer: &'a Tokenizer,
    drawing: &'a Drawing,
    generated: u64,
}

/// A sample in a slot.
struct Sample<'a> {
    prompt: usize,
    place: usize,
    sampler: Sampler,
    stream: TextStream<'a>,
    text: String,
    /// The token that is to be read, and its position.
    token: (u32, usize),
    made: usize,
}

impl<'a> Work<'a> {
    fn run(
        &mut self,
        slots: &mut Slots,
        prompts: &[Prompt],
        indices: &[usize],
        done: &mut dyn FnMut(usize, Vec<String>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let mut rows: Vec<Option<Sample<'a>>> = (0..slots.count()).map(|_| None).collect();
        let mut finished: BTreeMap<usize, Vec<Option<String>>> = BTreeMap::new();
        let mut waiting = indices
            .iter()
            .flat_map(|&index| (0..prompts[index].seeds.len()).map(move |place| (index, place)));
        // The prompt that was read last, with the logits of what follows.
        let mut read: Option<(usize, Vec<f32>)> = None;
        for &index in indices.iter().filter(|&&index| prompts[index].seeds.is_empty()) {
            if done(index, Vec::new()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        loop {
            for (row, in_slot) in rows.iter_mut().enumerate() {
                while in_slot.is_none()
                    && let Some((index, place)) = waiting.next()
                {
                    let prompt = &prompts[index];
                    let logits = match &read {
                        Some((of, logits)) if *of == index => logits,
                        _ => {
                            slots.begin(&prompt.tokens)?;
                            let logits = loop {
                                if let Some(logits) = slots.read()? {
                                    break logits;
                                }
                            };
                            &read.insert((index, logits)).1
                        }
                    };
                    slots.place(row)?;
                    let mut sample = self.begin(index, place, prompt)?;
                    if !self.add(&mut sample, logits)? {
                        *in_slot = Some(sample);
                    } else if collect(&mut finished, prompts, sample, done).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            if rows.iter().all(Option::is_none) {
                return Ok(ControlFlow::Continue(()));
            }
            let tokens: Vec<_> = rows.iter().map(|row| row.as_ref().map(|sample| sample.token)).collect();
            for (row, logits) in rows.iter_mut().zip(slots.step(&tokens)?) {
                if let (Some(sample), Some(logits)) = (row.as_mut(), logits)
                    && self.add(sample, &logits)?
                    && let Some(sample) = row.take()
                    && collect(&mut finished, prompts, sample, done).is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }

    fn begin(&self, prompt: usize, place: usize, of: &Prompt) -> Result<Sample<'a>> {
        let mut stream = self.tokenizer.stream();
        of.tokens.iter().try_for_each(|&token| stream.push(token))?;
        stream.take();
        let sampler = Sampler::new(Sampling { seed: of.seeds[place], ..self.drawing.sampling })?;
        let token = (0, of.tokens.len());
        Ok(Sample { prompt, place, sampler, stream, text: String::new(), token, made: 0 })
    }

    /// Draws a token. Whether the text is at its end.
    fn add(&mut self, sample: &mut Sample<'a>, logits: &[f32]) -> Result<bool> {
        let most = self.drawing.max_tokens;
        let token = if sample.made < most { Some(sample.sampler.next(logits)?) } else { None };
        let Some(token) = token.filter(|&token| Some(token) != self.tokenizer.end_of_text()) else {
            self.finish(sample);
            return Ok(true);
        };
        self.generated += 1;
        sample.stream.push(token)?;
        let piece = sample.stream.take();
        if self.push(sample, &piece) {
            return Ok(true);
        }
        sample.token = (token, sample.token.1 + usize::from(sample.made > 0));
        sample.made += 1;
        if sample.made == most {
            self.finish(sample);
        }
        Ok(sample.made == most)
    }

    /// Adds what is left of a character that is not whole.
    fn finish(&self, sample: &mut Sample<'a>) {
        let rest = std::mem::replace(&mut sample.stream, self.tokenizer.stream()).finish();
        self.push(sample, &rest);
    }

    /// Adds text, up to the first stop string. Whether there is one.
    fn push(&self, sample: &mut Sample<'a>, piece: &str) -> bool {
        let before = sample.text.len();
        sample.text.push_str(piece);
        let stop = first_stop(&sample.text, before, &self.drawing.until);
        if let Some(end) = stop {
            sample.text.truncate(end);
        }
        stop.is_some()
    }
}

/// Keeps a sample, and gives those of its prompt away when they are all there.
fn collect(
    finished: &mut BTreeMap<usize, Vec<Option<String>>>,
    prompts: &[Prompt],
    sample: Sample<'_>,
    done: &mut dyn FnMut(usize, Vec<String>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Sample { prompt, place, text, .. } = sample;
    let texts = finished.entry(prompt).or_insert_with(|| vec![None; prompts[prompt].seeds.len()]);
    texts[place] = Some(text);
    if texts.iter().any(Option::is_none) {
        return ControlFlow::Continue(());
    }
    let texts = finished.remove(&prompt).unwrap_or_default();
    done(prompt, texts.into_iter().flatten().collect())
}
