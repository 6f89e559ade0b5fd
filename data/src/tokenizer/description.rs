//! What a tokenizer is, for people.

use prost::Message as _;
use serde::Serialize;

use super::proto::{ModelProto, ModelType, PieceType};
use super::{PreTokenizer, Tokenizer, TokenizerKind};

/// What a tokenizer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// `SentencePiece BPE`, `SentencePiece unigram` or `byte-level BPE`.
    pub kind: &'static str,
    /// How text is rewritten before it is segmented: the rules' name in a SentencePiece model; `none` of byte-level BPE.
    pub normalizer: String,
    /// What becomes of spaces; of SentencePiece.
    pub spaces: Option<Spaces>,
    /// How text is cut into words: `gpt2`, `smollm` or `llama3`; of byte-level BPE.
    pub pre_tokenizer: Option<&'static str>,
    /// Whether characters without a piece are written as the pieces of their bytes.
    pub byte_fallback: bool,
    /// Marks: control pieces, and added pieces of byte-level BPE that are no text.
    pub control: Vec<u32>,
    /// Pieces that are found in a text before it is segmented and never cut.
    pub user_defined: Vec<u32>,
}

/// What a SentencePiece model makes of spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spaces {
    /// Whether one is put before the text (or after it, if `as_suffix`).
    pub add_dummy_prefix: bool,
    /// Whether leading, trailing and repeated ones are removed.
    pub remove_extra_whitespaces: bool,
    /// Whether words end with their space instead of beginning with it.
    pub as_suffix: bool,
}

impl Tokenizer {
    /// What it is.
    pub fn description(&self) -> Description {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => {
                // It was read when the tokenizer was.
                let model = ModelProto::decode(tokenizer.model.as_slice()).unwrap_or_default();
                let trainer = model.trainer_spec.unwrap_or_default();
                let normalizer = model.normalizer_spec.unwrap_or_default();
                let of_kind = |kind| {
                    let ids = 0..tokenizer.vocabulary.len() as u32;
                    ids.filter(|&id| tokenizer.vocabulary.kind(id) == kind).collect()
                };
                let is_bpe = trainer.model_type() == ModelType::Bpe;
                Description {
                    kind: if is_bpe { "SentencePiece BPE" } else { "SentencePiece unigram" },
                    normalizer: match normalizer.name() {
                        "" if normalizer.precompiled_charsmap().is_empty() => "identity".into(),
                        "" => "unnamed rules".into(),
                        name => name.into(),
                    },
                    spaces: Some(Spaces {
                        add_dummy_prefix: normalizer.add_dummy_prefix(),
                        remove_extra_whitespaces: normalizer.remove_extra_whitespaces(),
                        as_suffix: trainer.treat_whitespace_as_suffix(),
                    }),
                    pre_tokenizer: None,
                    byte_fallback: trainer.byte_fallback(),
                    control: of_kind(PieceType::Control),
                    user_defined: of_kind(PieceType::UserDefined),
                }
            }
            TokenizerKind::ByteLevel(tokenizer) => {
                let model = tokenizer.model();
                let added = |special| {
                    let added = model.added.iter().filter(move |added| added.special == special);
                    let mut ids: Vec<u32> = added.map(|added| added.id).collect();
                    ids.sort_unstable();
                    ids
                };
                Description {
                    kind: "byte-level BPE",
                    normalizer: "none".into(),
                    spaces: None,
                    pre_tokenizer: Some(match model.pre_tokenizer {
                        PreTokenizer::Gpt2 => "gpt2",
                        PreTokenizer::Smollm => "smollm",
                        PreTokenizer::Llama3 => "llama3",
                    }),
                    byte_fallback: false,
                    control: added(true),
                    user_defined: added(false),
                }
            }
        }
    }
}
