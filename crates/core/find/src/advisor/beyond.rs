//! Indexes that no what-if plan can show the worth of: `HypoPG` knows no GIN, and no plan shows what the server does
//! by itself when a row is deleted that others refer to. A model says what they save; the proposal says so.

use model::{
    StatementKind,
    database::{Database, ForeignKey, Index, IndexColumn, IndexKey, IndexMethod, NewIndex, Table},
};

use super::{
    bits::Bits,
    candidates::Candidates,
    options::Options,
    pool::Pool,
    sizes::modelled,
    statements::{AdvisedStatement, window_days},
};

/// Pages of a table below which a scan of it is nothing.
const PAGES_MIN: u64 = 64;
/// Share of rows that contain something: the planner's own default (`contsel`), 0.001.
const CONTAINED_SHARE: f64 = 0.001;
/// Cost of a random page, of a row, of an operator: the planner's defaults.
const PAGE_COST: f64 = 4.0;
const ROW_COST: f64 = 0.01;
const OPERATOR_COST: f64 = 0.0025;

/// An index whose worth is modelled.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) index: NewIndex,
    pub(super) bytes: u64,
    /// Statements that it helps: place, cost now, cost then.
    pub(super) effects: Vec<(usize, f64, f64)>,
    /// Milliseconds a day that it saves.
    pub(super) saved: f64,
    pub(super) why: String,
}

/// What they are looked for in.
pub(super) struct Beyond<'a> {
    pub(super) database: &'a Database,
    pub(super) statements: &'a [AdvisedStatement],
    pub(super) candidates: &'a Candidates,
    pub(super) chosen: &'a Bits,
    pub(super) options: &'a Options<'a>,
}

impl Beyond<'_> {
    /// Those that are worth their bytes and fit into `room`, what saves most first.
    pub(super) fn extras(&self, room: u64, pool: &Pool<'_>) -> Vec<Extra> {
        let mut found = self.inverted(pool);
        let taken: Vec<&NewIndex> =
            self.chosen.iter().map(|place| &self.candidates.indexes[place]).collect();
        for (key, table, index) in unindexed(self.database) {
            if !taken.iter().any(|known| known.table == table.name && begins_with(known, key)) {
                found.extend(self.of_foreign_key(key, table, index, pool));
            }
        }
        let total: f64 = (0..self.statements.len())
            .map(|statement| pool.at_most(statement, self.chosen) * pool.known[statement].weight)
            .filter(|cost| cost.is_finite())
            .sum();
        let least = total * self.options.gain_min;
        found.retain(|extra| 0.0 < extra.saved && least <= extra.saved);
        found.sort_by(|a, b| b.saved.total_cmp(&a.saved).then_with(|| a.index.cmp(&b.index)));
        let mut room = room;
        let mut left = self.options.indexes_max.saturating_sub(self.chosen.iter().count());
        found.retain(|extra| {
            let fits = extra.bytes <= room && 0 < left;
            if fits {
                room -= extra.bytes;
                left -= 1;
            }
            fits
        });
        found
    }

    fn inverted(&self, pool: &Pool<'_>) -> Vec<Extra> {
        let mut found: Vec<Extra> = Vec::new();
        for (statement, index) in &self.candidates.beyond {
            let mut tables = self.database.tables.iter();
            let Some(table) = tables.find(|table| table.name == index.table) else { continue };
            let now = pool.at_most(*statement, self.chosen);
            // Only where the plan reads the whole table is there something to save.
            if !now.is_finite() || now < scan_cost(table) * 0.9 {
                continue;
            }
            let then = (now - scan_cost(table)).max(0.0) + inverted_cost(table);
            let saved = (now - then).max(0.0) * pool.known[*statement].weight;
            match found.iter_mut().find(|extra| extra.index == *index) {
                Some(extra) => {
                    extra.effects.push((*statement, now, then));
                    extra.saved += saved;
                }
                None => found.push(Extra {
                    index: index.clone(),
                    bytes: modelled(index, self.database, 1.0),
                    effects: vec![(*statement, now, then)],
                    saved,
                    why: MODELLED.to_owned(),
                }),
            }
        }
        found
    }

    /// The server looks for rows that refer to one that goes, each time through the whole table.
    fn of_foreign_key(
        &self,
        key: &ForeignKey,
        table: &Table,
        index: NewIndex,
        pool: &Pool<'_>,
    ) -> Option<Extra> {
        let referenced = self.database.table(key.referenced_oid)?;
        #[expect(clippy::cast_precision_loss, reason = "rows that were deleted within a window")]
        let deleted = referenced.usage.deleted as f64 / window_days(self.database);
        if deleted <= 0.0 {
            return None;
        }
        let name = referenced.name.to_string();
        let deletes = |statement: &AdvisedStatement| {
            statement.text.kind == StatementKind::Delete
                && statement.text.tables.first().is_some_and(|first| *first == name)
        };
        let places = (0..self.statements.len()).filter(|place| deletes(&self.statements[*place]));
        let effects = places
            .map(|place| {
                let now = pool.at_most(place, &Bits::default());
                (place, now + scan_cost(table), now)
            })
            .filter(|(_, now, _)| now.is_finite())
            .collect();
        Some(Extra {
            bytes: modelled(&index, self.database, 1.0),
            index,
            effects,
            saved: deleted * scan_cost(table) * super::MILLIS_OF_COST,
            why: format!(
                "each row deleted from `{name}` makes the server look for rows here that refer to it (`{}`): \
                 without this index through the whole table, {deleted:.0} times a day",
                key.name
            ),
        })
    }
}

