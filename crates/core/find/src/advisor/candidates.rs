//! Indexes that could help: one naming of a table at a time.
//!
//! Columns that are compared for equality come first, those that tell more rows apart before others; then the one
//! range or the order that is asked for. What else is read makes an index covering; conditions that always say the
//! same make it partial. Which of them are worth anything is for a planner to say.

use std::collections::BTreeMap;

use model::database::{
    Column, Database, Index, IndexColumn, IndexKey, IndexMethod, NewIndex, Table,
};
use sql::{ConditionKind, PredicateKind, SortKey, TableNeeds};

use super::{bits::Bits, costs::Costs, options::Options};

/// A sequential scan of so few pages costs less than two random reads: no index is better.
const PAGES_MIN: u64 = 6;
/// Columns that `INCLUDE` may take: more is a copy of the table.
const INCLUDE_MAX: usize = 8;
/// Orders of keys that are tried for one naming of a table, those of equality first.
const SHAPES_MAX: usize = 48;
/// Candidates of one statement: the planner weighs all of them in one plan, in milliseconds.
const OF_STATEMENT_MAX: usize = 400;
/// Ranges of 128 pages that make a BRIN index worth a thought: fewer are the table itself.
const BRIN_PAGES_MIN: u64 = 1_280;
/// Order on disk against order of values that a BRIN index needs to leave ranges out.
const BRIN_CORRELATION_MIN: f64 = 0.9;

/// All candidates, and which of them each statement may want.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) indexes: Vec<NewIndex>,
    pub(super) of_statement: Vec<Bits>,
    /// Those that no planner can be asked about, with the statement that may want them.
    pub(super) beyond: Vec<(usize, NewIndex)>,
    /// Those whose keys hold all that some statement reads of their table.
    pub(super) whole: Bits,
    places: BTreeMap<NewIndex, usize>,
}

/// What is looked at together; simpler indexes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// One or two columns of all rows: what several statements may share.
    Plain,
    /// More columns.
    Wide,
    /// With `INCLUDE`.
    Covering,
    /// Of some rows.
    Partial,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Plain, Self::Wide, Self::Covering, Self::Partial];

    /// The one that an index belongs to.
    pub(super) fn of(index: &NewIndex) -> Self {
        if !index.predicate.is_empty() {
            Self::Partial
        } else if !index.include.is_empty() {
            Self::Covering
        } else if index.keys.len() > 2 {
            Self::Wide
        } else {
            Self::Plain
        }
    }
}

impl Candidates {
    /// The candidate's place; a new one where it is not there yet.
    pub(super) fn place(&mut self, index: NewIndex) -> usize {
        if let Some(place) = self.places.get(&index) {
            return *place;
        }
        self.places.insert(index.clone(), self.indexes.len());
        self.indexes.push(index);
        self.indexes.len() - 1
    }

    /// Those of each statement's needs.
    pub(super) fn of(
        needs: &[Vec<TableNeeds>],
        database: &Database,
        costs: &mut dyn Costs,
        options: &Options<'_>,
    ) -> Self {
        let mut all = Self::default();
        let trigrams = costs.has_extension("pg_trgm");
        for (statement, tables) in needs.iter().enumerate() {
            let mut mine = Bits::default();
            let mut count = 0;
            let mut found: Vec<NewIndex> = Vec::new();
            for needs in tables {
                if let Some(table) = find_table(database, needs) {
                    let indexes = of_table(needs, table, database, options).into_iter();
                    found.extend(indexes.filter(|index| !is_there(index, table, database)));
                }
            }
            // Simple ones are never crowded out by what else is allowed.
            found.sort_by_key(Stage::of);
            for index in found {
                if costs.can_plan(&index) {
                    if count < OF_STATEMENT_MAX {
                        let is_whole = tables.iter().any(|needs| is_whole(&index, needs));
                        let place = all.place(index);
                        mine.insert(place);
                        if is_whole {
                            all.whole.insert(place);
                        }
                        count += 1;
                    }
                } else if trigrams || index.keys.iter().all(|key| key.operator_class != TRIGRAMS) {
                    all.beyond.push((statement, index));
                }
            }
            all.of_statement.push(mine);
        }
        all
    }
}

