//! Findings: the ranked list, and one of them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use model::FindingId;
use serde::Deserialize;
use store::ledger;
use utoipa::IntoParams;

use crate::{
    params::{Params, bounded, sent},
    problem::Problem,
    server::App,
    wire::{
        Facet, Finding, FindingDetail, FindingNote, FindingProgress, FindingState, Findings, Level,
        Totals, Window,
    },
};

/// Which findings are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindingParams {
    /// Those at one service.
    service: Option<String>,
    /// Those of one fault: `n-plus-one`.
    fault: Option<String>,
    /// Those of one level.
    #[param(inline)]
    level: Option<Level>,
    /// Those that stand there: a state, `open` (neither proven nor dismissed) or `all`; `open` unless told otherwise.
    state: Option<String>,
    /// Those whose claim, operation, service, fault or tables hold this text, in either case.
    q: Option<String>,
}

/// What to fix first comes first.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    tag = "findings",
    params(FindingParams),
    responses(
        (status = 200, description = "findings, ranked", body = Findings),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(params): Params<FindingParams>,
) -> Result<Json<Findings>, Problem> {
    let filter = Filter {
        service: bounded(params.service)?,
        fault: bounded(params.fault)?,
        level: params.level,
        text: bounded(params.q)?.map(|text| text.to_lowercase()),
    };
    let stands = Stands::read(params.state.as_deref())?;
    let (outcome, known) = app.read(|source| Ok((source.outcome(), source.progress()?))).await?;
    let mut progress: BTreeMap<String, FindingProgress> = known
        .iter()
        .map(|(id, progress)| (id.to_string(), FindingProgress::brief(*id, progress)))
        .collect();
    let state = |finding: &Finding| {
        progress.get(&finding.id).map_or(FindingState::New, |progress| progress.state)
    };
    let all: Vec<Finding> = outcome.findings.iter().map(Finding::from).collect();
    let states = states(all.iter().map(state));
    let facet = |of: fn(&Finding) -> &str| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &all {
            *counts.entry(of(finding)).or_default() += 1;
        }
        let facet = |(value, count): (&str, usize)| Facet { value: value.to_owned(), count };
        counts.into_iter().map(facet).collect::<Vec<_>>()
    };
    let services = facet(|finding| &finding.service);
    let faults = facet(|finding| &finding.fault);
    let levels = facet(|finding| finding.level.name());
    let passing = all.iter().filter(|one| stands.passes(state(one)) && filter.passes(one));
    let findings: Vec<Finding> = passing.cloned().collect();
    let progress = findings.iter().filter_map(|one| progress.remove(&one.id)).collect();
    Ok(Json(Findings {
        observed: outcome.observed.map(Window::from),
        requests: outcome.requests,
        totals: Totals::of(&findings),
        findings,
        services,
        faults,
        levels,
        states,
        progress,
    }))
}

/// Findings by where they stand, in the order in which they go through it.
fn states(all: impl Iterator<Item = FindingState>) -> Vec<Facet> {
    let mut counts: BTreeMap<FindingState, usize> = BTreeMap::new();
    for state in all {
        *counts.entry(state).or_default() += 1;
    }
    let facet = |(state, count): (FindingState, usize)| Facet {
        value: ledger::FindingState::from(state).to_string(),
        count,
    };
    counts.into_iter().map(facet).collect()
}

/// Which findings are meant, by where they stand.
enum Stands {
    Open,
    All,
    At(FindingState),
}

impl Stands {
    fn read(text: Option<&str>) -> Result<Self, Problem> {
        let known =
            |text: &str| ledger::FindingState::ALL.into_iter().find(|state| state.as_str() == text);
        match text {
            None | Some("" | "open") => Ok(Self::Open),
            Some("all") => Ok(Self::All),
            Some(text) => known(text).map(|state| Self::At(state.into())).ok_or_else(|| {
                let all = ledger::FindingState::ALL.map(ledger::FindingState::as_str);
                Problem::wrong(
                    format!("`state`: findings are never `{text}`"),
                    format!("it is `open`, `all`, or one of {}", all.join(", ")),
                )
            }),
        }
    }

