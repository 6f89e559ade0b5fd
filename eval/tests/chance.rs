//! Models that know nothing, on tasks with choices: they are right by chance, unless something beside knowledge tells the right
//! answer. docs/statistics.md has the test, docs/chance.md what it found.
//!
//! A few documents of each task are asked, or all of them, which prints the table of docs/chance.md:
//! `CHANCE_DOCUMENTS=all cargo test -p eval --test chance -- --nocapture`. `CHANCE_TASKS=piqa,boolq` asks some tasks only.

#[path = "common/programs.rs"]
mod programs;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use data::{Document, Tokenizer, TokenizerConfig};
use eval::evaluate::answer;
use eval::scoring::{Encoding, Overlong, Scorer, ScoringOptions};
use graph::DType;
use graph::testing::{Random, size};
use model::{Gopher, ModelConfig, Precision};
use runtime::{DeviceKind, Runtime};
use serde_json::Value;
use tasks::format::choice_of;
use tasks::statistics::{Chance, Choices, Draws, Exchange, chance, holm};
use tasks::suite::{self, Folders, Metric, Protocol};
use tasks::{Ask, Gold, Item, Pair};

/// The probability that a task is said to be beyond chance when none is.
const LEVEL: f64 = 0.01;

/// Documents with the same choices, from which on these are labels.
const LABELLED: usize = 5;

/// Tokens that a model reads of a prompt.
const WINDOW: usize = 128;

/// Tasks whose data give the right answer away to models that know nothing; docs/chance.md says how.
const SKEWED: [&str; 6] = [
    "race_middle",
    "race_high",
    "truthfulqa_mc1",
    "bigbench_ruin_names",
    "bigbench_date_understanding",
    "openbookqa",
];

fn runtime() -> Option<Runtime> {
    let runtime = Runtime::find_with(DeviceKind::Cpu, &programs::runtime_options(1)).unwrap();
    if runtime.is_none() {
        println!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
    }
    runtime
}

/// A task and what is asked.
type Asked = (String, Vec<Item>);

/// What was found of a task.
struct Found {
    name: String,
    /// Of each model, by log-probability and by log-probability per character.
    models: Chance,
    /// The same, with how often the shortest, the second shortest … choice is right taken as given.
    given_lengths: Option<Chance>,
    /// Of who always takes the first choice, one of the fewest tokens, one of the most; where choices are a document's own.
    habits: Option<Chance>,
}

/// A tokenizer of some of the texts that are asked.
fn tokenizer(asked: &[Asked]) -> Tokenizer {
    let items: Vec<&Item> = asked.iter().flat_map(|(_, items)| items).collect();
    let mut texts = Vec::new();
    for item in items.iter().step_by(items.len().div_ceil(400)) {
        let pairs = pairs(item);
        let start = pairs[0].context.char_indices().rev().nth(500).map_or(0, |(at, _)| at);
        let choices: String = pairs.iter().map(|pair| pair.continuation.as_str()).collect();
        texts.push(pairs[0].context[start..].to_owned() + &choices);
    }
    let train = |vocabulary_size| {
        let documents = texts.iter().map(|text| Ok(Document { name: "texts".into(), text: text.clone() }));
        let config =
            TokenizerConfig { vocabulary_size, character_coverage: 0.99, ..TokenizerConfig::default() };
        Tokenizer::train(documents, &config)
    };
    match train(1024) {
        Err(data::Error::VocabularyTooLarge { maximum, .. }) => train(maximum).unwrap(),
        tokenizer => tokenizer.unwrap(),
    }
}

/// A model of one layer as it is before its first step.
fn scorer(runtime: &Runtime, tokenizer: &Tokenizer, seed: u32) -> Scorer {
    let tokenizer = Tokenizer::from_bytes(tokenizer.to_bytes().to_vec(), tokenizer.file_name()).unwrap();
    let vocabulary_size = tokenizer.vocabulary_size();
    let model: ModelConfig =
        Gopher { layers: 1, heads: 2, key_value_size: 8, d_model: 16, vocabulary_size }.into();
    let initialize = runtime.compile(&model::initialize(&model, DType::F32).unwrap()).unwrap();
    let parameters = initialize.run(&[&runtime.upload_slice(&[seed], &[]).unwrap()]).unwrap();
    let encoding = Encoding::new(tokenizer, None, WINDOW).unwrap();
    Scorer::new(runtime, &model, Precision::FLOAT32, parameters, encoding, ScoringOptions::default()).unwrap()
}

