//! Traces settle whole, each call once, whatever the order in which spans come.

use std::{collections::BTreeMap, time::Duration};

use engine::{Settled, Settler, SettlerLimits};
use model::{Call, Moment, Span, Trace, TraceId};
use proptest::prelude::*;

use crate::shop;

const LIMITS: SettlerLimits = SettlerLimits {
    spans_max: 1_000,
    settle: Duration::from_secs(5),
    settle_max: Duration::from_mins(1),
};

fn at(seconds: u64) -> Moment {
    Moment { nanos: 1_000_000_000_000 } + Duration::from_secs(seconds)
}

fn calls(spans: &[Span]) -> Vec<(TraceId, Call)> {
    let mut statements = sql::Statements::default();
    spans.iter().map(|span| (span.trace_id, observe::call(span, &mut statements))).collect()
}

fn add(settler: &mut Settler, spans: &[Span], now: Moment) {
    settler.add(calls(spans), &BTreeMap::new(), now);
}

fn settle(settler: &mut Settler, now: Moment) -> Vec<Settled> {
    settler.settle(|_| false, now)
}

fn traces(settled: Vec<Settled>) -> Vec<Trace> {
    let mut traces: Vec<Trace> = settled.into_iter().map(Settled::assemble).collect();
    traces.sort_by_key(|trace| trace.id);
    traces
}

fn ids(settled: &[Settled]) -> Vec<TraceId> {
    settled.iter().map(|settled| settled.id).collect()
}

#[test]
fn a_trace_settles_after_silence() {
    let mut settler = Settler::new(LIMITS);
    let spans = shop::orders(1, at(0));
    add(&mut settler, &spans[..10], at(0));
    add(&mut settler, &spans[10..], at(4));
    assert_eq!(ids(&settle(&mut settler, at(8))), []);
    let settled = settle(&mut settler, at(9));
    assert_eq!(ids(&settled), [shop::trace_id(1)]);
    assert_eq!(settled[0].calls.len(), spans.len());
    assert_eq!(settler.spans(), 0);
}

#[test]
fn a_trace_that_never_falls_silent_settles_all_the_same() {
    let mut settler = Settler::new(LIMITS);
    let span = &shop::orders(1, at(0))[..1];
    for second in 0..60 {
        add(&mut settler, span, at(second));
        assert_eq!(ids(&settle(&mut settler, at(second))), []);
    }
    assert_eq!(ids(&settle(&mut settler, at(60))), [shop::trace_id(1)]);
}

#[test]
fn children_wait_for_the_request_that_is_still_running() {
    let mut settler = Settler::new(LIMITS);
    let spans = shop::orders(1, at(0));
    add(&mut settler, &spans[1..], at(0));
    assert_eq!(ids(&settle(&mut settler, at(30))), [], "its server span has not ended yet");
    add(&mut settler, &spans[..1], at(31));
    let traces = traces(settle(&mut settler, at(36)));
    assert_eq!(traces[0].notes, []);
}

#[test]
fn children_whose_parent_never_comes_settle_in_the_end() {
    let mut settler = Settler::new(LIMITS);
    add(&mut settler, &shop::orders(1, at(0))[1..], at(0));
    assert_eq!(ids(&settle(&mut settler, at(59))), []);
    assert_eq!(ids(&settle(&mut settler, at(60))), [shop::trace_id(1)]);
}

#[test]
fn children_that_come_after_their_trace_settled_do_not_wait() {
    let mut settler = Settler::new(LIMITS);
    add(&mut settler, &shop::orders(1, at(0))[1..], at(0));
    let settled = settler.settle(|id| id == shop::trace_id(1), at(5));
    assert_eq!(ids(&settled), [shop::trace_id(1)]);
}

#[test]
fn nobody_waits_for_a_caller_elsewhere() {
    let mut settler = Settler::new(LIMITS);
    let mut spans = shop::orders(1, at(0));
    spans[0].parent_id = Some(shop::span_id(9, 9));
    add(&mut settler, &spans, at(0));
    assert_eq!(ids(&settle(&mut settler, at(5))), [shop::trace_id(1)]);
}

#[test]
fn past_the_bound_the_oldest_traces_settle_early() {
    let mut settler = Settler::new(LIMITS);
    let one = shop::orders(0, at(0)).len();
    let mut settled = Vec::new();
    for trace in 0..100 {
        add(&mut settler, &shop::orders(trace, at(0)), at(0) + Duration::from_millis(trace));
        settled.extend(settle(&mut settler, at(1)));
        assert!(settler.spans() <= LIMITS.spans_max);
    }
    assert_eq!(settler.spans() / one + settled.len(), 100);
    let oldest: Vec<TraceId> = (0..settled.len() as u64).map(shop::trace_id).collect();
    assert_eq!(ids(&settled), oldest);
}

/// Spans of some traces, and the same in another order, cut into batches.
fn arrivals() -> impl Strategy<Value = (Vec<Span>, Vec<Vec<Span>>)> {
    let spans: Vec<Span> = (0..4).flat_map(|trace| shop::orders(trace, at(trace))).collect();
    (Just(spans.clone()), Just(spans).prop_shuffle(), 1_usize..60).prop_map(
        |(spans, shuffled, size)| (spans, shuffled.chunks(size).map(<[Span]>::to_vec).collect()),
    )
}

proptest! {
    #[test]
    fn any_order_and_any_batches_give_the_same_traces((spans, batches) in arrivals()) {
        let mut whole = Settler::new(LIMITS);
        add(&mut whole, &spans, at(0));
        let mut parts = Settler::new(LIMITS);
        for batch in &batches {
            add(&mut parts, batch, at(1));
            prop_assert_eq!(settle(&mut parts, at(2)).len(), 0);
        }
        let (whole, parts) = (traces(settle(&mut whole, at(5))), traces(settle(&mut parts, at(6))));
        prop_assert_eq!(whole.len(), 4);
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn every_call_comes_out_exactly_once(
        (spans, batches) in arrivals(),
        spans_max in 1_usize..200,
        steps in prop::collection::vec(0_u64..20, 1..200),
    ) {
        let mut settler = Settler::new(SettlerLimits { spans_max, ..LIMITS });
        let mut out = Vec::new();
        let mut now = 0;
        for (batch, step) in batches.iter().zip(steps.iter().cycle()) {
            now += step;
            add(&mut settler, batch, at(now));
            out.extend(settle(&mut settler, at(now)));
            prop_assert!(settler.spans() <= spans_max);
        }
        out.extend(settler.settle_all());
        prop_assert_eq!(settler.spans(), 0);
        let mut came: Vec<_> = out
            .iter()
            .flat_map(|settled| settled.calls.iter().map(|call| (settled.id, call.span_id)))
            .collect();
        let mut sent: Vec<_> = spans.iter().map(|span| (span.trace_id, span.span_id)).collect();
        came.sort_unstable();
        sent.sort_unstable();
        prop_assert_eq!(came, sent);
    }
}
