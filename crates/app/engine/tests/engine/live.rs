//! The engine over a real store: received, settled, found, and all of it again after a restart.

use std::{
    path::Path,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use engine::Live;
use model::{Finding, Span, TraceId, Window};
use receive::{Received, Refusal, Sink as _};
use store::{Folder, Options, RequestFilter};

use crate::shop;

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running engine.
pub(crate) struct Engine {
    pub(crate) live: Arc<Live>,
    finder: Option<JoinHandle<()>>,
}

impl Engine {
    /// Traces settle in the twinkling of an eye.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same with settings, as environment variables.
    pub(crate) fn start_with(folder: &Path, more: &[(&str, &str)]) -> Self {
        let mut engine = Self::idle(folder, more);
        engine.finder = Some(engine.live.start().expect("the system gives a thread"));
        engine
    }

    /// An engine that takes spans and never looks at them.
    fn idle(folder: &Path, more: &[(&str, &str)]) -> Self {
        let (store, _) = Folder::open(folder, Options::default()).expect("the folder is ours");
        let environment = [("TAUT_ENGINE_SETTLE", "100ms")]
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sources = config::Sources { environment, ..config::Sources::default() };
        let settings = config::Settings::load(&sources).expect("the settings are right");
        let live = Live::new(Arc::new(store), settings).expect("the store can be read");
        Self { live, finder: None }
    }

    pub(crate) fn accept(&self, spans: Vec<Span>) -> Result<(), Refusal> {
        self.live.accept(Received { spans, otlp: None, received: shop::now() })
    }

    /// Waits until something holds; looks whenever the engine says that something changed.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Live) -> bool) {
        let changes = self.live.changes();
        let began = Instant::now();
        while !holds(&self.live) {
            let live = &self.live;
            let (standing, outcome) = (live.standing(), live.outcome());
            assert!(began.elapsed() < PATIENCE, "{what} never came: {standing:?}, {outcome:?}");
            while !changes.has_changed().expect("the engine is there")
                && began.elapsed() < PATIENCE
                && !holds(&self.live)
            {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    pub(crate) fn requests(&self) -> u64 {
        let operations = self.live.store().operations(Window::ALL).expect("the disk works");
        operations.iter().map(|operation| operation.count).sum()
    }

    pub(crate) fn stop(mut self) {
        self.live.stop();
        if let Some(finder) = self.finder.take() {
            finder.join().expect("the finder does not panic");
        }
    }
}

fn the_finding(live: &Live) -> Option<Finding> {
    live.findings().into_iter().find(|finding| finding.fault == "n-plus-one")
}

#[test]
fn a_finding_appears_once_its_trace_has_settled() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = Engine::start(folder.path());
    let changes = engine.live.changes();
    let before = *changes.borrow();
    engine.accept(shop::orders(1, shop::now())).expect("there is room");
    engine.wait_until("the finding", |live| the_finding(live).is_some());
    assert!(before < *changes.borrow());
    let finding = the_finding(&engine.live).expect("it was there");
    assert_eq!(engine.live.finding(finding.id).as_ref(), Some(&finding));
    assert_eq!((finding.sightings, finding.requests), (1, 1));
    assert_eq!(engine.requests(), 1);
    let trace = engine.live.trace(shop::trace_id(1)).expect("the disk works");
    assert_eq!(trace.map(|trace| trace.spans.len()), Some(shop::orders(1, shop::now()).len()));
    engine.stop();
}

#[test]
fn late_spans_join_their_trace_and_count_once() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = Engine::start(folder.path());
    let spans = shop::orders(1, shop::now());
    engine.accept(spans[..4].to_vec()).expect("there is room");
    engine.wait_until("the request", |live| live.outcome().requests == 1);
    assert_eq!(the_finding(&engine.live), None);
    engine.accept(spans[4..].to_vec()).expect("there is room");
    engine.wait_until("the finding", |live| the_finding(live).is_some());
    let finding = the_finding(&engine.live).expect("it was there");
    assert_eq!((finding.sightings, finding.requests), (1, 1));
    let slowest = engine.live.store().operations(Window::ALL).expect("the disk works");
    assert_eq!(slowest.len(), 1);
    assert_eq!(engine.requests(), 1);
    engine.stop();
}

#[test]
fn a_restart_forgets_nothing() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = Engine::start(folder.path());
    for trace in 0..5 {
        let start = shop::now() - Duration::from_secs(60 - trace);
        engine.accept(shop::orders(trace, start)).expect("there is room");
    }
    engine.wait_until("all requests", |live| live.outcome().requests == 5);
    let before = the_finding(&engine.live).expect("it is there with its requests");
    engine.stop();

    let engine = Engine::start(folder.path());
    engine.wait_until("what was kept", |live| !live.standing().catching_up);
    engine.wait_until("all requests", |live| live.outcome().requests == 5);
    let after = the_finding(&engine.live).expect("it is there with its requests");
    assert_eq!(after, before);
    assert_eq!(engine.requests(), 5);
    engine.stop();
}