/// A document, what the models chose of it, and how long each choice is with what it follows, in tokens.
struct Answered<'a> {
    item: &'a Item,
    chosen: Vec<usize>,
    lengths: Vec<usize>,
}

/// Puts tasks to models of these seeds. Documents with a choice longer than the window are left out.
fn examine(runtime: &Runtime, asked: &[Asked], seeds: std::ops::Range<u32>) -> Vec<Found> {
    let tokenizer = tokenizer(asked);
    let mut answered: Vec<Vec<Answered<'_>>> = Vec::new();
    for seed in seeds {
        let mut scorer = scorer(runtime, &tokenizer, seed);
        if answered.is_empty() {
            for (_, items) in asked {
                let fitting = items.iter().filter(|item| fits(&scorer, item));
                let of = |item| Answered { item, chosen: Vec::new(), lengths: Vec::new() };
                answered.push(fitting.map(of).collect());
            }
        }
        for documents in &mut answered {
            let items: Vec<Item> = documents.iter().map(|document| document.item.clone()).collect();
            let mut done = |at: usize, answered: eval::evaluate::Answered| {
                let choice = choice_of(&items[at], &answered.answer).unwrap();
                documents[at].chosen.extend([choice.raw, choice.by_characters]);
                let length = |request: &eval::evaluate::Request| {
                    request.truncated + request.context.len() + request.continuation.len()
                };
                documents[at].lengths = answered.requests.iter().map(length).collect();
                ControlFlow::Continue(())
            };
            answer(&mut scorer, &items, Overlong::Truncate, &mut done).unwrap();
        }
    }
    asked.iter().zip(&answered).map(|((name, _), documents)| found(name, documents)).collect()
}

