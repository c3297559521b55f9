//! OTLP bytes to detected and durable, on one core: spans a second, per step, and memory in flight.
//!
//! `ingest [--spans N] [--rounds N] [--folder PATH] [--work WORD]`; `--work` measures only what has that word
//! in its name, and no memory. Memory is measured in processes of their own, which are this program again:
//! `ingest --memory SPANS BOUND`.
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bench::{
    clock::{Reading, Spread, Took},
    live, machine,
    made::{BATCH_SPANS, Traffic, Workload},
    pipeline::{Pipeline, Setup, Stage, Timing},
    recordings, table,
};
use store::Syncing;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Made-up traffic is the same in every run.
const SEED: u64 = 20_261_121;

struct Options {
    spans: usize,
    rounds: usize,
    folder: PathBuf,
    work: String,
}

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    machine::pin(0)?;
    if let [option, spans, bound] = words.as_slice()
        && option == "--memory"
    {
        return memory(spans.parse()?, bound.parse()?);
    }
    let options = options(&words)?;
    table::say(&format!(
        "{}\none core; {} spans a round, {} rounds; median (least - most)\n\n",
        machine::describe(),
        table::thousands(options.spans as u64),
        options.rounds
    ));
    let work = work(&options)?;
    whole(&options, &work)?;
    together(&options, &work)?;
    stages(&options, &work)?;
    if options.work.is_empty() { memories() } else { Ok(()) }
}

fn options(words: &[String]) -> Outcome<Options> {
    let mut options =
        Options { spans: 512_000, rounds: 5, folder: env::temp_dir(), work: String::new() };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--spans" => options.spans = value.parse()?,
            [name, value] if name == "--rounds" => options.rounds = value.parse()?,
            [name, value] if name == "--folder" => options.folder = value.into(),
            [name, value] if name == "--work" => options.work.clone_from(value),
            _ => {
                let usage = "usage: ingest [--spans N] [--rounds N] [--folder PATH] [--work WORD]";
                return Err(usage.into());
            }
        }
    }
    Ok(options)
}

/// Exports by what is in them.
type Work = Vec<(String, Vec<Vec<u8>>)>;

fn work(options: &Options) -> Outcome<Work> {
    let mut work: Work = Workload::ALL
        .into_iter()
        .filter(|workload| workload.name().contains(&options.work))
        .map(|workload| {
            let exports = Traffic::new(workload, SEED).exports(options.spans);
            (workload.name().to_owned(), exports)
        })
        .collect();
    if "recordings".contains(&options.work) {
        let recorded = recordings::all()?;
        work.push(("recordings".to_owned(), recordings::exports(&recorded, options.spans)));
    }
    Ok(work)
}

/// All steps together; the kinds of work take turns, so that a noisy minute hits all of them.
fn whole(options: &Options, work: &Work) -> Outcome<()> {
    let mut rounds: BTreeMap<(usize, &str), Vec<(Took, u64)>> = BTreeMap::new();
    let syncs = [
        ("on disk", Some(Syncing::Always)),
        ("with the system", Some(Syncing::Os)),
        ("nowhere", None),
    ];
    for _ in 0..options.rounds {
        for (place, (_, exports)) in work.iter().enumerate() {
            for (kept, sync) in syncs {
                let (pipeline, took) = run(&options.folder, exports, sync, Timing::Whole)?;
                rounds.entry((place, kept)).or_default().push((took, pipeline.received()));
            }
        }
    }
    let mut rows = Vec::new();
    for (place, (name, exports)) in work.iter().enumerate() {
        for (kept, _) in syncs {
            let Some(rounds) = rounds.get(&(place, kept)) else { continue };
            let rate = |of: fn(&Took) -> Duration| {
                let rates =
                    rounds.iter().map(|(took, spans)| *spans as f64 / of(took).as_secs_f64());
                table::spread(Spread::of(rates), table::count)
            };
            let bytes: usize = exports.iter().map(Vec::len).sum();
            let spans = rounds.first().map_or(1, |(_, spans)| *spans);
            rows.push(vec![
                name.clone(),
                kept.to_owned(),
                table::thousands(bytes as u64 / spans.max(1)),
                rate(|took| took.cpu),
                rate(|took| took.wall),
            ]);
        }
    }
    table::say("End to end\n\n");
    table::print(
        &["work", "kept", "B/span", "spans/s of processor time", "spans/s of wall time"],
        &rows,
    );
    Ok(())
}

/// The engine with its own threads, one sender and eight, durable.
fn together(options: &Options, work: &Work) -> Outcome<()> {
    let mut rounds: BTreeMap<(usize, usize), Vec<(Took, f64)>> = BTreeMap::new();
    for _ in 0..options.rounds {
        for (place, (_, exports)) in work.iter().enumerate() {
            for senders in [1, 8] {
                let folder = tempfile::tempdir_in(&options.folder)?;
                let outcome = live::run(folder.path(), exports, (senders, Syncing::Always))?;
                let spans = (exports.len() * BATCH_SPANS) as f64;
                rounds.entry((place, senders)).or_default().push((outcome.took, spans));
            }
        }
    }
    let row = |((place, senders), rounds): (&(usize, usize), &Vec<(Took, f64)>)| {
        let rate = |of: fn(&Took) -> Duration| {
            let rates = rounds.iter().map(|(took, spans)| spans / of(took).as_secs_f64());
            table::spread(Spread::of(rates), table::count)
        };
        let (cpu, wall) = (rate(|took| took.cpu), rate(|took| took.wall));
        vec![work[*place].0.clone(), senders.to_string(), cpu, wall]
    };
    let rows: Vec<Vec<String>> = rounds.iter().map(row).collect();
    table::say("\nThrough the running engine, on disk\n\n");
    let head = ["work", "senders", "spans/s of processor time", "spans/s of wall time"];
    table::print(&head, &rows);
    Ok(())
}

