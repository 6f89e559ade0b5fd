//! The model of a configuration: an architecture with its sizes, and the kinds there are.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::architecture::{Architecture, Sizes};
use crate::gopher::Gopher;
use crate::llama::Llama;
use crate::parameters::{ParameterSpec, VOCABULARY};
use crate::preset::Preset;

/// Every kind of architecture that a configuration can name. A new one is registered here, and nowhere else.
pub const KINDS: [Kind; 2] = [Kind::of::<Gopher>(), Kind::of::<Llama>()];

/// The key of a model's section that names the kind.
pub const KIND: &str = "kind";

/// A size that makes no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A size is zero.
    #[error("model.{0} is 0; it must be at least 1")]
    Zero(&'static str),
    /// A size breaks a rule of its architecture.
    #[error("model.{key} is {value}; {rule}")]
    Rule {
        /// The key.
        key: &'static str,
        /// Its value.
        value: usize,
        /// What it must be, and why.
        rule: String,
    },
    /// A constant is not positive.
    #[error("model.{key} is {value}; it must be a positive number")]
    NotPositive {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// Too many parameters to count.
    #[error("the model's sizes multiply to more parameters than can be counted; check model.{0}")]
    TooLarge(&'static str),
}

/// Checks that every size is at least 1 and so small that products of three of them fit 64 bits, with room for the
/// optimiser's state in bytes.
pub(crate) fn check_sizes(keys: &[(&'static str, Value)]) -> Result<(), ConfigError> {
    for &(name, value) in keys {
        match value {
            Value::Size(0) => return Err(ConfigError::Zero(name)),
            Value::Size(size) if size > 1 << 20 => return Err(ConfigError::TooLarge(name)),
            _ => {}
        }
    }
    Ok(())
}

/// The value of a key of a model's section.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number of things.
    Size(usize),
    /// A constant.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

impl From<usize> for Value {
    fn from(size: usize) -> Self {
        Value::Size(size)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Size(size) => write!(f, "{size}"),
            Value::Number(number) => write!(f, "{number:?}"),
            Value::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// An architecture that configurations can name: its sizes are the keys of `[model]`.
pub trait Configured: Architecture + DeserializeOwned + Sized + 'static {
    /// Its name, as [`Architecture::kind`].
    const KIND: &'static str;

    /// A model of this kind with the sizes that every decoder has, and usual values for the rest.
    fn like(sizes: &Sizes) -> Self;

    /// Its models with a name, smallest first.
    fn presets() -> Vec<Preset>;
}

/// The keys of a section with their values, as a file has them.
type Keys = Vec<(String, Scalar)>;

/// A registered kind of architecture.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in configurations.
    pub name: &'static str,
    /// A model of this kind of given sizes.
    pub like: fn(&Sizes) -> ModelConfig,
    /// Its models with a name.
    pub presets: fn() -> Vec<Preset>,
    read: fn(Keys) -> Result<ModelConfig, ValueError>,
}

impl Kind {
    /// The kind of an architecture.
    pub const fn of<T: Configured>() -> Kind {
        Kind {
            name: T::KIND,
            like: |sizes| T::like(sizes).into(),
            presets: T::presets,
            read: |keys| Ok(T::deserialize(MapDeserializer::new(keys.into_iter()))?.into()),
        }
    }

    /// The kind of this name.
    pub fn find(name: &str) -> Option<&'static Kind> {
        static ALL: [Kind; KINDS.len()] = KINDS;
        ALL.iter().find(|kind| kind.name == name)
    }
}

/// A model: its architecture, with the sizes.
///
/// In a configuration it is the section `[model]`: `kind`, and the keys of that kind. Without a `kind` it is a Gopher.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    architecture: Arc<dyn Architecture>,
    vocabulary_multiple: usize,
    /// Ids that stand for a token; `None` for the whole vocabulary.
    tokens: Option<usize>,
}

impl<T: Architecture + 'static> From<T> for ModelConfig {
    fn from(architecture: T) -> Self {
        Self { architecture: Arc::new(architecture), vocabulary_multiple: 1, tokens: None }
    }
}

impl Deref for ModelConfig {
    type Target = dyn Architecture;

    fn deref(&self) -> &Self::Target {
        &*self.architecture
    }
}

impl PartialEq for ModelConfig {
    fn eq(&self, other: &Self) -> bool {
        let parts =
            |model: &ModelConfig| (model.kind(), model.keys(), model.vocabulary_multiple, model.tokens());
        parts(self) == parts(other)
    }
}

impl ModelConfig {
    /// The same model in a program whose vocabulary is padded to a multiple of `multiple`, at least 1, such as the devices
    /// that it is split over. Configurations and checkpoints know nothing of it.
    pub fn with_vocabulary_multiple(&self, multiple: usize) -> ModelConfig {
        Self { vocabulary_multiple: multiple.max(1), ..self.clone() }
    }

    /// The same model in a program whose tokenizer has `tokens` pieces, at most as many as the vocabulary. The ids behind them
    /// stand for none, as padding does, but their rows are parameters like others, which checkpoints hold. Configurations know
    /// nothing of it.
    pub fn with_tokens(&self, tokens: usize) -> ModelConfig {
        Self { tokens: Some(tokens), ..self.clone() }
    }

    /// Ids that stand for a token; those behind them have logits so low that no softmax gives them weight.
    pub fn tokens(&self) -> usize {
        let vocabulary_size = self.sizes().vocabulary_size;
        self.tokens.map_or(vocabulary_size, |tokens| tokens.min(vocabulary_size))
    }

    /// Rows of the embedding in a program, and logits of a position: the tokens of the vocabulary, and ids behind them that
    /// stand for none, whose logits are so low that no softmax gives them weight and no gradient reaches their rows.
    pub fn padded_vocabulary(&self) -> usize {
        self.sizes().vocabulary_size.next_multiple_of(self.vocabulary_multiple)
    }

    /// The same model with another number of layers.
    pub fn with_layers(&self, layers: usize) -> ModelConfig {
        Self { architecture: self.architecture.with_layers(layers).architecture, ..self.clone() }
    }

    /// The parameters as programs have them: as [`Architecture::parameters`], with a padded vocabulary.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = self.architecture.parameters();
        for spec in &mut specs {
            for (size, axis) in spec.shape.iter_mut().zip(spec.axes) {
                if *axis == VOCABULARY {
                    *size = size.next_multiple_of(self.vocabulary_multiple);
                }
            }
        }
        specs
    }

    fn count(&self, matrices: bool) -> u64 {
        let specs = self.architecture.parameters();
        let chosen = specs.iter().filter(|spec| spec.is_matrix() == matrices);
        chosen.fold(0, |sum: u64, spec| sum.saturating_add(spec.elements()))
    }

    /// Weights in matrices, which is what the Gopher paper's model names count (`docs/model.md`), padding left out.
    pub fn matrix_parameters(&self) -> u64 {
        self.count(true)
    }

    /// Gains and biases: all parameters that [`ModelConfig::matrix_parameters`] leaves out.
    pub fn vector_parameters(&self) -> u64 {
        self.count(false)
    }

    /// All trained numbers.
    pub fn total_parameters(&self) -> u64 {
        self.matrix_parameters().saturating_add(self.vector_parameters())
    }
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(KIND, self.kind())?;
        for (key, value) in self.keys() {
            map.serialize_entry(key, &value)?;
        }
        map.end()
    }
}

/// A value as a file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Integer(i64),
    Number(f64),
    Flag(bool),
    Text(String),
}

impl<'de> IntoDeserializer<'de, ValueError> for Scalar {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Scalar {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Scalar::Integer(number) => visitor.visit_i64(number),
            Scalar::Number(number) => visitor.visit_f64(number),
            Scalar::Flag(flag) => visitor.visit_bool(flag),
            Scalar::Text(text) => visitor.visit_string(text),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section;

        impl<'de> Visitor<'de> for Section {
            type Value = ModelConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the section of a model")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModelConfig, A::Error> {
                let (mut kind, mut keys) = (Gopher::KIND.to_owned(), Vec::new());
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        KIND => kind = map.next_value()?,
                        _ => keys.push((key, map.next_value::<Scalar>()?)),
                    }
                }
                let names = || KINDS.map(|kind| format!("\"{}\"", kind.name)).join(", ");
                let kind = Kind::find(&kind)
                    .ok_or_else(|| A::Error::custom(format_args!("expected one of {}", names())))?;
                (kind.read)(keys).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_map(Section)
    }
}
