//! Scores of tasks beside the paper's.

use std::collections::BTreeMap;

use tasks::suite::Category;

use super::{between, grouped, notice, paragraph, plot, sized, sizes};
use crate::collect::{Report, RunPart, TaskPart};
use crate::html::{Cell, Html, table};
use crate::paper::figures_of;
use crate::plot::{Axis, COLOURS, Plot, Series};

pub(super) fn section(report: &Report) -> Html {
    let runs: Vec<&RunPart> = report.runs.iter().filter(|run| run.evaluation.is_some()).collect();
    if runs.is_empty() {
        return paragraph("None of the runs was evaluated (gopher eval --run RUN).");
    }
    let mut html = paragraph(
        "Each score with its 95% interval; beside it that of the paper's 280B model with as many shots, most of them as Hoffmann et al. 2022 reprint \
         them. Accuracies are in per cent.",
    );
    let limits: Vec<(&str, usize)> =
        runs.iter().filter_map(|run| Some((run.name.as_str(), run.evaluation.as_ref()?.limit?))).collect();
    if let Some((_, limit)) = limits.first()
        && limits.len() == runs.len()
        && limits.iter().all(|(_, other)| other == limit)
    {
        html = html.add(notice(&format!(
            "Each run was asked {limit} documents of each task at most: the paper's numbers are of all."
        )));
    } else {
        html = html.all(limits.into_iter().map(|(name, limit)| {
            notice(&format!(
                "{name} was asked {limit} documents of each task at most: the paper's numbers are of all."
            ))
        }));
    }
    for category in categories(&runs) {
        html = html.add(of_category(&runs, &category));
    }
    html.add(gain(report))
}

fn categories(runs: &[&RunPart]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for task in runs.iter().filter_map(|run| run.evaluation.as_ref()).flat_map(|evaluation| &evaluation.tasks)
    {
        if !found.contains(&task.category) {
            found.push(task.category.clone());
        }
    }
    found
}

/// A category in words; of tasks beside the suite, what their file says.
fn title(category: &str) -> &str {
    Category::ALL.into_iter().find(|known| known.name() == category).map_or(category, |known| known.title())
}

/// What numbers are multiplied by, and their digits.
fn unit(task: &TaskPart) -> (f64, usize) {
    if task.higher_is_better { (100.0, 1) } else { (1.0, 3) }
}

fn of_category(runs: &[&RunPart], category: &str) -> Html {
    let mut by_task: BTreeMap<(usize, &str), Vec<(&RunPart, &TaskPart)>> = BTreeMap::new();
    for run in runs {
        let of_run = run.evaluation.iter().flat_map(|evaluation| &evaluation.tasks);
        for (place, task) in of_run.enumerate().filter(|(_, task)| task.category == category) {
            // As the first run that has it has them in order.
            let known = by_task.keys().find(|(_, name)| *name == task.task).copied();
            by_task.entry(known.unwrap_or((place, &task.task))).or_default().push((run, task));
        }
    }
    let mut rows = Vec::new();
    for ((_, name), scores) in &by_task {
        for (run, task) in scores {
            let (scale, digits) = unit(task);
            rows.push(vec![
                Cell::Text((*name).to_owned()),
                Cell::Text(run.name.clone()),
                Cell::Number(task.shots.to_string()),
                Cell::Number(grouped(task.documents as u64)),
                Cell::Text(task.metric.clone()),
                Cell::number(Some(scale * task.value), digits),
                between(task.interval, scale, digits),
                Cell::number(task.gopher_280b.map(|value| scale * value), digits),
            ]);
        }
    }
    let head = ["task", "run", "shots", "documents", "metric", "value", "95% interval", "Gopher 280B"];
    let caption = format!("Scores: {}.", title(category));
    let title = title(category);
    let mut html = Html::new().tag("h3", title);
    let sizes_known =
        runs.iter().filter_map(|run| run.overview.parameters).collect::<std::collections::BTreeSet<_>>();
    let most = by_task.values().map(Vec::len).max().unwrap_or_default();
    if sizes_known.len() > 1 && most > 1 && by_task.len() <= COLOURS {
        let picture = by_size(title, &by_task);
        return html.add(plot(&picture, &caption, &head, &rows));
    }
    html = html.add(table(&caption, &head, &rows));
    html
}

