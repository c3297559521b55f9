//! Which columns a file has, and which column or attribute of a chunk each of them holds.

use std::{collections::BTreeSet, sync::Arc};

use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType},
    file::metadata::{FileMetaData, KeyValue},
    schema::types::{Type, TypePtr},
};
use serde_json::{Map, Value as Json, json};

use super::{BlockError, tail};
use crate::{
    chunk::{AttributeColumn, AttributeKind, Chunk},
    json,
    table::{ColumnKind, TABLES, Table},
};

/// Attributes that get a column of their own: far more than the instrumentations of one fleet have in common.
const ATTRIBUTE_COLUMNS_MAX: usize = 256;

/// The column of all other attributes.
pub(super) const REST: &str = "attributes_rest";

/// The version of the format that is written, and the newest one that is read.
const FORMAT: u32 = 1;

/// What a column of a file holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// The column of the table at this place.
    Column(usize),
    /// An attribute.
    Attribute(&'a AttributeColumn),
    /// Attributes without a column: JSON for each row of the chunk, empty where there are none.
    Rest(&'a [String]),
}

/// The columns of a file that is to be written.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    chunk: &'a Chunk,
    attributes: Vec<(String, &'a AttributeColumn)>,
    rest: Vec<String>,
}

impl<'a> Layout<'a> {
    pub(super) fn of(chunk: &'a Chunk) -> Self {
        let mut columns: Vec<&AttributeColumn> = chunk.attributes().iter().collect();
        let key = |column: &AttributeColumn| chunk.texts().get(column.key);
        columns.sort_by_key(|it| (std::cmp::Reverse(it.rows.len()), key(it), it.kind));
        let (own, others) = columns.split_at(columns.len().min(ATTRIBUTE_COLUMNS_MAX));
        let mut names = BTreeSet::new();
        let mut attributes = Vec::new();
        for column in own {
            let mut name = format!("attributes.{}", key(column));
            if names.contains(&name) {
                name = format!("{name}:{}", kind_name(column.kind));
            }
            while !names.insert(name.clone()) {
                name.push('\'');
            }
            attributes.push((name, *column));
        }
        let rest = if others.is_empty() { Vec::new() } else { rest(chunk, others) };
        Self { chunk, attributes, rest }
    }

    /// What each column of the file holds.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let columns = (0..self.chunk.table().columns.len()).map(Source::Column);
        let attributes = self.attributes.iter().map(|(_, column)| Source::Attribute(column));
        let rest = (!self.rest.is_empty()).then_some(Source::Rest(&self.rest));
        columns.chain(attributes).chain(rest)
    }

    /// Whether the column at this place is looked up by value.
    pub(super) fn is_looked_up(&self, place: usize) -> bool {
        self.chunk.table().trace == Some(place)
    }

    pub(super) fn schema(&self) -> TypePtr {
        let table = self.chunk.table();
        let columns = table.columns.iter().map(|it| column_type(it.name, it.kind));
        let attributes = self.attributes.iter().map(|(name, it)| attribute_type(name, it.kind));
        let rest = (!self.rest.is_empty()).then(|| attribute_type(REST, AttributeKind::Json));
        let fields = columns.chain(attributes).chain(rest).map(Arc::new).collect();
        let schema = Type::group_type_builder(table.name).with_fields(fields).build();
        Arc::new(schema.expect("names and types of columns are fixed above"))
    }

    /// What a reader needs beyond the schema.
    pub(super) fn metadata(&self, labels: &[(&str, String)]) -> Vec<KeyValue> {
        let attributes: Vec<Json> = self
            .attributes
            .iter()
            .map(|(name, column)| {
                json!([name, self.chunk.texts().get(column.key), kind_name(column.kind)])
            })
            .collect();
        let own = [
            ("taut.format", FORMAT.to_string()),
            ("taut.table", self.chunk.table().name.to_owned()),
            ("taut.attributes", Json::Array(attributes).to_string()),
            (tail::LABEL, tail::BLANK.to_owned()),
        ];
        let pairs = own.into_iter().chain(labels.iter().cloned());
        pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
    }
}

/// The attributes of `columns` as one JSON object for each row.
fn rest(chunk: &Chunk, columns: &[&AttributeColumn]) -> Vec<String> {
    let mut objects: Vec<Map<String, Json>> = vec![Map::new(); chunk.rows()];
    for column in columns {
        let key = chunk.texts().get(column.key);
        for (row, bits) in column.rows.iter().zip(&column.values) {
            let value = json::value(&column.kind.value(*bits, chunk.texts()));
            objects[*row as usize].entry(key).or_insert(value);
        }
    }
    let line = |object: Map<String, Json>| {
        if object.is_empty() { String::new() } else { Json::Object(object).to_string() }
    };
    objects.into_iter().map(line).collect()
}

