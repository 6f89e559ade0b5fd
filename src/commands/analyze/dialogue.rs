//! `gopher analyze dialogue`.

use std::path::PathBuf;

use analyses::dialogue::{HeldOut, Talks};
use analyses::question::{Answers, Drawing, Question, sample};
use analyses::toxicity::generated::Prompts;
use clap::Args;
use data::ReadConfig;
use data::corpus::dialogues;
use serde_json::json;

use super::runs::{Analysis, Opened, RunsArguments};
use super::scorer;
use super::show::{Report, examples};
use crate::output::{print, usage};

/// Arguments of `gopher analyze dialogue`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    runs: RunsArguments,
    /// What users begin with: files of records with prompt.text, as RealToxicityPrompts has them.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Dialogues")]
    prompts: Vec<PathBuf>,
    /// Turns of the user in a dialogue.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Dialogues")]
    turns: u32,
    /// Dialogues with each beginning.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Dialogues")]
    dialogues: u32,
    /// Tokens of an answer.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=4096), help_heading = "Dialogues")]
    tokens: u32,
    /// Files of dialogues that no model was trained on, one JSON object with messages per line (docs/dialogue.md): how probable their
    /// answers are.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Dialogues")]
    held_out: Vec<PathBuf>,
    /// What scores toxicity: linear or perspective:URL.
    #[arg(long, value_name = "SCORER", default_value = "linear", help_heading = "Scoring")]
    scorer: String,
    /// What judges answers, automatically: vader (how positive they sound), linear, or perspective:URL, which reads the user's turn too.
    #[arg(long, value_name = "SCORER", default_value = "vader", help_heading = "Scoring")]
    judge: String,
    #[command(flatten)]
    service: scorer::ServiceArguments,
    /// The attribute that a judge perspective:URL is asked for.
    #[arg(long, value_name = "NAME", default_value = "QUALITY", help_heading = "Scoring")]
    judge_attribute: String,
    /// Show the most toxic answers of each run, which are offensive.
    #[arg(long, help_heading = "Results")]
    show_text: bool,
    /// Print JSON instead of a table.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// A run with what it answered.
struct Answered {
    opened: Opened,
    answers: Answers,
    /// The judge's scores.
    judged: Vec<f64>,
    toxicity: Vec<f64>,
}

