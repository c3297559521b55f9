//! The same questions to the store and to ClickHouse over the same day of spans, in turns.

use std::{fs, path::Path, time::Duration};

use keep::{
    query::{Comparison, Field, Filter, Measure, Query, Top},
    table::span as place,
};
use model::{Moment, Text, TraceId, Window};
use stats::QUANTILES;
use store::{Folder, Limits, Options, Store as _, Syncing};

use crate::{
    clickhouse::ClickHouse,
    clock::{Reading, Spread},
    day, machine, table,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Selections begin here.
const SLOW_NANOS: i64 = 100_000_000;

/// An operation of the gateway and of one service.
const ONE: &str = "GET /api/orders/{id}";

/// What is asked, and how long it took.
#[derive(Debug)]
struct Line {
    name: &'static str,
    /// With nothing in memory; milliseconds, the store's and ClickHouse's.
    cold: [f64; 2],
    warm: [Vec<f64>; 2],
    found: [u64; 2],
    /// Bytes that the store took at most beyond what it had before.
    memory: u64,
}

/// Asks the store, in a round; returns how much it found.
type Ask = Box<dyn Fn(&Folder, usize) -> Outcome<u64>>;

/// A question in both languages.
struct Question {
    name: &'static str,
    ask: Ask,
    sql: Box<dyn Fn(usize) -> String>,
}

/// Asks each question once with nothing in memory and `rounds` times after, and prints what came of it.
///
/// # Errors
///
/// A question is refused.
pub fn compare(
    folder: &Path,
    ids: &[TraceId],
    rounds: usize,
    mut peer: Option<(ClickHouse, &Path, &Path)>,
) -> Outcome<()> {
    let mut lines = Vec::new();
    for question in questions(ids) {
        // Nothing of a question is in memory when the next is asked.
        let (store, mut line) = (open(folder)?, Line::new(question.name));
        forget(folder)?;
        let begun = Reading::now();
        line.found[0] = (question.ask)(&store, 0)?;
        line.cold[0] = begun.took().wall.as_secs_f64() * 1e3;
        if let Some((process, python, data)) = &mut peer {
            // The one before ends first: a folder is one process's.
            process.end();
            forget(data)?;
            *process = ClickHouse::start(python, data)?;
            let answer = process.ask(&(question.sql)(0))?;
            (line.cold[1], line.found[1]) = (answer.millis, answer.rows);
        }
        for round in 1..=rounds {
            let before = machine::watch_memory();
            let begun = Reading::now();
            (question.ask)(&store, round)?;
            line.warm[0].push(begun.took().wall.as_secs_f64() * 1e3);
            line.memory = line.memory.max(machine::memory().peak.saturating_sub(before));
            if let Some((process, ..)) = &mut peer {
                line.warm[1].push(process.ask(&(question.sql)(round))?.millis);
            }
        }
        lines.push(line);
    }
    print(&lines, peer.is_some());
    Ok(())
}

fn open(folder: &Path) -> Outcome<Folder> {
    Ok(Folder::open(folder, Options { sync: Syncing::Os, ..Options::default() })?.0)
}

/// Takes files out of the system's memory, as far as nobody else uses them.
fn forget(folder: &Path) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            forget(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            let file = fs::File::open(entry.path())?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "each question in both languages, one after the other")]
fn questions(ids: &[TraceId]) -> Vec<Question> {
    let window = Window { from: day::BEGIN, to: day::BEGIN + day::LENGTH };
    let noon = day::BEGIN + Duration::from_hours(12);
    let hour = Window { from: noon, to: noon + Duration::from_hours(1) };
    let duration = || Field::Column(place::DURATION);
    let limits = Limits { time: Duration::from_mins(10), rows: u64::MAX };
    let requests = || Filter::Has(Field::Column(place::OPERATION));
    let by_minute = Query {
        table: &keep::SPANS,
        window,
        filter: requests(),
        group: vec![Field::Column(place::SERVICE), Field::Column(place::OPERATION)],
        step: Some(Duration::from_mins(1)),
        measures: vec![Measure::Count, Measure::Distribution(duration())],
        limit: 50,
    };
    let of_one = Query {
        filter: Filter::Is(Field::Column(place::OPERATION), vec![Text::from(ONE)]),
        measures: vec![Measure::Distribution(duration())],
        ..by_minute.clone()
    };
    let slowest =
        Top { table: &keep::SPANS, window: hour, filter: Filter::All, by: duration(), limit: 50 };
    let ids: Vec<TraceId> = ids.to_vec();
    let id = move |round: usize| ids.get(round % ids.len().max(1)).copied().unwrap_or_default();
    let id_of_peer = id.clone();
    vec![
        Question {
            name: "quantiles of 50 operations, 24 h by minute",
            ask: Box::new(move |store, _| {
                let answer = store.ask(&by_minute, &limits)?.answer;
                let told = answer.groups.iter().map(|group| match &group.measured[1] {
                    keep::query::Measured::Distribution(sketch) => {
                        u64::from(QUANTILES.iter().all(|(_, q)| sketch.quantile(*q).is_some()))
                    }
                    _ => 0,
                });
                Ok(told.sum())
            }),
            sql: Box::new(move |_| {
                format!(
                    "SELECT service, operation, toStartOfMinute(start) AS minute, count(), \
                     quantiles(0.5, 0.9, 0.95, 0.99)(duration_nanos) FROM spans WHERE operation != '' AND {} \
                     AND (service, operation) IN (SELECT service, operation FROM spans WHERE operation != '' \
                     GROUP BY 1, 2 ORDER BY count() DESC LIMIT 50) GROUP BY 1, 2, 3",
                    within(window)
                )
            }),
        },
        Question {
            name: "quantiles of one operation, 24 h by minute",
            ask: Box::new(move |store, _| {
                Ok(store.ask(&of_one, &limits)?.answer.groups.len() as u64)
            }),
            sql: Box::new(move |_| {
                format!(
                    "SELECT service, operation, toStartOfMinute(start) AS minute, \
                     quantiles(0.5, 0.9, 0.95, 0.99)(duration_nanos) FROM spans WHERE operation = '{ONE}' AND {} \
                     GROUP BY 1, 2, 3",
                    within(window)
                )
            }),
        },
        Question {
            name: "slowest 50 of an hour, whole",
            ask: Box::new(move |store, _| Ok(store.top(&slowest, &limits)?.answer.len() as u64)),
            sql: Box::new(move |_| {
                format!(
                    "SELECT * FROM spans WHERE {} ORDER BY duration_nanos DESC LIMIT 50",
                    within(hour)
                )
            }),
        },
        Question {
            name: "a trace by its id, whole",
            ask: Box::new(move |store, round| Ok(store.trace(id(round))?.len() as u64)),
            sql: Box::new(move |round| {
                format!("SELECT * FROM spans WHERE trace_id = unhex('{}')", id_of_peer(round))
            }),
        },
        comparison(
            "what slow requests have more often, 24 h",
            requests(),
            window,
            "operation != ''",
        ),
        comparison("what slow spans have more often, an hour", Filter::All, hour, "1"),
        comparison("what slow spans have more often, 24 h", Filter::All, window, "1"),
    ]
}

