//! What stays is enough to tell what was there.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and durations made up here are small"
)]

use std::collections::BTreeMap;

use model::{
    Attributes, Moment, Span, SpanId, SpanKind, Status, StatusCode, Text, TraceId, Window,
};
use proptest::prelude::*;
use testkit::arbitrary;

use super::{
    Carried, Decided, Demand, Durations, HOUR_NANOS, Place, Quotas, Traces, key, rarity, weigh,
};
use crate::{
    Chunk, Column, SPANS,
    query::{Field, Filter, Groups, Measure, Measured, Query},
    rollup::{self, MINUTE_NANOS},
    spans::{Derived, SpanRows},
    table::span,
};

const BEGIN: u64 = 7 * HOUR_NANOS;

/// A request and a statement in it.
#[derive(Debug, Clone)]
struct Made {
    trace: u64,
    nanos: u64,
    long: u64,
    operation: &'static str,
    failed: bool,
}

fn id(trace: u64) -> TraceId {
    TraceId(u128::from(trace).to_be_bytes())
}

fn rows(made: &[Made]) -> Chunk {
    let mut rows = SpanRows::default();
    let seed = Span {
        attributes: Attributes::default(),
        events: Vec::new(),
        links: Vec::new(),
        ..arbitrary::one()
    };
    for made in made {
        let status = if made.failed { StatusCode::Error } else { StatusCode::Unset };
        let entry = Span {
            trace_id: id(made.trace),
            span_id: SpanId([1; 8]),
            kind: SpanKind::Server,
            start: Moment { nanos: made.nanos },
            end: Moment { nanos: made.nanos + made.long },
            status: Status { code: status, message: Text::default() },
            ..seed.clone()
        };
        let statement = Span {
            span_id: SpanId([2; 8]),
            kind: SpanKind::Client,
            end: Moment { nanos: made.nanos + made.long / 2 },
            status: Status::default(),
            ..entry.clone()
        };
        rows.push(&entry, Derived { operation: made.operation, statement: "" });
        rows.push(&statement, Derived { operation: "", statement: "SELECT 1" });
    }
    rows.into_chunk()
}

fn demand(minutes: &[Chunk], quotas: Quotas) -> Demand {
    let hours = [BEGIN, BEGIN + HOUR_NANOS].into();
    let mut durations = Durations::default();
    for chunk in minutes {
        durations.add(chunk, &hours);
    }
    let mut demand = Demand::new(durations.slow(), quotas);
    for chunk in minutes {
        demand.add(chunk, &hours);
    }
    demand
}

fn thinned(chunk: &Chunk, decided: &Decided) -> Chunk {
    let (rows, weights) = decided.rows(chunk);
    let mut picked = chunk.pick(&rows);
    weigh(&mut picked, &weights);
    picked
}

/// All at once.
fn thin(made: &[Made], quotas: Quotas) -> Chunk {
    let chunk = rows(made);
    let demand = demand(&[rollup::of(&chunk)], quotas);
    let mut traces = Traces::default();
    traces.add(&chunk, Place::Within, &demand, &|_| false);
    let (decided, carried) = traces.decide(&Carried::default());
    assert!(carried.is_empty());
    thinned(&chunk, &decided)
}

/// How many rows there were, the sum of their durations, and three quantiles of them, for each operation.
fn told(chunk: &Chunk) -> BTreeMap<Text, (u64, i128, [u64; 3])> {
    let duration = Field::Column(span::DURATION);
    let query = Query {
        table: &SPANS,
        window: Window::ALL,
        filter: Filter::Has(Field::Column(span::OPERATION)),
        group: vec![Field::Column(span::OPERATION)],
        step: None,
        measures: vec![Measure::Sum(duration.clone()), Measure::Distribution(duration)],
        limit: 100,
    };
    let mut groups = Groups::default();
    groups.add(&query, chunk);
    let groups = groups.answer(&query).groups.into_iter();
    let each = groups.map(|group| {
        let [Measured::Sum(Some(sum)), Measured::Distribution(sketch)] = &group.measured[..] else {
            panic!("these were asked for");
        };
        let quantiles = [0.5, 0.9, 0.99].map(|q| sketch.quantile(q).unwrap());
        (group.key[0].clone().unwrap(), (sketch.count(), *sum, quantiles))
    });
    each.collect()
}

