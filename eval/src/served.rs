//! A model that is served: texts in slots and scoring, over the same parameters on the same devices.

use std::ops::Range;

use model::{ModelConfig, Precision};
use runtime::Runtime;
use sharding::inference::InferenceMesh;

use crate::devices::{Devices, ReadParameter, divided, model_on};
use crate::scoring::{Encoding, Scorer, ScoringOptions};
use crate::slots::{SlotOptions, Slots, cache_rows, slot_memory};
use crate::{Error, Result};

/// Rows of scoring in flight: as many as a call has on a CPU, twice, so that beginnings stay for those that follow.
const SCORING_ROWS: usize = 32;

/// How a model is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServingOptions {
    /// Slots, their window, and what is kept of prompts.
    pub slots: SlotOptions,
    /// Numbers of most probable tokens that scoring can give beside none.
    pub tops: &'static [usize],
}

/// Bytes on each device that a served model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServingMemory {
    /// The parameters.
    pub weights: u64,
    /// What scoring takes beside them.
    pub scoring: u64,
    /// What each slot takes.
    pub slot: u64,
    /// Slots.
    pub slots: usize,
    /// What beginnings of prompts take at most.
    pub prefixes: u64,
    /// Tables, the prompt that is read, and what steps compute on the way.
    pub other: u64,
    /// What there is, if that is known.
    pub limit: Option<u64>,
}

impl ServingMemory {
    /// All of it.
    pub fn total(&self) -> u64 {
        let slots = self.slot.saturating_mul(self.slots as u64);
        [self.scoring, slots, self.prefixes, self.other].into_iter().fold(self.weights, u64::saturating_add)
    }

    /// Checks that it fits.
    ///
    /// # Errors
    /// [`Error::ServingMemory`].
    pub fn check(&self, window: usize) -> Result<()> {
        let Some(limit) = self.limit.filter(|&limit| self.total() > limit) else { return Ok(()) };
        let fixed = self.total() - self.slot.saturating_mul(self.slots as u64);
        let room = limit.saturating_sub(fixed) / self.slot.max(1);
        let way_out = if room > 0 {
            format!("take --slots {room}, a narrower --window, or a smaller --prefix-cache")
        } else if fixed.saturating_sub(self.prefixes) + self.slot <= limit {
            "take a smaller --prefix-cache".to_owned()
        } else {
            "take a narrower --window, or devices with more memory".to_owned()
        };
        let (slots, slot, total) = (self.slots, self.slot, self.total());
        Err(Error::ServingMemory { slots, window, slot, total, limit, way_out })
    }
}

/// A model on its devices, that continues and scores texts.
pub struct Served {
    /// Continues texts.
    pub slots: Slots,
    /// Scores them.
    pub scorer: Scorer,
    config: ModelConfig,
    precision: Precision,
    devices: Devices,
}

impl Served {
    /// Loads a model on the first device, or split over a mesh of the first devices there are, and compiles all that it will ever need. Of
    /// the parameters, `read` is asked for each part that a device has; the window of `encoding` is that of scoring.
    ///
    /// # Errors
    /// As [`TrainedModel::served`](crate::TrainedModel::served).
    pub fn new(
        runtime: &Runtime,
        mesh: Option<InferenceMesh>,
        config: &ModelConfig,
        precision: Precision,
        read: ReadParameter<'_>,
        encoding: Encoding,
        options: ServingOptions,
    ) -> Result<Self> {
        let devices = Self::devices(runtime, mesh, config)?;
        Self::load(&devices, config, precision, read, encoding, options)
    }

    /// The devices for a mesh; one without.
    pub(crate) fn devices(
        runtime: &Runtime,
        mesh: Option<InferenceMesh>,
        config: &ModelConfig,
    ) -> Result<Devices> {
        match mesh {
            None => Ok(Devices::one(runtime)),
            Some(InferenceMesh { data: 1, .. }) => {
                Devices::of_mesh(runtime, mesh.unwrap_or(InferenceMesh { data: 1, model: 1 }), config)
            }
            Some(mesh) => Err(Error::ServingMesh { mesh, devices: mesh.devices() }),
        }
    }

    /// The mesh of so many devices over which a model is served.
    ///
    /// # Errors
    /// [`Error::Mesh`] if the model cannot be divided among them.
    pub fn choose_mesh(devices: usize, config: &ModelConfig) -> Result<InferenceMesh> {
        let mesh = InferenceMesh { data: 1, model: devices };
        mesh.check(devices, &divided(config))?;
        Ok(mesh)
    }

    /// A model as programs have it on a mesh: with a vocabulary that its devices can share.
    pub fn model_on(mesh: InferenceMesh, config: &ModelConfig) -> ModelConfig {
        model_on(mesh, config)
    }

    /// What a model takes.
    pub(crate) fn memory(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        options: ServingOptions,
    ) -> Result<ServingMemory> {
        let SlotOptions { slots, window, prefix_bytes } = options.slots;
        let padded = devices.model(config);
        let (weights, scoring) =
            Scorer::memory(devices, &padded, precision, window, scoring_options(options))?;
        let (slot, tables) = slot_memory(devices, &padded, precision, window)?;
        // Of one layer at a time, what is attended to is copied; logits are there twice.
        let layers = config.sizes().layers.max(1) as u64;
        let steps = slot.saturating_mul(2 * slots as u64) / layers;
        let logits = 8 * slots as u64 * padded.padded_vocabulary() as u64;
        // Slots come in groups, of which the last may be larger than what is asked for.
        let fill = slot.saturating_mul((cache_rows(slots) - slots.min(cache_rows(slots))) as u64);
        let parts = [slot, tables, steps, logits, fill];
        let other = parts.into_iter().fold(0, u64::saturating_add);
        let limit = devices.memory_limit();
        Ok(ServingMemory { weights, scoring, slot, slots, prefixes: prefix_bytes, other, limit })
    }

    /// Loads a model and compiles all that it will ever need.
    pub(crate) fn load(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        read: ReadParameter<'_>,
        encoding: Encoding,
        options: ServingOptions,
    ) -> Result<Self> {
        if options.slots.slots == 0 {
            return Err(Error::NoSlots);
        }
        let mut scorer = Scorer::load(devices, config, precision, read, encoding, scoring_options(options))?;
        options.tops.iter().try_for_each(|&count| scorer.want_top(count))?;
        scorer.want_top(0)?;
        scorer.compile_all()?;
        let slots = scorer.slots(options.slots)?;
        Ok(Self { slots, scorer, config: config.clone(), precision, devices: devices.clone() })
    }

    /// Takes the parameters that `read` gives, of the same model, and forgets all texts. Nothing is compiled.
    pub(crate) fn replace(&mut self, read: ReadParameter<'_>) -> Result<()> {
        let parameters = self.devices.load(&self.config, self.precision, read)?.into();
        self.scorer.replace(std::sync::Arc::clone(&parameters))?;
        self.slots.replace(parameters)
    }

    /// The model's sizes.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Makes it as new, after a failure of the device.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn reset(&mut self) -> Result<()> {
        self.scorer.reset()?;
        self.slots.reset()
    }
}

/// A [`ReadParameter`] as it is kept until it is read.
pub(crate) type Reader<'a> = Box<dyn FnMut(usize, &[Range<usize>], &mut [u8]) -> Result<()> + 'a>;

fn scoring_options(options: ServingOptions) -> ScoringOptions {
    let top = options.tops.iter().copied().max().unwrap_or_default();
    ScoringOptions { batch: SCORING_ROWS, reuse: true, top }
}
