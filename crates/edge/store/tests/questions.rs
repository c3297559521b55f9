//! Answers are what a plain look at the spans says, whatever has become of segments and blocks.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod kit;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use kit::{append, open, span, spans, trace_id};
use model::{Attributes, Moment, Span, SpanId, Text, Value, Window};
use proptest::prelude::*;
use store::{
    Folder, Limit, Limits, Options, Retention, Store as _, StoreError,
    keep::{
        SPANS, Table,
        query::{Comparison, Field, Filter, Measure, Measured, Query, Top},
        table::span as place,
    },
};

fn count_by(group: Vec<Field>, window: Window, filter: Filter) -> Query {
    Query {
        table: &SPANS,
        window,
        filter,
        group,
        step: None,
        measures: vec![Measure::Count, Measure::Sum(Field::Column(place::DURATION))],
        limit: 1_000,
    }
}

fn everything() -> Query {
    count_by(Vec::new(), Window::ALL, Filter::All)
}

fn counted(store: &Folder) -> u64 {
    let answered = store.ask(&everything(), &Limits::default()).unwrap();
    assert!(answered.coverage.is_whole(), "{:?}", answered.coverage);
    let group = answered.answer.groups.first().map(|group| group.measured[0].clone());
    match group {
        Some(Measured::Count(count)) => count,
        None => 0,
        other => panic!("{other:?} is no count"),
    }
}

fn filled(path: &Path, traces: u64) -> Folder {
    let (store, _) = open(path);
    for trace in 0..traces {
        append(&store, &spans(trace, 10), trace).unwrap();
    }
    store
}

fn is_trace(trace: u64) -> Filter {
    let id = Text::from(trace_id(trace).to_string());
    Filter::Is(Field::Column(place::TRACE_ID), vec![id])
}

/// A span with few distinct values, so that groups have more than one of them.
fn any_span() -> impl Strategy<Value = Span> {
    (0_u64..6, 0_u64..1_000, 0_u64..50, 0_u64..300, 0_usize..3, -2_i64..5).prop_map(
        |(trace, number, start, long, tier, retries)| {
            let mut span = span(trace, number);
            span.start = Moment { nanos: start };
            span.end = Moment { nanos: start + long };
            span.name = Text::from(["read", "write", "GET /"][tier]);
            let tier = ["gold", "silver", ""][tier];
            let mut attributes = vec![("retries".into(), Value::Int(retries))];
            if !tier.is_empty() {
                attributes.push(("tier".into(), Value::Text(tier.into())));
            }
            span.attributes = Attributes(attributes);
            span
        },
    )
}

#[derive(Debug, Clone)]
enum Act {
    Append(Vec<Span>),
    Tidy,
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => prop::collection::vec(any_span(), 1..12).prop_map(Act::Append),
        2 => Just(Act::Tidy),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..40)
}

fn duration(span: &Span) -> u64 {
    span.end.nanos - span.start.nanos
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    span.attributes.text(key)
}