/// Traffic of ten minutes: many requests for a list, few for a page, some of which fail.
fn traffic(seed: u64, count: u64) -> Vec<Made> {
    let made = |number: u64| {
        let lot = key(u128::from(seed << 32 | number).to_le_bytes());
        // From 1 ms on, and sometimes much more: the sum of two lots, squared.
        let spread = (lot & 0xfff) + (lot >> 12 & 0xfff);
        Made {
            trace: seed << 32 | number,
            nanos: BEGIN + (lot >> 24) % (10 * MINUTE_NANOS),
            long: 1_000_000 + spread * spread,
            operation: if number.is_multiple_of(9) { "GET /page" } else { "GET /list" },
            failed: number.is_multiple_of(61),
        }
    };
    (0..count).map(made).collect()
}

#[test]
fn counts_sums_and_quantiles_stay_right_on_average() {
    const SEEDS: u64 = 30;
    let quotas = Quotas { notable: 10, others: 50 };
    let mut off = BTreeMap::<Text, Vec<[f64; 5]>>::new();
    let mut kept = 0;
    for seed in 0..SEEDS {
        let made = traffic(seed, 2_000);
        let thinned = thin(&made, quotas);
        kept += thinned.rows();
        let after = told(&thinned);
        for (operation, (count, sum, quantiles)) in told(&rows(&made)) {
            let (told_count, told_sum, told_quantiles) = after[&operation];
            let ratio = |told: f64, is: f64| told / is - 1.0;
            let quantile = |at: usize| ratio(told_quantiles[at] as f64, quantiles[at] as f64);
            let own = [ratio(told_count as f64, count as f64), ratio(told_sum as f64, sum as f64)];
            let [count, sum] = own;
            let all = [count, sum, quantile(0), quantile(1), quantile(2)];
            off.entry(operation).or_default().push(all);
        }
    }
    for (operation, off) in off {
        for place in 0..5 {
            let runs = SEEDS as f64;
            let mean = off.iter().map(|it| it[place]).sum::<f64>() / runs;
            let squares = off.iter().map(|it| (it[place] - mean).powi(2)).sum::<f64>();
            let error = (squares / (runs - 1.0) / runs).sqrt();
            // Counts and sums are right on average: what they are off by is chance, and little. A quantile of few rows
            // is one of them, so that it is near.
            let is_right = if place < 2 { mean.abs() < 3.0 * error } else { mean.abs() < 0.06 };
            assert!(is_right && error < 0.04, "{operation}, {place}: off by {mean} ± {error}");
        }
    }
    let share = kept as f64 / (SEEDS * 2_000 * 2) as f64;
    assert!((0.2..0.4).contains(&share), "{share} of all rows stay");
}

#[test]
fn each_minute_keeps_about_what_it_may() {
    let quotas = Quotas { notable: 20, others: 25 };
    let thinned = thin(&traffic(3, 8_000), quotas);
    let Column::Whole(starts) = thinned.column(span::START) else { unreachable!() };
    let mut minutes = BTreeMap::<u64, usize>::new();
    for start in starts {
        *minutes.entry(start / MINUTE_NANOS).or_default() += 1;
    }
    for rows in minutes.values() {
        // Two rows each; what is drawn by lot is more or less by chance.
        assert!((20..2 * 2 * 45).contains(rows), "{rows} rows");
    }
    assert_eq!(minutes.len(), 10);
}

#[test]
fn what_is_slow_or_failed_stays_for_itself_alone_while_there_is_room() {
    let mut made: Vec<Made> = traffic(1, 2_000);
    for made in &mut made {
        made.failed = false;
    }
    made[5].failed = true;
    made[9].long = 60_000_000_000;
    let thinned = thin(&made, Quotas { notable: 1_000, others: 2 });
    let (Column::Id16(ids), Column::Whole(weights)) =
        (thinned.column(span::TRACE_ID), thinned.column(span::WEIGHT))
    else {
        unreachable!()
    };
    let weight = |trace: u64| -> Vec<u64> {
        let of_trace = ids.iter().zip(weights).filter(|(it, _)| **it == id(trace).0);
        of_trace.map(|(_, weight)| *weight).collect()
    };
    for special in [&made[5], &made[9]] {
        assert_eq!(weight(special.trace), [1, 1]);
    }
    let alone = weights.iter().filter(|weight| **weight == 1).count();
    // One in twenty is slow for its operation, and what is as slow to the precision of a sketch.
    assert!((200..300).contains(&alone), "{alone} rows stand for themselves");
    assert!(weights.iter().any(|weight| 1 < *weight));
}

