//! One database, sorted out once so that every detector can look at it cheaply.

use std::{cell::OnceCell, collections::BTreeMap, time::Duration};

use model::{
    IndexSet, Moment, StatementText,
    database::{Database, Index, IndexKey, ServerStatement, Table},
};

use super::SeenPlan;
use crate::{
    Targets,
    plan::{self, PlanLimits, PlanNote},
};

const DAY_SECONDS: f64 = 86_400.0;

/// The least time that rates are extrapolated from, as for requests.
const OBSERVED_MIN: Duration = Duration::from_mins(1);

/// A database as detectors look at it.
#[derive(Debug)]
pub struct DatabaseView<'a> {
    /// All that is known of it.
    pub database: &'a Database,
    /// Indexes that the advisor chose for its statements; `None` if it was not asked.
    pub proposal: Option<&'a IndexSet>,
    /// Plans that were seen.
    pub plans: &'a [SeenPlan<'a>],
    /// By which figures plans are judged.
    pub plan_limits: PlanLimits,
    /// What requests and statements are meant to take.
    pub targets: Targets,
    /// Days that its counters stand for, never less than a minute.
    pub days: f64,
    /// Days since its statistics were reset, at least those of the window: what counters since the reset stand for.
    pub statistics_days: f64,
    /// Time of all its statements within the window, in milliseconds; 0 if statements are not known.
    pub total_millis: f64,
    tables: BTreeMap<u32, &'a Table>,
    named: BTreeMap<String, Option<u32>>,
    indexes: BTreeMap<u32, Vec<&'a Index>>,
    statements: BTreeMap<u32, Vec<&'a ServerStatement>>,
    notes: OnceCell<Vec<Vec<PlanNote>>>,
}

