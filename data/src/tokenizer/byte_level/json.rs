//! `tokenizer.json`, the file of Hugging Face's `tokenizers` library: the part of it that byte-level BPE needs.
//!
//! What is written here that library reads. Which ids begin and end a text the format has no place for; they stand in
//! `model.gopher`, which it passes over.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::split::LLAMA3_PATTERN;
use super::{AddedPiece, ByteLevelModel, PreTokenizer};
use crate::{Error, Result};

/// The file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Value,
}

#[derive(Serialize, Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

/// `model`, once its type is known to be BPE.
#[derive(Deserialize)]
struct Model {
    dropout: Option<f32>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    vocab: BTreeMap<String, u32>,
    merges: Vec<Merge>,
    gopher: Option<Ends>,
}

/// A merge: two pieces with a space between them, or a list of two.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Line(String),
    Pair(String, String),
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Ends {
    begin_of_text: Option<u32>,
    end_of_text: Option<u32>,
}

impl ByteLevelModel {
    /// Reads the content of a `tokenizer.json`; `name` is what errors call it. Truncation and padding in it are
    /// passed over, and so is what its post-processor adds: encoding adds nothing.
    ///
    /// # Errors
    /// Not such a file, a damaged one, or one of another kind of tokenizer; the part that is not supported is named.
    pub fn from_json(bytes: &[u8], name: &str) -> Result<Self> {
        let bad = |detail: String| Error::NotAByteLevelTokenizer { name: name.into(), detail };
        let unsupported = |detail: String| Error::UnsupportedByteLevelTokenizer { name: name.into(), detail };
        let file: File = inputs::json::from_slice(bytes).map_err(bad)?;
        let kind = file.model["type"].as_str().unwrap_or("without a type");
        if kind != "BPE" && file.model.get("type").is_some() {
            return Err(unsupported(format!("a model of type {kind}")));
        }
        check_surroundings(&file).map_err(unsupported)?;
        let pre_tokenizer = pre_tokenizer(&file.pre_tokenizer).map_err(unsupported)?;
        let model: Model = inputs::json::from_value("model", &file.model).map_err(bad)?;
        check_model(&model).map_err(unsupported)?;
        for token in &file.added_tokens {
            let flags =
                [("single_word", token.single_word), ("lstrip", token.lstrip), ("rstrip", token.rstrip)];
            if let Some((flag, _)) = flags.iter().find(|(_, set)| *set) {
                return Err(unsupported(format!("{flag} = true of the added token {:?}", token.content)));
            }
        }
        let unknown = model.unk_token.as_ref().map(|piece| {
            let added = file.added_tokens.iter().find(|token| &token.content == piece).map(|token| token.id);
            model
                .vocab
                .get(piece)
                .copied()
                .or(added)
                .ok_or_else(|| format!("unk_token {piece:?} is no piece"))
        });
        let unknown = unknown.transpose().map_err(bad)?;
        let merges = model.merges.into_iter().map(Merge::pair).collect::<Result<_, _>>().map_err(bad)?;
        let ends = model.gopher.unwrap_or_default();
        Ok(Self {
            merges,
            added: file.added_tokens.iter().map(AddedToken::piece).collect(),
            pieces: pieces(model.vocab, file.added_tokens).map_err(bad)?,
            pre_tokenizer,
            ignore_merges: model.ignore_merges,
            unknown,
            begin_of_text: ends.begin_of_text,
            end_of_text: ends.end_of_text,
        })
    }

    /// The content of the `tokenizer.json`. All ids are in the vocabulary.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let byte_level = |use_regex| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex});
        let sequence = |first: Value, use_regex| json!({"type": "Sequence", "pretokenizers": [first, byte_level(use_regex)]});
        let pre_tokenizer = match self.pre_tokenizer {
            PreTokenizer::Gpt2 => byte_level(true),
            PreTokenizer::Smollm => sequence(json!({"type": "Digits", "individual_digits": true}), true),
            PreTokenizer::Llama3 => sequence(
                json!({"type": "Split", "pattern": {"Regex": LLAMA3_PATTERN}, "behavior": "Isolated", "invert": false}),
                false,
            ),
        };
        let added_tokens: Vec<AddedToken> = self.added.iter().map(|added| self.added_token(added)).collect();
        let written = Written {
            version: "1.0",
            truncation: (),
            padding: (),
            added_tokens,
            normalizer: (),
            pre_tokenizer,
            post_processor: (),
            decoder: byte_level(true),
            model: WrittenModel {
                kind: "BPE",
                dropout: (),
                unk_token: self.unknown.map(|id| &*self.pieces[id as usize]),
                continuing_subword_prefix: (),
                end_of_word_suffix: (),
                fuse_unk: false,
                byte_fallback: false,
                ignore_merges: self.ignore_merges,
                gopher: Ends { begin_of_text: self.begin_of_text, end_of_text: self.end_of_text },
                vocab: Vocabulary(&self.pieces),
                merges: Merges(&self.merges),
            },
        };
        // Strings, numbers and lists of them always have a form in JSON.
        serde_json::to_vec(&written).expect("a tokenizer in JSON")
    }

    fn added_token(&self, added: &AddedPiece) -> AddedToken {
        AddedToken {
            id: added.id,
            content: self.pieces[added.id as usize].clone(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: added.normalized,
            special: added.special,
        }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    version: &'static str,
    truncation: (),
    padding: (),
    added_tokens: Vec<AddedToken>,
    normalizer: (),
    pre_tokenizer: Value,
    post_processor: (),
    decoder: Value,
    model: WrittenModel<'a>,
}

#[derive(Serialize)]
struct WrittenModel<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dropout: (),
    unk_token: Option<&'a str>,
    continuing_subword_prefix: (),
    end_of_word_suffix: (),
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    gopher: Ends,
    vocab: Vocabulary<'a>,
    merges: Merges<'a>,
}

