//! What roll-ups answer against what the spans answer.

use std::time::Duration;

use bytes::Bytes;
use model::{
    Attributes, Moment, Resource, Span, SpanKind, Status, StatusCode, Text, Value, Window,
};
use proptest::prelude::*;
use testkit::arbitrary;

use super::{MINUTE_NANOS, Minutes, asked, fits, inner, of, split};
use crate::{
    Chunk, MINUTES, SPANS,
    parquet::{Block, BlockFormat, Wanted, encode},
    policy,
    query::{Answer, Field, Filter, Group, Groups, Measure, Measured, Query},
    spans::{Derived, SpanRows},
    table::{minute, span as place},
};

/// Spans of a quarter of an hour, with few kinds, each with the operation and statement that it has.
fn spans() -> impl Strategy<Value = Vec<(Span, &'static str, &'static str)>> {
    let said = (0_u64..900, 0_u64..4_000_000, 0_usize..3, 0_usize..3, 0_usize..4, any::<bool>());
    prop::collection::vec(said, 0..300).prop_map(|said| {
        let seed = arbitrary::one();
        let span = |(second, long, service, name, kind, failed): (_, _, usize, usize, usize, _)| {
            let mut span = seed.clone();
            span.start = Moment { nanos: 3 * MINUTE_NANOS + second * 1_000_000_000 };
            span.end = Moment { nanos: span.start.nanos + long };
            span.name = ["read", "write", ""][name].into();
            span.kind =
                [SpanKind::Server, SpanKind::Client, SpanKind::Internal, SpanKind::Producer][kind];
            let code = if failed { StatusCode::Error } else { StatusCode::Unset };
            span.status = Status { code, message: Text::default() };
            let service = ["shop", "mail", ""][service];
            let named = vec![("service.name".into(), Value::Text(service.into()))];
            span.resource =
                Resource { attributes: Attributes(named), ..(*span.resource).clone() }.into();
            let host = ["db", "cache"][usize::from(failed)];
            span.attributes = Attributes(vec![("server.address".into(), Value::Text(host.into()))]);
            (span, ["GET /", "", "", ""][kind], ["", "SELECT 1", "", ""][kind])
        };
        said.into_iter().map(span).collect()
    })
}

fn chunk(spans: &[(Span, &str, &str)]) -> Chunk {
    let mut rows = SpanRows::default();
    for (span, operation, statement) in spans {
        rows.push(span, Derived { operation, statement });
    }
    rows.into_chunk()
}

/// The same as a block, read again.
fn kept(chunk: &Chunk) -> Chunk {
    let format = BlockFormat { group_rows: 1_000, page_rows: 7, ..BlockFormat::FRESH };
    let block = Block::open(Bytes::from(encode(chunk, &format, &[]).unwrap())).unwrap();
    let mut all = Chunk::new(chunk.table());
    for group in 0..block.groups().len() {
        all.append(&block.read(group, Wanted::ALL).unwrap());
    }
    all
}

fn answer(query: &Query, chunks: &[Chunk]) -> Vec<Group> {
    let mut groups = Groups::default();
    for chunk in chunks {
        groups.add(query, chunk);
    }
    let Answer { groups, is_cut, .. } = groups.answer(query);
    assert!(!is_cut);
    groups
}