#[test]
fn what_had_not_settled_at_the_end_is_found_after_the_restart() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = Engine::idle(folder.path(), &[]);
    engine.accept(shop::orders(1, shop::now())).expect("there is room");
    drop(engine);

    let engine = Engine::start(folder.path());
    engine.wait_until("the finding", |live| the_finding(live).is_some());
    assert_eq!(engine.requests(), 1);
    engine.stop();
}

/// How many statements each request ran, the latest first.
fn statements(live: &Live) -> Vec<(TraceId, u32)> {
    let all = RequestFilter {
        window: Window::ALL,
        service: None,
        operation: None,
        duration_min: None,
        failed: None,
    };
    let facts = live.store().latest(&all, 10).expect("the disk works");
    facts.iter().map(|fact| (fact.trace_id, fact.statements)).collect()
}

#[test]
fn a_trace_that_began_before_what_is_read_again_is_not_cut() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    // Facts are kept up to here. What came in the two minutes before, twice the longest time of a trace, is read again.
    let until = shop::now() - Duration::from_hours(2);
    let ago = |seconds| until - Duration::from_secs(seconds);
    let engine = Engine::idle(folder.path(), &[]);
    let take = |spans: &[Span], received| {
        let batch = Received { spans: spans.to_vec(), otlp: None, received };
        engine.live.accept(batch).expect("there is room");
    };
    let request = shop::orders(1, ago(125));
    take(&request[20..], ago(121));
    take(&request[..20], ago(119));
    take(&shop::orders(2, until), until);
    drop(engine);

    let engine = Engine::start(folder.path());
    let all = [2, 1].map(|trace| (shop::trace_id(trace), 41_u32));
    engine.wait_until("both requests", |live| statements(live) == all);
    engine.stop();

    let engine = Engine::start(folder.path());
    engine.wait_until("what was kept", |live| !live.standing().catching_up);
    assert_eq!(statements(&engine.live), all);
    engine.stop();
}

#[test]
fn a_finding_keeps_its_first_day_when_its_first_requests_have_left_the_window() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let long_ago = shop::now() - Duration::from_hours(3);
    let engine = Engine::start(folder.path());
    engine.accept(shop::orders(1, long_ago)).expect("there is room");
    engine.wait_until("the request", |live| live.outcome().requests == 1);
    engine.accept(shop::orders(2, shop::now())).expect("there is room");
    engine.wait_until("the finding", |live| {
        the_finding(live).is_some_and(|finding| long_ago < finding.last_seen)
    });
    assert_eq!(the_finding(&engine.live).map(|finding| finding.first_seen), Some(long_ago));
    engine.stop();

    let engine = Engine::start(folder.path());
    engine.wait_until("the finding", |live| the_finding(live).is_some());
    assert_eq!(the_finding(&engine.live).map(|finding| finding.first_seen), Some(long_ago));
    engine.stop();
}

#[test]
fn past_the_bound_senders_are_asked_to_come_again() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = Engine::idle(folder.path(), &[("TAUT_ENGINE_SPANS_IN_FLIGHT_MAX", "1000")]);
    let mut trace = 0;
    let refusal = loop {
        match engine.accept(shop::orders(trace, shop::now())) {
            Ok(()) => trace += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, Refusal::Busy { .. }), "{refusal:?}");
    let held = engine.live.standing().spans_in_flight;
    assert!((1_100..1_200).contains(&held), "{held}");
    let refused = engine.live.trace(shop::trace_id(trace)).expect("the disk works");
    assert!(refused.is_none(), "what was refused is not kept");

    let finder = engine.live.start().expect("the system gives a thread");
    engine.wait_until("room", |live| live.standing().spans_in_flight == 0);
    engine.accept(shop::orders(trace, shop::now())).expect("there is room again");
    engine.wait_until("all requests", |live| live.outcome().requests == trace + 1);
    engine.live.stop();
    finder.join().expect("the finder does not panic");
}
