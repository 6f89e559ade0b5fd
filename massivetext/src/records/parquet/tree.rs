//! The schema as a tree, by which rows are put together from columns.
//!
//! A column has a definition level for each of its entries: how many of the optional and repeated nodes above it are there; and a
//! repetition level: which of the repeated ones goes on (the format's documentation, "nested encoding").

use std::ops::Range;

use ::parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::schema::types::{Type, TypePtr};

use super::columns::{Column, string};

/// Nodes inside one another that a schema may have.
const DEEPEST: usize = 32;

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Bool,
    Signed,
    Unsigned,
    Float,
    Text,
    /// Days since 1970.
    Date,
    /// Since 1970, so many a second; whether in UTC.
    Timestamp(i64, bool),
}

/// A node of the schema.
pub(super) enum Node {
    Leaf(usize, Leaf),
    Group(Vec<(String, Node)>),
    /// There if the definition level is at least this one.
    Optional(i16, Box<Node>),
    /// Not empty if the definition level is at least the first of these; goes on while the repetition level is the second.
    List(i16, i16, Box<Node>),
}

/// Builds nodes; columns are counted in the order of the schema.
#[derive(Default)]
struct Builder {
    columns: usize,
    path: Vec<String>,
}

/// The nodes at the top of a schema.
///
/// # Errors
/// A column of a type that is not read, in words.
pub(super) fn fields(top: &[TypePtr]) -> Result<Vec<(String, Node)>, String> {
    let mut builder = Builder::default();
    top.iter().map(|field| builder.named(field, 0, 0)).collect()
}

/// Whether a field at the top has a string for each row, or null.
pub(super) fn is_text(field: &Type) -> bool {
    field.is_primitive()
        && field.get_basic_info().repetition() != Repetition::REPEATED
        && leaf(field) == Ok(Leaf::Text)
}

impl Builder {
    fn named(&mut self, field: &Type, definition: i16, repetition: i16) -> Result<(String, Node), String> {
        self.path.push(field.name().to_owned());
        if self.path.len() > DEEPEST {
            return Err(format!("columns more than {DEEPEST} levels deep"));
        }
        let node = self.node(field, definition, repetition)?;
        self.path.pop();
        Ok((field.name().to_owned(), node))
    }

    fn node(&mut self, field: &Type, definition: i16, repetition: i16) -> Result<Node, String> {
        let here = match field.get_basic_info().has_repetition() {
            true => field.get_basic_info().repetition(),
            false => Repetition::REQUIRED,
        };
        let (definition, repetition) = match here {
            Repetition::REQUIRED => (definition, repetition),
            Repetition::OPTIONAL => (definition + 1, repetition),
            Repetition::REPEATED => (definition + 1, repetition + 1),
        };
        let inner = match field.is_primitive() {
            true => self.leaf(field)?,
            false => self.group(field, definition, repetition)?,
        };
        Ok(match here {
            Repetition::REQUIRED => inner,
            Repetition::OPTIONAL => Node::Optional(definition, Box::new(inner)),
            Repetition::REPEATED => Node::List(definition, repetition, Box::new(inner)),
        })
    }

    fn leaf(&mut self, field: &Type) -> Result<Node, String> {
        let kind = leaf(field).map_err(|what| {
            format!(
                "the column \"{}\" has {what}, which JSON has not; write the file without it, with pyarrow: python3 -c \"import \
                 pyarrow.parquet as p, sys; p.write_table(p.read_table(sys.argv[1]).drop_columns(sys.argv[3:]), sys.argv[2])\" FILE NEW {}",
                self.path.join("."),
                self.path.first().map_or("COLUMN", |name| &name[..])
            )
        })?;
        self.columns += 1;
        Ok(Node::Leaf(self.columns - 1, kind))
    }

    fn group(&mut self, field: &Type, definition: i16, repetition: i16) -> Result<Node, String> {
        let mut nodes = Vec::new();
        for child in field.get_fields() {
            nodes.push(self.named(child, definition, repetition)?);
        }
        if nodes.is_empty() {
            return Err(format!("the column \"{}\" has nothing in it", self.path.join(".")));
        }
        let info = field.get_basic_info();
        let is_list = matches!(info.logical_type_ref(), Some(LogicalType::List | LogicalType::Map))
            || matches!(
                info.converted_type(),
                ConvertedType::LIST | ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE
            );
        if !(is_list && nodes.len() == 1) {
            return Ok(Node::Group(nodes));
        }
        // A list is a group with one repeated node, and that is a group with the element.
        Ok(match nodes.pop() {
            Some((name, Node::List(definition, repetition, element))) => {
                let element = match *element {
                    Node::Group(mut one)
                        if one.len() == 1 && name != "array" && !name.ends_with("_tuple") =>
                    {
                        one.pop().map_or(Node::Group(Vec::new()), |(_, element)| element)
                    }
                    other => other,
                };
                Node::List(definition, repetition, Box::new(element))
            }
            other => Node::Group(other.into_iter().collect()),
        })
    }
}

