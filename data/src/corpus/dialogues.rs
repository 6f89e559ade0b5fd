//! Dialogues to train on: whole ones in rows of one sequence each, of which only answers count.
//!
//! A record is an object with `messages`, as chat APIs have them. It becomes the text of [`crate::dialogue`] without a prompt, and `</s>`
//! after it. What counts is every answer with what ends it: the beginning of the next turn, or `</s>`. Rows are filled with whole
//! dialogues in the order of the files, and the rest of each is `</s>`, which does not count; so a sequence, which is a row, never begins in
//! the middle of one.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::stream::{Ids, entropy};
use super::{Corpus, CorpusConfig, Span, Statistics, TokenStream, choose_documents};
use crate::dialogue::{DialoguePrompt, Role, Turn, with_answers};
use crate::read::{self, BadRecords, ReadConfig};
use crate::{Document, Error, Result, Tokenizer};

/// What became of dialogues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Dialogues that were read.
    pub dialogues: u64,
    /// Records that were passed over, since they are none ([`BadRecords::Skip`]).
    pub skipped: u64,
    /// Dialogues that were cut between exchanges, since they are longer than a sequence.
    pub cut: u64,
    /// Exchanges whose beginning was left out, since they alone are longer than a sequence.
    pub shortened: u64,
    /// Sequences of the training part and of the held-out one.
    pub sequences: [u64; 2],
    /// Tokens in them that count.
    pub counted: u64,
    /// Tokens in them that are dialogue.
    pub tokens: u64,
}

impl Account {
    /// What a user should know of it.
    pub fn notes(&self) -> Vec<String> {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let Account { dialogues, skipped, cut, shortened, sequences: [training, held_out], counted, tokens } =
            *self;
        let mut notes = vec![format!(
            "{dialogues} dialogue{} of {tokens} tokens, {counted} of them answers, in {training} sequence{} to train on and \
             {held_out} held out",
            plural(dialogues),
            plural(training),
        )];
        if skipped > 0 {
            notes
                .push(format!("{skipped} record{} passed over: no dialogue with an answer", plural(skipped)));
        }
        if cut > 0 {
            notes.push(format!(
                "{cut} dialogue{} longer than a sequence: cut between exchanges",
                if cut == 1 { " is" } else { "s are" }
            ));
        }
        if shortened > 0 {
            notes.push(format!(
                "{shortened} exchange{} longer than a sequence: the beginning is left out (training.sequence_length)",
                if shortened == 1 { " is" } else { "s are" }
            ));
        }
        notes
    }
}

/// A record of a file; what else it has is its own.
#[derive(Deserialize)]
struct Record {
    messages: Vec<Turn>,
}

/// Whether a path is of dialogues: whether the first record of its first file has a list of messages.
pub fn holds_dialogues(path: &Path) -> bool {
    let Ok(files) = read::find_files(&[path.to_owned()]) else { return false };
    let is_text = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = read::uncompressed_name(&name);
        !name.ends_with(".jsonl") && !name.ends_with(".json")
    };
    if files.files.iter().any(is_text) {
        return false;
    }
    let config = ReadConfig::default();
    let first = read::records(&files.files, &config).next();
    let Some(Ok(Document { text, .. })) = first else { return false };
    let record = serde_json::from_str::<serde_json::Value>(&text);
    record.is_ok_and(|record| record.get("messages").is_some_and(serde_json::Value::is_array))
}

/// Gives the dialogues of `files` one after another, each with where it stands.
///
/// # Errors
/// Those of reading; [`Error::Dialogue`] for a record that is no dialogue with an answer, unless such are passed over; what `each` gives.
pub fn read(
    files: &[PathBuf],
    config: &ReadConfig,
    each: &mut dyn FnMut(&str, Vec<Turn>) -> Result<()>,
) -> Result<u64> {
    let mut skipped = 0;
    for record in read::records(files, config) {
        let Document { name, text } = record?;
        match parse(&text) {
            Ok(turns) => each(&name, turns)?,
            Err(_) if config.bad_records == BadRecords::Skip => skipped += 1,
            Err(detail) => return Err(Error::Dialogue { name, detail }),
        }
    }
    Ok(skipped)
}

