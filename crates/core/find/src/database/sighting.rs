//! What a detector says of a database.

use std::{fmt, sync::Arc};

use model::{
    DatabaseEvidence, Evidence, Level, Text,
    database::{Column, ServerStatement, Table, TableName},
};

/// A fault that a database's statistics or catalogs show.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseSighting {
    /// Name of the detector: `unused-index`.
    pub fault: &'static str,
    /// Where, in a few words that stay: the table, the statement, the server.
    pub place: String,
    /// What makes two sightings at one place different, and stays from run to run.
    pub cause: String,
    /// The claim in one sentence.
    pub claim: String,
    /// What shows it.
    pub evidence: Evidence,
    /// What it costs.
    pub cost: Cost,
}

/// What a fault of a database costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Runs at fault a day.
    pub runs_per_day: f64,
    /// Milliseconds of a run now.
    pub now_millis: f64,
    /// Milliseconds of a run once the remedy works.
    pub after_millis: f64,
    /// Time that the database works in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// In those hours sessions wait for each other, which is no share of the database's work.
    pub waits: bool,
    /// How bad it is at least, for what is not measured in hours.
    pub least: Level,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            runs_per_day: 0.0,
            now_millis: 0.0,
            after_millis: 0.0,
            database_hours_per_day: 0.0,
            waits: false,
            least: Level::Low,
        }
    }
}

impl Cost {
    /// Of runs that take this long, and would take that long.
    #[must_use]
    pub fn of_runs(runs_per_day: f64, now_millis: f64, after_millis: f64) -> Self {
        let saved = (now_millis - after_millis).max(0.0);
        Self {
            runs_per_day,
            now_millis,
            after_millis: after_millis.min(now_millis),
            database_hours_per_day: runs_per_day * saved / 3_600_000.0,
            ..Self::default()
        }
    }

    /// Of what is measured in hours a day alone.
    #[must_use]
    pub fn of_hours(database_hours_per_day: f64) -> Self {
        // A sum of nothing is minus zero.
        Self { database_hours_per_day: database_hours_per_day + 0.0, ..Self::default() }
    }

    /// Of sessions that wait for each other.
    #[must_use]
    pub fn waiting(self) -> Self {
        Self { waits: true, ..self }
    }

    /// At least this bad.
    #[must_use]
    pub fn at_least(self, least: Level) -> Self {
        Self { least, ..self }
    }
}

impl DatabaseSighting {
    /// A sighting of something at a place, with nothing shown yet.
    #[must_use]
    pub fn new(fault: &'static str, place: &dyn fmt::Display, cause: impl Into<String>) -> Self {
        let database = Some(Box::default());
        Self {
            fault,
            place: place.to_string(),
            cause: cause.into(),
            claim: String::new(),
            evidence: Evidence { database, ..Evidence::default() },
            cost: Cost::default(),
        }
    }

    /// What the database knows of it.
    pub(crate) fn known(&mut self) -> &mut DatabaseEvidence {
        self.evidence.database.get_or_insert_with(Box::default)
    }

    /// Says it in one sentence.
    #[must_use]
    pub(crate) fn claim(mut self, claim: impl Into<String>) -> Self {
        self.claim = claim.into();
        self
    }

    /// What it costs.
    #[must_use]
    pub(crate) fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Is about a table.
    #[must_use]
    pub(crate) fn table(mut self, name: &TableName) -> Self {
        self.known().table = Some(name.clone());
        self
    }

    /// Is about a table, whose columns and key matter.
    #[must_use]
    pub(crate) fn columns(mut self, table: &Table) -> Self {
        let known = self.known();
        known.table = Some(table.name.clone());
        known.columns =
            table.columns.iter().map(|it| (it.name.clone(), mean_width(table, it))).collect();
        let names = table.primary_key.iter().filter_map(|number| table.column(*number));
        known.key = names.map(|column| column.name.clone()).collect();
        self
    }

    /// Is about a statement; it tells which operations run it.
    #[must_use]
    pub(crate) fn statement(mut self, statement: &ServerStatement) -> Self {
        self.evidence.statement = Some(Arc::clone(&statement.text));
        let known = self.known();
        known.query_id = statement.query_id;
        known.generic = Text::from(&*statement.generic);
        known.routes = routes(statement);
        self
    }

    /// A figure with its unit, for people.
    #[must_use]
    pub(crate) fn figure(mut self, label: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.evidence.excerpt.push(format!("{label}: {value}"));
        self.known().figures.push((Text::from(label), value));
        self
    }
}

/// Bytes of a pointer to a value that is kept aside: all that `ANALYZE` counts of such a value.
const POINTER_BYTES: u32 = 18;

/// Bytes of a column's mean value. Long values are kept aside, where `ANALYZE` does not look: what lies there is put
/// down to the columns that are pointers to it, or to the widest of those that could be.
pub(crate) fn mean_width(table: &Table, column: &Column) -> u32 {
    let plain = |column: &Column| {
        let length = || u32::try_from(column.type_length).unwrap_or(0);
        column.statistics.as_ref().map_or_else(length, |statistics| statistics.width)
    };
    let rows = table.rows.unwrap_or_default().max(1.0);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean for people; saturates"
    )]
    let aside = (table.toast_bytes as f64 / rows) as u32;
    let could =
        |it: &&Column| it.type_length < 0 && it.type_category != 'N' && POINTER_BYTES <= plain(it);
    let pointers =
        table.columns.iter().filter(could).filter(|it| plain(it) == POINTER_BYTES).count();
    let is_one = if 0 < pointers {
        could(&column) && plain(column) == POINTER_BYTES
    } else {
        let widest = table.columns.iter().filter(could).max_by_key(|it| (plain(it), it.number));
        widest.is_some_and(|widest| widest.number == column.number)
    };
    // An empty place for long values has a page or two: that tells nothing.
    if is_one && POINTER_BYTES < aside {
        plain(column).saturating_add(aside / u32::try_from(pointers.max(1)).unwrap_or(1))
    } else {
        plain(column)
    }
}

/// Operations that run a statement, with their share of its time.
#[expect(clippy::cast_precision_loss, reason = "shares for people")]
fn routes(statement: &ServerStatement) -> Vec<(model::OperationKey, f64)> {
    let runs = &statement.runs;
    let mut shares: Vec<(model::OperationKey, f64)> = statement
        .routes
        .iter()
        .map(|(key, (calls, millis))| {
            let share = if 0.0 < runs.total_millis && 0.0 < *millis {
                millis / runs.total_millis
            } else {
                *calls as f64 / runs.calls.max(1) as f64
            };
            (key.clone(), share.clamp(0.0, 1.0))
        })
        .collect();
    shares.sort_by(|left, right| right.1.total_cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    shares.truncate(ROUTES_MAX);
    shares
}

/// Operations that are told: those after them run it rarely.
const ROUTES_MAX: usize = 10;