/// What a column's values are.
///
/// # Errors
/// What they are called, if they are not read.
fn leaf(field: &Type) -> Result<Leaf, &'static str> {
    let info = field.get_basic_info();
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    if matches!(logical, Some(LogicalType::Decimal(_))) || converted == ConvertedType::DECIMAL {
        return Err("decimals");
    }
    let is_time = matches!(converted, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS);
    if matches!(logical, Some(LogicalType::Time(_))) || is_time {
        return Err("times of day");
    }
    let is_unsigned = match logical {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        _ => matches!(
            converted,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        ),
    };
    match field.get_physical_type() {
        Physical::BOOLEAN => Ok(Leaf::Bool),
        Physical::FLOAT | Physical::DOUBLE => Ok(Leaf::Float),
        Physical::INT96 => Err("times of the type Int96"),
        Physical::FIXED_LEN_BYTE_ARRAY => Err("bytes"),
        Physical::BYTE_ARRAY => {
            let is_text =
                matches!(logical, Some(LogicalType::String | LogicalType::Enum | LogicalType::Json))
                    || matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON);
            if is_text { Ok(Leaf::Text) } else { Err("bytes") }
        }
        Physical::INT32 if matches!(logical, Some(LogicalType::Date)) || converted == ConvertedType::DATE => {
            Ok(Leaf::Date)
        }
        Physical::INT64 if timestamp(logical, converted).is_some() => {
            timestamp(logical, converted).ok_or("timestamps")
        }
        Physical::INT32 | Physical::INT64 => Ok(if is_unsigned { Leaf::Unsigned } else { Leaf::Signed }),
    }
}

fn timestamp(logical: Option<&LogicalType>, converted: ConvertedType) -> Option<Leaf> {
    match (logical, converted) {
        (Some(LogicalType::Timestamp(kind)), _) => {
            let per_second = match kind.unit {
                TimeUnit::MILLIS => 1000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            };
            Some(Leaf::Timestamp(per_second, kind.is_adjusted_to_u_t_c))
        }
        (_, ConvertedType::TIMESTAMP_MILLIS) => Some(Leaf::Timestamp(1000, true)),
        (_, ConvertedType::TIMESTAMP_MICROS) => Some(Leaf::Timestamp(1_000_000, true)),
        _ => None,
    }
}

impl Node {
    /// The columns below it.
    fn columns(&self) -> Range<usize> {
        match self {
            Node::Leaf(column, _) => *column..column + 1,
            Node::Optional(_, inner) | Node::List(_, _, inner) => inner.columns(),
            Node::Group(nodes) => {
                let ends = nodes.first().zip(nodes.last());
                ends.map_or(0..0, |((_, first), (_, last))| first.columns().start..last.columns().end)
            }
        }
    }

    /// Writes the value that the columns are at as JSON, and moves them on. In `wrong` is said that a string is not UTF-8.
    ///
    /// # Errors
    /// Columns that contradict each other.
    pub(super) fn write(
        &self,
        columns: &mut [Column],
        json: &mut Vec<u8>,
        wrong: &mut Option<String>,
    ) -> Result<(), String> {
        match self {
            Node::Leaf(column, kind) => {
                columns.get_mut(*column).ok_or("a column is missing")?.write(*kind, json, wrong)
            }
            Node::Group(nodes) => {
                json.push(b'{');
                for (place, (name, node)) in nodes.iter().enumerate() {
                    if place > 0 {
                        json.push(b',');
                    }
                    string(name, json);
                    json.push(b':');
                    node.write(columns, json, wrong)?;
                }
                json.push(b'}');
                Ok(())
            }
            Node::Optional(definition, inner) => {
                if self.level(columns)? >= *definition {
                    return inner.write(columns, json, wrong);
                }
                json.extend_from_slice(b"null");
                self.skip(columns)
            }
            Node::List(definition, repetition, inner) => {
                json.push(b'[');
                if self.level(columns)? < *definition {
                    self.skip(columns)?;
                } else {
                    loop {
                        inner.write(columns, json, wrong)?;
                        let first = columns.get(self.columns().start).ok_or("a column is missing")?;
                        if first.repetition().is_none_or(|next| next < *repetition) {
                            break;
                        }
                        json.push(b',');
                    }
                }
                json.push(b']');
                Ok(())
            }
        }
    }

    /// The definition level that its first column is at.
    fn level(&self, columns: &[Column]) -> Result<i16, String> {
        let first = columns.get(self.columns().start).ok_or("a column is missing")?;
        first.definition().ok_or_else(|| first.ends())
    }

    /// Moves its columns on, none of which has a value here.
    fn skip(&self, columns: &mut [Column]) -> Result<(), String> {
        columns.get_mut(self.columns()).unwrap_or_default().iter_mut().try_for_each(Column::skip)
    }
}
