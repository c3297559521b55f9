//! Measures the embedded store: `throughput FOLDER [SPANS]` on the disk that is meant.
//!
//! Batches of 500 spans of about 430 bytes, ten spans a trace, one fact a trace.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "counts of a measurement are small"
)]

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use model::{
    Attributes, Moment, OperationKey, Resource, Scope, Span, SpanId, SpanKind, Status, Text,
    TraceId, Value, Window,
};
use store::{
    Batch, Breakdown, Folder, GroupFact, GroupKind, Options, RequestFact, Store as _, StoreError,
    Syncing,
};

const BATCH_SPANS: u64 = 500;
const TRACE_SPANS: u64 = 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("usage: throughput FOLDER [SPANS]")?;
    let spans = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let folder = Path::new(&folder);
    for (sync, threads) in
        [(Syncing::Always, 1), (Syncing::Always, 8), (Syncing::Os, 1), (Syncing::Os, 2)]
    {
        let place = folder.join(format!("{sync:?}-{threads}"));
        measure(&place, sync, threads, spans)?;
        fs::remove_dir_all(&place)?;
    }
    Ok(())
}

fn measure(place: &Path, sync: Syncing, threads: u64, spans: u64) -> Result<(), StoreError> {
    let options = Options { sync, ..Options::default() };
    let (store, _) = Folder::open(place, options.clone())?;
    let batches = spans / BATCH_SPANS;
    let made = made(batches);
    let span_bytes = made.iter().map(|(_, otlp)| otlp.len()).sum::<usize>() / spans as usize;
    let begun = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let (store, made) = (&store, &made);
            scope.spawn(move || {
                for batch in (thread..batches).step_by(threads as usize) {
                    let (spans, otlp) = &made[batch as usize];
                    let received = Moment { nanos: 1 + batch };
                    let otlp = Some(&otlp[..]);
                    store.append(&Batch { spans, otlp, received }).expect("the disk works");
                }
            });
        }
    });
    let append = begun.elapsed();
    tell(&format!("{sync:?}, {threads} writers, {span_bytes} B a span"), append, spans);
    let facts = spans / TRACE_SPANS;
    let begun = Instant::now();
    for first in (0..facts).step_by(1_000) {
        store.record((first..facts.min(first + 1_000)).map(fact).collect())?;
    }
    tell("  record, facts", begun.elapsed(), facts);
    let usage = store.requests_usage();
    let begun = Instant::now();
    let operations = store.operations(Window::ALL)?;
    tell("  operations over all, facts", begun.elapsed(), facts);
    let begun = Instant::now();
    for trace in (0..facts).step_by((facts / 100).max(1) as usize) {
        assert_eq!(store.trace(trace_id(trace))?.len() as u64, TRACE_SPANS);
    }
    tell("  trace by id", begun.elapsed(), 100);
    let index_bytes = store.index_bytes();
    drop(store);
    let (_, opened) = Folder::open(place, options.clone())?;
    let disk_bytes = opened.bytes;
    for file in fs::read_dir(place).into_iter().flatten().flatten() {
        if file.path().extension().is_some_and(|it| it == "index") {
            drop(fs::remove_file(file.path()));
        }
    }
    let (_, rebuilt) = Folder::open(place, options)?;
    tell("  open, spans", opened.took, spans);
    tell("  open without indexes, spans", rebuilt.took, spans);
    let told = format!(
        "  {} operations; {} B a fact in memory; index {:.1} B a span; disk {} B a span\n",
        operations.len(),
        usage.bytes / usage.requests.max(1),
        index_bytes as f64 / spans as f64,
        disk_bytes / spans,
    );
    drop(io::stdout().write_all(told.as_bytes()));
    Ok(())
}

fn tell(what: &str, took: Duration, count: u64) {
    let seconds = took.as_secs_f64();
    let rate = count as f64 / seconds;
    let each = seconds * 1e6 / count as f64;
    let told = format!("{what}: {seconds:.3} s, {rate:.0} a second, {each:.2} µs each\n");
    drop(io::stdout().write_all(told.as_bytes()));
}

