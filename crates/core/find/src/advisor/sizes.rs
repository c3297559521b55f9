//! What candidates take and cost: bytes, and time of those who write.

use model::database::{Database, IndexMethod, NewIndex};

use super::{
    options::{Options, Sizes},
    pool::Pool,
};

/// Of each candidate, by its place.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) bytes: Vec<u64>,
    /// Milliseconds a day that writers lose, weighed as the options say.
    pub(super) write: Vec<f64>,
    /// Share of rows that the predicate keeps.
    pub(super) share: Vec<f64>,
}

impl Measured {
    /// Measures the candidates that came since the last time.
    pub(super) fn measure(
        &mut self,
        indexes: &[NewIndex],
        database: &Database,
        pool: &mut Pool<'_>,
        options: &Options<'_>,
    ) {
        for index in indexes.iter().skip(self.bytes.len()) {
            let share = if index.predicate.is_empty() {
                1.0
            } else {
                pool.costs().selectivity(index).unwrap_or(PREDICATE_SHARE).clamp(0.0, 1.0)
            };
            let bytes = match &options.sizes {
                Sizes::Given(size) => size(index),
                Sizes::Planner => {
                    pool.costs().bytes(index).unwrap_or_else(|| modelled(index, database, share))
                }
                Sizes::Model => modelled(index, database, share),
            };
            self.bytes.push(bytes);
            self.share.push(share);
            self.write.push(0.0);
        }
    }
}

/// Share of rows that a comparison keeps of which nothing is known: `DEFAULT_INEQ_SEL` of the planner.
const PREDICATE_SHARE: f64 = 1.0 / 3.0;

fn modelled(index: &NewIndex, database: &Database, share: f64) -> u64 {
    let Some(table) = database.tables.iter().find(|table| table.name == index.table) else {
        return 0;
    };
    if index.method == IndexMethod::Brin {
        // A summary of 24 bytes or so for 128 pages, and three pages of overhead.
        return 3 * 8192 + table.pages / 128 * 24;
    }
    let rows = table.rows.unwrap_or(0.0) * share;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size, roughly")]
    let bytes = (rows * 16.0) as u64;
    bytes
}
