//! `config.json`: the sizes of a Llama, and what it may have that is not implemented.

use serde_json::Value;

use super::json::JsonFile;
use crate::llama::LlamaSizes;
use crate::model::INSTEAD;
use crate::{Error, Result};

/// The file.
pub(super) const FILE: &str = "config.json";

const ARCHITECTURE: &str = "LlamaForCausalLM";

/// The sizes.
pub(super) fn sizes(config: &JsonFile) -> Result<LlamaSizes> {
    check_architecture(config)?;
    check_features(config)?;
    let (d_model, heads) = (config.require_size("hidden_size")?, config.require_size("num_attention_heads")?);
    let key_value_size = match config.size("head_dim")? {
        Some(size) => size,
        None if heads > 0 && d_model % heads == 0 => d_model / heads,
        None => {
            let detail = format!("hidden_size = {d_model} is not divided by num_attention_heads = {heads}");
            return Err(Error::inconsistent(&config.path, detail));
        }
    };
    Ok(LlamaSizes {
        layers: config.require_size("num_hidden_layers")?,
        d_model,
        heads,
        key_value_heads: config.size("num_key_value_heads")?.unwrap_or(heads),
        key_value_size,
        feed_forward_size: config.require_size("intermediate_size")?,
        vocabulary_size: config.require_size("vocab_size")?,
        rope_base: rope_base(config)?,
        norm_epsilon: config.number("rms_norm_eps")?.unwrap_or(1e-6),
        tied: config.flag("tie_word_embeddings")?.unwrap_or(false),
        context_length: config.size("max_position_embeddings")?.unwrap_or(2048),
    })
}

fn check_architecture(config: &JsonFile) -> Result<()> {
    let instead = format!("supported is {ARCHITECTURE:?}");
    if let Some(architectures) = config.get("architectures")
        && architectures.as_array().is_none_or(|list| list.len() != 1 || list[0] != ARCHITECTURE)
    {
        return Err(Error::unsupported(&config.path, format!("architectures = {architectures}"), instead));
    }
    match config.get("model_type") {
        Some(kind) if kind != "llama" => {
            Err(Error::unsupported(&config.path, format!("model_type = {kind}"), instead))
        }
        None if config.get("architectures").is_none() => {
            Err(Error::inconsistent(&config.path, "neither architectures nor model_type"))
        }
        _ => Ok(()),
    }
}

/// Whether a value changes nothing.
type Test = fn(&Value) -> bool;

/// Refuses what changes the computation and is not implemented.
fn check_features(config: &JsonFile) -> Result<()> {
    // Each with the values that change nothing, beside null.
    let harmless: [(&str, Test); 9] = [
        ("attention_bias", is_false),
        ("mlp_bias", is_false),
        ("hidden_act", |value| value == "silu" || value == "swish"),
        ("sliding_window", |_| false),
        ("use_sliding_window", is_false),
        ("quantization_config", |_| false),
        ("pretraining_tp", is_one),
        ("partial_rotary_factor", is_one),
        ("rope_interleaved", is_false),
    ];
    for (key, harmless) in harmless {
        if let Some(value) = config.get(key).filter(|value| !harmless(value)) {
            return Err(Error::unsupported(&config.path, format!("{key} = {value}"), INSTEAD));
        }
    }
    Ok(())
}

/// The base of the rotary frequencies, which new versions write among `rope_parameters`.
fn rope_base(config: &JsonFile) -> Result<f64> {
    let mut base = config.number("rope_theta")?;
    for key in ["rope_parameters", "rope_scaling"] {
        let Some(value) = config.get(key) else { continue };
        let Some(parameters) = value.as_object() else { return Err(config.wrong(key, value, "an object")) };
        for (name, parameter) in parameters {
            match name.as_str() {
                "rope_type" | "type" if parameter == "default" => {}
                "partial_rotary_factor" if is_one(parameter) => {}
                "rope_theta" => {
                    let theta = parameter.as_f64();
                    base = Some(theta.ok_or_else(|| config.wrong("rope_theta", parameter, "a number"))?);
                }
                _ if parameter.is_null() => {}
                _ => return Err(Error::unsupported(&config.path, format!("{key} = {value}"), INSTEAD)),
            }
        }
    }
    Ok(base.unwrap_or(10_000.0))
}

fn is_false(value: &Value) -> bool {
    *value == Value::Bool(false)
}

fn is_one(value: &Value) -> bool {
    value.as_f64() == Some(1.0)
}
