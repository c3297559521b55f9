//! ClickHouse as the place for what is cold.
//!
//! A question that it cannot answer is answered by the folder for what that has, and says what is missing.

use std::{
    collections::BTreeSet, ops::ControlFlow, sync::atomic::Ordering::Relaxed, time::Duration,
};

use keep::{
    Chunk, Table,
    query::{Comparison, Differences, Groups, Query, Top},
};
use model::{Moment, TraceId};

use super::{
    Bounds, ClickHouse, Reached, Segment, SqlAnswer, SqlError, Statement, Trouble, Why,
    binary::Reader, schema::RECEIVED,
};
use crate::{
    Answered, Coverage, Keeping, Limit, Limits, StoreError,
    cold::{Cold, Full, Part},
};

/// How long it may take to say that it is there.
const ANSWER_MAX: Duration = Duration::from_secs(2);

impl Cold for ClickHouse {
    fn answers(&self) -> bool {
        let (action, sql) = ("ask", "SELECT 1");
        let statement = Statement { action, sql, settings: &[], rows: None, time: ANSWER_MAX };
        self.client.run(statement).is_ok()
    }

    fn holds(&self, table: &'static Table, segment: u32) -> bool {
        self.note.is_moved(table.name, segment)
    }

    fn hold_back(&self, is_full: bool) {
        self.is_held_back.store(is_full, Relaxed);
    }

    fn is_held_back(&self) -> bool {
        self.is_held_back.load(Relaxed)
    }

    fn take(&self, full: Full<'_>) -> Result<(), StoreError> {
        let secs = full.received.1.nanos / 1_000_000_000;
        let received_secs = u32::try_from(secs).unwrap_or(u32::MAX);
        let segment = Segment { number: full.segment, received_secs, rows: full.rows };
        self.insert(segment).map_err(StoreError::ClickHouse)?;
        if full.rows.table().name == keep::SPANS.name {
            let rows = &keep::rollup::of(full.rows);
            self.insert(Segment { rows, ..segment }).map_err(StoreError::ClickHouse)?;
        }
        self.note.set_moved(full.rows.table().name, full.segment)?;
        // There is room again, or the next look at what is kept says that there is not.
        self.hold_back(false);
        Ok(())
    }

    fn ask(
        &self,
        query: &Query,
        limits: &Limits,
        here: &[u32],
    ) -> Result<Answered<Groups>, StoreError> {
        // What was looked at is in the groups too.
        Ok(answered(self.groups(query, bounds(limits), here).map(|groups| {
            let rows = groups.rows_read();
            (groups, rows)
        })))
    }

    fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
        here: &[u32],
    ) -> Result<Answered<Differences>, StoreError> {
        Ok(answered(self.differences(comparison, bounds(limits), here)))
    }

    fn top(&self, top: &Top, limits: &Limits, here: &[u32]) -> Result<Answered<Chunk>, StoreError> {
        let nothing = |_: &Trouble| Chunk::new(top.table);
        Ok(answered_or(self.first(top, bounds(limits), here), nothing))
    }

    fn sql(&self, text: &str, limits: &Limits) -> Result<SqlAnswer, SqlError> {
        self.sql(text, bounds(limits))
    }

    fn sql_parquet(&self, text: &str, limits: &Limits) -> Result<Vec<u8>, SqlError> {
        self.sql_parquet(text, bounds(limits))
    }

    fn thin(
        &self,
        keeping: &Keeping,
        named: &BTreeSet<TraceId>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        self.thin(keeping, named, now).map_err(StoreError::ClickHouse)
    }

    fn held_since(&self, table: &'static Table) -> Option<Moment> {
        // Who is away says so in the answer itself.
        self.oldest(table).ok().flatten()
    }

    fn each(
        &self,
        table: &'static Table,
        part: Part,
        here: &[u32],
        each: &mut dyn FnMut(Moment, &Chunk) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.each_segment(table, part, here, each).map_err(StoreError::ClickHouse)
    }

    fn of_trace(
        &self,
        table: &'static Table,
        id: TraceId,
        here: &[u32],
    ) -> Result<Answered<Chunk>, StoreError> {
        let nothing = |_: &Trouble| Chunk::new(table);
        Ok(answered_or(self.trace(table, id, bounds(&Limits::default()), here), nothing))
    }
}

