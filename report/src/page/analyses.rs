//! What analyses found of each run, side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::{notice, paragraph, plot, sizes};
use crate::collect::{AnalysisPart, FigurePart, Report, RunPart};
use crate::html::{Cell, Html, details, table};
use crate::paper::figures_of;
use crate::plot::{Axis, COLOURS, Plot, Series};

/// The most plots of an analysis.
const PLOTS: usize = 12;

pub(super) fn section(report: &Report) -> Html {
    let names: BTreeSet<&str> =
        report.runs.iter().flat_map(|run| &run.analyses).map(|part| part.analysis.as_str()).collect();
    if names.is_empty() {
        return paragraph(
            "No analysis was found in the runs (gopher analyze toxicity, bias, dialect or dialogue, with --runs).",
        );
    }
    let intro = paragraph(
        "What each measure is, where it comes from and what it does not show stands in docs/analyses.md. Every number with its 95% interval; of too few \
         items nothing is shown. The scorer of toxicity and the sentiment model are automatic, and are not the paper's.",
    );
    intro.all(names.into_iter().map(|name| of_analysis(report, name)))
}

/// Parameters, a number with its interval, and the run.
type Sized<'a> = (f64, f64, Option<(f64, f64)>, &'a str);

/// A number's place: what is measured, and of what.
type Place<'a> = (&'a str, &'a str);

fn of_analysis(report: &Report, name: &str) -> Html {
    let parts: Vec<(&RunPart, &AnalysisPart)> = report
        .runs
        .iter()
        .flat_map(|run| run.analyses.iter().map(move |part| (run, part)))
        .filter(|(_, part)| part.analysis == name)
        .collect();
    let mut html = Html::new().tag("h3", name);
    let settings: BTreeSet<String> = parts.iter().map(|(_, part)| part.settings.to_string()).collect();
    if settings.len() > 1 {
        html =
            html.add(notice("The runs were analysed with different settings: their numbers do not compare."));
    }
    // In the order in which they were written.
    let mut places: Vec<Place<'_>> = Vec::new();
    let mut found: BTreeMap<Place<'_>, Vec<Option<&FigurePart>>> = BTreeMap::new();
    for (column, (_, part)) in parts.iter().enumerate() {
        for figure in part.figures.iter().filter(|figure| !figure.detail) {
            let place = (figure.measure.as_str(), figure.group.as_str());
            let row = found.entry(place).or_insert_with(|| {
                places.push(place);
                vec![None; parts.len()]
            });
            row[column] = Some(figure);
        }
    }
    html = html.add(plots(name, &parts, &places, &found));
    let rows: Vec<Vec<Cell>> = places
        .iter()
        .map(|place| {
            let (measure, group) = *place;
            let mut row = vec![Cell::Text(measure.to_owned()), Cell::Text(group.to_owned())];
            row.extend(found[place].iter().map(|figure| cell(*figure)));
            let items: BTreeSet<u64> = found[place].iter().flatten().map(|figure| figure.items).collect();
            let items: Vec<String> = items.into_iter().map(super::grouped).collect();
            row.push(Cell::Number(items.join(", ")));
            row
        })
        .collect();
    let mut head = vec!["measure", "group"];
    head.extend(parts.iter().map(|(run, _)| run.name.as_str()));
    head.push("items");
    let numbers = table(&format!("{name}: value, and its 95% interval in brackets."), &head, &rows);
    html = html.add(if rows.len() > 16 { details(&format!("Numbers: {name}"), numbers) } else { numbers });
    let paper: Vec<Vec<Cell>> = figures_of(name)
        .map(|figure| vec![figure.what.into(), figure.figure.into(), figure.evidence.words().into()])
        .collect();
    if !paper.is_empty() {
        html =
            html.add(table(&format!("{name}: the paper's 280B model."), &["what", "figure", "read"], &paper));
    }
    let notes: BTreeSet<&str> = parts.iter().flat_map(|(_, part)| &part.notes).map(String::as_str).collect();
    html = html.all(notes.into_iter().map(paragraph));
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for figure in found.values().flatten().flatten() {
        if let Some(note) = &figure.note {
            *missing.entry(note).or_default() += 1;
        }
    }
    html.all(missing.into_iter().map(|(note, count)| paragraph(&format!("{count} numbers: {note}."))))
}

fn cell(figure: Option<&FigurePart>) -> Cell {
    let value = figure.and_then(|figure| figure.value).filter(|value| value.is_finite());
    let Some(value) = value else { return Cell::Number("–".into()) };
    let interval = figure.and_then(|figure| figure.interval);
    Cell::Number(match interval {
        Some(found) => format!("{value:.3} [{:.3}, {:.3}]", found.low, found.high),
        None => format!("{value:.3}"),
    })
}

/// Each measure by size, if there are sizes to compare and no more groups than colours.
fn plots(
    name: &str,
    parts: &[(&RunPart, &AnalysisPart)],
    places: &[Place<'_>],
    found: &BTreeMap<Place<'_>, Vec<Option<&FigurePart>>>,
) -> Html {
    let known: BTreeSet<u64> = parts.iter().filter_map(|(run, _)| run.overview.parameters).collect();
    if known.len() < 2 {
        return Html::new();
    }
    let mut measures: Vec<&str> = Vec::new();
    for (measure, _) in places {
        if !measures.contains(measure) {
            measures.push(measure);
        }
    }
    let of_measure = |measure: &str| {
        let groups: Vec<Place<'_>> = places.iter().copied().filter(|place| place.0 == measure).collect();
        if groups.len() > COLOURS {
            return Html::new();
        }
        let (mut rows, mut series) = (Vec::new(), Vec::new());
        for place in groups {
            let mut points: Vec<Sized<'_>> = found[&place]
                .iter()
                .zip(parts)
                .filter_map(|(figure, (run, _))| {
                    let (figure, parameters) = ((*figure)?, run.overview.parameters?);
                    let interval = figure.interval.map(|found| (found.low, found.high));
                    Some((
                        parameters as f64,
                        figure.value.filter(|value| value.is_finite())?,
                        interval,
                        run.name.as_str(),
                    ))
                })
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows.extend(points.iter().map(|(parameters, value, interval, run)| {
                let interval = interval.map_or("–".into(), |(low, high)| format!("{low:.4} to {high:.4}"));
                vec![
                    Cell::Text(place.1.to_owned()),
                    Cell::Text((*run).to_owned()),
                    Cell::Number(super::grouped(*parameters as u64)),
                    Cell::number(Some(*value), 4),
                    Cell::Number(interval),
                ]
            }));
            series.push(Series {
                name: place.1.to_owned(),
                intervals: points
                    .iter()
                    .filter_map(|(x, _, ends, _)| ends.map(|(low, high)| (*x, low, high)))
                    .collect(),
                points: points.into_iter().map(|(x, y, ..)| (x, y)).collect(),
                line: true,
                dots: true,
            });
        }
        let picture = Plot {
            title: format!("{name}, {measure} by size"),
            x: sizes(),
            y: Axis { label: measure.to_owned(), log: false },
            series,
        };
        plot(
            &picture,
            &format!("{name}: {measure} by size."),
            &["group", "run", "parameters", "value", "95% interval"],
            &rows,
        )
    };
    Html::new().all(measures.into_iter().take(PLOTS).map(of_measure))
}
