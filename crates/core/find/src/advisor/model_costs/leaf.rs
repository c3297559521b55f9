//! Reading one table by an index: what it costs, by the planner's own formulas over the catalog's statistics.
//!
//! Source of the formulas: PostgreSQL's documentation ("Index cost estimation functions", "Planner cost constants");
//! how far they are from what the planner says of the same index: docs/postgres-advisor.md.

use model::database::{IndexKey, IndexMethod, NewIndex, Table, TableName};
use sql::{ConditionKind, SortKey};

use super::{
    super::size::{self, precise},
    prices::Prices,
};

/// Descending through one page of a tree costs so many operators.
const PAGE_OPERATORS: f64 = 50.0;
/// Entries of an inner page: some 28 bytes each.
const FANOUT: f64 = 256.0;
/// How much less a second key leaves of the order on disk.
const LATER_KEYS: f64 = 0.75;
/// Pages that one entry of a BRIN index sums up.
const BRIN_RANGE: f64 = 128.0;

/// An index that may be read: one that is there, or one that is offered.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) index: NewIndex,
    pub(super) pages: f64,
    pub(super) entries: f64,
    /// Its place in the list that was offered; `None` if it is there.
    pub(super) place: Option<usize>,
    /// What its predicate keeps of the rows.
    pub(super) share: f64,
}

impl Offered {
    pub(super) fn new(index: &NewIndex, table: &Table, share: f64, place: Option<usize>) -> Self {
        let size = size::fresh_bytes(table, index, share);
        Self {
            index: index.clone(),
            pages: (precise(size.bytes) / size::PAGE_BYTES).max(1.0),
            entries: size.entries.max(1.0),
            place,
            share,
        }
    }
}

/// One thing that rows have to pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clause {
    pub(super) keys: Vec<(IndexKey, ConditionKind)>,
    pub(super) alternatives: bool,
    pub(super) values: f64,
    /// Share of the rows that pass.
    pub(super) share: f64,
}

/// A table that is read, and what for.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub(super) table: &'a Table,
    /// The table that indexes are made on: what a partition is of, else the table itself.
    pub(super) whole: TableName,
    pub(super) rows: f64,
    pub(super) pages: f64,
    /// Pages of all tables of the statement, which share the cache.
    pub(super) total_pages: f64,
    pub(super) clauses: Vec<Clause>,
    /// Rows that pass all of them.
    pub(super) passed: f64,
    /// Columns that are read; `None` for all.
    pub(super) read: Option<Vec<i16>>,
    /// Conditions that may stand in the `WHERE` of an index, and their columns.
    pub(super) predicates: Vec<(String, Vec<i16>)>,
    /// Orders that are wanted: the node that sorts, and its keys.
    pub(super) sorts: Vec<(usize, Vec<SortKey>)>,
    /// Texts are compared by their bytes.
    pub(super) by_bytes: bool,
}

/// What reading a table once takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Access {
    pub(super) startup: f64,
    pub(super) total: f64,
    /// The rows come in the order that this node would sort them into.
    pub(super) ordered: Option<usize>,
    /// Places of the offered indexes that it reads.
    pub(super) used: Vec<usize>,
}

/// What an index leaves of a table.
struct Narrowed {
    /// Share of the index's entries that are read.
    entries: f64,
    /// Share of the table's rows that are fetched.
    rows: f64,
    /// Descents through the tree.
    descents: f64,
    /// Clauses that the index answers.
    clauses: f64,
    /// Keys that equal one value.
    fixed: usize,
}

