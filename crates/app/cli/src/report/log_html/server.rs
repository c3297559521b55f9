//! The second half of the page: who did it, what the server did by itself, hours, and what is missing.

use maud::{Markup, html as page};

use super::{micros, whole};
use crate::{
    report::log::{Group, HourTold, LogReport, bytes},
    units,
};

pub(super) fn groups(report: &LogReport) -> Markup {
    let lists: [(&str, &[Group]); 4] = [
        ("By database", &report.databases),
        ("By application", &report.applications),
        ("By user", &report.users),
        ("By host", &report.hosts),
    ];
    page! {
        @if lists.iter().any(|(_, groups)| 1 < groups.len()) {
            section.columns {
                @for (heading, groups) in lists {
                    @if 1 < groups.len() {
                        div {
                            h3 { (heading) }
                            table {
                                tbody {
                                    @for group in groups {
                                        tr {
                                            td { (group.name) }
                                            td.number { (whole(group.total_micros)) }
                                            td.number.faint { (units::count(group.statements)) " ×" }
                                            td.number.p2.faint { (units::some(group.sessions, "session", "sessions")) }
                                            td.number.p2.high {
                                                @if 0 < group.errors { (units::some(group.errors, "error", "errors")) }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn server(report: &LogReport) -> Markup {
    let (who, done) = (&report.connections, &report.checkpoints);
    let reasons: Vec<String> =
        done.reasons.iter().map(|one| format!("{} {}", one.count, one.name)).collect();
    page! {
        section {
            h2 { "Server" }
            dl {
                @if 0 < who.received + who.authorized + who.sessions.count {
                    dt { "Connections" }
                    dd {
                        (units::count(who.received)) " received, " (units::count(who.authorized)) " let in"
                        @if 0 < who.sessions.count {
                            "; " (units::some(who.sessions.count, "session", "sessions")) " ended, mean "
                            (micros(who.sessions.mean_micros)) ", longest " (micros(who.sessions.max_micros))
                        }
                    }
                }
                @if 0 < done.count {
                    dt { "Checkpoints" }
                    dd {
                        (units::count(done.count)) " (" (reasons.join(", ")) "), " (units::count(done.buffers))
                        " buffers; " (whole(done.write_micros)) " writing, " (whole(done.sync_micros))
                        " syncing, longest " (whole(done.longest_micros)) "; "
                        (bytes(done.distance_bytes)) " of WAL between them"
                    }
                }
                @if 0 < done.too_often {
                    dt { "Too often" }
                    dd { (units::some(done.too_often, "time", "times")) ": raise max_wal_size" }
                }
                @if 0 < report.recovery_waits.count {
                    dt { "Replay" }
                    dd { "waited " (whole(report.recovery_waits.total_micros)) " for statements" }
                }
                @for event in &report.server {
                    dt { (event.at.as_deref().unwrap_or_default()) }
                    dd { (serde_json::to_value(event.what).ok().and_then(|what| what.as_str().map(|what| what.replace('-', " "))).unwrap_or_default()) }
                }
            }
        }
    }
}

pub(super) fn tables(report: &LogReport) -> Markup {
    page! {
        @if !report.tables.is_empty() {
            section {
                h2 { "Autovacuum" }
                p.basis { (units::count(report.vacuums)) " × vacuum, " (units::count(report.analyzes)) " × analyze" }
                table {
                    thead {
                        tr {
                            th { "Table" } th.number { "Time" } th.number { "Vacuums" }
                            th.number.p2 { "Analyzes" } th.number { "Rows removed" }
                            th.number.p2 { "Dead held back" } th.number.p3 { "WAL" }
                        }
                    }
                    tbody {
                        @for one in &report.tables {
                            tr {
                                td.sql { code { (one.name) } }
                                td.number { (whole(one.vacuum_micros + one.analyze_micros)) }
                                td.number { (units::count(one.vacuums)) }
                                td.number.p2 { (units::count(one.analyzes)) }
                                td.number { (units::count(one.tuples_removed)) }
                                td.number.p2 { (units::count(one.dead_remain_max)) }
                                td.number.p3 { (bytes(one.wal_bytes)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn hours(hours: &[HourTold]) -> Markup {
    page! {
        @if !hours.is_empty() {
            section {
                h2 { "By hour" }
                details open[hours.len() <= 24] {
                    summary { (units::some(hours.len() as u64, "hour", "hours")) }
                    table {
                        thead {
                            tr {
                                th { "Hour" } th.number { "Time" } th.number { "Statements" }
                                th.number.p2 { "p95" } th.number.p3 { "Reads" } th.number.p3 { "Writes" }
                                th.number { "Errors" } th.number.p2 { "Lock waits" }
                                th.number.p2 { "Temporary" } th.number.p3 { "Connections" }
                                th.number.p3 { "Checkpoints" }
                            }
                        }
                        tbody { @for hour in hours { (hour_row(hour)) } }
                    }
                }
            }
        }
    }
}

fn hour_row(hour: &HourTold) -> Markup {
    page! {
        tr {
            td.number { (hour.hour) }
            td.number { (whole(hour.statements.total_micros)) }
            td.number { (units::count(hour.statements.count)) }
            td.number.p2 { (micros(hour.statements.p95_micros)) }
            td.number.p3 { (units::count(hour.selects)) }
            td.number.p3 { (units::count(hour.writes)) }
            td.number { (units::count(hour.errors)) }
            td.number.p2 { @if 0 < hour.lock_waits { (whole(hour.lock_micros)) } }
            td.number.p2 { @if 0 < hour.temp_bytes { (bytes(hour.temp_bytes)) } }
            td.number.p3 { (units::count(hour.connections)) }
            td.number.p3 { (units::count(hour.checkpoints)) }
        }
    }
}

pub(super) fn hints(report: &LogReport) -> Markup {
    page! {
        @if !report.hints.is_empty() {
            section {
                h2 { "Not in this log" }
                p.basis { "There was none of it, or the server does not log it." }
                dl { @for hint in &report.hints { dt { (hint.missing) } dd { code { (hint.setting) } } } }
            }
        }
    }
}

pub(super) fn files(report: &LogReport) -> Markup {
    page! {
        section {
            h2 { "Files" }
            table {
                tbody {
                    @for file in &report.files {
                        tr {
                            td.sql { code { (file.path) } }
                            td { (file.format) " " code { (file.prefix) } }
                            td.number { (bytes(file.bytes)) }
                        }
                    }
                }
            }
            @if 0 < report.lines_not_understood + report.lines_without_their_entry + report.entries_cut {
                p.basis {
                    (units::some(report.lines_not_understood, "line", "lines")) " not understood, "
                    (units::count(report.lines_without_their_entry)) " without their entry, "
                    (units::some(report.entries_cut, "entry", "entries")) " cut at 1 MB"
                }
            }
        }
    }
}
