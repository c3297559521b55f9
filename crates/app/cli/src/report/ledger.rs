//! The ledger as people and machines read it.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    database::fix::entry_text,
    history::{History, abouts, finding_of, is_by_hand, measured, standings, why_not},
};
use model::{FindingId, Moment};
use serde_json::{Value, json};
use store::ledger::{
    Event, FindingState, LedgerRecord, Note, ProofRow, Recorded, Remedy, Said, State,
};

use super::layout;
use crate::{
    commands::LedgerKind as Kind,
    say::{ACCENT, BOLD, DIM},
    units,
};

/// What is told of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter {
    /// Of this kind.
    pub(crate) kind: Option<Kind>,
    /// That stands here.
    pub(crate) state: Option<Stands>,
    /// About this finding.
    pub(crate) finding: Option<FindingId>,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// A finding, and with it its remedies, notes and records.
    Finding(FindingState),
    /// A remedy alone.
    Remedy(State),
}

/// Something of the ledger.
#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    Remedy(&'a Remedy),
    Note(&'a Note),
    Record(&'a LedgerRecord),
}

/// All findings that the ledger has something of, sorted.
pub(crate) fn findings(history: &History) -> Vec<FindingId> {
    let of_remedies = history.remedies.iter().filter_map(finding_of);
    let of_notes = history.notes.iter().map(|note| note.finding);
    let of_records = history.records.iter().filter_map(|record| record.finding);
    let all: BTreeSet<FindingId> = of_remedies.chain(of_notes).chain(of_records).collect();
    all.into_iter().collect()
}

/// What passes, by time.
fn items<'a>(history: &'a History, filter: &Filter) -> Vec<Item<'a>> {
    let remedies = history.remedies.iter().map(Item::Remedy);
    let notes = history.notes.iter().map(Item::Note);
    let records = history.records.iter().map(Item::Record);
    let standings = standings(history);
    let all = remedies.chain(notes).chain(records);
    let mut items: Vec<Item<'a>> = all.filter(|item| item.passes(&standings, filter)).collect();
    items.sort_by_key(|item| item.time());
    items
}

impl Item<'_> {
    fn kind(self) -> Kind {
        match self {
            Self::Remedy(_) => Kind::Remedy,
            Self::Note(_) => Kind::Note,
            Self::Record(record) => match record.recorded {
                Recorded::Decision { .. } => Kind::Decision,
                Recorded::Run { .. } => Kind::Run,
                Recorded::Proof { .. } => Kind::Proof,
            },
        }
    }

    fn finding(self) -> Option<FindingId> {
        match self {
            Self::Remedy(remedy) => finding_of(remedy),
            Self::Note(note) => Some(note.finding),
            Self::Record(record) => record.finding,
        }
    }

    /// When it happened; of a remedy, what happened to it last.
    fn time(self) -> Moment {
        match self {
            Self::Remedy(remedy) => remedy.entries.last().map(|it| it.time).unwrap_or_default(),
            Self::Note(note) => note.time,
            Self::Record(record) => record.time,
        }
    }

    fn passes(self, standings: &BTreeMap<FindingId, FindingState>, filter: &Filter) -> bool {
        let stands = |state: Stands| match (self, state) {
            (Self::Remedy(remedy), Stands::Remedy(state)) => remedy.state == state,
            (_, Stands::Remedy(_)) => false,
            (Self::Remedy(remedy), Stands::Finding(state)) => state_of(remedy.state) == Some(state),
            (_, Stands::Finding(state)) => self.finding().is_some_and(|finding| {
                standings.get(&finding).copied().unwrap_or(FindingState::New) == state
            }),
        };
        filter.kind.is_none_or(|kind| kind == self.kind())
            && filter.finding.is_none_or(|finding| self.finding() == Some(finding))
            && filter.state.is_none_or(stands)
    }
}

fn state_of(state: State) -> Option<FindingState> {
    match state {
        State::Applied => Some(FindingState::Applied),
        State::Proven => Some(FindingState::Proven),
        State::Reverted => Some(FindingState::Reverted),
        State::Proposed | State::Rehearsed => Some(FindingState::New),
        State::Failed => None,
    }
}

/// One line for each.
pub(crate) fn list(history: &History, filter: &Filter, columns: usize) -> String {
    let items = items(history, filter);
    if items.is_empty() {
        return "The ledger has nothing of that.\n".to_owned();
    }
    let abouts = abouts(history);
    let mut text = String::new();
    for item in items {
        let (kind, what) = words(item, history, &abouts);
        let finding = item.finding().map_or_else(|| " ".repeat(8), short);
        let room = columns.saturating_sub(12 + 10 + 10);
        text.push_str(&format!(
            "{DIM}{}{DIM:#}  {kind:<9} {ACCENT}{finding}{ACCENT:#}  {}\n",
            date(item.time()),
            layout::cut(&what, room)
        ));
    }
    text
}

