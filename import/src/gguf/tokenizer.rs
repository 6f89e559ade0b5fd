//! The tokenizer in the metadata: byte-level BPE (`gpt2`), or SentencePiece's pieces with scores (`llama`).

use data::Tokenizer;
use data::tokenizer::{AddedPiece, ByteLevelModel, PieceKind, PreTokenizer, ScoredPiece, SentencePieceModel};

use super::{Array, Gguf, Value};
use crate::{Error, Result};

/// A tokenizer, and what is written about it beside it.
pub(crate) struct Found {
    pub(crate) tokenizer: Tokenizer,
    /// Whether texts given to the model begin with the token that begins a text.
    pub(crate) adds_begin_of_text: bool,
}

impl Gguf {
    /// The tokenizer.
    pub(crate) fn tokenizer(&self) -> Result<Found> {
        let kind: &str = self.require("tokenizer.ggml.model")?;
        let name = format!("{}: its tokenizer", self.path.display());
        let (tokenizer, adds) = match kind {
            "gpt2" => (Tokenizer::from_byte_level(self.byte_level()?, &name)?, false),
            "llama" => (Tokenizer::from_sentencepiece(self.sentencepiece()?, &name)?, true),
            other => {
                let what = format!("tokenizer.ggml.model = {other:?}");
                return Err(Error::unsupported(&self.path, what, "supported are \"gpt2\" and \"llama\""));
            }
        };
        let adds_begin_of_text = self.get("tokenizer.ggml.add_bos_token")?.unwrap_or(adds);
        Ok(Found { tokenizer, adds_begin_of_text })
    }

    fn byte_level(&self) -> Result<ByteLevelModel> {
        let (pre_tokenizer, ignore_merges) = match self.get("tokenizer.ggml.pre")? {
            Some("smollm") => (PreTokenizer::Smollm, false),
            Some("gpt-2") => (PreTokenizer::Gpt2, false),
            Some("llama-bpe" | "llama3" | "llama-v3") => (PreTokenizer::Llama3, true),
            other => {
                let what = match other {
                    Some(other) => format!("tokenizer.ggml.pre = {other:?}"),
                    None => "a tokenizer without tokenizer.ggml.pre".into(),
                };
                let instead = "supported are \"smollm\", \"gpt-2\" and \"llama-bpe\"";
                return Err(Error::unsupported(&self.path, what, instead));
            }
        };
        let pieces: &[String] = self.require("tokenizer.ggml.tokens")?;
        let kinds = self.kinds(pieces.len())?;
        let added = (0..).zip(&kinds).filter_map(|(id, kind)| {
            let special = *kind == PieceKind::Control;
            let added = special || *kind == PieceKind::UserDefined;
            added.then_some(AddedPiece { id, special, normalized: false })
        });
        let merges: &[String] = self.require("tokenizer.ggml.merges")?;
        let merges = merges.iter().enumerate().map(|(rank, merge)| match merge.split_once(' ') {
            Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
            None => {
                let what = "two pieces with a space between them";
                Err(self.inconsistent(format!("tokenizer.ggml.merges: {rank}, {merge:?}, is not {what}")))
            }
        });
        Ok(ByteLevelModel {
            pieces: pieces.to_vec(),
            merges: merges.collect::<Result<_>>()?,
            added: added.collect(),
            pre_tokenizer,
            ignore_merges,
            // Bytes without a piece are left out, as llama.cpp does.
            unknown: None,
            begin_of_text: self.get("tokenizer.ggml.bos_token_id")?,
            end_of_text: self.get("tokenizer.ggml.eos_token_id")?,
        })
    }

    fn sentencepiece(&self) -> Result<SentencePieceModel> {
        let texts: &[String] = self.require("tokenizer.ggml.tokens")?;
        let scores: Vec<f32> = self
            .require::<&Array>("tokenizer.ggml.scores")?
            .scalars()
            .filter_map(|score| if let Value::F32(score) = score { Some(score) } else { None })
            .collect();
        if scores.len() != texts.len() {
            let detail = format!("{} tokenizer.ggml.tokens, but {} scores", texts.len(), scores.len());
            return Err(self.inconsistent(detail));
        }
        let kinds = self.kinds(texts.len())?;
        let pieces = texts.iter().zip(scores).zip(kinds);
        let pieces =
            pieces.map(|((text, score), kind)| ScoredPiece { text: text.clone(), score, kind }).collect();
        let charsmap: Option<&Array> = self.get("tokenizer.ggml.precompiled_charsmap")?;
        let precompiled_charsmap = match charsmap {
            None => Vec::new(),
            Some(Array::Scalars(_, bytes)) => bytes.clone(),
            Some(_) => {
                return Err(self.inconsistent("tokenizer.ggml.precompiled_charsmap is no list of bytes"));
            }
        };
        Ok(SentencePieceModel {
            pieces,
            begin_of_text: self.get("tokenizer.ggml.bos_token_id")?.or(Some(1)),
            end_of_text: self.get("tokenizer.ggml.eos_token_id")?.or(Some(2)),
            add_dummy_prefix: self.get("tokenizer.ggml.add_space_prefix")?.unwrap_or(true),
            remove_extra_whitespaces: self.get("tokenizer.ggml.remove_extra_whitespaces")?.unwrap_or(false),
            precompiled_charsmap,
        })
    }

    /// What each piece is for, by `tokenizer.ggml.token_type`; without it, all are pieces of text.
    fn kinds(&self, pieces: usize) -> Result<Vec<PieceKind>> {
        let Some(types) = self.get::<&Array>("tokenizer.ggml.token_type")? else {
            return Ok(vec![PieceKind::Normal; pieces]);
        };
        if types.len() != pieces {
            let detail = format!("{pieces} tokenizer.ggml.tokens, but {} token_type", types.len());
            return Err(self.inconsistent(detail));
        }
        let kind = |(id, value): (usize, Value)| {
            let kind = u32::try_from(&value).ok().and_then(|kind| i32::try_from(kind).ok());
            kind.and_then(|kind| PieceKind::try_from(kind).ok()).ok_or_else(|| {
                self.inconsistent(format!("tokenizer.ggml.token_type: {id} is {}, not 1 to 6", value.brief()))
            })
        };
        let kinds = types.scalars().enumerate().map(kind).collect::<Result<Vec<_>>>()?;
        match kinds.len() == pieces {
            true => Ok(kinds),
            false => Err(self.inconsistent("tokenizer.ggml.token_type is no list of numbers")),
        }
    }
}
