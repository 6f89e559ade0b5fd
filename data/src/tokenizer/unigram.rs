//! Unigram segmentation as SentencePiece does it: the path of pieces with the highest sum of scores
//! (Viterbi), summed in single precision.
//!
//! Sums of single precision lose the difference between paths as a text gets longer. Which of two paths is taken is
//! decided by the rounding then, so that its details are part of what a model's file means: they are those of the
//! library's version 0.2.3, which begins the sums anew when they reach [`REBASE`].

use std::ops::Range;

use super::proto::PieceType;
use super::vocabulary::Vocabulary;

/// How far below the worst piece's score an unknown character lies.
const UNKNOWN_PENALTY: f32 = 10.0;

/// The score of a user-defined symbol, for each of its bytes but the first.
const USER_DEFINED_BONUS: f32 = 0.1;

/// Where the best path to a character scores less than this, it becomes the zero of all that follow.
const REBASE: f32 = -100_000.0;

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
        let max_piece_bytes = vocabulary.mergeable_pieces().map(str::len).max().unwrap_or(0);
        Self { max_piece_bytes, unknown_score: min_score - UNKNOWN_PENALTY }
    }

    /// Appends the ids of normalised text.
    pub(crate) fn encode(&self, vocabulary: &Vocabulary, text: &str, out: &mut Vec<u32>) {
        let mut ids = Vec::new();
        for (id, span) in self.best_path(vocabulary, text).into_iter().rev() {
            vocabulary.push(id, &text[span], &mut ids);
        }
        out.extend(ids);
    }

    /// The steps of the best path, the last one first.
    fn best_path(&self, vocabulary: &Vocabulary, text: &str) -> Vec<(Option<u32>, Range<usize>)> {
        let mut best: Vec<Option<Best>> = vec![None; text.len() + 1];
        for (start, first) in text.char_indices() {
            let longest = text.len().min(start.saturating_add(self.max_piece_bytes));
            let till_here = rebase(&mut best[start..=longest]);
            let mut improve = |end: usize, step: f32, id: Option<u32>| {
                let score = step + till_here;
                // Of equal paths the first found stays.
                if best[end].is_none_or(|b| score > b.score) {
                    best[end] = Some(Best { score, start, id });
                }
            };
            let mut covered = false;
            for (i, c) in text[start..].char_indices() {
                let end = start + i + c.len_utf8();
                if end > longest {
                    break;
                }
                let Some(id) = vocabulary.mergeable(&text[start..end]) else { continue };
                let step = match vocabulary.kind(id) {
                    PieceType::Unused => continue,
                    PieceType::UserDefined => (end - start - 1) as f32 * USER_DEFINED_BONUS,
                    PieceType::Normal | PieceType::Unknown | PieceType::Control | PieceType::Byte => {
                        vocabulary.score(id)
                    }
                };
                improve(end, step, Some(id));
                covered |= i == 0;
            }
            if !covered {
                improve(start + first.len_utf8(), self.unknown_score, None);
            }
        }
        let mut path = Vec::new();
        let mut end = text.len();
        // Every character boundary is reached, at the latest by an unknown character.
        while let Some(step) = best[end] {
            path.push((step.id, step.start..end));
            end = step.start;
        }
        path
    }
}

/// The score of the first of some paths. If it is below [`REBASE`], it is taken from all of them first.
fn rebase(paths: &mut [Option<Best>]) -> f32 {
    let score = paths.first().copied().flatten().map_or(0.0, |best| best.score);
    if score >= REBASE {
        return score;
    }
    paths.iter_mut().flatten().for_each(|best| best.score -= score);
    0.0
}

#[cfg(test)]
mod tests {
    use crate::Tokenizer;
    use crate::tokenizer::proto::{ModelProto, ModelType, NormalizerSpec, Piece, PieceType, TrainerSpec};
    use prost::Message as _;

