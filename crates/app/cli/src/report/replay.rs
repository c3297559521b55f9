//! A replay as people and machines read it: what came to be the same, and each difference with an example.

use engine::history::runner;
use load::Replayed;
use maud::{Markup, html as page};
use prove::{
    compare::Comparison,
    replay::{Group, Report},
};
use serde_json::{Value, json};
use store::ledger::{Recorded, RunFigure, RunKind};

use super::{layout, page::framed};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// What is told.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    /// The new version.
    pub(crate) target: &'a str,
    /// The old version; `None` for what was recorded.
    pub(crate) against: Option<&'a str>,
    /// What was odd about the capture.
    pub(crate) notes: &'a [String],
    /// What came of it.
    pub(crate) replayed: &'a Replayed,
    /// Whether the new version is faster, where both were asked.
    pub(crate) speed: Option<&'a Comparison>,
}

/// Differences that are shown in the terminal; all are in JSON and in the page.
const SHOWN: usize = 20;

fn claim(report: &Report) -> String {
    if report.compared == report.unknown {
        return "Nothing could be compared".to_owned();
    }
    let same = report.identical + report.equal + report.so_far + report.noisy;
    if report.different == 0 {
        return format!("{} are the same", units::some(same, "answer", "answers"));
    }
    let places = units::some(report.groups.len() as u64, "place", "places");
    format!(
        "{} of {} differ, in {places}",
        units::count(report.different),
        units::some(report.compared, "answer", "answers")
    )
}

/// How answers came to be the same, in words.
fn basis(report: &Report) -> String {
    let mut parts = vec![format!("{} byte for byte the same", units::count(report.identical))];
    for (count, words) in [
        (report.equal, "the same but for space, order of keys, or values made for the answer"),
        (report.so_far, "the same as far as they were kept"),
        (report.noisy, "different in noise alone"),
        (report.different, "different"),
        (report.unknown, "not kept, so not compared"),
    ] {
        if 0 < count {
            parts.push(format!("{} {words}", units::count(count)));
        }
    }
    parts.join(" · ")
}

/// What was left out or went wrong, in sentences.
fn notes(told: &Told<'_>) -> Vec<String> {
    let replayed = told.replayed;
    let mut notes = told.notes.to_vec();
    if 0 < replayed.writes_left_out {
        notes.push(format!(
            "Left out: {} that may change something; --writes and --write-to play them.",
            units::some(replayed.writes_left_out, "request", "requests")
        ));
    }
    if 0 < replayed.halves_left_out {
        let count = units::some(replayed.halves_left_out, "request", "requests");
        notes.push(format!("Left out: {count} whose bodies were not kept whole."));
    }
    let (pauses, length) = replayed.passed_over;
    if 0 < pauses {
        notes.push(format!(
            "Passed over: {} of {} in all, in which nobody asked for anything: a clock that was set, or a capture of several days.",
            units::some(pauses, "pause", "pauses"),
            units::time(length)
        ));
    }
    if 0 < replayed.hidden {
        notes.push(format!(
            "{} carried values that were hidden when they were recorded, and that no answer gave: --write-to for the log-in, or --header for a token.",
            units::some(replayed.hidden, "request", "requests")
        ));
    }
    for (trouble, count) in &replayed.troubles {
        notes.push(format!("{trouble}: {}.", units::some(*count, "request", "requests")));
    }
    if 0 < replayed.report.beyond {
        notes.push(format!(
            "{} differences were in more places than are counted.",
            units::count(replayed.report.beyond)
        ));
    }
    if replayed.is_interrupted {
        notes.push("It was ended early; this is what was played by then.".to_owned());
    }
    notes
}

fn speed(told: &Told<'_>) -> Option<String> {
    let speed = told.speed?;
    Some(format!("p95 {}: {}", speed.verdict.words(), speed.reason))
}

/// For people.
pub(crate) fn terminal(told: &Told<'_>, columns: usize) -> String {
    let report = &told.replayed.report;
    let style = if report.different == 0 { ACCENT } else { RED };
    let against = told.against.unwrap_or("what was recorded");
    let mut text = format!("{style}{BOLD}{}{BOLD:#}{style:#}\n", claim(report));
    text.push_str(&format!("{DIM}{} against {against}{DIM:#}\n", layout::clean(told.target)));
    for line in layout::wrap(&basis(report), columns) {
        text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
    }
    for group in report.groups.iter().take(SHOWN) {
        text.push_str(&one(group, columns));
    }
    if SHOWN < report.groups.len() {
        text.push_str(&format!(
            "\n{DIM}and {} more: --json or --html has all{DIM:#}\n",
            report.groups.len() - SHOWN
        ));
    }
    if !report.noise.is_empty() {
        let places: Vec<String> = report
            .noise
            .iter()
            .take(SHOWN)
            .map(|group| format!("{} {}", group.endpoint, group.place))
            .collect();
        text.push_str(&format!("\n{DIM}noise, left out{DIM:#}\n"));
        for place in places {
            text.push_str(&format!(
                "  {DIM}{}{DIM:#}\n",
                layout::cut(&layout::clean(&place), columns.saturating_sub(2))
            ));
        }
    }
    if let Some(speed) = speed(told) {
        text.push_str(&format!("\n{}\n", layout::clean(&speed)));
    }
    for note in notes(told) {
        for line in layout::wrap(&note, columns) {
            text.push_str(&format!("{AMBER}{line}{AMBER:#}\n"));
        }
    }
    text
}

