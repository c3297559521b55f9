//! JSON scalars as the exporters of this world write them: numbers as texts, ids in either case,
//! `null` for nothing.

use std::fmt;

use model::{SpanId, Text, TraceId, Value};
use serde::{Deserialize, Deserializer, de};

use super::base64;

/// For `deserialize_with`: `null` is nothing.
pub(crate) fn or_default<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(input).map(Option::unwrap_or_default)
}

/// For `deserialize_with`: a text, or nothing.
pub(crate) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Text, D::Error> {
    or_default::<D, Word>(input).map(|word| word.0)
}

/// A text that goes straight where it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(pub(crate) Text);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Word;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(Text::new(text)))
            }
        }

        input.deserialize_str(Visitor)
    }
}

/// A whole number, written as number or text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Int(i128);

impl Int {
    pub(crate) fn to_u64(self) -> u64 {
        self.0.clamp(0, u64::MAX.into()).try_into().unwrap_or_default()
    }

    pub(crate) fn to_u32(self) -> u32 {
        self.0.clamp(0, u32::MAX.into()).try_into().unwrap_or_default()
    }

    pub(crate) fn to_i64(self) -> i64 {
        self.0.clamp(i64::MIN.into(), i64::MAX.into()).try_into().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Int;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a whole number, as such or as text")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Int, E> {
                Ok(Int(number.into()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Int, E> {
                Ok(Int(number.into()))
            }

            #[expect(clippy::cast_possible_truncation, reason = "saturates, and is clamped later")]
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Int, E> {
                Ok(Int(number as i128))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Int, E> {
                let number = text.trim().parse();
                number
                    .ok()
                    .map(Int)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        input.deserialize_any(Visitor)
    }
}

/// A number with fractions, written as number or text: `"NaN"`, `"Infinity"`, `"-Infinity"`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Double(pub(crate) f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        #[expect(clippy::cast_precision_loss, reason = "JSON has one kind of number")]
        impl de::Visitor<'_> for Visitor {
            type Value = Double;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number, as such or as text")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Double, E> {
                Ok(Double(number as f64))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Double, E> {
                Ok(Double(number as f64))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Double, E> {
                Ok(Double(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Double, E> {
                let number = text.trim().parse();
                number
                    .ok()
                    .map(Double)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        input.deserialize_any(Visitor)
    }
}

/// A number, or the name that stands for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberOrName(pub(crate) Value);

impl<'de> Deserialize<'de> for NumberOrName {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Any::deserialize(input).map(|any| Self(any.0))
    }
}

/// An id in hexadecimal digits, or base64, which protobuf's own mapping to JSON would use.
#[derive(Debug, Clone, Default)]
pub(crate) enum Id {
    /// Not there, empty, or zeros.
    #[default]
    None,
    /// The bytes, padded on the left.
    Some([u8; 16]),
    /// Something else.
    Bad(Text),
}

impl Id {
    fn read(text: &str) -> Self {
        let of_base64 = || base64::decode(text).filter(|_| text.ends_with('='));
        let id = TraceId::from_hex(text).map(|id| id.0).or_else(|| {
            let bytes = of_base64()?;
            let mut id = [0; 16];
            id.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(&bytes);
            Some(id)
        });
        match id {
            _ if text.is_empty() => Self::None,
            Some(id) if id == [0; 16] => Self::None,
            Some(id) => Self::Some(id),
            None => Self::Bad(Text::new(text)),
        }
    }

    pub(crate) fn trace(&self) -> Option<TraceId> {
        match self {
            Self::Some(bytes) => Some(TraceId(*bytes)),
            Self::None | Self::Bad(_) => None,
        }
    }

    /// The id of a span, if it is no longer than one.
    pub(crate) fn span(&self) -> Option<SpanId> {
        match self {
            Self::Some([0, 0, 0, 0, 0, 0, 0, 0, id @ ..]) => Some(SpanId(*id)),
            Self::Some(_) | Self::None | Self::Bad(_) => None,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Id;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an id as text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                Ok(Id::read(text))
            }
        }

        input.deserialize_str(Visitor)
    }
}

/// Any JSON value, as the value of an attribute.
#[derive(Debug, Clone, Default)]
pub(crate) struct Any(pub(crate) Value);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        #[expect(clippy::cast_precision_loss, reason = "past 63 bits there is no other number")]
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Value;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a value")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Empty)
            }

            fn visit_bool<E: de::Error>(self, bool: bool) -> Result<Value, E> {
                Ok(Value::Bool(bool))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Int(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(i64::try_from(number).map_or(Value::Double(number as f64), Value::Int))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Double(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(Text::new(text)))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut all = Vec::new();
                while let Some(Any(one)) = list.next_element()? {
                    all.push(one);
                }
                Ok(Value::List(all))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut all = Vec::new();
                while let Some((Word(key), Any(value))) = map.next_entry()? {
                    all.push((key, value));
                }
                Ok(Value::Map(all))
            }
        }

        input.deserialize_any(Visitor).map(Self)
    }
}
