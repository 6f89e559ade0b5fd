//! Metadata values.

/// The types of numbers in metadata, with their sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs)]
pub enum Scalar {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    U64,
    I64,
    F64,
}

impl Scalar {
    /// Its size in bytes.
    pub fn size(self) -> usize {
        match self {
            Scalar::U8 | Scalar::I8 | Scalar::Bool => 1,
            Scalar::U16 | Scalar::I16 => 2,
            Scalar::U32 | Scalar::I32 | Scalar::F32 => 4,
            Scalar::U64 | Scalar::I64 | Scalar::F64 => 8,
        }
    }

    /// The number in exactly so many bytes.
    pub(super) fn value(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Scalar::U8 => Value::Unsigned(u8::from_le_bytes(bytes.try_into().ok()?).into()),
            Scalar::U16 => Value::Unsigned(u16::from_le_bytes(bytes.try_into().ok()?).into()),
            Scalar::U32 => Value::Unsigned(u32::from_le_bytes(bytes.try_into().ok()?).into()),
            Scalar::U64 => Value::Unsigned(u64::from_le_bytes(bytes.try_into().ok()?)),
            Scalar::I8 => Value::Signed(i8::from_le_bytes(bytes.try_into().ok()?).into()),
            Scalar::I16 => Value::Signed(i16::from_le_bytes(bytes.try_into().ok()?).into()),
            Scalar::I32 => Value::Signed(i32::from_le_bytes(bytes.try_into().ok()?).into()),
            Scalar::I64 => Value::Signed(i64::from_le_bytes(bytes.try_into().ok()?)),
            Scalar::F32 => Value::F32(f32::from_le_bytes(bytes.try_into().ok()?)),
            Scalar::F64 => Value::F64(f64::from_le_bytes(bytes.try_into().ok()?)),
            Scalar::Bool => match bytes {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return None,
            },
        })
    }
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of 8 to 64 bits in the file.
    Unsigned(u64),
    /// Of 8 to 64 bits in the file.
    Signed(i64),
    /// Single precision.
    F32(f32),
    /// Double precision.
    F64(f64),
    /// True or false.
    Bool(bool),
    /// UTF-8 text.
    Text(String),
    /// A list of values of one type.
    Array(Array),
}

/// A list of metadata values of one type.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Numbers, in the bytes of the file.
    Scalars(Scalar, Vec<u8>),
    /// Texts.
    Texts(Vec<String>),
    /// Lists.
    Arrays(Vec<Array>),
}

impl Array {
    /// The numbers; nothing of a list of others.
    pub fn scalars(&self) -> impl Iterator<Item = Value> {
        let (scalar, bytes) = match self {
            Array::Scalars(scalar, bytes) => (*scalar, bytes.as_slice()),
            _ => (Scalar::U8, [].as_slice()),
        };
        bytes.chunks_exact(scalar.size()).filter_map(move |bytes| scalar.value(bytes))
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        match self {
            Array::Scalars(scalar, bytes) => bytes.len() / scalar.size(),
            Array::Texts(texts) => texts.len(),
            Array::Arrays(arrays) => arrays.len(),
        }
    }

    /// True if it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Value {
    /// The value for an error, cut if it is long.
    pub(crate) fn brief(&self) -> String {
        const LONGEST: usize = 60;
        match self {
            Value::Unsigned(value) => value.to_string(),
            Value::Signed(value) => value.to_string(),
            Value::F32(value) => value.to_string(),
            Value::F64(value) => value.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Array(array) => format!("a list of {} values", array.len()),
            Value::Text(text) => match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{:?}…", &text[..end]),
                None => format!("{text:?}"),
            },
        }
    }
}

impl TryFrom<&Value> for u64 {
    type Error = ();

    /// A number that is whole and not negative.
    fn try_from(value: &Value) -> Result<Self, ()> {
        match *value {
            Value::Unsigned(value) => Ok(value),
            Value::Signed(value) => value.try_into().map_err(|_| ()),
            _ => Err(()),
        }
    }
}

impl TryFrom<&Value> for usize {
    type Error = ();

    fn try_from(value: &Value) -> Result<Self, ()> {
        u64::try_from(value)?.try_into().map_err(|_| ())
    }
}

impl TryFrom<&Value> for u32 {
    type Error = ();

    fn try_from(value: &Value) -> Result<Self, ()> {
        u64::try_from(value)?.try_into().map_err(|_| ())
    }
}

impl TryFrom<&Value> for f64 {
    type Error = ();

    /// Of a single, the number of fewest digits that rounds to it: 1e-5, not 9.99999975e-6.
    fn try_from(value: &Value) -> Result<Self, ()> {
        match *value {
            Value::F32(value) => value.to_string().parse().map_err(|_| ()),
            Value::F64(value) => Ok(value),
            _ => Err(()),
        }
    }
}

impl TryFrom<&Value> for bool {
    type Error = ();

    fn try_from(value: &Value) -> Result<Self, ()> {
        match *value {
            Value::Bool(value) => Ok(value),
            _ => Err(()),
        }
    }
}

impl<'a> TryFrom<&'a Value> for &'a str {
    type Error = ();

    fn try_from(value: &'a Value) -> Result<Self, ()> {
        match value {
            Value::Text(text) => Ok(text),
            _ => Err(()),
        }
    }
}

impl<'a> TryFrom<&'a Value> for &'a [String] {
    type Error = ();

    fn try_from(value: &'a Value) -> Result<Self, ()> {
        match value {
            Value::Array(Array::Texts(texts)) => Ok(texts),
            _ => Err(()),
        }
    }
}

impl<'a> TryFrom<&'a Value> for &'a Array {
    type Error = ();

    fn try_from(value: &'a Value) -> Result<Self, ()> {
        match value {
            Value::Array(array) => Ok(array),
            _ => Err(()),
        }
    }
}