/// All that is asked, beside what a plain look says.
fn check(store: &Folder, kept: &[Span], window: Window, trace: u64) -> Result<(), TestCaseError> {
    let limits = Limits::default();
    let tier = || Field::Attribute("tier".into());
    let within = |span: &&Span| window.contains(span.start);
    let query = count_by(vec![tier()], window, Filter::All);
    let mut expected: BTreeMap<Option<Text>, (u64, i128)> = BTreeMap::new();
    for span in kept.iter().filter(within) {
        let sums = expected.entry(attribute(span, "tier").map(Text::from)).or_default();
        *sums = (sums.0 + 1, sums.1 + i128::from(duration(span)));
    }
    let told = store.ask(&query, &limits).unwrap();
    prop_assert!(told.coverage.is_whole());
    let told: BTreeMap<Option<Text>, (u64, i128)> = told
        .answer
        .groups
        .into_iter()
        .map(|group| match &group.measured[..] {
            [Measured::Count(count), Measured::Sum(sum)] => {
                (group.key[0].clone(), (*count, sum.unwrap()))
            }
            other => panic!("{other:?} was not asked for"),
        })
        .collect();
    prop_assert_eq!(told, expected);

    let of_trace = count_by(Vec::new(), Window::ALL, is_trace(trace));
    let told = store.ask(&of_trace, &limits).unwrap().answer.rows_passed;
    let expected = kept.iter().filter(|span| span.trace_id == trace_id(trace)).count();
    prop_assert_eq!(told, expected as u64);

    let by = Field::Column(place::DURATION);
    let top = Top { table: &SPANS, window, filter: Filter::Has(tier()), by, limit: 7 };
    let slowest = store.top(&top, &limits).unwrap().answer;
    let mut durations: Vec<u64> = kept
        .iter()
        .filter(within)
        .filter(|it| attribute(it, "tier").is_some())
        .map(duration)
        .collect();
    durations.sort_unstable_by(|one, other| other.cmp(one));
    durations.truncate(7);
    prop_assert_eq!(slowest.iter().map(duration).collect::<Vec<_>>(), durations);
    let mut left = kept.to_vec();
    for mut span in slowest {
        span.attributes.0.sort_by(|one, other| one.0.cmp(&other.0));
        let at = left.iter().position(|it| *it == span);
        prop_assert!(at.is_some(), "{span:?} was never kept, or is told twice");
        left.remove(at.unwrap());
    }

    let selection = Filter::Is(Field::Column(place::NAME), vec!["read".into()]);
    let comparison = Comparison { table: &SPANS, window, filter: Filter::All, selection };
    let differences = store.compare(&comparison, &limits).unwrap().answer;
    let within: Vec<&Span> = kept.iter().filter(within).collect();
    let selected = within.iter().filter(|span| span.name == "read").count() as u64;
    prop_assert_eq!(differences.rows(), (selected, within.len() as u64 - selected));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_do_not_depend_on_what_became_of_segments(
        acts in acts(),
        from in 0_u64..40,
        length in 0_u64..60,
        trace in 0_u64..7,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = open(folder.path());
        let mut kept: Vec<Span> = Vec::new();
        let window = Window { from: Moment { nanos: from }, to: Moment { nanos: from + length } };
        for (number, act) in acts.into_iter().enumerate() {
            match act {
                Act::Append(mut spans) => {
                    for (at, span) in (kept.len() as u64..).zip(&mut spans) {
                        span.span_id = SpanId((1 + at).to_be_bytes());
                    }
                    append(&store, &spans, number as u64).unwrap();
                    kept.extend(spans);
                }
                Act::Tidy => {
                    store.tidy().unwrap();
                }
                Act::Reopen => {
                    drop(store);
                    store = open(folder.path()).0;
                }
            }
            if number % 5 == 0 {
                check(&store, &kept, window, trace)?;
            }
        }
        check(&store, &kept, window, trace)?;
        check(&store, &kept, Window::ALL, trace)?;
    }
}

#[test]
fn each_span_counts_once_while_segments_become_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let (acknowledged, begun) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for trace in 0..400 {
                begun.fetch_add(10, SeqCst);
                append(&store, &spans(trace, 10), trace).unwrap();
                acknowledged.fetch_add(10, SeqCst);
            }
            is_done.store(true, SeqCst);
        });
        scope.spawn(|| {
            while store.tidy().unwrap() || !is_done.load(SeqCst) {
                std::thread::yield_now();
            }
        });
        let mut asked = 0;
        while !is_done.load(SeqCst) || asked < 50 {
            let least = acknowledged.load(SeqCst);
            let counted = counted(&store);
            let most = begun.load(SeqCst);
            assert!((least..=most).contains(&counted), "{counted} of {least} to {most}");
            asked += 1;
        }
    });
    assert_eq!(counted(&store), 4_000);
}

#[test]
fn a_trace_is_asked_for_by_its_id_and_a_span_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 60);
    store.tidy().unwrap();
    for trace in [0, 30, 59] {
        let query = count_by(Vec::new(), Window::ALL, is_trace(trace));
        let told = store.ask(&query, &Limits::default()).unwrap();
        assert_eq!(told.answer.rows_passed, 10, "trace {trace}");
        assert!(told.coverage.rows < 600, "{} rows were looked at", told.coverage.rows);
        let span = Text::from(spans(trace, 1)[0].span_id.to_string());
        let of_span = Filter::Is(Field::Column(place::SPAN_ID), vec![span.clone()]);
        let both = Filter::And(vec![is_trace(trace), of_span]);
        let query = count_by(vec![Field::Column(place::SPAN_ID)], Window::ALL, both);
        let told = store.ask(&query, &Limits::default()).unwrap().answer;
        assert_eq!(told.groups[0].key, [Some(span)]);
        assert_eq!(told.rows_passed, 1);
    }
    for filter in [is_trace(60), Filter::Is(Field::Column(place::TRACE_ID), vec!["x".into()])] {
        let told = store.ask(&count_by(Vec::new(), Window::ALL, filter), &Limits::default());
        assert_eq!(told.unwrap().answer.rows_passed, 0);
    }
}