fn short(finding: FindingId) -> String {
    finding.to_string().chars().take(8).collect()
}

fn words(
    item: Item<'_>,
    history: &History,
    abouts: &BTreeMap<FindingId, String>,
) -> (String, String) {
    match item {
        Item::Remedy(remedy) => {
            let claim = &remedy.proposal.claim;
            let became = became(history, remedy);
            let what = became.map_or_else(|| claim.clone(), |it| format!("{claim}; {it}"));
            (remedy.state.to_string(), what)
        }
        Item::Note(note) => {
            let said = said(&note.said);
            let about = abouts.get(&note.finding);
            let what = about.map_or_else(|| said.clone(), |about| format!("{said} ({about})"));
            ("note".to_owned(), what)
        }
        Item::Record(record) => {
            let what = match &record.recorded {
                Recorded::Decision { title, .. } => title.clone(),
                Recorded::Run { title, verdict, requests, .. } => {
                    let verdict =
                        if verdict.is_empty() { String::new() } else { format!(": {verdict}") };
                    format!("{title}{verdict}, {}", units::some(*requests, "request", "requests"))
                }
                Recorded::Proof { verdict, claim, .. } => format!("{verdict}: {claim}"),
            };
            (record.recorded.kind().to_owned(), format!("{} {what}", record.id))
        }
    }
}

/// What a remedy was measured to do, or why it is not in force; `None` where nobody knows.
fn became(history: &History, remedy: &Remedy) -> Option<String> {
    let measured = measured(history, remedy).map(|it| it.verdict.claim.clone());
    measured.or_else(|| Some(why_not(history, remedy)).filter(|why| !why.is_empty()))
}

fn said(said: &Said) -> String {
    match said {
        Said::State { state, reason } if reason.is_empty() => state.to_string(),
        Said::State { state, reason } => format!("{state}: {reason}"),
        Said::Assigned { to } if to.is_empty() => "nobody has it any more".to_owned(),
        Said::Assigned { to } => format!("{to} has it"),
        Said::Remark { text } => text.clone(),
    }
}

/// All that is known of a finding.
pub(crate) fn finding(history: &History, filter: &Filter, columns: usize) -> String {
    let Some(finding) = filter.finding else { return String::new() };
    let stands = standings(history).get(&finding).copied().unwrap_or(FindingState::New);
    let mut text = format!("{BOLD}{finding}{BOLD:#} is {stands}\n");
    for line in abouts(history).get(&finding).into_iter().flat_map(|it| layout::wrap(it, columns)) {
        text.push_str(&format!("{line}\n"));
    }
    for item in items(history, filter) {
        text.push('\n');
        match item {
            Item::Remedy(remedy) => text.push_str(&remedy_words(remedy, columns)),
            Item::Note(note) => {
                for line in layout::wrap(&said(&note.said), columns.saturating_sub(18)) {
                    text.push_str(&format!("{DIM}{}{DIM:#}  {line}\n", date(note.time)));
                }
            }
            Item::Record(it) => text.push_str(&record(it, columns)),
        }
    }
    text
}

fn remedy_words(remedy: &Remedy, columns: usize) -> String {
    let proposal = &remedy.proposal;
    let how = if is_by_hand(remedy) { ", by hand" } else { "" };
    let mut text = format!("{BOLD}remedy {}{BOLD:#}, {}{how}\n", remedy.id.0, remedy.state);
    for line in layout::wrap(&proposal.claim, columns.saturating_sub(2)) {
        text.push_str(&format!("  {line}\n"));
    }
    for sql in &proposal.change.apply {
        for line in layout::code(sql, columns.saturating_sub(4)) {
            text.push_str(&format!("    {ACCENT}{line}{ACCENT:#}\n"));
        }
    }
    for entry in &remedy.entries {
        let day = date(entry.time);
        let mut line = |words: &str| {
            for (place, line) in layout::wrap(words, columns.saturating_sub(14)).iter().enumerate()
            {
                let day = if place == 0 { day.as_str() } else { "" };
                text.push_str(&format!("  {DIM}{day:<10}{DIM:#}  {line}\n"));
            }
        };
        line(&entry_text(entry));
        if let Event::Measured { verdict, .. } | Event::Proven { verdict, .. } = &entry.event {
            verdict.worse.iter().for_each(|worse| line(&format!("worse: {worse}")));
        }
    }
    text
}