/// The operator class of `pg_trgm`.
const TRIGRAMS: &str = "gin_trgm_ops";

fn find_table<'database>(
    database: &'database Database,
    needs: &TableNeeds,
) -> Option<&'database Table> {
    let table = database.tables.iter().find(|table| table.name == needs.table)?;
    (PAGES_MIN <= table.pages.max(table.bytes / 8192)).then_some(table)
}

/// Whether an index that is there does all that this one would.
fn is_there(index: &NewIndex, table: &Table, database: &Database) -> bool {
    database.indexes_of(table.oid).any(|known| known.valid && covers(known, index))
}

pub(super) fn covers(known: &Index, index: &NewIndex) -> bool {
    known.method == index.method
        && known.predicate.as_str() == index.predicate
        && known.keys.starts_with(&index.keys)
        && index.include.iter().all(|number| {
            known.include.contains(number)
                || known.keys.iter().any(|key| key.key == IndexKey::Column(*number))
        })
}

/// Whether keys alone answer what is asked of the table.
fn is_whole(index: &NewIndex, needs: &TableNeeds) -> bool {
    let is_key = |number: &i16| index.keys.iter().any(|key| key.key == IndexKey::Column(*number));
    index.table == needs.table
        && index.method == IndexMethod::Btree
        && index.predicate.is_empty()
        && !needs.whole_rows
        && !needs.read.is_empty()
        && needs.read.iter().all(is_key)
}

fn of_table(
    needs: &TableNeeds,
    table: &Table,
    database: &Database,
    options: &Options<'_>,
) -> Vec<NewIndex> {
    // Those of fewer keys, too: who allows three has what who allows two has.
    let mut shapes: Vec<Vec<IndexColumn>> = Vec::new();
    for keys_max in options.keys_max.min(2)..=options.keys_max {
        for keys in self::shapes(needs, table, keys_max) {
            if !shapes.contains(&keys) {
                shapes.push(keys);
            }
        }
    }
    let mut found = Vec::new();
    let mut add = |keys: &[IndexColumn], include: Vec<i16>, predicate: &str| {
        found.push(NewIndex {
            table: table.name.clone(),
            method: IndexMethod::Btree,
            keys: keys.to_vec(),
            include,
            predicate: predicate.to_owned(),
            unique: false,
        });
    };
    for keys in &shapes {
        add(keys, Vec::new(), "");
    }
    if options.covering && !needs.whole_rows {
        for keys in &shapes {
            let rest = rest(needs, keys, &[]);
            if !rest.is_empty() && rest.len() <= INCLUDE_MAX {
                add(keys, rest, "");
            }
        }
    }
    if options.partial {
        for (predicate, columns) in predicates(needs) {
            let fixed = |key: &IndexColumn| matches!(key.key, IndexKey::Column(number) if columns.contains(&number));
            for keys in shapes.iter().filter(|keys| keys.len() <= 2 && !keys.iter().any(fixed)) {
                add(keys, Vec::new(), &predicate);
                let rest = rest(needs, keys, &columns);
                if options.covering
                    && !needs.whole_rows
                    && !rest.is_empty()
                    && rest.len() <= INCLUDE_MAX
                {
                    add(keys, rest, &predicate);
                }
            }
        }
    }
    found.extend(special(needs, table, database));
    found
}

/// Columns that are read and are no keys.
fn rest(needs: &TableNeeds, keys: &[IndexColumn], fixed: &[i16]) -> Vec<i16> {
    let is_key = |number: &i16| keys.iter().any(|key| key.key == IndexKey::Column(*number));
    needs.read.iter().filter(|number| !is_key(number) && !fixed.contains(number)).copied().collect()
}

