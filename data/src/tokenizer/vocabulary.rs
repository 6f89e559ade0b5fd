//! The pieces of a model: strings, scores, kinds, and the lookups that segmentation needs.

use super::normalizer::PrefixMatcher;
use super::proto::{ModelProto, Piece, PieceType};
use super::string_map::StringMap;

pub(crate) struct Vocabulary {
    pub(crate) pieces: Vec<String>,
    scores: Vec<f32>,
    kinds: Vec<PieceType>,
    /// Pieces that text can be segmented into: normal, user-defined and unused ones.
    mergeable: StringMap<u32>,
    /// All the others: unknown, control and byte pieces.
    reserved: StringMap<u32>,
    pub(crate) unknown: u32,
    /// Ids of the pieces of the 256 bytes, when the model falls back to bytes.
    bytes: Option<Box<[u32; 256]>>,
    pub(crate) user_defined: PrefixMatcher,
}

impl Vocabulary {
    /// Checks and indexes the pieces.
    pub(crate) fn new(model: &ModelProto, byte_fallback: bool) -> Result<Self, String> {
        let count = model.pieces.len();
        let mut vocabulary = Self {
            pieces: Vec::with_capacity(count),
            scores: Vec::with_capacity(count),
            kinds: Vec::with_capacity(count),
            mergeable: StringMap::default(),
            reserved: StringMap::default(),
            unknown: u32::MAX,
            bytes: None,
            user_defined: PrefixMatcher::default(),
        };
        for (id, piece) in model.pieces.iter().enumerate() {
            vocabulary.add(id as u32, piece)?;
        }
        if vocabulary.unknown == u32::MAX {
            return Err("no piece of kind unknown".into());
        }
        if byte_fallback {
            let mut bytes = Box::new([0; 256]);
            for (byte, id) in bytes.iter_mut().enumerate() {
                let name = byte_piece(byte as u8);
                let found = vocabulary.reserved.get(&name);
                *id = found.ok_or_else(|| format!("byte_fallback without the piece {name}"))?;
            }
            vocabulary.bytes = Some(bytes);
        }
        let of_kind = |kind| (0..count).filter(move |&i| model.pieces[i].kind() == kind);
        let user_defined = of_kind(PieceType::UserDefined).map(|i| vocabulary.pieces[i].clone()).collect();
        vocabulary.user_defined = PrefixMatcher::new(user_defined);
        Ok(vocabulary)
    }

    fn add(&mut self, id: u32, piece: &Piece) -> Result<(), String> {
        let kind = match piece.kind {
            None => PieceType::Normal,
            Some(kind) => {
                PieceType::try_from(kind).map_err(|_| format!("piece {id} is of unknown kind {kind}"))?
            }
        };
        let text = piece.piece();
        if text.is_empty() {
            return Err(format!("piece {id} is empty"));
        }
        if kind == PieceType::Byte && parse_byte_piece(text).is_none() {
            return Err(format!("piece {id} is of kind byte but named {text:?}"));
        }
        if kind == PieceType::Unknown && std::mem::replace(&mut self.unknown, id) != u32::MAX {
            return Err("two pieces of kind unknown".into());
        }
        let score = piece.score();
        if score.is_nan() {
            return Err(format!("the score of piece {id} is not a number"));
        }
        let index = match kind {
            PieceType::Normal | PieceType::UserDefined | PieceType::Unused => &mut self.mergeable,
            PieceType::Unknown | PieceType::Control | PieceType::Byte => &mut self.reserved,
        };
        if index.insert(text, id).is_some() {
            return Err(format!("the piece {text:?} appears twice"));
        }
        self.pieces.push(text.to_owned());
        // -0.0 and 0.0 are one score, though not one order.
        self.scores.push(score + 0.0);
        self.kinds.push(kind);
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn score(&self, id: u32) -> f32 {
        self.scores[id as usize]
    }

    pub(crate) fn kind(&self, id: u32) -> PieceType {
        self.kinds[id as usize]
    }

    pub(crate) fn is_unused(&self, id: u32) -> bool {
        self.kind(id) == PieceType::Unused
    }

    /// The id of a piece that text can be segmented into.
    pub(crate) fn mergeable(&self, piece: &str) -> Option<u32> {
        self.mergeable.get(piece)
    }

    /// The pieces that text can be segmented into.
    pub(crate) fn mergeable_pieces(&self) -> impl Iterator<Item = &str> {
        let is_mergeable =
            |kind| matches!(kind, PieceType::Normal | PieceType::UserDefined | PieceType::Unused);
        let pieces = self.pieces.iter().zip(&self.kinds).filter(move |&(_, &kind)| is_mergeable(kind));
        pieces.map(|(piece, _)| piece.as_str())
    }

    /// The id of any piece; reserved names win, as in SentencePiece.
    pub(crate) fn id(&self, piece: &str) -> Option<u32> {
        self.reserved.get(piece).or_else(|| self.mergeable.get(piece))
    }

    /// Appends the id found for `span`, or else its bytes, or else one unknown id for a run of unknown
    /// characters.
    pub(crate) fn push(&self, id: Option<u32>, span: &str, out: &mut Vec<u32>) {
        match (id.filter(|&id| id != self.unknown), &self.bytes) {
            (Some(id), _) => out.push(id),
            (None, Some(bytes)) => out.extend(span.bytes().map(|byte| bytes[byte as usize])),
            (None, None) => {
                if out.last() != Some(&self.unknown) {
                    out.push(self.unknown);
                }
            }
        }
    }

    /// The byte a byte piece stands for.
    pub(crate) fn byte(&self, id: u32) -> Option<u8> {
        (self.kind(id) == PieceType::Byte).then(|| parse_byte_piece(&self.pieces[id as usize])).flatten()
    }
}

/// The name of a byte's piece.
pub(crate) fn byte_piece(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

fn parse_byte_piece(piece: &str) -> Option<u8> {
    let byte = u8::from_str_radix(piece.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()?;
    (byte_piece(byte) == piece).then_some(byte)
}
