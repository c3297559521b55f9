//! What autovacuum says of a table: the same in all versions but for a few words.

use std::time::Duration;

use super::event::{number_after, number_before, seconds_after};

/// What was done.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum TableTask {
    /// Dead rows were removed.
    Vacuum,
    /// Statistics were gathered.
    Analyze,
}

/// One run over one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableRun<'a> {
    /// What was done.
    pub task: TableTask,
    /// `database.schema.table`.
    pub table: &'a str,
    /// All pages were read that hold rows not yet frozen.
    pub is_aggressive: bool,
    /// It could not be put off: transaction ids were about to run out.
    pub is_to_prevent_wraparound: bool,
    /// Passes over the indexes.
    pub index_scans: u64,
    /// Pages given back to the system.
    pub pages_removed: u64,
    /// Rows removed.
    pub tuples_removed: u64,
    /// Rows left.
    pub tuples_remain: u64,
    /// Dead rows that some old transaction may still see.
    pub dead_remain: u64,
    /// Pages found in shared buffers.
    pub hits: u64,
    /// Pages read.
    pub misses: u64,
    /// Pages made dirty.
    pub dirtied: u64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// Reads a message of autovacuum.
pub(super) fn run(message: &str) -> Option<TableRun<'_>> {
    let rest = message.strip_prefix("automatic ")?;
    let (head, rest) = rest.split_once(" of table \"")?;
    let (table, rest) = rest.split_once('"')?;
    let task = match head {
        head if head.ends_with("analyze") => TableTask::Analyze,
        head if head.contains("vacuum") => TableTask::Vacuum,
        _ => return None,
    };
    let number = |word| number_before(rest, word).unwrap_or_default();
    // Both are told of pages first, then of rows.
    let tuples = rest.split_once("tuples: ").map_or("", |(_, tuples)| tuples);
    let of_tuples = |word| number_before(tuples, word).unwrap_or_default();
    Some(TableRun {
        task,
        table,
        is_aggressive: head.contains("aggressive"),
        is_to_prevent_wraparound: head.contains("wraparound"),
        index_scans: number_after(rest, "index scans: ").unwrap_or_default(),
        pages_removed: number_after(rest, "pages: ").unwrap_or_default(),
        tuples_removed: of_tuples(" removed"),
        tuples_remain: of_tuples(" remain"),
        dead_remain: of_tuples(" are dead but not yet removable"),
        hits: number(" hits"),
        // Called reads from version 18 on.
        misses: number_before(rest, " misses")
            .or_else(|| number_before(rest, " reads"))
            .unwrap_or(0),
        dirtied: number(" dirtied"),
        wal_bytes: rest
            .split_once("WAL usage: ")
            .and_then(|(_, wal)| number_before(wal, " bytes"))
            .unwrap_or_default(),
        took: seconds_after(rest, "elapsed: ").unwrap_or_default(),
    })
}
