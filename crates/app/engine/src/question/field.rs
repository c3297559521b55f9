//! Names of fields: OpenTelemetry's, to the columns and attributes that hold them.

use store::keep::{
    ColumnKind, LOGS, SPANS, Table,
    query::Field,
    table::{log, metric, span},
};

use super::Wrong;

/// A field, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As it was written.
    pub name: String,
    /// Where it is kept.
    pub field: Field,
    /// What it holds.
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// Nanoseconds.
    Duration,
    /// A point in time, which the window is for.
    Time,
    /// Whole numbers.
    Whole,
    /// Numbers with a fraction, which can be shown and not compared.
    Number,
    /// An id in hexadecimal.
    Id,
    /// Whatever was sent.
    Any,
}

/// Longest name of a field.
const NAME_BYTES_MAX: usize = 200;

/// Names of columns of spans, the one that is told first.
const OF_SPANS: &[(&str, usize)] = &[
    ("service.name", span::SERVICE),
    ("service", span::SERVICE),
    ("name", span::NAME),
    ("kind", span::KIND),
    ("duration", span::DURATION),
    ("status", span::STATUS),
    ("status.message", span::STATUS_MESSAGE),
    ("operation", span::OPERATION),
    ("statement", span::STATEMENT),
    ("trace.id", span::TRACE_ID),
    ("trace_id", span::TRACE_ID),
    ("span.id", span::SPAN_ID),
    ("span_id", span::SPAN_ID),
    ("parent.id", span::PARENT_SPAN_ID),
    ("parent_span_id", span::PARENT_SPAN_ID),
    ("start", span::START),
];

/// The same of log records.
const OF_LOGS: &[(&str, usize)] = &[
    ("service.name", log::SERVICE),
    ("service", log::SERVICE),
    ("severity", log::SEVERITY),
    ("severity.number", log::SEVERITY_NUMBER),
    ("severity_number", log::SEVERITY_NUMBER),
    ("severity.text", log::SEVERITY_TEXT),
    ("body", log::BODY),
    ("message", log::BODY),
    ("event.name", log::EVENT_NAME),
    ("trace.id", log::TRACE_ID),
    ("trace_id", log::TRACE_ID),
    ("span.id", log::SPAN_ID),
    ("span_id", log::SPAN_ID),
    ("time", log::TIME),
];

/// The same of points of metrics.
const OF_METRICS: &[(&str, usize)] = &[
    ("service.name", metric::SERVICE),
    ("service", metric::SERVICE),
    ("name", metric::NAME),
    ("metric.name", metric::NAME),
    ("unit", metric::UNIT),
    ("kind", metric::KIND),
    ("temporality", metric::TEMPORALITY),
    ("value", metric::VALUE),
    ("count", metric::COUNT),
    ("sum", metric::SUM),
    ("min", metric::MIN),
    ("max", metric::MAX),
    ("time", metric::TIME),
];

/// Begins of names that the conventions give to resources: processes, hosts and what they run in.
const OF_RESOURCES: &[&str] = &[
    "service.",
    "telemetry.",
    "host.",
    "os.",
    "process.",
    "container.",
    "k8s.",
    "cloud.",
    "deployment.",
    "device.",
    "faas.",
    "webengine.",
    "aws.ecs.",
];

fn columns(table: &Table) -> &'static [(&'static str, usize)] {
    if table.name == SPANS.name {
        OF_SPANS
    } else if table.name == LOGS.name {
        OF_LOGS
    } else {
        OF_METRICS
    }
}

/// Names of the fields that all rows of a table have, each once. Attributes come beside them.
pub fn fields_of(table: &Table) -> impl Iterator<Item = &'static str> {
    let mut known = Vec::new();
    columns(table).iter().filter_map(move |(name, place)| {
        let is_new = !known.contains(place);
        known.push(*place);
        is_new.then_some(*name)
    })
}