    fn passes(&self, state: FindingState) -> bool {
        match self {
            Self::Open => state.is_open(),
            Self::All => true,
            Self::At(wanted) => *wanted == state,
        }
    }
}

struct Filter {
    service: Option<String>,
    fault: Option<String>,
    level: Option<Level>,
    text: Option<String>,
}

impl Filter {
    fn passes(&self, finding: &Finding) -> bool {
        let holds = |text: &str| {
            let statements = finding.evidence.statement.iter().chain(&finding.evidence.source);
            let tables = statements.flat_map(|statement| statement.tables.iter());
            [&finding.claim, &finding.operation, &finding.service, &finding.fault]
                .into_iter()
                .chain(tables)
                .any(|field| field.to_lowercase().contains(text))
        };
        self.service.as_ref().is_none_or(|service| *service == finding.service)
            && self.fault.as_ref().is_none_or(|fault| *fault == finding.fault)
            && self.level.is_none_or(|level| level == finding.level)
            && self.text.as_deref().is_none_or(holds)
    }
}

/// One finding.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{id}",
    tag = "findings",
    params(("id" = String, Path, description = "16 hexadecimal digits")),
    responses(
        (status = 200, description = "the finding", body = FindingDetail),
        (status = 404, description = "there is no such finding", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<FindingDetail>, Problem> {
    let wanted = wanted(&id)?;
    let (outcome, known) = app.read(|source| Ok((source.outcome(), source.progress()?))).await?;
    let progress = known.get(&wanted).cloned().unwrap_or_default();
    let all = &outcome.findings;
    let place = all.iter().position(|finding| finding.id == wanted).ok_or_else(unknown)?;
    let detector = find::detector(all[place].fault);
    Ok(Json(FindingDetail {
        finding: (&all[place]).into(),
        fault_title: detector.map_or(all[place].fault, |known| known.title).to_owned(),
        fault_doc: detector.map_or("", |known| known.doc).to_owned(),
        rank: place + 1,
        ranked: all.len(),
        progress: FindingProgress::whole(wanted, &progress),
    }))
}

/// Bytes of what somebody says of a finding, as JSON.
pub(crate) const NOTE_BYTES_MAX: usize = 32 << 10;

/// Says where a finding stands, who has it, or what there is to know of it.
#[utoipa::path(
    post,
    path = "/api/v1/findings/{id}/notes",
    tag = "findings",
    params(("id" = String, Path, description = "16 hexadecimal digits")),
    request_body = FindingNote,
    responses(
        (status = 200, description = "where it stands now; it is on the disk", body = FindingProgress),
        (status = 400, description = "it says nothing, too much, or a dismissal has no reason", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "there is no such finding", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn note(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Result<Json<FindingNote>, JsonRejection>,
) -> Result<Json<FindingProgress>, Problem> {
    let hint = "send JSON with `state`, `reason`, `assignee` or `remark`";
    let note = sent(body, hint)?;
    let wanted = wanted(&id)?;
    let said = note.said();
    if said.is_empty() {
        return Err(Problem::wrong("the note says nothing", hint));
    }
    app.read(move |source| {
        let is_known = source.outcome().findings.iter().any(|finding| finding.id == wanted);
        if !is_known && !source.progress()?.contains_key(&wanted) {
            return Err(unknown());
        }
        for said in &said {
            source.note(wanted, said)?;
        }
        let progress = source.progress()?.remove(&wanted).unwrap_or_default();
        Ok(Json(FindingProgress::whole(wanted, &progress)))
    })
    .await
}

fn wanted(id: &str) -> Result<FindingId, Problem> {
    u64::from_str_radix(id, 16).map(FindingId).map_err(|_digits| unknown())
}

fn unknown() -> Problem {
    Problem::unknown(
        "finding",
        "no finding has this id",
        "it may have been fixed, or its spans are no longer kept; see the list of findings",
    )
}
