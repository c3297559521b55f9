//! Changes and events as JSON, in shapes of their own: `model` may change its fields, the file may not.

use model::{Change, Moment, Text, database::TableName};
use serde::{Deserialize, Serialize};
use serde_json::Error;

use super::{
    event::{
        Backend, Direction, Event, IndexReading, IndexTarget, Readings, StatementReading, Verdict,
    },
    rehearsal_wire::RehearsalWire,
};

const PLAIN: &str = "texts and numbers always are JSON";

pub(super) fn change_text(change: &Change) -> String {
    let pairs = |pairs: &[(TableName, Text)]| {
        pairs.iter().map(|(table, name)| index_wire(table, name)).collect()
    };
    let wire = ChangeWire {
        database: change.database.to_string(),
        apply: change.apply.clone(),
        revert: change.revert.clone(),
        creates: pairs(&change.creates),
        drops: pairs(&change.drops),
        locks: change.locks.clone(),
    };
    serde_json::to_string(&wire).expect(PLAIN)
}

pub(super) fn change(text: &str) -> Result<Change, Error> {
    let wire: ChangeWire = serde_json::from_str(text)?;
    let pairs = |pairs: Vec<IndexWire>| {
        pairs
            .into_iter()
            .map(|index| (TableName::new(&index.schema, &index.table), Text::from(index.name)))
            .collect()
    };
    Ok(Change {
        database: Text::from(wire.database),
        apply: wire.apply,
        revert: wire.revert,
        creates: pairs(wire.creates),
        drops: pairs(wire.drops),
        locks: wire.locks,
    })
}

pub(super) fn statements_text(statements: &[(i64, String)]) -> String {
    serde_json::to_string(statements).expect(PLAIN)
}

pub(super) fn statements(text: &str) -> Result<Vec<(i64, String)>, Error> {
    serde_json::from_str(text)
}

pub(super) fn event_text(event: &Event) -> String {
    serde_json::to_string(&EventWire::from(event)).expect(PLAIN)
}

pub(super) fn event(text: &str) -> Result<Event, Error> {
    Ok(serde_json::from_str::<EventWire>(text)?.into())
}

#[derive(Serialize, Deserialize)]
struct ChangeWire {
    database: String,
    apply: Vec<String>,
    revert: Vec<String>,
    creates: Vec<IndexWire>,
    drops: Vec<IndexWire>,
    locks: String,
}

#[derive(Serialize, Deserialize)]
struct IndexWire {
    schema: String,
    table: String,
    name: String,
    #[serde(default)]
    definition: String,
    #[serde(default)]
    made: bool,
}