/// Conditions that always say the same, alone and together, with their columns where they fix a value.
fn predicates(needs: &TableNeeds) -> Vec<(String, Vec<i16>)> {
    // A range moves with time: an index on it would have to be built anew every month.
    let lasting: Vec<_> = needs
        .predicates
        .iter()
        .filter(|predicate| predicate.kind != PredicateKind::Range)
        .collect();
    let mut found: Vec<(String, Vec<i16>)> = lasting
        .iter()
        .map(|predicate| (predicate.sql.clone(), predicate.columns.clone()))
        .collect();
    if lasting.len() > 1 {
        let all: Vec<&str> = lasting.iter().map(|predicate| predicate.sql.as_str()).collect();
        let columns = lasting.iter().flat_map(|predicate| predicate.columns.clone()).collect();
        found.push((all.join(" AND "), columns));
    }
    found
}

/// Orders of keys, the most promising first, each once.
#[expect(clippy::too_many_lines, reason = "one list, whose order is what matters")]
fn shapes(needs: &TableNeeds, table: &Table, keys_max: usize) -> Vec<Vec<IndexColumn>> {
    let rank = |key: &IndexKey| distinct(key, table);
    let of_kind = |kinds: &[ConditionKind]| {
        let mut keys: Vec<IndexKey> = Vec::new();
        for condition in &needs.conditions {
            if kinds.contains(&condition.kind) && !keys.contains(&condition.key) {
                keys.push(condition.key.clone());
            }
        }
        keys.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.cmp(b)));
        keys
    };
    let equal = of_kind(&[ConditionKind::Equal, ConditionKind::In]);
    let range = of_kind(&[ConditionKind::Range]);
    let mut join = needs.joins.clone();
    join.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.cmp(b)));
    let order = normal_order(&needs.order);

    let mut shapes: Vec<Vec<IndexColumn>> = Vec::new();
    let mut add = |keys: Vec<IndexColumn>| {
        let mut kept: Vec<IndexColumn> = Vec::new();
        for key in keys {
            if kept.len() < keys_max && !kept.iter().any(|known| known.key == key.key) {
                kept.push(key);
            }
        }
        if !kept.is_empty() && !shapes.contains(&kept) && shapes.len() < SHAPES_MAX {
            shapes.push(kept);
        }
    };
    let plain = |keys: &[&IndexKey]| keys.iter().map(|key| plain_key(key)).collect::<Vec<_>>();
    let groups: Vec<IndexColumn> = needs.group.iter().map(plain_key).collect();
    for key in equal.iter().chain(&join).chain(&range).chain(&needs.group) {
        add(plain(&[key]));
    }
    let all_equal: Vec<IndexColumn> = equal.iter().map(plain_key).collect();
    let with = |keys: &[IndexColumn], more: &[IndexColumn]| [keys, more].concat();
    add(with(&all_equal, &order));
    add(order.clone());
    add(groups.clone());
    add(with(&all_equal, &groups));
    add(all_equal.clone());
    for last in &range {
        add(with(&all_equal, &[plain_key(last)]));
    }
    for key in &join {
        add(with(&all_equal, &[plain_key(key)]));
        add(with(&[plain_key(key)], &all_equal));
    }
    // Keys that hold all that is read: the table need not be looked at.
    if needs.read.len() <= keys_max && !needs.whole_rows {
        let read: Vec<IndexColumn> =
            needs.read.iter().map(|number| plain_key(&IndexKey::Column(*number))).collect();
        for key in equal.iter().chain(&join).chain(&range).chain(&needs.group) {
            add(with(&[plain_key(key)], &read));
        }
        add(with(&all_equal, &read));
        add(with(&groups, &read));
        add(with(&order, &read));
        add(read);
    }
    for first in equal.iter().chain(&join) {
        for second in equal.iter().chain(&join).chain(&range) {
            add(plain(&[first, second]));
        }
        add(with(&[plain_key(first)], &order));
        add(with(&[plain_key(first)], &groups));
    }
    for first in &join {
        for second in &join {
            for third in equal.iter().chain(&range) {
                add(plain(&[first, second, third]));
            }
        }
    }
    for first in &range {
        for second in join.iter().chain(&range).chain(&equal) {
            add(plain(&[first, second]));
        }
        add(with(&[plain_key(first)], &order));
    }
    shapes
}

