//! A run directory of a model that another program trained.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use configuration::{Config, Regime};
use import::{ForeignModel, Format, LlamaSizes};
use model::{Llama, ModelConfig, ParameterSpec};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::checkpoint::{
    self, CONFIG, DataPosition, Description, Dtype, FileDigest, History, IMPORT, PARAMETERS, RandomState,
    Region, StreamedTensor, TOKENIZER, Versions,
};
use store::files::{FileError, write_atomically};
use store::lossy_path;
use store::run_directory::Unfinished;
use store::skipped::Skipped;

use crate::{Error, Result};

/// The most tokens that `training.sequence_length` of an imported run is, and with it the window of `gopher generate` where
/// none is asked for: what decoding keeps grows with the window, and models are made for more than most machines hold.
pub const LONGEST_SEQUENCE: usize = 2048;

/// Bytes that are hashed at a time.
const CHUNK: usize = 1 << 20;

/// Where an imported model came from, and what a run has no other place for: `import.json`, in the run directory and in its
/// checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The file or folder, as an absolute path.
    pub source: String,
    /// `gguf` or `hugging_face`.
    pub format: String,
    /// The files that were read, by name, with their sizes and hashes.
    pub files: BTreeMap<String, FileDigest>,
    /// How many tensors were stored in which way, such as `Q4_1`.
    pub tensors: BTreeMap<String, usize>,
    /// The longest text, in tokens, that the model was trained for.
    pub context_length: usize,
    /// Whether texts given to the model begin with the token that begins a text.
    pub adds_begin_of_text: bool,
    /// The template of chats (Jinja), if the model has one.
    pub chat_template: Option<String>,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The source is being hashed: bytes done, and bytes of its files.
    Hashing {
        /// Bytes done.
        done: u64,
        /// Bytes of all files.
        total: u64,
    },
    /// Parameters are being written: bytes done, and bytes of all.
    Writing {
        /// Bytes done.
        done: u64,
        /// Bytes of all parameters.
        total: u64,
    },
}

/// A model that was imported.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The run directory.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub run: PathBuf,
    /// Its checkpoint.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub checkpoint: PathBuf,
    /// Numbers of the model.
    pub parameters: u64,
    /// Bytes that they take, in float32.
    pub bytes: u64,
    /// Pieces of the tokenizer.
    pub vocabulary_size: usize,
    /// The run's `training.sequence_length`.
    pub sequence_length: usize,
    /// Where it came from.
    pub origin: Origin,
}

impl Origin {
    /// Reads the text of `import.json`; `path` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Origin`] if it is not what was written.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        inputs::json::from_slice(bytes).map_err(|detail| Error::Origin { path: path.to_owned(), detail })
    }
}

