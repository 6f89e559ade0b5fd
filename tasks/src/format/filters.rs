//! What is done to a generated text before it is measured.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{Refusal, Result};
use super::keys::Keys;
use super::pattern::Pattern;
use super::python;
use super::yaml::{Kind, Node};

/// Filters one after the other, under a name.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub name: String,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug)]
enum Filter {
    /// The first of several answers.
    TakeFirst,
    /// The first ones.
    TakeFirstK(usize),
    /// The most frequent one; of equally frequent ones the first.
    MajorityVote,
    Regex(Extract),
    MultiChoice {
        extract: Extract,
        ignored: Ignored,
    },
    Strip,
    Lower,
    Upper,
    /// Other texts in the place of some, and one in the place of the rest.
    Map {
        texts: BTreeMap<String, String>,
        otherwise: String,
    },
}

#[derive(Clone, Debug)]
struct Extract {
    pattern: Pattern,
    select: i64,
    fallback: String,
}

/// What two texts may differ in.
#[derive(Clone, Debug, Default)]
pub(super) struct Ignored {
    pub case: bool,
    pub punctuation: bool,
    pub numbers: bool,
    pub patterns: Vec<Pattern>,
}

/// Filters of this format that are not here.
const OTHERS: [&str; 4] = ["format_span", "regex_pos", "custom", "decontaminate"];
const NAMES: [&str; 9] = [
    "take_first",
    "take_first_k",
    "majority_vote",
    "regex",
    "multi_choice_regex",
    "remove_whitespace",
    "lowercase",
    "uppercase",
    "map",
];

impl Pipeline {
    /// What is done where a file has no `filter_list`.
    pub fn none() -> Self {
        Self { name: "none".to_owned(), filters: vec![Filter::TakeFirst] }
    }

    pub fn read(node: Node) -> Result<Self> {
        let mut keys = Keys::of(node, "an entry of 'filter_list'")?;
        let name = keys.name("name")?;
        let filters = keys.list("filter")?;
        let (Some(name), Some(filters)) = (name, filters) else {
            return Err(
                keys.refuse(Refusal::Missing, "an entry of 'filter_list' has a 'name' and a list 'filter'")
            );
        };
        keys.finish("an entry of 'filter_list'")?;
        Ok(Self { name, filters: filters.into_iter().map(filter).collect::<Result<_>>()? })
    }

    /// Whether one of several answers is left in the end.
    pub fn leaves_one(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::TakeFirst | Filter::MajorityVote))
    }

    /// How many answers its filters want at least.
    pub fn wants(&self) -> usize {
        let wants = |filter: &Filter| if let Filter::TakeFirstK(count) = filter { *count } else { 1 };
        self.filters.iter().map(wants).max().unwrap_or(1)
    }

    /// Applies all to the answers to a document, and gives the first that is left.
    pub fn apply(&self, answers: Vec<String>, document: &Value) -> Result<String, String> {
        let each = |texts: Vec<String>, of: &dyn Fn(String) -> Result<String, String>| {
            texts.into_iter().map(of).collect::<Result<Vec<_>, _>>()
        };
        let left = self.filters.iter().try_fold(answers, |mut texts, filter| match filter {
            Filter::TakeFirst => {
                texts.truncate(1);
                Ok(texts)
            }
            Filter::TakeFirstK(count) => {
                texts.truncate(*count);
                Ok(texts)
            }
            Filter::MajorityVote => Ok(majority(&texts).into_iter().collect()),
            Filter::Strip => each(texts, &|text| Ok(python::strip(&text).to_owned())),
            Filter::Lower => each(texts, &|text| Ok(text.to_lowercase())),
            Filter::Upper => each(texts, &|text| Ok(text.to_uppercase())),
            Filter::Regex(extract) => {
                each(texts, &|text| Ok(extract.find(&text)?.unwrap_or_else(|| extract.fallback.clone())))
            }
            Filter::MultiChoice { extract, ignored } => {
                each(texts, &|text| multiple_choice(extract, ignored, &text, document))
            }
            Filter::Map { texts: others, otherwise } => {
                each(texts, &|text| Ok(others.get(&text).unwrap_or(otherwise).clone()))
            }
        })?;
        left.into_iter().next().ok_or_else(|| "no answer is left by the filters".to_owned())
    }
}

