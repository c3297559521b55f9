//! What the JSON of all signals shares: resources, scopes, attributes and their values.

use std::{fmt, sync::Arc};

use model::{Attributes, Resource, Scope, Text, Value};
use serde::{Deserialize, Deserializer, de};

use crate::reading::{
    base64,
    scalars::{Any, Double, Int, Word, or_default, text},
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WireResource {
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Int,
}

impl WireResource {
    pub(super) fn into_model(self, schema_url: Text) -> Arc<Resource> {
        Arc::new(Resource {
            attributes: attributes(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count.to_u32(),
            schema_url,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WireScope {
    #[serde(deserialize_with = "text")]
    name: Text,
    #[serde(deserialize_with = "text")]
    version: Text,
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Int,
}

impl WireScope {
    pub(super) fn into_model(self, schema_url: Text) -> Arc<Scope> {
        Arc::new(Scope {
            name: self.name,
            version: self.version,
            attributes: attributes(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count.to_u32(),
            schema_url,
        })
    }
}

pub(super) fn attributes(pairs: Vec<WirePair>) -> Attributes {
    Attributes(pairs.into_iter().map(|pair| (pair.key, pair.value.0)).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WirePair {
    #[serde(deserialize_with = "text")]
    key: Text,
    #[serde(deserialize_with = "or_default")]
    value: WireValue,
}

/// `{"stringValue": …}` and its siblings; if there are several, the last one counts.
#[derive(Default)]
pub(super) struct WireValue(pub(super) Value);

#[derive(Default, Deserialize)]
#[serde(default, bound = "T: Default + Deserialize<'de>")]
struct WireValues<T> {
    #[serde(deserialize_with = "or_default")]
    values: Vec<T>,
}

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_map(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> de::Visitor<'de> for ValueVisitor {
    type Value = WireValue;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object such as {\"stringValue\": \"text\"}")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<WireValue, A::Error> {
        let mut value = Value::Empty;
        while let Some(Word(key)) = map.next_key()? {
            match key.as_str() {
                "stringValue" | "string_value" => value = Value::Text(map.next_value::<Word>()?.0),
                "boolValue" | "bool_value" => value = bool_value(map.next_value::<Any>()?.0),
                "intValue" | "int_value" => value = Value::Int(map.next_value::<Int>()?.to_i64()),
                "doubleValue" | "double_value" => {
                    value = Value::Double(map.next_value::<Double>()?.0);
                }
                "bytesValue" | "bytes_value" => {
                    let bytes = base64::decode(&map.next_value::<Word>()?.0);
                    let refusal = || de::Error::custom("`bytesValue` is not base64");
                    value = Value::Bytes(bytes.ok_or_else(refusal)?);
                }
                "arrayValue" | "array_value" => {
                    let list: WireValues<WireValue> = map.next_value()?;
                    value = Value::List(list.values.into_iter().map(|value| value.0).collect());
                }
                "kvlistValue" | "kvlist_value" => {
                    let list: WireValues<WirePair> = map.next_value()?;
                    value = Value::Map(attributes(list.values).0);
                }
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(WireValue(value))
    }
}

fn bool_value(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Bool(text == "true"),
        value => value,
    }
}
