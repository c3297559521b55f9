//! The ledger, and the board report: what was found, changed, proven, taken back and decided, and what it brought.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use engine::{
    board,
    history::{History, abouts},
};
use model::Window;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ROWS_MAX;
use crate::{
    params::{Params, WindowParams, bounded, now},
    problem::Problem,
    server::App,
    source::Source,
    wire::{
        Board, BoardMoney, BoardOpen, BoardRemedies, Ledger, LedgerCount, LedgerEntry, LedgerKind,
    },
};

/// What of the ledger is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LedgerParams {
    /// Of one kind: `remedy`, `note`, `proof`, `run` or `decision`.
    #[param(inline)]
    kind: Option<LedgerKind>,
    /// Remedies that stand there: `proposed`, `rehearsed`, `applied`, `proven`, `reverted` or `failed`.
    state: Option<String>,
    /// What is about one finding: its 16 hexadecimal digits, or the first of them.
    finding: Option<String>,
    /// What has this text in it, in either case.
    q: Option<String>,
}

/// What the ledger has, the newest first: remedies, what people said, proofs, runs of load, decisions.
#[utoipa::path(
    get,
    path = "/api/v1/ledger",
    tag = "ledger",
    params(LedgerParams),
    responses(
        (status = 200, description = "what passed; nothing if there is no ledger", body = Ledger),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(params): Params<LedgerParams>,
) -> Result<Json<Ledger>, Problem> {
    let kind = params.kind;
    let state = bounded(params.state)?;
    let finding = bounded(params.finding)?.map(|text| text.to_ascii_lowercase());
    let text = bounded(params.q)?.map(|text| text.to_lowercase());
    app.read(move |source| {
        let mut entries = entries_of(&source.in_ledger()?);
        let kinds = LedgerKind::ALL.map(|kind| LedgerCount {
            kind,
            count: entries.iter().filter(|entry| entry.kind == kind).count(),
        });
        entries.retain(|entry| {
            kind.is_none_or(|kind| entry.kind == kind)
                && state.as_ref().is_none_or(|state| {
                    entry.remedy.as_ref().is_some_and(|remedy| remedy.state == *state)
                })
                && finding.as_ref().is_none_or(|finding| {
                    entry.finding.as_ref().is_some_and(|known| known.starts_with(finding))
                })
                && text.as_ref().is_none_or(|text| has(entry, text))
        });
        let total = entries.len();
        entries.truncate(ROWS_MAX);
        let shared = source.settings().store.ledger_server().is_some();
        Ok(Json(Ledger { entries, total, kinds: kinds.into(), shared }))
    })
    .await
}

/// All of it, the newest first.
pub(super) fn entries_of(history: &History) -> Vec<LedgerEntry> {
    let abouts: BTreeMap<String, String> =
        abouts(history).into_iter().map(|(finding, about)| (finding.to_string(), about)).collect();
    let remedies = history.remedies.iter().map(|remedy| LedgerEntry::remedy(history, remedy));
    let notes = history.notes.iter().map(LedgerEntry::from);
    let records = history.records.iter().map(LedgerEntry::from);
    let others = notes.chain(records).map(|entry| {
        let about = entry.finding.as_ref().and_then(|finding| abouts.get(finding));
        LedgerEntry { about: about.cloned().unwrap_or_default(), ..entry }
    });
    let mut entries: Vec<LedgerEntry> = remedies.chain(others).collect();
    entries.sort_by(|one, other| {
        (other.unix_ms, other.kind, other.number).cmp(&(one.unix_ms, one.kind, one.number))
    });
    entries
}

/// Whether it has a text in it, which is in lower case.
pub(super) fn has(entry: &LedgerEntry, text: &str) -> bool {
    let remedy = entry.remedy.iter();
    let more =
        remedy.flat_map(|remedy| [&remedy.fault, &remedy.place].into_iter().chain(&remedy.apply));
    let verdicts = entry.run.iter().map(|run| &run.verdict);
    let verdicts = verdicts.chain(entry.proof.iter().map(|proof| &proof.verdict));
    [&entry.title, &entry.text, &entry.by, &entry.about]
        .into_iter()
        .chain(more)
        .chain(verdicts)
        .any(|known| known.to_lowercase().contains(text))
}

/// Which two windows are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BoardParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// First moment of the window of before; goes with `before_to`. The time just before unless told otherwise.
    before_from: Option<u64>,
    /// First moment after the window of before.
    before_to: Option<u64>,
}

/// Before and after, for people who decide: operations in two windows, and what open findings still cost.
#[utoipa::path(
    get,
    path = "/api/v1/board",
    tag = "ledger",
    params(BoardParams),
    responses(
        (status = 200, description = "operations in both windows", body = Board),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn board(
    State(app): State<App>,
    Params(params): Params<BoardParams>,
) -> Result<Json<Board>, Problem> {
    let BoardParams { last, from, to, before_from, before_to } = params;
    let (before, after) = windows((last, from, to), (before_from, before_to))?;
    app.read(move |source| {
        let kept = board::kept(source.store(), before, after)?;
        Ok(Json(Board {
            before: kept.before_known.into(),
            after: kept.after_known.into(),
            cut: (kept.before_known, kept.after_known) != (before, after),
            spent_before: kept.before.into(),
            spent_after: kept.after.into(),
            money: kept.money(&source.settings().price).map(BoardMoney::from),
            rows: kept.rows.iter().map(Into::into).collect(),
            open: open(source),
            remedies: BoardRemedies::of(&source.in_ledger()?.remedies),
        }))
    })
    .await
}

/// The window before, and the one after: the former is as long and just before unless told otherwise.
pub(super) fn windows(
    (last, from, to): (Option<String>, Option<u64>, Option<u64>),
    before: (Option<u64>, Option<u64>),
) -> Result<(Window, Window), Problem> {
    let after = WindowParams { last, from, to }.window(now())?;
    let before = match before {
        (None, None) => Window { from: after.from - after.length(), to: after.from },
        (from, to) => WindowParams { last: None, from, to }.window(now())?,
    };
    Ok((before, after))
}

fn open(source: &dyn Source) -> BoardOpen {
    let waste = source.outcome().waste();
    let price = &source.settings().price;
    BoardOpen {
        user_hours_per_day: waste.user_hours_per_day,
        database_hours_per_day: waste.database_hours_per_day,
        money_per_month: price.per_month(&waste),
        currency: price.currency.clone(),
    }
}
