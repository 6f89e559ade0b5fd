//! What `gopher plan` and `gopher export` are about: a model by name, of a configuration, or of a run.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use configuration::{Config, Draft, PrecisionPolicy};
use model::{ModelConfig, Preset};
use runtime::DeviceKind;
use store::checkpoint::Checkpoint;
use store::run_directory::RunDirectory;
use train::plan::{GivenError, Planned};

use crate::output::{note, usage};

/// Tokens of a sequence in the paper.
const SEQUENCE_LENGTH: usize = 2048;

/// The arguments that say which model.
#[derive(Args)]
pub struct ModelArguments {
    /// A model with a name (`gopher models` lists them), or a configuration, as `gopher train` takes it.
    #[arg(long, value_name = "NAME|FILE.toml", help_heading = "Model")]
    model: Option<String>,
    /// The model of a run directory, as it was trained.
    #[arg(long, value_name = "DIR", conflicts_with = "model", help_heading = "Model")]
    run: Option<PathBuf>,
    /// Change one key of the configuration, such as model.layers=4; may be given several times.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", help_heading = "Model")]
    overrides: Vec<String>,
}

/// A model, and how it is trained unless other arguments say otherwise.
pub struct Workload {
    /// What to call it.
    pub name: String,
    /// The training: a preset's with the paper's batch and sequences, or that of a configuration.
    pub config: Config,
    /// Whether the configuration is one that a user wrote or a run has, as opposed to a preset's.
    pub is_configured: bool,
    /// The run directory, if it is that of one, and its model is the one that was trained.
    pub run: Option<PathBuf>,
}

impl ModelArguments {
    /// Reads what they name.
    ///
    /// # Errors
    /// No model, one that there is not, a file that cannot be read, or a key that is wrong.
    pub fn workload(&self) -> anyhow::Result<Workload> {
        let mut draft = Draft::quick_start()?;
        let (name, is_configured) = match (&self.model, &self.run) {
            (Some(name), _) => match Preset::find(name) {
                Some(preset) => {
                    draft.set_value("--model", "model.preset", preset.name.into())?;
                    draft.set_value("--model", "training.batch", (preset.batch_sequences as i64).into())?;
                    draft.set_value(
                        "--model",
                        "training.sequence_length",
                        (SEQUENCE_LENGTH as i64).into(),
                    )?;
                    (preset.name.to_owned(), false)
                }
                None => {
                    let path = Path::new(name);
                    if !path.exists() {
                        return Err(usage(unknown(name)));
                    }
                    draft.apply_file(path).map_err(usage)?;
                    (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), true)
                }
            },
            (None, Some(run)) => {
                let directory = RunDirectory::read(run)?;
                draft.apply_file(&directory.config())?;
                (run.file_name().unwrap_or_default().to_string_lossy().into_owned(), true)
            }
            (None, None) => return Err(usage("which model? --model NAME, --model FILE.toml or --run DIR")),
        };
        let before = draft.clone().finish().map_err(usage)?;
        self.overrides.iter().try_for_each(|text| draft.set(text)).map_err(usage)?;
        let config = draft.finish().map_err(usage)?;
        let same = config.model == before.model;
        let name = if same { name } else { format!("{name}, changed") };
        Ok(Workload { name, config, is_configured, run: self.run.clone().filter(|_| same) })
    }
}

impl ModelArguments {
    /// The run, where nothing else says what the model is.
    ///
    /// # Errors
    /// In words, if there is none, or something else does.
    pub fn run_alone(&self) -> Result<&Path, &'static str> {
        match (&self.run, &self.model, self.overrides.is_empty()) {
            (Some(run), None, true) => Ok(run),
            (_, _, false) => Err("--set: parameters are those of the run's own sizes; leave it out"),
            _ => Err("only a run has parameters; name it with --run DIR"),
        }
    }
}

/// There is no such model; the nearest.
fn unknown(name: &str) -> String {
    let all = Preset::all();
    let near = all
        .iter()
        .map(|preset| (strsim::damerau_levenshtein(&name.to_ascii_lowercase(), preset.name), preset.name));
    let hint = match near.min() {
        Some((distance, near)) if distance <= 2 => format!("did you mean '{near}'? "),
        _ => String::new(),
    };
    format!(
        "--model {name}: there is no model of this name, and no such file; {hint}`gopher models` lists the names"
    )
}

impl Workload {
    /// The model.
    pub fn model(&self) -> &ModelConfig {
        &self.config.model
    }

    /// What plans are made for, on a kind of device, in a precision; that of the configuration unless another is given.
    pub fn planned(
        &self,
        precision: Option<PrecisionPolicy>,
        kind: DeviceKind,
        sequence_length: usize,
    ) -> Planned {
        let training = &self.config.training;
        let regime = precision.unwrap_or(training.precision).regime(kind, self.model());
        let usual =
            Planned::new(self.model().clone(), regime.dtypes(), training.clip_norm, sequence_length, kind);
        let queries = match training.query_block {
            0 => usual.queries,
            block => block.into(),
        };
        let answers_only = self.config.data.dialogues;
        Planned {
            float32_copy: regime.float32_copy(),
            adam: self.config.optimizer,
            queries,
            answers_only,
            ..usual
        }
    }

    /// The newest good checkpoint of the run.
    ///
    /// # Errors
    /// No run, a run whose sizes were changed, or one without a checkpoint.
    pub fn checkpoint(&self) -> anyhow::Result<Checkpoint> {
        let run = self.run.as_deref().context(
            "--weights: only a run has parameters, and those of its own sizes: name it with --run DIR, without --set model.…",
        );
        let directory = RunDirectory::read(run.map_err(usage)?)?;
        let mut warn = |warning: &str| note(format_args!("warning: {warning}"));
        let newest = store::checkpoint::newest_good(&directory.checkpoints(), &mut warn)?;
        newest.with_context(|| format!("{} has no checkpoint yet", directory.path().display()))
    }
}

/// A file that cannot be read is a failure; one that holds no plan, or one that does not fit, is wrong usage.
pub fn given_error(error: GivenError) -> anyhow::Error {
    match error {
        GivenError::Read { .. } => error.into(),
        error => usage(error),
    }
}
