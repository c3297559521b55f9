//! Answers against what a plain look at the spans says, whatever the chunks.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use model::{Attributes, Moment, Span, Text, Value, Window};
use proptest::prelude::*;
use stats::Sketch;
use testkit::arbitrary;

use super::{
    Answer, Comparison, Counted, Difference, Differences, Field, Filter, Groups, Measure, Measured,
    Query, Side, Top,
};
use crate::{
    Chunk, Column, SPANS,
    parquet::{Block, BlockFormat, Wanted, encode},
    spans::{Derived, SpanRows, read},
    table::span as place,
};

/// Spans with few distinct values, so that groups have more than one of them.
fn spans() -> impl Strategy<Value = Vec<Span>> {
    let said = (0_u64..40, 0_u64..300, 0_u8..3, 0_u8..4, any::<bool>(), -2_i64..5);
    prop::collection::vec(said, 0..40).prop_map(|said| {
        let seed = arbitrary::one();
        let span = |it: (u64, u64, u8, u8, bool, i64)| {
            let (start, long, name, tier, failed, retries) = it;
            let mut span = seed.clone();
            span.start = Moment { nanos: start };
            span.end = Moment { nanos: start + long };
            span.name = Text::from(["read", "write", ""][usize::from(name)]);
            let tier = ["gold", "silver", "7", "7"][usize::from(tier)];
            let mut attributes = vec![("retries".into(), Value::Int(retries))];
            if failed {
                let number = tier.parse().map(Value::Int);
                attributes.push(("tier".into(), number.unwrap_or(Value::Text(tier.into()))));
            }
            span.attributes = Attributes(attributes);
            span
        };
        said.into_iter().map(span).collect()
    })
}

fn chunk(spans: &[Span]) -> Chunk {
    let mut rows = SpanRows::default();
    for span in spans {
        rows.push(span, Derived::default());
    }
    rows.into_chunk()
}

/// What many chunks say, of which every other one has been a block.
fn ask(query: &Query, spans: &[Span], chunk_rows: usize) -> Answer {
    let (columns, attributes) = query.reads();
    let attributes: Vec<&str> = attributes.iter().map(Text::as_str).collect();
    let wanted = Wanted { columns: Some(&columns), attributes: Some(&attributes), rows: None };
    let mut all = Groups::default();
    for (number, spans) in spans.chunks(chunk_rows).enumerate() {
        let mut part = Groups::default();
        if number.is_multiple_of(2) {
            part.add(query, &chunk(spans));
        } else {
            let format = BlockFormat { group_rows: 3, page_rows: 2, ..BlockFormat::FRESH };
            let block =
                Block::open(Bytes::from(encode(&chunk(spans), &format, &[]).unwrap())).unwrap();
            for group in 0..block.groups().len() {
                part.add(query, &block.read(group, wanted).unwrap());
            }
        }
        all.merge(part);
    }
    all.answer(query)
}

type Passes = Box<dyn Fn(&Span) -> bool>;

fn tier(span: &Span) -> Option<Text> {
    let shown = |value: &Value| match value {
        Value::Int(int) => Text::from(int.to_string()),
        value => value.as_text().unwrap_or_default().into(),
    };
    span.attributes.get("tier").map(shown)
}

