//! Properties of the gate, and the rules by example.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;

fn key(name: &str) -> OperationKey {
    OperationKey { service: Arc::from("shop"), operation: Arc::from(name) }
}

fn endpoint(name: &str, queries: u64, millis: &[u64]) -> Endpoint {
    let mut durations_nanos: Vec<u64> = millis.iter().map(|millis| millis * 1_000_000).collect();
    durations_nanos.sort_unstable();
    let shape = Shape { text: "SELECT ?".to_owned(), runs: queries, ..Shape::default() };
    Endpoint {
        key: Some(key(name)),
        requests: millis.len() as u64,
        queries,
        repeats: queries,
        durations_nanos,
        shapes: BTreeMap::from([(7, shape)]),
        ..Endpoint::default()
    }
}

fn run(endpoints: Vec<Endpoint>) -> Run {
    Run { endpoints, found: Vec::new() }
}

fn budget(pattern: &str, limits: &[(Measure, u64)]) -> Budget {
    Budget {
        endpoint: Pattern(pattern.to_owned()),
        service: None,
        limits: limits.iter().copied().collect(),
    }
}

fn broken(verdict: &Verdict) -> Vec<(&str, Option<Measure>, Rule)> {
    let tell = |check: &Check| {
        let name = if &*check.key.operation == "GET /a" { "GET /a" } else { "GET /b" };
        (name, check.measure, check.rule.clone())
    };
    verdict.broken().map(tell).collect()
}

#[test]
fn the_first_budget_that_names_a_measure_decides() {
    let rules = Rules {
        budgets: vec![
            budget("GET /a", &[(Measure::Queries, 20)]),
            budget("*", &[(Measure::Queries, 5), (Measure::Repeats, 8)]),
        ],
        ..Rules::default()
    };
    let run = run(vec![endpoint("GET /a", 12, &[1]), endpoint("GET /b", 6, &[1])]);
    assert_eq!(
        broken(&judge(&run, &rules, None)),
        [
            ("GET /a", Some(Measure::Repeats), Rule::Budget(1)),
            ("GET /b", Some(Measure::Queries), Rule::Budget(1)),
        ]
    );
}

#[test]
fn a_fifth_more_than_before_is_let_through_and_no_more() {
    let before = Baseline::of(&run(vec![endpoint("GET /a", 10, &[1])]));
    let verdict = |queries| {
        judge(&run(vec![endpoint("GET /a", queries, &[1])]), &Rules::default(), Some(&before))
    };
    assert!(verdict(12).holds());
    assert_eq!(broken(&verdict(13)), [("GET /a", Some(Measure::Queries), Rule::Baseline)]);
}

#[test]
fn slower_is_said_only_where_intervals_lie_apart() {
    let quick: Vec<u64> = (0..20).map(|place| 100 + place % 3).collect();
    let slow: Vec<u64> = (0..20).map(|place| 150 + place % 3).collect();
    let wild: Vec<u64> = (0..20).map(|place| if place < 8 { 60 } else { 250 }).collect();
    let before = Baseline::of(&run(vec![endpoint("GET /a", 1, &quick)]));
    let verdict = |millis: &[u64]| {
        judge(&run(vec![endpoint("GET /a", 1, millis)]), &Rules::default(), Some(&before))
    };
    assert_eq!(broken(&verdict(&slow)), [("GET /a", Some(Measure::P50), Rule::Baseline)]);
    assert!(verdict(&wild).holds(), "its median may well be what it was");
    let few = verdict(&[900, 900]);
    assert!(few.holds());
    assert_eq!(few.notes, [Note::TooFew { endpoints: 1 }]);
}

#[test]
fn what_is_new_is_told_and_refused_only_where_a_budget_says_so() {
    let before = Baseline::of(&run(vec![endpoint("GET /a", 1, &[1])]));
    let mut now = endpoint("GET /a", 1, &[1]);
    now.shapes.insert(9, Shape { text: "SELECT 9".to_owned(), runs: 1, ..Shape::default() });
    let now = run(vec![now, endpoint("GET /b", 1, &[1])]);
    let verdict = judge(&now, &Rules { slower: None, ..Rules::default() }, Some(&before));
    assert!(verdict.holds());
    assert_eq!(
        verdict.notes,
        [
            Note::NewEndpoint(key("GET /b")),
            Note::NewStatements { key: key("GET /a"), statements: vec![9] }
        ]
    );
    let rules =
        Rules { budgets: vec![budget("*", &[(Measure::NewStatements, 0)])], ..Rules::default() };
    let verdict = judge(&now, &rules, Some(&before));
    assert_eq!(broken(&verdict), [("GET /a", Some(Measure::NewStatements), Rule::Budget(0))]);
}

