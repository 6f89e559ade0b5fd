//! What serves: texts in slots, and scoring; by a model on a device, or by anything that answers the same questions.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use eval::scoring::{Row, RowScore};
use eval::{Result, Served, ServingOptions, SlotOptions, SlotStatistics, Slots, TrainedModel};
use runtime::{DeviceKind, Runtime};
use sharding::inference::InferenceMesh;

/// Numbers of most probable tokens that scoring gives.
pub const TOPS: &[usize] = &[1, 5];

/// Continues texts in slots, as [`Slots`] does.
pub trait Texts {
    /// Texts side by side.
    fn count(&self) -> usize;

    /// Begins to read a prompt: how many of its tokens were found among those of earlier ones.
    ///
    /// # Errors
    /// A prompt that cannot be read, a device that fails.
    fn begin(&mut self, prompt: &[u32]) -> Result<usize>;

    /// Reads the next part of the prompt: once it is whole, the logits of what follows.
    ///
    /// # Errors
    /// A device that fails.
    fn read(&mut self) -> Result<Option<Vec<f32>>>;

    /// Puts the prompt into a slot.
    ///
    /// # Errors
    /// A device that fails.
    fn place(&mut self, slot: usize) -> Result<()>;

    /// Reads a token of some slots, given with its position: of each, the logits of what follows.
    ///
    /// # Errors
    /// A device that fails.
    fn step(&mut self, tokens: &[Option<(u32, usize)>]) -> Result<Vec<Option<Vec<f32>>>>;

    /// What has been read so far.
    fn statistics(&self) -> SlotStatistics;
}

/// Scores rows, as [`eval::scoring::Scorer`] does.
pub trait Scores {
    /// Scores rows, with `top` of the most probable tokens, one of [`TOPS`]. `between` is called before each call of the device, and may
    /// end the work, as may `done`.
    ///
    /// # Errors
    /// A device that fails.
    fn score(
        &mut self,
        rows: &[Row],
        top: usize,
        between: &mut dyn FnMut() -> ControlFlow<()>,
        done: &mut dyn FnMut(usize, RowScore) -> ControlFlow<()>,
    ) -> Result<()>;
}

/// Both, of one model.
pub trait Model {
    /// The part that continues and the part that scores, to be used at the same time.
    fn parts(&mut self) -> (&mut dyn Texts, &mut dyn Scores);

    /// Makes it as new, after a failure.
    ///
    /// # Errors
    /// A device that fails again.
    fn reset(&mut self) -> Result<()>;

    /// Takes the newest parameters that there are, if they are others: the step that they are of, and whether they are other ones.
    ///
    /// # Errors
    /// Parameters that cannot be read or are of another model, which changes nothing.
    fn reload(&mut self) -> Result<(u64, bool)>;
}

impl Texts for Slots {
    fn count(&self) -> usize {
        self.count()
    }

    fn begin(&mut self, prompt: &[u32]) -> Result<usize> {
        self.begin(prompt)
    }

    fn read(&mut self) -> Result<Option<Vec<f32>>> {
        self.read()
    }

    fn place(&mut self, slot: usize) -> Result<()> {
        self.place(slot)
    }

    fn step(&mut self, tokens: &[Option<(u32, usize)>]) -> Result<Vec<Option<Vec<f32>>>> {
        self.step(tokens)
    }

    fn statistics(&self) -> SlotStatistics {
        self.statistics()
    }
}

impl Scores for eval::scoring::Scorer {
    fn score(
        &mut self,
        rows: &[Row],
        top: usize,
        between: &mut dyn FnMut() -> ControlFlow<()>,
        done: &mut dyn FnMut(usize, RowScore) -> ControlFlow<()>,
    ) -> Result<()> {
        self.want_top(top)?;
        self.score_between(rows, between, done)
    }
}

/// A model of a run on its devices.
pub struct ServedRun {
    served: Served,
    run: PathBuf,
    step: u64,
    device: DeviceKind,
}

impl ServedRun {
    /// Loads a model of the run at a path, and compiles what it takes to serve it.
    ///
    /// # Errors
    /// As [`TrainedModel::served`].
    pub fn load(
        run: &Path,
        model: &TrainedModel,
        runtime: &Runtime,
        mesh: Option<InferenceMesh>,
        slots: SlotOptions,
    ) -> Result<Self> {
        let served = model.served(runtime, mesh, ServingOptions { slots, tops: TOPS })?;
        Ok(Self { served, run: run.to_owned(), step: model.manifest().step, device: runtime.kind() })
    }

    /// Whether an answer's bits depend on nothing but the request and the model, as [`Slots::is_invariant`] found.
    pub fn is_invariant(&self) -> bool {
        self.served.slots.is_invariant()
    }
}

impl Model for ServedRun {
    fn parts(&mut self) -> (&mut dyn Texts, &mut dyn Scores) {
        (&mut self.served.slots, &mut self.served.scorer)
    }

    fn reset(&mut self) -> Result<()> {
        self.served.reset()
    }

    fn reload(&mut self) -> Result<(u64, bool)> {
        // Damaged checkpoints are passed over; what is served says which one it is.
        let model = TrainedModel::open(&self.run, &mut |_| ())?;
        let step = model.manifest().step;
        if step == self.step {
            return Ok((step, false));
        }
        model.replace(&mut self.served, self.device)?;
        self.step = step;
        Ok((step, true))
    }
}
