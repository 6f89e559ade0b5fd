//! `gopher eval list`: the inventory of tasks.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use tasks::suite::{self, Category, Entry, Found, Gopher, Metric, Origin, Presence, Protocol, Way};

use super::data::Data;
use crate::output::{grouped, note, print, print_json, table};

/// Arguments of `gopher eval list`.
#[derive(Args)]
pub struct Arguments {
    /// The tasks that are listed: all 152, or a category.
    #[arg(long, value_name = "SUITE", default_value = "gopher152", value_parser = PossibleValuesParser::new(suite::suites()))]
    suite: String,
    #[command(flatten)]
    data: Data,
    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct List {
    suite: String,
    /// Folders that were searched.
    searched: Vec<PathBuf>,
    counts: Counts,
    categories: Vec<CategoryCounts>,
    tasks: Vec<Row>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Counts {
    tasks: usize,
    present: usize,
    partial: usize,
    absent: usize,
}

#[derive(Serialize)]
struct CategoryCounts {
    category: Category,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    category: Category,
    metric: Metric,
    higher_is_better: bool,
    shots: &'static [u32],
    protocols: [&'static str; 2],
    /// What the protocols do differently, if anything.
    differs: Option<&'static str>,
    /// The 280B model's numbers.
    gopher: &'static [Gopher],
    /// Documents of the whole data set, where that is known.
    expected: Option<usize>,
    #[serde(flatten)]
    found: Found,
    origin: Origin,
}

/// Prints the tasks of a suite.
///
/// # Errors
/// A folder that cannot be searched.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folders = arguments.data.folders()?;
    let searched = arguments.data.places()?;
    let entries = suite::suite(&arguments.suite).unwrap_or_default();
    let row = |entry: &&'static Entry| Row {
        name: &entry.name,
        category: entry.category,
        metric: entry.metric,
        higher_is_better: entry.metric.higher_is_better(),
        shots: &entry.shots,
        protocols: Protocol::ALL.map(Protocol::name),
        differs: entry.differs,
        gopher: &entry.gopher,
        expected: entry.expected,
        found: entry.locate(&folders),
        origin: entry.origin,
    };
    let tasks = entries.iter().map(row).collect::<Vec<_>>();
    let of = |category| tasks.iter().filter(move |row| row.category == category);
    let categories = Category::ALL.into_iter().filter(|&category| of(category).next().is_some());
    let categories = categories
        .map(|category| CategoryCounts { category, counts: count(of(category)) })
        .collect::<Vec<_>>();
    let list =
        List { suite: arguments.suite.clone(), searched, counts: count(tasks.iter()), categories, tasks };
    for row in &list.tasks {
        if let Some(problem) = &row.found.problem {
            note(format_args!("warning: {}: {problem}", row.name));
        }
    }
    if arguments.json { print_json(&list) } else { print(text(&list)) }
}

fn count<'a>(rows: impl Iterator<Item = &'a Row>) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        counts.tasks += 1;
        *match row.found.presence {
            Presence::Present => &mut counts.present,
            Presence::Partial => &mut counts.partial,
            Presence::Absent => &mut counts.absent,
        } += 1;
    }
    counts
}

fn text(list: &List) -> String {
    let mut out = String::new();
    for category in &list.categories {
        let title = category.category.title();
        out += &format!("{title}: {}\n", sum(&category.counts));
        let mut rows = vec![
            ["task", "metric", "shots", "protocols", "280B", "data", "documents", "licence"]
                .map(str::to_owned)
                .to_vec(),
        ];
        rows.extend(list.tasks.iter().filter(|row| row.category == category.category).map(cells));
        out += &table(&rows);
        out.push('\n');
    }
    let missing = missing(&list.tasks);
    if !missing.is_empty() {
        out += "How to get what is missing\n\n";
        out += &missing;
    }
    if list.categories.len() > 1 {
        let rows = list
            .categories
            .iter()
            .map(|category| vec![category.category.title().to_owned(), sum(&category.counts)]);
        out += &table(&rows.collect::<Vec<_>>());
    }
    out += &format!("{}: {}\n", list.suite, sum(&list.counts));
    out
}

fn sum(counts: &Counts) -> String {
    let Counts { tasks, present, partial, absent } = counts;
    format!("{tasks} tasks, {present} present, {partial} partial, {absent} absent")
}

fn cells(row: &Row) -> Vec<String> {
    let list = |numbers: Vec<String>| numbers.join("/");
    let documents = match (row.found.documents, row.expected) {
        (Some(here), Some(all)) if here != all => {
            format!("{} of {}", grouped(here as u64), grouped(all as u64))
        }
        (Some(here), _) => grouped(here as u64),
        (None, Some(all)) if row.found.presence == Presence::Absent => {
            format!("0 of {}", grouped(all as u64))
        }
        (None, _) if row.found.presence == Presence::Absent => "0".into(),
        (None, _) => "not counted".into(),
    };
    let presence = match row.found.presence {
        Presence::Present => "present",
        Presence::Partial => "partial",
        Presence::Absent => "absent",
    };
    vec![
        row.name.into(),
        row.metric.name().into(),
        list(row.shots.iter().map(u32::to_string).collect()),
        if row.differs.is_some() { "paper, lm-eval" } else { "alike" }.into(),
        list(row.gopher.iter().map(|number| number.value.to_string()).collect()),
        presence.into(),
        documents,
        row.origin.licence.into(),
    ]
}

/// How to get each distribution that tasks want.
fn missing(tasks: &[Row]) -> String {
    ways(tasks.iter().filter(|row| row.found.presence != Presence::Present).map(|row| row.origin))
}

/// How to get these distributions, as paragraphs; one origin for each task.
pub fn ways(origins: impl Iterator<Item = Origin>) -> String {
    let mut found: Vec<(Origin, usize)> = Vec::new();
    for origin in origins {
        match found.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, tasks)) => *tasks += 1,
            None => found.push((origin, 1)),
        }
    }
    let mut out = String::new();
    for (Origin { name, licence, way, files, place }, tasks) in found {
        let plural = if tasks == 1 { "" } else { "s" };
        out += &format!("{name} ({tasks} task{plural})\n  licence: {licence}\n");
        if way != Way::Fetch || !files.is_empty() {
            out += &format!("  files: {files}\n");
        }
        out += &format!("  from: {place}\n\n");
    }
    out
}