fn one(group: &Group, columns: usize) -> String {
    let room = columns.saturating_sub(2);
    let share = format!("{} of {}", units::count(group.count), units::count(group.compared));
    let head = format!("{} {}", group.endpoint, group.place);
    let mut text = format!(
        "\n{BOLD}{}{BOLD:#}  {DIM}{share}{DIM:#}\n",
        layout::cut(&layout::clean(&head), room.saturating_sub(share.len()))
    );
    if let Some(example) = &group.example {
        let line = |words: &str| layout::cut(&layout::clean(words), room);
        let place = if example.exactly.is_empty() {
            String::new()
        } else {
            format!(" at {}", example.exactly)
        };
        text.push_str(&format!("  {DIM}{}{DIM:#}\n", line(&format!("{}{place}", group.asked))));
        text.push_str(&format!(
            "  old {}\n  new {}\n",
            line(shown(&example.old)),
            line(shown(&example.new))
        ));
    }
    text
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "(nothing)" } else { value }
}

/// For machines.
pub(crate) fn json(told: &Told<'_>) -> String {
    let replayed = told.replayed;
    let report = &replayed.report;
    let groups = |groups: &[Group]| -> Vec<Value> {
        groups
            .iter()
            .map(|group| {
                json!({
                    "endpoint": group.endpoint,
                    "place": group.place.to_string(),
                    "count": group.count,
                    "compared": group.compared,
                    "noise": group.noise,
                    "example": group.example.as_ref().map(|example| json!({
                        "request": group.asked,
                        "at": example.exactly,
                        "old": example.old,
                        "new": example.new,
                    })),
                })
            })
            .collect()
    };
    let document = json!({
        "target": told.target,
        "against": told.against,
        "recorded": replayed.recorded,
        "played": replayed.played,
        "compared": report.compared,
        "identical": report.identical,
        "equal": report.equal,
        "same_as_far_as_kept": report.so_far,
        "noisy": report.noisy,
        "different": report.different,
        "not_comparable": report.unknown,
        "differences": groups(&report.groups),
        "noise": groups(&report.noise),
        "endpoints": report.endpoints.iter().map(|(name, count)| json!({"endpoint": name, "compared": count})).collect::<Vec<_>>(),
        "p95": told.speed.map(|speed| json!({"verdict": speed.verdict.words(), "reason": speed.reason})),
        "took_nanos": u64::try_from(replayed.took.as_nanos()).unwrap_or(u64::MAX),
        "is_interrupted": replayed.is_interrupted,
        "notes": notes(told),
    });
    format!("{document:#}\n")
}

/// As the ledger keeps it.
pub(crate) fn record(told: &Told<'_>) -> Recorded {
    let (replayed, report) = (told.replayed, &told.replayed.report);
    #[expect(clippy::cast_precision_loss, reason = "counts of answers")]
    let figure = |name: &str, count: u64| RunFigure {
        name: name.to_owned(),
        value: count as f64,
        unit: String::new(),
    };
    let early = if replayed.is_interrupted { ", ended early" } else { "" };
    let against = told.against.unwrap_or("what was recorded");
    Recorded::Run {
        of: RunKind::Replay,
        title: layout::clean(&format!("{} against {against}{early}", told.target)),
        verdict: claim(report),
        by: runner(),
        requests: replayed.played,
        failed: replayed.troubles.iter().map(|(_, count)| *count).sum(),
        seconds: replayed.took.as_secs_f64(),
        figures: vec![figure("compared", report.compared), figure("different", report.different)],
    }
}

/// As a page that needs nothing else.
pub(crate) fn html(told: &Told<'_>) -> String {
    let report = &told.replayed.report;
    let body = page! {
        h1 { (claim(report)) }
        p.claim { code { (told.target) } " against " code { (told.against.unwrap_or("what was recorded")) } }
        p.basis { (basis(report)) }
        @if let Some(speed) = speed(told) { p { (speed) } }
        @for note in notes(told) { p.high { (note) } }
        (table("Differences", &report.groups))
        (table("Noise, left out", &report.noise))
    };
    framed(&format!("Replay against {}", told.target), "", &body)
}

fn table(title: &str, groups: &[Group]) -> Markup {
    page! {
        @if !groups.is_empty() {
            h2 { (title) }
            table {
                thead { tr { th { "where" } th.number { "answers" } th { "an example" } th { "old" } th { "new" } } }
                tbody { @for group in groups {
                    tr {
                        td { code { (group.endpoint) " " (group.place) } }
                        td.number { (units::count(group.count)) " of " (units::count(group.compared)) }
                        @if let Some(example) = &group.example {
                            td { code { (group.asked) " " (example.exactly) } }
                            td { code { (shown(&example.old)) } }
                            td { code { (shown(&example.new)) } }
                        } @else { td {} td {} td {} }
                    }
                } }
            }
        }
    }
}