impl Leaf<'_> {
    /// Reading all of it in the order on disk.
    pub(super) fn sequential(&self, prices: &Prices) -> f64 {
        self.pages * prices.seq_page
            + self.rows * (prices.tuple + prices.operator * length(&self.clauses))
    }

    /// All ways to read it by one index, for each of `loops` values of what `joined` compares.
    pub(super) fn by_index(
        &self,
        offered: &Offered,
        joined: &[Clause],
        loops: f64,
        prices: &Prices,
    ) -> Vec<Access> {
        let index = &offered.index;
        let implied = index.predicate.is_empty()
            || self.predicates.iter().any(|(known, _)| *known == index.predicate);
        if !implied || !self.is_of(index) {
            return Vec::new();
        }
        if index.method == IndexMethod::Brin {
            return self.by_ranges(offered, prices).into_iter().collect();
        }
        if index.method != IndexMethod::Btree {
            return Vec::new();
        }
        let narrowed = self.narrowed(offered, joined);
        let ordered = self.order_of(index, &narrowed);
        let covers = self.covers(index);
        let helps = 0.0 < narrowed.clauses || !index.predicate.is_empty();
        if !helps && ordered.is_none() && !covers {
            return Vec::new();
        }
        let entries = self.entry_cost(offered, &narrowed, loops, prices);
        let mut found =
            vec![self.fetched(offered, &narrowed, entries, loops, covers, ordered, prices)];
        if helps && loops <= 1.0 {
            let heap = self.by_pages(narrowed.rows * self.rows, entries.1, prices);
            found.push(Access {
                startup: heap.0,
                total: heap.1,
                ordered: None,
                used: offered.place.into_iter().collect(),
            });
        }
        found
    }

    fn is_of(&self, index: &NewIndex) -> bool {
        index.table == self.table.name || index.table == self.whole
    }

    fn narrowed(&self, offered: &Offered, joined: &[Clause]) -> Narrowed {
        let index = &offered.index;
        let in_predicate: &[i16] = self
            .predicates
            .iter()
            .find(|(known, _)| *known == index.predicate)
            .map_or(&[], |(_, columns)| columns);
        let said = |key: &IndexKey| matches!(key, IndexKey::Column(number) if in_predicate.contains(number));
        let mut narrowed =
            Narrowed { entries: 1.0, rows: offered.share, descents: 1.0, clauses: 0.0, fixed: 0 };
        let mut bounds = true;
        for (place, key) in index.keys.iter().enumerate() {
            let mine: Vec<(&Clause, ConditionKind)> = self
                .clauses
                .iter()
                .chain(joined)
                .filter(|clause| !clause.alternatives)
                .filter_map(|clause| {
                    let (_, kind) = clause.keys.iter().find(|(known, _)| *known == key.key)?;
                    self.serves(*kind, &key.operator_class).then_some((clause, *kind))
                })
                .collect();
            let equal = mine
                .iter()
                .any(|(_, kind)| matches!(kind, ConditionKind::Equal | ConditionKind::In));
            for (clause, _) in &mine {
                narrowed.clauses += 1.0;
                let share = if said(&key.key) { 1.0 } else { clause.share };
                narrowed.rows *= share;
                if bounds {
                    narrowed.entries *= share;
                    narrowed.descents *= clause.values.max(1.0);
                }
            }
            let single = mine.iter().any(|(_, kind)| *kind == ConditionKind::Equal);
            if single && narrowed.fixed == place {
                narrowed.fixed += 1;
            }
            bounds &= equal;
        }
        narrowed
    }

    /// Whether a B-tree of this operator class answers it.
    fn serves(&self, kind: ConditionKind, class: &str) -> bool {
        let patterns = class.ends_with("_pattern_ops");
        match kind {
            ConditionKind::Equal | ConditionKind::In => true,
            ConditionKind::Range => !patterns,
            ConditionKind::Prefix => patterns || self.by_bytes,
            ConditionKind::Pattern | ConditionKind::Contains | ConditionKind::Search => false,
        }
    }

    /// The sort that reading it spares, forwards or backwards.
    fn order_of(&self, index: &NewIndex, narrowed: &Narrowed) -> Option<usize> {
        let fits = |keys: &[SortKey], backwards: bool| {
            let fixed: Vec<&IndexKey> =
                index.keys.iter().take(narrowed.fixed).map(|key| &key.key).collect();
            let wanted: Vec<&SortKey> =
                keys.iter().filter(|key| !fixed.contains(&&key.key)).collect();
            // Keys that are fixed to one value order nothing.
            let free: Vec<_> = index.keys.iter().skip(narrowed.fixed).collect();
            wanted.len() <= free.len()
                && wanted.iter().zip(&free).all(|(want, have)| {
                    want.key == have.key
                        && (want.descending != have.descending) == backwards
                        && (want.nulls_first != have.nulls_first) == backwards
                        && have.operator_class.is_empty()
                })
        };
        let spared = self.sorts.iter().find(|(_, keys)| fits(keys, false) || fits(keys, true));
        spared.map(|(node, _)| *node)
    }

    /// Whether nothing is read that the index has not.
    fn covers(&self, index: &NewIndex) -> bool {
        let has = |number: &i16| {
            index.include.contains(number)
                || index.keys.iter().any(|key| key.key == IndexKey::Column(*number))
        };
        self.read.as_ref().is_some_and(|read| read.iter().all(has))
    }

    /// Reading the entries alone: start and total.
    fn entry_cost(
        &self,
        offered: &Offered,
        narrowed: &Narrowed,
        loops: f64,
        prices: &Prices,
    ) -> (f64, f64) {
        let entries = (narrowed.entries * offered.entries).round().max(1.0);
        let each = (entries / narrowed.descents).round().max(1.0);
        let pages = (each * offered.pages / offered.entries).ceil().max(1.0);
        let scans = narrowed.descents * loops;
        let read = if 1.0 < scans {
            prices.pages_fetched(pages * scans, offered.pages, self.total_pages + offered.pages)
                / loops
        } else {
            pages
        };
        let leaves = (offered.pages / 1.01).max(1.0);
        let height = (leaves.ln() / FANOUT.ln()).ceil().max(0.0);
        let descent = prices.operator
            * (offered.entries.max(2.0).log2().ceil() + (height + 1.0) * PAGE_OPERATORS);
        let total = read * prices.random_page
            + entries * (prices.index_tuple + prices.operator * narrowed.clauses)
            + descent * narrowed.descents;
        (descent, total)
    }

    /// Fetching the rows that the entries name, in the order of the index.
    #[expect(clippy::too_many_arguments, reason = "all that a scan's cost hangs on")]
    fn fetched(
        &self,
        offered: &Offered,
        narrowed: &Narrowed,
        entries: (f64, f64),
        loops: f64,
        covers: bool,
        ordered: Option<usize>,
        prices: &Prices,
    ) -> Access {
        let rows = (narrowed.rows * self.rows).max(1.0);
        let hidden = if covers { 1.0 - self.visible() } else { 1.0 };
        let total_pages = self.total_pages + offered.pages;
        let least = (narrowed.rows * self.pages).ceil().max(1.0);
        let (most, least) = if 1.0 < loops {
            let read = |rows: f64| {
                prices.pages_fetched(rows * loops, self.pages, total_pages) * prices.random_page
                    / loops
            };
            (read(rows) * hidden, read(least) * hidden)
        } else {
            let most = prices.pages_fetched(rows, self.pages, total_pages) * hidden;
            let least = (least * hidden).ceil();
            let first = if 0.0 < least { prices.random_page } else { 0.0 };
            (most * prices.random_page, first + (least - 1.0).max(0.0) * prices.seq_page)
        };
        let order = self.order_on_disk(&offered.index);
        let pages = most + order * order * (least - most);
        let left = (length(&self.clauses) - narrowed.clauses).max(0.0);
        let total = entries.1 + pages + rows * (prices.tuple + prices.operator * left);
        Access {
            startup: entries.0.min(total),
            total,
            ordered,
            used: offered.place.into_iter().collect(),
        }
    }

    /// Order on disk against that of the index, -1 to 1.
    fn order_on_disk(&self, index: &NewIndex) -> f64 {
        let Some(first) = index.keys.first() else { return 0.0 };
        let IndexKey::Column(number) = first.key else { return 0.0 };
        let statistics = self.table.column(number).and_then(|column| column.statistics.as_ref());
        let order = statistics.and_then(|statistics| statistics.correlation).unwrap_or(0.0);
        if 1 < index.keys.len() { order * LATER_KEYS } else { order }
    }

    fn visible(&self) -> f64 {
        (precise(self.table.pages_all_visible) / self.pages.max(1.0)).clamp(0.0, 1.0)
    }

    /// Fetching so many rows page by page, in the order on disk: start and total.
    pub(super) fn by_pages(&self, rows: f64, entries: f64, prices: &Prices) -> (f64, f64) {
        let rows = rows.max(1.0);
        let pages = (2.0 * self.pages * rows / (2.0 * self.pages + rows)).min(self.pages).ceil();
        let page = if 2.0 <= pages {
            prices.random_page
                - (prices.random_page - prices.seq_page) * (pages / self.pages).sqrt()
        } else {
            prices.random_page
        };
        let startup = entries + 0.1 * prices.operator * rows;
        let each = prices.tuple + prices.operator * length(&self.clauses);
        (startup, startup + pages * page + rows * each)
    }

    /// Leaving out ranges of pages by a summary of them.
    fn by_ranges(&self, offered: &Offered, prices: &Prices) -> Option<Access> {
        let key = &offered.index.keys.first()?.key;
        let clauses = self.clauses.iter().filter(|clause| !clause.alternatives);
        let shares = clauses.filter(|clause| {
            clause.keys.iter().any(|(known, kind)| {
                known == key && matches!(kind, ConditionKind::Range | ConditionKind::Equal)
            })
        });
        let shares: Vec<f64> = shares.map(|clause| clause.share).collect();
        let share: f64 = (!shares.is_empty()).then(|| shares.iter().product())?;
        let order = self.order_on_disk(&offered.index).abs().max(0.01);
        let ranges = (self.pages / BRIN_RANGE).ceil().max(1.0);
        let met = ((ranges * share).ceil().max(1.0) / order).min(ranges);
        let rows = met / ranges * self.rows;
        let startup =
            offered.pages * prices.random_page + 0.1 * prices.operator * ranges * BRIN_RANGE;
        let each = prices.tuple + prices.operator * length(&self.clauses);
        let pages = (met * BRIN_RANGE).min(self.pages);
        Some(Access {
            startup,
            total: startup + pages * prices.seq_page + rows * each,
            ordered: None,
            used: offered.place.into_iter().collect(),
        })
    }

    /// All sides of an `OR`, each by an index of its own.
    pub(super) fn by_sides(&self, offered: &[Offered], prices: &Prices) -> Vec<Access> {
        let either = self.clauses.iter().filter(|clause| clause.alternatives);
        let found = either.filter_map(|clause| {
            let share = clause.share / length(&clause.keys).max(1.0);
            let mut used = Vec::new();
            let mut entries = 0.0;
            for (key, kind) in &clause.keys {
                let fits = offered.iter().filter(|one| {
                    one.index.method == IndexMethod::Btree
                        && one.index.predicate.is_empty()
                        && self.is_of(&one.index)
                        && one.index.keys.first().is_some_and(|first| {
                            first.key == *key && self.serves(*kind, &first.operator_class)
                        })
                });
                let narrowed =
                    Narrowed { entries: share, rows: share, descents: 1.0, clauses: 1.0, fixed: 0 };
                let cost = |one: &Offered| self.entry_cost(one, &narrowed, 1.0, prices).1;
                let best = fits.min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
                entries += cost(best);
                used.extend(best.place);
            }
            let (startup, total) = self.by_pages(clause.share * self.rows, entries, prices);
            used.sort_unstable();
            used.dedup();
            (!clause.keys.is_empty()).then_some(Access { startup, total, ordered: None, used })
        });
        found.collect()
    }
}

fn length<T>(list: &[T]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "conditions of one statement")]
    let count = list.len() as f64;
    count
}
