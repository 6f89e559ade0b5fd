//! The results as docs/faults.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use crate::bench::Ended;

/// What was done to a run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// At a boundary of a save.
    Boundary {
        path: String,
        operation: &'static str,
        kind: &'static str,
    },
    Other(String),
}

/// The outcome.
pub struct Row {
    pub case: Case,
    /// How the process ended that met the fault.
    pub first: &'static str,
    /// How the same line ended, typed again.
    pub ended: Ended,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

/// Of one kind of case: how many, and how they ended.
#[derive(Default)]
struct Group {
    count: usize,
    same: usize,
    first: BTreeMap<&'static str, usize>,
    words: BTreeMap<String, usize>,
}

impl Report {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn add_all(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    fn groups(&self) -> BTreeMap<Case, Group> {
        let mut groups: BTreeMap<Case, Group> = BTreeMap::new();
        for row in &self.rows {
            let group = groups.entry(row.case.clone()).or_default();
            group.count += 1;
            *group.first.entry(row.first).or_default() += 1;
            match &row.ended {
                Ended::Same(warnings) => {
                    group.same += 1;
                    for warning in warnings {
                        *group.words.entry(shortened(warning)).or_default() += 1;
                    }
                }
                Ended::Refused(error) => *group.words.entry(shortened(error)).or_default() += 1,
            }
        }
        groups
    }

    pub fn markdown(&self) -> String {
        let groups = self.groups();
        let boundaries: usize =
            self.rows.iter().filter(|row| matches!(row.case, Case::Boundary { .. })).count();
        let same = self.rows.iter().filter(|row| matches!(row.ended, Ended::Same(_))).count();
        let (all, refused) = (self.rows.len(), self.rows.len() - same);
        let mut text = String::new();
        let _ = write!(
            text,
            "# Faults\n\nThis file is written by\n\n    cargo test --release --test faults -- --ignored --nocapture\n\n\
             which injects faults into a small run, and then types the same line again. The result must be the curve, the \
             parameters and Adam's means of the run without a fault, to the bit, or a refusal that names its reason. \
             Anything else fails the test. `cargo test` tries a part of it.\n\n\
             {date}, commit {commit}: **{all} cases, {same} came to the same bits, {refused} were refused, none \
             differed.**\n\n\
             ## At every boundary of a save\n\n\
             The run saves twice, and removes the first checkpoint after the second. `GOPHER_FAULT=log:FILE` lists every \
             operation that changes the disk, from the first file of the run directory to the last; each of them is \
             made to fail in every way: `kill`: SIGKILL before it; `torn`: half of a write, then SIGKILL; `full`: the \
             operation fails as on a full disk, a write after its first half. {boundaries} cases, of which all came to \
             the same bits when the line was typed again. The operations are those of `store/src/disk.rs`; the test \
             fails if one of them is never reached.\n\n\
             | what | where | fault | cases | how that process ended | then, the same bits |\n|---|---|---|---|---|---|\n",
            date = output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            commit = output("git", &["rev-parse", "--short", "HEAD"]),
        );
        for (case, group) in &groups {
            if let Case::Boundary { path, operation, kind } = case {
                let first = counted(&group.first);
                let Group { count, same, .. } = group;
                let _ = writeln!(text, "| {operation} | `{path}` | {kind} | {count} | {first} | {same} |");
            }
        }
        text += "\n## Otherwise\n\nFor damage: the run was killed when it began to save step 6, with checkpoints of \
            steps 2 and 4; a flipped bit is one of several, spread over the file. Where bits are the same after damage \
            to step 4, the run went back to step 2. Lines of `metrics.jsonl` that were damaged stay as they are, with a \
            warning; parameters, Adam's means and the lines that follow are the same bits.\n\n| what | cases | same bits | refused | what is said (times) |\n\
            |---|---|---|---|---|\n";
        for (case, group) in &groups {
            if let Case::Other(what) = case {
                let Group { count, same, .. } = group;
                let words = counted(&group.words);
                let _ = writeln!(text, "| {what} | {count} | {same} | {} | {words} |", count - same);
            }
        }
        text
    }
}

fn counted<K: AsRef<str>>(words: &BTreeMap<K, usize>) -> String {
    let word = |(word, count): (&K, &usize)| format!("{} ({count})", word.as_ref());
    words.iter().map(word).collect::<Vec<_>>().join("; ")
}

/// A message without its digits of hashes, and without what would end a cell.
fn shortened(message: &str) -> String {
    let word = |word: &str| {
        let hash = word.trim_end_matches([',', ';', ':']);
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { word.replace(hash, "…") } else { word.replace('|', "/") }
    };
    message.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or("unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
