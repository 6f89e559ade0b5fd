//! Options of the subcommands that use a trained model: which one, on what, and how tokens are drawn.

use std::path::PathBuf;

use clap::Args;
use eval::{Sampling, TrainedModel};
use runtime::DeviceKind;

use crate::output::{note, usage};

/// A trained model, and what it runs on.
#[derive(Args)]
pub struct ModelOptions {
    /// Run directory of a trained or imported model, or the folder of a checkpoint.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub run: PathBuf,
    /// Step whose checkpoint is used [default: the newest good one].
    #[arg(long, value_name = "STEP", help_heading = "Model")]
    pub checkpoint: Option<u64>,
    /// Tokens of a text, prompt and answer together, that the model can look back at [default: the length of its training
    /// sequences].
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Model")]
    window: Option<u32>,
    /// Device to run on: cpu, cuda or tpu [default: the one the model was trained on].
    #[arg(long, help_heading = "Model")]
    pub device: Option<DeviceKind>,
    /// PJRT plugin to use.
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    plugin: Option<PathBuf>,
}

impl ModelOptions {
    /// The model of a run, as it was trained.
    pub fn of(run: PathBuf) -> Self {
        Self { run, checkpoint: None, window: None, device: None, plugin: None }
    }

    /// Opens the model, whose parameters stay on disk.
    ///
    /// # Errors
    /// A run that cannot be opened.
    pub fn open(&self) -> eval::Result<TrainedModel> {
        TrainedModel::open_at(&self.run, self.checkpoint, &mut |warning| {
            note(format_args!("warning: {warning}"))
        })
    }

    /// Its window.
    pub fn window(&self, model: &TrainedModel) -> usize {
        self.window.map_or(model.default_window(), |window| window as usize)
    }

    /// The kind of device: `machine`'s if there is one, or that which is asked for, or that of training; and the plugin, which is training's on its
    /// own kind of device.
    pub fn device(&self, model: &TrainedModel, machine: Option<DeviceKind>) -> (DeviceKind, Option<PathBuf>) {
        let trained_on = &model.config().device;
        let kind = machine.or(self.device).unwrap_or(trained_on.kind);
        let of_training = || trained_on.plugin.clone().filter(|_| kind == trained_on.kind);
        (kind, self.plugin.clone().or_else(of_training))
    }
}

/// How tokens are drawn.
#[derive(Args)]
pub struct SamplingOptions {
    /// What logits are divided by before the softmax; 0 always takes the likeliest token.
    #[arg(
        long,
        value_name = "T",
        default_value_t = 1.0,
        allow_negative_numbers = true,
        help_heading = "Sampling"
    )]
    temperature: f64,
    /// Draw only from the K likeliest tokens [default: all].
    #[arg(long, value_name = "K", help_heading = "Sampling")]
    top_k: Option<u32>,
    /// Draw only from the likeliest tokens whose probabilities reach this share together (nucleus sampling) [default: 1, and
    /// 0.8 in dialogues].
    #[arg(long, value_name = "P", allow_negative_numbers = true, help_heading = "Sampling")]
    top_p: Option<f64>,
    /// Seed of the draws, for each prompt anew: the same seed gives the same text. In a dialogue it is that of the first answer, and
    /// the next one's is one more.
    #[arg(long, value_name = "S", default_value_t = 0, help_heading = "Sampling")]
    seed: u64,
}

impl SamplingOptions {
    /// What they say, with the share of the nucleus that is usual here.
    ///
    /// # Errors
    /// Wrong usage for numbers that are none: what is wrong whatever the model is.
    pub fn sampling(&self, usual: Sampling) -> anyhow::Result<Sampling> {
        let &Self { temperature, top_k, top_p, seed } = self;
        let sampling = Sampling { temperature, top_k, top_p: top_p.unwrap_or(usual.top_p), seed };
        sampling.check().map_err(usage)?;
        Ok(sampling)
    }
}
