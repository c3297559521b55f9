//! The embedded store on one core: spans to rows, to blocks and back; a sender on the other core; then folders of a day of
//! spans, and questions to them, beside ClickHouse if it is installed.
//!
//! `store [--spans N] [--rounds N] [--kept N,N,..] [--sent N] [--folder PATH] [--peer no]`: `--spans` for each round of the
//! stages, `--sent` over the loopback, `--kept` for each folder; 0 leaves a part out.
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{
    env,
    hint::black_box,
    path::{Path, PathBuf},
};

use bench::{
    clickhouse::{self, ClickHouse},
    clock::{Reading, Spread, Took},
    day::Day,
    loopback, machine,
    made::{Traffic, Workload},
    questions, table,
};
use bytes::Bytes;
use keep::{
    parquet::{Block, BlockFormat, Wanted, encode},
    spans::{Derived, SpanRows},
    table::span as place,
};
use model::{Moment, TraceId};
use store::{Batch, Folder, Options, Store as _, Syncing};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Made-up traffic is the same in every run.
const SEED: u64 = 20_261_121;

struct Arguments {
    spans: usize,
    rounds: usize,
    kept: Vec<usize>,
    sent: usize,
    folder: PathBuf,
    peer: bool,
}

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    if let Some((option, rest)) = words.split_first()
        && option == "--send"
    {
        return loopback::send(rest);
    }
    let arguments = arguments(&words)?;
    machine::pin(0)?;
    table::say(&format!(
        "{}\none core, and all for questions; {} rounds, median (least - most)\n\n",
        machine::describe(),
        arguments.rounds,
    ));
    if 0 < arguments.spans {
        stages(&arguments)?;
    }
    if 0 < arguments.sent {
        sent(&arguments)?;
    }
    arguments.kept.iter().filter(|kept| 0 < **kept).try_for_each(|kept| day(&arguments, *kept))
}

fn arguments(words: &[String]) -> Outcome<Arguments> {
    let mut arguments = Arguments {
        spans: 131_072,
        rounds: 5,
        kept: vec![1_000_000, 10_000_000],
        sent: 10_000_000,
        folder: env::temp_dir(),
        peer: true,
    };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--spans" => arguments.spans = value.parse()?,
            [name, value] if name == "--rounds" => arguments.rounds = value.parse()?,
            [name, value] if name == "--kept" => {
                arguments.kept = value.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            [name, value] if name == "--sent" => arguments.sent = value.parse()?,
            [name, value] if name == "--folder" => arguments.folder = value.into(),
            [name, value] if name == "--peer" => arguments.peer = value != "no",
            _ => {
                let usage = "usage: store [--spans N] [--rounds N] [--kept N,N,..] [--sent N] [--folder PATH] [--peer no]";
                return Err(usage.into());
            }
        }
    }
    Ok(arguments)
}

/// What one round says: rates of each stage, then bytes a span.
type Round = ([f64; STAGES.len()], [f64; 4]);

const STAGES: [&str; 8] = [
    "decoded",
    "to spans",
    "rows of spans",
    "straight to rows",
    "block",
    "settled block",
    "read",
    "read 4 columns",
];

fn stages(arguments: &Arguments) -> Outcome<()> {
    table::say(&format!(
        "Stages, {} spans a round, million spans a second of processor time\n\n",
        table::thousands(arguments.spans as u64)
    ));
    let mut rates = Vec::new();
    let mut sizes = Vec::new();
    let made = Workload::ALL.map(|it| (it.name(), Traffic::new(it, SEED).exports(arguments.spans)));
    let fleet = ("a day of a fleet", Day::new(arguments.spans, SEED).collect());
    for (name, exports) in made.into_iter().chain([fleet]) {
        let rounds: Outcome<Vec<Round>> = (0..arguments.rounds).map(|_| round(&exports)).collect();
        let rounds = rounds?;
        let mut line = vec![name.to_owned()];
        line.extend((0..STAGES.len()).map(|stage| {
            table::spread(Spread::of(rounds.iter().map(|(rates, _)| rates[stage])), table::fine)
        }));
        rates.push(line);
        let mut line = vec![name.to_owned()];
        let last = rounds.last().map_or([0.0; 4], |(_, sizes)| *sizes);
        line.extend(last.map(|bytes| format!("{bytes:.1}")));
        sizes.push(line);
    }
    let head: Vec<&str> = std::iter::once("work").chain(STAGES).collect();
    table::print(&head, &rates);
    let head = ["bytes a span", "OTLP", "in memory", "block", "settled block"];
    table::print(&head, &sizes);
    Ok(())
}

fn round(exports: &[Vec<u8>]) -> Outcome<Round> {
    let begun = Reading::now();
    for export in exports {
        observe::otlp::view(export, |span| {
            black_box(span);
        })?;
    }
    let viewed = begun.took();
    let begun = Reading::now();
    let decoded: Vec<_> = exports.iter().map(|export| observe::otlp::decode(export)).collect();
    let decode = begun.took();
    let begun = Reading::now();
    let mut rows = SpanRows::default();
    for span in decoded.iter().flatten().flat_map(|decoded| &decoded.spans) {
        rows.push(span, Derived::default());
    }
    let push = begun.took();
    drop((rows, decoded));
    let begun = Reading::now();
    let mut rows = SpanRows::default();
    for export in exports {
        observe::otlp::view(export, |span| rows.push_view(span, |_, _| (0, 0)))?;
    }
    let straight = begun.took();
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
    let took = [viewed, decode, push, straight, fresh, settle, all, four];
    let otlp: usize = exports.iter().map(Vec::len).sum();
    let sizes = [otlp, chunk.bytes(), bytes[0], bytes[1]];
    Ok((
        took.map(|took| spans / took.cpu.as_secs_f64() / 1e6),
        sizes.map(|bytes| bytes as f64 / spans),
    ))
}

