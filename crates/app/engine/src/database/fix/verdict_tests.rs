//! Verdicts over counters that were made up.

use model::{Change, Moment, Text, database::TableName};
use proptest::prelude::*;
use store::ledger::{Entry, IndexReading, Proposal, RemedyId, State};

use super::*;

/// Calls of one statement, each of so many milliseconds, half of them a fifth faster and half a fifth slower.
fn counted(query_id: i64, calls: u64, millis: f64, blocks: u64) -> StatementReading {
    let count = u32::try_from(calls).map(f64::from).unwrap();
    StatementReading {
        query_id,
        text: format!("select {query_id}"),
        calls,
        total_millis: count * millis,
        square_millis: count * millis * millis * 1.04,
        rows: calls,
        blocks: blocks * calls,
        wal_bytes: 0,
    }
}

fn plus(one: &StatementReading, two: &StatementReading) -> StatementReading {
    StatementReading {
        calls: one.calls + two.calls,
        total_millis: one.total_millis + two.total_millis,
        square_millis: one.square_millis + two.square_millis,
        blocks: one.blocks + two.blocks,
        ..one.clone()
    }
}

fn readings(second: u64, statements: Vec<StatementReading>, scans: u64) -> Readings {
    let index = IndexReading { name: "orders_idx".to_owned(), scans };
    let time = Moment { nanos: second * 1_000_000_000 };
    Readings { time, since: Moment::default(), statements, indexes: vec![index] }
}

/// A remedy for statement 1, applied when both statements had been counted so.
fn remedy(before: &[StatementReading]) -> Remedy {
    let change = Change {
        creates: vec![(TableName::new("public", "orders"), Text::from("orders_idx"))],
        ..Change::default()
    };
    let entry = |id, event| Entry { id, time: Moment::default(), version: String::new(), event };
    let (started, applied) = (readings(10, before.to_vec(), 0), readings(20, before.to_vec(), 0));
    Remedy {
        id: RemedyId(1),
        proposal: Proposal {
            change,
            statements: vec![(1, "select 1".to_owned())],
            ..Proposal::default()
        },
        state: State::Applied,
        entries: vec![
            entry(1, Event::Proposed),
            entry(2, Event::Started { direction: Direction::Apply, before: started }),
            entry(3, Event::Applied { baseline: applied }),
        ],
    }
}

/// The verdict when the statements went on like that, and the index was used so often.
fn verdict(after: &[StatementReading], scans: u64) -> Judgement {
    let before = [counted(1, 1_000, 12.0, 500), counted(2, 1_000, 1.0, 10)];
    let sums = before.iter().map(|was| {
        after
            .iter()
            .find(|is| is.query_id == was.query_id)
            .map_or_else(|| was.clone(), |is| plus(was, is))
    });
    judge(&remedy(&before), &readings(30, sums.collect(), scans), &[])
}

#[test]
fn less_time_and_a_used_index_are_proof() {
    let judged = verdict(&[counted(1, 400, 0.4, 4)], 400);
    assert_eq!(judged.outcome, Outcome::Proven);
    insta::assert_snapshot!(judged.verdict.claim, @"mean fell from 12.0 to 0.400 ms a call (95 % interval of the difference -11.7 to -11.5 ms) over 400 calls; the index was used 400 times");
    insta::assert_snapshot!(judged.verdict.lines.join("\n"), @"12.0 -> 0.400 ms, 500 -> 4.00 blocks a call, 400 calls: select 1");
}

#[test]
fn less_time_without_the_index_is_somebody_elses_merit() {
    assert_eq!(verdict(&[counted(1, 400, 0.4, 4)], 0).outcome, Outcome::NoGain);
}

#[test]
fn the_same_time_is_no_gain() {
    assert_eq!(verdict(&[counted(1, 400, 12.0, 500)], 400).outcome, Outcome::NoGain);
    assert_eq!(verdict(&[counted(1, 400, 14.0, 500)], 400).outcome, Outcome::NoGain);
}

