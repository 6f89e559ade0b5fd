//! A document's prompt: description, shots, and the document itself.

use std::collections::HashSet;

use serde_json::Value;

use super::config::{Config, Part, Prompt};
use super::python;
use super::template::{Fields, Template, Templates, field_names};

/// Renders the documents of one split.
pub(super) struct Renderer<'a> {
    pub templates: &'a Templates,
    pub prompt: &'a Prompt,
    /// The fields that documents have: a text that is one of them is that field.
    pub features: HashSet<String>,
    /// Whether digits are positions among choices.
    pub has_choices: bool,
}

/// What a document renders to.
#[derive(Debug)]
pub(super) struct Rendered {
    pub text: Value,
    pub choices: Option<Vec<String>>,
    pub target: Value,
    pub prefix: Option<String>,
}

impl<'a> Renderer<'a> {
    pub fn new(config: &'a Config, prompt: &'a Prompt, documents: &[Value]) -> Self {
        let names = documents.iter().filter_map(Value::as_object).flat_map(|fields| fields.keys().cloned());
        Self {
            templates: &config.templates,
            prompt,
            features: names.collect(),
            has_choices: config.prompt.choice.is_some(),
        }
    }

    /// All parts of a document.
    pub fn render(&self, document: &Value) -> Result<Rendered, String> {
        let fields = Fields::new(document);
        Ok(Rendered {
            text: self.text(&fields)?,
            choices: self.choices(&fields)?,
            target: self.target(&fields)?,
            prefix: self.prompt.prefix.as_ref().map(|prefix| self.resolve(prefix, &fields)).transpose()?,
        })
    }

    /// A field as text, or a rendered template.
    pub fn resolve(&self, template: &Template, fields: &Fields<'_>) -> Result<String, String> {
        match self.field(template, fields)? {
            Some(value) => Ok(python::text(value)),
            None => self.templates.render(template, fields),
        }
    }

