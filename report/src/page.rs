//! The page.

mod analyses;
mod scaling;
mod scores;

use crate::card::{Card, UNKNOWN};
use crate::collect::{Report, RunPart, is_path};
use crate::html::{Attribute, Cell, Html, details, table};
use crate::plot::{Axis, Plot, Series, short};
use crate::{Error, Result};

/// Bytes of a page at most.
pub const LARGEST: usize = 5_000_000;

/// Rows of a table of a curve at most.
const ROWS: usize = 40;

const HEAD: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    // Nothing is fetched, whatever would ask for it.
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n",
    "<link rel=\"icon\" href=\"data:,\">\n<style>\n",
    include_str!("style.css"),
    "</style>\n"
);

/// A report as one HTML file that needs nothing else.
///
/// # Errors
/// [`Error::Large`].
pub fn page(report: &Report) -> Result<String> {
    let title = match &report.runs[..] {
        [] => "Report".to_owned(),
        [run] => format!("Report on {}", run.name),
        [first, .., last] => format!("Report on {} runs, {} to {}", report.runs.len(), first.name, last.name),
    };
    let sections = [
        ("training", "Training", training(report)),
        ("scores", "Scores", scores::section(report)),
        ("scaling", "Scaling", scaling::section(report)),
        ("analyses", "Analyses", analyses::section(report)),
        ("held-back", "What is held back", held_back(report)),
        ("card", "Model card", card(&report.card)),
    ];
    let links = sections.iter().map(|(id, name, _)| {
        let link = Html::new().element("a", &[("href", &format!("#{id}"))], Html::new().text(name));
        Html::new().element("li", &[], link)
    });
    let links = Html::new().element("ul", &[], Html::new().all(links));
    let nav = Html::new().element("nav", &[("aria-label", "Sections")], links);
    let about = "Made by gopher report from the files of runs. Everything is on this page: it fetches nothing and runs nothing. \
                 Tables are behind the lines that open; printed, they are all open.";
    let header =
        Html::new().tag("h1", &title).element("p", &[("class", "quiet")], Html::new().text(about)).add(nav);
    let main = sections.into_iter().map(|(id, name, inner)| {
        let inner = Html::new().tag("h2", name).add(inner);
        Html::new().element("section", &[("id", id)], inner).raw("\n")
    });
    let footer =
        format!("gopher {}. The same numbers stand in the JSON file beside this one.", report.program);
    let body = Html::new()
        .element("header", &[], header)
        .raw("\n")
        .element("main", &[], Html::new().all(main))
        .element("footer", &[], Html::new().tag("p", &footer));
    let page = Html::new()
        .raw(HEAD)
        .tag("title", &title)
        .raw("\n</head>\n<body>\n")
        .add(body)
        .raw("\n</body>\n</html>\n");
    let page = page.into_string();
    if page.len() > LARGEST { Err(Error::Large { bytes: page.len() }) } else { Ok(page) }
}

/// A paragraph.
fn paragraph(text: &str) -> Html {
    Html::new().tag("p", text).raw("\n")
}

/// A paragraph that is to be noticed.
fn notice(text: &str) -> Html {
    Html::new().element("p", &[("class", "note")], Html::new().text(text)).raw("\n")
}

