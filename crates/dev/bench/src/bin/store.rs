//! The embedded store on one core: spans to rows, to blocks and back; then a folder of them, and questions to it.
//!
//! `store [--spans N] [--rounds N] [--kept N] [--folder PATH]`: `--spans` for each round of the stages, `--kept` for
//! the folder.
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{
    env,
    hint::black_box,
    path::{Path, PathBuf},
    time::Duration,
};

use bench::{
    clock::{Reading, Spread, Took},
    machine,
    made::{Traffic, Workload},
    table,
};
use bytes::Bytes;
use keep::{
    parquet::{Block, BlockFormat, Wanted, encode},
    query::{Comparison, Field, Filter, Measure, Query, Top},
    spans::{Derived, SpanRows},
    table::span as place,
};
use model::{Moment, Span, TraceId, Window};
use store::{Batch, Folder, Limits, Options, Store as _, Syncing};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Made-up traffic is the same in every run.
const SEED: u64 = 20_261_121;

/// Times that a question is asked; the first has nothing in memory yet.
const ASKED: usize = 5;

struct Arguments {
    spans: usize,
    rounds: usize,
    kept: usize,
    folder: PathBuf,
}

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let arguments = arguments(&words)?;
    machine::pin(0)?;
    let Arguments { spans, rounds, kept, .. } = &arguments;
    table::say(&format!(
        "{}\none core; stages: {} spans a round, {rounds} rounds, median (least - most), million \
         spans a second of processor time; folder: {} spans\n\n",
        machine::describe(),
        table::thousands(*spans as u64),
        table::thousands(*kept as u64),
    ));
    stages(&arguments)?;
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    let ids = fill(folder.path(), *kept)?;
    questions(folder.path(), &ids)
}

fn arguments(words: &[String]) -> Outcome<Arguments> {
    let mut arguments =
        Arguments { spans: 131_072, rounds: 5, kept: 2_000_000, folder: env::temp_dir() };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--spans" => arguments.spans = value.parse()?,
            [name, value] if name == "--rounds" => arguments.rounds = value.parse()?,
            [name, value] if name == "--kept" => arguments.kept = value.parse()?,
            [name, value] if name == "--folder" => arguments.folder = value.into(),
            _ => {
                let usage = "usage: store [--spans N] [--rounds N] [--kept N] [--folder PATH]";
                return Err(usage.into());
            }
        }
    }
    Ok(arguments)
}

/// What one round says: rates of each stage, then bytes a span.
type Round = ([f64; 6], [f64; 4]);

fn stages(arguments: &Arguments) -> Outcome<()> {
    let mut rates = Vec::new();
    let mut sizes = Vec::new();
    for workload in Workload::ALL {
        let exports = Traffic::new(workload, SEED).exports(arguments.spans);
        let rounds: Outcome<Vec<Round>> = (0..arguments.rounds).map(|_| round(&exports)).collect();
        let rounds = rounds?;
        let mut line = vec![workload.name().to_owned()];
        line.extend((0..6).map(|stage| {
            table::spread(Spread::of(rounds.iter().map(|(rates, _)| rates[stage])), table::fine)
        }));
        rates.push(line);
        let mut line = vec![workload.name().to_owned()];
        let last = rounds.last().map_or([0.0; 4], |(_, sizes)| *sizes);
        line.extend(last.map(|bytes| format!("{bytes:.1}")));
        sizes.push(line);
    }
    let head = ["work", "decode", "rows", "block", "settled block", "read", "read 4 columns"];
    table::print(&head, &rates);
    let head = ["bytes a span", "OTLP", "in memory", "block", "settled block"];
    table::print(&head, &sizes);
    Ok(())
}

fn round(exports: &[Vec<u8>]) -> Outcome<Round> {
    let begun = Reading::now();
    let decoded: Vec<_> = exports.iter().map(|export| observe::otlp::decode(export)).collect();
    let decode = begun.took();
    let begun = Reading::now();
    let mut rows = SpanRows::default();
    for span in decoded.iter().flatten().flat_map(|decoded| &decoded.spans) {
        rows.push(span, Derived::default());
    }
    let push = begun.took();
    let chunk = rows.into_chunk();
    let begun = Reading::now();
    let block = encode(&chunk, &BlockFormat::FRESH, &[])?;
    let fresh = begun.took();
    let begun = Reading::now();
    let settled = encode(&chunk, &BlockFormat::SETTLED, &[])?;
    let settle = begun.took();
    let bytes = [block.len(), settled.len()];
    let block = Block::open(Bytes::from(block))?;
    let read = |wanted: Wanted<'_>| -> Outcome<Took> {
        let begun = Reading::now();
        for group in 0..block.groups().len() {
            black_box(block.read(group, wanted)?);
        }
        Ok(begun.took())
    };
    let all = read(Wanted::ALL)?;
    let columns = [place::START, place::DURATION, place::SERVICE, place::NAME];
    let four = read(Wanted { columns: Some(&columns), attributes: Some(&[]), rows: None })?;
    let spans = chunk.rows() as f64;
    let took = [decode, push, fresh, settle, all, four];
    let otlp: usize = exports.iter().map(Vec::len).sum();
    let sizes = [otlp, chunk.bytes(), bytes[0], bytes[1]];
    Ok((
        took.map(|took| spans / took.cpu.as_secs_f64() / 1e6),
        sizes.map(|bytes| bytes as f64 / spans),
    ))
}