/// The field of that name. `resource.` and `attributes.` before a name say where it is; without them it is a
/// column, an attribute of the resource if the conventions have it there, or else an attribute of the row.
///
/// # Errors
///
/// It is no name.
pub fn named(table: &Table, name: &str, parameter: &'static str) -> Result<Named, Wrong> {
    if name.is_empty() || NAME_BYTES_MAX < name.len() || name.contains(char::is_control) {
        let what = format!("a name has 1 to {NAME_BYTES_MAX} bytes, not {}", name.len());
        return Err(Wrong::new(parameter, what, "name a field: `service.name`, `http.route`"));
    }
    let found = |field, kind| Ok(Named { name: name.to_owned(), field, kind });
    if let Some(key) = name.strip_prefix("attributes.").filter(|key| !key.is_empty()) {
        return found(Field::Attribute(key.into()), FieldKind::Any);
    }
    if let Some(key) = name.strip_prefix("resource.").filter(|key| !key.is_empty()) {
        return found(Field::Resource(key.into()), FieldKind::Any);
    }
    if let Some((_, place)) = columns(table).iter().find(|(known, _)| *known == name) {
        return found(Field::Column(*place), kind(table, *place));
    }
    if OF_RESOURCES.iter().any(|begin| name.starts_with(begin)) {
        return found(Field::Resource(name.into()), FieldKind::Any);
    }
    found(Field::Attribute(name.into()), FieldKind::Any)
}

fn kind(table: &Table, place: usize) -> FieldKind {
    if table.name == SPANS.name && place == span::DURATION {
        return FieldKind::Duration;
    }
    match table.columns[place].kind {
        ColumnKind::Text => FieldKind::Text,
        ColumnKind::Time => FieldKind::Time,
        ColumnKind::Whole => FieldKind::Whole,
        ColumnKind::Number => FieldKind::Number,
        ColumnKind::Id16 | ColumnKind::Id8 => FieldKind::Id,
    }
}

/// How a field is written, for messages and pages: what [`named`] reads.
#[must_use]
pub fn written(table: &Table, field: &Field) -> String {
    match field {
        Field::Column(place) => {
            let known = columns(table).iter().find(|(_, known)| known == place);
            known.map_or(table.columns[*place].name, |(name, _)| *name).to_owned()
        }
        Field::Attribute(key) => prefixed("attributes.", table, key, field),
        Field::Resource(key) => prefixed("resource.", table, key, field),
    }
}

fn prefixed(prefix: &str, table: &Table, key: &str, field: &Field) -> String {
    let plain = named(table, key, "where").is_ok_and(|named| named.field == *field);
    if plain { key.to_owned() } else { format!("{prefix}{key}") }
}

#[cfg(test)]
mod tests {
    use store::keep::{METRICS, TABLES};

    use super::*;

    #[test]
    fn names_find_columns_resources_and_attributes() {
        let of = |table, name| named(table, name, "where").unwrap().field;
        assert_eq!(of(&SPANS, "service.name"), Field::Column(span::SERVICE));
        assert_eq!(of(&SPANS, "duration"), Field::Column(span::DURATION));
        assert_eq!(of(&SPANS, "host.name"), Field::Resource("host.name".into()));
        assert_eq!(of(&SPANS, "http.route"), Field::Attribute("http.route".into()));
        assert_eq!(of(&SPANS, "attributes.name"), Field::Attribute("name".into()));
        assert_eq!(of(&SPANS, "resource.team"), Field::Resource("team".into()));
        assert_eq!(of(&LOGS, "severity"), Field::Column(log::SEVERITY));
        assert_eq!(of(&METRICS, "unit"), Field::Column(metric::UNIT));
        assert!(named(&SPANS, "", "group").is_err());
        assert!(named(&SPANS, &"x".repeat(201), "group").is_err());
    }

    #[test]
    fn a_field_is_written_as_it_is_read() {
        for table in TABLES {
            let names = fields_of(table).map(str::to_owned);
            let more = ["http.route", "host.name", "attributes.name", "resource.team"];
            for name in names.chain(more.map(str::to_owned)) {
                let field = named(table, &name, "where").unwrap().field;
                let again = named(table, &written(table, &field), "where").unwrap().field;
                assert_eq!(again, field, "{name} of {}", table.name);
            }
        }
    }
}