fn index_wire(table: &TableName, name: &str) -> IndexWire {
    IndexWire {
        schema: table.schema.to_string(),
        table: table.name.to_string(),
        name: name.to_owned(),
        definition: String::new(),
        made: false,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum EventWire {
    Proposed,
    Rehearsed {
        report: String,
        #[serde(default)]
        figures: RehearsalWire,
    },
    Started {
        direction: DirectionWire,
        before: ReadingsWire,
    },
    Intended {
        direction: DirectionWire,
        sql: String,
        index: Option<IndexWire>,
        backend: Option<(i32, u64)>,
    },
    Ran {
        intent: i64,
        millis: f64,
        note: String,
    },
    Broke {
        intent: i64,
        why: String,
        left: String,
    },
    Applied {
        baseline: ReadingsWire,
    },
    Measured {
        verdict: VerdictWire,
        after: ReadingsWire,
    },
    Proven {
        verdict: VerdictWire,
        after: ReadingsWire,
    },
    Reverted {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    Failed {
        why: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DirectionWire {
    Apply,
    Revert,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ReadingsWire {
    time_nanos: u64,
    since_nanos: u64,
    statements: Vec<StatementWire>,
    indexes: Vec<(String, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StatementWire {
    query_id: i64,
    text: String,
    calls: u64,
    total_millis: f64,
    square_millis: f64,
    rows: u64,
    blocks: u64,
    wal_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct VerdictWire {
    claim: String,
    lines: Vec<String>,
    worse: Vec<String>,
    #[serde(default)]
    plans: Vec<String>,
}

impl From<&Event> for EventWire {
    fn from(event: &Event) -> Self {
        match event.clone() {
            Event::Proposed => Self::Proposed,
            Event::Rehearsed { report, figures } => {
                Self::Rehearsed { report, figures: figures.into() }
            }
            Event::Started { direction, before } => {
                Self::Started { direction: direction.into(), before: before.into() }
            }
            Event::Intended { direction, sql, index, backend } => Self::Intended {
                direction: direction.into(),
                sql,
                index: index.map(|index| IndexWire {
                    definition: index.definition,
                    made: index.made,
                    ..index_wire(&index.table, &index.name)
                }),
                backend: backend.map(|backend| (backend.pid, backend.started.nanos)),
            },
            Event::Ran { intent, millis, note } => {
                Self::Ran { intent, millis: finite(millis), note }
            }
            Event::Broke { intent, why, left } => Self::Broke { intent, why, left },
            Event::Applied { baseline } => Self::Applied { baseline: baseline.into() },
            Event::Measured { verdict, after } => {
                Self::Measured { verdict: verdict.into(), after: after.into() }
            }
            Event::Proven { verdict, after } => {
                Self::Proven { verdict: verdict.into(), after: after.into() }
            }
            Event::Reverted { because } => Self::Reverted { because },
            Event::Failed { why } => Self::Failed { why },
        }
    }
}

impl From<EventWire> for Event {
    fn from(wire: EventWire) -> Self {
        match wire {
            EventWire::Proposed => Self::Proposed,
            EventWire::Rehearsed { report, figures } => {
                Self::Rehearsed { report, figures: figures.into() }
            }
            EventWire::Started { direction, before } => {
                Self::Started { direction: direction.into(), before: before.into() }
            }
            EventWire::Intended { direction, sql, index, backend } => Self::Intended {
                direction: direction.into(),
                sql,
                index: index.map(|index| IndexTarget {
                    table: TableName::new(&index.schema, &index.table),
                    name: index.name,
                    definition: index.definition,
                    made: index.made,
                }),
                backend: backend.map(|(pid, nanos)| Backend { pid, started: Moment { nanos } }),
            },
            EventWire::Ran { intent, millis, note } => Self::Ran { intent, millis, note },
            EventWire::Broke { intent, why, left } => Self::Broke { intent, why, left },
            EventWire::Applied { baseline } => Self::Applied { baseline: baseline.into() },
            EventWire::Measured { verdict, after } => {
                Self::Measured { verdict: verdict.into(), after: after.into() }
            }
            EventWire::Proven { verdict, after } => {
                Self::Proven { verdict: verdict.into(), after: after.into() }
            }
            EventWire::Reverted { because } => Self::Reverted { because },
            EventWire::Failed { why } => Self::Failed { why },
        }
    }
}

impl From<Direction> for DirectionWire {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Apply => Self::Apply,
            Direction::Revert => Self::Revert,
        }
    }
}

impl From<DirectionWire> for Direction {
    fn from(wire: DirectionWire) -> Self {
        match wire {
            DirectionWire::Apply => Self::Apply,
            DirectionWire::Revert => Self::Revert,
        }
    }
}

impl From<Readings> for ReadingsWire {
    fn from(readings: Readings) -> Self {
        let statement = |reading: StatementReading| StatementWire {
            query_id: reading.query_id,
            text: reading.text,
            calls: reading.calls,
            total_millis: finite(reading.total_millis),
            square_millis: finite(reading.square_millis),
            rows: reading.rows,
            blocks: reading.blocks,
            wal_bytes: reading.wal_bytes,
        };
        Self {
            time_nanos: readings.time.nanos,
            since_nanos: readings.since.nanos,
            statements: readings.statements.into_iter().map(statement).collect(),
            indexes: readings.indexes.into_iter().map(|index| (index.name, index.scans)).collect(),
        }
    }
}

impl From<ReadingsWire> for Readings {
    fn from(wire: ReadingsWire) -> Self {
        let statement = |wire: StatementWire| StatementReading {
            query_id: wire.query_id,
            text: wire.text,
            calls: wire.calls,
            total_millis: wire.total_millis,
            square_millis: wire.square_millis,
            rows: wire.rows,
            blocks: wire.blocks,
            wal_bytes: wire.wal_bytes,
        };
        let index = |(name, scans)| IndexReading { name, scans };
        Self {
            time: Moment { nanos: wire.time_nanos },
            since: Moment { nanos: wire.since_nanos },
            statements: wire.statements.into_iter().map(statement).collect(),
            indexes: wire.indexes.into_iter().map(index).collect(),
        }
    }
}

impl From<Verdict> for VerdictWire {
    fn from(Verdict { claim, lines, worse, plans }: Verdict) -> Self {
        Self { claim, lines, worse, plans }
    }
}

impl From<VerdictWire> for Verdict {
    fn from(VerdictWire { claim, lines, worse, plans }: VerdictWire) -> Self {
        Self { claim, lines, worse, plans }
    }
}

/// JSON has no infinity; a counter that says so is broken.
pub(super) fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_older_versions_wrote_is_read() {
        let because = String::new();
        assert_eq!(event(r#"{"event":"reverted"}"#).unwrap(), Event::Reverted { because });
        let said = Event::Reverted { because: "memory doubled".to_owned() };
        assert_eq!(event(&event_text(&said)).unwrap(), said);
    }
}
