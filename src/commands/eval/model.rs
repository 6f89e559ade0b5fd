//! The model that is scored.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eval::TrainedModel;
use eval::scoring::{Overlong, Scorer, ScoringOptions};
use runtime::{DeviceKind, ProgramCache, Runtime, RuntimeOptions};
use sharding::inference::InferenceMesh;
use sharding::machine::Topology;

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
    /// Machine of one host over whose devices the model is split, such as cpu:4 (docs/topologies.md) [default: one device].
    #[arg(long, value_name = "MACHINE", help_heading = "Model")]
    topology: Option<String>,
    /// How it is split: data=2,model=2, or a file that `gopher plan` wrote, whose mesh is taken [default: model as short as
    /// memory allows, and data for the rest].
    #[arg(long, value_name = "PLAN", help_heading = "Model")]
    plan: Option<String>,
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
        let topology = self.machine()?;
        if let (Some(device), Some(topology)) = (self.device, &topology)
            && device != topology.kind()
        {
            let kind = topology.kind();
            return Err(usage(format_args!(
                "--device {device}: --topology {topology} is of kind {kind}; leave one of them out"
            )));
        }
        if let (Some(plan), None) = (&self.plan, &topology) {
            return Err(usage(format_args!(
                "--plan {plan}: a plan is for a machine; say which with --topology"
            )));
        }
        let mut warn = |warning: &str| note(format_args!("warning: {warning}"));
        let model = TrainedModel::open_at(self.run()?, self.checkpoint, &mut warn)?;
        if let Some(topology) = &topology
            && let Some(mesh) = self.mesh(topology)?
        {
            let divided = model.config().model.work(1, 1.into()).divided;
            let checked = mesh.check(topology.devices(), &divided);
            checked.map_err(|error| self.wrong_plan(error))?;
        }
        Ok(model)
    }

    /// The machine over whose devices the model is split.
    ///
    /// # Errors
    /// A usage error for one that does not exist, or has several hosts.
    fn machine(&self) -> anyhow::Result<Option<Topology>> {
        let Some(text) = &self.topology else { return Ok(None) };
        let topology = Topology::parse(text, 1).map_err(|error| usage(format_args!("--{error}")))?;
        match topology.hosts() {
            1 => Ok(Some(topology)),
            hosts => Err(usage(format_args!(
                "--topology {topology}: it has {hosts} hosts, and a model is scored by one process on one; take a machine of one host"
            ))),
        }
    }

    /// The mesh that `--plan` says.
    ///
    /// # Errors
    /// A usage error for a plan that is none, is for another machine, or has stages.
    fn mesh(&self, topology: &Topology) -> anyhow::Result<Option<InferenceMesh>> {
        let Some(plan) = &self.plan else { return Ok(None) };
        let path = Path::new(plan);
        let mesh = if plan.contains('=') && !path.is_file() {
            InferenceMesh::parse(plan).map_err(|error| usage(format_args!("--plan {error}")))
        } else {
            let plan = train::plan::read_for(path, topology).map_err(|error| self.wrong_plan(error))?;
            InferenceMesh::of(plan.mesh).map_err(|error| self.wrong_plan(error))
        };
        mesh.map(Some)
    }

    /// A usage error about `--plan`.
    fn wrong_plan(&self, error: impl std::fmt::Display) -> anyhow::Error {
        usage(format_args!("--plan {}: {error}", self.plan.as_deref().unwrap_or_default()))
    }

    /// The device it runs on.
    pub fn device(&self, model: &TrainedModel) -> DeviceKind {
        let topology = self.machine().ok().flatten();
        let kind = topology.map(|topology| topology.kind()).or(self.device);
        kind.unwrap_or(model.config().device.kind)
    }

    /// The machine as it was named.
    pub fn topology(&self) -> Option<&str> {
        self.topology.as_deref()
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
        let topology = self.machine()?;
        let virtual_devices = topology.as_ref().map(Topology::devices);
        let programs = ProgramCache::of_user();
        let options = RuntimeOptions { plugin, virtual_devices, programs, ..RuntimeOptions::default() };
        let runtime = Runtime::start(kind, &options, &mut fetching)?;
        let options = ScoringOptions { batch: self.batch, reuse: !self.no_reuse, top };
        let window = self.window(&model);
        let Some(topology) = topology else {
            return Ok(model.scorer_with_window(&runtime, window, options)?);
        };
        let (mesh, origin) = match self.mesh(&topology)? {
            Some(mesh) => (mesh, "given by --plan"),
            None => (model.choose_mesh(&runtime, topology.devices(), window, options)?, "by default"),
        };
        note(format_args!("mesh for {topology}: {mesh}, {origin}"));
        Ok(model.scorer_on(&runtime, Some(mesh), window, options)?)
    }
}
