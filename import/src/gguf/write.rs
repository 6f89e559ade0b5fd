//! A Llama as a GGUF file, version 3, with all numbers in float32.

use data::tokenizer::{PieceKind, PreTokenizer, SentencePieceModel, TokenizerModel};

use super::MAGIC;
use super::header::DEFAULT_ALIGNMENT;
use crate::llama::Parameter;
use crate::model::Format;
use crate::{Error, Outgoing, ReadValues, Result};

/// Numbers that stand for types of values.
const U8: u32 = 0;
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// The number that float32 has as the type of a tensor.
const F32_TENSOR: u32 = 0;

/// The header of a model's file, after which [`tensors`] come.
///
/// # Errors
/// A tokenizer that GGUF has no words for, which is named.
pub fn header(model: &Outgoing<'_>) -> Result<Vec<u8>> {
    let mut metadata = Metadata::default();
    sizes(&mut metadata, model);
    tokenizer(&mut metadata, model)?;
    let (mut table, mut offset, mut count) = (Vec::new(), 0u64, 0u64);
    for (parameter, slice) in slices(model) {
        let shape = parameter.tensor_shape();
        push_text(&mut table, &parameter.tensor(Format::Gguf, slice));
        table.extend((shape.len() as u32).to_le_bytes());
        // The fastest first.
        table.extend(shape.iter().rev().flat_map(|size| size.to_le_bytes()));
        table.extend(F32_TENSOR.to_le_bytes());
        table.extend(offset.to_le_bytes());
        offset = (offset + 4 * shape.iter().product::<u64>()).next_multiple_of(DEFAULT_ALIGNMENT);
        count += 1;
    }
    let mut header = MAGIC.to_vec();
    header.extend(3u32.to_le_bytes());
    header.extend(count.to_le_bytes());
    header.extend(metadata.count.to_le_bytes());
    header.extend(metadata.bytes);
    header.extend(table);
    pad(&mut header);
    Ok(header)
}

/// The tensors' bytes in the order of the header, one after another, with what is between them.
///
/// # Errors
/// Those of `values` and `write`.
pub fn tensors<E>(
    model: &Outgoing<'_>,
    values: &mut ReadValues<'_, E>,
    write: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for (parameter, slice) in slices(model) {
        let values = parameter.disarrange(Format::Gguf, values(&parameter, slice)?);
        let mut bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        pad(&mut bytes);
        write(&bytes)?;
    }
    Ok(())
}

fn slices(model: &Outgoing<'_>) -> impl Iterator<Item = (Parameter, usize)> {
    let parameters = model.sizes.parameters().into_iter();
    parameters.flat_map(|parameter| (0..parameter.slices).map(move |slice| (parameter.clone(), slice)))
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(DEFAULT_ALIGNMENT as usize), 0);
}

fn sizes(metadata: &mut Metadata, model: &Outgoing<'_>) {
    let sizes = model.sizes;
    metadata.text("general.architecture", "llama");
    metadata.text("general.name", model.name);
    // All in float32.
    metadata.u32("general.file_type", 0);
    for (key, size) in [
        ("llama.context_length", sizes.context_length),
        ("llama.embedding_length", sizes.d_model),
        ("llama.block_count", sizes.layers),
        ("llama.feed_forward_length", sizes.feed_forward_size),
        ("llama.attention.head_count", sizes.heads),
        ("llama.attention.head_count_kv", sizes.key_value_heads),
        ("llama.attention.key_length", sizes.key_value_size),
        ("llama.attention.value_length", sizes.key_value_size),
        ("llama.rope.dimension_count", sizes.key_value_size),
        ("llama.vocab_size", sizes.vocabulary_size),
    ] {
        // Sizes are far below, as they are checked when a model is made.
        metadata.u32(key, size as u32);
    }
    metadata.f32("llama.rope.freq_base", sizes.rope_base as f32);
    metadata.f32("llama.attention.layer_norm_rms_epsilon", sizes.norm_epsilon as f32);
}

