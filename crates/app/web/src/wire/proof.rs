//! A comparison of before and after on the wire; `taut prove --json` writes the same.

use std::collections::BTreeSet;

use engine::proof::{Evidence, Proven};
use model::Moment;
use prove::compare::{
    self, Change, Comparison, Counted, LEVEL, Measure, Side, Used, Verdict, Worked,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::unix_ms;

/// Whether after is better than before, and what that rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Proof {
    /// `better`, `worse`, `no difference`, `cannot tell`.
    pub verdict: &'static str,
    /// Why, in a sentence.
    pub reason: String,
    /// As many more requests a side would do to tell, about.
    pub more_requests: Option<u64>,
    /// The percentile that decides: `p95`.
    pub decides: String,
    /// The least change that matters, relative to before.
    pub matters: f64,
    /// How sure intervals of percentiles are.
    pub interval_level: f64,
    /// What of before was used.
    pub before: ProofSide,
    /// What of after was used.
    pub after: ProofSide,
    /// Percentiles.
    pub measures: Vec<ProofMeasure>,
    /// Means of what requests did besides: queries, database time, bytes.
    pub work: Vec<ProofWork>,
    /// Shares of requests that failed.
    pub errors: ProofErrors,
    /// Tests over the whole distribution.
    pub tests: Option<ProofTests>,
    /// The deciding percentile of each route.
    pub routes: Vec<ProofRoute>,
    /// How latencies of both are spread, over one axis.
    pub spread: Vec<ProofBin>,
    /// What to know before believing it.
    pub notes: Vec<String>,
}

/// What of a side was used.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProofSide {
    /// Requests given.
    pub given: usize,
    /// Of them, left out as warm-up.
    pub warm_up: usize,
    /// Of them, failed.
    pub failed: usize,
    /// Of them, of routes that the other side has not.
    pub other_routes: usize,
    /// Latencies compared.
    pub compared: usize,
    /// As many independent ones they are worth.
    pub worth: f64,
}

/// A percentile before and after.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProofMeasure {
    /// `p95`.
    pub measure: String,
    /// Before.
    pub before_nanos: f64,
    /// After.
    pub after_nanos: f64,
    /// `after / before - 1`.
    pub relative: f64,
    /// Where that lies; null where there is too little to tell.
    pub relative_interval: Option<[f64; 2]>,
    /// Where there is no interval: how far it is from zero at least, if it surely fell or rose; null where not even that
    /// is known.
    pub relative_at_least: Option<f64>,
    /// Where `after - before` lies.
    pub difference_interval_nanos: Option<[f64; 2]>,
}

/// A mean of what requests did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProofWork {
    /// `queries per request`, `database time`, `bytes of an answer`.
    pub measure: &'static str,
    /// `queries`, `ns` or `bytes`.
    pub unit: &'static str,
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// `after / before - 1`; null where there was nothing before.
    pub relative: Option<f64>,
    /// Where `after - before` lies, with 95 %; null where there is too little to tell.
    pub difference_interval: Option<[f64; 2]>,
}

/// Shares of requests that failed.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProofErrors {
    /// Before, 0 to 1.
    pub before: f64,
    /// After.
    pub after: f64,
    /// How likely so different shares are by chance alone.
    pub p: f64,
}

/// Tests over the whole distribution.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProofTests {
    /// Mann and Whitney's U.
    pub mann_whitney_u: f64,
    /// Its p.
    pub mann_whitney_p: f64,
    /// Kolmogorov and Smirnov's distance.
    pub kolmogorov_smirnov_d: f64,
    /// Its p.
    pub kolmogorov_smirnov_p: f64,
    /// Cliff's delta.
    pub cliffs_delta: f64,
    /// Its size in a word.
    pub effect: &'static str,
}

/// The deciding percentile of a route.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProofRoute {
    /// Its name.
    pub route: String,
    /// Its share of the requests before.
    pub share: f64,
    /// Its requests before and after.
    pub requests: [usize; 2],
    /// Its percentile.
    pub change: ProofMeasure,
}

/// A box of latencies.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProofBin {
    /// From which on.
    pub from_nanos: f64,
    /// Up to which.
    pub to_nanos: f64,
    /// Share of the requests before in it.
    pub before: f64,
    /// Share of the requests after.
    pub after: f64,
}

/// Requests of a window, in columns of equal length: what `taut prove` compares by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct KeptRequests {
    /// When the first of them began, in milliseconds since 1970; 0 if there is none.
    pub began_unix_ms: u64,
    /// What to know of them: that some are left out, that some are no longer there.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Names of routes.
    pub routes: Vec<String>,
    /// How many requests there were of each route, where those told are a fair part of them; empty where they are all.
    #[serde(default)]
    pub in_all: Vec<u64>,
    /// When each began, since the first.
    pub start_nanos: Vec<u64>,
    /// How long each took.
    pub took_nanos: Vec<u64>,
    /// The place of each one's route.
    pub route: Vec<u32>,
    /// Places of those that failed.
    pub failed: Vec<usize>,
    /// Statements of each.
    pub statements: Vec<u64>,
    /// How long each waited for its database.
    pub database_nanos: Vec<u64>,
}

impl KeptRequests {
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let mut kept = Self {
            began_unix_ms: evidence.began.map_or(0, unix_ms),
            notes: evidence.notes.clone(),
            routes: evidence.side.routes.clone(),
            in_all: evidence.side.in_all.clone(),
            ..Self::default()
        };
        let both = evidence.side.requests.iter().zip(&evidence.worked.requests);
        for (place, (request, counted)) in both.enumerate() {
            kept.start_nanos.push(request.start_nanos);
            kept.took_nanos.push(request.took_nanos);
            kept.route.push(request.route);
            kept.failed.extend(request.failed.then_some(place));
            kept.statements.push(counted.statements.unwrap_or(0));
            kept.database_nanos.push(counted.database_nanos.unwrap_or(0));
        }
        kept
    }
}

