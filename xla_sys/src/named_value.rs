//! Options given to a plugin, and attributes it gives back.

use crate::api::{PjrtStruct, slice, text};
use crate::bindings as c;

/// A name and a value: an option of a client or topology, an attribute of a plugin or device, a cost.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedValue {
    /// The name, such as `cpu_device_count`.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// The value of a [`NamedValue`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text or bytes; bytes that are not UTF-8 are replaced when they come from a plugin.
    String(String),
    /// A 64-bit integer.
    Int(i64),
    /// A list of 64-bit integers.
    IntList(Vec<i64>),
    /// A single-precision number.
    Float(f32),
    /// A truth value.
    Bool(bool),
}

impl NamedValue {
    /// A named value from its parts.
    ///
    /// ```
    /// let option = xla_sys::NamedValue::new("cpu_device_count", 4);
    /// assert_eq!(option.to_string(), "cpu_device_count=4");
    /// ```
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> NamedValue {
        NamedValue { name: name.into(), value: value.into() }
    }

    /// The C form, which borrows from `self`.
    pub(crate) fn as_raw(&self) -> c::PJRT_NamedValue {
        let mut raw = c::PJRT_NamedValue {
            name: self.name.as_ptr().cast(),
            name_size: self.name.len(),
            value_size: 1,
            ..PjrtStruct::new()
        };
        match &self.value {
            Value::String(string) => {
                raw.type_ = c::PJRT_NamedValue_kString;
                raw.value_size = string.len();
                raw.__bindgen_anon_1.string_value = string.as_ptr().cast();
            }
            Value::Int(int) => {
                raw.type_ = c::PJRT_NamedValue_kInt64;
                raw.__bindgen_anon_1.int64_value = *int;
            }
            Value::IntList(list) => {
                raw.type_ = c::PJRT_NamedValue_kInt64List;
                raw.value_size = list.len();
                raw.__bindgen_anon_1.int64_array_value = list.as_ptr();
            }
            Value::Float(float) => {
                raw.type_ = c::PJRT_NamedValue_kFloat;
                raw.__bindgen_anon_1.float_value = *float;
            }
            Value::Bool(bool) => {
                raw.type_ = c::PJRT_NamedValue_kBool;
                raw.__bindgen_anon_1.bool_value = *bool;
            }
        }
        raw
    }

    /// # Safety
    /// `raw` and what it points to are valid.
    pub(crate) unsafe fn from_raw(raw: &c::PJRT_NamedValue) -> NamedValue {
        let value = &raw.__bindgen_anon_1;
        // SAFETY: the type says which member of the union is set.
        let value = unsafe {
            match raw.type_ {
                c::PJRT_NamedValue_kString => Value::String(text(value.string_value, raw.value_size)),
                c::PJRT_NamedValue_kInt64 => Value::Int(value.int64_value),
                c::PJRT_NamedValue_kInt64List => {
                    Value::IntList(slice(value.int64_array_value, raw.value_size).to_vec())
                }
                c::PJRT_NamedValue_kFloat => Value::Float(value.float_value),
                // Read as a byte: a foreign bool may hold anything.
                c::PJRT_NamedValue_kBool => Value::Bool(std::ptr::from_ref(value).cast::<u8>().read() != 0),
                other => Value::String(format!("<value of unknown type {other}>")),
            }
        };
        // SAFETY: the name is valid.
        NamedValue { name: unsafe { text(raw.name, raw.name_size) }, value }
    }
}

impl std::fmt::Display for NamedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::String(string) => f.write_str(string),
            Value::Int(int) => write!(f, "{int}"),
            Value::IntList(list) => write!(f, "{list:?}"),
            Value::Float(float) => write!(f, "{float}"),
            Value::Bool(bool) => write!(f, "{bool}"),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Value { $to }
        })*
    };
}
value_from! {
    &str => |value| Value::String(value.to_owned());
    String => |value| Value::String(value);
    i64 => |value| Value::Int(value);
    Vec<i64> => |value| Value::IntList(value);
    f32 => |value| Value::Float(value);
    bool => |value| Value::Bool(value);
}
