//! `gopher scaling ladder`: models of several sizes, trained alike within a time.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use train::ladder::{Climbed, Error, Ladder, Member, Request, climb, plan};
use train::observer::{Event, Hang, Observer};

use super::fit;
use crate::arguments::duration;
use crate::commands::train::{Display, Signals, failed};
use crate::output::{Interrupted, grouped, note, print, print_json, table, usage};

/// Arguments of `gopher scaling ladder`.
#[derive(Args)]
pub struct Arguments {
    /// Text to train on: files and folders of .txt, .md, .jsonl and .json, each also .gz, .zst or .xz.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    data: Vec<PathBuf>,
    /// Time for all of it, such as 90s, 20m, 1h or 1h30m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<f64>,
    /// The ladder's folder; one that was begun there goes on.
    #[arg(short, long, value_name = "DIR", default_value = "runs/ladder")]
    output: PathBuf,
    /// Models.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = size)]
    sizes: usize,
    /// Parameters of the largest by those of the smallest.
    #[arg(long, value_name = "FACTOR", default_value_t = 32.0, value_parser = above_one)]
    span: f64,
    /// Tokens for each parameter of the largest, at least.
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = positive)]
    tokens_per_parameter: f64,
    /// Give each size its own number of tokens by its parameters, instead of the same to all.
    #[arg(long)]
    per_size: bool,
    /// Tokens of a sequence.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    sequence_length: u32,
    /// Pieces of the tokenizer that is trained on the text.
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(260..=1 << 20))]
    vocabulary: u32,
    /// A SentencePiece .model file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "vocabulary")]
    tokenizer: Option<PathBuf>,
    /// Decides initial parameters and the order of the text.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,
    /// Change one key of the configuration of all; may be given several times.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Print the plan, with the time it will take, and leave nothing.
    #[arg(long)]
    plan_only: bool,
    /// Print a JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// A number of models.
fn size(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (2..=50).contains(number));
    number.ok_or_else(|| "a number from 2 to 50 is expected".to_owned())
}

fn above_one(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 1.0 && number.is_finite());
    number.ok_or_else(|| "a number above 1 is expected".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "a number above 0 is expected".to_owned())
}

/// What is printed.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    ladder: &'a Ladder,
    /// The laws that were fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling: Option<fit::Report>,
}

/// Plans and trains.
///
/// # Errors
/// A budget that is too short, a folder with something else, and those of `gopher train`.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let folder = arguments.output.clone();
    let mut display = Display::new(signals, None, None);
    let begun = Ladder::read(&folder).map_err(said)?;
    let asked = request(&arguments)?;
    let mut ladder = match (begun, asked) {
        (Some(ladder), None) => ladder,
        (Some(ladder), Some(request)) => {
            ladder.check(&folder, &request).map_err(said)?;
            ladder
        }
        (None, None) => return Err(said(Error::None { folder })),
        (None, Some(request)) => {
            let planned = plan(&request, &mut display);
            display.clear();
            let planned = planned.map_err(said)?;
            if !arguments.plan_only {
                planned.write(&folder).map_err(said)?;
            }
            planned.ladder
        }
    };
    if arguments.plan_only {
        return show(&ladder, None, arguments.json);
    }
    note(described(&ladder).trim_end());
    let count = ladder.members.len();
    let mut first = true;
    let climbed = {
        // Between two trainings there is nothing to save.
        let display = RefCell::new(&mut display);
        let mut observer = Shared(&display);
        climb(&folder, &mut ladder, &mut observer, &mut |ladder, place| {
            if !std::mem::replace(&mut first, false) {
                display.borrow_mut().prepare_again();
            }
            let member = &ladder.members[place];
            let left: f64 = ladder.members[place..].iter().map(|member| member.predicted_seconds).sum();
            note(format_args!(
                "{} ({} of {count}): {} parameters, {} tokens, about {}; all that is left about {}",
                member.name,
                place + 1,
                grouped(member.parameters),
                grouped(member.tokens),
                time(member.predicted_seconds),
                time(left)
            ));
        })
    };
    display.clear();
    if let Climbed::Interrupted(summary) = climbed.map_err(said)? {
        note(format_args!(
            "stopped after step {} of {} of {}, which is saved; to continue: gopher scaling ladder -o {}",
            summary.completed,
            summary.steps,
            summary.run.display(),
            folder.display()
        ));
        return Err(Interrupted(display.stop().unwrap_or(130)).into());
    }
    let scaling = fit::report(&fit::Arguments::of(ladder.runs(&folder), Vec::new()));
    if let Err(error) = &scaling {
        note(format_args!("not fitted: {error:#}"));
    }
    show(&ladder, scaling.ok(), arguments.json)
}

