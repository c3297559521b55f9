//! What is compared: runs of load, CSV, recordings, captures, or a stretch of what `taut up` keeps.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use ::load::{FILE_BYTES_MAX, Outcome};
use ::prove::compare::{Request, Side};
use engine::proof::{self, Evidence, Of};
use model::{Moment, Span, Trace, Window};

use super::{Arguments, csv::of_csv, kept};
use crate::{
    commands::{find, load::is_captured, replay, store::when},
    say::{self, AMBER, Failure},
};

const HINT: &str = "it should be what `taut load --out FILE` has written, a CSV of latencies, a recording of spans, a capture, \
     or a stretch of what `taut up` keeps: `2h..1h`";

/// One side, with its traces where there are such.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) evidence: Evidence,
    pub(super) traces: Vec<Trace>,
    /// Which requests of the traces are meant.
    pub(super) of: Of,
}

/// Reads one side.
pub(super) fn read(text: &str, arguments: &Arguments) -> Result<Read, Failure> {
    let path = Path::new(text);
    if path.exists() {
        return of_path(path, None, arguments);
    }
    if let Some(window) = stretch(text, when::now())? {
        let evidence = kept::evidence(window, &of(arguments), arguments)?;
        if evidence.side.requests.is_empty() {
            let none = Failure::of_the_world(format!("no request that is kept began in `{text}`"));
            return Err(none.hint(evidence.notes.first().map_or(
                "`taut query --last 24h --group operation` tells what is kept; --service and --operation narrow it",
                String::as_str,
            )));
        }
        return Ok(Read { evidence, ..Read::default() });
    }
    match text.rsplit_once('@') {
        Some((file, version)) if Path::new(file).exists() => {
            of_path(Path::new(file), Some(version), arguments)
        }
        // Says why it cannot be read.
        _ => of_path(path, None, arguments),
    }
}

/// `2h..1h`, `2026-11-20..2026-11-21`, `1h..`: which part of what is kept.
fn stretch(text: &str, now: Moment) -> Result<Option<Window>, Failure> {
    let Some((from, to)) = text.split_once("..") else { return Ok(None) };
    if from.is_empty() || text.contains('/') {
        return Ok(None);
    }
    let from = when::moment(from, now)?;
    let to = if to.is_empty() { now } else { when::moment(to, now)? };
    if to <= from {
        return Err(Failure::use_of(format!("`{text}` ends before it begins"))
            .hint("`2h..1h` is the hour before the last one"));
    }
    Ok(Some(Window { from, to }))
}

fn of(arguments: &Arguments) -> Of {
    Of { service: arguments.service.clone(), operation: arguments.operation.clone(), among: None }
}

fn of_path(path: &Path, version: Option<&str>, arguments: &Arguments) -> Result<Read, Failure> {
    let is_plain =
        version.is_none() && arguments.service.is_none() && arguments.operation.is_none();
    match kind(path)? {
        Kind::Run if is_plain => of_run_or_csv(path),
        Kind::Capture if is_plain => {
            let captured = replay::read(path)?;
            for note in &captured.notes {
                say::words(&format!("{AMBER}note{AMBER:#}: {note}\n"));
            }
            let evidence = proof::of_exchanges(&captured.exchanges);
            some(path, Read { evidence, ..Read::default() })
        }
        Kind::Spans => of_spans(path, version, arguments),
        Kind::Run | Kind::Capture => Err(Failure::use_of(format!(
            "`{}` tells neither services nor versions",
            path.display()
        ))
        .hint("--service, --operation and FILE@VERSION are for recordings of spans and for what is kept")),
    }
}

fn of_spans(path: &Path, version: Option<&str>, arguments: &Arguments) -> Result<Read, Failure> {
    let read =
        engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
    find::tell_problems(&read);
    if read.spans.is_empty() {
        return Err(find::no_spans(&[PathBuf::from(path)]));
    }
    let mut of = of(arguments);
    let spans: Vec<Span> = match version {
        None => read.spans,
        Some(version) => {
            let versions = proof::versions(&read.spans);
            let (spans, among) = proof::of_version(read.spans, version);
            of.among = Some(among);
            if spans.is_empty() {
                let known =
                    if versions.is_empty() { "none".to_owned() } else { versions.join(", ") };
                return Err(Failure::use_of(format!(
                    "`{}` has nothing of version `{version}`",
                    path.display()
                ))
                .hint(format!("its `service.version` are: {known}")));
            }
            spans
        }
    };
    let traces = engine::traces_of(spans);
    let evidence = proof::of_traces(&traces, &of);
    some(path, Read { evidence, traces, of })
}

