//! A log as a page that needs nothing else: no script, no font, no server. The claim first, then what it stands on.

mod seen;
mod server;

use std::time::Duration;

use maud::{Markup, html as page};

use super::{
    log::{HourTold, LogReport, Problem, Single, Statement, bytes},
    page::framed,
};
use crate::units;

/// The report as one HTML document.
pub(crate) fn html(report: &LogReport) -> String {
    let body = page! {
        h1 { (report.claim) }
        @if !report.troubles.is_empty() { p.troubles { (report.troubles) } }
        p.basis { (report.basis) }
        (chart(&report.hours))
        (by_time(report))
        (by_mean(report))
        (by_count(report))
        (singles("Slowest single statements", &report.slowest))
        (seen::plans(report))
        (locks(report))
        (temp_files(report))
        (errors(report))
        (server::groups(report))
        (server::server(report))
        (server::tables(report))
        (server::hours(&report.hours))
        (server::hints(report))
        (server::files(report))
    };
    framed("What the log says", include_str!("log.css"), &body)
}

/// Time by hour as bars; errors as a red foot.
fn chart(hours: &[HourTold]) -> Markup {
    const WIDTH: u64 = 960;
    const HEIGHT: u64 = 110;
    let most = hours.iter().map(|hour| hour.statements.total_micros).max().unwrap_or_default();
    if hours.len() < 2 || most == 0 {
        return Markup::default();
    }
    let count = u64::try_from(hours.len()).unwrap_or(1).max(1);
    let step = WIDTH * 100 / count;
    let wide = (step * 8 / 10).max(20);
    let every = (hours.len() / 8).max(1);
    let hundredths = |value: u64| format!("{}.{:02}", value / 100, value % 100);
    page! {
        svg.hours viewBox={ "0 0 " (WIDTH) " 130" } preserveAspectRatio="none" role="img"
            aria-label="time of statements by hour" {
            @for (place, hour) in (0_u64..).zip(hours) {
                @let tall = hour.statements.total_micros.saturating_mul(HEIGHT).checked_div(most).unwrap_or(0);
                rect.time x=(hundredths(place * step)) y=(HEIGHT - tall) width=(hundredths(wide)) height=(tall) {
                    title {
                        (hour.hour) ": " (whole(hour.statements.total_micros)) " in "
                        (units::some(hour.statements.count, "statement", "statements"))
                    }
                }
                @if 0 < hour.errors {
                    rect.errors x=(hundredths(place * step)) y=(HEIGHT) width=(hundredths(wide)) height="3" {
                        title { (hour.hour) ": " (units::some(hour.errors, "error", "errors")) }
                    }
                }
            }
            @for (place, hour) in (0_u64..).zip(hours) {
                @if usize::try_from(place).unwrap_or(0).is_multiple_of(every) {
                    text x=(hundredths(place * step)) y="127" { (hour.hour.get(5..16).unwrap_or_default()) }
                }
            }
        }
    }
}

