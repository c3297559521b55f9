//! Logs of PostgreSQL to a report: Taut, and pgBadger if it is installed, over the same file.
//!
//! `log [--mb N] [--big-mb N] [--rounds N] [--keep FOLDER]`. The log is a real server's, told again with later times. First
//! how fast and in how much memory, then whether the figures are the same.
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use bench::{
    children::{self, Run},
    clock::{Reading, Spread},
    logs, machine, table,
};
use observe::postgres_log::{Reader, ReaderOptions, Record, Summary};
use serde_json::Value;

/// Chunks in which the file is handed over, as `taut log` does.
const CHUNK_BYTES: usize = 256 << 10;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let (mut mb, mut big_mb, mut rounds, mut keep) = (100_u64, 1_000_u64, 3, None);
    let words: Vec<String> = env::args().skip(1).collect();
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--mb" => mb = value.parse()?,
            [name, value] if name == "--big-mb" => big_mb = value.parse()?,
            [name, value] if name == "--rounds" => rounds = value.parse()?,
            [name, value] if name == "--keep" => keep = Some(PathBuf::from(value)),
            _ => {
                let usage = "usage: log [--mb N] [--big-mb N] [--rounds N] [--keep FOLDER]";
                return Err(usage.into());
            }
        }
    }
    let passing = tempfile::tempdir()?;
    let folder = keep.as_deref().unwrap_or_else(|| passing.path());
    fs::create_dir_all(folder)?;
    let badger = version(Command::new("pgbadger").arg("--version"));
    let taut = env::current_exe()?.with_file_name("taut");
    let names = [version(Command::new(&taut).arg("--version")), badger.clone()];
    let names: Vec<String> = names.into_iter().flatten().collect();
    table::say(&format!("{}\none core; {}\n", machine::describe(), names.join(" and ")));
    let recorded = logs::record(folder)?;
    machine::pin(0)?;
    in_process(&recorded, mb, rounds, folder)?;
    let file = folder.join("log.stderr");
    logs::multiply(&recorded, &file, mb * 1_000_000)?;
    let ours = whole(&taut, &file, folder, rounds)?;
    let big = folder.join("log.big");
    logs::multiply(&recorded, &big, big_mb * 1_000_000)?;
    let large = run_taut(&taut, &big, folder)?;
    fs::remove_file(&big)?;
    let mut rows = vec![row("taut log", mb, &ours), row("taut log", big_mb, &[large])];
    let badger_report = if badger.is_some() {
        let (run, report) = run_badger(&file, folder)?;
        let ratio = run.took.cpu.as_secs_f64() / median(&ours);
        rows.push(row("pgbadger -j 1", mb, &[run]));
        table::say(&format!("\npgBadger takes {ratio:.0} times as long on the same {mb} MB.\n"));
        Some(report)
    } else {
        table::say("\npgBadger is not installed: `apt-get install pgbadger`\n");
        None
    };
    table::say("\nWhole programs, one core; median (least - most)\n\n");
    table::print(&["program", "MB", "processor s", "MB/s", "MB in memory"], &rows);
    if let (Some(theirs), Some(run)) = (badger_report, ours.first()) {
        figures(&serde_json::from_slice(&run.printed)?, &theirs);
    }
    Ok(())
}

