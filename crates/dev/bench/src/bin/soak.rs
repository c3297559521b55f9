//! The embedded store under load for a long time: does memory, files or latency grow?
//!
//! `soak [--minutes N] [--rate N] [--part PERCENT] [--bytes-max MB] [--folder PATH]`: measures what the machine can take
//! until it is in blocks, then sends `--part` of it (80 %), or `--rate` spans a second, while questions are asked and
//! retention drops what is beyond `--bytes-max`. Slopes are fitted to the rows of the table after the first quarter, in
//! which memory and folder fill up.
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{
    env,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bench::{
    machine,
    made::{Traffic, Workload},
    table,
};
use keep::{
    query::{Comparison, Field, Filter, Measure, Query, Top},
    table::span as place,
};
use model::{Moment, TraceId, Window};
use store::{Batch, Folder, Limits, Options, Retention, Store as _};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Made-up traffic is the same in every run.
const SEED: u64 = 20_261_121;

/// Rows of the table, however long it takes: enough for a slope.
const ROWS: u32 = 20;

/// Spans that are sent as fast as they are taken, to see how fast that is.
const MEASURED_SPANS: usize = 1 << 20;

/// Questions look at this much of the traffic's own time, so that each looks at as many rows as the last.
const ASKED_TIME: Duration = Duration::from_mins(2);

struct Arguments {
    minutes: f64,
    rate: Option<f64>,
    part: f64,
    bytes_max: u64,
    folder: PathBuf,
}

/// What the threads share.
struct Load {
    store: Folder,
    is_over: AtomicBool,
    spans: AtomicU64,
    /// Begin of the newest span, and a trace that is kept.
    newest: Mutex<(Moment, TraceId)>,
    appends: Mutex<Vec<f64>>,
    /// Milliseconds of each question of [`QUESTIONS`].
    asked: [Mutex<Vec<f64>>; QUESTIONS.len()],
    bytes_max: u64,
}

const QUESTIONS: [&str; 4] = ["quantiles", "slowest 50", "trace", "comparison"];

const COLUMNS: [&str; 12] = [
    "minute",
    "spans/s",
    "RSS MB",
    "fds",
    "files",
    "folder MB",
    "append p50 ms",
    "append p99 ms",
    "quantiles ms",
    "slowest 50 ms",
    "trace ms",
    "comparison ms",
];

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let arguments = arguments(&words)?;
    table::say(&format!("{}\n", machine::describe()));
    let rate = match arguments.rate {
        Some(rate) => rate,
        None => measured(&arguments)? * arguments.part / 100.0,
    };
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    let (store, _) = Folder::open(folder.path(), Options::default())?;
    let load = Load::new(store, arguments.bytes_max);
    table::say(&format!(
        "{} spans/s for {} minutes, at most {} MB\n\n",
        table::count(rate),
        arguments.minutes,
        arguments.bytes_max >> 20
    ));
    let rows = thread::scope(|scope| {
        let threads = [
            scope.spawn(|| load.send(rate)),
            scope.spawn(|| load.tidy()),
            scope.spawn(|| load.ask()),
        ];
        let rows = load.watch(&arguments, folder.path());
        load.is_over.store(true, Relaxed);
        for thread in threads {
            thread.join().map_err(|_panic| "a thread ended early")??;
        }
        rows
    })?;
    told(&rows);
    Ok(())
}

fn arguments(words: &[String]) -> Outcome<Arguments> {
    let mut arguments = Arguments {
        minutes: 2.0,
        rate: None,
        part: 80.0,
        bytes_max: 1 << 30,
        folder: env::temp_dir(),
    };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--minutes" => arguments.minutes = value.parse()?,
            [name, value] if name == "--rate" => arguments.rate = Some(value.parse()?),
            [name, value] if name == "--part" => arguments.part = value.parse()?,
            [name, value] if name == "--bytes-max" => {
                arguments.bytes_max = value.parse::<u64>()? << 20;
            }
            [name, value] if name == "--folder" => arguments.folder = value.into(),
            _ => {
                return Err("usage: soak [--minutes N] [--rate SPANS] [--part PERCENT] \
                            [--bytes-max MB] [--folder PATH]"
                    .into());
            }
        }
    }
    Ok(arguments)
}

