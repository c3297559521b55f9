//! Fields and filters of a question as expressions of ClickHouse.

use std::collections::{BTreeMap, BTreeSet};

use keep::{
    ColumnKind, Table,
    query::{self, Field, Filter},
};
use model::Text;

use super::{
    quote,
    schema::{ATTRIBUTE_KINDS, ATTRIBUTES},
    trouble::Why,
};

/// Kinds of attributes that are no texts, as they are told in [`ATTRIBUTE_KINDS`].
pub(crate) const INT: u8 = 1;
pub(crate) const DOUBLE: u8 = 2;
pub(crate) const BOOL: u8 = 3;
pub(crate) const JSON: u8 = 4;

/// What resources say about the fields of a question: for each key, the resource's hash and the text.
///
/// Resources are few and long. They are read first, and a question then knows them by their hashes.
#[derive(Debug, Default)]
pub(crate) struct Resources(pub(crate) BTreeMap<Text, Vec<(u64, String)>>);

/// Makes expressions over the columns of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) table: &'static Table,
    pub(crate) resources: &'a Resources,
}

/// How the key of a group is written, and read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// The text; empty for none.
    Text,
    /// The bits of a number, as text: its digits are written here, the same for every engine.
    Bits,
    /// The place of a text, counted from 1, of those that resources have.
    Place,
}

