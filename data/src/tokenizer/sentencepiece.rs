//! SentencePiece-compatible models: their file, and what segments text by them.

use prost::Message as _;

use super::bpe;
use super::normalizer::{Normalizer, PrefixMatcher};
use super::pool::Pool;
use super::proto::{ModelProto, ModelType, NormalizerSpec, Piece, PieceType, TrainerSpec};
use super::unigram;
use super::vocabulary::Vocabulary;
use crate::{Error, Result};

pub use super::proto::PieceType as PieceKind;

/// A SentencePiece BPE model as it comes in files of other formats: pieces with scores, and how spaces are treated.
#[derive(Debug, Clone, PartialEq)]
pub struct SentencePieceModel {
    /// The pieces by id.
    pub pieces: Vec<ScoredPiece>,
    /// The id of the control piece that begins a text.
    pub begin_of_text: Option<u32>,
    /// The id of the control piece that ends a text.
    pub end_of_text: Option<u32>,
    /// Whether a space is put before the text.
    pub add_dummy_prefix: bool,
    /// Whether leading, trailing and repeated spaces are removed.
    pub remove_extra_whitespaces: bool,
    /// SentencePiece's table of text normalisation; empty: none.
    pub precompiled_charsmap: Vec<u8>,
}

/// A piece of a [`SentencePieceModel`].
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredPiece {
    /// Its string, with U+2581 for a space.
    pub text: String,
    /// The higher, the earlier it is merged.
    pub score: f32,
    /// What it is for.
    pub kind: PieceKind,
}

impl SentencePieceModel {
    /// The content of the `.model` file.
    pub(super) fn into_bytes(self, name: &str) -> Result<Vec<u8>> {
        let text = |setting: &str, id: Option<u32>| {
            let Some(id) = id else { return Ok(None) };
            let piece = self.pieces.get(id as usize).map(|piece| Some(piece.text.clone()));
            piece.ok_or_else(|| Error::NotATokenizer {
                name: name.into(),
                detail: format!("{setting} = {id}, but there are {} pieces", self.pieces.len()),
            })
        };
        let (bos_piece, eos_piece) =
            (text("begin_of_text", self.begin_of_text)?, text("end_of_text", self.end_of_text)?);
        let id = |id: Option<u32>| Some(id.map_or(-1, |id| id as i32));
        let byte_fallback = self.pieces.iter().any(|piece| piece.kind == PieceType::Byte);
        let trainer_spec = TrainerSpec {
            model_type: Some(ModelType::Bpe.into()),
            vocab_size: i32::try_from(self.pieces.len()).ok(),
            byte_fallback: Some(byte_fallback),
            bos_id: id(self.begin_of_text),
            eos_id: id(self.end_of_text),
            bos_piece,
            eos_piece,
            ..TrainerSpec::default()
        };
        let normalizer_spec = NormalizerSpec {
            name: Some("identity".into()).filter(|_| self.precompiled_charsmap.is_empty()),
            precompiled_charsmap: Some(self.precompiled_charsmap).filter(|map| !map.is_empty()),
            add_dummy_prefix: Some(self.add_dummy_prefix),
            remove_extra_whitespaces: Some(self.remove_extra_whitespaces),
            escape_whitespaces: Some(true),
        };
        let pieces = self.pieces.into_iter().map(|ScoredPiece { text, score, kind }| Piece {
            piece: Some(text),
            score: Some(score),
            kind: (kind != PieceType::Normal).then_some(kind.into()),
        });
        let model = ModelProto {
            pieces: pieces.collect(),
            trainer_spec: Some(trainer_spec),
            normalizer_spec: Some(normalizer_spec),
            denormalizer_spec: None,
        };
        Ok(model.encode_to_vec())
    }
}

/// A loaded SentencePiece model.
pub(super) struct SentencePiece {
    pub(super) model: Vec<u8>,
    pub(super) normalizer: Normalizer,
    pub(super) vocabulary: Vocabulary,
    segmentation: Segmentation,
    pub(super) unknown_surface: String,
    pub(super) begin_of_text: Option<u32>,
    pub(super) end_of_text: Option<u32>,
}

enum Segmentation {
    Bpe(bpe::Joints, Pool<bpe::Memory>),
    Unigram(unigram::Unigram),
}