/// A decision, a run or a proof.
pub(crate) fn record(record: &LedgerRecord, columns: usize) -> String {
    let (kind, number) = (record.recorded.kind(), record.id);
    let mut text = format!("{BOLD}{kind} {number}{BOLD:#}  {DIM}{}{DIM:#}\n", date(record.time));
    let mut paragraph = |words: &str| {
        for line in layout::wrap(words, columns.saturating_sub(2)) {
            text.push_str(&format!("  {line}\n"));
        }
    };
    match &record.recorded {
        Recorded::Decision { title, text, by } => {
            paragraph(title);
            if !by.is_empty() {
                paragraph(&format!("decided by {by}"));
            }
            for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
                paragraph("");
                paragraph(part);
            }
        }
        Recorded::Run { of: _, title, verdict, by, requests, failed, seconds, figures } => {
            paragraph(title);
            for words in [verdict, by].into_iter().filter(|words| !words.is_empty()) {
                paragraph(words);
            }
            paragraph(&format!(
                "{}, {} failed, in {seconds:.1} s",
                units::some(*requests, "request", "requests"),
                units::count(*failed)
            ));
            for figure in figures {
                paragraph(&format!(
                    "{} {} {}",
                    figure.name,
                    units::three_digits(figure.value),
                    figure.unit
                ));
            }
        }
        Recorded::Proof { verdict, claim, rows, compared, notes, by } => {
            paragraph(&format!("{verdict}: {claim}"));
            if !by.is_empty() {
                paragraph(by);
            }
            for row in rows {
                paragraph(&proof_row(row));
            }
            paragraph(&format!(
                "{} requests before, {} after",
                units::count(compared.0),
                units::count(compared.1)
            ));
            for note in notes {
                paragraph(note);
            }
        }
    }
    if record.result_bytes.is_some() {
        paragraph(&format!("all that was measured: `taut ledger show {number} --result`"));
    }
    text
}

fn proof_row(row: &ProofRow) -> String {
    let interval = row.lies().map_or_else(String::new, |lies| format!(", {lies}"));
    let value = units::three_digits;
    let decides = if row.decides { "  (decides)" } else { "" };
    format!(
        "{} {} → {} {}{interval}{decides}",
        row.name,
        value(row.before),
        value(row.after),
        row.unit
    )
}

/// For machines.
pub(crate) fn json(history: &History, filter: &Filter) -> String {
    let (mut remedies, mut notes, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for item in items(history, filter) {
        match item {
            Item::Remedy(remedy) => remedies.push(remedy_json(history, remedy)),
            Item::Note(note) => notes.push(json!({
                "id": note.id,
                "finding": note.finding.to_string(),
                "at": time(note.time),
                "said": note.said,
                "about": note.about,
            })),
            Item::Record(record) => records.push(record_value(record)),
        }
    }
    format!("{:#}\n", json!({ "remedies": remedies, "notes": notes, "records": records }))
}

fn remedy_json(history: &History, remedy: &Remedy) -> Value {
    let proposal = &remedy.proposal;
    json!({
        "id": remedy.id.0,
        "finding": proposal.finding,
        "server": proposal.server,
        "fault": proposal.fault,
        "claim": proposal.claim,
        "state": remedy.state.as_str(),
        "by_hand": is_by_hand(remedy),
        "apply": proposal.change.apply,
        "revert": proposal.change.revert,
        "history": remedy.entries.iter().map(|entry| json!({
            "at": time(entry.time),
            "event": entry.event.name(),
            "text": entry_text(entry),
            "version": entry.version,
        })).collect::<Vec<_>>(),
        "measured": measured(history, remedy).map(|it| json!({
            "at": time(it.time),
            "claim": it.verdict.claim,
            "lines": it.verdict.lines,
            "worse": it.verdict.worse,
            "plans": it.verdict.plans,
        })),
        "why_not": why_not(history, remedy),
    })
}

/// One of them, for machines.
pub(crate) fn record_json(record: &LedgerRecord) -> String {
    format!("{:#}\n", record_value(record))
}

fn record_value(record: &LedgerRecord) -> Value {
    json!({
        "id": record.id,
        "kind": record.recorded.kind(),
        "at": time(record.time),
        "finding": record.finding.map(|finding| finding.to_string()),
        "version": record.version,
        "result_bytes": record.result_bytes,
        "about": record.recorded,
    })
}

/// `2026-01-31`
pub(crate) fn date(moment: Moment) -> String {
    time(moment).chars().take(10).collect()
}

/// `2026-01-31T23:59:58Z`
pub(crate) fn time(moment: Moment) -> String {
    let digits = fix::digits_of(moment.nanos / 1_000_000_000);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    let (date, clock) =
        ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
    format!("{}T{}Z", date.join("-"), clock.join(":"))
}
