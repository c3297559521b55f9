//! How many bytes an index takes, from the catalogs' statistics alone: no planner and no server is asked.
//!
//! A B-tree is counted as `CREATE INDEX` writes it: tuples with their alignment, bitmap of nulls and short headers of
//! varying values; equal keys merged into posting lists (13+) where every key allows it; pages filled to the
//! fill factor; inner levels above them. What the statistics do not tell is assumed and said in
//! [`Estimate::basis`].
//!
//! Source of the rules: PostgreSQL's own documentation of B-trees ("Deduplication", "Storage parameters") and page
//! layout; figures against real indexes: `cargo xtask bench advisor`.

mod distinct;
mod expression;
mod methods;
mod pages;
mod parts;

use model::database::{Index, IndexColumn, IndexMethod, NewIndex, Table};

use self::{
    distinct::Distinct,
    pages::{Group, Pages},
    parts::Part,
};

/// Bytes of a page.
pub(crate) const PAGE_BYTES: f64 = 8192.0;

/// How far random insertions push a B-tree beyond its fresh size: pages that split in halves are about 69 % full
/// where a build fills 90 % (Yao, "On random 2-3 trees", 1978); 1.36 was measured after 45 % of growth.
const GROWTH_RANDOM: f64 = 1.36;

/// What an index is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Bytes when it was just built.
    pub bytes: u64,
    /// Bytes after growth by keys as they come in: random keys leave pages half empty, ascending ones do not.
    pub grown_bytes: u64,
    /// Rows that it has an entry for.
    pub entries: f64,
    /// Pages of its lowest level.
    pub leaf_pages: f64,
    /// How much is known of it.
    pub basis: SizeBasis,
}

/// How well the statistics bear a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SizeBasis {
    /// Widths and numbers of values are known.
    #[default]
    Statistics,
    /// How many combinations of values there are is not known and matters: with extended statistics (`ndistinct`)
    /// on these columns it would be.
    Combinations,
    /// Statistics are missing, or the method or expression is one whose size they do not tell.
    Rough,
}

/// Bytes that `index` takes on `table` once it is built; `selectivity` is the share of rows that its predicate
/// keeps (1 without one).
#[must_use]
pub fn fresh_bytes(table: &Table, index: &NewIndex, selectivity: f64) -> Estimate {
    profile(table, index, selectivity).estimate
}

/// What an index is like to those who write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    pub(crate) estimate: Estimate,
    /// Bytes of an entry, header included, without its line pointer.
    pub(crate) entry_bytes: f64,
    /// Keys that are compared by the rules of a language or digit by digit, not as whole numbers.
    pub(crate) slow_keys: f64,
    /// Keys in all.
    pub(crate) keys: f64,
    /// Where new rows go.
    pub(crate) locality: Locality,
}

impl Profile {
    /// Pages that new entries go to, once the index has grown as it does.
    pub(crate) fn hot_pages(&self) -> f64 {
        let grown = self.estimate.leaf_pages * self.growth();
        self.locality.places.min(grown).max(1.0)
    }

    /// Bytes of a page's image in the log: what it holds, without the hole.
    pub(crate) fn image_bytes(&self) -> f64 {
        60.0 + 0.9 * PAGE_BYTES / self.growth()
    }

    fn growth(&self) -> f64 {
        precise(self.estimate.grown_bytes) / precise(self.estimate.bytes.max(1))
    }

    /// Share of splits that leave two half pages.
    pub(crate) fn scatter(&self) -> f64 {
        self.locality.scatter(self.estimate.leaf_pages)
    }

    /// How much of what an insertion meets lies in no cache of the processor.
    pub(crate) fn misses(&self) -> f64 {
        misses(self.hot_pages() * PAGE_BYTES)
    }
}

/// How much of what is met at random among so many bytes lies in no cache of the processor: nothing where they fit
/// into the nearest, all where they are more than the last one holds.
pub(crate) fn misses(bytes: f64) -> f64 {
    ((bytes / CACHE_NEAR).log2() / (CACHE_FAR / CACHE_NEAR).log2()).clamp(0.0, 1.0)
}