#[test]
fn faults_are_refused_by_name_and_by_level() {
    let found = |fault: &str, level| Found {
        key: key("GET /a"),
        fault: fault.to_owned(),
        level,
        id: FindingId(1),
    };
    let run = Run {
        endpoints: vec![endpoint("GET /a", 1, &[1])],
        found: vec![found("n-plus-one", Level::Low), found("deep-offset", Level::High)],
    };
    let count = |rules: &Rules| judge(&run, rules, None).broken().count();
    assert_eq!(count(&Rules::default()), 0);
    let refuse: BTreeSet<String> = ["n-plus-one".to_owned()].into();
    assert_eq!(count(&Rules { refuse: refuse.clone(), ..Rules::default() }), 1);
    assert_eq!(count(&Rules { level: Some(Level::High), ..Rules::default() }), 1);
    assert_eq!(count(&Rules { refuse, level: Some(Level::Low), ..Rules::default() }), 2);
}

#[test]
fn a_budget_for_nothing_and_an_endpoint_that_went_are_told() {
    let rules = Rules {
        budgets: vec![budget("GET /misspelt", &[(Measure::Queries, 1)])],
        ..Rules::default()
    };
    let before = Baseline::of(&run(vec![endpoint("GET /gone", 1, &[1])]));
    let verdict = judge(&run(Vec::new()), &rules, Some(&before));
    assert_eq!(verdict.notes, [Note::Idle { budget: 0 }, Note::GoneEndpoint(key("GET /gone"))]);
}

fn any_endpoint(name: &'static str) -> impl Strategy<Value = Endpoint> {
    let shape =
        (0_u64..50, 0_u64..5, 0_u64..1_000_000).prop_map(|(runs, duplicates, longest_nanos)| {
            Shape { runs, duplicates, longest_nanos, ..Shape::default() }
        });
    let shapes = prop::collection::btree_map(0_u64..6, shape, 0..4);
    (shapes, prop::collection::vec(1_u64..1_000_000_000, 1..100), prop::option::of(0_u64..100_000))
        .prop_map(move |(shapes, mut durations_nanos, bytes)| {
            durations_nanos.sort_unstable();
            Endpoint {
                key: Some(key(name)),
                requests: durations_nanos.len() as u64,
                queries: shapes.values().map(|shape| shape.runs).sum(),
                repeats: shapes.values().map(|shape| shape.runs).max().unwrap_or(0),
                duplicates: shapes.values().map(|shape| shape.duplicates).sum(),
                durations_nanos,
                bytes,
                shapes,
                place: None,
            }
        })
}

fn any_run() -> impl Strategy<Value = Run> {
    (any_endpoint("GET /a"), any_endpoint("GET /b")).prop_map(|(a, b)| run(vec![a, b]))
}

fn any_measure() -> impl Strategy<Value = Measure> {
    (0..Measure::ALL.len()).prop_map(|place| Measure::ALL[place])
}

proptest! {
    #[test]
    fn a_run_holds_against_its_own_baseline(run in any_run(), more in 0.0_f64..1.0) {
        let rules = Rules {
            budgets: vec![budget("*", &[(Measure::NewStatements, 0)])],
            more,
            slower: Some(more),
            ..Rules::default()
        };
        let verdict = judge(&run, &rules, Some(&Baseline::of(&run)));
        prop_assert!(verdict.holds(), "{:?}", verdict.broken().collect::<Vec<_>>());
    }

    #[test]
    fn what_was_measured_is_the_least_budget_that_holds(run in any_run(), measure in any_measure()) {
        let before = Baseline::of(&run);
        let zero = Rules { budgets: vec![budget("*", &[(measure, 0)])], ..Rules::default() };
        for check in judge(&run, &zero, Some(&before)).checks {
            if !matches!(check.rule, Rule::Budget(_)) {
                continue;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
            let measured = check.measured as u64;
            let holds = |limit: u64| {
                let limits = vec![budget(&check.key.operation, &[(measure, limit)])];
                judge(&run, &Rules { budgets: limits, ..Rules::default() }, Some(&before)).holds()
            };
            prop_assert!(holds(measured));
            prop_assert_eq!(measured == 0 || !holds(measured - 1), true);
        }
    }

    #[test]
    fn a_wider_budget_never_breaks_more(
        run in any_run(),
        measure in any_measure(),
        limit in 0_u64..1_000_000_000,
        wider in 0_u64..1_000_000_000,
    ) {
        let count = |limit| {
            let budgets = vec![budget("*", &[(measure, limit)])];
            judge(&run, &Rules { budgets, ..Rules::default() }, None).broken().count()
        };
        prop_assert!(count(limit + wider) <= count(limit));
    }

    #[test]
    fn what_tolerance_lets_through_more_of_it_does_too(
        old in any_run(),
        new in any_run(),
        part in 0.0_f64..2.0,
        more in 0.0_f64..2.0,
    ) {
        let before = Baseline::of(&old);
        let count = |part| {
            let rules = Rules { more: part, slower: Some(part), ..Rules::default() };
            judge(&new, &rules, Some(&before)).broken().count()
        };
        prop_assert!(count(part + more) <= count(part));
    }
}
