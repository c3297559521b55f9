//! The seam to another place for what is cold: full segments go there instead of becoming blocks.
//!
//! Whoever is asked gets told which segments the folder answers for itself. They are left out there, so that each
//! row counts once, whatever has been taken over meanwhile. Blocks that the folder had before stay, and are asked as ever.

use std::{collections::BTreeSet, fmt, ops::ControlFlow};

use keep::{
    Chunk, Table,
    query::{Comparison, Differences, Groups, Query, Top},
};
use model::{Moment, TraceId, Window};

use crate::{
    Answered, Keeping, Limits, StoreError,
    clickhouse::{SqlAnswer, SqlError},
};

/// A full segment that is to be taken over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full<'a> {
    pub(crate) segment: u32,
    /// When its first and its last batch were received.
    pub(crate) received: (Moment, Moment),
    pub(crate) rows: &'a Chunk,
}

/// A part of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// Rows whose time is within, of all folders.
    Within(Window),
    /// Rows of this folder that were received then or later.
    ReceivedSince(Moment),
}

/// Another place for what is cold.
pub(crate) trait Cold: fmt::Debug + Send + Sync {
    /// Whether it answers, and lets us in.
    fn answers(&self) -> bool;

    /// Whether all of a segment was taken over, so that it can be dropped here.
    fn holds(&self, table: &'static Table, segment: u32) -> bool;

    /// Says whether what waits to be taken over has reached its bound.
    fn hold_back(&self, is_full: bool);

    /// Whether it has: nothing is taken in then, for nothing that waits may be dropped.
    fn is_held_back(&self) -> bool;

    /// Takes a segment over. Once it returns `Ok`, it is dropped here. If it fails or the process ends, it is given
    /// again; what was taken of it then must not be there twice.
    fn take(&self, full: Full<'_>) -> Result<(), StoreError>;

    /// Groups of all rows but those of the segments `here`.
    fn ask(
        &self,
        query: &Query,
        limits: &Limits,
        here: &[u32],
    ) -> Result<Answered<Groups>, StoreError>;

    /// See [`Cold::ask`].
    fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
        here: &[u32],
    ) -> Result<Answered<Differences>, StoreError>;

    /// The first rows, whole; see [`Cold::ask`].
    fn top(&self, top: &Top, limits: &Limits, here: &[u32]) -> Result<Answered<Chunk>, StoreError>;

    /// See [`crate::Store::sql`].
    fn sql(&self, text: &str, limits: &Limits) -> Result<SqlAnswer, SqlError>;

    /// See [`crate::Store::sql_parquet`].
    fn sql_parquet(&self, text: &str, limits: &Limits) -> Result<Vec<u8>, SqlError>;

    /// Does a piece of thinning; see [`crate::Store::thin`].
    fn thin(
        &self,
        keeping: &Keeping,
        named: &BTreeSet<TraceId>,
        now: Moment,
    ) -> Result<bool, StoreError>;

    /// When the oldest row of a table was received, if others may have gone before.
    fn held_since(&self, table: &'static Table) -> Option<Moment>;

    /// Gives whole rows to `each`, a segment at a time, with when it was received; but those of the segments `here`.
    fn each(
        &self,
        table: &'static Table,
        part: Part,
        here: &[u32],
        each: &mut dyn FnMut(Moment, &Chunk) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// All rows of a trace, whole; see [`Cold::ask`].
    fn of_trace(
        &self,
        table: &'static Table,
        id: TraceId,
        here: &[u32],
    ) -> Result<Answered<Chunk>, StoreError>;
}