fn duration(span: &Span) -> u64 {
    span.end.nanos - span.start.nanos
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn groups_are_what_a_plain_look_says(
        spans in spans(),
        chunk_rows in 1_usize..50,
        from in 0_u64..20,
        to in 10_u64..50,
        step in 1_u64..20,
    ) {
        let window = Window { from: Moment { nanos: from }, to: Moment { nanos: to } };
        let duration_field = Field::Column(place::DURATION);
        let query = Query {
            table: &SPANS,
            window,
            filter: Filter::Not(Box::new(Filter::Is(Field::Column(place::NAME), vec!["read".into()]))),
            group: vec![Field::Attribute("tier".into()), Field::Column(place::NAME)],
            step: Some(Duration::from_nanos(step)),
            measures: vec![
                Measure::Count,
                Measure::Sum(Field::Attribute("retries".into())),
                Measure::Least(duration_field.clone()),
                Measure::Greatest(duration_field.clone()),
                Measure::Distribution(duration_field),
            ],
            limit: usize::MAX,
        };
        let mut expected: BTreeMap<(Vec<Option<Text>>, u32), Vec<&Span>> = BTreeMap::new();
        for span in spans.iter().filter(|it| window.contains(it.start) && it.name != "read") {
            let name = (!span.name.is_empty()).then(|| span.name.clone());
            let at = u32::try_from((span.start.nanos - from) / step).unwrap();
            expected.entry((vec![tier(span), name], at)).or_default().push(span);
        }
        let answer = ask(&query, &spans, chunk_rows);
        prop_assert_eq!(answer.groups.len(), expected.len());
        for group in &answer.groups {
            let spans = &expected[&(group.key.clone(), group.step)];
            let durations = || spans.iter().map(|span| duration(span));
            let retries = spans.iter().filter_map(|span| span.attributes.int("retries"));
            prop_assert_eq!(&group.measured, &vec![
                Measured::Count(spans.len() as u64),
                Measured::Sum(Some(retries.map(i128::from).sum())),
                Measured::Least(durations().min().map(u64::cast_signed)),
                Measured::Greatest(durations().max().map(u64::cast_signed)),
                Measured::Distribution(durations().collect::<Sketch>()),
            ]);
        }
        let passed: usize = expected.values().map(Vec::len).sum();
        prop_assert_eq!((answer.rows_read, answer.rows_passed), (spans.len() as u64, passed as u64));
    }

    #[test]
    fn the_answer_does_not_depend_on_how_rows_are_split(
        spans in spans(),
        one in 1_usize..50,
        other in 1_usize..50,
        limit in 0_usize..4,
    ) {
        let query = Query {
            table: &SPANS,
            window: Window::ALL,
            filter: Filter::All,
            group: vec![Field::Column(place::NAME)],
            step: None,
            measures: vec![Measure::Sum(Field::Column(place::DURATION))],
            limit,
        };
        prop_assert_eq!(ask(&query, &spans, one), ask(&query, &spans, other));
    }

    #[test]
    fn the_answer_to_fewer_rows_is_the_same(
        spans in spans(),
        limit in 0_usize..4,
        first in prop::sample::select(vec![
            Measure::Count,
            Measure::Sum(Field::Attribute("retries".into())),
            Measure::Distribution(Field::Column(place::DURATION)),
        ]),
    ) {
        let query = Query {
            table: &SPANS,
            window: Window { from: Moment { nanos: 0 }, to: Moment { nanos: 100 } },
            filter: Filter::All,
            group: vec![Field::Column(place::NAME), Field::Attribute("tier".into())],
            step: Some(Duration::from_nanos(1)),
            measures: vec![first, Measure::Greatest(Field::Column(place::DURATION))],
            limit,
        };
        let chosen = ask(&query.without_steps().unwrap(), &spans, 7);
        let keys: Vec<_> = chosen.groups.into_iter().map(|group| group.key).collect();
        let narrowed = ask(&query.narrowed(&keys), &spans, 9);
        prop_assert_eq!(narrowed.groups, ask(&query, &spans, 8).groups);
        let few = Query { step: Some(Duration::from_nanos(50)), ..query };
        prop_assert!(few.without_steps().is_none());
    }

    #[test]
    fn filters_pass_what_a_plain_look_passes(spans in spans(), least in -2_i64..5, below in -2_i64..6) {
        let retries = Field::Attribute("retries".into());
        let tier_field = Field::Attribute("tier".into());
        let is = |text: &str| Filter::Is(tier_field.clone(), vec![text.into()]);
        let cases: [(Filter, Passes); 6] = [
            (is("7"), Box::new(|span| tier(span).is_some_and(|it| it == "7"))),
            (Filter::Has(tier_field.clone()), Box::new(|span| tier(span).is_some())),
            (
                Filter::Contains(tier_field.clone(), "il".into()),
                Box::new(|span| tier(span).is_some_and(|it| it == "silver")),
            ),
            (
                Filter::Between(retries, least, below),
                Box::new(move |span| {
                    let retries = span.attributes.int("retries").unwrap();
                    least <= retries && retries < below
                }),
            ),
            (
                Filter::Or(vec![is("gold"), is("silver")]),
                Box::new(|span| tier(span).is_some_and(|it| it != "7")),
            ),
            (Filter::And(vec![is("gold"), is("silver")]), Box::new(|_| false)),
        ];
        for (filter, passes) in cases {
            let expected = spans.iter().filter(|span| passes(span)).count();
            let query = Query {
                table: &SPANS,
                window: Window::ALL,
                filter,
                group: Vec::new(),
                step: None,
                measures: vec![Measure::Count],
                limit: 1,
            };
            prop_assert_eq!(ask(&query, &spans, 7).rows_passed, expected as u64, "{:?}", query.filter);
        }
    }

    #[test]
    fn the_slowest_are_the_slowest(spans in spans(), limit in 0_usize..6, chunk_rows in 1_usize..50) {
        let top = Top {
            table: &SPANS,
            window: Window::ALL,
            filter: Filter::All,
            by: Field::Column(place::DURATION),
            limit,
        };
        let chunks: Vec<Chunk> = spans.chunks(chunk_rows).map(chunk).collect();
        let mut rows = Vec::new();
        for (number, chunk) in chunks.iter().enumerate() {
            rows.extend(top.of(chunk, |row| (number, row)));
        }
        let found = top.merge(rows).into_iter().map(|ranked| {
            let (chunk, row) = ranked.place;
            duration(&read(&chunks[chunk], &[row as usize])[0])
        });
        let mut expected: Vec<u64> = spans.iter().map(duration).collect();
        expected.sort_unstable_by(|one, other| other.cmp(one));
        expected.truncate(limit);
        prop_assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn groups_of_a_block_are_compared_as_their_rows_are(
        spans in prop_oneof![spans(), arbitrary::spans()],
        weights in prop::collection::vec(1_u64..4, 40),
        least in 0_u64..200,
        kind in 0_u8..3,
    ) {
        let mut chunk = chunk(&spans);
        if kind == 1 {
            let Column::Whole(all) = chunk.column(place::WEIGHT).clone() else { panic!("no weights") };
            let weights = weights.into_iter().cycle().take(all.len()).collect();
            chunk.put_column(place::WEIGHT, Column::Whole(weights));
        }
        let comparison = Comparison {
            table: &SPANS,
            window: Window { from: Moment { nanos: 3 }, to: Moment { nanos: u64::MAX } },
            filter: match kind {
                2 => Filter::Is(Field::Attribute("tier".into()), vec!["7".into(), "gold".into()]),
                _ => Filter::All,
            },
            selection: Filter::Between(
                Field::Column(place::DURATION),
                least.cast_signed(),
                i64::MAX,
            ),
        };
        let format = BlockFormat { group_rows: 7, page_rows: 3, ..BlockFormat::FRESH };
        let block = Block::open(Bytes::from(encode(&chunk, &format, &[]).unwrap())).unwrap();
        let (mut by_group, mut by_row) = (Differences::default(), Differences::default());
        for group in 0..block.groups().len() {
            let rows = by_group.add_group(&block, group, &comparison, None).unwrap();
            prop_assert_eq!(rows, block.groups()[group].rows as u64);
            by_row.add(&block.read(group, Wanted::ALL).unwrap(), &comparison);
        }
        prop_assert_eq!(by_group.rows(), by_row.rows());
        prop_assert_eq!(by_group.ranked(usize::MAX, usize::MAX), by_row.ranked(usize::MAX, usize::MAX));
    }

    #[test]
    fn of_a_group_only_those_rows_are_compared_that_count(
        spans in prop_oneof![spans(), arbitrary::spans()],
        ends in prop::collection::vec(0_u32..8, 4),
        least in 0_i64..200,
        // Of a large page few rows count, and are found one by one.
        rows in prop_oneof![Just((7, 3)), Just((64, 64))],
    ) {
        let selection = Filter::Between(Field::Column(place::DURATION), least, i64::MAX);
        let comparison = Comparison {
            table: &SPANS,
            window: Window::ALL,
            filter: Filter::All,
            selection: selection.clone(),
        };
        let format = BlockFormat { group_rows: rows.0, page_rows: rows.1, ..BlockFormat::FRESH };
        let block = Block::open(Bytes::from(encode(&chunk(&spans), &format, &[]).unwrap())).unwrap();
        let (mut some, mut plain) = (Differences::default(), Differences::default());
        for (group, head) in block.groups().iter().enumerate() {
            let bound = |end: u32| end.min(u32::try_from(head.rows).unwrap());
            let range = |one: u32, other: u32| bound(one.min(other))..bound(one.max(other));
            let of_selection = range(ends[0], ends[1]);
            let of_others = range(ends[2], ends[3]);
            let counted = Counted {
                selected: vec![of_selection.clone()],
                others: vec![of_others.clone()],
            };
            some.add_group(&block, group, &comparison, Some(&counted)).unwrap();
            let all = block.read(group, Wanted::ALL).unwrap();
            let not = Filter::Not(Box::new(selection.clone()));
            for (rows, filter) in [(of_selection, selection.clone()), (of_others, not)] {
                let rows: Vec<u32> = rows.collect();
                plain.add(&all.pick(&rows), &Comparison { filter, ..comparison.clone() });
            }
        }
        prop_assert_eq!(some.rows(), plain.rows());
        prop_assert_eq!(some.looked_at(), some.rows());
        prop_assert_eq!(some.ranked(usize::MAX, usize::MAX), plain.ranked(usize::MAX, usize::MAX));
        // What stands for more has the same shares, as far as whole rows can have them.
        let (selected, others) = some.rows();
        some.stand_for((selected * 10, others * 1_000));
        prop_assert_eq!(some.rows(), (selected * 10, others * 1_000));
        prop_assert_eq!(some.looked_at(), (selected, others));
        prop_assert_eq!(some.ranked(usize::MAX, usize::MAX), plain.ranked(usize::MAX, usize::MAX));
        some.forget(Side::Selected);
        prop_assert_eq!(some.rows(), (0, others * 1_000));
    }
}

#[test]
fn what_has_more_values_than_are_counted_is_not_told() {
    let value = |number: usize| number.to_string();
    let (same, many) = (Field::Attribute("same".into()), Field::Attribute("many".into()));
    let made = |numbers: std::ops::Range<usize>| {
        let mut differences = Differences::default();
        for number in numbers {
            differences.take_rows(1, 1);
            differences.take(&many, &value(number), 1, 0);
            differences.take(&same, "yes", 1, u64::from(number.is_multiple_of(2)));
        }
        differences
    };
    let fields = |it: &Differences| {
        it.ranked(9, 9).iter().map(|values| values[0].field.clone()).collect::<Vec<_>>()
    };
    let half = super::VALUES_MAX / 2;
    let (mut one, other) = (made(0..half), made(half..2 * half));
    assert_eq!(fields(&one), [many.clone(), same.clone()]);
    one.merge(other);
    assert_eq!(fields(&one), std::slice::from_ref(&same));
    one.merge(made(0..3));
    assert_eq!(fields(&one), [same], "it stays so");
}

#[test]
fn what_only_the_slow_ones_have_stands_out() {
    let seed = arbitrary::one();
    let span = |number: u64| {
        let mut span = seed.clone();
        let is_slow = number.is_multiple_of(10);
        span.start = Moment { nanos: number };
        span.end = Moment { nanos: number + if is_slow { 1_000 } else { 10 } };
        let tenant = if is_slow {
            "acme"
        } else {
            ["globex", "initech"][usize::from(number.is_multiple_of(2))]
        };
        let zone = if number.is_multiple_of(3) { "a" } else { "b" };
        span.attributes = Attributes(
            [("tenant", tenant), ("zone", zone)]
                .map(|(key, value)| (key.into(), Value::Text(value.into())))
                .into(),
        );
        span
    };
    let spans: Vec<Span> = (0..300).map(span).collect();
    let slow = Filter::Between(Field::Column(place::DURATION), 500, i64::MAX);
    let (window, filter) = (Window::ALL, Filter::All);
    let comparison = Comparison { table: &SPANS, window, filter, selection: slow };
    let mut differences = Differences::default();
    for part in spans.chunks(70) {
        let mut one = Differences::default();
        one.add(&chunk(part), &comparison);
        differences.merge(one);
    }
    assert_eq!(differences.rows(), (30, 270));
    let ranked = differences.ranked(1, 1);
    let telling = Difference {
        field: Field::Attribute("tenant".into()),
        value: Some("acme".into()),
        selected_share: 1.0,
        others_share: 0.0,
    };
    assert_eq!(ranked, [[telling]]);
}