#[test]
fn a_limit_that_is_reached_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 60);
    let told = store.ask(&everything(), &Limits { rows: 1, ..Limits::default() }).unwrap();
    assert_eq!(told.coverage.reached, Some(Limit::Rows));
    assert!((1..600).contains(&told.answer.rows_passed), "{}", told.answer.rows_passed);
    let told = store.ask(&everything(), &Limits { time: Duration::ZERO, ..Limits::default() });
    let told = told.unwrap();
    assert_eq!((told.coverage.reached, told.answer.rows_passed), (Some(Limit::Time), 0));
    assert!(!told.coverage.is_whole());
}

#[test]
fn a_damaged_block_is_left_out_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 60);
    store.tidy().unwrap();
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let block = entries.filter(|path| path.extension().is_some_and(|it| it == "parquet"));
    let block = block.max().unwrap();
    let before = counted(&store);
    let mut bytes = fs::read(&block).unwrap();
    let half = bytes.len() / 2;
    bytes[4..half].fill(0xa5);
    fs::write(&block, &bytes).unwrap();
    // What only spans can tell.
    let query = count_by(vec![Field::Column(place::TRACE_ID)], Window::ALL, Filter::All);
    let told = store.ask(&query, &Limits::default()).unwrap();
    assert_eq!(told.coverage.damaged, [block]);
    assert!(0 < told.answer.rows_passed && told.answer.rows_passed < before);
}

#[test]
fn damage_anywhere_in_a_block_is_no_failure_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 60);
    store.tidy().unwrap();
    let path = folder.path().join("spans-000001-000001.parquet");
    let sound = fs::read(&path).unwrap();
    for from in (4..sound.len() - 8).step_by(97) {
        let mut bytes = sound.clone();
        let end = bytes.len().min(from + 60);
        bytes[from..end].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let query = count_by(vec![Field::Column(place::NAME)], Window::ALL, Filter::All);
        let told = store.ask(&query, &Limits::default()).unwrap();
        assert!(told.coverage.damaged.is_empty() || told.coverage.damaged == [path.clone()]);
        let by = Field::Column(place::DURATION);
        let top = Top { table: &SPANS, window: Window::ALL, filter: Filter::All, by, limit: 600 };
        store.top(&top, &Limits::default()).unwrap();
    }
}

#[test]
fn what_retention_drops_is_in_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 60);
    while store.tidy().unwrap() {}
    assert_eq!(counted(&store), 600);
    let retention = Retention { age_max: Duration::MAX, bytes_max: 1 };
    store.retain(retention, Moment { nanos: 60 }).unwrap();
    assert!(counted(&store) < 100, "{} are left", counted(&store));
}

#[test]
fn an_answer_says_since_when_what_it_asks_for_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for trace in 0..60 {
        append(&store, &spans(trace, 10), 1_000 + trace).unwrap();
    }
    // No roll-up knows of that.
    let with_id = Filter::Has(Field::Column(place::SPAN_ID));
    let from = |nanos| Window { from: Moment { nanos }, ..Window::ALL };
    let since = |store: &Folder, window: Window| {
        let query = count_by(Vec::new(), window, with_id.clone());
        let top = Top {
            table: &SPANS,
            window,
            filter: Filter::All,
            by: Field::Column(place::DURATION),
            limit: 3,
        };
        let selection = Filter::Is(Field::Column(place::NAME), vec!["span 59/1".into()]);
        let comparison = Comparison { table: &SPANS, window, filter: Filter::All, selection };
        let limits = Limits::default();
        let told = [
            store.ask(&query, &limits).unwrap().coverage.held_since,
            store.top(&top, &limits).unwrap().coverage.held_since,
            store.compare(&comparison, &limits).unwrap().coverage.held_since,
        ];
        assert!(told.iter().all(|since| *since == told[0]), "{told:?}");
        told[0]
    };
    assert_eq!(since(&store, Window::ALL), None, "nothing was dropped");
    while store.tidy().unwrap() {}
    assert_eq!(since(&store, Window::ALL), None, "nothing was dropped");
    let retention = Retention { age_max: Duration::from_nanos(30), bytes_max: u64::MAX };
    store.retain(retention, Moment { nanos: 1_060 }).unwrap();
    let oldest = *kit::counted(&store).first_key_value().unwrap().0;
    assert_ne!(oldest, 0);
    let told = Moment { nanos: 1_000 + oldest };
    let check = |store: &Folder| {
        assert_eq!(since(store, Window::ALL), Some(told));
        assert_eq!(since(store, from(999 + oldest)), Some(told));
        assert_eq!(since(store, from(1_000 + oldest)), None, "all of the window is held");
        let by_minutes = store.ask(&everything(), &Limits::default()).unwrap();
        assert_eq!(by_minutes.coverage.held_since, None, "roll-ups tell of all of it");
    };
    check(&store);
    drop(store);
    check(&open(folder.path()).0);
}

