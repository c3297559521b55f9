//! Thinning in ClickHouse: of spans that are older than the time for which all are kept, what stays for long.
//!
//! The same policy as for blocks ([`crate::thin`]), by the same code: columns that decide are read, and what stays is
//! inserted again with its weights. Segments of a folder that were received within an hour are looked at together, with
//! what came within two minutes after. How a segment is counted meanwhile is told in [`super::thinned`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use keep::{
    Chunk, Column, MINUTES, SPANS,
    policy::{
        self, Carried, Decided, Demand, Durations, HOUR_NANOS, MINUTES_READS, Place, SPANS_READS,
        Traces,
    },
    table::{minute, span},
};
use model::{Moment, TraceId};

use super::{
    Bounds, ClickHouse, STATEMENT_BYTES_MAX,
    ask::names,
    binary::{self, Left, Origin, PART_ROWS_MAX, Reader},
    http::Statement,
    note, quote,
    schema::{FOLDER, INSERTED, RECEIVED, ROW, SEGMENT, THINNED, THINNING},
    thinned::{self, Thinned},
    trouble::{Trouble, Why},
};
use crate::{
    Keeping,
    thin::{AHEAD, AHEAD_ROWS_MAX, fullest},
};

/// Rows of segments that are thinned together: as many as a block has at most.
const ROWS_MAX: u64 = 512 << 10;

/// Segments that are thinned together were received within so many seconds.
const SECONDS_MAX: u64 = 3_600;

/// A statement of thinning may take as long: nobody waits for it.
const BOUNDS: Bounds = Bounds { time: Duration::from_mins(10), rows: u64::MAX };

/// Where there is nothing to do, it is looked again only after so long.
const LOOK_EVERY: Duration = Duration::from_mins(1);

const THIN: &str = "thin spans";

/// A segment as it came.
#[derive(Debug, Clone, Copy)]
struct Whole {
    number: u32,
    rows: u64,
    received_secs: u64,
    inserted_secs: u64,
}

/// Rows of a segment, as far as they decide, and the numbers that they have there.
struct Looked {
    segment: Whole,
    chunk: Chunk,
    numbers: Vec<u32>,
}

impl ClickHouse {
    /// Thins some segments of this folder, or drops what was replaced. Returns whether there was something to do.
    pub(crate) fn thin(
        &self,
        keeping: &Keeping,
        named: &BTreeSet<TraceId>,
        now: Moment,
    ) -> Result<bool, Trouble> {
        let mut next_look = crate::disk::lock(&self.next_look);
        if next_look.is_some_and(|at| Instant::now() < at) {
            return Ok(false);
        }
        let did = self.thin_some(keeping, named, now)?;
        *next_look = if did { None } else { Some(Instant::now() + LOOK_EVERY) };
        Ok(did)
    }

    fn thin_some(
        &self,
        keeping: &Keeping,
        named: &BTreeSet<TraceId>,
        now: Moment,
    ) -> Result<bool, Trouble> {
        self.prepare()?;
        let mut own = self.thinned(BOUNDS)?;
        own.retain(|it| it.folder == self.note.folder());
        self.sweep(&own)?;
        let has_dropped = self.drop_replaced(&own)?;
        let due_secs = (now - keeping.all).nanos / 1_000_000_000;
        // First of the old days alone, which mostly says that there is nothing to do.
        if self.whole(&own, due_secs)?.is_empty() {
            return Ok(has_dropped);
        }
        let all = self.whole(&own, u64::MAX)?;
        let Some(count) = together(&all, due_secs) else { return Ok(has_dropped) };
        let (segments, after) = all.split_at(count);
        self.thin_segments(segments, after, keeping, named)?;
        Ok(true)
    }

    /// Segments that are there as they came and were received by then, by their numbers.
    fn whole(&self, own: &[Thinned], until_secs: u64) -> Result<Vec<Whole>, Trouble> {
        let until = until_secs.min(u64::from(u32::MAX));
        let sql = format!(
            "SELECT {SEGMENT}, count(), toUInt64(toUnixTimestamp(max({RECEIVED}))), \
             toUInt64(toUnixTimestamp(max({INSERTED}))) FROM {} \
             WHERE {FOLDER} = {} AND {THINNING} = 0 AND {RECEIVED} <= toDateTime({until}, 'UTC') AND NOT ({}) \
             GROUP BY {SEGMENT} ORDER BY {SEGMENT} FORMAT RowBinary",
            self.schema.table(SPANS.name),
            quote::text(self.note.folder()),
            thinned::segments(own.iter()),
        );
        let reply = self.question(&sql, BOUNDS)?;
        let mut reader = Reader::new(&reply.body);
        let mut all = Vec::new();
        while !reader.is_empty() {
            let mut read = || {
                Ok(Whole {
                    number: reader.u32()?,
                    rows: reader.u64()?,
                    received_secs: reader.u64()?,
                    inserted_secs: reader.u64()?,
                })
            };
            all.push(self.told(read())?);
        }
        Ok(all)
    }

