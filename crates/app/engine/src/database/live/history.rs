//! Points of time of one database, oldest first: load, connections, the statements with most time, and what was used.

mod used;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use model::{
    Moment, Text, Window,
    database::{IndexUse, LogCounts, RunStatistics, TableUse, WaitLoad},
};
use postgres::Poll;
use serde::{Deserialize, Serialize};

use crate::database::Activity;
use used::Used;

/// Statements of a point: what the first thirty do not explain, a page of history does not show.
const STATEMENTS_MAX: usize = 30;
/// Kinds of waits of a point; there are some two hundred, of which a server shows a dozen.
const WAITS_MAX: usize = 40;
/// Points that are kept: a week at the shortest interval has 120,960, a day at the default 2,880.
const POINTS_MAX: usize = 20_000;
/// Steps of a series: more than a screen has columns.
const STEPS_MAX: usize = 10_000;

/// What one poll showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    /// When, in nanoseconds since the epoch.
    pub(super) unix_nanos: u64,
    /// Seconds since the poll before.
    since_seconds: f64,
    /// Wait and its event, and average sessions in it.
    load: Vec<(String, String, f64)>,
    /// `queryid`, counts and milliseconds.
    statements: Vec<(i64, [u64; 9], [f64; 5])>,
    /// Connections, and how many there may be.
    connections: (u32, u32),
    /// Lag of replay, in milliseconds.
    replay_lag_millis: Option<f64>,
    /// Tables, indexes, reads and writes, standbys, the log.
    #[serde(default)]
    used: Used,
}

impl Point {
    pub(super) fn of(poll: &Poll, log: Option<LogCounts>) -> Self {
        let load = poll.load.iter().take(WAITS_MAX);
        let statements = poll.statements.iter().take(STATEMENTS_MAX);
        Self {
            unix_nanos: poll.time.nanos,
            since_seconds: poll.since.as_secs_f64(),
            load: load
                .map(|wait| {
                    (wait.wait_type.to_string(), wait.wait_event.to_string(), wait.sessions)
                })
                .collect(),
            statements: statements.map(|(id, runs)| packed(*id, runs)).collect(),
            connections: poll.connections,
            replay_lag_millis: poll.replay_lag.map(|lag| lag.as_secs_f64() * 1e3),
            used: Used::of(poll, log),
        }
    }
}

fn packed(id: i64, runs: &RunStatistics) -> (i64, [u64; 9], [f64; 5]) {
    let counts = [
        runs.calls,
        runs.rows,
        runs.shared_hit,
        runs.shared_read,
        runs.shared_dirtied,
        runs.shared_written,
        runs.temp_read,
        runs.temp_written,
        runs.wal_bytes,
    ];
    let millis =
        [runs.total_millis, runs.plan_millis, runs.read_millis, runs.write_millis, runs.jit_millis];
    (id, counts, millis)
}

fn add(total: &mut RunStatistics, counts: &[u64; 9], millis: &[f64; 5]) {
    let sums = [
        &mut total.calls,
        &mut total.rows,
        &mut total.shared_hit,
        &mut total.shared_read,
        &mut total.shared_dirtied,
        &mut total.shared_written,
        &mut total.temp_read,
        &mut total.temp_written,
        &mut total.wal_bytes,
    ];
    for (sum, count) in sums.into_iter().zip(counts) {
        *sum = sum.saturating_add(*count);
    }
    let sums = [
        &mut total.total_millis,
        &mut total.plan_millis,
        &mut total.read_millis,
        &mut total.write_millis,
        &mut total.jit_millis,
    ];
    for (sum, millis) in sums.into_iter().zip(millis) {
        *sum += millis;
    }
}

/// Points of one database, oldest first.
#[derive(Debug)]
pub(super) struct Points {
    keep: Duration,
    all: VecDeque<Point>,
}

