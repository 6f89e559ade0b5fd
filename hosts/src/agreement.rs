//! Making sure that all processes are about to do the same thing.

use std::collections::BTreeMap;

use super::{Error, Group};

/// The facts that processes must agree on: names and values.
pub type Facts = BTreeMap<String, String>;

impl Group {
    /// Compares facts with those of all other processes.
    ///
    /// # Errors
    /// [`Error::Differs`], in every process, naming the one that differs from most others, or from process 0 where there
    /// is no majority; and as [`Group::exchange`].
    pub fn agree(&self, topic: &str, facts: &Facts) -> Result<(), Error> {
        let text = serde_json::to_string(facts).unwrap_or_default();
        let read = |(index, text): (usize, String)| {
            serde_json::from_str(&text).map_err(|_| Error::Nonsense {
                key: format!("{topic}/{index}"),
                value: text.chars().take(60).collect(),
            })
        };
        let all = self.exchange(topic, &text)?.into_iter().enumerate().map(read);
        difference(&all.collect::<Result<Vec<Facts>, Error>>()?)
            .map_or(Ok(()), |text| Err(Error::Differs(text)))
    }
}

/// The most differences of one process that are listed.
const MOST: usize = 3;

/// Says which process differs in what; `None` if none does.
fn difference(all: &[Facts]) -> Option<String> {
    let names: std::collections::BTreeSet<&String> = all.iter().flat_map(Facts::keys).collect();
    // For each fact, what most have.
    let usual = |name: &String| {
        let mut counts: Vec<(Option<&String>, usize)> = Vec::new();
        for facts in all {
            let value = facts.get(name);
            match counts.iter_mut().find(|(counted, _)| *counted == value) {
                Some((_, count)) => *count += 1,
                None => counts.push((value, 1)),
            }
        }
        // Of values that as many have, the one of the process that comes first.
        let most = counts.iter().map(|&(_, count)| count).max()?;
        counts.iter().find(|&&(_, count)| count == most).map(|&(value, _)| value)
    };
    let usual: Vec<(&String, Option<&String>)> =
        names.into_iter().filter_map(|name| Some((name, usual(name)?))).collect();
    let differences = |facts: &Facts| -> Vec<String> {
        let differs = usual.iter().filter(|(name, value)| facts.get(*name) != *value);
        differs
            .map(|(name, value)| {
                format!("{name} is {}, and {} there", shown(facts.get(*name)), shown(*value))
            })
            .collect()
    };
    let mut odd = all.iter().enumerate().map(|(index, facts)| (index, differences(facts)));
    let (index, differences) = odd.by_ref().find(|(_, differences)| !differences.is_empty())?;
    let more = match differences.len() {
        0..=MOST => String::new(),
        count => format!("; and {} more", count - MOST),
    };
    let others: Vec<_> =
        odd.filter(|(_, others)| !others.is_empty()).map(|(index, _)| index.to_string()).collect();
    let others = match &others[..] {
        [] => String::new(),
        [one] => format!("; process {one} differs too"),
        some => format!("; processes {} differ too", some.join(", ")),
    };
    let listed = differences[..differences.len().min(MOST)].join("; ");
    Some(format!("process {index} differs from the others: {listed}{more}{others}"))
}

/// A value, if there is one, shortened.
fn shown(value: Option<&String>) -> String {
    const LONGEST: usize = 80;
    match value {
        None => "not set".to_owned(),
        Some(value) if value.chars().count() > LONGEST => {
            format!("{}…", value.chars().take(LONGEST).collect::<String>())
        }
        Some(value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(all: &[&str], expected: Option<&str>) {
        let facts = |text: &&str| {
            text.split_whitespace()
                .map(|fact| fact.split_once('=').unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        assert_eq!(difference(&all.iter().map(facts).collect::<Vec<_>>()).as_deref(), expected);
    }

    #[test]
    fn the_odd_one_out_is_named_with_what_it_has_and_what_the_others_have() {
        check(&["a=1 b=2"; 3], None);
        check(&["a=1", "a=1", "a=2"], Some("process 2 differs from the others: a is 2, and 1 there"));
        check(&["a=2", "a=1", "a=1"], Some("process 0 differs from the others: a is 2, and 1 there"));
        check(&["a=1", "a=2"], Some("process 1 differs from the others: a is 2, and 1 there"));
        check(&["a=1", "a=1 b=2"], Some("process 1 differs from the others: b is 2, and not set there"));
        check(
            &["a=1 b=1 c=1 d=1", "a=2 b=2 c=2 d=2", "a=1 b=1 c=1 d=1", "a=1 b=1 c=1 d=3", "a=1 b=1 c=1 d=1"],
            Some(
                "process 1 differs from the others: a is 2, and 1 there; b is 2, and 1 there; c is 2, and 1 there; and 1 more; process 3 \
                 differs too",
            ),
        );
    }
}