fn version(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Reader and summary alone, from memory, for each format.
fn in_process(recorded: &Path, mb: u64, rounds: usize, folder: &Path) -> Outcome<()> {
    let mut rows = Vec::new();
    for (name, ending) in [("stderr", "log"), ("csvlog", "csv"), ("jsonlog", "json")] {
        let one = recorded.with_extension(ending);
        let file = folder.join("log.made");
        logs::multiply(&one, &file, mb * 1_000_000)?;
        let bytes = fs::read(&file)?;
        fs::remove_file(&file)?;
        let mut speeds = Vec::new();
        let mut records = 0;
        for _ in 0..rounds {
            let begun = Reading::now();
            let mut reader = Reader::new(ReaderOptions::default());
            let mut summary = Summary::default();
            let mut sink = |record: Record<'_>| summary.add(&record);
            for chunk in bytes.chunks(CHUNK_BYTES) {
                reader.feed(chunk, &mut sink);
            }
            reader.finish(&mut sink);
            records = reader.progress().records;
            speeds.push(bytes.len() as f64 / 1e6 / begun.took().cpu.as_secs_f64());
        }
        let speed = Spread::of(speeds);
        rows.push(vec![
            name.to_owned(),
            table::thousands(bytes.len() as u64 / 1_000_000),
            table::thousands(records),
            table::spread(speed, table::count),
            table::fine(bytes.len() as f64 / 1e6 / speed.median),
        ]);
    }
    table::say("\nReader and sums, from memory, one core; median (least - most)\n\n");
    let head = ["format", "MB", "entries", "MB/s of processor time", "processor s"];
    table::print(&head, &rows);
    Ok(())
}

fn whole(taut: &Path, file: &Path, folder: &Path, rounds: usize) -> Outcome<Vec<Run>> {
    (0..rounds).map(|_| run_taut(taut, file, folder)).collect()
}

fn run_taut(taut: &Path, file: &Path, folder: &Path) -> Outcome<Run> {
    let run = children::run(
        Command::new(taut).args(["log", "--json", "--top", "100000"]).arg(file),
        folder,
    )?;
    if run.code == Some(0) { Ok(run) } else { Err(run.complained.into()) }
}

fn run_badger(file: &Path, folder: &Path) -> Outcome<(Run, Value)> {
    let out = folder.join("pgbadger.json");
    let mut command = Command::new("pgbadger");
    command.args(["-q", "-j", "1", "-f", "stderr", "-p", logs::PREFIX, "-x", "json", "-o"]);
    let run = children::run(command.arg(&out).arg(file), folder)?;
    if run.code != Some(0) {
        return Err(run.complained.into());
    }
    Ok((run, serde_json::from_slice(&fs::read(out)?)?))
}

fn median(runs: &[Run]) -> f64 {
    Spread::of(runs.iter().map(|run| run.took.cpu.as_secs_f64())).median
}

fn row(name: &str, mb: u64, runs: &[Run]) -> Vec<String> {
    let cpu = Spread::of(runs.iter().map(|run| run.took.cpu.as_secs_f64()));
    let peak = Spread::of(runs.iter().map(|run| run.peak as f64 / 1e6));
    vec![
        name.to_owned(),
        table::thousands(mb),
        table::spread(cpu, table::fine),
        table::count(mb as f64 / cpu.median),
        table::count(peak.median),
    ]
}

/// A number behind a path of keys.
fn number(value: &Value, path: &[&str]) -> f64 {
    let found = path.iter().try_fold(value, |value, key| value.get(key));
    match found {
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(Value::String(text)) => text.parse().unwrap_or(f64::NAN),
        _ => 0.0,
    }
}

/// What both say, side by side.
#[expect(clippy::too_many_lines, reason = "a table of what is compared with what")]
fn figures(ours: &Value, theirs: &Value) {
    const ALL: &str = "postgres";
    let severity = |name: &str| {
        let list = ours.get("severities").and_then(Value::as_array);
        let of = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(name);
        list.and_then(|list| list.iter().find(of)).map_or(0.0, |one| number(one, &["count"]))
    };
    let locks = |key: &str| {
        let kinds = theirs.get("lock_info").and_then(|locks| locks.get(ALL));
        let kinds = kinds.and_then(Value::as_object);
        kinds.map_or(0.0, |kinds| kinds.values().map(|kind| number(kind, &[key])).sum())
    };
    let our = |path: &[&str]| number(ours, path);
    let their = |path: &[&str]| number(theirs, path);
    let pairs = [
        (
            "statements with a time",
            our(&["statements", "count"]),
            their(&["overall_stat", ALL, "histogram", "query_total"]),
        ),
        (
            "parse, ms",
            our(&["parse", "total_micros"]) / 1e3,
            their(&["overall_stat", ALL, "queries_duration", "prepare"]),
        ),
        (
            "bind, ms",
            our(&["bind", "total_micros"]) / 1e3,
            their(&["overall_stat", ALL, "queries_duration", "bind"]),
        ),
        ("lock waits", our(&["locks", "acquired", "count"]), locks("count")),
        ("lock waits, ms", our(&["locks", "acquired", "total_micros"]) / 1e3, locks("duration")),
        ("temporary files", our(&["temp_files", "count"]), their(&["tempfile_info", ALL, "count"])),
        (
            "temporary files, bytes",
            our(&["temp_files", "bytes"]),
            their(&["tempfile_info", ALL, "size"]),
        ),
        (
            "connections",
            our(&["connections", "authorized"]),
            their(&["connection_info", ALL, "count"]),
        ),
        (
            "sessions",
            our(&["connections", "sessions", "count"]),
            their(&["session_info", ALL, "count"]),
        ),
        (
            "sessions, ms",
            our(&["connections", "sessions", "total_micros"]) / 1e3,
            their(&["session_info", ALL, "duration"]),
        ),
        (
            "checkpoints, buffers",
            our(&["checkpoints", "buffers"]),
            their(&["checkpoint_info", "wbuffer"]),
        ),
        (
            "checkpoints, s",
            our(&["checkpoints", "total_micros"]) / 1e6,
            their(&["checkpoint_info", "total"]),
        ),
        ("vacuums", our(&["vacuums"]), their(&["autovacuum_info", ALL, "count"])),
        ("analyzes", our(&["analyzes"]), their(&["autoanalyze_info", ALL, "count"])),
        ("ERROR", severity("ERROR"), their(&["logs_type", ALL, "ERROR"])),
        ("FATAL", severity("FATAL"), their(&["logs_type", ALL, "FATAL"])),
        ("WARNING", severity("WARNING"), their(&["logs_type", ALL, "WARNING"])),
    ];
    let mut rows: Vec<Vec<String>> =
        pairs.iter().map(|(name, ours, theirs)| compared(name, *ours, *theirs)).collect();
    rows.push(hours(ours, theirs));
    rows.push(shapes(ours, theirs));
    table::say("\nThe same file, the same figures?\n\n");
    table::print(&["figure", "taut", "pgBadger", "equal"], &rows);
}

fn compared(name: &str, ours: f64, theirs: f64) -> Vec<String> {
    let is_equal = (ours - theirs).abs() <= theirs.abs() * 1e-6 + 1e-3;
    let show = |value: f64| {
        if value.fract().abs() < 1e-6 { format!("{value:.0}") } else { format!("{value:.3}") }
    };
    vec![name.to_owned(), show(ours), show(theirs), verdict(is_equal)]
}

fn verdict(is_equal: bool) -> String {
    if is_equal { "yes".to_owned() } else { "**no**".to_owned() }
}

/// Connections by hour.
fn hours(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut told: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    for hour in ours.get("hours").and_then(Value::as_array).into_iter().flatten() {
        let name = hour.get("hour").and_then(Value::as_str).unwrap_or_default();
        let key: String = name.chars().filter(char::is_ascii_digit).take(10).collect();
        told.entry(key).or_default()[0] += number(hour, &["connections"]);
    }
    let days = theirs.pointer("/connection_info/postgres/chronos").and_then(Value::as_object);
    for (day, hours) in days.into_iter().flatten() {
        for (hour, sums) in hours.as_object().into_iter().flatten() {
            told.entry(format!("{day}{hour}")).or_default()[1] += number(sums, &["count"]);
        }
    }
    let equal = told.values().filter(|[ours, theirs]| (ours - theirs).abs() < 0.5).count();
    let of = told.len();
    let name = "hours with the same connections".to_owned();
    vec![name, format!("{equal} of {of}"), format!("{of}"), verdict(equal == of)]
}

/// Shapes whose texts agree but for spaces, quotes and a last semicolon, and their counts.
fn shapes(ours: &Value, theirs: &Value) -> Vec<String> {
    let plain = |text: &str| {
        let mut plain = text.to_lowercase();
        for number in (1..=20).rev() {
            plain = plain.replace(&format!("${number}"), "?");
        }
        plain.retain(|letter| !letter.is_whitespace() && letter != '\'' && letter != ';');
        plain
    };
    let mut counts: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    for shape in ours.get("by_count").and_then(Value::as_array).into_iter().flatten() {
        let text = shape.get("text").and_then(Value::as_str).unwrap_or_default();
        counts.entry(plain(text)).or_default()[0] += number(shape, &["times", "count"]);
    }
    let known = theirs.pointer("/normalyzed_info/postgres").and_then(Value::as_object);
    for (text, shape) in known.into_iter().flatten() {
        counts.entry(plain(text)).or_default()[1] += number(shape, &["count"]);
    }
    let both: Vec<&[f64; 2]> = counts.values().filter(|[a, b]| 0.0 < *a && 0.0 < *b).collect();
    let equal = both.iter().filter(|[ours, theirs]| (ours - theirs).abs() < 0.5).count();
    let name = "shapes spelt alike, with the same count".to_owned();
    vec![
        name,
        format!("{equal} of {}", both.len()),
        both.len().to_string(),
        verdict(equal == both.len()),
    ]
}
