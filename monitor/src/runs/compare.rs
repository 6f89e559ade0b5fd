//! Runs side by side.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::{Overview, Run, mean};
use crate::svg::chart::{COLOURS, Figure, Panel, Series};

/// How many steps are shown at most.
const MOST_ROWS: usize = 10;

/// Runs side by side. Lists have an element for each run, in the order they were given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The overview of each.
    pub runs: Vec<Overview>,
    /// Keys of the configuration whose values are not all the same.
    pub differences: Vec<Difference>,
    /// Training losses up to the last step that all runs have: the mean over the steps since the row before.
    pub training: Vec<Row>,
    /// Losses on held-out text, at steps after which all runs were validated.
    pub validation: Vec<Row>,
}

/// A key of the configuration with different values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key with its section.
    pub key: String,
    /// Its values as TOML; `None` where there is no such key.
    pub values: Vec<Option<String>>,
}

/// Losses of all runs at a step, in nats per token; `None` where there is none that is finite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The step.
    pub step: u64,
    /// The losses.
    pub losses: Vec<Option<f64>>,
}

impl Comparison {
    /// Sets runs side by side.
    pub fn new(runs: &[Run]) -> Comparison {
        let keys: BTreeSet<&String> = runs.iter().flat_map(|run| run.config.keys()).collect();
        let differences = keys.into_iter().filter_map(|key| {
            let values: Vec<_> = runs.iter().map(|run| run.config.get(key).cloned()).collect();
            let differ = values.iter().any(|value| *value != values[0]);
            differ.then(|| Difference { key: key.clone(), values })
        });
        Comparison {
            runs: runs.iter().map(|run| run.overview.clone()).collect(),
            differences: differences.collect(),
            training: training(runs),
            validation: validation(runs),
        }
    }

    /// Loss curves over each other; `names` are those of the legend.
    pub fn figure(runs: &[Run], names: &[String]) -> Figure {
        let panel = |heading: &str, height, curve: fn(&Run) -> crate::svg::chart::Curve| Panel {
            heading: heading.to_owned(),
            height,
            series: runs
                .iter()
                .zip(names)
                .zip(COLOURS.iter().cycle())
                .map(|((run, name), colour)| Series {
                    name: name.clone(),
                    colour,
                    dots: true,
                    curve: curve(run),
                })
                .collect(),
            ..Panel::default()
        };
        let mut panels = vec![panel("training loss (nats per token)", 300.0, Run::loss_curve)];
        if runs.iter().any(|run| !run.history.validation.is_empty()) {
            panels.push(panel("validation loss (nats per token)", 200.0, Run::validation_curve));
        }
        Figure { title: names.join(", "), panels }
    }
}

fn training(runs: &[Run]) -> Vec<Row> {
    let last = runs.iter().map(|run| run.overview.completed).min().unwrap_or(0);
    let mut before = 0;
    let rows = evenly(last).into_iter().map(|step| {
        let range = before + 1..=step;
        before = step;
        let losses = runs.iter().map(|run| {
            let losses = &run.history.losses;
            let first = losses.partition_point(|(step, _)| step < range.start());
            let end = losses.partition_point(|(step, _)| step <= range.end());
            let losses = losses.get(first..end).unwrap_or_default();
            mean(losses.iter().map(|&(_, loss)| loss)).filter(|loss| loss.is_finite())
        });
        Row { step, losses: losses.collect() }
    });
    rows.collect()
}

fn validation(runs: &[Run]) -> Vec<Row> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let others: Vec<HashMap<u64, f64>> =
        others.iter().map(|run| run.history.validation.iter().copied().collect()).collect();
    let common: Vec<Row> = (first.history.validation.iter())
        .filter(|(step, _)| others.iter().all(|losses| losses.contains_key(step)))
        .map(|&(step, loss)| {
            let losses = std::iter::once(loss).chain(others.iter().map(|losses| losses[&step]));
            Row { step, losses: losses.map(|loss| Some(loss).filter(|loss| loss.is_finite())).collect() }
        })
        .collect();
    let shown = evenly(common.len() as u64);
    shown.into_iter().map(|number| common[number as usize - 1].clone()).collect()
}

/// Numbers from 1 to `last`, about equally far apart, the last one included; at most [`MOST_ROWS`], and each once.
fn evenly(last: u64) -> BTreeSet<u64> {
    let rows = last.min(MOST_ROWS as u64);
    // Without overflow whatever a file says.
    (1..=rows).map(|row| (u128::from(last) * u128::from(row) / u128::from(rows)) as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_evenly_and_end_with_the_last() {
        let check =
            |last, expected: &[u64]| assert!(evenly(last).into_iter().eq(expected.iter().copied()), "{last}");
        check(0, &[]);
        check(1, &[1]);
        check(3, &[1, 2, 3]);
        check(800, &[80, 160, 240, 320, 400, 480, 560, 640, 720, 800]);
        check(13, &[1, 2, 3, 5, 6, 7, 9, 10, 11, 13]);
        assert_eq!(evenly(u64::MAX).last(), Some(&u64::MAX));
    }
}