impl From<KeptRequests> for Evidence {
    fn from(kept: KeptRequests) -> Self {
        let failed: BTreeSet<usize> = kept.failed.into_iter().collect();
        let (mut requests, mut counted) = (Vec::new(), Vec::new());
        let times = kept.start_nanos.into_iter().zip(kept.took_nanos).zip(kept.route);
        let work = kept.statements.into_iter().zip(kept.database_nanos);
        for (place, (((start_nanos, took_nanos), route), work)) in times.zip(work).enumerate() {
            let failed = failed.contains(&place);
            requests.push(compare::Request { start_nanos, took_nanos, route, failed });
            let (statements, database_nanos) = (Some(work.0), Some(work.1));
            counted.push(Counted { route, statements, database_nanos, body_bytes: None });
        }
        let began = Moment { nanos: kept.began_unix_ms.saturating_mul(1_000_000) };
        Self {
            side: Side { routes: kept.routes.clone(), in_all: kept.in_all.clone(), requests },
            worked: Worked { routes: kept.routes, in_all: kept.in_all, requests: counted },
            began: Some(began),
            notes: kept.notes,
        }
    }
}

impl From<&Proven> for Proof {
    fn from(proven: &Proven) -> Self {
        let work = proven.work.iter().map(|it| ProofWork {
            measure: it.measure.words(),
            unit: match it.measure {
                Measure::Statements => "queries",
                Measure::DatabaseTime => "ns",
                Measure::Bytes => "bytes",
            },
            before: it.before,
            after: it.after,
            relative: it.ratio(),
            difference_interval: it.difference.map(|interval| [interval.low, interval.high]),
        });
        let spread = proven.comparison.spread.iter().map(|bin| ProofBin {
            from_nanos: bin.from_nanos,
            to_nanos: bin.to_nanos,
            before: bin.before,
            after: bin.after,
        });
        Self { work: work.collect(), spread: spread.collect(), ..of(&proven.comparison) }
    }
}

fn of(comparison: &Comparison) -> Proof {
    let more_requests = match comparison.verdict {
        Verdict::CannotTell { more } => more,
        _ => None,
    };
    let routes = comparison.routes.iter().map(|route| ProofRoute {
        route: route.route.clone(),
        share: route.share,
        requests: [route.counts.0, route.counts.1],
        change: ProofMeasure::from(&route.change),
    });
    Proof {
        verdict: comparison.verdict.words(),
        reason: comparison.reason.clone(),
        more_requests,
        decides: name(comparison.question.quantile),
        matters: comparison.question.matters,
        interval_level: LEVEL,
        before: comparison.before.into(),
        after: comparison.after.into(),
        measures: comparison.quantiles.iter().map(ProofMeasure::from).collect(),
        work: Vec::new(),
        errors: ProofErrors {
            before: comparison.errors.before,
            after: comparison.errors.after,
            p: comparison.errors.p,
        },
        tests: comparison.ranks.map(ProofTests::from),
        routes: routes.collect(),
        spread: Vec::new(),
        notes: comparison.notes.clone(),
    }
}

/// `p95`, `p99.9`.
fn name(quantile: f64) -> String {
    format!("p{}", (quantile * 1e5).round() / 1e3)
}

impl From<Used> for ProofSide {
    fn from(used: Used) -> Self {
        Self {
            given: used.given,
            warm_up: used.warm_up,
            failed: used.failed,
            other_routes: used.alone,
            compared: used.compared,
            worth: used.worth,
        }
    }
}

impl From<&Change> for ProofMeasure {
    fn from(change: &Change) -> Self {
        Self {
            measure: name(change.quantile),
            before_nanos: change.before,
            after_nanos: change.after,
            relative: change.ratio(),
            relative_interval: change.relative.map(|interval| [interval.low, interval.high]),
            relative_at_least: change.at_least,
            difference_interval_nanos: change
                .difference
                .map(|interval| [interval.low, interval.high]),
        }
    }
}

impl From<compare::Ranks> for ProofTests {
    fn from(ranks: compare::Ranks) -> Self {
        Self {
            mann_whitney_u: ranks.u,
            mann_whitney_p: ranks.u_p,
            kolmogorov_smirnov_d: ranks.distance,
            kolmogorov_smirnov_p: ranks.distance_p,
            cliffs_delta: ranks.effect.delta,
            effect: ranks.effect.size.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_back_as_they_were() {
        let request = |place: u32| compare::Request {
            start_nanos: u64::from(place) * 1_000,
            took_nanos: 5,
            route: place % 2,
            failed: place.is_multiple_of(3),
        };
        let counted = |place: u32| Counted {
            route: place % 2,
            statements: Some(u64::from(place)),
            database_nanos: Some(1),
            body_bytes: None,
        };
        let routes = vec!["GET /".to_owned(), "GET /orders".to_owned()];
        let evidence = Evidence {
            side: Side {
                routes: routes.clone(),
                in_all: vec![50, 50],
                requests: (0..10).map(request).collect(),
            },
            worked: Worked {
                routes,
                in_all: vec![50, 50],
                requests: (0..10).map(counted).collect(),
            },
            began: Some(Moment { nanos: 7_000_000 }),
            notes: vec!["some are left out".to_owned()],
        };
        assert_eq!(Evidence::from(KeptRequests::of(&evidence)), evidence);
    }
}