fn queries() -> impl Strategy<Value = Query> {
    let column = |place: usize| Field::Column(place);
    let fields = [
        place::SERVICE,
        place::NAME,
        place::KIND,
        place::STATUS,
        place::OPERATION,
        place::STATEMENT,
    ];
    let filters = vec![
        Filter::All,
        Filter::Is(column(place::STATUS), vec!["error".into()]),
        Filter::Not(Box::new(Filter::Has(column(place::OPERATION)))),
        Filter::And(vec![
            Filter::Contains(column(place::NAME), "r".into()),
            Filter::Or(vec![
                Filter::Is(column(place::KIND), vec!["server".into(), "client".into()]),
                Filter::Is(column(place::SERVICE), vec!["mail".into()]),
            ]),
        ]),
    ];
    let duration = || column(place::DURATION);
    let measures = vec![
        Measure::Count,
        Measure::Sum(duration()),
        Measure::Least(duration()),
        Measure::Greatest(duration()),
        Measure::Distribution(duration()),
    ];
    let group = prop::sample::subsequence(fields.to_vec(), 0..=4);
    let step = prop::option::of(1_u64..6);
    let window = (0_u64..9, 5_u64..20, 0_u64..2, 0_u64..MINUTE_NANOS);
    (prop::sample::select(filters), group, step, window, Just(measures)).prop_map(
        |(filter, group, step, (from, to, is_odd, odd), measures)| {
            let from = from * MINUTE_NANOS + if step.is_none() { is_odd * odd } else { 0 };
            let to = to * MINUTE_NANOS + is_odd * (MINUTE_NANOS - odd);
            Query {
                table: &SPANS,
                window: Window { from: Moment { nanos: from }, to: Moment { nanos: to } },
                filter,
                group: group.into_iter().map(Field::Column).collect(),
                step: step.map(|minutes| Duration::from_secs(60 * minutes)),
                measures,
                limit: 100,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_they_answer_is_what_the_spans_answer(
        spans in spans(),
        query in queries(),
        part in 1_usize..200,
    ) {
        let raw: Vec<Chunk> = spans.chunks(part).map(chunk).collect();
        let rolled: Vec<Chunk> = raw.iter().map(|chunk| kept(&of(chunk))).collect();
        prop_assert!(fits(&query));
        let expected = answer(&query, &raw);
        let translated = asked(&query).unwrap();
        let told = match split(&query, &translated) {
            None => answer(&query, &raw),
            Some((minutes, rest)) => {
                let mut groups = Groups::default();
                for (rolled, raw) in rolled.iter().zip(&raw) {
                    groups.add(&minutes, rolled);
                    groups.add(&rest, raw);
                }
                groups.answer(&query).groups
            }
        };
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn parts_add_up_to_the_whole_in_any_order(
        spans in spans(),
        part in 1_usize..200,
        weight in 1_u64..300,
    ) {
        let weighed = |spans: &[(Span, &str, &str)]| {
            let mut chunk = chunk(spans);
            let weights: Vec<u64> = (0..chunk.rows()).map(|_| weight).collect();
            policy::weigh(&mut chunk, &weights);
            chunk
        };
        let parts: Vec<Chunk> = spans.chunks(part).map(|spans| of(&weighed(spans))).collect();
        let (mut one, mut other) = (Minutes::default(), Minutes::default());
        for (part, from_the_end) in parts.iter().zip(parts.iter().rev()) {
            one.merge(part);
            other.merge(&kept(from_the_end));
        }
        prop_assert_eq!(&one, &other);
        let mut whole = Minutes::default();
        whole.add(&weighed(&spans));
        prop_assert_eq!(&one, &whole);
        let all = Query {
            table: &MINUTES,
            window: Window::ALL,
            filter: Filter::All,
            group: vec![],
            step: None,
            measures: vec![Measure::Count],
            limit: 1,
        };
        let counted = answer(&all, &[one.into_chunk()]).first().map(|it| it.measured[0].clone());
        let spans = spans.len() as u64;
        prop_assert_eq!(counted, (0 < spans).then_some(Measured::Count(spans * weight)));
    }
}

#[test]
fn calls_to_others_are_told_apart_by_whom_they_went_to() {
    let mut spans = Vec::new();
    for (host, kind) in
        [("db", SpanKind::Client), ("db", SpanKind::Client), ("me", SpanKind::Server)]
    {
        let mut span = arbitrary::one();
        span.start = Moment { nanos: 5 };
        span.kind = kind;
        span.attributes = Attributes(vec![("net.peer.name".into(), Value::Text(host.into()))]);
        spans.push((span, "", ""));
    }
    let query = Query {
        table: &MINUTES,
        window: Window::ALL,
        filter: Filter::All,
        group: vec![Field::Column(minute::REMOTE)],
        step: None,
        measures: vec![Measure::Count],
        limit: 9,
    };
    let told = answer(&query, &[of(&chunk(&spans))]);
    let told: Vec<_> =
        told.iter().map(|it| (it.key[0].as_deref(), it.measured[0].clone())).collect();
    assert_eq!(told, [(Some("db"), Measured::Count(2)), (None, Measured::Count(1))]);
}

#[test]
fn what_is_not_in_them_is_not_asked_of_them() {
    let column = |place: usize| Field::Column(place);
    let plain = Query {
        table: &SPANS,
        window: Window::ALL,
        filter: Filter::All,
        group: vec![column(place::SERVICE)],
        step: None,
        measures: vec![Measure::Count],
        limit: 9,
    };
    assert!(asked(&plain).is_some());
    let others = [
        Query { group: vec![Field::Attribute("user".into())], ..plain.clone() },
        Query { group: vec![column(place::TRACE_ID)], ..plain.clone() },
        Query { measures: vec![Measure::Sum(column(place::FLAGS))], ..plain.clone() },
        Query { filter: Filter::Between(column(place::DURATION), 5, 9), ..plain.clone() },
        Query {
            filter: Filter::Not(Box::new(Filter::Has(column(place::EVENTS)))),
            ..plain.clone()
        },
        Query { table: &MINUTES, ..plain.clone() },
    ];
    for other in others {
        assert!(asked(&other).is_none(), "{other:?}");
    }
    let odd = Query { step: Some(Duration::from_secs(90)), ..plain };
    assert!(!fits(&odd));
}

#[test]
fn a_window_without_a_whole_minute_has_no_inner_one() {
    let window = |from, to| Window { from: Moment { nanos: from }, to: Moment { nanos: to } };
    assert_eq!(inner(window(1, MINUTE_NANOS)), None);
    assert_eq!(inner(window(1, 2 * MINUTE_NANOS - 1)), None);
    let second = window(MINUTE_NANOS, 2 * MINUTE_NANOS);
    assert_eq!(inner(window(1, 2 * MINUTE_NANOS + 7)), Some(second));
    assert_eq!(inner(second), Some(second));
}
