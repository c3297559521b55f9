//! How many rows a day are written to a table, told from however short a time.
//!
//! What comes a few rows at a time (statements of the application) keeps its pace: a window of minutes tells it. What
//! came in bulk, or from where no statement tells, may have come once: within a window shorter than a day it is
//! counted once a day, not as often as the window fits into one. Else a table that was loaded ten minutes ago would
//! seem to be loaded 144 times a day, and no index would ever be worth its upkeep.

use model::{
    StatementKind,
    database::{Database, Table},
};

use super::{size::precise, statements::window_days};

/// Rows of one run from which on it is a load: a hundred times what a page of a form sends.
const BULK_ROWS: f64 = 1_000.0;
/// Days below which what came in bulk is taken to come once a day.
const BULK_DAYS_MIN: f64 = 1.0;
/// A window that tells so little of a day that this is said: an hour.
const WINDOW_DAYS_MIN: f64 = 1.0 / 24.0;

/// Rows that are written to a table, a day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rates {
    /// Inserted, or updated so that each index gets an entry.
    pub(super) entries: f64,
    /// Updated without touching an index.
    pub(super) hot: f64,
    /// Rows of the window that came in bulk.
    pub(super) bulk: f64,
}

impl Rates {
    pub(super) fn of(table: &Table, database: &Database) -> Self {
        let usage = &table.usage;
        let days = window_days(database);
        let (inserted, updated) = (precise(usage.inserted), precise(usage.updated));
        let hot = precise(usage.updated_hot).min(updated);
        let paced = |kind: StatementKind, all: f64| {
            (paced_rows(table, database, kind) / all.max(1.0)).min(1.0)
        };
        let inserts = paced(StatementKind::Insert, inserted);
        let updates = paced(StatementKind::Update, updated);
        let a_day = |rows: f64, paced: f64| {
            rows * paced / days + rows * (1.0 - paced) / days.max(BULK_DAYS_MIN)
        };
        Self {
            entries: a_day(inserted, inserts) + a_day(updated - hot, updates),
            hot: a_day(hot, updates),
            bulk: inserted * (1.0 - inserts) + (updated - hot) * (1.0 - updates),
        }
    }
}

/// Rows that statements wrote to the table a few at a time.
fn paced_rows(table: &Table, database: &Database, kind: StatementKind) -> f64 {
    let name = table.name.to_string();
    let writes = database.statements.iter().filter(|statement| {
        let first = statement.text.tables.first();
        statement.text.kind == kind
            && first.is_some_and(|first| *first == name || *first == table.name.name)
    });
    writes
        .filter(|statement| {
            precise(statement.runs.rows) < BULK_ROWS * precise(statement.runs.calls)
        })
        .map(|statement| precise(statement.runs.rows))
        .sum()
}

/// What a short window leaves open about these tables, for people.
pub(super) fn notes(database: &Database, tables: &[&Table]) -> Vec<String> {
    let days = window_days(database);
    let mut notes = Vec::new();
    if days < WINDOW_DAYS_MIN {
        notes.push(format!(
            "the counters cover {}: what happens a day is scaled up from that, so look again when they cover an hour or more",
            minutes(days)
        ));
    }
    if days < BULK_DAYS_MIN {
        for table in tables {
            let bulk = Rates::of(table, database).bulk;
            if BULK_ROWS <= bulk {
                notes.push(format!(
                    "{bulk:.0} rows came into `{}` in bulk or from unknown statements: taken to come once a day",
                    table.name
                ));
            }
        }
    }
    notes
}

fn minutes(days: f64) -> String {
    let minutes = days * 24.0 * 60.0;
    if minutes < 1.0 { "less than a minute".to_owned() } else { format!("{minutes:.0} minutes") }
}

#[cfg(test)]
mod tests;
