//! A tail of requests out of proportion to the median.

use std::time::Duration;

use model::{OperationKey, Sighting};

use crate::{
    Detector, Knob, Knobs, Looks, PastRequest, Workload,
    detectors::{apart, words},
};

static REQUESTS_MIN: Knob = Knob {
    key: "requests-min",
    default: 100.0,
    unit: "requests",
    doc: "With fewer, the 99th percentile is the slowest request: chance.",
};

static RATIO_MIN: Knob = Knob {
    key: "ratio-min",
    default: 10.0,
    unit: "times",
    doc: "p99 over p50; a lognormal latency with the usual spread has 3 to 5.",
};

static P99_MILLIS_MIN: Knob = Knob {
    key: "p99-millis-min",
    default: 500.0,
    unit: "ms",
    doc: "The usual p99 target: a tail below it hurts nobody.",
};

pub(super) static LONG_TAIL: Detector = Detector {
    code: "F016",
    name: "long-tail",
    title: "A few requests take out of all proportion",
    doc: include_str!("long_tail.md"),
    effort_days: 2.0,
    share_min: 0.0,
    knobs: &[&REQUESTS_MIN, &RATIO_MIN, &P99_MILLIS_MIN],
    looks: &[Looks::Window(look)],
};

fn look(workload: &Workload, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for (key, work) in &workload.operations {
        let requests: Vec<&PastRequest> =
            work.requests.iter().filter(|request| request.is_answered()).collect();
        if requests.len() < knobs.count(&REQUESTS_MIN) {
            continue;
        }
        let mut durations: Vec<u64> = requests.iter().map(|request| nanos(request)).collect();
        durations.sort_unstable();
        let (Some(p50), Some(p99)) =
            (stats::quantile(&durations, 0.5), stats::quantile(&durations, 0.99))
        else {
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "latencies stay far below 2^52 ns")]
        let ratio = p99 as f64 / p50.max(1) as f64;
        let two_humps = stats::modes(&durations).is_some();
        if ratio < knobs.get(&RATIO_MIN) || p99 < knobs.nanos(&P99_MILLIS_MIN) || two_humps {
            continue;
        }
        // The tail: what is nearer to the p99 than to the median, on a logarithmic scale.
        let split = p50.saturating_mul((p99 / p50.max(1)).isqrt().max(3));
        let (slow, fast): (Vec<&PastRequest>, Vec<&PastRequest>) =
            requests.iter().partition(|request| split <= nanos(request));
        if !is_spread(&requests, &slow) {
            continue;
        }
        let apart = apart::what_tells(&slow, &fast, &workload.names);
        let shape = format!(
            "half of {} requests take less than {}, one in a hundred more than {}",
            requests.len(),
            words::time(Duration::from_nanos(p50)),
            words::time(Duration::from_nanos(p99))
        );
        for request in slow {
            found.push(sighting(key, request, apart.as_ref(), &shape, Duration::from_nanos(split)));
        }
    }
}

/// Whether the slow requests come all along: a cold start has them all at its beginning.
fn is_spread(all: &[&PastRequest], slow: &[&PastRequest]) -> bool {
    const PARTS: u64 = 5;
    let begin = all.iter().map(|request| request.start).min().unwrap_or_default();
    let end = all.iter().map(|request| request.start).max().unwrap_or_default();
    let length = end.nanos.saturating_sub(begin.nanos).max(1);
    let part = |request: &&PastRequest| {
        let since = request.start.nanos.saturating_sub(begin.nanos);
        (u128::from(since) * u128::from(PARTS) / u128::from(length)).min(u128::from(PARTS - 1))
    };
    let parts: std::collections::BTreeSet<u128> = slow.iter().map(part).collect();
    3 <= parts.len()
}

fn sighting(
    key: &OperationKey,
    request: &PastRequest,
    apart: Option<&apart::Apart>,
    shape: &str,
    usual: Duration,
) -> Sighting {
    let claim = match apart {
        Some(apart) => {
            format!("a few requests, those with {}, take out of all proportion", apart.label())
        }
        None => "a few requests take out of all proportion".to_owned(),
    };
    let mut sighting = request.sighting(LONG_TAIL.name, key, "tail".to_owned(), claim);
    sighting.evidence.excerpt = vec![shape.to_owned()];
    sighting.evidence.excerpt.extend(apart.map(apart::Apart::line));
    sighting.evidence.attribute = apart.and_then(|apart| apart.attribute.clone());
    sighting.saved = request.duration.saturating_sub(usual);
    sighting
}

fn nanos(request: &PastRequest) -> u64 {
    u64::try_from(request.duration.as_nanos()).unwrap_or(u64::MAX)
}