    fn thin_segments(
        &self,
        segments: &[Whole],
        after: &[Whole],
        keeping: &Keeping,
        named: &BTreeSet<TraceId>,
    ) -> Result<(), Trouble> {
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return Ok(()) };
        let looked = |segments: &[Whole]| {
            segments.iter().map(|it| self.look(*it)).collect::<Result<Vec<_>, Trouble>>()
        };
        let (within, ahead) = (looked(segments)?, looked(ahead(last, after))?);
        let hours = hours(within.iter().chain(&ahead).map(|looked| &looked.chunk));
        let demand = self.demand(&hours, keeping)?;
        let is_named = |id| named.contains(&id);
        let mut traces = Traces::default();
        for looked in &within {
            traces.add(&looked.chunk, Place::Within, &demand, &is_named);
        }
        for looked in &ahead {
            traces.add(&looked.chunk, Place::After, &demand, &is_named);
        }
        let before = match first.number.checked_sub(1) {
            Some(before) => self.carried_from(before, BOUNDS)?,
            None => Carried::default(),
        };
        let (decided, carried) = traces.decide(&before);
        drop(traces);
        let thinning = note::made_up_number();
        for looked in &within {
            self.insert_left(looked, &decided, thinning)?;
        }
        let thinned = Thinned {
            folder: self.note.folder().to_owned(),
            first: first.number,
            last: last.number,
            thinning,
            is_dropped: false,
            may_be_dropped: false,
        };
        self.announce(&thinned, &carried.to_text())
    }

    /// The rows of a segment, as far as they decide.
    fn look(&self, segment: Whole) -> Result<Looked, Trouble> {
        let (columns, keys) = &SPANS_READS;
        let sql = format!(
            "SELECT {ROW}, {} FROM {} WHERE {} ORDER BY {ROW} FORMAT RowBinary",
            binary::some_columns(&SPANS, columns, keys).join(", "),
            self.schema.table(SPANS.name),
            self.is_of(segment),
        );
        let reply = self.question(&sql, BOUNDS)?;
        let mut numbers = Vec::new();
        let chunk = binary::read_numbered(&SPANS, &reply.body, |reader| {
            numbers.push(reader.u32()?);
            Ok(())
        });
        Ok(Looked { segment, chunk: self.told(chunk)?, numbers })
    }

    /// Rows of a segment as it came.
    fn is_of(&self, segment: Whole) -> String {
        let folder = quote::text(self.note.folder());
        // By the time, too: so the days that have none are passed over.
        format!(
            "{FOLDER} = {folder} AND {SEGMENT} = {} AND {THINNING} = 0 AND {RECEIVED} <= toDateTime({}, 'UTC')",
            segment.number, segment.received_secs
        )
    }

    /// How busy services were in these hours.
    fn demand(&self, hours: &BTreeSet<u64>, keeping: &Keeping) -> Result<Demand, Trouble> {
        let mut durations = Durations::default();
        for hour in hours {
            durations.add(&self.minutes_of(*hour)?, hours);
        }
        let mut demand = Demand::new(durations.slow(), keeping.quotas);
        for hour in hours {
            demand.add(&self.minutes_of(*hour)?, hours);
        }
        Ok(demand)
    }

    /// What the roll-ups of this folder say of an hour.
    fn minutes_of(&self, hour: u64) -> Result<Chunk, Trouble> {
        let minute = quote::name(MINUTES.columns[minute::MINUTE].name);
        let sql = format!(
            "SELECT {} FROM {} WHERE {FOLDER} = {} AND {minute} >= {hour} AND {minute} < {} FORMAT RowBinary",
            binary::some_columns(&MINUTES, &MINUTES_READS, &[]).join(", "),
            self.schema.table(MINUTES.name),
            quote::text(self.note.folder()),
            hour.saturating_add(HOUR_NANOS),
        );
        let reply = self.question(&sql, BOUNDS)?;
        self.told(binary::read_rows(&MINUTES, &reply.body))
    }

    /// Inserts what is left of a segment.
    fn insert_left(
        &self,
        looked: &Looked,
        decided: &Decided,
        thinning: u64,
    ) -> Result<(), Trouble> {
        let (rows, weights) = decided.rows(&looked.chunk);
        let secs = |secs: u64| u32::try_from(secs).unwrap_or(u32::MAX);
        let mut first_row = 0;
        for (rows, weights) in rows.chunks(PART_ROWS_MAX).zip(weights.chunks(PART_ROWS_MAX)) {
            let numbers: Vec<String> =
                rows.iter().map(|row| looked.numbers[*row as usize].to_string()).collect();
            let sql = format!(
                "SELECT {} FROM {} WHERE {} AND {ROW} IN ({}) ORDER BY {ROW} FORMAT RowBinary",
                names(&binary::whole_columns(&SPANS)),
                self.schema.table(SPANS.name),
                self.is_of(looked.segment),
                numbers.join(","),
            );
            let reply = self.question(&sql, BOUNDS)?;
            let mut chunk = self.told(binary::read_rows(&SPANS, &reply.body))?;
            if chunk.rows() != rows.len() {
                return self.told(Err(Why::Answer("has not the rows that it had")));
            }
            policy::weigh(&mut chunk, weights);
            let origin = Origin {
                folder: self.note.folder(),
                segment: looked.segment.number,
                received_secs: secs(looked.segment.received_secs),
                left: Some(Left {
                    thinning,
                    first_row,
                    inserted_secs: secs(looked.segment.inserted_secs),
                }),
            };
            self.insert_rows(&chunk, origin, 0)?;
            first_row += u32::try_from(rows.len()).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    /// From now on what is left of segments counts in place of their rows as they came.
    fn announce(&self, thinned: &Thinned, carried: &str) -> Result<(), Trouble> {
        let Thinned { folder, first, last, thinning, is_dropped, .. } = thinned;
        let sql = format!(
            "INSERT INTO {} (folder, segment_first, segment_last, thinning, is_dropped, carried) \
             VALUES ({}, {first}, {last}, {thinning}, {}, {})",
            self.schema.table(THINNED),
            quote::text(folder),
            u8::from(*is_dropped),
            quote::text(carried),
        );
        let settings = [
            ("async_insert", "0"),
            ("distributed_foreground_insert", "1"),
            ("max_query_size", STATEMENT_BYTES_MAX),
        ];
        self.change(&sql, &settings)
    }

    fn change(&self, sql: &str, settings: &[(&str, &str)]) -> Result<(), Trouble> {
        let statement = Statement { action: THIN, sql, settings, rows: None, time: BOUNDS.time };
        self.attempt(statement).map(drop)
    }

    /// Drops the rows as they came of segments that were thinned, once no question counts them any more.
    fn drop_replaced(&self, own: &[Thinned]) -> Result<bool, Trouble> {
        let due: Vec<&Thinned> =
            own.iter().filter(|it| !it.is_dropped && it.may_be_dropped).collect();
        if due.is_empty() {
            return Ok(false);
        }
        let which = format!("{THINNING} = 0 AND ({})", thinned::segments(due.iter().copied()));
        let days = self.days_of(&which)?;
        self.change(&self.schema.delete_spans(&which), &[])?;
        for thinned in due {
            self.announce(&Thinned { is_dropped: true, ..thinned.clone() }, "")?;
        }
        // A day of which all is thinned is written anew without what was dropped: once, and not for every hour of it.
        let left = format!("{FOLDER} = {} AND {THINNING} = 0", quote::text(self.note.folder()));
        let left: BTreeSet<String> = self.days_of(&left)?.into_iter().collect();
        for day in days.iter().filter(|day| !left.contains(*day)) {
            self.change(&self.schema.free_day(day), &[])?;
        }
        Ok(true)
    }

    /// The days on which rows were received.
    fn days_of(&self, which: &str) -> Result<Vec<String>, Trouble> {
        let sql = format!(
            "SELECT DISTINCT toString(toDate({RECEIVED})) AS day FROM {} WHERE {which} ORDER BY day FORMAT RowBinary",
            self.schema.table(SPANS.name)
        );
        let reply = self.question(&sql, BOUNDS)?;
        let mut reader = Reader::new(&reply.body);
        let mut days = Vec::new();
        while !reader.is_empty() {
            days.push(self.told(reader.text())?.to_owned());
        }
        Ok(days)
    }

    /// Drops what a crash has left of a thinning that was never announced; looks for it once in the life of a process.
    fn sweep(&self, own: &[Thinned]) -> Result<(), Trouble> {
        let mut is_swept = crate::disk::lock(&self.is_swept);
        if *is_swept {
            return Ok(());
        }
        let known: Vec<String> = std::iter::once("0".to_owned())
            .chain(own.iter().map(|it| it.thinning.to_string()))
            .collect();
        let which = format!(
            "{FOLDER} = {} AND {THINNING} NOT IN ({})",
            quote::text(self.note.folder()),
            known.join(",")
        );
        if !self.days_of(&which)?.is_empty() {
            self.change(&self.schema.delete_spans(&which), &[])?;
        }
        *is_swept = true;
        Ok(())
    }
}

/// How many of the first segments are thinned together now; `None` if it is not time.
///
/// Only numbers without a gap: what is missing may come yet. As many as belong together, so that there are few
/// thinnings: more may come until an hour is over.
fn together(all: &[Whole], due_secs: u64) -> Option<usize> {
    let first = all.first().filter(|first| first.received_secs <= due_secs)?;
    let mut rows = first.rows;
    let mut count = 1;
    for (before, next) in all.iter().zip(all.get(1..)?) {
        rows = rows.saturating_add(next.rows);
        let is_one_of_them = before.number.checked_add(1) == Some(next.number)
            && rows <= ROWS_MAX
            && next.received_secs.saturating_sub(first.received_secs) <= SECONDS_MAX;
        if !is_one_of_them {
            return Some(count);
        }
        if due_secs < next.received_secs {
            break;
        }
        count += 1;
    }
    (first.received_secs + SECONDS_MAX <= due_secs).then_some(count)
}

/// Of the segments after the last, those that may have spans of its traces. One begins when the one before ends.
fn ahead<'a>(last: &Whole, after: &'a [Whole]) -> &'a [Whole] {
    let until = last.received_secs.saturating_add(AHEAD.as_secs());
    let (mut rows, mut begins) = (0, last.received_secs);
    let near = after.iter().take_while(|it| {
        rows += it.rows;
        let is_near = begins <= until && rows <= AHEAD_ROWS_MAX as u64;
        begins = it.received_secs;
        is_near
    });
    let count = near.count();
    after.get(..count).unwrap_or_default()
}