impl Points {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, all: VecDeque::new() }
    }

    /// Adds the newest; one that is not newer than the last is left out.
    pub(super) fn push(&mut self, point: Point) {
        if self.all.back().is_some_and(|last| point.unix_nanos <= last.unix_nanos) {
            return;
        }
        let oldest = (Moment { nanos: point.unix_nanos } - self.keep).nanos;
        self.all.push_back(point);
        while self.all.front().is_some_and(|first| first.unix_nanos < oldest)
            || POINTS_MAX < self.all.len()
        {
            self.all.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Point> {
        self.all.iter()
    }

    /// Average active sessions by wait, for each step.
    pub(super) fn load(&self, window: Window, steps: usize) -> Vec<(Moment, Vec<WaitLoad>)> {
        let merge = |points: Vec<&Point>| {
            let mut sums: BTreeMap<(&str, &str), f64> = BTreeMap::new();
            // The first point after a start stands for no time; alone it still shows what was seen.
            let weight = |point: &Point| point.since_seconds.max(1e-3);
            let total: f64 = points.iter().map(|point| weight(point)).sum();
            for point in points {
                for (wait, event, sessions) in &point.load {
                    *sums.entry((wait, event)).or_default() += sessions * weight(point) / total;
                }
            }
            let mut load: Vec<WaitLoad> = sums
                .into_iter()
                .map(|((wait, event), sessions)| WaitLoad {
                    wait_type: Text::from(wait),
                    wait_event: Text::from(event),
                    sessions,
                })
                .collect();
            load.sort_by(|one, other| other.sessions.total_cmp(&one.sessions));
            load
        };
        self.steps(window, steps, merge)
    }

    /// Runs of a statement within each step; a step in which it did not run has zeros.
    pub(super) fn statement(
        &self,
        query_id: i64,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, RunStatistics)> {
        let merge = |points: Vec<&Point>| {
            let mut total = RunStatistics::default();
            let runs = points.iter().flat_map(|point| &point.statements);
            for (_, counts, millis) in runs.filter(|(id, ..)| *id == query_id) {
                add(&mut total, counts, millis);
            }
            total
        };
        self.steps(window, steps, merge)
    }

    /// Connections used and allowed at the end of each step.
    pub(super) fn connections(&self, window: Window, steps: usize) -> Vec<(Moment, u32, u32)> {
        let last = |points: Vec<&Point>| points.last().map_or((0, 0), |point| point.connections);
        let steps = self.steps(window, steps, last);
        steps.into_iter().map(|(time, (used, max))| (time, used, max)).collect()
    }

    /// Use of the tables that changed most, within each step. One that is not there changed less than others.
    pub(super) fn tables(
        &self,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, BTreeMap<u32, TableUse>)> {
        let merge = |points: Vec<&Point>| {
            let mut sums: BTreeMap<u32, TableUse> = BTreeMap::new();
            for (oid, used) in points.iter().flat_map(|point| point.used.tables()) {
                let sum = sums.entry(oid).or_default();
                sum.sequential_scans += used.sequential_scans;
                sum.sequential_rows += used.sequential_rows;
                sum.index_scans += used.index_scans;
                sum.index_rows += used.index_rows;
                sum.inserted += used.inserted;
                sum.updated += used.updated;
                sum.deleted += used.deleted;
                sum.blocks_hit += used.blocks_hit;
                sum.blocks_read += used.blocks_read;
            }
            sums
        };
        self.steps(window, steps, merge)
    }

    /// Use of the indexes that changed most, within each step.
    pub(super) fn indexes(
        &self,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, BTreeMap<u32, IndexUse>)> {
        let merge = |points: Vec<&Point>| {
            let mut sums: BTreeMap<u32, IndexUse> = BTreeMap::new();
            for (oid, used) in points.iter().flat_map(|point| point.used.indexes()) {
                let sum = sums.entry(oid).or_default();
                sum.scans += used.scans;
                sum.entries_read += used.entries_read;
                sum.rows_fetched += used.rows_fetched;
                sum.blocks_hit += used.blocks_hit;
                sum.blocks_read += used.blocks_read;
            }
            sums
        };
        self.steps(window, steps, merge)
    }

    /// Transactions, checkpoints, reads and writes, replication and the log, within each step.
    pub(super) fn activity(&self, window: Window, steps: usize) -> Vec<(Moment, Activity)> {
        let merge = |points: Vec<&Point>| {
            let mut sum = Activity::default();
            for point in points {
                sum.seconds += point.since_seconds;
                sum.replay_lag = point
                    .replay_lag_millis
                    .map(|millis| Duration::from_secs_f64(millis.max(0.0) / 1e3));
                point.used.add_to(&mut sum);
            }
            sum
        };
        self.steps(window, steps, merge)
    }

    /// Gives the points of each of `steps` equal parts of `window` to `merge`; parts without a point are left out.
    fn steps<T>(
        &self,
        window: Window,
        steps: usize,
        merge: impl Fn(Vec<&Point>) -> T,
    ) -> Vec<(Moment, T)> {
        let steps = u64::try_from(steps.clamp(1, STEPS_MAX)).unwrap_or(1);
        let each = (window.to.nanos.saturating_sub(window.from.nanos) / steps).max(1);
        let mut parts: BTreeMap<u64, Vec<&Point>> = BTreeMap::new();
        for point in &self.all {
            if window.contains(Moment { nanos: point.unix_nanos }) {
                let part = (point.unix_nanos - window.from.nanos) / each;
                parts.entry(part.min(steps - 1)).or_default().push(point);
            }
        }
        let begin = |part: u64| Moment { nanos: window.from.nanos + part * each };
        parts.into_iter().map(|(part, points)| (begin(part), merge(points))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    fn poll(seconds: u64, sessions: f64, calls: u64) -> Point {
        let wait = WaitLoad { wait_type: "CPU".into(), wait_event: Text::default(), sessions };
        let runs = RunStatistics { calls, total_millis: 2.0, ..RunStatistics::default() };
        Point::of(
            &Poll {
                time: at(seconds),
                since: Duration::from_secs(30),
                statements: vec![(7, runs)],
                load: vec![wait],
                connections: (u32::try_from(seconds).unwrap(), 100),
                ..Poll::default()
            },
            None,
        )
    }

    #[test]
    fn points_are_merged_into_steps_and_empty_steps_left_out() {
        let mut points = Points::new(Duration::from_hours(1));
        for (seconds, sessions, calls) in [(30, 1.0, 10), (60, 3.0, 20), (300, 5.0, 1)] {
            points.push(poll(seconds, sessions, calls));
        }
        let window = Window { from: at(0), to: at(400) };
        let load = points.load(window, 4);
        let shown: Vec<(Moment, f64)> =
            load.iter().map(|(time, waits)| (*time, waits[0].sessions)).collect();
        assert_eq!(shown, [(at(0), 2.0), (at(300), 5.0)]);
        let runs = points.statement(7, window, 4);
        assert_eq!(runs.iter().map(|(_, runs)| runs.calls).collect::<Vec<_>>(), [30, 1]);
        assert_eq!(points.statement(8, window, 4)[0].1, RunStatistics::default());
        assert_eq!(points.connections(window, 1), [(at(0), 300, 100)]);
    }

    #[test]
    fn a_point_that_is_full_takes_fourteen_kilobytes_at_most() {
        let wait = |number: usize| WaitLoad {
            wait_type: "IO".into(),
            wait_event: format!("DataFileRead{number}").into(),
            sessions: 1.0,
        };
        let one = u64::MAX / 1_000;
        let runs = RunStatistics { calls: one, total_millis: 2.0, ..RunStatistics::default() };
        let table = TableUse { sequential_rows: one, ..TableUse::default() };
        let index = IndexUse { scans: one, ..IndexUse::default() };
        let io = |number: u64| model::database::IoUse {
            backend: "client backend".into(),
            object: "relation".into(),
            context: "bulkread".into(),
            read_bytes: number,
            ..model::database::IoUse::default()
        };
        let poll = Poll {
            time: at(1),
            statements: (0..500).map(|id| (id, runs)).collect(),
            load: (0..200).map(wait).collect(),
            tables: (0..2_000).map(|oid| (oid, table.clone())).collect(),
            indexes: (0..9_000).map(|oid| (oid, index.clone())).collect(),
            io: (1..60).map(io).collect(),
            ..Poll::default()
        };
        let point = Point::of(&poll, Some(LogCounts::default()));
        let read: usize = point.load.iter().map(|wait| 56 + wait.0.len() + wait.1.len()).sum();
        let bytes = size_of::<Point>() + read + 120 * point.statements.len() + point.used.bytes();
        assert!((8_000..14_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn what_is_old_goes_and_what_is_written_is_read_back() {
        let mut points = Points::new(Duration::from_secs(100));
        for seconds in 1..1_000 {
            points.push(poll(seconds, 1.0, 1));
            points.push(poll(seconds, 9.0, 9));
        }
        assert_eq!(points.all.len(), 101);
        let text = serde_json::to_string(&points.all).unwrap();
        let read: VecDeque<Point> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, points.all);
    }
}
