//! The tokenizer of a folder: `tokenizer.json` (byte-level BPE), or `tokenizer.model` (SentencePiece).

use data::Tokenizer;
use data::tokenizer::ByteLevelModel;
use serde_json::Value;

use super::Folder;
use super::json::{self, JsonFile};
use crate::{Error, Result};

const JSON: &str = "tokenizer.json";
const SENTENCEPIECE: &str = "tokenizer.model";
const SETTINGS: &str = "tokenizer_config.json";
const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// What is read here.
pub(super) const FILES: [&str; 4] = [JSON, SENTENCEPIECE, SETTINGS, CHAT_TEMPLATE];

/// A tokenizer, and what is written about it beside it.
pub(crate) struct Found {
    pub(crate) tokenizer: Tokenizer,
    /// Whether texts given to the model begin with the token that begins a text.
    pub(crate) adds_begin_of_text: bool,
    pub(crate) chat_template: Option<String>,
}

impl Folder {
    /// The tokenizer.
    pub(crate) fn tokenizer(&self) -> Result<Found> {
        let settings = JsonFile::read_if_there(&self.path.join(SETTINGS))?;
        let chat_template = self.chat_template(settings.as_ref())?;
        let adds = settings.as_ref().map(|settings| settings.flag("add_bos_token")).transpose()?.flatten();
        let (json, sentencepiece) = (self.path.join(JSON), self.path.join(SENTENCEPIECE));
        let byte_level = match json.is_file() {
            true => Some(self.byte_level(&json, settings.as_ref())),
            false => None,
        };
        let (tokenizer, by_default) = match byte_level {
            Some(Ok(found)) => found,
            // Folders of SentencePiece models have a tokenizer.json too, of a kind that is not read.
            Some(Err(Error::Tokenizer(data::Error::UnsupportedByteLevelTokenizer { .. }))) | None
                if sentencepiece.is_file() =>
            {
                (Tokenizer::load(&sentencepiece)?, true)
            }
            Some(Err(error)) => return Err(error),
            None => {
                let detail = format!("no tokenizer: neither {JSON} nor {SENTENCEPIECE}");
                return Err(Error::inconsistent(&self.path, detail));
            }
        };
        Ok(Found { tokenizer, adds_begin_of_text: adds.unwrap_or(by_default), chat_template })
    }

    /// The tokenizer, and whether its own file has what begins a text put before it.
    fn byte_level(&self, path: &std::path::Path, settings: Option<&JsonFile>) -> Result<(Tokenizer, bool)> {
        let name = path.display().to_string();
        let bytes = json::read(path)?;
        let mut model = ByteLevelModel::from_json(&bytes, &name)?;
        model.begin_of_text = self.mark(settings, &model, "bos_token")?.or(model.begin_of_text);
        model.end_of_text = self.mark(settings, &model, "eos_token")?.or(model.end_of_text);
        let adds = begins_with_a_mark(&serde_json::from_slice(&bytes).unwrap_or_default());
        Ok((Tokenizer::from_byte_level(model, &name)?, adds))
    }

    /// The id of `bos_token` or `eos_token`: by `tokenizer_config.json`, or else by `config.json`; of several there, the
    /// first.
    fn mark(&self, settings: Option<&JsonFile>, model: &ByteLevelModel, key: &str) -> Result<Option<u32>> {
        if let Some(settings) = settings
            && let Some(value) = settings.get(key)
        {
            let text = value.as_str().or_else(|| value["content"].as_str());
            let text = text.ok_or_else(|| settings.wrong(key, value, "a piece"))?;
            let id = model.pieces.iter().position(|piece| piece == text);
            let id = id.ok_or_else(|| settings.wrong(key, value, "a piece of the tokenizer"))?;
            return Ok(Some(id as u32));
        }
        let key = format!("{key}_id");
        let Some(value) = self.config.get(&key) else { return Ok(None) };
        let first = value.as_array().map_or(Some(value), |list| list.first());
        let id = first.and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let id = id.filter(|&id| (id as usize) < model.pieces.len());
        id.map(Some).ok_or_else(|| self.config.wrong(&key, value, "the id of a piece"))
    }

    fn chat_template(&self, settings: Option<&JsonFile>) -> Result<Option<String>> {
        let file = self.path.join(CHAT_TEMPLATE);
        if file.is_file() {
            return Ok(Some(String::from_utf8_lossy(&json::read(&file)?).into_owned()));
        }
        let template = settings.and_then(|settings| settings.get("chat_template"));
        let named = |list: &Vec<Value>| {
            let default = list.iter().find(|entry| entry["name"] == "default");
            default.and_then(|entry| Some(entry["template"].as_str()?.to_owned()))
        };
        Ok(template.and_then(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Array(list) => named(list),
            _ => None,
        }))
    }
}

/// Whether a `tokenizer.json` puts a mark before each text (its post-processor, or one in a sequence of them).
fn begins_with_a_mark(file: &Value) -> bool {
    let processor = &file["post_processor"];
    let processors = processor["processors"].as_array();
    let processors = processors.map_or(std::slice::from_ref(processor), Vec::as_slice);
    processors.iter().any(|processor| processor["single"][0].get("SpecialToken").is_some())
}