    /// A unigram model of normal pieces and user-defined ones, which leaves text as it is.
    fn tokenizer(normal: &[(&str, f32)], user_defined: &[&str]) -> Tokenizer {
        let piece = |text: &str, score: f32, kind: PieceType| Piece {
            piece: Some(text.into()),
            score: Some(score),
            kind: Some(kind.into()),
        };
        let mut pieces = vec![piece("<unk>", 0.0, PieceType::Unknown)];
        pieces.extend(normal.iter().map(|&(text, score)| piece(text, score, PieceType::Normal)));
        pieces.extend(user_defined.iter().map(|text| piece(text, 0.0, PieceType::UserDefined)));
        let trainer_spec =
            TrainerSpec { model_type: Some(ModelType::Unigram.into()), ..TrainerSpec::default() };
        let normalizer_spec = NormalizerSpec {
            add_dummy_prefix: Some(false),
            remove_extra_whitespaces: Some(false),
            ..NormalizerSpec::default()
        };
        let model = ModelProto {
            pieces,
            trainer_spec: Some(trainer_spec),
            normalizer_spec: Some(normalizer_spec),
            denormalizer_spec: None,
        };
        Tokenizer::from_bytes(model.encode_to_vec(), "test").unwrap()
    }

    /// For a text of `ab` again and again, at which bytes "ab" begins to be one piece ("+") or two ("-"). In exact numbers
    /// two are better by a little, always. Where one is taken is recorded from the library, version 0.2.3.
    #[track_caller]
    fn check_changes(step: f32, repeats: usize, expected: &str) {
        let tokenizer = tokenizer(&[("a", step), ("b", step), ("ab", 2.0 * step - 0.003)], &[]);
        let (mut changes, mut last, mut at) = (Vec::new(), None, 0);
        for id in tokenizer.encode(&"ab".repeat(repeats)) {
            let piece = tokenizer.piece(id).unwrap();
            let sign = if piece == "ab" { '+' } else { '-' };
            if last.replace(sign) != Some(sign) {
                changes.push(format!("{sign}{at}"));
            }
            at += piece.len();
        }
        assert_eq!(changes.join(" "), expected);
    }

    #[test]
    fn long_texts_are_cut_where_the_library_cuts_them() {
        check_changes(-1.0, 200_000, "-0 +65534 -100002 +165536 -200002 +265536 -300004 +365538");
        check_changes(-8.0, 20_000, "-0 +8190 -12502 +20692 -25002 +33192 -37504");
        check_changes(-100.0, 1500, "-0 +654 -1002 +1656 -2002 +2656");
        check_changes(-0.25, 400_000, "-0 +262142 -400002 +662144");
    }

    /// Recorded from the library, version 0.2.3.
    #[test]
    fn user_defined_symbols_have_a_bonus_for_their_length() {
        let check = |normal: &[(&str, f32)], user_defined: &[&str], text: &str, expected: &str| {
            let tokenizer = tokenizer(normal, user_defined);
            let pieces: Vec<&str> =
                tokenizer.encode(text).into_iter().map(|id| tokenizer.piece(id).unwrap()).collect();
            assert_eq!(pieces.join(" "), expected, "{text}");
        };
        let letters = [("a", -1.0), ("b", -1.0)];
        let with = |c: f32, abc: f32| [&letters[..], &[("c", c), ("abc", abc)]].concat();
        check(&with(-1.0, -0.25), &["ab"], "abc", "abc");
        check(&with(-1.05, -1.0), &["ab"], "abc", "ab c");
        check(&with(-1.15, -1.0), &["ab"], "abc", "abc");
        check(&[("日本語", -1.0), ("語", -1.45)], &["日本"], "日本語", "日本 語");
        check(&[("日本語", -1.0), ("語", -1.55)], &["日本"], "日本語", "日本語");
        check(&[("a", -1.0)], &["b", "bb", "bbb"], "bbbbbb", "bbb bbb");
        check(&[("a", -1.0)], &["b", "bb", "bbb"], "bbbb", "b bbb");
        check(&[("a", -1.0)], &["b", "bb", "bbb"], "abbbba", "a bb bb a");
    }
}