/// Makes the run directory `run` of the GGUF file or Hugging Face folder `source`: a configuration, the tokenizer, and a
/// checkpoint of step 0 with the parameters in float32 and no state of an optimiser. Parameters are read, converted and
/// written one layer's matrix at a time. `progress` is told how far that is, and may end it.
///
/// # Errors
/// What [`ForeignModel::open`] refuses; a run directory that is there already or cannot be written; [`Error::Interrupted`].
/// Nothing is left at `run`.
pub fn import_model(
    source: &Path,
    run: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported> {
    let mut foreign = ForeignModel::open(source)?;
    let config = config(&foreign, run)?;
    let unfinished = Unfinished::begin(run)?;
    let origin = origin(&foreign, source, progress)?;
    let (parameters, bytes) = write(&mut foreign, &config, &origin, &unfinished, progress)?;
    let run = unfinished.finish()?;
    Ok(Imported {
        checkpoint: checkpoint::folder(&run.checkpoints(), 0),
        run: run.path().to_owned(),
        parameters,
        bytes,
        vocabulary_size: foreign.tokenizer().vocabulary_size(),
        sequence_length: config.training.sequence_length,
        origin,
    })
}

/// The configuration of the run that will be at `run`.
fn config(foreign: &ForeignModel, run: &Path) -> Result<Config> {
    let run = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    let mut config = Config::quick_start()?;
    config.name = name.trim_start_matches('.').to_owned();
    config.model = model_config(foreign.sizes(), foreign.tokenizer().vocabulary_size());
    config.data.tokenizer = Some(run.join(TOKENIZER));
    config.training.sequence_length = foreign.sizes().context_length.clamp(1, LONGEST_SEQUENCE);
    config.training.precision = Regime::F32.into();
    config.check()?;
    config.check_paths()?;
    Ok(config)
}

/// The model with a vocabulary of `pieces`: rows of the embedding beyond the tokenizer's stand for nothing, and are left out.
fn model_config(sizes: &LlamaSizes, pieces: usize) -> ModelConfig {
    let LlamaSizes {
        layers,
        d_model,
        heads,
        key_value_heads,
        key_value_size,
        feed_forward_size,
        vocabulary_size: _,
        rope_base,
        norm_epsilon,
        tied,
        context_length: _,
    } = *sizes;
    Llama {
        layers,
        heads,
        key_value_heads,
        key_value_size,
        d_model,
        feed_forward_size,
        vocabulary_size: pieces,
        rope_base,
        norm_epsilon,
        tied_embedding: tied,
    }
    .into()
}

/// The account of where the model came from; its files are hashed for it.
fn origin(
    foreign: &ForeignModel,
    source: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Origin> {
    let read = |path: &Path, source| Error::from(FileError::read(path, source));
    let mut total = 0;
    for path in foreign.files() {
        total += path.metadata().map_err(|source| read(&path, source))?.len();
    }
    let (mut files, mut done) = (BTreeMap::new(), 0);
    for path in foreign.files() {
        let mut advance = |bytes: usize| {
            done += bytes as u64;
            progress(Progress::Hashing { done, total })
        };
        let digest = digest(&path, &mut advance).map_err(|source| read(&path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, digest.ok_or(Error::Interrupted)?);
    }
    let tensors = foreign.storages().into_iter().map(|(storage, count)| (storage.to_string(), count));
    Ok(Origin {
        source: std::path::absolute(source).unwrap_or_else(|_| source.to_owned()).display().to_string(),
        format: match foreign.format() {
            Format::Gguf => "gguf".to_owned(),
            Format::HuggingFace => "hugging_face".to_owned(),
        },
        files,
        tensors: tensors.collect(),
        context_length: foreign.sizes().context_length,
        adds_begin_of_text: foreign.adds_begin_of_text(),
        chat_template: foreign.chat_template().map(str::to_owned),
    })
}

/// Size and sha256 of a file; `None` if `advance`, which is told of bytes as they are done, ends it.
fn digest(path: &Path, advance: &mut dyn FnMut(usize) -> ControlFlow<()>) -> io::Result<Option<FileDigest>> {
    let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(Some(FileDigest { size, sha256: format!("{:x}", hash.finalize()) }));
        }
        hash.update(&buffer[..length]);
        size += length as u64;
        if advance(length).is_break() {
            return Ok(None);
        }
    }
}

/// Writes the run's files and its checkpoint: number of parameters, and their bytes.
fn write(
    foreign: &mut ForeignModel,
    config: &Config,
    origin: &Origin,
    unfinished: &Unfinished,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(u64, u64)> {
    let run = unfinished.run();
    let origin = serde_json::to_string_pretty(origin)
        .map_err(|error| Error::Origin { path: run.import(), detail: error.to_string() })?;
    let files = vec![
        (CONFIG.to_owned(), config.to_toml().into_bytes()),
        (TOKENIZER.to_owned(), foreign.tokenizer().to_bytes().to_vec()),
        (IMPORT.to_owned(), (origin + "\n").into_bytes()),
    ];
    for (name, contents) in &files {
        write_atomically(&run.path().join(name), contents)?;
    }
    let (parameters, specs) = (foreign.parameters(), config.model.parameters());
    let tensors: Vec<StreamedTensor> = parameters
        .iter()
        .zip(&specs)
        .map(|(parameter, spec)| StreamedTensor {
            name: format!("{PARAMETERS}{}", spec.name),
            dtype: Dtype::F32,
            shape: spec.shape.clone(),
            pieces: (0..parameter.slices).map(|slice| region(&spec.shape, slice, parameter.slices)).collect(),
        })
        .collect();
    let elements: u64 = specs.iter().map(ParameterSpec::elements).sum();
    let (mut done, total) = (0, elements * size_of::<f32>() as u64);
    let mut read = |tensor: usize, slice: usize| -> Result<Vec<u8>> {
        let mut values = foreign.read(&parameters[tensor], slice)?;
        if parameters[tensor].slices == 1 {
            values.truncate(specs[tensor].elements() as usize);
        }
        done += (values.len() * size_of::<f32>()) as u64;
        if progress(Progress::Writing { done, total }).is_break() {
            return Err(Error::Interrupted);
        }
        Ok(values.into_iter().flat_map(f32::to_le_bytes).collect())
    };
    checkpoint::save_streamed(&run.checkpoints(), &description(config, files), &tensors, &mut read)?;
    Ok((elements, total))
}

/// The box of one of `slices` equal parts along the first axis.
fn region(shape: &[usize], slice: usize, slices: usize) -> Region {
    let mut region = Region::whole(shape);
    if slices > 1 {
        (region.offset[0], region.shape[0]) = (slice, 1);
    }
    region
}

/// What the checkpoint says of itself: no step was taken, and nothing is known of what the model was trained on.
fn description(config: &Config, files: Vec<(String, Vec<u8>)>) -> Description {
    let seed = u64::from(config.training.seed);
    Description {
        step: 0,
        tokens: 0,
        planned: false,
        data: DataPosition { order: "shuffled".into(), seed, sequences: 0, skipped: Skipped::default() },
        random: RandomState { seed, state: "none: an imported model".into() },
        config_digest: String::new(),
        history: History::default(),
        versions: Versions {
            gopher: env!("CARGO_PKG_VERSION").into(),
            plugin: "none: an imported model".into(),
        },
        metrics: None,
        from: None,
        files,
    }
}