/// Each step by itself, durable.
fn stages(options: &Options, work: &Work) -> Outcome<()> {
    let mut rounds: BTreeMap<(Stage, usize), Vec<f64>> = BTreeMap::new();
    let mut requests = Vec::new();
    for round in 0..options.rounds {
        for (place, (_, exports)) in work.iter().enumerate() {
            let (pipeline, _) =
                run(&options.folder, exports, Some(Syncing::Always), Timing::Stages)?;
            for (stage, took) in pipeline.stages() {
                let each = took.cpu.as_secs_f64() * 1e6 / pipeline.received() as f64;
                rounds.entry((stage, place)).or_default().push(each);
            }
            if round == 0 {
                let requests_each = pipeline.received() / pipeline.requests().max(1);
                requests.push(format!("{requests_each} spans, {} findings", pipeline.findings()));
            }
        }
    }
    let of: Vec<Stage> = rounds.keys().map(|(stage, _)| *stage).collect();
    let mut rows = Vec::new();
    let mut sums = vec![0.0; work.len()];
    for stage in of.chunk_by(PartialEq::eq).filter_map(|same| same.first()) {
        let mut row = vec![stage.name().to_owned()];
        for (place, sum) in sums.iter_mut().enumerate() {
            let spread = Spread::of(rounds.get(&(*stage, place)).into_iter().flatten().copied());
            *sum += spread.median;
            row.push(table::spread(spread, table::fine));
        }
        rows.push(row);
    }
    let sums = sums.into_iter().map(table::fine);
    rows.push(std::iter::once("sum of medians".to_owned()).chain(sums).collect());
    rows.push(std::iter::once("spans a request, findings".to_owned()).chain(requests).collect());
    table::say("\nPer step, durable: µs of processor time a span\n\n");
    let names = work.iter().map(|(name, _)| name.as_str());
    let head: Vec<&str> = std::iter::once("step").chain(names).collect();
    table::print(&head, &rows);
    Ok(())
}

fn run(
    folder: &Path,
    exports: &[Vec<u8>],
    sync: Option<Syncing>,
    timing: Timing,
) -> Outcome<(Pipeline, Took)> {
    let folder = tempfile::tempdir_in(folder)?;
    let settle = Duration::from_secs(1);
    let setup = Setup { sync, spans_max: 1_000_000, settle, timing };
    let mut pipeline = Pipeline::new(folder.path(), setup)?;
    let begun = Reading::now();
    for export in exports {
        pipeline.accept(export)?;
    }
    pipeline.finish()?;
    let took = begun.took();
    Ok((pipeline, took))
}

fn memories() -> Outcome<()> {
    table::say("\nMemory, mixed work, nothing completes by itself\n\n");
    let mut rows = Vec::new();
    for (sent, bound) in [(1_000_000, 1_100_000), (2_000_000, 1_000_000)] {
        let output = Command::new(env::current_exe()?)
            .args(["--memory", &sent.to_string(), &bound.to_string()])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let told = String::from_utf8(output.stdout)?;
        rows.push(told.trim().split('|').map(str::to_owned).collect());
    }
    let head = [
        "sent",
        "bound",
        "most in flight",
        "MB at start",
        "MB once sent",
        "B/span in flight",
        "MB at most",
    ];
    table::print(&head, &rows);
    Ok(())
}

/// Sends spans of which no trace completes by silence; prints what that takes, for [`memories`].
fn memory(spans: u64, bound: usize) -> Outcome<()> {
    let settle = Duration::from_secs(50);
    let setup = Setup { sync: None, spans_max: bound, settle, timing: Timing::Whole };
    let mut pipeline = Pipeline::new(Path::new("."), setup)?;
    let mut traffic = Traffic::new(Workload::Mixed, SEED);
    let start = machine::memory().now;
    let mut most = 0;
    while pipeline.received() < spans {
        pipeline.accept(&observe::otlp::encode(&traffic.batch()))?;
        most = most.max(pipeline.in_flight());
    }
    let in_flight = pipeline.in_flight() as u64;
    let sent = machine::memory().now;
    pipeline.finish()?;
    let peak = machine::memory().peak;
    let mega = |bytes: u64| table::thousands(bytes / 1_000_000);
    let cells = [
        table::thousands(pipeline.received()),
        table::thousands(bound as u64),
        table::thousands(most as u64),
        mega(start),
        mega(sent),
        table::thousands(sent.saturating_sub(start) / in_flight.max(1)),
        mega(peak),
    ];
    table::say(&format!("{}\n", cells.join("|")));
    Ok(())
}