/// Fills a folder; returns the ids of some traces that are in it.
fn fill(folder: &Path, kept: usize) -> Outcome<Vec<TraceId>> {
    let (store, _) = Folder::open(folder, Options { sync: Syncing::Os, ..Options::default() })?;
    let mut traffic = Traffic::new(Workload::Mixed, SEED);
    let (mut spans, mut append, mut tidy) = (0, Took::default(), Took::default());
    let mut ids = Vec::new();
    while spans < kept {
        let otlp = observe::otlp::encode(&traffic.batch());
        let begun = Reading::now();
        let decoded = observe::otlp::decode(&otlp)?.spans;
        let received = decoded.last().map_or_else(Moment::default, |span| span.end);
        store.append(&Batch { spans: &decoded, otlp: Some(&otlp), received })?;
        append += begun.took();
        if spans % 100_000 < decoded.len() {
            ids.extend(decoded.first().map(|span| span.trace_id));
        }
        spans += decoded.len();
        let begun = Reading::now();
        while store.tidy()? {}
        tidy += begun.took();
    }
    let bytes: u64 = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.metadata().ok().map(|it| it.len()))
        .sum();
    let rate = |took: Took| spans as f64 / took.cpu.as_secs_f64();
    let whole = Took { cpu: append.cpu + tidy.cpu, wall: append.wall + tidy.wall };
    table::say(&format!(
        "into the log (read, written, not synced) {} spans/s, into blocks and larger blocks {}, both {}; {:.1} bytes a span \
         on disk\n\n",
        table::count(rate(append)),
        table::count(rate(tidy)),
        table::count(rate(whole)),
        bytes as f64 / spans as f64,
    ));
    Ok(ids)
}

fn questions(folder: &Path, ids: &[TraceId]) -> Outcome<()> {
    let (store, _) = Folder::open(folder, Options { sync: Syncing::Os, ..Options::default() })?;
    let limits = Limits::default();
    let duration = Field::Column(place::DURATION);
    let by_minute = Query {
        table: &keep::SPANS,
        window: Window::ALL,
        filter: Filter::Has(Field::Column(place::OPERATION)),
        group: vec![Field::Column(place::SERVICE), Field::Column(place::OPERATION)],
        step: Some(Duration::from_mins(1)),
        measures: vec![Measure::Count, Measure::Distribution(duration.clone())],
        limit: 1_000,
    };
    let first = store.ask(&Query { step: None, ..by_minute.clone() }, &limits)?;
    let begin = earliest(&store, ids)?;
    let window = Window { from: begin, to: begin + Duration::from_hours(24) };
    let by_minute = Query { window, ..by_minute };
    let slowest = Top {
        table: &keep::SPANS,
        window: Window { from: begin, to: begin + Duration::from_hours(1) },
        filter: Filter::All,
        by: duration.clone(),
        limit: 50,
    };
    let comparison = Comparison {
        table: &keep::SPANS,
        window,
        filter: Filter::All,
        selection: Filter::Between(duration, 1_000_000_000, i64::MAX),
    };
    let mut rows = Vec::new();
    let mut line = |name: &str, ask: &mut dyn FnMut() -> Outcome<String>| -> Outcome<()> {
        let mut took = Vec::new();
        let mut found = String::new();
        for _ in 0..ASKED {
            let begun = Reading::now();
            found = ask()?;
            took.push(begun.took().wall.as_secs_f64() * 1e3);
        }
        let rest = Spread::of(took.iter().skip(1).copied());
        rows.push(vec![
            name.to_owned(),
            table::fine(took[0]),
            table::spread(rest, table::fine),
            found,
        ]);
        Ok(())
    };
    line("quantiles of each operation, 24 h by minute", &mut || {
        Ok(format!("{} groups", store.ask(&by_minute, &limits)?.answer.groups.len()))
    })?;
    line("slowest 50 of an hour", &mut || {
        Ok(format!("{} spans", store.top(&slowest, &limits)?.answer.len()))
    })?;
    let mut ids = ids.iter().cycle();
    line("a trace by its id", &mut || {
        let id = ids.next().copied().unwrap_or_default();
        Ok(format!("{} spans", store.trace(id)?.len()))
    })?;
    line("what requests above 1 s have more often", &mut || {
        let differences = store.compare(&comparison, &limits)?.answer;
        Ok(format!("{} fields", differences.ranked(100, 5).len()))
    })?;
    table::say(&format!("{} operations\n", first.answer.groups.len()));
    table::print(&["question", "first, ms", "then, ms", "found"], &rows);
    Ok(())
}

fn earliest(store: &Folder, ids: &[TraceId]) -> Outcome<Moment> {
    let mut begin = Moment { nanos: u64::MAX };
    for id in ids.iter().take(1) {
        let spans: Vec<Span> = store.trace(*id)?;
        begin = spans.iter().map(|span| span.start).min().unwrap_or(begin).min(begin);
    }
    Ok(begin)
}