/// Scores by size.
fn by_size(category: &str, by_task: &BTreeMap<(usize, &str), Vec<(&RunPart, &TaskPart)>>) -> Plot {
    let series = by_task.iter().map(|((_, name), scores)| {
        let mut points: Vec<(f64, f64, f64, f64)> = scores
            .iter()
            .filter_map(|(run, task)| {
                let (scale, _) = unit(task);
                let value = scale * task.value;
                let (low, high) =
                    task.interval.map_or((value, value), |found| (scale * found.low, scale * found.high));
                Some((run.overview.parameters? as f64, value, low, high))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series {
            name: (*name).to_owned(),
            line: true,
            dots: true,
            intervals: points.iter().map(|(x, _, low, high)| (*x, *low, *high)).collect(),
            points: points.into_iter().map(|(x, y, ..)| (x, y)).collect(),
        }
    });
    let higher = by_task.values().flatten().all(|(_, task)| task.higher_is_better);
    let label = if higher { "per cent" } else { "as the metric says; less is better" };
    Plot {
        title: format!("Scores by size: {category}"),
        x: sizes(),
        // Perplexities are far apart.
        y: Axis { label: label.into(), log: !higher },
        series: series.collect(),
    }
}

/// Which tasks gain from the smallest to the largest run.
fn gain(report: &Report) -> Html {
    let Some(part) = &report.gain else { return Html::new() };
    let name =
        |name: &str| report.runs.iter().find(|run| run.name == name).map_or_else(|| name.to_owned(), sized);
    let all = &part.gains.all;
    let mut html = Html::new().tag("h3", "What tasks gain by size").add(paragraph(&format!(
        "From {} to {}: of {} tasks, {} gain more than 25%, {} up to 25%, and {} nothing. A gain is a part of the smaller model's number. Clear is what \
         is more than 1.96 standard errors of the difference, and of many tasks some are by chance.",
        name(&part.small),
        name(&part.large),
        all.tasks,
        all.large,
        all.some,
        all.none
    )));
    for figure in figures_of("gain") {
        html = html.add(paragraph(&format!(
            "The paper: {}: {} ({}).",
            figure.what,
            figure.figure,
            figure.evidence.words()
        )));
    }
    let percent =
        |gain: Option<f64>| Cell::Number(gain.map_or("–".into(), |gain| format!("{:+.1}%", 100.0 * gain)));
    let number = |count: usize| Cell::Number(count.to_string());
    let rows: Vec<Vec<Cell>> = part
        .gains
        .headings
        .iter()
        .map(|(heading, count)| {
            let paper = match heading.paper() {
                Some(true) => "among the most",
                Some(false) => "among the least",
                None => "–",
            };
            vec![
                heading.title().into(),
                number(count.tasks),
                number(count.large),
                number(count.some),
                number(count.none),
                number(count.clearly_better),
                number(count.clearly_worse),
                percent(count.mean),
                paper.into(),
            ]
        })
        .collect();
    let head = [
        "",
        "tasks",
        "> 25%",
        "up to 25%",
        "nothing",
        "clearly better",
        "clearly worse",
        "mean gain",
        "gain in the paper",
    ];
    html = html.add(table(
        "Gains by the headings of the paper's figures; the division of MMLU's subjects is ours.",
        &head,
        &rows,
    ));
    let rows: Vec<Vec<Cell>> = part
        .gains
        .tasks
        .iter()
        .map(|gain| {
            let clear = match gain.clear {
                Some(true) => "yes",
                Some(false) => "no",
                None => "–",
            };
            vec![
                Cell::Text(gain.task.clone()),
                gain.heading.title().into(),
                Cell::Text(gain.metric.clone()),
                Cell::number(Some(gain.small), 4),
                Cell::number(Some(gain.large), 4),
                percent(gain.gain),
                clear.into(),
            ]
        })
        .collect();
    let head = ["task", "heading", "metric", "small", "large", "gain", "clear"];
    html.add(crate::html::details("Gains task by task", table("Gains of each task.", &head, &rows)))
}
