//! What an index costs those who write to its table, and how long its build takes.
//!
//! Each row that is inserted, or updated without HOT, puts an entry into every index whose predicate it meets. That
//! entry costs processor time (to find its page and put it there) and write-ahead log: a record, its share of page
//! splits, and an image of each page that is touched for the first time after a checkpoint. The shares follow
//! from where new keys go ([`super::size`]); the prices are [`Calibration`]: defaults measured by
//! `cargo xtask bench advisor`, or those of the server itself.

use model::{
    WriteCost,
    database::{IndexKey, IndexMethod, NewIndex, Table},
};

use super::size::{self, PAGE_BYTES, Profile, precise};

/// What single steps cost on a server, and how often it makes a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Forming an entry, logging it and putting it where the last one went, in microseconds.
    pub entry_micros: f64,
    /// One comparison on the way down from the root, in microseconds.
    pub comparison_micros: f64,
    /// One comparison of texts or of `numeric`, beyond that.
    pub slow_comparison_micros: f64,
    /// Touching a page that no cache of the processor holds, in microseconds.
    pub miss_micros: f64,
    /// Copying a page into the log, in microseconds.
    pub image_micros: f64,
    /// Reading a page of the table to build an index, in microseconds.
    pub scan_page_micros: f64,
    /// Sorting: microseconds a row and comparison.
    pub sort_micros: f64,
    /// Writing a page of a new index, in microseconds.
    pub write_page_micros: f64,
    /// Rows that go into the table from one checkpoint to the next.
    pub inserts_between_checkpoints: f64,
    /// `full_page_writes` is on.
    pub page_images: bool,
}

impl Default for Calibration {
    /// As measured on a virtual machine (AMD EPYC, PostgreSQL 15); 5 minutes of 100 rows a second between
    /// checkpoints.
    fn default() -> Self {
        Self {
            entry_micros: 0.3,
            comparison_micros: 0.025,
            slow_comparison_micros: 0.03,
            miss_micros: 2.8,
            image_micros: 3.0,
            scan_page_micros: 5.0,
            sort_micros: 0.01,
            write_page_micros: 10.0,
            inserts_between_checkpoints: 30_000.0,
            page_images: true,
        }
    }
}

/// What an entry of four kinds of index took on a server, beyond the same rows without an index, in microseconds;
/// and the build of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probes {
    /// Rows of each table when it was measured.
    pub rows: f64,
    /// `(ascending)`
    pub ascending: f64,
    /// `(five values, ascending)`
    pub few_places: f64,
    /// `(random integer)`
    pub random: f64,
    /// `(random text)`
    pub random_text: f64,
    /// Seconds of `CREATE INDEX` on the random integers.
    pub build_seconds: f64,
    /// Pages of its table.
    pub table_pages: f64,
}

impl Calibration {
    /// The prices that explain what was measured; what cannot be measured in a transaction that is rolled back (the
    /// image of a page after a checkpoint) is as much dearer or cheaper as the rest.
    #[must_use]
    pub fn fitted(probes: &Probes) -> Self {
        let usual = Self::default();
        let steps = probes.rows.max(4.0).log2();
        let positive =
            |value: f64, least: f64| if value.is_finite() { value.max(least) } else { least };
        let entry = positive(probes.ascending, 0.05);
        let comparison = positive((probes.few_places - entry) / steps, 0.002);
        // About 21 bytes an entry on pages that are three quarters full.
        let misses = size::misses(probes.rows * 28.0);
        let miss = positive((probes.random - entry - steps * comparison) / misses.max(0.1), 0.05);
        let slow = positive((probes.random_text - probes.random) / steps, 0.0);
        let usual_random =
            usual.entry_micros + steps * usual.comparison_micros + misses * usual.miss_micros;
        let speed = positive((entry + steps * comparison + misses * miss) / usual_random, 0.05);
        let build = probes.table_pages * usual.scan_page_micros
            + probes.rows * probes.rows.max(2.0).log2() * usual.sort_micros
            + probes.rows / 366.0 * usual.write_page_micros;
        let build = positive(probes.build_seconds * 1e6 / build, 0.05);
        Self {
            entry_micros: entry,
            comparison_micros: comparison,
            slow_comparison_micros: slow,
            miss_micros: miss,
            image_micros: usual.image_micros * speed,
            scan_page_micros: usual.scan_page_micros * build,
            sort_micros: usual.sort_micros * build,
            write_page_micros: usual.write_page_micros * build,
            ..usual
        }
    }
}

/// What each row that is inserted, or updated without HOT, costs on average, those that the predicate leaves out
/// among them. Rates are left at 0: see [`with_rates`].
#[must_use]
pub fn of(
    table: &Table,
    index: &NewIndex,
    selectivity: f64,
    calibration: &Calibration,
) -> WriteCost {
    let share = size::share(selectivity);
    let profile = size::profile(table, index, share);
    if profile.estimate.entries < 1.0 {
        return WriteCost::default();
    }
    let images = images(&profile, share, calibration);
    // Every row is held against the predicate, those that it leaves out too.
    let predicate =
        if index.predicate.is_empty() { 0.0 } else { PREDICATE_SHARE * calibration.entry_micros };
    WriteCost {
        cpu_micros_per_row: predicate + share * entry_micros(index, &profile, images, calibration),
        wal_bytes_per_row: share * entry_wal_bytes(&profile, images),
        ..WriteCost::default()
    }
}

