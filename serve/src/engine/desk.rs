//! The tasks there are, and what becomes of them: who waits, whose prompt is read, who has a slot.
//!
//! Nothing here decides a number of an answer: which tasks are under way at the same time is open.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data::Tokenizer;
use eval::scoring::{Row, RowScore};
use eval::{Error, Result};

use super::answer::Answer;
use super::draw::{Draw, largest, log_total};
use super::task::{Event, Failure, Task, TokenScore};
use crate::metrics::Metrics;
use crate::model::{Scores, TOPS, Texts};

/// Prompts that are scored together at most.
const SCORED_TOGETHER: usize = 32;

/// A task whose answer is under way.
struct Going<'a> {
    task: Task,
    answer: Answer<'a>,
    draw: Draw,
    /// The token that is to be read.
    token: u32,
    last: Instant,
}

/// All tasks.
pub(super) struct Desk<'a> {
    tokenizer: &'a Tokenizer,
    metrics: Arc<Metrics>,
    /// Those whose prompt is to be scored.
    scoring: VecDeque<Task>,
    /// Those that wait for a slot.
    waiting: VecDeque<Task>,
    /// The one whose prompt is read.
    reading: Option<Task>,
    slots: Vec<Option<Going<'a>>>,
    /// How long the last step took.
    step_time: Duration,
    /// Whether no other task is to begin.
    pub is_closed: bool,
}

impl<'a> Desk<'a> {
    pub fn new(tokenizer: &'a Tokenizer, metrics: Arc<Metrics>, slots: usize) -> Self {
        Self {
            tokenizer,
            metrics,
            scoring: VecDeque::new(),
            waiting: VecDeque::new(),
            reading: None,
            slots: (0..slots).map(|_| None).collect(),
            step_time: Duration::ZERO,
            is_closed: false,
        }
    }

    pub fn add(&mut self, task: Task) {
        if task.score_prompt { self.scoring.push_back(task) } else { self.waiting.push_back(task) }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.is_quiet() && (self.is_closed || self.waiting.is_empty() && self.scoring.is_empty())
    }

    /// Whether no text is under way.
    pub fn is_quiet(&self) -> bool {
        self.reading.is_none() && self.is_empty()
    }

    /// Gives up those whose listener has gone, or whose time is over.
    pub fn tidy(&mut self) {
        let now = Instant::now();
        let metrics = &self.metrics;
        let keeps = |task: &Task| {
            if task.events.is_closed() {
                metrics.vanished.add(1);
                return false;
            }
            let in_time = now < task.deadline;
            if !in_time {
                tell(task, Event::Failed(Failure::Deadline));
            }
            in_time
        };
        let before = self.scoring.len() + self.waiting.len();
        self.scoring.retain(keeps);
        self.waiting.retain(keeps);
        metrics.waiting.sub((before - self.scoring.len() - self.waiting.len()) as u64);
        self.reading = self.reading.take().filter(keeps);
        for slot in &mut self.slots {
            *slot = slot.take().filter(|going| keeps(&going.task));
        }
        self.count_slots();
    }

    fn count_slots(&self) {
        self.metrics.slots.set(self.slots.iter().flatten().count() as u64);
    }

    /// Reads prompts that wait for a slot, for about as long as a step takes if texts are under way; then a token of each of these.
    ///
    /// # Errors
    /// A device that fails: nothing of what it held is to be used.
    pub fn advance(&mut self, texts: &mut dyn Texts) -> Result<()> {
        let begin = Instant::now();
        while self.read(texts)? && begin.elapsed() < self.step_time && !self.is_empty() {}
        self.step(texts)?;
        let statistics = texts.statistics();
        self.metrics.found_tokens.set(statistics.found);
        self.metrics.prefix_bytes.set(statistics.prefix_bytes);
        Ok(())
    }

