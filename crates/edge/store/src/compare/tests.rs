//! Samples against what a plain look at all rows says.

use keep::{query::Field, table::span};
use model::{Attributes, Moment, Span, SpanId, Text, Value, Window};
use testkit::arbitrary;

use super::*;
use crate::{
    Batch, Folder, Options, Store as _, Syncing,
    sampled::tests::{at, fact, kept},
};

pub(crate) const BLOCKS: u64 = 60;
pub(crate) const SPANS_EACH: u64 = 50;

/// One in three is slow; one in 300 is lost, which takes longest. All slow ones are of tier gold, and one in four of the others.
fn span(number: u64) -> Span {
    let mut span = arbitrary::one();
    span.span_id = SpanId((number + 1).to_be_bytes());
    span.start = Moment { nanos: 1_000 * (number + 1) };
    let (is_slow, is_lost) = (number.is_multiple_of(3), number.is_multiple_of(300));
    let nanos = if is_lost {
        900
    } else if is_slow {
        500
    } else {
        100
    };
    span.end = Moment { nanos: span.start.nanos + nanos };
    let is_gold = is_slow || number.is_multiple_of(4);
    let tier = if is_gold { "gold" } else { "silver" };
    span.attributes = Attributes(vec![
        ("tier".into(), Value::Text(tier.into())),
        ("lost".into(), Value::Bool(is_lost)),
    ]);
    span
}

/// A folder with a block of each of some batches.
pub(crate) fn folder(path: &std::path::Path) -> Folder {
    let options = Options { sync: Syncing::Os, segment_bytes: 4 << 10, ..Options::default() };
    let (store, _) = Folder::open(path, options).unwrap();
    let shelf = store.shelf_of::<Span>().unwrap();
    for block in 0..BLOCKS {
        let spans: Vec<Span> = (0..SPANS_EACH).map(|it| span(block * SPANS_EACH + it)).collect();
        store.append(&Batch { spans: &spans, otlp: None, received: at(block) }).unwrap();
        shelf.seal().unwrap();
    }
    for _ in 0..BLOCKS {
        assert!(shelf.tidy().unwrap());
    }
    assert_eq!(shelf.blocks.all().len() as u64, BLOCKS);
    store
}

fn slower_than(nanos: i64) -> Comparison {
    let selection = Filter::Between(Field::Column(span::DURATION), nanos, i64::MAX);
    Comparison { table: &keep::SPANS, window: Window::ALL, filter: Filter::All, selection }
}

const FEW: Sampling = Sampling { rows: 600, runs: 4, least: 20, pages: 8 };
const ALL: u64 = BLOCKS * SPANS_EACH;

fn compared(
    store: &Folder,
    comparison: &Comparison,
    known: Option<Begun>,
) -> Answered<Differences> {
    compared_by(store, comparison, known, FEW)
}

fn compared_by(
    store: &Folder,
    comparison: &Comparison,
    known: Option<Begun>,
    sampling: Sampling,
) -> Answered<Differences> {
    let shelf = store.shelf_of::<Span>().unwrap();
    shelf.compare(comparison, &Limits::default(), || known, sampling).unwrap()
}

/// Shares of a value of an attribute.
fn shares(of: &Differences, key: &str, value: &str) -> (f64, f64) {
    let field = Field::Attribute(key.into());
    let all = of.ranked(99, 99).concat();
    let is_value = |it: &Option<Text>| it.as_ref().is_some_and(|it| it.as_str() == value);
    let found = all.iter().find(|it| it.field == field && is_value(&it.value));
    found.map_or((0.0, 0.0), |it| (it.selected_share, it.others_share))
}

fn are_near(told: (f64, f64), expected: (f64, f64)) {
    let is_near = |one: f64, other: f64| (one - other).abs() < 0.05;
    assert!(is_near(told.0, expected.0) && is_near(told.1, expected.1), "{told:?}");
}

#[test]
fn of_many_rows_a_sample_is_looked_at_and_said_to_be_one() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    let told = compared(&store, &slower_than(500), None);
    let (selected, others) = told.answer.rows();
    assert!(selected.abs_diff(ALL / 3) < ALL / 30, "{selected} are about a third");
    assert!(others.abs_diff(ALL - ALL / 3) < ALL / 30, "{others}");
    let looked_at = told.answer.looked_at();
    assert!((400..900).contains(&(looked_at.0 + looked_at.1)), "{looked_at:?}");
    assert!(told.coverage.is_estimate && told.coverage.is_whole());
    are_near(shares(&told.answer, "tier", "gold"), (1.0, 0.25));
}

