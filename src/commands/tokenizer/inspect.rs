//! `gopher tokenizer inspect`.

use std::path::PathBuf;

use clap::Args;
use data::Tokenizer;
use data::tokenizer::{Description, Spaces};
use serde::Serialize;

use super::ModelArgument;
use crate::output::{grouped, print, print_json};

/// Marks that are shown.
const MARKS: usize = 8;

/// Pieces that are shown.
const FIRST: usize = 16;

/// Arguments of `gopher tokenizer inspect`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArgument,
    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What a tokenizer is.
#[derive(Serialize)]
struct Inspected {
    model: PathBuf,
    #[serde(flatten)]
    description: Description,
    vocabulary_size: usize,
    sha256: String,
    unknown: Option<Named>,
    begin_of_text: Option<Named>,
    end_of_text: Option<Named>,
    /// The pieces of `control`.
    marks: Vec<Named>,
    /// The piece of most characters, the first of equals, marks aside.
    longest_piece: Option<Named>,
    /// The first pieces that are neither marks nor bytes.
    first_pieces: Vec<Named>,
}

#[derive(Clone, Serialize)]
struct Named {
    id: u32,
    piece: String,
}

/// Prints what a tokenizer is.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let loaded = arguments.model.load()?;
    let inspected = inspect(arguments.model.model, loaded.tokenizer());
    if arguments.json { print_json(&inspected) } else { print(text(&inspected)) }
}

fn inspect(model: PathBuf, tokenizer: &Tokenizer) -> Inspected {
    let description = tokenizer.description();
    let named = |id: u32| Named { id, piece: tokenizer.piece(id).unwrap_or_default().to_owned() };
    let is_mark = |id: u32| description.control.contains(&id) || tokenizer.unknown() == Some(id);
    let is_byte = |piece: &str| piece.len() == 6 && piece.starts_with("<0x") && description.byte_fallback;
    let ids = (0..tokenizer.vocabulary_size() as u32).filter(|&id| !is_mark(id));
    let pieces: Vec<Named> = ids.map(named).filter(|named| !is_byte(&named.piece)).collect();
    let length = |named: &Named| named.piece.chars().count();
    Inspected {
        model,
        vocabulary_size: tokenizer.vocabulary_size(),
        sha256: tokenizer.fingerprint(),
        unknown: tokenizer.unknown().map(named),
        begin_of_text: tokenizer.begin_of_text().map(named),
        end_of_text: tokenizer.end_of_text().map(named),
        marks: description.control.iter().map(|&id| named(id)).collect(),
        // The last of equals in the other direction.
        longest_piece: pieces.iter().rev().max_by_key(|named| length(named)).cloned(),
        first_pieces: pieces.into_iter().take(FIRST).collect(),
        description,
    }
}

fn text(inspected: &Inspected) -> String {
    let Inspected { description, unknown, begin_of_text, end_of_text, longest_piece, .. } = inspected;
    let optional = |named: &Option<Named>| named.as_ref().map_or("none".into(), show);
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let mut rows = vec![
        ("kind", description.kind.to_owned()),
        ("pieces", grouped(inspected.vocabulary_size as u64)),
        ("unknown", optional(unknown)),
        ("begins a text", optional(begin_of_text)),
        ("ends a text", optional(end_of_text)),
        ("control pieces", listed(&inspected.marks, MARKS)),
        ("user-defined pieces", grouped(description.user_defined.len() as u64)),
        ("normalizer", description.normalizer.clone()),
    ];
    if let Some(Spaces { add_dummy_prefix, remove_extra_whitespaces, as_suffix }) = description.spaces {
        let place = if as_suffix { "after" } else { "before" };
        rows.push(("adds a space", if add_dummy_prefix { format!("{place} the text") } else { yes(false) }));
        rows.push(("removes extra spaces", yes(remove_extra_whitespaces)));
        rows.push(("bytes for other characters", yes(description.byte_fallback)));
    }
    if let Some(pre_tokenizer) = description.pre_tokenizer {
        rows.push(("cuts words as", pre_tokenizer.to_owned()));
    }
    rows.push(("longest piece", optional(longest_piece)));
    rows.push(("first pieces", listed(&inspected.first_pieces, FIRST)));
    rows.push(("sha256", inspected.sha256.clone()));
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n"));
    format!("{}\n{}", inspected.model.display(), lines.collect::<String>())
}

fn show(named: &Named) -> String {
    format!("{} {:?}", named.id, named.piece)
}

/// The first of some pieces, and how many there are if that is not all.
fn listed(pieces: &[Named], most: usize) -> String {
    let shown = pieces.iter().take(most).map(show).collect::<Vec<_>>().join(", ");
    match pieces.len() {
        0 => "none".into(),
        count if count > most => format!("{shown} and {} more", grouped((count - most) as u64)),
        _ => shown,
    }
}