    /// Whether no slot is taken.
    fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(Option::is_none)
    }

    /// Reads a part of a prompt. Whether there was one to read.
    fn read(&mut self, texts: &mut dyn Texts) -> Result<bool> {
        if self.free_slot().is_none() {
            return Ok(false);
        }
        if self.reading.is_none() && !self.is_closed {
            let Some(task) = self.waiting.pop_front() else { return Ok(false) };
            self.metrics.waiting.sub(1);
            match texts.begin(&task.prompt) {
                Ok(_) => self.reading = Some(task),
                Err(error) => return refuse(&task, error).map(|()| true),
            }
        }
        if self.reading.is_none() {
            return Ok(false);
        }
        let Some(logits) = texts.read()? else { return Ok(true) };
        let Some(task) = self.reading.take() else { return Ok(false) };
        let prompt = Arc::clone(&task.prompt);
        self.metrics.prompt_tokens.add(prompt.len() as u64);
        self.begin(task, &logits, texts)?;
        // Several answers to one prompt come one after another: it is read once for them.
        while self.free_slot().is_some()
            && let Some(task) = self.waiting.front()
            && task.prompt == prompt
            && let Some(task) = self.waiting.pop_front()
        {
            self.metrics.waiting.sub(1);
            self.metrics.prompt_tokens.add(prompt.len() as u64);
            self.begin(task, &logits, texts)?;
        }
        Ok(true)
    }

    /// Begins the answer to a prompt that was read.
    fn begin(&mut self, task: Task, logits: &[f32], texts: &mut dyn Texts) -> Result<()> {
        if task.max_tokens == 0 {
            end(&task, 0);
            return Ok(());
        }
        let mut going = match Going::begin(self.tokenizer, task.clone()) {
            Ok(going) => going,
            Err(error) => return refuse(&task, error),
        };
        if going.add(logits, &self.metrics)
            && let Some(slot) = self.free_slot()
        {
            texts.place(slot)?;
            self.slots[slot] = Some(going);
            self.count_slots();
        }
        Ok(())
    }

    fn step(&mut self, texts: &mut dyn Texts) -> Result<()> {
        let token = |going: &Going<'_>| (going.token, going.task.prompt.len() + going.answer.made() - 1);
        let tokens: Vec<_> = self.slots.iter().map(|slot| slot.as_ref().map(token)).collect();
        if tokens.iter().all(Option::is_none) {
            return Ok(());
        }
        self.metrics.steps.add(1);
        let begin = Instant::now();
        let logits = texts.step(&tokens)?;
        self.step_time = begin.elapsed();
        for (slot, logits) in self.slots.iter_mut().zip(logits) {
            if let (Some(going), Some(logits)) = (slot.as_mut(), logits)
                && !going.add(&logits, &self.metrics)
            {
                *slot = None;
            }
        }
        self.count_slots();
        Ok(())
    }

    /// The next prompts to be scored together, and with how many of the most probable tokens; none if there are none.
    pub fn next_scoring(&mut self) -> Option<(Vec<Task>, usize)> {
        let first = self.scoring.front().filter(|_| !self.is_closed)?;
        let top = top(first);
        let mut tasks = Vec::new();
        while tasks.len() < SCORED_TOGETHER && self.scoring.front().is_some_and(|task| self::top(task) == top)
        {
            tasks.extend(self.scoring.pop_front());
        }
        self.metrics.waiting.sub(tasks.len() as u64);
        Some((tasks, top))
    }

    /// The prompt of a task is scored. What remains to be done for it waits for a slot.
    pub fn scored(&mut self, task: Task, score: RowScore) {
        self.metrics.prompt_tokens.add(task.prompt.len() as u64);
        let wanted = task.logprobs.unwrap_or_default();
        let mut offset = 0;
        let mut stream = self.tokenizer.stream();
        let mut scores = Vec::with_capacity(task.prompt.len());
        for (place, &id) in task.prompt.iter().enumerate() {
            let before = place.checked_sub(1);
            let (log_probability, top) = match before {
                Some(before) => {
                    let top = score.top.get(before).map_or(&[][..], |top| &top[..wanted.min(top.len())]);
                    (score.log_probabilities.get(before).copied(), top.to_vec())
                }
                None => (None, Vec::new()),
            };
            scores.push(TokenScore { id, offset, log_probability, top });
            // Ids were checked when the request came.
            if stream.push(id).is_ok() {
                offset += stream.take().chars().count();
            }
        }
        tell(&task, Event::Prompt(scores));
        if task.max_tokens == 0 {
            return end(&task, 0);
        }
        if !ends_with_scores(&task) {
            self.metrics.waiting.add(1);
            self.waiting.push_back(Task { score_prompt: false, ..task });
            return;
        }
        let last = task.prompt.len() - 1;
        let made = score.best.get(last).copied().zip(score.top.get(last).cloned());
        let Some((token, mut top)) = made else {
            return tell(&task, Event::Failed(Failure::Model("no token was scored".to_owned())));
        };
        let log_probability = top.first().map_or(f32::NEG_INFINITY, |top| top.1);
        top.truncate(wanted);
        match Going::begin(self.tokenizer, task.clone()) {
            Ok(mut going) => {
                going.made(token, Some((log_probability, top)), &self.metrics);
            }
            Err(error) => tell(&task, Event::Failed(Failure::Model(error.to_string()))),
        }
    }

    /// Tells all whose text the device held that it is lost.
    pub fn fail(&mut self, message: &str) {
        let lost = self.slots.iter_mut().filter_map(Option::take).map(|going| going.task);
        for task in lost.chain(self.reading.take()) {
            tell(&task, Event::Failed(Failure::Device(message.to_owned())));
        }
        self.count_slots();
    }

    /// Tells all that there is no device any more.
    pub fn give_up(&mut self, message: &str) {
        self.fail(message);
        let waiting = self.waiting.drain(..).chain(self.scoring.drain(..));
        waiting.for_each(|task| tell(&task, Event::Failed(Failure::Device(message.to_owned()))));
        self.metrics.waiting.set(0);
    }
}

