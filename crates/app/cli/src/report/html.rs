//! Findings as a page that needs nothing else: no script, no font, no server.

use maud::{DOCTYPE, Markup, PreEscaped, html as page};
use model::Finding;

use super::{Report, durations, level, statements};
use crate::units;

const STYLE: &str = include_str!("report.css");

/// The report as one HTML document.
pub(crate) fn html(report: &Report<'_>) -> String {
    let findings = &report.outcome.findings;
    let document = page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "What to fix first" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "What to fix first" }
                p.claim { (report.claim()) }
                p.basis { (report.basis()) }
                @if !findings.is_empty() { (table(findings)) }
                @for finding in findings { (section(finding)) }
            }
        }
    };
    document.into_string()
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
                        td { code { (finding.operation.operation) } }
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
            h2 { code { (finding.operation.operation) } " " (finding.claim) }
            p.basis {
                (level(finding.level)) " · " (finding.fault) " · service "
                (finding.operation.service) " · "
                (units::count(finding.sightings)) " of " (units::count(finding.requests)) " requests"
            }
            @if !evidence.excerpt.is_empty() { pre { (evidence.excerpt.join("\n")) } }
            @if let Some(code) = &evidence.code {
                p { "In " code { (code.file) ":" (code.line) " " (code.function) } }
            }
            @for advice in &finding.advice {
                p { (advice.text) }
                @if let Some(snippet) = &advice.snippet { pre.snippet { (snippet.code) } }
            }
            p.basis {
                "Slowest traces: "
                @for example in finding.examples.iter().take(3) {
                    code { (example.trace_id) } " " (units::time(example.duration)) " "
                }
            }
        }
    }
}