fn made(batches: u64) -> Vec<(Vec<Span>, Vec<u8>)> {
    let resource = Arc::new(Resource {
        attributes: Attributes(vec![("service.name".into(), Value::Text("shop".into()))]),
        ..Resource::default()
    });
    let batch = |batch: u64| {
        let numbers = batch * BATCH_SPANS..(batch + 1) * BATCH_SPANS;
        let spans = numbers.map(|number| span(number, &resource)).collect::<Vec<_>>();
        let otlp = observe::otlp::encode(&spans);
        (spans, otlp)
    };
    (0..batches).map(batch).collect()
}

/// Spreads numbers, so that ids look random.
fn mixed(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

fn trace_id(trace: u64) -> TraceId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mixed(trace).to_be_bytes());
    id[8..].copy_from_slice(&mixed(trace ^ 0xabcd_ef00).to_be_bytes());
    TraceId(id)
}

fn span(number: u64, resource: &Arc<Resource>) -> Span {
    let text = |text: &str| Value::Text(text.into());
    let attributes = vec![
        ("db.system".into(), text("postgresql")),
        (
            "db.statement".into(),
            text(
                "SELECT \"shop_item\".\"id\", \"shop_item\".\"order_id\", \"shop_item\".\"name\", \"shop_item\".\"price\" FROM \"shop_item\" WHERE \"shop_item\".\"order_id\" = %s ORDER BY \"shop_item\".\"id\"",
            ),
        ),
        ("db.name".into(), text("shop")),
        ("db.user".into(), text("shop")),
        ("net.peer.name".into(), text("127.0.0.1")),
        ("net.peer.port".into(), Value::Int(5432)),
        ("thread.id".into(), Value::Int(140_000_000_000 + (number % 7).cast_signed())),
        ("thread.name".into(), text("ThreadPoolExecutor-0_1")),
    ];
    Span {
        trace_id: trace_id(number / TRACE_SPANS),
        span_id: SpanId(mixed(number).to_be_bytes()),
        parent_id: Some(SpanId(mixed(number / TRACE_SPANS).to_be_bytes())),
        trace_state: Text::default(),
        flags: 257,
        name: "SELECT".into(),
        kind: SpanKind::Client,
        start: Moment { nanos: 1_700_000_000_000_000_000 + number * 1_000 },
        end: Moment { nanos: 1_700_000_000_002_000_000 + number * 1_000 },
        attributes: Attributes(attributes),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::clone(resource),
        scope: Arc::new(Scope::default()),
    }
}

fn fact(trace: u64) -> RequestFact {
    let millis = |count: u64| Duration::from_nanos(count * 1_000_000 + trace % 1_000_000);
    let route = trace % 40;
    let group = |place: u64| GroupFact {
        kind: if place == 0 { GroupKind::Own } else { GroupKind::Database },
        name: format!("SELECT a, b, c FROM table_{route} WHERE column_{place} = ?").into(),
        count: 1 + place as u32 * 3,
        total: millis(place + 1),
        failed: 0,
    };
    RequestFact {
        operation: OperationKey {
            service: "shop".into(),
            operation: format!("GET /api/resource-{route}/{{id}}").into(),
        },
        trace_id: trace_id(trace),
        span_id: SpanId(mixed(trace * TRACE_SPANS).to_be_bytes()),
        start: Moment { nanos: 1_700_000_000_000_000_000 + trace * 10_000 },
        duration: millis(10 + trace % 90),
        failed: trace.is_multiple_of(50),
        status: 200,
        statements: 9,
        spans: TRACE_SPANS as u32,
        breakdown: Breakdown { own: millis(3), database: millis(7), ..Breakdown::default() },
        groups: (0..6).map(group).collect(),
        attributes: vec![
            ("http.user_agent".into(), "Mozilla/5.0".into()),
            ("user.tier".into(), if trace.is_multiple_of(3) { "gold" } else { "free" }.into()),
            ("user.id".into(), Text::from(format!("{}", trace % 5_000))),
        ],
    }
}
