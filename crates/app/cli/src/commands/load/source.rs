//! Scenarios from what was recorded or described: captures, HAR, spans, `OpenAPI`.

use std::{fs, path::Path};

use ::load::Scenario;
use model::Exchange;
use observe::DecompressedMax;

use super::Arguments;
use crate::{
    commands::replay,
    say::{self, AMBER, Failure},
    units,
};

/// A file that is read whole: spans of a day of a service with some requests a second.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Whether a target is something recorded or described, and no scenario.
pub(super) fn is_one(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    path.is_dir()
        || [".jsonl", ".zst", ".har", ".json", ".gz", ".pb", ".bin"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

/// The scenario that it makes for `--at`.
pub(super) fn scenario(path: &Path, arguments: &Arguments) -> Result<Scenario, Failure> {
    let shown = path.display();
    let at = arguments.at.as_deref().ok_or_else(|| {
        Failure::use_of(format!("`{shown}` says what was asked, and not of whom"))
            .hint("--at http://localhost:8000 says where the requests go")
    })?;
    let target = super::server("--at", at)?;
    let exchanges = exchanges(path, arguments.writes, arguments.host.as_deref())?;
    let (scenario, made) = Scenario::recorded(target, &exchanges, arguments.writes, arguments.seed)
        .map_err(|error| {
            Failure::use_of(&error).hint("--writes sends what may change something as well")
        })?;
    let visits = units::some(scenario.flows.len() as u64, "visit", "visits");
    let requests = units::some(made.requests as u64, "request", "requests");
    let mut words = format!("{requests} in {visits}");
    if scenario.flows.len() < made.visits {
        let all = units::count(made.visits as u64);
        words.push_str(&format!(", drawn from {all} by --seed"));
    }
    if 0 < made.writes_left_out {
        let writes = units::some(made.writes_left_out as u64, "request", "requests");
        words.push_str(&format!(
            "; {writes} that may change something left out (--writes sends them)"
        ));
    }
    if 0 < made.others_left_out {
        words.push_str(&format!("; {} cannot be sent", units::count(made.others_left_out as u64)));
    }
    say::words(&format!("{words}\n"));
    Ok(scenario)
}

/// Tells of requests that nobody will know: their tokens were hidden when they were recorded.
pub(super) fn note_hidden(scenario: &Scenario) {
    let hidden = scenario.hidden() as u64;
    if 0 < hidden {
        let requests = units::some(hidden, "request", "requests");
        say::words(&format!(
            "{AMBER}note{AMBER:#}: {requests} with values that were hidden when they were recorded, which the target does not know: --header for a token\n"
        ));
    }
}

/// A rate that is given, or the busiest ten seconds of what was recorded.
pub(super) fn peak(text: &str) -> Result<f64, Failure> {
    if let Ok(rate) = text.parse::<f64>() {
        return Some(rate).filter(|rate| rate.is_finite() && 0.0 < *rate).ok_or_else(|| {
            Failure::use_of(format!("`{text}` is no peak")).hint("write requests a second: 320")
        });
    }
    let mut starts: Vec<u64> = exchanges(Path::new(text), true, None)?
        .iter()
        .map(|exchange| exchange.began.nanos)
        .collect();
    starts.sort_unstable();
    let peak = busiest(&starts);
    let shown = units::three_digits_of(peak.round());
    say::words(&format!("{shown} a second in the busiest ten seconds of `{text}`\n"));
    Ok(peak)
}

/// Requests a second in the ten seconds that have most of them; of a recording that is shorter, on average.
#[expect(clippy::cast_precision_loss, reason = "counts and times of a recording")]
fn busiest(ascending: &[u64]) -> f64 {
    const STRETCH_NANOS: u64 = 10_000_000_000;
    let (Some(first), Some(last)) = (ascending.first(), ascending.last()) else { return 0.0 };
    let (mut most, mut begin) = (0, 0);
    for (place, start) in ascending.iter().enumerate() {
        while ascending.get(begin).is_some_and(|oldest| STRETCH_NANOS <= start - oldest) {
            begin += 1;
        }
        most = most.max(place + 1 - begin);
    }
    let seconds = (last - first).clamp(1_000_000_000, STRETCH_NANOS) as f64 / 1e9;
    most as f64 / seconds
}

fn exchanges(path: &Path, writes: bool, host: Option<&str>) -> Result<Vec<Exchange>, Failure> {
    if is_captured(path) {
        let captured = replay::read_of(path, host)?;
        for note in &captured.notes {
            say::words(&format!("{AMBER}note{AMBER:#}: {note}\n"));
        }
        return Ok(captured.exchanges);
    }
    let shown = path.display();
    let unread = |error: std::io::Error| {
        Failure::world(&error).hint(format!("`{shown}` was to be the source"))
    };
    if FILE_BYTES_MAX < fs::metadata(path).map_err(unread)?.len() {
        return Err(Failure::use_of(format!("`{shown}` has more than {FILE_BYTES_MAX} bytes")));
    }
    let bytes = fs::read(path).map_err(unread)?;
    match capture::openapi(&bytes, writes) {
        Ok(exchanges) if !exchanges.is_empty() => return Ok(exchanges),
        _ => {}
    }
    let read = observe::read(&bytes, DecompressedMax::default());
    let reading = read.map_err(|error| {
        Failure::use_of(format!("failed to understand `{shown}`: {error}"))
            .hint("a source is a scenario (.toml), a capture, a HAR, spans (OTLP, Jaeger, Zipkin), or OpenAPI 3 as JSON")
    })?;
    let spans = &reading.decoded.spans;
    // Requests that came from outside; where no span is such, those of all servers.
    let entries = capture::of_spans(spans, true);
    let exchanges = if entries.is_empty() { capture::of_spans(spans, false) } else { entries };
    if exchanges.is_empty() {
        let count = units::some(spans.len() as u64, "span", "spans");
        return Err(Failure::use_of(format!(
            "`{shown}` has {count}, and none of a server that tells method and path"
        ))
        .hint(
            "the attributes are http.request.method and url.path, or http.method and http.target",
        ));
    }
    Ok(exchanges)
}

/// Whether it is a capture or a HAR rather than spans.
pub(in crate::commands) fn is_captured(path: &Path) -> bool {
    path.is_dir()
        || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("har"))
        || is_capture(path)
}

/// Whether a file is a capture rather than spans: told by its first line.
fn is_capture(path: &Path) -> bool {
    match ::load::Captured::read(path) {
        Ok(_) | Err(::load::CaptureError::Version { .. }) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_busiest_ten_seconds() {
        let second = 1_000_000_000;
        let mut starts: Vec<u64> = (0..100).map(|place| place * second).collect();
        starts.extend((0..190).map(|place| 50 * second + place * 50_000_000));
        starts.sort_unstable();
        assert!((busiest(&starts) - 20.0).abs() < 0.2, "{}", busiest(&starts));
        assert!((busiest(&[0, 500_000_000]) - 2.0).abs() < 1e-9);
        assert!(busiest(&[]).abs() < 1e-9);
    }
}
