//! Tokenizers: SentencePiece models, loaded or trained here, and byte-level BPE, loaded.
//!
//! Gopher's tokenizer is SentencePiece BPE with 32,000 pieces, fall-back to UTF-8 bytes, and NFKC
//! normalisation (Rae et al. 2021, section 2.2; Hoffmann et al. 2022). Encoding gives exactly the ids of the
//! SentencePiece library (0.2.3) for BPE models; for unigram models too, except that with user-defined symbols
//! another of two equally good segmentations may be chosen. The rest of the settings are our choice; see
//! [`TokenizerConfig`].
//!
//! Byte-level BPE is what GPT-2, Llama 3 and SmolLM2 have; its file is a `tokenizer.json`. Encoding gives the ids of
//! Hugging Face's `tokenizers` library. It is our own because it is small (a scanner for two patterns, and merging pairs
//! by rank), while that library would bring a regular expression engine in C and some forty crates.

mod bpe;
mod byte_level;
mod decode;
mod description;
mod nfkc;
mod normalizer;
mod offsets;
mod pairs;
mod pool;
mod proto;
mod sentencepiece;
mod string_map;
mod train;
mod unigram;
mod vocabulary;
mod word_cache;
mod words;

use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::{Error, Result};
use byte_level::ByteLevel;
use sentencepiece::SentencePiece;

pub use byte_level::{AddedPiece, ByteLevelModel, PreTokenizer};
pub use decode::TextStream;
pub use description::{Description, Spaces};
pub use offsets::Token;
pub use sentencepiece::{PieceKind, ScoredPiece, SentencePieceModel};
pub use train::TokenizerConfig;
pub use words::{Sample, Sampling};

/// A tokenizer: text to ids `0 .. vocabulary_size` and back.
pub struct Tokenizer(TokenizerKind);

enum TokenizerKind {
    SentencePiece(Box<SentencePiece>),
    ByteLevel(Box<ByteLevel>),
}

impl Tokenizer {
    /// Loads a SentencePiece `.model` file or a `tokenizer.json`, told apart by their content.
    ///
    /// # Errors
    /// An unreadable file, and as [`Tokenizer::from_bytes`].
    pub fn load(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut file = inputs::open(path).map_err(|e| Error::io(path, e))?;
        file.read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
        Self::from_bytes(bytes, &path.display().to_string())
    }

    /// Reads the content of a SentencePiece `.model` file or of a `tokenizer.json`; `name` is what errors call it.
    ///
    /// # Errors
    /// Neither of the two, a truncated or inconsistent one, or one of a kind not supported.
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self> {
        // No SentencePiece model begins with a brace: as a protobuf's first byte it opens a group.
        if bytes.first() == Some(&b'{') || name.ends_with(".json") {
            return Self::from_byte_level(ByteLevelModel::from_json(&bytes, name)?, name);
        }
        Ok(Self(TokenizerKind::SentencePiece(Box::new(SentencePiece::from_bytes(bytes, name)?))))
    }

    /// Puts a byte-level BPE tokenizer together; `name` is what errors call it.
    ///
    /// # Errors
    /// Pieces that appear twice, merges of pieces that do not exist, ids outside the vocabulary.
    pub fn from_byte_level(model: ByteLevelModel, name: &str) -> Result<Self> {
        Ok(Self(TokenizerKind::ByteLevel(Box::new(ByteLevel::new(model, name)?))))
    }

    /// Puts a SentencePiece BPE tokenizer together, as if it had been loaded from the `.model` file that
    /// [`Tokenizer::to_bytes`] then gives; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Tokenizer::from_bytes`].
    pub fn from_sentencepiece(model: SentencePieceModel, name: &str) -> Result<Self> {
        let bytes = model.into_bytes(name)?;
        Ok(Self(TokenizerKind::SentencePiece(Box::new(SentencePiece::from_bytes(bytes, name)?))))
    }