/// Processor time of a predicate against that of an entry at the end of an index; `cargo xtask bench advisor`.
const PREDICATE_SHARE: f64 = 0.2;

/// How often the pages that new entries go to are imaged: images an entry.
fn images(profile: &Profile, share: f64, calibration: &Calibration) -> f64 {
    if !calibration.page_images {
        return 0.0;
    }
    if profile.locality.ascends {
        // New pages need no image: their first contents are in the log anyway.
        return 0.0;
    }
    let entries = (calibration.inserts_between_checkpoints * share).max(1.0);
    let pages = profile.hot_pages();
    // Pages that are met at least once, over entries.
    pages * -(-entries / pages).exp_m1() / entries
}

/// Header of a record (24), of its block (20), of its data (2), the entry's place (2).
const RECORD_BYTES: f64 = 48.0;
/// Each page of the log has a header of its own, 24 bytes.
const LOG_PAGES: f64 = PAGE_BYTES / (PAGE_BYTES - 24.0);

fn entry_wal_bytes(profile: &Profile, images: f64) -> f64 {
    let record = ((RECORD_BYTES + profile.entry_bytes) / 8.0).ceil() * 8.0;
    // A split logs what goes to the right: half a page where keys are random, a tenth at the end of the index.
    let split = (profile.entry_bytes + 4.0) * profile.scatter().mul_add(0.9, 0.1);
    LOG_PAGES * (record + split + images * profile.image_bytes())
}

fn entry_micros(
    index: &NewIndex,
    profile: &Profile,
    images: f64,
    calibration: &Calibration,
) -> f64 {
    let mut micros = calibration.entry_micros + images * calibration.image_micros;
    if profile.locality.ascends && index.method == IndexMethod::Btree {
        return micros;
    }
    let steps = profile.estimate.entries.max(2.0).log2();
    micros += steps * calibration.comparison_micros;
    micros +=
        steps * calibration.slow_comparison_micros * (profile.slow_keys / profile.keys.max(1.0));
    micros + calibration.miss_micros * profile.misses()
}

/// How the table is written to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writes {
    /// Rows a day that are inserted, or updated so that every index gets an entry.
    pub entries_per_day: f64,
    /// Rows a day that are updated without touching an index.
    pub hot_per_day: f64,
    /// Updates: the columns that they set, and how many a day; as far as statements tell.
    pub updates: Vec<(Vec<i16>, f64)>,
}

/// The cost with its rates: rows a day, and updates that would not be HOT any more.
#[must_use]
pub fn with_rates(cost: WriteCost, table: &Table, index: &NewIndex, writes: &Writes) -> WriteCost {
    let lost = hot_lost(table, index, writes);
    WriteCost {
        rows_per_day: writes.entries_per_day + lost,
        hot_updates_lost_per_day: lost,
        ..cost
    }
}

/// HOT updates a day that set a column of the index.
fn hot_lost(table: &Table, index: &NewIndex, writes: &Writes) -> f64 {
    let hot_a_day = writes.hot_per_day;
    if hot_a_day <= 0.0 || index.method == IndexMethod::Brin {
        // A BRIN does not keep an update from being HOT since 16; before, its one entry a block costs little.
        return 0.0;
    }
    let columns = columns_of(table, index);
    let all: f64 = writes.updates.iter().map(|(_, rate)| rate).sum();
    if all <= 0.0 {
        return 0.0;
    }
    let touched = |set: &[i16]| set.iter().any(|column| columns.contains(column));
    let touching: f64 =
        writes.updates.iter().filter(|(set, _)| touched(set)).map(|(_, rate)| rate).sum();
    hot_a_day * (touching / all).clamp(0.0, 1.0)
}

/// Columns that the index reads: keys, `INCLUDE`, and those that its expressions and predicate name.
fn columns_of(table: &Table, index: &NewIndex) -> Vec<i16> {
    let mut columns = index.include.clone();
    let mut texts = vec![index.predicate.as_str()];
    for key in &index.keys {
        match &key.key {
            IndexKey::Column(number) => columns.push(*number),
            IndexKey::Expression(text) => texts.push(text),
        }
    }
    for column in &table.columns {
        if texts.iter().any(|text| size::names(text, &column.name)) {
            columns.push(column.number);
        }
    }
    columns
}

/// Seconds that building the index takes on an idle server, with `CONCURRENTLY`: the table is read twice.
#[must_use]
pub fn build_seconds(
    table: &Table,
    index: &NewIndex,
    selectivity: f64,
    calibration: &Calibration,
) -> f64 {
    let profile = size::profile(table, index, size::share(selectivity));
    let entries = profile.estimate.entries.max(2.0);
    let pages = precise(table.bytes.max(table.pages.saturating_mul(8192))) / PAGE_BYTES;
    let slow = profile.slow_keys / profile.keys.max(1.0);
    let sort = entries * entries.log2() * calibration.sort_micros * (1.0 + 2.0 * slow);
    let write = precise(profile.estimate.bytes) / PAGE_BYTES * calibration.write_page_micros;
    (2.0 * pages * calibration.scan_page_micros + sort + write) / 1e6
}

#[cfg(test)]
mod tests;