/// A plot with its numbers behind it; nothing if there are none.
fn plot(plot: &Plot, caption: &str, head: &[&str], rows: &[Vec<Cell>]) -> Html {
    match plot.svg() {
        Some(svg) => svg.add(details(&format!("Numbers: {}", plot.title), table(caption, head, rows))),
        None => Html::new(),
    }
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn count(value: Option<u64>) -> Cell {
    Cell::Number(value.map_or("–".into(), grouped))
}

fn training(report: &Report) -> Html {
    if report.runs.is_empty() {
        return paragraph("No runs were named.");
    }
    let rows: Vec<Vec<Cell>> = report
        .runs
        .iter()
        .map(|RunPart { name, overview, .. }| {
            let steps = overview.steps.map_or("–".into(), grouped);
            vec![
                Cell::Text(name.clone()),
                count(overview.parameters),
                Cell::Number(format!("{} of {steps}", grouped(overview.completed))),
                count(Some(overview.tokens)),
                Cell::number(overview.loss, 4),
                Cell::number(overview.validation_loss, 4),
                count(overview.tokens_per_second.map(|rate| rate as u64)),
                Cell::number(overview.goodput.map(|part| 100.0 * part), 1),
            ]
        })
        .collect();
    let head =
        ["run", "parameters", "steps", "tokens", "training loss", "held-out loss", "tokens/s", "goodput, %"];
    let caption = "Runs. Losses in nats per token: of training the mean of the last tenth of the steps, on held-out text the last.";
    let mut html = table(caption, &head, &rows);
    for run in &report.runs {
        if run.overview.steps.is_some_and(|steps| run.overview.completed < steps) {
            html = html.add(notice(&format!(
                "{} is not at the end of its training: its losses are higher than they will be.",
                run.name
            )));
        }
    }
    html = html.add(curves(report, "Loss on held-out text", |run| &run.validation_loss, true));
    html = html.add(curves(report, "Training loss", |run| &run.training_loss, false));
    for run in report.runs.iter().filter(|run| !run.problems.is_empty()) {
        for problem in &run.problems {
            html = html.add(notice(&format!("Not shown of {}: {problem}", run.name)));
        }
    }
    let keys: Vec<Html> = report.runs.iter().map(settings).collect();
    html.tag("h3", "Settings").all(keys)
}

fn settings(run: &RunPart) -> Html {
    let rows: Vec<Vec<Cell>> = run
        .config
        .iter()
        .filter(|(key, _)| !is_path(key))
        .map(|(key, value)| vec![Cell::Text(key.clone()), Cell::Text(value.clone())])
        .collect();
    let caption = format!("Every key of the configuration of {} but paths.", run.name);
    details(&format!("Settings of {}", run.name), table(&caption, &["key", "value"], &rows))
}

/// Curves of all runs over steps.
fn curves(report: &Report, title: &str, of: impl Fn(&RunPart) -> &Vec<(f64, f64)>, dots: bool) -> Html {
    let series = report.runs.iter().map(|run| Series {
        name: run.name.clone(),
        points: of(run).clone(),
        line: true,
        dots,
        intervals: vec![],
    });
    let picture = Plot {
        title: title.to_owned(),
        x: Axis { label: "step".into(), log: false },
        y: Axis { label: "nats per token".into(), log: false },
        series: series.collect(),
    };
    let mut rows = Vec::new();
    for run in &report.runs {
        let points = of(run);
        let every = points.len().div_ceil(ROWS).max(1);
        // The last one is of interest, whatever the others are.
        let chosen =
            points.iter().enumerate().filter(|(place, _)| (points.len() - 1 - place).is_multiple_of(every));
        rows.extend(chosen.map(|(_, (step, loss))| {
            vec![
                Cell::Text(run.name.clone()),
                Cell::Number(format!("{step:.0}")),
                Cell::number(Some(*loss), 4),
            ]
        }));
    }
    plot(
        &picture,
        &format!("{title}, at most {ROWS} places of each run."),
        &["run", "step", "nats per token"],
        &rows,
    )
}

fn held_back(report: &Report) -> Html {
    let first = paragraph(
        "This page shows numbers and no texts: neither prompts nor what models wrote, much of which is chosen or likely to be \
         offensive. Nothing of these files was read but how many lines they have:",
    );
    if report.held_back.is_empty() {
        return paragraph(
            "This page shows numbers and no texts. There are no files of prompts or answers in the runs.",
        );
    }
    let rows: Vec<Vec<Cell>> = report
        .held_back
        .iter()
        .map(|held| {
            vec![Cell::Text(held.run.clone()), Cell::Text(held.file.clone()), count(Some(held.lines))]
        })
        .collect();
    first.add(table("Files of prompts, texts and answers in the runs.", &["run", "file", "lines"], &rows))
}

fn card(card: &Card) -> Html {
    let Some(run) = &card.run else { return paragraph("There is no run to write a card of.") };
    let mut html = paragraph(&format!(
        "Of {run}, the largest run: the questions of Mitchell et al. 2019, which the paper's appendix answers of the 280B model. What is unknown \
         says so."
    ));
    for section in &card.sections {
        let answers = section.answers.iter().map(|answered| {
            let question = Html::new().tag("dt", answered.question);
            match &answered.answer {
                Some(answer) => question.tag_lines("dd", answer),
                None => question.element("dd", &[("class", "unknown")], Html::new().text(UNKNOWN)),
            }
        });
        let list = Html::new().element("dl", &[], Html::new().all(answers));
        html = html.tag("h3", section.heading).add(list);
    }
    html
}

impl Html {
    /// An element with text of several lines.
    fn tag_lines(self, tag: &'static str, text: &str) -> Html {
        let lines = text.lines().enumerate().map(|(place, line)| {
            let line = Html::new().text(line);
            if place == 0 { line } else { Html::new().raw("\n").add(line) }
        });
        let none: &[Attribute<'_>] = &[];
        self.element(tag, none, Html::new().all(lines))
    }
}

/// An interval in words.
fn between(interval: Option<tasks::statistics::Interval>, scale: f64, digits: usize) -> Cell {
    let number = |value: f64| format!("{:.digits$}", scale * value);
    Cell::Number(
        interval.map_or("–".into(), |found| format!("{} to {}", number(found.low), number(found.high))),
    )
}

/// The axis of sizes.
fn sizes() -> Axis {
    Axis { label: "parameters".into(), log: true }
}

/// A run with its size.
fn sized(run: &RunPart) -> String {
    run.overview
        .parameters
        .map_or_else(|| run.name.clone(), |parameters| format!("{} ({})", run.name, short(parameters as f64)))
}
