//! What the suites of this folder share: a model that needs no device, whose logits are a function of all tokens before.
#![allow(dead_code)] // Each suite uses a part.

pub mod server;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use data::{Document, Tokenizer, TokenizerConfig};
use eval::scoring::{Row, RowScore};
use eval::{Error, Result, SlotStatistics};
use serve::engine::{Ended, Handle};
use serve::model::{Model, Scores, Texts};

/// Tokens of a prompt that are read at once.
const CHUNK: usize = 8;

pub const WINDOW: usize = 200;

pub fn tokenizer() -> Arc<Tokenizer> {
    let config = TokenizerConfig { vocabulary_size: 300, ..TokenizerConfig::default() };
    let text = "To be, or not to be, that is the question: naïve café 日本 👩‍🚀.\n\n".repeat(3);
    let document = Document { name: "text".into(), text };
    Arc::new(Tokenizer::train([Ok(document)], &config).unwrap())
}

/// What a test may do to the model while it runs.
#[derive(Default)]
pub struct Faults {
    /// Calls that fail from now on.
    pub steps: AtomicU32,
    /// Whether it cannot be made as new.
    pub resets: AtomicU32,
    /// Seed of its logits: what a reload changes.
    pub seed: AtomicU64,
    /// Milliseconds that a step takes.
    pub pause: AtomicU64,
}

impl Faults {
    fn fails(calls: &AtomicU32) -> bool {
        calls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// A model without a device.
pub struct Fake {
    texts: FakeTexts,
    scores: FakeScores,
}

struct FakeTexts {
    faults: Arc<Faults>,
    vocabulary_size: usize,
    slots: Vec<Vec<u32>>,
    reading: Vec<u32>,
    position: usize,
    statistics: SlotStatistics,
}

struct FakeScores {
    faults: Arc<Faults>,
    vocabulary_size: usize,
}

/// Logits from -3 to 3 after a text.
fn logits(seed: u64, tokens: &[u32], vocabulary_size: usize) -> Vec<f32> {
    let mixed = |mut state: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 29)
    };
    let state = tokens.iter().fold(seed + 1, |state, &token| mixed(state ^ u64::from(token)));
    let number = |id: usize| (mixed(mixed(state ^ id as u64)) >> 40) as f32 / (1u64 << 24) as f32 * 6.0 - 3.0;
    (0..vocabulary_size).map(number).collect()
}

impl Fake {
    pub fn new(slots: usize, faults: &Arc<Faults>) -> Self {
        let vocabulary_size = tokenizer().vocabulary_size();
        let texts = FakeTexts {
            faults: Arc::clone(faults),
            vocabulary_size,
            slots: vec![Vec::new(); slots],
            reading: Vec::new(),
            position: 0,
            statistics: SlotStatistics::default(),
        };
        Self { texts, scores: FakeScores { faults: Arc::clone(faults), vocabulary_size } }
    }
}

impl FakeTexts {
    fn logits(&self, tokens: &[u32]) -> Vec<f32> {
        logits(self.faults.seed.load(Ordering::SeqCst), tokens, self.vocabulary_size)
    }
}

/// A failure of a device, as far as anybody can tell.
fn failure() -> Error {
    Error::Io { path: "device".into(), source: std::io::Error::other("it is unplugged") }
}

impl Texts for FakeTexts {
    fn count(&self) -> usize {
        self.slots.len()
    }

    fn begin(&mut self, prompt: &[u32]) -> Result<usize> {
        (self.reading, self.position) = (prompt.to_vec(), 0);
        Ok(0)
    }

    fn read(&mut self) -> Result<Option<Vec<f32>>> {
        self.position += CHUNK;
        self.statistics.read += CHUNK as u64;
        Ok((self.position >= self.reading.len()).then(|| self.logits(&self.reading)))
    }

    fn place(&mut self, slot: usize) -> Result<()> {
        self.slots[slot] = self.reading.clone();
        Ok(())
    }

    fn step(&mut self, tokens: &[Option<(u32, usize)>]) -> Result<Vec<Option<Vec<f32>>>> {
        std::thread::sleep(Duration::from_millis(self.faults.pause.load(Ordering::SeqCst)));
        if Faults::fails(&self.faults.steps) {
            return Err(failure());
        }
        let mut all = vec![None; self.slots.len()];
        for (slot, token) in tokens.iter().enumerate() {
            let Some((token, position)) = *token else { continue };
            assert_eq!(self.slots[slot].len(), position, "a token is read where it stands");
            assert!(position < WINDOW);
            self.slots[slot].push(token);
            all[slot] = Some(self.logits(&self.slots[slot]));
        }
        Ok(all)
    }

    fn statistics(&self) -> SlotStatistics {
        self.statistics
    }
}

impl Scores for FakeScores {
    fn score(
        &mut self,
        rows: &[Row],
        top: usize,
        between: &mut dyn FnMut() -> ControlFlow<()>,
        done: &mut dyn FnMut(usize, RowScore) -> ControlFlow<()>,
    ) -> Result<()> {
        for (index, row) in rows.iter().enumerate() {
            let mut score = RowScore::default();
            let mut tokens = row.context.clone();
            for &token in &row.continuation {
                if between().is_break() {
                    return Ok(());
                }
                let logits = logits(self.faults.seed.load(Ordering::SeqCst), &tokens, self.vocabulary_size);
                let total = logits.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
                let of = |id: u32| (f64::from(logits[id as usize]) - total) as f32;
                let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
                ids.sort_by(|a, b| of(*b).total_cmp(&of(*a)).then(a.cmp(b)));
                score.log_probabilities.push(of(token));
                score.best.push(ids[0]);
                score.top.push(ids[..top].iter().map(|&id| (id, of(id))).collect());
                tokens.push(token);
            }
            if done(index, score).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Model for Fake {
    fn parts(&mut self) -> (&mut dyn Texts, &mut dyn Scores) {
        (&mut self.texts, &mut self.scores)
    }

    fn reset(&mut self) -> Result<()> {
        self.texts.slots.iter_mut().for_each(Vec::clear);
        if Faults::fails(&self.texts.faults.resets) { Err(failure()) } else { Ok(()) }
    }

    fn reload(&mut self) -> Result<(u64, bool)> {
        let seed = self.texts.faults.seed.fetch_add(1, Ordering::SeqCst);
        Ok((seed + 1, true))
    }
}

/// An engine over the model.
pub fn engine(slots: usize, queue: usize, faults: &Arc<Faults>) -> (Handle, Ended) {
    let faults = Arc::clone(faults);
    let load = move || Ok::<_, std::io::Error>(Fake::new(slots, &faults));
    Handle::start(load, tokenizer(), queue).unwrap()
}
