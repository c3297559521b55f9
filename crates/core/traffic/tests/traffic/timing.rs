//! Where time went, and to which trace it belongs.

use http::HeaderMap;
use model::TraceId;
use proptest::prelude::*;
use traffic::{
    Dice,
    timing::{Phase, Phases},
    trace_context::{Parent, TRACEPARENT, Trace},
};

use crate::millis;

#[test]
fn phases_are_told_in_their_order_and_added_up() {
    let mut phases = Phases::default();
    phases.add(Phase::Upstream, millis(30));
    phases.add(Phase::Queue, millis(1));
    phases.add(Phase::Queue, millis(2));
    let header = phases.header(millis(40)).expect("it is text");
    assert_eq!(header, "queue;dur=3.000, upstream;dur=30.000, gateway;dur=40.000");
}

const RIGHT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_right_parent_is_read_and_a_wrong_one_is_not() {
    let parent = Parent::parse(RIGHT).expect("it is right");
    assert!(parent.is_sampled());
    assert_eq!(parent.header().expect("it is text"), RIGHT);
    // A later version may say more behind it.
    let later = format!("cc{}-what-the-future-holds", RIGHT.trim_start_matches("00"));
    assert_eq!(Parent::parse(&later), Some(parent));
    for wrong in [
        "",
        "00",
        &RIGHT.to_uppercase(),
        &RIGHT.replace("00-4", "ff-4"),
        &format!("{RIGHT}-more"),
        &format!("cc{}.more", RIGHT.trim_start_matches("00")),
        &RIGHT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
        &RIGHT.replace("00f067aa0ba902b7", "0000000000000000"),
        &RIGHT.replace('-', "_"),
        &RIGHT.replace("4bf9", "4bg9"),
        &RIGHT.replace("-01", "-0"),
        "00-4bf92f3577b34da6a3ce929d0e0e47-3600f067aa0ba902b7-01",
    ] {
        assert_eq!(Parent::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn two_parents_are_none() {
    let mut headers = HeaderMap::new();
    headers.append(TRACEPARENT, RIGHT.parse().expect("a value"));
    assert!(Parent::of(&headers).is_some());
    headers.append(TRACEPARENT, RIGHT.parse().expect("a value"));
    assert_eq!(Parent::of(&headers), None);
}

#[test]
fn a_trace_goes_on_as_it_began() {
    let mut dice = Dice::new(7);
    let parent = Parent::parse(RIGHT).expect("it is right");
    let trace = Trace::new(Some(parent), 0.0, &mut dice);
    assert_eq!((trace.id, trace.parent), (parent.trace, Some(parent.span)));
    assert!(trace.is_sampled() && trace.span != parent.span);
    let told = trace.told_by(trace.span).expect("it is text");
    assert!(told.to_str().expect("ascii").ends_with("-01"));
    let never = Trace::new(None, 0.0, &mut dice);
    assert!(!never.is_sampled() && never.parent.is_none());
    assert!(Trace::new(None, 1.0, &mut dice).is_sampled());
}

#[test]
fn the_share_that_is_kept_is_the_share_that_was_asked_for() {
    let mut dice = Dice::new(1);
    let kept = (0..10_000).filter(|_| Trace::new(None, 0.1, &mut dice).is_sampled()).count();
    assert!((900..1_100).contains(&kept), "{kept}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(id in 1_u128.., span in 1_u64.., flags in 0_u8..4) {
        let parent = Parent {
            trace: TraceId(id.to_be_bytes()),
            span: model::SpanId(span.to_be_bytes()),
            flags,
        };
        let header = parent.header().unwrap();
        prop_assert_eq!(Parent::parse(header.to_str().unwrap()), Some(parent));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        if let Some(parent) = Parent::parse(&text) {
            prop_assert!(parent.header().is_some());
        }
    }
}