/// The hours in which spans began.
fn hours<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> BTreeSet<u64> {
    let mut rows_of = BTreeMap::<u64, usize>::new();
    for chunk in chunks {
        let Column::Whole(starts) = chunk.column(span::START) else { continue };
        for start in starts {
            *rows_of.entry(start - start % HOUR_NANOS).or_default() += 1;
        }
    }
    fullest(rows_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(number: u32, received_secs: u64) -> Whole {
        Whole { number, rows: 100_000, received_secs, inserted_secs: received_secs }
    }

    #[test]
    fn what_was_received_within_an_hour_is_thinned_together_once_the_hour_is_over() {
        let all = [whole(1, 1_000), whole(2, 2_000), whole(3, 4_000), whole(4, 4_700)];
        assert_eq!(together(&all, 999), None, "not due");
        assert_eq!(together(&all, 2_000), None, "more may belong to it");
        assert_eq!(together(&all, 4_600), Some(3), "the hour is over");
        assert_eq!(together(&all, 9_000), Some(3));
        assert_eq!(together(&all[3..], 9_000), Some(1));
        assert_eq!(together(&[], 9_000), None);
    }

    #[test]
    fn no_gap_is_thinned_over_and_no_more_than_a_block_has() {
        assert_eq!(together(&[whole(1, 0), whole(3, 1)], 9_000), Some(1), "2 may come yet");
        let many: Vec<Whole> = (1..20).map(|number| whole(number, u64::from(number))).collect();
        assert_eq!(together(&many, 9_000), Some(5));
    }

    #[test]
    fn what_came_within_two_minutes_after_is_looked_at_too() {
        let after = [whole(2, 1_100), whole(3, 1_120), whole(4, 1_121), whole(5, 1_200)];
        assert_eq!(ahead(&whole(1, 1_000), &after).len(), 3);
    }
}