/// The most frequent of some texts, the first of equally frequent ones.
fn majority(texts: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    texts.iter().for_each(|text| *counts.entry(text).or_default() += 1);
    let most = *counts.values().max()?;
    texts.iter().find(|text| counts.get(text) == Some(&most)).cloned()
}

fn filter(node: Node) -> Result<Filter> {
    let mut keys = Keys::of(node, "a filter")?;
    let Some(function) = keys.take("function") else {
        return Err(keys.refuse(Refusal::Missing, "a filter has a 'function'"));
    };
    let name = match &function.value {
        Kind::Text(name) => name.clone(),
        Kind::Function(name) => {
            let problem = format!(
                "filter !function {name} is Python, and no Python is run; known filters are {}",
                NAMES.join(", ")
            );
            return Err(function.refuse(Refusal::Filter, problem));
        }
        _ => {
            return Err(function.refuse(Refusal::Filter, format!("a filter's name, not {}", function.kind())));
        }
    };
    let extract = |keys: &mut Keys| -> Result<Extract> {
        let pattern = keys.text("regex_pattern")?.unwrap_or_else(|| r"#### (\-?[0-9\.\,]+)".to_owned());
        let select = keys.take("group_select");
        let select = match select.map(|node| (node.value.clone(), node)) {
            None => 0,
            Some((Kind::Int(select), _)) => select,
            Some((_, node)) => return Err(node.refuse(Refusal::Filter, "'group_select' is a whole number")),
        };
        let fallback = keys.text("fallback")?.unwrap_or_else(|| "[invalid]".to_owned());
        Ok(Extract {
            pattern: Pattern::new(&pattern).map_err(|problem| keys.refuse(Refusal::Filter, problem))?,
            select,
            fallback,
        })
    };
    let filter = match name.as_str() {
        "take_first" => Filter::TakeFirst,
        "take_first_k" => match keys.count("k")? {
            Some(count) if count > 0 => Filter::TakeFirstK(count),
            _ => return Err(keys.refuse(Refusal::Filter, "'take_first_k' needs 'k', at least 1")),
        },
        "majority_vote" => Filter::MajorityVote,
        "map" => map(&mut keys)?,
        "remove_whitespace" => Filter::Strip,
        "lowercase" => Filter::Lower,
        "uppercase" => Filter::Upper,
        "regex" => Filter::Regex(extract(&mut keys)?),
        "multi_choice_regex" => Filter::MultiChoice {
            extract: extract(&mut keys)?,
            ignored: Ignored::read(&mut keys, Refusal::Filter)?,
        },
        other => {
            let hint = super::keys::nearest(other, NAMES.into_iter())
                .filter(|_| !OTHERS.contains(&other))
                .map_or(format!("known are {}", NAMES.join(", ")), |near| format!("did you mean '{near}'?"));
            return Err(
                function.refuse(Refusal::Filter, format!("filter '{other}' is not supported; {hint}"))
            );
        }
    };
    keys.finish(&format!("filter '{name}'"))?;
    Ok(filter)
}

/// The filter `map`. What it gives for other texts must be said: the harness's own default is nothing, which it cannot compare.
fn map(keys: &mut Keys) -> Result<Filter> {
    let wrong = "'map' needs 'mapping_dict', of texts to texts, and 'default_value', a text";
    let texts = match keys.take("mapping_dict").map(|node| (node.to_json(), node)) {
        Some((Value::Object(entries), node)) => {
            let text = |(key, value): (String, Value)| match value {
                Value::String(value) => Ok((key, value)),
                _ => Err(node.refuse(Refusal::Filter, wrong)),
            };
            entries.into_iter().map(text).collect::<Result<_>>()?
        }
        _ => return Err(keys.refuse(Refusal::Filter, wrong)),
    };
    match keys.text("default_value")? {
        Some(otherwise) => Ok(Filter::Map { texts, otherwise }),
        None => Err(keys.refuse(Refusal::Filter, wrong)),
    }
}

