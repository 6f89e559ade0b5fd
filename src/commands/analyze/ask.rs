//! Questions put to a model.

use std::ops::ControlFlow;

use analyses::question::{Answer, Ask, Dialogues, Drawing, Question, Samples, Scored};
use data::dialogue::{DialoguePrompt, Role, Turn};
use eval::Sampling;
use eval::dialogue::{answers, fit, stop_strings};
use eval::evaluate::{Answered, answer};
use eval::scoring::{self, Overlong, Prompt, Scorer};
use tasks::{Gold, Item};

type Done<'a> = dyn FnMut(&Question, Answer) -> ControlFlow<()> + 'a;

/// Asks questions, each of which is given to `done` with its answer, in any order, until it breaks off.
///
/// # Errors
/// Those of scoring and generating.
pub fn all(scorer: &mut Scorer, questions: &[Question], done: &mut Done<'_>) -> eval::Result<()> {
    let of_kind = |is_of: fn(&Ask) -> bool| {
        questions.iter().filter(|question| is_of(&question.ask)).collect::<Vec<_>>()
    };
    let scored = of_kind(|ask| matches!(ask, Ask::Pairs(_) | Ask::Text(_)));
    if score(scorer, &scored, done)?.is_break() {
        return Ok(());
    }
    let sampled = of_kind(|ask| matches!(ask, Ask::Samples(_)));
    let mut drawings: Vec<Drawing> = Vec::new();
    for drawing in sampled.iter().filter_map(|question| samples(question)).map(|samples| samples.drawing) {
        if !drawings.contains(&drawing) {
            drawings.push(drawing);
        }
    }
    for drawing in drawings {
        for dialogue in [false, true] {
            let alike: Vec<&Question> = sampled
                .iter()
                .copied()
                .filter(|question| {
                    samples(question)
                        .is_some_and(|samples| samples.drawing == drawing && samples.dialogue == dialogue)
                })
                .collect();
            if !alike.is_empty() && draw(scorer, &alike, drawing, dialogue, done)?.is_break() {
                return Ok(());
            }
        }
    }
    if held_out(scorer, &of_kind(|ask| matches!(ask, Ask::HeldOut { .. })), done)?.is_break() {
        return Ok(());
    }
    talk(scorer, &of_kind(|ask| matches!(ask, Ask::Dialogues(_))), done)
}

fn samples(question: &Question) -> Option<&Samples> {
    match &question.ask {
        Ask::Samples(samples) => Some(samples),
        _ => None,
    }
}

fn dialogues(question: &Question) -> Option<&Dialogues> {
    match &question.ask {
        Ask::Dialogues(dialogues) => Some(dialogues),
        _ => None,
    }
}

/// Log-probabilities, as `gopher eval` has them.
fn score(scorer: &mut Scorer, questions: &[&Question], done: &mut Done<'_>) -> eval::Result<ControlFlow<()>> {
    let item = |(document, question): (usize, &&Question)| Item {
        document,
        fields: serde_json::Value::Null,
        ask: match &question.ask {
            Ask::Pairs(pairs) => {
                tasks::Ask::Choices { pairs: pairs.clone(), choices: Vec::new(), unconditional: Vec::new() }
            }
            Ask::Text(text) => tasks::Ask::Rolling(text.clone()),
            _ => tasks::Ask::Rolling(String::new()),
        },
        gold: Gold::None,
        shots: 0,
    };
    let items: Vec<Item> = questions.iter().enumerate().map(item).collect();
    let mut flow = ControlFlow::Continue(());
    answer(scorer, &items, Overlong::Skip, &mut |index, Answered { answer, .. }| {
        let scored = |of: &tasks::Scored| Scored { log_probability: of.log_probability, tokens: of.tokens };
        let answer = match answer {
            tasks::Answer::Choices { scored: all, .. } => Answer::Scored(all.iter().map(scored).collect()),
            tasks::Answer::Rolling(one) | tasks::Answer::LogLikelihood(one) => {
                Answer::Scored(vec![scored(&one)])
            }
            _ => Answer::Skipped,
        };
        flow = done(questions[index], answer);
        flow
    })?;
    Ok(flow)
}

/// Samples of what follows, drawn alike.
fn draw(
    scorer: &mut Scorer,
    questions: &[&Question],
    drawing: Drawing,
    dialogue: bool,
    done: &mut Done<'_>,
) -> eval::Result<ControlFlow<()>> {
    let (mut prompts, mut owners) = (Vec::new(), Vec::new());
    for &question in questions {
        let Some(samples) = samples(question) else { continue };
        let tokens = if dialogue {
            dialogue_tokens(scorer, &[Turn::new(Role::User, samples.prompt.as_str())], drawing)?
        } else {
            let prompt = scorer.encoding().prompt(&samples.prompt, drawing.tokens, Overlong::Skip)?;
            prompt.map(|(tokens, _)| tokens)
        };
        let Some(tokens) = tokens else {
            if done(question, Answer::Skipped).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            continue;
        };
        let seeds = (0..samples.count).map(|number| seed(drawing.seed, &question.id, number)).collect();
        prompts.push(Prompt { tokens, seeds });
        owners.push(question);
    }
    let until = if dialogue { stop_strings(scorer.tokenizer()) } else { Vec::new() };
    let mut flow = ControlFlow::Continue(());
    scorer.sample_each(&prompts, &drawing_of(drawing, until), &mut |index, texts| {
        let texts = if dialogue { texts.iter().map(|text| text.trim().to_owned()).collect() } else { texts };
        flow = done(owners[index], Answer::Texts(texts));
        flow
    })?;
    Ok(flow)
}

