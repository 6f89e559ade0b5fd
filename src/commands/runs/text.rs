//! Runs as tables.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use monitor::runs::{Comparison, Overview, Row};

use crate::output::{grouped, table};

/// Values and names longer than this are cut.
const LONGEST: usize = 40;
const UNKNOWN: &str = "-";

/// Runs of a folder, a line for each.
pub fn list(overviews: &[Overview], folder: &Path) -> String {
    let titles =
        ["run", "parameters", "steps", "loss", "validation", "tokens/s", "goodput", "MFU", "last step"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(overviews.iter().map(|run| {
        let name = run.run.strip_prefix(folder).ok().filter(|name| !name.as_os_str().is_empty());
        vec![
            name.unwrap_or(&run.run).display().to_string(),
            run.parameters.map_or(UNKNOWN.into(), grouped),
            steps(run),
            number(run.loss),
            number(run.validation_loss),
            rate(run.tokens_per_second),
            percent(run.goodput),
            percent(run.mfu),
            run.updated.filter(|_| run.completed > 0).map_or(UNKNOWN.into(), ago),
        ]
    }));
    table(&rows)
}

/// Names of runs: the last parts of their paths if these differ, else the paths.
pub fn names(overviews: &[Overview]) -> Vec<String> {
    let full = overviews.iter().map(|run| run.run.display().to_string());
    let last = |run: &Overview| Some(run.run.file_name()?.to_string_lossy().into_owned());
    match overviews.iter().map(last).collect::<Option<Vec<_>>>() {
        Some(names) if (1..names.len()).all(|end| !names[..end].contains(&names[end])) => names,
        _ => full.collect(),
    }
}

/// Configurations, results and losses side by side.
pub fn comparison(comparison: &Comparison, names: &[String]) -> String {
    let Comparison { runs, differences, training, validation } = comparison;
    let heading = |title: &str| {
        let names = names.iter().map(|name| shortened(name));
        std::iter::once(title.to_owned()).chain(names).collect::<Vec<_>>()
    };
    let mut text = String::new();
    if differences.is_empty() {
        text.push_str("the configurations are the same\n");
    } else {
        let mut rows = vec![heading("configuration")];
        rows.extend(differences.iter().map(|difference| {
            let values = difference.values.iter();
            let values = values.map(|value| value.as_deref().map_or(UNKNOWN.into(), shortened));
            std::iter::once(difference.key.clone()).chain(values).collect()
        }));
        text.push_str(&table(&rows));
    }

    let mut rows = vec![heading("result")];
    let mut row = |title: &str, value: &dyn Fn(&Overview) -> String| {
        rows.push(std::iter::once(title.to_owned()).chain(runs.iter().map(value)).collect());
    };
    row("parameters", &|run| run.parameters.map_or(UNKNOWN.into(), grouped));
    row("steps", &steps);
    row("tokens", &|run| grouped(run.tokens));
    row("training loss, nats/token", &|run| number(run.loss));
    row("validation loss, nats/token", &|run| number(run.validation_loss));
    row("best validation loss", &|run| match run.best_validation_step {
        Some(step) => format!("{} (step {step})", number(run.best_validation_loss)),
        None => UNKNOWN.into(),
    });
    row("tokens/s", &|run| rate(run.tokens_per_second));
    row("goodput", &|run| percent(run.goodput));
    row("MFU", &|run| percent(run.mfu));
    text.push_str(&format!("\n{}", table(&rows)));

    let losses = |title: &str, losses: &[Row]| {
        let mut rows = vec![heading(title)];
        // Of two, how far the second is from the first.
        let two = runs.len() == 2;
        if two {
            rows[0].push("difference".into());
        }
        for Row { step, losses } in losses {
            let mut row = vec![step.to_string()];
            row.extend(losses.iter().map(|&loss| number(loss)));
            if two {
                let difference = losses[0].zip(losses[1]).map(|(a, b)| format!("{:+.4}", b - a));
                row.push(difference.unwrap_or(UNKNOWN.into()));
            }
            rows.push(row);
        }
        format!("\n{}", table(&rows))
    };
    if training.is_empty() {
        text.push_str("\nthe runs have no step in common\n");
    } else {
        text.push_str(&losses("training loss, mean to step", training));
    }
    if !validation.is_empty() {
        text.push_str(&losses("validation loss after step", validation));
    }
    text
}

fn steps(run: &Overview) -> String {
    match run.steps {
        Some(steps) => format!("{} of {steps}", run.completed),
        None => run.completed.to_string(),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.into(), |value| format!("{value:.4}"))
}

fn rate(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.into(), |rate| grouped(rate as u64))
}

fn percent(part: Option<f64>) -> String {
    part.map_or(UNKNOWN.into(), |part| format!("{:.1}%", 100.0 * part))
}

/// The end of a text that is too long: paths differ there.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(count + 1 - LONGEST)).collect()
}

/// How long ago a time was, in seconds since 1970.
fn ago(time: f64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
    match (now - time).max(0.0) as u64 {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7200 => format!("{} min ago", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overview(run: &str) -> Overview {
        Overview {
            run: run.into(),
            parameters: None,
            completed: 0,
            steps: None,
            tokens: 0,
            loss: None,
            validation_loss: None,
            best_validation_loss: None,
            best_validation_step: None,
            tokens_per_second: None,
            goodput: None,
            mfu: None,
            updated: None,
        }
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let check = |paths: &[&str], expected: &[&str]| {
            assert_eq!(names(&paths.iter().map(|path| overview(path)).collect::<Vec<_>>()), expected);
        };
        check(&["runs/a", "runs/b"], &["a", "b"]);
        check(&["old/a", "new/a"], &["old/a", "new/a"]);
        check(&["runs/a", ".."], &["runs/a", ".."]);
    }

    #[test]
    fn long_texts_keep_their_end() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&("x".repeat(80) + "end"));
        assert!(long.starts_with('…') && long.ends_with("end") && long.chars().count() == LONGEST);
    }
}
