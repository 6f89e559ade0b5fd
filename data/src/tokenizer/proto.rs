//! The SentencePiece model file: the fields of `sentencepiece_model.proto` that matter here, by hand for
//! prost.
//!
//! Field numbers and defaults are those of the SentencePiece project's public format. Unknown fields are
//! ignored.

/// Kinds of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum PieceType {
    /// A piece of text.
    Normal = 1,
    /// What unknown characters become.
    Unknown = 2,
    /// A mark that no text gives, such as `<s>`.
    Control = 3,
    /// A piece that is preferred whatever its score; in BPE, one that is never cut.
    UserDefined = 4,
    /// A piece that merges go through and that is never given.
    Unused = 5,
    /// One of the 256 bytes, `<0x00>` to `<0xFF>`.
    Byte = 6,
}

/// Kinds of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ModelType {
    Unigram = 1,
    Bpe = 2,
    Word = 3,
    Char = 4,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    pub(crate) trainer_spec: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    pub(crate) normalizer_spec: Option<NormalizerSpec>,
    #[prost(message, optional, tag = "5")]
    pub(crate) denormalizer_spec: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Piece {
    #[prost(string, optional, tag = "1")]
    pub(crate) piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    pub(crate) score: Option<f32>,
    #[prost(enumeration = "PieceType", optional, tag = "3", default = "Normal")]
    pub(crate) kind: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TrainerSpec {
    #[prost(enumeration = "ModelType", optional, tag = "3", default = "Unigram")]
    pub(crate) model_type: Option<i32>,
    #[prost(int32, optional, tag = "4", default = "8000")]
    pub(crate) vocab_size: Option<i32>,
    #[prost(float, optional, tag = "10", default = "0.9995")]
    pub(crate) character_coverage: Option<f32>,
    #[prost(int32, optional, tag = "20", default = "16")]
    pub(crate) max_sentencepiece_length: Option<i32>,
    #[prost(bool, optional, tag = "24", default = "false")]
    pub(crate) treat_whitespace_as_suffix: Option<bool>,
    #[prost(bool, optional, tag = "35", default = "false")]
    pub(crate) byte_fallback: Option<bool>,
    #[prost(int32, optional, tag = "40", default = "0")]
    pub(crate) unk_id: Option<i32>,
    #[prost(int32, optional, tag = "41", default = "1")]
    pub(crate) bos_id: Option<i32>,
    #[prost(int32, optional, tag = "42", default = "2")]
    pub(crate) eos_id: Option<i32>,
    #[prost(int32, optional, tag = "43", default = "-1")]
    pub(crate) pad_id: Option<i32>,
    #[prost(string, optional, tag = "44", default = " \u{2047} ")]
    pub(crate) unk_surface: Option<String>,
    #[prost(string, optional, tag = "46", default = "<s>")]
    pub(crate) bos_piece: Option<String>,
    #[prost(string, optional, tag = "47", default = "</s>")]
    pub(crate) eos_piece: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NormalizerSpec {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) precompiled_charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3", default = "true")]
    pub(crate) add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4", default = "true")]
    pub(crate) remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5", default = "true")]
    pub(crate) escape_whitespaces: Option<bool>,
}