/// What the parts say of themselves is told at once, or never.
const OLDEST: Bounds = Bounds { time: Duration::from_secs(2), rows: u64::MAX };

impl ClickHouse {
    /// When the oldest row was received, if it is so old that others have gone before: rows go a day at a time.
    fn oldest(&self, table: &'static Table) -> Result<Option<Moment>, Trouble> {
        let days = self.schema.days_of(table).saturating_sub(1);
        let sql = format!(
            "SELECT toUInt64(toUnixTimestamp(min({RECEIVED}))), toUInt64(count() > 0 AND \
             min({RECEIVED}) + INTERVAL {days} DAY <= now()) FROM {} FORMAT RowBinary",
            self.schema.table(table.name),
        );
        let reply = self.question(&sql, OLDEST)?;
        let mut reader = Reader::new(&reply.body);
        let (secs, is_old) = self.told(reader.u64().and_then(|secs| Ok((secs, reader.u64()?))))?;
        let nanos = secs.saturating_mul(1_000_000_000);
        Ok((is_old != 0 && nanos != 0).then_some(Moment { nanos }))
    }
}

fn bounds(limits: &Limits) -> Bounds {
    Bounds { time: limits.time, rows: limits.rows }
}

fn answered<T: Default>(result: Result<(T, u64), Trouble>) -> Answered<T> {
    answered_or(result, |_| T::default())
}

/// What was found, or nothing and why.
fn answered_or<T>(
    result: Result<(T, u64), Trouble>,
    nothing: impl FnOnce(&Trouble) -> T,
) -> Answered<T> {
    match result {
        Ok((answer, rows)) => {
            Answered { answer, coverage: Coverage { rows, ..Coverage::default() } }
        }
        Err(trouble) => {
            let answer = nothing(&trouble);
            let mut coverage = Coverage::default();
            match trouble.why {
                Why::Limit(Reached::Time) => coverage.reached = Some(Limit::Time),
                Why::Limit(Reached::Rows) => coverage.reached = Some(Limit::Rows),
                _ => coverage.elsewhere = Some(trouble),
            }
            Answered { answer, coverage }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
    };

    use super::*;
    use crate::clickhouse::{Layout, Secret, Settings};

    fn check(why: Why, reached: Option<Limit>, is_elsewhere: bool) {
        let trouble = Trouble { action: "ask", at: "http://c".to_owned(), why };
        let told: Answered<Groups> = answered(Err(trouble));
        assert_eq!(told.coverage.reached, reached);
        assert_eq!(told.coverage.elsewhere.is_some(), is_elsewhere);
        assert!(!told.coverage.is_whole());
    }

    #[test]
    fn an_answer_says_what_is_missing_of_it() {
        check(Why::Limit(Reached::Time), Some(Limit::Time), false);
        check(Why::Limit(Reached::Rows), Some(Limit::Rows), false);
        check(Why::Limit(Reached::Memory), None, true);
        check(Why::Away("refused".to_owned()), None, true);
        check(Why::Credentials, None, true);
    }

    /// Whether it counts as there, where this is the answer to what it is asked.
    fn is_there(answer: &str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            url: format!("http://{}", listener.local_addr().unwrap()),
            database: "taut".to_owned(),
            user: "default".to_owned(),
            password: Secret(String::new()),
            layout: Layout::default(),
            days: 1,
            minutes_days: 1,
            replaced_for: Duration::ZERO,
        };
        let clickhouse = ClickHouse::new(&settings, folder.path()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                while !request.ends_with(b"SELECT 1") {
                    let count = stream.read(&mut part).unwrap();
                    assert!(0 < count, "it ended early");
                    request.extend_from_slice(&part[..count]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
            });
            clickhouse.answers()
        })
    }

    #[test]
    fn whether_it_is_there_is_told_by_its_answer() {
        let of = |status: &str, length: usize, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
        };
        assert!(is_there(&of("200 OK", 2, "1\n")));
        assert!(!is_there(&of("403 Forbidden", 0, "")));
        assert!(!is_there("nonsense\r\n\r\n"));
    }
}
