//! Figures of several runs, side by side.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use analyses::figure::Figure;
use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use super::runs::RunReport;
use crate::output::{grouped, print, print_json, table};

/// Texts that are shown of each kind, at most.
const EXAMPLES: usize = 5;

/// What an analysis found, with what it takes to find the same again.
#[derive(Serialize)]
pub struct Report<'a> {
    pub analysis: &'static str,
    pub program: &'static str,
    pub seed: u64,
    pub resamples: usize,
    pub limit: Option<usize>,
    /// What else decides the numbers.
    pub settings: Value,
    /// What is not there, and why.
    pub notes: &'a [String],
    pub runs: &'a [RunReport],
}

impl Report<'_> {
    /// Writes each run's part beside its answers.
    ///
    /// # Errors
    /// A full disk.
    pub fn write(&self, folders: &[impl AsRef<Path>]) -> anyhow::Result<()> {
        for (folder, run) in folders.iter().zip(self.runs) {
            let own = Report { runs: std::slice::from_ref(run), settings: self.settings.clone(), ..*self };
            let path = folder.as_ref().join(format!("{}.json", self.analysis));
            let text = serde_json::to_string_pretty(&own)? + "\n";
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// Prints it: as JSON, or as a table.
    ///
    /// # Errors
    /// Standard output that is closed.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json { print_json(self) } else { print(self.text()) }
    }

    fn text(&self) -> String {
        let mut rows: Vec<(&str, &str)> = Vec::new();
        let mut found: BTreeMap<(&str, &str), Vec<Option<&Figure>>> = BTreeMap::new();
        for (place, run) in self.runs.iter().enumerate() {
            for figure in run.figures.iter().filter(|figure| !figure.detail) {
                let key = (figure.measure.as_str(), figure.group.as_str());
                let of_key = found.entry(key).or_insert_with(|| {
                    rows.push(key);
                    vec![None; self.runs.len()]
                });
                of_key[place] = Some(figure);
            }
        }
        let mut head = vec![String::new(), String::new()];
        for run in self.runs {
            head.extend([run.run.clone(), "95%".into(), "of".into()]);
        }
        let mut lines = vec![head];
        let mut last = "";
        let mut notes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for key in &rows {
            let (measure, group) = *key;
            let mut line =
                vec![if measure == last { String::new() } else { measure.to_owned() }, group.to_owned()];
            last = measure;
            for (run, figure) in self.runs.iter().zip(&found[key]) {
                line.extend(cells(*figure));
                if let Some(note) = figure.and_then(|figure| figure.note.clone()) {
                    let of = if self.runs.len() > 1 { format!(" ({})", run.run) } else { String::new() };
                    notes.entry(note).or_default().push(format!("{measure} {group}{of}"));
                }
            }
            lines.push(line);
        }
        let mut text = table(&lines);
        for run in self.runs.iter().filter(|run| run.skipped > 0) {
            let (skipped, of) = (grouped(run.skipped as u64), grouped(run.questions as u64));
            text += &format!(
                "{}: {skipped} of {of} questions do not fit the window of {} and are left out\n",
                run.run, run.window
            );
        }
        for note in self.notes {
            text += &format!("{note}\n");
        }
        for (note, of) in notes {
            text += &format!("{note}: {}\n", of.join("; "));
        }
        text
    }
}

fn cells(figure: Option<&Figure>) -> [String; 3] {
    let Some(figure) = figure else { return ["-".into(), String::new(), String::new()] };
    let number = |value: f64| format!("{value:.3}");
    let interval = figure.interval.map(|found| format!("{} to {}", number(found.low), number(found.high)));
    [
        figure.value.map_or_else(|| "-".into(), number),
        interval.unwrap_or_default(),
        grouped(figure.items as u64),
    ]
}

/// Texts of a run with the highest scores, for those who ask to see them.
pub fn examples(run: &str, texts: &[&str], scores: &[f64]) -> String {
    let mut order: Vec<usize> = (0..texts.len().min(scores.len())).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let line = |at: &usize| format!("{run}: {:.3} {:?}\n", scores[*at], texts[*at]);
    order.iter().take(EXAMPLES).map(line).collect()
}