#[test]
fn where_all_take_as_long_none_is_slow() {
    let mut made = traffic(1, 2_000);
    for made in &mut made {
        made.long = 5_000_000;
        made.failed = false;
    }
    let thinned = thin(&made, Quotas { notable: 1_000, others: 2 });
    assert!(thinned.rows() < 100, "{} rows", thinned.rows());
}

#[test]
fn what_a_finding_names_stays() {
    let made = traffic(2, 2_000);
    let chunk = rows(&made);
    let demand = demand(&[rollup::of(&chunk)], Quotas { notable: 1, others: 1 });
    let named = id(made[77].trace);
    let mut traces = Traces::default();
    traces.add(&chunk, Place::Within, &demand, &|it| it == named);
    let (decided, _) = traces.decide(&Carried::default());
    let (rows, weights) = decided.rows(&chunk);
    let found = rows.iter().zip(weights).filter(|(row, _)| **row / 2 == 77);
    assert_eq!(found.collect::<Vec<_>>(), [(&154, 1), (&155, 1)]);
}

#[test]
fn the_share_is_the_greatest_that_fits() {
    let cases = [(0, 5, 0), (5, 5, 0), (6, 5, 1), (10, 5, 1), (11, 5, 2), (1_000, 1, 10)];
    for (count, quota, expected) in cases {
        assert_eq!(rarity(count, quota), expected, "{count} where {quota} may stay");
    }
    assert_eq!(rarity(u64::MAX, 0), 32);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_trace_that_goes_on_stays_or_goes_as_a_whole(
        seed in 0_u64..1_000,
        cuts in prop::collection::vec(0.0..1.0, 1..4),
        quota in 1_u64..40,
        order in any::<u64>(),
    ) {
        // Each row comes when it comes: those of one trace in several parts.
        let chunk = rows(&traffic(seed, 300));
        let mut arrival: Vec<u32> = (0..chunk.rows() as u32).collect();
        arrival.sort_by_key(|row| (row / 8, key(u128::from(order ^ u64::from(*row)).to_be_bytes())));
        let mut ends: Vec<usize> =
            cuts.iter().map(|cut| (cut * chunk.rows() as f64) as usize).collect();
        ends.push(chunk.rows());
        ends.sort_unstable();
        let mut from = 0;
        let mut parts = Vec::new();
        for end in ends {
            let mut rows = arrival[from..end].to_vec();
            rows.sort_unstable();
            parts.push(chunk.pick(&rows));
            from = end;
        }
        let minutes: Vec<Chunk> = parts.iter().map(rollup::of).collect();
        let demand = demand(&minutes, Quotas { notable: quota, others: quota });
        let mut whole = Traces::default();
        whole.add(&chunk, Place::Within, &demand, &|_| false);
        let (decided, _) = whole.decide(&Carried::default());
        let (rows, _) = decided.rows(&chunk);
        let expected = chunk.pick(&rows);

        let mut carried = Carried::default();
        let mut kept = Chunk::new(&SPANS);
        for (number, part) in parts.iter().enumerate() {
            let mut traces = Traces::default();
            traces.add(part, Place::Within, &demand, &|_| false);
            for later in &parts[number + 1..] {
                traces.add(later, Place::After, &demand, &|_| false);
            }
            let (decided, handed_on) = traces.decide(&carried);
            kept.append(&thinned(part, &decided));
            carried = Carried::from_text(&handed_on.to_text());
            prop_assert_eq!(&carried, &handed_on);
        }
        let ids = |chunk: &Chunk| {
            let Column::Id16(ids) = chunk.column(span::TRACE_ID) else { unreachable!() };
            let mut ids = ids.clone();
            ids.sort_unstable();
            ids
        };
        prop_assert_eq!(ids(&kept), ids(&expected));
    }

    #[test]
    fn the_order_of_rows_is_of_no_matter(seed in 0_u64..1_000, part in 1_usize..200) {
        let made = traffic(seed, 200);
        let quotas = Quotas { notable: 3, others: 3 };
        let all = thin(&made, quotas);
        let demand = demand(&[rollup::of(&rows(&made))], quotas);
        let mut traces = Traces::default();
        let parts: Vec<Chunk> = made.chunks(part).map(rows).collect();
        for part in parts.iter().rev() {
            traces.add(part, Place::Within, &demand, &|_| false);
        }
        let (decided, _) = traces.decide(&Carried::default());
        let mut kept = Chunk::new(&SPANS);
        for part in &parts {
            kept.append(&thinned(part, &decided));
        }
        for place in [span::TRACE_ID, span::WEIGHT] {
            prop_assert_eq!(kept.column(place), all.column(place));
        }
    }
}
