//! Which rows of which table a clone has: decided before any is read.
//!
//! Small tables come whole. Of the others the same fraction is taken, so that their sizes stay in proportion; a table that
//! refers to one that is sampled follows it: it has the rows whose parents are in the sample, so that a join finds as many
//! partners as before.

use super::{
    CloneOptions,
    source::{Key, Table},
};

/// What one table contributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Its place in the list of tables.
    pub(super) table: usize,
    pub(super) rows: Rows,
    /// What it is expected to have at most; more is cut off.
    pub(super) rows_max: u64,
}

/// Which of its rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rows {
    /// All of them.
    Whole,
    /// A fraction, below 1.
    Sampled(f64),
    /// Those that refer to rows which are taken of another table: a place in the list of keys.
    Following(usize, f64),
}

/// A table follows another that follows another, but not further than this: each step is a join on the source.
const STEPS_MAX: usize = 4;
/// Samples of single rows read the whole table; above this many bytes whole blocks are taken instead.
const ROWS_BYTES_MAX: u64 = 1 << 30;
/// A sample is off by chance, and a table has grown since it was analysed.
const SPARE: f64 = 3.0;
/// A table that was never analysed comes whole up to this many bytes.
const UNKNOWN_BYTES_MAX: u64 = 4 << 20;

/// Decides for all tables; parents come before what follows them.
pub(super) fn plan(tables: &[Table], keys: &[Key], options: &CloneOptions) -> Vec<Part> {
    let fraction = fraction(tables, options);
    let is_whole: Vec<bool> =
        tables.iter().map(|table| fraction >= 1.0 || is_small(table, options)).collect();
    let mut parts = Vec::new();
    let mut drivers: Vec<Option<usize>> = vec![None; tables.len()];
    for (place, table) in tables.iter().enumerate() {
        if !is_whole.get(place).copied().unwrap_or(true) {
            let driver = driver(place, tables, keys, &is_whole, &drivers);
            if let Some(slot) = drivers.get_mut(place) {
                *slot = driver;
            }
        }
        let rows = match (is_whole.get(place), drivers.get(place)) {
            (Some(true), _) => Rows::Whole,
            (_, Some(Some(key))) => Rows::Following(*key, fraction),
            _ => Rows::Sampled(fraction),
        };
        parts.push(Part { table: place, rows, rows_max: rows_max(table, rows, options) });
    }
    parts.sort_by_key(|part| (depth(part.table, keys, &drivers), part.table));
    parts
}

/// What of each large table is taken.
fn fraction(tables: &[Table], options: &CloneOptions) -> f64 {
    if let Some(fraction) = options.fraction {
        return fraction.clamp(0.0, 1.0);
    }
    let sum = |small: bool| -> u64 {
        let of_kind = tables.iter().filter(|table| is_small(table, options) == small);
        of_kind.map(|table| table.bytes).sum()
    };
    let (small, large) = (sum(true), sum(false));
    #[expect(clippy::cast_precision_loss, reason = "a share of bytes")]
    let share = options.bytes_max.saturating_sub(small) as f64 / large.max(1) as f64;
    let longest = tables.iter().filter_map(|table| table.rows).fold(1.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "rows that somebody set as a bound")]
    let rows_share = options.rows_max as f64 / longest;
    share.min(rows_share).clamp(0.0, 1.0)
}

fn is_small(table: &Table, options: &CloneOptions) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "rows that somebody set as a bound")]
    let rows_max = options.whole_rows_max as f64;
    table.rows.map_or(table.bytes <= UNKNOWN_BYTES_MAX, |rows| rows <= rows_max)
}

/// The key whose parent a table follows: the largest that is sampled and does not follow the table itself.
fn driver(
    place: usize,
    tables: &[Table],
    keys: &[Key],
    is_whole: &[bool],
    drivers: &[Option<usize>],
) -> Option<usize> {
    let follows = |mut from: usize| {
        let mut steps = 0;
        while let Some(key) = drivers.get(from).copied().flatten().and_then(|key| keys.get(key)) {
            steps += 1;
            from = key.parent;
            if from == place || steps >= STEPS_MAX {
                return true;
            }
        }
        from == place
    };
    keys.iter()
        .enumerate()
        .filter(|(_, key)| key.child == place && key.parent != place)
        .filter(|(_, key)| !is_whole.get(key.parent).copied().unwrap_or(true))
        .filter(|(_, key)| !follows(key.parent))
        .max_by_key(|(at, key)| {
            (tables.get(key.parent).map_or(0, |parent| parent.bytes), usize::MAX - at)
        })
        .map(|(at, _)| at)
}

/// How many tables it follows, one after the other.
fn depth(mut table: usize, keys: &[Key], drivers: &[Option<usize>]) -> usize {
    let mut steps = 0;
    while let Some(key) = drivers.get(table).copied().flatten().and_then(|key| keys.get(key)) {
        table = key.parent;
        steps += 1;
        if steps > drivers.len() {
            break;
        }
    }
    steps
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a bound on rows, which are fewer than 2^53 and no less than none"
)]
fn rows_max(table: &Table, rows: Rows, options: &CloneOptions) -> u64 {
    let fraction = match rows {
        // What was said to be exact is.
        Rows::Whole if options.fraction == Some(1.0) => return u64::MAX >> 1,
        Rows::Whole => 1.0,
        Rows::Sampled(fraction) | Rows::Following(_, fraction) => fraction,
    };
    // A row of a table that was never analysed has 24 bytes at least.
    let known = table.rows.unwrap_or(table.bytes as f64 / 24.0);
    (known * fraction * SPARE) as u64 + options.whole_rows_max
}

