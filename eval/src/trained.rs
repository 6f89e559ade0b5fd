//! What a run directory holds of a model.

use std::path::{Path, PathBuf};

use data::Tokenizer;
use graph::{DType, TensorType};
use model::Precision;
use model::parameters::specs;
use sharding::{DeviceKind, Runtime};
use train::checkpoint::{self, Checkpoint, Dtype, Manifest};
use train::config::{Config, Draft};
use train::run_directory::RunDirectory;
use train::step::PARAMETERS;
use train::text::load_tokenizer;

use crate::generate::prompt_tokens;
use crate::{Decoder, Error, Generator, Result};

/// The newest checkpoint of a run, verified, with the configuration and the tokenizer it was trained with. Its parameters
/// are still on disk.
pub struct TrainedModel {
    config: Config,
    tokenizer: Tokenizer,
    checkpoint: Checkpoint,
    path: PathBuf,
}

impl TrainedModel {
    /// Opens a run. `warn` is told of checkpoints that are damaged and passed over.
    ///
    /// # Errors
    /// When the folder is no run, has no checkpoint yet, or its files do not fit each other.
    pub fn open(run: &Path, warn: &mut dyn FnMut(&str)) -> Result<Self> {
        let run = RunDirectory::read(run).map_err(train::Error::from)?;
        let config = read_config(&run.config()).map_err(train::Error::from)?;
        let path = checkpoint::latest(&run.checkpoints(), warn).map_err(train::Error::from)?;
        let path = path.ok_or_else(|| Error::NoCheckpoint { path: run.path().to_owned() })?;
        let tokenizer = load_tokenizer(&run.tokenizer(), config.model.vocabulary_size, Some(&path))?;
        let checkpoint = Checkpoint::open(&path).map_err(train::Error::from)?;
        Ok(Self { config, tokenizer, checkpoint, path })
    }

    /// The configuration the run was trained with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The checkpoint's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the checkpoint says of itself: steps and tokens it was trained for.
    pub fn manifest(&self) -> &Manifest {
        self.checkpoint.manifest()
    }

    /// The window that is used unless another is asked for: the length of the training sequences.
    pub fn default_window(&self) -> usize {
        self.config.training.sequence_length
    }

    /// Checks a prompt before anything is loaded.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] or [`Error::PromptTooLong`].
    pub fn check_prompt(&self, prompt: &str, window: usize) -> Result<()> {
        prompt_tokens(&self.tokenizer, prompt, window).map(drop)
    }

    /// Dtypes of the model on a kind of device.
    fn precision(&self, device: DeviceKind) -> Precision {
        self.config.training.precision.regime(device, &self.config.model).dtypes()
    }

    /// Loads the parameters to the device and compiles the model for `window` positions.
    ///
    /// # Errors
    /// When a parameter is missing or of another shape, or the device refuses.
    pub fn generator(mut self, runtime: &Runtime, window: usize) -> Result<Generator> {
        let precision = self.precision(runtime.kind());
        let mut parameters = Vec::new();
        for spec in specs(&self.config.model) {
            let name = format!("{PARAMETERS}{}", spec.name);
            let stored = stored(precision.parameters);
            let tensor = self.checkpoint.expect_tensor(&name, stored, &spec.shape);
            let tensor = tensor.map_err(train::Error::from)?;
            let ty = TensorType::new(precision.parameters, spec.shape);
            parameters.push(runtime.upload_bytes(&ty, &tensor.data)?);
        }
        let decoder = Decoder::new(runtime, &self.config.model, precision, parameters, window)?;
        Ok(Generator::new(decoder, self.tokenizer))
    }
}

fn read_config(path: &Path) -> Result<Config, train::config::Error> {
    let mut draft = Draft::quick_start()?;
    draft.apply_file(path)?;
    draft.finish()
}

/// The dtype of parameters in a checkpoint.
fn stored(parameters: DType) -> Dtype {
    match parameters {
        DType::BF16 => Dtype::BF16,
        DType::F16 => Dtype::F16,
        DType::F64 => Dtype::F64,
        _ => Dtype::F32,
    }
}