impl SentencePiece {
    /// Reads the content of a SentencePiece `.model` file; `name` is what errors call it.
    ///
    /// # Errors
    /// Not a SentencePiece model, a truncated or inconsistent one, or one of a kind not supported.
    pub(super) fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self> {
        let bad = |detail: String| Error::NotATokenizer { name: name.into(), detail };
        let unsupported =
            |detail: &str| Error::UnsupportedTokenizer { name: name.into(), detail: detail.into() };
        let model = ModelProto::decode(bytes.as_slice());
        // The decoder's reasons are of its types.
        let model = model.map_err(|_| bad("its bytes are no fields of one, or it ends too early".into()))?;
        if model.pieces.is_empty() {
            return Err(bad("it has no pieces".into()));
        }
        // The specifications follow the pieces: a file cut between them decodes, but must not be believed.
        let trainer = model.trainer_spec.as_ref().ok_or_else(|| bad("no trainer_spec".into()))?;
        let normalizer = model.normalizer_spec.as_ref().ok_or_else(|| bad("no normalizer_spec".into()))?;
        if model.denormalizer_spec.as_ref().is_some_and(|d| !d.precompiled_charsmap().is_empty()) {
            return Err(unsupported("it rewrites decoded text (denormalizer_spec)"));
        }
        let vocabulary = Vocabulary::new(&model, trainer.byte_fallback()).map_err(bad)?;
        let segmentation = match trainer.model_type.map(ModelType::try_from) {
            Some(Ok(ModelType::Bpe)) => {
                Segmentation::Bpe(bpe::Joints::new(vocabulary.mergeable_pieces()), Pool::default())
            }
            None | Some(Ok(ModelType::Unigram)) => Segmentation::Unigram(unigram::Unigram::new(&vocabulary)),
            Some(Ok(ModelType::Word)) => return Err(unsupported("model_type word")),
            Some(Ok(ModelType::Char)) => return Err(unsupported("model_type char")),
            Some(Err(_)) => return Err(unsupported("an unknown model_type")),
        };
        let protected = PrefixMatcher::new(
            model
                .pieces
                .iter()
                .filter(|p| p.kind() == PieceType::UserDefined)
                .map(|p| p.piece().into())
                .collect(),
        );
        let normalizer =
            Normalizer::new(normalizer, trainer.treat_whitespace_as_suffix(), protected).map_err(bad)?;
        let control =
            |piece: &str| vocabulary.id(piece).filter(|&id| vocabulary.kind(id) == PieceType::Control);
        Ok(Self {
            begin_of_text: control(trainer.bos_piece()),
            end_of_text: control(trainer.eos_piece()),
            unknown_surface: trainer.unk_surface().into(),
            model: bytes,
            normalizer,
            vocabulary,
            segmentation,
        })
    }

    /// The model in the form that other files have it; `None` if it is a unigram model.
    pub(super) fn to_model(&self) -> Option<SentencePieceModel> {
        if matches!(self.segmentation, Segmentation::Unigram(_)) {
            return None;
        }
        // It was read when the tokenizer was.
        let model = ModelProto::decode(self.model.as_slice()).ok()?;
        let normalizer = model.normalizer_spec.unwrap_or_default();
        let pieces = model.pieces.iter().map(|piece| ScoredPiece {
            text: piece.piece().into(),
            score: piece.score(),
            kind: piece.kind(),
        });
        Some(SentencePieceModel {
            pieces: pieces.collect(),
            begin_of_text: self.begin_of_text,
            end_of_text: self.end_of_text,
            add_dummy_prefix: normalizer.add_dummy_prefix(),
            remove_extra_whitespaces: normalizer.remove_extra_whitespaces(),
            precompiled_charsmap: normalizer.precompiled_charsmap().to_vec(),
        })
    }

    /// An encoder, which remembers the segmentation of words it has seen.
    pub(super) fn encoder(&self) -> Encoder<'_> {
        let bpe = match &self.segmentation {
            Segmentation::Bpe(joints, memories) => {
                Some(bpe::BpeEncoder::new(&self.vocabulary, joints, memories))
            }
            Segmentation::Unigram(_) => None,
        };
        Encoder { tokenizer: self, bpe }
    }
}

/// Encodes texts one after another.
pub(super) struct Encoder<'a> {
    tokenizer: &'a SentencePiece,
    bpe: Option<bpe::BpeEncoder<'a>>,
}

impl Encoder<'_> {
    /// Appends the ids of `text` to `out`.
    pub(super) fn encode_into(&mut self, text: &str, out: &mut Vec<u32>) {
        let normalized = self.tokenizer.normalizer.normalize(text);
        match (&mut self.bpe, &self.tokenizer.segmentation) {
            (Some(bpe), _) => bpe.encode(&normalized, out),
            (None, Segmentation::Unigram(unigram)) => {
                unigram.encode(&self.tokenizer.vocabulary, &normalized, out)
            }
            (None, Segmentation::Bpe(..)) => unreachable!("encoder() pairs a BPE model with its encoder"),
        }
    }
}