fn comparison(
    name: &'static str,
    filter: Filter,
    window: Window,
    condition: &'static str,
) -> Question {
    let selection = Filter::Between(Field::Column(place::DURATION), SLOW_NANOS, i64::MAX);
    let comparison = Comparison { table: &keep::SPANS, window, filter, selection };
    let limits = Limits { time: Duration::from_mins(10), rows: u64::MAX };
    Question {
        name,
        ask: Box::new(move |store, _| {
            let differences = store.compare(&comparison, &limits)?.answer;
            Ok(differences.ranked(100, 5).len() as u64)
        }),
        sql: Box::new(move |_| {
            format!(
                "SELECT pair.1 AS field, uniq(pair.2), countIf(duration_nanos >= {SLOW_NANOS}) AS selected FROM (\
                 SELECT pair, duration_nanos FROM (SELECT duration_nanos, arrayConcat(\
                 CAST(attributes, 'Array(Tuple(String, String))'), [('service', toString(service)), ('name', toString(name)), \
                 ('kind', toString(kind)), ('status', toString(status)), ('operation', toString(operation)), \
                 ('statement', toString(statement))]) AS pairs FROM spans WHERE {condition} AND {}) ARRAY JOIN pairs AS pair) \
                 GROUP BY field",
                within(window)
            )
        }),
    }
}

fn within(window: Window) -> String {
    let nanos = |moment: Moment| format!("fromUnixTimestamp64Nano({})", moment.nanos);
    format!("start >= {} AND start < {}", nanos(window.from), nanos(window.to))
}

impl Line {
    fn new(name: &'static str) -> Self {
        let nothing = [f64::NAN; 2];
        Self { name, cold: nothing, warm: [Vec::new(), Vec::new()], found: [0; 2], memory: 0 }
    }
}

fn print(lines: &[Line], has_peer: bool) {
    let mut rows = Vec::new();
    for line in lines {
        let spread = |of: &[f64]| Spread::of(of.iter().copied());
        let own = spread(&line.warm[0]);
        let mut row = vec![
            line.name.to_owned(),
            table::fine(line.cold[0]),
            table::spread(own, table::fine),
            format!("{} MB", line.memory >> 20),
            line.found[0].to_string(),
        ];
        if has_peer {
            let other = spread(&line.warm[1]);
            row.extend([
                table::fine(line.cold[1]),
                table::spread(other, table::fine),
                line.found[1].to_string(),
                format!("{:.2}", other.median / own.median),
            ]);
        }
        rows.push(row);
    }
    let own = ["question", "cold, ms", "warm, ms", "memory", "found"];
    let other = ["ClickHouse: cold, ms", "warm, ms", "found", "times as long"];
    let head: Vec<&str> =
        if has_peer { own.into_iter().chain(other).collect() } else { own.to_vec() };
    table::print(&head, &rows);
}
