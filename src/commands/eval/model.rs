//! The model that is scored.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eval::TrainedModel;
use eval::scoring::{Overlong, Scorer, ScoringOptions};
use runtime::{DeviceKind, Runtime, RuntimeOptions};

use crate::output::{fetching, note, usage};

/// Which model, and where it runs.
#[derive(Args, Clone)]
pub struct ModelArguments {
    /// Run directory of a trained or imported model, or the folder of a checkpoint.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    run: Option<PathBuf>,
    /// Step whose checkpoint is used [default: the newest good one].
    #[arg(long, value_name = "STEP", help_heading = "Model")]
    pub checkpoint: Option<u64>,
    /// Tokens the model can look back at [default: the length of its training sequences].
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Model")]
    window: Option<u32>,
    /// Device to run on: cpu, cuda or tpu [default: the one the model was trained on].
    #[arg(long, help_heading = "Model")]
    pub device: Option<DeviceKind>,
    /// PJRT plugin to use.
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub plugin: Option<PathBuf>,
    /// Rows in flight: more take more memory and fill the device better; no score depends on it.
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Model")]
    pub batch: usize,
    /// Compute what prompts share again for each.
    #[arg(long, help_heading = "Model")]
    pub no_reuse: bool,
    /// What is done with a prompt that is longer than the window.
    #[arg(long, value_enum, default_value_t, help_heading = "Model")]
    pub overlong: OverlongArgument,
}

/// What is done with a prompt that is longer than the window.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum OverlongArgument {
    /// The beginning of its context is cut off, and counted.
    #[default]
    Truncate,
    /// The document is left out, and counted.
    Skip,
    /// The evaluation ends with the document's name.
    Error,
}

impl From<OverlongArgument> for Overlong {
    fn from(argument: OverlongArgument) -> Self {
        match argument {
            OverlongArgument::Truncate => Overlong::Truncate,
            OverlongArgument::Skip => Overlong::Skip,
            OverlongArgument::Error => Overlong::Error,
        }
    }
}

impl ModelArguments {
    /// The run.
    ///
    /// # Errors
    /// A usage error without one.
    pub fn run(&self) -> anyhow::Result<&Path> {
        self.run.as_deref().ok_or_else(|| usage("which model? name its run with --run DIR"))
    }

    /// Opens the checkpoint; its parameters are still on disk.
    ///
    /// # Errors
    /// A run or a checkpoint that is none.
    pub fn open(&self) -> anyhow::Result<TrainedModel> {
        if self.batch == 0 {
            return Err(usage("--batch is 0; at least one row must be in flight"));
        }
        let mut warn = |warning: &str| note(format_args!("warning: {warning}"));
        Ok(TrainedModel::open_at(self.run()?, self.checkpoint, &mut warn)?)
    }

    /// The device it runs on.
    pub fn device(&self, model: &TrainedModel) -> DeviceKind {
        self.device.unwrap_or(model.config().device.kind)
    }

    /// Tokens it can look back at.
    pub fn window(&self, model: &TrainedModel) -> usize {
        self.window.map_or(model.default_window(), |window| window as usize)
    }

    /// Loads the parameters.
    ///
    /// # Errors
    /// A device that cannot be used, a checkpoint that is damaged, too little memory.
    pub fn load(&self, model: TrainedModel, top: usize) -> anyhow::Result<Scorer> {
        let trained_on = &model.config().device;
        let kind = self.device(&model);
        let plugin =
            self.plugin.clone().or_else(|| trained_on.plugin.clone().filter(|_| kind == trained_on.kind));
        let runtime =
            Runtime::start(kind, &RuntimeOptions { plugin, ..RuntimeOptions::default() }, &mut fetching)?;
        let options = ScoringOptions { batch: self.batch, reuse: !self.no_reuse, top };
        let window = self.window(&model);
        Ok(model.scorer_with_window(&runtime, window, options)?)
    }
}