fn parse(record: &str) -> Result<Vec<Turn>, String> {
    let Record { messages } = inputs::json::from_slice(record.as_bytes())?;
    match messages.iter().any(is_answer) {
        true => Ok(messages),
        false => Err("no message of the assistant has a text, so that there is nothing to learn".into()),
    }
}

fn is_answer(turn: &Turn) -> bool {
    turn.role == Role::Assistant && !turn.content.trim().is_empty()
}

/// A token, and whether it counts.
type Token = (u32, bool);

impl Corpus {
    /// Dialogues of `files` as rows of `sequence_length` tokens.
    ///
    /// # Errors
    /// As [`read`]; no dialogues; a tokenizer without `</s>`; a fraction outside its range.
    pub fn from_dialogues(
        files: &[PathBuf],
        config: &ReadConfig,
        tokenizer: &Tokenizer,
        corpus: &CorpusConfig,
        sequence_length: usize,
    ) -> Result<(Self, Account)> {
        corpus.check()?;
        let end = tokenizer.end_of_text().ok_or(Error::NoEndOfText)?;
        let mut account = Account::default();
        let mut dialogues: Vec<(Vec<Vec<Token>>, u64)> = Vec::new();
        account.skipped = read(files, config, &mut |_, turns| {
            let bytes =
                turns.iter().filter(|turn| is_answer(turn)).map(|turn| turn.content.len() as u64).sum();
            dialogues.push((pieces(tokenizer, end, &turns, sequence_length, &mut account), bytes));
            Ok(())
        })?;
        account.dialogues = dialogues.len() as u64;
        if dialogues.is_empty() {
            return Err(Error::NoText { paths: files.to_vec(), detail: "no dialogues".into() });
        }
        let held_out = held_out(&dialogues, corpus.validation_fraction);
        let mut part = |name, is_held_out: bool| {
            let mut rows = Rows::new(sequence_length, end, tokenizer.vocabulary_size());
            let (mut count, mut size) = (0, 0);
            let chosen = dialogues.iter().zip(&held_out).filter(|(_, held_out)| **held_out == is_held_out);
            for ((pieces, bytes), _) in chosen {
                pieces.iter().for_each(|piece| rows.push(piece));
                count += 1;
                size += bytes;
            }
            account.tokens += rows.tokens;
            account.sequences[usize::from(is_held_out)] = rows.fill();
            let unigram_entropy = entropy(&rows.counts);
            let stream = rows.finish(name);
            let tokens = stream.counted() as u64;
            account.counted += tokens;
            (stream, Statistics { documents: count, tokens, bytes: size, unigram_entropy })
        };
        let corpus = Self { training: part("training", false), validation: part("validation", true) };
        if corpus.training.0.counted() == 0 {
            let detail = format!("no token of an answer fits into a sequence of {sequence_length} tokens");
            return Err(Error::NoText { paths: files.to_vec(), detail });
        }
        Ok((corpus, account))
    }
}

/// Which dialogues are held out: as documents are, and at least one of several if any is to be.
fn held_out(dialogues: &[(Vec<Vec<Token>>, u64)], fraction: f64) -> Vec<bool> {
    let spans: Vec<Span> = dialogues
        .iter()
        .map(|(pieces, bytes)| Span { tokens: pieces.iter().map(Vec::len).sum(), bytes: *bytes })
        .collect();
    let total: usize = spans.iter().map(|span| span.tokens).sum();
    let most = (fraction * total as f64) as usize;
    choose_documents(&spans, most).unwrap_or_else(|| {
        let mut chosen = vec![false; spans.len()];
        let mut left = most;
        for (index, span) in spans.iter().enumerate().skip(1).rev() {
            if span.tokens > left && (fraction == 0.0 || index + 1 < spans.len()) {
                break;
            }
            chosen[index] = true;
            left = left.saturating_sub(span.tokens);
        }
        chosen
    })
}