impl Extract {
    /// `findall`, of which one is taken: the whole match, its only group, or the first group that is not empty.
    fn find(&self, text: &str) -> Result<Option<String>, String> {
        let of = |groups: &Vec<String>| match groups.as_slice() {
            [one] | [_, one] => Some(one.clone()),
            groups => groups.iter().skip(1).find(|text| !text.is_empty()).cloned(),
        };
        let found: Vec<Option<String>> = self.pattern.find_all(text)?.iter().map(of).collect();
        if found.is_empty() {
            return Ok(None);
        }
        let at = if self.select < 0 { found.len() as i64 + self.select } else { self.select };
        match usize::try_from(at).ok().and_then(|at| found.get(at)) {
            Some(Some(text)) => Ok(Some(python::strip(text).to_owned())),
            Some(None) => Ok(None),
            None => Err(format!("'group_select' is {}, and there are {} matches", self.select, found.len())),
        }
    }
}

/// The letter of a choice in brackets: by the pattern, or by the text of a choice, or by a letter after a colon.
fn multiple_choice(
    extract: &Extract,
    ignored: &Ignored,
    text: &str,
    document: &Value,
) -> Result<String, String> {
    if let Some(found) = extract.find(text)?.filter(|found| !found.is_empty()) {
        return Ok(found);
    }
    let choices =
        document.get("choices").and_then(Value::as_array).ok_or("no list 'choices' in the document")?;
    let letter = |position: usize| char::from_u32('A' as u32 + position as u32).unwrap_or('?');
    let mut known: Vec<(String, char)> = Vec::new();
    for (position, choice) in choices.iter().enumerate() {
        let choice = choice.as_str().ok_or("'choices' has a value that is not text")?;
        known.push((ignored.without(python::strip(choice))?, letter(position)));
    }
    let mut sorted: Vec<String> = known.iter().map(|(choice, _)| choice.clone()).collect();
    sorted.sort_by_key(|choice| std::cmp::Reverse(regex::escape(choice).chars().count()));
    let by_text = Extract { pattern: Pattern::any_of(&sorted)?, ..extract.clone() };
    if let Some(found) = by_text.find(&ignored.without(text)?)?.filter(|found| !found.is_empty()) {
        let choice = known.iter().rev().find(|(choice, _)| *choice == found);
        return Ok(choice.map_or(found, |(_, letter)| format!("({letter})")));
    }
    let letters: Vec<String> =
        (0..choices.len()).map(|position| regex::escape(&letter(position).to_string())).collect();
    let by_letter =
        Extract { pattern: Pattern::new(&format!(r":[\s]*({})", letters.join("|")))?, ..extract.clone() };
    let found = by_letter.find(text)?.filter(|found| !found.is_empty());
    Ok(found.map_or_else(|| extract.fallback.clone(), |letter| format!("({letter})")))
}

impl Ignored {
    pub fn read(keys: &mut Keys, refusal: Refusal) -> Result<Self> {
        let patterns = keys.texts("regexes_to_ignore")?.unwrap_or_default();
        let patterns = patterns
            .iter()
            .map(|pattern| Pattern::new(pattern).map_err(|problem| keys.refuse(refusal, problem)))
            .collect::<Result<_>>()?;
        Ok(Self {
            case: keys.boolean("ignore_case")?.unwrap_or(false),
            punctuation: keys.boolean("ignore_punctuation")?.unwrap_or(false),
            numbers: keys.boolean("ignore_numbers")?.unwrap_or(false),
            patterns,
        })
    }

    /// The text without what is ignored.
    pub fn without(&self, text: &str) -> Result<String, String> {
        let mut text = text.to_owned();
        for pattern in &self.patterns {
            text = pattern.remove(&text)?;
        }
        if self.case {
            text = text.to_lowercase();
        }
        if self.punctuation {
            text.retain(|c| !c.is_ascii_punctuation());
        }
        if self.numbers {
            text.retain(|c| !c.is_ascii_digit());
        }
        Ok(text)
    }
}