/// What row groups that a window holds whole say is remembered: it is right for no other window.
#[test]
fn what_is_remembered_is_told_of_windows_that_hold_all_of_it_alone() {
    const MINUTE: u64 = 60_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for minute in 0..60 {
        let made = (0..40_u64).map(|number| {
            let mut span = testkit::arbitrary::one();
            span.trace_id = trace_id(minute);
            span.span_id = SpanId((minute * 40 + number + 1).to_be_bytes());
            span.start = Moment { nanos: minute * MINUTE + number * 1_000_000 };
            span.end = span.start + Duration::from_micros(number + 1);
            span.name = ["even", "odd"][usize::from(number % 2 == 1)].into();
            span
        });
        append(&store, &made.collect::<Vec<_>>(), minute).unwrap();
    }
    while store.tidy().unwrap() {}
    let blocks = kit::names(folder.path()).filter(|name| name.starts_with("minutes-")).count();
    assert!(1 < blocks, "{blocks} blocks");
    for (from, to) in [(0, 60), (0, 60), (5, 60), (0, 31), (17, 18), (5, 60), (0, 60)] {
        let at = |minute: u64| Moment { nanos: minute * MINUTE };
        let window = Window { from: at(from), to: at(to) };
        let query = count_by(vec![Field::Column(place::NAME)], window, Filter::All);
        let told = store.ask(&query, &Limits::default()).unwrap().answer;
        let mut told: Vec<_> =
            told.groups.into_iter().map(|group| (group.key[0].clone(), group.measured)).collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [("even", 400_000_i128), ("odd", 420_000)].map(|(name, nanos)| {
            let count = to - from;
            let sum = Measured::Sum(Some(nanos * i128::from(count)));
            (Some(Text::from(name)), vec![Measured::Count(20 * count), sum])
        });
        assert_eq!(told, expected, "{from} to {to}");
    }
}

#[test]
fn what_is_not_kept_cannot_be_asked_about() {
    static DREAMS: Table = Table {
        name: "dreams",
        columns: &[],
        time: 0,
        trace: None,
        weight: None,
        sketch: None,
        resource: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let query = Query { table: &DREAMS, ..everything() };
    let told = store.ask(&query, &Limits::default());
    assert!(matches!(told, Err(StoreError::NotKept { table: "dreams" })), "{told:?}");
}

#[test]
fn the_slowest_of_many_pages_are_the_slowest_of_all() {
    // Somewhat more than a page.
    const SPANS_EACH: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 1 << 20, ..kit::options() };
    let (store, _) = Folder::open(folder.path(), options).unwrap();
    let mut kept: Vec<Span> = Vec::new();
    for batch in 0..3_u64 {
        // Durations as dice fall, so that some are equal; pages of the last batch are no block.
        let spans: Vec<Span> = (0..SPANS_EACH)
            .map(|number| {
                let mut span = span(batch, number);
                let place = batch * SPANS_EACH + number;
                span.start = Moment { nanos: 1_000 + place };
                let dice = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
                span.end = span.start + Duration::from_nanos(dice);
                span
            })
            .collect();
        append(&store, &spans, batch).unwrap();
        kept.extend(spans);
        if batch == 1 {
            while store.tidy().unwrap() {}
        }
    }
    let from = |nanos| Moment { nanos };
    let windows = [Window::ALL, Window { from: from(9_000), to: from(45_000) }];
    let rare = Filter::Between(Field::Column(place::DURATION), 0, 900_000);
    for window in windows {
        for filter in [Filter::All, rare.clone()] {
            for (limit, by) in [(3, place::DURATION), (400, place::DURATION), (70, place::START)] {
                let top = Top {
                    table: &SPANS,
                    window,
                    filter: filter.clone(),
                    by: Field::Column(by),
                    limit,
                };
                let told = store.top(&top, &Limits::default()).unwrap().answer;
                let number = |span: &Span| {
                    if by == place::START { span.start.nanos } else { duration(span) }
                };
                let mut expected: Vec<&Span> = kept
                    .iter()
                    .filter(|span| window.contains(span.start))
                    .filter(|span| filter == Filter::All || duration(span) < 900_000)
                    .collect();
                expected.sort_by_key(|span| (std::cmp::Reverse(number(span)), span.start));
                expected.truncate(limit);
                assert!(told.iter().eq(expected), "{window:?} {filter:?} {limit} by {by}");
            }
        }
    }
}
