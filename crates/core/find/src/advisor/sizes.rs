//! What candidates take and cost: bytes, and time of those who write.

use model::{
    StatementKind, WriteCost,
    database::{Database, NewIndex, Table},
};
use sql::TableNeeds;

use super::{
    options::{Options, Sizes},
    pool::Pool,
    rates::Rates,
    size,
    statements::AdvisedStatement,
    write_cost::{self, Writes},
};

/// Share of rows that a comparison keeps of which nothing is known: `DEFAULT_INEQ_SEL` of the planner.
const PREDICATE_SHARE: f64 = 1.0 / 3.0;

/// What is known of each candidate, by its place.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Bytes that count against the budget.
    pub(super) bytes: Vec<u64>,
    /// Milliseconds a day that writers lose, weighed as the options say.
    pub(super) write: Vec<f64>,
    /// Share of rows that the predicate keeps.
    pub(super) share: Vec<f64>,
    /// What it costs writers.
    pub(super) cost: Vec<WriteCost>,
}

/// How the tables of a database are written to.
#[derive(Debug)]
pub(super) struct Writers<'a> {
    database: &'a Database,
    /// Updates of each table: the columns that they set, and how many a day.
    updates: Vec<(&'a TableNeeds, f64)>,
}

impl<'a> Writers<'a> {
    pub(super) fn of(
        database: &'a Database,
        statements: &[AdvisedStatement],
        needs: &'a [Vec<TableNeeds>],
    ) -> Self {
        let updates = statements
            .iter()
            .zip(needs)
            .filter(|(statement, _)| statement.text.kind == StatementKind::Update)
            .filter_map(|(statement, needs)| Some((needs.first()?, statement.calls_per_day)))
            .collect();
        Self { database, updates }
    }

    fn to(&self, table: &Table) -> Writes {
        let updates = self.updates.iter().filter(|(needs, _)| needs.table == table.name);
        let rates = Rates::of(table, self.database);
        Writes {
            entries_per_day: rates.entries,
            hot_per_day: rates.hot,
            updates: updates.map(|(needs, rate)| (needs.sets.clone(), *rate)).collect(),
        }
    }

    pub(super) fn cost(&self, index: &NewIndex, share: f64, options: &Options<'_>) -> WriteCost {
        let Some(table) = table_of(index, self.database) else { return WriteCost::default() };
        let cost = write_cost::of(table, index, share, &options.calibration);
        write_cost::with_rates(cost, table, index, &self.to(table))
    }
}

impl Measured {
    /// Measures the candidates that came since the last time.
    pub(super) fn measure(
        &mut self,
        indexes: &[NewIndex],
        writers: &Writers<'_>,
        pool: &mut Pool<'_>,
        options: &Options<'_>,
    ) {
        for index in indexes.iter().skip(self.bytes.len()) {
            let share = share(index, pool);
            let modelled = || modelled(index, writers.database, share);
            let bytes = match &options.sizes {
                Sizes::Given(size) => size(index),
                Sizes::Planner => pool.costs().bytes(index).unwrap_or_else(modelled),
                Sizes::Model => modelled(),
            };
            let cost = writers.cost(index, share, options);
            self.bytes.push(bytes);
            self.share.push(share);
            self.write.push(millis_per_day(&cost) * options.write_weight);
            self.cost.push(cost);
        }
    }
}

/// Share of the table's rows that the index holds.
pub(super) fn share(index: &NewIndex, pool: &mut Pool<'_>) -> f64 {
    if index.predicate.is_empty() {
        return 1.0;
    }
    pool.costs().selectivity(index).unwrap_or(PREDICATE_SHARE).clamp(0.0, 1.0)
}

pub(super) fn modelled(index: &NewIndex, database: &Database, share: f64) -> u64 {
    table_of(index, database).map_or(0, |table| size::fresh_bytes(table, index, share).bytes)
}

fn millis_per_day(cost: &WriteCost) -> f64 {
    cost.cpu_micros_per_row * cost.rows_per_day / 1000.0
}

fn table_of<'database>(
    index: &NewIndex,
    database: &'database Database,
) -> Option<&'database Table> {
    database.tables.iter().find(|table| table.name == index.table)
}