/// Spans a second until they are in blocks, sent as fast as they are taken.
fn measured(arguments: &Arguments) -> Outcome<f64> {
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    let (store, _) = Folder::open(folder.path(), Options::default())?;
    let mut traffic = Traffic::new(Workload::Mixed, SEED);
    let is_sent = AtomicBool::new(false);
    let begun = Instant::now();
    let spans = thread::scope(|scope| {
        let tidied = scope.spawn(|| -> Outcome<()> {
            loop {
                if !store.tidy()? && is_sent.load(Relaxed) {
                    return Ok(());
                }
                thread::yield_now();
            }
        });
        let mut spans = 0;
        while spans < MEASURED_SPANS {
            let batch = traffic.batch();
            spans += batch.len();
            store.append(&Batch { spans: &batch, otlp: None, received: now() })?;
        }
        is_sent.store(true, Relaxed);
        tidied.join().map_err(|_panic| "a thread ended early")??;
        Ok::<usize, Box<dyn std::error::Error + Send + Sync>>(spans)
    })?;
    let rate = spans as f64 / begun.elapsed().as_secs_f64();
    table::say(&format!(
        "as fast as it goes, made on the way: {} spans/s until they are in blocks\n",
        table::count(rate)
    ));
    Ok(rate)
}

impl Load {
    fn new(store: Folder, bytes_max: u64) -> Self {
        Self {
            store,
            is_over: AtomicBool::new(false),
            spans: AtomicU64::new(0),
            newest: Mutex::default(),
            appends: Mutex::default(),
            asked: Default::default(),
            bytes_max,
        }
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Relaxed)
    }

    /// Sends batches at a steady rate; one that is late is sent at once.
    fn send(&self, rate: f64) -> Outcome<()> {
        let mut traffic = Traffic::new(Workload::Mixed, SEED + 1);
        let begun = Instant::now();
        let mut sent = 0_u64;
        while self.goes_on() {
            let batch = traffic.batch();
            let due = Duration::from_secs_f64(sent as f64 / rate);
            thread::sleep(due.saturating_sub(begun.elapsed()));
            let asked = Instant::now();
            self.store.append(&Batch { spans: &batch, otlp: None, received: now() })?;
            add(&self.appends, asked.elapsed());
            sent += batch.len() as u64;
            self.spans.store(sent, Relaxed);
            let last = batch.iter().map(|span| (span.start, span.trace_id)).max();
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = last.unwrap_or_default();
        }
        Ok(())
    }

    fn tidy(&self) -> Outcome<()> {
        let retention =
            Retention { age_max: Duration::from_hours(24 * 14), bytes_max: self.bytes_max };
        let mut retained = Instant::now();
        while self.goes_on() {
            if !self.store.tidy()? {
                thread::sleep(Duration::from_millis(100));
            }
            if Duration::from_secs(5) < retained.elapsed() {
                self.store.retain(retention, now())?;
                retained = Instant::now();
            }
        }
        Ok(())
    }

    fn ask(&self) -> Outcome<()> {
        let limits = Limits::default();
        for number in (0..QUESTIONS.len()).cycle() {
            thread::sleep(Duration::from_millis(250));
            if !self.goes_on() {
                break;
            }
            let (newest, trace) = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            let window = Window { from: newest - ASKED_TIME, to: newest };
            let begun = Instant::now();
            match number {
                0 => drop(self.store.ask(&quantiles(window), &limits)?),
                1 => drop(self.store.top(&slowest(window), &limits)?),
                2 => drop(self.store.trace(trace)?),
                _ => drop(self.store.compare(&comparison(window), &limits)?),
            }
            if let Some(asked) = self.asked.get(number) {
                add(asked, begun.elapsed());
            }
        }
        Ok(())
    }

    /// Rows of the table.
    fn watch(&self, arguments: &Arguments, folder: &Path) -> Outcome<Vec<Vec<f64>>> {
        let step = Duration::from_secs_f64(arguments.minutes * 60.0 / f64::from(ROWS));
        let begun = Instant::now();
        let mut rows = Vec::new();
        let mut spans = 0;
        let mut since = begun;
        for row in 1..=ROWS {
            thread::sleep((step * row).saturating_sub(begun.elapsed()));
            let sent = self.spans.load(Relaxed);
            let (files, bytes) = files(folder)?;
            let mut appends = taken(&self.appends);
            let mut line = vec![
                begun.elapsed().as_secs_f64() / 60.0,
                (sent - spans) as f64 / since.elapsed().as_secs_f64(),
                machine::memory().now as f64 / f64::from(1 << 20),
                std::fs::read_dir("/proc/self/fd")?.count() as f64,
                files as f64,
                bytes as f64 / f64::from(1 << 20),
                nearest(&mut appends, 0.5),
                nearest(&mut appends, 0.99),
            ];
            line.extend(self.asked.iter().map(|asked| nearest(&mut taken(asked), 0.5)));
            rows.push(line);
            (spans, since) = (sent, Instant::now());
        }
        Ok(rows)
    }
}

