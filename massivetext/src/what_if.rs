//! Other thresholds, from the statistics that the stage of the rules has stored: the text is not read again.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::filter::Receipt;
use crate::output::{RECEIPT, STATISTICS};
use crate::rules::Rules;
use crate::stage::read_receipt;
use crate::statistics::RuleSet;
use crate::{Error, Result};

/// What other thresholds would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Documents.
    pub documents: u64,
    /// Kept with the thresholds of the stage, and with the others.
    pub kept_before: u64,
    /// As above.
    pub kept_after: u64,
    /// Dropped before and kept after.
    pub gained: u64,
    /// Kept before and dropped after.
    pub lost: u64,
    /// Documents dropped by each rule, before and after.
    pub dropped: BTreeMap<String, (u64, u64)>,
    /// The ids of the first documents that are gained, and of those that are lost.
    pub examples_gained: Vec<String>,
    /// As above.
    pub examples_lost: Vec<String>,
}

/// Examples of a change.
const SHOWN: usize = 5;

#[derive(Deserialize)]
struct Header {
    format: String,
    statistics: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    statistics: BTreeMap<String, Vec<Option<f64>>>,
}

/// Judges the documents of `folder`, which the stage of the rules wrote, with other thresholds.
///
/// `set` is the rule set that decides, or the one that decided.
///
/// # Errors
/// A folder without receipt or statistics, a rule set that was not measured, no such rule.
pub fn run(folder: &Path, set: Option<RuleSet>, thresholds: &[String]) -> Result<(RuleSet, Change)> {
    let place = folder.join(RECEIPT);
    let receipt: Receipt = read_receipt(&place)?.ok_or_else(|| {
        let detail =
            "no receipt.json: name the folder that gopher data filter wrote with --out, when it has finished";
        Error::Folder { path: folder.into(), detail: detail.to_owned() }
    })?;
    let set = set.unwrap_or(receipt.configuration.rules);
    let mut before = Rules::new(set);
    if set == receipt.configuration.rules {
        receipt.configuration.thresholds.iter().try_for_each(|threshold| before.set(threshold))?;
    }
    let mut after = before.clone();
    thresholds.iter().try_for_each(|threshold| after.set(threshold))?;
    let mut change = Change::default();
    for written in &receipt.outputs {
        let shard = written.file.split('.').next().unwrap_or_default();
        read(&folder.join(format!("{shard}{STATISTICS}")), set, &before, &after, &mut change)?;
    }
    let measured = receipt.ledger.records.checked_sub(receipt.ledger.all_errors());
    if Some(change.documents) != measured {
        let detail = format!(
            "statistics of {} documents, and the receipt has {}; run gopher data filter again into a new folder",
            change.documents,
            measured.map_or_else(|| "fewer records than errors".to_owned(), |measured| measured.to_string())
        );
        return Err(Error::Damaged { path: place, detail });
    }
    Ok((set, change))
}

fn read(path: &Path, set: RuleSet, before: &Rules, after: &Rules, change: &mut Change) -> Result<()> {
    each_document(path, set, &mut |id, values| {
        see(
            change,
            id,
            before.failed(values).next().map(|rule| rule.name),
            after.failed(values).next().map(|rule| rule.name),
        );
    })
}

/// Gives the id of every document in a file of statistics to `see`, with its statistics of a rule set.
///
/// # Errors
/// A file of another version, a rule set that was not measured.
pub(crate) fn each_document(path: &Path, set: RuleSet, see: &mut dyn FnMut(String, &[f64])) -> Result<()> {
    let damaged = |detail: String| Error::Damaged { path: path.into(), detail };
    let mut file = data::read::open(path)?;
    let mut text = String::new();
    let mut number = 0;
    loop {
        text.clear();
        if file.read_line(&mut text).map_err(|error| Error::Data(file.error(error)))? == 0 {
            break;
        }
        number += 1;
        let wrong = |detail: String| damaged(format!("line {number}: {detail}"));
        if number == 1 {
            let header: Header = inputs::json::from_slice(text.as_bytes()).map_err(wrong)?;
            let Some(names) = header.statistics.get(set.name()) else {
                let measured = header.statistics.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(damaged(format!("{set} was not measured; {measured} were (--compare)")));
            };
            if header.format != "massivetext statistics 1" || names != set.statistics() {
                return Err(damaged("written by another version: run gopher data filter again".into()));
            }
            continue;
        }
        let line: Line = inputs::json::from_slice(text.as_bytes()).map_err(wrong)?;
        let values = line.statistics.get(set.name()).ok_or_else(|| wrong(format!("no {set}")))?;
        let values: Vec<f64> = values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        see(line.id, &values);
    }
    Ok(())
}

fn see(change: &mut Change, id: String, before: Option<&str>, after: Option<&str>) {
    change.documents += 1;
    change.kept_before += u64::from(before.is_none());
    change.kept_after += u64::from(after.is_none());
    if let Some(rule) = before {
        change.dropped.entry(rule.to_owned()).or_default().0 += 1;
    }
    if let Some(rule) = after {
        change.dropped.entry(rule.to_owned()).or_default().1 += 1;
    }
    let (count, examples) = match (before, after) {
        (Some(_), None) => (&mut change.gained, &mut change.examples_gained),
        (None, Some(_)) => (&mut change.lost, &mut change.examples_lost),
        _ => return,
    };
    *count += 1;
    if examples.len() < SHOWN {
        examples.push(id);
    }
}