    /// The field that a text names; none if it is a template.
    fn field<'d>(&self, template: &Template, fields: &Fields<'d>) -> Result<Option<&'d Value>, String> {
        let name = template.source.as_str();
        if self.features.contains(name) {
            let missing =
                || format!("no field '{name}', which others have; this one has {}", field_names(fields.json));
            return fields.json.get(name).map(Some).ok_or_else(missing);
        }
        Ok(None)
    }

    /// The same of a part of a prompt, where a word that is no field's name is a mistake, or data with other names.
    fn part<'d>(&self, template: &Template, fields: &Fields<'d>) -> Result<Option<&'d Value>, String> {
        let found = self.field(template, fields)?;
        let name = template.source.as_str();
        let word = |c: char| c.is_alphanumeric() || c == '_';
        if found.is_none()
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(word)
        {
            return Err(format!(
                "no field '{name}'; this one has {} (if it is to be the text itself, write {{{{'{name}'}}}})",
                field_names(fields.json)
            ));
        }
        Ok(found)
    }

    fn text(&self, fields: &Fields<'_>) -> Result<Value, String> {
        match &self.prompt.text {
            None => Ok("".into()),
            Some(Part::Value(value)) => Ok(value.clone()),
            Some(Part::Native(function)) => function(fields.json),
            Some(Part::Text(template)) => match self.part(template, fields)? {
                Some(value) => Ok(value.clone()),
                None => Ok(self.number(self.templates.render(template, fields)?)),
            },
        }
    }

    fn target(&self, fields: &Fields<'_>) -> Result<Value, String> {
        match &self.prompt.target {
            None => Ok("".into()),
            Some(Part::Value(value)) => Ok(value.clone()),
            Some(Part::Native(function)) => function(fields.json),
            Some(Part::Text(template)) => match self.part(template, fields)? {
                Some(value) => Ok(value.clone()),
                None => {
                    let text = self.templates.render(template, fields)?;
                    if text.len() >= 2 && text.starts_with('[') && text.ends_with(']') {
                        return Ok(python::literal(&text).unwrap_or(Value::String(text)));
                    }
                    Ok(self.number(text))
                }
            },
        }
    }

    /// Digits are a number where there are choices to count.
    fn number(&self, text: String) -> Value {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if digits && self.has_choices => number.into(),
            _ => text.into(),
        }
    }

    fn choices(&self, fields: &Fields<'_>) -> Result<Option<Vec<String>>, String> {
        let value = match &self.prompt.choice {
            None => return Ok(None),
            Some(Part::Value(value)) => value.clone(),
            Some(Part::Native(function)) => function(fields.json)?,
            Some(Part::Text(template)) => match self.part(template, fields)? {
                Some(value) => value.clone(),
                None => {
                    let text = self.templates.render(template, fields)?;
                    python::literal(&text).map_err(|reason| {
                        let start: String = text.chars().take(60).collect();
                        format!("'doc_to_choice' renders to {start:?}, which is not a list: {reason}")
                    })?
                }
            },
        };
        let Value::Array(values) = value else {
            return Err(format!("'doc_to_choice' gives {}, not a list", python::repr(&value)));
        };
        if values.is_empty() {
            return Err("no choices".to_owned());
        }
        let texts = values.into_iter().enumerate().map(|(position, value)| match value {
            Value::String(text) if text.is_empty() => Err(format!("choice {position} is empty")),
            Value::String(text) => Ok(text),
            other => Err(format!("choice {position} is {}, not text", python::repr(&other))),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A shot: question and answer with their delimiters.
    pub fn shot(&self, document: &Value, multiple_input: bool) -> Result<String, String> {
        let mut rendered = self.render(document)?;
        if multiple_input {
            let position = rendered.text.as_u64().map(|position| position as usize);
            let choice = rendered.choices.as_ref().and_then(|choices| choices.get(position?));
            let choice =
                choice.ok_or_else(|| format!("text {} is not the position of a choice", rendered.text))?;
            rendered.text = choice.as_str().into();
            rendered.choices = None;
        }
        let question = question(&rendered.text)?;
        let answer = match (&rendered.target, &rendered.choices) {
            (Value::Null, _) => None,
            (Value::String(text), _) if text.is_empty() => None,
            (target, Some(choices)) if is_integer(target) => {
                Some(choices[position(target, choices)?].clone())
            }
            (Value::Array(targets), _) => match targets.first() {
                Some(Value::String(text)) => Some(text.clone()),
                _ => {
                    return Err(format!(
                        "target {} does not begin with a text",
                        python::repr(&rendered.target)
                    ));
                }
            },
            (Value::String(text), _) => Some(text.clone()),
            (other, _) => return Err(format!("target {} is not text", python::repr(other))),
        };
        let Some(answer) = answer else {
            return Ok(format!("{question}{}", self.prefix(question, rendered.prefix.as_deref())));
        };
        let prefix = rendered.prefix.as_deref().unwrap_or_default();
        let delimiter = match prefix.is_empty() || wants_delimiter(question, prefix) {
            true => &self.prompt.target_delimiter,
            false => "",
        };
        let between = if wants_delimiter(prefix, &answer) && !prefix.is_empty() { " " } else { "" };
        Ok(format!("{question}{delimiter}{prefix}{between}{answer}{}", self.prompt.fewshot_delimiter))
    }

    /// What a prefix of the answer adds to a question.
    pub fn prefix(&self, question: &str, prefix: Option<&str>) -> String {
        match prefix {
            Some(prefix) if !prefix.is_empty() => {
                let delimiter =
                    if wants_delimiter(question, prefix) { &self.prompt.target_delimiter } else { "" };
                format!("{delimiter}{prefix}")
            }
            _ => String::new(),
        }
    }
}

/// Whether neither side brings white space.
fn wants_delimiter(before: &str, after: &str) -> bool {
    let space = |c: Option<char>| c.is_some_and(python::is_space);
    !before.is_empty() && !space(before.chars().next_back()) && !space(after.chars().next())
}

/// The text of a prompt, which must be text.
pub(super) fn question(text: &Value) -> Result<&str, String> {
    text.as_str().ok_or_else(|| format!("'doc_to_text' gives {}, not text", python::repr(text)))
}

/// Booleans count, as in Python.
pub(super) fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.is_boolean()
}

/// A position among choices.
pub(super) fn position(value: &Value, choices: &[String]) -> Result<usize, String> {
    let number = value.as_i64().or_else(|| value.as_bool().map(i64::from));
    number
        .and_then(|number| usize::try_from(number).ok())
        .filter(|position| *position < choices.len())
        .ok_or_else(|| {
            format!(
                "target {} is not one of {} choices, which count from 0",
                python::repr(value),
                choices.len()
            )
        })
}
