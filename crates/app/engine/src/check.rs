//! Traces of a test run as the gate sees them: what each endpoint did, and which faults show.
//!
//! In a test run times say little: a database of ten rows answers at once. So faults that are counted are not asked how
//! much time they cost, unless somebody has set that.

mod baseline_file;

use std::collections::{BTreeMap, BTreeSet};

use find::RequestView;
use model::{Finding, Moment, OperationKey, Parameters, StatementKind, Trace, TraceId, Work};
use prove::gate::{ENDPOINTS_MAX, Endpoint, Found, Run, Shape};

pub use baseline_file::{BASELINE_BYTES_MAX, BaselineError, baseline_text, read_baseline};

use crate::{Analysis, SeenBefore};

/// Statements of an endpoint at most; more are texts whose literals could not be told.
const SHAPES_MAX: usize = 1_000;

/// What a test run shows.
#[derive(Debug)]
pub struct Looked {
    /// What endpoints did.
    pub run: Run,
    /// What is wrong with them, what to fix first comes first, with what to do about it.
    pub findings: Vec<Finding>,
    /// Requests among the traces.
    pub requests: u64,
    /// Spans that belong to no request: set-up of tests, scripts.
    pub spans_of_no_request: u64,
    /// Requests whose own spans lack a parent that never came.
    pub incomplete: u64,
    /// Services that answered requests.
    pub services: BTreeSet<String>,
    /// Endpoints beyond [`ENDPOINTS_MAX`], which were not looked at.
    pub endpoints_left_out: bool,
}

/// Looks at the traces of a run; `service` alone if there is one.
#[must_use]
pub fn look(traces: &[Trace], settings: &config::Settings, service: Option<&str>) -> Looked {
    let mut endpoints: BTreeMap<OperationKey, Endpoint> = BTreeMap::new();
    let mut looked = Looked {
        run: Run::default(),
        findings: Vec::new(),
        requests: 0,
        spans_of_no_request: 0,
        incomplete: 0,
        services: BTreeSet::new(),
        endpoints_left_out: false,
    };
    for trace in traces {
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            if view.request().is_none() {
                looked.spans_of_no_request +=
                    view.places.iter().filter(|place| is_real(&view, **place)).count() as u64;
                continue;
            }
            looked.services.insert(view.key.service.to_string());
            if service.is_some_and(|service| *service != *view.key.service) {
                continue;
            }
            looked.requests += 1;
            looked.incomplete += u64::from(lacks_spans(&view));
            if ENDPOINTS_MAX <= endpoints.len() && !endpoints.contains_key(&view.key) {
                looked.endpoints_left_out = true;
                continue;
            }
            see(endpoints.entry(view.key.clone()).or_default(), &view);
        }
    }
    looked.run.endpoints = endpoints.into_values().collect();
    for endpoint in &mut looked.run.endpoints {
        endpoint.durations_nanos.sort_unstable();
    }
    looked.findings = findings(traces, settings);
    looked
        .findings
        .retain(|finding| service.is_none_or(|service| *service == *finding.operation.service));
    let found = looked.findings.iter().map(|finding| Found {
        key: finding.operation.clone(),
        fault: finding.fault.to_owned(),
        level: finding.level,
        id: finding.id,
    });
    looked.run.found = found.collect();
    looked
}

fn is_real(view: &RequestView<'_>, place: usize) -> bool {
    !matches!(view.call(place).work, Work::Missing)
}

/// Whether something between the request and its spans never came.
fn lacks_spans(view: &RequestView<'_>) -> bool {
    view.places.iter().any(|place| !is_real(view, *place))
}

/// Adds a request to what its endpoint did.
fn see(endpoint: &mut Endpoint, view: &RequestView<'_>) {
    endpoint.key.get_or_insert_with(|| view.key.clone());
    endpoint.requests += 1;
    endpoint.queries = endpoint.queries.max(u64::from(view.statement_count()));
    let nanos = u64::try_from(view.duration().as_nanos()).unwrap_or(u64::MAX);
    endpoint.durations_nanos.push(nanos);
    let bytes = view.request().and_then(|request| request.response_bytes);
    endpoint.bytes = endpoint.bytes.max(bytes);
    if endpoint.place.is_none() {
        endpoint.place = view.entry_call().code.as_deref().cloned();
    }
    let mut duplicates_of_request = 0;
    for group in &view.statements {
        let runs = u64::from(group.count);
        endpoint.repeats = endpoint.repeats.max(runs);
        let duplicates = duplicates(view, &group.places);
        duplicates_of_request += duplicates;
        let fingerprint = group.text.fingerprint;
        if SHAPES_MAX <= endpoint.shapes.len() && !endpoint.shapes.contains_key(&fingerprint) {
            continue;
        }
        let shape = endpoint.shapes.entry(fingerprint).or_insert_with(|| Shape {
            text: group.text.text.to_string(),
            trace_id: TraceId::default(),
            ..Shape::default()
        });
        if shape.runs < runs {
            shape.runs = runs;
            shape.trace_id = view.trace.id;
        }
        shape.duplicates = shape.duplicates.max(duplicates);
        let longest = u64::try_from(view.longest(&group.places).as_nanos()).unwrap_or(u64::MAX);
        shape.longest_nanos = shape.longest_nanos.max(longest);
        if shape.place.is_none() {
            shape.place = view.evidence(&group.places).code;
        }
    }
    endpoint.duplicates = endpoint.duplicates.max(duplicates_of_request);
}

/// Runs of a read whose parameters were all there before; what cannot be seen is not counted.
fn duplicates(view: &RequestView<'_>, places: &[usize]) -> u64 {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for place in places {
        let Some(statement) = view.statement(*place) else { continue };
        let reads = statement.text.kind == StatementKind::Select;
        if !reads || statement.parameters == Parameters::Hidden {
            continue;
        }
        let key = (statement.text.fingerprint, statement.parameters, statement.offset);
        count += u64::from(!seen.insert(key));
    }
    count
}

/// Detectors that count, and so need no time.
const COUNTED: [&str; 3] = ["n-plus-one", "duplicate-statement", "n-plus-one-calls"];

/// How knobs begin that ask for time or for a share of it.
const OF_TIME: [&str; 2] = ["saved-", "database-millis"];

fn findings(traces: &[Trace], settings: &config::Settings) -> Vec<Finding> {
    let mut find = settings.find.clone();
    for detector in COUNTED.iter().filter_map(|name| find::detector(name)) {
        for knob in detector.knobs {
            if OF_TIME.iter().any(|start| knob.key.starts_with(start)) {
                find.knobs.entry((detector.name.to_owned(), knob.key.to_owned())).or_insert(0.0);
            }
        }
    }
    let mut analysis = Analysis::new(find, settings.targets, settings.levels, None);
    for trace in traces {
        let _facts = analysis.add(trace, &mut SeenBefore::default());
    }
    analysis.look_at_window();
    analysis.outcome().findings
}

/// When the first span of a run began.
#[must_use]
pub fn began(traces: &[Trace]) -> Option<Moment> {
    traces.iter().filter_map(|trace| Some(trace.nodes.first()?.call.start)).min()
}