impl<'a> DatabaseView<'a> {
    /// Sorts a database out.
    #[must_use]
    pub fn new(
        database: &'a Database,
        proposal: Option<&'a IndexSet>,
        plans: &'a [SeenPlan<'a>],
        targets: Targets,
    ) -> Self {
        let mut indexes: BTreeMap<u32, Vec<&Index>> = BTreeMap::new();
        for index in &database.indexes {
            indexes.entry(index.table_oid).or_default().push(index);
        }
        let mut named: BTreeMap<String, Option<u32>> = BTreeMap::new();
        for table in &database.tables {
            // A bare name that two schemas have is of neither.
            let bare = named.entry(table.name.name.to_string());
            bare.and_modify(|known| *known = None).or_insert(Some(table.oid));
        }
        for table in &database.tables {
            named.insert(format!("{}.{}", table.name.schema, table.name.name), Some(table.oid));
            if table.name.schema == "public" {
                named.insert(table.name.name.to_string(), Some(table.oid));
            }
        }
        let mut view = Self {
            database,
            proposal,
            plans,
            plan_limits: PlanLimits::default(),
            targets,
            days: days(database),
            statistics_days: statistics_days(database),
            total_millis: database.statements.iter().map(|it| it.runs.total_millis).sum(),
            tables: database.tables.iter().map(|table| (table.oid, table)).collect(),
            named,
            indexes,
            statements: BTreeMap::new(),
            notes: OnceCell::new(),
        };
        for statement in &database.statements {
            let mut oids: Vec<u32> =
                view.tables_of(&statement.text).map(|table| table.oid).collect();
            oids.sort_unstable();
            oids.dedup();
            for oid in oids {
                view.statements.entry(oid).or_default().push(statement);
            }
        }
        view
    }

    /// The table of this oid.
    #[must_use]
    pub fn table(&self, oid: u32) -> Option<&'a Table> {
        self.tables.get(&oid).copied()
    }

    /// The table of this name, as statements write it.
    #[must_use]
    pub fn table_named(&self, name: &str) -> Option<&'a Table> {
        self.table((*self.named.get(name)?)?)
    }

    /// The tables that a statement names, as far as they are known.
    pub fn tables_of(&self, text: &StatementText) -> impl Iterator<Item = &'a Table> {
        text.tables.iter().filter_map(|name| self.table_named(name))
    }

    /// The table that a statement names first.
    #[must_use]
    pub fn first_table(&self, text: &StatementText) -> Option<&'a Table> {
        self.table_named(text.tables.first()?)
    }

    /// What there is to say of each plan, in their order: what is most at stake first.
    pub fn notes(&self) -> &[Vec<PlanNote>] {
        let look = |seen: &SeenPlan<'_>| plan::look(seen.plan, &self.plan_limits);
        self.notes.get_or_init(|| self.plans.iter().map(look).collect())
    }

    /// Indexes of a table.
    #[must_use]
    pub fn indexes_of(&self, table: &Table) -> &[&'a Index] {
        self.indexes.get(&table.oid).map_or(&[], Vec::as_slice)
    }

    /// Statements that name a table, most time first.
    #[must_use]
    pub fn statements_on(&self, table: &Table) -> &[&'a ServerStatement] {
        self.statements.get(&table.oid).map_or(&[], Vec::as_slice)
    }

    /// Statements of applications: not those over catalogs alone.
    pub fn statements(&self) -> impl Iterator<Item = &'a ServerStatement> {
        self.database.statements.iter().filter(|statement| {
            let tables = &statement.text.tables;
            let catalog =
                |name: &str| name.starts_with("pg_") || name.starts_with("information_schema");
            !statement.nested && !tables.is_empty() && !tables.iter().all(|name| catalog(name))
        })
    }

    /// Whether a statement is worth a word: it ran more than once, and takes this share of all database time.
    #[must_use]
    pub fn matters(&self, statement: &ServerStatement, share_min: f64) -> bool {
        2 <= statement.runs.calls && share_min * self.total_millis <= statement.runs.total_millis
    }

    /// How often a day something happened that happened so often within the window.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rates for people")]
    pub fn per_day(&self, count: u64) -> f64 {
        count as f64 / self.days
    }

    /// How often a day something happened that tables, indexes or the server counted so often. After a first look,
    /// those count since a reset of their own, and not since that of the statements.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rates for people")]
    pub fn usage_per_day(&self, count: u64) -> f64 {
        let days = if self.database.since_reset { self.statistics_days } else { self.days };
        count as f64 / days
    }

    /// Hours a day of something that took so many milliseconds within the window.
    #[must_use]
    pub fn hours_per_day(&self, millis: f64) -> f64 {
        millis / 3_600_000.0 / self.days
    }

    /// The share of the time of all statements that so many hours a day are, 0 to 1.
    #[must_use]
    pub fn share_of_hours(&self, hours_per_day: f64) -> f64 {
        let all = self.hours_per_day(self.total_millis);
        if 0.0 < all { (hours_per_day / all).min(1.0) } else { 0.0 }
    }

    /// How often within the window something happened that happens so often a day.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub fn runs_in_window(&self, per_day: f64) -> u64 {
        (per_day * self.days).round() as u64
    }

    /// Rows of a table, by its statistics.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^52")]
    pub fn rows(&self, table: &Table) -> f64 {
        table.rows.unwrap_or(table.usage.live as f64).max(0.0)
    }

    /// Whether a valid index that covers all rows begins with these columns, in any order.
    #[must_use]
    pub fn is_indexed(&self, table: &Table, columns: &[i16]) -> bool {
        self.indexes_of(table).iter().any(|index| {
            let first = index.keys.get(..columns.len()).unwrap_or_default();
            index.valid
                && index.predicate.is_empty()
                && index.method == model::database::IndexMethod::Btree
                && !first.is_empty()
                && columns
                    .iter()
                    .all(|column| first.iter().any(|key| key.key == IndexKey::Column(*column)))
        })
    }

    /// The window in words: `over 31 days`.
    #[must_use]
    pub fn over(&self) -> String {
        over(self.days)
    }

    /// What counters of tables and indexes stand for, in words: `over 31 days`.
    #[must_use]
    pub fn over_usage(&self) -> String {
        over(if self.database.since_reset { self.statistics_days } else { self.days })
    }

    /// The time since the statistics were reset in words: `over 31 days`.
    #[must_use]
    pub fn over_statistics(&self) -> String {
        over(self.statistics_days)
    }

    /// When all this was read.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.database.window.to
    }
}

fn over(days: f64) -> String {
    let hours = days * 24.0;
    if 48.0 <= hours {
        format!("over {days:.0} days")
    } else if 2.0 <= hours {
        format!("over {hours:.0} hours")
    } else {
        format!("over {:.0} min", (hours * 60.0).max(1.0))
    }
}

/// Days since the statistics of tables were reset; where that is not known, at least since the server started.
fn statistics_days(database: &Database) -> f64 {
    let since = |moment: Moment| {
        database.window.to.since(moment).max(OBSERVED_MIN).as_secs_f64() / DAY_SECONDS
    };
    let (reset, started) = (database.server.statistics_reset, database.server.started);
    if reset != Moment::default() {
        since(reset)
    } else if started != Moment::default() {
        since(started).max(days(database))
    } else {
        days(database)
    }
}

/// Days that the counters stand for. A reset that is not known was before the server started.
fn days(database: &Database) -> f64 {
    let window = database.window;
    let unknown = window.from == Moment::default();
    let from = if unknown { database.server.started } else { window.from };
    window.to.since(from).max(OBSERVED_MIN).as_secs_f64() / DAY_SECONDS
}