#[test]
fn rare_rows_are_looked_for_and_counted() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    let told = compared(&store, &slower_than(900), None);
    let (selected, others) = told.answer.rows();
    assert_eq!(selected, ALL / 300, "each is counted");
    assert!(others.abs_diff(ALL - ALL / 300) < ALL / 30, "{others}");
    assert_eq!(told.answer.looked_at().0, 8, "of as many pages as are looked at for that");
    are_near(shares(&told.answer, "lost", "true"), (1.0, 0.0));
    // Few others are looked for as few selected ones are.
    let told = compared(&store, &slower_than(101), None);
    assert!(told.answer.rows().0.abs_diff(ALL / 3) < ALL / 30);
    let not_slow = Filter::Between(Field::Column(span::DURATION), 0, 500);
    let rare = Filter::Is(Field::Attribute("lost".into()), vec!["true".into()]);
    let filter = Filter::Or(vec![rare.clone(), not_slow]);
    let told = compared(&store, &Comparison { filter, ..slower_than(500) }, None);
    assert_eq!(told.answer.rows().0, ALL / 300);
    // Of neither side there are many.
    let told = compared(&store, &Comparison { filter: rare, ..slower_than(1_000) }, None);
    assert_eq!(told.answer.rows(), (0, ALL / 300));
}

#[test]
fn few_rows_that_are_in_most_pages_are_not_looked_for() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    let greedy = Sampling { least: 100_000, ..FEW };
    let told = compared_by(&store, &slower_than(500), None, greedy);
    let looked_at = told.answer.looked_at();
    assert!((400..900).contains(&(looked_at.0 + looked_at.1)), "the sample stays: {looked_at:?}");
    are_near(shares(&told.answer, "tier", "gold"), (1.0, 0.25));
}

#[test]
fn rare_rows_are_looked_for_where_there_should_be_enough() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    let told = compared_by(&store, &slower_than(900), None, Sampling { pages: 1, ..FEW });
    let (selected, _) = told.answer.rows();
    assert!(selected.abs_diff(ALL / 300) <= ALL / 300, "about as many: {selected}");
    assert_eq!(told.answer.looked_at().0, 1);
    are_near(shares(&told.answer, "lost", "true"), (1.0, 0.0));
    let all = compared_by(&store, &slower_than(900), None, FEW).coverage.rows;
    assert!(told.coverage.rows < all, "{} of {all}", told.coverage.rows);
}

#[test]
fn pages_that_facts_tell_are_few_runs_of_as_many_as_it_takes() {
    let page = |unit: usize| {
        let from = 1_000 * i64::try_from(unit).unwrap();
        Page { unit, rows: 0..100, times: (from, from + 999) }
    };
    let pages: Vec<Page> = (0..100).map(page).collect();
    let units = |begun: &[u64]| -> Vec<usize> {
        pages_at(&pages, begun, FEW).into_iter().map(|page| page.unit).collect()
    };
    assert_eq!(units(&[]), [0_usize; 0]);
    assert_eq!(units(&[4_000, 4_999, 99_999, 100_000]), [4, 99], "each page once");
    // One in each page: two a run are all that there may be.
    let one_each: Vec<u64> = (0..100).map(|place| place * 1_000).collect();
    assert_eq!(units(&one_each), [11, 12, 36, 37, 61, 62, 86, 87]);
    // Enough in one page for its run.
    let many_each: Vec<u64> = (0..10_000).map(|place| place * 10).collect();
    assert_eq!(units(&many_each), [11, 36, 61, 86]);
}

#[test]
fn what_facts_know_need_not_be_looked_for() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    let begins = |is_slow: bool| {
        let numbers = (0..ALL).filter(move |number| number.is_multiple_of(3) == is_slow);
        numbers.map(|number| 1_000 * (number + 1)).collect::<Vec<u64>>()
    };
    let known = Begun { selected: begins(true), others: begins(false), since: None };
    let told = compared(&store, &slower_than(500), Some(known));
    assert_eq!(told.answer.rows(), (ALL / 3, ALL - ALL / 3), "facts count them");
    let looked_at = told.answer.looked_at();
    assert!(0 < looked_at.0 && looked_at.0 < ALL / 6, "{looked_at:?}");
    assert!(told.coverage.rows < ALL / 2, "{}", told.coverage.rows);
    are_near(shares(&told.answer, "tier", "gold"), (1.0, 0.25));
}

#[test]
fn what_facts_do_not_reach_back_to_is_looked_at_as_without_them() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    // They know the later half.
    let begins = |is_slow: bool| {
        let numbers = (ALL / 2..ALL).filter(move |number| number.is_multiple_of(3) == is_slow);
        numbers.map(|number| 1_000 * (number + 1)).collect::<Vec<u64>>()
    };
    let since = Some(Moment { nanos: 1_000 * (ALL / 2 + 1) });
    let known = Begun { selected: begins(true), others: begins(false), since };
    let told = compared(&store, &slower_than(500), Some(known));
    let (selected, others) = told.answer.rows();
    assert!(selected.abs_diff(ALL / 3) < ALL / 30, "{selected}");
    assert!(others.abs_diff(ALL - ALL / 3) < ALL / 30, "{others}");
    are_near(shares(&told.answer, "tier", "gold"), (1.0, 0.25));
    assert!(told.coverage.rows < ALL / 2, "{}", told.coverage.rows);
    // Rare ones of before are looked for there alone: those that facts tell are not counted twice.
    let lost = |number: &u64| number.is_multiple_of(300);
    let begins = |is_lost: bool| {
        let numbers = (ALL / 2..ALL).filter(move |number| lost(number) == is_lost);
        numbers.map(|number| 1_000 * (number + 1)).collect::<Vec<u64>>()
    };
    let known = Begun { selected: begins(true), others: begins(false), since };
    let told = compared(&store, &slower_than(900), Some(known));
    let (selected, others) = told.answer.rows();
    assert!(selected.abs_diff(ALL / 300) <= ALL / 1_500, "{selected} of {}", ALL / 300);
    assert!(others.abs_diff(ALL - ALL / 300) < ALL / 30, "{others}");
    are_near(shares(&told.answer, "lost", "true"), (1.0, 0.0));
}

