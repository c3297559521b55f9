//! Two humps of latency, and what tells them apart.

use std::time::Duration;

use model::{OperationKey, Sighting};

use crate::{
    Detector, Knob, Knobs, Looks, PastRequest, Workload,
    detectors::{apart, words},
};

static REQUESTS_MIN: Knob = Knob {
    key: "requests-min",
    default: 50.0,
    unit: "requests",
    doc: "Fewer do not show a shape.",
};

static RATIO_MIN: Knob = Knob {
    key: "ratio-min",
    default: 3.0,
    unit: "times",
    doc: "Humps whose medians are closer than this are variation, not two kinds of work.",
};

static SLOW_MILLIS_MIN: Knob = Knob {
    key: "slow-millis-min",
    default: 100.0,
    unit: "ms",
    doc: "Half of the usual p95 target: if the slow ones are quicker than this, nobody suffers.",
};

pub(super) static BIMODAL_LATENCY: Detector = Detector {
    code: "F015",
    name: "bimodal-latency",
    title: "An operation has a fast and a slow kind of request",
    doc: include_str!("bimodal_latency.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&REQUESTS_MIN, &RATIO_MIN, &SLOW_MILLIS_MIN],
    looks: &[Looks::Window(look)],
};

fn look(workload: &Workload, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for (key, work) in &workload.operations {
        let requests: Vec<&PastRequest> =
            work.requests.iter().filter(|request| request.is_answered()).collect();
        if requests.len() < knobs.count(&REQUESTS_MIN) {
            continue;
        }
        let durations: Vec<u64> = requests.iter().map(|request| nanos(request.duration)).collect();
        let Some(modes) = stats::modes(&durations) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "latencies stay far below 2^52 ns")]
        let ratio = modes.high.median as f64 / modes.low.median.max(1) as f64;
        if ratio < knobs.get(&RATIO_MIN) || modes.high.median < knobs.nanos(&SLOW_MILLIS_MIN) {
            continue;
        }
        let (slow, fast): (Vec<&PastRequest>, Vec<&PastRequest>) =
            requests.iter().partition(|request| modes.split <= nanos(request.duration));
        let apart = apart::what_tells(&slow, &fast, &workload.names);
        let fast_median = Duration::from_nanos(modes.low.median);
        let slow_median = Duration::from_nanos(modes.high.median);
        let shape = format!(
            "{} of {} requests take about {}, the others about {}",
            slow.len(),
            requests.len(),
            words::time(slow_median),
            words::time(fast_median)
        );
        for request in slow {
            found.push(sighting(key, request, apart.as_ref(), &shape, fast_median));
        }
    }
}

fn sighting(
    key: &OperationKey,
    request: &PastRequest,
    apart: Option<&apart::Apart>,
    shape: &str,
    fast: Duration,
) -> Sighting {
    let claim = match apart {
        Some(apart) => format!("requests with {} take far longer than the others", apart.label()),
        None => "some requests take far longer than the others".to_owned(),
    };
    let mut sighting = request.sighting(BIMODAL_LATENCY.name, key, "two humps".to_owned(), claim);
    sighting.evidence.excerpt = vec![shape.to_owned()];
    sighting.evidence.excerpt.extend(apart.map(apart::Apart::line));
    sighting.evidence.attribute = apart.and_then(|apart| apart.attribute.clone());
    sighting.saved = request.duration.saturating_sub(fast);
    sighting
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