/// The query for a part: what `COPY (…)` takes.
pub(super) fn query(
    part: &Part,
    parts: &[Part],
    tables: &[Table],
    keys: &[Key],
    seed: u32,
) -> Option<String> {
    let table = tables.get(part.table)?;
    let columns = table.columns.join(", ");
    let from = from(part, parts, tables, keys, seed)?;
    Some(format!("select {columns} from {from} limit {}", part.rows_max))
}

/// Rows of a table that follow no row, because what they refer to is null: a sample of them.
pub(super) fn query_of_nulls(
    part: &Part,
    tables: &[Table],
    keys: &[Key],
    seed: u32,
) -> Option<String> {
    let Rows::Following(key, fraction) = part.rows else { return None };
    let key = keys.get(key).filter(|key| key.is_optional)?;
    let table = tables.get(part.table)?;
    let columns = table.columns.join(", ");
    let sampled = sampled(table, fraction, seed);
    let nulls: Vec<String> =
        key.child_columns.iter().map(|column| format!("{column} is null")).collect();
    Some(format!(
        "select {columns} from {sampled} where {} limit {}",
        nulls.join(" or "),
        part.rows_max
    ))
}

/// What stands behind FROM.
fn from(part: &Part, parts: &[Part], tables: &[Table], keys: &[Key], seed: u32) -> Option<String> {
    let table = tables.get(part.table)?;
    match part.rows {
        Rows::Whole => Some(only(table)),
        Rows::Sampled(fraction) => Some(sampled(table, fraction, seed)),
        Rows::Following(key, _) => {
            let key = keys.get(key)?;
            let parent = parts.iter().find(|other| other.table == key.parent)?;
            let below = from(parent, parts, tables, keys, seed)?;
            Some(format!(
                "{} where ({}) in (select {} from {below})",
                only(table),
                key.child_columns.join(", "),
                key.parent_columns.join(", "),
            ))
        }
    }
}

fn sampled(table: &Table, fraction: f64, seed: u32) -> String {
    let method = if table.bytes > ROWS_BYTES_MAX { "system" } else { "bernoulli" };
    format!("{} tablesample {method} ({}) repeatable ({seed})", only(table), fraction * 100.0)
}

/// Without the rows of tables that inherit from it, which are copied themselves; partitions are part of it.
fn only(table: &Table) -> String {
    if table.is_partitioned { table.name.clone() } else { format!("only {}", table.name) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(name: &str, rows: f64) -> Table {
        Table {
            oid: 1,
            name: format!("public.{name}"),
            shown: name.to_owned(),
            rows: Some(rows),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "few rows"
            )]
            bytes: rows as u64 * 100,
            is_partitioned: false,
            columns: vec!["id".to_owned(), "parent".to_owned()],
        }
    }

    fn key(child: usize, parent: usize) -> Key {
        Key {
            child,
            parent,
            child_columns: vec!["parent".to_owned()],
            parent_columns: vec!["id".to_owned()],
            types: vec!["integer".to_owned()],
            is_optional: true,
        }
    }

    fn options(fraction: f64) -> CloneOptions {
        CloneOptions { fraction: Some(fraction), ..CloneOptions::default() }
    }

    #[test]
    fn children_follow_their_parents_and_small_tables_come_whole() {
        let tables = [table("items", 5e6), table("orders", 1e6), table("countries", 200.0)];
        let keys = [key(0, 1), key(1, 2)];
        let parts = plan(&tables, &keys, &options(0.01));
        assert_eq!(parts.iter().map(|part| part.table).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(parts[0].rows, Rows::Sampled(0.01));
        assert_eq!(parts[1].rows, Rows::Whole);
        assert_eq!(parts[2].rows, Rows::Following(0, 0.01));
        assert_eq!(
            query(&parts[2], &parts, &tables, &keys, 7).unwrap(),
            "select id, parent from only public.items where (parent) in (select id from only public.orders \
             tablesample bernoulli (1) repeatable (7)) limit 160000"
        );
        assert!(
            query_of_nulls(&parts[2], &tables, &keys, 7).unwrap().contains("where parent is null")
        );
    }

    #[test]
    fn the_fraction_keeps_to_the_bytes_that_may_be_copied() {
        let tables = [table("a", 1e6), table("b", 100.0)];
        let options = CloneOptions { bytes_max: 10_010_000, ..CloneOptions::default() };
        assert!((fraction(&tables, &options) - 0.1).abs() < 1e-9);
        let options = CloneOptions { rows_max: 50_000, ..CloneOptions::default() };
        assert!((fraction(&tables, &options) - 0.05).abs() < 1e-9);
        assert_eq!(plan(&tables, &[], &CloneOptions::default())[0].rows, Rows::Whole);
    }

    proptest! {
        #[test]
        fn any_keys_give_each_table_once_and_parents_first(
            count in 1_usize..8,
            edges in prop::collection::vec((0_usize..8, 0_usize..8), 0..20),
        ) {
            let tables: Vec<Table> = (0..count).map(|at| table(&format!("t{at}"), 1e6)).collect();
            let keys: Vec<Key> = edges.into_iter().filter(|(a, b)| *a < count && *b < count)
                .map(|(child, parent)| key(child, parent)).collect();
            let parts = plan(&tables, &keys, &options(0.5));
            prop_assert_eq!(parts.len(), count);
            for (at, part) in parts.iter().enumerate() {
                if let Rows::Following(key, _) = part.rows {
                    let parent = parts.iter().position(|other| other.table == keys[key].parent);
                    prop_assert!(parent.unwrap() < at);
                }
                prop_assert!(query(part, &parts, &tables, &keys, 1).is_some());
            }
        }
    }
}
