//! Laws of the loss.

use analyses::scaling::Law;

use super::{Html, between, paragraph, plot, sizes};
use crate::collect::Report;
use crate::html::{Cell, table};
use crate::laws::FitPart;
use crate::plot::{Axis, Plot, Series};

pub(super) fn section(report: &Report) -> Html {
    let mut html = paragraph(
        "How the loss on held-out text follows parameters N, tokens D and compute C = 6ND: power laws, fitted as in Hoffmann et al. 2022, with \
         intervals of 95% from losses drawn anew. They say nothing outside the range of the runs.",
    );
    for fit in &report.scaling.fits {
        html = html.add(law(report, fit));
    }
    for reason in &report.scaling.not_fitted {
        html = html.add(paragraph(&format!("Not fitted: {reason}.")));
    }
    html
}

fn number(value: f64) -> String {
    match value.abs() {
        0.01..1000.0 => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

fn law(report: &Report, part: &FitPart) -> Html {
    let rows: Vec<Vec<Cell>> = part
        .fit
        .constants
        .iter()
        .map(|constant| {
            let interval =
                constant.interval.map(|found| format!("{} to {}", number(found.low), number(found.high)));
            vec![
                Cell::Text(constant.name.clone()),
                Cell::Number(number(constant.value)),
                Cell::Number(interval.unwrap_or_else(|| "–".into())),
            ]
        })
        .collect();
    let caption = format!(
        "L = {}, fitted to {} runs; it leaves {:.2}% of the loss.",
        part.formula,
        part.fit.points,
        100.0 * part.fit.error
    );
    let mut html = Html::new().tag("h3", &format!("L = {}", part.formula));
    html = html.add(picture(report, part));
    html = html.add(table(&caption, &["constant", "value", "95% interval"], &rows));
    match &part.largest_left_out {
        Some(left) => {
            let row = vec![
                Cell::Text(left.run.clone()),
                Cell::number(Some(left.measured), 4),
                Cell::number(Some(left.predicted), 4),
                between(left.interval, 1.0, 4),
                Cell::Number(format!("{:+.4}", left.predicted - left.measured)),
                Cell::Text(match left.interval.map(|interval| interval.contains(left.measured)) {
                    Some(true) => "yes".into(),
                    Some(false) => "no".into(),
                    None => "–".into(),
                }),
            ];
            let head = ["left out", "measured", "predicted", "95% interval", "error, nats", "within"];
            html.add(table(
                &format!("The run of most compute, predicted by L = {} from the others.", part.formula),
                &head,
                &[row],
            ))
        }
        None => html.add(paragraph("Too few runs to leave the largest out and predict it from the others.")),
    }
}

fn picture(report: &Report, part: &FitPart) -> Html {
    let (axis, of): (Axis, fn(u64, u64) -> f64) = match part.fit.law {
        Law::Parameters => (sizes(), |parameters, _| parameters as f64),
        Law::Tokens => (Axis { label: "tokens".into(), log: true }, |_, tokens| tokens as f64),
        Law::Compute => {
            (Axis { label: "compute, 6ND operations".into(), log: true }, |parameters, tokens| {
                6.0 * parameters as f64 * tokens as f64
            })
        }
        Law::Joint => return Html::new(),
    };
    let found: Vec<(String, f64, f64)> = report
        .runs
        .iter()
        .filter_map(|run| {
            let (parameters, loss) = (run.overview.parameters?, run.overview.validation_loss?);
            Some((run.name.clone(), of(parameters, run.overview.tokens), loss))
        })
        .collect();
    let points = found.iter().map(|(_, x, y)| (*x, *y)).collect();
    let none = Vec::new;
    let series = vec![
        Series { name: "runs".into(), points, line: false, dots: true, intervals: none() },
        Series {
            name: format!("L = {}", part.formula),
            points: part.curve.clone(),
            line: true,
            dots: false,
            intervals: none(),
        },
    ];
    let label = axis.label.clone();
    let picture = Plot {
        title: format!("Loss by {}", label.split(',').next().unwrap_or_default()),
        x: axis,
        y: Axis { label: "nats per token".into(), log: true },
        series,
    };
    let rows: Vec<Vec<Cell>> = found
        .into_iter()
        .map(|(name, x, loss)| {
            vec![Cell::Text(name), Cell::Number(format!("{x:.4e}")), Cell::number(Some(loss), 4)]
        })
        .collect();
    plot(
        &picture,
        &format!("Runs that L = {} is fitted to.", part.formula),
        &["run", &label, "nats per token"],
        &rows,
    )
}
