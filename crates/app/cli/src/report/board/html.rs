//! The board report as a page that needs nothing else, for a screen and for paper.

use maud::{Markup, html as page};
use store::ledger::{Recorded, Remedy, State};

use super::{Board, UNDONE, done, figure, percent, sure};
use crate::{
    report::{ledger::date, page::framed},
    units,
};

/// A narrow screen scrolls a table within itself; paper breaks between rows, repeats their heads and needs no colours.
const STYLE: &str = " .wide { overflow-x: auto; } .small { color: var(--muted); font-size: 0.8rem; display: block; } h3 { font-size: 1rem; margin: 1.5rem 0 0; } \
     .better { color: var(--accent); font-weight: 600; } \
     @media (max-width: 640px) { thead { display: table-header-group; } .wide .number:nth-last-child(-n+3) { display: table-cell; } } \
     @media print { :root { --ink: #000; --muted: #444; --line: #bbb; --paper: #fff; --code: #f4f4f4; --accent: #000; --red: #000; --amber: #000; } \
     @page { size: A4; margin: 18mm 16mm; } body { font-size: 10pt; } thead { display: table-header-group; } tr, li { break-inside: avoid; } \
     h2, h3 { break-after: avoid; } .wide { overflow: visible; } }";

/// The report as one HTML document.
pub(crate) fn html(board: &Board<'_>) -> String {
    let body = page! {
        h1 { (board.title) }
        p.claim { (board.claim()) "." }
        @for line in board.basis() { p.basis { (line) } }
        (totals(board))
        (operations(board))
        (remedies(board, "What was proven", State::Proven))
        (remedies(board, "Applied, and not proven yet", State::Applied))
        (undone(board))
        (decisions(board))
        (runs(board))
    };
    framed(board.title, STYLE, &body)
}

fn totals(board: &Board<'_>) -> Markup {
    let totals = board.totals();
    page! {
        @if !totals.is_empty() {
            h2 { "In total" }
            div.wide { table {
                thead { tr { th { "" } th.number { "before" } th.number { "after" } th.number { "change" } } }
                tbody { @for total in totals {
                    tr {
                        td { (total.name) }
                        td.number { (total.before) }
                        td.number { (total.after) }
                        td.number { (total.delta) }
                    }
                } }
            } }
        }
    }
}

fn operations(board: &Board<'_>) -> Markup {
    page! {
        @if !board.rows.is_empty() {
            h2 { "By operation" }
            div.wide { table {
                thead { tr {
                    th { "operation" } th { "metric" } th.number { "before" } th.number { "after" } th.number { "change" }
                } }
                tbody { @for (place, row) in board.rows.iter().enumerate() {
                    @let (before, of_before) = figure(row.unit, &row.before);
                    @let (after, of_after) = figure(row.unit, &row.after);
                    @let first = place == 0 || board.rows.get(place - 1).is_none_or(|above| above.key != row.key);
                    @let better = row.is_sure() && row.change().is_some_and(|change| change < 0.0);
                    @let worse = row.is_sure() && row.change().is_some_and(|change| 0.0 < change);
                    tr {
                        td { @if first { code { (row.key.operation) } span.small { (row.key.service) } } }
                        td { (row.name) }
                        td.number { (before) span.small { (of_before) } }
                        td.number { (after) span.small { (of_after) } }
                        td.number { span.better[better].critical[worse] { (percent(row.change())) } span.small { (sure(row)) } }
                    }
                } }
            } }
        }
    }
}

fn remedies(board: &Board<'_>, heading: &str, state: State) -> Markup {
    let remedies = board.remedies(&[state]);
    page! {
        @if !remedies.told.is_empty() {
            h2 { (remedies.headed(heading)) }
            ul { @for remedy in remedies.told { (one(board, remedy)) } }
        }
    }
}

fn one(board: &Board<'_>, remedy: &Remedy) -> Markup {
    let (words, sql) = done(remedy);
    page! {
        li {
            (words)
            @if let Some(proof) = board.proof(remedy) {
                span.small { (proof) }
            }
            @if !sql.is_empty() { pre { (sql) } }
        }
    }
}

fn undone(board: &Board<'_>) -> Markup {
    let remedies = board.remedies(UNDONE);
    page! {
        h2 { (remedies.headed("What did not work, and was taken back")) }
        @if remedies.told.is_empty() { p { "Nothing." } }
        ul { @for remedy in remedies.told {
            li { (done(remedy).0) ": " (board.reason(remedy)) }
        } }
    }
}

fn decisions(board: &Board<'_>) -> Markup {
    let decisions = board.records("decision");
    page! {
        @if !decisions.told.is_empty() {
            h2 { (decisions.headed("Decisions")) }
            @for record in decisions.told {
                @if let Recorded::Decision { title, text, by } = &record.recorded {
                    section {
                        h3 { (title) }
                        p.basis { (date(record.time)) @if !by.is_empty() { ", " (by) } }
                        @for paragraph in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
                            p { (paragraph) }
                        }
                    }
                }
            }
        }
    }
}

fn runs(board: &Board<'_>) -> Markup {
    let runs = board.records("run");
    page! {
        @if !runs.told.is_empty() {
            h2 { (runs.headed("Runs")) }
            div.wide { table {
                thead { tr { th { "when" } th { "what" } th.number { "requests" } th.number { "failed" } th { "figures" } } }
                tbody { @for record in runs.told {
                    @if let Recorded::Run { title, verdict, requests, failed, figures, .. } = &record.recorded {
                        tr {
                            td { (date(record.time)) }
                            td { (title) @if !verdict.is_empty() { ": " (verdict) } }
                            td.number { (units::count(*requests)) }
                            td.number { (units::count(*failed)) }
                            td { @for it in figures { (it.name) " " (units::three_digits(it.value)) " " (it.unit) " " } }
                        }
                    }
                } }
            } }
        }
    }
}