fn found(name: &str, documents: &[Answered<'_>]) -> Found {
    let mut labels: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    for labelled in documents.iter().filter_map(|document| labels_of(document.item)) {
        *labels.entry(labelled).or_default() += 1;
    }
    labels.retain(|_, documents| *documents >= LABELLED);
    let groups: BTreeMap<&Vec<&str>, usize> = labels.keys().zip(0..).collect();
    let mut random = Random::new(11);
    let mut patterns: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    let (mut models, mut given_lengths, mut habits) = (Vec::new(), Vec::new(), Vec::new());
    for Answered { item, chosen, lengths } in documents {
        let grades = grades(item);
        let mut order: Vec<usize> = (0..grades.len()).collect();
        let in_order = |order: &[usize], chosen: &[usize], exchange| Choices {
            grades: order.iter().map(|&choice| grades[choice]).collect(),
            chosen: chosen.iter().map(|choice| order.iter().position(|at| at == choice).unwrap()).collect(),
            exchange,
        };
        match labels_of(item).and_then(|labels| groups.get(&labels).copied()) {
            Some(group) => {
                order.sort_by_key(|&choice| choice_texts(item)[choice].as_str());
                models.push(in_order(&order, chosen, Exchange::Between(group)));
            }
            None => models.push(in_order(&order, chosen, Exchange::Within)),
        }
        // Which of equally long choices comes first says nothing. Documents are alike whose choices are equally long at the same
        // places.
        order = random.permutation(grades.len());
        order.sort_by_key(|&choice| lengths[choice]);
        let pattern = order.windows(2).map(|pair| lengths[pair[0]] == lengths[pair[1]]).collect();
        let next = patterns.len();
        let group = *patterns.entry(pattern).or_insert(next);
        given_lengths.push(in_order(&order, chosen, Exchange::Between(group)));
        habits.push(in_order(&order, &[0, order[0], order[order.len() - 1]], Exchange::Within));
    }
    let is_labelled = 2 * labels.values().sum::<usize>() >= documents.len();
    Found {
        name: name.to_owned(),
        models: chance(&models, &Draws::default()).expect("documents"),
        given_lengths: chance(&given_lengths, &Draws::default()).filter(|_| !is_labelled),
        habits: chance(&habits, &Draws::default()).filter(|_| !is_labelled),
    }
}

fn pairs(item: &Item) -> &[Pair] {
    let Ask::Choices { pairs, .. } = &item.ask else { panic!("no choices") };
    pairs
}

fn choice_texts(item: &Item) -> &[String] {
    let Ask::Choices { choices, .. } = &item.ask else { panic!("no choices") };
    choices
}

/// Whether every choice of a document fits the window.
fn fits(scorer: &Scorer, item: &Item) -> bool {
    let fits =
        |pair: &Pair| scorer.encoding().pair(&pair.context, &pair.continuation, Overlong::Truncate).is_ok();
    pairs(item).iter().all(fits)
}

/// The choices of a document in alphabetical order, if they may be those of others: labels such as yes and no, of which one may
/// be right more often. Letters are none: which letter the right answer has should say nothing.
fn labels_of(item: &Item) -> Option<Vec<&str>> {
    let is_letter = |choice: &String| choice.len() == 1 && choice.as_bytes()[0].is_ascii_uppercase();
    let mut labels: Vec<&str> = choice_texts(item).iter().map(String::as_str).collect();
    labels.sort_unstable();
    (!choice_texts(item).iter().all(is_letter)).then_some(labels)
}

/// What each choice is worth.
fn grades(item: &Item) -> Vec<f64> {
    let grade = |is_right: &dyn Fn(usize) -> bool| {
        (0..choice_texts(item).len()).map(|choice| f64::from(u8::from(is_right(choice)))).collect()
    };
    match &item.gold {
        Gold::Choice(gold) => grade(&|choice| choice == *gold),
        Gold::Choices(golds) => grade(&|choice| golds.contains(&choice)),
        Gold::Grades(grades) => grades.clone(),
        Gold::Texts(_) | Gold::None => panic!("no choice is right"),
    }
}

/// Some of the documents, in their order, drawn by a seed.
fn sample(items: Vec<Item>, most: usize) -> Vec<Item> {
    let mut random = Random::new(7);
    let (mut left, mut wanted) = (items.len(), most);
    let keep = |_: &Item| {
        let keep = random.below(left) < wanted;
        left -= 1;
        wanted -= usize::from(keep);
        keep
    };
    items.into_iter().filter(keep).collect()
}

/// Which of the tasks are beyond chance.
fn beyond(found: &[Found], of: fn(&Found) -> Option<&Chance>) -> Vec<&str> {
    let found: Vec<&Found> = found.iter().filter(|found| of(found).is_some()).collect();
    let rejected =
        holm(&found.iter().filter_map(|found| of(found)).map(|chance| chance.p).collect::<Vec<_>>(), LEVEL);
    found
        .iter()
        .zip(rejected)
        .filter(|(_, rejected)| *rejected)
        .map(|(found, _)| found.name.as_str())
        .collect()
}

#[test]
fn models_that_know_nothing_are_right_by_chance_on_every_task() {
    let Some(runtime) = runtime() else { return };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (shared, made_up) = (here.join("../../shared/data"), here.join("../tasks/tests/data"));
    let folders = Folders::search(&[if shared.is_dir() { shared } else { made_up }]).unwrap();
    let variable = |name| std::env::var(name).ok();
    let (most, is_whole) = match variable("CHANCE_DOCUMENTS").as_deref() {
        None => (size::either(8, 24), false),
        Some("all") => (usize::MAX, true),
        Some(count) => (count.parse().expect("CHANCE_DOCUMENTS is a number, or all"), false),
    };
    let only = variable("CHANCE_TASKS");
    let is_asked = |name: &str| only.as_ref().is_none_or(|only| only.split(',').any(|task| task == name));
    let mut asked: Vec<Asked> = Vec::new();
    for entry in suite::entries().iter().filter(|entry| is_asked(&entry.name)) {
        let has_choices = matches!(entry.metric, Metric::Acc | Metric::AccNorm | Metric::MultipleChoiceGrade);
        if !has_choices || entry.name == "lambada_openai" {
            continue;
        }
        if let Ok((_, _, items)) = entry.open(&folders, Protocol::Paper, Some(0), None) {
            asked.push((entry.name.clone(), sample(items, most)));
        }
    }
    let begin = Instant::now();
    let found = examine(&runtime, &asked, 0..size::either(2, 3).max(if is_whole { 3 } else { 0 }));
    let documents: usize = found.iter().map(|found| found.models.documents).sum();
    println!("{} tasks, {documents} documents, {:.1} s", found.len(), begin.elapsed().as_secs_f64());
    if is_whole {
        found.iter().for_each(|found| println!("{}", line(found)));
    }
    let skewed = beyond(&found, |found| Some(&found.models));
    println!("beyond chance: {skewed:?}");
    println!("given lengths: {:?}", beyond(&found, |found| found.given_lengths.as_ref()));
    println!("for habits: {:?}", beyond(&found, |found| found.habits.as_ref()));
    let new: Vec<&&str> = skewed.iter().filter(|name| !SKEWED.contains(name)).collect();
    assert!(new.is_empty(), "beyond chance, and not known to be: {new:?}");
    let is_gone = |name: &&&str| is_asked(name) && !skewed.contains(*name);
    let gone: Vec<&&str> = SKEWED.iter().filter(is_gone).collect();
    assert!(!is_whole || gone.is_empty(), "known to be beyond chance, and not: {gone:?}");
}

/// A line of the table in docs/chance.md.
fn line(found: &Found) -> String {
    let Found { name, models, given_lengths, habits } = found;
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let least = models.values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = models.values.iter().copied().fold(0.0, f64::max);
    let (furthest, z) = models.furthest();
    let p = |chance: &Chance| match chance.p {
        p if p < 0.0001 => "< 0.0001".to_owned(),
        p if p > 0.1 => format!("{p:.1}"),
        p => format!("{p:.4}"),
    };
    let habit = |at: usize| {
        habits
            .as_ref()
            .map_or(String::new(), |habits| format!("{} ({:+.1})", percent(habits.values[at]), habits.z(at)))
    };
    format!(
        "| `{name}` | {} | {} | {} to {} | {z:+.1} | {} | {} | {} | {} | {} |",
        models.documents,
        percent(models.expected[furthest]),
        percent(least),
        percent(most),
        p(models),
        given_lengths.as_ref().map_or(String::new(), p),
        habit(0),
        habit(1),
        habit(2),
    )
}

/// How a right answer is given away.
#[derive(Clone, Copy, PartialEq)]
enum Leak {
    None,
    /// The first of four, which are listed under letters, is right.
    First,
    /// It is the longest.
    Longest,
    /// It ends with another sign than the others.
    Marked,
    /// Four of five times, `yes` is right: not given away, and as often right for who always says so.
    Skewed,
}

/// A task of 300 documents.
fn planted(name: &str, leak: Leak) -> Asked {
    let words = ["river", "table", "green", "window", "music", "paper", "stone", "cloud", "garden", "letter"];
    let mut random = Random::new(name.len() as u64);
    let document = |document: usize| {
        let question = format!("Which one, the {} or the {}?", random.pick(&words), random.pick(&words));
        let mut gold = random.below(4);
        let mut choices: Vec<String> = (0..4).map(|_| random.pick(&words).to_owned()).collect();
        let mut context = format!("Question: {question}\nAnswer:");
        match leak {
            Leak::None => {}
            Leak::First => {
                gold = 0;
                let listed: String =
                    choices.iter().zip("ABCD".chars()).map(|(c, l)| format!("\n{l}. {c}")).collect();
                context = format!("Question: {question}{listed}\nAnswer:");
                choices = "ABCD".chars().map(String::from).collect();
            }
            Leak::Longest => choices[gold] += " of the house",
            Leak::Marked => {
                for (choice, text) in choices.iter_mut().enumerate() {
                    text.push(if choice == gold { '!' } else { '?' });
                }
            }
            Leak::Skewed => {
                choices = ["no", "yes"].map(String::from).into();
                gold = usize::from(random.below(5) > 0);
            }
        }
        let pair = |choice: &String| Pair { context: context.clone(), continuation: format!(" {choice}") };
        let pairs = choices.iter().map(pair).collect();
        let ask = Ask::Choices { pairs, choices, unconditional: Vec::new() };
        Item { document, fields: Value::Null, ask, gold: Gold::Choice(gold), shots: 0 }
    };
    (name.to_owned(), (0..300).map(document).collect())
}

/// The test above fails for what it is to find, and for nothing else.
#[test]
fn planted_leaks_are_found() {
    let Some(runtime) = runtime() else { return };
    let asked = [
        planted("nothing", Leak::None),
        planted("skewed", Leak::Skewed),
        planted("first", Leak::First),
        planted("longest", Leak::Longest),
        planted("marked", Leak::Marked),
    ];
    let found = examine(&runtime, &asked, 0..3);
    found.iter().for_each(|found| println!("{}", line(found)));
    assert_eq!(beyond(&found, |found| Some(&found.models)), ["first", "longest", "marked"]);
    // Who knows which is the longest knows all there is to it. Letters are equally long, and the first is right every time.
    assert_eq!(beyond(&found, |found| found.given_lengths.as_ref()), ["first", "marked"]);
    assert_eq!(beyond(&found, |found| found.habits.as_ref()), ["first", "longest"]);
}
