//! A configuration being put together, one key at a time, so that a mistake is pinned to its key.

use std::path::Path;

use model::{KINDS, Kind, ModelConfig, Preset};
use sharding::machine::Topology;
use toml::{Table, Value};

use crate::{Config, Error, QUICK_START};

/// A configuration being put together. Every key has a value at any time.
#[derive(Clone, Debug)]
pub struct Draft {
    table: Table,
}

/// Decides which other keys the section has.
const KIND: &str = "model.kind";

/// Stands for the kind, the sizes, the highest learning rate and the clipping norm of a model of a paper.
const PRESET: &str = "model.preset";

/// Holds a list of tables.
const RAMP: &str = "training.batch_ramp";

/// As well.
const MIXTURE: &str = "data.mixture";

/// Also sets the kind of device.
const TOPOLOGY: &str = "device.topology";

impl Draft {
    /// The quick start's configuration.
    ///
    /// # Errors
    /// None, as a test proves; it is read from a file that is built in.
    pub fn quick_start() -> Result<Draft, Error> {
        Ok(Draft { table: parse("the built-in configuration", QUICK_START)? })
    }

    /// Takes over every key of a file.
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, [`Error::Syntax`] when it is not TOML, [`Error::UnknownKey`] for
    /// an unknown key, [`Error::Value`] for a value of the wrong type.
    pub fn apply_file(&mut self, path: &Path) -> Result<(), Error> {
        let text =
            inputs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        self.apply_text(&path.display().to_string(), &text)
    }

    /// Takes over every key of a file's text; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Draft::apply_file`].
    pub fn apply_text(&mut self, origin: &str, text: &str) -> Result<(), Error> {
        self.set_all(origin, &parse(origin, text)?, "")
    }

    /// Takes over the model of a file's text, and nothing else; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Draft::apply_file`].
    pub fn apply_model(&mut self, origin: &str, text: &str) -> Result<(), Error> {
        match parse(origin, text)?.get("model") {
            Some(Value::Table(section)) => self.set_all(origin, section, "model"),
            Some(_) | None => Ok(()),
        }
    }

    /// Takes over every key of a section: first the kind of model, which decides what keys there are, then a preset, which
    /// the other keys change.
    fn set_all(&mut self, origin: &str, section: &Table, prefix: &str) -> Result<(), Error> {
        let mut keys = Vec::new();
        leaves(section, prefix, &mut keys);
        keys.sort_by_key(|(key, _)| (key != KIND, key != PRESET));
        keys.into_iter().try_for_each(|(key, value)| self.set_value(origin, &key, value))
    }