/// Answers in dialogues, as `gopher eval dialogues` has them: all together, so that what stands before them is read once. A dialogue of
/// which an answer does not fit is left out.
fn held_out(
    scorer: &mut Scorer,
    questions: &[&Question],
    done: &mut Done<'_>,
) -> eval::Result<ControlFlow<()>> {
    let (mut rows, mut owners) = (Vec::new(), Vec::new());
    let mut open: Vec<Vec<Option<Scored>>> = vec![Vec::new(); questions.len()];
    for (index, question) in questions.iter().enumerate() {
        let Ask::HeldOut { turns, prompted } = &question.ask else { continue };
        let prompt = if *prompted { DialoguePrompt::gopher() } else { DialoguePrompt::none() };
        let encoding = scorer.encoding();
        let (tokenizer, begin) = (encoding.tokenizer(), encoding.begin_of_text());
        let found: Option<Vec<_>> =
            answers(&prompt, turns, tokenizer, begin, encoding.window())?.into_iter().collect();
        let Some(found) = found else {
            if done(question, Answer::Skipped).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            continue;
        };
        if found.is_empty() && done(question, Answer::Scored(Vec::new())).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        open[index] = vec![None; found.len()];
        for (place, answer) in found.into_iter().enumerate() {
            rows.push(answer.row);
            owners.push((index, place));
        }
    }
    let mut flow = ControlFlow::Continue(());
    scorer.score(&rows, &mut |row, score| {
        let (index, place) = owners[row];
        let tokens = score.log_probabilities.len();
        open[index][place] = Some(Scored { log_probability: score.log_probability(), tokens });
        if let Some(scored) = open[index].iter().copied().collect::<Option<Vec<_>>>() {
            flow = done(questions[index], Answer::Scored(scored));
        }
        flow
    })?;
    Ok(flow)
}

/// Dialogues, turn by turn.
fn talk(scorer: &mut Scorer, questions: &[&Question], done: &mut Done<'_>) -> eval::Result<()> {
    for &question in questions {
        let Some(Dialogues { turns: users, count, drawing }) = dialogues(question) else { continue };
        let mut spoken: Vec<Vec<Turn>> = vec![Vec::new(); *count];
        let mut answers: Vec<Vec<String>> = vec![Vec::new(); *count];
        let mut fits = true;
        for (number, user) in users.iter().enumerate() {
            let mut prompts = Vec::new();
            for (place, turns) in spoken.iter_mut().enumerate() {
                turns.push(Turn::new(Role::User, user.as_str()));
                let Some(tokens) = dialogue_tokens(scorer, turns, *drawing)? else {
                    fits = false;
                    break;
                };
                let seed = seed(drawing.seed, &question.id, number * count + place);
                prompts.push(Prompt { tokens, seeds: vec![seed] });
            }
            if !fits {
                break;
            }
            let until = stop_strings(scorer.tokenizer());
            scorer.sample_each(&prompts, &drawing_of(*drawing, until), &mut |place, texts| {
                let text = texts.first().map(|text| text.trim().to_owned()).unwrap_or_default();
                spoken[place].push(Turn::new(Role::Assistant, text.as_str()));
                answers[place].push(text);
                ControlFlow::Continue(())
            })?;
        }
        let answer = if fits { Answer::Texts(answers.concat()) } else { Answer::Skipped };
        if done(question, answer).is_break() {
            break;
        }
    }
    Ok(())
}

/// Turns after Gopher's prompt as tokens; `None` if they do not fit.
fn dialogue_tokens(scorer: &Scorer, turns: &[Turn], drawing: Drawing) -> eval::Result<Option<Vec<u32>>> {
    let (encoding, prompt) = (scorer.encoding(), DialoguePrompt::gopher());
    let begin = encoding.begin_of_text();
    match fit(&prompt, turns, scorer.tokenizer(), begin, scorer.window(), drawing.tokens) {
        Ok(fitted) => Ok(Some(fitted.tokens)),
        Err(eval::Error::DialogueTooLong { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn drawing_of(drawing: Drawing, until: Vec<String>) -> scoring::Drawing {
    let Drawing { tokens, top_p, temperature, .. } = drawing;
    let sampling = Sampling { temperature, top_p, ..Sampling::default() };
    scoring::Drawing { sampling, max_tokens: tokens, until }
}

/// A sample's own seed: other for each seed, question and number, and the same on every machine.
fn seed(seed: u64, id: &str, number: usize) -> u64 {
    // FNV-1a, whose last bits splitmix64 spreads.
    let bytes = seed.to_le_bytes().into_iter().chain(id.bytes()).chain((number as u64).to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
