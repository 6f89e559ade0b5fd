//! A trained model in a run directory: parameters, sizes and tokenizer.

use std::path::Path;

use configuration::Config;
use data::Tokenizer;
use data::dialogue::{ChatTemplate, TemplateError};
use graph::{DType, TensorType};
use model::Precision;
use runtime::{DeviceKind, Runtime};
use sha2::{Digest as _, Sha256};
use sharding::inference::InferenceMesh;
use store::checkpoint::PARAMETERS;
use store::checkpoint::{CONFIG, Checkpoint, Dtype, IMPORT, MANIFEST, Manifest, Region, TOKENIZER};

use crate::decoder::{cache_types, check_memory};
use crate::devices::Devices;
use crate::generate::prompt_tokens;
use crate::place;
use crate::scoring::{Encoding, Scorer, ScoringOptions};
use crate::served::Reader;
use crate::{Decoder, Generator, Origin, Result, Served, ServingMemory, ServingOptions};

/// The newest good checkpoint of a run, trained here or imported, with its configuration and its tokenizer. Its parameters are
/// still on disk.
pub struct TrainedModel {
    config: Config,
    tokenizer: Tokenizer,
    /// Of an imported model.
    origin: Option<Origin>,
    checkpoint: Checkpoint,
}

impl TrainedModel {
    /// Opens a run's newest good checkpoint, or the checkpoint whose folder is named. Checkpoints that are damaged and passed over are reported to `warn`.
    ///
    /// # Errors
    /// [`Error::RunDirectory`](crate::Error::RunDirectory) when the folder is no run, [`Error::NoCheckpoint`](crate::Error::NoCheckpoint) when it has
    /// no checkpoint yet.
    pub fn open(run: &Path, warn: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::from_checkpoint(place::find(run, None, warn)?)
    }

    /// Opens the checkpoint of a step, of a run; or a checkpoint's own folder, which is of that step or of any if none is
    /// given. A run's folder `checkpoints` stands for the run.
    ///
    /// # Errors
    /// As [`TrainedModel::open`]; [`Error::NoStep`](crate::Error::NoStep) when the run has no checkpoint of that step, [`Error::OtherStep`](crate::Error::OtherStep) when the
    /// folder is that of another, [`Error::WrongLevel`](crate::Error::WrongLevel) when the path leads into a run, or to a folder of runs.
    pub fn open_at(path: &Path, step: Option<u64>, warn: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::from_checkpoint(place::find(path, step, warn)?)
    }

    /// A checkpoint with the configuration and the tokenizer in it.
    ///
    /// # Errors
    /// [`Error::Configuration`](crate::Error::Configuration) when its configuration cannot be read,
    /// [`Error::Vocabulary`](crate::Error::Vocabulary) when its tokenizer cannot be or has more pieces than the model tokens.
    pub fn from_checkpoint(checkpoint: Checkpoint) -> Result<Self> {
        let path = checkpoint.path();
        let config = Config::read(&path.join(CONFIG))?;
        let tokenizer = config.load_tokenizer(&path.join(TOKENIZER), Some(path))?;
        let origin = match checkpoint.manifest().files.contains_key(IMPORT) {
            true => Some(Origin::parse(&path.join(IMPORT), &checkpoint.file(IMPORT)?)?),
            false => None,
        };
        Ok(Self { config, tokenizer, origin, checkpoint })
    }

    /// The configuration the run was trained with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokenizer once more, for another thread.
    ///
    /// # Errors
    /// None, for a tokenizer that was read.
    pub fn copy_tokenizer(&self) -> Result<Tokenizer> {
        Ok(Tokenizer::from_bytes(self.tokenizer.to_bytes().to_vec(), self.tokenizer.file_name())?)
    }

    /// Where the model came from, if it was imported.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The form of dialogues that the model came with, if it was imported with one.
    ///
    /// # Errors
    /// Inside, [`TemplateError::Unusable`].
    pub fn chat_template(&self) -> Option<Result<ChatTemplate, TemplateError>> {
        let source = self.origin.as_ref()?.chat_template.as_deref()?;
        Some(ChatTemplate::new(source, &self.tokenizer))
    }

    /// The token that texts given to the model begin with; `None` for models trained here, whose texts follow each other
    /// with nothing but an end between them.
    pub fn begin_of_text(&self) -> Option<u32> {
        let adds = self.origin.as_ref().is_some_and(|origin| origin.adds_begin_of_text);
        self.tokenizer.begin_of_text().filter(|_| adds)
    }

