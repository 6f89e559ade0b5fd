//! The sizes in the metadata of a Llama, and what it may have that is not implemented.

use std::collections::BTreeMap;

use super::{Gguf, Value};
use crate::llama::LlamaSizes;
use crate::model::INSTEAD;
use crate::{Error, Result};

/// Whether a value changes nothing.
type Test = fn(&Value) -> bool;

impl Gguf {
    /// The sizes.
    ///
    /// # Errors
    /// Another architecture, features that are not implemented, and sizes that are missing.
    pub(crate) fn llama_sizes(&self) -> Result<LlamaSizes> {
        let architecture: &str = self.require("general.architecture")?;
        if architecture != "llama" {
            let what = format!("the architecture {architecture:?} (general.architecture)");
            return Err(Error::unsupported(&self.path, what, "supported is \"llama\""));
        }
        self.check_features()?;
        let embedding = "token_embd.weight";
        let embedding =
            self.tensors.get(embedding).ok_or_else(|| self.inconsistent(format!("no tensor {embedding}")))?;
        let rows = embedding.shape[0];
        let vocabulary_size =
            usize::try_from(rows).map_err(|_| self.inconsistent(format!("a vocabulary of {rows}")))?;
        let (d_model, heads) =
            (self.require("llama.embedding_length")?, self.require("llama.attention.head_count")?);
        let key_value_size = match self.get("llama.attention.key_length")? {
            Some(size) => size,
            None if heads > 0 && d_model % heads == 0 => d_model / heads,
            None => {
                let detail = format!("llama.embedding_length = {d_model} is not divided by {heads} heads");
                return Err(self.inconsistent(detail));
            }
        };
        for key in ["llama.attention.value_length", "llama.rope.dimension_count"] {
            if let Some(size) = self.get::<usize>(key)?
                && size != key_value_size
            {
                let what = format!("{key} = {size} in heads of {key_value_size} numbers");
                return Err(Error::unsupported(&self.path, what, INSTEAD));
            }
        }
        if let Some(pieces) = self.get::<usize>("llama.vocab_size")?
            && pieces != vocabulary_size
        {
            let detail = format!("llama.vocab_size = {pieces}, but the embedding has {vocabulary_size} rows");
            return Err(self.inconsistent(detail));
        }
        Ok(LlamaSizes {
            layers: self.require("llama.block_count")?,
            d_model,
            heads,
            key_value_heads: self.get("llama.attention.head_count_kv")?.unwrap_or(heads),
            key_value_size,
            feed_forward_size: self.require("llama.feed_forward_length")?,
            vocabulary_size,
            rope_base: self.get("llama.rope.freq_base")?.unwrap_or(10_000.0),
            norm_epsilon: self.require("llama.attention.layer_norm_rms_epsilon")?,
            tied: !self.tensors.contains_key("output.weight"),
            context_length: self.require("llama.context_length")?,
        })
    }

    /// Refuses what changes the computation and is not implemented.
    fn check_features(&self) -> Result<()> {
        if self.tensors.contains_key("rope_freqs.weight") {
            let what = "scaled rotary frequencies (tensor rope_freqs.weight)";
            return Err(Error::unsupported(&self.path, what, INSTEAD));
        }
        // Each with the values that change nothing.
        let harmless: [(&str, Test); 12] = [
            ("llama.rope.scaling.type", |value| *value == Value::Text("none".into())),
            ("llama.rope.scaling.factor", is_one),
            ("llama.rope.scaling.attn_factor", is_one),
            ("llama.rope.scale_linear", is_one),
            ("llama.expert_count", is_zero),
            ("llama.expert_used_count", is_zero),
            ("llama.attention.sliding_window", is_zero),
            ("llama.attention.causal", |value| *value == Value::Bool(true)),
            ("llama.attention.scale", |_| false),
            ("llama.logit_scale", is_one),
            ("llama.embedding_scale", is_one),
            ("llama.residual_scale", is_one),
        ];
        for (key, harmless) in harmless {
            if let Some(value) = self.metadata.get(key).filter(|value| !harmless(value)) {
                return Err(Error::unsupported(&self.path, format!("{key} = {}", value.brief()), INSTEAD));
            }
        }
        Ok(())
    }

    /// The shape of each tensor, row-major.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<u64>> {
        self.tensors.iter().map(|(name, info)| (name.clone(), info.shape.clone())).collect()
    }
}

fn is_one(value: &Value) -> bool {
    matches!(f64::try_from(value), Ok(1.0))
}

fn is_zero(value: &Value) -> bool {
    matches!(u64::try_from(value), Ok(0))
}
