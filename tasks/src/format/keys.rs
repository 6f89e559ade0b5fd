//! Reading keys of a mapping: each is taken once, what is left over is unknown.

use super::error::{Error, Refusal, Result};
use super::yaml::{Entry, Kind, Node};

/// The entries of a mapping, in order, that have not been read yet.
pub(super) struct Keys {
    entries: Vec<Entry>,
    at: Node,
    known: Vec<&'static str>,
}

impl Keys {
    /// Of a node that must be a mapping.
    pub fn of(node: Node, what: &str) -> Result<Self> {
        match node.value {
            Kind::Map(entries) => {
                let at = Node { value: Kind::Null, path: node.path, line: node.line };
                Ok(Self { entries, at, known: Vec::new() })
            }
            _ => {
                Err(node.refuse(Refusal::Value, format!("{what} is a mapping, and this is {}", node.kind())))
            }
        }
    }

    /// An error at the mapping's own place.
    pub fn refuse(&self, refusal: Refusal, problem: impl Into<String>) -> Error {
        self.at.refuse(refusal, problem)
    }

    /// Takes a value. Null is as good as absent.
    pub fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let position = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(position);
        (!matches!(entry.value.value, Kind::Null)).then_some(entry.value)
    }

    /// Takes a value that is text.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Node { value: Kind::Text(text), .. }) => Ok(Some(text)),
            Some(node) => {
                Err(node.refuse(Refusal::Value, format!("'{key}' is text, and this is {}", node.kind())))
            }
        }
    }

    /// Takes a value that is text or a number, as text.
    pub fn name(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.take(key) {
            Some(Node { value: Kind::Int(number), .. }) => Ok(Some(number.to_string())),
            Some(Node { value: Kind::Text(text), .. }) => Ok(Some(text)),
            Some(node) => {
                Err(node.refuse(Refusal::Value, format!("'{key}' is text, and this is {}", node.kind())))
            }
            None => Ok(None),
        }
    }

    /// Takes a text or a list of texts.
    pub fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let problem = |node: &Node| {
            node.refuse(
                Refusal::Value,
                format!("'{key}' is text or a list of texts, and this is {}", node.kind()),
            )
        };
        match node.value {
            Kind::Text(text) => Ok(Some(vec![text])),
            Kind::List(values) => values
                .into_iter()
                .map(|node| match node.value {
                    Kind::Text(text) => Ok(text),
                    _ => Err(problem(&node)),
                })
                .collect::<Result<_>>()
                .map(Some),
            _ => Err(problem(&node)),
        }
    }

    /// Takes a boolean.
    pub fn boolean(&mut self, key: &'static str) -> Result<Option<bool>> {
        match self.take(key) {
            None => Ok(None),
            Some(Node { value: Kind::Bool(value), .. }) => Ok(Some(value)),
            Some(node) => {
                Err(node
                    .refuse(Refusal::Value, format!("'{key}' is true or false, and this is {}", node.kind())))
            }
        }
    }

    /// Takes a whole number that is not negative.
    pub fn count(&mut self, key: &'static str) -> Result<Option<usize>> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match node.value {
            Kind::Int(value) if value >= 0 => Ok(Some(value as usize)),
            Kind::Int(value) => {
                Err(node.refuse(Refusal::Value, format!("'{key}' is {value}; it is at least 0")))
            }
            _ => Err(node
                .refuse(Refusal::Value, format!("'{key}' is a whole number, and this is {}", node.kind()))),
        }
    }

    /// Takes a number.
    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match node.value {
            Kind::Int(value) => Ok(Some(value as f64)),
            Kind::Float(value) if value.is_finite() => Ok(Some(value)),
            _ => {
                Err(node.refuse(Refusal::Value, format!("'{key}' is a number, and this is {}", node.kind())))
            }
        }
    }

    /// Takes a list.
    pub fn list(&mut self, key: &'static str) -> Result<Option<Vec<Node>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Node { value: Kind::List(values), .. }) => Ok(Some(values)),
            Some(node) => {
                Err(node.refuse(Refusal::Value, format!("'{key}' is a list, and this is {}", node.kind())))
            }
        }
    }

    /// Refuses a key that lm-evaluation-harness has and this program does not.
    pub fn without(&mut self, key: &'static str, why: &str) -> Result<()> {
        match self.take(key) {
            None => Ok(()),
            Some(node) => Err(node.refuse(Refusal::Unsupported, format!("'{key}' is not supported: {why}"))),
        }
    }

    /// Refuses what has not been taken, with the nearest known key.
    pub fn finish(self, what: &str) -> Result<()> {
        let Some(entry) = self.entries.into_iter().next() else { return Ok(()) };
        let near = nearest(&entry.key, self.known.iter().copied());
        let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        Err(Error::Refused {
            path: (*entry.value.path).clone(),
            line: entry.line,
            refusal: Refusal::UnknownKey,
            problem: format!("unknown key '{}' of {what}{hint}", entry.key),
        })
    }
}

/// The known word that is most like a wrong one, if one is.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    known
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