/// Over the loopback, from a sender on the other core.
fn sent(arguments: &Arguments) -> Outcome<()> {
    let mut rows = Vec::new();
    for (name, sync) in [("on disk", Syncing::Always), ("with the system", Syncing::Os)] {
        let folder = tempfile::tempdir_in(&arguments.folder)?;
        machine::watch_memory();
        let sent = loopback::run(folder.path(), arguments.sent, sync, SEED)?;
        let memory = machine::memory().peak;
        let rate = |time: std::time::Duration| table::count(sent.spans as f64 / time.as_secs_f64());
        rows.push(vec![
            name.to_owned(),
            table::thousands(sent.spans),
            rate(sent.acknowledged.wall),
            rate(sent.in_blocks.wall),
            rate(sent.in_blocks.cpu),
            table::fine(bytes_of(folder.path())? as f64 / sent.spans as f64),
            table::thousands(memory >> 20),
        ]);
    }
    table::say(
        "\nOver OTLP/HTTP on the loopback, the sender on the other core: spans a second\n\n",
    );
    let head = [
        "kept",
        "spans",
        "acknowledged, wall",
        "until in blocks, wall",
        "until in blocks, processor time",
        "B/span on disk",
        "MB at most",
    ];
    table::print(&head, &rows);
    Ok(())
}

/// A folder of a day, and questions to it.
fn day(arguments: &Arguments, kept: usize) -> Outcome<()> {
    let place = tempfile::tempdir_in(&arguments.folder)?;
    let folder = place.path().join("store");
    machine::pin(0)?;
    let (ids, keys) = fill(&folder, kept)?;
    // Who asks has the whole machine, in both engines.
    machine::unpin()?;
    let data = place.path().join("clickhouse");
    let python = clickhouse::python().filter(|_| arguments.peer);
    let peer = match &python {
        Some(python) => {
            let mut peer = ClickHouse::start(python, &data)?;
            let took = peer.fill(&folder, &keys)?;
            let told = peer.ask(
                "SELECT version(), count(), (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'spans') \
                 FROM spans",
            )?;
            let told: Vec<&str> = told.text.split_whitespace().collect();
            let [version, rows, bytes] = told[..] else {
                return Err("ClickHouse has no rows".into());
            };
            let rows: f64 = rows.parse()?;
            table::say(&format!(
                "ClickHouse {version}: {rows} rows in {:.0} s, {:.1} bytes a span\n\n",
                took.millis / 1e3,
                bytes.parse::<f64>()? / rows
            ));
            Some((peer, python.as_path(), data.as_path()))
        }
        None => None,
    };
    questions::compare(&folder, &ids, arguments.rounds, peer)
}

/// Fills a folder; returns the ids of some traces that are in it, and the keys of attributes.
fn fill(folder: &Path, kept: usize) -> Outcome<(Vec<TraceId>, Vec<String>)> {
    machine::watch_memory();
    let (store, _) = Folder::open(folder, Options { sync: Syncing::Os, ..Options::default() })?;
    let mut day = Day::new(kept, SEED);
    let (mut spans, mut append, mut tidy) = (0, Took::default(), Took::default());
    let mut ids = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    while let Some(batch) = day.batch() {
        let otlp = observe::otlp::encode(&batch);
        let begun = Reading::now();
        let decoded = observe::otlp::decode(&otlp)?.spans;
        let received = decoded.last().map_or_else(Moment::default, |span| span.end);
        store.append(&Batch { spans: &decoded, otlp: Some(&otlp), received })?;
        append += begun.took();
        if spans % (kept / 16).max(1) < decoded.len() {
            ids.extend(decoded.first().map(|span| span.trace_id));
            let named = decoded.iter().flat_map(|span| &span.attributes.0);
            keys.extend(named.map(|(key, _)| key.to_string()));
        }
        spans += decoded.len();
        let begun = Reading::now();
        while store.tidy()? {}
        tidy += begun.took();
    }
    let rate = |took: Took| table::count(spans as f64 / took.cpu.as_secs_f64());
    let whole = Took { cpu: append.cpu + tidy.cpu, wall: append.wall + tidy.wall };
    table::say(&format!(
        "\nA day of {} spans, in this process, spans a second of processor time: read and into the log {}, into blocks {}, \
         both {}; {:.1} bytes a span on disk, {} MB of memory at most\n\n",
        table::thousands(spans as u64),
        rate(append),
        rate(tidy),
        rate(whole),
        bytes_of(folder)? as f64 / spans as f64,
        machine::memory().peak >> 20,
    ));
    Ok((ids, keys.into_iter().collect()))
}

fn bytes_of(folder: &Path) -> Outcome<u64> {
    let entries = std::fs::read_dir(folder)?;
    Ok(entries.filter_map(|entry| entry.ok()?.metadata().ok().map(|it| it.len())).sum())
}