fn column_type(name: &str, kind: ColumnKind) -> Type {
    let (physical, repetition, length, logical) = match kind {
        ColumnKind::Text => {
            (PhysicalType::BYTE_ARRAY, Repetition::OPTIONAL, 0, Some(LogicalType::String))
        }
        ColumnKind::Time => {
            let logical = LogicalType::timestamp(true, TimeUnit::NANOS);
            (PhysicalType::INT64, Repetition::REQUIRED, 0, Some(logical))
        }
        ColumnKind::Whole => (PhysicalType::INT64, Repetition::REQUIRED, 0, None),
        ColumnKind::Number => (PhysicalType::DOUBLE, Repetition::REQUIRED, 0, None),
        ColumnKind::Id16 => (PhysicalType::FIXED_LEN_BYTE_ARRAY, Repetition::OPTIONAL, 16, None),
        ColumnKind::Id8 => (PhysicalType::FIXED_LEN_BYTE_ARRAY, Repetition::OPTIONAL, 8, None),
    };
    primitive(name, physical, repetition, length, logical)
}

fn attribute_type(name: &str, kind: AttributeKind) -> Type {
    let (physical, logical) = match kind {
        AttributeKind::Text | AttributeKind::Json => {
            (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
        }
        AttributeKind::Int => (PhysicalType::INT64, None),
        AttributeKind::Double => (PhysicalType::DOUBLE, None),
        AttributeKind::Bool => (PhysicalType::BOOLEAN, None),
    };
    optional(name, physical, logical)
}

/// A column that need not have a value in each row.
pub(super) fn optional(name: &str, physical: PhysicalType, logical: Option<LogicalType>) -> Type {
    primitive(name, physical, Repetition::OPTIONAL, 0, logical)
}

fn primitive(
    name: &str,
    physical: PhysicalType,
    repetition: Repetition,
    length: i32,
    logical: Option<LogicalType>,
) -> Type {
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_length(length)
        .with_logical_type(logical)
        .build()
        .expect("every type above is one that Parquet has")
}

const KINDS: [(AttributeKind, &str); 5] = [
    (AttributeKind::Text, "text"),
    (AttributeKind::Int, "int"),
    (AttributeKind::Double, "double"),
    (AttributeKind::Bool, "bool"),
    (AttributeKind::Json, "json"),
];

fn kind_name(kind: AttributeKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name)
}

/// An attribute that has a column in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownAttribute {
    pub(super) key: String,
    pub(super) kind: AttributeKind,
    pub(super) column: usize,
}

/// The columns of a file that is read.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) table: &'static Table,
    /// For each column of the table, the column of the file.
    pub(super) columns: Vec<Option<usize>>,
    pub(super) attributes: Vec<KnownAttribute>,
    pub(super) rest: Option<usize>,
}

impl Known {
    pub(super) fn of(file: &FileMetaData) -> Result<Self, BlockError> {
        let foreign = |what: &str| BlockError::Foreign(what.to_owned());
        let pairs = file.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let find = |key: &str| {
            let pair = pairs.iter().find(|pair| pair.key == key)?;
            pair.value.as_deref()
        };
        let format: u32 = find("taut.format")
            .and_then(|format| format.parse().ok())
            .ok_or_else(|| foreign("it does not say `taut.format`"))?;
        if FORMAT < format {
            return Err(BlockError::Newer { found: format, known: FORMAT });
        }
        let name = find("taut.table").unwrap_or_default();
        let table = TABLES.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| BlockError::Foreign(format!("no table `{name}`")))?;
        let schema = file.schema_descr();
        let place = |name: &str| schema.columns().iter().position(|it| it.name() == name);
        let mut attributes = Vec::new();
        let listed: Vec<(String, String, String)> =
            serde_json::from_str(find("taut.attributes").unwrap_or("[]"))
                .map_err(|_cause| foreign("its list of attributes makes no sense"))?;
        for (column, key, kind) in listed {
            let kind = KINDS.iter().find(|(_, name)| *name == kind).map(|(kind, _)| *kind);
            let (Some(kind), Some(column)) = (kind, place(&column)) else {
                return Err(foreign("its list of attributes makes no sense"));
            };
            attributes.push(KnownAttribute { key, kind, column });
        }
        let columns = table.columns.iter().map(|column| place(column.name)).collect();
        Ok(Self { table, columns, attributes, rest: place(REST) })
    }
}
