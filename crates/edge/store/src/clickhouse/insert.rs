//! Segments into ClickHouse, each row once.
//!
//! A part of a segment is inserted with a token of folder, table, segment and first row; ClickHouse forgets a token
//! only after thousands of others, and drops what it knows. Before the first part it is asked which rows of the segment it has:
//! a process that was killed goes on where it was, however long ago. The last part that is there is sent again,
//! for what a cluster spreads may be there in half.

use std::{
    hash::{BuildHasher as _, Hasher as _},
    thread,
    time::Duration,
};

use keep::Chunk;

use super::{
    ClickHouse,
    ask::names,
    binary::{self, Origin, Reader, Rows},
    http::Statement,
    quote,
    schema::{FOLDER, ROW, SEGMENT, THINNING, thins},
    trouble::Trouble,
};

/// How long one insert may take.
pub(super) const TIME: Duration = Duration::from_mins(1);

/// Attempts at one part, waits in between doubling from the first: about three seconds. Who calls comes back later.
const ATTEMPTS_MAX: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A full segment of the folder.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Its number.
    pub number: u32,
    /// When its last batch was received, in seconds since 1970.
    pub received_secs: u32,
    /// All of its rows, in the order in which they came.
    pub rows: &'a Chunk,
}

impl Segment<'_> {
    fn origin<'a>(&self, folder: &'a str) -> Origin<'a> {
        let Segment { number, received_secs, .. } = *self;
        Origin { folder, segment: number, received_secs, left: None }
    }
}

impl ClickHouse {
    /// Inserts what is not there yet of a segment. Returns how many rows that were.
    ///
    /// # Errors
    ///
    /// ClickHouse is away, or refuses. What is there by then is known the next time.
    pub fn insert(&self, segment: Segment<'_>) -> Result<usize, Trouble> {
        self.prepare()?;
        self.insert_from(segment, self.first_missing(segment)?)
    }

    /// Inserts all of a segment, whether or not it is there. Rows that are known by their token are dropped there.
    ///
    /// # Errors
    ///
    /// See [`ClickHouse::insert`].
    pub fn insert_all(&self, segment: Segment<'_>) -> Result<usize, Trouble> {
        self.prepare()?;
        self.insert_from(segment, 0)
    }

    fn insert_from(&self, segment: Segment<'_>, from: usize) -> Result<usize, Trouble> {
        self.insert_rows(segment.rows, segment.origin(self.note.folder()), from)
    }

    /// Inserts the rows of a chunk from the one at `from` on, in parts.
    pub(super) fn insert_rows(
        &self,
        chunk: &Chunk,
        origin: Origin<'_>,
        mut from: usize,
    ) -> Result<usize, Trouble> {
        let rows = Rows::new(chunk);
        let mut inserted = 0;
        let mut out = Vec::new();
        while from < chunk.rows() {
            out.clear();
            let range = rows.write_part(&mut out, from, origin);
            self.insert_part(chunk, origin, range.start, &out)?;
            inserted += range.len();
            from = range.end;
        }
        Ok(inserted)
    }

    /// The row to begin with: the first one of the last part that is there, or 0.
    fn first_missing(&self, segment: Segment<'_>) -> Result<usize, Trouble> {
        let of = segment.rows.table();
        if thins(of) && self.is_thinned(segment.number)? {
            // It was moved, a long time ago, and nobody noted it.
            return Ok(segment.rows.rows());
        }
        let table = self.schema.table(of.name);
        let as_it_came = if thins(of) { format!(" AND {THINNING} = 0") } else { String::new() };
        let folder = quote::text(self.note.folder());
        // Rows of earlier parts without a gap: only then are they passed over.
        let sql = format!(
            "SELECT count(), uniqExact({ROW}), toUInt64(max({ROW})) FROM {table} \
             WHERE {FOLDER} = {folder} AND {SEGMENT} = {}{as_it_came} FORMAT RowBinary",
            segment.number
        );
        let action = action(segment.rows);
        let statement = Statement { action, sql: &sql, settings: &[], rows: None, time: TIME };
        let reply = self.attempt(statement)?;
        let mut reader = Reader::new(&reply);
        let mut read = || reader.u64().map_err(|why| self.client.trouble(action, why));
        let (count, distinct, last) = (read()?, read()?, read()?);
        if count == 0 || count != distinct || count != last + 1 {
            return Ok(0);
        }
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        if segment.rows.rows() <= last + 1 && !self.schema.layout.sharded {
            return Ok(segment.rows.rows());
        }
        Ok(last_part(segment, self.note.folder(), last))
    }

    fn insert_part(
        &self,
        chunk: &Chunk,
        origin: Origin<'_>,
        first_row: usize,
        rows: &[u8],
    ) -> Result<(), Trouble> {
        let name = chunk.table().name;
        let sql = format!(
            "INSERT INTO {} ({}) FORMAT RowBinary",
            self.schema.table(name),
            names(&binary::columns(chunk.table(), origin.left))
        );
        let Origin { folder, segment, left, .. } = origin;
        let mut token = format!("{folder}-{name}-{segment}-{first_row}");
        if let Some(left) = left {
            token.push_str(&format!("-{}-{}", left.first_row, left.thinning));
        }
        let settings = [
            // ClickHouse would answer before a batch of its own is on the disk, and split by its own measure.
            ("async_insert", "0"),
            ("insert_deduplicate", "1"),
            ("insert_deduplication_token", token.as_str()),
            ("distributed_foreground_insert", "1"),
            // One part is one block: there as a whole or not at all.
            ("input_format_parallel_parsing", "0"),
        ];
        let statement = Statement {
            action: action(chunk),
            sql: &sql,
            settings: &settings,
            rows: Some(rows),
            time: TIME,
        };
        self.attempt(statement).map(drop)
    }

    /// Tries more than once what may pass.
    pub(super) fn attempt(&self, statement: Statement<'_>) -> Result<Vec<u8>, Trouble> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS_MAX {
            match self.client.run(statement) {
                Ok(reply) => return Ok(reply.body),
                Err(trouble) if trouble.why.passes() => thread::sleep(jittered(wait)),
                Err(trouble) => return Err(trouble),
            }
            wait *= 2;
        }
        self.client.run(statement).map(|reply| reply.body)
    }
}

fn action(chunk: &Chunk) -> &'static str {
    match chunk.table().name {
        "spans" => "insert spans",
        "logs" => "insert log records",
        "minutes" => "insert roll-ups",
        _ => "insert metrics",
    }
}

/// The first row of the part that a row is in; parts are cut by the same rule each time.
fn last_part(segment: Segment<'_>, folder: &str, row: usize) -> usize {
    let rows = Rows::new(segment.rows);
    let origin = segment.origin(folder);
    let mut out = Vec::new();
    let mut from = 0;
    loop {
        out.clear();
        let range = rows.write_part(&mut out, from, origin);
        if range.is_empty() || range.contains(&row) {
            return range.start;
        }
        from = range.end;
    }
}

/// Half of the time to all of it, so that several that wait do not come back together.
fn jittered(wait: Duration) -> Duration {
    let seeded = std::collections::hash_map::RandomState::new();
    let share = u32::try_from(seeded.build_hasher().finish() % 1_000).unwrap_or(0);
    wait / 2 + wait / 2 * share / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_half_of_their_length() {
        let wait = Duration::from_millis(200);
        for _ in 0..100 {
            assert!((wait / 2..=wait).contains(&jittered(wait)));
        }
    }
}