    /// What the tokenizer is made of, for files of other formats; `None` for a unigram model, which is no list of merges.
    pub fn model(&self) -> Option<TokenizerModel<'_>> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => {
                Some(TokenizerModel::SentencePiece(tokenizer.to_model()?))
            }
            TokenizerKind::ByteLevel(tokenizer) => Some(TokenizerModel::ByteLevel(tokenizer.model())),
        }
    }

    /// The content of the tokenizer's file: a SentencePiece `.model`, or a `tokenizer.json`.
    pub fn to_bytes(&self) -> &[u8] {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => &tokenizer.model,
            TokenizerKind::ByteLevel(tokenizer) => &tokenizer.json,
        }
    }

    /// What the tokenizer's file is called where its format is known by its name: `tokenizer.model` or `tokenizer.json`.
    pub fn file_name(&self) -> &'static str {
        match &self.0 {
            TokenizerKind::SentencePiece(_) => "tokenizer.model",
            TokenizerKind::ByteLevel(_) => "tokenizer.json",
        }
    }

    /// SHA-256 of the tokenizer's file, in hexadecimal: equal for equal tokenizers.
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.to_bytes()))
    }

    /// Number of pieces, special ones and bytes included.
    pub fn vocabulary_size(&self) -> usize {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => tokenizer.vocabulary.len(),
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.len(),
        }
    }

    /// The id of unknown characters, if there is one (never produced when a SentencePiece model falls back to bytes).
    pub fn unknown(&self) -> Option<u32> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => Some(tokenizer.vocabulary.unknown),
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.unknown(),
        }
    }

    /// The id that begins a text (`<s>`), if there is one. Encoding never adds it.
    pub fn begin_of_text(&self) -> Option<u32> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => tokenizer.begin_of_text,
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.begin_of_text(),
        }
    }

    /// The id that ends a text (`</s>`), if there is one. Encoding never adds it.
    pub fn end_of_text(&self) -> Option<u32> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => tokenizer.end_of_text,
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.end_of_text(),
        }
    }

    /// The string of a piece: of SentencePiece, with U+2581 for a space; of byte-level BPE, in its alphabet of bytes.
    pub fn piece(&self, id: u32) -> Option<&str> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => {
                tokenizer.vocabulary.pieces.get(id as usize).map(String::as_str)
            }
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.piece(id),
        }
    }

    /// The id of a piece by its string.
    pub fn id(&self, piece: &str) -> Option<u32> {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => tokenizer.vocabulary.id(piece),
            TokenizerKind::ByteLevel(tokenizer) => tokenizer.id(piece),
        }
    }

    /// The text as it is segmented: of SentencePiece, normalised and with U+2581 for spaces; of byte-level BPE, as it is.
    pub fn normalize(&self, text: &str) -> String {
        match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => tokenizer.normalizer.normalize(text),
            TokenizerKind::ByteLevel(_) => text.to_owned(),
        }
    }

    /// The ids of `text`, without those that begin and end a text. For many texts, an [`Encoder`] is a little faster.
    ///
    /// The names of control pieces are only text to a SentencePiece model; byte-level BPE gives their single ids.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.encoder().encode_into(text, &mut ids);
        ids
    }

    /// As [`Tokenizer::encode`], but names of marks, such as `<|im_end|>`, are only text to a byte-level model too: what
    /// somebody else has written has no marks.
    pub fn encode_text(&self, text: &str) -> Vec<u32> {
        match &self.0 {
            TokenizerKind::SentencePiece(_) => self.encode(text),
            TokenizerKind::ByteLevel(tokenizer) => {
                let mut ids = Vec::new();
                tokenizer.encoder().encode_text_into(text, &mut ids);
                ids
            }
        }
    }

    /// The text of `ids`. Bytes that are not valid UTF-8 give U+FFFD: of SentencePiece, each; of byte-level BPE, each
    /// longest run that could begin a character, as the libraries of both do.
    ///
    /// Control pieces of SentencePiece (`<s>`, `</s>`) give nothing, and the space that its encoding puts before the
    /// text is taken away. Control pieces of byte-level BPE give their names, so that decoding inverts encoding.
    ///
    /// # Errors
    /// An id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let mut stream = self.stream();
        ids.iter().try_for_each(|&id| stream.push(id))?;
        Ok(stream.finish())
    }

    /// Decodes ids that come one after another.
    pub fn stream(&self) -> TextStream<'_> {
        TextStream::new(self)
    }

    fn check_id(&self, id: u32) -> Result<()> {
        let vocabulary_size = self.vocabulary_size();
        if id as usize >= vocabulary_size {
            return Err(Error::TokenOutOfRange { id, vocabulary_size });
        }
        Ok(())
    }

    /// An encoder, which remembers the segmentation of words that it, and encoders before it, have seen. It does not change
    /// results.
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder(match &self.0 {
            TokenizerKind::SentencePiece(tokenizer) => EncoderKind::SentencePiece(tokenizer.encoder()),
            TokenizerKind::ByteLevel(tokenizer) => EncoderKind::ByteLevel(tokenizer.encoder()),
        })
    }
}

/// What a tokenizer is made of.
#[derive(Debug)]
pub enum TokenizerModel<'a> {
    /// SentencePiece BPE.
    SentencePiece(SentencePieceModel),
    /// Byte-level BPE.
    ByteLevel(&'a ByteLevelModel),
}

/// Encodes texts one after another; see [`Tokenizer::encoder`].
pub struct Encoder<'a>(EncoderKind<'a>);

enum EncoderKind<'a> {
    SentencePiece(sentencepiece::Encoder<'a>),
    ByteLevel(byte_level::Encoder<'a>),
}

impl Encoder<'_> {
    /// Appends the ids of `text` to `out`.
    pub fn encode_into(&mut self, text: &str, out: &mut Vec<u32>) {
        match &mut self.0 {
            EncoderKind::SentencePiece(encoder) => encoder.encode_into(text, out),
            EncoderKind::ByteLevel(encoder) => encoder.encode_into(text, out),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
