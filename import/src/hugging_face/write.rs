//! A Llama as a folder that `transformers` reads, with all numbers in float32.

use data::Tokenizer;
use serde_json::{Map, Value, json};

use crate::llama::Parameter;
use crate::model::Format;
use crate::{Outgoing, ReadValues};

/// The name of the file with the tensors.
pub const WEIGHTS: &str = "model.safetensors";

/// The small files of a folder, with their contents: everything but [`WEIGHTS`].
pub fn files(model: &Outgoing<'_>) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("config.json".to_owned(), text(&config(model)))];
    files.extend(tokenizer_files(model.tokenizer, model.adds_begin_of_text, model.chat_template));
    files
}

fn text(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// `config.json`.
fn config(model: &Outgoing<'_>) -> Value {
    let sizes = model.sizes;
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": sizes.d_model,
        "intermediate_size": sizes.feed_forward_size,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.key_value_heads,
        "head_dim": sizes.key_value_size,
        "vocab_size": sizes.vocabulary_size,
        "max_position_embeddings": sizes.context_length,
        "rms_norm_eps": sizes.norm_epsilon,
        "rope_theta": sizes.rope_base,
        "tie_word_embeddings": sizes.tied,
        "hidden_act": "silu",
        "attention_bias": false,
        "mlp_bias": false,
        "bos_token_id": model.tokenizer.begin_of_text(),
        "eos_token_id": model.tokenizer.end_of_text(),
        "torch_dtype": "float32",
    })
}

/// The tokenizer's own file and `tokenizer_config.json`, of a model of any architecture.
pub fn tokenizer_files(
    tokenizer: &Tokenizer,
    adds_begin_of_text: bool,
    chat_template: Option<&str>,
) -> Vec<(String, Vec<u8>)> {
    let is_json = tokenizer.file_name().ends_with(".json");
    let mut settings = Map::new();
    let mut set = |key: &str, value: Value| drop(settings.insert(key.to_owned(), value));
    // One that has none of its own is read of the tokenizer.json alone.
    set("tokenizer_class", json!(if is_json { "PreTrainedTokenizerFast" } else { "LlamaTokenizer" }));
    set("add_bos_token", json!(adds_begin_of_text));
    set("add_eos_token", json!(false));
    set("clean_up_tokenization_spaces", json!(false));
    let marks = [
        ("bos_token", tokenizer.begin_of_text()),
        ("eos_token", tokenizer.end_of_text()),
        ("unk_token", tokenizer.unknown()),
    ];
    for (key, id) in marks {
        if let Some(piece) = id.and_then(|id| tokenizer.piece(id)) {
            set(key, json!(piece));
        }
    }
    if let Some(template) = chat_template {
        set("chat_template", json!(template));
    }
    let mut own = tokenizer.to_bytes().to_vec();
    if is_json && adds_begin_of_text {
        own = beginning(tokenizer, own);
    }
    vec![
        (tokenizer.file_name().to_owned(), own),
        ("tokenizer_config.json".to_owned(), text(&Value::Object(settings))),
    ]
}

/// A `tokenizer.json` that puts the mark that begins a text before each.
fn beginning(tokenizer: &Tokenizer, own: Vec<u8>) -> Vec<u8> {
    let piece = tokenizer.begin_of_text().and_then(|id| Some((id, tokenizer.piece(id)?)));
    let (Some((id, piece)), Ok(Value::Object(mut file))) = (piece, serde_json::from_slice(&own)) else {
        return own;
    };
    let mark = json!({"SpecialToken": {"id": piece, "type_id": 0}});
    let sequence = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    file.insert(
        "post_processor".to_owned(),
        json!({
            "type": "TemplateProcessing",
            "single": [mark, sequence("A", 0)],
            "pair": [mark, sequence("A", 0), sequence("B", 1)],
            "special_tokens": { piece: {"id": piece, "ids": [id], "tokens": [piece]} },
        }),
    );
    text(&Value::Object(file))
}

/// The header of [`WEIGHTS`], after which [`tensors`] come.
pub fn header(model: &Outgoing<'_>) -> Vec<u8> {
    let mut table = Map::new();
    table.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut offset = 0;
    for (parameter, slice) in slices(model) {
        let shape = parameter.tensor_shape();
        let end = offset + 4 * shape.iter().product::<u64>();
        let tensor = json!({"dtype": "F32", "shape": shape, "data_offsets": [offset, end]});
        table.insert(parameter.tensor(Format::HuggingFace, slice), tensor);
        offset = end;
    }
    let mut table = Value::Object(table).to_string().into_bytes();
    // Numbers begin at a multiple of eight.
    table.resize(table.len().next_multiple_of(8), b' ');
    let mut header = (table.len() as u64).to_le_bytes().to_vec();
    header.extend(table);
    header
}

/// The tensors' bytes, one after another.
///
/// # Errors
/// Those of `values` and `write`.
pub fn tensors<E>(
    model: &Outgoing<'_>,
    values: &mut ReadValues<'_, E>,
    write: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for (parameter, slice) in slices(model) {
        let values = parameter.disarrange(Format::HuggingFace, values(&parameter, slice)?);
        write(&values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
    }
    Ok(())
}

fn slices(model: &Outgoing<'_>) -> impl Iterator<Item = (Parameter, usize)> {
    let parameters = model.sizes.parameters().into_iter();
    parameters.flat_map(|parameter| (0..parameter.slices).map(move |slice| (parameter.clone(), slice)))
}
