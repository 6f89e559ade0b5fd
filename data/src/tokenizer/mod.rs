//! SentencePiece-compatible tokenizers: loaded from a `.model` file, or trained here and written as one.
//!
//! Gopher's tokenizer is SentencePiece BPE with 32,000 pieces, fall-back to UTF-8 bytes, and NFKC
//! normalisation (Rae et al. 2021, section 2.2; Hoffmann et al. 2022). Encoding gives exactly the ids of the
//! SentencePiece library (0.2.3) for BPE models; for unigram models too, except that with user-defined symbols
//! another of two equally good segmentations may be chosen. The rest of the settings are our choice; see
//! [`TokenizerConfig`].

mod bpe;
mod decode;
mod nfkc;
mod normalizer;
mod pairs;
mod proto;
mod train;
mod unigram;
mod vocabulary;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};
use normalizer::{Normalizer, PrefixMatcher};
use proto::{ModelProto, ModelType, PieceType};
use vocabulary::Vocabulary;

pub use train::TokenizerConfig;

/// A tokenizer: text to ids `0 .. vocabulary_size` and back.
pub struct Tokenizer {
    model: Vec<u8>,
    normalizer: Normalizer,
    vocabulary: Vocabulary,
    segmentation: Segmentation,
    unknown_surface: String,
    begin_of_text: Option<u32>,
    end_of_text: Option<u32>,
}

enum Segmentation {
    Bpe(bpe::Joints),
    Unigram(unigram::Unigram),
}

impl Tokenizer {
    /// Loads a SentencePiece `.model` file.
    ///
    /// # Errors
    /// An unreadable file, and as [`Tokenizer::from_bytes`].
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
        Self::from_bytes(bytes, &path.display().to_string())
    }

    /// Reads the content of a SentencePiece `.model` file; `name` is what errors call it.
    ///
    /// # Errors
    /// Not a SentencePiece model, a truncated or inconsistent one, or one of a kind not supported.
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self> {
        let bad = |detail: String| Error::NotATokenizer { name: name.into(), detail };
        let unsupported =
            |detail: &str| Error::UnsupportedTokenizer { name: name.into(), detail: detail.into() };
        let model = ModelProto::decode(bytes.as_slice()).map_err(|e| bad(e.to_string()))?;
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
                Segmentation::Bpe(bpe::Joints::new(vocabulary.mergeable_pieces().map(|(piece, _)| piece)))
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

    /// The content of the `.model` file.
    pub fn to_bytes(&self) -> &[u8] {
        &self.model
    }

    /// Writes the `.model` file, complete or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, &[&self.model])
    }

    /// SHA-256 of the `.model` file, in hexadecimal: equal for equal tokenizers.
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.model))
    }

    /// Number of pieces, special ones and bytes included.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// The id of unknown characters (never produced when the model falls back to bytes).
    pub fn unknown(&self) -> u32 {
        self.vocabulary.unknown
    }

    /// The id of `<s>`, if the model has it. Encoding never adds it.
    pub fn begin_of_text(&self) -> Option<u32> {
        self.begin_of_text
    }

    /// The id of `</s>`, if the model has it. Encoding never adds it.
    pub fn end_of_text(&self) -> Option<u32> {
        self.end_of_text
    }

    /// The string of a piece, in which U+2581 stands for a space.
    pub fn piece(&self, id: u32) -> Option<&str> {
        self.vocabulary.pieces.get(id as usize).map(String::as_str)
    }

    /// The id of a piece by its string.
    pub fn id(&self, piece: &str) -> Option<u32> {
        self.vocabulary.id(piece)
    }

    /// The text as it is segmented: normalised, with U+2581 for spaces.
    pub fn normalize(&self, text: &str) -> String {
        self.normalizer.normalize(text)
    }

    /// The ids of `text`, without `<s>` and `</s>`. For many texts, an [`Encoder`] is faster.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.encoder().encode_into(text, &mut ids);
        ids
    }

    /// An encoder, which remembers the segmentation of words it has seen. It does not change results.
    pub fn encoder(&self) -> Encoder<'_> {
        let bpe = match &self.segmentation {
            Segmentation::Bpe(joints) => Some(bpe::BpeEncoder::new(&self.vocabulary, joints)),
            Segmentation::Unigram(_) => None,
        };
        Encoder { tokenizer: self, bpe }
    }
}

/// Encodes texts one after another; see [`Tokenizer::encoder`].
pub struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    bpe: Option<bpe::BpeEncoder<'a>>,
}

impl Encoder<'_> {
    /// Appends the ids of `text` to `out`.
    pub fn encode_into(&mut self, text: &str, out: &mut Vec<u32>) {
        let normalized = self.tokenizer.normalizer.normalize(text);
        match (&mut self.bpe, &self.tokenizer.segmentation) {
            (Some(bpe), _) => bpe.encode(&normalized, out),
            (None, Segmentation::Unigram(unigram)) => {
                unigram.encode(&self.tokenizer.vocabulary, &normalized, out)
            }
            (None, Segmentation::Bpe(_)) => unreachable!("encoder() pairs a BPE model with its encoder"),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file under a temporary name beside it, then renames it, so that readers see all of it or none.
pub(crate) fn write_atomically(path: &Path, parts: &[&[u8]]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        // Temporary files are private; this one is to end up like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    // Not-found after creating the folder is still about writing, so it is not "missing".
    write().map_err(|source| Error::Io { path: path.into(), source })
}
