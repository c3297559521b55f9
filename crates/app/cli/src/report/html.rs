//! Findings as a page that needs nothing else: no script, no font, no server.

use engine::database::DatabaseFound;
use maud::{Markup, html as page};
use model::Finding;

use super::{Report, database, durations, level, page::framed, statements};
use crate::units;

/// The report as one HTML document.
pub(crate) fn html(report: &Report<'_>) -> String {
    let findings = &report.outcome.findings;
    let body = page! {
        h1 { "What to fix first" }
        p.claim { (report.claim()) }
        p.basis { (report.basis()) }
        @if let Some(found) = report.database { (about(report, found)) }
        @if !findings.is_empty() { (table(findings)) }
        @for finding in findings { (section(finding)) }
    };
    framed("What to fix first", "", &body)
}

/// The database: what it is, what cannot be seen of it, and the indexes that are proposed.
fn about(report: &Report<'_>, found: &DatabaseFound) -> Markup {
    page! {
        @if 0 < report.traces { p.basis { (database::head(found)) ". " (database::basis(found)) } }
        @if let Some((told, lines)) = database::switch_on(found) {
            p { (told) }
            pre.snippet { (lines.join("\n")) }
        }
        @if let Some(set) = found.proposal.as_ref().filter(|set| !set.create.is_empty() || !set.drop.is_empty()) {
            h2 { "Indexes, chosen together" }
            table {
                thead {
                    tr {
                        th.wide { "Index" } th.number { "Size" } th { "Helps" }
                        th.number { "Spares" } th.number { "Each written row" }
                    }
                }
                tbody {
                    @for [index, size, helps, spares, writes] in database::proposed(set) {
                        tr {
                            td.wide { code { (index) } } td.number { (size) } td { (helps) }
                            td.number { (spares) } td.number { (writes) }
                        }
                    }
                }
            }
            p.basis { (database::proposed_by(set)) }
        }
        @for note in database::unseen(found) { p.basis { (note) } }
    }
}

fn table(findings: &[Finding]) -> Markup {
    page! {
        table {
            thead {
                tr {
                    th { "Level" } th { "Where" } th.wide { "What" }
                    th.number { "Users wait" } th.number { "p95" } th.number { "Queries" }
                    th.number { "Effort" }
                }
            }
            tbody {
                @for finding in findings {
                    tr {
                        td class=(level(finding.level)) { (level(finding.level)) }
                        td { code { (database::place(finding)) } }
                        td.wide { a href={ "#f" (finding.id) } { (finding.claim) } }
                        td.number { (units::hours_a_day(finding.impact.user_hours_per_day)) }
                        td.number { (durations(finding)) }
                        td.number { (statements(finding).unwrap_or_default()) }
                        td.number { (finding.effort.days) " d" }
                    }
                }
            }
        }
    }
}

fn section(finding: &Finding) -> Markup {
    let evidence = &finding.evidence;
    page! {
        section id={ "f" (finding.id) } {
            h2 { code { (database::place(finding)) } " " (finding.claim) }
            p.basis {
                (level(finding.level)) " · " (finding.fault) " · service "
                (finding.operation.service)
                @if !database::is_of_database(finding) {
                    " · " (units::count(finding.sightings)) " of "
                    (units::count(finding.requests)) " requests"
                }
                @if let Some(routes) = database::routes(finding) { " · " (routes) }
            }
            @if !evidence.excerpt.is_empty() { pre { (evidence.excerpt.join("\n")) } }
            @if let Some(code) = &evidence.code {
                p { "In " code { (code.file) ":" (code.line) " " (code.function) } }
            }
            @for advice in &finding.advice {
                p { (advice.text) }
                @if let Some(snippet) = &advice.snippet { pre.snippet { (snippet.code) } }
            }
            @if !finding.examples.is_empty() { p.basis {
                "Slowest traces: "
                @for example in finding.examples.iter().take(3) {
                    code { (example.trace_id) } " " (units::time(example.duration)) " "
                }
            } }
        }
    }
}