fn tokenizer(metadata: &mut Metadata, model: &Outgoing<'_>) -> Result<()> {
    let unsupported = |what: &str| {
        let instead = "export it with --format hugging-face";
        Err(Error::unsupported(std::path::Path::new(model.name), what, instead))
    };
    let kinds = |kinds: &mut dyn Iterator<Item = PieceKind>| -> Vec<i32> { kinds.map(i32::from).collect() };
    match model.tokenizer.model() {
        None => return unsupported("a unigram tokenizer in a GGUF file"),
        Some(TokenizerModel::SentencePiece(pieces)) => {
            let SentencePieceModel { pieces, add_dummy_prefix, remove_extra_whitespaces, .. } = &pieces;
            metadata.text("tokenizer.ggml.model", "llama");
            metadata.text("tokenizer.ggml.pre", "default");
            metadata.texts("tokenizer.ggml.tokens", pieces.iter().map(|piece| piece.text.as_str()));
            let scores = pieces.iter().flat_map(|piece| piece.score.to_le_bytes()).collect();
            metadata.list("tokenizer.ggml.scores", F32, pieces.len(), scores);
            metadata.kinds(&kinds(&mut pieces.iter().map(|piece| piece.kind)));
            metadata.flag("tokenizer.ggml.add_space_prefix", *add_dummy_prefix);
            metadata.flag("tokenizer.ggml.remove_extra_whitespaces", *remove_extra_whitespaces);
        }
        Some(TokenizerModel::ByteLevel(pieces)) => {
            let (pre, ignores_merges) = match pieces.pre_tokenizer {
                PreTokenizer::Gpt2 => ("gpt-2", false),
                PreTokenizer::Smollm => ("smollm", false),
                PreTokenizer::Llama3 => ("llama-bpe", true),
            };
            if pieces.ignore_merges != ignores_merges {
                let what = format!("ignore_merges = {} with the words of {pre}", pieces.ignore_merges);
                return unsupported(&format!("{what} in a GGUF file"));
            }
            metadata.text("tokenizer.ggml.model", "gpt2");
            metadata.text("tokenizer.ggml.pre", pre);
            metadata.texts("tokenizer.ggml.tokens", pieces.pieces.iter().map(String::as_str));
            let mut all = vec![PieceKind::Normal; pieces.pieces.len()];
            for added in &pieces.added {
                all[added.id as usize] =
                    if added.special { PieceKind::Control } else { PieceKind::UserDefined };
            }
            metadata.kinds(&kinds(&mut all.into_iter()));
            let merges: Vec<String> =
                pieces.merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
            metadata.texts("tokenizer.ggml.merges", merges.iter().map(String::as_str));
        }
    }
    if let Some(TokenizerModel::SentencePiece(pieces)) = model.tokenizer.model()
        && !pieces.precompiled_charsmap.is_empty()
    {
        let map = pieces.precompiled_charsmap;
        metadata.list("tokenizer.ggml.precompiled_charsmap", U8, map.len(), map);
    }
    for (key, id) in [
        ("tokenizer.ggml.bos_token_id", model.tokenizer.begin_of_text()),
        ("tokenizer.ggml.eos_token_id", model.tokenizer.end_of_text()),
        ("tokenizer.ggml.unknown_token_id", model.tokenizer.unknown()),
    ] {
        if let Some(id) = id {
            metadata.u32(key, id);
        }
    }
    metadata.flag("tokenizer.ggml.add_bos_token", model.adds_begin_of_text);
    metadata.flag("tokenizer.ggml.add_eos_token", false);
    if let Some(template) = model.chat_template {
        metadata.text("tokenizer.chat_template", template);
    }
    Ok(())
}

/// Entries as they lie in the file.
#[derive(Default)]
struct Metadata {
    bytes: Vec<u8>,
    count: u64,
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

impl Metadata {
    fn entry(&mut self, key: &str, kind: u32, value: &[u8]) {
        push_text(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
        self.count += 1;
    }

    fn text(&mut self, key: &str, text: &str) {
        let mut value = Vec::new();
        push_text(&mut value, text);
        self.entry(key, TEXT, &value);
    }

    fn u32(&mut self, key: &str, value: u32) {
        self.entry(key, U32, &value.to_le_bytes());
    }

    fn f32(&mut self, key: &str, value: f32) {
        self.entry(key, F32, &value.to_le_bytes());
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.entry(key, BOOL, &[u8::from(value)]);
    }

    /// A list of values of one type, as they lie in the file.
    fn list(&mut self, key: &str, kind: u32, length: usize, values: Vec<u8>) {
        let mut value = kind.to_le_bytes().to_vec();
        value.extend((length as u64).to_le_bytes());
        value.extend(values);
        self.entry(key, LIST, &value);
    }

    fn texts<'a>(&mut self, key: &str, texts: impl ExactSizeIterator<Item = &'a str>) {
        let (length, mut values) = (texts.len(), Vec::new());
        texts.for_each(|text| push_text(&mut values, text));
        self.list(key, TEXT, length, values);
    }

    fn kinds(&mut self, kinds: &[i32]) {
        let values = kinds.iter().flat_map(|kind| kind.to_le_bytes()).collect();
        self.list("tokenizer.ggml.token_type", I32, kinds.len(), values);
    }
}
