//! Items of tasks, answered by a model.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use tasks::{Answer, Ask, Generation, Item, Pair, Scored};

use crate::scoring::{Overlong, Row, RowScore, Scorer};
use crate::{Error, Result};

/// What a model answered about a document, and the numbers that it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// What was read and scored, in the order of the item's pairs, unconditional ones last; of a rolling text, its windows; of a
    /// generated one, its prompt.
    pub requests: Vec<Request>,
}

/// A text that was read, and the log-probability of each token of its second part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Ids that were read and not scored.
    pub context: Vec<u32>,
    /// Ids that were scored.
    pub continuation: Vec<u32>,
    /// Natural log of each scored id's probability.
    pub log_probabilities: Vec<f32>,
    /// The most probable id in place of each.
    pub best: Vec<u32>,
    /// Tokens of the context that the window had no room for.
    pub truncated: usize,
}

impl Request {
    /// The sum over the continuation. One without tokens of its own has probability 1.
    pub fn scored(&self) -> Scored {
        Scored {
            log_probability: self.log_probabilities.iter().map(|&log| f64::from(log)).sum(),
            greedy: self.continuation == self.best,
            tokens: self.continuation.len(),
            truncated: self.truncated,
        }
    }
}

/// Answers items, and gives each to `done` with its index as soon as its last number is known, in any order, until `done`
/// breaks off.
///
/// # Errors
/// [`Error::Document`] with the document when one does not fit the window and `overlong` is [`Overlong::Error`], or a
/// continuation alone does not; [`Error::Device`] when the device fails.
pub fn answer(
    scorer: &mut Scorer,
    items: &[Item],
    overlong: Overlong,
    done: &mut dyn FnMut(usize, Answered) -> ControlFlow<()>,
) -> Result<()> {
    answer_named(scorer, items, overlong, &|_, error| error, done)
}

/// As [`answer`]; an error that concerns one item is what `named` makes of it and of the item's index.
pub(super) fn answer_named(
    scorer: &mut Scorer,
    items: &[Item],
    overlong: Overlong,
    named: &dyn Fn(usize, Error) -> Error,
    done: &mut dyn FnMut(usize, Answered) -> ControlFlow<()>,
) -> Result<()> {
    let mut plan = Plan::default();
    for (index, item) in items.iter().enumerate() {
        let of_document =
            |source| named(index, Error::Document { document: item.document, source: Box::new(source) });
        if let Some(answered) = plan.add(scorer, index, item, overlong).map_err(of_document)?
            && done(index, answered).is_break()
        {
            return Ok(());
        }
    }
    let Plan { rows, owners, mut open, generated } = plan;
    let mut stopped = false;
    scorer.score(&rows, &mut |row, score| {
        let (index, place) = owners[row];
        let Some(unfinished) = open.get_mut(&index) else { return ControlFlow::Continue(()) };
        unfinished.take(place, score);
        if unfinished.missing > 0 {
            return ControlFlow::Continue(());
        }
        let requests = open.remove(&index).map(|unfinished| unfinished.requests).unwrap_or_default();
        let flow = done(index, conclude(&items[index], requests));
        stopped = flow.is_break();
        flow
    })?;
    if stopped { Ok(()) } else { generate(scorer, items, &generated, named, done) }
}

/// Rows of items, and what belongs to which.
#[derive(Default)]
struct Plan {
    rows: Vec<Row>,
    /// The item of each row, and the request it is of.
    owners: Vec<(usize, usize)>,
    open: BTreeMap<usize, Unfinished>,
    /// Items to be answered by text, with their prompts.
    generated: Vec<(usize, Request)>,
}

/// An item whose rows are being scored.
struct Unfinished {
    requests: Vec<Request>,
    missing: usize,
}

impl Unfinished {
    fn take(&mut self, place: usize, score: RowScore) {
        let request = &mut self.requests[place];
        request.log_probabilities = score.log_probabilities;
        request.best = score.best;
        self.missing -= 1;
    }
}