/// The display, lent to trainings one after the other.
struct Shared<'a, 'b>(&'a RefCell<&'b mut Display>);

impl Observer for Shared<'_, '_> {
    fn event(&mut self, event: Event<'_>) {
        self.0.borrow_mut().event(event);
    }

    fn should_stop(&self) -> bool {
        self.0.borrow().should_stop()
    }

    fn alarm(&self) -> Box<dyn Fn(&Hang) + Send> {
        self.0.borrow().alarm()
    }
}

/// What is asked for; `None` where the folder alone is named.
fn request(arguments: &Arguments) -> anyhow::Result<Option<Request>> {
    let Arguments { data, budget, sizes, span, tokens_per_parameter, per_size, seed, set, .. } = arguments;
    let Some(budget) = *budget else {
        return match data.is_empty() {
            true => Ok(None),
            false => Err(usage("--budget: say how much time there is, such as --budget 1h")),
        };
    };
    if data.is_empty() {
        return Err(usage("--data: name the text to train on"));
    }
    let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    Ok(Some(Request {
        sizes: *sizes,
        span: *span,
        tokens_per_parameter: *tokens_per_parameter,
        per_size: *per_size,
        sequence_length: arguments.sequence_length as usize,
        vocabulary_size: arguments.vocabulary as usize,
        tokenizer: arguments.tokenizer.as_ref().map(whole),
        seed: *seed,
        set: set.clone(),
        ..Request::new(data.iter().map(whole).collect(), budget)
    }))
}

/// An error as the program's: wrong usage or not.
fn said(error: Error) -> anyhow::Error {
    match error {
        Error::Train(error) => failed(error),
        error @ (Error::Decided { .. } | Error::Other { .. } | Error::None { .. } | Error::Taken { .. }) => {
            usage(error)
        }
        error => anyhow!(error),
    }
}

fn show(ladder: &Ladder, scaling: Option<fit::Report>, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&Report { ladder, scaling });
    }
    let fits = scaling.map(|report| format!("\n{}", fit::text(&report)));
    print(described(ladder) + &fits.unwrap_or_default())
}

/// A ladder as a table.
fn described(ladder: &Ladder) -> String {
    let trained = ladder.members.iter().any(|member| member.seconds > 0.0);
    let mut head = vec![
        "model",
        "layers",
        "heads",
        "kv",
        "d_model",
        "parameters",
        "tokens",
        "batch",
        "steps",
        "max LR",
        "predicted",
    ];
    if trained {
        head.extend(["took", "loss"]);
    }
    let row = |member: &Member| {
        let mut row = vec![
            member.name.clone(),
            member.layers.to_string(),
            member.heads.to_string(),
            member.key_value_size.to_string(),
            member.d_model.to_string(),
            grouped(member.parameters),
            grouped(member.tokens),
            member.batch.to_string(),
            grouped(member.steps),
            format!("{:.2e}", member.learning_rate),
            time(member.predicted_seconds),
        ];
        if trained {
            row.push(if member.seconds > 0.0 { time(member.seconds) } else { "-".into() });
            row.push(member.loss.map_or("-".into(), |loss| format!("{loss:.4}")));
        }
        row
    };
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(ladder.members.iter().map(row));
    let predicted: f64 = ladder.members.iter().map(|member| member.predicted_seconds).sum();
    let spent: f64 = ladder.members.iter().map(|member| member.seconds).sum();
    let all_done = ladder.members.iter().all(|member| member.loss.is_some());
    let took = match trained && all_done {
        true => format!(", and took {} ({:+.0}%)", time(spent), 100.0 * (spent / predicted - 1.0)),
        false => String::new(),
    };
    format!(
        "{}{} tokens of text, {} held out; measured in {}, training predicted in {}{took}; the budget is {}\n",
        table(&rows),
        grouped(ladder.text_tokens),
        grouped(ladder.held_out_tokens),
        time(ladder.measuring_seconds),
        time(predicted),
        time(ladder.request.budget_seconds),
    )
}

/// Seconds as people say them.
fn time(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..100 => format!("{seconds:.0}s"),
        100..6000 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}
