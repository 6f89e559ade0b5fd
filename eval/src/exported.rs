//! Trained models as files of other programs.

use std::path::{Path, PathBuf};

use import::{LlamaSizes, Outgoing, Parameter, gguf, hugging_face};
use model::{Llama, ModelConfig};
use serde::Serialize;
use serde_json::{Value, json};
use store::checkpoint::{Dtype, PARAMETERS, Region, export_parameters};
use store::files::{FileError, UnfinishedFolder, write_atomically, write_streamed};
use store::lossy_path;

use crate::{Error, Result, TrainedModel};

/// What a model is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A GGUF file of llama.cpp; of Llamas.
    Gguf,
    /// A folder with `config.json`, `model.safetensors` and the tokenizer; of Llamas as Hugging Face's `transformers` reads it.
    HuggingFace,
}

/// A model that was written.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// The file or folder.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub path: PathBuf,
    /// The kind of model.
    pub kind: String,
    /// Numbers of the model, in float32.
    pub parameters: u64,
    /// Steps it was trained for.
    pub step: u64,
}

/// Writes a model as `target`, which must not exist, with its parameters in float32: of a Llama the rows of the embedding that stand for
/// a token. A layer's matrix at a time is held in memory. `name` is what it is called where the format has a place for that.
///
/// # Errors
/// [`Error::NoSuchFormat`] for a model that is no Llama as GGUF; a tokenizer that the format has no words for; what cannot be read or
/// written. Nothing is left at `target`.
pub fn export_model(
    model: &TrainedModel,
    format: ExportFormat,
    target: &Path,
    name: &str,
) -> Result<Exported> {
    let kind = model.config().model.kind().to_owned();
    let parameters = match (llama(&model.config().model), format) {
        (Some(llama), _) => write_llama(model, &llama, format, target, name)?,
        (None, ExportFormat::HuggingFace) => write_other(model, target)?,
        (None, ExportFormat::Gguf) => return Err(Error::NoSuchFormat { kind, format: "a GGUF file" }),
    };
    Ok(Exported { path: target.to_owned(), kind, parameters, step: model.manifest().step })
}

/// The model, if it is a Llama.
fn llama(model: &ModelConfig) -> Option<Llama> {
    let mut value = serde_json::to_value(model).ok()?;
    match value.as_object_mut()?.remove("kind")? {
        Value::String(kind) if kind == "llama" => serde_json::from_value(value).ok(),
        _ => None,
    }
}

/// The longest text that the model was trained for.
fn context_length(model: &TrainedModel) -> usize {
    model.origin().map_or(model.default_window(), |origin| origin.context_length)
}

fn write_llama(
    model: &TrainedModel,
    llama: &Llama,
    format: ExportFormat,
    target: &Path,
    name: &str,
) -> Result<u64> {
    let sizes = LlamaSizes {
        layers: llama.layers,
        d_model: llama.d_model,
        heads: llama.heads,
        key_value_heads: llama.key_value_heads,
        key_value_size: llama.key_value_size,
        feed_forward_size: llama.feed_forward_size,
        // Rows behind them stand for no token.
        vocabulary_size: model.tokenizer().vocabulary_size(),
        rope_base: llama.rope_base,
        norm_epsilon: llama.norm_epsilon,
        tied: llama.tied_embedding,
        context_length: context_length(model),
    };
    let outgoing = Outgoing {
        name,
        sizes: &sizes,
        tokenizer: model.tokenizer(),
        adds_begin_of_text: model.begin_of_text().is_some(),
        chat_template: model.origin().and_then(|origin| origin.chat_template.as_deref()),
    };
    let mut read = |parameter: &Parameter, slice: usize| -> Result<Vec<f32>> {
        let mut region = Region::whole(&parameter.shape);
        if parameter.slices > 1 {
            (region.offset[0], region.shape[0]) = (slice, 1);
        }
        let mut bytes = vec![0; region.elements() * size_of::<f32>()];
        let name = format!("{PARAMETERS}{}", parameter.name);
        model.checkpoint().read_as(&name, &region, Dtype::F32, &mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    };
    match format {
        ExportFormat::Gguf => {
            let header = gguf::write::header(&outgoing)?;
            write_streamed::<Error>(target, &mut |file| {
                file.write(&header)?;
                gguf::write::tensors(&outgoing, &mut read, &mut |bytes| Ok(file.write(bytes)?))
            })?;
        }
        ExportFormat::HuggingFace => {
            let folder = UnfinishedFolder::begin(target)?;
            write_files(&folder, hugging_face::write::files(&outgoing))?;
            write_streamed::<Error>(&folder.path().join(hugging_face::write::WEIGHTS), &mut |file| {
                file.write(&hugging_face::write::header(&outgoing))?;
                hugging_face::write::tensors(&outgoing, &mut read, &mut |bytes| Ok(file.write(bytes)?))
            })?;
            folder.finish()?;
        }
    }
    Ok(sizes.parameters().iter().map(|parameter| parameter.shape.iter().product::<usize>() as u64).sum())
}

/// A model that other programs do not know: its parameters under the names they have here, its sizes, and its tokenizer.
fn write_other(model: &TrainedModel, target: &Path) -> Result<u64> {
    let tokenizer = model.tokenizer();
    let mut config = serde_json::to_value(&model.config().model).unwrap_or_default();
    if let Some(config) = config.as_object_mut() {
        let kind = config.remove("kind").unwrap_or_default();
        config.insert("model_type".into(), kind);
        config.insert("tokens".into(), json!(tokenizer.vocabulary_size()));
        config.insert("max_position_embeddings".into(), json!(context_length(model)));
        config.insert("bos_token_id".into(), json!(tokenizer.begin_of_text()));
        config.insert("eos_token_id".into(), json!(tokenizer.end_of_text()));
        config.insert("torch_dtype".into(), json!("float32"));
    }
    let folder = UnfinishedFolder::begin(target)?;
    let mut files = vec![("config.json".to_owned(), format!("{config:#}\n").into_bytes())];
    files.extend(hugging_face::write::tokenizer_files(tokenizer, model.begin_of_text().is_some(), None));
    write_files(&folder, files)?;
    export_parameters(model.checkpoint(), &folder.path().join(hugging_face::write::WEIGHTS), Dtype::F32)?;
    folder.finish()?;
    Ok(model.config().model.total_parameters())
}

fn write_files(folder: &UnfinishedFolder, files: Vec<(String, Vec<u8>)>) -> Result<(), FileError> {
    files.iter().try_for_each(|(name, contents)| write_atomically(&folder.path().join(name), contents))
}