/// Scores the prompts of tasks, while texts go on. `between` is what else there is to do before each call.
pub(super) fn score(
    scores: &mut dyn Scores,
    tasks: &[Task],
    top: usize,
    between: &mut dyn FnMut() -> ControlFlow<()>,
    done: &mut dyn FnMut(usize, RowScore),
) -> Result<()> {
    let row = |task: &Task| {
        let (first, rest) = task.prompt.split_at(1);
        // The token that is scored after the last one does not matter: the most probable ones are found with it.
        let rest = rest.iter().copied().chain(ends_with_scores(task).then_some(0));
        Row { context: first.to_vec(), continuation: rest.collect() }
    };
    let rows: Vec<Row> = tasks.iter().map(row).collect();
    scores.score(&rows, top, between, &mut |index, score| {
        done(index, score);
        ControlFlow::Continue(())
    })
}

/// Whether the only token of an answer is the most probable one after a prompt that is scored.
fn ends_with_scores(task: &Task) -> bool {
    task.max_tokens == 1 && task.sampling.temperature == 0.0 && task.logit_bias.is_empty()
}

/// How many of the most probable tokens scoring gives for a task.
fn top(task: &Task) -> usize {
    let wanted = task.logprobs.unwrap_or_default();
    TOPS.iter().copied().find(|&top| top >= wanted).unwrap_or(TOPS[TOPS.len() - 1])
}

pub(super) fn tell(task: &Task, event: Event) {
    // Who has gone is found by `Desk::tidy`.
    let _ = task.events.send((task.index, event));
}

fn end(task: &Task, tokens: usize) {
    tell(task, Event::End { finish: super::task::Finish::Length, tokens });
}

/// A task that cannot be begun: its own fault, or the device's.
fn refuse(task: &Task, error: Error) -> Result<()> {
    match error {
        Error::Device(_) => {
            tell(task, Event::Failed(Failure::Device(error.to_string())));
            Err(error)
        }
        _ => {
            tell(task, Event::Failed(Failure::Model(error.to_string())));
            Ok(())
        }
    }
}

impl<'a> Going<'a> {
    fn begin(tokenizer: &'a Tokenizer, task: Task) -> Result<Self> {
        let answer = Answer::new(tokenizer, &task.prompt, &task.stop, task.trims, task.max_tokens)?;
        let draw = Draw::new(task.sampling, Arc::clone(&task.logit_bias))?;
        let last = task.arrived;
        Ok(Self { task, answer, draw, token: 0, last })
    }

    /// Draws the next token. Whether the answer goes on.
    fn add(&mut self, logits: &[f32], metrics: &Metrics) -> bool {
        let token = match self.draw.next(logits) {
            Ok(token) => token,
            Err(error) => {
                tell(&self.task, Event::Failed(Failure::Model(error.to_string())));
                return false;
            }
        };
        let score = self.task.logprobs.map(|count| {
            let total = log_total(logits);
            let of = |id: u32| (f64::from(logits[id as usize]) - total) as f32;
            (of(token), largest(logits, count).into_iter().map(|id| (id, of(id))).collect())
        });
        self.made(token, score, metrics)
    }

    /// Adds a token. Whether the answer goes on.
    fn made(&mut self, token: u32, score: Option<(f32, Vec<(u32, f32)>)>, metrics: &Metrics) -> bool {
        let now = Instant::now();
        let seconds = now.duration_since(self.last).as_secs_f64();
        let latency = if self.answer.made() == 0 { &metrics.first_token } else { &metrics.next_token };
        latency.observe(seconds);
        metrics.tokens.add(1);
        (self.last, self.token) = (now, token);
        let added = match self.answer.add(token, score) {
            Ok(added) => added,
            Err(error) => {
                tell(&self.task, Event::Failed(Failure::Model(error.to_string())));
                return false;
            }
        };
        if !added.text.is_empty() || !added.scores.is_empty() {
            tell(&self.task, Event::Piece { text: added.text, scores: added.scores });
        }
        if let Some(finish) = added.finish {
            tell(&self.task, Event::End { finish, tokens: self.answer.made() });
        }
        added.finish.is_none()
    }
}