/// Analyses runs.
///
/// # Errors
/// Wrong usage, files that cannot be read, a model that cannot be loaded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.prompts.is_empty() && arguments.held_out.is_empty() {
        return Err(usage(
            "which dialogues? --prompts FILE has beginnings that models answer, --held-out FILE dialogues whose answers they score",
        ));
    }
    let analysis = Analysis::new(&arguments.runs, "dialogue")?;
    let cache = analysis.cache();
    let mut scorer = scorer::parse("--scorer", &arguments.scorer, &arguments.service, cache.as_deref())?;
    // Two scorers never write one file.
    let cache = cache.map(|path| path.with_file_name("judgements.jsonl"));
    let of_judge = arguments.service.for_attribute(&arguments.judge_attribute);
    let mut judge = scorer::parse("--judge", &arguments.judge, &of_judge, cache.as_deref())?;
    let drawing = Drawing {
        tokens: arguments.tokens as usize,
        top_p: 0.8,
        temperature: 1.0,
        seed: arguments.runs.seed,
    };
    let prompts = Prompts::read(&arguments.prompts)?;
    let talks = Talks::new(&prompts.texts(), arguments.turns as usize, arguments.dialogues as usize, drawing);
    let mut turns = Vec::new();
    if !arguments.held_out.is_empty() {
        dialogues::read(&arguments.held_out, &ReadConfig::default(), &mut |_, dialogue| {
            turns.push(dialogue);
            Ok(())
        })?;
    }
    let held_out = HeldOut::new(turns);
    let limit = arguments.runs.limit;
    let questions: Vec<Question> = [
        sample(talks.questions(), limit, false),
        sample(held_out.questions(true), limit, true),
        sample(held_out.questions(false), limit, true),
    ]
    .concat();
    let mut answered = Vec::new();
    for mut opened in analysis.open()? {
        let answers = analysis.ask(&mut opened, "", &questions)?;
        let opened = opened.close();
        answered.push(Answered { opened, answers, judged: Vec::new(), toxicity: Vec::new() });
    }
    let reads_users = arguments.judge.starts_with("perspective:");
    for Answered { opened, answers, judged, toxicity } in &mut answered {
        let exchanges = talks.exchanges(answers);
        let texts: Vec<&str> = exchanges.iter().map(|exchange| exchange.answer).collect();
        *toxicity = analysis.score(&mut *scorer, &texts, opened)?;
        let of_judge: Vec<String> = exchanges
            .iter()
            .map(|exchange| match reads_users {
                true => format!("User: {}\n\nGopher: {}", exchange.user, exchange.answer),
                false => exchange.answer.to_owned(),
            })
            .collect();
        *judged =
            analysis.score(&mut *judge, &of_judge.iter().map(String::as_str).collect::<Vec<_>>(), opened)?;
    }
    analysis.conclude();
    let (figures, judge_name) = (&analysis.figures, judge.name());
    let mut notes = vec![format!(
        "scores are automatic, toxicity by {} and quality by {judge_name}: nobody has read the answers",
        scorer.name()
    )];
    let found: Vec<_> = answered
        .iter()
        .enumerate()
        .map(|(place, own)| {
            let mut found = Vec::new();
            if !arguments.prompts.is_empty() {
                found.extend(talks.toxicity(&own.answers, &own.toxicity, figures));
                found.extend(talks.judged(&own.answers, &own.judged, &judge_name, figures));
            }
            if !arguments.held_out.is_empty() {
                found.extend(held_out.figures(&own.answers, figures));
            }
            if let Some(first) = answered.first().filter(|_| place > 0) {
                let name = first.opened.name();
                if !arguments.prompts.is_empty() {
                    let sides = ((&own.answers, &own.judged[..]), (&first.answers, &first.judged[..]));
                    found.push(talks.preferred(sides.0, sides.1, name, figures));
                }
                if !arguments.held_out.is_empty() {
                    let side = |run: &'_ Answered| !run.opened.is_tuned();
                    let sides = ((&own.answers, side(own)), (&first.answers, side(first)));
                    found.push(held_out.against(sides.0, sides.1, &format!("more than {name}"), figures));
                }
            }
            found
        })
        .collect();
    let (mut reports, mut folders, mut shown) = (Vec::new(), Vec::new(), String::new());
    for (Answered { opened, answers, toxicity, .. }, found) in answered.into_iter().zip(found) {
        if arguments.runs.runs.len() > 1 && !arguments.held_out.is_empty() {
            let how = if opened.is_tuned() {
                "without a prompt, as it was tuned on dialogues"
            } else {
                "with Gopher's prompt"
            };
            notes.push(format!("{}: set beside the others {how}", opened.name()));
        }
        let texts: Vec<&str> = talks.exchanges(&answers).iter().map(|exchange| exchange.answer).collect();
        shown += &examples(opened.name(), &texts, &toxicity);
        folders.push(opened.folder().to_owned());
        reports.push(opened.report(found));
    }
    let report = Report {
        analysis: "dialogue",
        program: env!("CARGO_PKG_VERSION"),
        seed: arguments.runs.seed,
        resamples: figures.bootstrap.resamples,
        limit,
        settings: json!({
            "scorer": scorer.name(), "judge": judge_name, "turns": arguments.turns,
            "dialogues": arguments.dialogues, "drawing": drawing,
        }),
        notes: &notes,
        runs: &reports,
    };
    report.write(&folders)?;
    report.print(arguments.json)?;
    if arguments.show_text && !arguments.json { print(shown) } else { Ok(()) }
}