/// A core's own cache, and its share of the last one, in bytes: what servers of these years have.
const CACHE_NEAR: f64 = 262_144.0;
const CACHE_FAR: f64 = 33_554_432.0;

/// A sample of rows, and how often its combinations of some columns' values came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Rows of the table.
    pub rows: f64,
    /// Rows of the sample.
    pub sampled: f64,
    /// Combinations that came at all.
    pub seen: f64,
}

/// How many combinations of these columns' values the table has, for [`Table::distinct_groups`]; `None` if the sample
/// shows no more dependence between them than chance does, so that nothing needs to be known.
#[must_use]
pub fn combinations(table: &Table, columns: &[i16], sample: &Sample) -> Option<f64> {
    let context = parts::Context { table, predicate: "", rows: sample.rows, entries: sample.rows };
    let parts: Vec<Part> =
        columns.iter().map(|number| Part::of_column(*number, &context)).collect();
    distinct::combinations(&parts, sample)
}

/// Whether a predicate or an expression names a column.
pub(crate) fn names(text: &str, column: &str) -> bool {
    expression::word(&text.to_ascii_lowercase(), &column.to_ascii_lowercase())
}

/// The size of an index and what else a write to it hangs on.
pub(crate) fn profile(table: &Table, index: &NewIndex, selectivity: f64) -> Profile {
    let rows = rows(table);
    let shape = Shape {
        table,
        method: &index.method,
        keys: &index.keys,
        include: &index.include,
        predicate: &index.predicate,
        unique: index.unique,
        fill_percent: None,
        rows,
        entries: rows * share(selectivity),
    };
    shape.profile()
}

/// Bytes that a rebuild of an index that is there would leave.
#[must_use]
pub fn fresh_bytes_of(table: &Table, index: &Index) -> Estimate {
    let rows = rows(table);
    let is_full = index.predicate.is_empty();
    let entries = if is_full || index.entries < 0.0 { rows } else { index.entries.min(rows) };
    let shape = Shape {
        table,
        method: &index.method,
        keys: &index.keys,
        include: &index.include,
        predicate: &index.predicate,
        unique: index.unique,
        fill_percent: fill_percent(&index.definition),
        rows,
        entries,
    };
    shape.profile().estimate
}

/// An index, whether it is there or not.
struct Shape<'a> {
    table: &'a Table,
    method: &'a IndexMethod,
    keys: &'a [IndexColumn],
    include: &'a [i16],
    predicate: &'a str,
    unique: bool,
    fill_percent: Option<f64>,
    /// Rows of the table.
    rows: f64,
    /// Rows that the index has an entry for.
    entries: f64,
}