/// A dialogue as tokens, in pieces that fit a sequence: all of it if it does, else as many exchanges in each as do.
fn pieces(
    tokenizer: &Tokenizer,
    end: u32,
    turns: &[Turn],
    length: usize,
    account: &mut Account,
) -> Vec<Vec<Token>> {
    let (system, spoken): (Vec<&Turn>, Vec<&Turn>) = turns.iter().partition(|turn| turn.role == Role::System);
    let of = |range: Range<usize>| encode(tokenizer, end, &[&system[..], &spoken[range]].concat());
    let whole = of(0..spoken.len());
    if whole.len() <= length {
        return vec![whole];
    }
    let begins = |index: usize| {
        index > 0 && spoken[index].role == Role::User && spoken[index - 1].role == Role::Assistant
    };
    let mut ends: Vec<usize> = (0..spoken.len()).filter(|&index| begins(index)).collect();
    ends.push(spoken.len());
    account.cut += u64::from(ends.len() > 1);
    let (mut pieces, mut first, mut exchange) = (Vec::new(), 0, 0);
    while exchange < ends.len() {
        let mut piece = of(first..ends[exchange]);
        while let Some(&next) = ends.get(exchange + 1)
            && let longer = of(first..next)
            && longer.len() <= length
        {
            piece = longer;
            exchange += 1;
        }
        if piece.len() > length {
            piece.drain(..piece.len() - length);
            account.shortened += 1;
        }
        if piece.iter().any(|&(_, counts)| counts) {
            pieces.push(piece);
        }
        first = ends[exchange];
        exchange += 1;
    }
    pieces
}

/// Turns up to their last answer, and `</s>`; nothing if there is no answer.
fn encode(tokenizer: &Tokenizer, end: u32, turns: &[&Turn]) -> Vec<Token> {
    let Some(last) = turns.iter().rposition(|turn| is_answer(turn)) else { return Vec::new() };
    let (text, answers) = with_answers(&DialoguePrompt::none(), turns[..=last].iter().copied());
    let counts = |start: usize, end: usize| {
        let near = answers.get(answers.partition_point(|answer| answer.end <= start));
        // A part of a character, whose last token has all of its bytes, has none itself.
        near.is_some_and(|answer| answer.start < end.max(start + 1))
    };
    let tokens = tokenizer.encode_text_with_offsets(&text);
    let tokens = tokens.into_iter().map(|token| (token.id, counts(token.start, token.end)));
    tokens.chain([(end, true)]).collect()
}

/// Rows being filled.
struct Rows {
    length: usize,
    end: u32,
    ids: Ids,
    counted: Vec<Range<usize>>,
    /// How often each token counts.
    counts: Vec<u64>,
    /// Tokens that are no filling.
    tokens: u64,
}

impl Rows {
    fn new(length: usize, end: u32, vocabulary_size: usize) -> Self {
        let (ids, counts) = (Ids::new(vocabulary_size), vec![0; vocabulary_size]);
        Self { length: length.max(1), end, ids, counted: Vec::new(), counts, tokens: 0 }
    }

    /// Adds a piece of no more than a row's length, to the row that was begun if it fits there.
    fn push(&mut self, piece: &[Token]) {
        if self.ids.len() % self.length + piece.len() > self.length {
            self.fill();
        }
        for &(id, counts) in piece {
            let at = self.ids.len();
            self.ids.push(&[id]);
            // The first token of a row is what the row before would predict.
            if counts && !at.is_multiple_of(self.length) {
                self.counts[id as usize] += 1;
                match self.counted.last_mut() {
                    Some(last) if last.end == at => last.end += 1,
                    _ => self.counted.push(at..at + 1),
                }
            }
        }
        self.tokens += piece.len() as u64;
    }

    /// Fills the row that was begun, and says how many rows there are.
    fn fill(&mut self) -> u64 {
        while !self.ids.len().is_multiple_of(self.length) {
            self.ids.push(&[self.end]);
        }
        (self.ids.len() / self.length) as u64
    }

    /// The rows as a stream of which each sequence is one.
    fn finish(mut self, part: &'static str) -> TokenStream {
        if self.fill() > 0 {
            // The last target of the last row.
            self.ids.push(&[self.end]);
        }
        TokenStream::of_ids(part, self.ids).counting(self.counted)
    }
}
