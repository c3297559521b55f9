//! A database connection is opened in every request.

use std::time::Duration;

use model::{Evidence, OperationKey, Sighting};

use crate::{Detector, Knob, Knobs, Looks, OperationWork, PastRequest, Workload, detectors::words};

static REQUESTS_MIN: Knob = Knob {
    key: "requests-min",
    default: 5.0,
    unit: "requests",
    doc: "After a start, the first request of each worker connects; fewer prove nothing.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.8,
    unit: "of the requests",
    doc: "A pool that grows or renews connects now and then; one that is missing connects always.",
};

static WAITED_MILLIS_MIN: Knob = Knob {
    key: "waited-millis-min",
    default: 1.0,
    unit: "ms",
    doc: "Handing a pooled connection out takes less than this, though some libraries call it connect.",
};

pub(super) static CONNECTION_CHURN: Detector = Detector {
    code: "F012",
    name: "connection-churn",
    title: "Every request opens its own database connection",
    doc: include_str!("connection_churn.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&REQUESTS_MIN, &SHARE_MIN, &WAITED_MILLIS_MIN],
    looks: &[Looks::Window(look)],
};

fn look(workload: &Workload, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for (key, work) in &workload.operations {
        let using = work.requests.iter().filter(|request| 0 < request.statements).count();
        let churning: Vec<&PastRequest> = churning(work, knobs);
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        let share = churning.len() as f64 / using.max(1) as f64;
        if churning.len() < knobs.count(&REQUESTS_MIN) || share < knobs.get(&SHARE_MIN) {
            continue;
        }
        found.extend(churning.iter().map(|request| sighting(key, request)));
    }
}

fn churning<'a>(work: &'a OperationWork, knobs: &Knobs<'_>) -> Vec<&'a PastRequest> {
    let least = Duration::from_nanos(knobs.nanos(&WAITED_MILLIS_MIN));
    work.requests
        .iter()
        .filter(|request| {
            let opens = 0 < request.connects || 0 < request.session_statements;
            opens && least <= request.connect_waited
        })
        .collect()
}

fn sighting(key: &OperationKey, request: &PastRequest) -> Sighting {
    let connects = request.connects.max(1);
    let mut sighting = request.sighting(
        CONNECTION_CHURN.name,
        key,
        "connect".to_owned(),
        "every request opens its own database connection".to_owned(),
    );
    sighting.evidence = Evidence {
        excerpt: vec![format!("{connects} x connect, {}", words::time(request.connect_waited))],
        ..Evidence::default()
    };
    sighting.calls_now = connects;
    sighting.calls_after = 0;
    sighting.saved = request.connect_waited;
    sighting
}