impl Shape<'_> {
    fn profile(&self) -> Profile {
        let context = parts::Context {
            table: self.table,
            predicate: self.predicate,
            rows: self.rows,
            entries: self.entries,
        };
        let keys: Vec<Part> =
            self.keys.iter().map(|key| Part::of_key(&key.key, &context)).collect();
        let include: Vec<Part> =
            self.include.iter().map(|number| Part::of_column(*number, &context)).collect();
        let estimate = match self.method {
            IndexMethod::Btree => self.btree(&keys, &include),
            IndexMethod::Brin => methods::brin(self.table, &keys),
            IndexMethod::Hash => methods::hash(self.entries, &keys, self.fill_percent),
            IndexMethod::Gin => methods::gin(self.entries, &keys),
            IndexMethod::Gist | IndexMethod::Spgist | IndexMethod::Other(_) => {
                methods::gist(self.entries, &keys, &include)
            }
        };
        let is_slow = |part: &&Part| !matches!(part.width, parts::Width::Fixed(..));
        Profile {
            estimate,
            entry_bytes: parts::tuple_bytes(&keys, &include, &parts::NullKeys::default()).mean,
            slow_keys: count(keys.iter().filter(is_slow).count()),
            keys: count(keys.len()),
            locality: Locality::of(&keys, self.entries),
        }
    }

    fn btree(&self, keys: &[Part], include: &[Part]) -> Estimate {
        let distinct = Distinct::of(self.table, self.keys, keys, self.entries);
        let merges =
            include.is_empty() && !self.unique && keys.iter().all(|part| part.deduplicates);
        let mut groups = Vec::new();
        for (share, null_keys) in parts::null_patterns(keys, include) {
            let entries = self.entries * share;
            let base = parts::tuple_bytes(keys, include, &null_keys);
            if !merges {
                groups.push(Group::singles(entries, base));
                continue;
            }
            for cell in distinct.cells(&null_keys, entries) {
                pages::merged(&mut groups, cell.values, cell.entries / cell.values, base);
            }
        }
        let pivot = parts::tuple_bytes(keys, &[], &parts::NullKeys::default());
        let pages = Pages::of(&groups, pivot, self.fill_percent.unwrap_or(90.0));
        let bytes = pages.total() * PAGE_BYTES;
        let locality = Locality::of(keys, self.entries);
        let grown = bytes * (1.0 + (GROWTH_RANDOM - 1.0) * locality.scatter(pages.leaf));
        let all = || keys.iter().chain(include);
        let basis = if all().any(|part| part.rough) {
            SizeBasis::Rough
        } else if merges && distinct.is_guess() {
            SizeBasis::Combinations
        } else {
            SizeBasis::Statistics
        };
        Estimate {
            bytes: whole(bytes),
            grown_bytes: whole(grown),
            entries: self.entries,
            leaf_pages: pages.leaf,
            basis,
        }
    }
}

/// Where in an index new rows go.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Locality {
    /// Places that new entries go to: 1 if keys ascend, as many as there are values of what stands before an
    /// ascending column, infinitely many in effect if keys are random.
    pub(crate) places: f64,
    /// A row that comes next goes to the end of the index.
    pub(crate) ascends: bool,
}

/// From this correlation on a column counts as one that ascends with the rows: 1 but for late arrivals.
const CORRELATION_ASCENDS: f64 = 0.95;

impl Locality {
    fn of(keys: &[Part], entries: f64) -> Self {
        let mut places = 1.0;
        for part in keys {
            if part.constant {
                continue;
            }
            // As many rows a value, and they still arrive in order: a day, not only an instant.
            if part.correlation.is_some_and(|correlation| correlation >= CORRELATION_ASCENDS) {
                break;
            }
            places *= part.distinct.max(1.0);
            if places >= entries {
                break;
            }
        }
        Self { places: places.clamp(1.0, entries.max(1.0)), ascends: places <= 1.0 }
    }

    /// Share of splits that leave two half pages: 1 for random keys, 0 for few places or ascending ones.
    fn scatter(self, leaf_pages: f64) -> f64 {
        if self.ascends || leaf_pages < 2.0 { 0.0 } else { (self.places / leaf_pages).min(1.0) }
    }
}

/// A table has at most 2^32 pages of 291 rows.
const ROWS_MAX: f64 = 1.25e12;

/// Rows of a table: as analysed, else as counted, else as its bytes suggest.
pub(crate) fn rows(table: &Table) -> f64 {
    let counted = precise(table.usage.live);
    match table.rows {
        Some(rows) if rows > 0.0 => rows.min(ROWS_MAX),
        _ if counted > 0.0 => counted,
        _ => {
            let width: f64 = table.columns.iter().map(parts::column_width).sum();
            precise(table.bytes) / (width + 28.0)
        }
    }
}

/// A share between 0 and 1, whatever came in.
pub(crate) fn share(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 1.0 }
}

/// `fillfactor` of `pg_get_indexdef`: `… WITH (fillfactor='70')`.
fn fill_percent(definition: &str) -> Option<f64> {
    let (_, after) = definition.split_once("fillfactor=")?;
    let digits: String =
        after.trim_start_matches('\'').chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|percent| (10.0..=100.0).contains(percent))
}

#[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53")]
pub(crate) fn precise(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float casts to the nearest value that fits"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "an index has at most 32 columns")]
fn count(value: usize) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