/// A side without a single request compares nothing.
fn some(path: &Path, read: Read) -> Result<Read, Failure> {
    if read.evidence.side.requests.is_empty() {
        return Err(Failure::of_the_world(format!("`{}` has no request to compare", path.display()))
            .hint("a request is a span of kind server with method and route; --service and --operation narrow it"));
    }
    Ok(read)
}

/// What a file is, by its name and its beginning.
enum Kind {
    Run,
    Capture,
    Spans,
}

fn kind(path: &Path) -> Result<Kind, Failure> {
    let unread = |error: std::io::Error| {
        Failure::of_the_world(format!("failed to read `{}`: {error}", path.display())).hint(HINT)
    };
    if is_captured(path) {
        return Ok(Kind::Capture);
    }
    let mut begin = Vec::new();
    let file = fs::File::open(path).map_err(unread)?;
    file.take(4_096).read_to_end(&mut begin).map_err(unread)?;
    let begin = String::from_utf8_lossy(&begin);
    let is_csv = begin.starts_with(|letter: char| letter.is_ascii_digit())
        || begin
            .lines()
            .next()
            .is_some_and(|line| line.to_ascii_lowercase().contains("latency_ms"));
    let has_ending =
        |ending: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(ending));
    // The first key of what `taut load --out` writes.
    let is_run = begin.starts_with("{\"format\":\"taut-load");
    let is_run = is_run || begin.trim_start().is_empty() || has_ending("csv");
    Ok(if is_csv || is_run { Kind::Run } else { Kind::Spans })
}

fn of_run_or_csv(path: &Path) -> Result<Read, Failure> {
    let shown = path.display();
    let unread = |error: std::io::Error| {
        Failure::of_the_world(format!("failed to read `{shown}`: {error}")).hint(HINT)
    };
    let size = fs::metadata(path).map_err(unread)?.len();
    if FILE_BYTES_MAX < size {
        return Err(Failure::use_of(format!(
            "`{shown}` has {size} bytes; at most {FILE_BYTES_MAX} are read"
        )));
    }
    let bytes = fs::read(path).map_err(unread)?;
    let wrong =
        |why: String| Failure::use_of(format!("failed to understand `{shown}`: {why}")).hint(HINT);
    let evidence = if bytes.first() == Some(&b'{') {
        of_run(&Outcome::from_json(&bytes).map_err(wrong)?)
    } else {
        let text = String::from_utf8(bytes)
            .map_err(|_error| wrong("it is neither JSON nor text".to_owned()))?;
        Evidence { side: of_csv(&text).map_err(wrong)?, ..Evidence::default() }
    };
    Ok(Read { evidence, ..Read::default() })
}

fn of_run(outcome: &Outcome) -> Evidence {
    let requests = outcome.samples.iter().map(|sample| Request {
        start_nanos: sample.start_nanos,
        took_nanos: sample.took_nanos,
        route: sample.route,
        failed: sample.failed,
    });
    let side = Side {
        routes: outcome.routes.iter().map(|route| route.name.clone()).collect(),
        requests: requests.collect(),
        ..Side::default()
    };
    let began = Moment { nanos: outcome.began_unix_millis.saturating_mul(1_000_000) };
    Evidence { side, began: Some(began), ..Evidence::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stretch_is_told_from_a_name() {
        let now = Moment { nanos: 1_795_165_200_000_000_000 };
        let window = |text: &str| stretch(text, now).ok().flatten();
        let hour = window("2h..1h").unwrap();
        assert_eq!(
            (now.since(hour.to), hour.length()),
            (Duration::from_hours(1), Duration::from_hours(1))
        );
        assert_eq!(window("1h..").unwrap().to, now);
        assert_eq!(window("2026-11-20..2026-11-21").unwrap().length(), Duration::from_hours(24));
        assert_eq!((window("../after.json"), window("after.json")), (None, None));
        assert!(stretch("1h..2h", now).is_err() && stretch("a..b", now).is_err());
    }
}
