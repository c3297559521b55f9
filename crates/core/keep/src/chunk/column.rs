//! The values of one column, and of one attribute.

use model::Value;

use super::Chunk;
use crate::{json, table::ColumnKind, texts::TextList};

/// The values of a column, one each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Numbers of texts; 0 for none.
    Text(Vec<u32>),
    /// [`ColumnKind::Time`] and [`ColumnKind::Whole`].
    Whole(Vec<u64>),
    /// [`ColumnKind::Number`]
    Number(Vec<f64>),
    /// [`ColumnKind::Id16`]
    Id16(Vec<[u8; 16]>),
    /// [`ColumnKind::Id8`]
    Id8(Vec<[u8; 8]>),
}

/// The values of one attribute that are of one kind, for the rows that have it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeColumn {
    /// Number of the text of its key.
    pub key: u32,
    /// What its values are.
    pub kind: AttributeKind,
    /// Rows that have it, ascending.
    pub rows: Vec<u32>,
    /// Their values, as many: the number of a text, or the bits of a number.
    pub values: Vec<u64>,
}

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeKind {
    /// `string_value`: the number of a text.
    Text,
    /// `int_value`: its bits.
    Int,
    /// `double_value`: its bits.
    Double,
    /// `bool_value`: 0 or 1.
    Bool,
    /// All others: the number of a text that is the value as OTLP JSON.
    Json,
}

impl AttributeKind {
    /// The kind of a value, and the number of its text or its bits.
    pub(crate) fn of(value: &Value, chunk: &mut Chunk) -> (Self, u64) {
        match value {
            Value::Text(text) => (Self::Text, u64::from(chunk.text(text))),
            Value::Int(int) => (Self::Int, int.cast_unsigned()),
            Value::Double(double) => (Self::Double, double.to_bits()),
            Value::Bool(bool) => (Self::Bool, u64::from(*bool)),
            Value::Empty | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
                (Self::Json, u64::from(chunk.text(&json::value(value).to_string())))
            }
        }
    }

    /// The value that the number of a text or the bits stand for.
    #[must_use]
    pub fn value(self, bits: u64, texts: &TextList) -> Value {
        let text = || texts.get(u32::try_from(bits).unwrap_or(u32::MAX));
        match self {
            Self::Text => Value::Text(text().into()),
            Self::Int => Value::Int(bits.cast_signed()),
            Self::Double => Value::Double(f64::from_bits(bits)),
            Self::Bool => Value::Bool(bits != 0),
            Self::Json => json::read_value(&serde_json::from_str(text()).unwrap_or_default()),
        }
    }
}

impl Column {
    /// A column of which no row has a value.
    pub(crate) fn absent(kind: ColumnKind, rows: usize) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(vec![0; rows]),
            ColumnKind::Time | ColumnKind::Whole => Self::Whole(vec![0; rows]),
            ColumnKind::Number => Self::Number(vec![0.0; rows]),
            ColumnKind::Id16 => Self::Id16(vec![[0; 16]; rows]),
            ColumnKind::Id8 => Self::Id8(vec![[0; 8]; rows]),
        }
    }

    /// An empty column.
    #[must_use]
    pub fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(Vec::new()),
            ColumnKind::Time | ColumnKind::Whole => Self::Whole(Vec::new()),
            ColumnKind::Number => Self::Number(Vec::new()),
            ColumnKind::Id16 => Self::Id16(Vec::new()),
            ColumnKind::Id8 => Self::Id8(Vec::new()),
        }
    }

    /// How many values it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Id16(values) => values.len(),
            Self::Id8(values) => values.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Text(values) => values.truncate(rows),
            Self::Whole(values) => values.truncate(rows),
            Self::Number(values) => values.truncate(rows),
            Self::Id16(values) => values.truncate(rows),
            Self::Id8(values) => values.truncate(rows),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(values) => values.capacity() * 4,
            Self::Whole(values) => values.capacity() * 8,
            Self::Number(values) => values.capacity() * 8,
            Self::Id16(values) => values.capacity() * 16,
            Self::Id8(values) => values.capacity() * 8,
        }
    }
}
