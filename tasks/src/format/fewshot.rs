//! Which documents stand before the one that is asked.

use serde_json::Value;

use super::config::Sampler;
use super::random::MersenneTwister;

/// lm-evaluation-harness's default `--seed` for shots.
const SEED: u32 = 1234;

/// Draws shots for one document after another, in the documents' order: the drawing of one depends on those before.
pub(super) struct Shots<'a> {
    pool: &'a [Value],
    count: usize,
    sampler: Sampler,
    random: MersenneTwister,
    /// One more is drawn and the document taken out. lm-evaluation-harness does so where `fewshot_split` and `test_split` are
    /// the same, or both absent.
    spare: bool,
}

impl<'a> Shots<'a> {
    /// From a pool of documents; says why it is too small.
    pub fn new(pool: &'a [Value], count: usize, sampler: Sampler, spare: bool) -> Result<Self, String> {
        let spare = spare && sampler == Sampler::Default;
        let needed = count + usize::from(spare);
        if count > 0 && pool.len() < needed {
            let more = if spare { " (one more is drawn, in case the document itself is)" } else { "" };
            return Err(format!(
                "{count} shot(s) need {needed} document(s) to draw from{more}, and there are {}; ask for fewer",
                pool.len()
            ));
        }
        Ok(Self { pool, count, sampler, random: MersenneTwister::python(SEED), spare })
    }

    /// The positions in the pool of the shots for a document, or that nothing but the document itself is left.
    pub fn draw(&mut self, document: &Value) -> Result<Vec<usize>, String> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        let is_other = |position: &usize| self.pool[*position] != *document;
        if self.sampler == Sampler::FirstN {
            let shots: Vec<usize> = (0..self.pool.len()).filter(is_other).take(self.count).collect();
            return self.enough(shots);
        }
        let drawn = self.random.sample(self.pool.len(), self.count + usize::from(self.spare));
        let mut shots: Vec<usize> = drawn.into_iter().filter(is_other).take(self.count).collect();
        if shots.len() < self.count {
            // Either the document stands in the pool more than once, which the harness resolves by drawing again, or it was
            // drawn where the harness does not look: then it would be its own shot. There the other documents keep
            // their shots, since this drawing leaves the generator alone.
            let others: Vec<usize> = (0..self.pool.len()).filter(is_other).collect();
            if others.len() >= self.count {
                let mut aside = MersenneTwister::python(SEED);
                let random = if self.spare { &mut self.random } else { &mut aside };
                shots = random.sample(others.len(), self.count).into_iter().map(|at| others[at]).collect();
            }
        }
        self.enough(shots)
    }

    fn enough(&self, shots: Vec<usize>) -> Result<Vec<usize>, String> {
        match shots.len() == self.count {
            true => Ok(shots),
            false => Err(format!(
                "{} shots wanted, and {} documents to draw from are not the document itself; ask for fewer shots",
                self.count,
                shots.len()
            )),
        }
    }
}