    /// The checkpoint.
    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint's folder.
    pub fn path(&self) -> &Path {
        self.checkpoint.path()
    }

    /// The checkpoint's manifest: steps and tokens it was trained for.
    pub fn manifest(&self) -> &Manifest {
        self.checkpoint.manifest()
    }

    /// The window that is used unless another is asked for: the length of the training sequences.
    pub fn default_window(&self) -> usize {
        self.config.training.sequence_length
    }

    /// SHA-256 of the checkpoint's manifest, in hexadecimal: it has the digests of all tensors and files.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when it cannot be read.
    pub fn hash(&self) -> Result<String> {
        let path = self.path().join(MANIFEST);
        let manifest = std::fs::read(&path).map_err(|source| crate::Error::Io { path, source })?;
        Ok(Sha256::digest(manifest).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Dtype of activations on a kind of device.
    pub fn activations(&self, device: DeviceKind) -> DType {
        self.precision(device).activations
    }

    /// Checks a prompt before anything is loaded, and counts its tokens.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`](crate::Error::EmptyPrompt) when the prompt has no tokens, [`Error::PromptTooLong`](crate::Error::PromptTooLong) when it has more than the window.
    pub fn check_prompt(&self, prompt: &str, window: usize) -> Result<usize> {
        prompt_tokens(&self.tokenizer, self.begin_of_text(), prompt, window).map(|tokens| tokens.len())
    }

    /// Memory that a window takes on a kind of device, whatever the compiler makes of the model.
    pub fn memory(&self, device: DeviceKind, window: usize) -> DecodingMemory {
        let precision = self.precision(device);
        let bytes = |dtype, shape| TensorType::new(dtype, shape).bytes() as u64;
        let parameters = self.config.model.parameters().into_iter();
        DecodingMemory {
            parameters: parameters.map(|spec| bytes(precision.parameters, spec.shape)).sum(),
            cache: cache_types(&self.config.model, precision, window)
                .iter()
                .map(|ty| ty.bytes() as u64)
                .sum(),
        }
    }

    /// Dtypes of the model on a kind of device.
    fn precision(&self, device: DeviceKind) -> Precision {
        self.config.training.precision.regime(device, &self.config.model).dtypes()
    }

    /// Loads the parameters to the device and compiles the model for `window` positions.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) when a parameter is missing or of another shape, [`Error::Memory`](crate::Error::Memory) when the window does not fit
    /// the device's memory, [`Error::Device`](crate::Error::Device) when the device fails or its memory is full.
    pub fn generator(self, runtime: &Runtime, window: usize) -> Result<Generator> {
        let DecodingMemory { parameters, cache } = self.memory(runtime.kind(), window);
        check_memory(runtime, window, parameters, cache)?;
        let (precision, begin) = (self.precision(runtime.kind()), self.begin_of_text());
        let mut read = reader(&self.config, &self.checkpoint, precision)?;
        let parameters = Devices::one(runtime).load(&self.config.model, precision, &mut *read)?;
        let model = self.config.model.with_tokens(self.tokenizer.vocabulary_size());
        let decoder = Decoder::new(runtime, &model, precision, parameters, window)?;
        Ok(Generator::new(decoder, self.tokenizer).with_begin_of_text(begin))
    }

    /// Loads the parameters to the device and compiles the model for scoring, with the window of its training sequences.
    ///
    /// # Errors
    /// As [`TrainedModel::generator`], and those of [`Scorer::new`].
    pub fn scorer(self, runtime: &Runtime, options: ScoringOptions) -> Result<Scorer> {
        let window = self.default_window();
        self.scorer_with_window(runtime, window, options)
    }

    /// As [`TrainedModel::scorer`], with another window than that of training.
    ///
    /// # Errors
    /// As there.
    pub fn scorer_with_window(
        self,
        runtime: &Runtime,
        window: usize,
        options: ScoringOptions,
    ) -> Result<Scorer> {
        self.scorer_on(runtime, None, window, options)
    }

    /// As [`TrainedModel::scorer_with_window`], over a mesh of the first devices that there are. Each device is given its parts of
    /// the parameters, and the host holds no more than one of them at a time.
    ///
    /// # Errors
    /// As there, and those of [`Scorer::on_mesh`].
    pub fn scorer_on(
        self,
        runtime: &Runtime,
        mesh: Option<InferenceMesh>,
        window: usize,
        options: ScoringOptions,
    ) -> Result<Scorer> {
        let precision = self.precision(runtime.kind());
        let model = self.config.model.with_tokens(self.tokenizer.vocabulary_size());
        let devices = match mesh {
            Some(mesh) => Devices::of_mesh(runtime, mesh, &model)?,
            None => Devices::one(runtime),
        };
        let begin = self.begin_of_text();
        let encoding = Encoding::new(self.tokenizer, begin, window)?;
        let mut read = reader(&self.config, &self.checkpoint, precision)?;
        Scorer::load(&devices, &model, precision, &mut *read, encoding, options)
    }

    /// Bytes that the model takes on each device when it is served, over a mesh or on the first device.
    ///
    /// # Errors
    /// [`Error::Devices`](crate::Error::Devices), [`Error::Mesh`](crate::Error::Mesh) and [`Error::ServingMesh`](crate::Error::ServingMesh)
    /// for a mesh that it cannot be split over.
    pub fn serving_memory(
        &self,
        runtime: &Runtime,
        mesh: Option<InferenceMesh>,
        options: ServingOptions,
    ) -> Result<ServingMemory> {
        let model = self.config.model.with_tokens(self.tokenizer.vocabulary_size());
        let devices = Served::devices(runtime, mesh, &model)?;
        Served::memory(&devices, &model, self.precision(runtime.kind()), options)
    }

    /// Loads the parameters and compiles all that it takes to serve the model.
    ///
    /// # Errors
    /// As [`TrainedModel::serving_memory`] and [`TrainedModel::scorer`]; [`Error::NoSlots`](crate::Error::NoSlots).
    pub fn served(
        &self,
        runtime: &Runtime,
        mesh: Option<InferenceMesh>,
        options: ServingOptions,
    ) -> Result<Served> {
        let precision = self.precision(runtime.kind());
        let model = self.config.model.with_tokens(self.tokenizer.vocabulary_size());
        let devices = Served::devices(runtime, mesh, &model)?;
        let encoding = Encoding::new(self.copy_tokenizer()?, self.begin_of_text(), options.slots.window)?;
        let mut read = reader(&self.config, &self.checkpoint, precision)?;
        Served::load(&devices, &model, precision, &mut *read, encoding, options)
    }

    /// Puts this model's parameters in the place of those of one that is served. Nothing is compiled; texts under way are lost.
    ///
    /// # Errors
    /// [`Error::OtherModel`](crate::Error::OtherModel) if it is another model or has another tokenizer, which changes nothing; those of
    /// [`TrainedModel::served`].
    pub fn replace(&self, served: &mut Served, kind: DeviceKind) -> Result<()> {
        let model = self.config.model.with_tokens(self.tokenizer.vocabulary_size());
        let other = |what| Err(crate::Error::OtherModel { what, path: self.path().to_owned() });
        if model != *served.config() {
            return other("the size");
        }
        if self.tokenizer.fingerprint() != served.scorer.tokenizer().fingerprint() {
            return other("the tokenizer");
        }
        let mut read = reader(&self.config, &self.checkpoint, self.precision(kind))?;
        served.replace(&mut *read)
    }

    /// The mesh that scoring takes unless one is asked for ([`Scorer::choose_mesh`]).
    ///
    /// # Errors
    /// As there.
    pub fn choose_mesh(
        &self,
        runtime: &Runtime,
        devices: usize,
        window: usize,
        options: ScoringOptions,
    ) -> Result<InferenceMesh> {
        let precision = self.precision(runtime.kind());
        Scorer::choose_mesh(runtime, devices, &self.config.model, precision, window, options)
    }
}

/// Reads parts of a model's parameters, whose dtypes and shapes are checked first.
fn reader<'a>(config: &Config, checkpoint: &'a Checkpoint, precision: Precision) -> Result<Reader<'a>> {
    let specs = config.model.parameters();
    let names: Vec<String> = specs.iter().map(|spec| format!("{PARAMETERS}{}", spec.name)).collect();
    for (name, spec) in names.iter().zip(&specs) {
        checkpoint.expect(name, stored(precision.parameters), &spec.shape)?;
    }
    Ok(Box::new(move |index, ranges, bytes| {
        let (offset, shape) = ranges.iter().map(|range| (range.start, range.len())).unzip();
        Ok(checkpoint.read(&names[index], &Region { offset, shape }, bytes)?)
    }))
}

/// Bytes that a model takes on a device while it reads a text, apart from what is computed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodingMemory {
    /// The parameters.
    pub parameters: u64,
    /// What is kept of each token of the window: its keys and values.
    pub cache: u64,
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
