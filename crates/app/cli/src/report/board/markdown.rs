//! The board report as Markdown.

use store::ledger::{Recorded, State};

use super::{Board, UNDONE, done, figure, percent, sure};
use crate::{
    report::{
        ledger::date,
        markdown::{cell, fence},
    },
    units,
};

/// The report.
pub(crate) fn markdown(board: &Board<'_>) -> String {
    let mut text = format!("# {}\n\n{}.\n", cell(board.title), board.claim());
    for line in board.basis() {
        text.push_str(&format!("\n- {}", cell(&line)));
    }
    text.push('\n');
    tables(&mut text, board);
    proven(&mut text, board);
    undone(&mut text, board);
    decisions(&mut text, board);
    runs(&mut text, board);
    text
}

fn tables(text: &mut String, board: &Board<'_>) {
    if board.sides.is_none() {
        return;
    }
    text.push_str("\n## In total\n\n| | before | after | change |\n|---|--:|--:|--:|\n");
    for total in board.totals() {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            total.name, total.before, total.after, total.delta
        ));
    }
    text.push_str(
        "\n## By operation\n\n| operation | metric | before | after | change | |\n|---|---|--:|--:|--:|---|\n",
    );
    for row in &board.rows {
        let (before, of_before) = figure(row.unit, &row.before);
        let (after, of_after) = figure(row.unit, &row.after);
        text.push_str(&format!(
            "| {} | {} | {before} ({of_before}) | {after} ({of_after}) | {} | {} |\n",
            cell(&row.key.operation),
            row.name,
            percent(row.change()),
            sure(row)
        ));
    }
}

fn proven(text: &mut String, board: &Board<'_>) {
    for (heading, state) in
        [("What was proven", State::Proven), ("Applied, and not proven yet", State::Applied)]
    {
        let remedies = board.remedies(&[state]);
        if remedies.told.is_empty() {
            continue;
        }
        text.push_str(&format!("\n## {}\n\n", remedies.headed(heading)));
        for remedy in remedies.told {
            let (words, sql) = done(remedy);
            text.push_str(&format!("- {}", cell(&words)));
            if let Some(proof) = board.proof(remedy) {
                text.push_str(&format!(". {}", cell(&proof)));
            }
            text.push('\n');
            if !sql.is_empty() {
                text.push('\n');
                fence(text, "sql", &sql);
            }
        }
    }
}

fn undone(text: &mut String, board: &Board<'_>) {
    let remedies = board.remedies(UNDONE);
    let heading = remedies.headed("What did not work, and was taken back");
    text.push_str(&format!("\n## {heading}\n\n"));
    if remedies.told.is_empty() {
        text.push_str("Nothing.\n");
    }
    for remedy in remedies.told {
        let (words, _) = done(remedy);
        text.push_str(&format!("- {}: {}\n", cell(&words), cell(&board.reason(remedy))));
    }
}

fn decisions(text: &mut String, board: &Board<'_>) {
    let decisions = board.records("decision");
    if decisions.told.is_empty() {
        return;
    }
    text.push_str(&format!("\n## {}\n", decisions.headed("Decisions")));
    for record in decisions.told {
        let Recorded::Decision { title, text: why, by } = &record.recorded else { continue };
        let by = if by.is_empty() { String::new() } else { format!(", {}", cell(by)) };
        text.push_str(&format!("\n### {}\n\n{}{by}\n", cell(title), date(record.time)));
        for paragraph in why.split("\n\n").filter(|part| !part.trim().is_empty()) {
            text.push_str(&format!("\n{}\n", cell(paragraph.trim())));
        }
    }
}

fn runs(text: &mut String, board: &Board<'_>) {
    let runs = board.records("run");
    if runs.told.is_empty() {
        return;
    }
    text.push_str(&format!(
        "\n## {}\n\n| when | what | requests | failed | figures |\n|---|---|--:|--:|---|\n",
        runs.headed("Runs")
    ));
    for record in runs.told {
        let Recorded::Run { title, verdict, requests, failed, figures, .. } = &record.recorded
        else {
            continue;
        };
        let figures: Vec<String> = figures
            .iter()
            .map(|it| format!("{} {} {}", it.name, units::three_digits(it.value), it.unit))
            .collect();
        let what = if verdict.is_empty() { title.clone() } else { format!("{title}: {verdict}") };
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            date(record.time),
            cell(&what),
            units::count(*requests),
            units::count(*failed),
            cell(&figures.join(", "))
        ));
    }
}