fn quantiles(window: Window) -> Query {
    Query {
        table: &keep::SPANS,
        window,
        filter: Filter::Has(Field::Column(place::OPERATION)),
        group: vec![Field::Column(place::SERVICE), Field::Column(place::OPERATION)],
        step: Some(Duration::from_secs(10)),
        measures: vec![Measure::Count, Measure::Distribution(Field::Column(place::DURATION))],
        limit: 1_000,
    }
}

fn slowest(window: Window) -> Top {
    let by = Field::Column(place::DURATION);
    Top { table: &keep::SPANS, window, filter: Filter::All, by, limit: 50 }
}

fn comparison(window: Window) -> Comparison {
    let selection = Filter::Between(Field::Column(place::DURATION), 100_000_000, i64::MAX);
    Comparison { table: &keep::SPANS, window, filter: Filter::All, selection }
}

/// The table, and how each column goes on after the first quarter.
fn told(rows: &[Vec<f64>]) {
    let shown: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|value| table::fine(*value)).collect()).collect();
    table::print(&COLUMNS, &shown);
    table::say("\nper hour, after the first quarter, with twice the standard error\n\n");
    let rows = rows.get(rows.len() / 4..).unwrap_or_default();
    let of = |column: usize| rows.iter().filter_map(move |row| row.get(column).copied());
    let slopes: Vec<Vec<String>> = (2..COLUMNS.len())
        .map(|column| {
            let points: Vec<(f64, f64)> =
                of(0).map(|minute| minute / 60.0).zip(of(column)).collect();
            let points: Vec<_> =
                points.into_iter().filter(|(_, value)| value.is_finite()).collect();
            let mean = points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64;
            let (slope, error) = slope(&points);
            let grows = 2.0 * error < slope;
            vec![
                COLUMNS.get(column).copied().unwrap_or_default().to_owned(),
                table::fine(mean),
                format!("{slope:+.2}"),
                format!("{:.2}", 2.0 * error),
                if grows { "grows" } else { "does not grow" }.to_owned(),
            ]
        })
        .collect();
    table::print(&["figure", "mean", "slope", "+-", ""], &slopes);
}

/// Slope of the straight line of least squares, and its standard error.
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
    let rest = |(x, y): &(f64, f64)| (y - mean_y - slope * (x - mean_x)).powi(2);
    let rest: f64 = points.iter().map(rest).sum();
    (slope, (rest / (count - 2.0) / spread).sqrt())
}

/// Number and bytes of the files in a folder.
fn files(folder: &Path) -> Outcome<(usize, u64)> {
    let mut found = (0, 0);
    for entry in std::fs::read_dir(folder)? {
        found.0 += 1;
        // What is gone by now has become a block.
        found.1 += entry?.metadata().map_or(0, |data| data.len());
    }
    Ok(found)
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

fn add(to: &Mutex<Vec<f64>>, took: Duration) {
    to.lock().unwrap_or_else(PoisonError::into_inner).push(took.as_secs_f64() * 1e3);
}

fn taken(from: &Mutex<Vec<f64>>) -> Vec<f64> {
    std::mem::take(&mut from.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The nearest rank; nothing of nothing.
fn nearest(values: &mut [f64], quantile: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is small, and not below zero"
    )]
    let rank = (quantile * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}
