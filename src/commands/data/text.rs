//! Receipts, explanations and changes as tables.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use massivetext::RuleSet;
use massivetext::explain::Explanation;
use massivetext::filter::Receipt;
use massivetext::ledger::{Disagreement, sets};
use massivetext::rules::Drops;
use massivetext::what_if::Change;
use serde_json::Value;

use crate::output::{grouped, table};

/// Characters of a span that are shown.
const SHOWN: usize = 60;

/// Where every record has gone, and where the rule sets disagree.
pub fn receipt(receipt: &Receipt) -> String {
    let ledger = &receipt.ledger;
    let (dropped, errors) = (ledger.all_dropped(), ledger.all_errors());
    let width = grouped(ledger.records).len();
    let line = |name: &str, n: u64, detail: String| {
        format!("{name:<8} {:>width$}  {detail}", grouped(n)).trim_end().to_owned() + "\n"
    };
    let mut text = line(
        "records",
        ledger.records,
        format!(
            "= {} kept + {} dropped + {} errors",
            grouped(ledger.kept),
            grouped(dropped),
            grouped(errors)
        ),
    );
    text += &line("kept", ledger.kept, format!("by {}", receipt.configuration.rules));
    text += &line("dropped", dropped, counts(&ledger.dropped));
    text += &line("errors", errors, counts(&ledger.errors));
    if sets(&receipt.disagreement).len() > 1 {
        text += &disagreement(&receipt.disagreement);
    }
    text
}

/// Names with their numbers, the largest first.
pub fn counts(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(name, n)| (Reverse(**n), (*name).clone()));
    counts.iter().map(|(name, n)| format!("{name} {}", grouped(**n))).collect::<Vec<_>>().join(", ")
}

fn disagreement(disagreement: &Disagreement) -> String {
    let sets = sets(disagreement);
    let mut rows = vec![vec!["kept by".to_owned(), "documents".to_owned()]];
    rows[0].extend(sets.iter().map(|set| format!("not {set}")));
    for keeper in &sets {
        let kept = disagreement.kept.get(keeper.name()).copied().unwrap_or_default();
        let mut row = vec![keeper.to_string(), grouped(kept)];
        row.extend(sets.iter().map(|dropper| match keeper == dropper {
            true => "-".to_owned(),
            false => grouped(disagreement.documents(keeper.name(), dropper.name())),
        }));
        rows.push(row);
    }
    format!("\n{}", table(&rows))
}

/// What one document is under each rule set.
pub fn explanation(document: &str, all: &[(RuleSet, Explanation)]) -> String {
    let mut text = String::new();
    for (set, explanation) in all {
        text += &match explanation.dropped_by {
            Some(rule) => format!("{set}: dropped by {rule}\n"),
            None => format!("{set}: kept\n"),
        };
        let mut rows = vec![["rule", "statistic", "value", "dropped", ""].map(str::to_owned).to_vec()];
        for judgement in &explanation.judgements {
            let side = match judgement.drops {
                Drops::Above => "above",
                Drops::Below => "below",
            };
            rows.push(vec![
                format!("  {}", judgement.rule),
                judgement.statistic.to_owned(),
                short(&judgement.value),
                format!("{side} {}", judgement.threshold),
                if judgement.fails { "DROPS" } else { "" }.to_owned(),
            ]);
        }
        rows[0][0].insert_str(0, "  ");
        text += &table(&rows);
        for judgement in explanation.judgements.iter().filter(|judgement| judgement.fails) {
            let spans = explanation.spans.get(judgement.statistic).map_or(&[][..], Vec::as_slice);
            for (start, end) in spans.iter().take(3) {
                let found: String = document.chars().skip(*start).take(end - start).collect();
                text += &format!("  {} {start}..{end}: {}\n", judgement.statistic, shortened(&found));
            }
            if spans.len() > 3 {
                text += &format!("  {} and {} more (--json)\n", judgement.statistic, spans.len() - 3);
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn short(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() != 0.0 => format!("{number:.6}"),
        _ => value.to_string(),
    }
}

/// A text in one line, cut if it is long.
pub(super) fn shortened(text: &str) -> String {
    let line: String = text.chars().take(SHOWN).collect();
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("{line:?}{more}")
}

/// What other thresholds would do.
pub fn change(set: RuleSet, change: &Change) -> String {
    let mut text = format!(
        "{set} keeps {} of {} documents, and would keep {}: {} more, {} less\n",
        grouped(change.kept_before),
        grouped(change.documents),
        grouped(change.kept_after),
        grouped(change.gained),
        grouped(change.lost),
    );
    let mut rows = vec![["dropped by", "now", "then"].map(str::to_owned).to_vec()];
    rows.extend(
        change
            .dropped
            .iter()
            .map(|(rule, (before, after))| vec![rule.clone(), grouped(*before), grouped(*after)]),
    );
    if rows.len() > 1 {
        text += &table(&rows);
    }
    for (what, examples) in [("gained", &change.examples_gained), ("lost", &change.examples_lost)] {
        if !examples.is_empty() {
            text += &format!("{what}: {}\n", examples.join(", "));
        }
    }
    text
}
