//! Findings follow from the traces, not from when or how often they are looked at.

use std::time::Duration;

use engine::{Analysis, SeenBefore, traces_of};
use find::Outcome;
use model::{Moment, Span, Trace};
use proptest::prelude::*;

use crate::shop;

fn at(seconds: u64) -> Moment {
    Moment { nanos: 1_767_225_600_000_000_000 } + Duration::from_secs(seconds)
}

fn analysis() -> Analysis {
    let settings = find::Settings::default();
    Analysis::new(settings, find::Targets::default(), find::Levels::default(), None)
}

fn outcome(traces: &[Trace]) -> Outcome {
    let mut analysis = analysis();
    for trace in traces {
        analysis.add(trace, &mut SeenBefore::default());
    }
    analysis.look_at_window();
    analysis.outcome()
}

fn spans(traces: u64) -> Vec<Span> {
    (0..traces).flat_map(|trace| shop::orders(trace, at(trace * 10))).collect()
}

/// Fault, operation, sightings and requests of what was found.
fn told(outcome: &Outcome) -> Vec<String> {
    let tell = |finding: &model::Finding| {
        let model::Finding { fault, operation, sightings, requests, .. } = finding;
        format!("{fault} at {}: {sightings} of {requests}", operation.operation)
    };
    outcome.findings.iter().map(tell).collect()
}

#[test]
fn a_trace_that_is_looked_at_again_does_not_count_again() {
    let traces = traces_of(spans(3));
    let mut analysis = analysis();
    let mut before = vec![SeenBefore::default(); traces.len()];
    for _ in 0..3 {
        for (trace, before) in traces.iter().zip(&mut before) {
            assert_eq!(analysis.add(trace, before).len(), 1);
        }
        analysis.look_at_window();
    }
    assert_eq!(analysis.outcome(), outcome(&traces));
    assert_eq!(told(&analysis.outcome()), ["n-plus-one at GET /api/orders/: 3 of 3"]);
}

#[test]
fn spans_that_come_late_add_what_they_show_and_no_request() {
    let spans = spans(1);
    let mut analysis = analysis();
    let mut before = SeenBefore::default();
    // Three look-ups are no fault; all of them are.
    analysis.add(&traces_of(&spans[..5])[0], &mut before);
    let one_by_one = "n-plus-one at GET /api/orders/: 1 of 1".to_owned();
    assert!(!told(&analysis.outcome()).contains(&one_by_one));
    analysis.add(&traces_of(&spans)[0], &mut before);
    assert!(told(&analysis.outcome()).contains(&one_by_one));
}

#[test]
fn a_request_whose_span_comes_last_counts_where_it_belongs() {
    let spans = spans(1);
    let mut analysis = analysis();
    let mut before = SeenBefore::default();
    analysis.add(&traces_of(&spans[1..])[0], &mut before);
    analysis.add(&traces_of(&spans)[0], &mut before);
    let told = told(&analysis.outcome());
    assert!(told.contains(&"n-plus-one at GET /api/orders/: 1 of 1".to_owned()), "{told:?}");
}

#[test]
fn a_clock_that_is_far_ahead_moves_nothing() {
    let mut analysis = analysis();
    analysis.ignore_after(at(100));
    for trace in traces_of(spans(2)) {
        analysis.add(&trace, &mut SeenBefore::default());
    }
    let before = analysis.outcome();
    let facts = analysis.add(&traces_of(shop::orders(9, at(101)))[0], &mut SeenBefore::default());
    assert_eq!(facts.len(), 1, "it can be looked up all the same");
    assert_eq!(analysis.outcome(), before);
}

#[test]
fn each_request_gives_a_fact() {
    let spans = spans(2);
    let mut analysis = analysis();
    for trace in traces_of(&spans) {
        let facts = analysis.add(&trace, &mut SeenBefore::default());
        let [fact] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(&*fact.operation.operation, "GET /api/orders/");
        assert_eq!(u64::from(fact.statements), shop::CUSTOMERS + 1);
        let parts = &fact.breakdown;
        let sum = parts.own + parts.database + parts.cache + parts.http + parts.queue;
        assert_eq!(sum, fact.duration, "the parts are the whole");
        assert_eq!(fact.groups.iter().map(|group| group.count).sum::<u32>(), fact.statements);
    }
}

proptest! {
    #[test]
    fn the_order_of_traces_changes_nothing(
        traces in Just(traces_of(spans(6))).prop_shuffle(),
    ) {
        prop_assert_eq!(outcome(&traces), outcome(&traces_of(spans(6))));
    }
}
