//! Attributes: what OTLP knows as a list of key-values, in the order in which they came.

/// A text that costs no allocation up to 24 bytes, which most keys and values are.
pub type Text = compact_str::CompactString;

/// The value of an attribute: OTLP's `AnyValue`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value was set.
    #[default]
    Empty,
    /// `string_value`
    Text(Text),
    /// `bool_value`
    Bool(bool),
    /// `int_value`
    Int(i64),
    /// `double_value`
    Double(f64),
    /// `bytes_value`
    Bytes(Vec<u8>),
    /// `array_value`
    List(Vec<Self>),
    /// `kvlist_value`
    Map(Vec<(Text, Self)>),
}

impl Value {
    /// The text, if that is what it is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number: as such, or as text that spells one (Jaeger and Zipkin carry texts only).
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Key-values, in the order in which they came. Where a key comes twice, the first one counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes(pub Vec<(Text, Value)>);

impl Attributes {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The text at `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }

    /// The whole number at `key`.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        self.get(key).and_then(Value::as_int)
    }
}