impl Plan {
    /// Adds an item's rows. What needs no model is answered at once.
    fn add(
        &mut self,
        scorer: &Scorer,
        index: usize,
        item: &Item,
        overlong: Overlong,
    ) -> Result<Option<Answered>> {
        let encoding = scorer.encoding();
        let skipped = Ok(Some(Answered { answer: Answer::Skipped, requests: Vec::new() }));
        let requests = match &item.ask {
            Ask::Choices { pairs, unconditional, .. } => {
                let mut requests = Vec::new();
                for Pair { context, continuation } in pairs.iter().chain(unconditional) {
                    match encoding.pair(context, continuation, overlong)? {
                        Some(encoded) => requests.push(Request::of(encoded.row, encoded.truncated)),
                        None => return skipped,
                    }
                }
                requests
            }
            Ask::LogLikelihood(Pair { context, continuation }) => {
                match encoding.pair(context, continuation, overlong)? {
                    Some(encoded) => vec![Request::of(encoded.row, encoded.truncated)],
                    None => return skipped,
                }
            }
            Ask::Rolling(text) => {
                encoding.rolling(text, None)?.into_iter().map(|row| Request::of(row, 0)).collect()
            }
            Ask::Generate { context, generation } => {
                let prompt = encoding.prompt(context, room(generation, encoding.window()), overlong)?;
                let Some((context, truncated)) = prompt else { return skipped };
                let prompt = Request { context, truncated, ..Request::default() };
                self.generated.push((index, prompt));
                return Ok(None);
            }
        };
        let scored = |request: &&Request| !request.continuation.is_empty();
        let missing = requests.iter().filter(scored).count();
        if missing == 0 {
            return Ok(Some(conclude(item, requests)));
        }
        for (place, request) in requests.iter().enumerate().filter(|(_, request)| scored(request)) {
            self.rows
                .push(Row { context: request.context.clone(), continuation: request.continuation.clone() });
            self.owners.push((index, place));
        }
        self.open.insert(index, Unfinished { requests, missing });
        Ok(None)
    }
}

impl Request {
    fn of(row: Row, truncated: usize) -> Self {
        Self { context: row.context, continuation: row.continuation, truncated, ..Self::default() }
    }
}

/// The answer to an item whose requests are all scored.
fn conclude(item: &Item, requests: Vec<Request>) -> Answered {
    let scored = |requests: &[Request]| requests.iter().map(Request::scored).collect::<Vec<_>>();
    let answer = match &item.ask {
        Ask::Choices { pairs, .. } => {
            let (conditional, unconditional) = requests.split_at(pairs.len());
            Answer::Choices { scored: scored(conditional), unconditional: scored(unconditional) }
        }
        Ask::LogLikelihood(_) => Answer::LogLikelihood(total(&requests)),
        Ask::Rolling(_) | Ask::Generate { .. } => Answer::Rolling(total(&requests)),
    };
    Answered { answer, requests }
}

/// The sum over the parts of one text.
fn total(requests: &[Request]) -> Scored {
    let nothing = Scored { log_probability: 0.0, greedy: true, tokens: 0, truncated: 0 };
    requests.iter().map(Request::scored).fold(nothing, |sum, part| Scored {
        log_probability: sum.log_probability + part.log_probability,
        greedy: sum.greedy && part.greedy,
        tokens: sum.tokens + part.tokens,
        truncated: sum.truncated + part.truncated,
    })
}

/// Tokens that are generated at most: half the window at least is the prompt's.
fn room(generation: &Generation, window: usize) -> usize {
    generation.max_tokens.min((window / 2).max(1))
}

/// Answers items by text: all that are generated alike in one go, so that few programs are compiled.
fn generate(
    scorer: &mut Scorer,
    items: &[Item],
    generated: &[(usize, Request)],
    named: &dyn Fn(usize, Error) -> Error,
    done: &mut dyn FnMut(usize, Answered) -> ControlFlow<()>,
) -> Result<()> {
    let mut kinds: Vec<(&Generation, Vec<&(usize, Request)>)> = Vec::new();
    for one in generated {
        let Ask::Generate { generation, .. } = &items[one.0].ask else { continue };
        match kinds.iter_mut().find(|(kind, _)| *kind == generation) {
            Some((_, alike)) => alike.push(one),
            None => kinds.push((generation, vec![one])),
        }
    }
    for (generation, alike) in kinds {
        if generation.temperature > 0.0 {
            let index = alike[0].0;
            return Err(named(index, Error::Sampled { document: items[index].document }));
        }
        let prompts: Vec<Vec<u32>> = alike.iter().map(|(_, prompt)| prompt.context.clone()).collect();
        let mut stopped = false;
        let tokens = room(generation, scorer.window());
        scorer.generate_each(&prompts, tokens, &generation.until, &mut |place, text| {
            let (index, prompt) = alike[place];
            let answered = Answered { answer: Answer::Generated(text), requests: vec![prompt.clone()] };
            let flow = done(*index, answered);
            stopped = flow.is_break();
            flow
        })?;
        if stopped {
            break;
        }
    }
    Ok(())
}