/// What is said of an index that no plan was asked about.
const MODELLED: &str =
    "what it saves is estimated by a model: hypothetical plans know no such index; rehearse it";

/// Cost of reading all of a table, as the planner counts.
pub(super) fn scan_cost(table: &Table) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "pages of a table")]
    let pages = table.pages as f64;
    pages + table.rows.unwrap_or(0.0) * (ROW_COST + OPERATOR_COST)
}

/// Cost of finding what contains something by an inverted index.
pub(super) fn inverted_cost(table: &Table) -> f64 {
    let rows = (table.rows.unwrap_or(0.0) * CONTAINED_SHARE).max(1.0);
    // A few pages of the index, then a page of the table for each row.
    6.0 * PAGE_COST + rows * (PAGE_COST + ROW_COST + OPERATOR_COST)
}

/// A foreign key whose table has no index that begins with its columns, and the index that it wants.
pub(super) fn unindexed(
    database: &Database,
) -> impl Iterator<Item = (&ForeignKey, &Table, NewIndex)> {
    database.foreign_keys.iter().filter_map(|key| {
        let table = database.table(key.table_oid).filter(|table| PAGES_MIN <= table.pages)?;
        let has = database.indexes_of(table.oid).any(|index| serves(index, key));
        (!has).then(|| (key, table, wanted(key, table)))
    })
}

/// Whether its first keys are those of the foreign key, in whatever order, for all rows.
fn serves(index: &Index, key: &ForeignKey) -> bool {
    let first: Vec<&IndexColumn> = index.keys.iter().take(key.columns.len()).collect();
    index.valid
        && index.method == IndexMethod::Btree
        && index.predicate.is_empty()
        && key
            .columns
            .iter()
            .all(|column| first.iter().any(|known| known.key == IndexKey::Column(*column)))
}

pub(super) fn begins_with(index: &NewIndex, key: &ForeignKey) -> bool {
    let first: Vec<&IndexColumn> = index.keys.iter().take(key.columns.len()).collect();
    index.method == IndexMethod::Btree
        && index.predicate.is_empty()
        && key
            .columns
            .iter()
            .all(|column| first.iter().any(|known| known.key == IndexKey::Column(*column)))
}

fn wanted(key: &ForeignKey, table: &Table) -> NewIndex {
    let keys = key.columns.iter();
    NewIndex {
        table: table.name.clone(),
        keys: keys
            .map(|column| IndexColumn { key: IndexKey::Column(*column), ..IndexColumn::default() })
            .collect(),
        ..NewIndex::default()
    }
}
