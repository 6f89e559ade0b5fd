//! Unigram segmentation as SentencePiece does it: the path of pieces with the highest sum of scores
//! (Viterbi).

use super::proto::PieceType;
use super::vocabulary::Vocabulary;

/// How far below the worst piece's score an unknown character lies.
const UNKNOWN_PENALTY: f32 = 10.0;

pub(crate) struct Unigram {
    max_piece_bytes: usize,
    unknown_score: f32,
}

/// The best path that ends at some byte: its score, and its last step.
#[derive(Clone, Copy)]
struct Best {
    score: f32,
    start: usize,
    id: Option<u32>,
}

impl Unigram {
    pub(crate) fn new(vocabulary: &Vocabulary) -> Self {
        let ids = (0..vocabulary.len() as u32).filter(|&id| vocabulary.kind(id) == PieceType::Normal);
        let min_score = ids.map(|id| vocabulary.score(id)).fold(f32::MAX, f32::min);
        let max_piece_bytes = vocabulary.mergeable_pieces().map(|(piece, _)| piece.len()).max().unwrap_or(0);
        Self { max_piece_bytes, unknown_score: min_score - UNKNOWN_PENALTY }
    }

    /// Appends the ids of normalised text. User-defined symbols are always cut out whole.
    pub(crate) fn encode(&self, vocabulary: &Vocabulary, text: &str, out: &mut Vec<u32>) {
        let mut ids = Vec::new();
        let (mut from, mut at) = (0, 0);
        while at < text.len() {
            let rest = &text[at..];
            match vocabulary.user_defined.longest_match(rest) {
                Some(length) => {
                    self.best_path(vocabulary, &text[from..at], &mut ids);
                    vocabulary.push(vocabulary.mergeable(&rest[..length]), &rest[..length], &mut ids);
                    at += length;
                    from = at;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        self.best_path(vocabulary, &text[from..], &mut ids);
        out.extend(ids);
    }

    fn best_path(&self, vocabulary: &Vocabulary, text: &str, out: &mut Vec<u32>) {
        let mut best: Vec<Option<Best>> = vec![None; text.len() + 1];
        let improve = |end: usize, start: usize, step: f32, id: Option<u32>, best: &mut [Option<Best>]| {
            let score = step + best[start].map_or(0.0, |b| b.score);
            // Of equal paths the first found stays.
            if best[end].is_none_or(|b| score > b.score) {
                best[end] = Some(Best { score, start, id });
            }
        };
        for (start, first) in text.char_indices() {
            let mut covered = false;
            for (i, c) in text[start..].char_indices() {
                let end = start + i + c.len_utf8();
                if end - start > self.max_piece_bytes {
                    break;
                }
                let id = vocabulary.mergeable(&text[start..end]).filter(|&id| !vocabulary.is_unused(id));
                let Some(id) = id else { continue };
                improve(end, start, vocabulary.score(id), Some(id), &mut best);
                covered |= i == 0;
            }
            if !covered {
                improve(start + first.len_utf8(), start, self.unknown_score, None, &mut best);
            }
        }
        let mut path = Vec::new();
        let mut end = text.len();
        // Every character boundary is reached, at the latest by an unknown character.
        while let Some(step) = best[end] {
            path.push((step.id, step.start..end));
            end = step.start;
        }
        for (id, span) in path.into_iter().rev() {
            vocabulary.push(id, &text[span], out);
        }
    }
}