/// Facts tell moments of which clock skew is taken off: rows that did not begin then are theirs all the same.
#[test]
fn requests_whose_clock_was_wrong_are_compared() {
    let place = tempfile::tempdir().unwrap();
    let store = folder(place.path());
    let begins = |is_slow: bool| {
        let numbers = (0..ALL).filter(move |number| number.is_multiple_of(3) == is_slow);
        numbers.map(|number| 1_000 * (number + 1) + 7).collect::<Vec<u64>>()
    };
    let known = Begun { selected: begins(true), others: begins(false), since: None };
    let told = compared(&store, &slower_than(500), Some(known));
    assert_eq!(told.answer.rows(), (ALL / 3, ALL - ALL / 3));
    let looked_at = told.answer.looked_at();
    assert!(0 < looked_at.0 && 0 < looked_at.1, "{looked_at:?}");
    are_near(shares(&told.answer, "tier", "gold"), (1.0, 0.25));
}

#[test]
fn facts_tell_the_requests_of_one_endpoint() {
    let facts: Vec<_> = (0..900).map(|number| fact(number, number, "shop")).collect();
    let mut requests = kept(&facts);
    let is = |place, value: &str| Filter::Is(Field::Column(place), vec![value.into()]);
    let endpoint = vec![is(span::SERVICE, "shop"), is(span::OPERATION, "GET /")];
    let nanos = |second: u64| i64::try_from(at(second).nanos).unwrap();
    let comparison = |filters: &[Filter], from: u64, to: u64| Comparison {
        table: &keep::SPANS,
        window: Window { from: at(10), to: at(2_000) },
        filter: Filter::And(filters.to_vec()),
        selection: Filter::And(vec![
            Filter::Between(Field::Column(span::START), nanos(from), nanos(to)),
            Filter::Between(Field::Column(span::DURATION), 1_000, i64::MAX),
        ]),
    };
    let known = begun(&requests, &comparison(&endpoint, 100, 300)).unwrap();
    assert_eq!((known.selected.len(), known.others.len()), (200, 690));
    assert_eq!((known.selected[0], known.others[0]), (at(100).nanos, at(10).nanos));
    let of_others = vec![is(span::SERVICE, "stock"), is(span::OPERATION, "GET /")];
    assert_eq!(begun(&requests, &comparison(&of_others, 1, 9)), Some(Begun::default()));
    // What they do not know, they do not tell.
    assert_eq!(begun(&requests, &comparison(&endpoint[..1], 100, 300)), None);
    let mut failed = endpoint.clone();
    failed.push(is(span::STATUS, "error"));
    assert_eq!(begun(&requests, &comparison(&failed, 100, 300)), None);
    let selection = is(span::STATUS, "error");
    let by_status = Comparison { selection, ..comparison(&endpoint, 100, 300) };
    assert_eq!(begun(&requests, &by_status), None);
    // Of the first 500, which are dropped, nothing is known.
    requests.drop_segment(1);
    let known = begun(&requests, &comparison(&endpoint, 100, 600)).unwrap();
    assert_eq!((known.selected.len(), known.others.len()), (100, 300));
    assert_eq!(known.since, Some(at(500)));
    let before = Window { from: at(10), to: at(500) };
    let earlier = Comparison { window: before, ..comparison(&endpoint, 100, 300) };
    assert_eq!(begun(&requests, &earlier), None);
}

#[test]
fn pages_of_a_sample_are_each_taken_once_and_lie_in_few_runs() {
    let page = |unit: usize| Page { unit, rows: 0..100, times: (0, 0) };
    for pages in 1..200 {
        let all: Vec<Page> = (0..pages).map(page).collect();
        for rows_max in [1, 99, 100, 450, 3_000, 19_900] {
            let units: Vec<usize> =
                sample(&all, rows_max, 8).into_iter().map(|page| page.unit).collect();
            assert!(units.windows(2).all(|two| two[0] < two[1]), "{units:?}");
            let runs = 1 + units.windows(2).filter(|two| two[0] + 1 != two[1]).count();
            assert!(runs <= 8 && !units.is_empty());
            let wanted = usize::try_from(rows_max / 100).unwrap().min(pages);
            assert!((wanted..=wanted + 8).contains(&units.len()), "{} of {pages}", units.len());
        }
    }
}