/// Pieces as an object from piece to id, in the order of ids.
struct Vocabulary<'a>(&'a [String]);

impl Serialize for Vocabulary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, piece) in self.0.iter().enumerate() {
            map.serialize_entry(piece, &id)?;
        }
        map.end()
    }
}

/// Merges as lines, which versions of all ages read, or as pairs where a piece has a space in it.
struct Merges<'a>(&'a [(String, String)]);

impl Serialize for Merges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.iter().any(|(left, right)| left.contains(' ') || right.contains(' ')) {
            return self.0.serialize(serializer);
        }
        serializer.collect_seq(self.0.iter().map(|(left, right)| format!("{left} {right}")))
    }
}

impl AddedToken {
    fn piece(&self) -> AddedPiece {
        AddedPiece { id: self.id, special: self.special, normalized: self.normalized }
    }
}

impl Merge {
    fn pair(self) -> Result<(String, String), String> {
        match self {
            Merge::Pair(left, right) => Ok((left, right)),
            Merge::Line(line) => match line.split_once(' ') {
                Some((left, right)) => Ok((left.into(), right.into())),
                None => Err(format!("the merge {line:?} is not two pieces with a space between them")),
            },
        }
    }
}

/// What stands around the model: nothing that changes texts.
fn check_surroundings(file: &File) -> Result<(), String> {
    if !is_nothing(&file.normalizer, "normalizers") {
        return Err(format!("a normalizer, {}", brief(&file.normalizer)));
    }
    if file.decoder["type"] != "ByteLevel" {
        return Err(format!("the decoder {}, not ByteLevel", brief(&file.decoder)));
    }
    let processors = match file.post_processor["processors"].as_array() {
        Some(processors) => processors.as_slice(),
        None if file.post_processor.is_null() => &[],
        None => std::slice::from_ref(&file.post_processor),
    };
    let known =
        |processor: &&Value| matches!(processor["type"].as_str(), Some("ByteLevel" | "TemplateProcessing"));
    match processors.iter().find(|processor| !known(processor)) {
        Some(processor) => Err(format!("the post-processor {}", brief(processor))),
        None => Ok(()),
    }
}

/// Null, or a sequence of nothing.
fn is_nothing(value: &Value, list: &str) -> bool {
    value.is_null() || value[list].as_array().is_some_and(Vec::is_empty)
}

fn pre_tokenizer(value: &Value) -> Result<PreTokenizer, String> {
    let steps = match value["pretokenizers"].as_array() {
        Some(steps) if value["type"] == "Sequence" => steps.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let unsupported = || format!("the pre-tokenizer {}", brief(value));
    let (last, first) = steps.split_last().ok_or_else(unsupported)?;
    if last["type"] != "ByteLevel" {
        return Err(unsupported());
    }
    // Both are on unless the file says otherwise.
    if last["add_prefix_space"] != false {
        return Err("a space put before the text (add_prefix_space = true)".into());
    }
    let pattern = last["use_regex"] != false;
    match first {
        [] if pattern => Ok(PreTokenizer::Gpt2),
        [digits] if pattern && digits["type"] == "Digits" && digits["individual_digits"] == true => {
            Ok(PreTokenizer::Smollm)
        }
        [split] if !pattern && split["type"] == "Split" => {
            if split["behavior"] != "Isolated" || split["invert"] == true {
                return Err(unsupported());
            }
            match split["pattern"]["Regex"].as_str() {
                Some(LLAMA3_PATTERN) => Ok(PreTokenizer::Llama3),
                _ => Err(format!("words by the pattern {}", brief(&split["pattern"]))),
            }
        }
        _ => Err(unsupported()),
    }
}

fn check_model(model: &Model) -> Result<(), String> {
    let affix = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let features = [
        ("dropout", model.dropout.is_some_and(|dropout| dropout != 0.0)),
        ("continuing_subword_prefix", affix(&model.continuing_subword_prefix)),
        ("end_of_word_suffix", affix(&model.end_of_word_suffix)),
        ("fuse_unk", model.fuse_unk && model.unk_token.is_some()),
        ("byte_fallback", model.byte_fallback),
    ];
    match features.iter().find(|(_, used)| *used) {
        Some((feature, _)) => Err(format!("BPE with {feature}")),
        None => Ok(()),
    }
}

/// The pieces by id, from the model's vocabulary and the added tokens, some of which stand in both.
fn pieces(vocabulary: BTreeMap<String, u32>, added: Vec<AddedToken>) -> Result<Vec<String>, String> {
    let mut by_id: BTreeMap<u32, String> = BTreeMap::new();
    let added = added.into_iter().map(|token| (token.content, token.id));
    for (piece, id) in vocabulary.into_iter().chain(added) {
        match by_id.get(&id) {
            Some(other) if *other != piece => {
                return Err(format!("the pieces {other:?} and {piece:?} both have the id {id}"));
            }
            _ => by_id.insert(id, piece),
        };
    }
    if let Some((expected, _)) = (0..).zip(by_id.keys()).find(|(expected, id)| expected != *id) {
        return Err(format!("no piece has the id {expected}"));
    }
    Ok(by_id.into_values().collect())
}

/// A value for an error, cut if it is long.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