/// An index is read both ways: an order that is descending throughout needs no descending keys.
fn normal_order(order: &[SortKey]) -> Vec<IndexColumn> {
    let turn = order.first().is_some_and(|first| first.descending);
    order
        .iter()
        .map(|key| IndexColumn {
            key: key.key.clone(),
            descending: key.descending != turn,
            nulls_first: key.nulls_first != turn,
            ..IndexColumn::default()
        })
        .collect()
}

fn plain_key(key: &IndexKey) -> IndexColumn {
    IndexColumn { key: key.clone(), ..IndexColumn::default() }
}

/// How many values tell rows apart; an expression is taken for one that tells few.
fn distinct(key: &IndexKey, table: &Table) -> f64 {
    let rows = table.rows.unwrap_or(0.0);
    match key {
        IndexKey::Column(number) => column_of(table, *number)
            .and_then(|column| column.statistics.as_ref())
            .map_or(1.0, |statistics| statistics.distinct_in(rows)),
        IndexKey::Expression(_) => 2.0,
    }
}

fn column_of(table: &Table, number: i16) -> Option<&Column> {
    table.column(number)
}

/// Indexes of other methods and operator classes.
fn special(needs: &TableNeeds, table: &Table, database: &Database) -> Vec<NewIndex> {
    let mut found = Vec::new();
    for condition in &needs.conditions {
        let IndexKey::Column(number) = condition.key else { continue };
        let Some(column) = column_of(table, number) else { continue };
        let Some((method, class)) = special_method(condition.kind, column, table, database) else {
            continue;
        };
        found.push(NewIndex {
            table: table.name.clone(),
            method,
            keys: vec![IndexColumn {
                key: condition.key.clone(),
                operator_class: class.into(),
                ..IndexColumn::default()
            }],
            ..NewIndex::default()
        });
    }
    found
}

fn special_method(
    kind: ConditionKind,
    column: &Column,
    table: &Table,
    database: &Database,
) -> Option<(IndexMethod, &'static str)> {
    let type_name = column.type_name.as_str();
    match kind {
        ConditionKind::Prefix if column.type_category == 'S' => {
            let by_bytes = matches!(database.setting("lc_collate"), Some("C" | "POSIX"));
            let padded = type_name.starts_with("character(") || type_name == "character";
            let class = match (by_bytes, padded) {
                (true, _) => "",
                (false, true) => "bpchar_pattern_ops",
                (false, false) => "text_pattern_ops",
            };
            Some((IndexMethod::Btree, class))
        }
        ConditionKind::Pattern if column.type_category == 'S' => Some((IndexMethod::Gin, TRIGRAMS)),
        ConditionKind::Contains if type_name == "jsonb" || column.type_category == 'A' => {
            Some((IndexMethod::Gin, ""))
        }
        ConditionKind::Search if type_name == "tsvector" => Some((IndexMethod::Gin, "")),
        ConditionKind::Range | ConditionKind::Equal => {
            let ordered = column.statistics.as_ref().and_then(|statistics| statistics.correlation);
            let is_ordered = ordered.is_some_and(|order| BRIN_CORRELATION_MIN <= order.abs());
            (is_ordered && BRIN_PAGES_MIN <= table.pages).then_some((IndexMethod::Brin, ""))
        }
        _ => None,
    }
}