#[test]
fn few_calls_settle_nothing() {
    let judged = verdict(&[counted(1, 20, 0.4, 4)], 20);
    assert_eq!(judged.outcome, Outcome::Open);
    assert_eq!(judged.verdict.claim, "its statements ran 20 times since: too few to tell");
}

#[test]
fn a_statement_got_worse_only_if_it_does_more() {
    let slower = verdict(&[counted(1, 400, 0.4, 4), counted(2, 400, 2.0, 10)], 400);
    assert!(slower.verdict.worse.is_empty(), "the neighbours' noise: {:?}", slower.verdict.worse);
    let worse = verdict(&[counted(1, 400, 0.4, 4), counted(2, 400, 2.0, 30)], 400);
    insta::assert_snapshot!(worse.verdict.worse.join("\n"), @"1.00 -> 2.00 ms (95 % interval of the difference 0.959 to 1.04), 10.0 -> 30.0 blocks a call, 400 calls: select 2");
}

#[test]
fn dropping_is_proven_by_what_did_not_get_slower() {
    let before = [counted(1, 1_000, 12.0, 500)];
    let mut dropped = remedy(&before);
    dropped.proposal.statements.clear();
    let after = |more: &StatementReading| readings(30, vec![plus(&before[0], more)], 0);
    let same = after(&counted(1, 400, 12.0, 500));
    assert_eq!(judge(&dropped, &same, &[]).outcome, Outcome::Open, "an index for nothing known");
    dropped.proposal.change.creates.clear();
    assert_eq!(judge(&dropped, &same, &[]).outcome, Outcome::Proven);
    let worse = judge(&dropped, &after(&counted(1, 400, 40.0, 5_000)), &[]);
    assert_eq!((worse.outcome, worse.verdict.worse.len()), (Outcome::NoGain, 1));
    assert_eq!(judge(&dropped, &after(&counted(1, 4, 12.0, 500)), &[]).outcome, Outcome::Open);
}

#[test]
fn counters_that_were_reset_begin_anew() {
    let before = [counted(1, 1_000, 12.0, 500)];
    let after = Readings {
        since: Moment { nanos: 25_000_000_000 },
        ..readings(30, vec![counted(1, 100, 0.4, 4)], 100)
    };
    assert_eq!(judge(&remedy(&before), &after, &[]).outcome, Outcome::Proven);
}

#[test]
fn means_that_wander_from_poll_to_poll_are_less_certain() {
    let before = counted(1, 1_000, 12.0, 500);
    let mut polls = vec![readings(20, vec![before.clone()], 0)];
    let mut sum = before.clone();
    for poll in 0..8 {
        // Calls within a poll are alike; polls are not.
        let mean = if poll % 2 == 0 { 1.0 } else { 19.0 };
        sum = plus(&sum, &counted(1, 50, mean, 500));
        polls.push(readings(21 + poll, vec![sum.clone()], 400));
    }
    let after = polls.last().unwrap().clone();
    let calm = judge(&remedy(std::slice::from_ref(&before)), &after, &[]);
    let wary = judge(&remedy(&[before]), &after, &polls);
    assert_ne!(calm.verdict.claim, wary.verdict.claim);
    assert_eq!(wary.outcome, Outcome::Open, "{}", wary.verdict.claim);
}

proptest! {
    #[test]
    fn any_counters_give_a_verdict(
        figures in prop::collection::vec((any::<i8>(), any::<u64>(), any::<f64>(), any::<f64>(), any::<u64>()), 0..6),
        again in prop::collection::vec((any::<i8>(), any::<u64>(), any::<f64>(), any::<f64>(), any::<u64>()), 0..6),
    ) {
        let read = |figures: &[(i8, u64, f64, f64, u64)]| -> Vec<StatementReading> {
            figures.iter().map(|(id, calls, total, squares, blocks)| StatementReading {
                query_id: i64::from(*id), calls: *calls, total_millis: *total, square_millis: *squares,
                blocks: *blocks, ..StatementReading::default()
            }).collect()
        };
        let after = readings(30, read(&again), 5);
        let judged = judge(&remedy(&read(&figures)), &after, std::slice::from_ref(&after));
        prop_assert!(!judged.verdict.claim.is_empty());
    }
}
