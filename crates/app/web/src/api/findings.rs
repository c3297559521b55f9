//! Findings: the ranked list, and one of them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use model::FindingId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    params::{Params, bounded},
    problem::Problem,
    server::App,
    wire::{Facet, Finding, FindingDetail, Findings, Level, Totals, Window},
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
    let outcome = app.read(|source| Ok(source.outcome())).await?;
    let all: Vec<Finding> = outcome.findings.iter().map(Finding::from).collect();
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
    let findings: Vec<Finding> = all.into_iter().filter(|one| filter.passes(one)).collect();
    Ok(Json(Findings {
        observed: outcome.observed.map(Window::from),
        requests: outcome.requests,
        totals: Totals::of(&findings),
        findings,
        services,
        faults,
        levels,
    }))
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
    let unknown = || {
        Problem::unknown(
            "finding",
            "no finding has this id",
            "it may have been fixed, or its spans are no longer kept; see the list of findings",
        )
    };
    let wanted = u64::from_str_radix(&id, 16).map(FindingId).map_err(|_digits| unknown())?;
    let outcome = app.read(|source| Ok(source.outcome())).await?;
    let all = &outcome.findings;
    let place = all.iter().position(|finding| finding.id == wanted).ok_or_else(unknown)?;
    let detector = find::detector(all[place].fault);
    Ok(Json(FindingDetail {
        finding: (&all[place]).into(),
        fault_title: detector.map_or(all[place].fault, |known| known.title).to_owned(),
        fault_doc: detector.map_or("", |known| known.doc).to_owned(),
        rank: place + 1,
        ranked: all.len(),
    }))
}