    /// Takes over one key, given as `section.key=value`. The value is TOML; text need not be quoted.
    ///
    /// # Errors
    /// When it is of another form, the key is unknown, or the value is of the wrong type.
    pub fn set(&mut self, text: &str) -> Result<(), Error> {
        let malformed = || Error::Override { text: text.to_owned() };
        let (key, value) = text.split_once('=').ok_or_else(malformed)?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err(malformed());
        }
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok();
        // More than one key: the text held a line break, and was not a value.
        let parsed = parsed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
        self.set_value("--set", key, parsed.unwrap_or_else(|| value.into()))
    }

    /// Takes over one key; `origin` says in errors who gave it.
    ///
    /// # Errors
    /// [`Error::UnknownKey`], or [`Error::Value`] when the value is of the wrong type.
    pub fn set_value(&mut self, origin: &str, key: &str, value: Value) -> Result<(), Error> {
        if key == PRESET {
            return self.apply_preset(origin, value);
        }
        if key == KIND {
            return self.apply_kind(origin, value);
        }
        let Some(place) = find(&mut self.table, key) else {
            return Err(Error::UnknownKey { origin: origin.into(), key: key.into(), hint: self.hint(key) });
        };
        let wrong = |value: &Value, expected: String| Error::Value {
            origin: origin.into(),
            key: key.into(),
            value: value.to_string(),
            expected,
        };
        let value = match (&*place, value) {
            (Value::Table(_), value @ Value::Table(_)) => {
                let Value::Table(section) = value else { unreachable!("it matched") };
                return self.set_all(origin, &section, key);
            }
            (Value::Table(_), value) => return Err(wrong(&value, format!("a section, [{key}]"))),
            // 1 is a number too.
            (Value::Float(_), Value::Integer(number)) => Value::Float(number as f64),
            (_, value) => value,
        };
        let old = std::mem::replace(place, value.clone());
        // Every other key has a value that fits, so what fails now is this one.
        if let Err(error) = Config::deserialize_from(&self.table) {
            let expected = expectation(key, &old, &value, &error);
            return Err(wrong(&value, expected));
        }
        // A machine says what kind of device it is of.
        if key == TOPOLOGY
            && let Some(topology) = value.as_str().and_then(|text| Topology::parse(text, 1).ok())
        {
            self.set_value(origin, "device.kind", topology.kind().to_string().into())?;
        }
        Ok(())
    }

    fn apply_preset(&mut self, origin: &str, value: Value) -> Result<(), Error> {
        let Some(preset) = value.as_str().and_then(Preset::find) else {
            let names: Vec<_> = Preset::all().iter().map(|preset| preset.name).collect();
            return Err(Error::Value {
                origin: origin.into(),
                key: PRESET.into(),
                value: value.to_string(),
                expected: format!("one of {}", names.join(", ")),
            });
        };
        let others = [
            ("name", preset.name.into()),
            ("schedule.maximum", preset.max_learning_rate.into()),
            ("training.clip_norm", preset.clip_norm.into()),
        ];
        others.into_iter().try_for_each(|(key, value)| self.set_value(origin, key, value))?;
        self.set_model(&preset.config);
        Ok(())
    }

    /// Another kind of model has the sizes that every kind has, and usual values for its other keys.
    fn apply_kind(&mut self, origin: &str, value: Value) -> Result<(), Error> {
        let name = value.as_str().unwrap_or_default();
        let Some(kind) = Kind::find(name) else {
            let names = KINDS.map(|kind| format!("\"{}\"", kind.name)).join(" or ");
            let near =
                KINDS.iter().map(|kind| (strsim::damerau_levenshtein(name, kind.name), kind.name)).min();
            let hint = match near {
                Some((distance, near)) if distance <= 3 && !name.is_empty() => {
                    format!("; did you mean \"{near}\"?")
                }
                _ => String::new(),
            };
            let expected = format!("{names}{hint}");
            return Err(Error::Value {
                origin: origin.into(),
                key: KIND.into(),
                value: value.to_string(),
                expected,
            });
        };
        if let Some(model) = self.model()
            && model.kind() != kind.name
        {
            self.set_model(&(kind.like)(&model.sizes()));
        }
        Ok(())
    }

    /// The model as it is now: every key has a value at any time.
    fn model(&self) -> Option<ModelConfig> {
        self.table.get("model")?.clone().try_into().ok()
    }

    fn set_model(&mut self, model: &ModelConfig) {
        // Only what TOML has no words for could fail: sizes and constants are not that.
        if let Ok(section) = Value::try_from(model) {
            self.table.insert("model".into(), section);
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`Error`], naming the first key whose value is out of range or contradicts another.
    pub fn finish(self) -> Result<Config, Error> {
        let config = Config::deserialize_from(&self.table).map_err(|error| Error::Syntax {
            origin: "the configuration".into(),
            line: 0,
            column: 0,
            message: error.message().to_owned(),
        })?;
        config.check()?;
        Ok(config)
    }

    /// The known key nearest to `key`, in words.
    fn hint(&self, key: &str) -> String {
        if let (Some(name), Some(model)) = (key.strip_prefix("model."), self.model()) {
            let has = |kind: &&Kind| (kind.like)(&model.sizes()).keys().iter().any(|(key, _)| *key == name);
            if let Some(kind) = KINDS.iter().find(has) {
                let (other, this) = (kind.name, model.kind());
                return format!("it is a key of model.kind = \"{other}\", and this model's is \"{this}\"");
            }
        }
        let mut known = Vec::new();
        leaves(&self.table, "", &mut known);
        let known = known.iter().map(|(key, _)| key.as_str()).chain([PRESET]);
        let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
        let distance = |other: &str| {
            let whole = strsim::damerau_levenshtein(key, other);
            // The right key in the wrong section, or without its section.
            let part = strsim::damerau_levenshtein(&last(key), &last(other)) * 2 + 1;
            whole.min(part)
        };
        let nearest = known.map(|other| (distance(other), other)).min();
        match nearest {
            Some((distance, other)) if distance <= 2 + key.len() / 5 => format!("did you mean `{other}`?"),
            _ => "configs/quick-start.toml lists all keys".into(),
        }
    }
}

impl Config {
    fn deserialize_from(table: &Table) -> Result<Config, toml::de::Error> {
        table.clone().try_into()
    }
}

fn parse(origin: &str, text: &str) -> Result<Table, Error> {
    toml::from_str(text).map_err(|error| {
        let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
        Error::Syntax {
            origin: origin.into(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|&c| c != '\n').count() + 1,
            message: inputs::toml_words(error.message()),
        }
    })
}

/// Every value of a table that is not a table, with its dotted key.
fn leaves(table: &Table, prefix: &str, out: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !inner.is_empty() => leaves(inner, &key, out),
            value => out.push((key, value.clone())),
        }
    }
}

fn find<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((section, rest)) => find(table.get_mut(section)?.as_table_mut()?, rest),
    }
}

/// What a value should have been, from the one it was to replace and what the deserializer says.
fn expectation(key: &str, old: &Value, new: &Value, error: &toml::de::Error) -> String {
    let message = error.message();
    let listed = message.find("expected ").map(|at| &message[at + "expected ".len()..]);
    match key {
        RAMP => return "a list of changes, such as [{ tokens = 1000000, batch = 8 }]".into(),
        MIXTURE => return "a list of sources, such as [{ paths = [\"books/\"], weight = 0.3 }]".into(),
        _ => {}
    }
    match (old, new) {
        (Value::Integer(_), Value::Integer(_)) => {
            if message.contains("u32") {
                "0 to 4294967295".into()
            } else {
                "0 or more".into()
            }
        }
        (Value::Integer(_), _) => "a whole number".into(),
        (Value::Float(_), _) => "a number".into(),
        (Value::Boolean(_), _) => "true or false".into(),
        (Value::Array(_), _) if !message.contains("\"none\"") => {
            "a list of strings, such as [\"a\", \"b\"]".into()
        }
        (Value::String(_), value) if !value.is_str() && !message.contains("\"none\"") => "a string".into(),
        _ => listed.unwrap_or(message).replace('`', "\""),
    }
}