fn by_time(report: &LogReport) -> Markup {
    let times = &report.statements;
    page! {
        @if !report.by_time.is_empty() {
            section {
                h2 { "Most time" }
                p.basis {
                    (units::some(times.count, "statement", "statements")) ", "
                    (whole(times.total_micros)) " in all; p50 " (micros(times.p50_micros)) ", p95 "
                    (micros(times.p95_micros)) ", p99 " (micros(times.p99_micros)) "; "
                    (units::some(report.shapes as u64, "shape", "shapes"))
                    @if 0 < report.parse.count + report.bind.count {
                        "; " (whole(report.parse.total_micros + report.bind.total_micros))
                        " parsing and planning beside"
                    }
                    @if 0 < report.folded.statements {
                        "; " (units::count(report.folded.statements)) " statements of rare shapes are not listed"
                    }
                }
                table {
                    thead {
                        tr {
                            th.number { "Time" } th.number { "Share" } th.number { "Count" }
                            th.number.p2 { "Mean" } th.number.p2 { "p95" } th.number.p3 { "Max" }
                            th.p3 { "By hour of day" } th { "Statement" }
                        }
                    }
                    tbody {
                        @for one in &report.by_time {
                            tr {
                                td.number { (whole(one.times.total_micros)) }
                                td.number.share style=(part(one.share)) { (percent(one.share)) }
                                td.number { (units::count(one.times.count)) }
                                td.number.p2 { (micros(one.times.mean_micros)) }
                                td.number.p2 { (micros(one.times.p95_micros)) }
                                td.number.p3 { (micros(one.times.max_micros)) }
                                td.p3 { (day(&one.hours_of_day)) }
                                (sql(&one.text, &beside(one)))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What else is to be said of a statement.
fn beside(one: &Statement) -> String {
    let mut told = Vec::new();
    if 0 < one.lock_waits {
        told.push(format!("{} waiting for locks", whole(one.lock_micros)));
    }
    if 0 < one.temp_bytes {
        told.push(format!("{} in temporary files", bytes(one.temp_bytes)));
    }
    if 0 < one.errors {
        told.push(units::some(one.errors, "error", "errors"));
    }
    if 0 < one.prepare_micros {
        told.push(format!("{} parsing and planning", whole(one.prepare_micros)));
    }
    told.join(" · ")
}

/// The day of a statement, an hour a bar.
fn day(hours: &[u32; 24]) -> Markup {
    let most = hours.iter().copied().max().unwrap_or_default().max(1);
    page! {
        svg.day viewBox="0 0 48 10" preserveAspectRatio="none" aria-hidden="true" {
            @for (place, count) in (0..).zip(hours) {
                @let tall = u64::from(*count) * 10 / u64::from(most);
                @if 0 < *count {
                    rect x=(place * 2) y=(10 - tall.max(1)) width="1.6" height=(tall.max(1)) {
                        title { (place) ":00 " (units::count(u64::from(*count))) }
                    }
                }
            }
        }
    }
}

fn by_mean(report: &LogReport) -> Markup {
    ranked("Slowest on average", &report.by_mean, |one| {
        [micros(one.times.mean_micros), format!("{} ×", units::count(one.times.count))]
    })
}

fn by_count(report: &LogReport) -> Markup {
    ranked("Most often", &report.by_count, |one| {
        [format!("{} ×", units::count(one.count())), micros(one.times.mean_micros)]
    })
}

/// A short list of statements: two figures and the text.
fn ranked(
    heading: &str,
    list: &[Statement],
    figures: impl Fn(&Statement) -> [String; 2],
) -> Markup {
    page! {
        @if !list.is_empty() {
            section {
                h2 { (heading) }
                table {
                    tbody {
                        @for one in list {
                            @let [first, second] = figures(one);
                            tr { td.number { (first) } td.number.faint { (second) } (sql(&one.text, "")) }
                        }
                    }
                }
            }
        }
    }
}

fn singles(heading: &str, list: &[Single]) -> Markup {
    page! {
        @if !list.is_empty() {
            section {
                h2 { (heading) }
                (single_rows(list))
            }
        }
    }
}

fn single_rows(list: &[Single]) -> Markup {
    page! {
        table {
            tbody {
                @for one in list {
                    tr {
                        td.number {
                            @match one.bytes {
                                Some(size) => (bytes(size)),
                                None => (whole(one.took_micros.unwrap_or_default())),
                            }
                        }
                        td.number.p2.faint { (one.at) }
                        (sql(&one.statement, &[one.what.as_str(), &one.who()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")))
                    }
                }
            }
        }
    }
}

fn locks(report: &LogReport) -> Markup {
    let locks = &report.locks;
    page! {
        @if !locks.kinds.is_empty() {
            section {
                h2 {
                    (whole(locks.acquired.total_micros)) " waited for locks, "
                    (units::some(locks.acquired.count, "time", "times"))
                }
                table {
                    thead {
                        tr {
                            th { "Lock" } th.number { "Waited" } th.number { "Had after" }
                            th.number.p2 { "Longest" } th.number { "In vain" }
                        }
                    }
                    tbody {
                        @for kind in &locks.kinds {
                            tr {
                                td { (kind.name) }
                                td.number { (whole(kind.acquired.total_micros)) }
                                td.number { (units::count(kind.acquired.count)) " ×" }
                                td.number.p2 { (micros(kind.acquired.max_micros)) }
                                td.number { (units::count(kind.failed)) }
                            }
                        }
                    }
                }
                (seen::chains(&locks.chains))
                @if !locks.longest.is_empty() { h3 { "Longest waits" } (single_rows(&locks.longest)) }
            }
        }
    }
}

fn temp_files(report: &LogReport) -> Markup {
    let files = &report.temp_files;
    page! {
        @if 0 < files.count {
            section {
                h2 {
                    (bytes(files.bytes)) " written to "
                    (units::some(files.count, "temporary file", "temporary files"))
                }
                p.basis { "More work_mem, an index, or fewer rows would spare them." }
                table {
                    tbody {
                        @for one in &files.statements {
                            tr {
                                td.number { (bytes(one.temp_bytes)) }
                                td.number.faint { (units::count(one.temp_files)) " ×" }
                                (sql(&one.text, ""))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn errors(report: &LogReport) -> Markup {
    let is_told = |name: &str| !matches!(name, "LOG" | "NOTICE" | "INFO" | "DEBUG");
    let by = report.severities.iter().filter(|one| is_told(&one.name));
    let by: Vec<String> =
        by.map(|one| format!("{} {}", units::count(one.count), one.name)).collect();
    page! {
        @if !report.errors.is_empty() {
            section {
                h2 { "Errors" }
                p.basis {
                    (by.join(" · "))
                    @for one in &report.cancelled { " · " (one.count) " cancelled by " (one.name) }
                }
                table { tbody { @for one in &report.errors { (error(one)) } } }
                @if 0 < report.errors_left_out {
                    p.basis { (units::some(report.errors_left_out as u64, "kind", "kinds")) " more are not listed" }
                }
            }
        }
    }
}

fn error(one: &Problem) -> Markup {
    let style = match one.severity {
        "FATAL" | "PANIC" => "critical",
        "ERROR" => "high",
        _ => "faint",
    };
    page! {
        tr {
            td.number { (units::count(one.count)) " ×" }
            td class=(style) { (one.severity) }
            td.p2.faint { (one.sqlstate) }
            td.sql {
                (one.message)
                @for text in &one.statements { code.faint { (text) } }
            }
            td.number.p3.faint { (one.last.as_deref().unwrap_or_default()) }
        }
    }
}

/// The cell of a statement; what else is to be said of it stands below.
fn sql(text: &str, more: &str) -> Markup {
    page! {
        td.sql {
            @if !text.is_empty() { code tabindex="0" { (text) } }
            @if !more.is_empty() { span.basis { (more) } }
        }
    }
}

fn part(share: f64) -> String {
    format!("--part: {:.1}%", share * 100.0)
}

fn percent(share: f64) -> String {
    format!("{} %", units::three_digits(share * 100.0))
}

fn whole(micros: u64) -> String {
    units::time(Duration::from_micros(micros))
}

fn micros(micros: f64) -> String {
    units::time(Duration::from_secs_f64((micros / 1e6).max(0.0)))
}