impl Terms<'_> {
    fn column(&self, place: usize) -> Option<(String, ColumnKind)> {
        let column = self.table.columns.get(place)?;
        Some((quote::name(column.name), column.kind))
    }

    /// The value of a field, as text, and empty for none; `None` for numbers, whose digits ClickHouse writes in
    /// another way.
    fn text(&self, field: &Field) -> Option<String> {
        match field {
            Field::Column(place) => {
                let Some((name, kind)) = self.column(*place) else { return Some("''".to_owned()) };
                match kind {
                    ColumnKind::Text => Some(name),
                    ColumnKind::Time | ColumnKind::Whole => Some(format!("toString({name})")),
                    ColumnKind::Id16 => Some(hex(&name, 16)),
                    ColumnKind::Id8 => Some(hex(&name, 8)),
                    ColumnKind::Number => None,
                }
            }
            Field::Attribute(key) => Some(format!("{ATTRIBUTES}[{}]", quote::text(key))),
            Field::Resource(_) => None,
        }
    }

    /// What rows are grouped by.
    pub(crate) fn key(&self, field: &Field) -> (String, KeyKind) {
        match (self.text(field), field) {
            (Some(text), _) => (text, KeyKind::Text),
            (None, Field::Resource(key)) => {
                let places = self.distinct(key);
                let place = |text: &str| {
                    let place = places.iter().position(|known| *known == text);
                    place.map_or(0, |place| place + 1).to_string()
                };
                (format!("toString({})", self.transform(key, place, "0")), KeyKind::Place)
            }
            (None, _) => {
                let column = match field {
                    Field::Column(place) => self.column(*place),
                    Field::Attribute(_) | Field::Resource(_) => None,
                };
                let name = column.map_or_else(|| "toFloat64(0)".to_owned(), |(name, _)| name);
                (format!("toString(reinterpretAsUInt64({name}))"), KeyKind::Bits)
            }
        }
    }

    /// The distinct texts that resources have for a key, in order.
    pub(crate) fn distinct(&self, key: &str) -> Vec<&str> {
        let known = self.resources.0.get(key).map(Vec::as_slice).unwrap_or_default();
        let texts: BTreeSet<&str> =
            known.iter().map(|(_, text)| text.as_str()).filter(|text| !text.is_empty()).collect();
        texts.into_iter().collect()
    }

    /// A value for each resource; `else_` for those that have no text.
    fn transform(&self, key: &str, of: impl Fn(&str) -> String, else_: &str) -> String {
        let known = self.resources.0.get(key).map(Vec::as_slice).unwrap_or_default();
        let known: Vec<&(u64, String)> =
            known.iter().filter(|(_, text)| !text.is_empty()).collect();
        if known.is_empty() {
            return else_.to_owned();
        }
        let hashes: Vec<String> = known.iter().map(|(hash, _)| hash.to_string()).collect();
        let values: Vec<String> = known.iter().map(|(_, text)| of(text)).collect();
        format!(
            "transform({}, [{}], [{}], {else_})",
            self.resource_hash(),
            hashes.join(","),
            values.join(",")
        )
    }

    /// What a resource is known by.
    pub(crate) fn resource_hash(&self) -> String {
        let name = self.table.resource.and_then(|place| self.column(place));
        name.map_or_else(|| "toUInt64(0)".to_owned(), |(name, _)| format!("sipHash64({name})"))
    }

    /// The whole number of a field, NULL for none.
    pub(crate) fn number(&self, field: &Field) -> String {
        match field {
            Field::Column(place) => match self.column(*place) {
                Some((name, ColumnKind::Time | ColumnKind::Whole)) => {
                    format!("toInt64(least({name}, 9223372036854775807))")
                }
                Some((name, ColumnKind::Text)) => format!("toInt64OrNull(toString({name}))"),
                _ => "toInt64OrNull(materialize(''))".to_owned(),
            },
            Field::Attribute(key) => {
                let key = quote::text(key);
                // Digits of a text count, those of any other value but a whole number do not.
                format!(
                    "if({ATTRIBUTE_KINDS}[{key}] <= {INT}, toInt64OrNull({ATTRIBUTES}[{key}]), NULL)"
                )
            }
            Field::Resource(key) => {
                let number = |text: &str| {
                    let number = text.parse::<i64>().ok();
                    number.map_or_else(|| "''".to_owned(), |number| format!("'{number}'"))
                };
                format!("toInt64OrNull(materialize({}))", self.transform(key, number, "''"))
            }
        }
    }

    /// The number of a field, fractional ones too, that is finite; NULL for none.
    pub(crate) fn fraction(&self, field: &Field) -> String {
        let number = match field {
            Field::Column(place) => match self.column(*place) {
                Some((name, ColumnKind::Number)) => format!("toNullable({name})"),
                _ => format!("toFloat64({})", self.number(field)),
            },
            Field::Attribute(key) => {
                let key = quote::text(key);
                format!(
                    "if({ATTRIBUTE_KINDS}[{key}] = {DOUBLE}, toFloat64OrNull({ATTRIBUTES}[{key}]), toFloat64({}))",
                    self.number(field)
                )
            }
            Field::Resource(_) => format!("toFloat64({})", self.number(field)),
        };
        // Of the two zeros one.
        format!("(if(ifNull(isFinite({number}), 0), {number}, NULL) + 0.)")
    }

    /// Rows that pass, as an expression that is 0 or 1.
    pub(crate) fn filter(&self, filter: &Filter) -> Result<String, Why> {
        Ok(match filter {
            Filter::All => "1".to_owned(),
            Filter::Is(field, values) => self.is(field, values),
            Filter::Has(field) => self.has(field),
            Filter::Contains(field, part) => self.contains(field, part)?,
            Filter::Between(field, least, below) => self.between(field, *least, *below),
            Filter::Not(filter) => format!("NOT ({})", self.filter(filter)?),
            Filter::And(filters) => self.all(filters, " AND ", "1")?,
            Filter::Or(filters) => self.all(filters, " OR ", "0")?,
        })
    }

    fn all(&self, filters: &[Filter], between: &str, none: &str) -> Result<String, Why> {
        if filters.is_empty() {
            return Ok(none.to_owned());
        }
        let each = filters.iter().map(|filter| Ok(format!("({})", self.filter(filter)?)));
        Ok(each.collect::<Result<Vec<_>, Why>>()?.join(between))
    }

    fn is(&self, field: &Field, values: &[Text]) -> String {
        let column = match field {
            Field::Column(place) => self.column(*place),
            Field::Attribute(_) | Field::Resource(_) => None,
        };
        match column {
            Some((name, ColumnKind::Id16)) => ids::<16>(&name, values),
            Some((name, ColumnKind::Id8)) => ids::<8>(&name, values),
            Some((name, ColumnKind::Time | ColumnKind::Whole)) => {
                let number = |value: &Text| {
                    let number = value.parse::<u64>().ok()?;
                    // Only as it is written: `007` is another text than `7`.
                    (number.to_string() == *value).then(|| number.to_string())
                };
                one_of(&name, values.iter().filter_map(number))
            }
            Some((name, ColumnKind::Number)) => {
                let bits = |value: &Text| {
                    let number = value.parse::<f64>().ok()?;
                    let is_written_so = number.to_string() == *value && !number.is_nan();
                    is_written_so.then(|| number.to_bits().to_string())
                };
                let is =
                    one_of(&format!("reinterpretAsUInt64({name})"), values.iter().filter_map(bits));
                if values.iter().any(|value| value == "NaN") {
                    return format!("({is}) OR isNaN({name})");
                }
                is
            }
            _ => match (self.text(field), field) {
                (Some(text), _) => {
                    let values = values.iter().filter(|value| !value.is_empty());
                    one_of(&text, values.map(|value| quote::text(value)))
                }
                (None, Field::Resource(key)) => {
                    self.resource(key, |text| values.iter().any(|it| it == text))
                }
                (None, _) => "0".to_owned(),
            },
        }
    }

    /// Rows whose resource's text passes.
    fn resource(&self, key: &str, passes: impl Fn(&str) -> bool) -> String {
        let known = self.resources.0.get(key).map(Vec::as_slice).unwrap_or_default();
        let hashes = known.iter().filter(|(_, text)| !text.is_empty() && passes(text));
        one_of(&self.resource_hash(), hashes.map(|(hash, _)| hash.to_string()))
    }

    fn has(&self, field: &Field) -> String {
        match field {
            Field::Column(place) => match self.column(*place) {
                Some((_, ColumnKind::Time | ColumnKind::Whole | ColumnKind::Number)) => {
                    "1".to_owned()
                }
                Some((name, ColumnKind::Id16)) => format!("{name} != {}", quote::id(&[0; 16])),
                Some((name, ColumnKind::Id8)) => format!("{name} != {}", quote::id(&[0; 8])),
                Some((name, ColumnKind::Text)) => format!("{name} != ''"),
                None => "0".to_owned(),
            },
            Field::Attribute(key) => format!("{ATTRIBUTES}[{}] != ''", quote::text(key)),
            Field::Resource(key) => self.resource(key, |_| true),
        }
    }

    fn contains(&self, field: &Field, part: &str) -> Result<String, Why> {
        if let Field::Resource(key) = field {
            return Ok(self.resource(key, |text| text.contains(part)));
        }
        let Some(text) = self.text(field) else {
            return Err(Why::Refused(
                "parts of the digits of a number are not looked for".to_owned(),
            ));
        };
        if part.is_empty() {
            return Ok(format!("{text} != ''"));
        }
        Ok(format!("position({text}, {}) > 0", quote::text(part)))
    }

    fn between(&self, field: &Field, least: i64, below: i64) -> String {
        if let Field::Column(place) = field
            && let Some((name, ColumnKind::Time | ColumnKind::Whole)) = self.column(*place)
        {
            // As it lies there, so that parts and marks that cannot have such are passed over.
            return match u64::try_from(below) {
                Err(_) => "0".to_owned(),
                Ok(below) => format!("{name} >= {} AND {name} < {below}", least.max(0)),
            };
        }
        let number = self.number(field);
        format!("ifNull({number} >= {least} AND {number} < {below}, 0)")
    }
}

fn hex(name: &str, bytes: usize) -> String {
    format!("if({name} = {}, '', lower(hex({name})))", quote::id(&vec![0; bytes]))
}

fn one_of(text: &str, values: impl Iterator<Item = String>) -> String {
    let values: BTreeSet<String> = values.collect();
    if values.is_empty() {
        return "0".to_owned();
    }
    let values: Vec<String> = values.into_iter().collect();
    format!("{text} IN ({})", values.join(","))
}

/// Ids as they are, so that the index of them is used.
fn ids<const N: usize>(name: &str, values: &[Text]) -> String {
    let id = |value: &Text| {
        let id = query::id::<N>(value)?;
        (id != [0; N]).then(|| quote::id(&id))
    };
    one_of(name, values.iter().filter_map(id))
}

/// Keys of resources that a question asks for.
pub(crate) fn resource_keys<'a>(fields: impl Iterator<Item = &'a Field>) -> BTreeSet<Text> {
    fields
        .filter_map(|field| match field {
            Field::Resource(key) => Some(key.clone()),
            Field::Column(_) | Field::Attribute(_) => None,
        })
        .collect()
}
